/* stddev_over_time stdvar_over_time: spread of a range's samples around their mean, in one
 * compensated pass (Welford). */
#include "eval/function.h"
#include "eval/kahan.h"

static inline double variance(const double *v, size_t n, void (*add)(double, double *, double *))
{
    double mean = 0, mean_c = 0, squares = 0, squares_c = 0;
    for (size_t i = 0; i < n; i++) {
        double away = v[i] - (mean + mean_c);
        add(away / (double)(i + 1), &mean, &mean_c);
        add(away * (v[i] - (mean + mean_c)), &squares, &squares_c);
    }
    return (squares + squares_c) / (double)n;
}

static bool stdvar_over_time(const struct window *w, double *out)
{
    *out = w->params->dialect == AMPQL_PROM2 ? variance(w->v, w->n, kahan_add_prom2)
                                             : variance(w->v, w->n, kahan_add);
    return true;
}

static bool stddev_over_time(const struct window *w, double *out)
{
    stdvar_over_time(w, out);
    *out = sqrt(*out);
    return true;
}

static const struct function rows[] = {
    WINDOW("stddev_over_time", stddev_over_time, "Standard deviation of the samples in the range."),
    WINDOW("stdvar_over_time", stdvar_over_time, "Variance of the samples in the range."),
};
const struct function_table functions_stddev = {rows, sizeof rows / sizeof *rows};
