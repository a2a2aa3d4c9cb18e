/* Operators between operands, by precedence climbing: what may follow an operator, and chains. */
#include "lang/parse.h"

#include <math.h>

enum { MAX_OPERATORS = 1 << 16 };

/* group := ("group_left"|"group_right") [labels], if there is one */
static enum ampql_code parse_group(struct parser *p, struct ast_binary *out)
{
    TRY(parser_peek(p));
    if (!keyword_is(p, KEYWORD_GROUP_LEFT) && !keyword_is(p, KEYWORD_GROUP_RIGHT))
        return AMPQL_OK;
    out->card = keyword_is(p, KEYWORD_GROUP_LEFT) ? MANY_TO_ONE : ONE_TO_MANY;
    parser_take(p);
    TRY(parser_peek(p));
    if (begins_expr(p) && !token_is(p, TOKEN_LEFT_PAREN))
        return AMPQL_OK;
    return parse_labels(p, &out->include);
}

/* "(" ["+"|"-"] (NUMBER | DURATION) ")", behind the word */
static OWN_FRAME enum ampql_code parse_fill_value(struct parser *p, struct fill *out)
{
    bool is_minus = false;
    TRY(parser_peek(p));
    parser_take(p); /* the lexer has seen the parenthesis */
    TRY(parser_peek(p));
    if (token_is(p, TOKEN_OPERATOR) && (p->token.value == OP_ADD || p->token.value == OP_SUB)) {
        is_minus = parser_take(p).value == OP_SUB;
        TRY(parser_peek(p));
    }
    if (!token_is(p, TOKEN_NUMBER) && !token_is(p, TOKEN_DURATION))
        return fail_unexpected_here(p);
    struct token token = parser_take(p);
    TRY(parse_number(p, &token, &out->value));
    if (is_minus && !isnan(out->value)) /* a NaN keeps its bits */
        out->value = -out->value;
    out->is_given = true;
    TRY(parser_peek(p));
    if (!token_is(p, TOKEN_RIGHT_PAREN))
        return fail_unexpected_here(p);
    parser_take(p);
    return AMPQL_OK;
}

/* fill := ["fill" value | "fill_left" value ["fill_right" value]
 *         | "fill_right" value ["fill_left" value]] */
static enum ampql_code parse_fill(struct parser *p, struct ast_binary *out)
{
    if (keyword_is(p, KEYWORD_FILL)) {
        parser_take(p);
        TRY(parse_fill_value(p, &out->fill_left));
        out->fill_right = out->fill_left;
        return AMPQL_OK;
    }
    for (int i = 0; i < 2; i++) {
        bool is_left = keyword_is(p, KEYWORD_FILL_LEFT) && !out->fill_left.is_given;
        if (!is_left && (!keyword_is(p, KEYWORD_FILL_RIGHT) || out->fill_right.is_given))
            return AMPQL_OK;
        parser_take(p);
        TRY(parse_fill_value(p, is_left ? &out->fill_left : &out->fill_right));
        TRY(parser_peek(p));
    }
    return AMPQL_OK;
}

/* modifiers := ["bool"] [("on"|"ignoring") labels [group]] [fill] */
static OWN_FRAME enum ampql_code parse_modifiers(struct parser *p, struct ast_binary *out)
{
    TRY(parser_peek(p));
    if (keyword_is(p, KEYWORD_BOOL)) {
        out->returns_bool = true;
        parser_take(p);
        TRY(parser_peek(p));
    }
    if (keyword_is(p, KEYWORD_ON) || keyword_is(p, KEYWORD_IGNORING)) {
        out->is_on = keyword_is(p, KEYWORD_ON);
        parser_take(p);
        TRY(parse_labels(p, &out->matching));
        TRY(parse_group(p, out));
        /* ignoring () alone is the same as nothing, and nothing is what the printer writes */
        out->has_matching = out->is_on || out->matching.n > 0 || out->card != ONE_TO_ONE;
        TRY(parser_peek(p));
    }
    return parse_fill(p, out);
}

static OWN_FRAME enum ampql_code check_fill(struct parser *p, const struct ast_binary *binary)
{
    bool is_filled = binary->fill_left.is_given || binary->fill_right.is_given;
    if (!is_filled || p->options->experimental)
        return AMPQL_OK;
    return fail_at(p->err, AMPQL_PARSE, binary->lhs->span.start, binary->rhs->span.end,
                   "binop fill modifiers are experimental and not enabled");
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where messages about an operator point: to what follows its left side, which may be a comment or
 * "anchored". */
static struct span op_place(const struct parser *p, const struct ast *lhs, const struct token *op)
{
    size_t start = lhs->span.end;
    while (start < op->span.start && is_blank(p->lexer.text.p[start]))
        start++;
    return (struct span){start, op->span.end};
}

/* Depth does not bound the length of a chain, and each operator costs a few hundred bytes. */
static OWN_FRAME enum ampql_code count_operator(struct parser *p, const struct token *op)
{
    if (p->noperators++ < MAX_OPERATORS)
        return AMPQL_OK;
    return fail_at(p->err, AMPQL_LIMIT, op->span.start, op->span.end,
                   "the expression has more than %d operators", MAX_OPERATORS);
}

/* Put an operator at the end of the chain that its left side is. */
static void link_chain(struct ast *op)
{
    struct ast *lhs = op->u.binary.lhs;
    bool continues = lhs->kind == AST_BINARY;
    op->u.binary.first = continues ? lhs->u.binary.first : op;
    if (continues)
        lhs->u.binary.next = op;
}

/* op modifiers expr behind *lhs, which becomes the whole; at the operator. Nested operands that
 * have no operator need not carry its frame. */
static OWN_FRAME enum ampql_code parse_right(struct parser *p, struct ast **lhs)
{
    struct token token = parser_take(p);
    const struct op_info *info = &op_info[token.value];
    struct ast_binary binary = {
        .op = token.value, .op_span = op_place(p, *lhs, &token), .lhs = *lhs};
    TRY(count_operator(p, &token));
    TRY(parse_modifiers(p, &binary));
    TRY(parse_binary(p, info->is_right ? info->precedence : info->precedence + 1, &binary.rhs));
    TRY(check_fill(p, &binary));
    TRY(parser_node(p, AST_BINARY, (struct span){binary.lhs->span.start, binary.rhs->span.end},
                    binary.lhs, binary.rhs, lhs));
    (*lhs)->u.binary = binary;
    link_chain(*lhs);
    return AMPQL_OK;
}

enum ampql_code parse_binary(struct parser *p, int precedence, struct ast **out)
{
    struct ast *lhs = NULL;
    TRY(parser_enter(p));
    TRY(parse_operand(p, &lhs));
    for (;;) {
        TRY(parser_peek(p));
        if (!token_is(p, TOKEN_OPERATOR) || op_info[p->token.value].precedence < precedence)
            break;
        TRY(parse_right(p, &lhs));
    }
    parser_leave(p);
    *out = lhs;
    return AMPQL_OK;
}
