/* scalar vector time pi: between scalars and vectors. */
#include "eval/eval.h"
#include "eval/function.h"

#include <math.h>

static const struct labels no_labels = {.at = &(const struct label){0, 0}, .n = 0};

/* The value where exactly one series has one, NaN elsewhere. */
static enum ampql_code scalar(struct call *call, struct ampql_error *err)
{
    struct row *row = NULL;
    TRY(call_row(call, &row, err));
    const struct kept_list *args = &call->args[0];
    for (size_t i = 0; i < row->n; i++) {
        size_t count = 0;
        row->v[i] = double_of(NAN_BITS);
        for (size_t s = 0; s < args->n && count < 2; s++) {
            if (!row_has(&args->at[s].row, i))
                continue;
            row->v[i] = args->at[s].row.v[i];
            count++;
        }
        if (count != 1)
            row->v[i] = double_of(NAN_BITS);
    }
    row_fill(row);
    return call_emit(call, no_labels, row);
}

static enum ampql_code vector(struct call *call, struct ampql_error *err)
{
    (void)err;
    return call_emit(call, no_labels, &call->args[0].at[0].row);
}

static enum ampql_code time_(struct call *call, struct ampql_error *err)
{
    struct row *row = NULL;
    TRY(call_row(call, &row, err));
    for (size_t i = 0; i < row->n; i++)
        row->v[i] = (double)grid_time(call->grid, i) / 1000;
    row_fill(row);
    return call_emit(call, no_labels, row);
}

static enum ampql_code pi(struct call *call, struct ampql_error *err)
{
    struct row *row = NULL;
    TRY(call_row(call, &row, err));
    for (size_t i = 0; i < row->n; i++)
        row->v[i] = M_PI;
    row_fill(row);
    return call_emit(call, no_labels, row);
}

static const struct function rows[] = {
    CALL("pi", pi, "3.141592653589793.", .result = VALUE_SCALAR),
    CALL("scalar", scalar, "The value of a vector of one series, else NaN.", .args = {VALUE_VECTOR},
         .nargs = 1, .result = VALUE_SCALAR),
    CALL("time", time_, "The evaluation time in Unix seconds.", .result = VALUE_SCALAR,
         .reads_time = true),
    CALL("vector", vector, "A vector of one series without labels.", .args = {VALUE_SCALAR},
         .nargs = 1, .result = VALUE_VECTOR),
};
const struct function_table functions_scalar = {rows, sizeof rows / sizeof *rows};
