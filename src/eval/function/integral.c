/* integral: the area under a range's samples, by rectangles or trapezoids. A NaN counts as zero. */
#include "eval/function.h"
#include "eval/kahan.h"
#include "eval/note.h"

#include <math.h>

enum strategy { LEFT_POINT, RIGHT_POINT, TRAPEZOIDAL };

static bool is_strategy(double number)
{
    return number == LEFT_POINT || number == RIGHT_POINT || number == TRAPEZOIDAL;
}

/* The mean of two values, as a sum with its compensation. */
static void mean_of(double before, double now, double *mean, double *c)
{
    *mean = before;
    *c = 0;
    kahan_add(now, mean, c);
    if (isinf(*mean) && !isinf(now) && !isinf(before)) { /* the sum overflows, the mean does not */
        *mean = before / 2;
        *c = 0;
        kahan_add(now / 2, mean, c);
        return;
    }
    *mean /= 2;
    *c /= 2;
}

static double value_of(double v)
{
    return isnan(v) ? 0 : v;
}

static bool integral(const struct window *w, double *out)
{
    enum strategy strategy = TRAPEZOIDAL;
    double sum = 0, sum_c = 0;
    if (w->params->n > 0 && is_strategy(param(w->params, 0, w->step)))
        strategy = (enum strategy)param(w->params, 0, w->step);
    for (size_t i = 1; i < w->n; i++) {
        double before = value_of(w->v[i - 1]), now = value_of(w->v[i]);
        double seconds = (double)(w->t[i] - w->t[i - 1]) / 1000;
        double height = strategy == LEFT_POINT ? before : now, c = 0;
        if (strategy == TRAPEZOIDAL && (before != 0 || now != 0))
            mean_of(before, now, &height, &c);
        if (height == 0 && c == 0)
            continue;
        sum_c += c * seconds;
        kahan_add(height * seconds, &sum, &sum_c);
    }
    *out = isinf(sum) ? sum : sum + sum_c;
    return true;
}

static enum ampql_code note_strategy_of(struct stage *stage, struct labels labels,
                                        const struct row *out, const struct params *params)
{
    (void)labels;
    for (size_t i = 0; i < out->n && params->n > 0; i++)
        if (row_has(out, i) && !is_strategy(param(params, 0, i)))
            TRY(note_strategy(stage, stage->node->ast->u.call.args[1], param(params, 0, i)));
    return AMPQL_OK;
}

static const struct function rows[] = {
    {.sig = {.name = "integral",
             .help = "Area under the samples of the range, in value times seconds.",
             .args = {VALUE_MATRIX, VALUE_SCALAR},
             .nargs = 2,
             .optional = 1,
             .result = VALUE_VECTOR,
             .kernel = KERNEL_RANGE,
             .experimental = true},
     .form = FORM_WINDOW,
     .u.window = integral,
     .note = note_strategy_of},
};
const struct function_table functions_integral = {rows, sizeof rows / sizeof *rows};
