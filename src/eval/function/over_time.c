/* avg min max sum count last first present absent _over_time: one value from a window's samples.
 *
 * Sums are a fresh compensated sum from left to right for each window, because that is what
 * Prometheus's bits are. */
#include "eval/function.h"
#include "eval/kahan.h"
#include "eval/mean.h"

static bool sum_over_time(const struct window *w, double *out)
{
    double sum, c;
    kahan_sum(w->v, w->n, &sum, &c);
    if (!isfinite(sum)) {
        sum = c = 0;
        for (size_t i = 0; i < w->n; i++)
            kahan_add(w->v[i], &sum, &c);
    }
    *out = isinf(sum)
               ? sum
               : sum + c; /* + c also turns a sum of -0 into 0, as Prometheus's start from 0 does */
    return true;
}

static bool avg_over_time(const struct window *w, double *out)
{
    *out = w->params->dialect == AMPQL_PROM2 ? mean_prom2(w->v, w->n) : mean(w->v, w->n);
    return true;
}

/* The largest of v [n] when there is no NaN and it is not a zero: several maxima at once, so that
 * it vectorises. False when the order matters: for NaN, and for which of 0 and -0 came first. */
static inline bool quick_max(const double *v, size_t n, double sign, double *out)
{
    enum { LANES = 16 };
    double best[LANES];
    bool has_nan = false;
    if (n < 2 * LANES)
        return false;
    for (size_t k = 0; k < LANES; k++)
        best[k] = sign * v[k];
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++) {
            double x = sign * v[i + k];
            has_nan |= x != x;
            best[k] = x > best[k] ? x : best[k];
        }
    double all = best[0];
    for (size_t k = 1; k < LANES; k++)
        all = best[k] > all ? best[k] : all;
    for (; i < n; i++) {
        has_nan |= v[i] != v[i];
        all = sign * v[i] > all ? sign * v[i] : all;
    }
    *out = sign * all;
    return !has_nan && all != 0;
}

/* NaN only if all values are. */
static bool min_over_time(const struct window *w, double *out)
{
    if (quick_max(w->v, w->n, -1, out))
        return true;
    double min = w->v[0];
    for (size_t i = 1; i < w->n; i++)
        if (w->v[i] < min || isnan(min))
            min = w->v[i];
    *out = min;
    return true;
}

static bool max_over_time(const struct window *w, double *out)
{
    if (quick_max(w->v, w->n, 1, out))
        return true;
    double max = w->v[0];
    for (size_t i = 1; i < w->n; i++)
        if (w->v[i] > max || isnan(max))
            max = w->v[i];
    *out = max;
    return true;
}

static void count_over_time(const struct samples *s, const struct windows *windows, struct row *out,
                            struct scratch *scratch)
{
    size_t lo = 0, hi = 0, from, to;
    uint64_t work = 0;
    windows_reach(s, windows, out, &from, &to);
    for (size_t i = from; i < to; i++) {
        window_advance(s, windows, i, &lo, &hi);
        if (scratch_stops(scratch, &work, 1))
            return;
        out->v[i] = (double)(hi - lo);
        if (hi > lo)
            row_mark(out, i);
    }
}

static bool last_over_time(const struct window *w, double *out)
{
    *out = w->v[w->n - 1];
    return true;
}

static bool first_over_time(const struct window *w, double *out)
{
    *out = w->v[0];
    return true;
}

static bool present_over_time(const struct window *w, double *out)
{
    (void)w;
    *out = 1;
    return true;
}

#define KEEPS_NAME(NAME, F, HELP)                                                                  \
    WINDOW_WITH(NAME, F, HELP, .args = {VALUE_MATRIX}, .nargs = 1, .keeps_name = true)

static const struct function rows[] = {
    WINDOW("avg_over_time", avg_over_time, "Mean of the samples in the range."),
    RANGE("count_over_time", count_over_time, "Number of samples in the range."),
    KEEPS_NAME("first_over_time", first_over_time, "Oldest sample in the range."),
    KEEPS_NAME("last_over_time", last_over_time, "Newest sample in the range."),
    WINDOW("max_over_time", max_over_time, "Largest sample in the range."),
    WINDOW("min_over_time", min_over_time, "Smallest sample in the range."),
    WINDOW("present_over_time", present_over_time, "1 where the range has a sample."),
    WINDOW("sum_over_time", sum_over_time, "Sum of the samples in the range."),
    {.sig = {.name = "absent_over_time",
             .help = "1 where no series has a sample in the range.",
             .args = {VALUE_MATRIX},
             .nargs = 1,
             .result = VALUE_VECTOR,
             .kernel = KERNEL_ABSENT_OVER_TIME},
     .form = FORM_WINDOW,
     .u.window = present_over_time},
};
const struct function_table functions_over_time = {rows, sizeof rows / sizeof *rows};
