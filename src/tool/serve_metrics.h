/* What `ampql serve` says about itself at /metrics, in OpenMetrics. */
#ifndef AMPQL_SRC_TOOL_SERVE_METRICS_H
#define AMPQL_SRC_TOOL_SERVE_METRICS_H

#include "serve/api.h"

enum { SERVE_NBUCKETS = 9 };

/* Guarded by whoever holds it. */
struct serve_metrics {
    struct {
        uint64_t n[6]; /* by the status's first digit */
        uint64_t buckets[SERVE_NBUCKETS + 1];
        int64_t total_ms;
    } routes[SERVE_NROUTES + 1];
    uint64_t errors[AMPQL_INTERNAL + 1];
    uint64_t series, samples, requests, retries, bytes, billed_samples;
    uint64_t refused_connections, cancelled;
    uint64_t refused, expired; /* requests that found no place in the queue, or waited too long */
    size_t connections, queued, running; /* now */
};

void serve_metrics_add(struct serve_metrics *metrics, enum serve_route route, int64_t took_ms,
                       const struct serve_answer *answer);

/* cache  of the sources; NULL: none */
void serve_metrics_write(const struct serve_metrics *metrics, const struct ampql_cache_stats *cache,
                         struct buf *out);

#endif
