/* clamp clamp_min clamp_max: values held within bounds. */
#include "base/gomath.h"
#include "eval/function.h"

static void clamp(struct row *row, const struct params *params)
{
    for (size_t i = 0; i < row->n; i++) {
        double low = param(params, 0, i), high = param(params, 1, i);
        row->v[i] = go_max(low, go_min(high, row->v[i]));
        if (high < low)
            row_unmark(row, i);
    }
}

static void clamp_max(struct row *row, const struct params *params)
{
    for (size_t i = 0; i < row->n; i++)
        row->v[i] = go_min(param(params, 0, i), row->v[i]);
}

static void clamp_min(struct row *row, const struct params *params)
{
    for (size_t i = 0; i < row->n; i++)
        row->v[i] = go_max(param(params, 0, i), row->v[i]);
}

static const struct function rows[] = {
    MAP("clamp", clamp, "Values held between a lower and an upper bound.",
        .args = {VALUE_VECTOR, VALUE_SCALAR, VALUE_SCALAR}, .nargs = 3),
    MAP("clamp_max", clamp_max, "Values held at or below a bound.",
        .args = {VALUE_VECTOR, VALUE_SCALAR}, .nargs = 2),
    MAP("clamp_min", clamp_min, "Values held at or above a bound.",
        .args = {VALUE_VECTOR, VALUE_SCALAR}, .nargs = 2),
};
const struct function_table functions_clamp = {rows, sizeof rows / sizeof *rows};
