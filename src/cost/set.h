/* What was computed of a window, before and after it is added up.
 *
 * A set holds one allocation a container, and the special ones. A handle of the API shows a set, or
 * an aggregation of one: several handles may share a set, so that aggregating again computes
 * nothing twice. Strings are the set's, each held once, whatever number of containers has the
 * label. */
#ifndef AMPQL_SRC_COST_SET_H
#define AMPQL_SRC_COST_SET_H

#include <ampql/cost.h>

#include "base/array.h"
#include "base/error.h"
#include "base/symbols.h"
#include "cost/queries.h"

#include <stdatomic.h>

/* Names that stand for no container. */
#define NAME_IDLE "__idle__"
#define NAME_UNALLOCATED "__unallocated__"
#define NAME_UNMOUNTED "__unmounted__"

/* What there was to allocate of a node, a disk or a load balancer. $ for the window, discounted. */
struct cost_asset {
    struct ampql_string cluster, name; /* a load balancer's is "NAMESPACE/SERVICE" */
    int64_t start_ms, end_ms;
    bool is_node;
    double cpu_cost, ram_cost, gpu_cost;
    double volume_cost;   /* of a disk that is no node's own */
    double balancer_cost; /* of a load balancer, */
    bool is_private;      /* whose address is one of a private network */
};

/* Steps of one query in one cluster, as in struct ampql_cost_coverage. */
struct cost_coverage {
    enum cost_query query;
    struct ampql_string cluster;
    bool has_series; /* the query has an answer, of any cluster */
    uint64_t nneeded, ncovered;
    int64_t gap_start_ms, gap_end_ms;
};

/* Warnings of one kind say the same of other windows: they differ in numbers, names and times. */
struct cost_warning {
    struct ampql_string text, kind;
};

struct cost_set {
    struct ampql_allocator alc;
    atomic_size_t nusers;
    struct arena arena;             /* items and their lists */
    struct symbols strings;         /* of items and warnings */
    struct ampql_allocation *items; /* [n] in the order of names, finished */
    size_t n;
    struct cost_asset
        *assets; /* [nassets] in the order of cluster and name; with idle costs only */
    size_t nassets;
    bool has_assets; /* they were asked for */
    bool is_azure;   /* a node says so */
    struct {
        ARRAY(struct cost_warning);
    } warnings;
    struct {
        ARRAY(struct cost_coverage);
    } coverage; /* in the order of queries and clusters */
    struct ampql_stats stats;
    struct query_cost {
        struct ampql_stats alone, shared; /* as ampql_result_costs has it */
    } * costs;                            /* [ncosts] of the model's queries, in their order */
    size_t ncosts;
    int64_t start_ms, end_ms; /* the window */
    int64_t now_ms;
    struct cost_set **steps; /* [nsteps] the sets of its steps, whose items are not here; NULL: it
                                is one itself */
    size_t nsteps;
    struct quirks quirks;
    enum ampql_cost_queries queries;
};

/* An empty set with one user, of what params say. err  AMPQL_NOMEM */
enum ampql_code set_new(const struct ampql_allocator *alc, const struct params *params,
                        struct cost_set **out, struct ampql_error *err);

/* One user more, one less; the last one frees it. NULL is fine. */
struct cost_set *set_hold(struct cost_set *set);
void set_release(struct cost_set *set);

/* The set's own copy of a string, the same bytes once; data is NULL when memory is out. */
struct ampql_string set_text(struct cost_set *set, struct str s);

/* Give an allocation these services, in the order of names; false when memory is out. */
bool set_services(struct cost_set *set, struct ampql_allocation *a, const struct ampql_string *at,
                  size_t n);

/* How often something happened, and where first. */
struct tally {
    size_t n;
    struct str first[2];
};

/* Count one more, remembering the first; strings are borrowed. */
void tally_add(struct tally *tally, struct str a, struct str b);

/* Add a warning; the text is formatted and copied. It is of a kind of its own. err  AMPQL_NOMEM */
enum ampql_code set_warn(struct cost_set *set, struct ampql_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A warning of the kind "QUERY: WHAT". err  AMPQL_NOMEM */
enum ampql_code set_warn_of(struct cost_set *set, struct str text, const char *query,
                            const char *what, struct ampql_error *err);

/* A warning of what was counted, if anything was: "QUERY: N WHAT, such as FIRST "..." SECOND
 * "..."".
 */
enum ampql_code set_warn_tally(struct cost_set *set, const struct tally *tally, const char *query,
                               const char *what, const char *first, const char *second,
                               struct ampql_error *err);

/* Add what a batch has cost, and each of the model's n queries of it. err  AMPQL_NOMEM */
enum ampql_code set_add_costs(struct cost_set *set, struct ampql_stats stats,
                              const struct query_cost *costs, size_t n, struct ampql_error *err);

static inline struct ampql_string cost_string(struct str s)
{
    return (struct ampql_string){s.p, s.n};
}

/* Minutes and hours between two times, with the roundings of Go's Duration. */
double minutes_between(int64_t start_ms, int64_t end_ms);
double hours_between(int64_t start_ms, int64_t end_ms);

/* Minutes between start and end. */
double allocation_minutes(const struct ampql_allocation *allocation);

/* Fill in what follows from the other fields: minutes, cores, bytes, count, volumes in sum, total,
 * efficiencies. */
void allocation_finish(struct ampql_allocation *allocation);

/* "CLUSTER/NODE/NAMESPACE/POD/CONTAINER", in the arena; p is NULL when memory is out. */
struct str allocation_name(const struct ampql_allocation *allocation, struct arena *arena);

/* Does it stand for what no pod uses; for what nobody was allocated? By its name, as OpenCost does.
 */
bool allocation_is_unmounted(const struct ampql_allocation *allocation);
bool allocation_is_idle(const struct ampql_allocation *allocation);

/* "A/B", in the arena; p is NULL when memory is out. */
struct str join_names(struct arena *arena, struct str a, struct str b);

/* By name, then by its parts: names may be equal where values hold a "/". For qsort. */
int allocation_compare(const void *a, const void *b);

/* What an item has in a list, and the how manieth this was, so that equal ones add up in the order
 * in which they came. */
struct volume_part {
    struct ampql_allocation_volume volume;
    size_t number;
};

struct asset_part {
    struct ampql_allocation_asset asset;
    size_t number;
};

struct balancer_part {
    struct ampql_allocation_balancer balancer;
    size_t number;
};

/* Allocations being added up. Start from the first; hours, bytes and costs add, averages are over
 * minutes, strings that differ become empty. */
struct sum {
    struct ampql_allocation a;
    bool forgets;                /* QUIRK_MERGE_FORGETS */
    bool keeps_metadata;         /* labels and annotations that all have in common */
    size_t nvolumes, nbalancers; /* of the first: of others' OpenCost forgets details */
    struct {
        ARRAY(struct volume_part);
    } volumes;
    struct {
        ARRAY(struct balancer_part);
    } balancers;
    struct {
        ARRAY(struct ampql_allocation_shared);
    } shared; /* each name once */
    struct {
        ARRAY(struct asset_part);
    } assets;
};

/* Lists stay those of the first until a second is added. */
void sum_start(struct sum *sum, const struct ampql_allocation *first, const struct cost_set *set);

/* err  AMPQL_NOMEM */
enum ampql_code sum_add(struct sum *sum, const struct ampql_allocation *more, struct arena *arena,
                        struct ampql_error *err);

/* Add to the lists alone, as if they were the first's. err  AMPQL_NOMEM */
enum ampql_code sum_lists(struct sum *sum, const struct ampql_allocation_volume *volumes,
                          size_t nvolumes, const struct ampql_allocation_balancer *balancers,
                          size_t nbalancers, struct arena *arena, struct ampql_error *err);

/* Add to what is carried of shared costs: so much of each. err  AMPQL_NOMEM */
enum ampql_code sum_shared(struct sum *sum, const struct ampql_allocation_shared *shared, size_t n,
                           double part, struct arena *arena, struct ampql_error *err);

/* Merge what the lists have of the same volume, the same balancer, and finish sum->a.
 *   err  AMPQL_NOMEM */
enum ampql_code sum_end(struct sum *sum, struct arena *arena, struct ampql_error *err);

#endif
