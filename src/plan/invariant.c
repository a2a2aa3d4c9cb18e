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

/* The first level above all that a leaf reads of records; above [nrecords]. */
static unsigned level_of_records(const struct plan *plan, const struct node *leaf,
                                 const unsigned *above)
{
    unsigned level = 0;
    if (leaf->recorded == PLAN_NONE)
        return 0;
    const struct record_list *records = &plan->recorded.at[leaf->recorded].records;
    for (size_t i = 0; i < records->n; i++)
        level = above[records->at[i]] > level ? above[records->at[i]] : level;
    return level;
}

/* Give the leaves below node levels from base up; returns the first level above all of them, 0 when
 * there is none. */
static unsigned assign(const struct plan *plan, struct node *node, unsigned base,
                       const unsigned *records_above)
{
    unsigned above = 0;
    for (size_t i = 0; i < node->nchild; i++) {
        if (!is_param(node, i))
            continue;
        unsigned level = assign(plan, node->child[i], base, records_above);
        above = level > above ? level : above;
    }
    if (above > base)
        base = above;
    for (size_t i = 0; i < node->nchild; i++) {
        if (is_param(node, i))
            continue;
        unsigned level = assign(plan, node->child[i], base, records_above);
        above = level > above ? level : above;
    }
    if (is_leaf(node)) {
        unsigned least = level_of_records(plan, node, records_above);
        node->level = base > least ? base : least;
        above = node->level + 1;
    }
    return above;
}

enum ampql_code plan_assign_levels(struct plan *plan, struct ampql_error *err)
{
    size_t nrecords = plan->options.records ? plan->options.records->n : 0;
    unsigned *records_above = arena_zeroed(plan->arena, nrecords, sizeof *records_above);
    if (!records_above)
        return fail_nomem(err, "the plan");
    for (size_t i = plan->recordings.n; i-- > 0;) { /* what is read before what reads it */
        struct recording *recording = &plan->recordings.at[i];
        unsigned *above = &records_above[recording->record];
        unsigned level = recording->root ? assign(plan, recording->root, 0, records_above) : 0;
        *above = level > *above ? level : *above;
        plan->nlevels = level > plan->nlevels ? level : plan->nlevels;
    }
    for (size_t i = 0; i < plan->roots.n; i++) {
        unsigned level = assign(plan, plan->roots.at[i], 0, records_above);
        plan->nlevels = level > plan->nlevels ? level : plan->nlevels;
    }
    return AMPQL_OK;
}

void plan_number(struct node *node, unsigned *next)
{
    node->entered = (*next)++;
    bool is_param_first = node->kind == NODE_AGGREGATE && node->nchild > 1;
    for (size_t i = 0; i < node->nchild; i++)
        plan_number(node->child[is_param_first ? node->nchild - 1 - i : i], next);
    node->left = (*next)++;
}
