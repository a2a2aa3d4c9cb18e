/* Queries: each kind of operator and function once, over series in memory. */
#include "faults/scene.h"

#include <string.h>

static enum ampql_code parse(struct scene *scene, const struct scenario *self,
                             struct ampql_error *err)
{
    struct ampql_query *query = NULL;
    enum ampql_code code =
        ampql_query_compile(scene->engine, self->text, strlen(self->text), &query, err);
    if (code == AMPQL_OK)
        code = scene_wrote(ampql_query_print(query, self->number, scene_write, scene), err);
    ampql_query_free(query);
    return code;
}

static enum ampql_code openmetrics(struct scene *scene, const struct scenario *self,
                                   struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    enum ampql_code code =
        ampql_query_compile(scene->engine, self->text, strlen(self->text), &query, err);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, scene->memory, &options, &result, err);
    if (code == AMPQL_OK)
        code = ampql_result_openmetrics(result, scene_write, scene, err);
    ampql_query_free(query); /* the result outlives it */
    if (code == AMPQL_OK)
        code = scene_wrote(ampql_result_json(result, scene_write, scene), err);
    ampql_result_free(result);
    return code;
}

/* The answer to one query of a batch, or why there is none. */
static enum ampql_code say_result(struct scene *scene, const struct ampql_result *result,
                                  const struct ampql_error *failure, struct ampql_error *err)
{
    if (result)
        return scene_wrote(ampql_result_json(result, scene_write, scene), err);
    scene_say(scene, "[%s]", failure->message);
    if (failure->code == AMPQL_NOMEM)
        *err = *failure;
    return failure->code == AMPQL_NOMEM ? AMPQL_NOMEM : AMPQL_OK;
}

enum { BATCH_MAX = 8 };

/* The queries in text, separated by ";". */
static enum ampql_code compile_all(struct scene *scene, const char *text,
                                   struct ampql_query **queries, size_t *n, struct ampql_error *err)
{
    enum ampql_code code = AMPQL_OK;
    for (*n = 0; code == AMPQL_OK && text && *n < BATCH_MAX; (*n)++) {
        const char *end = strchr(text, ';');
        code = ampql_query_compile(scene->engine, text, end ? (size_t)(end - text) : strlen(text),
                                   &queries[*n], err);
        text = end ? end + 1 : NULL;
    }
    return code;
}

static enum ampql_code batch(struct scene *scene, const struct scenario *self,
                             struct ampql_error *err)
{
    static struct ampql_error errs[BATCH_MAX];
    struct ampql_run_options options = scene_options(self);
    struct ampql_query *queries[BATCH_MAX] = {0};
    struct ampql_result *results[BATCH_MAX] = {0};
    size_t n;
    options.threads = self->number;
    enum ampql_code code = compile_all(scene, self->text, queries, &n, err);
    if (code == AMPQL_OK) {
        (void)ampql_batch_run(scene->engine, (const struct ampql_query *const *)queries, n,
                              scene->memory, &options, results, errs);
        for (size_t i = 0; code == AMPQL_OK && i < n; i++)
            code = say_result(scene, results[i], &errs[i], err);
    }
    for (size_t i = 0; i < n; i++) {
        ampql_result_free(results[i]);
        ampql_query_free(queries[i]);
    }
    return code;
}

static enum ampql_code explain(struct scene *scene, const struct scenario *self,
                               struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    struct ampql_query *queries[BATCH_MAX] = {0};
    size_t n;
    enum ampql_code code = compile_all(scene, self->text, queries, &n, err);
    if (code == AMPQL_OK)
        code = ampql_batch_explain(scene->engine, (const struct ampql_query *const *)queries, n,
                                   (uint32_t)self->number, &options, scene_write, scene, err);
    for (size_t i = 0; i < n; i++)
        ampql_query_free(queries[i]);
    return code;
}

static enum ampql_code series(struct scene *scene, const struct scenario *self,
                              struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    struct ampql_result *result = NULL;
    enum ampql_code code = ampql_series_run(scene->engine, self->text, strlen(self->text),
                                            scene->memory, &options, &result, err);
    if (code == AMPQL_OK)
        code = scene_wrote(ampql_result_json(result, scene_write, scene), err);
    ampql_result_free(result);
    return code;
}

static enum ampql_code limited(struct scene *scene, const struct scenario *self,
                               struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    options.max_bytes = self->number;
    return scene_ask(scene, scene->memory, self->text, &options, err);
}

static enum ampql_code delayed(struct scene *scene, const struct scenario *self,
                               struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    options.delayed_name_removal = true;
    return scene_ask(scene, scene->memory, self->text, &options, err);
}

static enum ampql_code prom2(struct scene *scene, const struct scenario *self,
                             struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    options.dialect = AMPQL_PROM2;
    return scene_ask(scene, scene->memory, self->text, &options, err);
}

static enum ampql_code engine(struct scene *scene, const struct scenario *self,
                              struct ampql_error *err)
{
    struct ampql_engine_options options = {.size = sizeof options, .allocator = scene->alc};
    struct ampql_engine *fresh = NULL;
    struct ampql_cancel *cancel = NULL;
    (void)self;
    enum ampql_code code = ampql_engine_new(&options, &fresh, err);
    if (code == AMPQL_OK)
        code = ampql_cancel_new(fresh, &cancel, err);
    ampql_cancel_free(cancel);
    ampql_engine_free(fresh);
    return code;
}

#define LONG                                                                                       \
    "sum by (job, pod) (rate(c{job=~\"a|b\", pod!~\"x.*y\"}[5m] offset -1m)) / on (job) "          \
    "group_left (le) max by (job, le) (avg_over_time(h_bucket[3m:30s] @ end())) > bool 1e3 and "   \
    "(c unless g) or label_replace(c, \"x\", \"$1\", \"job\", \"(.*)\") == -2 ^ 3 ^ 0x1f"

#define STEPS .start_ms = 300000, .end_ms = SCENE_END_MS, .step_ms = 60000
#define AT(title, text)                                                                            \
    {                                                                                              \
        .name = title, scene_query, text, .start_ms = SCENE_END_MS                                 \
    }
#define RANGE(title, text)                                                                         \
    {                                                                                              \
        .name = title, scene_query, text, STEPS                                                    \
    }
#define ROW(title, run, text, n)                                                                   \
    {                                                                                              \
        .name = title, run, text, STEPS, .number = n                                               \
    }

static const struct scenario rows[] = {
    {.name = "engine and cancel flag", engine},
    {.name = "parse, print", parse, LONG},
    {.name = "parse, pretty print", parse, LONG, .number = 1},
    {.name = "parse error", parse, "sum(rate(c[5m]) by (job)"},
    {.name = "type error", parse, "rate(sum(c))"},
    {.name = "regex error", parse, "c{job=~\"a(b\"}"},
    AT("scalar", "1 + 2 * 3"),
    AT("string", "\"text \\u00e9\""),
    AT("selector, instant", "c"),
    RANGE("selector, range", "{job=\"a\"}"),
    AT("range vector as result", "c[5m]"),
    RANGE("regex matchers", "{__name__=~\"c|g\",job=~\"(a|b)+\",pod!~\"[3-9]|x{2,5}\"}"),
    RANGE("rate", "rate(c[5m])"),
    RANGE("increase and delta", "increase(c[3m]) - delta(g[3m])"),
    RANGE("irate, idelta", "irate(c[5m]) + idelta(c[5m])"),
    RANGE("sum, avg, min, max over time", "sum_over_time(g[4m]) + avg_over_time(g[4m]) - "
                                          "min_over_time(g[4m]) * max_over_time(g[4m])"),
    RANGE("quantile_over_time", "quantile_over_time(0.7, g[5m])"),
    RANGE("stddev_over_time", "stddev_over_time(g[5m]) + stdvar_over_time(g[5m])"),
    RANGE("mad_over_time", "mad_over_time(g[5m])"),
    RANGE("deriv, predict_linear", "deriv(g[5m]) + predict_linear(g[5m], 60)"),
    RANGE("double_exponential_smoothing", "double_exponential_smoothing(g[5m], 0.5, 0.5)"),
    RANGE("changes, resets", "changes(g[5m]) + resets(g[5m])"),
    RANGE("first, last, count, present",
          "first_over_time(g[5m]) + last_over_time(g[5m]) + count_over_time(g[5m]) + "
          "present_over_time(g[5m])"),
    RANGE("ts_of_max_over_time", "ts_of_max_over_time(g[5m])"),
    RANGE("absent", "absent(nothing{job=\"a\"})"),
    RANGE("absent_over_time", "absent_over_time(nothing{job=\"a\"}[5m])"),
    RANGE("math", "ln(abs(g)) + sqrt(exp(ceil(g) / 9)) - sgn(floor(g))"),
    RANGE("trigonometry", "sin(g) + atanh(g / 100) + deg(g)"),
    RANGE("clamp, round", "clamp(g, 1, 3) + round(g, 0.3)"),
    RANGE("dates", "day_of_month(g * 86400) + hour()"),
    RANGE("scalar, vector, time", "vector(scalar(g{job=\"a\",pod=\"1\"}) + time() + pi())"),
    RANGE("timestamp", "timestamp(c) + timestamp(c + 1)"),
    RANGE("label_replace", "label_replace(c, \"x\", \"$1-${2}\", \"job\", \"(.)(.*)\")"),
    RANGE("label_join", "label_join(c, \"x\", \"-\", \"job\", \"pod\")"),
    AT("sort, sort_desc", "sort(g) or sort_desc(c)"),
    AT("sort_by_label", "sort_by_label_desc(c, \"pod\", \"job\")"),
    RANGE("histogram_quantile", "histogram_quantile(0.9, sum by (le, job) (rate(h_bucket[5m])))"),
    RANGE("histogram_fraction", "histogram_fraction(0.5, 1.5, h_bucket)"),
    RANGE("sum", "sum(c)"),
    RANGE("avg by", "avg by (job) (c)"),
    RANGE("count without, group", "count without (pod) (c) + on (job) group without (pod) (c)"),
    RANGE("min, max", "max by (job) (g) - min by (job) (g)"),
    RANGE("stddev, stdvar", "stddev(g) + stdvar(g)"),
    RANGE("quantile", "quantile by (job) (0.3, g)"),
    RANGE("topk", "topk by (job) (1, g)"),
    AT("bottomk", "bottomk(3, g)"),
    RANGE("count_values", "count_values by (job) (\"value\", round(g))"),
    RANGE("limitk, limit_ratio", "limitk(2, c) or limit_ratio(0.5, g)"),
    RANGE("join, one to one", "c / g"),
    RANGE("join, on", "c{pod=\"1\"} * on (job) g{pod=\"2\"}"),
    RANGE("join, group_left", "c * on (job) group_left (zone) info"),
    RANGE("join, group_right", "info + on (job) group_right () c"),
    RANGE("join, not one to one", "c * on (job) g"),
    RANGE("comparison", "c > 100 and c < bool 500"),
    RANGE("and", "c and on (job) g{pod=\"2\"}"),
    RANGE("or", "c or g"),
    RANGE("unless", "c unless ignoring (pod) g{pod=\"1\",job=\"b\"}"),
    RANGE("vector and scalar", "-c ^ 2 % 7 == 1"),
    RANGE("equal label sets", "sum by (job) (c) or label_replace(c, \"pod\", \"\", \"\", \"\")"),
    RANGE("subquery", "max_over_time(rate(c[2m])[3m:30s])"),
    RANGE("subquery in a subquery", "sum_over_time(avg_over_time(sum(c)[2m:1m])[3m:])"),
    RANGE("@ and offset", "c @ 120 + c offset 1m - c @ end() + rate(c[2m] @ start() offset -1m)"),
    RANGE("anchored, smoothed", "rate(c[3m] anchored) + increase(c[3m] smoothed)"),
    RANGE("warnings", "rate(g[5m]) + histogram_quantile(2, h_bucket)"),
    ROW("names removed at the end", delayed, "sum by (__name__) (rate(c[5m])) or abs(g)", 0),
    ROW("dialect prom2", prom2, "rate(c[5m]) + sum(avg_over_time(g[3m:1m]))", 0),
    ROW("byte budget", limited, "sum by (pod) (rate(c[5m]))", 1 << 20),
    ROW("byte budget, too small", limited, "c + on (job, pod) g + topk(3, c)", 20000),
    ROW("OpenMetrics", openmetrics, "c + on (job, pod) group_right () g or c", 0),
    ROW("series", series, "{job=\"a\"}", 0),
    ROW("batch", batch, "sum(c);rate(c[5m]);c * on (job) g;topk(1, g)", 0),
    ROW("batch with 3 threads", batch, "sum(c);rate(g[5m]);h_bucket;topk(1, info);c + 1", 3),
    ROW("explain, samples", explain, "sum(c);rate(c[5m]);c @ 120", AMPQL_SOURCE_SAMPLES),
    ROW("explain, answers", explain, "sum(c);rate(c[5m]);timestamp(c);max_over_time(c[3m:1m])",
        AMPQL_SOURCE_ANSWERS),
};
const struct scenario_table scenarios_query = SCENARIOS(rows);
