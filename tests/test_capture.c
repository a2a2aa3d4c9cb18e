/* Captures: what goes in comes out to the bit, whatever the order and the windows it came in;
 * damage is found; a log that was cut goes on. */
#include "source/capture_place.h"
#include "source/capture_record.h"
#include "source/capture_source.h"
#include "source/capture_take.h"
#include "support/captures.h"
#include "support/collect.h"
#include "support/scratch.h"
#include "support/test.h"
#include "support/torture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a small cluster */

enum { NSERIES = 12, STEP_MS = 15000, NSAMPLES = 4000 };

static double value_of(size_t series, size_t i)
{
    if (series % 4 == 1 && i % 500 == 499)
        return double_of(STALE_BITS);
    if (series % 4 == 2)
        return i % 100 == 7 ? double_of(UINT64_C(0x7FF800000000BEEF)) : -0.0;
    return series % 4 == 3 ? (double)i / 8 + (double)series : (double)(i * i);
}

static bool fill(struct ampql_source *source)
{
    static int64_t t[NSAMPLES];
    static double v[NSAMPLES];
    for (size_t s = 0; s < NSERIES; s++) {
        char pod[16];
        size_t n = (size_t)snprintf(pod, sizeof pod, "pod-%zu", s * 7 % NSERIES), kept = 0;
        struct ampql_label labels[] = {{{"pod", 3}, {pod, n}},
                                       {{"__name__", 8}, {s % 3 ? "cpu" : "memory", s % 3 ? 3 : 6}},
                                       {{"empty", 5}, {"", 0}}};
        for (size_t i = 0; i < NSAMPLES; i++) {
            if (s == 5 && i % 97 < 3) /* gaps */
                continue;
            t[kept] = (int64_t)i * STEP_MS + (s == 6 ? (int64_t)(i % 5) : 0);
            v[kept++] = value_of(s, i);
        }
        struct ampql_error err;
        if (source_memory_add(source, labels, 3, t, v, s == 7 ? 3 : kept, &err) != AMPQL_OK)
            return false;
    }
    return true;
}

static struct ampql_source *cluster(const struct ampql_allocator *alc)
{
    struct ampql_source *source = NULL;
    if (source_memory_new(alc, NULL, &source, NULL) == AMPQL_OK && fill(source))
        return source;
    source_free(source);
    return NULL;
}

static const int64_t END_MS = (int64_t)NSAMPLES * STEP_MS;

/* What the whole tests ask; `at` is each cut into so many windows. */
static const char *const selectors[] = {"cpu", "memory{pod=~\"pod-[0-5]\"}", "cpu{pod!=\"pod-1\"}"};

static enum ampql_code take_windows(struct capture_log *log, struct ampql_source *source,
                                    const char *selector, size_t nwindows, bool is_backwards,
                                    struct ampql_error *err)
{
    struct ampql_matcher matchers[16];
    for (size_t w = 0; w < nwindows; w++) {
        size_t i = is_backwards ? nwindows - 1 - w : w;
        struct ampql_select select =
            collect_raw(selector, matchers, END_MS * (int64_t)i / (int64_t)nwindows,
                        END_MS * (int64_t)(i + 1) / (int64_t)nwindows);
        bool is_new;
        enum ampql_code code = capture_take(log, source, &select, &is_new, err);
        if (code != AMPQL_OK)
            return code;
        assert_true(is_new);
    }
    return AMPQL_OK;
}

static enum ampql_code make(const struct ampql_allocator *alc, const char *to, size_t nwindows,
                            bool is_backwards, uint8_t *id)
{
    struct ampql_error err = {0};
    struct ampql_source *source = cluster(alc);
    struct capture_log log;
    if (!source)
        return AMPQL_NOMEM;
    struct capture_origin origin = capture_origin_of(source, STR("test"));
    enum ampql_code code = capture_log_open(&log, alc, to, &origin, false, &err);
    if (code == AMPQL_OK) {
        size_t n = sizeof selectors / sizeof *selectors;
        for (size_t i = 0; i < n && code == AMPQL_OK; i++)
            code = take_windows(&log, source, selectors[is_backwards ? n - 1 - i : i], nwindows,
                                is_backwards, &err);
        if (code == AMPQL_OK)
            code = capture_log_finish(&log, false, id, &err);
        capture_log_done(&log);
    }
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        print_error("%s\n", err.message);
    source_free(source);
    return code;
}

/* Every select gives the same from both. */
static void assert_same(struct ampql_source *a, struct ampql_source *b)
{
    static const struct {
        int64_t mint, maxt;
    } windows[] = {{0, NSAMPLES * STEP_MS},
                   {1000000, 1000000 + 15000},
                   {12345, 40000000},
                   {59970000, 60000000},
                   {30000000, 30000000}};
    struct collect x, y;
    collect_init(&x, &alloc_default, true);
    collect_init(&y, &alloc_default, false);
    for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++) {
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
            struct ampql_matcher matchers[16];
            struct ampql_select select =
                collect_raw(selectors[i], matchers, windows[w].mint, windows[w].maxt);
            struct ampql_error err = {0};
            enum ampql_code code;
            const char *wanted = collect_select(&x, a, &select, &code, &err);
            const char *got = collect_select(&y, b, &select, &code, &err);
            if (!got)
                print_error("%s\n", err.message);
            assert_non_null(wanted);
            assert_non_null(got);
            assert_string_equal(wanted, got);
        }
    }
    collect_done(&x);
    collect_done(&y);
}

static void round_trip(void **state)
{
    (void)state;
    uint8_t id[SHA256_BYTES], first[SHA256_BYTES];
    struct ampql_error err = {0};
    static const size_t cuts[] = {1, 2, 7, 31};
    for (size_t i = 0; i < 2 * sizeof cuts / sizeof *cuts; i++) {
        assert_int_equal(make(&alloc_default, captures_path, cuts[i / 2], i % 2, id), AMPQL_OK);
        if (i == 0)
            memcpy(first, id, sizeof first);
        assert_memory_equal(first, id, sizeof first); /* whatever the order and the windows */
        struct ampql_source *replay = NULL, *memory = cluster(&alloc_default);
        assert_int_equal(source_capture_open(&alloc_default, captures_path, false, &replay, &err),
                         AMPQL_OK);
        assert_int_equal(ampql_source_caps(replay),
                         AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED | AMPQL_SOURCE_PARALLEL);
        assert_same(memory, replay);
        source_free(replay);
        source_free(memory);
        assert_int_equal(access(captures_part, F_OK), -1);
    }
}

static void missing(void **state)
{
    (void)state;
    struct ampql_error err = {0};
    struct ampql_source *replay = NULL;
    assert_int_equal(make(&alloc_default, captures_path, 3, false, NULL), AMPQL_OK);
    assert_int_equal(source_capture_open(&alloc_default, captures_path, false, &replay, &err),
                     AMPQL_OK);
    struct collect c;
    struct ampql_matcher matchers[16];
    enum ampql_code code;
    collect_init(&c, &alloc_default, false);
    struct ampql_select select = collect_raw("cpu", matchers, 1000, END_MS + 1);
    assert_null(collect_select(&c, replay, &select, &code, &err));
    assert_int_equal(code, AMPQL_NOT_FOUND);
    assert_non_null(strstr(err.message, "a.aqc does not hold cpu["));
    assert_non_null(strstr(err.message, "nearest: cpu"));
    select = collect_raw("disk", matchers, 1000, END_MS);
    assert_null(collect_select(&c, replay, &select, &code, &err));
    assert_int_equal(code, AMPQL_NOT_FOUND);
    /* wider matchers hold it: exact */
    select = collect_raw("cpu{pod=\"pod-7\"}", matchers, 1000, END_MS);
    const char *text = collect_select(&c, replay, &select, &code, &err);
    assert_non_null(text);
    assert_memory_equal(text, "cpu{pod=\"pod-7\"} ", 17);
    collect_done(&c);
    source_free(replay);
}

/* ---- windows that overlap, and a capture that is brought up to date */

static void append_wins(void **state)
{
    (void)state;
    struct ampql_error err = {0};
    struct ampql_matcher matchers[16];
    struct capture_log log;
    struct ampql_source *sources[2];
    /* the second time the samples from 100 s on have come in */
    for (size_t i = 0; i < 2; i++) {
        const int64_t t[] = {50000, 100000, 150000};
        const double v[] = {1, 2 + (double)i, 3};
        struct ampql_label label = {{"__name__", 8}, {"up", 2}};
        assert_int_equal(source_memory_new(&alloc_default, NULL, &sources[i], &err), AMPQL_OK);
        assert_int_equal(source_memory_add(sources[i], &label, 1, t, v, i ? 3 : 2, &err), AMPQL_OK);
    }
    struct capture_origin origin = capture_origin_of(sources[0], STR("test"));
    static const int64_t window[][2] = {{0, 120000}, {90000, 200000}};
    for (size_t i = 0; i < 2; i++) {
        bool is_new;
        struct ampql_select select = collect_raw("up", matchers, window[i][0], window[i][1]);
        assert_int_equal(capture_log_open(&log, &alloc_default, captures_path, &origin, true, &err),
                         AMPQL_OK);
        assert_int_equal(capture_take(&log, sources[i], &select, &is_new, &err), AMPQL_OK);
        assert_int_equal(capture_log_finish(&log, i == 1, NULL, &err), AMPQL_OK);
        capture_log_done(&log);
    }
    struct ampql_source *replay = NULL;
    struct collect c;
    enum ampql_code code;
    collect_init(&c, &alloc_default, false);
    assert_int_equal(source_capture_open(&alloc_default, captures_path, false, &replay, &err),
                     AMPQL_OK);
    struct ampql_select all = collect_raw("up", matchers, 0, 200000);
    assert_string_equal(collect_select(&c, replay, &all, &code, &err),
                        "up{} 1@50000 3@100000 3@150000\n");
    /* another source's answers do not mix */
    origin = capture_origin_of(sources[0], STR("another"));
    assert_int_equal(capture_log_open(&log, &alloc_default, captures_path, &origin, true, &err),
                     AMPQL_OK);
    bool is_new;
    assert_int_equal(capture_take(&log, sources[1], &all, &is_new, &err), AMPQL_OK);
    assert_int_equal(capture_log_finish(&log, true, NULL, &err), AMPQL_BAD_DATA);
    assert_non_null(strstr(err.message, "different sources"));
    capture_log_done(&log);
    collect_done(&c);
    source_free(replay);
    source_free(sources[0]);
    source_free(sources[1]);
}

static enum ampql_code answer_grid(void *payload, const struct ampql_select *select,
                                   struct ampql_sink *sink, struct ampql_error *err)
{
    (void)payload, (void)err;
    struct ampql_label labels[] = {{{"__name__", 8}, {"info", 4}}};
    enum ampql_code code = ampql_sink_series(sink, labels, 1);
    for (int64_t t = select->start_ms; t <= select->end_ms && code == AMPQL_OK;
         t += select->step_ms) {
        double v = (double)t;
        code = ampql_sink_samples(sink, &t, &v, 1);
    }
    return code == AMPQL_OK ? sink_warn(sink, STR("the server warned: slow")) : code;
}

/* Answers of a server: grids join where they touch, and a coarser one is among a finer one's. */
static void grids(void **state)
{
    (void)state;
    struct ampql_error err = {0};
    struct ampql_matcher matchers[16];
    struct ampql_source *server = NULL, *recording = NULL, *replay = NULL;
    static const struct ampql_source_ops ops = {
        .size = sizeof ops, .caps = AMPQL_SOURCE_ANSWERS, .select = answer_grid};
    assert_int_equal(source_new(&alloc_default, &ops, NULL, &server, &err), AMPQL_OK);
    struct record_options options = {.name = STR("http://example")};
    assert_int_equal(
        source_record_open(&alloc_default, server, captures_path, &options, &recording, &err),
        AMPQL_OK);
    struct collect c;
    enum ampql_code code;
    collect_init(&c, &alloc_default, false);
    static const int64_t asked[][3] = {{0, 3000, 1000}, {4000, 6000, 1000}, {7000, 7000, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct ampql_select select =
            collect_grid("info", matchers, asked[i][0], asked[i][1], asked[i][2]);
        assert_non_null(collect_select(&c, recording, &select, &code, &err));
    }
    assert_int_equal(source_record_finish(recording, NULL, &err), AMPQL_OK);
    source_free(recording);

    assert_int_equal(source_capture_open(&alloc_default, captures_path, false, &replay, &err),
                     AMPQL_OK);
    assert_int_equal(ampql_source_caps(replay),
                     AMPQL_SOURCE_ANSWERS | AMPQL_SOURCE_SORTED | AMPQL_SOURCE_PARALLEL);
    struct ampql_select select = collect_grid("info", matchers, 0, 6000, 1000);
    assert_string_equal(collect_select(&c, replay, &select, &code, &err),
                        "info{} 0@0 1000@1000 2000@2000 3000@3000 4000@4000 5000@5000 6000@6000\n");
    select = collect_grid("info", matchers, 1000, 5000, 2000);
    assert_string_equal(collect_select(&c, replay, &select, &code, &err),
                        "info{} 1000@1000 3000@3000 5000@5000\n");
    select = collect_grid("info", matchers, 7000, 7000, 1);
    assert_string_equal(collect_select(&c, replay, &select, &code, &err), "info{} 7000@7000\n");
    select = collect_grid("info", matchers, 500, 4500, 1000);
    assert_null(collect_select(&c, replay, &select, &code, &err));
    assert_int_equal(code, AMPQL_NOT_FOUND);
    collect_done(&c);
    source_free(replay);
}

/* ---- damage */

static void write_all(const char *name, const uint8_t *bytes, size_t n)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* A log that was cut anywhere goes on from its last whole select, to the same capture. */
static void resumes(void **state)
{
    (void)state;
    uint8_t wanted[SHA256_BYTES], id[SHA256_BYTES];
    struct ampql_error err = {0};
    struct ampql_source *source = cluster(&alloc_default);
    struct capture_origin origin = capture_origin_of(source, STR("test"));
    struct capture_log log;
    struct ampql_matcher matchers[16];
    for (size_t cut = 0, size = 1; cut < size; cut += cut < 300 ? 7 : 97) {
        assert_int_equal(
            capture_log_open(&log, &alloc_default, captures_path, &origin, false, &err), AMPQL_OK);
        size_t nasked = 0;
        for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++) {
            struct ampql_select select = collect_raw(selectors[i], matchers, 0, 40 * STEP_MS);
            bool is_new;
            assert_int_equal(capture_take(&log, source, &select, &is_new, &err), AMPQL_OK);
        }
        size = (size_t)log.out.offset;
        if (cut == 0)
            assert_int_equal(capture_log_finish(&log, false, wanted, &err), AMPQL_OK);
        capture_log_done(&log);
        if (cut == 0)
            continue;
        assert_int_equal(truncate(captures_part, (off_t)cut), 0);
        assert_int_equal(capture_log_open(&log, &alloc_default, captures_path, &origin, true, &err),
                         AMPQL_OK);
        for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++) {
            struct ampql_select select = collect_raw(selectors[i], matchers, 0, 40 * STEP_MS);
            bool is_new;
            assert_int_equal(capture_take(&log, source, &select, &is_new, &err), AMPQL_OK);
            nasked += is_new;
        }
        assert_true(nasked >= 1 && nasked <= 3);
        assert_int_equal(capture_log_finish(&log, false, id, &err), AMPQL_OK);
        assert_memory_equal(id, wanted, sizeof id);
        capture_log_done(&log);
    }
    source_free(source);
}

static void refuses_targets(void **state)
{
    (void)state;
    struct ampql_error err = {0};
    struct capture_origin origin = {.source = STR("test"), .caps = AMPQL_SOURCE_SAMPLES};
    struct capture_log log, second;
    struct ampql_source *replay;
    assert_int_equal(capture_log_open(&log, &alloc_default, scratch_folder, &origin, false, &err),
                     AMPQL_BAD_DATA);
    assert_non_null(strstr(err.message, "a folder"));
    assert_int_equal(symlink("/tmp/nowhere", captures_path), 0);
    assert_int_equal(capture_log_open(&log, &alloc_default, captures_path, &origin, false, &err),
                     AMPQL_BAD_DATA);
    assert_non_null(strstr(err.message, "a symbolic link"));
    unlink(captures_path);
    assert_int_equal(symlink("/tmp/nowhere", captures_part), 0);
    assert_int_equal(capture_log_open(&log, &alloc_default, captures_path, &origin, false, &err),
                     AMPQL_BAD_DATA);
    unlink(captures_part);
    assert_int_equal(capture_log_open(&log, &alloc_default, captures_path, &origin, false, &err),
                     AMPQL_OK);
    assert_int_equal(capture_log_open(&second, &alloc_default, captures_path, &origin, false, &err),
                     AMPQL_UNAVAILABLE);
    assert_non_null(strstr(err.message, "another process is writing"));
    capture_log_done(&log);
    assert_int_equal(access(captures_part, F_OK), -1); /* it held nothing */

    static const struct {
        const char *bytes;
        size_t n;
        const char *message;
    } heads[] = {
        {"", 0, "shorter than"},
        {"{\"status\":\"success\"}", 20, "begins with other bytes"},
        {"\x89"
         "AQC\r\n\x1a\n\x03\0\0\0\0\0\0\0",
         16, "version 3"},
        {"\x89"
         "AQC\r\n\x1a\n\x01\0\0\0\0\0\0\0",
         16, "without the end of one"},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        write_all(captures_path, (const uint8_t *)heads[i].bytes, heads[i].n);
        assert_int_equal(source_capture_open(&alloc_default, captures_path, false, &replay, &err),
                         AMPQL_BAD_DATA);
        assert_non_null(strstr(err.message, heads[i].message));
    }
    assert_int_equal(source_capture_open(&alloc_default, scratch_folder, false, &replay, &err),
                     AMPQL_BAD_DATA);
    assert_non_null(strstr(err.message, "a folder"));
}

/* ---- allocation failures */

static bool make_and_replay(const struct ampql_allocator *alc)
{
    enum ampql_code code = make(alc, captures_path, 2, false, NULL);
    if (code != AMPQL_OK) {
        assert_int_equal(code, AMPQL_NOMEM);
        return false;
    }
    struct ampql_source *replay = NULL;
    struct ampql_error err = {0};
    code = source_capture_open(alc, captures_path, false, &replay, &err);
    struct collect c;
    collect_init(&c, alc, false);
    for (size_t i = 0; i < sizeof selectors / sizeof *selectors && code == AMPQL_OK; i++) {
        struct ampql_matcher matchers[16];
        struct ampql_select select = collect_raw(selectors[i], matchers, 0, 40 * STEP_MS);
        collect_select(&c, replay, &select, &code, &err);
    }
    collect_done(&c);
    source_free(replay);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    torture_all_lenient(make_and_replay);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, captures_set_up, scratch_drop)
static const struct CMUnitTest tests[] = {
    IN_FOLDER(round_trip), IN_FOLDER(missing),         IN_FOLDER(append_wins), IN_FOLDER(grids),
    IN_FOLDER(resumes),    IN_FOLDER(refuses_targets), IN_FOLDER(torture),
};
TEST_MAIN(tests)
