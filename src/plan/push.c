/* Matchers on the labels of a record's series, carried to the selectors of its expression: so that
 * what nobody asks for is not fetched.
 *
 * Carried only where all series that match stay what they are: a label that an operator keeps or
 * groups by, below operators that cannot fail. For what fails fails the whole evaluation, also
 * because of series that nobody asked for. */
#include "plan/plan.h"

#include <string.h>

/* ---- labels of results */

static bool has_label(struct names names, struct str label)
{
    for (size_t i = 0; i < names.n; i++)
        if (str_equal(names.at[i], label))
            return true;
    return false;
}

/* Is the label part of what an aggregation groups by? */
static bool is_grouped_by(const struct ast_aggregate *agg, struct str label)
{
    return has_label(agg->grouping, label) != agg->is_without;
}

/* Is it part of what series are matched by? */
static bool is_matched_by(const struct ast_binary *binary, struct str label)
{
    return has_label(binary->matching, label) == binary->is_on;
}

static bool picks_series(enum aggregation op)
{
    return op == AGGREGATION_TOPK || op == AGGREGATION_BOTTOMK || op == AGGREGATION_LIMITK ||
           op == AGGREGATION_LIMIT_RATIO;
}

static bool is_written_by(const struct ast_aggregate *agg, struct str label)
{
    return agg->op == AGGREGATION_COUNT_VALUES && agg->param->type == VALUE_STRING &&
           str_equal(ast_unwrap(agg->param)->u.string, label);
}

static bool is_call_of(const struct ast *ast, const char *a, const char *b)
{
    struct str name = str_of(ast->u.call.function->name);
    return str_equal(name, str_of(a)) || str_equal(name, str_of(b));
}

/* The label that label_replace or label_join writes. */
static struct str written_label(const struct ast *call)
{
    return ast_unwrap(call->u.call.args[1])->u.string;
}

static bool writes_labels(const struct ast *call)
{
    return is_call_of(call, "label_replace", "label_join");
}

static bool is_sort(const struct ast *call)
{
    return is_call_of(call, "sort", "sort_desc") ||
           is_call_of(call, "sort_by_label", "sort_by_label_desc");
}

static bool call_lacks_label(const struct ast *ast, struct str label)
{
    const struct ast_call *call = &ast->u.call;
    switch ((enum kernel)call->function->kernel) {
    case KERNEL_MAP:
    case KERNEL_RANGE:
    case KERNEL_TIMESTAMP:
        for (size_t i = 0; i < call->nargs; i++)
            if (call->args[i]->type == VALUE_VECTOR || call->args[i]->type == VALUE_MATRIX)
                return expr_lacks_label(call->args[i], label);
        return true; /* hour() */
    case KERNEL_CALL:
        if (writes_labels(ast))
            return !str_equal(written_label(ast), label) && expr_lacks_label(call->args[0], label);
        return is_sort(ast) ? expr_lacks_label(call->args[0], label)
                            : is_call_of(ast, "vector", "scalar");
    default:
        return false;
    }
}

/* Which sides of an operator must lack a label so that its results do. */
enum side { NO_SIDE, LEFT_SIDE, RIGHT_SIDE, BOTH_SIDES, NOT_EVEN_BOTH };

static enum side side_that_decides(const struct ast_binary *binary, struct str label)
{
    if (binary->lhs->type == VALUE_SCALAR || binary->rhs->type == VALUE_SCALAR ||
        binary->op == OP_OR || binary->fill_left.is_given || binary->fill_right.is_given)
        return BOTH_SIDES;
    if (op_info[binary->op].kind == OP_KIND_SET)
        return LEFT_SIDE;
    if (binary->card == ONE_TO_ONE)
        return binary->has_matching && !is_matched_by(binary, label) ? NO_SIDE : LEFT_SIDE;
    if (has_label(binary->include, label))
        return NOT_EVEN_BOTH;
    return binary->card == ONE_TO_MANY ? RIGHT_SIDE : LEFT_SIDE;
}

/* Along the left sides of a chain, until it is decided or there is no operator. */
static const struct ast *follow_chain(const struct ast *ast, struct str label, bool *lacks)
{
    while (ast->kind == AST_BINARY) {
        const struct ast_binary *binary = &ast->u.binary;
        enum side side = side_that_decides(binary, label);
        *lacks = side == NO_SIDE;
        if (side == NO_SIDE || side == NOT_EVEN_BOTH ||
            (side == BOTH_SIDES && !expr_lacks_label(binary->rhs, label)))
            return NULL;
        ast = ast_unwrap(side == RIGHT_SIDE ? binary->rhs : binary->lhs);
    }
    return ast;
}

/* Recursion is bounded by the parser's depth limit, here and below: chains are followed in loops.
 */
bool expr_lacks_label(const struct ast *ast, struct str label)
{
    bool lacks = false;
    ast = follow_chain(ast_unwrap(ast), label, &lacks);
    if (!ast)
        return lacks;
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
        return true;
    case AST_SELECTOR:
        for (size_t i = 0; i < ast->u.selector.matchers.n; i++) {
            const struct matcher *m = &ast->u.selector.matchers.at[i];
            if (m->op == MATCH_EQUAL && m->value.n == 0 && str_equal(m->name, label))
                return true;
        }
        return false;
    case AST_SUBQUERY:
        return expr_lacks_label(ast->u.subquery.expr, label);
    case AST_CALL:
        return call_lacks_label(ast, label);
    case AST_AGGREGATE: {
        const struct ast_aggregate *agg = &ast->u.aggregate;
        if (is_written_by(agg, label))
            return false;
        return (!picks_series(agg->op) && !is_grouped_by(agg, label)) ||
               expr_lacks_label(agg->expr, label);
    }
    case AST_UNARY:
        return expr_lacks_label(ast->u.unary.expr, label);
    case AST_BINARY:
    case AST_PAREN:
        break;
    }
    return false;
}

/* ---- what can fail */

/* Do the labels that series are matched by tell a side's series apart? */
static bool is_told_apart(const struct node *node, const struct ast_binary *binary)
{
    if (node->name == NAME_ANY)
        return false;
    if (!binary->has_matching)
        return true;
    if (!binary->is_on || node->kind != NODE_AGGREGATE)
        return false;
    const struct ast_aggregate *agg = &node->ast->u.aggregate;
    bool is_covered =
        !agg->is_without && !picks_series(agg->op) && agg->op != AGGREGATION_COUNT_VALUES;
    for (size_t i = 0; i < agg->grouping.n; i++)
        is_covered = is_covered && has_label(binary->matching, agg->grouping.at[i]);
    return is_covered;
}

static bool join_can_fail(const struct node *node)
{
    const struct ast_binary *binary = &node->ast->u.binary;
    bool is_swapped = binary->card == ONE_TO_MANY;
    const struct node *many = node->child[is_swapped ? 1 : 0],
                      *one = node->child[is_swapped ? 0 : 1];
    if (binary->include.n || binary->fill_left.is_given || binary->fill_right.is_given)
        return true;
    return !is_told_apart(one, binary) ||
           (binary->card == ONE_TO_ONE && !is_told_apart(many, binary));
}

static bool call_can_fail(const struct node *node)
{
    const struct ast_call *call = &node->ast->u.call;
    if (writes_labels(node->ast))
        return true;
    for (size_t i = 0; node->kind == NODE_CALL && i < node->nchild; i++)
        if (node->child[i]->name == NAME_ANY) /* which it may drop */
            return true;
    for (size_t i = 0; i < call->nargs; i++) { /* a parameter that one cannot have */
        const struct ast *arg = ast_unwrap(call->args[i]);
        if (arg->type == VALUE_SCALAR && arg->kind != AST_NUMBER)
            return true;
    }
    return false;
}

/* Not because of what it works on. */
static bool itself_can_fail(const struct node *node)
{
    const struct ast *param = node->kind == NODE_AGGREGATE ? node->ast->u.aggregate.param : NULL;
    return node->may_collide || (node->kind == NODE_JOIN && join_can_fail(node)) ||
           (node->ast->kind == AST_CALL && call_can_fail(node)) ||
           (param && param->type == VALUE_SCALAR && ast_unwrap(param)->kind != AST_NUMBER);
}

static bool can_fail(const struct node *node)
{
    for (;; node = node->child[0]) {
        if (itself_can_fail(node))
            return true;
        for (size_t i = node_is_chained(node); i < node->nchild; i++)
            if (can_fail(node->child[i]))
                return true;
        if (!node_is_chained(node))
            return false;
    }
}

/* Can labels that the rule sets make two series equal, or can there be too many of them? */
static bool writing_can_fail(const struct record *record, const struct node *root)
{
    if (record->limit > 0 || root->name == NAME_ANY)
        return true;
    for (size_t i = 0; i < record->nlabels; i++)
        if (!expr_lacks_label(record->ast, record->labels[i].name))
            return true;
    return false;
}

/* ---- pushing */

/* Which matchers go on: by a question about their label. */
typedef bool asks(const void *about, struct str label);

static bool groups_by(const void *about, struct str label)
{
    return is_grouped_by(about, label) && !is_written_by(about, label);
}

static bool matches_by(const void *about, struct str label)
{
    return is_matched_by(about, label);
}

/* A label of the many side that is not taken from the one side. */
static bool is_of_many(const void *about, struct str label)
{
    const struct ast_binary *binary = about;
    return !has_label(binary->include, label);
}

static bool is_no_bucket(const void *about, struct str label)
{
    (void)about;
    return !str_equal(label, STR("le"));
}

static enum ampql_code push(struct plan *plan, const struct ast *ast, struct matchers matchers,
                            struct ampql_error *err);

/* Those that go on. */
static enum ampql_code keep_some(struct plan *plan, asks *ask, const void *about,
                                 struct matchers *matchers, struct ampql_error *err)
{
    struct matcher *at = arena_alloc(plan->arena, matchers->n, sizeof *at);
    size_t n = 0;
    if (!at)
        return fail_nomem(err, "the plan");
    for (size_t i = 0; i < matchers->n; i++)
        if (ask(about, matchers->at[i].name))
            at[n++] = matchers->at[i];
    *matchers = (struct matchers){at, n};
    return AMPQL_OK;
}

static enum ampql_code push_some(struct plan *plan, const struct ast *ast, asks *ask,
                                 const void *about, struct matchers matchers,
                                 struct ampql_error *err)
{
    TRY(keep_some(plan, ask, about, &matchers, err));
    return push(plan, ast, matchers, err);
}

static enum ampql_code push_call(struct plan *plan, const struct ast *ast, struct matchers matchers,
                                 struct ampql_error *err)
{
    const struct ast_call *call = &ast->u.call;
    bool keeps = call->function->kernel == KERNEL_MAP || call->function->kernel == KERNEL_RANGE ||
                 call->function->kernel == KERNEL_TIMESTAMP || is_sort(ast);
    bool is_histogram = is_call_of(ast, "histogram_quantile", "histogram_fraction");
    for (size_t i = 0; (keeps || is_histogram) && i < call->nargs; i++) {
        const struct ast *arg = call->args[i];
        if (arg->type != VALUE_VECTOR && arg->type != VALUE_MATRIX)
            continue;
        TRY(keeps ? push(plan, arg, matchers, err)
                  : push_some(plan, arg, is_no_bucket, NULL, matchers, err));
    }
    return AMPQL_OK;
}

/* To the right side of an operator; what goes on to its left side, which may be a chain, is left in
 * matchers. */
static enum ampql_code push_right(struct plan *plan, const struct ast_binary *binary,
                                  struct matchers *matchers, struct ampql_error *err)
{
    const struct ast *rhs = binary->rhs;
    bool is_set = op_info[binary->op].kind == OP_KIND_SET;
    if (binary->lhs->type == VALUE_SCALAR || rhs->type == VALUE_SCALAR)
        return rhs->type == VALUE_SCALAR ? AMPQL_OK : push(plan, rhs, *matchers, err);
    if (is_set && binary->op != OP_OR)
        return push_some(plan, rhs, matches_by, binary, *matchers, err);
    if (is_set || binary->card == ONE_TO_ONE) {
        TRY(keep_some(plan, matches_by, binary, matchers, err));
        return push(plan, rhs, *matchers, err);
    }
    bool is_swapped = binary->card == ONE_TO_MANY;
    TRY(push_some(plan, rhs, is_swapped ? is_of_many : matches_by, binary, *matchers, err));
    return keep_some(plan, is_swapped ? matches_by : is_of_many, binary, matchers, err);
}

static enum ampql_code push(struct plan *plan, const struct ast *ast, struct matchers matchers,
                            struct ampql_error *err)
{
    ast = ast_unwrap(ast);
    for (; ast->kind == AST_BINARY && matchers.n; ast = ast_unwrap(ast->u.binary.lhs))
        TRY(push_right(plan, &ast->u.binary, &matchers, err));
    if (matchers.n == 0)
        return AMPQL_OK;
    switch (ast->kind) {
    case AST_SELECTOR: {
        struct push one = {&ast->u.selector, matchers};
        return array_push(&plan->pushes, plan->arena, one) ? AMPQL_OK : fail_nomem(err, "the plan");
    }
    case AST_SUBQUERY:
        return push(plan, ast->u.subquery.expr, matchers, err);
    case AST_CALL:
        return push_call(plan, ast, matchers, err);
    case AST_AGGREGATE:
        return push_some(plan, ast->u.aggregate.expr, groups_by, &ast->u.aggregate, matchers, err);
    case AST_UNARY:
        return push(plan, ast->u.unary.expr, matchers, err);
    default:
        return AMPQL_OK;
    }
}

enum ampql_code plan_push(struct plan *plan, const struct record *record, const struct node *root,
                          struct matchers matchers, struct ampql_error *err)
{
    if (matchers.n == 0 || can_fail(root) || writing_can_fail(record, root))
        return AMPQL_OK;
    return push(plan, record->ast, matchers, err);
}
