/* The store and the memory source: order, clipping, duplicates, matchers, stale marks. */
#include "support/collect.h"
#include "support/test.h"
#include "support/torture.h"

#include "source/source.h"
#include "source/store.h"

#define L(name, value)                                                                             \
    {                                                                                              \
        {"" name, sizeof(name) - 1},                                                               \
        {                                                                                          \
            "" value, sizeof(value) - 1                                                            \
        }                                                                                          \
    }

static const int64_t T[] = {1000, 2000, 3000, 4000};
static const double V[] = {1, 2, 3, 4};

static enum ampql_code fill(struct ampql_source *source)
{
    const struct ampql_label sets[][3] = {
        {L("job", "b"), L("__name__", "up"), L("A", "")},
        {L("__name__", "up"), L("job", "a"), L("Z", "1")},
        {L("__name__", "up"), L("job", "a"), L("zone", "x")},
        {L("__name__", "down"), L("job", "a"), L("e", "")},
        {L("a", "b"), L("c", ""), L("d", "")},
        {L("__name__", "up"), L("x", ""), L("y", "")},
    };
    struct ampql_error err = {0};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        enum ampql_code code = source_memory_add(source, sets[i], 3, T, V, i % 4 + 1, &err);
        if (code != AMPQL_OK)
            return code;
    }
    return AMPQL_OK;
}

static const struct select_row {
    const char *selector;
    int64_t mint, maxt;
    const char *expected;
} select_rows[] = {
    {"up", 0, 9000,
     "up{Z=\"1\", job=\"a\"} 1@1000 2@2000\n"
     "up{} 1@1000 2@2000\n"
     "up{job=\"a\", zone=\"x\"} 1@1000 2@2000 3@3000\n"
     "up{job=\"b\"} 1@1000\n"},
    {"up{job=\"a\"}", 1000, 3000,
     "up{Z=\"1\", job=\"a\"} 2@2000\nup{job=\"a\", zone=\"x\"} 2@2000 3@3000\n"},
    {"up{job=\"a\"}", 999, 1000,
     "up{Z=\"1\", job=\"a\"} 1@1000\nup{job=\"a\", zone=\"x\"} 1@1000\n"},
    {"up{job=\"\"}", 0, 9000, "up{} 1@1000 2@2000\n"},
    {"up{job!=\"a\",job!=\"\"}", 0, 9000, "up{job=\"b\"} 1@1000\n"},
    {"{job=~\"a|c\",zone=\"\"}", 0, 9000,
     "up{Z=\"1\", job=\"a\"} 1@1000 2@2000\ndown{job=\"a\"} 1@1000 2@2000 3@3000 4@4000\n"},
    {"{__name__!~\".+\"}", 0, 9000, "{a=\"b\"} 1@1000\n"},
    {"{__name__=\"\",a=~\"b.*\"}", 0, 9000, "{a=\"b\"} 1@1000\n"},
    {"up", 4000, 9000, ""},
    {"up", 2000, 2000, ""},
    {"up", 3000, 1000, ""},
    {"nothing", 0, 9000, ""},
    {"up{job=\"nowhere\"}", 0, 9000, ""},
    {"up", INT64_MIN, 1000,
     "up{Z=\"1\", job=\"a\"} 1@1000\nup{} 1@1000\nup{job=\"a\", zone=\"x\"} 1@1000\nup{job=\"b\"} "
     "1@1000\n"},
    {"down", 3000, INT64_MAX, "down{job=\"a\"} 4@4000\n"},
};

static void selects(void **state)
{
    (void)state;
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    assert_int_equal(source_memory_new(&alloc_default, NULL, &source, &err), AMPQL_OK);
    assert_int_equal(ampql_source_caps(source),
                     AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED | AMPQL_SOURCE_PARALLEL);
    assert_int_equal(ampql_source_dialect(source), AMPQL_DIALECT_DEFAULT);
    assert_int_equal(fill(source), AMPQL_OK);
    struct collect c;
    collect_init(&c, &alloc_default, false);
    for (size_t i = 0; i < sizeof select_rows / sizeof *select_rows; i++) {
        const struct select_row *row = &select_rows[i];
        struct ampql_matcher matchers[16];
        struct ampql_select select = collect_raw(row->selector, matchers, row->mint, row->maxt);
        enum ampql_code code;
        const char *text = collect_select(&c, source, &select, &code, &err);
        if (!text)
            fail_msg("%s: %s", row->selector, err.message);
        assert_string_equal(text, row->expected);
    }
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_grid("up", matchers, 0, 1000, 500);
    enum ampql_code code;
    assert_null(collect_select(&c, source, &select, &code, &err));
    assert_int_equal(code, AMPQL_UNSUPPORTED);

    c.text.n = 0;
    c.sink.failed = AMPQL_OK;
    select = collect_raw("{job=\"a\"}", matchers, 2000, 9000);
    assert_int_equal(source->ops.series(source->payload, &select, &c.sink, &err), AMPQL_OK);
    buf_byte(&c.text, '\0');
    assert_string_equal(c.text.p, "down{job=\"a\"}\nup{job=\"a\", zone=\"x\"}\n");
    collect_done(&c);
    source_free(source);
    source_free(NULL);
}

static void add_again(void **state)
{
    (void)state;
    const struct ampql_label up[] = {L("__name__", "up")}, twice[] = {L("a", "1"), L("a", "2")},
                             no_name[] = {L("", "1")};
    const int64_t same[] = {1, 1};
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    struct ampql_memory_options options = {
        .size = sizeof options, .borrow = true, .has_no_markers = true};
    assert_int_equal(source_memory_new(&alloc_default, &options, &source, &err), AMPQL_OK);
    assert_true(ampql_source_caps(source) & AMPQL_SOURCE_ENDLESS);
    assert_int_equal(source_memory_add(source, twice, 2, T, V, 4, &err), AMPQL_BAD_DATA);
    assert_string_equal(err.message, "a label name occurs twice: \"a\"");
    assert_int_equal(source_memory_add(source, no_name, 1, T, V, 4, &err), AMPQL_BAD_DATA);
    assert_int_equal(source_memory_add(source, up, 1, same, V, 2, &err), AMPQL_BAD_DATA);
    assert_int_equal(source_memory_add(source, up, 1, T, V, 4, &err), AMPQL_OK);
    assert_int_equal(source_memory_add(source, up, 1, T, V, 4, &err), AMPQL_BAD_DATA);
    assert_string_equal(err.message, "up{} was added before");
    assert_int_equal(source_memory_add(source, NULL, 0, NULL, NULL, 0, &err), AMPQL_OK);

    /* the columns stay where they are */
    struct collect c;
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("{}", matchers, 0, 9000);
    enum ampql_code code;
    collect_init(&c, &alloc_default, false);
    assert_string_equal(collect_select(&c, source, &select, &code, &err),
                        "up{} 1@1000 2@2000 3@3000 4@4000\n");
    /* and a series added later is found in its place */
    const struct ampql_label down[] = {L("__name__", "down")};
    assert_int_equal(source_memory_add(source, down, 1, T + 1, V, 1, &err), AMPQL_OK);
    assert_string_equal(collect_select(&c, source, &select, &code, &err),
                        "down{} 1@2000\nup{} 1@1000 2@2000 3@3000 4@4000\n");
    collect_done(&c);
    source_free(source);
}

static enum ampql_code select_nothing(void *payload, const struct ampql_select *select,
                                      struct ampql_sink *sink, struct ampql_error *err)
{
    (void)payload, (void)select, (void)sink, (void)err;
    return AMPQL_OK;
}

static void close_counting(void *payload)
{
    ++*(int *)payload;
}

static void new_sources(void **state)
{
    (void)state;
    int nclosed = 0;
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    struct ampql_source_ops ops = {.size = sizeof ops, .caps = AMPQL_SOURCE_ANSWERS};
    assert_int_equal(source_new(&alloc_default, &ops, NULL, &source, &err), AMPQL_BAD_DATA);
    ops.select = select_nothing;
    ops.close = close_counting;
    ops.caps = AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_ANSWERS;
    assert_int_equal(source_new(&alloc_default, &ops, &nclosed, &source, &err), AMPQL_BAD_DATA);
    ops.caps = AMPQL_SOURCE_SORTED;
    assert_int_equal(source_new(&alloc_default, &ops, &nclosed, &source, &err), AMPQL_BAD_DATA);
    ops.caps = AMPQL_SOURCE_ANSWERS;
    assert_int_equal(source_new(&alloc_default, &ops, &nclosed, &source, &err), AMPQL_OK);
    assert_false(source->is_trusted);
    assert_int_equal(source_memory_add(source, NULL, 0, T, V, 1, &err), AMPQL_UNSUPPORTED);
    assert_int_equal(nclosed, 0);
    source_free(source);
    assert_int_equal(nclosed, 1);
    assert_true(is_stale(ampql_stale_marker()));
}

/* A sample of a row: time and value; the list ends with time -1. */
struct sample_in {
    int64_t t;
    double v;
};

static const struct fill_row {
    struct sample_in in[8];
    bool last_wins;
    int64_t stale_after_ms;
    const char *expected; /* the series, or a part of the message */
    bool is_refused;
} fill_rows[] = {
    {{{1000, 1}, {2000, 2}, {-1, 0}}, .expected = "m{} 1@1000 2@2000\n"},
    {{{1000, 1}, {1000, 1}, {2000, 2}, {-1, 0}}, .expected = "m{} 1@1000 2@2000\n"},
    {{{1000, 1}, {1000, 3}, {-1, 0}},
     .expected = "m{} has two values at 1970-01-01T00:00:01Z: 1 and 3",
     .is_refused = true},
    {{{1000, 1}, {1000, 3}, {2000, 4}, {-1, 0}},
     .last_wins = true,
     .expected = "m{} 3@1000 4@2000\n"},
    {{{3000, 3}, {1000, 1}, {2000, 2}, {1000, 1}, {-1, 0}},
     .expected = "m{} 1@1000 2@2000 3@3000\n"},
    {{{3000, 3}, {1000, 1}, {2000, 2}, {1000, -1}, {-1, 0}},
     .expected = "at 1970-01-01T00:00:01Z: 1 and -1",
     .is_refused = true},
    {{{3000, 3}, {1000, 1}, {1000, 2}, {3000, 9}, {1000, 5}, {-1, 0}},
     .last_wins = true,
     .expected = "m{} 5@1000 9@3000\n"},
    {{{1000, 0.0}, {1000, -0.0}, {-1, 0}}, .expected = "0 and -0", .is_refused = true},
    {{{1000, 1}, {2000, 2}, {-1, 0}},
     .stale_after_ms = 5000,
     .expected = "m{} 1@1000 2@2000 stale@7000\n"},
    {{{1000, 1}, {2000, 2}, {9000, 3}, {-1, 0}},
     .stale_after_ms = 1000,
     .expected = "m{} 1@1000 2@2000 stale@3000 3@9000 stale@10000\n"},
    {{{1000, 1}, {5000, 2}, {-1, 0}},
     .stale_after_ms = 1,
     .expected = "m{} 1@1000 stale@1001 2@5000 stale@5001\n"},
    {{{INT64_MAX, 2}, {-1, 0}}, .stale_after_ms = 1, .expected = "m{} 2@9223372036854775807\n"},
};

static void run_fill(const struct fill_row *row, const struct ampql_allocator *alc,
                     enum ampql_code *out)
{
    struct ampql_error err = {0};
    struct store store;
    size_t series;
    const struct ampql_label m[] = {L("__name__", "m")};
    enum ampql_code code = *out = store_init(&store, alc, row->last_wins, &err);
    if (code != AMPQL_OK)
        return;
    code = store_find_or_add_text(&store, m, 1, &series, &err);
    for (size_t i = 0; code == AMPQL_OK && row->in[i].t >= 0; i++)
        code = store_append(&store, series, row->in[i].t, row->in[i].v, &err);
    if (code == AMPQL_OK)
        code = store_seal(&store, &err);
    if (code == AMPQL_OK && row->stale_after_ms)
        code = store_mark_ends(&store, row->stale_after_ms, &err);
    struct collect c;
    collect_init(&c, alc, false);
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("m", matchers, INT64_MIN, INT64_MAX);
    if (code == AMPQL_OK)
        code = store_select(&store, &select, false, &c.sink, &err);
    code = sink_finish(&c.sink, code, &err);
    if (code == AMPQL_OK) {
        buf_byte(&c.text, '\0');
        code = c.text.failed;
    }
    if (code != AMPQL_NOMEM) {
        assert_int_equal(code, row->is_refused ? AMPQL_BAD_DATA : AMPQL_OK);
        if (row->is_refused && !strstr(err.message, row->expected))
            fail_msg("%s", err.message);
        if (!row->is_refused)
            assert_string_equal(c.text.p, row->expected);
    } else if (c.text.failed == AMPQL_OK) {
        assert_int_equal(err.code, AMPQL_NOMEM);
    }
    collect_done(&c);
    store_done(&store);
    *out = code;
}

static bool fill_works(const struct ampql_allocator *alc, void *payload)
{
    enum ampql_code code;
    run_fill(payload, alc, &code);
    return code != AMPQL_NOMEM;
}

static void filling(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fill_rows / sizeof *fill_rows; i++) {
        enum ampql_code code;
        run_fill(&fill_rows[i], &alloc_default, &code);
        struct fill_row row = fill_rows[i];
        torture_with(fill_works, &row, true); /* trimming can be done without */
    }
}

static bool memory_works(const struct ampql_allocator *alc)
{
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    enum ampql_code code = source_memory_new(alc, NULL, &source, &err);
    if (code != AMPQL_OK)
        return false;
    code = fill(source);
    struct collect c;
    collect_init(&c, alc, false);
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("{job=~\"[a-b]\",zone!=\"y\"}", matchers, 0, 9000);
    if (code == AMPQL_OK)
        collect_select(&c, source, &select, &code, &err);
    collect_done(&c);
    source_free(source);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    torture_all_lenient(memory_works); /* a regex's memo and a trim can be done without */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(selects), cmocka_unit_test(add_again), cmocka_unit_test(new_sources),
    cmocka_unit_test(filling), cmocka_unit_test(torture),
};
TEST_MAIN(tests)
