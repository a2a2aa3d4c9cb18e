/* What may follow an operand: ranges, subqueries, offset, @; and duration expressions. */
#include "lang/parse.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>

/* Prometheus holds durations as int64 nanoseconds. */
#define MAX_SECONDS (0x1p63 / 1e9)

/* ---- duration expressions (3.x) */

static enum ampql_code parse_time(struct parser *p, int precedence, struct expected expected,
                                  struct ast_time_expr **out);

static enum ampql_code new_time(struct parser *p, enum time_expr_kind kind, struct span span,
                                struct ast_time_expr **out)
{
    if (++p->nterms > p->max_depth) /* bounds the depth too, and durations are short */
        return fail_at(p->err, AMPQL_LIMIT, span.start, span.end,
                       "the duration has more than %zu terms", p->max_depth);
    *out = arena_new(p->arena, struct ast_time_expr);
    if (!*out)
        return fail_nomem(p->err, "a duration");
    (*out)->kind = kind;
    (*out)->span = span;
    return AMPQL_OK;
}

static enum ampql_code check_seconds(struct parser *p, double seconds, struct span span)
{
    if (!(fabs(seconds) < MAX_SECONDS)) /* NaN too */
        return fail_at(p->err, AMPQL_PARSE, span.start, span.end, "duration out of range");
    return AMPQL_OK;
}

static bool is_sign(const struct parser *p)
{
    return token_is(p, TOKEN_OPERATOR) && (p->token.value == OP_ADD || p->token.value == OP_SUB);
}

/* literal := NUMBER | DURATION, at the token */
static enum ampql_code parse_time_literal(struct parser *p, struct ast_time_expr **out)
{
    struct token token = parser_take(p);
    double seconds;
    TRY(parse_number(p, &token, &seconds));
    TRY(check_seconds(p, seconds, token.span));
    TRY(new_time(p, TIME_LITERAL, token.span, out));
    (*out)->seconds = seconds;
    (*out)->is_duration = token.kind == TOKEN_DURATION;
    return AMPQL_OK;
}

/* Take a token of this kind or fail. */
static enum ampql_code expect(struct parser *p, enum token_kind kind, struct expected expected)
{
    TRY(parser_peek(p));
    if (!token_is(p, kind))
        return fail_unexpected(p, expected);
    parser_take(p);
    return AMPQL_OK;
}

/* call := ("step"|"range") "(" ")" | ("min_of"|"max_of") "(" time "," time ")", at the word */
static enum ampql_code parse_time_call(struct parser *p, struct expected expected,
                                       struct ast_time_expr **out)
{
    struct token word = parser_take(p);
    TRY(new_time(p,
                 word.value == KEYWORD_STEP     ? TIME_STEP
                 : word.value == KEYWORD_RANGE  ? TIME_RANGE
                 : word.value == KEYWORD_MIN_OF ? TIME_MIN
                                                : TIME_MAX,
                 word.span, out));
    TRY(expect(p, TOKEN_LEFT_PAREN, expected));
    if ((*out)->kind == TIME_MIN || (*out)->kind == TIME_MAX) {
        TRY(parse_time(p, 1, expected, &(*out)->lhs));
        TRY(expect(p, TOKEN_COMMA, expected));
        TRY(parse_time(p, 1, expected, &(*out)->rhs));
    }
    TRY(expect(p, TOKEN_RIGHT_PAREN, expected));
    (*out)->span.end = p->last_end;
    return AMPQL_OK;
}

/* "(" time ")", at the parenthesis */
static enum ampql_code parse_time_paren(struct parser *p, struct expected expected,
                                        struct ast_time_expr **out)
{
    size_t start = parser_take(p).span.start;
    TRY(parse_time(p, 1, expected, out));
    TRY(expect(p, TOKEN_RIGHT_PAREN, expected));
    (*out)->is_paren = true;
    (*out)->span = (struct span){start, p->last_end};
    return AMPQL_OK;
}

/* Put a sign before *e. A signed literal is a literal, a plus is nothing. */
static enum ampql_code sign_time(struct parser *p, const struct token *sign,
                                 struct ast_time_expr **e)
{
    struct ast_time_expr *inner = *e;
    if (sign->value == OP_ADD) {
        inner->span.start = inner->is_paren ? inner->span.start : sign->span.start;
        return AMPQL_OK;
    }
    if (inner->kind == TIME_LITERAL && !inner->is_paren) {
        inner->seconds = -inner->seconds;
        inner->span.start = sign->span.start;
        return AMPQL_OK;
    }
    TRY(new_time(p, TIME_UNARY_MINUS, (struct span){sign->span.start, inner->span.end}, e));
    (*e)->lhs = inner;
    return AMPQL_OK;
}

static bool is_time_word(const struct parser *p)
{
    return token_is(p, TOKEN_PREPROCESSOR) && p->token.value >= KEYWORD_STEP;
}

/* term := literal | call | "(" time ")", at its first token */
static enum ampql_code parse_time_term(struct parser *p, struct expected expected,
                                       struct ast_time_expr **out)
{
    if (token_is(p, TOKEN_NUMBER) || token_is(p, TOKEN_DURATION))
        return parse_time_literal(p, out);
    if (is_time_word(p))
        return parse_time_call(p, expected, out);
    if (token_is(p, TOKEN_LEFT_PAREN))
        return parse_time_paren(p, expected, out);
    return fail_unexpected(p, expected);
}

/* factor := term | ("+"|"-") factor {"^" ...} */
static enum ampql_code parse_time_factor(struct parser *p, struct expected expected,
                                         struct ast_time_expr **out)
{
    TRY(parser_peek(p));
    if (!is_sign(p))
        return parse_time_term(p, expected, out);
    struct token sign = parser_take(p);
    TRY(parse_time(p, op_info[OP_MUL].precedence + 1, expected, out));
    return sign_time(p, &sign, out);
}

/* Is the next token an operator of a duration, of at least this precedence? */
static bool is_time_op(const struct parser *p, int precedence)
{
    if (!token_is(p, TOKEN_OPERATOR) || op_info[p->token.value].kind != OP_KIND_ARITHMETIC ||
        p->token.value == OP_ATAN2)
        return false;
    return op_info[p->token.value].precedence >= precedence;
}

/* op time behind *lhs, which becomes the whole; at the operator */
static enum ampql_code parse_time_right(struct parser *p, struct expected expected,
                                        struct ast_time_expr **lhs)
{
    struct token token = parser_take(p);
    const struct op_info *info = &op_info[token.value];
    struct ast_time_expr *left = *lhs, *right;
    TRY(parse_time(p, info->is_right ? info->precedence : info->precedence + 1, expected, &right));
    bool by_zero = right->kind == TIME_LITERAL && right->seconds == 0;
    if (by_zero && (token.value == OP_DIV || token.value == OP_MOD))
        return fail_at(p->err, AMPQL_PARSE, token.span.start, token.span.end, "%s by zero",
                       token.value == OP_DIV ? "division" : "modulo");
    TRY(new_time(p, TIME_BINARY, (struct span){left->span.start, right->span.end}, lhs));
    (*lhs)->op = token.value;
    (*lhs)->lhs = left;
    (*lhs)->rhs = right;
    return AMPQL_OK;
}

/* {op time}, operators of at least this precedence, behind *out */
static enum ampql_code parse_time_ops(struct parser *p, int precedence, struct expected expected,
                                      struct ast_time_expr **out)
{
    TRY(parser_peek(p));
    while (is_time_op(p, precedence)) {
        TRY(parse_time_right(p, expected, out));
        TRY(parser_peek(p));
    }
    return AMPQL_OK;
}

/* time := factor {op time}, operators of at least this precedence */
static enum ampql_code parse_time(struct parser *p, int precedence, struct expected expected,
                                  struct ast_time_expr **out)
{
    struct ast_time_expr *e = NULL;
    TRY(parser_enter(p));
    TRY(parse_time_factor(p, expected, &e));
    TRY(parse_time_ops(p, precedence, expected, &e));
    parser_leave(p);
    *out = e;
    return AMPQL_OK;
}

/* An expression as a duration: a literal becomes ms, rounded to ns and cut to ms as Prometheus
 * does. In parentheses it is an expression, which prints so and may be 0 until it is evaluated. */
static void settle(struct ast_time_expr *e, struct ast_duration *out)
{
    *out = (struct ast_duration){.expr = e};
    if (e->kind != TIME_LITERAL || e->is_paren)
        return;
    double ns = round(e->seconds * 1e9);
    out->ms = ns >= 0x1p63 ? INT64_MAX / 1000000 : (int64_t)ns / 1000000;
    out->expr = NULL;
}

/* ---- ranges and subqueries */

/* What the messages expect, which is all that 2.42 lacks of the newer grammar here. */
static struct expected in_brackets(const struct parser *p)
{
    return p->is_prom2 ? (struct expected){"subquery selector", "duration"}
                       : (struct expected){"subquery or range selector",
                                           "number, duration, step(), or range()"};
}

static struct expected behind_colon(const struct parser *p)
{
    return (struct expected){"subquery selector",
                             p->is_prom2 ? "duration or \"]\""
                                         : "number, duration, step(), range(), or \"]\""};
}

static struct expected in_offset(const struct parser *p)
{
    return (struct expected){"offset",
                             p->is_prom2 ? "duration" : "number, duration, step(), or range()"};
}

/* DURATION, which is all there is in 2.42 */
static enum ampql_code parse_plain_duration(struct parser *p, struct expected expected,
                                            struct ast_duration *out)
{
    TRY(parser_peek(p));
    if (!token_is(p, TOKEN_DURATION))
        return fail_unexpected(p, expected);
    struct token token = parser_take(p);
    *out = (struct ast_duration){0};
    return parse_duration_literal(p, &token, &out->ms);
}

/* duration := time, > 0 */
static enum ampql_code parse_positive(struct parser *p, struct expected expected,
                                      struct ast_duration *out)
{
    struct ast_time_expr *e;
    if (p->is_prom2)
        return parse_plain_duration(p, expected, out);
    p->nterms = 0;
    TRY(parse_time(p, 1, expected, &e));
    settle(e, out);
    if (!out->expr && out->ms <= 0)
        return fail_at(p->err, AMPQL_PARSE, e->span.start, e->span.end,
                       "duration must be greater than 0");
    return AMPQL_OK;
}

/* "[" and "]" have been read: *node becomes a range selector. */
static enum ampql_code set_range(struct parser *p, struct ast *node, size_t bracket,
                                 const struct ast_duration *range)
{
    const char *why = NULL;
    struct ast_selector *s = &node->u.selector;
    if (node->kind != AST_SELECTOR || s->has_range)
        why = "ranges only allowed for vector selectors";
    else if (s->offset.ms != 0 || s->offset.expr)
        why = "no offset modifiers allowed before range";
    else if (s->at.kind == AT_TIME || (s->at.kind != AT_NONE && !p->is_prom2))
        why = "no @ modifiers allowed before range";
    if (why)
        return fail_at(p->err, AMPQL_PARSE, bracket, p->last_end, "%s", why);
    s->has_range = true;
    s->range = *range;
    node->span.end = p->last_end;
    return AMPQL_OK;
}

/* step := [duration] "]", behind the colon */
static enum ampql_code parse_step(struct parser *p, struct ast_subquery *out)
{
    TRY(parser_peek(p));
    if (!token_is(p, TOKEN_RIGHT_BRACKET)) {
        out->has_step = true;
        TRY(parse_positive(p, behind_colon(p), &out->step));
    }
    return expect(p, TOKEN_RIGHT_BRACKET, (struct expected){"subquery selector", "\"]\""});
}

/* "[" duration "]" | "[" duration ":" step, at the bracket */
static enum ampql_code parse_brackets(struct parser *p, struct ast **node)
{
    size_t bracket = parser_take(p).span.start;
    struct ast_subquery subquery = {.expr = *node};
    TRY(parse_positive(p, in_brackets(p), &subquery.range));
    TRY(parser_peek(p));
    if (token_is(p, TOKEN_RIGHT_BRACKET)) {
        parser_take(p);
        return set_range(p, *node, bracket, &subquery.range);
    }
    TRY(expect(p, TOKEN_COLON, (struct expected){"subquery or range", "\":\" or \"]\""}));
    TRY(parse_step(p, &subquery));
    TRY(parser_node(p, AST_SUBQUERY, (struct span){subquery.expr->span.start, p->last_end},
                    subquery.expr, NULL, node));
    (*node)->u.subquery = subquery;
    return AMPQL_OK;
}

/* ---- offset */

/* offset := ["+"|"-"] (literal | call | "(" time ")") | "(" time ")" {op time}, behind "offset".
 *
 * `x offset 5m + 3` adds to x; only a parenthesis in front makes what follows part of the offset.
 */
static enum ampql_code parse_offset_time(struct parser *p, struct ast_time_expr **out)
{
    struct expected expected = in_offset(p);
    p->nterms = 0;
    TRY(parser_peek(p));
    if (is_sign(p)) {
        struct token sign = parser_take(p);
        TRY(parser_peek(p));
        TRY(is_sign(p) ? parse_time(p, op_info[OP_MUL].precedence + 1, expected, out)
                       : parse_time_term(p, expected, out));
        return sign_time(p, &sign, out);
    }
    bool is_open = token_is(p, TOKEN_LEFT_PAREN);
    TRY(parse_time_term(p, expected, out));
    return is_open ? parse_time_ops(p, 1, expected, out) : AMPQL_OK;
}

/* offset of 2.42 := ["-"] DURATION */
static enum ampql_code parse_offset_prom2(struct parser *p, struct ast_duration *out)
{
    TRY(parser_peek(p));
    bool is_minus = is_sign(p) && p->token.value == OP_SUB;
    if (is_minus)
        parser_take(p);
    TRY(parse_plain_duration(p, in_offset(p), out));
    out->ms = is_minus ? -out->ms : out->ms;
    return AMPQL_OK;
}

/* Where the offset and @ of a node are; NULL when it can have none. */
static struct ast_duration *offset_of(struct ast *node)
{
    return node->kind == AST_SELECTOR   ? &node->u.selector.offset
           : node->kind == AST_SUBQUERY ? &node->u.subquery.offset
                                        : NULL;
}

static struct at *at_of(struct ast *node)
{
    return node->kind == AST_SELECTOR   ? &node->u.selector.at
           : node->kind == AST_SUBQUERY ? &node->u.subquery.at
                                        : NULL;
}

static enum ampql_code fail_node(struct parser *p, const struct ast *node, const char *why)
{
    return fail_at(p->err, AMPQL_PARSE, node->span.start, node->span.end, "%s", why);
}

#define MUST_FOLLOW                                                                                \
    " modifier must be preceded by an instant vector selector or range vector selector or a "      \
    "subquery"

/* "offset" ..., at the word */
static enum ampql_code parse_offset(struct parser *p, struct ast *node)
{
    struct ast_duration offset, *to = offset_of(node);
    parser_take(p);
    if (p->is_prom2) {
        TRY(parse_offset_prom2(p, &offset));
    } else {
        struct ast_time_expr *e;
        TRY(parse_offset_time(p, &e));
        settle(e, &offset);
    }
    if (!to)
        return fail_node(p, node, "offset" MUST_FOLLOW);
    if (to->ms != 0 || to->expr) /* as there, a zero offset does not count */
        return fail_node(p, node, "offset may not be set multiple times");
    *to = offset;
    node->span.end = p->last_end;
    return AMPQL_OK;
}

/* ---- @ */

static enum ampql_code fail_timestamp(struct parser *p, const struct ast *node, double seconds)
{
    char text[NUMBER_MAX + 8];
    if (isnan(seconds))
        snprintf(text, sizeof text, "NaN");
    else if (isinf(seconds))
        snprintf(text, sizeof text, seconds < 0 ? "-Inf" : "+Inf");
    else /* huge, so an integer: no locale's point shows */
        snprintf(text, sizeof text, "%.0f.000000", seconds);
    return fail_at(p->err, AMPQL_PARSE, node->span.start, node->span.end,
                   "timestamp out of bounds for @ modifier: %s", text);
}

/* ["+"|"-"] (NUMBER | DURATION), behind "@" */
static enum ampql_code parse_at_time(struct parser *p, const struct ast *node, struct at *out)
{
    struct expected expected = {"@", "timestamp"};
    double seconds;
    bool is_minus = is_sign(p) && p->token.value == OP_SUB;
    if (is_sign(p)) {
        parser_take(p);
        TRY(parser_peek(p));
    }
    if (!token_is(p, TOKEN_NUMBER) && (!token_is(p, TOKEN_DURATION) || p->is_prom2))
        return fail_unexpected(p, expected);
    struct token token = parser_take(p);
    TRY(parse_number(p, &token, &seconds));
    seconds = is_minus ? -seconds : seconds;
    /* Prometheus allows a thousand times more and wraps; so far from any sample both find nothing
     */
    if (!(fabs(seconds) < 0x1p63 / 1000))
        return fail_timestamp(p, node, seconds);
    *out = (struct at){AT_TIME, (int64_t)round(seconds * 1000)};
    return AMPQL_OK;
}

/* ("start"|"end") "(" ")" | time, behind "@" */
static enum ampql_code parse_at_value(struct parser *p, const struct ast *node, struct at *out)
{
    struct expected expected = {"@", "timestamp"};
    TRY(parser_peek(p));
    if (!keyword_is(p, KEYWORD_START) && !keyword_is(p, KEYWORD_END))
        return parse_at_time(p, node, out);
    out->kind = keyword_is(p, KEYWORD_START) ? AT_START : AT_END;
    out->ms = 0;
    parser_take(p);
    TRY(expect(p, TOKEN_LEFT_PAREN, expected));
    return expect(p, TOKEN_RIGHT_PAREN, expected);
}

/* "@" ..., at the sign */
static enum ampql_code parse_at(struct parser *p, struct ast *node)
{
    struct at at, *to = at_of(node);
    parser_take(p);
    TRY(parse_at_value(p, node, &at));
    if (!to)
        return fail_node(p, node, "@" MUST_FOLLOW);
    if (to->kind != AT_NONE)
        return fail_node(p, node, "@ <timestamp> may not be set multiple times");
    *to = at;
    node->span.end = p->last_end;
    return AMPQL_OK;
}

/* "anchored" | "smoothed", at the word */
static enum ampql_code parse_extension(struct parser *p, struct ast *node)
{
    bool is_anchored = parser_take(p).value == KEYWORD_ANCHORED;
    enum extension wanted = is_anchored ? EXTENSION_ANCHORED : EXTENSION_SMOOTHED;
    if (node->kind == AST_SUBQUERY)
        return fail_node(p, node,
                         is_anchored ? "anchored modifier is not supported for subqueries"
                                     : "smoothed modifier is not supported for subqueries");
    if (node->kind != AST_SELECTOR)
        return fail_node(p, node,
                         is_anchored ? "anchored modifier not implemented"
                                     : "smoothed modifier not implemented");
    enum extension *extension = &node->u.selector.extension;
    if (*extension != EXTENSION_NONE && *extension != wanted)
        return fail_node(p, node, "anchored and smoothed modifiers cannot be used together");
    *extension = wanted; /* the node ends before the word, as messages of Prometheus have it */
    return AMPQL_OK;
}

enum ampql_code parse_suffixes(struct parser *p, struct ast **node)
{
    for (;;) {
        TRY(parser_peek(p));
        if (token_is(p, TOKEN_LEFT_BRACKET))
            TRY(parse_brackets(p, node));
        else if (keyword_is(p, KEYWORD_OFFSET))
            TRY(parse_offset(p, *node));
        else if (token_is(p, TOKEN_AT))
            TRY(parse_at(p, *node));
        else if (keyword_is(p, KEYWORD_ANCHORED) || keyword_is(p, KEYWORD_SMOOTHED))
            TRY(parse_extension(p, *node));
        else
            return AMPQL_OK;
    }
}
