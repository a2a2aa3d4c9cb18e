/* A query whose series several threads decode and compute: results, remarks, what it cost and what
 * fails are those of one thread, to the byte; over memory and captures, whole and damaged. */
#include "support/captures.h"
#include "support/scratch.h"
#include "support/series.h"
#include "support/test.h"

#include "base/buf.h"

#include <ampql/capture.h>

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NSERIES = 700, NSAMPLES = 240, STEP_MS = 15000 };

static const char *const texts[] = {
    "requests_total",
    "rate(requests_total[5m])",
    "sum by (job) (rate(requests_total[2m]))",
    "avg by (job, zone) (irate(requests_total[1m]))",
    "increase(requests_total{job=~\"j[02]\"}[3m]) > 10",
    "max_over_time(irate(requests_total[1m])[10m:1m])",
    "avg(memory_bytes != 0) by (job)[20m:1m]",
    "stddev_over_time(memory_bytes[7m])",
    "quantile_over_time(scalar(max(up)) / 2, memory_bytes[7m])",
    "sum(memory_bytes)",
    "avg(memory_bytes)",
    "count_values(\"v\", up)",
    "topk(3, memory_bytes)",
    "limitk(5, memory_bytes)",
    "quantile by (job) (0.9, memory_bytes)",
    "requests_total / on (instance) group_left memory_bytes",
    "memory_bytes and on (job, instance) requests_total",
    "requests_total unless up",
    "sum by (job) (requests_total) / sum by (job) (memory_bytes)",
    "label_replace(memory_bytes, \"job\", \"all\", \"\", \"\")",
    "changes(up[10m]) + resets(requests_total[10m])",
    "rate(memory_bytes[5m])",
    "absent_over_time(requests_total[5m])",
    "absent(nothing)",
    "{zone=\"z1\"}",
    "sum({__name__=~\".+\"})",
    "last_over_time(memory_bytes[5m] offset 3m)",
    "rate(requests_total[5m] @ 1800)",
    "timestamp(up)",
    "sort_desc(memory_bytes)",
    "histogram_quantile(0.9, requests_total)",
    "delta(memory_bytes[4m]) + memory_bytes - memory_bytes offset 1m",
    "requests_total[2m]",
    /* failures, of the whole and of one series */
    "double_exponential_smoothing(memory_bytes[5m], 2, 0.5)",
    "requests_total + on (job) memory_bytes",
    "label_replace(memory_bytes, \"instance\", \"same\", \"\", \"\")",
    "last_over_time({__name__=~\"memory_bytes|up\"}[5m])",
    "sum_over_time(memory_bytes[5m] anchored)",
};
enum { NTEXTS = sizeof texts / sizeof *texts };

/* ---- data: noise, counters that fall, gaps, markers, NaN */

static int64_t times[NSAMPLES];
static double values[NSERIES][NSAMPLES];
static char labels[NSERIES][64];
static struct captured series[NSERIES];

static void make_series(void)
{
    static const char *const names[] = {"requests_total", "memory_bytes", "up"};
    uint64_t bits = 88172645463325252u;
    for (size_t i = 0; i < NSAMPLES; i++)
        times[i] = (int64_t)i * STEP_MS + (int64_t)(i % 7);
    for (size_t s = 0; s < NSERIES; s++) {
        double total = 0;
        for (size_t i = 0; i < NSAMPLES; i++) {
            bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
            double noise = (double)(bits >> 11) / 9007199254740992.0;
            total = s % 11 == 3 && i % 50 == 49 ? noise : total + noise;
            values[s][i] = s % 3 == 0 ? total : s % 3 == 1 ? noise * 1e9 : (double)(bits >> 63);
            if (s % 13 == 5 && i % 60 == 59)
                values[s][i] = ampql_stale_marker();
            if (s % 17 == 7 && i % 40 == 2)
                values[s][i] = (double)NAN;
        }
        snprintf(labels[s], sizeof labels[s], "instance=i%03zu,job=j%zu,zone=z%zu", s / 3,
                 s / 3 % 5, s % 2);
        size_t from = s % 19 == 1 ? 100 : 0, upto = s % 23 == 1 ? 120 : NSAMPLES;
        series[s] = (struct captured){
            names[s % 3], labels[s], {times + from, values[s] + from, upto - from}};
    }
}

/* ---- an engine that counts where its memory is asked for, and may refuse it */

static pthread_t caller;
static atomic_size_t nelsewhere, ncalls;
static atomic_size_t refused_from; /* from this call on; 0: never */
static atomic_llong live;

static void *resize(void *payload, void *p, size_t old, size_t size)
{
    (void)payload;
    size_t call = atomic_fetch_add(&ncalls, size != 0) + 1, limit = atomic_load(&refused_from);
    atomic_fetch_add(&nelsewhere, !pthread_equal(caller, pthread_self()));
    if (size && limit && call >= limit)
        return NULL;
    atomic_fetch_add(&live, (long long)size - (long long)old);
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}

static struct ampql_engine *make_engine(enum ampql_dialect dialect)
{
    struct ampql_engine *engine = NULL;
    struct ampql_allocator alc = {.resize = resize};
    struct ampql_engine_options options = {
        .size = sizeof options, .allocator = &alc, .dialect = dialect, .experimental = true};
    caller = pthread_self();
    assert_int_equal(ampql_engine_new(&options, &engine, NULL), AMPQL_OK);
    return engine;
}

static struct ampql_source *fill_memory(struct ampql_engine *engine)
{
    struct ampql_source *source = NULL;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    for (size_t s = NSERIES; s-- > 0;) {
        struct ampql_label split[TEST_LABELS_MAX];
        size_t n = test_labels(series[s].name, series[s].labels, split);
        const struct samples *in = &series[s].samples;
        assert_int_equal(ampql_source_add(source, split, n, in->t, in->v, in->n, NULL), AMPQL_OK);
    }
    return source;
}

static struct ampql_source *open_capture(struct ampql_engine *engine)
{
    struct ampql_source *source = NULL;
    struct ampql_error err;
    if (ampql_source_capture(engine, captures_path, NULL, &source, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    return source;
}

/* ---- runs */

static void print_result(struct buf *out, const struct ampql_result *result)
{
    struct ampql_stats s = ampql_result_stats(result);
    assert_int_equal(ampql_result_json(result, buf_write, out), AMPQL_OK);
    buf_format(out, " %llu %llu %llu", (unsigned long long)s.selects, (unsigned long long)s.series,
               (unsigned long long)s.samples);
}

/* All that a run says; free it with buf_done. */
static void run(const struct ampql_query *query, struct ampql_source *source,
                const struct ampql_run_options *options, uint64_t threads, struct buf *out)
{
    struct ampql_run_options own = *options;
    struct ampql_result *result = NULL;
    struct ampql_error err = {0};
    own.threads = threads;
    enum ampql_code code = ampql_query_run(query, source, &own, &result, &err);
    buf_init(out, &alloc_default, 1 << 28);
    if (result)
        print_result(out, result);
    else
        buf_format(out, "%d %s %zu-%zu", (int)code, err.message, err.start, err.end);
    ampql_result_free(result);
    assert_int_equal(out->failed, 0);
}

static bool is_equal(const struct buf *a, const struct buf *b)
{
    return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

static void check_text(struct ampql_engine *engine, struct ampql_source *source, const char *text,
                       const struct ampql_run_options *options)
{
    struct ampql_query *query = NULL;
    struct buf alone, others;
    struct ampql_error err;
    if (ampql_query_compile(engine, text, strlen(text), &query, &err) != AMPQL_OK)
        return; /* not in this dialect */
    run(query, source, options, 1, &alone);
    for (uint64_t n = 2; n <= 4; n *= 2) {
        run(query, source, options, n, &others);
        if (!is_equal(&alone, &others))
            fail_msg("%s, %u threads:\n%.*s\nby one:\n%.*s", text, (unsigned)n,
                     (int)(others.n < 2000 ? others.n : 2000), others.p,
                     (int)(alone.n < 2000 ? alone.n : 2000), alone.p);
        buf_done(&others);
    }
    buf_done(&alone);
    ampql_query_free(query);
}

static void check_all(struct ampql_engine *engine, struct ampql_source *source,
                      const struct ampql_run_options *options)
{
    for (size_t i = 0; i < NTEXTS; i++)
        check_text(engine, source, texts[i], options);
}

static const struct ampql_run_options range = {.size = sizeof range,
                                               .start_ms = 600000,
                                               .end_ms = 3600000,
                                               .step_ms = 30000},
                                      instant = {.size = sizeof instant, .start_ms = 3000000};

static void check_source(enum ampql_dialect dialect,
                         struct ampql_source *open(struct ampql_engine *engine))
{
    struct ampql_engine *engine = make_engine(dialect);
    struct ampql_source *source = open(engine);
    atomic_store(&nelsewhere, 0);
    check_all(engine, source, &range);
    assert_true(atomic_load(&nelsewhere) > 100);
    check_all(engine, source, &instant);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static void over_memory(void **state)
{
    (void)state;
    check_source(AMPQL_PROM3, fill_memory);
    check_source(AMPQL_PROM2, fill_memory);
}

static void over_a_capture(void **state)
{
    (void)state;
    captures_samples(captures_path, series, NSERIES);
    check_source(AMPQL_PROM3, open_capture);
    check_source(AMPQL_PROM2, open_capture);
}

/* ---- what ends a run early */

static void over_a_damaged_capture(void **state)
{
    (void)state;
    for (long part = 1; part < 6; part++) { /* of the file, which is mostly series */
        captures_samples(captures_path, series, NSERIES);
        FILE *f = fopen(captures_path, "r+b");
        assert_non_null(f);
        fseek(f, 0, SEEK_END);
        fseek(f, ftell(f) * part / 6, SEEK_SET);
        int byte = fgetc(f);
        assert_int_not_equal(byte, EOF);
        fseek(f, -1, SEEK_CUR);
        fputc(byte ^ 4, f);
        fclose(f);
        struct ampql_engine *engine = make_engine(AMPQL_PROM3);
        struct ampql_source *source = open_capture(engine);
        check_all(engine, source, &range);
        ampql_source_free(source);
        ampql_engine_free(engine);
    }
}

static void limits(void **state)
{
    (void)state;
    struct ampql_engine *engine = make_engine(AMPQL_PROM3);
    struct ampql_source *source = fill_memory(engine);
    for (uint64_t max = 1; max < 400000; max = max * 3 / 2 + 1) {
        struct ampql_run_options options = range;
        options.max_samples = max;
        check_text(engine, source, "rate(requests_total[5m])", &options);
        check_text(engine, source, "sum by (job) (memory_bytes)", &options);
        options = range;
        options.max_series = max;
        check_text(engine, source, "rate(requests_total[5m])", &options);
        check_text(engine, source, "avg(rate(requests_total[5m])) / avg(memory_bytes)", &options);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* What is enough for one is enough for several; and what is not may be, since they do not all need
 * the same. */
static void budgets(void **state)
{
    static const char text[] = "rate({__name__=~\"requests.*\"}[5m])";
    struct ampql_engine *engine = make_engine(AMPQL_PROM3);
    struct ampql_source *source = fill_memory(engine);
    struct ampql_query *query = NULL;
    struct buf whole, alone, others;
    size_t nwhole = 0, nrefused = 0;
    (void)state;
    assert_int_equal(ampql_query_compile(engine, text, strlen(text), &query, NULL), AMPQL_OK);
    run(query, source, &range, 1, &whole);
    for (uint64_t max = 4096; max < 40 << 20; max = max * 5 / 4) {
        struct ampql_run_options options = range;
        options.max_bytes = max;
        run(query, source, &options, 1, &alone);
        run(query, source, &options, 3, &others);
        assert_true(is_equal(&others, &alone) || is_equal(&others, &whole));
        assert_true(is_equal(&others, &whole) || !is_equal(&alone, &whole));
        nwhole += is_equal(&others, &whole);
        nrefused += !is_equal(&alone, &whole);
        buf_done(&alone);
        buf_done(&others);
    }
    assert_true(nwhole > 3 && nrefused > 3);
    buf_done(&whole);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static void canceled(void **state)
{
    (void)state;
    struct ampql_engine *engine = make_engine(AMPQL_PROM3);
    struct ampql_source *source = fill_memory(engine);
    struct ampql_run_options options = range;
    assert_int_equal(ampql_cancel_new(engine, &options.cancel, NULL), AMPQL_OK);
    ampql_cancel_set(options.cancel);
    check_all(engine, source, &options);
    ampql_cancel_free(options.cancel);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* Which allocation of which thread fails is different each time: whichever it is, the run says so,
 * nothing is left behind, and the next run is whole. */
static void without_memory(void **state)
{
    static const char text[] = "rate(requests_total[2m]) + on (job, instance, zone) "
                               "group_left sum by (job, instance, zone) (requests_total)";
    struct ampql_engine *engine = make_engine(AMPQL_PROM3);
    struct ampql_source *source = fill_memory(engine);
    struct ampql_query *query = NULL;
    struct ampql_run_options options = range;
    (void)state;
    options.threads = 3;
    assert_int_equal(ampql_query_compile(engine, text, strlen(text), &query, NULL), AMPQL_OK);
    struct buf out;
    run(query, source, &options, 1, &out); /* the first puts the source in order */
    buf_done(&out);
    enum ampql_code code = AMPQL_NOMEM;
    for (size_t k = 1; code != AMPQL_OK; k += 1 + k / 40) {
        struct ampql_result *result = NULL;
        struct ampql_error err = {0};
        long long before = atomic_load(&live);
        atomic_store(&ncalls, 0);
        atomic_store(&refused_from, k);
        code = ampql_query_run(query, source, &options, &result, &err);
        assert_int_equal(code == AMPQL_OK, result != NULL);
        buf_init(&out, &alloc_default, 1 << 28);
        if (result) /* its text needs memory, too */
            code = ampql_result_json(result, buf_write, &out);
        atomic_store(&refused_from, 0);
        assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
        buf_done(&out);
        ampql_result_free(result);
        assert_int_equal(atomic_load(&live), before);
        assert_true(k < 1000000);
    }
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    assert_int_equal(atomic_load(&live), 0);
}

static int set_up(void **state)
{
    make_series();
    return captures_set_up(state);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, scratch_drop)
static const struct CMUnitTest tests[] = {
    IN_FOLDER(over_memory), IN_FOLDER(over_a_capture), IN_FOLDER(over_a_damaged_capture),
    IN_FOLDER(limits),      IN_FOLDER(canceled),       IN_FOLDER(without_memory),
    IN_FOLDER(budgets),
};
TEST_MAIN(tests)
