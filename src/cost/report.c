/* The bill in the shape of OpenCost's /allocation and /allocation/summary, and as lines of JSON. */
#include "cost/aggregate.h"

#include "base/json.h"
#include "base/number.h"
#include "base/time.h"
#include "base/writer.h"

#include <math.h>

/* null when it is no number. */
static void put_exact(struct buf *out, double v)
{
    char text[NUMBER_MAX];
    if (!isfinite(v))
        buf_text(out, "null");
    else
        buf_bytes(out, text, number_format(v, text));
}

/* To five decimals, as OpenCost rounds. */
static void put_rounded(struct buf *out, double v)
{
    double scaled = round(v * 1e5);
    put_exact(out, isfinite(scaled) ? scaled / 1e5 : v); /* so large a number has no decimals */
}

static void put_time(struct buf *out, int64_t ms)
{
    char text[TIME_TEXT_MAX];
    json_quote(out, str_make(text, time_format(ms, text)));
}

/* "KEY": and what separates it from the member before it. */
static void put_key(struct buf *out, struct str key)
{
    char before = out->n ? out->p[out->n - 1] : '{';
    if (before != '{')
        buf_byte(out, ',');
    json_quote(out, key);
    buf_byte(out, ':');
}

static void put_text(struct buf *out, const char *key, struct ampql_string value)
{
    put_key(out, str_of(key));
    json_quote(out, str_view(value));
}

static void put_number(struct buf *out, const char *key, double v)
{
    put_key(out, str_of(key));
    put_rounded(out, v);
}

/* ---- properties: what is empty is left out */

static void put_property(struct buf *out, const char *key, struct ampql_string value)
{
    if (value.size)
        put_text(out, key, value);
}

static void put_services(struct buf *out, const struct ampql_allocation *a)
{
    if (a->nservices == 0)
        return;
    put_key(out, STR("services"));
    for (size_t i = 0; i < a->nservices; i++) {
        buf_byte(out, i ? ',' : '[');
        json_quote(out, str_view(a->services[i]));
    }
    buf_byte(out, ']');
}

static void put_labels(struct buf *out, const char *key, const struct ampql_label *labels, size_t n)
{
    if (n == 0)
        return;
    put_key(out, str_of(key));
    buf_byte(out, '{');
    for (size_t i = 0; i < n; i++) {
        put_key(out, str_view(labels[i].name));
        json_quote(out, str_view(labels[i].value));
    }
    buf_byte(out, '}');
}

static void put_properties(struct buf *out, const struct ampql_allocation *a)
{
    put_key(out, STR("properties"));
    buf_byte(out, '{');
    put_property(out, "cluster", a->cluster);
    put_property(out, "node", a->node);
    put_property(out, "container", a->container);
    put_property(out, "controller", a->controller);
    put_property(out, "controllerKind", a->controller_kind);
    put_property(out, "namespace", a->namespace_name);
    put_property(out, "pod", a->pod);
    put_services(out, a);
    put_property(out, "providerID", a->provider_id);
    put_labels(out, "labels", a->labels, a->nlabels);
    put_labels(out, "annotations", a->annotations, a->nannotations);
    put_labels(out, "namespaceLabels", a->namespace_labels, a->nnamespace_labels);
    put_labels(out, "namespaceAnnotations", a->namespace_annotations, a->nnamespace_annotations);
    buf_byte(out, '}');
}

/* ---- members that are objects: their numbers are not rounded, as there */

static void put_member(struct buf *out, const char *key, double v)
{
    put_key(out, str_of(key));
    put_exact(out, v);
}

static void put_volumes(struct buf *out, const struct ampql_allocation *a)
{
    put_key(out, STR("pvs"));
    if (a->nvolumes == 0) {
        buf_text(out, "null");
        return;
    }
    buf_byte(out, '{');
    for (size_t i = 0; i < a->nvolumes; i++) {
        const struct ampql_allocation_volume *v = &a->volumes[i];
        buf_text(out, i ? ",\"cluster=" : "\"cluster=");
        json_escape(out, str_view(v->cluster));
        buf_text(out, ":name=");
        json_escape(out, str_view(v->name));
        buf_text(out, "\":{");
        put_member(out, "byteHours", v->byte_hours);
        put_member(out, "cost", v->cost);
        put_text(out, "providerID", v->provider_id);
        put_member(out, "adjustment", v->cost_adjustment);
        buf_byte(out, '}');
    }
    buf_byte(out, '}');
}

static void put_balancers(struct buf *out, const struct ampql_allocation *a)
{
    put_key(out, STR("lbAllocations"));
    if (a->nbalancers == 0) {
        buf_text(out, "null");
        return;
    }
    buf_byte(out, '{');
    for (size_t i = 0; i < a->nbalancers; i++) {
        const struct ampql_allocation_balancer *b = &a->balancers[i];
        put_key(out, str_view(b->key));
        buf_byte(out, '{');
        put_text(out, "service", b->service);
        put_member(out, "cost", b->cost);
        buf_text(out, b->is_private ? ",\"private\":true" : ",\"private\":false");
        put_text(out, "ip", b->ip);
        put_member(out, "hours", b->hours);
        put_member(out, "adjustment", b->cost_adjustment);
        buf_byte(out, '}');
    }
    buf_byte(out, '}');
}

static void put_shared(struct buf *out, const struct ampql_allocation *a)
{
    put_key(out, STR("sharedCostBreakdown"));
    buf_byte(out, '{');
    for (size_t i = 0; i < a->nshared; i++) {
        const struct ampql_allocation_shared *s = &a->shared[i];
        const struct {
            const char *key;
            double cost;
        } parts[] = {{"cpuCost", s->cpu_cost},          {"gpuCost", s->gpu_cost},
                     {"ramCost", s->ram_cost},          {"pvCost", s->volume_cost},
                     {"networkCost", s->network_cost},  {"loadBalancerCost", s->balancer_cost},
                     {"externalCost", s->external_cost}};
        put_key(out, str_view(s->name));
        buf_byte(out, '{');
        put_text(out, "name", s->name);
        put_member(out, "totalCost", s->total_cost);
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            if (parts[k].cost != 0)
                put_member(out, parts[k].key, parts[k].cost);
        buf_byte(out, '}');
    }
    buf_byte(out, '}');
}

/* "CLUSTER,NAME", or "CLUSTER" for all of it; what is empty is left out. */
static void put_assets(struct buf *out, const struct ampql_allocation *a)
{
    put_key(out, STR("proportionalAssetResourceCosts"));
    buf_byte(out, '{');
    for (size_t i = 0; i < a->nassets; i++) {
        const struct ampql_allocation_asset *p = &a->assets[i];
        buf_text(out, i ? ",\"" : "\"");
        json_escape(out, str_view(p->cluster));
        if (!p->is_cluster)
            buf_byte(out, ',');
        json_escape(out, str_view(p->name));
        buf_text(out, "\":{");
        put_text(out, "cluster", p->cluster);
        put_property(out, "name", p->name);
        put_property(out, "type", p->type);
        put_property(out, "providerID", p->provider_id);
        put_member(out, "cpuPercentage", p->part.cpu);
        put_member(out, "gpuPercentage", p->part.gpu);
        put_member(out, "ramPercentage", p->part.ram);
        put_member(out, "loadBalancerPercentage", p->part.balancer);
        put_member(out, "pvPercentage", p->part.volume);
        put_member(out, "nodeResourceCostPercentage", p->node_part);
        buf_byte(out, '}');
    }
    buf_byte(out, '}');
}

/* ---- one allocation */

static void put_resources(struct buf *out, const struct ampql_allocation *a, bool has_limits)
{
    put_number(out, "cpuCores", a->cpu_cores);
    put_number(out, "cpuCoreRequestAverage", a->cpu_core_request_average);
    put_number(out, "cpuCoreUsageAverage", a->cpu_core_usage_average);
    if (has_limits)
        put_number(out, "cpuCoreLimitAverage", a->cpu_core_limit_average);
    put_number(out, "cpuCoreHours", a->cpu_core_hours);
    put_number(out, "cpuCost", a->cpu_cost);
    put_number(out, "cpuCostAdjustment", a->cpu_cost_adjustment);
    put_number(out, "cpuCostIdle", a->cpu_cost_idle);
    put_number(out, "cpuEfficiency", a->cpu_efficiency);
    put_number(out, "gpuCount", a->gpu_count);
    put_number(out, "gpuRequestAverage", a->gpu_request_average);
    put_number(out, "gpuUsageAverage", a->gpu_usage_average);
    put_number(out, "gpuHours", a->gpu_hours);
    put_number(out, "gpuCost", a->gpu_cost);
    put_number(out, "gpuCostAdjustment", a->gpu_cost_adjustment);
    put_number(out, "gpuCostIdle", a->gpu_cost_idle);
    put_number(out, "gpuEfficiency", a->gpu_efficiency);
    put_number(out, "networkTransferBytes", a->network_transfer_bytes);
    put_number(out, "networkReceiveBytes", a->network_receive_bytes);
    put_number(out, "networkCost", a->network_cost);
    put_number(out, "networkCrossZoneCost", a->network_cross_zone_cost);
    put_number(out, "networkCrossRegionCost", a->network_cross_region_cost);
    put_number(out, "networkInternetCost", a->network_internet_cost);
    put_number(out, "networkCostAdjustment", a->network_cost_adjustment);
    put_number(out, "loadBalancerCost", a->load_balancer_cost);
    put_number(out, "loadBalancerCostAdjustment", a->load_balancer_cost_adjustment);
    put_number(out, "pvBytes", a->pv_bytes);
    put_number(out, "pvByteHours", a->pv_byte_hours);
    put_number(out, "pvCost", a->pv_cost);
    put_volumes(out, a);
    put_number(out, "pvCostAdjustment", a->pv_cost_adjustment);
    put_number(out, "ramBytes", a->ram_bytes);
    put_number(out, "ramByteRequestAverage", a->ram_byte_request_average);
    put_number(out, "ramByteUsageAverage", a->ram_byte_usage_average);
    if (has_limits)
        put_number(out, "ramByteLimitAverage", a->ram_byte_limit_average);
    put_number(out, "ramByteHours", a->ram_byte_hours);
    put_number(out, "ramCost", a->ram_cost);
    put_number(out, "ramCostAdjustment", a->ram_cost_adjustment);
    put_number(out, "ramCostIdle", a->ram_cost_idle);
    put_number(out, "ramEfficiency", a->ram_efficiency);
}

static void put_span(struct buf *out, int64_t start_ms, int64_t end_ms)
{
    put_key(out, STR("window"));
    buf_text(out, "{\"start\":");
    put_time(out, start_ms);
    buf_text(out, ",\"end\":");
    put_time(out, end_ms);
    buf_byte(out, '}');
}

static void put_item(struct buf *out, const struct ampql_allocation *a, bool has_limits)
{
    buf_byte(out, '{');
    put_text(out, "name", a->name);
    put_properties(out, a);
    put_span(out, a->window_start_ms, a->window_end_ms);
    put_key(out, STR("start"));
    put_time(out, a->start_ms);
    put_key(out, STR("end"));
    put_time(out, a->end_ms);
    put_number(out, "minutes", a->minutes);
    put_resources(out, a, has_limits);
    put_number(out, "externalCost", a->external_cost);
    put_number(out, "sharedCost", a->shared_cost);
    put_number(out, "totalCost", a->total_cost);
    put_number(out, "totalEfficiency", a->total_efficiency);
    if (a->has_usage_max) {
        put_key(out, STR("rawAllocationOnly"));
        buf_byte(out, '{');
        put_member(out, "cpuCoreUsageMax", a->cpu_core_usage_max);
        put_member(out, "ramByteUsageMax", a->ram_byte_usage_max);
        buf_byte(out, '}');
    }
    put_assets(out, a);
    put_balancers(out, a);
    put_shared(out, a);
    buf_byte(out, '}');
}

static void put_coverage(struct buf *out, const struct cost_coverage *c)
{
    buf_byte(out, '{');
    put_text(out, "query", cost_string(str_of(query_info[c->query].name)));
    put_text(out, "metric", cost_string(str_of(query_info[c->query].metric)));
    put_text(out, "cluster", c->cluster);
    buf_format(out, ",\"steps\":%llu,\"covered\":%llu", (unsigned long long)c->nneeded,
               (unsigned long long)c->ncovered);
    if (c->ncovered < c->nneeded) {
        buf_text(out, ",\"longestGap\":{\"start\":");
        put_time(out, c->gap_start_ms);
        buf_text(out, ",\"end\":");
        put_time(out, c->gap_end_ms);
        buf_byte(out, '}');
    }
    buf_byte(out, '}');
}

static void put_window(struct writer *w, const struct bill_window *window, bool has_limits)
{
    struct buf *out = &w->buf;
    buf_byte(out, '{');
    for (size_t i = 0; i < window->n && w->code == AMPQL_OK; i++) {
        if (i)
            buf_byte(out, ',');
        json_quote(out, str_view(window->items[i].name));
        buf_byte(out, ':');
        put_item(out, &window->items[i], has_limits);
        writer_flush(w);
    }
    buf_byte(out, '}');
}

static void put_warnings(struct buf *out, const struct ampql_allocations *bill)
{
    const struct cost_set *set = bill->set;
    for (size_t i = 0; i < set->warnings.n + bill->warnings.n; i++) {
        bool is_of_set = i < set->warnings.n;
        if (i)
            buf_byte(out, ',');
        json_quote(out, str_view(is_of_set ? set->warnings.at[i].text
                                           : bill->warnings.at[i - set->warnings.n]));
    }
}

static void put_bill(struct writer *w, const struct ampql_allocations *bill)
{
    struct buf *out = &w->buf;
    const struct cost_set *set = bill->set;
    buf_text(out, "{\"code\":200,\"status\":\"success\",\"data\":[");
    for (size_t i = 0; i < bill->nwindows; i++) {
        if (i)
            buf_byte(out, ',');
        put_window(w, &bill->windows[i], set->queries != AMPQL_COST_2024);
    }
    buf_text(out, "],\"warnings\":[");
    put_warnings(out, bill);
    buf_text(out, "],\"coverage\":[");
    for (size_t i = 0; i < set->coverage.n; i++) {
        if (i)
            buf_byte(out, ',');
        put_coverage(out, &set->coverage.at[i]);
        writer_flush(w);
    }
    buf_format(out, "],\"stats\":{\"selects\":%llu,\"series\":%llu,\"samples\":%llu}}",
               (unsigned long long)set->stats.selects, (unsigned long long)set->stats.series,
               (unsigned long long)set->stats.samples);
}

enum ampql_code allocations_json(const struct ampql_allocations *allocations, ampql_write write,
                                 void *payload)
{
    struct writer w;
    writer_init(&w, &allocations->set->alc, write, payload);
    put_bill(&w, allocations);
    return writer_end(&w);
}

/* ---- lines */

enum ampql_code allocations_ndjson(const struct ampql_allocations *bill, ampql_write write,
                                   void *payload)
{
    bool has_limits = bill->set->queries != AMPQL_COST_2024;
    struct writer w;
    writer_init(&w, &bill->set->alc, write, payload);
    for (size_t k = 0; k < bill->nwindows; k++) {
        for (size_t i = 0; i < bill->windows[k].n && w.code == AMPQL_OK; i++) {
            put_item(&w.buf, &bill->windows[k].items[i], has_limits);
            buf_byte(&w.buf, '\n');
            writer_flush(&w);
        }
    }
    return writer_end(&w);
}

/* ---- the summary */

static void put_summary(struct buf *out, const struct ampql_allocation *a)
{
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"cpuCoreRequestAverage", a->cpu_core_request_average},
        {"cpuCoreUsageAverage", a->cpu_core_usage_average},
        {"cpuCost", a->cpu_cost + a->cpu_cost_adjustment},
        {"cpuCostIdle", a->cpu_cost_idle},
        {"gpuRequestAverage", a->gpu_request_average},
        {"gpuUsageAverage", a->gpu_usage_average},
        {"gpuCost", a->gpu_cost + a->gpu_cost_adjustment},
        {"gpuCostIdle", a->gpu_cost_idle},
        {"networkCost", a->network_cost + a->network_cost_adjustment},
        {"loadBalancerCost", a->load_balancer_cost + a->load_balancer_cost_adjustment},
        {"pvCost", a->pv_cost + a->pv_cost_adjustment},
        {"ramByteRequestAverage", a->ram_byte_request_average},
        {"ramByteUsageAverage", a->ram_byte_usage_average},
        {"ramCost", a->ram_cost + a->ram_cost_adjustment},
        {"ramCostIdle", a->ram_cost_idle},
        {"sharedCost", a->shared_cost},
        {"externalCost", a->external_cost},
        {"totalEfficiency", a->total_efficiency},
        {"totalCost", a->total_cost},
    };
    buf_byte(out, '{');
    put_text(out, "name", a->name);
    put_key(out, STR("start"));
    put_time(out, a->start_ms);
    put_key(out, STR("end"));
    put_time(out, a->end_ms);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        put_member(out, numbers[i].key, numbers[i].value);
    buf_byte(out, '}');
}

static void put_summary_window(struct writer *w, const struct bill_window *window)
{
    struct buf *out = &w->buf;
    buf_text(out, "{\"allocations\":{");
    for (size_t i = 0; i < window->n && w->code == AMPQL_OK; i++) {
        if (i)
            buf_byte(out, ',');
        json_quote(out, str_view(window->items[i].name));
        buf_byte(out, ':');
        put_summary(out, &window->items[i]);
        writer_flush(w);
    }
    buf_byte(out, '}');
    put_span(out, window->start_ms, window->end_ms);
    buf_byte(out, '}');
}

enum ampql_code allocations_summary_json(const struct ampql_allocations *bill, ampql_write write,
                                         void *payload)
{
    const struct bill_window *first = &bill->windows[0];
    struct writer w;
    writer_init(&w, &bill->set->alc, write, payload);
    buf_format(&w.buf,
               "{\"code\":200,\"status\":\"success\",\"data\":{\"step\":%lld000000,\"sets\":[",
               (long long)(first->end_ms - first->start_ms));
    for (size_t i = 0; i < bill->nwindows; i++) {
        if (i)
            buf_byte(&w.buf, ',');
        put_summary_window(&w, &bill->windows[i]);
    }
    buf_byte(&w.buf, ']');
    put_span(&w.buf, bill->all.start_ms, bill->all.end_ms);
    buf_text(&w.buf, "},\"warnings\":[");
    put_warnings(&w.buf, bill);
    buf_text(&w.buf, "]}");
    return writer_end(&w);
}
