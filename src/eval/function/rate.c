/* rate increase delta: the change over a range, extrapolated to its ends. irate idelta: between the
 * last two samples.
 *
 * The order of operations is Prometheus's, because that is what the bits are. */
#include "eval/extended.h"
#include "eval/function.h"
#include "eval/note.h"
#include "eval/regular.h"

/* Where a window's samples lie in it. Scrapes are regular, so most windows of a series have the
 * shape of the one before, and what follows from the shape alone is computed once. */
struct shape {
    int64_t to_start_ms, to_end_ms, sampled_ms;
    size_t n;
    double to_start, to_end, sampled; /* seconds */
    double threshold, average;        /* of the spacing of samples */
    double factor; /* of the extrapolation, when the counter's zero does not limit it */
};

static double factor_of(const struct shape *s, double to_start, double seconds,
                        enum ampql_dialect dialect)
{
    double to_end = s->to_end, factor;
    if (dialect == AMPQL_PROM2) {
        double extrapolated = s->sampled;
        extrapolated += to_start < s->threshold ? to_start : s->average / 2;
        extrapolated += to_end < s->threshold ? to_end : s->average / 2;
        factor = extrapolated / s->sampled;
    } else {
        if (to_end >= s->threshold)
            to_end = s->average / 2;
        factor = s->sampled == 0 ? 1 : (s->sampled + to_start + to_end) / s->sampled;
    }
    return seconds > 0 ? factor / seconds : factor;
}

static void shape_set(struct shape *s, double seconds, enum ampql_dialect dialect)
{
    s->to_start = (double)s->to_start_ms / 1000;
    s->to_end = (double)s->to_end_ms / 1000;
    s->sampled = (double)s->sampled_ms / 1000;
    s->average = s->sampled / (double)(s->n - 1);
    s->threshold = s->average * 1.1;
    if (dialect != AMPQL_PROM2 && s->to_start >= s->threshold)
        s->to_start = s->average / 2;
    s->factor = factor_of(s, s->to_start, seconds, dialect);
}

/* A counter cannot have been below zero: do not extrapolate further back than where it would be
 * zero. 2.42 asks this before the threshold (to_start is then still the whole distance), 3.x after
 * it. */
static inline double limited_factor(const struct shape *s, double result, double first,
                                    double seconds, enum ampql_dialect dialect)
{
    if (first >= result &&
        s->to_start <= s->sampled) /* then zero is at least `sampled` away: no need to divide */
        return s->factor;
    double zero = s->sampled * (first / result);
    return zero < s->to_start ? factor_of(s, zero, seconds, dialect) : s->factor;
}

static bool has_reset(const double *v, size_t n)
{
    bool any = false;
    for (size_t i = 1; i < n; i++)
        any |= v[i] < v[i - 1];
    return any;
}

/* What counter resets took away from the change over samples [lo, hi), added to it one after the
 * other. */
static double add_resets(double result, const double *v, size_t lo, size_t hi)
{
    for (size_t k = lo + 1; k < hi; k++)
        if (v[k] < v[k - 1])
            result += v[k - 1];
    return result;
}

/* The first counter reset in samples (from, to), or to. */
static size_t first_reset(const double *v, size_t from, size_t to)
{
    enum { CHUNK = 32 };
    size_t i = from + 1;
    for (; i + CHUNK <= to; i += CHUNK)
        if (has_reset(v + i - 1, CHUNK + 1))
            break;
    while (i < to && !(v[i] < v[i - 1]))
        i++;
    return i < to ? i : to;
}

/* Windows of one shape, without resets: m of them, stride samples apart. */
static void change_run(const double *first, const double *last, size_t stride, double *out,
                       size_t m, const struct shape *shape, bool is_counter, double seconds,
                       enum ampql_dialect dialect)
{
    bool may_limit = false, far_limits = !(shape->to_start <= shape->sampled);
    double factor = shape->factor;
    if (stride == 1) {
        for (size_t k = 0; k < m; k++) {
            double result = last[k] - first[k];
            out[k] = result * factor;
            may_limit |= (result > 0) & (first[k] >= 0) & (far_limits | !(first[k] >= result));
        }
    } else {
        for (size_t k = 0; k < m; k++) {
            double a = first[k * stride], result = last[k * stride] - a;
            out[k] = result * factor;
            may_limit |= (result > 0) & (a >= 0) & (far_limits | !(a >= result));
        }
    }
    if (!is_counter || !may_limit)
        return;
    for (size_t k = 0; k < m; k++) {
        double a = first[k * stride], result = last[k * stride] - a;
        if (result > 0 && a >= 0)
            out[k] = result * limited_factor(shape, result, a, seconds, dialect);
    }
}

/* seconds is the range of a rate, 0 for increase and delta. */
static inline void change_loop(const struct samples *s, const struct windows *w, struct row *out,
                               bool is_counter, double seconds, struct scratch *scratch)
{
    enum ampql_dialect dialect = scratch->params->dialect;
    if (w->margin_before_ms > 0) {
        extended_change(s, w, is_counter, seconds, out, scratch);
        return;
    }
    size_t lo = 0, hi = 0, stride = 0;
    uint64_t work = 0;
    struct shape shape = {.n = 0};
    struct regular run = {0};
    bool resets = is_counter && has_reset(s->v, s->n);
    for (size_t i = 0; i < w->n; i++) {
        window_advance(s, w, i, &lo, &hi);
        out->v[i] = 0;
        if (scratch_stops(scratch, &work, resets ? hi - lo + 1 : 1))
            return;
        if (hi - lo < 2)
            continue;
        int64_t end = window_end(w, i), first_t = s->t[lo], last_t = s->t[hi - 1];
        struct shape now = {.to_start_ms = first_t - (end - w->range_ms),
                            .to_end_ms = end - last_t,
                            .sampled_ms = last_t - first_t,
                            .n = hi - lo};
        if (now.to_start_ms != shape.to_start_ms || now.to_end_ms != shape.to_end_ms ||
            now.sampled_ms != shape.sampled_ms || now.n != shape.n) {
            shape = now;
            shape_set(&shape, seconds, dialect);
        }
        double first = s->v[lo], result = s->v[hi - 1] - first;
        if (resets)
            result = add_resets(result, s->v, lo, hi);
        bool has_zero = is_counter && result > 0 && first >= 0;
        out->v[i] = result * (has_zero ? limited_factor(&shape, result, first, seconds, dialect)
                                       : shape.factor);
        row_mark(out, i);

        size_t m = regular_steps(&run, s, w, i, lo, hi, &stride);
        if (m && resets) {
            size_t reset = first_reset(s->v, lo, hi + m * stride);
            m = reset < hi ? 0 : (reset - hi) / stride;
        }
        if (m == 0)
            continue;
        if (scratch_stops(scratch, &work, m))
            return;
        change_run(s->v + lo + stride, s->v + hi - 1 + stride, stride, out->v + i + 1, m, &shape,
                   is_counter, seconds, dialect);
        row_mark_range(out, i + 1, m);
        i += m;
        lo += m * stride;
        hi += m * stride;
    }
}

static void rate(const struct samples *s, const struct windows *w, struct row *out,
                 struct scratch *scratch)
{
    change_loop(s, w, out, true, (double)window_range(w) / 1000, scratch);
}

static void increase(const struct samples *s, const struct windows *w, struct row *out,
                     struct scratch *scratch)
{
    change_loop(s, w, out, true, 0, scratch);
}

static void delta(const struct samples *s, const struct windows *w, struct row *out,
                  struct scratch *scratch)
{
    change_loop(s, w, out, false, 0, scratch);
}

/* The change between two neighbours; a counter that fell began again from zero. */
static inline double step_change(double before, double last, double seconds, bool is_rate)
{
    double change = is_rate && last < before ? last : last - before;
    return is_rate ? change / seconds : change;
}

static inline void instant_loop(const struct samples *s, const struct windows *w, struct row *out,
                                bool is_rate, struct scratch *scratch)
{
    size_t lo = 0, hi = 0, stride = 0;
    uint64_t work = 0;
    struct regular run = {0};
    for (size_t i = 0; i < w->n; i++) {
        window_advance(s, w, i, &lo, &hi);
        out->v[i] = 0;
        if (scratch_stops(scratch, &work, 1))
            return;
        if (hi - lo < 2)
            continue;
        double seconds = (double)(s->t[hi - 1] - s->t[hi - 2]) / 1000;
        out->v[i] = step_change(s->v[hi - 2], s->v[hi - 1], seconds, is_rate);
        row_mark(out, i);

        size_t m = regular_steps(&run, s, w, i, lo, hi, &stride);
        if (scratch_stops(scratch, &work, m))
            return;
        const double *v = s->v + hi - 2 + stride;
        double *o = out->v + i + 1;
        if (stride == 1)
            for (size_t k = 0; k < m; k++)
                o[k] = step_change(v[k], v[k + 1], seconds, is_rate);
        else
            for (size_t k = 0; k < m; k++)
                o[k] = step_change(v[k * stride], v[k * stride + 1], seconds, is_rate);
        row_mark_range(out, i + 1, m);
        i += m;
        lo += m * stride;
        hi += m * stride;
    }
}

static void irate(const struct samples *s, const struct windows *w, struct row *out,
                  struct scratch *scratch)
{
    instant_loop(s, w, out, true, scratch);
}

static void idelta(const struct samples *s, const struct windows *w, struct row *out,
                   struct scratch *scratch)
{
    instant_loop(s, w, out, false, scratch);
}

static enum ampql_code note_name(struct stage *stage, struct labels labels, const struct row *out,
                                 const struct params *params)
{
    (void)out;
    (void)params;
    return note_not_counter(stage, stage->node->ast->u.call.args[0], labels);
}

static const struct function rows[] = {
    RANGE("delta", delta, "Change of a gauge over the range."),
    RANGE("idelta", idelta, "Change between the last two samples of the range."),
    RANGE_NOTED("increase", increase, note_name, "Increase of a counter over the range.",
                .args = {VALUE_MATRIX}, .nargs = 1),
    RANGE("irate", irate, "Per-second increase of a counter between the last two samples."),
    RANGE_NOTED("rate", rate, note_name, "Per-second increase of a counter over the range.",
                .args = {VALUE_MATRIX}, .nargs = 1),
};
const struct function_table functions_rate = {rows, sizeof rows / sizeof *rows};
