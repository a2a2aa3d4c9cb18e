/* Kubernetes cost allocation: OpenCost's model, computed from the series that its exporter and
 * kube-state-metrics leave in Prometheus.
 *
 * Threads: a bill may be read, and aggregated again, by any number of threads; else as a run.
 *   see  OpenCost 1.108 (2024) and its queries of 2026: pkg/costmodel/allocation*.go */
#ifndef AMPQL_COST_H
#define AMPQL_COST_H

#include <ampql/rules.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ampql_allocations;

/* Prices in $ an hour, for nodes that have none of their own. */
struct ampql_prices {
    double cpu; /* of a core */
    double ram; /* of a GiB */
    double gpu; /* of a GPU */
    double spot_cpu, spot_ram;
    double spot_gpu; /* with custom prices only */
    double storage;  /* of a GiB of a volume: what it costs as an asset, with custom prices */
};

/* The prices of OpenCost's aws.json: 0.031611, 0.004237, 0.95, 0.006655, 0.000892, no spot_gpu, and
 * 0.00005479452. */
AMPQL_API struct ampql_prices ampql_default_prices(void);

/* Which of OpenCost's queries, and what became of the model with them. */
enum ampql_cost_queries {
    AMPQL_COST_2024 = 0, /* as of October 2024 */
    AMPQL_COST_2026 = 1  /* by uid, network as subqueries, either naming of node capacities, limits,
                            load balancers by address */
};

/* Whose list prices node prices are: discounts are not the same. */
enum ampql_cost_provider {
    AMPQL_COST_AWS = 0, /* and all others: 1 - (1 - discount) * (1 - negotiated_discount) */
    AMPQL_COST_GCP = 1 /* discount is that of sustained use: none for spot nodes and e2, f1, g1; 0.2
                          for n2 and n2d */
};

struct ampql_cost_options {
    size_t size;                       /* of this struct */
    int64_t start_ms, end_ms;          /* the window, Unix ms, whole seconds, start < end */
    int64_t resolution_ms;             /* of pod run times, whole seconds; 0: 5 minutes */
    const char *cluster_label;         /* the label that tells clusters apart; NULL: "cluster_id" */
    const char *cluster_id;            /* of series without that label; NULL: "" */
    bool filter_cluster;               /* read only series whose cluster label is cluster_id */
    const struct ampql_prices *prices; /* NULL: ampql_default_prices */
    bool custom_prices;                /* use prices for every node */
    double discount, negotiated_discount; /* of CPU and RAM list prices, 0 to 1; 0.3 is 30% */
    const char *aggregate;                /* as in struct ampql_aggregate_options */
    enum ampql_dialect dialect;  /* 0: what the source says, else the engine's. prom2 counts both
                                    ends of  the window: a full hour is 60 minutes there, 55 in prom3
                                    with  5-minute resolution */
    int64_t timeout_ms;          /* 0: none */
    uint64_t max_samples;        /* 0: 50 million */
    struct ampql_cancel *cancel; /* may be NULL */
    enum ampql_cost_queries queries;
    enum ampql_cost_provider provider;
    bool pod_uids;           /* tell pods of one name apart by uid: "NAME UID" is then the pod */
    bool no_node_labels;     /* do not give labels of nodes to allocations */
    const char *node_labels; /* a comma list of those that are given; NULL: OpenCost's six */
    const char *quirks;      /* a comma list of NAME=on and NAME=off; NULL: as they are */
    int64_t max_duration_ms; /* of one computation, whole seconds; longer windows are computed in
                                pieces of it and accumulated; 0: a day */
    bool idle;               /* add what nodes cost beyond their allocations: "__idle__" */
    bool split_idle;         /* as in struct ampql_aggregate_options */
    int64_t now_ms;          /* when costs that are shared are not to come, and of quirk
                                gpu-usage-now; 0: what the clock says */
    bool strict;             /* what would be a warning is an error, AMPQL_BAD_DATA */
    uint64_t max_series;     /* that one query reads; 0: 2 million */
    /* As in struct ampql_run_options: the model reads kubecost_container_cpu_usage_irate, which a
     * rule records. */
    const struct ampql_rules *rules;
    enum ampql_recorded recorded;
    int64_t rule_phase_ms;
    const char *rule_file;
    int64_t step_ms; /* of the windows of the bill, whole seconds; 0: one window, or as
                        lines->accumulate needs: an hour, or a day */
    const struct ampql_aggregate_options *lines; /* how lines are made, instead of aggregate and
                                                    split_idle; may be NULL */
    uint64_t max_bytes; /* of each batch, as in struct ampql_run_options; 0: 1 GiB */
    uint64_t threads;   /* that compute steps, and pieces of a long window, at the same time, and of
                           one window queries that read nothing in common; the caller's among them;
                           0: 1. The bill is the same, whatever their number;
                           each holds the series of its own run, and max_samples is of each. Only over
                           a source that several runs may read at once (AMPQL_SOURCE_PARALLEL: memory,
                           files that are read whole, captures, and several of these merged); of any
                           other one thread reads. The engine's allocator must be thread-safe */
    uint64_t max_labels, max_label_bytes; /* as in struct ampql_run_options */
};

/* What becomes of the windows of a bill. Hours, days, weeks and months are those of UTC; a week
 * ends with Saturday. */
enum ampql_cost_accumulate {
    AMPQL_COST_STEPS = 0, /* each step is a window */
    AMPQL_COST_ALL,       /* all are one */
    AMPQL_COST_HOURS,     /* of steps of an hour */
    AMPQL_COST_DAYS,      /* of steps of a day, or an hour */
    AMPQL_COST_WEEKS,     /* of steps of 7 days, or a day */
    AMPQL_COST_MONTHS     /* of steps of a day */
};

/* How the lines of a bill are made of what was computed. What is shared is no line of its own: the
 * others carry it as shared_cost. */
struct ampql_aggregate_options {
    size_t size;           /* of this struct */
    const char *aggregate; /* what names lines, a comma list, in any case: cluster, node, namespace,
                              pod, container, controller, controllerKind, controllerNamespace,
                              deployment, statefulset, daemonset, job, service, label:NAME,
                              annotation:NAME, department, environment, owner, product, team; or
                              "all". NULL or "": the first five, so one allocation a container */
    bool split_idle;    /* keep idle costs apart, as "CLUSTER/NODE/__idle__", not one "__idle__" */
    const char *filter; /* OpenCost's filter v2, such as
                           `namespace:"a","b"+label[app]!:"web"`; NULL or "": all pass */
    bool share_idle;    /* idle costs are carried by the allocations of their cluster, by cost */
    bool idle_by_node;  /* by those of their node */
    const char *share_namespaces; /* whose costs are shared: a comma list */
    const char *share_labels;     /* likewise: NAME:VALUE, a comma list */
    double share_monthly_cost;    /* $ for 730 hours, to be shared too */
    bool share_evenly;            /* every line carries the same, not by its costs */
    enum ampql_cost_accumulate accumulate;
    const char *department_labels, *environment_labels, *owner_labels, *product_labels,
        *team_labels; /* whose values stand for these, comma lists; NULL: department, env, owner,
                         app, team */
    bool aggregated_metadata; /* lines keep the labels and annotations that all their allocations
                                 have with one value, while those are of one namespace */
    bool share_breakdown;     /* lines say what they carry of each shared namespace and label */
    bool proportional_assets; /* lines say what part they have of each node, volume and load
                                 balancer, or of each cluster without idle_by_node; of what was
                                 computed with idle costs only */
    bool share_balancers;     /* of these: a cluster on Azure has one public load balancer and one
                                 private, whatever number of services they stand for */
};

/* Compute what each container, namespace, ... of a window cost. All queries go through one batch at
 * the window's end, so each series is read once; of a window longer than max_duration_ms, one batch
 * for each piece. Steps and pieces are independent of each other, and options->threads may compute
 * several at once; they are added up in the order of time.
 *
 * Cores and bytes are the larger of what was allocated and what was requested, times the hours in
 * which the pod was seen running. What a missing metric leaves out is said by a warning that names
 * it; nothing is left out without one.
 *   err  AMPQL_BAD_DATA: the window, the resolution, a label name, a discount, a price, a quirk; an
 * aggregate or a filter, with the span in that text; steps that cannot be accumulated so; any
 * failure of a query, which fails the whole and names the query; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_allocate(struct ampql_engine *engine, struct ampql_source *source,
                                         const struct ampql_cost_options *options,
                                         struct ampql_allocations **out, struct ampql_error *err);

/* NULL is fine. */
AMPQL_API void ampql_allocations_free(struct ampql_allocations *allocations);

/* A persistent volume's part in an allocation. */
struct ampql_allocation_volume {
    struct ampql_string cluster, name, provider_id;
    double byte_hours;
    double cost, cost_adjustment; /* $ */
};

/* A load balancer's part in an allocation. */
struct ampql_allocation_balancer {
    struct ampql_string key;     /* "CLUSTER/NAMESPACE/SERVICE" */
    struct ampql_string service; /* "NAMESPACE/SERVICE" */
    struct ampql_string ip;
    bool is_private;              /* the address is one of a private network */
    double hours;                 /* that both of them were there */
    double cost, cost_adjustment; /* $ */
};

/* What an allocation carries of the shared costs of one name: a value of share_labels, a namespace
 * of share_namespaces, or "overheadCost", which is share_monthly_cost. $, idle costs that the
 * shared ones carry among them */
struct ampql_allocation_shared {
    struct ampql_string name;
    double total_cost;
    double cpu_cost, gpu_cost, ram_cost, volume_cost, network_cost, balancer_cost, external_cost;
};

/* $ of each kind; or parts, which have no unit. */
struct ampql_asset_costs {
    double cpu, gpu, ram, volume, balancer;
};

/* What an allocation has of an asset, or of all assets of a cluster. What nobody was allocated, and
 * what is shared, is in no allocation's part, so that they need not add up to 1. */
struct ampql_allocation_asset {
    struct ampql_string cluster;
    struct ampql_string name;        /* a node, a volume, "NAMESPACE/SERVICE"; empty: the cluster */
    struct ampql_string type;        /* "Node", "PV", "LoadBalancer"; empty: the cluster */
    struct ampql_string provider_id; /* of a node or a volume */
    bool is_cluster;                 /* all assets of the cluster are one; a nameless one is not */
    struct ampql_asset_costs cost;   /* of the allocation; that of a load balancer is what it pays
                                        for all of them, as OpenCost has it */
    struct ampql_asset_costs total;  /* of the asset, in the window */
    struct ampql_asset_costs part;   /* cost / total, of 1; OpenCost calls it percentage */
    double node_part;                /* of CPU, GPU and RAM together, by their costs */
};

/* One line of the bill. Strings are empty where the members of an aggregate differ; lists are in
 * bytewise order, of services, label names, volumes (cluster, then name), and keys. Costs are $ for
 * the window; adjustments are what a cloud's invoice corrects, 0 for all that is computed here. */
struct ampql_allocation {
    struct ampql_string name; /* the aggregate's values, joined with "/" */

    struct ampql_string cluster, node, container, controller, controller_kind, namespace_name, pod,
        provider_id;
    const struct ampql_string *services; /* [nservices] */
    size_t nservices;
    const struct ampql_label
        *labels; /* [nlabels] of the pod, over its namespace's, over its node's */
    size_t nlabels;
    const struct ampql_label *annotations; /* [nannotations] of the pod, over its namespace's */
    size_t nannotations;
    const struct ampql_label *namespace_labels; /* [nnamespace_labels] */
    size_t nnamespace_labels;
    const struct ampql_label *namespace_annotations; /* [nnamespace_annotations] */
    size_t nnamespace_annotations;

    int64_t window_start_ms, window_end_ms; /* Unix ms: what was asked for */
    int64_t start_ms, end_ms;               /* from the first start to the last end */
    double minutes;                         /* between them */

    /* Hours are sums, averages are over minutes. Idle costs are those that were shared out. */
    double cpu_core_hours, cpu_cores; /* core-hours; core-hours / hours */
    double cpu_core_request_average, cpu_core_usage_average;
    double cpu_core_limit_average; /* with the queries of 2026 */
    double cpu_cost, cpu_cost_adjustment, cpu_cost_idle;
    double ram_byte_hours, ram_bytes; /* byte-hours; byte-hours / hours */
    double ram_byte_request_average, ram_byte_usage_average;
    double ram_byte_limit_average; /* with the queries of 2026 */
    double ram_cost, ram_cost_adjustment, ram_cost_idle;
    double gpu_hours, gpu_count; /* GPU-hours; GPU-hours / hours */
    double gpu_request_average, gpu_usage_average;
    double gpu_cost, gpu_cost_adjustment, gpu_cost_idle;

    double network_transfer_bytes, network_receive_bytes;
    double network_cost; /* of which */
    double network_cross_zone_cost, network_cross_region_cost, network_internet_cost;
    double network_cost_adjustment;

    const struct ampql_allocation_balancer *balancers; /* [nbalancers] */
    size_t nbalancers;
    double load_balancer_cost, load_balancer_cost_adjustment;

    const struct ampql_allocation_volume *volumes; /* [nvolumes] */
    size_t nvolumes;
    double pv_byte_hours, pv_bytes; /* of all volumes; byte-hours / hours */
    double pv_cost, pv_cost_adjustment;

    double shared_cost, external_cost;
    double total_cost;                            /* all of these, adjusted */
    const struct ampql_allocation_shared *shared; /* [nshared] of which shared_cost is the sum, in
                                                     the order of names; with share_breakdown */
    size_t nshared;

    /* usage / request; without a request 1 when there was usage that cost something, else 0.
     * total is the mean of CPU and RAM, weighted by their cost. */
    double cpu_efficiency, ram_efficiency, gpu_efficiency, total_efficiency;

    /* The largest usage seen, known for single containers only. */
    bool has_usage_max;
    double cpu_core_usage_max, ram_byte_usage_max;

    const struct ampql_allocation_asset *assets; /* [nassets] in the order of cluster and name; with
                                                    proportional_assets */
    size_t nassets;
};

/* All windows of the bill, added up by name. In the order of names, bytewise; NULL past the last.
 * Valid until the allocations are freed. */
AMPQL_API size_t ampql_allocations_count(const struct ampql_allocations *allocations);
AMPQL_API const struct ampql_allocation *
ampql_allocations_at(const struct ampql_allocations *allocations, size_t i);

/* All of them added up as an aggregate would be; its name is empty. */
AMPQL_API const struct ampql_allocation *
ampql_allocations_total(const struct ampql_allocations *allocations);

/* One window of a bill: lines in the order of names, and their total. Valid as above. */
struct ampql_cost_window {
    int64_t start_ms, end_ms;             /* Unix ms */
    const struct ampql_allocation *items; /* [n] */
    size_t n;
    const struct ampql_allocation *total; /* its name is empty */
};

/* Window i, in the order of time; false past the last. */
AMPQL_API bool ampql_allocations_window(const struct ampql_allocations *allocations, size_t i,
                                        struct ampql_cost_window *out);

/* Aggregate what was computed again, by something else: nothing is asked of the source. The two are
 * freed apart, in any order. options may be NULL: one allocation a container.
 *   err  AMPQL_BAD_DATA: the aggregate or the filter, with the span in that text; what is shared;
 * steps that cannot be accumulated so; parts of assets without idle costs; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_allocations_aggregate(const struct ampql_allocations *allocations,
                                                      const struct ampql_aggregate_options *options,
                                                      struct ampql_allocations **out,
                                                      struct ampql_error *err);

/* What the bill does not say: metrics without series, nodes at default prices, results that fit no
 * running pod, values that were no numbers, and the annotations of the queries' results. */
AMPQL_API size_t ampql_allocations_warning_count(const struct ampql_allocations *allocations);
AMPQL_API struct ampql_string ampql_allocations_warning(const struct ampql_allocations *allocations,
                                                        size_t i);

/* How much there was of what a query needs, in one cluster. Counted are steps of the resolution, of
 * those that lie 5 minutes or one resolution into the window, in which the metric had samples. */
struct ampql_cost_coverage {
    const char *query, *metric; /* as in struct ampql_cost_query */
    struct ampql_string cluster;
    uint64_t nneeded;                 /* of pods all steps, else those in which pods ran */
    uint64_t ncovered;                /* of these, with samples */
    int64_t gap_start_ms, gap_end_ms; /* the longest stretch without; both 0: there is none */
};

/* Item i, in the order of queries and clusters; false past the last. Queries of the same series
 * have one item. */
AMPQL_API bool ampql_allocations_coverage(const struct ampql_allocations *allocations, size_t i,
                                          struct ampql_cost_coverage *out);

AMPQL_API struct ampql_stats ampql_allocations_stats(const struct ampql_allocations *allocations);

/* What query i of the model (ampql_cost_query_at) read of that, as ampql_result_costs has it; false
 * past the last. */
AMPQL_API bool ampql_allocations_costs(const struct ampql_allocations *allocations, size_t i,
                                       struct ampql_stats *alone, struct ampql_stats *shared);

/* The body of OpenCost's /allocation: `{"code":200,"status":"success","data":[{NAME:{...}}]}`, with
 * "warnings", "coverage" and "stats" after it. Numbers are rounded to 5 decimals; what is no number
 * is null. No final line feed. AMPQL_OUTPUT: write said so; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_allocations_json(const struct ampql_allocations *allocations,
                                                 ampql_write write, void *payload);

/* The body of OpenCost's /allocation/summary: fewer fields, exact numbers. Errors as above. */
AMPQL_API enum ampql_code
ampql_allocations_summary_json(const struct ampql_allocations *allocations, ampql_write write,
                               void *payload);

/* A line of JSON for each line of each window: the objects of /allocation, with a line feed after
 * each. Errors as above. */
AMPQL_API enum ampql_code ampql_allocations_ndjson(const struct ampql_allocations *allocations,
                                                   ampql_write write, void *payload);

/* ---- prices */

/* Read a price file as OpenCost's default.json is, JSON or YAML, text [len], UTF-8: CPU, RAM (a
 * GiB), GPU, spotCPU, spotRAM, spotGPU, storage (a GiB) in $ an hour, discount and
 * negotiatedDiscount ("30%"), customPricesEnabled; names in any case, values as strings or not.
 * What such files have besides is passed over.
 *
 *   options  whose discounts and custom_prices are set where the file has them, and prices
 *   prices   what options->prices is then: those of the file, over ampql_default_prices
 *   err      AMPQL_BAD_DATA "line L, column C: ..." with the span: not such a file, an unknown or
 *            repeated name, a price that is negative or has a unit, a discount that is no
 *            percentage; AMPQL_NOMEM. Then nothing is changed */
AMPQL_API enum ampql_code ampql_cost_prices_read(struct ampql_engine *engine, const char *text,
                                                 size_t len, struct ampql_cost_options *options,
                                                 struct ampql_prices *prices,
                                                 struct ampql_error *err);

/* ---- windows */

/* Read a window as OpenCost's API and people write it, text [len]:
 *
 *   today yesterday week lastweek month lastmonth   in UTC, weeks from Sunday; week and month until
 *                                                   now
 *   15m 24h 7d 2w          whole units up to the end of the one that is now; weeks are 7 days
 *   24h offset 1d          that long, until so long ago, not rounded
 *   90s 1h30m              any other duration: until now
 *   1700000000-1700003600  Unix seconds
 *   START,END              RFC 3339, Unix seconds, or now, now-1h
 *
 *   now_ms  Unix ms; 0: what the clock says, in whole seconds
 *   err     AMPQL_BAD_DATA with the span: none of these; the end is not after the start; the window
 *           begins in the future */
AMPQL_API enum ampql_code ampql_cost_window(const char *text, size_t len, int64_t now_ms,
                                            int64_t *start_ms, int64_t *end_ms,
                                            struct ampql_error *err);

/* ---- quirks: what is done only because OpenCost does it */

struct ampql_cost_quirk {
    const char *name; /* "round-times" */
    bool is_on;       /* unless options say otherwise */
    const char *help; /* what it does, in half a sentence */
};

/* Quirk i; false past the last. */
AMPQL_API bool ampql_cost_quirk_at(size_t i, struct ampql_cost_quirk *out);

/* ---- the model's queries */

struct ampql_cost_query {
    const char *name;   /* as OpenCost calls it: "CPURequests" */
    const char *metric; /* whose series it reads */
    const char
        *text; /* PromQL with $ variables to be filled in, of 2024 or the first that has it */
};

/* Query i of the model; false past the last. */
AMPQL_API bool ampql_cost_query_at(size_t i, struct ampql_cost_query *out);

/* The text of query i as ampql_allocate asks it with these options, to be evaluated at end_ms;
 * empty when it is not asked with them. err  AMPQL_NOT_FOUND: no such query; AMPQL_BAD_DATA:
 * options, as above; AMPQL_OUTPUT; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_cost_query_text(struct ampql_engine *engine, size_t i,
                                                const struct ampql_cost_options *options,
                                                ampql_write write, void *payload,
                                                struct ampql_error *err);

#ifdef __cplusplus
}
#endif
#endif
