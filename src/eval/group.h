/* Finding the group, or match key, that a series belongs to: once a series, never a step. */
#ifndef AMPQL_SRC_EVAL_GROUP_H
#define AMPQL_SRC_EVAL_GROUP_H

#include "base/index.h"
#include "eval/eval.h"

/* Which labels make the key. */
struct grouping {
    symbol *names; /* [n] */
    size_t n;
    size_t nlisted; /* of them in the query, when is_without: then __name__ and what goes with it */
    bool is_without; /* all labels but these */
};

/* Groups are numbered in order of first sight. */
struct groups {
    struct grouping grouping;
    struct index index;
    struct {
        ARRAY(struct labels);
    } keys;
};

/* Bind names to the run's symbols.
 *   err  AMPQL_NOMEM */
enum ampql_code groups_init(struct groups *groups, struct eval *eval, struct names names,
                            bool is_without, struct ampql_error *err);
void groups_done(struct groups *groups);

/* The group of a series, new ones included; *is_new says so.
 *   err  AMPQL_NOMEM */
enum ampql_code groups_find(struct groups *groups, struct eval *eval, struct labels labels,
                            size_t *out, bool *is_new, struct ampql_error *err);

#endif
