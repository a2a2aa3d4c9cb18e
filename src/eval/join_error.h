/* Why a join fails, in Prometheus's words. */
#ifndef AMPQL_SRC_EVAL_JOIN_ERROR_H
#define AMPQL_SRC_EVAL_JOIN_ERROR_H

#include "eval/group.h"
#include "eval/stage.h"

/* A side of a join as it was before any pair was made. */
struct join_side {
    const struct kept_list *rows; /* their labels; the rows themselves may be gone */
    const size_t *key;            /* [rows.n] */
    uint64_t *const *present;     /* [rows.n][words] steps at which each has a value */
    const uint64_t *any;          /* [words] steps at which one has */
};

struct join_error {
    struct stage *stage;
    struct join_side many, one;
    const struct grouping *grouping; /* of the matching labels */
    size_t nkeys;
    const struct labels *keys;  /* [nkeys] the matching labels, which stand for what is filled in */
    bool is_swapped;            /* the one side is the left one */
    bool fills_many, fills_one; /* what a side lacks is filled in */
    /* The labels of a pair's result, in the temp arena; at is NULL when memory is out. */
    struct labels (*result)(struct stage *stage, struct labels many, struct labels one);
};

/* A join of the newest dialect that fails: go through it step by step as Prometheus does, up to the
 * first step that fails.
 *   err  AMPQL_EXECUTION, in stage_err; what is there already when no step fails. AMPQL_NOMEM */
enum ampql_code join_explain(const struct join_error *join);

#endif
