/* What the generator of a cluster day is made of: shared by its files, not by its users. */
#ifndef AMPQL_TESTS_BENCH_CLUSTER_PARTS_H
#define AMPQL_TESTS_BENCH_CLUSTER_PARTS_H

#include "bench/cluster.h"

#include <stdbool.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

enum { MAX_LIVES = 3, MAX_GAPS = 3, MAX_LABELS = 32, MAX_CONTAINERS = 3 };

/* [from_ms, to_ms): alive, or a gap. */
struct span {
    int64_t from_ms;
    int64_t to_ms;
};

struct instance_type {
    const char *name;
    const char *arch;
    int cores;
    int ram_gib;
    int gpus;
    double usd_per_hour; /* on demand */
};

struct node {
    const char *name; /* also the instance label of what describes it */
    const char *provider_id;
    const char *zone;
    const char *address; /* of the node exporter */
    const char *uid;
    const struct instance_type *type;
    bool is_spot;
    struct span life;
    uint64_t seed;
    int cluster;
    double ram_bytes;
    double used_cores; /* by system daemons, on average */
    size_t cadvisor;   /* targets */
    size_t exporter;
    size_t network;
    size_t dcgm;
};

/* Something that Prometheus scrapes: all series of one target share the times of their samples. */
struct target {
    int64_t offset_ms; /* into the interval */
    bool has_jitter;   /* some scrapes some ms early or late */
    uint64_t seed;
    struct span life;
    struct {
        struct span span;
        bool
            failed; /* the scrape failed: markers, and up is 0; otherwise lost: no samples at all */
    } gaps[MAX_GAPS];
    size_t ngaps;
    const char *cluster_id;
    const char *job;
    const char *instance;
};

struct container {
    const char *name;
    const char *image;
    double cpu_request; /* cores; 0: none */
    double ram_request; /* bytes; 0: none */
    double gpus;
    double cpu_base; /* cores used on average */
    double ram_pages;
    int64_t restart_ms; /* INT64_MAX: never */
    uint64_t seed;
};

struct pod {
    int cluster;
    const char *namespace;
    const char *name;
    const char *uid[MAX_LIVES]; /* a StatefulSet's pod comes back under its name with a new uid */
    struct span lives[MAX_LIVES];
    size_t nlives;
    const struct node *node;
    const char *owner_kind;
    const char *owner_name;
    const char *app; /* label_app */
    const char *template_hash;
    const char *team;
    const char *claim; /* mounted PersistentVolumeClaim, or NULL */
    const char *volume;
    double claim_bytes;
    bool is_job;
    struct container containers[MAX_CONTAINERS];
    size_t ncontainers;
    uint64_t seed;
};

enum model {
    MODEL_CONST,       /* a */
    MODEL_UP,          /* 1 as long as scrapes succeed */
    MODEL_RUNNING,     /* 1 in the life of the pod, then 0 */
    MODEL_CPU_SECONDS, /* of a container, counter */
    MODEL_CPU_TRICKLE, /* a pause container's, counter */
    MODEL_CPU_NODE,    /* of a whole node, counter */
    MODEL_CPU_POD,     /* of all containers of a pod, counter */
    MODEL_CPU_ALLOCATION,
    MODEL_RAM,
    MODEL_RAM_POD,
    MODEL_RAM_NODE,
    MODEL_RAM_ALLOCATION,
    MODEL_BYTES,    /* counter of about a bytes a second, in a share b of the minutes none */
    MODEL_CPU_MODE, /* node exporter: share a of one core's time, counter in hundredths */
    MODEL_SHARE,    /* a +- b, never below 0 */
    MODEL_FILL,     /* disk: a bytes growing by b a day */
    MODEL_PRICE,    /* a, on a spot node times the spot market's factor */
    MODEL_PERIODS,  /* counter of whole numbers, about a a second */
};

struct series {
    const struct cluster_label *labels;
    size_t nlabels;
    const struct span *lives; /* when the object exists; the target's life and gaps come on top */
    size_t nlives;
    size_t target;
    enum model model;
    double a;
    double b;
    uint64_t seed;
    const struct container *container;
    const struct pod *pod;
    const struct node *node;
    /* where cluster_read is */
    int64_t next_scrape;
    int64_t last_ms;  /* of the last sample of a counter, INT64_MIN before the first */
    int64_t counter;  /* in the counter's smallest unit */
    bool was_exposed; /* at the last scrape: a marker is due when it no longer is */
};

struct cluster {
    struct cluster_options options;
    struct span window;
    uint64_t random;
    struct chunk *chunks;
    struct node **nodes;
    size_t nnodes;
    struct target *targets;
    size_t ntargets;
    struct pod **pods;
    size_t npods;
    struct series *series;
    size_t nseries;
    int64_t *t; /* [capacity]: what cluster_read hands out */
    double *v;
    size_t capacity;
    /* per cluster: targets of kube-state-metrics, the cost exporter and Prometheus itself */
    size_t ksm[2];
    size_t cost[2];
    size_t self[2];
    char **wanted; /* names of options.only */
    size_t nwanted;
};

extern const char *const cluster_ids[2];
extern const char *const cluster_regions[2];

/* ---- cluster_random.c: chance, memory, text */
uint64_t cluster_mix(uint64_t x);           /* a good hash of one word */
uint64_t cluster_random(struct cluster *c); /* the next of the seed's sequence */
double cluster_unit(uint64_t bits);         /* [0, 1) */
int64_t cluster_between(struct cluster *c, int64_t low, int64_t high); /* both included */
bool cluster_chance(struct cluster *c, double probability);
void *cluster_alloc(struct cluster *c, size_t size); /* zeroed, lives as long as the cluster */
char *cluster_text(struct cluster *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *cluster_hex(struct cluster *c, size_t ndigits);
char *cluster_uid(struct cluster *c);
void *cluster_grow(void *items, size_t count, size_t size); /* room for one more of items[count] */
void cluster_chunks_free(struct cluster *c);

/* ---- cluster_nodes.c, cluster_pods.c, cluster_series.c: what there is, and what is exposed of it
 */
void cluster_add_nodes(struct cluster *c);
void cluster_add_pods(struct cluster *c);
void cluster_add_series(struct cluster *c);

/* ---- cluster_values.c */
double cluster_price_cpu(const struct instance_type *type,
                         double ram_gib); /* USD a core and hour */
double cluster_price_ram(const struct instance_type *type, double ram_gib); /* USD a GiB and hour */

#endif
