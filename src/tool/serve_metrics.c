/* Counters, and their text. */
#include "tool/serve_metrics.h"

#include <inttypes.h>

static const int64_t bucket_ms[SERVE_NBUCKETS] = {5, 25, 100, 250, 500, 1000, 5000, 30000, 120000};

void serve_metrics_add(struct serve_metrics *m, enum serve_route route, int64_t took_ms,
                       const struct serve_answer *answer)
{
    size_t bucket = 0, class = (size_t)answer->status / 100;
    while (bucket < SERVE_NBUCKETS && took_ms > bucket_ms[bucket])
        bucket++;
    m->routes[route].n[class < 6 ? class : 5]++;
    m->routes[route].buckets[bucket]++;
    m->routes[route].total_ms += took_ms;
    if (answer->code != AMPQL_OK)
        m->errors[answer->code]++;
    m->series += answer->stats.series;
    m->samples += answer->stats.samples;
    m->requests += answer->stats.requests;
    m->retries += answer->stats.retries;
    m->bytes += answer->stats.bytes;
    m->billed_samples += answer->stats.billed_samples;
}

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_format(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static void put_requests(const struct serve_metrics *m, struct buf *out)
{
    head(out, "ampql_http_requests", "counter", "Requests that were answered.");
    for (size_t r = 0; r <= SERVE_NROUTES; r++)
        for (size_t c = 0; c < 6; c++)
            if (m->routes[r].n[c])
                buf_format(out,
                           "ampql_http_requests_total{path=\"%s\",status=\"%zuxx\"} %" PRIu64 "\n",
                           serve_route_path((enum serve_route)r), c, m->routes[r].n[c]);
}

static void put_latency(const struct serve_metrics *m, struct buf *out)
{
    const char *name = "ampql_http_request_duration_seconds";
    head(out, name, "histogram", "From the request's last byte to its answer, waiting included.");
    for (size_t r = 0; r <= SERVE_NROUTES; r++) {
        const char *path = serve_route_path((enum serve_route)r);
        uint64_t n = 0;
        for (size_t b = 0; b <= SERVE_NBUCKETS; b++)
            n += m->routes[r].buckets[b];
        if (n == 0)
            continue;
        uint64_t sum = 0;
        for (size_t b = 0; b < SERVE_NBUCKETS; b++) {
            sum += m->routes[r].buckets[b];
            buf_format(out, "%s_bucket{path=\"%s\",le=\"%" PRId64 ".%03d\"} %" PRIu64 "\n", name,
                       path, bucket_ms[b] / 1000, (int)(bucket_ms[b] % 1000), sum);
        }
        buf_format(out, "%s_bucket{path=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, path, n);
        buf_format(out, "%s_count{path=\"%s\"} %" PRIu64 "\n", name, path, n);
        buf_format(out, "%s_sum{path=\"%s\"} %.3f\n", name, path,
                   (double)m->routes[r].total_ms / 1000);
    }
}

static void put_errors(const struct serve_metrics *m, struct buf *out)
{
    static const char *const causes[] = {"ok",        "parse",       "bad_data",     "execution",
                                         "timeout",   "canceled",    "limit",        "memory",
                                         "not_found", "unavailable", "unauthorized", "unsupported",
                                         "output",    "internal"};
    _Static_assert(sizeof causes / sizeof *causes == AMPQL_INTERNAL + 1, "one for each code");
    head(out, "ampql_errors", "counter", "Requests that failed, by cause.");
    for (size_t i = 1; i <= AMPQL_INTERNAL; i++)
        if (m->errors[i])
            buf_format(out, "ampql_errors_total{cause=\"%s\"} %" PRIu64 "\n", causes[i],
                       m->errors[i]);
}

struct row {
    const char *name, *type, *help;
    uint64_t value;
};

static void put_rows(const struct row *rows, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        head(out, rows[i].name, rows[i].type, rows[i].help);
        buf_format(out, "%s%s %" PRIu64 "\n", rows[i].name, rows[i].type[0] == 'c' ? "_total" : "",
                   rows[i].value);
    }
}

static void put_cache(const struct ampql_cache_stats *cache, struct buf *out)
{
    const struct row rows[] = {
        {"ampql_cache_hits", "counter", "Selects that were answered from the cache.", cache->hits},
        {"ampql_cache_shared", "counter", "Selects that waited for another query's answer.",
         cache->shared},
        {"ampql_cache_misses", "counter", "Selects of which a part was read.", cache->misses},
        {"ampql_cache_evictions", "counter", "Answers that made room for others.",
         cache->evictions},
        {"ampql_cache_entries", "gauge", "Answers that are held.", cache->entries},
        {"ampql_cache_bytes", "gauge", "What they take.", cache->bytes},
        {"ampql_cache_max_bytes", "gauge", "And may take.", cache->max_bytes},
    };
    put_rows(rows, sizeof rows / sizeof *rows, out);
}

void serve_metrics_write(const struct serve_metrics *m, const struct ampql_cache_stats *cache,
                         struct buf *out)
{
    const struct row rows[] = {
        {"ampql_read_series", "counter", "Series that were read of the sources.", m->series},
        {"ampql_read_samples", "counter", "Samples that were read of the sources.", m->samples},
        {"ampql_source_requests", "counter", "Requests to source servers.", m->requests},
        {"ampql_source_retries", "counter", "Of these, sent again.", m->retries},
        {"ampql_source_received_bytes", "counter", "Bytes of their answers.", m->bytes},
        {"ampql_source_billed_samples", "counter", "Samples that they billed.", m->billed_samples},
        {"ampql_refused_connections", "counter", "Connections over the limit.",
         m->refused_connections},
        {"ampql_abandoned_requests", "counter", "Requests whose client hung up.", m->cancelled},
        {"ampql_queue_refused", "counter", "Requests that found no place in the queue.",
         m->refused},
        {"ampql_queue_expired", "counter", "Requests whose time was over while they waited.",
         m->expired},
        {"ampql_connections", "gauge", "Open connections.", m->connections},
        {"ampql_queued_requests", "gauge", "Requests that wait for a worker.", m->queued},
        {"ampql_running_requests", "gauge", "Requests that are computed.", m->running},
    };
    put_requests(m, out);
    put_latency(m, out);
    put_errors(m, out);
    put_rows(rows, sizeof rows / sizeof *rows, out);
    if (cache)
        put_cache(cache, out);
    buf_text(out, "# EOF\n");
}
