/* quantile: of the values of a group. */
#include "eval/quantile.h"
#include "eval/aggregate.h"
#include "eval/note.h"

#include <math.h>

static enum ampql_code fill(const struct gathered *gathered, size_t group, double *room,
                            struct row *out)
{
    for (size_t step = 0; step < out->n; step++) {
        size_t n = 0;
        TRY(gathered_polls(gathered, group));
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
    return AMPQL_OK;
}

/* NaN, the largest and the smallest are looked at, as in Prometheus: beside a NaN the largest is
 * only one that is infinite. */
static enum ampql_code note_param(const struct gathered *gathered)
{
    const struct ast *where = gathered->ast->u.aggregate.param;
    const struct row *param = gathered->param;
    double least = 0, most = 1;
    bool has_nan = false;
    for (size_t i = 0; i < param->n; i++) {
        has_nan |= isnan(param->v[i]) != 0;
        least = param->v[i] < least ? param->v[i] : least;
        most = param->v[i] > most ? param->v[i] : most;
    }
    if (has_nan)
        TRY(note_quantile(gathered->stage, where, double_of(NAN_BITS)));
    if (!has_nan || isinf(most))
        TRY(note_quantile(gathered->stage, where, most));
    return has_nan && !isinf(least) ? AMPQL_OK : note_quantile(gathered->stage, where, least);
}

static enum ampql_code quantile(struct gathered *gathered, struct ampql_error *err)
{
    struct eval *eval = gathered->stage->eval;
    double *room = arena_alloc(&eval->work, gathered->rows->n, 2 * sizeof *room);
    struct row row;
    if (!room)
        return fail_nomem(err, "the values of a group");
    TRY(note_param(gathered));
    TRY(eval_take(eval, gathered->grid->n, &row, err));
    for (size_t g = 0; g < gathered->ngroups; g++) {
        row_clear(&row);
        TRY(fill(gathered, g, room, &row));
        TRY(stage_emit(gathered->stage, gathered->groups[g], &row));
    }
    eval_give(eval, &row);
    return AMPQL_OK;
}

const struct aggregate aggregate_quantile = {.op = AGGREGATION_QUANTILE, .whole = quantile};
