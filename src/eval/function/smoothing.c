/* double_exponential_smoothing, in 2.x named holt_winters: a smoothed value that follows the trend
 * of a range. */
#include "eval/function.h"

#include "base/number.h"

#include <math.h>

/* Refuse a factor that is not between 0 and 1. */
static bool check_factor(const struct window *w, const char *what, const char *name, double factor)
{
    struct scratch *scratch = w->scratch;
    char text[NUMBER_MAX];
    if (!(factor <= 0 || factor >= 1))
        return true;
    /* as Go's %f writes it: six decimals */
    double millionths = rint(fabs(factor) * 1e6);
    if (millionths < 9e15) {
        long long n = (long long)millionths;
        scratch->failed = fail(scratch->err, AMPQL_EXECUTION,
                               "invalid %s factor. Expected: 0 < %s < 1, got: %s%lld.%06lld", what,
                               name, signbit(factor) ? "-" : "", n / 1000000, n % 1000000);
        return false;
    }
    number_format_fixed(factor, text);
    scratch->failed = fail(scratch->err, AMPQL_EXECUTION,
                           "invalid %s factor. Expected: 0 < %s < 1, got: %.300s%s", what, name,
                           text, isinf(factor) ? "" : ".000000");
    return false;
}

static bool double_exponential_smoothing(const struct window *w, double *out)
{
    double smoothing = param(w->params, 0, w->step), trending = param(w->params, 1, w->step);
    if (w->scratch->failed || !check_factor(w, "smoothing", "sf", smoothing) ||
        !check_factor(w, "trend", "tf", trending) || w->n < 2)
        return false;
    double before = 0, smoothed = w->v[0], trend = w->v[1] - w->v[0];
    for (size_t i = 1; i < w->n; i++) {
        double x = smoothing * w->v[i];
        if (i > 1)
            trend = trending * (smoothed - before) + (1 - trending) * trend;
        double y = (1 - smoothing) * (smoothed + trend);
        before = smoothed;
        smoothed = x + y;
    }
    *out = smoothed;
    return true;
}

static const struct function rows[] = {
    WINDOW_WITH("double_exponential_smoothing", double_exponential_smoothing,
                "Smoothed value of a gauge that follows its trend.",
                .args = {VALUE_MATRIX, VALUE_SCALAR, VALUE_SCALAR}, .nargs = 3,
                .experimental = true),
    WINDOW_WITH("holt_winters", double_exponential_smoothing,
                "2.x's name of double_exponential_smoothing.",
                .args = {VALUE_MATRIX, VALUE_SCALAR, VALUE_SCALAR}, .nargs = 3, .only_prom2 = true),
};
const struct function_table functions_smoothing = {rows, sizeof rows / sizeof *rows};
