/* ts_of_{first,last,min,max}_over_time: when a range had a sample, in Unix seconds. Of equal
 * extremes it is the newest. */
#include "eval/function.h"

#include <math.h>

static inline double seconds(int64_t ms)
{
    return (double)ms / 1000;
}

static bool ts_of_first_over_time(const struct window *w, double *out)
{
    *out = seconds(w->t[0]);
    return true;
}

static bool ts_of_last_over_time(const struct window *w, double *out)
{
    *out = seconds(w->t[w->n - 1]);
    return true;
}

static bool ts_of_max_over_time(const struct window *w, double *out)
{
    size_t best = 0;
    for (size_t i = 1; i < w->n; i++)
        if (w->v[i] >= w->v[best] || isnan(w->v[best]))
            best = i;
    *out = seconds(w->t[best]);
    return true;
}

static bool ts_of_min_over_time(const struct window *w, double *out)
{
    size_t best = 0;
    for (size_t i = 1; i < w->n; i++)
        if (w->v[i] <= w->v[best] || isnan(w->v[best]))
            best = i;
    *out = seconds(w->t[best]);
    return true;
}

#define TS_OF(NAME, HELP)                                                                          \
    WINDOW_WITH(#NAME, NAME, HELP, .args = {VALUE_MATRIX}, .nargs = 1, .experimental = true)

static const struct function rows[] = {
    TS_OF(ts_of_first_over_time, "Time of the oldest sample in the range."),
    TS_OF(ts_of_last_over_time, "Time of the newest sample in the range."),
    TS_OF(ts_of_max_over_time, "Time of the largest sample in the range."),
    TS_OF(ts_of_min_over_time, "Time of the smallest sample in the range."),
};
const struct function_table functions_ts_of = {rows, sizeof rows / sizeof *rows};
