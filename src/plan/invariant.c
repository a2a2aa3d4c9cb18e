/* What does not change from step to step, and orders: in which leaves are fed, and in which
 * Prometheus evaluates. */
#include "plan/plan.h"

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
    case AST_AGGREGATE: /* Prometheus does not look at the parameter, and takes the first step's */
        return plan_is_invariant(ast->u.aggregate.expr);
    case AST_BINARY:
        return plan_is_invariant(ast->u.binary.lhs) && plan_is_invariant(ast->u.binary.rhs);
    case AST_UNARY:
        return plan_is_invariant(ast->u.unary.expr);
    case AST_PAREN:
        break;
    }
    return false;
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

void plan_number(struct node *node, unsigned *next)
{
    node->entered = (*next)++;
    bool is_param_first = node->kind == NODE_AGGREGATE && node->nchild > 1;
    for (size_t i = 0; i < node->nchild; i++)
        plan_number(node->child[is_param_first ? node->nchild - 1 - i : i], next);
    node->left = (*next)++;
}
