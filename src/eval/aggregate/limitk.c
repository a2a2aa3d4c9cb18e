/* limitk: the first k series of each group, step by step. */
#include "eval/aggregate.h"

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

static enum ampql_code limitk(struct gathered *gathered, struct ampql_error *err)
{
    TRY(gathered_check_counts(gathered, err));
    for (size_t g = 0; g < gathered->ngroups; g++)
        for (size_t step = 0; step < gathered->grid->n; step++) {
            TRY(gathered_polls(gathered, g));
            limit_group(gathered, g, step);
        }
    return gathered_emit_heaps(gathered);
}

const struct aggregate aggregate_limitk = {.op = AGGREGATION_LIMITK, .whole = limitk};
