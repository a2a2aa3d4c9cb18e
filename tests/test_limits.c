/* Limits are met before memory is taken: a source that would go on for ever, rows and subqueries
 * that would not fit into any machine, a text of a million parentheses and a regex of a billion
 * states each end in an error that names the limit, and cost no more than what the limit allows. */
#include <ampql.h>

#include "support/endless.h"
#include "support/test.h"
#include "support/torture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>

enum { KIB = 1 << 10, MIB = 1 << 20, TEXT_BYTES = MIB };

static struct ampql_string text(const char *s)
{
    return (struct ampql_string){s, strlen(s)};
}

static const struct row {
    const char *what;
    const char *query;
    struct ampql_run_options options;
    bool is_sorted;
    size_t nseries; /* 0: for ever */
    size_t nsamples;
    size_t most_bytes;
    const char *message;
} rows[] = {
    {"samples that wait to be put in order",
     "sum_over_time(x[1d])",
     {.start_ms = 9999000, .max_samples = 50000},
     false,
     0,
     1000,
     4 * MIB,
     "query processing would load too many samples into memory in query execution"},
    {"samples of a result",
     "x[1d]",
     {.start_ms = 9999000, .max_samples = 50000},
     true,
     0,
     1000,
     4 * MIB,
     "query processing would load too many samples into memory in query execution"},
    {"a window",
     "sum_over_time(x[1d])",
     {.start_ms = 9999000, .max_samples = 9999},
     true,
     0,
     10000,
     MIB,
     "query processing would load too many samples into memory in query execution"},
    {"rows of a range query",
     "x",
     {.end_ms = 10000000, .step_ms = 1000, .max_samples = 100000},
     true,
     0,
     1,
     4 * MIB,
     "query processing would load too many samples into memory in query execution"},
    {"rows of an aggregation",
     "sum by (n) (x)",
     {.end_ms = 10000000, .step_ms = 1000, .max_samples = 100000},
     true,
     0,
     1,
     4 * MIB,
     "query processing would load too many samples into memory in query execution"},
    {"series that wait to be put in order",
     "count(x)",
     {.max_series = 1000},
     false,
     0,
     1,
     MIB,
     "a selector matches more than 1000 series"},
    {"series that come in order",
     "count(x)",
     {.max_series = 1000},
     true,
     0,
     1,
     MIB,
     "a selector matches more than 1000 series"},
    {"series of a result",
     "x",
     {.max_series = 1000},
     true,
     0,
     1,
     MIB,
     "a selector matches more than 1000 series"},
    {"series that an aggregation makes",
     "count_values(\"v\", x)",
     {.end_ms = 9999000, .step_ms = 1000, .max_series = 20},
     true,
     1,
     10000,
     4 * MIB,
     "more than 20 series in one operation"},
    {"series of both sides",
     "x or label_replace(x, \"a\", \"1\", \"\", \"\")",
     {.end_ms = 9999000, .step_ms = 1000, .max_series = 10},
     true,
     10,
     1,
     4 * MIB,
     "more than 10 series in one operation"},
    {"groups",
     "sum by (n, a) (x or label_replace(x, \"a\", \"1\", \"\", \"\"))",
     {.max_series = 10},
     true,
     10,
     1,
     MIB,
     "more than 10 series in one operation"},
    {"points of a subquery",
     "count_over_time(vector(1)[290y:1ms])",
     {0},
     true,
     0,
     1,
     64 * KIB,
     "the query needs more than 4194304 evaluation points in its subqueries"},
    {"points of subqueries in each other",
     "count_over_time(count_over_time(vector(1)[1h:1s])[1d:1ms])",
     {0},
     true,
     0,
     1,
     64 * KIB,
     "the query needs more than 4194304 evaluation points in its subqueries"},
    {"points of a subquery that only samples limit",
     "count_over_time(vector(1)[290y:1ms])",
     {.max_subquery_points = UINT64_MAX},
     true,
     0,
     1,
     64 * KIB,
     "query processing would load too many samples into memory in query execution"},
    {"steps",
     "vector(1)",
     {.start_ms = -(INT64_C(1) << 60), .end_ms = INT64_C(1) << 60, .step_ms = 1},
     true,
     0,
     1,
     64 * KIB,
     "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
     "resolution (?step=XX)"},
    {"bytes of samples that wait",
     "sum_over_time(x[1d])",
     {.start_ms = 9999000, .max_bytes = MIB},
     false,
     0,
     1000,
     MIB + 64 * KIB,
     "the run would hold more than 1048576 bytes at once"},
    {"bytes of rows",
     "sum by (n) (x)",
     {.end_ms = 10000000, .step_ms = 1000, .max_bytes = MIB},
     true,
     0,
     1,
     MIB + 64 * KIB,
     "the run would hold more than 1048576 bytes at once"},
    {"bytes of a result that is copied out",
     "x[1d]",
     {.start_ms = 9999000, .max_bytes = MIB},
     true,
     0,
     1000,
     MIB + 64 * KIB,
     "the run would hold more than 1048576 bytes at once"},
    {"steps that only samples limit",
     "vector(1)",
     {.end_ms = INT64_C(1) << 31, .step_ms = 1, .max_points = UINT64_MAX},
     true,
     0,
     1,
     64 * KIB,
     "query processing would load too many samples into memory in query execution"},
};

/* Compile and run; *err says why it failed. */
static void ask(const struct ampql_allocator *alc, const struct row *row, struct ampql_error *err)
{
    const struct ampql_engine_options options = {.allocator = alc};
    struct endless endless = {.nseries = row->nseries, .nsamples = row->nsamples};
    const struct ampql_source_ops ops = {.caps = AMPQL_SOURCE_SAMPLES |
                                                 (row->is_sorted ? AMPQL_SOURCE_SORTED : 0),
                                         .select = endless_push};
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    assert_int_equal(ampql_engine_new(&options, &engine, err), AMPQL_OK);
    assert_int_equal(ampql_source_new(engine, &ops, &endless, &source, err), AMPQL_OK);
    if (ampql_query_compile(engine, row->query, strlen(row->query), &query, err) == AMPQL_OK)
        ampql_query_run(query, source, &row->options, &result, err);
    if (result)
        fail_msg("%s: has a result", row->what);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static void test_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct torture t;
        struct ampql_error err = {0};
        torture_init(&t, 0);
        ask(&t.alc, &rows[i], &err);
        if (strcmp(err.message, rows[i].message) != 0 || t.peak_bytes > rows[i].most_bytes)
            fail_msg("%s: %zu bytes, \"%s\"", rows[i].what, t.peak_bytes, err.message);
        assert_int_equal(t.live, 0);
    }
}

static void test_series(void **state)
{
    struct torture t;
    struct ampql_error err = {0};
    struct endless endless = {.nsamples = 1};
    const struct ampql_source_ops ops = {.caps = AMPQL_SOURCE_SAMPLES, .select = endless_push};
    const struct ampql_run_options options = {.end_ms = 1000, .max_series = 1000};
    const struct ampql_engine_options engine_options = {.allocator = &t.alc};
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_result *result = NULL;
    (void)state;
    torture_init(&t, 0);
    assert_int_equal(ampql_engine_new(&engine_options, &engine, &err), AMPQL_OK);
    assert_int_equal(ampql_source_new(engine, &ops, &endless, &source, &err), AMPQL_OK);
    assert_int_equal(ampql_series_run(engine, "x", 1, source, &options, &result, &err),
                     AMPQL_LIMIT);
    assert_string_equal(err.message, "a selector matches more than 1000 series");
    assert_int_equal(endless.npushed, 1000);
    ampql_source_free(source);
    ampql_engine_free(engine);
    assert_true(t.peak_bytes < MIB);
    assert_int_equal(t.live, 0);
}

/* Any budget: the answer that there is without one, or the error that names it, and never more
 * taken at once than it and the result; then the engine goes on. */
static void test_budget(void **state)
{
    struct torture t;
    struct ampql_error err = {0};
    struct endless endless = {.nseries = 100, .nsamples = 100};
    const struct ampql_source_ops ops = {.caps = AMPQL_SOURCE_SAMPLES, .select = endless_push};
    const struct ampql_engine_options engine_options = {.allocator = &t.alc};
    static const char expr[] = "sum(rate(x[1m])) + count(x)";
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_query *query = NULL;
    (void)state;
    torture_init(&t, 0);
    assert_int_equal(ampql_engine_new(&engine_options, &engine, &err), AMPQL_OK);
    assert_int_equal(ampql_source_new(engine, &ops, &endless, &source, &err), AMPQL_OK);
    assert_int_equal(ampql_query_compile(engine, expr, sizeof expr - 1, &query, &err), AMPQL_OK);
    size_t nrefused = 0, before = t.live_bytes;
    for (uint64_t max_bytes = 1;; max_bytes *= 2) {
        struct ampql_run_options options = {
            .size = sizeof options, .start_ms = 99000, .end_ms = 99000, .max_bytes = max_bytes};
        struct ampql_result *result = NULL;
        t.peak_bytes = t.live_bytes;
        enum ampql_code code = ampql_query_run(query, source, &options, &result, &err);
        assert_true(t.peak_bytes <= before + max_bytes + (result ? 64 * KIB : 0));
        if (code == AMPQL_OK) {
            assert_int_equal(ampql_result_count(result), 1);
            assert_true(ampql_result_series(result, 0).values[0] == 200);
            ampql_result_free(result);
            break;
        }
        nrefused++;
        assert_int_equal(code, AMPQL_LIMIT);
        assert_non_null(strstr(err.message, "bytes at once"));
        assert_int_equal(t.live_bytes, before);
        struct ampql_result *series = NULL;
        code = ampql_series_run(engine, "x", 1, source, &options, &series, &err);
        assert_true(code == AMPQL_LIMIT || code == AMPQL_OK);
        ampql_result_free(series);
    }
    assert_true(nrefused > 4);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    assert_int_equal(t.live, 0);
}

/* Structs of options as programs have them that were built against older headers, and newer ones.
 */
static void test_sizes(void **state)
{
    struct ampql_run_options run = {.size = offsetof(struct ampql_run_options, max_samples),
                                    .max_samples = 1}; /* which such a struct has not */
    struct {
        struct ampql_run_options known;
        char unknown[64];
    } newer = {.known = {.size = sizeof newer, .max_samples = 1}};
    static const struct ampql_run_options unsized = {.max_samples = 1};
    const struct {
        const struct ampql_run_options *options;
        enum ampql_code code;
    } sizes[] = {
        {&run, AMPQL_OK},
        {&newer.known, AMPQL_LIMIT},
        {&unsized, AMPQL_LIMIT}, /* as it was in 0.1, so that nothing in it is passed over */
        {NULL, AMPQL_OK},
    };
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_query *query = NULL;
    (void)state;
    memset(newer.unknown, 0xff, sizeof newer.unknown);
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    assert_int_equal(
        ampql_query_compile(engine, "sum_over_time(vector(1)[1m:1s])", 31, &query, NULL), AMPQL_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct ampql_result *result = NULL;
        assert_int_equal(ampql_query_run(query, source, sizes[i].options, &result, NULL),
                         sizes[i].code);
        ampql_result_free(result);
    }
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* A batch may hold as many series as its queries together, and each of them may read as many. */
static void test_batch(void **state)
{
    static const char *const texts[] = {"count(x{n=\"1\"})", "x{n=\"1\"}", "-x{n=\"2\"}"};
    enum { N = sizeof texts / sizeof *texts };
    const struct ampql_run_options options = {.max_series = 2};
    const struct ampql_query *queries[N];
    struct ampql_query *compiled[N];
    struct ampql_result *results[N];
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    (void)state;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    for (int i = 1; i <= 2; i++) {
        const struct ampql_label labels[] = {{text("__name__"), text("x")},
                                             {text("n"), text(i == 1 ? "1" : "2")}};
        assert_int_equal(ampql_source_add(source, labels, 2, &(int64_t){0}, &(double){i}, 1, NULL),
                         AMPQL_OK);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(
            ampql_query_compile(engine, texts[i], strlen(texts[i]), &compiled[i], NULL), AMPQL_OK);
        queries[i] = compiled[i];
    }
    assert_int_equal(ampql_batch_run(engine, queries, N, source, &options, results, NULL),
                     AMPQL_OK);
    for (int i = 0; i < N; i++) {
        assert_int_equal(ampql_result_count(results[i]), 1);
        ampql_result_free(results[i]);
        ampql_query_free(compiled[i]);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* Texts of the largest size, of one piece again and again behind the first. */
static const struct repeated {
    const char *first, *piece, *message;
} repeated[] = {
    {"", "(", "the expression is nested more than 256 levels deep"},
    {"", "-", "the expression is nested more than 256 levels deep"},
    {"", "abs(", "the expression is nested more than 256 levels deep"},
    {"x", "[1m:1m]", "the expression is nested more than 256 levels deep"},
    {"", "1^", "the expression is nested more than 256 levels deep"},
    {"1", "+1", "the expression has more than 65536 operators"},
    {"x", " or x", "the expression has more than 65536 operators"},
};

static void test_depth(void **state)
{
    (void)state;
    char *long_text = malloc(TEXT_BYTES);
    assert_non_null(long_text);
    for (size_t i = 0; i < sizeof repeated / sizeof *repeated; i++) {
        struct torture t;
        struct ampql_error err = {0};
        struct ampql_engine *engine = NULL;
        struct ampql_query *query = NULL;
        size_t n = strlen(repeated[i].piece), size = strlen(repeated[i].first);
        memcpy(long_text, repeated[i].first, size);
        for (; size + n <= TEXT_BYTES; size += n)
            memcpy(long_text + size, repeated[i].piece, n);
        torture_init(&t, 0);
        const struct ampql_engine_options options = {.allocator = &t.alc};
        assert_int_equal(ampql_engine_new(&options, &engine, &err), AMPQL_OK);
        assert_int_equal(ampql_query_compile(engine, long_text, size, &query, &err), AMPQL_LIMIT);
        if (strcmp(err.message, repeated[i].message) != 0 || t.peak_bytes > 64 * MIB)
            fail_msg("%s: %zu bytes, \"%s\"", repeated[i].piece, t.peak_bytes, err.message);
        ampql_engine_free(engine);
        assert_int_equal(t.live, 0);
    }
    free(long_text);
}

/* Sums of any length are no depth: they are evaluated on the stack of a small thread. */
static const struct chain {
    const char *first, *piece;
    const char *value;
} chains[] = {
    {"0", "+1", "20000"},
    {"0*vector(1)", "+1", "20000"},
    {"0*x", "+x", "20000"},
    {"0*x", "+on(n)x", "20000"},
    {"x", " or x", "1"},
    {"x", " and x", "1"},
    {"-x", "+x-scalar(x)+2", "39999"},
    {"1", "+1 == bool 2", "0"},
    {"x", " != bool 3", "1"},
    {"count_over_time(vector(1)[1m:1s])", "+1", "20060"},
};

static void *run_chains(void *unused)
{
    enum { LENGTH = 20000 };
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    const struct ampql_label labels[] = {{text("__name__"), text("x")}, {text("n"), text("1")}};
    const struct ampql_run_options range = {.end_ms = 2000, .step_ms = 1000};
    const double one[] = {1, 1, 1};
    const int64_t t[] = {0, 1000, 2000};
    char *long_text = malloc(TEXT_BYTES);
    (void)unused;
    assert_non_null(long_text);
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_add(source, labels, 2, t, one, 3, NULL), AMPQL_OK);
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        struct ampql_query *query = NULL;
        struct ampql_result *result = NULL;
        struct ampql_error err = {0};
        size_t n = strlen(chains[i].piece), size = strlen(chains[i].first);
        memcpy(long_text, chains[i].first, size);
        for (int k = 0; k < LENGTH && size + n <= TEXT_BYTES; k++, size += n)
            memcpy(long_text + size, chains[i].piece, n);
        enum ampql_code code = ampql_query_compile(engine, long_text, size, &query, &err);
        if (code == AMPQL_OK)
            code = ampql_query_run(query, source, &range, &result, &err);
        if (code != AMPQL_OK)
            fail_msg("%s%s...: %s", chains[i].first, chains[i].piece, err.message);
        const struct ampql_series series = ampql_result_series(result, 0);
        char value[32];
        snprintf(value, sizeof value, "%.0f", series.values[2]);
        if (strcmp(value, chains[i].value) != 0)
            fail_msg("%s%s...: %s", chains[i].first, chains[i].piece, value);
        ampql_result_free(result);
        ampql_query_free(query);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
    free(long_text);
    return NULL;
}

static void test_chains(void **state)
{
    enum { STACK = 256 * KIB };
    pthread_t thread;
    pthread_attr_t attr;
    (void)state;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attr, run_chains, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
}

static long peak_kib(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* RE2's memory is not ours to count, so the process's is: without its limit this takes gigabytes.
 * Must be the first test, before others have raised the peak. */
static void test_regex(void **state)
{
    enum { PIECES = 1000 };
    static const char piece[] = "\\pL{1000}";
    char *query_text = malloc(PIECES * sizeof piece + 16);
    struct ampql_error err = {0};
    struct ampql_engine *engine = NULL;
    struct ampql_query *query = NULL;
    (void)state;
    assert_non_null(query_text);
    size_t n = (size_t)sprintf(query_text, "{a=~`");
    for (int i = 0; i < PIECES; i++)
        n += (size_t)sprintf(query_text + n, "%s", piece);
    n += (size_t)sprintf(query_text + n, "`}");
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    long before = peak_kib();
    assert_int_equal(ampql_query_compile(engine, query_text, n, &query, &err), AMPQL_LIMIT);
    assert_non_null(strstr(err.message, "expression too large"));
    assert_true(peak_kib() - before < 128 * KIB);
    ampql_engine_free(engine);
    free(query_text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_regex),  cmocka_unit_test(test_runs),   cmocka_unit_test(test_series),
    cmocka_unit_test(test_budget), cmocka_unit_test(test_sizes),  cmocka_unit_test(test_batch),
    cmocka_unit_test(test_depth),  cmocka_unit_test(test_chains),
};
TEST_MAIN(tests)
