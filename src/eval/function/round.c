/* round: to the nearest multiple of a number, halves up. */
#include "eval/function.h"

#include <math.h>

/* By the inverse, which is what Prometheus's bits are: 0.1 is further from its decimal than 10. */
static void round_(struct row *row, const struct params *params)
{
    for (size_t i = 0; i < row->n; i++) {
        double inverse = 1 / (params->n ? param(params, 0, i) : 1);
        row->v[i] = floor(row->v[i] * inverse + 0.5) / inverse;
    }
}

static const struct function rows[] = {
    MAP("round", round_, "Rounded to a multiple of a number, 1 when none is given.",
        .args = {VALUE_VECTOR, VALUE_SCALAR}, .nargs = 2, .optional = 1),
};
const struct function_table functions_round = {rows, sizeof rows / sizeof *rows};
