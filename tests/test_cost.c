/* The cost model: queries as OpenCost asks them, what is refused, and the shape of the report.
 * Bills are in test_fold.c. */
#include "cost/coverage.h"

#include "support/bills.h"
#include "support/series.h"
#include "support/test.h"
#include "support/torture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ampql_engine *new_engine(const struct ampql_allocator *alc)
{
    struct ampql_engine_options options = {.size = sizeof options, .allocator = alc};
    struct ampql_engine *engine = NULL;
    return ampql_engine_new(&options, &engine, NULL) == AMPQL_OK ? engine : NULL;
}

/* ---- queries */

static const char *expected_query(char *section, const char *name)
{
    size_t n = strlen(name);
    for (char *line = section; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (line != section && line[0] == '[')
            return NULL;
        if (strncmp(line, name, n) == 0 && line[n] == ' ')
            return line + n + 1;
    }
    return NULL;
}

static void check_queries(struct ampql_engine *engine, char *section,
                          const struct ampql_cost_options *options)
{
    struct ampql_cost_query query;
    size_t nasked = 0;
    assert_non_null(section);
    for (size_t i = 0; ampql_cost_query_at(i, &query); i++) {
        static struct test_text text;
        struct ampql_query *compiled = NULL;
        text.n = 0;
        assert_int_equal(ampql_cost_query_text(engine, i, options, test_write, &text, NULL),
                         AMPQL_OK);
        const char *expected = expected_query(section, query.name);
        if (text.n == 0 && !expected)
            continue; /* not asked with these options */
        if (!expected || strncmp(expected, text.at, text.n) != 0 || expected[text.n] != '\n')
            fail_msg("%s: %s", query.name, text.at);
        assert_int_equal(ampql_query_compile(engine, text.at, text.n, &compiled, NULL), AMPQL_OK);
        ampql_query_free(compiled);
        assert_non_null(strstr(text.at, query.metric));
        nasked++;
    }
    assert_true(nasked >= 57);
}

static void test_queries(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    char *text = bills_read("tests/data/cost/queries.txt");
    struct ampql_cost_options day = {.size = sizeof day, .end_ms = 86400000, .idle = true},
                              filtered = {.size = sizeof filtered,
                                          .end_ms = 5400000,
                                          .resolution_ms = 45000,
                                          .cluster_label = "cluster",
                                          .cluster_id = "a\"b",
                                          .filter_cluster = true,
                                          .idle = true},
                              newer = {.size = sizeof newer,
                                       .end_ms = 3600000,
                                       .queries = AMPQL_COST_2026,
                                       .dialect = AMPQL_PROM2,
                                       .idle = true};
    struct ampql_error err = {0};
    (void)state;
    check_queries(engine, strstr(text, "[day]"), &day);
    check_queries(engine, strstr(text, "[filtered]"), &filtered);
    check_queries(engine, strstr(text, "[newer closed]"), &newer);
    newer.dialect = AMPQL_PROM3;
    check_queries(engine, strstr(text, "[newer left-open]"), &newer);
    assert_int_equal(ampql_cost_query_text(engine, 1000, &day, test_write, NULL, &err),
                     AMPQL_NOT_FOUND);
    free(text);
    ampql_engine_free(engine);
}

/* What is asked to know how much data there was: of the same series, from the window's start. */
static void test_coverage_queries(void **state)
{
    static const struct {
        struct ampql_cost_options options;
        enum cost_query query;
        const char *text; /* NULL: not asked */
    } rows[] = {
        {{.end_ms = 3600000, .dialect = AMPQL_PROM3},
         COST_NODE_CPU_PRICE,
         "count(count_over_time(node_cpu_hourly_cost{}[5m])) by (cluster_id)[3301s:5m]"},
        {{.end_ms = 3600000, .dialect = AMPQL_PROM2},
         COST_NODE_CPU_PRICE,
         "count(count_over_time(node_cpu_hourly_cost{}[5m])) by (cluster_id)[55m:5m]"},
        {{.end_ms = 3600000, .dialect = AMPQL_PROM3, .resolution_ms = 60000},
         COST_NODE_CPU_PRICE,
         "count(count_over_time(node_cpu_hourly_cost{}[5m])) by (cluster_id)[3301s:1m]"},
        {{.end_ms = 3600000, .dialect = AMPQL_PROM3, .resolution_ms = 1800000},
         COST_NODE_CPU_PRICE,
         "count(count_over_time(node_cpu_hourly_cost{}[30m])) by (cluster_id)[1801s:30m]"},
        {{.end_ms = 240000, .dialect = AMPQL_PROM3}, COST_NODE_CPU_PRICE, NULL}, /* too short */
        {{.end_ms = 300000, .dialect = AMPQL_PROM2}, /* long enough for one step */
         COST_NODE_CPU_PRICE,
         "count(count_over_time(node_cpu_hourly_cost{}[5m])) by (cluster_id)[1s:5m]"},
        {{.end_ms = 3600000, .dialect = AMPQL_PROM3, .queries = AMPQL_COST_2026},
         COST_NET_RECEIVE,
         "count(container_network_receive_bytes_total{pod!=\"\", }) by (cluster_id)[1h:5m]"},
        {{.end_ms = 3600000,
          .dialect = AMPQL_PROM3,
          .queries = AMPQL_COST_2026,
          .resolution_ms = 90000},
         COST_NET_RECEIVE,
         NULL},                                                       /* its steps are others */
        {{.end_ms = 3600000}, COST_PODS, NULL},                       /* its answer says it */
        {{.end_ms = 3600000}, COST_POD_LABELS, NULL},                 /* no cost */
        {{.end_ms = 3600000, .idle = true}, COST_ASSET_IS_SPOT, NULL} /* of idle costs */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct params params;
        struct ampql_cost_options options = rows[i].options;
        struct buf out;
        options.size = sizeof options;
        assert_int_equal(params_make(&options, &params, NULL), AMPQL_OK);
        assert_int_equal(cost_coverage_is_asked(rows[i].query, &params), rows[i].text != NULL);
        if (!rows[i].text)
            continue;
        buf_init(&out, &alloc_default, 1000);
        cost_coverage_render(&out, rows[i].query, &params);
        buf_byte(&out, '\0');
        assert_string_equal(out.p, rows[i].text);
        buf_done(&out);
    }
}

static void test_durations(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {{1, "1s"},     {60, "1m"},     {90, "90s"},    {3600, "1h"},     {5400, "90m"},
                {86400, "1d"}, {90000, "25h"}, {604800, "7d"}, {86401, "86401s"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        buf_init(&out, &alloc_default, 64);
        render_duration(&out, rows[i].seconds);
        buf_byte(&out, '\0');
        assert_string_equal(out.p, rows[i].text);
        buf_done(&out);
    }
}

static void test_rounding(void **state)
{
    static const struct {
        int64_t ms, rounded;
    } rows[] = {{0, 0},
                {4999, 0},
                {5000, 10000},
                {14999, 10000},
                {-4999, 0},
                {-5000, -10000},
                {-15000, -20000},
                {36084000, 36080000},
                {36085000, 36090000},
                {INT64_MAX, INT64_MAX - INT64_MAX % 10000}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(round_time(rows[i].ms), rows[i].rounded);
}

/* ---- refusals */

static void test_refused(void **state)
{
    static const struct ampql_prices negative = {.ram = -1};
    static const struct {
        struct ampql_cost_options options;
        enum ampql_code code;
        const char *message;
    } rows[] = {
        {{.start_ms = 0}, AMPQL_BAD_DATA, "the window is empty, expected its start before its end"},
        {{.start_ms = 60000, .end_ms = 0},
         AMPQL_BAD_DATA,
         "the window is empty, expected its start before its end"},
        {{.start_ms = INT64_MIN, .end_ms = INT64_MAX},
         AMPQL_BAD_DATA,
         "the window is out of range"},
        {{.start_ms = 500, .end_ms = 60000},
         AMPQL_BAD_DATA,
         "the window does not start and end at whole seconds"},
        {{.end_ms = 60000, .resolution_ms = 1500},
         AMPQL_BAD_DATA,
         "the resolution is 1500 ms, expected whole seconds, more than 0"},
        {{.end_ms = 60000, .resolution_ms = -1000},
         AMPQL_BAD_DATA,
         "the resolution is -1000 ms, expected whole seconds, more than 0"},
        {{.end_ms = 60000, .cluster_label = "a-b"},
         AMPQL_BAD_DATA,
         "the cluster label is \"a-b\", expected a label name"},
        {{.end_ms = 60000, .cluster_label = ""},
         AMPQL_BAD_DATA,
         "the cluster label is \"\", expected a label name"},
        {{.end_ms = 60000, .discount = 1.5},
         AMPQL_BAD_DATA,
         "a discount is out of range, expected 0 to 1"},
        {{.end_ms = 60000, .negotiated_discount = NAN},
         AMPQL_BAD_DATA,
         "a discount is out of range, expected 0 to 1"},
        {{.end_ms = 60000, .max_duration_ms = -1000},
         AMPQL_BAD_DATA,
         "the longest computation is -1000 ms, expected whole seconds, more than 0"},
        {{.end_ms = 60000, .max_duration_ms = 1500},
         AMPQL_BAD_DATA,
         "the longest computation is 1500 ms, expected whole seconds, more than 0"},
        {{.end_ms = 10002000, .max_duration_ms = 1000},
         AMPQL_BAD_DATA,
         "the window has more than 10000 pieces of the longest computation"},
        {{.end_ms = 60000, .prices = &negative},
         AMPQL_BAD_DATA,
         "a price is negative or no number"},
        {{.end_ms = 60000, .queries = 2}, AMPQL_BAD_DATA, "there is no query set 2"},
        {{.end_ms = 60000, .provider = 2}, AMPQL_BAD_DATA, "there is no provider 2"},
        {{.end_ms = 60000, .quirks = "round-times"},
         AMPQL_BAD_DATA,
         "the quirk is \"round-times\", expected NAME=on or NAME=off"},
        {{.end_ms = 60000, .step_ms = -1000},
         AMPQL_BAD_DATA,
         "the step is -1000 ms, expected whole seconds, more than 0"},
        {{.end_ms = 86400000, .step_ms = 1000},
         AMPQL_BAD_DATA,
         "the window has more than 10000 steps"},
    };
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = NULL;
    (void)state;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_allocations *bill = NULL;
        struct ampql_cost_options options = rows[i].options;
        struct ampql_error err = {0};
        options.size = sizeof options;
        enum ampql_code code = ampql_allocate(engine, source, &options, &bill, &err);
        if (code != rows[i].code || err.code != code || bill ||
            strcmp(err.message, rows[i].message) != 0)
            fail_msg("row %zu: %d \"%s\", want %d \"%s\"", i, code, err.message, rows[i].code,
                     rows[i].message);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* ---- a source that counts and fails */

struct counting {
    size_t nasked;
    char asked[64][400]; /* matchers and times of each select */
    size_t fail_at;      /* from 1; 0: never */
};

static enum ampql_code count_select(void *payload, const struct ampql_select *select,
                                    struct ampql_sink *sink, struct ampql_error *err)
{
    struct counting *c = payload;
    (void)sink;
    assert_true(c->nasked < 64);
    char *out = c->asked[c->nasked++];
    size_t n = (size_t)snprintf(
        out, 400, "%d %lld %lld", (int)select->kind,
        (long long)(select->kind == AMPQL_SELECT_RAW ? select->mint_ms : select->start_ms),
        (long long)(select->kind == AMPQL_SELECT_RAW ? select->maxt_ms : select->end_ms));
    for (size_t i = 0; i < select->nmatchers && n < 400; i++)
        n += (size_t)snprintf(out + n, 400 - n, " %.*s%d%.*s", (int)select->matchers[i].name.size,
                              select->matchers[i].name.data, (int)select->matchers[i].op,
                              (int)select->matchers[i].value.size, select->matchers[i].value.data);
    if (c->nasked != c->fail_at)
        return AMPQL_OK;
    snprintf(err->message, sizeof err->message, "the wire is cut");
    return AMPQL_UNAVAILABLE;
}

/* No two selects ask for the same, and each failure of the source fails the whole, with the query's
 * name. */
static void test_source(void **state)
{
    static const uint32_t caps[] = {AMPQL_SOURCE_SAMPLES, AMPQL_SOURCE_ANSWERS};
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_cost_options options = {.size = sizeof options, .end_ms = 3600000};
    static struct counting counting;
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct ampql_source_ops ops = {.size = sizeof ops, .caps = caps[k], .select = count_select};
        struct ampql_source *source = NULL;
        struct ampql_allocations *bill = NULL;
        counting = (struct counting){0};
        assert_int_equal(ampql_source_new(engine, &ops, &counting, &source, NULL), AMPQL_OK);
        assert_int_equal(ampql_allocate(engine, source, &options, &bill, NULL), AMPQL_OK);
        assert_int_equal(ampql_allocations_stats(bill).selects, counting.nasked);
        ampql_allocations_free(bill);
        size_t nselects = counting.nasked;
        assert_true(nselects >= 44 && nselects <= 46); /* of 48 queries */
        for (size_t i = 0; i < nselects; i++)
            for (size_t j = 0; j < i; j++)
                assert_string_not_equal(counting.asked[i], counting.asked[j]);

        for (size_t i = 1; i <= nselects; i++) {
            struct ampql_error err = {0};
            counting = (struct counting){.fail_at = i};
            assert_int_equal(ampql_allocate(engine, source, &options, &bill, &err),
                             AMPQL_UNAVAILABLE);
            assert_null(bill);
            assert_non_null(strstr(err.message, ": the wire is cut"));
        }
        ampql_source_free(source);
    }
    ampql_engine_free(engine);
}

/* What is asked to know how much data there was is not counted: what one query reads, it reads
 * alone. */
static void test_costs(void **state)
{
    static const struct {
        enum cost_query query;
        uint64_t nalone, nshared;
    } rows[] = {{COST_NODE_CPU_PRICE, 1, 0}, {COST_RAM_USAGE_AVG, 0, 1}, {COST_PODS, 1, 0},
                {COST_NET_ZONE_GIB, 1, 0},   {COST_POD_LABELS, 1, 0},    {COST_CPU_LIMITS, 0, 0},
                {COST_ASSET_IS_SPOT, 0, 0}};
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source_ops ops = {
        .size = sizeof ops, .caps = AMPQL_SOURCE_ANSWERS, .select = count_select};
    struct ampql_cost_options options = {.size = sizeof options, .end_ms = 3600000};
    static struct counting counting;
    struct ampql_source *source = NULL;
    struct ampql_allocations *bill = NULL;
    struct ampql_stats alone, shared;
    (void)state;
    assert_int_equal(ampql_source_new(engine, &ops, &counting, &source, NULL), AMPQL_OK);
    assert_int_equal(ampql_allocate(engine, source, &options, &bill, NULL), AMPQL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(ampql_allocations_costs(bill, rows[i].query, &alone, &shared));
        assert_int_equal(alone.selects, rows[i].nalone);
        assert_int_equal(shared.selects, rows[i].nshared);
    }
    assert_false(ampql_allocations_costs(bill, COST_QUERY_COUNT, &alone, &shared));
    ampql_allocations_free(bill);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* ---- the report */

static bool fill_small(struct ampql_source *source)
{
    return test_add(source, "kube_pod_container_status_running",
                    "cluster_id=c,namespace=n,pod=\"p\",container=x", 0, 60000, "1x60") &&
           test_add(source, "container_cpu_allocation",
                    "cluster_id=c,namespace=n,pod=\"p\",container=x,node=n1", 0, 60000, "1x60") &&
           test_add(source, "kubecost_container_cpu_usage_irate",
                    "namespace=n,pod=\"p\",container=x,cluster_id=c", 0, 60000, "0.123456789x60");
}

static int refuse(void *payload, const char *data, size_t size)
{
    (void)payload, (void)data, (void)size;
    return 1;
}

static void test_json(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = NULL;
    struct ampql_allocations *bill = NULL;
    struct ampql_cost_options options = {.size = sizeof options, .end_ms = 3600000};
    static struct test_text text;
    (void)state;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    assert_true(fill_small(source));
    assert_int_equal(ampql_allocate(engine, source, &options, &bill, NULL), AMPQL_OK);
    assert_int_equal(ampql_allocations_json(bill, test_write, &text), AMPQL_OK);
    const char *begin =
        "{\"code\":200,\"status\":\"success\",\"data\":[{\"c/n1/n/\\\"p\\\"/x\":{\"name\":"
        "\"c/n1/n/\\\"p\\\"/x\",\"properties\":{\"cluster\":\"c\",\"node\":\"n1\",\"container\":"
        "\"x\",\"namespace\":\"n\",\"pod\":\"\\\"p\\\"\"},\"window\":{\"start\":"
        "\"1970-01-01T00:00:00Z\",\"end\":\"1970-01-01T01:00:00Z\"},\"start\":"
        "\"1970-01-01T00:05:00Z\",\"end\":\"1970-01-01T01:00:00Z\",\"minutes\":55,\"cpuCores\":1,"
        "\"cpuCoreRequestAverage\":0,\"cpuCoreUsageAverage\":0,\"cpuCoreHours\":0.91667,"
        "\"cpuCost\":0.02898,\"cpuCostAdjustment\":0,\"cpuCostIdle\":0,\"cpuEfficiency\":0,"
        "\"gpuCount\":0,\"gpuRequestAverage\":0,\"gpuUsageAverage\":0,\"gpuHours\":0,"
        "\"gpuCost\":0,\"gpuCostAdjustment\":0,\"gpuCostIdle\":0,\"gpuEfficiency\":0,"
        "\"networkTransferBytes\":0,\"networkReceiveBytes\":0,\"networkCost\":0,"
        "\"networkCrossZoneCost\":0,\"networkCrossRegionCost\":0,\"networkInternetCost\":0,"
        "\"networkCostAdjustment\":0,\"loadBalancerCost\":0,\"loadBalancerCostAdjustment\":0,"
        "\"pvBytes\":0,\"pvByteHours\":0,\"pvCost\":0,\"pvs\":null,\"pvCostAdjustment\":0,"
        "\"ramBytes\":0,\"ramByteRequestAverage\":0,\"ramByteUsageAverage\":0,"
        "\"ramByteHours\":0,\"ramCost\":0,\"ramCostAdjustment\":0,\"ramCostIdle\":0,"
        "\"ramEfficiency\":0,\"externalCost\":0,\"sharedCost\":0,\"totalCost\":0.02898,"
        "\"totalEfficiency\":0,\"rawAllocationOnly\":{\"cpuCoreUsageMax\":0.123456789,"
        "\"ramByteUsageMax\":0},\"proportionalAssetResourceCosts\":{},\"lbAllocations\":null,"
        "\"sharedCostBreakdown\":{}}}],\"warnings\":[\"CPURequests: no ";
    assert_memory_equal(text.at, begin, strlen(begin));
    assert_null(strstr(text.at, "LimitAverage"));
    assert_non_null(strstr(text.at, "],\"coverage\":[{\"query\":\"Pods\",\"metric\":"
                                    "\"kube_pod_container_status_running\",\"cluster\":\"c\","
                                    "\"steps\":12,\"covered\":12},{"));
    assert_non_null(strstr(text.at, "\"steps\":12,\"covered\":0,\"longestGap\":{\"start\":"
                                    "\"1970-01-01T00:00:00Z\",\"end\":"
                                    "\"1970-01-01T01:00:00Z\"}},"));
    assert_int_equal(ampql_allocations_json(bill, refuse, NULL), AMPQL_OUTPUT);
    ampql_allocations_free(bill);

    options.queries = AMPQL_COST_2026; /* which ask for limits */
    text.n = 0;
    assert_int_equal(ampql_allocate(engine, source, &options, &bill, NULL), AMPQL_OK);
    assert_int_equal(ampql_allocations_json(bill, test_write, &text), AMPQL_OK);
    assert_non_null(strstr(text.at, "\"cpuCoreUsageAverage\":0,\"cpuCoreLimitAverage\":0,"));
    assert_non_null(strstr(text.at, "\"ramByteUsageAverage\":0,\"ramByteLimitAverage\":0,"));
    ampql_allocations_free(bill);
    ampql_allocations_free(NULL);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* The same containers by something else, the two freed in either order. */
static void test_aggregate_again(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = NULL;
    struct ampql_allocations *bill = NULL, *again = NULL;
    struct ampql_cost_options options = {
        .size = sizeof options, .end_ms = 3600000, .aggregate = "namespace"};
    struct ampql_aggregate_options by = {.size = sizeof by, .aggregate = "node,pod"};
    struct ampql_error err = {0};
    (void)state;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    assert_true(fill_small(source));
    assert_int_equal(ampql_allocate(engine, source, &options, &bill, NULL), AMPQL_OK);
    assert_true(test_is(ampql_allocations_at(bill, 0)->name, "n"));
    assert_null(ampql_allocations_at(bill, 1));
    ampql_source_free(source); /* nobody asks it again */

    assert_int_equal(ampql_allocations_aggregate(bill, &by, &again, NULL), AMPQL_OK);
    ampql_allocations_free(bill);
    assert_true(test_is(ampql_allocations_at(again, 0)->name, "n1/\"p\""));
    assert_int_equal(ampql_allocations_aggregate(again, NULL, &bill, NULL), AMPQL_OK);
    assert_true(test_is(ampql_allocations_at(bill, 0)->name, "c/n1/n/\"p\"/x"));
    assert_true(ampql_allocations_total(bill)->total_cost ==
                ampql_allocations_total(again)->total_cost);
    assert_true(ampql_allocations_warning_count(bill) == ampql_allocations_warning_count(again));
    ampql_allocations_free(again);

    by.aggregate = "color";
    assert_int_equal(ampql_allocations_aggregate(bill, &by, &again, &err), AMPQL_BAD_DATA);
    assert_null(again);
    ampql_allocations_free(bill);
    ampql_engine_free(engine);
}

/* ---- torture */

/* A window in steps, or in pieces of one: each asks twice. */
static bool make_bill(const struct ampql_allocator *alc, bool in_steps)
{
    static struct test_text text;
    struct ampql_aggregate_options lines = {.size = sizeof lines,
                                            .aggregate = "namespace,label:app",
                                            .filter = "namespace:\"n\"|team:\"a\"",
                                            .share_idle = true,
                                            .share_namespaces = "m",
                                            .share_labels = "app:a",
                                            .share_monthly_cost = 730,
                                            .aggregated_metadata = true,
                                            .share_breakdown = true,
                                            .accumulate = AMPQL_COST_ALL};
    struct ampql_cost_options options = {.size = sizeof options,
                                         .end_ms = 3600000,
                                         .max_duration_ms = in_steps ? 0 : 1800000,
                                         .step_ms = in_steps ? 1800000 : 0,
                                         .lines = &lines,
                                         .idle = in_steps};
    struct ampql_engine *engine = new_engine(alc);
    struct ampql_source *source = NULL;
    struct ampql_allocations *bill = NULL, *again = NULL;
    text.n = 0;
    bool ok = engine && ampql_source_memory(engine, NULL, &source, NULL) == AMPQL_OK &&
              fill_small(source) &&
              ampql_allocate(engine, source, &options, &bill, NULL) == AMPQL_OK &&
              ampql_allocations_json(bill, test_write, &text) == AMPQL_OK &&
              ampql_allocations_aggregate(bill, NULL, &again, NULL) == AMPQL_OK;
    ampql_allocations_free(bill);
    ampql_allocations_free(again);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return ok;
}

static bool make_steps(const struct ampql_allocator *alc)
{
    return make_bill(alc, true);
}

static bool make_pieces(const struct ampql_allocator *alc)
{
    return make_bill(alc, false);
}

static void test_torture(void **state)
{
    (void)state;
    torture_all(make_steps);
    torture_all(make_pieces);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_queries),         cmocka_unit_test(test_coverage_queries),
    cmocka_unit_test(test_durations),       cmocka_unit_test(test_rounding),
    cmocka_unit_test(test_refused),         cmocka_unit_test(test_source),
    cmocka_unit_test(test_costs),           cmocka_unit_test(test_json),
    cmocka_unit_test(test_aggregate_again), cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
