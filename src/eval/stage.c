/* How rows move between operators, and building the operators of a plan. */
#include "eval/stage.h"

#include <limits.h>

struct stage *stage_new(struct eval_query *query, const struct stage_kind *kind,
                        const struct node *node, size_t size)
{
    struct eval *eval = query->eval;
    struct stage *stage = arena_zeroed(&eval->work, 1, size);
    if (!stage) {
        fail_nomem(&query->err, "an operator");
        return NULL;
    }
    stage->kind = kind;
    stage->node = node;
    stage->eval = eval;
    stage->query = query;
    stage->next = eval->ops;
    eval->ops = stage;
    return stage;
}

enum ampql_code stage_expect_params(struct stage *stage, size_t nchild, size_t stream)
{
    struct eval *eval = stage->eval;
    stage->params = arena_zeroed(&eval->work, nchild, sizeof *stage->params);
    stage->is_param = arena_zeroed(&eval->work, nchild, sizeof *stage->is_param);
    if (!stage->params || !stage->is_param)
        return fail_nomem(stage_err(stage), "parameters");
    for (size_t i = 0; i < nchild; i++) {
        stage->is_param[i] = i != stream;
        stage->nwaiting += stage->is_param[i];
    }
    return AMPQL_OK;
}

/* Where in the query's text it failed: the innermost operator that did so. */
static void note_place(const struct node *node, enum ampql_code code, struct ampql_error *err)
{
    const struct ast *ast = node->ast;
    if (err->has_span || (code != AMPQL_EXECUTION && code != AMPQL_LIMIT))
        return;
    struct span span = ast->kind == AST_BINARY ? ast->u.binary.op_span : ast->span;
    err->start = span.start;
    err->end = span.end;
    err->has_span = true;
}

static enum ampql_code settle(struct stage *stage, enum ampql_code code, unsigned at)
{
    struct eval_query *query = stage->query;
    note_place(stage->node, code, &query->err);
    if (code != AMPQL_EXECUTION)
        return code;
    stage->is_dead = true;
    if (query->failure.code == AMPQL_OK || at < query->failed_at) {
        query->failure = query->err;
        query->failure.code = AMPQL_EXECUTION;
        query->failed_at = at;
    }
    query->err = (struct ampql_error){0};
    return AMPQL_OK;
}

enum ampql_code stage_settle(struct stage *stage, enum ampql_code code)
{
    return settle(stage, code, stage->above ? stage->node->left : UINT_MAX);
}

enum ampql_code stage_settle_early(struct stage *stage, enum ampql_code code)
{
    return settle(stage, code, stage->node->entered);
}

bool stage_is_checked(const struct node *node)
{
    return node->grid->n > 0;
}

/* Nothing is computed at no step: inside a subquery without a point Prometheus 2 evaluates only
 * what does not depend on the step, for the sake of its errors. */
static bool is_idle(const struct stage *stage)
{
    return stage->is_dead || stage->node->grid->n == 0;
}

/* The number of a parameter child among the parameters. */
static size_t param_number(const struct stage *stage, size_t slot)
{
    size_t number = 0;
    for (size_t i = 0; i < slot; i++)
        number += stage->is_param[i];
    return number;
}

/* A parameter of the stage above. An owned row moves, a borrowed one is copied. */
static enum ampql_code give_param(struct stage *stage, struct row *row, bool is_own)
{
    struct stage *above = stage->above;
    struct row *param = &above->params[param_number(above, stage->slot)];
    if (is_own) {
        *param = *row;
        *row = (struct row){0};
    } else {
        TRY(eval_take(stage->eval, row->n, param, stage_err(stage)));
        row_copy(param, row);
    }
    above->nparams++;
    return AMPQL_OK;
}

/* Hand a row to a stage: is_own when it may keep it. *goes_on: changed in place, it goes further
 * up.
 */
static enum ampql_code hand_over(struct stage *stage, size_t slot, struct labels *labels,
                                 struct row *row, bool is_own, bool *goes_on)
{
    const struct stage_kind *kind = stage->kind;
    *goes_on = false;
    return stage_settle(stage, kind->pass            ? kind->pass(stage, labels, row, goes_on)
                               : is_own && kind->own ? kind->own(stage, slot, *labels, row)
                                                     : kind->push(stage, slot, *labels, row));
}

/* Send a row up to where it stays. In a loop: stages that pass rows on may be as many as the
 * query's text is long. */
static enum ampql_code send(struct stage *stage, struct labels labels, struct row *row, bool is_own)
{
    for (bool goes_on = true; goes_on; stage = stage->above) {
        struct stage *above = stage->above;
        if (is_idle(above))
            return AMPQL_OK;
        TRY(stage_polls(stage, row->n));
        if (above->is_param && above->is_param[stage->slot])
            return give_param(stage, row, is_own);
        if (above->nwaiting)
            return eval_keep(stage->eval, &above->early, labels, row, stage_err(stage));
        TRY(hand_over(above, stage->slot, &labels, row, is_own, &goes_on));
    }
    return AMPQL_OK;
}

enum ampql_code stage_emit(struct stage *stage, struct labels labels, struct row *row)
{
    return send(stage, labels, row, false);
}

enum ampql_code stage_emit_own(struct stage *stage, struct labels labels, struct row *row)
{
    TRY(send(stage, labels, row, true));
    eval_give(stage->eval, row);
    return AMPQL_OK;
}

/* The last parameter has come: now the rows that waited. */
static enum ampql_code release_early(struct stage *stage)
{
    for (size_t i = 0; i < stage->early.n && !stage->is_dead; i++) {
        struct kept *kept = &stage->early.at[i];
        bool goes_on;
        TRY(hand_over(stage, stage->node->stream, &kept->labels, &kept->row, true, &goes_on));
        if (goes_on)
            TRY(send(stage, kept->labels, &kept->row, true));
        eval_give(stage->eval, &kept->row);
    }
    stage->early.n = 0;
    if (stage->is_dead || !stage->ended_early || !stage->kind->close)
        return AMPQL_OK;
    return stage->kind->close(stage, stage->node->stream);
}

/* What a stage was given to work with is held no longer than it works. */
static void give_params(struct stage *stage)
{
    for (size_t i = 0; i < stage->nparams; i++)
        eval_give(stage->eval, &stage->params[i]);
    stage->nparams = 0;
}

/* Child `slot` of a stage has ended: *is_last of all. */
static enum ampql_code end_child(struct stage *stage, size_t slot, bool *is_last)
{
    stage->nopen--;
    *is_last = false;
    if (stage->is_dead)
        return AMPQL_OK;
    if (stage->is_param && stage->is_param[slot]) {
        if (--stage->nwaiting == 0 && !is_idle(stage))
            TRY(stage_settle(stage, release_early(stage)));
    } else if (stage->nwaiting) {
        stage->ended_early = true;
    } else if (stage->kind->close && !is_idle(stage)) {
        TRY(stage_settle(stage, stage->kind->close(stage, slot)));
    }
    *is_last = stage->nopen == 0 && !stage->is_leaf;
    return AMPQL_OK;
}

enum ampql_code stage_complete(struct stage *stage)
{
    for (bool is_last = true; is_last; stage = stage->above) {
        if (stage->kind->finish && !is_idle(stage))
            TRY(stage_settle(stage, stage->kind->finish(stage)));
        give_params(stage);
        if (!stage->above || stage->is_dead)
            return AMPQL_OK;
        TRY(end_child(stage->above, stage->slot, &is_last));
    }
    return AMPQL_OK;
}

struct labels stage_without_name(struct stage *stage, struct labels labels)
{
    static const symbol names[] = {SYMBOL_NAME, SYMBOL_TYPE, SYMBOL_UNIT};
    bool is_prom2 = stage->eval->dialect == AMPQL_PROM2;
    bool is_first = labels.n == 0 || (labels.n == 1 && labels.at[0].name == SYMBOL_NAME);
    /* series come in label order, so only one without labels comes before one with these */
    if (!is_prom2 &&
        (is_first || labels_get(labels, SYMBOL_TYPE) || labels_get(labels, SYMBOL_UNIT)))
        stage->had_metadata = true;
    labels = labels_drop(&stage->eval->temp, labels, names, is_prom2 ? 1 : 3);
    labels.loses_name = false;
    return labels;
}

struct labels stage_drop_name(struct stage *stage, struct labels labels)
{
    if (!stage->eval->delays_names)
        return stage_without_name(stage, labels);
    labels.loses_name = true;
    return labels;
}

enum unique_rule stage_step_rule(const struct stage *stage)
{
    const struct plan_options *query = &stage->eval->plan->options;
    bool is_one_moment = stage->node->grid == &query->grid && query->end_ms == query->grid.start_ms;
    return stage->eval->delays_names && is_one_moment ? UNIQUE_LATER : UNIQUE_STEPS;
}

enum unique_rule stage_range_rule(const struct stage *stage)
{
    return stage->eval->dialect == AMPQL_PROM2 ? UNIQUE_SERIES : UNIQUE_STEPS;
}

void unique_init(struct unique *unique, struct eval *eval)
{
    index_init(&unique->index, eval->alc);
}

void unique_done(struct unique *unique)
{
    index_done(&unique->index);
}

/* Rows that never meet: which has the first step of all? */
static bool starts_before(const struct row *row, const struct row *other)
{
    for (size_t w = 0; w < row_words(row->n); w++) {
        uint64_t both = row->present[w] | other->present[w];
        if (both)
            return row->present[w] & (both & (~both + 1));
    }
    return false;
}

static enum ampql_code merge_steps(struct stage *stage, struct row *into, const struct row *from)
{
    for (size_t w = 0; w < row_words(from->n); w++)
        if (into->present[w] & from->present[w])
            return fail(stage_err(stage), AMPQL_EXECUTION,
                        "vector cannot contain metrics with the same labelset");
    for (size_t i = 0; i < from->n; i++) {
        if (!row_has(from, i))
            continue;
        into->v[i] = from->v[i];
        row_mark(into, i);
    }
    return AMPQL_OK;
}

enum ampql_code unique_add(struct unique *unique, struct stage *stage, struct labels labels,
                           const struct row *row, enum unique_rule rule)
{
    uint64_t hash = labels_hash(labels);
    size_t at = 0;
    TRY(stage_polls(stage, row->n));
    for (size_t i = rule == UNIQUE_LATER ? INDEX_NONE : index_first(&unique->index, hash, &at);
         i != INDEX_NONE; i = index_next(&unique->index, hash, &at)) {
        struct kept *kept = &unique->rows.at[i];
        if (!labels_equal(kept->labels, labels))
            continue;
        if (rule == UNIQUE_SERIES)
            return fail(stage_err(stage), AMPQL_EXECUTION,
                        "vector cannot contain metrics with the same labelset");
        if (stage->node
                ->watches_order) /* at some steps the later of them has the earlier's place */
            stage->query->order_varies = true;
        if (starts_before(row, &kept->row)) /* Prometheus makes the series at its first step */
            kept->labels.loses_name = labels.loses_name;
        return merge_steps(stage, &kept->row, row);
    }
    TRY(eval_keep(stage->eval, &unique->rows, labels, row, stage_err(stage)));
    return index_add(&unique->index, hash, unique->rows.n - 1)
               ? AMPQL_OK
               : fail_nomem(stage_err(stage), "an index of series");
}

enum ampql_code unique_emit(struct unique *unique, struct stage *stage)
{
    for (size_t i = 0; i < unique->rows.n; i++) {
        struct kept *kept = &unique->rows.at[i];
        TRY(stage_emit_own(stage, kept->labels, &kept->row));
    }
    unique->rows.n = 0;
    return AMPQL_OK;
}

/* ---- building */

static struct stage *make(struct eval_query *query, const struct node *node)
{
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_TIME_VECTOR:
        return stage_constant(query, node);
    case NODE_INSTANT:
        return stage_instant(query, node);
    case NODE_RANGE:
        return stage_range(query, node);
    case NODE_SAMPLES:
        return stage_samples(query, node);
    case NODE_SUBQUERY:
        return stage_subquery(query, node);
    case NODE_SUBQUERY_SAMPLES:
        return stage_subquery_samples(query, node);
    case NODE_MAP:
        return stage_map(query, node);
    case NODE_CALL:
        return stage_call(query, node);
    case NODE_ABSENT:
        return stage_absent(query, node);
    case NODE_NEGATE:
        return stage_negate(query, node);
    case NODE_SCALARS:
        return stage_scalars(query, node);
    case NODE_VECTOR_SCALAR:
        return stage_vector_scalar(query, node);
    case NODE_JOIN:
        return stage_join(query, node);
    case NODE_SET:
        return stage_set(query, node);
    case NODE_AGGREGATE:
        return stage_aggregate(query, node);
    case NODE_BROADCAST:
        return stage_broadcast(query, node);
    }
    return NULL;
}

static bool is_fed(const struct node *node)
{
    return (node->kind == NODE_INSTANT || node->kind == NODE_RANGE || node->kind == NODE_SAMPLES) &&
           node->windows.n > 0;
}

/* stage  NULL: what is fed only waits */
static enum ampql_code add_leaf(struct eval_query *query, const struct node *node,
                                struct stage *stage)
{
    struct arena *work = &query->eval->work;
    struct leaf leaf = {.stage = stage, .node = node};
    leaf.nopen = (node->select != PLAN_NONE) + (node->recorded != PLAN_NONE);
    if (leaf.nopen > 1 || !stage) {
        leaf.waiting = arena_new(work, struct fed_list);
        if (!leaf.waiting)
            return fail_nomem(&query->err, "a list of leaves");
    }
    return array_push(&query->leaves, work, leaf) ? AMPQL_OK
                                                  : fail_nomem(&query->err, "a list of leaves");
}

/* The stage of a node, below `above`, without its children. */
static enum ampql_code make_below(struct eval_query *query, const struct node *node,
                                  struct stage *above, size_t slot, struct stage **out)
{
    struct stage *stage = make(query, node);
    if (!stage) {
        note_place(node, query->err.code, &query->err);
        return query->err.code != AMPQL_OK ? query->err.code
                                           : fail_nomem(&query->err, "an operator");
    }
    stage->above = above;
    stage->slot = slot;
    stage->is_leaf = is_fed(node);
    *out = stage;
    return AMPQL_OK;
}

/* Note what feeds a stage that has no children, or only parameters. */
static enum ampql_code list_source(struct eval_query *query, struct stage *stage)
{
    struct arena *work = &query->eval->work;
    if (stage->is_leaf)
        return add_leaf(query, stage->node, stage);
    if (stage->nopen == 0 && !array_push(&query->constants, work, stage))
        return fail_nomem(&query->err, "a list of constants");
    return AMPQL_OK;
}

/* Stages from the top of a chain down to its first operand, then what is on the right on the way
 * back. */
static enum ampql_code build(struct eval_query *query, const struct node *top, struct stage *above,
                             size_t slot)
{
    const struct node *node = top;
    struct stage *stage = NULL;
    TRY(make_below(query, node, above, slot, &stage));
    for (; node_is_chained(node); node = node->child[0]) {
        stage->nopen++;
        TRY(make_below(query, node->child[0], stage, 0, &stage));
    }
    for (;; node = node->next, stage = stage->above) {
        for (size_t i = node_is_chained(node); i < node->nchild; i++) {
            stage->nopen++;
            TRY(build(query, node->child[i], stage, i));
        }
        TRY(list_source(query, stage));
        if (node == top)
            return AMPQL_OK;
    }
}

enum ampql_code eval_query_init(struct eval_query *query, struct eval *eval,
                                const struct node *root, struct str text)
{
    *query = (struct eval_query){.eval = eval, .root = root, .text = text};
    index_init(&query->notes.index, eval->alc);
    struct stage *result = stage_result(query, root);
    if (!result)
        return query->code = AMPQL_NOMEM;
    result->nopen = 1;
    query->code = build(query, root, result, 0);
    if (query->code == AMPQL_OK)
        query->err = (struct ampql_error){0};
    return query->code;
}

static enum ampql_code hold_leaves(struct eval_query *query, const struct node *top)
{
    const struct node *node = top;
    while (node_is_chained(node))
        node = node->child[0];
    for (;; node = node->next) {
        if (is_fed(node))
            TRY(add_leaf(query, node, NULL));
        for (size_t i = node_is_chained(node); i < node->nchild; i++)
            TRY(hold_leaves(query, node->child[i]));
        if (node == top)
            return AMPQL_OK;
    }
}

enum ampql_code eval_query_hold(struct eval_query *query, struct eval *eval,
                                const struct node *root, struct str text)
{
    *query = (struct eval_query){.eval = eval, .root = root, .text = text};
    index_init(&query->notes.index, eval->alc);
    return query->code = hold_leaves(query, root);
}

void eval_query_done(struct eval_query *query)
{
    if (query->eval)
        index_done(&query->notes.index);
}
