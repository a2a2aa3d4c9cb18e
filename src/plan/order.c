/* Orders: in which leaves are fed, and in which Prometheus evaluates. Along a chain of operators
 * they go in loops: it may be as long as the query's text. */
#include "plan/plan.h"

static unsigned max(unsigned a, unsigned b)
{
    return a > b ? a : b;
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

static unsigned assign(struct node *top, unsigned base);

/* The same of a node that is no chain. */
static unsigned assign_node(struct node *node, unsigned base)
{
    unsigned above = 0;
    for (size_t i = 0; i < node->nchild; i++)
        if (is_param(node, i))
            above = max(above, assign(node->child[i], base));
    base = max(base, above);
    for (size_t i = 0; i < node->nchild; i++)
        if (!is_param(node, i))
            above = max(above, assign(node->child[i], base));
    if (is_leaf(node)) {
        node->level = base;
        above = base + 1;
    }
    return above;
}

/* Give the leaves below a node levels from base up; returns the first level above all of them, 0
 * when there is none. Down a chain with the parameters on the right, which come before what is on
 * the left, then back up with all else on the right. */
static unsigned assign(struct node *top, unsigned base)
{
    unsigned above_params = 0;
    struct node *node = top;
    for (; node_is_chained(node); node = node->child[0]) {
        if (is_param(node, 1))
            above_params = max(above_params, assign(node->child[1], base));
        base = max(base, above_params);
        node->level = base;
    }
    unsigned above = assign_node(node, base);
    while (node != top) {
        node = node->next;
        if (is_param(node, 1))
            continue;
        base = is_param(node, 0) ? max(node->level, above) : node->level;
        above = max(above, assign(node->child[1], base));
    }
    return max(above, above_params);
}

void plan_assign_levels(struct plan *plan, struct node *root)
{
    plan->nlevels = max(plan->nlevels, assign(root, 0));
}

void plan_number(struct node *top, unsigned *next)
{
    struct node *node = top;
    for (; node_is_chained(node); node = node->child[0])
        node->entered = (*next)++;
    node->entered = (*next)++;
    for (;; node = node->next) {
        bool is_param_first = node->kind == NODE_AGGREGATE && node->nchild > 1;
        for (size_t i = node_is_chained(node) ? 1 : 0; i < node->nchild; i++)
            plan_number(node->child[is_param_first ? node->nchild - 1 - i : i], next);
        node->left = (*next)++;
        if (node == top)
            return;
    }
}
