/* The cost model: decoded answers, folded step by step into one allocation a container, and priced.
 *
 *   queries.def, queries.c   what is asked
 *   decode.c                 results to rows, with OpenCost's corrections
 *   podmap.c                 which pods ran, and when
 *   resources.c              cores, bytes and GPUs of each container
 *   pricing.c                node prices, and costs
 *   allocate.c               the whole, from options to a set
 *   set.c, sum.c             sets of allocations, and adding them up
 *   aggregate.c, report.c    a set by namespace, ..., and as JSON */
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
};

/* A pod that was seen running. Strings are the set's. */
struct pod {
    struct str cluster, namespace_name, name;
    int64_t start_ms, end_ms;
};

/* Prices of a node, $ an hour. */
struct node_price {
    struct str cluster, name, provider_id;
    double cpu, ram, gpu; /* of a core, a GiB, a GPU */
    bool is_spot;
    bool is_priced; /* missing prices have been filled in */
};

/* How often something happened, and where first. */
struct tally {
    size_t n;
    struct str first[2];
};

struct model {
    const struct params *params;
    const struct answer *answers; /* [COST_QUERY_COUNT] */
    struct cost_set *set;         /* whose the strings of pods and containers are */
    struct arena *arena;          /* of the fold: what stays is copied at its end */

    struct {
        ARRAY(struct pod);
    } pods;
    struct index pod_index;

    /* One a container; what follows from other fields is filled in at the end. */
    struct {
        ARRAY(struct ampql_allocation);
    } containers;
    struct index container_index;

    struct {
        ARRAY(struct node_price);
    } nodes;
    struct index node_index;

    struct {
        ARRAY(struct ampql_string);
    } warnings;
};

void model_init(struct model *model, struct cost_set *set, struct arena *arena,
                const struct params *params, const struct answer *answers);
void model_done(struct model *model);

/* A result's rows, in the arena; labels are views of the result. err  AMPQL_NOMEM; AMPQL_EXECUTION:
 * a scalar or string */
enum ampql_code answer_decode(const struct ampql_result *result, struct arena *arena,
                              struct answer *out, struct ampql_error *err);

/* ms to the nearest 10 s, halves away from zero. */
int64_t round_time(int64_t ms);

/* The value of a label; p is NULL when it is absent. */
struct str row_label(const struct cost_row *row, const char *name);

/* The row's cluster, or the one that series without a cluster label have. */
struct str row_cluster(const struct cost_row *row, const struct params *params);

/* Fill pods from the Pods answer. Each stage's err  AMPQL_NOMEM */
enum ampql_code pods_fold(struct model *model, struct ampql_error *err);

/* The pod's number, or INDEX_NONE. */
size_t pod_find(const struct model *model, struct str cluster, struct str namespace_name,
                struct str name);

/* Fill containers from the resource answers. */
enum ampql_code resources_fold(struct model *model, struct ampql_error *err);

/* Fill nodes from the price answers, and the costs of containers. */
enum ampql_code pricing_fold(struct model *model, struct ampql_error *err);

/* Add a warning; the text is formatted and copied. */
enum ampql_code model_warn(struct model *model, struct ampql_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Count one more, remembering the first. */
void tally_add(struct tally *tally, struct str a, struct str b);

/* A hash over strings, to look up. */
uint64_t key_hash(const struct str *parts, size_t n);

/* From decoded answers to a set's items and warnings; no query is run. err  AMPQL_NOMEM */
enum ampql_code model_fold(struct cost_set *set, const struct params *params,
                           const struct answer *answers, struct ampql_error *err);

/* As ampql_allocate. */
enum ampql_code cost_allocate(struct ampql_engine *engine, struct ampql_source *source,
                              const struct ampql_cost_options *options,
                              struct ampql_allocations **out, struct ampql_error *err);

#endif
