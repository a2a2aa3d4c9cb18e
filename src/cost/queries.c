/* The query table, the caller's options, and the two put together as PromQL. */
#include "cost/queries.h"

#include "base/checked.h"
#include "base/json.h"
#include "base/options.h"

const struct query_info query_info[COST_QUERY_COUNT] = {
#define QUERY(id, name, metric, loss, text) [COST_##id] = {{name, metric, text}, loss},
#include "cost/queries.def"
};

struct ampql_prices ampql_default_prices(void)
{
    return (struct ampql_prices){
        .cpu = 0.031611, .ram = 0.004237, .gpu = 0.95, .spot_cpu = 0.006655, .spot_ram = 0.000892};
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
    *out = (struct params){
        .start_ms = all.start_ms,
        .end_ms = all.end_ms,
        .resolution_ms = all.resolution_ms ? all.resolution_ms : 300000,
        .cluster_label = str_of(all.cluster_label ? all.cluster_label : "cluster_id"),
        .cluster_id = str_of(all.cluster_id ? all.cluster_id : ""),
        .filter_cluster = all.filter_cluster,
        .prices = all.prices ? *all.prices : ampql_default_prices(),
        .custom_prices = all.custom_prices,
        .discount = 1 - (1 - all.discount) * (1 - all.negotiated_discount),
        .aggregate = str_of(all.aggregate ? all.aggregate : ""),
        .dialect = all.dialect,
        .timeout_ms = all.timeout_ms,
        .max_samples = all.max_samples,
        .max_series = all.max_series,
        .cancel = all.cancel,
    };
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

static void render_variable(struct buf *out, struct str name, const struct params *params)
{
    int64_t resolution = params->resolution_ms / 1000;
    if (str_equal(name, STR("CL"))) {
        buf_str(out, params->cluster_label);
    } else if (str_equal(name, STR("DUR"))) {
        render_duration(out, (params->end_ms - params->start_ms) / 1000);
    } else if (str_equal(name, STR("RES"))) {
        render_duration(out, resolution);
    } else if (str_equal(name, STR("RES2"))) {
        render_duration(out, 2 * resolution);
    } else if (params->filter_cluster) { /* FILTER; without one a trailing comma stays, as there */
        buf_str(out, params->cluster_label);
        buf_byte(out, '=');
        json_quote(out, params->cluster_id);
    }
}

void query_render(struct buf *out, enum cost_query query, const struct params *params)
{
    struct str text = str_of(query_info[query].view.text);
    for (size_t i = 0; i < text.n;) {
        size_t n = 1;
        if (text.p[i] != '$') {
            while (i + n < text.n && text.p[i + n] != '$')
                n++;
            buf_bytes(out, text.p + i, n);
        } else {
            while (i + n < text.n && ((text.p[i + n] >= 'A' && text.p[i + n] <= 'Z') ||
                                      (text.p[i + n] >= '0' && text.p[i + n] <= '9')))
                n++;
            render_variable(out, str_make(text.p + i + 1, n - 1), params);
        }
        i += n;
    }
}

bool ampql_cost_query_at(size_t i, struct ampql_cost_query *out)
{
    if (i >= COST_QUERY_COUNT)
        return false;
    *out = query_info[i].view;
    return true;
}
