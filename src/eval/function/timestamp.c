/* timestamp: of a bare selector the sample's own time, which the leaf gives; of anything else the
 * evaluation time.
 *
 * start_timestamp: Prometheus, too, gives nothing while it is not told to keep start timestamps. */
#include "eval/function.h"

static void evaluation_time(struct row *row, const struct params *params)
{
    for (size_t i = 0; i < row->n; i++)
        row->v[i] = (double)grid_time(params->grid, i) / 1000;
}

static void none(struct row *row, const struct params *params)
{
    (void)params;
    row_clear(row);
}

static const struct function rows[] = {
    MAP("start_timestamp", none, "When the sample's series began; empty, since no source says it.",
        .args = {VALUE_VECTOR}, .nargs = 1, .experimental = true),
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
