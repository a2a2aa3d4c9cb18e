/* max_of min_of: the larger and the smaller of two scalars. */
#include "base/gomath.h"
#include "eval/function.h"

static const struct labels no_labels = {.at = &(const struct label){0, 0}, .n = 0};

static enum ampql_code pick(struct call *call, double (*of)(double a, double b),
                            struct ampql_error *err)
{
    const double *a = call_scalar(call, 0), *b = call_scalar(call, 1);
    struct row *row = NULL;
    TRY(call_row(call, &row, err));
    for (size_t i = 0; i < row->n; i++)
        row->v[i] = of(a[i], b[i]);
    row_fill(row);
    return call_emit(call, no_labels, row);
}

static enum ampql_code max_of(struct call *call, struct ampql_error *err)
{
    return pick(call, go_max, err);
}

static enum ampql_code min_of(struct call *call, struct ampql_error *err)
{
    return pick(call, go_min, err);
}

static const struct function rows[] = {
    CALL("max_of", max_of, "The larger of two numbers.", .args = {VALUE_SCALAR, VALUE_SCALAR},
         .nargs = 2, .result = VALUE_SCALAR, .experimental = true),
    CALL("min_of", min_of, "The smaller of two numbers.", .args = {VALUE_SCALAR, VALUE_SCALAR},
         .nargs = 2, .result = VALUE_SCALAR, .experimental = true),
};
const struct function_table functions_extreme = {rows, sizeof rows / sizeof *rows};
