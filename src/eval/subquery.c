/* Subqueries: rows on a grid of their own become samples, and a range function's windows go over
 * those. */
#include "eval/stage.h"

struct subquery {
    struct stage stage;
    struct row row;
    struct unique unique;
    struct scratch scratch;
    struct params params;
    int64_t *t; /* [grid of the child] a row's points as samples */
    double *v;
};

/* The points of an inner row; a full row needs no copy of its values. */
static struct samples points_of(struct subquery *sub, const struct row *row)
{
    const struct grid *grid = sub->stage.node->child[0]->grid;
    if (row_is_full(row)) {
        if (row->n && sub->t[row->n - 1] != grid_end(grid))
            for (size_t i = 0; i < row->n; i++)
                sub->t[i] = grid_time(grid, i);
        return (struct samples){sub->t, row->v, row->n};
    }
    size_t n = 0;
    for (size_t w = 0; w < row_words(row->n); w++) {
        uint64_t bits = row->present[w];
        size_t base = w * 64;
        if (bits == UINT64_MAX) { /* most words: no branch for a point */
            for (size_t k = 0; k < 64; k++)
                sub->t[n + k] = grid_time(grid, base + k);
            memcpy(sub->v + n, row->v + base, 64 * sizeof *row->v);
            n += 64;
            continue;
        }
        for (; bits; bits &= bits - 1) {
            size_t i = base + (size_t)__builtin_ctzll(bits);
            sub->t[n] = grid_time(grid, i);
            sub->v[n++] = row->v[i];
        }
    }
    if (n < row->n)
        sub->t[row->n - 1] = grid->start_ms - 1; /* the times are no longer the whole grid's */
    return (struct samples){sub->t, sub->v, n};
}

static enum ampql_code subquery_push(struct stage *stage, size_t slot, struct labels labels,
                                     struct row *row)
{
    struct subquery *sub = (struct subquery *)stage;
    (void)slot;
    struct samples points = points_of(sub, row);
    sub->params.at = stage->params;
    row_clear(&sub->row);
    const struct function *function = (const struct function *)stage->node->function;
    function_run_range(function, &points, &stage->node->windows, &sub->row, &sub->scratch);
    if (sub->scratch.failed)
        return sub->scratch.failed;
    if (row_is_empty(&sub->row))
        return AMPQL_OK;
    if (function->note)
        TRY(function->note(stage, labels, &sub->row, &sub->params));
    if (stage->node->drops_name) {
        labels = stage_drop_name(stage, labels);
        if (!labels.at)
            return fail_nomem(stage_err(stage), "a series' labels");
    }
    if (stage->node->may_collide || stage->had_metadata)
        return unique_add(&sub->unique, stage, labels, &sub->row, stage_range_rule(stage));
    return stage_emit(stage, labels, &sub->row);
}

static enum ampql_code samples_push(struct stage *stage, size_t slot, struct labels labels,
                                    struct row *row)
{
    struct subquery *sub = (struct subquery *)stage;
    (void)slot;
    struct samples points = points_of(sub, row);
    size_t lo = 0, hi = 0;
    window_advance(&points, &stage->node->windows, 0, &lo, &hi);
    points = (struct samples){points.t + lo, points.v + lo, hi - lo};
    return stage_keep_samples(stage, labels, &points);
}

static enum ampql_code subquery_finish(struct stage *stage)
{
    struct subquery *sub = (struct subquery *)stage;
    eval_give(stage->eval, &sub->row);
    return unique_emit(&sub->unique, stage);
}

static void subquery_release(struct stage *stage)
{
    struct subquery *sub = (struct subquery *)stage;
    unique_done(&sub->unique);
    alloc_put(stage->eval->alc, sub->scratch.v, sub->scratch.nv, sizeof *sub->scratch.v);
}

static struct stage *subquery_new(struct eval_query *query, const struct node *node,
                                  const struct stage_kind *kind)
{
    struct subquery *sub = (struct subquery *)stage_new(query, kind, node, sizeof *sub);
    if (!sub)
        return NULL;
    struct eval *eval = query->eval;
    size_t npoints = node->child[0]->grid->n;
    unique_init(&sub->unique, eval);
    sub->params =
        (struct params){.n = node->nchild - 1, .dialect = eval->dialect, .grid = node->grid};
    sub->scratch = (struct scratch){
        .alc = eval->alc, .poll = &eval->poll, .params = &sub->params, .err = &query->err};
    if (eval_count(eval, npoints, &query->err) != AMPQL_OK ||
        eval_take(eval, node->grid->n, &sub->row, &query->err) != AMPQL_OK)
        return NULL;
    sub->t = arena_alloc(&eval->work, npoints + 1, sizeof *sub->t);
    sub->v = arena_alloc(&eval->work, npoints + 1, sizeof *sub->v);
    if (!sub->t || !sub->v) {
        fail(&query->err, AMPQL_NOMEM, "no memory for a subquery of %zu points", npoints);
        return NULL;
    }
    if (npoints) /* not yet the times of the grid */
        sub->t[npoints - 1] = node->child[0]->grid->start_ms - 1;
    return &sub->stage;
}

struct stage *stage_subquery(struct eval_query *query, const struct node *node)
{
    static const struct stage_kind kind = {
        .push = subquery_push, .finish = subquery_finish, .release = subquery_release};
    struct stage *stage = subquery_new(query, node, &kind);
    return stage && stage_expect_params(stage, node->nchild, 0) == AMPQL_OK ? stage : NULL;
}

struct stage *stage_subquery_samples(struct eval_query *query, const struct node *node)
{
    static const struct stage_kind kind = {.push = samples_push, .release = subquery_release};
    return subquery_new(query, node, &kind);
}
