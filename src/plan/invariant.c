/* What does not change from step to step, durations that depend on the query's grid, and the order
 * of leaves. */
#include "plan/plan.h"

#include <math.h>

bool plan_is_invariant(const struct ast *ast)
{
    ast = ast_unwrap(ast);
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
        return true;
    case AST_SELECTOR:
        return ast->u.selector.at.kind != AT_NONE;
    case AST_SUBQUERY:
        return ast->u.subquery.at.kind != AT_NONE;
    case AST_CALL:
        if (ast->u.call.function->reads_time)
            return false;
        for (size_t i = 0; i < ast->u.call.nargs; i++)
            if (!plan_is_invariant(ast->u.call.args[i]))
                return false;
        return true;
    case AST_AGGREGATE:
        return plan_is_invariant(ast->u.aggregate.expr) &&
               (!ast->u.aggregate.param || plan_is_invariant(ast->u.aggregate.param));
    case AST_BINARY:
        return plan_is_invariant(ast->u.binary.lhs) && plan_is_invariant(ast->u.binary.rhs);
    case AST_UNARY:
        return plan_is_invariant(ast->u.unary.expr);
    case AST_PAREN:
        break;
    }
    return false;
}

static double seconds_of(const struct plan *plan, const struct ast_time_expr *e)
{
    const struct grid *grid = &plan->options.grid;
    switch (e->kind) {
    case TIME_LITERAL:
        return e->seconds;
    case TIME_STEP:
        return plan->options.is_range_query ? (double)grid->step_ms / 1000 : 0;
    case TIME_RANGE:
        return (double)(plan->options.end_ms - grid->start_ms) / 1000;
    case TIME_UNARY_MINUS:
        return -seconds_of(plan, e->lhs);
    case TIME_MIN:
        return fmin(seconds_of(plan, e->lhs), seconds_of(plan, e->rhs));
    case TIME_MAX:
        return fmax(seconds_of(plan, e->lhs), seconds_of(plan, e->rhs));
    case TIME_BINARY:
        break;
    }
    double a = seconds_of(plan, e->lhs), b = seconds_of(plan, e->rhs);
    switch (e->op) {
    case OP_ADD:
        return a + b;
    case OP_SUB:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_DIV:
        return a / b;
    case OP_MOD:
        return fmod(a, b);
    default:
        return pow(a, b);
    }
}

enum ampql_code plan_duration(const struct plan *plan, const struct ast_duration *duration,
                              int64_t *out, struct ampql_error *err)
{
    if (!duration->expr) {
        *out = duration->ms;
        return AMPQL_OK;
    }
    double ms = seconds_of(plan, duration->expr) * 1000;
    const struct span *span = &duration->expr->span;
    if (!(ms > -9.2e12 && ms < 9.2e12)) /* Go's int64 nanoseconds */
        return fail_at(err, AMPQL_EXECUTION, span->start, span->end, "duration out of range");
    *out = (int64_t)ms;
    if (*out <= 0 && duration->must_be_positive)
        return fail_at(err, AMPQL_EXECUTION, span->start, span->end,
                       "duration must be greater than 0");
    return AMPQL_OK;
}

static bool is_leaf(const struct node *node)
{
    return node->kind == NODE_INSTANT || node->kind == NODE_RANGE || node->kind == NODE_SAMPLES;
}

static bool is_param(const struct node *node, size_t child)
{
    switch (node->kind) {
    case NODE_RANGE:
        return true;
    case NODE_SUBQUERY:
        return child > 0;
    case NODE_MAP:
    case NODE_VECTOR_SCALAR:
    case NODE_AGGREGATE:
        return child != node->stream;
    default:
        return false;
    }
}

/* Give the leaves below node levels from base up; returns the first level above all of them, 0 when
 * there is none. */
static unsigned assign(struct node *node, unsigned base)
{
    unsigned above = 0;
    for (size_t i = 0; i < node->nchild; i++) {
        if (!is_param(node, i))
            continue;
        unsigned level = assign(node->child[i], base);
        above = level > above ? level : above;
    }
    if (above > base)
        base = above;
    for (size_t i = 0; i < node->nchild; i++) {
        if (is_param(node, i))
            continue;
        unsigned level = assign(node->child[i], base);
        above = level > above ? level : above;
    }
    if (is_leaf(node)) {
        node->level = base;
        above = base + 1;
    }
    return above;
}

void plan_assign_levels(struct plan *plan, struct node *root)
{
    unsigned above = assign(root, 0);
    if (above > plan->nlevels)
        plan->nlevels = above;
}
