/* topk bottomk: the k largest or smallest series of each group, step by step, under their own
 * labels. Of equal values at the border the first seen stays. An instant query has them in order,
 * best first. */
#include "eval/aggregate.h"
#include "eval/stage.h"

#include <math.h>
#include <stdlib.h>

/* A series among the best so far; larger is better (bottomk negates), NaN is worst. */
struct candidate {
    double value;
    size_t row;   /* in gathered.rows */
    size_t place; /* in the heap, for equal values in the result */
};

/* The worst is at[0]. The moves are those of Go's container/heap, because they decide which of
 * equal values goes. */
struct heap {
    struct candidate *at; /* [n], n <= k */
    size_t n, k;
    bool is_prom2;
};

static inline bool is_worse(const struct candidate *a, const struct candidate *b)
{
    return isnan(a->value) || a->value < b->value;
}

static inline void swap(struct candidate *a, struct candidate *b)
{
    struct candidate c = *a;
    *a = *b;
    *b = c;
}

static void sift_up(struct heap *heap, size_t i)
{
    while (i > 0 && is_worse(&heap->at[i], &heap->at[(i - 1) / 2])) {
        swap(&heap->at[i], &heap->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sift_down(struct heap *heap, size_t n)
{
    for (size_t i = 0, child = 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && is_worse(&heap->at[child + 1], &heap->at[child]))
            child++;
        if (!is_worse(&heap->at[child], &heap->at[i]))
            return;
        swap(&heap->at[i], &heap->at[child]);
        i = child;
    }
}

static void offer(struct heap *heap, struct candidate c)
{
    if (heap->n < heap->k) {
        heap->at[heap->n++] = c;
        sift_up(heap, heap->n - 1);
    } else if (heap->at[0].value < c.value ||
               (isnan(heap->at[0].value) && (heap->is_prom2 || !isnan(c.value)))) {
        if (heap->is_prom2) { /* takes the worst off, then puts the new one on */
            swap(&heap->at[0], &heap->at[heap->n - 1]);
            sift_down(heap, heap->n - 1);
            heap->at[heap->n - 1] = c;
            sift_up(heap, heap->n - 1);
        } else {
            heap->at[0] = c;
            sift_down(heap, heap->n);
        }
    }
}

/* The best of a group at a step; all its others lose the step. */
static void pick(const struct gathered *gathered, size_t group, size_t step, struct heap *heap)
{
    bool is_bottom = gathered->ast->u.aggregate.op == AGGREGATION_BOTTOMK;
    heap->n = 0;
    heap->k = gathered_count(gathered, step);
    for (size_t i = gathered->start[group]; i < gathered->start[group + 1]; i++) {
        struct row *row = gathered_row(gathered, i);
        if (!row_has(row, step))
            continue;
        row_unmark(row, step);
        if (heap->k > 0)
            offer(heap, (struct candidate){.value = is_bottom ? -row->v[step] : row->v[step],
                                           .row = gathered->order[i]});
    }
    for (size_t i = 0; i < heap->n; i++)
        row_mark(&gathered->rows->at[heap->at[i].row].row, step);
}

static int best_first(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (isnan(x->value) != isnan(y->value))
        return isnan(x->value) ? 1 : -1;
    if (x->value != y->value && !isnan(x->value))
        return x->value < y->value ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Go's sort is an insertion sort up to a dozen; of more, the order of equal ones is ours. */
static void sort_best_first(struct heap *heap)
{
    enum { FEW = 12 };
    for (size_t i = 0; i < heap->n; i++)
        heap->at[i].place = i;
    if (heap->n > FEW) {
        qsort(heap->at, heap->n, sizeof *heap->at, best_first);
        return;
    }
    for (size_t i = 1; i < heap->n; i++)
        for (size_t k = i; k > 0 && is_worse(&heap->at[k - 1], &heap->at[k]); k--)
            swap(&heap->at[k], &heap->at[k - 1]);
}

static enum ampql_code emit_best_first(const struct gathered *gathered, struct heap *heap)
{
    sort_best_first(heap);
    for (size_t i = 0; i < heap->n; i++) {
        struct kept *kept = &gathered->rows->at[heap->at[i].row];
        TRY(stage_emit(gathered->stage, kept->labels, &kept->row));
    }
    return AMPQL_OK;
}

static enum ampql_code topk(struct gathered *gathered, struct ampql_error *err)
{
    struct heap heap = {.is_prom2 = gathered->dialect == AMPQL_PROM2};
    TRY(gathered_check_counts(gathered, err));
    heap.at = arena_alloc(&gathered->stage->eval->work, gathered->rows->n, sizeof *heap.at);
    if (!heap.at)
        return fail_nomem(err, "the best of a group");
    for (size_t g = 0; g < gathered->ngroups; g++) {
        for (size_t step = 0; step < gathered->grid->n; step++) {
            TRY(gathered_polls(gathered, g));
            pick(gathered, g, step, &heap);
        }
        if (gathered->grid->n == 1)
            TRY(emit_best_first(gathered, &heap));
    }
    return gathered->grid->n == 1 ? AMPQL_OK : gathered_emit_rows(gathered);
}

const struct aggregate aggregate_topk = {.op = AGGREGATION_TOPK, .whole = topk};
const struct aggregate aggregate_bottomk = {.op = AGGREGATION_BOTTOMK, .whole = topk};
