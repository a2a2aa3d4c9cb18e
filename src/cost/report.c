/* The bill in the shape of OpenCost's /allocation. */
#include "cost/model.h"

#include "base/json.h"
#include "base/number.h"
#include "base/time.h"
#include "base/writer.h"

#include <math.h>

/* To five decimals, as OpenCost rounds; null when it is no number. */
static void put_number(struct buf *out, double v)
{
    char text[NUMBER_MAX];
    double scaled = round(v * 1e5);
    if (!isfinite(v))
        buf_text(out, "null");
    else /* so large a number has no decimals to round */
        buf_bytes(out, text, number_format(isfinite(scaled) ? scaled / 1e5 : v, text));
}

static void put_time(struct buf *out, int64_t ms)
{
    char text[TIME_TEXT_MAX];
    json_quote(out, str_make(text, time_format(ms, text)));
}

static void put_property(struct buf *out, const char *key, struct ampql_string value,
                         bool *is_first)
{
    if (value.size == 0)
        return;
    buf_text(out, *is_first ? "\"" : ",\"");
    buf_text(out, key);
    buf_text(out, "\":");
    json_quote(out, str_view(value));
    *is_first = false;
}

static void put_properties(struct buf *out, const struct ampql_allocation *a)
{
    bool is_first = true;
    buf_text(out, ",\"properties\":{");
    put_property(out, "cluster", a->cluster, &is_first);
    put_property(out, "node", a->node, &is_first);
    put_property(out, "container", a->container, &is_first);
    put_property(out, "namespace", a->namespace_name, &is_first);
    put_property(out, "pod", a->pod, &is_first);
    put_property(out, "providerID", a->provider_id, &is_first);
    buf_byte(out, '}');
}

static void put_numbers(struct buf *out, const struct ampql_allocation *a)
{
    const struct {
        const char *key;
        double value;
    } fields[] = {
        {"minutes", a->minutes},
        {"cpuCores", a->cpu_cores},
        {"cpuCoreRequestAverage", a->cpu_core_request_average},
        {"cpuCoreUsageAverage", a->cpu_core_usage_average},
        {"cpuCoreHours", a->cpu_core_hours},
        {"cpuCost", a->cpu_cost},
        {"cpuEfficiency", a->cpu_efficiency},
        {"gpuCount", a->gpu_count},
        {"gpuRequestAverage", a->gpu_request_average},
        {"gpuUsageAverage", a->gpu_usage_average},
        {"gpuHours", a->gpu_hours},
        {"gpuCost", a->gpu_cost},
        {"gpuEfficiency", a->gpu_efficiency},
        {"ramBytes", a->ram_bytes},
        {"ramByteRequestAverage", a->ram_byte_request_average},
        {"ramByteUsageAverage", a->ram_byte_usage_average},
        {"ramByteHours", a->ram_byte_hours},
        {"ramCost", a->ram_cost},
        {"ramEfficiency", a->ram_efficiency},
        {"totalCost", a->total_cost},
        {"totalEfficiency", a->total_efficiency},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        buf_text(out, ",\"");
        buf_text(out, fields[i].key);
        buf_text(out, "\":");
        put_number(out, fields[i].value);
    }
}

static void put_item(struct buf *out, const struct ampql_allocations *bill,
                     const struct ampql_allocation *a)
{
    json_quote(out, str_view(a->name));
    buf_text(out, ":{\"name\":");
    json_quote(out, str_view(a->name));
    put_properties(out, a);
    buf_text(out, ",\"window\":{\"start\":");
    put_time(out, bill->start_ms);
    buf_text(out, ",\"end\":");
    put_time(out, bill->end_ms);
    buf_text(out, "},\"start\":");
    put_time(out, a->start_ms);
    buf_text(out, ",\"end\":");
    put_time(out, a->end_ms);
    put_numbers(out, a);
    if (a->has_usage_max) {
        buf_text(out, ",\"rawAllocationOnly\":{\"cpuCoreUsageMax\":");
        put_number(out, a->cpu_core_usage_max);
        buf_text(out, ",\"ramByteUsageMax\":");
        put_number(out, a->ram_byte_usage_max);
        buf_byte(out, '}');
    }
    buf_byte(out, '}');
}

static void put_bill(struct writer *w, const struct ampql_allocations *bill)
{
    struct buf *out = &w->buf;
    buf_text(out, "{\"code\":200,\"status\":\"success\",\"data\":[{");
    for (size_t i = 0; i < bill->n; i++) {
        if (i)
            buf_byte(out, ',');
        put_item(out, bill, &bill->items[i]);
        writer_flush(w);
    }
    buf_text(out, "}],\"warnings\":[");
    for (size_t i = 0; i < bill->nwarnings; i++) {
        if (i)
            buf_byte(out, ',');
        json_quote(out, str_view(bill->warnings[i]));
    }
    buf_format(out, "],\"stats\":{\"selects\":%llu,\"series\":%llu,\"samples\":%llu}}",
               (unsigned long long)bill->stats.selects, (unsigned long long)bill->stats.series,
               (unsigned long long)bill->stats.samples);
}

enum ampql_code allocations_json(const struct ampql_allocations *allocations, ampql_write write,
                                 void *payload)
{
    struct writer w;
    writer_init(&w, &allocations->alc, write, payload);
    put_bill(&w, allocations);
    return writer_end(&w);
}
