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

static enum ampql_code settle(struct stage *stage, enum ampql_code code, unsigned at)
{
    struct eval_query *query = stage->query;
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

bool stage_is_checked(const struct eval_query *query, const struct node *node)
{
    return node->grid->n > 0 || query->eval->dialect != AMPQL_PROM2;
}

/* Nothing is computed at no step: inside a subquery without a point only what does not depend on
 * the step is evaluated, for the sake of its errors. */
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

enum ampql_code stage_emit(struct stage *stage, struct labels labels, struct row *row)
{
    struct stage *above = stage->above;
    if (is_idle(above))
        return AMPQL_OK;
    TRY(stage_polls(stage, row->n));
    if (above->is_param && above->is_param[stage->slot]) {
        struct row *param = &above->params[param_number(above, stage->slot)];
        TRY(eval_take(stage->eval, row->n, param, stage_err(stage)));
        row_copy(param, row);
        above->nparams++;
        return AMPQL_OK;
    }
    if (above->nwaiting)
        return eval_keep(stage->eval, &above->early, labels, row, stage_err(stage));
    return stage_settle(above, above->kind->push(above, stage->slot, labels, row));
}

enum ampql_code stage_emit_own(struct stage *stage, struct labels labels, struct row *row)
{
    struct stage *above = stage->above;
    bool is_param = above->is_param && above->is_param[stage->slot];
    TRY(stage_polls(stage, row->n));
    if (is_param && !is_idle(above)) {
        above->params[param_number(above, stage->slot)] = *row;
        above->nparams++;
        *row = (struct row){0};
        return AMPQL_OK;
    }
    if (above->kind->own && !is_param && !above->nwaiting && !is_idle(above))
        return stage_settle(above, above->kind->own(above, stage->slot, labels, row));
    TRY(stage_emit(stage, labels, row));
    eval_give(stage->eval, row);
    return AMPQL_OK;
}

/* The last parameter has come: now the rows that waited. */
static enum ampql_code release_early(struct stage *stage)
{
    for (size_t i = 0; i < stage->early.n; i++) {
        struct kept *kept = &stage->early.at[i];
        TRY(stage->kind->push(stage, stage->node->stream, kept->labels, &kept->row));
        eval_give(stage->eval, &kept->row);
    }
    stage->early.n = 0;
    return stage->ended_early && stage->kind->close ? stage->kind->close(stage, stage->node->stream)
                                                    : AMPQL_OK;
}

/* What a stage was given to work with is held no longer than it works. */
static void give_params(struct stage *stage)
{
    for (size_t i = 0; i < stage->nparams; i++)
        eval_give(stage->eval, &stage->params[i]);
    stage->nparams = 0;
}

enum ampql_code stage_complete(struct stage *stage)
{
    if (stage->kind->finish && !is_idle(stage))
        TRY(stage_settle(stage, stage->kind->finish(stage)));
    give_params(stage);
    return stage->above && !stage->is_dead ? stage_end(stage) : AMPQL_OK;
}

enum ampql_code stage_end(struct stage *stage)
{
    struct stage *above = stage->above;
    above->nopen--;
    if (above->is_dead)
        return AMPQL_OK;
    if (above->is_param && above->is_param[stage->slot]) {
        if (--above->nwaiting == 0 && !is_idle(above))
            TRY(stage_settle(above, release_early(above)));
    } else if (above->nwaiting) {
        above->ended_early = true;
    } else if (above->kind->close && !is_idle(above)) {
        TRY(stage_settle(above, above->kind->close(above, stage->slot)));
    }
    return above->nopen == 0 && !above->is_leaf ? stage_complete(above) : AMPQL_OK;
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

static bool is_fed_by_select(const struct node *node)
{
    return (node->kind == NODE_INSTANT || node->kind == NODE_RANGE || node->kind == NODE_SAMPLES) &&
           node->windows.n > 0;
}

static enum ampql_code build(struct eval_query *query, const struct node *node, struct stage *above,
                             size_t slot)
{
    struct arena *work = &query->eval->work;
    struct stage *stage = make(query, node);
    if (!stage)
        return query->err.code != AMPQL_OK ? query->err.code
                                           : fail_nomem(&query->err, "an operator");
    stage->above = above;
    stage->slot = slot;
    stage->is_leaf = is_fed_by_select(node);
    for (size_t i = 0; i < node->nchild; i++) {
        stage->nopen++;
        TRY(build(query, node->child[i], stage, i));
    }
    if (stage->is_leaf) {
        struct leaf leaf = {stage, node->select, node->level};
        return array_push(&query->leaves, work, leaf) ? AMPQL_OK
                                                      : fail_nomem(&query->err, "a list of leaves");
    }
    if (stage->nopen == 0 && !array_push(&query->constants, work, stage))
        return fail_nomem(&query->err, "a list of constants");
    return AMPQL_OK;
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

void eval_query_done(struct eval_query *query)
{
    if (query->eval)
        index_done(&query->notes.index);
}
