/* quantile: of the values of a group. */
#include "eval/quantile.h"
#include "eval/aggregate.h"
#include "eval/stage.h"

static void fill(const struct gathered *gathered, size_t group, double *room, struct row *out)
{
    for (size_t step = 0; step < out->n; step++) {
        size_t n = 0;
        for (size_t i = gathered->start[group]; i < gathered->start[group + 1]; i++)
            if (row_has(gathered_row(gathered, i), step))
                room[n++] = gathered_row(gathered, i)->v[step];
        out->v[step] = 0;
        if (n == 0)
            continue;
        quantile_sort(room, room + n, n);
        out->v[step] =
            quantile_of(gathered->param->v[step], room, n, gathered->stage->eval->dialect);
        row_mark(out, step);
    }
}

static enum ampql_code quantile(struct gathered *gathered, struct ampql_error *err)
{
    struct eval *eval = gathered->stage->eval;
    double *room = arena_alloc(&eval->work, gathered->rows->n, 2 * sizeof *room);
    struct row row;
    if (!room)
        return fail_nomem(err, "the values of a group");
    TRY(eval_take(eval, gathered->grid->n, &row, err));
    for (size_t g = 0; g < gathered->ngroups; g++) {
        row_clear(&row);
        fill(gathered, g, room, &row);
        TRY(stage_emit(gathered->stage, gathered->groups[g], &row));
    }
    eval_give(eval, &row);
    return AMPQL_OK;
}

const struct aggregate aggregate_quantile = {.op = AGGREGATION_QUANTILE, .whole = quantile};
