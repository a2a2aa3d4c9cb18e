/* Operators that change a row in place: constants, functions of a value, unary minus, arithmetic
 * with a scalar. */
#include "eval/arithmetic.h"
#include "eval/stage.h"

static const struct labels no_labels = {.at = &(const struct label){0, 0}, .n = 0};

/* ---- constants */

static enum ampql_code constant_finish(struct stage *stage)
{
    struct row row;
    TRY(eval_take(stage->eval, stage->node->grid->n, &row, stage_err(stage)));
    for (size_t i = 0; i < row.n; i++)
        row.v[i] = stage->node->kind == NODE_NUMBER
                       ? stage->node->ast->u.number.value
                       : (double)grid_time(stage->node->grid, i) / 1000;
    row_fill(&row);
    return stage_emit_own(stage, no_labels, &row);
}

struct stage *stage_constant(struct eval_query *query, const struct node *node)
{
    static const struct stage_kind kind = {.finish = constant_finish};
    return stage_new(query, &kind, node, sizeof(struct stage));
}

/* ---- one step copied to all */

struct broadcast {
    struct stage stage;
    struct row row;
};

static enum ampql_code broadcast_push(struct stage *stage, size_t slot, struct labels labels,
                                      struct row *row)
{
    struct broadcast *b = (struct broadcast *)stage;
    (void)slot;
    if (!row_has(row, 0))
        return AMPQL_OK;
    for (size_t i = 0; i < b->row.n; i++)
        b->row.v[i] = row->v[0];
    row_fill(&b->row);
    return stage_emit(stage, labels, &b->row);
}

struct stage *stage_broadcast(struct eval_query *query, const struct node *node)
{
    static const struct stage_kind kind = {.push = broadcast_push};
    struct broadcast *b = (struct broadcast *)stage_new(query, &kind, node, sizeof *b);
    if (!b || eval_take(query->eval, node->grid->n, &b->row, &query->err) != AMPQL_OK)
        return NULL;
    return &b->stage;
}

/* ---- rows in place */

/* A row is changed in parts, so that a long one can be given up on the way. */
enum { PART = 1 << 16 };

struct map {
    struct stage stage;
    /* in place; may clear steps; the row begins at step `from` */
    void (*change)(struct map *map, struct row *row, size_t from);
    struct unique unique;
    struct params params;
    struct row *part; /* [params.n] of parameters, from the same step */
    struct grid grid; /* of the part */
};

static enum ampql_code change_row(struct map *map, struct row *row)
{
    struct stage *stage = &map->stage;
    if (row->n <= PART) {
        map->change(map, row, 0);
        return AMPQL_OK;
    }
    for (size_t from = 0; from < row->n; from += PART) {
        struct row part = row_part(row, from, row->n - from < PART ? row->n - from : PART);
        TRY(stage_polls(stage, part.n));
        map->change(map, &part, from);
    }
    return AMPQL_OK;
}

/* Leave the name out where the node drops it. */
static enum ampql_code map_labels(struct map *map, struct labels *labels)
{
    struct stage *stage = &map->stage;
    if (!stage->node->drops_name)
        return AMPQL_OK;
    *labels = stage_drop_name(stage, *labels);
    return labels->at ? AMPQL_OK : fail_nomem(stage_err(stage), "a series' labels");
}

static enum ampql_code map_collide(struct map *map, struct labels labels, const struct row *row)
{
    struct stage *stage = &map->stage;
    /* unary minus takes series whole, as range functions do */
    enum unique_rule rule =
        stage->node->kind == NODE_NEGATE ? stage_range_rule(stage) : UNIQUE_STEPS;
    return unique_add(&map->unique, stage, labels, row, rule);
}

static enum ampql_code map_pass(struct stage *stage, struct labels *labels, struct row *row,
                                bool *goes_on)
{
    struct map *map = (struct map *)stage;
    TRY(change_row(map, row));
    if (row_is_empty(row))
        return AMPQL_OK;
    TRY(map_labels(map, labels));
    if (stage->node->may_collide || stage->had_metadata)
        return map_collide(map, *labels, row);
    *goes_on = true;
    return AMPQL_OK;
}

static void call_function(struct map *map, struct row *row, size_t from)
{
    const struct function *f = (const struct function *)map->stage.node->function;
    for (size_t i = 0; i < map->params.n; i++)
        map->part[i] = row_part(&map->stage.params[i], from, row->n);
    const struct grid *grid = map->stage.node->grid;
    map->grid = (struct grid){grid_time(grid, from), grid->step_ms, row->n};
    map->params.grid = &map->grid;
    map->params.at = map->part;
    if (f->form == FORM_MAP)
        f->u.map(row, &map->params);
    else
        for (size_t i = 0; i < row->n; i++)
            row->v[i] = f->u.each(row->v[i]);
}

static void negate(struct map *map, struct row *row, size_t from)
{
    (void)map;
    (void)from;
    for (size_t i = 0; i < row->n; i++)
        row->v[i] = -row->v[i];
}

static void with_scalar(struct map *map, struct row *row, size_t from)
{
    const struct node *node = map->stage.node;
    const struct ast_binary *binary = &node->ast->u.binary;
    arithmetic_row_scalar(binary->op, binary->returns_bool, row, map->stage.params[0].v + from,
                          node->stream == 1);
}

static enum ampql_code map_finish(struct stage *stage)
{
    struct map *map = (struct map *)stage;
    return unique_emit(&map->unique, stage);
}

static void map_release(struct stage *stage)
{
    struct map *map = (struct map *)stage;
    unique_done(&map->unique);
}

static struct stage *map_new(struct eval_query *query, const struct node *node,
                             void (*change)(struct map *map, struct row *row, size_t from))
{
    static const struct stage_kind kind = {
        .pass = map_pass, .finish = map_finish, .release = map_release};
    struct map *map = (struct map *)stage_new(query, &kind, node, sizeof *map);
    if (!map)
        return NULL;
    unique_init(&map->unique, query->eval);
    map->change = change;
    map->params = (struct params){.n = node->nchild - 1, .dialect = query->eval->dialect};
    map->part = arena_zeroed(&query->eval->work, map->params.n, sizeof *map->part);
    if (!map->part)
        return NULL;
    return stage_expect_params(&map->stage, node->nchild, node->stream) == AMPQL_OK ? &map->stage
                                                                                    : NULL;
}

struct stage *stage_map(struct eval_query *query, const struct node *node)
{
    return map_new(query, node, call_function);
}

struct stage *stage_negate(struct eval_query *query, const struct node *node)
{
    return map_new(query, node, negate);
}

struct stage *stage_vector_scalar(struct eval_query *query, const struct node *node)
{
    return map_new(query, node, with_scalar);
}

/* ---- scalar op scalar */

static enum ampql_code scalars_finish(struct stage *stage)
{
    const struct ast_binary *binary = &stage->node->ast->u.binary;
    struct row *row = &stage->params[0];
    arithmetic_row_scalar(binary->op, true, row, stage->params[1].v, false);
    row_fill(row);
    return stage_emit_own(stage, no_labels, row);
}

struct stage *stage_scalars(struct eval_query *query, const struct node *node)
{
    static const struct stage_kind kind = {.finish = scalars_finish};
    struct stage *stage = stage_new(query, &kind, node, sizeof(struct stage));
    return stage && stage_expect_params(stage, node->nchild, SIZE_MAX) == AMPQL_OK ? stage : NULL;
}
