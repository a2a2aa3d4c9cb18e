/* What Prometheus 2.42 does with @ that ampql does not do after it. */
#ifndef AMPQL_TESTS_KNOWN_H
#define AMPQL_TESTS_KNOWN_H

#include <stdbool.h>

#include "base/str.h"
#include "lang/ast.h"

struct arena;

/* Part i of an expression that is itself one; NULL past the last. */
const struct ast *known_part(const struct ast *ast, size_t i);

/* Parse as 2.42 does; NULL: refused. */
const struct ast *known_parse(struct str text, struct arena *arena);

/* May 2.42 give something else for this query? All of these are faults that later versions mended,
 * or that need an @ where nobody writes one:
 *
 *   1  a function that has another value at every step, over a range with @, such as
 *      predict_linear(x[5m] @ t, 60) in a range query: 2.42 moves the window on from step to step
 *   2  @ inside of a subquery that has an offset or @ itself: when the subquery's first step is
 *      the query's own, 2.42 is off by that offset
 *   3  timestamp(x offset 5m @ t): 2.42 forgets the offset, but reads only what it selects
 *   4  a subquery as the whole query, of something that is the same at all times, but without
 *      steps: 2.42 gives its next step */
bool known_difference(const struct ast *ast, bool is_range_query);

/* May 2.42 fail where ampql does not? It evaluates a subquery up to the end of the query, or of the
 * subquery around it, although that ends with its last step: values that nobody reads may have
 * two series with the same labels, or two matches. */
bool known_failure(const struct ast *ast, bool is_range_query);

#endif
