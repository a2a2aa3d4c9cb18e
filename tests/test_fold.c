/* Bills worked out by hand (tests/data/cost), and every stage of the model without memory. */
#include "cost/accumulate.h"
#include "cost/ask.h"
#include "cost/coverage.h"

#include "support/bills.h"
#include "support/series.h"
#include "support/test.h"
#include "support/torture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ampql_engine *new_engine(const struct ampql_allocator *alc)
{
    struct ampql_engine_options options = {.size = sizeof options, .allocator = alc};
    struct ampql_engine *engine = NULL;
    return ampql_engine_new(&options, &engine, NULL) == AMPQL_OK ? engine : NULL;
}

/* ---- bills by hand */

static void test_bills(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct dirent **files;
    size_t ncases = 0;
    (void)state;
    int n = scandir("tests/data/cost", &files, NULL, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        char path[512];
        const char *name = files[i]->d_name;
        size_t len = strlen(name);
        if (len > 4 && strcmp(name + len - 4, ".txt") == 0 && strcmp(name, "queries.txt") != 0) {
            snprintf(path, sizeof path, "tests/data/cost/%s", name);
            bills_check(engine, path);
            ncases++;
        }
        free(files[i]);
    }
    free(files);
    assert_true(ncases >= 15);
    ampql_engine_free(engine);
}

/* ---- torture */

/* A cluster with everything in it: every stage of the fold has something to do. */
static void fill_all(struct ampql_source *source)
{
    static const struct {
        const char *name, *labels, *values;
    } rows[] = {
        {"kube_pod_container_status_running", "namespace=n,pod=p,container=x,uid=1", "1x60"},
        {"kube_pod_container_status_running", "namespace=n,pod=q,container=x,uid=2", "1x30 stale"},
        {"container_cpu_allocation", "namespace=n,pod=p,container=x,node=m", "600x60"},
        {"container_cpu_allocation", "namespace=n,pod=p,container=y,node=m", "1x60"},
        {"container_cpu_allocation", "namespace=n,pod=q,container=x,node=m", "1x60"},
        {"container_memory_allocation_bytes", "namespace=n,pod=q,container=x,node=m", "1x60"},
        {"node_cpu_hourly_cost", "node=m,instance_type=t,provider_id=aws:///z/i-1", "0.1x60"},
        {"container_network_receive_bytes_total", "namespace=n,pod=p,interface=e", "0+1x60"},
        {"kubecost_pod_network_egress_bytes_total", "namespace=n,pod_name=p,internet=true",
         "0+9x60"},
        {"kube_node_labels", "node=m,label_topology_kubernetes_io_zone=z", "1x60"},
        {"kube_namespace_labels", "namespace=n,label_team=t", "1x60"},
        {"kube_namespace_annotations", "namespace=n,annotation_team=t", "1x60"},
        {"kube_pod_labels", "namespace=n,pod=p,label_app=a,label_v=1", "1x20 stale"},
        {"kube_pod_labels", "namespace=n,pod=p,label_app=a,label_v=2", "_x21 1x39"},
        {"kube_pod_annotations", "namespace=n,pod=p,annotation_note=t", "1x60"},
        {"deployment_match_labels", "namespace=n,deployment=a_b,label_app=a", "1x60"},
        {"service_selector_labels", "namespace=n,service=s,label_app=a", "1x60"},
        {"kube_pod_owner", "namespace=n,pod=q,owner_kind=ReplicaSet,owner_name=r", "1x60"},
        {"kube_replicaset_owner", "namespace=n,replicaset=r,owner_kind=Rollout,owner_name=o",
         "1x60"},
        {"kube_persistentvolume_capacity_bytes", "persistentvolume=v", "9x60"},
        {"kube_persistentvolume_capacity_bytes", "persistentvolume=w", "9x60"},
        {"kubecost_pv_info", "persistentvolume=v,provider_id=vol", "1x60"},
        {"kube_persistentvolumeclaim_info",
         "namespace=n,persistentvolumeclaim=c,volumename=v,storageclass=g", "1x60"},
        {"pod_pvc_allocation", "namespace=n,pod=p,persistentvolumeclaim=c,persistentvolume=v",
         "1x10"},
        {"pod_pvc_allocation", "namespace=n,pod=q,persistentvolumeclaim=c,persistentvolume=v",
         "1x10"},
        {"kubecost_load_balancer_cost", "namespace=n,service_name=s,ingress_ip=10.0.0.1", "1x60"},
        {"kubecost_load_balancer_cost", "namespace=n,service_name=t,ingress_ip=10.0.0.1", "1x60"},
        {"node_total_hourly_cost", "node=m,instance_type=t,provider_id=aws:///z/i-1", "0.1x60"},
        {"node_cpu_hourly_cost", "node=o,instance_type=t,provider_id=aws:///z/i-2", "0.1x60"},
        {"kube_node_status_capacity_cpu_cores", "node=m", "8x60"},
        {"container_fs_limit_bytes", "instance=m,device=/dev/sda1,id=/", "9x60"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(test_add(source, rows[i].name, rows[i].labels, 0, 60000, rows[i].values));
}

/* What a source says, asked once; the fold is then run again and again. */
struct folding {
    struct params params;
    struct asked asked;
};

static bool fold_all(const struct ampql_allocator *alc, void *payload)
{
    static struct test_text text;
    const struct folding *f = payload;
    struct answer answers[COST_QUERY_COUNT] = {0};
    struct aggregate by_namespace = {0};
    struct ampql_allocations *bill = NULL;
    struct cost_set *set = NULL, *whole = NULL;
    struct pieces pieces;
    struct arena arena;
    bool ok;
    arena_init(&arena, alc);
    text.n = 0;
    ok = asked_decode(&f->asked, &f->params, &arena, answers, NULL) == AMPQL_OK &&
         aggregate_parse(STR("namespace"), &by_namespace, NULL) == AMPQL_OK &&
         set_new(alc, &f->params, &set, NULL) == AMPQL_OK &&
         set_new(alc, &f->params, &whole, NULL) == AMPQL_OK &&
         model_fold(set, &f->params, answers, NULL) == AMPQL_OK &&
         assets_fold(whole, &f->params, answers, NULL) == AMPQL_OK;
    if (ok) {
        pieces_init(&pieces, whole);
        ok = pieces_add(&pieces, set, NULL) == AMPQL_OK &&
             pieces_add(&pieces, set, NULL) == AMPQL_OK && pieces_end(&pieces, NULL) == AMPQL_OK;
        pieces_done(&pieces);
    }
    ok = ok && cost_coverage_warn(whole, NULL) == AMPQL_OK && idle_fold(whole, NULL) == AMPQL_OK &&
         allocations_make(whole, &by_namespace, &bill, NULL) == AMPQL_OK &&
         allocations_json(bill, test_write, &text) == AMPQL_OK;
    if (ok) { /* nothing was left out on the way here */
        assert_non_null(strstr(text.at, "lbAllocations\":{"));
        assert_non_null(strstr(text.at, "{\"__idle__\":{"));
    }
    allocations_free(bill);
    set_release(whole);
    set_release(set);
    arena_done(&arena);
    return ok;
}

static void test_torture_fold(void **state)
{
    struct ampql_cost_options options = {
        .size = sizeof options, .end_ms = 3600000, .pod_uids = true, .idle = true};
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = NULL;
    static struct folding folding;
    (void)state;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    fill_all(source);
    assert_int_equal(params_make(&options, &folding.params, NULL), AMPQL_OK);
    assert_int_equal(ask_source(engine, source, &folding.params, &folding.asked, NULL), AMPQL_OK);
    torture_with(fold_all, &folding, false);
    asked_done(&folding.asked);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_bills),
    cmocka_unit_test(test_torture_fold),
};
TEST_MAIN(tests)
