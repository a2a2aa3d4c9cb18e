/* What the files of the parser share. Recursive descent; operators by precedence climbing.
 *
 * The first error ends the parse. Prometheus reports the first of all that its table-driven parser
 * collects, so errors must come in its order: a token is looked at only when the grammar needs it,
 * and what an action complains about is said as soon as its rule is complete. */
#ifndef AMPQL_SRC_LANG_PARSE_H
#define AMPQL_SRC_LANG_PARSE_H

#include "base/array.h"
#include "lang/frame.h"
#include "lang/lexer.h"
#include "lang/parser.h"

struct parser {
    struct lexer lexer;
    struct token token; /* the next one, when has_token */
    bool has_token;
    bool is_prom2;
    const struct parse_options *options;
    struct arena *arena;
    struct ampql_error *err;
    size_t depth, max_depth; /* of the recursion */
    size_t aggregations;     /* open: an unexpected token in one is "in aggregation" */
    size_t noperators;       /* of the whole expression */
    size_t nterms;           /* of the duration expression being read */
    size_t last_end;         /* end of the last token taken */
};

/* What was being read, and what would have fitted, for an unexpected token. */
struct expected {
    const char *where, *what; /* either may be NULL */
};

/* ---- parser.c */

/* Look at the next token: p->token. err  of the lexer */
enum ampql_code parser_peek(struct parser *p);

/* Take the token that was looked at. */
struct token parser_take(struct parser *p);

static inline bool token_is(const struct parser *p, enum token_kind kind)
{
    return p->token.kind == kind;
}

static inline bool keyword_is(const struct parser *p, enum keyword_value value)
{
    return (p->token.kind == TOKEN_KEYWORD || p->token.kind == TOKEN_PREPROCESSOR) &&
           p->token.value == value;
}

/* "unexpected TOKEN in WHERE, expected WHAT". */
OWN_FRAME enum ampql_code fail_unexpected(struct parser *p, struct expected expected);

/* The same without a place of its own: only inside an aggregation is that said. */
OWN_FRAME enum ampql_code fail_unexpected_here(struct parser *p);

/* One level deeper, one back. err  AMPQL_LIMIT */
enum ampql_code parser_enter(struct parser *p);
void parser_leave(struct parser *p);
enum ampql_code fail_too_deep(struct parser *p);

/* A node above left and right, which may be NULL. err  AMPQL_LIMIT: too high; AMPQL_NOMEM */
enum ampql_code parser_node(struct parser *p, enum ast_kind kind, struct span span,
                            const struct ast *left, const struct ast *right, struct ast **out);

/* A copy of s in the arena. */
enum ampql_code parser_copy(struct parser *p, struct str s, struct str *out);

/* May the token begin an expression? */
bool begins_expr(const struct parser *p);

/* operand := unary | (number | string | paren | aggregate | call | selector) suffix */
enum ampql_code parse_operand(struct parser *p, struct ast **out);

/* ---- parse_operator.c */

/* expr := operand {op modifiers expr}, operators of at least this precedence
 *   err  AMPQL_LIMIT: 65,536 operators */
enum ampql_code parse_binary(struct parser *p, int precedence, struct ast **out);

/* ---- parse_selector.c */

/* selector := name [matchers] | matchers. At the brace, or after a name without one.
 *   name  the token already taken, NULL for a selector that begins with its brace */
enum ampql_code parse_vector_selector(struct parser *p, const struct token *name, struct ast **out);

/* labels := "(" [label {"," label} [","]] ")" */
enum ampql_code parse_labels(struct parser *p, struct names *out);

/* A string token's bytes, without quotes and escapes. */
enum ampql_code parser_unquote(struct parser *p, struct str text, struct str *out);

/* ---- parse_number.c */

/* number := NUMBER | DURATION, taken already: its value, of a duration in seconds. */
enum ampql_code parse_number(struct parser *p, const struct token *token, double *out);

/* DURATION, taken already, in ms. */
enum ampql_code parse_duration_literal(struct parser *p, const struct token *token, int64_t *out);

/* ---- parse_duration.c */

/* suffix := {"[" duration "]" | "[" duration ":" [duration] "]" | "offset" duration | "@" time}
 * after *node, which it changes or replaces. */
enum ampql_code parse_suffixes(struct parser *p, struct ast **node);

#endif
