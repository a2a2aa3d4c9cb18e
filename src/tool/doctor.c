/* What the cost model and the rules need, looked for in the data. */
#include "tool/doctor.h"

#include "cost/queries.h"
#include "tool/rule_check.h"

#include <stdarg.h>
#include <stdio.h>

enum ampql_code doctor_add(struct doctor *doctor, const char *name, enum doctor_status status,
                           enum ampql_code code, struct ampql_error *err, const char *advice,
                           const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct doctor_check check = {name, status, arena_copy(doctor->arena, str_of(text)),
                                 arena_copy(doctor->arena, str_of(advice ? advice : "")), code};
    if (!check.text.p || !check.advice.p || !array_push(doctor, doctor->arena, check))
        return fail_nomem(err, "a check");
    return AMPQL_OK;
}

enum doctor_status doctor_worst(const struct doctor *doctor)
{
    enum doctor_status worst = DOCTOR_OK;
    for (size_t i = 0; i < doctor->n; i++)
        if (doctor->at[i].status > worst)
            worst = doctor->at[i].status;
    return worst;
}

static enum ampql_code find_series(const struct doctor_data *data, struct str selector,
                                   struct ampql_result **out, struct ampql_error *err)
{
    return ampql_series_run(data->engine, selector.p, selector.n, data->source, data->options, out,
                            err);
}

/* ---- metrics */

/* Several queries read one metric; the first with a loss tells it. */
static bool is_first(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(query_info[k].metric, query_info[i].metric) == 0)
            return false;
    return true;
}

static const char *loss_of(const char *metric)
{
    for (size_t i = 0; i < COST_QUERY_COUNT; i++)
        if (query_info[i].loss && strcmp(query_info[i].metric, metric) == 0)
            return query_info[i].loss;
    return NULL;
}

static enum ampql_code count_series(const struct doctor_data *data, const char *selector, size_t *n,
                                    struct ampql_error *err)
{
    struct ampql_result *result = NULL;
    TRY(find_series(data, str_of(selector), &result, err));
    *n = ampql_result_count(result);
    ampql_result_free(result);
    return AMPQL_OK;
}

static enum ampql_code check_metric(struct doctor *doctor, const struct doctor_data *data,
                                    const char *metric, size_t *nfound, struct ampql_error *err)
{
    size_t n = 0;
    const char *loss = loss_of(metric);
    TRY(count_series(data, metric, &n, err));
    *nfound += n > 0;
    if (n)
        return doctor_add(doctor, "metric", DOCTOR_OK, AMPQL_OK, err, NULL, "%s: %zu series",
                          metric, n);
    if (!loss)
        return doctor_add(doctor, "metric", DOCTOR_OK, AMPQL_OK, err, NULL,
                          "%s: none, and a bill can do without", metric);
    bool is_pods = strcmp(metric, query_info[COST_PODS].metric) == 0;
    return doctor_add(doctor, "metric", is_pods ? DOCTOR_FAIL : DOCTOR_WARN, AMPQL_OK, err,
                      is_pods ? "is kube-state-metrics scraped, and is this the right workspace?"
                              : "is what exposes it scraped, and not dropped by a relabelling?",
                      "%s: none: %s", metric, loss);
}

/* ---- the cluster label */

struct values {
    ARRAY(struct str);
    size_t nwithout; /* series without the label */
};

static bool add_value(struct values *values, struct arena *arena, struct ampql_series series,
                      const char *label)
{
    struct str value = {0};
    for (size_t i = 0; i < series.nlabels; i++)
        if (str_equal(str_view(series.labels[i].name), str_of(label)))
            value = str_view(series.labels[i].value);
    if (value.n == 0) {
        values->nwithout++;
        return true;
    }
    for (size_t i = 0; i < values->n; i++)
        if (str_equal(values->at[i], value))
            return true;
    value = arena_copy(arena, value);
    return value.p && array_push(values, arena, value);
}

/* Up to five of them, as text. */
static void join(const struct values *values, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < values->n && i < 5; i++) {
        char quoted[128];
        quote_clipped(quoted, sizeof quoted, values->at[i]);
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", quoted);
    }
    if (values->n > 5)
        snprintf(out + n, size - n, " and %zu more", values->n - 5);
}

static bool holds(const struct values *values, const char *value)
{
    for (size_t i = 0; i < values->n; i++)
        if (str_equal(values->at[i], str_of(value)))
            return true;
    return false;
}

static enum ampql_code judge_label(struct doctor *doctor, const struct doctor_data *data,
                                   const char *label, const struct values *values,
                                   struct ampql_error *err)
{
    char list[800];
    join(values, list, sizeof list);
    doctor->nclusters = values->n;
    if (data->cluster_id && !holds(values, data->cluster_id)) {
        char quoted[128];
        return doctor_add(doctor, "cluster label", DOCTOR_FAIL, AMPQL_OK, err,
                          "--cluster-id has to be one of the label's values",
                          "%s is never %s; it is %s", label,
                          quote_clipped(quoted, sizeof quoted, str_of(data->cluster_id)), list);
    }
    if (values->nwithout)
        return doctor_add(doctor, "cluster label", DOCTOR_WARN, AMPQL_OK, err,
                          "add the label to all of them as an external label of each cluster",
                          "%s is %s, and %zu series have none", label, list, values->nwithout);
    if (values->n > 1 && !data->cluster_id)
        return doctor_add(doctor, "cluster label", DOCTOR_OK, AMPQL_OK, err,
                          "ampql allocate --aggregate cluster keeps them apart",
                          "%s is %s: %zu clusters", label, list, values->n);
    return doctor_add(doctor, "cluster label", DOCTOR_OK, AMPQL_OK, err, NULL, "%s is %s", label,
                      list);
}

/* The labels that clusters are told apart by: the one asked for, OpenCost's, and what agents add.
 */
static enum ampql_code check_label(struct doctor *doctor, const struct doctor_data *data,
                                   struct ampql_error *err)
{
    const char *const labels[] = {data->cluster_label ? data->cluster_label : "cluster_id",
                                  "cluster_id", "cluster", "alpha_eksctl_io_cluster_name",
                                  "k8s_cluster_name"};
    static const char *const metrics[] = {"container_memory_working_set_bytes",
                                          "kube_pod_container_status_running"};
    enum { NLABELS = sizeof labels / sizeof *labels };
    struct values values[NLABELS] = {0};
    struct ampql_result *result = NULL;
    for (size_t i = 0; i < 2 && (!result || ampql_result_count(result) == 0); i++) {
        ampql_result_free(result);
        result = NULL;
        TRY(find_series(data, str_of(metrics[i]), &result, err));
    }
    size_t n = ampql_result_count(result);
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        for (size_t k = 0; k < NLABELS && ok; k++)
            ok = add_value(&values[k], doctor->arena, ampql_result_series(result, i), labels[k]);
    ampql_result_free(result);
    if (!ok)
        return fail_nomem(err, "label values");
    if (n == 0)
        return AMPQL_OK;
    if (values[0].n)
        return judge_label(doctor, data, labels[0], &values[0], err);
    for (size_t k = 1; k < NLABELS; k++) {
        char list[800], advice[128];
        if (values[k].n == 0)
            continue;
        join(&values[k], list, sizeof list);
        snprintf(advice, sizeof advice, "ampql allocate --cluster-label %s", labels[k]);
        return doctor_add(doctor, "cluster label", DOCTOR_WARN, AMPQL_OK, err, advice,
                          "no series has %s; they have %s, which is %s", labels[0], labels[k],
                          list);
    }
    return doctor_add(doctor, "cluster label", data->cluster_id ? DOCTOR_FAIL : DOCTOR_WARN,
                      AMPQL_OK, err,
                      "fine for one cluster; for several add an external label to each",
                      "no series has %s, nor another label known to name clusters", labels[0]);
}

enum ampql_code doctor_metrics(struct doctor *doctor, const struct doctor_data *data,
                               struct ampql_error *err)
{
    size_t nfound = 0;
    for (size_t i = 0; i < COST_QUERY_COUNT; i++)
        if (is_first(i))
            TRY(check_metric(doctor, data, query_info[i].metric, &nfound, err));
    if (nfound == 0)
        return doctor_add(doctor, "data", DOCTOR_FAIL, AMPQL_OK, err,
                          "is this the right workspace, and does anything write to it? Try ampql "
                          "labels --source ... __name__",
                          "none of the cost model's metrics has a series in this time");
    return check_label(doctor, data, err);
}

/* ---- rules */

enum ampql_code doctor_rules(struct doctor *doctor, const struct doctor_data *data, struct str text,
                             struct ampql_error *err)
{
    static const enum doctor_status statuses[] = {
        [RULE_INFO] = DOCTOR_OK, [RULE_WARNING] = DOCTOR_WARN, [RULE_ERROR] = DOCTOR_FAIL};
    struct rule_check_data where = {
        data->engine, data->source, data->options,
        str_of(data->cluster_label ? data->cluster_label : "cluster_id")};
    struct rule_checker checker;
    rule_checker_init(&checker, doctor->arena, &where, data->options->dialect);
    enum ampql_code code = rule_checker_add(&checker, "the rules", text, err);
    if (code == AMPQL_OK)
        code = rule_checker_run(&checker, err);
    for (size_t i = 0; i < checker.findings.n && code == AMPQL_OK; i++) {
        const struct rule_finding *finding = &checker.findings.at[i];
        const struct rule_file *file = &checker.files.at[finding->file].rules->file;
        char name[200] = "the file";
        if (finding->rule != SIZE_MAX)
            quote_clipped(name, sizeof name, str_view(file->rules.at[finding->rule].view.name));
        code = doctor_add(doctor, "rule", statuses[finding->severity], AMPQL_OK, err,
                          finding->advice.n ? finding->advice.p : NULL, "%s (line %zu): %.*s", name,
                          finding->place.line, STR_ARGS(finding->message));
    }
    if (code == AMPQL_OK && checker.findings.n == 0)
        code = doctor_add(doctor, "rules", DOCTOR_OK, AMPQL_OK, err, NULL,
                          "nothing wrong with all %zu", checker.files.at[0].rules->file.rules.n);
    rule_checker_done(&checker);
    return code;
}
