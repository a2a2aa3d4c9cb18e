/* Types of a parsed expression, and what is wrong with them. */
#ifndef AMPQL_SRC_LANG_TYPECHECK_H
#define AMPQL_SRC_LANG_TYPECHECK_H

#include "base/alloc.h"
#include "base/error.h"
#include "lang/ast.h"

/* Set type and is_invariant of each node, make set operators many-to-many, and drop the matching of
 * operators with a scalar side. The tree's height bounds the recursion.
 *
 *   alc  for regexes, freed before it returns
 *   err  AMPQL_PARSE, what Prometheus says first, with the span of the node it means; AMPQL_LIMIT,
 *        AMPQL_NOMEM */
enum ampql_code typecheck(struct ast *ast, enum ampql_dialect dialect,
                          const struct ampql_allocator *alc, struct ampql_error *err);

#endif
