/* From what a record's evaluations gave to the series that a ruler would have written: labels set,
 * failed evaluations left out, stale markers where a series is no longer there. */
#ifndef AMPQL_SRC_EVAL_RECORDED_H
#define AMPQL_SRC_EVAL_RECORDED_H

#include "eval/eval.h"

/* The evaluations of one record over a grid. */
struct evaluations {
    const struct record *record;
    size_t number; /* of the record */
    const struct grid *grid;
    struct kept_list rows; /* under the labels of the record's series */
    struct index index;    /* of them by labels */
    uint64_t *failed;      /* [words] evaluations that failed, which write nothing */
    size_t nfailed;
    struct ampql_error err; /* why the last of them did */
    size_t last;            /*    and which it is */
    bool was_outrun; /* a sample was not written: there was one of its series and time, or later */
    symbol name, *label, *value; /* [record->nlabels] to be set; an empty value removes */
};

/* grid must outlive it.  err  AMPQL_NOMEM, AMPQL_LIMIT */
enum ampql_code evaluations_init(struct evaluations *out, struct eval *eval,
                                 const struct records *records, size_t record,
                                 const struct grid *grid, struct ampql_error *err);
void evaluations_done(struct evaluations *evaluations);

/* Add a series of the results of all evaluations; the row becomes theirs. Two with the same labels
 * at one time fail that evaluation. Same errors. */
enum ampql_code evaluations_add(struct evaluations *evaluations, struct eval *eval,
                                struct labels labels, struct row *row, struct ampql_error *err);

/* Add a value of evaluation i. Same errors. */
enum ampql_code evaluations_add_value(struct evaluations *evaluations, struct eval *eval,
                                      struct labels labels, size_t i, double v,
                                      struct ampql_error *err);

/* Evaluation i failed. */
void evaluations_fail(struct evaluations *evaluations, size_t i, const struct ampql_error *why);

/* After the last: fail those with too many series, and take away what failed ones gave. */
enum ampql_code evaluations_finish(struct evaluations *evaluations, struct eval *eval,
                                   struct ampql_error *err);

/* Hand each series to `take`, in label order, whole: what the evaluations [n] have written, in the
 * order of their ticks and at one tick of their numbers. A sample that is not newer than the
 * series' last is not written, as in storage; fed->writers says who wrote each.
 *
 *   all       ascending by record; those of one record in any order
 *   matchers  NULL: all series
 *   err       what take returned; AMPQL_CANCELED, AMPQL_TIMEOUT, AMPQL_NOMEM */
typedef enum ampql_code recorded_take(void *payload, const struct fed *fed);
enum ampql_code recorded_each(struct eval *eval, const struct records *records,
                              struct evaluations *const *all, size_t n,
                              struct bound_matchers *matchers, recorded_take *take, void *payload,
                              struct ampql_error *err);

#endif
