/* Functions of range vectors in the reference evaluator: one window at a time. */
#include "reference/table.h"

#include <math.h>
#include <stdlib.h>

/* One window, n >= 1 samples, and the call's scalar parameter; false: no value. */
typedef bool (*window_function)(struct ref_run *run, const struct ref_window *w, double param,
                                double *out);

static double counter_zero(const struct ref_window *w, double result, double sampled, double start)
{
    if (!(result > 0 && w->v[0] >= 0))
        return start;
    double zero = sampled * (w->v[0] / result);
    return zero < start ? zero : start;
}

static bool extrapolate(const struct ref_window *w, bool is_counter, bool is_rate, double *out)
{
    if (w->n < 2)
        return false;
    size_t last = w->n - 1;
    double result = w->v[last] - w->v[0];
    for (size_t i = 1; is_counter && i < w->n; i++)
        if (w->v[i] < w->v[i - 1])
            result += w->v[i - 1];
    double to_start = (double)(w->t[0] - (w->end - w->range_ms)) / 1000;
    double to_end = (double)(w->end - w->t[last]) / 1000;
    double sampled = (double)(w->t[last] - w->t[0]) / 1000;
    double average = sampled / (double)last, threshold = average * 1.1;
    if (w->prom2 && is_counter)
        to_start = counter_zero(w, result, sampled, to_start);
    if (to_start >= threshold)
        to_start = average / 2;
    if (!w->prom2 && is_counter)
        to_start = counter_zero(w, result, sampled, to_start);
    if (to_end >= threshold)
        to_end = average / 2;
    double factor = (sampled + to_start + to_end) / sampled;
    if (is_rate)
        factor /= ref_seconds(w->range_ms);
    *out = result * factor;
    return true;
}

#define WINDOW(name)                                                                               \
    static bool name(struct ref_run *run, const struct ref_window *w, double param, double *out)
#define UNUSED ((void)run, (void)param)

WINDOW(rate)
{
    UNUSED;
    return extrapolate(w, true, true, out);
}

WINDOW(increase)
{
    UNUSED;
    return extrapolate(w, true, false, out);
}

WINDOW(delta)
{
    UNUSED;
    return extrapolate(w, false, false, out);
}

WINDOW(irate)
{
    UNUSED;
    if (w->n < 2 || w->t[w->n - 1] == w->t[w->n - 2])
        return false;
    double a = w->v[w->n - 2], b = w->v[w->n - 1];
    *out = (b < a ? b : b - a) / ((double)(w->t[w->n - 1] - w->t[w->n - 2]) / 1000);
    return true;
}

WINDOW(idelta)
{
    UNUSED;
    if (w->n < 2 || w->t[w->n - 1] == w->t[w->n - 2])
        return false;
    *out = w->v[w->n - 1] - w->v[w->n - 2];
    return true;
}

WINDOW(sum_over_time)
{
    UNUSED;
    double sum = 0, c = 0;
    for (size_t i = 0; i < w->n; i++)
        ref_add(w->v[i], &sum, &c, w->prom2);
    *out = isinf(sum) ? sum : sum + c;
    return true;
}

static double avg_prom2(const struct ref_window *w)
{
    double mean = 0, c = 0;
    for (size_t i = 0; i < w->n; i++) {
        double v = w->v[i], count = (double)(i + 1);
        if (isinf(mean) && ((isinf(v) && (mean > 0) == (v > 0)) || isfinite(v)))
            continue; /* the infinite mean stays */
        ref_add(v / count - mean / count, &mean, &c, true);
    }
    return isinf(mean) ? mean : mean + c;
}

WINDOW(avg_over_time)
{
    UNUSED;
    if (w->prom2) {
        *out = avg_prom2(w);
        return true;
    }
    double sum = w->v[0], c = 0, mean = 0, n = (double)w->n;
    size_t i = 1;
    for (; i < w->n; i++) {
        double next = sum, next_c = c;
        ref_add(w->v[i], &next, &next_c, false);
        if (isinf(next))
            break;
        sum = next;
        c = next_c;
    }
    if (i == w->n) {
        *out = sum / n + c / n;
        return true;
    }
    /* The sum overflows here: from now on the mean is carried along instead. */
    mean = sum / (double)i;
    c /= (double)i;
    for (; i < w->n; i++) {
        double count = (double)(i + 1), q = (count - 1) / count;
        mean *= q;
        c *= q;
        ref_add(w->v[i] / count, &mean, &c, false);
    }
    *out = mean + c;
    return true;
}

static double extreme(const struct ref_window *w, bool is_max)
{
    double best = w->v[0];
    for (size_t i = 1; i < w->n; i++)
        if (isnan(best) || (is_max ? w->v[i] > best : w->v[i] < best))
            best = w->v[i];
    return best;
}

WINDOW(min_over_time)
{
    UNUSED;
    *out = extreme(w, false);
    return true;
}

WINDOW(max_over_time)
{
    UNUSED;
    *out = extreme(w, true);
    return true;
}

WINDOW(count_over_time)
{
    UNUSED;
    *out = (double)w->n;
    return true;
}

WINDOW(present_over_time)
{
    UNUSED;
    (void)w;
    *out = 1;
    return true;
}

WINDOW(last_over_time)
{
    UNUSED;
    *out = w->v[w->n - 1];
    return true;
}

WINDOW(first_over_time)
{
    UNUSED;
    *out = w->v[0];
    return true;
}

static double variance(const struct ref_window *w)
{
    double mean = 0, mean_c = 0, m = 0, m_c = 0;
    for (size_t i = 0; i < w->n; i++) {
        double d = w->v[i] - (mean + mean_c);
        ref_add(d / (double)(i + 1), &mean, &mean_c, w->prom2);
        ref_add(d * (w->v[i] - (mean + mean_c)), &m, &m_c, w->prom2);
    }
    return (m + m_c) / (double)w->n;
}

WINDOW(stdvar_over_time)
{
    UNUSED;
    *out = variance(w);
    return true;
}

WINDOW(stddev_over_time)
{
    UNUSED;
    *out = sqrt(variance(w));
    return true;
}

WINDOW(quantile_over_time)
{
    *out = ref_quantile(run, param, w->v, w->n);
    return true;
}

WINDOW(changes)
{
    UNUSED;
    *out = 0;
    for (size_t i = 1; i < w->n; i++)
        if (w->v[i] != w->v[i - 1] && !(isnan(w->v[i]) && isnan(w->v[i - 1])))
            ++*out;
    return true;
}

WINDOW(resets)
{
    UNUSED;
    *out = 0;
    for (size_t i = 1; i < w->n; i++)
        if (w->v[i] < w->v[i - 1])
            ++*out;
    return true;
}

/* Least squares over x = seconds since `origin`. */
static void regression(const struct ref_window *w, int64_t origin, double *slope, double *intercept)
{
    double sx = 0, cx = 0, sy = 0, cy = 0, sxy = 0, cxy = 0, sxx = 0, cxx = 0, n = (double)w->n;
    bool is_level = true;
    for (size_t i = 0; i < w->n; i++) {
        double x = (double)(w->t[i] - origin) / 1000, y = w->v[i];
        if (y != w->v[0] && i > 0)
            is_level = false;
        ref_add(x, &sx, &cx, w->prom2);
        ref_add(y, &sy, &cy, w->prom2);
        ref_add(x * y, &sxy, &cxy, w->prom2);
        ref_add(x * x, &sxx, &cxx, w->prom2);
    }
    if (is_level) {
        *slope = isinf(w->v[0]) ? NAN : 0;
        *intercept = isinf(w->v[0]) ? NAN : w->v[0];
        return;
    }
    sx += cx;
    sy += cy;
    sxy += cxy;
    sxx += cxx;
    double covariance = sxy - sx * sy / n, variance_x = sxx - sx * sx / n;
    *slope = covariance / variance_x;
    *intercept = sy / n - *slope * sx / n;
}

WINDOW(deriv)
{
    UNUSED;
    double intercept;
    if (w->n < 2)
        return false;
    regression(w, w->t[0], out, &intercept);
    return true;
}

WINDOW(predict_linear)
{
    (void)run;
    double slope, intercept;
    if (w->n < 2)
        return false;
    regression(w, w->eval_ms, &slope, &intercept);
    *out = slope * param + intercept;
    return true;
}

WINDOW(mad_over_time)
{
    (void)param;
    double *away = ref_alloc(run, w->n, sizeof *away), median = ref_quantile(run, 0.5, w->v, w->n);
    for (size_t i = 0; i < w->n; i++) {
        if (isnan(w->v[i])) {
            *out = NAN;
            return true;
        }
        away[i] = fabs(w->v[i] - median);
    }
    *out = ref_quantile(run, 0.5, away, w->n);
    return true;
}

/* Rectangles as high as the left (0) or right (1) sample, or trapezoids. */
WINDOW(integral)
{
    (void)run;
    double sum = 0, c = 0;
    int strategy = param == 0 || param == 1 ? (int)param : 2;
    for (size_t i = 1; i < w->n; i++) {
        double a = isnan(w->v[i - 1]) ? 0 : w->v[i - 1], b = isnan(w->v[i]) ? 0 : w->v[i];
        double width = (double)(w->t[i] - w->t[i - 1]) / 1000;
        double height = strategy == 0 ? a : b, height_c = 0;
        if (strategy == 2) {
            height = a;
            ref_add(b, &height, &height_c, false);
            bool overflows = isinf(height) && isfinite(a) && isfinite(b);
            if (overflows) {
                height = a / 2;
                height_c = 0;
                ref_add(b / 2, &height, &height_c, false);
            } else {
                height /= 2;
                height_c /= 2;
            }
        }
        if (height == 0 && height_c == 0)
            continue;
        c += height_c * width;
        ref_add(height * width, &sum, &c, false);
    }
    *out = isinf(sum) ? sum : sum + c;
    return true;
}

static void check_factor(struct ref_run *run, const char *what, const char *name, double factor)
{
    if (factor <= 0 || factor >= 1)
        ref_fail(run, AMPQL_EXECUTION, "invalid %s factor. Expected: 0 < %s < 1, got: %s%f", what,
                 name, factor == INFINITY ? "+" : "", factor);
}

/* The trend of a step is what the level did in the step before. */
WINDOW(double_exponential_smoothing)
{
    check_factor(run, "smoothing", "sf", param);
    check_factor(run, "trend", "tf", w->param2);
    if (w->n < 2)
        return false;
    double *level = ref_alloc(run, w->n, sizeof *level), trend = w->v[1] - w->v[0];
    level[0] = w->v[0];
    for (size_t i = 1; i < w->n; i++) {
        if (i >= 2)
            trend = w->param2 * (level[i - 1] - level[i - 2]) + (1 - w->param2) * trend;
        level[i] = param * w->v[i] + (1 - param) * (level[i - 1] + trend);
    }
    *out = level[w->n - 1];
    return true;
}

WINDOW(ts_of_first_over_time)
{
    UNUSED;
    *out = (double)w->t[0] / 1000;
    return true;
}

WINDOW(ts_of_last_over_time)
{
    UNUSED;
    *out = (double)w->t[w->n - 1] / 1000;
    return true;
}

/* The newest sample with the value that min_over_time or max_over_time gives. */
static double newest(const struct ref_window *w, double value)
{
    for (size_t i = w->n; i-- > 0;)
        if (w->v[i] == value || isnan(value))
            return (double)w->t[i] / 1000;
    return NAN;
}

WINDOW(ts_of_max_over_time)
{
    UNUSED;
    *out = newest(w, extreme(w, true));
    return true;
}

WINDOW(ts_of_min_over_time)
{
    UNUSED;
    *out = newest(w, extreme(w, false));
    return true;
}

static const struct range_row {
    const char *name;
    window_function f;
    bool keeps_name;
} rows[] = {
    {"rate", rate, false},
    {"increase", increase, false},
    {"delta", delta, false},
    {"irate", irate, false},
    {"idelta", idelta, false},
    {"sum_over_time", sum_over_time, false},
    {"avg_over_time", avg_over_time, false},
    {"min_over_time", min_over_time, false},
    {"max_over_time", max_over_time, false},
    {"count_over_time", count_over_time, false},
    {"present_over_time", present_over_time, false},
    {"last_over_time", last_over_time, true},
    {"first_over_time", first_over_time, true},
    {"stddev_over_time", stddev_over_time, false},
    {"stdvar_over_time", stdvar_over_time, false},
    {"quantile_over_time", quantile_over_time, false},
    {"changes", changes, false},
    {"resets", resets, false},
    {"deriv", deriv, false},
    {"predict_linear", predict_linear, false},
    {"mad_over_time", mad_over_time, false},
    {"integral", integral, false},
    {"double_exponential_smoothing", double_exponential_smoothing, false},
    {"holt_winters", double_exponential_smoothing, false},
    {"ts_of_first_over_time", ts_of_first_over_time, false},
    {"ts_of_last_over_time", ts_of_last_over_time, false},
    {"ts_of_max_over_time", ts_of_max_over_time, false},
    {"ts_of_min_over_time", ts_of_min_over_time, false},
};

static struct ref_table *absent_over_time(struct ref_run *run, const struct ast *arg,
                                          struct ref_grid grid)
{
    struct ref_matrix matrix = ref_eval_matrix(run, arg, grid);
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, grid.n);
    struct ref_row *row = ref_row_new(run, out, ref_absent_labels(run, arg));
    for (size_t s = 0; s < grid.n; s++) {
        row->here[s] = true;
        row->v[s] = 1;
        for (size_t i = 0; i < matrix.n; i++)
            if (ref_window(run, &matrix, i, grid, s).n > 0)
                row->here[s] = false;
    }
    return ref_merge(run, out, false);
}

struct ref_table *ref_range_call(struct ref_run *run, const struct ast *ast, struct ref_grid grid)
{
    const struct ast_call *call = &ast->u.call;
    struct str name = str_of(call->function->name);
    if (str_equal(name, STR("absent_over_time")) && ref_is_extended(call->args[0]))
        return ref_extended_call(run, ast, grid); /* which refuses it */
    if (str_equal(name, STR("absent_over_time")))
        return absent_over_time(run, call->args[0], grid);
    const struct range_row *f = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_equal(name, str_of(rows[i].name)))
            f = &rows[i];
    if (!f)
        return NULL;
    const struct ast *arg = NULL;
    struct ref_table *params[2] = {NULL, NULL};
    size_t nparams = 0;
    for (size_t i = 0; i < call->nargs; i++) {
        if (call->args[i]->type == VALUE_MATRIX)
            arg = call->args[i];
        else
            params[nparams++] = ref_eval(run, call->args[i], grid);
    }
    if (ref_is_extended(arg))
        return ref_extended_call(run, ast, grid);
    struct ref_matrix matrix = ref_eval_matrix(run, arg, grid);
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, grid.n);
    for (size_t i = 0; i < matrix.n; i++) {
        struct ref_labels labels = matrix.at[i].labels;
        struct ref_row *row =
            ref_row_new(run, out, f->keeps_name ? labels : ref_drop_name(run, labels));
        for (size_t s = 0; s < grid.n; s++) {
            struct ref_window w = ref_window(run, &matrix, i, grid, s);
            w.param2 = nparams > 1 ? params[1]->scalar[s] : 0;
            row->here[s] =
                w.n > 0 && f->f(run, &w, nparams ? params[0]->scalar[s] : NAN, &row->v[s]);
        }
    }
    return ref_merge(run, out, run->prom2);
}
