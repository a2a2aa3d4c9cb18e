/* What the runner must know of an expression: what it selects, and its form with @ everywhere. */
#ifndef AMPQL_SRC_TOOL_EXPRESSION_H
#define AMPQL_SRC_TOOL_EXPRESSION_H

#include "base/arena.h"
#include "lang/parser.h"

/* A parsed expression, in an arena. */
struct expression {
    struct ast *ast;
    const struct matchers *selectors; /* [nselectors] */
    size_t nselectors;
};

/* Parse, and find the selectors.
 *   experimental  as parse_expr: what an engine compiled parses again only with its own setting, as
 *                 a name with a colon in by() does not with the other
 *   err           as parse_expr */
enum ampql_code expression_parse(struct str text, enum ampql_dialect dialect, bool experimental,
                                 struct arena *arena, struct expression *out,
                                 struct ampql_error *err);

/* Does a selector of the expression match a label set [nlabels]? A regex that does not compile
 * matches nothing. */
bool expression_selects(const struct expression *expression, const struct ampql_label *labels,
                        size_t nlabels, enum ampql_dialect dialect);

/* May a selector read a series of which these labels [nlabels] are known, and no more? */
bool selector_allows(struct matchers matchers, const struct ampql_label *labels, size_t nlabels,
                     enum ampql_dialect dialect);

/* Fix every selector and subquery that is not fixed yet to the time t, except inside fixed
 * subqueries, and print: the value must then be the same at all times. Changes the tree.
 *   out  empty when a function in it reads the evaluation time
 *   err  AMPQL_NOMEM */
enum ampql_code expression_fix(struct expression *expression, int64_t t_ms, struct arena *arena,
                               struct str *out, struct ampql_error *err);

#endif
