/* What one of two captures holds and the other does not, as text and as JSON. */
#include "support/captures.h"
#include "support/scratch.h"
#include "support/series.h"
#include "support/test.h"
#include "support/torture.h"
#include "tool/diff.h"

#include <stdio.h>

static const int64_t t[] = {MINUTES(1), MINUTES(2), MINUTES(3), MINUTES(4)};
static const double ones[] = {1, 1, 1, 1}, other[] = {1, 2, 1, 3};

/* A window of `up`, or a grid of it, with its series. */
struct window {
    int64_t from_ms, to_ms; /* (from, to]; of a grid its ends */
    enum ampql_select_kind kind;
    const char *warning;
    struct captured series[3]; /* up to the first without a name */
};

struct made {
    const char *source;
    enum ampql_dialect dialect;
    struct window windows[3]; /* up to the first without an end */
};

#define UP(labels, values, n)                                                                      \
    {                                                                                              \
        "up", labels,                                                                              \
        {                                                                                          \
            t, values, n                                                                           \
        }                                                                                          \
    }

static const struct made day = {
    "s", AMPQL_PROM3, {{0, MINUTES(5), 0, NULL, {UP("job=a", ones, 4)}}}};

static const struct row {
    struct made a, b;
    const char *text, *json;
} rows[] = {
    /* other samples, series that one has */
    {{"s", AMPQL_PROM3, {{0, MINUTES(5), 0, NULL, {UP("job=a", ones, 4), UP("job=b", ones, 2)}}}},
     {"s", AMPQL_PROM3, {{0, MINUTES(5), 0, NULL, {UP("job=a", other, 4), UP("job=c", ones, 3)}}}},
     "up from 1970-01-01T00:00:00Z to 1970-01-01T00:05:00Z (RAW):\n"
     "  up{job=\"a\"}: 2 of 4 samples differ, first at 1970-01-01T00:02:00Z: 1 and 2\n"
     "  up{job=\"c\"}: only in B, 3 samples\n"
     "  up{job=\"b\"}: only in A, 2 samples\n"
     "different: 1 windows in both, 0 only in A, 0 only in B; there 1 series only in A, 1 only in "
     "B, 1 with other samples, 2 samples\n",
     "{\"select\":\"up from 1970-01-01T00:00:00Z to 1970-01-01T00:05:00Z (RAW)\",\"series\":"
     "\"up{job=\\\"a\\\"}\",\"different\":2,\"of\":4,\"first\":{\"time\":\"1970-01-01T00:02:00Z\","
     "\"a\":\"1\",\"b\":\"2\"}}\n"
     "{\"select\":\"up from 1970-01-01T00:00:00Z to 1970-01-01T00:05:00Z (RAW)\",\"series\":"
     "\"up{job=\\\"c\\\"}\",\"only_in\":\"B\",\"samples\":3}\n"
     "{\"select\":\"up from 1970-01-01T00:00:00Z to 1970-01-01T00:05:00Z (RAW)\",\"series\":"
     "\"up{job=\\\"b\\\"}\",\"only_in\":\"A\",\"samples\":2}\n"
     "{\"same\":false,\"ids\":["},
    /* a sample that one has */
    {day,
     {"s", AMPQL_PROM3, {{0, MINUTES(5), 0, NULL, {UP("job=a", ones, 3)}}}},
     "  up{job=\"a\"}: 1 of 4 samples differ, first at 1970-01-01T00:04:00Z: 1 and none\n",
     "\"different\":1,\"of\":4,\"first\":{\"time\":\"1970-01-01T00:04:00Z\",\"a\":\"1\",\"b\":null}"
     "}\n"},
    /* windows: those of A reach from 0 to 5, those of B from 1 to 2 and from 4 to 6 */
    {day,
     {"s",
      AMPQL_PROM3,
      {{MINUTES(1), MINUTES(2), 0, NULL, {{"up", "job=a", {t + 1, ones, 1}}}},
       {MINUTES(3), MINUTES(6), 0, NULL, {{"up", "job=a", {t + 3, other, 1}}}}}},
     "only in A: up from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z (RAW)\n"
     "only in A: up from 1970-01-01T00:02:00Z to 1970-01-01T00:03:00Z (RAW)\n"
     "only in B: up from 1970-01-01T00:05:00Z to 1970-01-01T00:06:00Z (RAW)\n"
     "different: 2 windows in both, 2 only in A, 1 only in B; there 0 series only in A, 0 only in "
     "B, 0 with other samples, 0 samples\n",
     "{\"select\":\"up from 1970-01-01T00:05:00Z to 1970-01-01T00:06:00Z "
     "(RAW)\",\"only_in\":\"B\"}\n"},
    /* other questions */
    {day,
     {"s",
      AMPQL_PROM3,
      {{MINUTES(1), MINUTES(4), AMPQL_SELECT_GRID, NULL, {UP("job=a", ones, 4)}}}},
     "only in A: up from 1970-01-01T00:00:00Z to 1970-01-01T00:05:00Z (RAW)\n"
     "only in B: up from 1970-01-01T00:01:00Z to 1970-01-01T00:04:00Z step 1m (GRID)\n",
     "\"only_in\":\"B\"}\n"},
    {{"s",
      AMPQL_PROM3,
      {{MINUTES(1), MINUTES(3), AMPQL_SELECT_GRID, NULL, {UP("job=a", ones, 3)}}}},
     {"s",
      AMPQL_PROM3,
      {{MINUTES(1), MINUTES(4), AMPQL_SELECT_GRID, NULL, {UP("job=a", other, 4)}}}},
     "up from 1970-01-01T00:01:00Z to 1970-01-01T00:03:00Z step 1m (GRID):\n"
     "  up{job=\"a\"}: 1 of 3 samples differ, first at 1970-01-01T00:02:00Z: 1 and 2\n"
     "only in B: up at 1970-01-01T00:04:00Z (GRID)\n",
     "\"windows\":{\"both\":1,\"only_a\":0,\"only_b\":1},\"series\":{\"only_a\":0,\"only_b\":0,"
     "\"different\":1},\"samples\":1}\n"},
    /* where they come from, what was warned of */
    {day,
     {"other", AMPQL_PROM2, {{0, MINUTES(5), 0, "slow", {UP("job=a", ones, 4)}}}},
     "source: \"s\" and \"other\"\ndialect: \"prom3\" and \"prom2\"\n"
     "up from 1970-01-01T00:00:00Z to 1970-01-01T00:05:00Z (RAW): other warnings\n",
     "{\"source\":{\"a\":\"s\",\"b\":\"other\"}}\n{\"dialect\":{\"a\":\"prom3\",\"b\":\"prom2\"}}\n"
     "{\"select\":\"up from 1970-01-01T00:00:00Z to 1970-01-01T00:05:00Z "
     "(RAW)\",\"warnings\":\"different\"}\n"},
};

static void make(const char *path, const struct made *made)
{
    struct matcher up = {STR("__name__"), MATCH_EQUAL, STR("up")};
    struct ampql_error err = {0};
    struct capture_log log;
    struct capture_origin origin = {
        .source = str_of(made->source), .caps = AMPQL_SOURCE_ANSWERS, .dialect = made->dialect};
    assert_int_equal(capture_log_open(&log, &alloc_default, path, &origin, false, &err), AMPQL_OK);
    for (size_t i = 0; i < 3 && made->windows[i].to_ms; i++) {
        const struct window *w = &made->windows[i];
        struct capture_entry entry = {.held = {.kind = w->kind, .matchers = {&up, 1}}};
        struct str warning = str_of(w->warning ? w->warning : "");
        size_t n = 0;
        if (w->warning) {
            entry.warnings = &warning;
            entry.nwarnings = 1;
        }
        entry.held.after_ms = entry.held.start_ms = w->from_ms;
        entry.held.upto_ms = entry.held.end_ms = w->to_ms;
        entry.held.step_ms = MINUTES(1);
        while (n < 3 && w->series[n].name)
            n++;
        captures_append(&log, &entry, w->series, n);
    }
    captures_finish(&log);
}

static enum ampql_code run(const struct ampql_allocator *alc, bool as_json, struct test_text *out,
                           bool *is_same, struct ampql_error *err)
{
    out->n = 0;
    out->at[0] = '\0';
    return tool_capture_diff(alc, scratch_path("a.aqc"), scratch_path("b.aqc"), as_json, test_write,
                             out, is_same, err);
}

static void check(bool as_json, const char *expected)
{
    static struct test_text out;
    struct ampql_error err = {0};
    bool is_same;
    if (run(&alloc_default, as_json, &out, &is_same, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    assert_false(is_same);
    if (!strstr(out.at, expected))
        fail_msg("expected\n%s\nfound\n%s", expected, out.at);
}

static void test_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make(scratch_path("a.aqc"), &rows[i].a);
        make(scratch_path("b.aqc"), &rows[i].b);
        check(false, rows[i].text);
        check(true, rows[i].json);
    }
}

static void test_same(void **state)
{
    (void)state;
    static struct test_text out;
    struct ampql_error err = {0};
    bool is_same;
    make(scratch_path("a.aqc"), &day);
    make(scratch_path("b.aqc"), &day);
    assert_int_equal(run(&alloc_default, false, &out, &is_same, &err), AMPQL_OK);
    assert_true(is_same);
    assert_memory_equal(out.at, "the same: content id ", 21);
    assert_int_equal(run(&alloc_default, true, &out, &is_same, &err), AMPQL_OK);
    assert_memory_equal(out.at, "{\"same\":true,\"ids\":[\"", 21);
}

/* NaNs print alike; people are shown a few series of many. */
static void test_shown(void **state)
{
    (void)state;
    enum { N = 14 };
    double a = double_of(NAN_BITS), b = double_of(UINT64_C(0x7ff800000000beef));
    struct captured series[N];
    char labels[N][16];
    for (size_t i = 0; i < N; i++) {
        snprintf(labels[i], sizeof labels[i], "n=%02zu", i);
        series[i] = (struct captured){"up", labels[i], {t, &a, 1}};
    }
    captures_samples(scratch_path("a.aqc"), series, N);
    for (size_t i = 0; i < N; i++)
        series[i].samples.v = &b;
    captures_samples(scratch_path("b.aqc"), series, N);
    check(false,
          "  up{n=\"09\"}: 1 of 1 samples differ, first at 1970-01-01T00:01:00Z: NaN and NaN, "
          "bits 7ff8000000000001 and 7ff800000000beef\n"
          "  and 4 more series with other samples\n");
    check(true, "\"series\":\"up{n=\\\"13\\\"}\"");
}

/* Many windows that only one has: people are shown some of them, and how many there are. */
static void test_windows_shown(void **state)
{
    (void)state;
    enum { N = 13 };
    struct matcher up = {STR("__name__"), MATCH_EQUAL, STR("up")};
    struct capture_log log;
    make(scratch_path("a.aqc"), &day);
    captures_begin(&log, scratch_path("b.aqc"), AMPQL_SOURCE_ANSWERS, AMPQL_PROM3);
    for (int i = 0; i < N; i++) {
        struct capture_entry entry = {.held = {.matchers = {&up, 1}}};
        entry.held.after_ms = MINUTES(10 + 2 * i);
        entry.held.upto_ms = MINUTES(11 + 2 * i);
        captures_append(&log, &entry, NULL, 0);
    }
    captures_finish(&log);
    check(false, "only in B: up from 1970-01-01T00:28:00Z to 1970-01-01T00:29:00Z (RAW)\n"
                 "and 3 more windows only in B\n"
                 "different: 0 windows in both, 1 only in A, 13 only in B;");
    check(true, "from 1970-01-01T00:34:00Z to 1970-01-01T00:35:00Z (RAW)\",\"only_in\":\"B\"}");
}

/* Captures that hold the same, one of them with tokens that sort as the values did. */
static void test_redacted(void **state)
{
    (void)state;
    const struct str labels[] = {STR("le"), STR("unit")}, values[] = {STR("POD")};
    struct ampql_error err = {0};
    struct capture_log log;
    struct capture_origin origin = {.source = STR("a test"), .caps = AMPQL_SOURCE_SAMPLES};
    captures_samples(scratch_path("a.aqc"), NULL, 0);
    origin.redaction = (struct redaction){true, true, labels, 2, values, 1};
    assert_int_equal(
        capture_log_open(&log, &alloc_default, scratch_path("b.aqc"), &origin, false, &err),
        AMPQL_OK);
    struct capture_entry all = {.held = {.after_ms = -CAPTURE_FOREVER, .upto_ms = CAPTURE_FOREVER}};
    captures_append(&log, &all, NULL, 0);
    captures_finish(&log);
    check(false, "redacted: \"no\" and \"all label values but of le, unit, and \\\"POD\\\"; tokens "
                 "sort as the values did\"\ndifferent: 1 windows in both, 0 only");
    check(true, "{\"redacted\":{\"a\":\"no\",\"b\":\"all label values but of le,");
}

static bool diff_works(const struct ampql_allocator *alc)
{
    static struct test_text out;
    struct ampql_error err = {0};
    bool is_same;
    enum ampql_code code = run(alc, false, &out, &is_same, &err);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    return code == AMPQL_OK;
}

static void test_memory(void **state)
{
    (void)state;
    make(scratch_path("a.aqc"), &rows[0].a);
    make(scratch_path("b.aqc"), &rows[0].b);
    torture_all(diff_works);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences), cmocka_unit_test(test_same),
        cmocka_unit_test(test_shown),       cmocka_unit_test(test_windows_shown),
        cmocka_unit_test(test_redacted),    cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
