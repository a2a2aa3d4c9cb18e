/* Prometheus blocks as a source: a block that Prometheus wrote, blocks that overlap and have
 * deletions against the same samples in memory, what cannot be answered. */
#include "source/tsdb.h"
#include "support/sample_gen.h"
#include "support/test.h"
#include "support/torture.h"
#include "support/tsdb_blocks.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a block of Prometheus's own */

static size_t count_of(const char *text, char c)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == c;
    return n;
}

static void test_real(void **state)
{
    (void)state;
    struct collect collect;
    struct ampql_error err = {0};
    collect_init(&collect, &alloc_default, false);
    const char *text = tsdb_blocks_ask_all(&collect, TSDB_REAL, &err);
    if (!text)
        fail_msg("%s", err.message);
    /* as its meta.json counts them, but for an hour of two series with a sample a minute */
    assert_int_equal(count_of(text, '\n'), 18);
    assert_int_equal(count_of(text, '@'), 2656 - 2 * 60);
    const char *stale = strstr(text, " stale@");
    size_t nstale = 0;
    for (; stale; stale = strstr(stale + 1, " stale@"))
        nstale++;
    assert_int_equal(nstale, 9);

    struct ampql_source *source;
    assert_int_equal(tsdb_blocks_open(&alloc_default, TSDB_REAL, NULL, &source, &err), AMPQL_OK);
    assert_int_equal(source->ops.caps, AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED);
    source_free(source);
    collect_done(&collect);
}

/* ---- against the same samples in memory */

enum { SERIES = 12, SAMPLES = 700, STEP_MS = 15000 };

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (random_state >> 33) % n;
}

/* A series of the model: all its samples, and what of it each block has and has not. */
struct model {
    char pod[16];
    struct ampql_label labels[4];
    size_t nlabels;
    int64_t t[SAMPLES];
    double v[SAMPLES];
    bool is_kept[SAMPLES];
};

static void fill_model(struct model *m, size_t i)
{
    size_t n = (size_t)snprintf(m->pod, sizeof m->pod, "p%zu", i * 5 % SERIES);
    const char *name = i % 3 ? "cpu" : "memory";
    m->nlabels = 0;
    m->labels[m->nlabels++] = (struct ampql_label){{"__name__", 8}, {name, strlen(name)}};
    if (i % 4 == 1)
        m->labels[m->nlabels++] = (struct ampql_label){{"namespace", 9}, {"n1", 2}};
    m->labels[m->nlabels++] = (struct ampql_label){{"pod", 3}, {m->pod, n}};
    sample_gen_times(random_below(TIMES_RANDOM), random_below(100), m->t, SAMPLES);
    sample_gen_values(random_below(VALUES_KINDS), random_below(100), m->v, SAMPLES);
    for (size_t k = 0; k < SAMPLES; k++)
        m->is_kept[k] = false;
}

/* A block with samples [from, upto) of some series, of which a piece may be deleted. */
static void make_block(struct model *models, size_t number, size_t from, size_t upto)
{
    struct tsdb_image_series series[SERIES];
    struct tombstone tombstones[SERIES];
    struct tsdb_image image;
    size_t n = 0, ndeleted = 0;
    bool has[SERIES];
    for (size_t i = 0; i < SERIES; i++) {
        has[i] = random_below(4) > 0;
        if (has[i])
            series[n++] = (struct tsdb_image_series){.labels = models[i].labels,
                                                     .nlabels = models[i].nlabels,
                                                     .t = models[i].t + from,
                                                     .v = models[i].v + from,
                                                     .n = upto - from};
    }
    struct tsdb_image_block block = {
        .ulid = tsdb_blocks_ulid(number), .series = series, .n = n, .tombstones = tombstones};
    assert_true(tsdb_image_make(&image, &block)); /* sorts the series */
    tsdb_image_done(&image);
    for (size_t i = 0; i < SERIES; i++) {
        size_t a = from + random_below(upto - from), b = a + random_below(upto - a);
        bool is_deleted = random_below(3) == 0;
        for (size_t k = from; k < upto && has[i]; k++)
            models[i].is_kept[k] |= !is_deleted || k < a || k > b;
        for (size_t ref = 0; ref < n && is_deleted; ref++)
            if (series[ref].t == models[i].t + from)
                tombstones[ndeleted++] = (struct tombstone){ref, models[i].t[a], models[i].t[b]};
    }
    block.ntombstones = ndeleted;
    assert_true(tsdb_image_make(&image, &block));
    tsdb_blocks_save(number, &image);
    tsdb_image_done(&image);
}

static struct ampql_source *memory_of(const struct model *models)
{
    struct ampql_source *source;
    assert_int_equal(source_memory_new(&alloc_default, NULL, &source, NULL), AMPQL_OK);
    for (size_t i = 0; i < SERIES; i++) {
        int64_t t[SAMPLES];
        double v[SAMPLES];
        size_t n = 0;
        for (size_t k = 0; k < SAMPLES; k++) {
            t[n] = models[i].t[k];
            v[n] = models[i].v[k];
            n += models[i].is_kept[k];
        }
        assert_int_equal(
            source_memory_add(source, models[i].labels, models[i].nlabels, t, v, n, NULL),
            AMPQL_OK);
    }
    return source;
}

static const char *const selectors[] = {
    "cpu",
    "memory{pod=\"p3\"}",
    "{pod=\"p4\"}",
    "{pod=~\"p1.*\"}",
    "cpu{pod!=\"p1\",namespace=\"\"}",
    "cpu{namespace!~\"n1\",pod=~\"p[0-5]\"}",
    "{namespace=\"n1\"}",
    "{namespace!=\"n1\"}",
    "cpu{namespace=\"n1\",pod=\"p5\"}",
    "{__name__=~\"cpu|memory\",nowhere=\"\"}",
    "nope",
    "cpu{pod=\"p99\"}",
    "{nowhere=\"x\"}",
    "{__name__!=\"cpu\"}",
};

static void assert_same(struct ampql_source *blocks, struct ampql_source *memory,
                        const struct ampql_select *select, const char *what)
{
    struct collect a, b;
    struct ampql_error err = {0};
    enum ampql_code code;
    collect_init(&a, &alloc_default, false);
    collect_init(&b, &alloc_default, false);
    const char *got = collect_select(&a, blocks, select, &code, &err);
    if (!got)
        fail_msg("%s: %s", what, err.message);
    const char *want = collect_select(&b, memory, select, &code, &err);
    assert_non_null(want);
    size_t same = 0;
    while (got[same] && got[same] == want[same])
        same++;
    size_t from = same > 200 ? same - 200 : 0;
    if (got[same] != want[same])
        fail_msg("%s in (%lld, %lld]: ...%.400s\nnot ...%.400s", what, (long long)select->mint_ms,
                 (long long)select->maxt_ms, got + from, want + from);
    collect_done(&a);
    collect_done(&b);
}

/* Blocks that adjoin, overlap, lie inside one another and are equal; the model has each sample that
 * any of them keeps. */
static void test_model(void **state)
{
    (void)state;
    static struct model models[SERIES];
    static const size_t cuts[][2] = {{0, 300}, {300, 450}, {200, 420}, {330, 331}, {420, SAMPLES}};
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct ampql_error err = {0};
        struct ampql_source *blocks;
        random_state = seed;
        for (size_t i = 0; i < SERIES; i++)
            fill_model(&models[i], i);
        for (size_t i = 0; i < TSDB_BLOCKS_MAX; i++)
            make_block(models, i, cuts[i][0], cuts[i][1]);
        struct ampql_source *memory = memory_of(models);
        if (tsdb_blocks_open(&alloc_default, tsdb_folder, NULL, &blocks, &err) != AMPQL_OK)
            fail_msg("%s", err.message);
        for (size_t i = 0; i < 200; i++) {
            const char *selector = selectors[i % (sizeof selectors / sizeof *selectors)];
            const struct model *m = &models[random_below(SERIES)];
            int64_t mint = m->t[random_below(SAMPLES)] - (int64_t)random_below(2);
            int64_t maxt = m->t[random_below(SAMPLES)] - (int64_t)random_below(2);
            struct ampql_matcher matchers[16];
            struct ampql_select select = collect_raw(selector, matchers, mint, maxt);
            if (i % 5 == 0)
                select = collect_raw(selector, matchers, -TSDB_FOREVER, TSDB_FOREVER);
            assert_same(blocks, memory, &select, selector);
        }
        source_free(blocks);
        source_free(memory);
        tsdb_blocks_remove();
    }
}

/* ---- one case each */

/* What asking for `up` in (0, 10 s] gives, and with it the warnings; "error: ..." when it fails. */
static void assert_says(const struct ampql_file_options *options, const char *path,
                        const char *expected)
{
    struct collect collect;
    struct ampql_matcher matchers[16];
    struct ampql_error err = {0};
    enum ampql_code code;
    char text[4096];
    struct ampql_select select = collect_raw("up", matchers, 0, 10000);
    collect_init(&collect, &alloc_default, false);
    const char *answer = tsdb_blocks_ask(&collect, path, options, &select, &code, &err);
    int n = answer ? snprintf(text, sizeof text, "%s", answer)
                   : snprintf(text, sizeof text, "error: %s", err.message);
    for (size_t i = 0; i < collect.sink.warnings.n && answer; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "warning: %.*s\n",
                      STR_ARGS(collect.sink.warnings.at[i]));
    const char *at = strstr(text, tsdb_folder); /* its name is another one each time */
    char shown[4096];
    snprintf(shown, sizeof shown, "%.*s%s", at ? (int)(at - text) : n, text,
             at ? at + strlen(tsdb_folder) : "");
    assert_string_equal(shown, expected);
    collect_done(&collect);
}

#define ULID "01ARZ3NDEKTSV4RRFFQ69G5FA"

static void test_conflicts(void **state)
{
    (void)state;
    struct ampql_file_options last = {.size = sizeof last, .last_wins = true};
    tsdb_blocks_save_small(0, 1000, 3, 1, 0, NULL);
    tsdb_blocks_save_small(1, 2000, 2, 2, 0, NULL); /* the same, but a */
    assert_says(NULL, tsdb_folder,
                "error: /" ULID "1: up{pod=\"b\"} has two values at 1970-01-01T00:00:02Z: 8 in a "
                "block before, and 7");
    assert_says(&last, tsdb_folder,
                "up{pod=\"a\"} 1@1000 2@2000 3@3000\nup{pod=\"b\"} 7@1000 7@2000 8@3000\n");
    /* what has replaced another block hides it */
    tsdb_blocks_save_small(1, 2000, 2, 2, 0, tsdb_blocks_ulid(0));
    assert_says(NULL, tsdb_folder, "up{pod=\"a\"} 2@2000 3@3000\nup{pod=\"b\"} 7@2000 8@3000\n");
    tsdb_blocks_remove();
}

static void test_histograms(void **state)
{
    (void)state;
    struct ampql_file_options skip = {.size = sizeof skip, .skip_histograms = true};
    tsdb_blocks_save_small(0, 1000, 2, 1, TSDB_HISTOGRAM, NULL);
    assert_says(NULL, tsdb_folder, "error: /" ULID "0: up{pod=\"b\"} has native histograms");
    assert_says(&skip, tsdb_folder,
                "up{pod=\"a\"} 1@1000 2@2000\nwarning: 1 chunks of native histograms were left "
                "out\n");
    tsdb_blocks_save_small(0, 1000, 2, 1, TSDB_FLOAT_HISTOGRAM, NULL);
    assert_says(NULL, tsdb_folder, "error: /" ULID "0: up{pod=\"b\"} has native histograms");
    tsdb_blocks_save_small(0, 1000, 2, 1, 9, NULL);
    assert_says(&skip, tsdb_folder,
                "error: /" ULID "0: up{pod=\"b\"} has chunks of encoding 9, which this ampql does "
                "not know");
    tsdb_blocks_remove();
}

/* What Prometheus has not made blocks of yet is not read, and that is said. */
static void test_wal(void **state)
{
    (void)state;
    char wal[96];
    snprintf(wal, sizeof wal, "%s/wal", tsdb_folder);
    assert_int_equal(mkdir(wal, 0777), 0);
    assert_says(NULL, tsdb_folder,
                "error: : no block yet: what Prometheus has taken in within its last hours is in "
                "its WAL, which is not read; POST /api/v1/admin/tsdb/snapshot makes blocks");
    tsdb_blocks_save_small(0, 1000, 3, 1, 0, NULL);
    assert_says(NULL, tsdb_folder,
                "up{pod=\"a\"} 1@1000 2@2000 3@3000\nup{pod=\"b\"} 7@1000 8@2000 9@3000\n"
                "warning: /wal is not read, and samples from 1970-01-01T00:00:03.001Z on may be in "
                "it: POST /api/v1/admin/tsdb/snapshot makes blocks of them\n");
    tsdb_blocks_save_small(0, 1000, 12, 1, 0, NULL); /* beyond what is asked for */
    assert_says(NULL, tsdb_blocks_path(0, ""),
                "up{pod=\"a\"} 1@1000 2@2000 3@3000 4@4000 5@5000 6@6000 7@7000 8@8000 9@9000 "
                "10@10000\nup{pod=\"b\"} 7@1000 8@2000 9@3000 10@4000 11@5000 12@6000 13@7000 "
                "14@8000 15@9000 16@10000\n");
    rmdir(wal);
    tsdb_blocks_remove();
}

/* Samples that came out of order may be of times that blocks have, too. */
static void test_wbl(void **state)
{
    (void)state;
    static const char blocks[] =
        "up{pod=\"a\"} 1@1000 2@2000 3@3000\nup{pod=\"b\"} 7@1000 8@2000 9@3000\n";
    char wbl[96], segment[112], expected[512];
    snprintf(wbl, sizeof wbl, "%s/wbl", tsdb_folder);
    snprintf(segment, sizeof segment, "%s/00000000", wbl);
    assert_int_equal(mkdir(wbl, 0777), 0);
    tsdb_blocks_save_small(0, 1000, 3, 1, 0, NULL);
    FILE *file = fopen(segment, "wb");
    assert_non_null(file);
    assert_says(NULL, tsdb_folder, blocks); /* empty, as it is when nothing came late */
    assert_true(fputs("x", file) >= 0 && fclose(file) == 0);
    snprintf(
        expected, sizeof expected,
        "%swarning: /wbl is not read, and samples of any time that came out of order may be in "
        "it, until Prometheus makes blocks of them within hours\n",
        blocks);
    assert_says(NULL, tsdb_folder, expected);
    assert_true(unlink(segment) == 0 && rmdir(wbl) == 0);
    tsdb_blocks_remove();
}

/* A label listing has the series with a chunk in the time asked for, as Prometheus's has. */
static void test_listing(void **state)
{
    (void)state;
    static const struct {
        int64_t mint, maxt;
        const char *expected;
    } rows[] = {
        {0, 999, ""},
        {0, 1000, "up{pod=\"b\"}\n"},
        {0, 4000, "up{pod=\"a\"}\nup{pod=\"b\"}\n"},
        {3000, 10000, "up{pod=\"a\"}\n"},
        {200000, 300000, ""},
    };
    struct tsdb_small a, b;
    struct tsdb_image image;
    /* of b all is deleted but the first chunk's beginning, of a nothing */
    struct tsdb_image_series series[] = {tsdb_small(&a, "up", "a", 4000, 2, 1),
                                         tsdb_small(&b, "up", "b", 1000, 3, 1)};
    struct tombstone deleted[] = {{1, 4000, 9000}, {1, 2000, 3000}};
    struct tsdb_image_block block = {.ulid = tsdb_blocks_ulid(0),
                                     .series = series,
                                     .n = 2,
                                     .tombstones = deleted,
                                     .ntombstones = 2};
    assert_true(tsdb_image_make(&image, &block));
    tsdb_blocks_save(0, &image);
    tsdb_image_done(&image);
    struct ampql_source *source;
    struct ampql_error err = {0};
    assert_int_equal(tsdb_blocks_open(&alloc_default, tsdb_folder, NULL, &source, &err), AMPQL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct collect collect;
        struct ampql_matcher matchers[16];
        struct ampql_select select = collect_raw("up", matchers, rows[i].mint, rows[i].maxt);
        collect_init(&collect, &alloc_default, false);
        assert_int_equal(source->ops.series(source->payload, &select, &collect.sink, &err),
                         AMPQL_OK);
        buf_byte(&collect.text, '\0');
        assert_string_equal(collect.text.p, rows[i].expected);
        collect_done(&collect);
    }
    source_free(source);
    tsdb_blocks_remove();
}

/* ---- memory that runs out */

static bool read_all(const struct ampql_allocator *alc)
{
    struct collect collect;
    struct ampql_matcher matchers[16];
    struct ampql_error err = {0};
    enum ampql_code code;
    struct ampql_select select = collect_raw("{pod=~\"a|b\",pod!=\"c\"}", matchers, 0, 100000);
    struct ampql_file_options last = {.size = sizeof last, .last_wins = true};
    collect_init(&collect, alc, false);
    const char *text = tsdb_blocks_ask(&collect, tsdb_folder, &last, &select, &code, &err);
    if (!text)
        assert_int_equal(code, AMPQL_NOMEM);
    else
        assert_int_equal(count_of(text, '@'), 2 * 5);
    collect_done(&collect);
    return text;
}

static void test_torture(void **state)
{
    (void)state;
    tsdb_blocks_save_small(0, 1000, 4, 1, 0, NULL);
    tsdb_blocks_save_small(1, 3000, 3, 2, 0, tsdb_blocks_ulid(4));
    torture_all_lenient(read_all);
    tsdb_blocks_remove();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_real),      cmocka_unit_test(test_model),
    cmocka_unit_test(test_conflicts), cmocka_unit_test(test_histograms),
    cmocka_unit_test(test_wal),       cmocka_unit_test(test_wbl),
    cmocka_unit_test(test_listing),   cmocka_unit_test(test_torture),
};

int main(void)
{
    return cmocka_run_group_tests(tests, tsdb_blocks_set_up, tsdb_blocks_tear_down);
}
