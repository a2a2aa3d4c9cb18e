/* timestamp: of a bare selector the sample's own time, which the leaf gives; of anything else the
 * evaluation time. */
#include "eval/function.h"

static void evaluation_time(struct row *row, const struct params *params)
{
    for (size_t i = 0; i < row->n; i++)
        row->v[i] = (double)grid_time(params->grid, i) / 1000;
}

static const struct function rows[] = {
    {.sig = {.name = "timestamp",
             .help = "The sample's time in Unix seconds.",
             .args = {VALUE_VECTOR},
             .nargs = 1,
             .result = VALUE_VECTOR,
             .kernel = KERNEL_TIMESTAMP,
             .reads_time = true},
     .form = FORM_MAP,
     .u.map = evaluation_time},
};
const struct function_table functions_timestamp = {rows, sizeof rows / sizeof *rows};
