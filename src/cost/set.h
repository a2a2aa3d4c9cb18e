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

#include <stdatomic.h>

/* Names that stand for no container. */
#define NAME_IDLE "__idle__"
#define NAME_UNALLOCATED "__unallocated__"
#define NAME_UNMOUNTED "__unmounted__"

struct cost_set {
    struct ampql_allocator alc;
    atomic_size_t nusers;
    struct arena arena;             /* items and their lists */
    struct symbols strings;         /* of items and warnings */
    struct ampql_allocation *items; /* [n] in the order of names, finished */
    size_t n;
    struct ampql_string *warnings; /* [nwarnings] */
    size_t nwarnings;
    struct ampql_stats stats;
    int64_t start_ms, end_ms; /* the window */
};

/* An empty set with one user. err  AMPQL_NOMEM */
enum ampql_code set_new(const struct ampql_allocator *alc, int64_t start_ms, int64_t end_ms,
                        struct cost_set **out, struct ampql_error *err);

/* One user more, one less; the last one frees it. NULL is fine. */
struct cost_set *set_hold(struct cost_set *set);
void set_release(struct cost_set *set);

/* The set's own copy of a string, the same bytes once; data is NULL when memory is out. */
struct ampql_string set_text(struct cost_set *set, struct str s);

static inline struct ampql_string cost_string(struct str s)
{
    return (struct ampql_string){s.p, s.n};
}

/* Minutes between start and end. */
double allocation_minutes(const struct ampql_allocation *allocation);

/* Fill in what follows from the other fields: minutes, cores, bytes, count, volumes in sum, total,
 * efficiencies. */
void allocation_finish(struct ampql_allocation *allocation);

/* "CLUSTER/NODE/NAMESPACE/POD/CONTAINER", in the arena; p is NULL when memory is out. */
struct str allocation_name(const struct ampql_allocation *allocation, struct arena *arena);

/* By name, then by its parts: names may be equal where values hold a "/". For qsort. */
int allocation_compare(const void *a, const void *b);

/* What an item has in a list, and the how manieth this was, so that equal ones add up in the order
 * in which they came. */
struct volume_part {
    struct ampql_allocation_volume volume;
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
    struct {
        ARRAY(struct volume_part);
    } volumes;
    struct {
        ARRAY(struct balancer_part);
    } balancers;
};

/* Lists stay those of the first until a second is added. */
void sum_start(struct sum *sum, const struct ampql_allocation *first);

/* err  AMPQL_NOMEM */
enum ampql_code sum_add(struct sum *sum, const struct ampql_allocation *more, struct arena *arena,
                        struct ampql_error *err);

/* Merge what the lists have of the same volume, the same balancer, and finish sum->a.
 *   err  AMPQL_NOMEM */
enum ampql_code sum_end(struct sum *sum, struct arena *arena, struct ampql_error *err);

/* ---- aggregates */

/* Fields to name an aggregate by. */
enum { AGGREGATE_FIELDS = 5, AGGREGATE_MAX = 16 };
struct aggregate {
    uint8_t field[AGGREGATE_MAX]; /* [n], in the order asked */
    size_t n;                     /* 0: all in one */
};

/* Check a list of aggregate fields. err  AMPQL_BAD_DATA, AMPQL_UNSUPPORTED */
enum ampql_code aggregate_parse(struct str text, struct aggregate *out, struct ampql_error *err);

struct ampql_allocations {
    struct cost_set *set;
    struct arena arena;             /* items, and what is not the set's in them */
    struct ampql_allocation *items; /* [n] in the order of names */
    size_t n;
    struct ampql_allocation total;
};

/* A set, added up by name; the set has one user more. err  AMPQL_NOMEM */
enum ampql_code allocations_make(struct cost_set *set, const struct aggregate *aggregate,
                                 struct ampql_allocations **out, struct ampql_error *err);

/* As the public functions. */
enum ampql_code allocations_aggregate(const struct ampql_allocations *allocations,
                                      const struct ampql_aggregate_options *options,
                                      struct ampql_allocations **out, struct ampql_error *err);
void allocations_free(struct ampql_allocations *allocations);
enum ampql_code allocations_json(const struct ampql_allocations *allocations, ampql_write write,
                                 void *payload);

#endif
