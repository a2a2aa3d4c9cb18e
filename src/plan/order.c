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

/* What orders records: the first level above all that feeds them. */
struct levels {
    const struct plan *plan;
    const unsigned *above_records; /* [nrecords] */
};

static unsigned assign(const struct levels *levels, struct node *top, unsigned base);

/* The first level above all that a leaf reads of records. */
static unsigned level_of_records(const struct levels *levels, const struct node *leaf)
{
    unsigned level = 0;
    if (leaf->recorded == PLAN_NONE)
        return 0;
    const struct record_list *records = &levels->plan->recorded.at[leaf->recorded].records;
    for (size_t i = 0; i < records->n; i++)
        level = max(level, levels->above_records[records->at[i]]);
    return level;
}

/* The same of a node that is no chain. */
static unsigned assign_node(const struct levels *levels, struct node *node, unsigned base)
{
    unsigned above = 0;
    for (size_t i = 0; i < node->nchild; i++)
        if (is_param(node, i))
            above = max(above, assign(levels, node->child[i], base));
    base = max(base, above);
    for (size_t i = 0; i < node->nchild; i++)
        if (!is_param(node, i))
            above = max(above, assign(levels, node->child[i], base));
    if (is_leaf(node)) {
        node->level = max(base, level_of_records(levels, node));
        above = node->level + 1;
    }
    return above;
}

/* Give the leaves below a node levels from base up; returns the first level above all of them, 0
 * when there is none. Down a chain with the parameters on the right, which come before what is on
 * the left, then back up with all else on the right. */
static unsigned assign(const struct levels *levels, struct node *top, unsigned base)
{
    unsigned above_params = 0;
    struct node *node = top;
    for (; node_is_chained(node); node = node->child[0]) {
        if (is_param(node, 1))
            above_params = max(above_params, assign(levels, node->child[1], base));
        base = max(base, above_params);
        node->level = base;
    }
    unsigned above = assign_node(levels, node, base);
    while (node != top) {
        node = node->next;
        if (is_param(node, 1))
            continue;
        base = is_param(node, 0) ? max(node->level, above) : node->level;
        above = max(above, assign(levels, node->child[1], base));
    }
    return max(above, above_params);
}

enum ampql_code plan_assign_levels(struct plan *plan, struct ampql_error *err)
{
    size_t nrecords = plan->options.records ? plan->options.records->n : 0;
    unsigned *above_records = arena_zeroed(plan->arena, nrecords, sizeof *above_records);
    struct levels levels = {plan, above_records};
    if (!above_records)
        return fail_nomem(err, "the plan");
    for (size_t i = plan->recordings.n; i-- > 0;) { /* what is read before what reads it */
        struct recording *recording = &plan->recordings.at[i];
        unsigned *above = &above_records[recording->record];
        *above = max(*above, recording->root ? assign(&levels, recording->root, 0) : 0);
        plan->nlevels = max(plan->nlevels, *above);
    }
    for (size_t i = 0; i < plan->roots.n; i++)
        plan->nlevels = max(plan->nlevels, assign(&levels, plan->roots.at[i], 0));
    return AMPQL_OK;
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
