/* The rule checker: which expressions lose a label and how they are corrected; and that memory may
 * run out. What it prints is tests/data/cli/rules_check.sh. */
#include "base/error.h"
#include "tool/rule_check.h"

#include <stdio.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"
#include "support/torture.h"

#define LABEL(n, v)                                                                                \
    {                                                                                              \
        {n, sizeof(n) - 1},                                                                        \
        {                                                                                          \
            v, sizeof(v) - 1                                                                       \
        }                                                                                          \
    }

/* m and k have the cluster label, in two clusters, n has not; one sample in 15 s. */
static const struct series {
    struct ampql_label labels[4];
    size_t nlabels;
} series[] = {
    {{LABEL("__name__", "m"), LABEL("cluster_id", "a"), LABEL("pod", "x")}, 3},
    {{LABEL("__name__", "m"), LABEL("cluster_id", "b"), LABEL("pod", "x")}, 3},
    {{LABEL("__name__", "k"), LABEL("cluster_id", "a"), LABEL("pod", "x")}, 3},
    {{LABEL("__name__", "n"), LABEL("pod", "x")}, 2},
    {{LABEL("__name__", "container_c"), LABEL("container", "c"), LABEL("cluster_id", "a")}, 3},
};
static const int64_t times[] = {0, 15000, 30000};
static const double values[] = {1, 2, 3};

static enum ampql_code check_with(const struct ampql_allocator *alc, const char *text,
                                  struct rule_checker *checker, struct arena *arena,
                                  struct ampql_engine **engine, struct ampql_source **source,
                                  struct ampql_run_options *options, struct ampql_error *err)
{
    struct ampql_engine_options engine_options = {.size = sizeof engine_options, .allocator = alc};
    *options = (struct ampql_run_options){.size = sizeof *options, .end_ms = 30000};
    TRY(ampql_engine_new(&engine_options, engine, err));
    TRY(ampql_source_memory(*engine, NULL, source, err));
    for (size_t i = 0; i < sizeof series / sizeof *series; i++)
        TRY(ampql_source_add(*source, series[i].labels, series[i].nlabels, times, values, 3, err));
    struct rule_check_data data = {*engine, *source, options, STR("cluster_id")};
    rule_checker_init(checker, arena, &data, AMPQL_PROM3);
    TRY(rule_checker_add(checker, "rules.yml", str_of(text), err));
    return rule_checker_run(checker, err);
}

/* An expression, and what it is corrected to; NULL: nothing to correct. */
static const struct correction {
    const char *expr, *fixed;
} rows[] = {
    {"m", NULL},
    {"sum by (a:b) (m)", "sum by (cluster_id, \"a:b\") (m)"},
    {"sum(n)", NULL},
    {"sum by (cluster_id) (m)", NULL},
    {"sum without (pod) (m)", NULL},
    {"topk(1, m)", NULL},
    {"max_over_time(m[5m:1m])", NULL},
    {"sum(m)", "sum by (cluster_id) (m)"},
    {"sum(sum by (pod) (m))", "sum by (cluster_id) (sum by (cluster_id, pod) (m))"},
    {"avg without (cluster_id, pod) (m)", "avg without (pod) (m)"},
    {"-sum(m) + 1", "-sum by (cluster_id) (m) + 1"},
    {"sum(m) / sum(k)", "sum by (cluster_id) (m) / sum by (cluster_id) (k)"},
    {"sum(m * on (pod) k)", NULL}, /* the join fails where there are two clusters */
    {"sum(m * ignoring (cluster_id) k)", NULL},
    {"sum(m * on (cluster_id) group_left k) by (pod)",
     "sum by (cluster_id, pod) (m * on (cluster_id) group_left () k)"},
    {"sum(m * on (pod) group_left k)",
     "sum by (cluster_id) (m * on (cluster_id, pod) group_left () k)"},
    {"m * on (pod) group_left sum by (pod) (k)",
     NULL},               /* the left side keeps it: nothing is lost */
    {"sum(m) / n", NULL}, /* n has no such label: not simply corrected */
    {"sum(n) / count(m)", NULL},
    {"scalar(sum(m))", NULL}, /* no label at all can be kept */
    {"sum(m) or n", NULL},
    {"sum(m) or k", "sum by (cluster_id) (m) or k"},
    {"topk by (pod) (1, m)", NULL},
    {"sum((m))", "sum by (cluster_id) ((m))"},
    {"max_over_time(sum(m)[5m:1m])", "max_over_time(sum by (cluster_id) (m)[5m:1m])"},
    {"label_replace(sum(m), \"a\", \"b\", \"c\", \"d\")",
     "label_replace(sum by (cluster_id) (m), \"a\", \"b\", \"c\", \"d\")"},
    {"rate(m[29s])", NULL}, /* two intervals, but for jitter */
    {"rate(m[28s])", "rate(m[1m])"},
    {"avg_over_time(m[1s])", NULL},
    {"sum(irate(m[15s])) by (pod)", "sum by (cluster_id, pod) (irate(m[1m]))"},
    {"sum by (container_name, container) (container_c{container_name=~\"a|b\"})",
     "sum by (cluster_id, container) (container_c{container=~\"a|b\"})"},
};

static void corrections(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct rule_checker checker = {0};
        struct ampql_engine *engine = NULL;
        struct ampql_source *source = NULL;
        struct ampql_run_options options;
        struct ampql_error err = {0};
        char text[512];
        snprintf(text, sizeof text, "groups:\n- name: g\n  rules:\n  - record: r\n    expr: %s\n",
                 rows[i].expr);
        arena_init(&arena, &alloc_default);
        if (check_with(NULL, text, &checker, &arena, &engine, &source, &options, &err) != AMPQL_OK)
            fail_msg("%s: %s", rows[i].expr, err.message);
        struct str fixed = {0};
        for (size_t k = 0; k < checker.findings.n; k++)
            if (checker.findings.at[k].fixed.n)
                fixed = checker.findings.at[k].fixed;
        if (rows[i].fixed ? !str_equal(fixed, str_of(rows[i].fixed)) : fixed.n > 0)
            fail_msg("%s: corrected to %.*s", rows[i].expr, STR_ARGS(fixed));
        rule_checker_done(&checker);
        ampql_source_free(source);
        ampql_engine_free(engine);
        arena_done(&arena);
    }
}

static const char all[] =
    "groups:\n"
    "- name: g\n"
    "  rules:\n"
    "  - {record: m, expr: 'late + missing + m{pood=\"x\"} + m{pod=\"y\",cluster_id=\"a\"}'}\n"
    "  - {record: m, expr: 'sum(rate(m[15s])) * on (pod) group_left sum by (pod) (m)'}\n"
    "  - {record: late, expr: 'count without (cluster_id) (container_c{container_name!=\"\"})'}\n"
    "  - {record: late, expr: 'sum('}\n"
    "  - {recrd: late}\n";

static bool check_all(const struct ampql_allocator *alc)
{
    struct arena arena;
    struct rule_checker checker = {0};
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_run_options options;
    struct ampql_error err = {0};
    arena_init(&arena, alc);
    enum ampql_code code = check_with(alc, all, &checker, &arena, &engine, &source, &options, &err);
    rule_checker_done(&checker);
    ampql_source_free(source);
    ampql_engine_free(engine);
    arena_done(&arena);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    torture_all_lenient(check_all);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(corrections),
    cmocka_unit_test(torture),
};
TEST_MAIN(tests)
