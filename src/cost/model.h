/* The cost model: decoded answers, folded step by step into one allocation a container, and priced.
 *
 *   queries.def, queries.c   what is asked
 *   quirks.def, quirks.c     what is done only because OpenCost does it
 *   decode.c                 results to rows, with OpenCost's corrections
 *   podmap.c                 which pods ran, when, and their containers
 *   resources.c              cores, bytes and GPUs of each container
 *   network.c                bytes and costs of the network
 *   labels.c                 labels and annotations
 *   controllers.c            what pods belong to, and services
 *   volumes.c, claims.c      volumes, claims, and who shares them
 *   balancers.c              load balancers
 *   pricing.c                node prices, and costs
 *   accumulate.c             pieces of a long window, added up
 *   assets.c, disks.c        what nodes, disks and load balancers cost
 *   idle.c                   what of it nobody was allocated
 *   coverage.c               how much of the data there was
 *   warn.c                   what the bill does not say
 *   allocate.c               the whole, from options to a set
 *   set.c, sum.c             sets of allocations, and adding them up
 *   window.c, prices.c       windows and price files, read
 *   field.c, filter.c        what allocations are named and found by
 *   keys.c, share.c          what names lines, and who carries what is shared
 *   parts.c                  what part of each asset lines have
 *   aggregate.c, bill.c      a set by namespace, ..., in steps
 *   report.c                 as JSON */
#ifndef AMPQL_SRC_COST_MODEL_H
#define AMPQL_SRC_COST_MODEL_H

#include "base/array.h"
#include "base/index.h"
#include "cost/queries.h"
#include "cost/set.h"

/* One series of an answer. */
struct cost_row {
    const struct ampql_label *labels; /* [nlabels], sorted by name */
    size_t nlabels;
    double value;              /* the first one; never NaN or infinite */
    int64_t first_ms, last_ms; /* times of the first and last value, to the nearest 10 s */
};

/* One query's answer, rows in the order of their labels, so that "the last one wins" is the same
 * each time. */
struct answer {
    struct cost_row *rows;
    size_t n;
    size_t nreplaced;                  /* values that were NaN or infinite, and are 0 now */
    const struct ampql_result *result; /* whose annotations are warnings of the bill; may be NULL */
    const struct ampql_result *coverage; /* when there were samples, by cluster; NULL: not asked */
};

/* Labels, or annotations: sorted by name, each name once, strings of the set. */
struct label_list {
    const struct ampql_label *at; /* [n] */
    size_t n;
};

/* A namespace that has pods, labels or annotations. */
struct name_space {
    struct str cluster, name;
    size_t first_pod; /* linked by next; INDEX_NONE: none */
    struct label_list labels, annotations;
};

/* A pod that was seen running, or one that stands for what no pod uses. Strings are the set's. */
struct pod {
    struct str cluster, namespace_name;
    struct str name;       /* with uids "NAME UID" */
    struct str plain_name; /* without, as most answers have it */
    struct str node;       /* where it was seen last; empty: unknown */
    int64_t start_ms, end_ms;
    size_t name_space, next;                             /* its namespace, the next pod there */
    size_t first_container, last_container, ncontainers; /* linked by next */
    bool has_labels;                       /* an answer names its labels, be there none */
    struct label_list labels, annotations; /* its own */
};

/* One container. What follows from other fields of its allocation is filled in at the end. */
struct container {
    struct ampql_allocation a;
    size_t pod, next; /* its pod, the next container there; INDEX_NONE: the last */
    size_t step;      /* which answer gave it a value last, and what value */
    double value;
    struct {
        ARRAY(struct ampql_string);
    } services;
    struct {
        ARRAY(struct ampql_allocation_volume);
    } volumes;
    struct {
        ARRAY(struct ampql_allocation_balancer);
    } balancers;
};

/* Prices of a node, $ an hour. */
struct node_price {
    struct str cluster, name, provider_id, type;
    double cpu, ram, gpu;  /* of a core, a GiB, a GPU */
    bool has_cpu, has_ram; /* a series has the price */
    bool is_spot;
    bool is_priced; /* missing prices have been filled in */
};

struct model {
    const struct params *params;
    const struct answer *answers; /* [COST_QUERY_COUNT] */
    struct cost_set *set;         /* whose the strings of pods and containers are */
    struct arena *arena;          /* of the fold: what stays is copied at its end */

    struct {
        ARRAY(struct pod);
    } pods;
    struct index pod_index, plain_index; /* by name, by plain name */
    struct {
        ARRAY(size_t);
    } found; /* what pods_find found */

    struct {
        ARRAY(struct name_space);
    } namespaces;
    struct index namespace_index;

    struct {
        ARRAY(struct container);
    } containers;
    struct index container_index;

    struct {
        ARRAY(struct node_price);
    } nodes;
    struct index node_index;
};

void model_init(struct model *model, struct cost_set *set, struct arena *arena,
                const struct params *params, const struct answer *answers);
void model_done(struct model *model);

/* A result's rows, in the arena; labels are views of the result. err  AMPQL_NOMEM; AMPQL_EXECUTION:
 * a scalar or string */
enum ampql_code answer_decode(const struct ampql_result *result, bool rounds_times,
                              struct arena *arena, struct answer *out, struct ampql_error *err);

/* ms to the nearest 10 s, halves away from zero. */
int64_t round_time(int64_t ms);

/* The value of a label; p is NULL when it is absent. */
struct str row_label(const struct cost_row *row, const char *name);

/* The row's cluster, or the one that series without a cluster label have. */
struct str row_cluster(const struct cost_row *row, const struct params *params);

/* The label, or an older name of it where it is missing or empty. */
struct str label_or(const struct cost_row *row, const char *name, const char *older);

/* ---- stages, in the order of the fold. err  AMPQL_NOMEM */

enum ampql_code pods_fold(struct model *model, struct ampql_error *err);
enum ampql_code resources_fold(struct model *model, struct ampql_error *err);
enum ampql_code network_fold(struct model *model, struct ampql_error *err);
enum ampql_code labels_fold(struct model *model, struct ampql_error *err);
enum ampql_code controllers_fold(struct model *model, struct ampql_error *err);
enum ampql_code volumes_fold(struct model *model, struct ampql_error *err);
enum ampql_code balancers_fold(struct model *model, struct ampql_error *err);
enum ampql_code pricing_fold(struct model *model, struct ampql_error *err);

/* ---- pods and containers */

/* From the first to the last time of a row; a single point stands for one resolution around it, and
 * nothing reaches out of the window. */
void row_span(const struct params *params, const struct cost_row *row, int64_t *start_ms,
              int64_t *end_ms);

/* The numbers of the pods that an answer's row names, in model->found: at most one, unless pods are
 * told apart by uid. A name that is NULL finds none. */
enum ampql_code pods_find(struct model *model, struct str cluster, struct str namespace_name,
                          struct str name, struct ampql_error *err);

/* A pod that stands for what no pod uses, there for the whole window, and its container
 * "__unmounted__": of a namespace ("NAMESPACE-unmounted-pvcs"), or of a cluster where that is NULL
 * ("__unmounted__" in "__unmounted__"). Made when it is new. *out is a pod's number */
enum ampql_code pod_unmounted(struct model *model, struct str cluster, struct str namespace_name,
                              size_t *out, struct ampql_error *err);

/* The pod's container of that name, made when it is new. *out is good until the next one is made.
 */
enum ampql_code container_of(struct model *model, size_t pod, struct str name,
                             struct container **out, struct ampql_error *err);

/* The containers of a pod: for (c = pod_first(m, p); c; c = pod_next(m, c)). */
struct container *pod_first(const struct model *model, const struct pod *pod);
struct container *pod_next(const struct model *model, const struct container *container);

/* A namespace's number, made when it is new. err  AMPQL_NOMEM */
enum ampql_code namespace_of(struct model *model, struct str cluster, struct str name, size_t *out,
                             struct ampql_error *err);

/* ---- labels */

/* The labels of a row that begin with a prefix, without it, in the model's arena. err  AMPQL_NOMEM
 */
enum ampql_code labels_of_row(struct model *model, const struct cost_row *row, struct str prefix,
                              struct label_list *out, struct ampql_error *err);

/* Both, in the arena; where both have a name the second one's. err  AMPQL_NOMEM */
enum ampql_code labels_over(struct arena *arena, struct label_list under, struct label_list over,
                            struct label_list *out, struct ampql_error *err);

/* ---- selectors */

struct selector {
    struct str cluster, namespace_name, name; /* of what selects */
    struct label_list labels;
    bool is_dropped; /* it selects nothing */
};

struct selectors {
    struct {
        ARRAY(struct selector);
    } items; /* in the order of cluster, namespace, name */
    struct index index;
};

/* The selectors of an answer whose objects are named by a label such as "service". Nothing to
 * release: they are in the model's arena. err  AMPQL_NOMEM */
enum ampql_code selectors_read(struct model *model, enum cost_query query, const char *name_label,
                               struct selectors *out, struct ampql_error *err);

/* Are all its labels the pod's? The namespace is the caller's affair. */
bool selector_matches(const struct model *model, const struct selector *selector,
                      const struct pod *pod);

/* ---- nodes */

/* How much of its list price a node of a type does not cost: 0 to 1. */
double node_discount(const struct params *params, struct str type, bool is_spot);

/* ---- helpers */

/* Is an address one of a private network (RFC 1918, RFC 4193)? */
bool address_is_private(struct str ip);

/* The set's copy of a string; p is NULL when memory is out. */
static inline struct str model_text(struct model *model, struct str s)
{
    return str_view(set_text(model->set, s));
}

/* Is what OpenCost does to be done? */
static inline bool has_quirk(const struct model *model, enum quirk quirk)
{
    return model->params->quirks.is_on[quirk];
}

/* What the engine and the source said of the answers, and what answers lack. */
enum ampql_code warn_answers(struct model *model, struct ampql_error *err);

/* A hash over strings, to look up. */
uint64_t key_hash(const struct str *parts, size_t n);

/* From decoded answers to a set's items and warnings; no query is run. err  AMPQL_NOMEM */
enum ampql_code model_fold(struct cost_set *set, const struct params *params,
                           const struct answer *answers, struct ampql_error *err);

/* From decoded answers to a set's assets. err  AMPQL_NOMEM */
enum ampql_code assets_fold(struct cost_set *set, const struct params *params,
                            const struct answer *answers, struct ampql_error *err);

/* Add what assets cost beyond the allocations of their nodes: "CLUSTER/NODE/__idle__".
 *   err  AMPQL_NOMEM */
enum ampql_code idle_fold(struct cost_set *set, struct ampql_error *err);

/* The last part of a cloud's "aws:///zone/i-0abc" or "gce://project/zone/name"; others as they are.
 */
struct str provider_id_of(struct str id);

/* As ampql_allocate. */
enum ampql_code cost_allocate(struct ampql_engine *engine, struct ampql_source *source,
                              const struct ampql_cost_options *options,
                              struct ampql_allocations **out, struct ampql_error *err);

#endif
