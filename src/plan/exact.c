/* Can a rule's evaluations, which are instant queries, be made all at once?
 *
 * Evaluated over a grid, an expression gives at each step what an instant query there gives, but
 * for this: sums add up in the order of rows, and an operator's rows may come in another order over
 * all steps than at one of them alone. Rows of selectors are in label order at every step. Groups
 * of an aggregation are in the order of their first series, which may be another one at each step;
 * so the operator watches, and says when it was. Where it cannot watch, rules are evaluated tick by
 * tick. */
#include "plan/plan.h"

/* What must be known on the way down. */
struct look {
    const struct plan *plan;
    bool in_subquery; /* whose points belong to windows of several steps */
};

/* Are the rows of a node in the same order at every step? Marks those that must watch for that. */
static bool keeps_order(const struct look *look, struct node *node);

/* Do the operators that see their rows in order give the same from all of them? */
static bool adds_alike(const struct look *look, struct node *node);

static struct node *many_side(const struct node *join)
{
    return join->child[join->ast->u.binary.card == ONE_TO_MANY ? 1 : 0];
}

static bool is_one_group(const struct ast_aggregate *agg)
{
    return agg->grouping.n == 0 && !agg->is_without;
}

static bool keeps_order_of_groups(const struct look *look, struct node *node)
{
    const struct ast_aggregate *agg = &node->ast->u.aggregate;
    switch (agg->op) {
    case AGGREGATION_TOPK:
    case AGGREGATION_BOTTOMK:
    case AGGREGATION_LIMITK:
    case AGGREGATION_LIMIT_RATIO:
    case AGGREGATION_COUNT_VALUES: /* in the order of values */
    case AGGREGATION_QUANTILE:     /* which does not watch */
        return false;
    default:
        break;
    }
    if (is_one_group(agg))
        return true;
    node->watches_order = true;
    return !look->in_subquery && keeps_order(look, node->child[0]);
}

/* One step of it: *next is the node that decides, where it is not this one. */
static bool keeps_order_here(const struct look *look, struct node *node, struct node **next)
{
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_TIME_VECTOR:
    case NODE_ABSENT:
    case NODE_SCALARS:
        return true;
    case NODE_INSTANT:
    case NODE_RANGE:
    case NODE_SAMPLES:
        node->watches_order = true; /* of series that become equal without their name */
        return true;
    case NODE_SUBQUERY:
    case NODE_SUBQUERY_SAMPLES:
        node->watches_order = true;
        return keeps_order(&(struct look){look->plan, true}, node->child[0]);
    case NODE_MAP:
    case NODE_NEGATE:
    case NODE_VECTOR_SCALAR:
    case NODE_BROADCAST:
        node->watches_order = true;
        *next = node->child[node->stream];
        return true;
    case NODE_JOIN:
        node->watches_order = true;
        *next = many_side(node);
        return true;
    case NODE_SET:
        node->watches_order = true;
        *next = node->child[0];
        return node->ast->u.binary.op != OP_OR || keeps_order(look, node->child[1]);
    case NODE_AGGREGATE:
        return keeps_order_of_groups(look, node);
    case NODE_CALL: {
        const struct ast_call *call = &node->ast->u.call;
        node->watches_order = true;
        if (node->type == VALUE_SCALAR || node->nchild == 0 || call->args[0]->type == VALUE_SCALAR)
            return true; /* scalar(), vector(): one row */
        bool is_label = str_equal(str_of(call->function->name), STR("label_replace")) ||
                        str_equal(str_of(call->function->name), STR("label_join"));
        return is_label && keeps_order(look, node->child[0]);
    }
    }
    return false;
}

static bool keeps_order(const struct look *look, struct node *node)
{
    for (struct node *next; node; node = next) {
        next = NULL;
        if (!keeps_order_here(look, node, &next))
            return false;
    }
    return true;
}

/* Does the operator's value depend on the order of what it is given? */
static bool depends_on_order(const struct node *node)
{
    if (node->kind == NODE_CALL)
        return true;
    if (node->kind != NODE_AGGREGATE)
        return false;
    enum aggregation op = node->ast->u.aggregate.op;
    return op != AGGREGATION_COUNT && op != AGGREGATION_GROUP && op != AGGREGATION_COUNT_VALUES &&
           op != AGGREGATION_LIMIT_RATIO;
}

/* A parameter that may differ from step to step is taken by other rules in a range query. */
static bool has_fixed_parameter(const struct node *node)
{
    const struct ast *param = node->ast->u.aggregate.param;
    return !param || ast_unwrap(param)->kind == AST_NUMBER || param->type == VALUE_STRING;
}

/* Not looking at what it works on. */
static bool itself_adds_alike(const struct look *look, const struct node *node)
{
    if (node->may_collide && look->plan->options.dialect == AMPQL_PROM2)
        return false; /* refuses series that are equal at different steps */
    if (node->kind == NODE_AGGREGATE && !has_fixed_parameter(node))
        return false;
    if (node->function && node->function->reads_query)
        return false;
    if (depends_on_order(node))
        for (size_t i = 0; i < node->nchild; i++)
            if (!keeps_order(look, node->child[i]))
                return false;
    return true;
}

static bool adds_alike(const struct look *look, struct node *node)
{
    for (;; node = node->child[0]) {
        bool is_subquery = node->kind == NODE_SUBQUERY || node->kind == NODE_SUBQUERY_SAMPLES;
        if (!itself_adds_alike(look, node))
            return false;
        for (size_t i = node_is_chained(node); i < node->nchild; i++)
            if (!adds_alike(is_subquery ? &(struct look){look->plan, true} : look, node->child[i]))
                return false;
        if (!node_is_chained(node))
            return true;
    }
}

/* Is there an @ start() or @ end(), which at each tick is another time? */
static bool itself_has_query_time(const struct node *node)
{
    const struct ast *ast = node->ast;
    if (node->selector &&
        (node->selector->at.kind == AT_START || node->selector->at.kind == AT_END))
        return true;
    for (size_t i = 0; ast->kind == AST_CALL && i < ast->u.call.nargs; i++) {
        const struct ast *arg = ast_unwrap(ast->u.call.args[i]);
        if (arg->kind == AST_SUBQUERY &&
            (arg->u.subquery.at.kind == AT_START || arg->u.subquery.at.kind == AT_END))
            return true;
    }
    return false;
}

static bool has_query_time(const struct node *node)
{
    for (;; node = node->child[0]) {
        if (itself_has_query_time(node))
            return true;
        for (size_t i = node_is_chained(node); i < node->nchild; i++)
            if (has_query_time(node->child[i]))
                return true;
        if (!node_is_chained(node))
            return false;
    }
}

bool plan_is_exact(const struct plan *plan, struct node *root)
{
    if (plan->options.delayed_name_removal) /* which looks at labels only at a query's end */
        return false;
    return !has_query_time(root) && adds_alike(&(struct look){plan, false}, root);
}
