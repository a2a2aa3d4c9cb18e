/* deriv predict_linear: a line through a range's samples, by least squares. */
#include "eval/function.h"
#include "eval/kahan.h"

struct line {
    double slope, intercept; /* per second; at the time called zero */
};

/* A compensated sum, which in 2.42 has no case for infinities. */
struct total {
    double sum, c;
};

static inline void total_add(struct total *total, double x, bool is_prom2)
{
    if (is_prom2)
        kahan_add_prom2(x, &total->sum, &total->c);
    else
        kahan_add(x, &total->sum, &total->c);
}

static inline double total_value(const struct total *total)
{
    return total->sum + total->c;
}

static bool is_constant(const double *v, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (v[i] != v[0])
            return false;
    return true;
}

static struct line fit(const struct window *w, int64_t zero_ms)
{
    bool is_prom2 = w->params->dialect == AMPQL_PROM2;
    struct total sx = {0, 0}, sy = {0, 0}, sxy = {0, 0}, sxx = {0, 0};
    if (is_constant(w->v, w->n)) {
        double nan = double_of(NAN_BITS);
        return isinf(w->v[0]) ? (struct line){nan, nan} : (struct line){0, w->v[0]};
    }
    for (size_t i = 0; i < w->n; i++) {
        double x = (double)(w->t[i] - zero_ms) / 1000;
        total_add(&sx, x, is_prom2);
        total_add(&sy, w->v[i], is_prom2);
        total_add(&sxy, x * w->v[i], is_prom2);
        total_add(&sxx, x * x, is_prom2);
    }
    double n = (double)w->n, x = total_value(&sx), y = total_value(&sy);
    double covariance = total_value(&sxy) - x * y / n, variance = total_value(&sxx) - x * x / n;
    double slope = covariance / variance;
    return (struct line){slope, y / n - slope * x / n};
}

static bool deriv(const struct window *w, double *out)
{
    if (w->n < 2)
        return false;
    *out = fit(w, w->t[0]).slope;
    return true;
}

/* The line's zero is the evaluation time, whatever the selector's offset. */
static bool predict_linear(const struct window *w, double *out)
{
    if (w->n < 2)
        return false;
    struct line line = fit(w, w->eval_ms);
    *out = line.slope * param(w->params, 0, w->step) + line.intercept;
    return true;
}

static const struct function rows[] = {
    WINDOW("deriv", deriv, "Per-second slope of a gauge over the range."),
    WINDOW_WITH("predict_linear", predict_linear, "The value that many seconds from now.",
                .args = {VALUE_MATRIX, VALUE_SCALAR}, .nargs = 2, .reads_time = true),
};
const struct function_table functions_deriv = {rows, sizeof rows / sizeof *rows};
