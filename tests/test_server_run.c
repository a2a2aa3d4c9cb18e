/* Queries run over a server: what they cost here, and what they would have cost there. */
#include <ampql.h>

#include <string.h>

#include "source/server.h"
#include "support/api.h"
#include "support/test.h"

enum { NSAMPLES = 120, MINUTE = 60000 };
#define BASE INT64_C(1709402400000)
#define T (BASE + 100 * INT64_C(60000))

struct fixture {
    struct ampql_engine *engine;
    struct api api;
    struct test_series series[2];
    struct ampql_label labels[2][2];
    int64_t t[NSAMPLES];
    double v[NSAMPLES];
};

static struct ampql_string text(const char *s)
{
    return (struct ampql_string){s, strlen(s)};
}

/* up{pod="a"} and up{pod="b"}: a sample on each full minute. */
static struct ampql_source *open_fixture(struct fixture *f, uint64_t max_billed)
{
    struct ampql_engine_options engine_options = {.size = sizeof engine_options};
    struct server_options options = {
        .base_url = STR("http://h"), .dialect = AMPQL_PROM3, .max_billed_samples = max_billed};
    struct transport transport;
    struct ampql_source *source;
    *f = (struct fixture){0};
    assert_int_equal(ampql_engine_new(&engine_options, &f->engine, NULL), AMPQL_OK);
    for (size_t i = 0; i < NSAMPLES; i++) {
        f->t[i] = BASE + (int64_t)i * MINUTE;
        f->v[i] = (double)i;
    }
    for (size_t k = 0; k < 2; k++) {
        f->labels[k][0] = (struct ampql_label){text("__name__"), text("up")};
        f->labels[k][1] = (struct ampql_label){text("pod"), text(k ? "b" : "a")};
        f->series[k] = (struct test_series){f->labels[k], 2, f->t, f->v, NSAMPLES};
    }
    f->api =
        (struct api){.alc = alloc_default, .series = f->series, .n = 2, .dialect = AMPQL_PROM3};
    api_transport(&f->api, &transport);
    assert_int_equal(source_server_open(&alloc_default, &transport, &options, &source, NULL), 0);
    return source;
}

static void close_fixture(struct fixture *f, struct ampql_source *source)
{
    ampql_source_free(source);
    ampql_engine_free(f->engine);
}

static const struct row {
    const char *query;
    size_t nsteps;           /* of a minute; 1: instant */
    uint64_t billed, remote; /* samples of the one series up{pod="a"} */
    size_t requests;
} rows[] = {
    {"up{pod=\"a\"}", 1, 1, 1, 1},
    {"up{pod=\"a\"}", 10, 10, 10, 1},
    {"up{pod=\"a\"}[10m]", 1, 10, 10, 1},
    {"sum(rate(up{pod=\"a\"}[5m]))", 1, 5, 5, 1},
    /* windows that overlap are paid for again there, and once here */
    {"sum(rate(up{pod=\"a\"}[5m]))", 10, 14, 50, 1},
    {"up{pod=\"a\"} + up{pod=\"a\"}", 1, 1, 2, 1},
    {"avg_over_time(up{pod=\"a\"}[10m]) + max_over_time(up{pod=\"a\"}[5m])", 1, 10, 15, 1},
    {"max_over_time(up{pod=\"a\"}[30m:5m])", 1, 6, 12, 1},
    {"max_over_time(abs(up{pod=\"a\"})[30m:5m] offset 5m)", 1, 6, 12, 1},
    /* 6 windows of 10 samples, and the subquery's 6 points */
    {"max_over_time(rate(up{pod=\"a\"}[10m])[30m:5m])", 1, 35, 66, 1},
    /* how many rows a sum has is not known before */
    {"sum_over_time(sum(up{pod=\"a\"})[10m:1m])", 1, 10, 10, 1},
    {"vector(1)", 1, 0, 0, 0},
};

static void costs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        struct ampql_source *source = open_fixture(&f, 0);
        struct ampql_query *query;
        struct ampql_result *result;
        struct ampql_error err = {0};
        struct ampql_run_options options = {.size = sizeof options,
                                            .start_ms = T,
                                            .end_ms = T + (int64_t)(rows[i].nsteps - 1) * MINUTE,
                                            .step_ms = rows[i].nsteps > 1 ? MINUTE : 0};
        assert_int_equal(
            ampql_query_compile(f.engine, rows[i].query, strlen(rows[i].query), &query, &err),
            AMPQL_OK);
        if (ampql_query_run(query, source, &options, &result, &err) != AMPQL_OK)
            fail_msg("%s: %s", rows[i].query, err.message);
        struct ampql_stats stats = ampql_result_stats(result);
        if (stats.billed_samples != rows[i].billed || stats.remote_samples != rows[i].remote ||
            stats.requests != rows[i].requests)
            fail_msg("%s: billed %llu, remotely %llu, %llu requests", rows[i].query,
                     (unsigned long long)stats.billed_samples,
                     (unsigned long long)stats.remote_samples, (unsigned long long)stats.requests);
        assert_int_equal(stats.billed_samples, f.api.billed);
        assert_int_equal(f.api.nopen, 0);
        ampql_result_free(result);
        ampql_query_free(query);
        close_fixture(&f, source);
    }
}

/* What each query of the batch below is told that it read. */
static void check_reads(struct ampql_result *const *results)
{
    static const struct {
        const char *select;
        size_t nqueries;
        uint64_t billed, remote;
    } reads[] = {{"up", 1, 2, 2}, {"up[10m]", 2, 20, 20}, {"up", 1, 2, 2}, {"up[10m]", 2, 20, 20}};
    struct ampql_stats sum = {0}, total = ampql_result_stats(results[0]);
    for (size_t i = 0; i < 4; i++) {
        struct ampql_select_stats read = ampql_result_select(results[i], 0);
        struct ampql_stats alone, shared;
        ampql_result_costs(results[i], &alone, &shared);
        const struct ampql_stats *mine = reads[i].nqueries > 1 ? &shared : &alone;
        const struct ampql_stats *other = reads[i].nqueries > 1 ? &alone : &shared;
        assert_int_equal(ampql_result_select_count(results[i]), 1);
        assert_true(str_equal(str_view(read.query), str_of(reads[i].select)));
        assert_int_equal(read.kind, reads[i].nqueries > 1 ? AMPQL_SELECT_RAW : AMPQL_SELECT_GRID);
        assert_int_equal(read.nqueries, reads[i].nqueries);
        assert_int_equal(read.stats.billed_samples, reads[i].billed);
        assert_int_equal(read.stats.remote_samples, reads[i].remote);
        assert_int_equal(read.stats.series, 2);
        assert_memory_equal(mine, &read.stats, sizeof *mine);
        assert_memory_equal(other, &(struct ampql_stats){0}, sizeof *other);
        if (i == 3) /* which the second query has counted */
            break;
        sum.requests += read.stats.requests;
        sum.retries += read.stats.retries;
        sum.bytes += read.stats.bytes;
        sum.billed_samples += read.stats.billed_samples;
    }
    assert_int_equal(sum.requests, total.requests);
    assert_int_equal(sum.retries, total.retries);
    assert_int_equal(total.retries, 1);
    assert_true(sum.bytes > 0);
    assert_int_equal(sum.bytes, total.bytes);
    assert_int_equal(sum.billed_samples, total.billed_samples);
    assert_int_equal(ampql_result_select(results[0], 1).nqueries, 0);
}

/* A batch: one fetch for all, in flight together, and the budget is of the whole. */
static void batches(void **state)
{
    (void)state;
    static const char *const texts[] = {"up", "rate(up[10m])", "up offset 1h",
                                        "avg_over_time(up[10m])"};
    enum { N = sizeof texts / sizeof *texts };
    for (uint64_t max_billed = 0; max_billed < 60; max_billed += 20) {
        struct fixture f;
        struct ampql_source *source = open_fixture(&f, max_billed);
        struct ampql_query *queries[N];
        struct ampql_result *results[N];
        struct ampql_error errs[N] = {0};
        struct ampql_run_options options = {.size = sizeof options, .start_ms = T};
        f.api.fault = API_RESET; /* of the first request */
        f.api.fault_count = max_billed == 0;
        for (size_t i = 0; i < N; i++)
            assert_int_equal(
                ampql_query_compile(f.engine, texts[i], strlen(texts[i]), &queries[i], NULL), 0);
        enum ampql_code code = ampql_batch_run(f.engine, (const struct ampql_query *const *)queries,
                                               N, source, &options, results, errs);
        /* 2 + 2 values and 2 * 10 samples are predicted */
        if (max_billed == 20) {
            assert_int_equal(code, AMPQL_LIMIT);
            assert_non_null(strstr(errs[0].message, "would bill about 24 samples"));
            assert_int_equal(f.api.billed, 0);
        } else {
            assert_int_equal(code, AMPQL_OK);
            assert_int_equal(f.api.nqueries, max_billed ? 3 : 4);
            assert_int_equal(f.api.most_open, 3);
            if (max_billed == 0)
                check_reads(results);
            else
                assert_int_equal(f.api.billed, 24);
        }
        for (size_t i = 0; i < N; i++) {
            ampql_result_free(results[i]);
            ampql_query_free(queries[i]);
        }
        close_fixture(&f, source);
    }
}

/* A run that is canceled, or late, stops the server source where it waits. */
static void cancels(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct fixture f;
        struct ampql_source *source = open_fixture(&f, 0);
        struct ampql_query *query;
        struct ampql_result *result = NULL;
        struct ampql_cancel *cancel;
        struct ampql_error err = {0};
        assert_int_equal(ampql_cancel_new(f.engine, &cancel, &err), AMPQL_OK);
        assert_int_equal(ampql_query_compile(f.engine, "up", 2, &query, &err), AMPQL_OK);
        struct ampql_run_options options = {
            .size = sizeof options, .start_ms = T, .cancel = late ? NULL : cancel};
        f.api.fault = API_RESET;
        f.api.fault_count = SIZE_MAX;
        if (late)
            f.api.poll_error = (struct ampql_error){.code = AMPQL_TIMEOUT, .message = "late"};
        else
            ampql_cancel_set(cancel);
        assert_int_equal(ampql_query_run(query, source, &options, &result, &err),
                         late ? AMPQL_TIMEOUT : AMPQL_CANCELED);
        assert_null(result);
        assert_int_equal(f.api.nopen, 0);
        ampql_query_free(query);
        ampql_cancel_free(cancel);
        close_fixture(&f, source);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(costs),
    cmocka_unit_test(batches),
    cmocka_unit_test(cancels),
};
TEST_MAIN(tests)
