/* Looking for them in the tree. */
#include "oracle/known.h"

#include "eval/function.h"
#include "lang/parser.h"
#include "plan/plan.h"

#include <string.h>

const struct ast *known_part(const struct ast *ast, size_t i)
{
    const struct ast *parts[2] = {NULL, NULL};
    switch (ast->kind) {
    case AST_SUBQUERY:
        parts[0] = ast->u.subquery.expr;
        break;
    case AST_CALL:
        return i < ast->u.call.nargs ? ast->u.call.args[i] : NULL;
    case AST_AGGREGATE:
        parts[0] = ast->u.aggregate.expr;
        parts[1] = ast->u.aggregate.param;
        break;
    case AST_BINARY:
        parts[0] = ast->u.binary.lhs;
        parts[1] = ast->u.binary.rhs;
        break;
    case AST_UNARY:
        parts[0] = ast->u.unary.expr;
        break;
    case AST_PAREN:
        parts[0] = ast->u.paren;
        break;
    default:
        break;
    }
    return i < 2 ? parts[i] : NULL;
}

const struct ast *known_parse(struct str text, struct arena *arena)
{
    struct ast *ast = NULL;
    struct parse_options options = {.find_function = function_find, .dialect = AMPQL_PROM2};
    return parse_expr(text, &options, arena, &ast, NULL) == AMPQL_OK ? ast : NULL;
}

static bool has_at(const struct ast *ast)
{
    return (ast->kind == AST_SELECTOR && ast->u.selector.at.kind != AT_NONE) ||
           (ast->kind == AST_SUBQUERY && ast->u.subquery.at.kind != AT_NONE);
}

static bool has_offset(const struct ast *ast)
{
    return ast->kind == AST_SELECTOR ? ast->u.selector.offset.ms != 0
                                     : ast->kind == AST_SUBQUERY && ast->u.subquery.offset.ms != 0;
}

static bool window_moves_on(const struct ast *ast)
{
    if (ast->kind != AST_CALL || ast->is_invariant)
        return false;
    for (size_t i = 0; i < ast->u.call.nargs; i++)
        if (ast->u.call.args[i]->type == VALUE_MATRIX && has_at(ast_unwrap(ast->u.call.args[i])))
            return true;
    return false;
}

static bool is_timestamp_with_both(const struct ast *ast)
{
    if (ast->kind != AST_CALL || ast->u.call.nargs != 1 ||
        strcmp(ast->u.call.function->name, "timestamp") != 0)
        return false;
    const struct ast *arg = ast_unwrap(ast->u.call.args[0]);
    return has_at(arg) && has_offset(arg);
}

static bool find(const struct ast *ast, bool has_steps, bool is_moved)
{
    if ((has_steps && window_moves_on(ast)) || (is_moved && has_at(ast)) ||
        is_timestamp_with_both(ast))
        return true;
    if (ast->kind == AST_SUBQUERY) {
        has_steps = true;
        is_moved = is_moved || has_at(ast) || has_offset(ast);
    }
    for (size_t i = 0; known_part(ast, i); i++)
        if (find(known_part(ast, i), has_steps, is_moved))
            return true;
    return false;
}

bool known_difference(const struct ast *ast, bool is_range_query)
{
    const struct ast *whole = ast_unwrap(ast);
    return find(ast, is_range_query, false) ||
           (whole->kind == AST_SUBQUERY && whole->u.subquery.expr->is_invariant);
}

bool known_failure(const struct ast *ast, bool is_range_query)
{
    if (ast->kind == AST_SUBQUERY) {
        if (is_range_query)
            return true;
        is_range_query = true; /* inside, there are steps */
    }
    for (size_t i = 0; known_part(ast, i); i++)
        if (known_failure(known_part(ast, i), is_range_query))
            return true;
    return false;
}
