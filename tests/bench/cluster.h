/* A made-up day of two Kubernetes clusters, as cAdvisor, kube-state-metrics, the node exporter and
 * the cost exporter would expose it: series with labels and samples, with what makes real data
 * awkward. Pods end and are replaced, containers restart, nodes join and leave, scrapes fail or get
 * lost, targets are scraped at their own offset into the minute, and the older of the two clusters
 * still has the container_name and pod_name labels.
 *
 * The same options give the same bytes on every machine: integer hashing and plain double
 * arithmetic, no libm, no clock. Test code: out of memory ends the program with a message. */
#ifndef AMPQL_TESTS_BENCH_CLUSTER_H
#define AMPQL_TESTS_BENCH_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bits of a value that is a stale marker, not a number: move them as an integer. */
#define CLUSTER_STALE_BITS UINT64_C(0x7FF0000000000002)

struct cluster_options {
    uint64_t seed;
    size_t ncontainers; /* running at a time, about; at least 60 */
    int64_t start_ms;   /* samples lie in [start_ms, start_ms + duration_ms) */
    int64_t duration_ms;
    int64_t interval_ms; /* between two scrapes of a target */
    const char *only;    /* comma-separated metric names to make series of; NULL: all */
    bool is_aligned;     /* all targets are scraped at once, on the interval: for formats that have
                            one grid of times for all series */
};

/* The sizes that the tests and the benchmark speak of. */
#define CLUSTER_DEMO 80
#define CLUSTER_S 1000
#define CLUSTER_M 10000

struct cluster_label {
    const char *name;
    const char *value; /* never empty */
};

struct cluster;

/* Build the topology. Free with cluster_free. */
struct cluster *cluster_new(const struct cluster_options *options);
void cluster_free(struct cluster *c);

/* Series are numbered [0, cluster_nseries). No two have the same labels. */
size_t cluster_nseries(const struct cluster *c);

/* Labels of series i, sorted by name, "__name__" among them. Valid as long as the cluster. */
const struct cluster_label *cluster_labels(const struct cluster *c, size_t i, size_t *nlabels);

/* The next samples of series i, those before until_ms, strictly ascending in time; INT64_MAX reads
 * all that are left. A stale marker stands at the first scrape after the last one that still
 * exposed the series: when it ended, and when a scrape failed.
 *
 *   t, v     out: [return value], Unix ms and values; valid until the next call for any series
 *   returns  the number of samples, 0 when there are none before until_ms */
size_t cluster_read(struct cluster *c, size_t i, int64_t until_ms, const int64_t **t,
                    const double **v);

/* Read every series from its beginning again. */
void cluster_rewind(struct cluster *c);

#endif
