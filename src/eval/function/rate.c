/* rate increase delta: the change over a range, extrapolated to its ends. irate idelta: between the
 * last two samples.
 *
 * The order of operations is Prometheus's, because that is what the bits are: see facts 2.7. */
#include "eval/function.h"

/* What rate's arithmetic needs to know of a window. */
struct change {
    double first, last; /* values */
    int64_t first_t, last_t;
    size_t n;
    double result; /* last - first, plus what counter resets took away */
};

/* How far the change is extrapolated beyond the samples, as a factor. start and end bound the
 * range. */
static double extrapolation(const struct change *c, int64_t start, int64_t end, bool is_counter,
                            enum ampql_dialect dialect)
{
    double to_start = (double)(c->first_t - start) / 1000,
           to_end = (double)(end - c->last_t) / 1000;
    double sampled = (double)(c->last_t - c->first_t) / 1000;
    double average = sampled / (double)(c->n - 1), threshold = average * 1.1;

    /* A counter cannot have been below zero: do not extrapolate further back than where it would be
     * zero. 2.42 asks this before the threshold, 3.x after it. */
    bool has_zero = is_counter && c->result > 0 && c->first >= 0;
    double zero = has_zero ? sampled * (c->first / c->result) : 0;
    if (dialect == AMPQL_PROM2 && has_zero && zero < to_start)
        to_start = zero;
    double extrapolated = sampled;
    if (dialect == AMPQL_PROM2) {
        extrapolated += to_start < threshold ? to_start : average / 2;
        extrapolated += to_end < threshold ? to_end : average / 2;
        return extrapolated / sampled;
    }
    if (to_start >= threshold)
        to_start = average / 2;
    if (has_zero && zero < to_start)
        to_start = zero;
    if (to_end >= threshold)
        to_end = average / 2;
    return sampled == 0 ? 1 : (sampled + to_start + to_end) / sampled;
}

static bool has_reset(const double *v, size_t n)
{
    bool any = false;
    for (size_t i = 1; i < n; i++)
        any |= v[i] < v[i - 1];
    return any;
}

static inline void change_loop(const struct samples *s, const struct windows *w, struct row *out,
                               bool is_counter, bool is_rate, enum ampql_dialect dialect)
{
    size_t lo = 0, hi = 0;
    double seconds = (double)w->range_ms / 1000;
    bool resets = is_counter && has_reset(s->v, s->n);
    for (size_t i = 0; i < w->n; i++) {
        window_advance(s, w, i, &lo, &hi);
        out->v[i] = 0;
        if (hi - lo < 2)
            continue;
        struct change c = {s->v[lo],     s->v[hi - 1], s->t[lo],
                           s->t[hi - 1], hi - lo,      s->v[hi - 1] - s->v[lo]};
        if (resets)
            for (size_t k = lo + 1; k < hi; k++)
                if (s->v[k] < s->v[k - 1])
                    c.result += s->v[k - 1];
        int64_t end = window_end(w, i);
        double factor = extrapolation(&c, end - w->range_ms, end, is_counter, dialect);
        if (is_rate)
            factor /= seconds;
        out->v[i] = c.result * factor;
        row_mark(out, i);
    }
}

static void rate(const struct samples *s, const struct windows *w, struct row *out,
                 struct scratch *scratch)
{
    change_loop(s, w, out, true, true, scratch->params->dialect);
}

static void increase(const struct samples *s, const struct windows *w, struct row *out,
                     struct scratch *scratch)
{
    change_loop(s, w, out, true, false, scratch->params->dialect);
}

static void delta(const struct samples *s, const struct windows *w, struct row *out,
                  struct scratch *scratch)
{
    change_loop(s, w, out, false, false, scratch->params->dialect);
}

static inline void instant_loop(const struct samples *s, const struct windows *w, struct row *out,
                                bool is_rate)
{
    size_t lo = 0, hi = 0;
    for (size_t i = 0; i < w->n; i++) {
        window_advance(s, w, i, &lo, &hi);
        out->v[i] = 0;
        if (hi - lo < 2)
            continue;
        double last = s->v[hi - 1], before = s->v[hi - 2];
        int64_t ms = s->t[hi - 1] - s->t[hi - 2];
        double change = is_rate && last < before ? last : last - before;
        out->v[i] = is_rate ? change / ((double)ms / 1000) : change;
        row_mark(out, i);
    }
}

static void irate(const struct samples *s, const struct windows *w, struct row *out,
                  struct scratch *scratch)
{
    (void)scratch;
    instant_loop(s, w, out, true);
}

static void idelta(const struct samples *s, const struct windows *w, struct row *out,
                   struct scratch *scratch)
{
    (void)scratch;
    instant_loop(s, w, out, false);
}

static const struct function rows[] = {
    RANGE("delta", delta, "Change of a gauge over the range."),
    RANGE("idelta", idelta, "Change between the last two samples of the range."),
    RANGE("increase", increase, "Increase of a counter over the range."),
    RANGE("irate", irate, "Per-second increase of a counter between the last two samples."),
    RANGE("rate", rate, "Per-second increase of a counter over the range."),
};
const struct function_table functions_rate = {rows, sizeof rows / sizeof *rows};
