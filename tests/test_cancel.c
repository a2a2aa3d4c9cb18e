/* Long runs end soon after their cancel flag is set, or their deadline is past, wherever they are:
 * in windows, rows, joins, aggregations, subqueries, or copying the result out. And long rows,
 * which are worked through in parts, have the values of short ones. */
#include <ampql.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"

enum {
    LONG = 1000000, /* samples of the one long series, a second apart */
    MANY = 2000,    /* series of y and buckets of b, with FEW samples a minute apart */
    FEW = 120,
    MOST = 60000, /* series of z, with one sample */
    RUNS = 12,    /* of each query, canceled at random times */
    TIMEOUTS = 4,
    SOON_MS = 30,   /* canceled within so long after the start */
    BOUND_MS = 1000 /* generous: on a busy machine, under sanitizers */
};

struct data {
    struct ampql_engine *engine;
    struct ampql_source *source;
    int64_t *t;
    double *v;
};

static struct ampql_label label(const char *name, const char *value)
{
    return (struct ampql_label){{name, strlen(name)}, {value, strlen(value)}};
}

static void add(struct data *d, const char *name, size_t number, const char *le, const int64_t *t,
                const double *v, size_t n)
{
    char text[32], group[32];
    snprintf(text, sizeof text, "%zu", number);
    snprintf(group, sizeof group, "%zu", number / 10);
    struct ampql_label labels[] = {label("__name__", name), label("g", group), label("i", text),
                                   label("le", le)};
    assert_int_equal(ampql_source_add(d->source, labels, le[0] ? 4 : 3, t, v, n, NULL), AMPQL_OK);
}

static void make_data(struct data *d)
{
    static const char *const bounds[] = {"0.1", "0.2", "0.5", "1",  "2",
                                         "5",   "10",  "20",  "50", "+Inf"};
    struct ampql_memory_options options = {.size = sizeof options};
    uint64_t random = 42;
    assert_int_equal(ampql_engine_new(NULL, &d->engine, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_memory(d->engine, &options, &d->source, NULL), AMPQL_OK);
    d->t = malloc(LONG * sizeof *d->t);
    d->v = malloc(LONG * sizeof *d->v);
    assert_true(d->t && d->v);
    for (size_t i = 0; i < LONG; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        d->t[i] = (int64_t)i * 1000;
        d->v[i] = (double)(random >> 40) / 1000;
    }
    add(d, "x", 0, "", d->t, d->v, LONG);
    int64_t t[FEW];
    for (size_t k = 0; k < FEW; k++)
        t[k] = (int64_t)k * 60000;
    for (size_t i = 0; i < MANY; i++) {
        add(d, "y", i, "", t, d->v + i * FEW, FEW);
        add(d, "b", i / 10, bounds[i % 10], t, d->v + i, FEW);
    }
    for (size_t i = 0; i < MOST; i++)
        add(d, "z", i, "", t, d->v + i, 1);
}

static void free_data(struct data *d)
{
    ampql_source_free(d->source);
    ampql_engine_free(d->engine);
    free(d->t);
    free(d->v);
}

static const struct case_row {
    const char *text;
    int64_t end_s, step_s;
} cases[] = {
    /* one series, a million steps */
    {"sum_over_time(x[5m])", LONG - 1, 1},
    {"quantile_over_time(0.5, x[10m])", LONG - 1, 1},
    {"rate(x[1h])", LONG - 1, 1},
    {"changes(x[1h])", LONG - 1, 1},
    {"deriv(x[2m])", LONG - 1, 1},
    {"increase(x[10m] anchored)", LONG - 1, 1},
    {"changes(x[10m] anchored)", LONG - 1, 1},
    {"((x ^ 1.7) ^ 0.3) ^ 2.2", LONG - 1, 1},
    {"clamp(exp(ln(x)), 1, 3) + hour() * time()", LONG - 1, 1},
    {"count_values(\"v\", x)", LONG / 200, 1},
    /* thousands of series */
    {"topk(7, y)", 7200, 5},
    {"quantile(0.9, y)", 7200, 5},
    {"quantile by (g) (0.9, y)", 7200, 5},
    {"limitk(3, y)", 7200, 5},
    {"y * on (i) group_left () y", 7200, 5},
    {"sum by (g) (y) / on (g) group_right () y", 7200, 5},
    {"y and on (g) y or y", 7200, 5},
    {"y + on (g) group_left () y", 600, 60}, /* fails: the one side has a group twice */
    {"histogram_quantile(0.9, b)", 7200, 2},
    {"histogram_quantile(0.9, rate(b[5m]))", 7200, 2},
    {"label_replace(z, \"k\", \"$1-$2\", \"i\", \"(.*)(.)\")", 60, 60},
    {"sort_desc(z)", 0, 0},
    {"z", 600, 60},
    {"stddev by (g) (z) + on (g) group_right () z", 600, 60},
    /* subqueries */
    {"max_over_time(sum_over_time(x[1m])[999999s:1s])", LONG - 1, LONG},
    {"sum_over_time((y * 2)[1h:5s])", 7200, 60},
    {"sum_over_time(x[1m:1s])", 50000, 1},
};

static struct ampql_run_options options_of(const struct case_row *row)
{
    bool is_range = row->step_s > 0;
    int64_t end_ms = row->end_s * 1000;
    return (struct ampql_run_options){.size = sizeof(struct ampql_run_options),
                                      .start_ms = is_range && row->step_s < LONG ? 0 : end_ms,
                                      .end_ms = end_ms,
                                      .step_ms = row->step_s * 1000,
                                      .max_samples = UINT64_C(1) << 28,
                                      .max_points = UINT64_MAX};
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct killer {
    struct ampql_cancel *cancel;
    int64_t after_us, set_us;
};

static void *kill_later(void *payload)
{
    struct killer *killer = payload;
    struct timespec wait = {0, killer->after_us * 1000};
    nanosleep(&wait, NULL);
    killer->set_us = now_us();
    ampql_cancel_set(killer->cancel);
    return NULL;
}

/* Run; *code is how it ended. Returns when, or the microseconds it took. */
static int64_t run_query(const struct data *d, const struct case_row *row,
                         const struct ampql_run_options *options, enum ampql_code *code)
{
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    struct ampql_error err = {0};
    struct ampql_engine_options with = {.size = sizeof with, .experimental = true};
    struct ampql_engine *engine = NULL;
    assert_int_equal(ampql_engine_new(&with, &engine, NULL), AMPQL_OK);
    if (ampql_query_compile(engine, row->text, strlen(row->text), &query, &err) != AMPQL_OK)
        fail_msg("%s: %s", row->text, err.message);
    *code = ampql_query_run(query, d->source, options, &result, &err);
    int64_t end_us = now_us();
    if (*code != AMPQL_OK && *code != AMPQL_CANCELED && *code != AMPQL_TIMEOUT &&
        *code != AMPQL_EXECUTION)
        fail_msg("%s: code %d %s", row->text, (int)*code, err.message);
    ampql_result_free(result);
    ampql_query_free(query);
    ampql_engine_free(engine);
    return end_us;
}

/* A run that is canceled after a while: how long it went on after that, in microseconds. */
static int64_t cancel_once(const struct data *d, const struct case_row *row, int64_t after_us,
                           bool *was_canceled)
{
    struct ampql_run_options options = options_of(row);
    struct killer killer = {.after_us = after_us};
    pthread_t thread;
    enum ampql_code code;
    assert_int_equal(ampql_cancel_new(d->engine, &killer.cancel, NULL), AMPQL_OK);
    options.cancel = killer.cancel;
    assert_int_equal(pthread_create(&thread, NULL, kill_later, &killer), 0);
    int64_t end_us = run_query(d, row, &options, &code);
    pthread_join(thread, NULL);
    ampql_cancel_free(killer.cancel);
    *was_canceled = code == AMPQL_CANCELED;
    if (code == AMPQL_TIMEOUT)
        fail_msg("%s: no deadline was set", row->text);
    return end_us - killer.set_us;
}

static void cancels(void **state)
{
    const struct data *d = *state;
    uint64_t random = 7;
    int64_t worst_us = 0;
    size_t worst = 0, ncanceled = 0, nruns = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t run = 0; run < RUNS; run++) {
            bool was_canceled;
            random = random * 6364136223846793005u + 1442695040888963407u;
            int64_t after_us = (int64_t)((random >> 33) % (SOON_MS * 1000));
            int64_t late_us = cancel_once(d, &cases[i], after_us, &was_canceled);
            nruns++;
            ncanceled += was_canceled;
            if (late_us > worst_us) {
                worst_us = late_us;
                worst = i;
            }
            if (late_us > BOUND_MS * 1000)
                fail_msg("%s: went on for %lld ms after it was canceled", cases[i].text,
                         (long long)late_us / 1000);
        }
    }
    printf("  %zu of %zu runs canceled; at most %.1f ms after the flag: %s\n", ncanceled, nruns,
           (double)worst_us / 1000, cases[worst].text);
    assert_true(ncanceled > nruns / 3); /* the cases are long enough to say something */
}

static void deadlines(void **state)
{
    const struct data *d = *state;
    int64_t worst_us = 0;
    size_t worst = 0, nlate = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int64_t run = 0; run < TIMEOUTS; run++) {
            struct ampql_run_options options = options_of(&cases[i]);
            enum ampql_code code;
            options.timeout_ms = 1 + run * 7;
            int64_t begin_us = now_us(), end_us = run_query(d, &cases[i], &options, &code);
            int64_t late_us = end_us - begin_us - options.timeout_ms * 1000;
            nlate += code == AMPQL_TIMEOUT;
            if (late_us > worst_us) {
                worst_us = late_us;
                worst = i;
            }
            if (late_us > BOUND_MS * 1000)
                fail_msg("%s: %lld ms over its time", cases[i].text, (long long)late_us / 1000);
        }
    }
    printf("  %zu runs timed out; at most %.1f ms late: %s\n", nlate, (double)worst_us / 1000,
           cases[worst].text);
    assert_true(nlate > 0);
}

/* What was canceled can be run again, and rows of a million steps are worked through in parts: both
 * must have the values that a few steps alone have. */
static void same_values(void **state)
{
    const struct data *d = *state;
    static const struct case_row rows[] = {
        {"((x ^ 1.7) ^ 0.3) * 3 - clamp(x, 2, 5)", 200000, 1},
        {"hour(x * 1000) + time() + timestamp(x + 0)", 200000, 1},
        {"(x > 5000) * 2 or -x", 200000, 1},
        {"round(x, 0.7) == bool on (i) x", 200000, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_query *query = NULL;
        struct ampql_result *all = NULL;
        struct ampql_run_options options = options_of(&rows[i]);
        assert_int_equal(
            ampql_query_compile(d->engine, rows[i].text, strlen(rows[i].text), &query, NULL),
            AMPQL_OK);
        assert_int_equal(ampql_query_run(query, d->source, &options, &all, NULL), AMPQL_OK);
        for (int64_t from = 0; from < 200000; from += 65536 / 2 - 7) {
            struct ampql_result *few = NULL;
            options.start_ms = from * 1000;
            options.end_ms = (from + 20) * 1000;
            assert_int_equal(ampql_query_run(query, d->source, &options, &few, NULL), AMPQL_OK);
            assert_int_equal(ampql_result_count(few), 1);
            struct ampql_series a = ampql_result_series(all, 0), b = ampql_result_series(few, 0);
            for (size_t k = 0; k < 21; k++) {
                size_t at = (size_t)from + k;
                bool here = b.present[0] >> k & 1;
                assert_int_equal(a.present[at / 64] >> (at % 64) & 1, here);
                if (here)
                    assert_memory_equal(&a.values[at], &b.values[k], sizeof(double));
            }
            ampql_result_free(few);
        }
        ampql_result_free(all);
        ampql_query_free(query);
    }
}

static int begin(void **state)
{
    static struct data data;
    make_data(&data);
    *state = &data;
    return 0;
}

static int end(void **state)
{
    free_data(*state);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancels),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(same_values),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
