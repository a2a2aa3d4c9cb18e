/* PromQL text to a typed tree. */
#ifndef AMPQL_SRC_LANG_PARSER_H
#define AMPQL_SRC_LANG_PARSER_H

#include "base/arena.h"
#include "base/error.h"
#include "lang/ast.h"

struct parse_options {
    signature_finder find_function;
    enum ampql_dialect dialect; /* name rules and messages; prom3 when 0 */
    bool experimental;          /* accept experimental functions, aggregations and modifiers; names
                                   with letters beyond ASCII and dots inside need no quotes */
    size_t max_bytes;           /* of text; 0: 1 MiB */
    size_t max_depth;           /* of the tree, see struct ast; 0: 256 */
};

/* Parse and type-check one expression. The tree and its strings are in the arena; text is not
 * referred to afterwards. err  AMPQL_PARSE with a span: what Prometheus says without its "LINE:COL:
 * parse error: "; AMPQL_LIMIT: text too long, tree too deep, more than 65,536 operators or a regex
 * too large; AMPQL_UNSUPPORTED: the native histograms' operators </ and >/, functions known by name
 * only; AMPQL_NOMEM. An error leaves *out alone. */
enum ampql_code parse_expr(struct str text, const struct parse_options *options,
                           struct arena *arena, struct ast **out, struct ampql_error *err);

/* Parse a bare selector such as `up{job="a"}`, without range, offset or @: for files that name the
 * series they hold. Same errors. */
enum ampql_code parse_selector(struct str text, const struct parse_options *options,
                               struct arena *arena, struct matchers *out, struct ampql_error *err);

/* Line and column, both from 1, the column in bytes, of a byte offset. */
void text_position(struct str text, size_t offset, size_t *line, size_t *column);

#endif
