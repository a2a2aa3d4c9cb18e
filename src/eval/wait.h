/* Series that wait until all have come. */
#ifndef AMPQL_SRC_EVAL_WAIT_H
#define AMPQL_SRC_EVAL_WAIT_H

#include "eval/eval.h"

/* Copy a series to those of a leaf that has `waiting`: what its windows can see of it.
 *   err  AMPQL_LIMIT, AMPQL_NOMEM */
enum ampql_code wait_add(struct eval *eval, const struct leaf *leaf, const struct fed *fed,
                         struct ampql_error *err);

/* In label order. */
void wait_sort(struct eval *eval, struct fed_list *waiting);

#endif
