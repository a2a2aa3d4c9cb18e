/* The query table, the caller's options, and the two put together as PromQL. */
#include "cost/queries.h"

#include "base/checked.h"
#include "base/json.h"
#include "base/options.h"
#include "base/time.h"

#include <float.h>

const struct query_info query_info[COST_QUERY_COUNT] = {
#define QUERY(id, group, counted, name, metric, selector, loss, text, newer)                       \
    [COST_##id] = {name, metric, QUERY_##group, QUERY_##counted, selector, loss, {text, newer}},
#include "cost/queries.def"
};

/* The labels of nodes that OpenCost gives to allocations. */
static const char node_labels[] =
    "cloud.google.com/gke-nodepool,eks.amazonaws.com/nodegroup,kubernetes.azure.com/agentpool,"
    "node.kubernetes.io/instance-type,topology.kubernetes.io/region,topology.kubernetes.io/zone";

struct ampql_prices ampql_default_prices(void)
{
    return (struct ampql_prices){.cpu = 0.031611,
                                 .ram = 0.004237,
                                 .gpu = 0.95,
                                 .spot_cpu = 0.006655,
                                 .spot_ram = 0.000892,
                                 .storage = 0.00005479452};
}

static bool is_label_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.n > 0;
}

static enum ampql_code check_discount(double discount, struct ampql_error *err)
{
    if (discount >= 0 && discount <= 1)
        return AMPQL_OK;
    return fail(err, AMPQL_BAD_DATA, "a discount is out of range, expected 0 to 1");
}

static enum ampql_code check_prices(const struct ampql_prices *p, struct ampql_error *err)
{
    const double prices[] = {p->cpu,      p->ram,      p->gpu,    p->spot_cpu,
                             p->spot_ram, p->spot_gpu, p->storage};
    for (size_t i = 0; i < sizeof prices / sizeof *prices; i++)
        if (!(prices[i] >= 0 && prices[i] <= DBL_MAX))
            return fail(err, AMPQL_BAD_DATA, "a price is negative or no number");
    return AMPQL_OK;
}

static enum ampql_code check_enums(const struct ampql_cost_options *options,
                                   struct ampql_error *err)
{
    if (options->queries != AMPQL_COST_2024 && options->queries != AMPQL_COST_2026)
        return fail(err, AMPQL_BAD_DATA, "there is no query set %d", (int)options->queries);
    if (options->provider != AMPQL_COST_AWS && options->provider != AMPQL_COST_GCP)
        return fail(err, AMPQL_BAD_DATA, "there is no provider %d", (int)options->provider);
    return AMPQL_OK;
}

enum { MAX_PIECES = 10000, MAX_STEPS = 10000, MAX_THREADS = 256 };

static enum ampql_code check_window(const struct params *params, struct ampql_error *err)
{
    int64_t length_ms;
    if (params->start_ms >= params->end_ms)
        return fail(err, AMPQL_BAD_DATA, "the window is empty, expected its start before its end");
    if (!checked_sub(params->end_ms, params->start_ms, &length_ms))
        return fail(err, AMPQL_BAD_DATA, "the window is out of range");
    if (params->start_ms % 1000 || params->end_ms % 1000)
        return fail(err, AMPQL_BAD_DATA, "the window does not start and end at whole seconds");
    if (params->resolution_ms <= 0 || params->resolution_ms % 1000 ||
        params->resolution_ms > INT64_MAX / 4)
        return fail(err, AMPQL_BAD_DATA,
                    "the resolution is %lld ms, expected whole seconds, more than 0",
                    (long long)params->resolution_ms);
    if (params->step_ms < 0 || params->step_ms % 1000)
        return fail(err, AMPQL_BAD_DATA, "the step is %lld ms, expected whole seconds, more than 0",
                    (long long)params->step_ms);
    if (params->step_ms && length_ms / params->step_ms >= MAX_STEPS)
        return fail(err, AMPQL_BAD_DATA, "the window has more than %d steps", MAX_STEPS);
    if (params->max_duration_ms <= 0 || params->max_duration_ms % 1000)
        return fail(err, AMPQL_BAD_DATA,
                    "the longest computation is %lld ms, expected whole seconds, more than 0",
                    (long long)params->max_duration_ms);
    if (length_ms / params->max_duration_ms > MAX_PIECES)
        return fail(err, AMPQL_BAD_DATA,
                    "the window has more than %d pieces of the longest computation", MAX_PIECES);
    return AMPQL_OK;
}

enum ampql_code params_make(const struct ampql_cost_options *options, struct params *out,
                            struct ampql_error *err)
{
    struct ampql_cost_options all;
    OPTIONS_READ(all, options);
    char quoted[320];
    TRY(check_discount(all.discount, err));
    TRY(check_discount(all.negotiated_discount, err));
    TRY(check_enums(&all, err));
    *out = (struct params){
        .start_ms = all.start_ms,
        .end_ms = all.end_ms,
        .resolution_ms = all.resolution_ms ? all.resolution_ms : 300000,
        .cluster_label = str_of(all.cluster_label ? all.cluster_label : "cluster_id"),
        .cluster_id = str_of(all.cluster_id ? all.cluster_id : ""),
        .filter_cluster = all.filter_cluster,
        .prices = all.prices ? *all.prices : ampql_default_prices(),
        .custom_prices = all.custom_prices,
        .provider = all.provider,
        .discount = all.discount,
        .negotiated_discount = all.negotiated_discount,
        .dialect = all.dialect,
        .timeout_ms = all.timeout_ms,
        .max_samples = all.max_samples,
        .max_series = all.max_series,
        .max_bytes = all.max_bytes,
        .max_labels = all.max_labels,
        .max_label_bytes = all.max_label_bytes,
        .cancel = all.cancel,
        .queries = all.queries,
        .pod_uids = all.pod_uids,
        .wants_node_labels = !all.no_node_labels,
        .node_labels = str_of(all.node_labels ? all.node_labels : node_labels),
        .wants_idle = all.idle,
        .is_strict = all.strict,
        .groups = all.idle ? QUERY_BOTH : QUERY_ALLOCATION,
        .now_ms = all.now_ms ? all.now_ms : time_now(),
        .max_duration_ms = all.max_duration_ms ? all.max_duration_ms : 86400000,
        .rules = all.rules,
        .recorded = all.recorded,
        .rule_phase_ms = all.rule_phase_ms,
        .rule_file = all.rule_file,
        .step_ms = all.step_ms,
        .nthreads = all.threads < MAX_THREADS ? (size_t)all.threads : MAX_THREADS,
    };
    TRY(check_prices(&out->prices, err));
    TRY(quirks_parse(str_of(all.quirks ? all.quirks : ""), &out->quirks, err));
    if (!is_label_name(out->cluster_label))
        return fail(err, AMPQL_BAD_DATA, "the cluster label is %s, expected a label name",
                    quote_clipped(quoted, sizeof quoted, out->cluster_label));
    return check_window(out, err);
}

void render_duration(struct buf *out, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;
    while (seconds % units[i].seconds)
        i++;
    buf_format(out, "%lld%c", (long long)(seconds / units[i].seconds), units[i].unit);
}

/* ---- texts */

bool query_is_asked(enum cost_query query, const struct params *params)
{
    const struct query_info *info = &query_info[query];
    if (params->queries == AMPQL_COST_2024 && !info->text[AMPQL_COST_2024])
        return false;
    return (info->group & params->groups) &&
           (query != COST_NODE_LABELS || params->wants_node_labels);
}

/* The resolution in whole minutes, at least one. */
static int64_t whole_minutes(const struct params *params)
{
    int64_t minutes = params->resolution_ms / 60000;
    return minutes ? minutes * 60 : 60;
}

/* A subquery of left-open ranges needs one step more to begin where the window does. OpenCost knows
 * that since it asks by the newer queries. */
static int64_t span(const struct params *params)
{
    bool is_longer = params->queries != AMPQL_COST_2024 && params->dialect != AMPQL_PROM2;
    return (params->end_ms - params->start_ms + (is_longer ? params->resolution_ms : 0)) / 1000;
}

/* To six decimals, as OpenCost does; no locale has a say. */
static void render_hours(struct buf *out, int64_t seconds)
{
    int64_t millionths = (seconds * 1000000 + 1800) / 3600;
    buf_format(out, "%lld.%06lld", (long long)(millionths / 1000000),
               (long long)(millionths % 1000000));
}

static void render_variable(struct buf *out, enum cost_query query, struct str name,
                            const struct params *params)
{
    int64_t resolution = params->resolution_ms / 1000;
    bool is_newer = params->queries != AMPQL_COST_2024;
    if (str_equal(name, STR("S"))) {
        buf_text(out, query_info[query].metric);
        query_render_text(out, query, str_of(query_info[query].selector), params);
    } else if (str_equal(name, STR("CL"))) {
        buf_str(out, params->cluster_label);
    } else if (str_equal(name, STR("DUR"))) {
        render_duration(out, (params->end_ms - params->start_ms) / 1000);
    } else if (str_equal(name, STR("SPAN"))) {
        render_duration(out, span(params));
    } else if (str_equal(name, STR("RES"))) {
        render_duration(out, resolution);
    } else if (str_equal(name, STR("RES2"))) {
        render_duration(out, 2 * resolution);
    } else if (str_equal(name, STR("RESM"))) {
        render_duration(out, whole_minutes(params));
    } else if (str_equal(name, STR("HOURS"))) {
        render_hours(out, whole_minutes(params));
    } else if (str_equal(name, STR("SUB"))) {
        buf_text(out, is_newer ? ":" : "");
        if (is_newer)
            render_duration(out, whole_minutes(params));
    } else if (str_equal(name, STR("NOW"))) {
        if (params->quirks.is_on[QUIRK_GPU_NOW])
            buf_format(out, " @ %lld", (long long)(params->now_ms / 1000));
    } else if (str_equal(name, STR("UID"))) {
        buf_text(out, is_newer ? "uid, " : "");
    } else if (str_equal(name, STR("PODUID"))) {
        buf_text(out, is_newer || params->pod_uids ? "uid, " : "");
    } else if (str_equal(name, STR("NODE"))) {
        buf_text(out, is_newer ? "node, " : "");
    } else if (params->filter_cluster) { /* FILTER; without one a trailing comma stays, as there */
        buf_str(out, params->cluster_label);
        buf_byte(out, '=');
        json_quote(out, params->cluster_id);
    }
}

static bool is_variable_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void query_render_text(struct buf *out, enum cost_query query, struct str text,
                       const struct params *params)
{
    for (size_t i = 0; i < text.n;) {
        size_t n = 1;
        if (text.p[i] != '$') {
            while (i + n < text.n && text.p[i + n] != '$')
                n++;
            buf_bytes(out, text.p + i, n);
        } else {
            while (i + n < text.n && is_variable_byte(text.p[i + n]))
                n++;
            render_variable(out, query, str_make(text.p + i + 1, n - 1), params);
        }
        i += n;
    }
}

void query_render(struct buf *out, enum cost_query query, const struct params *params)
{
    const struct query_info *info = &query_info[query];
    const char *text = info->text[params->queries];
    query_render_text(out, query, str_of(text ? text : info->text[AMPQL_COST_2024]), params);
}

bool ampql_cost_query_at(size_t i, struct ampql_cost_query *out)
{
    if (i >= COST_QUERY_COUNT)
        return false;
    const struct query_info *info = &query_info[i];
    *out = (struct ampql_cost_query){
        .name = info->name,
        .metric = info->metric,
        .text =
            info->text[AMPQL_COST_2024] ? info->text[AMPQL_COST_2024] : info->text[AMPQL_COST_2026],
    };
    return true;
}
