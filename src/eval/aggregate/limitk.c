/* limitk: the first k series of each group, step by step. An instant query has them as Prometheus's
 * heap, which need not be one here, leaves them. */
#include "eval/aggregate.h"
#include "eval/stage.h"

#include <math.h>

static void limit_group(const struct gathered *gathered, size_t group, size_t step)
{
    size_t left = gathered_count(gathered, step);
    for (size_t i = gathered->start[group]; i < gathered->start[group + 1]; i++) {
        struct row *row = gathered_row(gathered, i);
        if (!row_has(row, step))
            continue;
        if (left == 0)
            row_unmark(row, step);
        else
            left--;
    }
}

static double value_of(const struct gathered *gathered, size_t i)
{
    return gathered_row(gathered, i)->v[0];
}

/* Smaller values rise, and NaN above all, as in Go's container/heap. */
static void sift_up(const struct gathered *gathered, size_t *heap, size_t i)
{
    while (i > 0) {
        size_t above = (i - 1) / 2, moved = heap[i];
        double v = value_of(gathered, heap[i]);
        if (!isnan(v) && !(v < value_of(gathered, heap[above])))
            return;
        heap[i] = heap[above];
        heap[above] = moved;
        i = above;
    }
}

static enum ampql_code emit_heaps(const struct gathered *gathered, struct ampql_error *err)
{
    size_t *heap = arena_alloc(&gathered->stage->eval->work, gathered->rows->n + 1, sizeof *heap);
    if (!heap)
        return fail_nomem(err, "a list of series");
    for (size_t g = 0; g < gathered->ngroups; g++) {
        size_t n = 0;
        for (size_t i = gathered->start[g]; i < gathered->start[g + 1]; i++) {
            if (!row_has(gathered_row(gathered, i), 0))
                continue;
            heap[n] = i;
            sift_up(gathered, heap, n++);
        }
        for (size_t i = 0; i < n; i++)
            TRY(stage_emit(gathered->stage, gathered->rows->at[gathered->order[heap[i]]].labels,
                           gathered_row(gathered, heap[i])));
    }
    return AMPQL_OK;
}

static enum ampql_code limitk(struct gathered *gathered, struct ampql_error *err)
{
    TRY(gathered_check_counts(gathered, err));
    for (size_t g = 0; g < gathered->ngroups; g++)
        for (size_t step = 0; step < gathered->grid->n; step++)
            limit_group(gathered, g, step);
    return gathered->grid->n == 1 ? emit_heaps(gathered, err) : gathered_emit_rows(gathered);
}

const struct aggregate aggregate_limitk = {.op = AGGREGATION_LIMITK, .whole = limitk};
