/* mad_over_time: the median distance of a range's samples from their median. */
#include "eval/function.h"
#include "eval/quantile.h"

#include <math.h>

static bool mad_over_time(const struct window *w, double *out)
{
    double *v = scratch_room(w->scratch, 2 * w->n);
    *out = double_of(NAN_BITS);
    if (!v)
        return false;
    for (size_t i = 0; i < w->n; i++) {
        if (isnan(w->v[i]))
            return true;
        v[i] = w->v[i];
    }
    quantile_sort(v, v + w->n, w->n);
    double median = quantile_of(0.5, v, w->n, w->params->dialect);
    for (size_t i = 0; i < w->n; i++)
        v[i] = fabs(v[i] - median);
    quantile_sort(v, v + w->n, w->n);
    *out = quantile_of(0.5, v, w->n, w->params->dialect);
    return true;
}

static const struct function rows[] = {
    WINDOW_WITH("mad_over_time", mad_over_time, "Median absolute deviation of the samples.",
                .args = {VALUE_MATRIX}, .nargs = 1, .experimental = true),
};
const struct function_table functions_mad = {rows, sizeof rows / sizeof *rows};
