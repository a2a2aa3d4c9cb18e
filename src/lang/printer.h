/* The tree as text again: canonical form, which parses to the same tree. */
#ifndef AMPQL_SRC_LANG_PRINTER_H
#define AMPQL_SRC_LANG_PRINTER_H

#include "base/buf.h"
#include "lang/ast.h"

/* One line, as Prometheus's own printer writes it: `sum by (pod) (rate(x[5m]))`. Depth is bounded
 * by the parser. */
void print_expr(struct buf *out, const struct ast *ast);

/* A selector's matchers in braces, the name before them when there is exactly one `__name__=`
 * matcher with a legal name: `up{job="a"}`. */
void print_matchers(struct buf *out, struct matchers matchers);

/* Canonical form over several lines, indented by two spaces, for expressions longer than 100
 * columns. */
void print_expr_pretty(struct buf *out, const struct ast *ast);

#endif
