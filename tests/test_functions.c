/* Functions and aggregations: each has a text case, and those that hold memory of their own are run
 * with each allocation failing in turn. What they compute is in tests/data/promql. */
#include <ampql.h>

#include "eval/aggregate.h"
#include "eval/function.h"

#include "base/buf.h"

#include "support/test.h"
#include "support/torture.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* ---- cases */

static void append_file(struct buf *out, const char *path)
{
    FILE *file = fopen(path, "rb");
    char line[4096];
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        buf_str(out, str_of(line));
    fclose(file);
}

static void append_folder(struct buf *out, const char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (str_has_suffix(str_of(path), STR(".test")))
            append_file(out, path);
    }
    closedir(dir);
}

/* name( or, of an aggregation, name by (...), anywhere in the cases. */
static bool has_case(struct str cases, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 1; i + n + 4 < cases.n; i++) {
        const char *p = cases.p + i;
        bool is_word = p[-1] == ' ' || p[-1] == '(' || p[-1] == '-';
        if (is_word && memcmp(p, name, n) == 0 &&
            (p[n] == '(' || memcmp(p + n, " by", 3) == 0 || memcmp(p + n, " wi", 3) == 0))
            return true;
    }
    return false;
}

static void test_each_has_a_case(void **state)
{
    static const char *const folders[] = {"tests/data/promql", "tests/data/promql/function",
                                          "tests/data/promql/aggregate",
                                          "tests/data/promql/operator", "tests/data/promql/prom2"};
    struct buf cases;
    const struct function *f;
    size_t without = 0;
    (void)state;
    buf_init(&cases, &alloc_default, 1 << 24);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        append_folder(&cases, folders[i]);
    assert_int_equal(cases.failed, AMPQL_OK);
    for (size_t i = 0; (f = function_at(i)); i++)
        if (!has_case(buf_view(&cases), f->sig.name))
            without++, printf("  no case in tests/data/promql has %s()\n", f->sig.name);
    for (size_t i = 0; i < AGGREGATION_COUNT_ALL; i++)
        if (aggregate_find((enum aggregation)i) &&
            !has_case(buf_view(&cases), aggregation_info[i].text))
            without++, printf("  no case in tests/data/promql has %s\n", aggregation_info[i].text);
    buf_done(&cases);
    assert_int_equal(without, 0);
}

/* ---- failing allocations */

static const char *const queries[] = {
    "quantile_over_time(0.9, x[5m])",
    "mad_over_time(x[5m])",
    "quantile_over_time(0.5, sum by (le) (x)[5m:1m])",
    "double_exponential_smoothing(x[5m], 0.5, 0.5)",
    "histogram_quantile(0.5, x)",
    "histogram_quantile(0.5, {__name__=~\"x|y\"})",
    "histogram_fraction(1, 2, x)",
    "histogram_quantiles(x, \"q\", 0.5, 0.9, 2)",
    "histogram_quantiles(x, \"pod\", scalar(count(y)) / 9)",
    "sort_desc(x)",
    "sort_by_label(x, \"pod\", \"le\")",
    "quantile by (pod) (0.5, x)",
    "topk by (pod) (2, x)",
    "bottomk(3, -x)",
    "limitk by (pod) (2, x)",
    "limit_ratio by (pod) (0.5, x)",
    "limit_ratio(1.5, x)",
    "integral(x[5m], 3)",
    "vector(max_of(start(), end()) - min_of(range(), step()))",
    "x - on (le, pod) fill (0) y",
    "-x < on (le, pod) group_left (zone) fill_right (1000) y",
    "x * on (le) group_left () fill_left (1) y",
    "sum(rate(x[5m] smoothed))",
    "resets(x[5m] anchored)",
    "sum(x smoothed)",
    "count_values by (pod) (\"v\", x)",
    "count_values without (le) (\"pod\", x)",
    "stddev by (pod) (x)",
    "hour() + on() group_right() round(x, 0.5)",
    "clamp(x, 1, scalar(max(x)))",
    "topk(scalar(count(x)), x)",
    "histogram_quantile(2, label_replace(x, \"le\", \"bad\", \"pod\", \"a\"))",
    "histogram_quantile(0.5, label_replace(x * -1, \"le\", \"bad\", \"pod\", \"a\"))", /* falling */
    "quantile_over_time(2, x[5m])",
    "sum(rate(x[5m]))",
};

static struct ampql_string text(const char *s)
{
    return (struct ampql_string){s, strlen(s)};
}

/* x{pod,le}: 2 pods with 4 buckets each, and y like one of them. */
static enum ampql_code add_series(struct ampql_source *source, struct ampql_error *err)
{
    static const char *const bounds[] = {"0.5", "1", "2", "+Inf"};
    for (size_t i = 0; i < 12; i++) {
        int64_t t[41];
        double v[41];
        for (int k = 0; k < 41; k++) {
            t[k] = k * 15000;
            v[k] = k / 4 * (double)(i % 4 + 1);
        }
        const struct ampql_label labels[] = {{text("__name__"), text(i < 8 ? "x" : "y")},
                                             {text("le"), text(bounds[i % 4])},
                                             {text("pod"), text(i / 4 % 2 ? "b" : "a")}};
        enum ampql_code code = ampql_source_add(source, labels, 3, t, v, 41, err);
        if (code != AMPQL_OK)
            return code;
    }
    return AMPQL_OK;
}

struct work {
    const char *query;
    bool is_range;
};

static bool run(const struct ampql_allocator *alc, void *payload)
{
    const struct work *work = payload;
    struct ampql_engine_options options = {
        .size = sizeof options, .allocator = alc, .experimental = true};
    struct ampql_run_options times = {.size = sizeof times, .start_ms = 600000, .end_ms = 600000};
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    struct ampql_error err = {0};
    if (work->is_range)
        times.start_ms = 0, times.step_ms = 45000;
    enum ampql_code code = ampql_engine_new(&options, &engine, &err);
    if (code == AMPQL_OK)
        code = ampql_source_memory(engine, NULL, &source, &err);
    if (code == AMPQL_OK)
        code = add_series(source, &err);
    if (code == AMPQL_OK)
        code = ampql_query_compile(engine, work->query, strlen(work->query), &query, &err);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, source, &times, &result, &err);
    bool is_refused = code == AMPQL_EXECUTION && strstr(err.message, "same labelset");
    if (code != AMPQL_OK && code != AMPQL_NOMEM && !is_refused)
        fail_msg("%s: a failed allocation ended as %d \"%s\"", work->query, code, err.message);
    if (code == AMPQL_OK)
        assert_true(ampql_result_count(result) > 0);
    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return code == AMPQL_OK || is_refused;
}

static void test_torture(void **state)
{
    (void)state;
    size_t points = 0;
    for (size_t i = 0; i < 2 * (sizeof queries / sizeof *queries); i++)
        points += torture_with(run, &(struct work){queries[i / 2], i % 2}, false);
    printf("  %zu allocations failed in turn\n", points);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_each_has_a_case),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
