/* The bill's CPU maximum through recording rules that nobody ran: the corrected rule keeps the
 * cluster label, so a cluster's own series is found; the given one loses it, and what is asked for
 * instead sees only what lies on a coarser grid. */
#include "support/scratch.h"
#include "support/series.h"
#include "support/test.h"

#include <string.h>

enum { HOUR_MS = 3600000, MINUTE_MS = 60000 };

/* A tenth of a core, and a burst in minute 33, which no multiple of five minutes sees: in cluster c
 * of one core, in d of two. */
static bool fill(struct ampql_source *source)
{
    static const char cpu_c[] = "0+6x32 252+6x27", cpu_d[] = "0+6x32 312+6x27";
    const char *const c = "cluster_id=c,namespace=n,pod=p,container=x",
                      *const d = "cluster_id=d,namespace=n,pod=p,container=x";
    return test_add(source, "kube_pod_container_status_running", c, 0, MINUTE_MS, "1x60") &&
           test_add(source, "kube_pod_container_status_running", d, 0, MINUTE_MS, "1x60") &&
           test_add(source, "container_cpu_usage_seconds_total", c, 0, MINUTE_MS, cpu_c) &&
           test_add(source, "container_cpu_usage_seconds_total", d, 0, MINUTE_MS, cpu_d);
}

static struct ampql_rules *load(struct ampql_engine *engine, const char *path)
{
    struct ampql_rules *rules = NULL;
    struct ampql_error err = {0};
    const char *text = scratch_read(path);
    if (ampql_rules_load(engine, text, strlen(text), &rules, &err) != AMPQL_OK)
        fail_msg("%s: %s", path, err.message);
    return rules;
}

static const struct row {
    const char *rules; /* NULL: none */
    const char *cluster;
    bool is_filtered; /* only this cluster is read */
    double max;
} rows[] = {
    {NULL, "c", true, 0.1},
    {NULL, "d", false, 0.1},
    {"examples/rules/kubecost-clusters.yml", "c", true, 1},
    {"examples/rules/kubecost-clusters.yml", "d", true, 2},
    {"examples/rules/kubecost-clusters.yml", "c", false, 1},
    {"examples/rules/kubecost-clusters.yml", "d", false, 2},
    /* the chart's: of no cluster, so none's own is found */
    {"examples/rules/kubecost.yml", "c", true, 0.1},
    {"examples/rules/kubecost.yml", "d", true, 0.1},
    /* the guide's: of labels that are not there any more, so nothing is recorded */
    {"examples/rules/amp-guide.yml", "c", true, 0.1},
    {"examples/rules/amp-guide.yml", "d", false, 0.1},
};

static double peak(struct ampql_engine *engine, struct ampql_source *source,
                   const struct ampql_rules *rules, const struct row *row)
{
    struct ampql_cost_options options = {.size = sizeof options,
                                         .end_ms = HOUR_MS,
                                         .filter_cluster = row->is_filtered,
                                         .cluster_id = row->cluster,
                                         .rules = rules};
    struct ampql_allocations *bill = NULL;
    struct ampql_error err = {0};
    double max = -1;
    if (ampql_allocate(engine, source, &options, &bill, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < ampql_allocations_count(bill); i++) {
        const struct ampql_allocation *a = ampql_allocations_at(bill, i);
        if (a->name.size && a->name.data[0] == row->cluster[0])
            max = a->cpu_core_usage_max;
    }
    ampql_allocations_free(bill);
    return max;
}

static void test_peaks(void **state)
{
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    (void)state;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    assert_true(fill(source));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_rules *rules = rows[i].rules ? load(engine, rows[i].rules) : NULL;
        double max = peak(engine, source, rules, &rows[i]);
        if (max != rows[i].max)
            fail_msg("row %zu, %s: %g, not %g", i, rows[i].rules ? rows[i].rules : "no rules", max,
                     rows[i].max);
        ampql_rules_free(rules);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_peaks)};
TEST_MAIN(tests)
