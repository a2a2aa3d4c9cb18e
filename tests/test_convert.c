/* Converting: what a format can hold comes back to the bit, and what it cannot is named and
 * counted; nothing is left of an output that could not be made. */
#include "source/capture_source.h"
#include "source/capture_take.h"
#include "support/captures.h"
#include "support/sample_gen.h"
#include "support/scratch.h"
#include "support/series.h"
#include "support/test.h"
#include "support/torture.h"
#include "tool/convert.h"
#include "tool/united.h"

#include <ampql/query.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- converting */

static enum ampql_code convert_with(struct convert *convert, const struct ampql_allocator *alc,
                                    struct ampql_error *err)
{
    struct ampql_engine_options options = {.size = sizeof options, .allocator = alc};
    convert->alc = alc;
    TRY(ampql_engine_new(&options, &convert->engine, err));
    enum ampql_code code = convert_run(convert, err);
    ampql_engine_free(convert->engine);
    return code;
}

static const char *const format_names[CONVERT_FORMATS] = {"x.aqc", "x/",     "x.om",
                                                          "x.csv", "x.dump", "x.yml"};

static struct convert to_format(const char *from, const char *to, enum convert_format format,
                                unsigned drops)
{
    return (struct convert){.from = from, .to = to, .format = format, .drops = drops};
}

static void convert_well(struct convert *convert)
{
    struct ampql_error err = {0};
    if (convert_with(convert, &alloc_default, &err) != AMPQL_OK)
        fail_msg("%s to %s: %s", convert->from, convert->to, err.message);
}

/* ---- what comes back */

struct kept {
    struct samples samples; /* copies; of the one series there is */
    size_t nseries;
};

static enum ampql_code keep(void *payload, const struct ampql_label *labels, size_t nlabels,
                            const struct samples *samples, struct ampql_error *err)
{
    (void)labels, (void)nlabels, (void)err;
    struct kept *kept = payload;
    int64_t *t = malloc(samples->n * sizeof *t);
    double *v = malloc(samples->n * sizeof *v);
    memcpy(t, samples->t, samples->n * sizeof *t);
    memcpy(v, samples->v, samples->n * sizeof *v);
    kept->samples = (struct samples){t, v, samples->n};
    kept->nseries++;
    return AMPQL_OK;
}

static struct kept read_back(const char *path)
{
    struct ampql_error err = {0};
    struct capture capture;
    struct united united;
    struct kept kept = {0};
    if (capture_open(&capture, &alloc_default, path, &err) != AMPQL_OK ||
        united_open(&united, &alloc_default, &capture, &err) != AMPQL_OK ||
        united_scan(&united, keep, &kept, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    united_done(&united);
    capture_done(&capture);
    return kept;
}

static void free_kept(struct kept *kept)
{
    free((void *)(uintptr_t)kept->samples.t);
    free((void *)(uintptr_t)kept->samples.v);
}

/* ---- round trips of all kinds of samples */

enum { NSAMPLES = 300 };

static bool holds_ends(enum convert_format format)
{
    return format == CONVERT_CSV || format == CONVERT_UNIT || format == CONVERT_CAPTURE;
}

/* What should come back, in place: ends go, NaNs become ordinary. */
static void expect(enum convert_format format, int64_t *t, double *v, size_t *n,
                   uint64_t lost[LOSS_COUNT])
{
    size_t kept = 0;
    memset(lost, 0, LOSS_COUNT * sizeof *lost);
    for (size_t i = 0; i < *n; i++) {
        bool is_end = is_stale(v[i]);
        bool is_odd = isnan(v[i]) && !is_end && bits_of(v[i]) != NAN_BITS;
        lost[LOSS_ENDS] += is_end && !holds_ends(format);
        lost[LOSS_NANS] += is_odd && format != CONVERT_CAPTURE;
        if (is_end && !holds_ends(format))
            continue;
        t[kept] = t[i];
        v[kept++] = is_odd && format != CONVERT_CAPTURE ? double_of(NAN_BITS) : v[i];
    }
    *n = kept;
}

static void go_and_return(enum convert_format format, const struct captured *given,
                          const char *what)
{
    int64_t t[NSAMPLES];
    double v[NSAMPLES];
    size_t n = given->samples.n;
    uint64_t lost[LOSS_COUNT];
    memcpy(t, given->samples.t, n * sizeof *t);
    memcpy(v, given->samples.v, n * sizeof *v);
    expect(format, t, v, &n, lost);

    const char *from = scratch_path("a.aqc"), *to = scratch_path(format_names[format]),
               *back = scratch_path("b.aqc");
    unsigned drops = 1U << LOSS_ENDS | 1U << LOSS_NANS;
    captures_samples(from, given, 1);
    struct convert there = to_format(from, to, format, drops);
    struct convert again = to_format(to, back, CONVERT_CAPTURE, 0);
    convert_well(&there);
    assert_memory_equal(there.lost, lost, sizeof lost);
    convert_well(&again);
    struct kept kept = read_back(back);
    if (kept.nseries != 1 || kept.samples.n != n || memcmp(kept.samples.t, t, n * sizeof *t) != 0 ||
        memcmp(kept.samples.v, v, n * sizeof *v) != 0)
        fail_msg("%s through %s: other samples came back", what, to);
    free_kept(&kept);
}

static void test_round_trips(void **state)
{
    (void)state;
    static int64_t t[NSAMPLES];
    static double v[NSAMPLES];
    static const enum convert_format through[] = {CONVERT_CAPTURE, CONVERT_OPENMETRICS, CONVERT_CSV,
                                                  CONVERT_DUMP, CONVERT_UNIT};
    for (int times = 0; times < TIMES_KINDS; times++) {
        for (int values = 0; values < VALUES_KINDS; values++) {
            char what[64];
            snprintf(what, sizeof what, "%s %s", sample_times_names[times],
                     sample_values_names[values]);
            if (times == TIMES_EXTREME)
                continue; /* beyond what captures hold */
            sample_gen_times((enum sample_times)times, 5, t, NSAMPLES);
            sample_gen_values((enum sample_values)values, 5, v, NSAMPLES);
            struct captured given = {"a metric", "a=\" \\ {},b='\n#,c d=e", {t, v, NSAMPLES}};
            for (size_t i = 0; i < sizeof through / sizeof *through; i++)
                if (through[i] != CONVERT_UNIT || times < TIMES_JITTER)
                    go_and_return(through[i], &given, what);
        }
    }
}

/* ---- the notation of unit tests */

static const struct notation {
    const char *values; /* as test_add has them, from start_ms on every 15 s */
    int64_t start_ms;
    const char *expected;
} notations[] = {
    {"1", 0,
     "evaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n"
     "      - series: 'm'\n        values: '1'\n"},
    {"1 1 2", 0,
     "evaluation_interval: 15s\ntests:\n  - interval: 15s\n    input_series:\n"
     "      - series: 'm'\n        values: '1 1 2'\n"},
    {"1 1 1 5 7 9 9 9", 0,
     "15s\n    input_series:\n      - series: 'm'\n"
     "        values: '1x2 5+2x2 9 9'\n"},
    {"3 2 1 0 -1 stale stale NaN NaN NaN Inf Inf Inf", 0,
     "values: '3-1x4 stale stale NaN NaN NaN +Inf +Inf +Inf'\n"},
    /* three times a tenth is one bit more than three tenths */
    {"0 0.1 0.2 0.30000000000000004 0.4 0.5", 0, "values: '0+0.1x5'\n"},
    {"0 0.1 0.2 0.3 0.4", 0, "values: '0+0.1x2 0.3 0.4'\n"},
    {"1 _ 1 _ _ _ 1 1", MINUTES(1), "values: '_x4 1 _ 1 _x3 1 1'\n"},
    {"1e300 -1e300 1e300", 0, "values: '1e+300 -1e+300 1e+300'\n"},
    {"1 2 3", INT64_C(1772323200000),
     "    start_timestamp: '2026-03-01T00:00:00Z'\n"
     "    input_series:\n      - series: 'm'\n"
     "        values: '1+1x2'\n"},
    {"1 2 3", INT64_C(-15007), "    start_timestamp: '1969-12-31T23:59:44.993Z'\n"},
};

static void write_notation(const struct notation *row)
{
    struct ampql_error err = {0};
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct capture_log log;
    struct capture_origin origin = {.source = STR("a test"), .caps = AMPQL_SOURCE_SAMPLES};
    assert_int_equal(ampql_engine_new(NULL, &engine, &err), AMPQL_OK);
    assert_int_equal(ampql_source_memory(engine, NULL, &source, &err), AMPQL_OK);
    assert_true(test_add(source, "m", "", row->start_ms, 15000, row->values));
    assert_int_equal(
        capture_log_open(&log, &alloc_default, scratch_path("a.aqc"), &origin, false, &err),
        AMPQL_OK);
    assert_int_equal(capture_take_all(&log, source, &err), AMPQL_OK);
    captures_finish(&log);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static void test_notation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof notations / sizeof *notations; i++) {
        const char *to = scratch_path("x.yml");
        write_notation(&notations[i]);
        struct convert convert =
            to_format(scratch_path("a.aqc"), to, CONVERT_UNIT, 1U << LOSS_NANS);
        convert_well(&convert);
        if (!strstr(scratch_read(to), notations[i].expected))
            fail_msg("%s: expected %s in\n%s", notations[i].values, notations[i].expected,
                     scratch_read(to));
    }
    /* from 0 on, for a promtool that knows no start_timestamp */
    write_notation(&(struct notation){"1 2 3", INT64_C(1772323200000), NULL});
    struct convert shifted =
        to_format(scratch_path("a.aqc"), scratch_path("x.yml"), CONVERT_UNIT, 1U << LOSS_TIMES);
    convert_well(&shifted);
    assert_int_equal(shifted.lost[LOSS_TIMES], 1);
    assert_int_equal(shifted.shift_ms, INT64_C(1772323200000));
    assert_null(strstr(scratch_read(scratch_path("x.yml")), "start_timestamp"));
}

/* ---- answers of a server */

/* API JSON holds all of it: the same content id. */
static void test_json(void **state)
{
    (void)state;
    uint8_t before[SHA256_BYTES], after[SHA256_BYTES];
    const char *from = scratch_path("a.aqc"), *back = scratch_path("b.aqc");
    captures_answers(from);
    captures_content_id(from, before);
    struct convert there = to_format(from, scratch_path("x/"), CONVERT_JSON, 0);
    convert_well(&there);
    assert_string_equal(
        scratch_read(scratch_path("x/selects.json")),
        "{\n  \"version\": 1,\n  \"source\": \"a test\",\n  \"answers\": [\n"
        "    {\"file\": \"001.json\", \"kind\": \"GRID\", \"query\": \"up\", \"time\": 180, "
        "\"lookback\": \"unknown\", \"dialect\": \"prom2\"},\n"
        "    {\"file\": \"002.json\", \"kind\": \"GRID\", \"query\": \"up\", \"start\": 0, "
        "\"end\": 180, "
        "\"step\": 60, \"lookback\": \"5m\", \"dialect\": \"prom2\"},\n"
        "    {\"file\": \"003.json\", \"kind\": \"GRID_TIMESTAMP\", \"query\": \"timestamp(up)\", "
        "\"time\": 180, \"lookback\": \"7m\", \"dialect\": \"prom2\"},\n"
        "    {\"file\": \"004.json\", \"kind\": \"RAW\", \"query\": "
        "\"up{job=~\\\"a|b\\\\\\\\.c\\\"}[3m]\", "
        "\"time\": 180, \"dialect\": \"prom2\", \"billed\": 1234567, \"warnings\": [\"again\", "
        "\"the server warned: \\\"slow\\\"\\n\"]},\n"
        "    {\"file\": \"005.json\", \"kind\": \"RAW\", \"query\": "
        "\"up{job=~\\\"a|b\\\\\\\\.c\\\"}[1ms]\", "
        "\"time\": 600.001, \"billed\": 1234567, \"warnings\": [\"again\", "
        "\"the server warned: \\\"slow\\\"\\n\"]}\n  ]\n}\n");
    assert_string_equal(
        scratch_read(scratch_path("x/001.json")),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[\n"
        "{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"value\":[180,\"4\"]}]}}\n");
    assert_string_equal(scratch_read(scratch_path("x/003.json")),
                        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[\n"
                        "{\"metric\":{\"job\":\"a\"},\"value\":[180,\"4\"]}]}}\n");
    struct convert again = to_format(scratch_path("x/"), back, CONVERT_CAPTURE, 0);
    convert_well(&again);
    captures_content_id(back, after);
    assert_memory_equal(before, after, SHA256_BYTES);
    scratch_remove(scratch_path("x"));
}

/* ---- what has no place */

static const struct refusal {
    bool answers; /* of captures_answers, else samples with one of each oddity */
    enum convert_format format;
    unsigned drops;
    const char *message; /* NULL: none, and */
    uint64_t lost[LOSS_COUNT];
} refusals[] = {
    {false,
     CONVERT_OPENMETRICS,
     0,
     "OpenMetrics has no place for 1 stale marker, which says where a series ended (--drop ends), "
     "1 "
     "NaN with other bits than Prometheus's (--drop nans)",
     {0}},
    {false,
     CONVERT_OPENMETRICS,
     1U << LOSS_ENDS,
     "OpenMetrics has no place for 1 NaN with other bits than Prometheus's (--drop nans)",
     {0}},
    {false,
     CONVERT_OPENMETRICS,
     1U << LOSS_ENDS | 1U << LOSS_NANS,
     NULL,
     {[LOSS_ENDS] = 1, [LOSS_NANS] = 1}},
    {false, CONVERT_CSV, 0, "CSV has no place for 1 NaN with other bits", {0}},
    {false, CONVERT_UNIT, 0, "a unit test has no place for 1 NaN with other bits", {0}},
    {false, CONVERT_DUMP, 0, "a tsdb dump has no place for 1 stale marker", {0}},
    {false, CONVERT_JSON, ~0U, "API JSON holds what a server answered, and these are samples", {0}},
    {true,
     CONVERT_CSV,
     0,
     "CSV has no place for 3 answers on grids of times (--drop grids), 2 windows of what is known "
     "and what not (--drop windows), 4 warnings of the server (--drop warnings)",
     {0}},
    {true, CONVERT_CSV, ~0U, NULL, {[LOSS_GRIDS] = 3, [LOSS_WINDOWS] = 2, [LOSS_WARNINGS] = 4}},
};

static void make_oddities(const char *path)
{
    static const double odd[] = {1, 2};
    double v[] = {1, double_of(UINT64_C(0x7ff800000000beef)), double_of(NAN_BITS),
                  double_of(STALE_BITS)};
    struct captured given[] = {{"m", "", {captured_minutes, v, 4}},
                               {"m", "a=b", {captured_minutes, odd, 2}}};
    captures_samples(path, given, 2);
}

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *row = &refusals[i];
        struct ampql_error err = {0};
        const char *from = scratch_path("a.aqc"), *to = scratch_path(format_names[row->format]);
        (row->answers ? captures_answers : make_oddities)(from);
        unlink(to);
        struct convert convert = to_format(from, to, row->format, row->drops);
        enum ampql_code code = convert_with(&convert, &alloc_default, &err);
        if (row->message) {
            assert_int_equal(code, AMPQL_UNSUPPORTED);
            if (!strstr(err.message, row->message))
                fail_msg("expected %s, found %s", row->message, err.message);
            assert_int_equal(access(to, F_OK), -1);
        } else {
            assert_int_equal(code, AMPQL_OK);
            assert_memory_equal(convert.lost, row->lost, sizeof row->lost);
        }
    }
}

/* Windows that tell different stories are no one series. */
static void test_conflict(void **state)
{
    (void)state;
    static const double other[] = {1, 3};
    const struct matcher named[] = {{STR("__name__"), MATCH_EQUAL, STR("up")},
                                    {STR("job"), MATCH_EQUAL, STR("a")}};
    struct ampql_error err = {0};
    struct capture_log log;
    struct capture_entry entry = {.held = {.kind = AMPQL_SELECT_RAW,
                                           .matchers = {named, 1},
                                           .after_ms = -1,
                                           .upto_ms = MINUTES(3)}};
    captures_begin(&log, scratch_path("a.aqc"), AMPQL_SOURCE_ANSWERS, AMPQL_PROM3);
    captures_append(&log, &entry,
                    &(struct captured){"up", "job=a", {captured_minutes, captured_values, 4}}, 1);
    entry.held.matchers.n = 2;
    captures_append(&log, &entry, &(struct captured){"up", "job=a", {captured_minutes, other, 2}},
                    1);
    captures_finish(&log);
    struct convert convert =
        to_format(scratch_path("a.aqc"), scratch_path("x.csv"), CONVERT_CSV, 1U << LOSS_WINDOWS);
    assert_int_equal(convert_with(&convert, &alloc_default, &err), AMPQL_BAD_DATA);
    assert_string_equal(err.message,
                        "up{job=\"a\"} has two values at 1970-01-01T00:01:00Z: 2.5 and 3");
}

/* ---- places to write to */

static const struct place {
    const char *to;
    enum convert_format format;
    enum ampql_code code;
    const char *message;
} places[] = {
    {"dir", CONVERT_CSV, AMPQL_BAD_DATA, "dir: a folder, expected a plain file or none"},
    {"link", CONVERT_OPENMETRICS, AMPQL_BAD_DATA, "link: a symbolic link, expected a plain file"},
    {"no/such", CONVERT_CSV, AMPQL_OUTPUT, "no/such.new: No such file or directory"},
    {"dir", CONVERT_JSON, AMPQL_BAD_DATA, "dir: is there already, expected a new folder"},
    {"plain", CONVERT_JSON, AMPQL_BAD_DATA, "plain: is there already, expected a new folder"},
    {"killed/", CONVERT_JSON, AMPQL_BAD_DATA,
     "killed.new: is there already, perhaps of a run that was killed: remove it"},
    {"no/such/", CONVERT_JSON, AMPQL_OUTPUT, "no/such.new: No such file or directory"},
    {"dir", CONVERT_CAPTURE, AMPQL_BAD_DATA, "dir: a folder"},
};

static void test_places(void **state)
{
    (void)state;
    captures_answers(scratch_path("a.aqc"));
    assert_int_equal(mkdir(scratch_path("dir"), 0777), 0);
    assert_int_equal(mkdir(scratch_path("killed.new"), 0777), 0);
    assert_int_equal(symlink("dir", scratch_path("link")), 0);
    FILE *plain = fopen(scratch_path("plain"), "wb");
    assert_non_null(plain);
    assert_int_equal(fputs("before", plain) >= 0 && fclose(plain) == 0, 1);
    size_t n = scratch_count(scratch_folder);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct ampql_error err = {0};
        struct convert convert =
            to_format(scratch_path("a.aqc"), scratch_path(places[i].to), places[i].format, ~0U);
        assert_int_equal(convert_with(&convert, &alloc_default, &err), places[i].code);
        if (!strstr(err.message, places[i].message))
            fail_msg("expected %s, found %s", places[i].message, err.message);
        assert_int_equal(scratch_count(scratch_folder), n);
    }
    /* what is there is replaced when all is well, and stays when not */
    struct convert convert =
        to_format(scratch_path("a.aqc"), scratch_path("plain"), CONVERT_CSV, 0);
    struct ampql_error err = {0};
    assert_int_equal(convert_with(&convert, &alloc_default, &err), AMPQL_UNSUPPORTED);
    assert_string_equal(scratch_read(scratch_path("plain")), "before");
    convert.drops = ~0U;
    convert_well(&convert);
    assert_memory_equal(scratch_read(scratch_path("plain")), "metric,labels", 13);
    assert_int_equal(scratch_count(scratch_folder), n);
}

/* ---- memory */

struct tortured {
    const char *from;
    enum convert_format format;
};

static bool convert_works(const struct ampql_allocator *alc, void *payload)
{
    const struct tortured *row = payload;
    struct ampql_error err = {0};
    const char *to = scratch_path(format_names[row->format]);
    size_t n = scratch_count(scratch_folder);
    struct convert convert = to_format(scratch_path(row->from), to, row->format, ~0U);
    enum ampql_code code = convert_with(&convert, alc, &err);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("%s to %s: %s", row->from, to, err.message);
    assert_int_equal(scratch_count(scratch_folder), n + (code == AMPQL_OK));
    if (code == AMPQL_OK && unlink(to) != 0)
        scratch_remove(to);
    return code == AMPQL_OK;
}

static void test_memory(void **state)
{
    (void)state;
    struct tortured rows[] = {
        {"in.csv", CONVERT_CAPTURE}, {"in.csv", CONVERT_OPENMETRICS}, {"in.csv", CONVERT_DUMP},
        {"in.csv", CONVERT_UNIT},    {"in.yml", CONVERT_CSV},         {"a.aqc", CONVERT_CSV},
        {"a.aqc", CONVERT_JSON},     {"json", CONVERT_CAPTURE},       {"json", CONVERT_DUMP},
    };
    scratch_remove(scratch_folder);
    assert_int_equal(mkdir(scratch_folder, 0777), 0);
    make_oddities(scratch_path("a.aqc"));
    struct convert csv = to_format(scratch_path("a.aqc"), scratch_path("in.csv"), CONVERT_CSV, ~0U);
    struct convert yml =
        to_format(scratch_path("a.aqc"), scratch_path("in.yml"), CONVERT_UNIT, ~0U);
    convert_well(&csv);
    convert_well(&yml);
    captures_answers(scratch_path("a.aqc"));
    struct convert json = to_format(scratch_path("a.aqc"), scratch_path("json"), CONVERT_JSON, 0);
    convert_well(&json);
    size_t points = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        points += torture_with(convert_works, &rows[i], true);
    printf("  %zu allocations failed in turn\n", points);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_notation),
        cmocka_unit_test(test_json),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_conflict),    cmocka_unit_test(test_places),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
