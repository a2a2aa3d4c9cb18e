/* Stages: what a plan node becomes in a run. Rows arrive slot by slot and leave upward. */
#ifndef AMPQL_SRC_EVAL_STAGE_H
#define AMPQL_SRC_EVAL_STAGE_H

#include "base/index.h"
#include "eval/eval.h"
#include "eval/function.h"

struct stage;

/* What an operator does. One that only changes rows has `pass` instead of push and own.
 *   push     a row of child `slot`; row and labels are borrowed, the row may be changed in place
 *   own      the same, and the row is the stage's to keep (a row of eval_take; it is emptied); may
 *            be NULL: then push, and the sender gives the row back
 *   pass     a row of the only child that streams: change row and labels in place and say that it
 *            goes on upward, or leave *goes_on false when nothing is left of it, or it was kept
 *   close    child `slot` has no more rows; may be NULL
 *   finish   no child has; emit what is left, before the operator above is told; may be NULL
 *   release  free what is not in an arena or pool; may be NULL */
struct stage_kind {
    enum ampql_code (*push)(struct stage *stage, size_t slot, struct labels labels,
                            struct row *row);
    enum ampql_code (*own)(struct stage *stage, size_t slot, struct labels labels, struct row *row);
    enum ampql_code (*pass)(struct stage *stage, struct labels *labels, struct row *row,
                            bool *goes_on);
    enum ampql_code (*close)(struct stage *stage, size_t slot);
    enum ampql_code (*finish)(struct stage *stage);
    void (*release)(struct stage *stage);
};

struct stage {
    const struct stage_kind *kind;
    const struct node *node;
    struct eval *eval;
    struct eval_query *query;
    struct stage *above; /* NULL at the root */
    size_t slot;         /* which child of the one above this is */
    size_t nopen;        /* children that have not ended */
    bool is_leaf;        /* ends when its select does, not when its parameters have come */
    bool is_dead;        /* it failed: rows no longer reach it, and nothing above it ends */
    struct stage *next;  /* in eval.ops */

    /* Scalar parameters, gathered before rows stream: params [nparams], is_param [nchild]. Rows
     * that come too early wait in `early`. */
    struct row *params;
    size_t nparams, nwaiting;
    bool *is_param;
    struct kept_list early;
    bool ended_early;
    bool had_metadata; /* a series lost __type__ or __unit__ here, or may equal one that does */
};

/* The start of each operator's struct; size is of the whole. NULL when memory is out. */
struct stage *stage_new(struct eval_query *query, const struct stage_kind *kind,
                        const struct node *node, size_t size);

/* A stage's function gave `code`, with the error in stage_err. A failure of evaluation does not end
 * the query at once: of several, Prometheus names the one that it comes to first, and here rows may
 * come in another order. So the stage is dead, the earliest failure is remembered, and the answer
 * is AMPQL_OK. Other codes are handed back. */
enum ampql_code stage_settle(struct stage *stage, enum ampql_code code);

/* The same of what Prometheus checks before it evaluates the operands. */
enum ampql_code stage_settle_early(struct stage *stage, enum ampql_code code);

/* Are a node's arguments checked before its operands are evaluated? Not in a subquery without a
 * point. */
bool stage_is_checked(const struct node *node);

/* Say that child slots [first, nchild) other than `stream` are scalar parameters. */
enum ampql_code stage_expect_params(struct stage *stage, size_t nchild, size_t stream);

/* Send a row up. */
enum ampql_code stage_emit(struct stage *stage, struct labels labels, struct row *row);

/* Send a row of eval_take up for good: kept above without a copy, or given back. */
enum ampql_code stage_emit_own(struct stage *stage, struct labels labels, struct row *row);

/* Finish, and tell the operator above that no more rows will come. For leaves and constants; others
 * finish by themselves when their last child has. */
enum ampql_code stage_complete(struct stage *stage);

/* Keep samples as a series of the query's result; none is no series. */
enum ampql_code stage_keep_samples(struct stage *stage, struct labels labels,
                                   const struct samples *samples);

/* The labels without __name__, and in prom3 without __type__ and __unit__, which go with it; in the
 * temp arena. at is NULL when memory is out. */
struct labels stage_without_name(struct stage *stage, struct labels labels);

/* The same, unless names go at the end: then only the mark that they will. */
struct labels stage_drop_name(struct stage *stage, struct labels labels);

static inline struct ampql_error *stage_err(struct stage *stage)
{
    return &stage->query->err;
}

/* So many values are about to be looked at, of a series or a step: may this go on?
 *   err  AMPQL_CANCELED, AMPQL_TIMEOUT */
static inline enum ampql_code stage_polls(struct stage *stage, size_t n)
{
    enum { EACH = 64 }; /* what a series costs besides its values: labels, hashes, calls */
    return poll_work(&stage->eval->poll, n + EACH, stage_err(stage));
}

/* ---- series that must have unique labels */

/* Rows by labels, for operators that can make two series equal. */
struct unique {
    struct kept_list rows;
    struct index index;
};

enum unique_rule {
    UNIQUE_STEPS,  /* equal labels merge where their steps do not overlap, otherwise fail */
    UNIQUE_SERIES, /* equal labels fail */
    UNIQUE_LATER   /* equal labels stay apart */
};

/* Of operators that work step by step. Where names go at the end, Prometheus does not look at the
 * labels of one step that is a query of its own: only the result must not have any twice. */
enum unique_rule stage_step_rule(const struct stage *stage);

/* Of range functions and unary minus: 2.42 refuses equal labels even when the series never meet. */
enum unique_rule stage_range_rule(const struct stage *stage);

void unique_init(struct unique *unique, struct eval *eval);
void unique_done(struct unique *unique);

/* err  AMPQL_EXECUTION "vector cannot contain metrics with the same labelset" */
enum ampql_code unique_add(struct unique *unique, struct stage *stage, struct labels labels,
                           const struct row *row, enum unique_rule rule);

/* Emit all, in order of first sight. */
enum ampql_code unique_emit(struct unique *unique, struct stage *stage);

/* ---- makers, one for each file of operators; NULL when memory is out or query->err is set */

struct stage *stage_instant(struct eval_query *query, const struct node *node);
struct stage *stage_range(struct eval_query *query, const struct node *node);
struct stage *stage_samples(struct eval_query *query, const struct node *node);
struct stage *stage_subquery(struct eval_query *query, const struct node *node);
struct stage *stage_subquery_samples(struct eval_query *query, const struct node *node);
struct stage *stage_constant(struct eval_query *query, const struct node *node);
struct stage *stage_broadcast(struct eval_query *query, const struct node *node);
struct stage *stage_map(struct eval_query *query, const struct node *node);
struct stage *stage_negate(struct eval_query *query, const struct node *node);
struct stage *stage_scalars(struct eval_query *query, const struct node *node);
struct stage *stage_vector_scalar(struct eval_query *query, const struct node *node);
struct stage *stage_join(struct eval_query *query, const struct node *node);
struct stage *stage_set(struct eval_query *query, const struct node *node);
struct stage *stage_aggregate(struct eval_query *query, const struct node *node);
struct stage *stage_call(struct eval_query *query, const struct node *node);
struct stage *stage_absent(struct eval_query *query, const struct node *node);
struct stage *stage_result(struct eval_query *query, const struct node *root);

/* Leaves take series instead of rows.
 *
 *   series   on the run's thread
 *   compute  of those that need nothing but the series at hand: its row, on any thread, one a hand;
 *            row is cleared. err in hand->err. NULL: only `series` will do
 *   commit   and what `series` does after that, on the run's thread: row may be changed */
struct leaf_stage {
    struct stage stage;
    enum ampql_code (*series)(struct leaf_stage *leaf, const struct fed *fed);
    enum ampql_code (*compute)(const struct leaf_stage *leaf, struct eval_hand *hand,
                               const struct fed *fed, struct row *row);
    enum ampql_code (*commit)(struct leaf_stage *leaf, struct labels labels, struct row *row);
};

/* A thread's room for a leaf's rows, used for series after series. */
struct eval_hand {
    const struct ampql_allocator *alc;
    struct ampql_error *err;
    struct scratch scratch;
    struct params params;
    struct poll poll; /* when it is not the run's */
    struct {
        int64_t *t;
        double *v;
        size_t cap;
    } clean; /* a series without its stale markers */
};

#endif
