/* Expressions: operands, calls, aggregations. Operators, selectors and what may follow an operand
 * have files of their own. */
#include "lang/parse.h"

#include "base/quote.h"
#include "lang/typecheck.h"

#include <math.h>
#include <stdio.h>

enum { MAX_BYTES = 1 << 20, MAX_DEPTH = 256 };

/* ---- the machinery */

enum ampql_code parser_peek(struct parser *p)
{
    if (p->has_token)
        return AMPQL_OK;
    TRY(lexer_next(&p->lexer, &p->token, p->err));
    p->has_token = true;
    if (token_is(p, TOKEN_TRIM))
        return fail_at(p->err, AMPQL_UNSUPPORTED, p->token.span.start, p->token.span.end,
                       "operator \"%.*s\" works on native histograms, which are not supported",
                       STR_ARGS(p->token.text));
    return AMPQL_OK;
}

struct token parser_take(struct parser *p)
{
    p->has_token = false;
    p->last_end = p->token.span.end;
    return p->token;
}

enum ampql_code fail_unexpected(struct parser *p, struct expected expected)
{
    char token[TOKEN_TEXT_MAX];
    return fail_at(p->err, AMPQL_PARSE, p->token.span.start, p->token.span.end,
                   "unexpected %s%s%s%s%s",
                   token_describe(token, sizeof token, &p->token, p->is_prom2),
                   expected.where ? " in " : "", expected.where ? expected.where : "",
                   expected.what ? ", expected " : "", expected.what ? expected.what : "");
}

enum ampql_code fail_unexpected_here(struct parser *p)
{
    return fail_unexpected(p, (struct expected){p->aggregations ? "aggregation" : NULL, NULL});
}

enum ampql_code fail_too_deep(struct parser *p)
{
    size_t at = p->has_token ? p->token.span.start : p->lexer.at;
    return fail_at(p->err, AMPQL_LIMIT, at, p->lexer.at,
                   "the expression is nested more than %zu levels deep", p->max_depth);
}

enum ampql_code parser_enter(struct parser *p)
{
    return ++p->depth > p->max_depth ? fail_too_deep(p) : AMPQL_OK;
}

void parser_leave(struct parser *p)
{
    p->depth--;
}

enum ampql_code parser_node(struct parser *p, enum ast_kind kind, struct span span,
                            const struct ast *left, const struct ast *right, struct ast **out)
{
    bool continues_chain = kind == AST_BINARY && left->kind == AST_BINARY;
    uint32_t height = left ? left->height - continues_chain : 0;
    if (right && right->height > height)
        height = right->height;
    if (height >= p->max_depth)
        return fail_too_deep(p);
    struct ast *node = arena_new(p->arena, struct ast);
    if (!node)
        return fail_nomem(p->err, "the syntax tree");
    node->kind = kind;
    node->height = height + 1;
    node->span = span;
    *out = node;
    return AMPQL_OK;
}

enum ampql_code parser_copy(struct parser *p, struct str s, struct str *out)
{
    *out = arena_copy(p->arena, s);
    return out->p ? AMPQL_OK : fail_nomem(p->err, "the syntax tree");
}

/* ---- calls */

bool begins_expr(const struct parser *p)
{
    switch (p->token.kind) {
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_LEFT_PAREN:
    case TOKEN_LEFT_BRACE:
        return true;
    case TOKEN_DURATION:
        return !p->is_prom2;
    case TOKEN_OPERATOR:
        return p->token.names_metric || p->token.value == OP_ADD || p->token.value == OP_SUB;
    default:
        return p->token.names_metric;
    }
}

struct exprs {
    ARRAY(struct ast *);
};

/* args := "(" [expr {"," expr}] ")", at the parenthesis */
static enum ampql_code parse_args(struct parser *p, struct exprs *out)
{
    parser_take(p);
    TRY(parser_peek(p));
    while (!token_is(p, TOKEN_RIGHT_PAREN)) {
        struct ast *arg;
        TRY(parse_binary(p, 1, &arg));
        if (!array_push(out, p->arena, arg))
            return fail_nomem(p->err, "arguments");
        TRY(parser_peek(p));
        if (token_is(p, TOKEN_RIGHT_PAREN))
            break;
        if (!token_is(p, TOKEN_COMMA))
            return fail_unexpected_here(p);
        struct token comma = parser_take(p);
        TRY(parser_peek(p));
        if (!begins_expr(p))
            return fail_at(p->err, AMPQL_PARSE, comma.span.start, comma.span.end,
                           "trailing commas not allowed in function call args");
    }
    parser_take(p);
    return AMPQL_OK;
}

/* The highest of some nodes. */
static const struct ast *highest(const struct exprs *exprs)
{
    const struct ast *high = NULL;
    for (size_t i = 0; i < exprs->n; i++)
        if (!high || exprs->at[i]->height > high->height)
            high = exprs->at[i];
    return high;
}

/* Functions whose standing differs between 2.42 and 3.x. What is experimental in 3.x is unknown to
 * 2.42. */
static bool is_known(const struct parser *p, const struct signature *f)
{
    static const char *const only_prom3[] = {"first_over_time", "histogram_avg", "histogram_stddev",
                                             "histogram_stdvar"};
    if (!p->is_prom2)
        return !f->only_prom2;
    for (size_t i = 0; i < sizeof only_prom3 / sizeof *only_prom3; i++)
        if (strcmp(f->name, only_prom3[i]) == 0)
            return false;
    return !f->experimental;
}

static OWN_FRAME enum ampql_code find_function(struct parser *p, const struct token *name,
                                               const struct signature **out)
{
    char quoted[TOKEN_TEXT_MAX];
    struct str text = name->text;
    const struct signature *f = p->options->find_function ? p->options->find_function(text) : NULL;
    if (!f || !is_known(p, f))
        return fail_at(p->err, AMPQL_PARSE, name->span.start, name->span.end,
                       "unknown function with name %s", quote_text(quoted, sizeof quoted, text));
    if (f->experimental && !p->options->experimental)
        return fail_at(p->err, AMPQL_PARSE, name->span.start, name->span.end,
                       "function %s is not enabled", quote_text(quoted, sizeof quoted, text));
    if (f->is_refused)
        return fail_at(p->err, AMPQL_UNSUPPORTED, name->span.start, name->span.end,
                       "function %s is not supported", quote_text(quoted, sizeof quoted, text));
    *out = f;
    return AMPQL_OK;
}

/* call := name args, at the parenthesis */
static enum ampql_code parse_call(struct parser *p, const struct token *name, struct ast **out)
{
    const struct signature *function = NULL;
    struct exprs args = {0};
    TRY(parse_args(p, &args));
    TRY(find_function(p, name, &function));
    TRY(parser_node(p, AST_CALL, (struct span){name->span.start, p->last_end}, highest(&args), NULL,
                    out));
    (*out)->u.call = (struct ast_call){function, args.at, args.n};
    return AMPQL_OK;
}

/* ---- aggregations */

/* grouping := ("by"|"without") labels, at the keyword */
static enum ampql_code parse_grouping(struct parser *p, struct ast_aggregate *out)
{
    out->is_without = keyword_is(p, KEYWORD_WITHOUT);
    parser_take(p);
    TRY(parse_labels(p, &out->grouping));
    /* by () is the same as nothing, and nothing is what the printer writes */
    out->has_grouping = out->is_without || out->grouping.n > 0;
    return AMPQL_OK;
}

static bool is_grouping(const struct parser *p)
{
    return keyword_is(p, KEYWORD_BY) || keyword_is(p, KEYWORD_WITHOUT);
}

static OWN_FRAME enum ampql_code check_aggregate(struct parser *p, const struct token *op,
                                                 const struct exprs *args)
{
    const struct aggregation_info *info = &aggregation_info[op->value];
    size_t wanted = info->param == VALUE_NONE ? 1 : 2;
    size_t start = op->span.start, end = p->last_end;
    if (args->n == 0)
        return fail_at(p->err, AMPQL_PARSE, start, end,
                       "no arguments for aggregate expression provided");
    if (info->experimental && !p->options->experimental)
        return fail_at(p->err, AMPQL_PARSE, start, end,
                       "%s() is experimental and must be enabled with "
                       "--enable-feature=promql-experimental-functions",
                       info->text);
    if (args->n != wanted)
        return fail_at(p->err, AMPQL_PARSE, start, end,
                       "wrong number of arguments for aggregate expression provided, expected %zu, "
                       "got %zu",
                       wanted, args->n);
    return AMPQL_OK;
}

/* aggregate := op grouping args | op args [grouping], behind the operator */
static enum ampql_code parse_aggregate(struct parser *p, const struct token *op, struct ast **out)
{
    struct ast_aggregate aggregate = {.op = op->value};
    struct exprs args = {0};
    bool is_before = is_grouping(p);
    p->aggregations++;
    if (is_before) {
        TRY(parse_grouping(p, &aggregate));
        TRY(parser_peek(p));
        if (!token_is(p, TOKEN_LEFT_PAREN))
            return fail_unexpected_here(p);
    }
    TRY(parse_args(p, &args));
    p->aggregations--;
    if (!is_before) {
        TRY(parser_peek(p));
        if (is_grouping(p))
            TRY(parse_grouping(p, &aggregate));
    }
    TRY(check_aggregate(p, op, &args));
    aggregate.expr = args.at[args.n - 1];
    aggregate.param = args.n == 2 ? args.at[0] : NULL;
    TRY(parser_node(p, AST_AGGREGATE, (struct span){op->span.start, p->last_end}, aggregate.expr,
                    aggregate.param, out));
    (*out)->u.aggregate = aggregate;
    return AMPQL_OK;
}

/* ---- operands */

/* number, at the token */
static OWN_FRAME enum ampql_code parse_number_literal(struct parser *p, struct ast **out)
{
    struct token token = parser_take(p);
    double value;
    TRY(parse_number(p, &token, &value));
    TRY(parser_node(p, AST_NUMBER, token.span, NULL, NULL, out));
    (*out)->u.number.value = value;
    (*out)->u.number.is_duration = token.kind == TOKEN_DURATION;
    return AMPQL_OK;
}

/* string, at the token */
static OWN_FRAME enum ampql_code parse_string_literal(struct parser *p, struct ast **out)
{
    struct token token = parser_take(p);
    struct str value;
    TRY(parser_unquote(p, token.text, &value));
    TRY(parser_node(p, AST_STRING, token.span, NULL, NULL, out));
    (*out)->u.string = value;
    return AMPQL_OK;
}

/* paren := "(" expr ")", at the parenthesis */
static enum ampql_code parse_paren(struct parser *p, struct ast **out)
{
    size_t start = parser_take(p).span.start;
    struct ast *inner;
    TRY(parse_binary(p, 1, &inner));
    TRY(parser_peek(p));
    if (!token_is(p, TOKEN_RIGHT_PAREN))
        return fail_unexpected_here(p);
    parser_take(p);
    TRY(parser_node(p, AST_PAREN, (struct span){start, p->last_end}, inner, NULL, out));
    (*out)->u.paren = inner;
    return AMPQL_OK;
}

/* A word: aggregate | call | selector, as the next token says. */
static enum ampql_code parse_word(struct parser *p, struct ast **out)
{
    struct token word = parser_take(p);
    TRY(parser_peek(p));
    bool is_call = token_is(p, TOKEN_LEFT_PAREN);
    if (word.kind == TOKEN_AGGREGATION && (is_call || is_grouping(p)))
        return parse_aggregate(p, &word, out);
    if (is_call &&
        (word.kind == TOKEN_IDENTIFIER || (word.kind == TOKEN_PREPROCESSOR && !p->is_prom2)))
        return parse_call(p, &word, out);
    return parse_vector_selector(p, &word, out);
}

/* unary := ("+"|"-") expr, at the sign; binds as "*" does. A signed number is a number. */
static enum ampql_code parse_unary(struct parser *p, struct ast **out)
{
    struct token sign = parser_take(p);
    bool is_minus = sign.value == OP_SUB;
    struct ast *expr;
    TRY(parse_binary(p, op_info[OP_MUL].precedence + 1, &expr));
    if (expr->kind == AST_NUMBER) {
        if (is_minus && !isnan(expr->u.number.value)) /* a NaN keeps its bits */
            expr->u.number.value = -expr->u.number.value;
        expr->span.start = sign.span.start;
        *out = expr;
        return AMPQL_OK;
    }
    TRY(parser_node(p, AST_UNARY, (struct span){sign.span.start, expr->span.end}, expr, NULL, out));
    (*out)->u.unary = (struct ast_unary){is_minus, expr};
    return AMPQL_OK;
}

enum ampql_code parse_operand(struct parser *p, struct ast **out)
{
    TRY(parser_peek(p));
    if (!begins_expr(p))
        return fail_unexpected_here(p);
    switch (p->token.kind) {
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
        TRY(parse_number_literal(p, out));
        break;
    case TOKEN_STRING:
        TRY(parse_string_literal(p, out));
        break;
    case TOKEN_LEFT_PAREN:
        TRY(parse_paren(p, out));
        break;
    case TOKEN_LEFT_BRACE:
        TRY(parse_vector_selector(p, NULL, out));
        break;
    case TOKEN_OPERATOR:
        if (!p->token.names_metric)
            return parse_unary(p, out);
        TRY(parse_word(p, out));
        break;
    default:
        TRY(parse_word(p, out));
        break;
    }
    return parse_suffixes(p, out);
}

/* ---- entries */

static enum ampql_code parser_init(struct parser *p, struct str text,
                                   const struct parse_options *options, struct arena *arena,
                                   struct ampql_error *err)
{
    size_t max_bytes = options->max_bytes ? options->max_bytes : MAX_BYTES;
    if (text.n > max_bytes)
        return fail(err, AMPQL_LIMIT, "the expression is %zu bytes long, the limit is %zu", text.n,
                    max_bytes);
    *p = (struct parser){.options = options,
                         .arena = arena,
                         .err = err,
                         .is_prom2 = options->dialect == AMPQL_PROM2,
                         .max_depth = options->max_depth ? options->max_depth : MAX_DEPTH};
    lexer_init(&p->lexer, text, options->dialect, options->experimental);
    return AMPQL_OK;
}

static enum ampql_code expect_end(struct parser *p)
{
    TRY(parser_peek(p));
    return token_is(p, TOKEN_END) ? AMPQL_OK : fail_unexpected_here(p);
}

enum ampql_code parse_expr(struct str text, const struct parse_options *options,
                           struct arena *arena, struct ast **out, struct ampql_error *err)
{
    struct parser p;
    struct ast *root;
    TRY(parser_init(&p, text, options, arena, err));
    TRY(parser_peek(&p));
    if (token_is(&p, TOKEN_END))
        return fail_at(err, AMPQL_PARSE, 0, 0, "no expression found in input");
    TRY(parse_binary(&p, 1, &root));
    TRY(expect_end(&p));
    TRY(typecheck(root, options->dialect, arena->alc, err));
    *out = root;
    return AMPQL_OK;
}

enum ampql_code parse_selector(struct str text, const struct parse_options *options,
                               struct arena *arena, struct matchers *out, struct ampql_error *err)
{
    struct parser p;
    struct ast *selector;
    TRY(parser_init(&p, text, options, arena, err));
    TRY(parser_peek(&p));
    if (token_is(&p, TOKEN_LEFT_BRACE)) {
        TRY(parse_vector_selector(&p, NULL, &selector));
    } else if (p.token.names_metric) {
        struct token name = parser_take(&p);
        TRY(parse_vector_selector(&p, &name, &selector));
    } else {
        return fail_unexpected_here(&p);
    }
    TRY(expect_end(&p));
    TRY(typecheck(selector, options->dialect, arena->alc, err));
    *out = selector->u.selector.matchers;
    return AMPQL_OK;
}

void text_position(struct str text, size_t offset, size_t *line, size_t *column)
{
    size_t line_start = 0, lines = 1;
    if (offset > text.n)
        offset = text.n;
    for (size_t i = 0; i < offset; i++)
        if (text.p[i] == '\n') {
            lines++;
            line_start = i + 1;
        }
    *line = lines;
    *column = offset - line_start + 1;
}
