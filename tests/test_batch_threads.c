/* A batch by several threads: results, what they cost and what fails are those of one. */
#include "support/series.h"
#include "support/test.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Some read what others read, some nothing, one is alone: by pairs, chains of them, and twice. */
static const char *const texts[] = {
    "sum(rate(requests_total[5m])) by (job)",
    "avg(memory_bytes) by (job)",
    "requests_total / on (job) group_left memory_bytes",
    "max_over_time(up[10m])",
    "1 + 2",
    "count(errors_total) - count(errors_total offset 5m)",
    "sum_over_time(count(up)[10m:1m])",
    "vector(time())",
    "quantile(0.5, latency_seconds)",
    "absent(nothing_here)",
    "sum(rate(requests_total[5m])) by (job)",
};
enum { NTEXTS = sizeof texts / sizeof *texts, MINUTE_MS = 60000 };

struct batch {
    struct ampql_engine *engine;
    struct ampql_query *queries[NTEXTS];
};

static void compile(struct batch *batch)
{
    assert_int_equal(ampql_engine_new(NULL, &batch->engine, NULL), AMPQL_OK);
    for (size_t i = 0; i < NTEXTS; i++)
        assert_int_equal(ampql_query_compile(batch->engine, texts[i], strlen(texts[i]),
                                             &batch->queries[i], NULL),
                         AMPQL_OK);
}

static void release(struct batch *batch)
{
    for (size_t i = 0; i < NTEXTS; i++)
        ampql_query_free(batch->queries[i]);
    ampql_engine_free(batch->engine);
}

static void print_stats(struct buf *out, const struct ampql_stats *s)
{
    buf_format(out, " %llu %llu %llu %llu;", (unsigned long long)s->selects,
               (unsigned long long)s->series, (unsigned long long)s->samples,
               (unsigned long long)s->remote_samples);
}

static void print_result(struct buf *out, const struct ampql_result *result)
{
    struct ampql_stats stats = ampql_result_stats(result);
    assert_int_equal(ampql_result_json(result, buf_write, out), AMPQL_OK);
    print_stats(out, &stats);
    for (size_t i = 0; i < ampql_result_select_count(result); i++) {
        struct ampql_select_stats select = ampql_result_select(result, i);
        buf_format(out, "%.*s %zu", (int)select.query.size, select.query.data, select.nqueries);
        print_stats(out, &select.stats);
    }
}

/* All that a run says, as text; free it with buf_done. */
static void run(const struct batch *batch, struct ampql_source *source, uint64_t threads,
                struct buf *out)
{
    struct ampql_run_options options = {.size = sizeof options,
                                        .start_ms = 10 * MINUTE_MS,
                                        .end_ms = 50 * MINUTE_MS,
                                        .step_ms = MINUTE_MS,
                                        .threads = threads};
    struct ampql_result *results[NTEXTS];
    struct ampql_error errs[NTEXTS] = {0};
    enum ampql_code code =
        ampql_batch_run(batch->engine, (const struct ampql_query *const *)batch->queries, NTEXTS,
                        source, &options, results, errs);
    buf_init(out, &alloc_default, 1 << 24);
    buf_format(out, "%d\n", (int)code);
    for (size_t i = 0; i < NTEXTS; i++) {
        if (results[i])
            print_result(out, results[i]);
        else
            buf_format(out, "%d %s %zu-%zu", (int)errs[i].code, errs[i].message, errs[i].start,
                       errs[i].end);
        buf_byte(out, '\n');
        ampql_result_free(results[i]);
    }
    assert_int_equal(out->failed, 0);
}

static struct ampql_source *fill(struct ampql_engine *engine, bool has_doubles)
{
    static const char *const names[] = {"requests_total", "errors_total", "latency_seconds", "up"};
    struct ampql_source *source = NULL;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    for (int i = 12; i-- > 0;) {
        char labels[80];
        snprintf(labels, sizeof labels, "job=j%d,instance=i%d", i % 4, i);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            assert_true(test_add(source, names[k], labels, 0, MINUTE_MS, "0.1+0.3x60"));
        snprintf(labels, sizeof labels, "job=j%d", i % 4);
        if (i < 4)
            assert_true(test_add(source, "memory_bytes", labels, 0, MINUTE_MS, "7+1x60"));
    }
    if (has_doubles) /* of one side of a join there are two */
        assert_true(
            test_add(source, "memory_bytes", "job=j1,instance=i99", 0, MINUTE_MS, "7+1x60"));
    return source;
}

static void check(const struct batch *batch, struct ampql_source *source, const char *what)
{
    struct buf alone, others;
    run(batch, source, 1, &alone);
    for (uint64_t n = 2; n <= 8; n *= 2) {
        run(batch, source, n, &others);
        if (alone.n != others.n || memcmp(alone.p, others.p, alone.n) != 0)
            fail_msg("%s, %u threads:\n%.*s\nby one:\n%.*s", what, (unsigned)n, (int)others.n,
                     others.p, (int)alone.n, alone.p);
        buf_done(&others);
    }
    buf_done(&alone);
    ampql_source_free(source);
}

static void test_same(void **state)
{
    struct batch batch;
    (void)state;
    compile(&batch);
    check(&batch, fill(batch.engine, false), "a batch");
    check(&batch, fill(batch.engine, true), "a batch in which a query fails");
    release(&batch);
}

/* ---- a source of one's own: who calls, and what fails */

struct own {
    pthread_t caller;
    atomic_size_t ncalls, nelsewhere;
    const char *fails; /* the metric that cannot be read */
};

static enum ampql_code own_select(void *payload, const struct ampql_select *select,
                                  struct ampql_sink *sink, struct ampql_error *err)
{
    struct own *own = payload;
    struct ampql_string name = select->matchers[0].value;
    (void)sink;
    atomic_fetch_add(&own->ncalls, 1);
    atomic_fetch_add(&own->nelsewhere, !pthread_equal(own->caller, pthread_self()));
    if (!test_is(name, own->fails))
        return AMPQL_OK;
    err->code = AMPQL_UNAVAILABLE;
    snprintf(err->message, sizeof err->message, "%s is away", own->fails);
    return AMPQL_UNAVAILABLE;
}

static struct ampql_source *make_own(struct ampql_engine *engine, struct own *own, uint32_t caps)
{
    struct ampql_source_ops ops = {.size = sizeof ops, .caps = caps, .select = own_select};
    struct ampql_source *source = NULL;
    assert_int_equal(ampql_source_new(engine, &ops, own, &source, NULL), AMPQL_OK);
    return source;
}

static void test_failures(void **state)
{
    static const char *const names[] = {"requests_total", "up", "errors_total", "nothing_here"};
    struct batch batch;
    (void)state;
    compile(&batch);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct own own = {.caller = pthread_self(), .fails = names[i]};
        check(&batch, make_own(batch.engine, &own, AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_PARALLEL),
              names[i]);
    }
    release(&batch);
}

/* A source that does not say so is read by the caller's thread. */
static void test_one_reader(void **state)
{
    struct own own = {.caller = pthread_self(), .fails = ""};
    struct batch batch;
    struct buf out;
    (void)state;
    compile(&batch);
    struct ampql_source *source = make_own(batch.engine, &own, AMPQL_SOURCE_SAMPLES);
    run(&batch, source, 4, &out);
    assert_int_equal(own.nelsewhere, 0);
    assert_true(own.ncalls > 5);
    buf_done(&out);
    ampql_source_free(source);
    release(&batch);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_same),
                                          cmocka_unit_test(test_failures),
                                          cmocka_unit_test(test_one_reader)};
TEST_MAIN(tests)
