/* Building nodes from the tree: which operation, on which grid, over which windows. */
#include "plan/plan.h"

#include "lang/time_expr.h"

#include <assert.h>

/* Depth is bounded by the parser's limit, so recursion here is too. */
static enum ampql_code build(struct plan *plan, const struct ast *ast, const struct grid *grid,
                             struct node **out, struct ampql_error *err);

static int64_t clamp_time(int64_t ms)
{
    return ms > PLAN_TIME_LIMIT ? PLAN_TIME_LIMIT : ms < -PLAN_TIME_LIMIT ? -PLAN_TIME_LIMIT : ms;
}

static struct node *node_new(struct plan *plan, enum node_kind kind, const struct ast *ast,
                             const struct grid *grid, size_t nchild)
{
    struct node *node = arena_new(plan->arena, struct node);
    if (!node)
        return NULL;
    node->kind = kind;
    node->ast = ast;
    node->type = ast->type;
    node->grid = grid;
    node->end_ms = plan->end_ms;
    node->child = arena_zeroed(plan->arena, nchild, sizeof *node->child);
    node->nchild = nchild;
    return node->child ? node : NULL;
}

static enum ampql_code no_node(struct ampql_error *err)
{
    return fail_nomem(err, "the plan");
}

/* Say that a node drops the name of series that had `input` names, or marks them to lose it at the
 * end: then no two become equal here. */
static void drop_name(const struct plan *plan, struct node *node, enum name_state input)
{
    bool is_delayed = plan->options.delayed_name_removal;
    node->drops_name = true;
    node->may_collide = input == NAME_ANY && !is_delayed;
    node->name = is_delayed ? input : NAME_NONE;
}

static enum ampql_code duration_of(const struct plan *plan, const struct ast_duration *duration,
                                   bool may_be_negative, int64_t *out, struct ampql_error *err)
{
    const struct plan_options *o = &plan->options;
    return duration_value(duration, o->is_range_query ? o->grid.step_ms : 0,
                          o->end_ms - o->grid.start_ms, may_be_negative, out, err);
}

/* Where the windows of a selector or subquery end: the grid moved by offset, or one time for all
 * steps with @. */
static enum ampql_code place_windows(const struct plan *plan, const struct grid *grid,
                                     const struct ast_duration *offset, struct at at,
                                     int64_t range_ms, struct windows *out, struct ampql_error *err)
{
    int64_t offset_ms;
    TRY(duration_of(plan, offset, true, &offset_ms, err));
    *out = (struct windows){.range_ms = range_ms,
                            .n = grid->n,
                            .left_closed = plan->options.dialect == AMPQL_PROM2,
                            .eval_ms = grid->start_ms};
    const struct grid *query = &plan->options.grid;
    int64_t end = grid->start_ms;
    out->step_ms = grid->step_ms;
    if (plan->by_tick && (at.kind == AT_START || at.kind == AT_END)) {
        end = query->start_ms; /* each tick is a query of its own, which starts and ends there */
        out->step_ms = query->step_ms;
        out->n = query->n;
    } else if (at.kind != AT_NONE) {
        end = at.kind == AT_TIME    ? at.ms
              : at.kind == AT_START ? query->start_ms
                                    : plan->options.end_ms;
        out->step_ms = 0;
    }
    out->end_ms = clamp_time(end) - clamp_time(offset_ms);
    return AMPQL_OK;
}

/* anchored windows reach back as far as the lookback, smoothed ones also ahead. An instant selector
 * looks back anyway, so anchored changes nothing there. */
static void extend_windows(const struct plan *plan, const struct ast_selector *selector,
                           struct windows *windows)
{
    int64_t margin = plan->options.lookback_ms;
    if (selector->extension == EXTENSION_NONE ||
        (selector->extension == EXTENSION_ANCHORED && !selector->has_range))
        return;
    windows->margin_before_ms = selector->has_range ? margin : 0;
    windows->margin_after_ms = selector->extension == EXTENSION_SMOOTHED ? margin : 0;
    windows->end_ms += windows->margin_after_ms;
    windows->range_ms += windows->margin_before_ms + windows->margin_after_ms;
}

static bool has_single_name(const struct ast_selector *selector)
{
    for (size_t i = 0; i < selector->matchers.n; i++) {
        const struct matcher *m = &selector->matchers.at[i];
        if (m->op == MATCH_EQUAL && m->value.n && str_equal(m->name, STR("__name__")))
            return true;
    }
    return false;
}

/* Leaves: an instant selector (lookback is its range), a range selector. */
static enum ampql_code build_leaf(struct plan *plan, enum node_kind kind, const struct ast *ast,
                                  const struct ast *selector, const struct grid *grid,
                                  bool is_timestamp, struct node **out, struct ampql_error *err)
{
    const struct ast_selector *s = &selector->u.selector;
    struct node *node =
        node_new(plan, kind, ast, grid, kind == NODE_RANGE ? ast->u.call.nargs - 1 : 0);
    if (!node)
        return no_node(err);
    int64_t range_ms = plan->options.lookback_ms;
    if (s->has_range)
        TRY(duration_of(plan, &s->range, false, &range_ms, err));
    node->is_timestamp = is_timestamp;
    node->name = has_single_name(s) ? NAME_SINGLE : NAME_ANY;
    TRY(place_windows(plan, grid, &s->offset, s->at, range_ms, &node->windows, err));
    if (!is_timestamp) /* which Prometheus does not smooth */
        extend_windows(plan, s, &node->windows);
    TRY(plan_want(plan, node, s, err));
    *out = node;
    return AMPQL_OK;
}

/* The grid inside a subquery: absolute multiples of its step that its windows can see; from here on
 * it is what is being planned. */
static enum ampql_code subquery_grid(struct plan *plan, const struct ast *subquery,
                                     const struct windows *windows, struct grid **out,
                                     struct ampql_error *err)
{
    const struct ast_subquery *sub = &subquery->u.subquery;
    int64_t step = plan->options.default_interval_ms;
    if (sub->has_step)
        TRY(duration_of(plan, &sub->step, false, &step, err));
    struct grid *grid = arena_new(plan->arena, struct grid);
    if (!grid)
        return no_node(err);

    int64_t x = window_end(windows, 0) - windows->range_ms;
    int64_t start = step * (x / step);
    if (start < x || (start == x && !windows->left_closed))
        start += step;
    int64_t end = window_end(windows, windows->n ? windows->n - 1 : 0);
    /* where nobody asks, Prometheus 2 evaluates all the same, and it may fail */
    bool is_asked = windows->n > 0 || windows->left_closed;
    uint64_t n = end < start || !is_asked ? 0 : (uint64_t)(end - start) / (uint64_t)step + 1;
    *grid = (struct grid){start, step, 0};
    if (n > plan->options.max_points - plan->points)
        return fail_at(err, AMPQL_LIMIT, subquery->span.start, subquery->span.end,
                       "the query needs more than %llu evaluation points in its subqueries",
                       (unsigned long long)plan->options.max_points);
    plan->points += n;
    plan->end_ms = end;
    grid->n = (size_t)n;
    *out = grid;
    return AMPQL_OK;
}

static enum ampql_code build_subquery(struct plan *plan, enum node_kind kind, const struct ast *ast,
                                      const struct ast *subquery, const struct grid *grid,
                                      struct node **out, struct ampql_error *err)
{
    const struct ast_subquery *sub = &subquery->u.subquery;
    struct node *node =
        node_new(plan, kind, ast, grid, kind == NODE_SUBQUERY ? ast->u.call.nargs : 1);
    if (!node)
        return no_node(err);
    int64_t range_ms;
    TRY(duration_of(plan, &sub->range, false, &range_ms, err));
    TRY(place_windows(plan, grid, &sub->offset, sub->at, clamp_time(range_ms), &node->windows,
                      err));
    struct grid *inner = NULL;
    int64_t end_ms = plan->end_ms, reach_ms = plan->reach_ms;
    plan->reach_ms = plan_reach(plan, grid, &node->windows);
    TRY(subquery_grid(plan, subquery, &node->windows, &inner, err));
    TRY(build(plan, sub->expr, inner, &node->child[0], err));
    plan->end_ms = end_ms;
    plan->reach_ms = reach_ms;
    node->name = node->child[0]->name;
    *out = node;
    return AMPQL_OK;
}

/* A range function, over a selector's samples or over a subquery. Its other arguments are
 * parameters, in order. */
static enum ampql_code build_range(struct plan *plan, const struct ast *ast,
                                   const struct grid *grid, struct node **out,
                                   struct ampql_error *err)
{
    const struct ast_call *call = &ast->u.call;
    size_t matrix = 0;
    while (call->args[matrix]->type != VALUE_MATRIX)
        matrix++;
    const struct ast *range = ast_unwrap(call->args[matrix]);
    struct node *node;
    size_t slot = 0;
    if (range->kind == AST_SUBQUERY) {
        TRY(build_subquery(plan, NODE_SUBQUERY, ast, range, grid, &node, err));
        slot = 1;
    } else {
        TRY(build_leaf(plan, NODE_RANGE, ast, range, grid, false, &node, err));
    }
    for (size_t i = 0; i < call->nargs; i++)
        if (i != matrix)
            TRY(build(plan, call->args[i], grid, &node->child[slot++], err));
    node->type = VALUE_VECTOR;
    node->function = call->function;
    if (!call->function->keeps_name)
        drop_name(plan, node, node->name);
    *out = node;
    return AMPQL_OK;
}

/* absent(v) and absent_over_time(m): the children's presence, then one series. */
static enum ampql_code build_absent(struct plan *plan, const struct ast *ast,
                                    const struct grid *grid, struct node **out,
                                    struct ampql_error *err)
{
    struct node *node = node_new(plan, NODE_ABSENT, ast, grid, 1);
    if (!node)
        return no_node(err);
    if (ast->u.call.function->kernel == KERNEL_ABSENT_OVER_TIME)
        TRY(build_range(plan, ast, grid, &node->child[0], err));
    else
        TRY(build(plan, ast->u.call.args[0], grid, &node->child[0], err));
    if (ast->u.call.function->kernel == KERNEL_ABSENT_OVER_TIME) /* equal labels do not matter */
        node->child[0]->may_collide = node->child[0]->drops_name = false;
    node->name = NAME_NONE;
    *out = node;
    return AMPQL_OK;
}

/* label_replace and label_join may write any name; sort keeps names; the others have none. */
static enum name_state name_of_call(const struct ast_call *call, const struct node *node)
{
    if (!call->function->keeps_name || node->nchild == 0)
        return NAME_NONE;
    for (size_t i = 1; i < call->nargs; i++)
        if (call->args[i]->type == VALUE_STRING)
            return NAME_ANY;
    return node->child[0]->name;
}

static enum ampql_code build_call(struct plan *plan, const struct ast *ast, const struct grid *grid,
                                  struct node **out, struct ampql_error *err)
{
    const struct ast_call *call = &ast->u.call;
    const struct signature *f = call->function;
    switch ((enum kernel)f->kernel) {
    case KERNEL_RANGE:
        return build_range(plan, ast, grid, out, err);
    case KERNEL_ABSENT:
    case KERNEL_ABSENT_OVER_TIME:
        return build_absent(plan, ast, grid, out, err);
    case KERNEL_TIMESTAMP: {
        const struct ast *arg = ast_unwrap(call->args[0]);
        if (arg->kind != AST_SELECTOR)
            break;
        TRY(build_leaf(plan, NODE_INSTANT, ast, arg, grid, true, out, err));
        (*out)->function = f;
        drop_name(plan, *out, (*out)->name);
        return AMPQL_OK;
    }
    case KERNEL_MAP:
    case KERNEL_CALL:
        break;
    }

    size_t nchild = 0;
    for (size_t i = 0; i < call->nargs; i++)
        nchild += call->args[i]->type != VALUE_STRING;
    bool is_map = f->kernel == KERNEL_MAP || f->kernel == KERNEL_TIMESTAMP;
    bool lacks_vector = is_map && nchild == 0; /* hour() is hour(vector(time())) */
    struct node *node =
        node_new(plan, is_map ? NODE_MAP : NODE_CALL, ast, grid, nchild + lacks_vector);
    if (!node)
        return no_node(err);
    node->function = f;
    size_t slot = 0;
    if (lacks_vector) {
        node->child[0] = node_new(plan, NODE_TIME_VECTOR, ast, grid, 0);
        if (!node->child[0])
            return no_node(err);
        node->child[0]->type = VALUE_VECTOR;
    }
    for (size_t i = 0; i < call->nargs; i++) {
        if (call->args[i]->type == VALUE_STRING)
            continue;
        if (call->args[i]->type == VALUE_VECTOR)
            node->stream = slot;
        TRY(build(plan, call->args[i], grid, &node->child[slot++], err));
    }
    node->name = name_of_call(call, node);
    if (is_map && f->keeps_name)
        node->name = node->child[node->stream]->name;
    else if (is_map)
        drop_name(plan, node, node->child[node->stream]->name);
    *out = node;
    return AMPQL_OK;
}

/* An operator over `lhs`, which is built already. */
static enum ampql_code build_operator(struct plan *plan, const struct ast *ast,
                                      const struct grid *grid, struct node *lhs, struct node **out,
                                      struct ampql_error *err)
{
    const struct ast_binary *binary = &ast->u.binary;
    bool left_is_scalar = binary->lhs->type == VALUE_SCALAR,
         right_is_scalar = binary->rhs->type == VALUE_SCALAR;
    enum op_kind kind = op_info[binary->op].kind;
    enum node_kind node_kind = left_is_scalar && right_is_scalar   ? NODE_SCALARS
                               : left_is_scalar || right_is_scalar ? NODE_VECTOR_SCALAR
                               : kind == OP_KIND_SET               ? NODE_SET
                                                                   : NODE_JOIN;
    struct node *node = node_new(plan, node_kind, ast, grid, 2);
    if (!node)
        return no_node(err);
    node->child[0] = lhs;
    TRY(build(plan, binary->rhs, grid, &node->child[1], err));
    node->stream = left_is_scalar ? 1 : 0;

    enum name_state left = node->child[0]->name, right = node->child[1]->name;
    bool is_filter = kind == OP_KIND_COMPARISON && !binary->returns_bool;
    /* 2.42's atan2 keeps the name */
    bool keeps = is_filter || (binary->op == OP_ATAN2 && plan->options.dialect == AMPQL_PROM2);
    enum name_state many = node->stream == 1 || binary->card == ONE_TO_MANY ? right : left;
    if (node_kind == NODE_SET)
        node->name = binary->op != OP_OR                       ? left
                     : left == NAME_NONE && right == NAME_NONE ? NAME_NONE
                                                               : NAME_ANY;
    else if (node_kind == NODE_SCALARS)
        node->name = NAME_NONE;
    else if (keeps)
        node->name = many;
    else
        drop_name(plan, node, many);
    if (node_kind == NODE_JOIN && kind == OP_KIND_ARITHMETIC && !keeps) { /* never delayed */
        node->may_collide = many == NAME_ANY;
        node->name = NAME_NONE;
    }
    if (binary->fill_left.is_given || binary->fill_right.is_given)
        node->name =
            node->name == NAME_NONE ? NAME_NONE : NAME_ANY; /* what is filled in has none */
    for (size_t i = 0; i < binary->include.n && !binary->returns_bool; i++)
        if (str_equal(binary->include.at[i], STR("__name__")))
            node->name = NAME_ANY; /* taken along from the one side */
    *out = node;
    return AMPQL_OK;
}

/* Does it not change over a grid, which would otherwise see it again and again? Ticks of a record
 * are queries of their own. Also where there is no step at all: Prometheus 2 evaluates it once
 * there, and it may fail. */
static bool is_built_once(const struct plan *plan, const struct ast *ast, const struct grid *grid)
{
    bool is_seen = grid->n == 0   ? plan->options.dialect == AMPQL_PROM2
                   : grid->n == 1 ? plan->end_ms != grid->start_ms
                                  : !plan->by_tick;
    return ast->is_invariant && is_seen;
}

/* A chain, from left to right. What of it does not change comes first, and is built on its own. */
static enum ampql_code build_chain(struct plan *plan, const struct ast *ast,
                                   const struct grid *grid, struct node **out,
                                   struct ampql_error *err)
{
    const struct ast *op = ast->u.binary.first;
    while (op != ast && is_built_once(plan, op, grid))
        op = op->u.binary.next;
    struct node *lhs = NULL;
    TRY(build(plan, op->u.binary.lhs, grid, &lhs, err));
    for (; op; op = ast_next(op, ast)) {
        struct node *node = NULL;
        TRY(build_operator(plan, op, grid, lhs, &node, err));
        lhs->next = node;
        lhs = node;
    }
    *out = lhs;
    return AMPQL_OK;
}

static enum ampql_code build_aggregate(struct plan *plan, const struct ast *ast,
                                       const struct grid *grid, struct node **out,
                                       struct ampql_error *err)
{
    const struct ast_aggregate *agg = &ast->u.aggregate;
    bool has_param = agg->param && agg->param->type == VALUE_SCALAR;
    struct node *node = node_new(plan, NODE_AGGREGATE, ast, grid, has_param ? 2 : 1);
    if (!node)
        return no_node(err);
    TRY(build(plan, agg->expr, grid, &node->child[0], err));
    if (has_param)
        TRY(build(plan, agg->param, grid, &node->child[1], err));
    bool picks = agg->op == AGGREGATION_TOPK || agg->op == AGGREGATION_BOTTOMK ||
                 agg->op == AGGREGATION_LIMITK || agg->op == AGGREGATION_LIMIT_RATIO;
    bool by_name = false;
    for (size_t i = 0; i < agg->grouping.n && !agg->is_without; i++)
        by_name |= str_equal(agg->grouping.at[i], STR("__name__"));
    node->name = picks || by_name ? node->child[0]->name : NAME_NONE;
    *out = node;
    return AMPQL_OK;
}

static enum ampql_code build_unary(struct plan *plan, const struct ast *ast,
                                   const struct grid *grid, struct node **out,
                                   struct ampql_error *err)
{
    if (!ast->u.unary.is_minus)
        return build(plan, ast->u.unary.expr, grid, out, err);
    struct node *node = node_new(plan, NODE_NEGATE, ast, grid, 1);
    if (!node)
        return no_node(err);
    TRY(build(plan, ast->u.unary.expr, grid, &node->child[0], err));
    if (ast->type == VALUE_VECTOR)
        drop_name(plan, node, node->child[0]->name);
    *out = node;
    return AMPQL_OK;
}

/* One step is enough for what does not change; its one step is the first of the grid. */
static enum ampql_code build_broadcast(struct plan *plan, const struct ast *ast,
                                       const struct grid *grid, struct node **out,
                                       struct ampql_error *err)
{
    struct node *node = node_new(plan, NODE_BROADCAST, ast, grid, 1);
    struct grid *once = arena_new(plan->arena, struct grid);
    if (!node || !once)
        return no_node(err);
    *once = (struct grid){grid->start_ms, 1, 1};
    int64_t end_ms = plan->end_ms;
    plan->end_ms = grid->start_ms;
    TRY(build(plan, ast, once, &node->child[0], err));
    plan->end_ms = end_ms;
    node->name = node->child[0]->name;
    *out = node;
    return AMPQL_OK;
}

static enum ampql_code build(struct plan *plan, const struct ast *ast, const struct grid *grid,
                             struct node **out, struct ampql_error *err)
{
    ast = ast_unwrap(ast);
    bool is_literal = ast->kind == AST_NUMBER || ast->kind == AST_STRING;
    if (grid->n != 1 && !is_literal && is_built_once(plan, ast, grid))
        return build_broadcast(plan, ast, grid, out, err);
    if (is_built_once(plan, ast, grid) && !is_literal) {
        int64_t end_ms = plan->end_ms;
        plan->end_ms = grid->start_ms;
        TRY(build(plan, ast, grid, out, err));
        plan->end_ms = end_ms;
        return AMPQL_OK;
    }
    switch (ast->kind) {
    case AST_NUMBER:
    case AST_STRING:
        *out = node_new(plan, ast->kind == AST_NUMBER ? NODE_NUMBER : NODE_STRING, ast, grid, 0);
        return *out ? AMPQL_OK : no_node(err);
    case AST_SELECTOR:
        return build_leaf(plan, ast->u.selector.has_range ? NODE_SAMPLES : NODE_INSTANT, ast, ast,
                          grid, false, out, err);
    case AST_SUBQUERY:
        return build_subquery(plan, NODE_SUBQUERY_SAMPLES, ast, ast, grid, out, err);
    case AST_CALL:
        return build_call(plan, ast, grid, out, err);
    case AST_AGGREGATE:
        return build_aggregate(plan, ast, grid, out, err);
    case AST_BINARY:
        return build_chain(plan, ast, grid, out, err);
    case AST_UNARY:
        return build_unary(plan, ast, grid, out, err);
    case AST_PAREN:
        break;
    }
    assert(!"unwrapped above");
    return fail(err, AMPQL_INTERNAL, "parentheses in a plan");
}

enum ampql_code plan_build(struct plan *plan, const struct ast *ast, const struct grid *grid,
                           struct node **out, struct ampql_error *err)
{
    return build(plan, ast, grid, out, err);
}

void plan_init(struct plan *plan, struct arena *arena, const struct plan_options *options)
{
    *plan = (struct plan){.arena = arena, .options = *options, .record = PLAN_NONE};
}

enum ampql_code plan_add(struct plan *plan, const struct ast *ast, struct node **root,
                         struct ampql_error *err)
{
    if (plan->options.is_range_query && ast->type != VALUE_SCALAR && ast->type != VALUE_VECTOR)
        return fail(
            err, AMPQL_BAD_DATA,
            "invalid expression type \"%s\" for range query, must be Scalar or instant Vector",
            value_type_text(ast->type));
    plan->end_ms = plan->options.end_ms;
    TRY(build(plan, ast, &plan->options.grid, root, err));
    plan_number(*root, &plan->nnumbers);
    return array_push(&plan->roots, plan->arena, *root) ? AMPQL_OK : no_node(err);
}

enum ampql_code plan_finish(struct plan *plan, struct ampql_error *err)
{
    TRY(plan_records(plan, err));
    TRY(plan_merge(plan, err));
    return plan_assign_levels(plan, err);
}
