/* Bills by several threads: the same bytes as by one, over captures, memory and several of these;
 * over a source that may be read by one run only, no thread but the caller's reads. */
#include "support/scratch.h"
#include "support/series.h"
#include "support/test.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define DAY_START INT64_C(1772323200000) /* of examples/data/cluster_day.aqc */

enum { HOUR_MS = 3600000, MINUTE_MS = 60000 };

static struct ampql_source *open_day(struct ampql_engine *engine)
{
    struct ampql_source *source = NULL;
    assert_int_equal(
        ampql_source_capture(engine, "examples/data/cluster_day.aqc", NULL, &source, NULL),
        AMPQL_OK);
    return source;
}

/* Two nodes and forty pods; series come in no order, so that the first run sorts them. */
static struct ampql_source *make_memory(struct ampql_engine *engine)
{
    struct ampql_source *source = NULL;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    for (int i = 40; i-- > 0;) {
        char labels[160];
        snprintf(labels, sizeof labels, "cluster_id=c,namespace=n%d,pod=p%d,container=x,node=m%d",
                 i % 3, i * 7 % 40, i % 2);
        assert_true(
            test_add(source, "container_cpu_allocation", labels, DAY_START, MINUTE_MS, "0.5x1440"));
        assert_true(test_add(source, "container_cpu_usage_seconds_total", labels, DAY_START,
                             MINUTE_MS, "0+7x1440"));
        *strstr(labels, ",node") = '\0';
        assert_true(test_add(source, "kube_pod_container_status_running", labels, DAY_START,
                             MINUTE_MS, "1x1440"));
    }
    assert_true(test_add(source, "node_cpu_hourly_cost",
                         "cluster_id=c,node=m0,instance_type=t,provider_id=i", DAY_START, MINUTE_MS,
                         "0.1x1440"));
    return source;
}

static struct ampql_source *make_merged(struct ampql_engine *engine)
{
    struct ampql_source *sources[] = {make_memory(engine), NULL}, *merged = NULL;
    assert_int_equal(ampql_source_memory(engine, NULL, &sources[1], NULL), AMPQL_OK);
    assert_true(test_add(sources[1], "node_ram_hourly_cost",
                         "cluster_id=c,node=m0,instance_type=t,provider_id=i", DAY_START, MINUTE_MS,
                         "0.01x1440"));
    assert_int_equal(ampql_source_merge(engine, sources, 2, false, &merged, NULL), AMPQL_OK);
    return merged;
}

/* The body of /allocation; free it with buf_done. */
static void print_bill(struct ampql_engine *engine, struct ampql_source *source,
                       struct ampql_cost_options options, uint64_t threads, struct buf *out)
{
    struct ampql_allocations *bill = NULL;
    struct ampql_error err = {0};
    options.threads = threads;
    buf_init(out, &alloc_default, 1 << 26);
    if (ampql_allocate(engine, source, &options, &bill, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    assert_int_equal(ampql_allocations_json(bill, buf_write, out), AMPQL_OK);
    ampql_allocations_free(bill);
}

static const struct ampql_aggregate_options by_namespace = {.size = sizeof by_namespace,
                                                            .aggregate = "namespace",
                                                            .accumulate = AMPQL_COST_ALL,
                                                            .proportional_assets = true};

static const struct row {
    const char *what;
    struct ampql_cost_options options; /* end_ms is after the day's start */
} rows[] = {
    {"steps", {.end_ms = 8 * HOUR_MS, .step_ms = HOUR_MS, .idle = true}},
    {"steps that are added up",
     {.end_ms = 8 * HOUR_MS, .step_ms = HOUR_MS, .idle = true, .lines = &by_namespace}},
    {"a last step that is shorter",
     {.end_ms = 5 * HOUR_MS, .step_ms = 2 * HOUR_MS, .quirks = "whole-steps=off"}},
    {"pieces", {.end_ms = 8 * HOUR_MS, .max_duration_ms = HOUR_MS, .idle = true}},
    {"steps of pieces",
     {.end_ms = 8 * HOUR_MS, .step_ms = 4 * HOUR_MS, .max_duration_ms = HOUR_MS, .idle = true}},
    {"one window", {.end_ms = 2 * HOUR_MS}},
};

static void check(struct ampql_engine *engine, struct ampql_source *source, const char *what)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_cost_options options = rows[i].options;
        struct buf alone, others;
        options.size = sizeof options;
        options.start_ms = DAY_START;
        options.end_ms += DAY_START;
        print_bill(engine, source, options, 1, &alone);
        for (uint64_t n = 2; n <= 4; n += 2) {
            print_bill(engine, source, options, n, &others);
            if (alone.n < 500 || alone.n != others.n || memcmp(alone.p, others.p, alone.n) != 0)
                fail_msg("%s, %s: %u threads say something else", what, rows[i].what, (unsigned)n);
            buf_done(&others);
        }
        buf_done(&alone);
    }
    ampql_source_free(source);
}

static void test_same_bytes(void **state)
{
    struct ampql_engine *engine = NULL;
    (void)state;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    check(engine, open_day(engine), "a capture");
    check(engine, make_memory(engine), "memory");
    check(engine, make_merged(engine), "two in memory");
    ampql_engine_free(engine);
}

/* The first reader of a source is not one of its own run, and rules are one for all runs. */
static void test_rules(void **state)
{
    struct ampql_engine *engine = NULL;
    struct ampql_rules *rules = NULL;
    const char *text = scratch_read("examples/rules/kubecost-clusters.yml");
    struct ampql_cost_options options = {.size = sizeof options,
                                         .start_ms = DAY_START,
                                         .end_ms = DAY_START + 4 * HOUR_MS,
                                         .step_ms = HOUR_MS};
    struct buf alone, others;
    (void)state;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    assert_int_equal(ampql_rules_load(engine, text, strlen(text), &rules, NULL), AMPQL_OK);
    struct ampql_source *source = make_memory(engine);
    options.rules = rules;
    print_bill(engine, source, options, 4, &others);
    print_bill(engine, source, options, 1, &alone);
    assert_int_equal(alone.n, others.n);
    assert_memory_equal(alone.p, others.p, alone.n);
    buf_done(&alone);
    buf_done(&others);
    ampql_rules_free(rules);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* ---- sources of others */

struct own {
    pthread_t caller;
    atomic_size_t nelsewhere; /* selects on another thread */
    atomic_size_t nselects;
    int64_t fails_after_ms; /* selects that end later */
};

static enum ampql_code own_select(void *payload, const struct ampql_select *select,
                                  struct ampql_sink *sink, struct ampql_error *err)
{
    struct own *own = payload;
    (void)sink;
    atomic_fetch_add(&own->nselects, 1);
    atomic_fetch_add(&own->nelsewhere, !pthread_equal(own->caller, pthread_self()));
    if (select->maxt_ms <= own->fails_after_ms)
        return AMPQL_OK;
    err->code = AMPQL_UNAVAILABLE;
    snprintf(err->message, sizeof err->message, "nothing up to %lld", (long long)select->maxt_ms);
    return AMPQL_UNAVAILABLE;
}

/* A bill of eight hours; false when it failed, with err. */
static bool bill_of(struct own *own, uint32_t caps, struct ampql_error *err)
{
    struct ampql_source_ops ops = {.size = sizeof ops, .caps = caps, .select = own_select};
    struct ampql_cost_options options = {.size = sizeof options,
                                         .start_ms = DAY_START,
                                         .end_ms = DAY_START + 8 * HOUR_MS,
                                         .step_ms = HOUR_MS,
                                         .threads = 4};
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_allocations *bill = NULL;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_new(engine, &ops, own, &source, NULL), AMPQL_OK);
    enum ampql_code code = ampql_allocate(engine, source, &options, &bill, err);
    ampql_allocations_free(bill);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return code == AMPQL_OK;
}

static void test_one_reader(void **state)
{
    struct own own = {.caller = pthread_self(), .fails_after_ms = INT64_MAX};
    struct ampql_error err = {0};
    (void)state;
    assert_true(bill_of(&own, AMPQL_SOURCE_SAMPLES, &err));
    assert_true(own.nselects > 100);
    assert_int_equal(own.nelsewhere, 0);
}

/* The failure is that of the first hour that fails, although others fail too. */
static void test_failure(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct own own = {.caller = pthread_self(), .fails_after_ms = DAY_START + 2 * HOUR_MS};
        struct ampql_error err = {0};
        assert_false(bill_of(&own, AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_PARALLEL, &err));
        assert_int_equal(err.code, AMPQL_UNAVAILABLE);
        assert_string_equal(err.message, "Pods: nothing up to 1772334000000");
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_rules),
    cmocka_unit_test(test_one_reader), cmocka_unit_test(test_failure)};
TEST_MAIN(tests)
