/* Aggregates: what was computed, as lines of a bill. Several bills may show the same set, so that
 * aggregating again computes nothing twice. */
#ifndef AMPQL_SRC_COST_AGGREGATE_H
#define AMPQL_SRC_COST_AGGREGATE_H

#include "base/array.h"
#include "base/buf.h"
#include "cost/filter.h"
#include "cost/set.h"

/* How lines are made of a set: options, read. */
struct aggregate {
    struct key_part {
        const struct field *field;
        struct label_names labels; /* of a label, an annotation or an alias */
    } * parts;                     /* [nparts] that names are made of */
    size_t nparts;                 /* 0: all in one */
    const struct filter *filter;   /* NULL: all pass */
    const struct filter *shared;   /* what is shared by all others; NULL: nothing */
    double shared_hourly_cost;     /* and this, $ an hour */
    bool shares_evenly;            /* not by cost */
    bool shares_idle;              /* idle costs are carried by allocations */
    bool idle_by_node;             /* of the same node, not only of the same cluster */
    bool splits_idle;              /* idle costs are not all one */
    bool keeps_metadata;           /* labels and annotations that all of a line have */
    bool breaks_down;              /* what is shared, by whose it is */
    bool has_parts;                /* of assets */
    bool shares_balancers;         /* in these, on Azure */
    enum ampql_cost_accumulate accumulate;
};

/* Read and check options. Everything is in the arena, or the caller's.
 *   err  AMPQL_BAD_DATA: the aggregate or the filter, with the span in that text; a label to share
 *        by, a cost, a way to accumulate; AMPQL_NOMEM */
enum ampql_code aggregate_read(const struct ampql_aggregate_options *options, struct arena *arena,
                               struct aggregate *out, struct ampql_error *err);

/* Append the name of an allocation's line: the values of the fields, joined with "/". */
void aggregate_name(struct buf *out, const struct aggregate *aggregate,
                    const struct ampql_allocation *allocation);

/* Whose costs these are that all share: the value of the first label, in the order of their names,
 * that makes them shared, or else the namespace. */
struct str aggregate_shared_name(const struct aggregate *aggregate,
                                 const struct ampql_allocation *allocation);

/* Lines of one window. */
struct bill_window {
    int64_t start_ms, end_ms;       /* Unix ms */
    struct ampql_allocation *items; /* [n] in the order of names */
    size_t n;
    struct ampql_allocation total; /* of them; its name is empty */
};

struct ampql_allocations {
    struct cost_set *set;
    bool keeps_metadata;         /* as its aggregate */
    struct arena arena;          /* items, and what is not the set's in them */
    struct bill_window *windows; /* [nwindows] in the order of time, at least one */
    size_t nwindows;
    struct bill_window all; /* all windows, added up by name */
    struct {
        ARRAY(struct ampql_string);
    } warnings;            /* that the set has not */
    struct tally homeless; /* parts of assets that are not known */
};

/* A set's bill; the set has one user more. err  AMPQL_BAD_DATA: its steps cannot be accumulated so;
 * AMPQL_NOMEM */
enum ampql_code allocations_make(struct cost_set *set, const struct aggregate *aggregate,
                                 struct ampql_allocations **out, struct ampql_error *err);

/* Lines of one step, in the bill's arena; windows may share strings and lists with the set.
 *   err  AMPQL_NOMEM */
enum ampql_code aggregate_step(struct ampql_allocations *bill, const struct cost_set *step,
                               const struct aggregate *aggregate, struct bill_window *out,
                               struct ampql_error *err);

/* Lines of several windows, added up by name, in the bill's arena. err  AMPQL_NOMEM */
enum ampql_code aggregate_windows(struct ampql_allocations *bill, const struct bill_window *windows,
                                  size_t n, struct bill_window *out, struct ampql_error *err);

/* Put windows of one step each, [n], together as asked; *out [*nout] in the bill's arena.
 *   err  AMPQL_BAD_DATA: their lengths do not allow it; AMPQL_NOMEM */
enum ampql_code accumulate_windows(struct ampql_allocations *bill, struct bill_window *windows,
                                   size_t n, enum ampql_cost_accumulate how,
                                   struct bill_window **out, size_t *nout, struct ampql_error *err);

/* How long steps are when nobody says; 0: as long as the window. */
int64_t accumulate_step_ms(enum ampql_cost_accumulate how);

/* Add a warning of the bill; the text is formatted and copied. err  AMPQL_NOMEM */
enum ampql_code bill_warn(struct ampql_allocations *bill, struct ampql_error *err,
                          const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As the public functions. */
enum ampql_code allocations_aggregate(const struct ampql_allocations *allocations,
                                      const struct ampql_aggregate_options *options,
                                      struct ampql_allocations **out, struct ampql_error *err);
void allocations_free(struct ampql_allocations *allocations);
enum ampql_code allocations_json(const struct ampql_allocations *allocations, ampql_write write,
                                 void *payload);
enum ampql_code allocations_summary_json(const struct ampql_allocations *allocations,
                                         ampql_write write, void *payload);
enum ampql_code allocations_ndjson(const struct ampql_allocations *allocations, ampql_write write,
                                   void *payload);

#endif
