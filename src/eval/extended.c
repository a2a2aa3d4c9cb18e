/* The arithmetic of anchored and smoothed windows, in Prometheus's order. */
#include "eval/extended.h"

#include "eval/function.h"

/* One window and the range inside it. Samples [first, last] are those that bound the range: the
 * newest at or before its start, when there is one, and of smoothed windows the oldest at or after
 * its end. */
struct extent {
    const int64_t *t; /* of the window's samples */
    const double *v;
    size_t n, first, last;
    int64_t start, end; /* of the range */
    bool is_smoothed;
};

/* The number of samples at or before t, at most `most`. */
static size_t count_until(const struct extent *e, size_t most, int64_t t)
{
    size_t n = 0, hi = most;
    while (n < hi) {
        size_t mid = n + (hi - n) / 2;
        if (e->t[mid] <= t)
            n = mid + 1;
        else
            hi = mid;
    }
    return n;
}

/* Samples [lo, hi), not none, of a window. */
static struct extent extent_of(const struct samples *s, const struct windows *w, size_t i,
                               size_t lo, size_t hi)
{
    struct extent e = {.t = s->t + lo,
                       .v = s->v + lo,
                       .n = hi - lo,
                       .last = hi - lo - 1,
                       .start = window_range_start(w, i),
                       .end = window_range_end(w, i),
                       .is_smoothed = w->margin_after_ms > 0};
    size_t before = count_until(&e, e.last, e.start);
    e.first = before > 0 ? before - 1 : 0;
    if (e.is_smoothed)
        e.last = count_until(&e, e.last, e.end - 1);
    return e;
}

/* On the line through two neighbours. A counter that fell began again at zero. */
static double between(const struct extent *e, size_t i, int64_t t, bool is_counter)
{
    double a = e->v[i], b = e->v[i + 1];
    if (is_counter && b < a)
        a = 0;
    return a + (b - a) * (double)(t - e->t[i]) / (double)(e->t[i + 1] - e->t[i]);
}

static double value_at_start(const struct extent *e, bool is_counter)
{
    return e->is_smoothed && e->t[e->first] < e->start ? between(e, e->first, e->start, is_counter)
                                                       : e->v[e->first];
}

/* Only smoothed windows have samples after the range. */
static double value_at_end(const struct extent *e, bool is_counter)
{
    return e->t[e->last] > e->end && e->last > 0 ? between(e, e->last - 1, e->end, is_counter)
                                                 : e->v[e->last];
}

/* Samples [*from, *to) are strictly inside the range. */
static void inside(const struct extent *e, size_t *from, size_t *to)
{
    *from = e->first + (e->t[e->first] <= e->start);
    *to = e->last + (e->t[e->last] < e->end);
}

/* What resets took away on the way from one end of the range to the other. */
static double lost_in_resets(const struct extent *e, double left, double right)
{
    size_t from, to;
    double lost = 0, before = left;
    inside(e, &from, &to);
    for (size_t i = from; i < to; i++) {
        if (e->v[i] < before)
            lost += before;
        before = e->v[i];
    }
    return right < before ? lost + before : lost;
}

void extended_change(const struct samples *s, const struct windows *w, bool is_counter,
                     double seconds, struct row *out, struct scratch *scratch)
{
    size_t lo = 0, hi = 0;
    uint64_t work = 0;
    for (size_t i = 0; i < w->n; i++) {
        window_advance(s, w, i, &lo, &hi);
        out->v[i] = 0;
        if (scratch_stops(scratch, &work, hi - lo + 1))
            return;
        if (lo == hi)
            continue;
        struct extent e = extent_of(s, w, i, lo, hi);
        bool is_behind = e.is_smoothed && e.t[e.first] > e.end;
        if (e.t[e.last] <= e.start || is_behind)
            continue;
        double left = value_at_start(&e, is_counter), right = value_at_end(&e, is_counter);
        double result = right - left;
        if (is_counter)
            result += lost_in_resets(&e, left, right);
        out->v[i] = seconds > 0 ? result / seconds : result;
        row_mark(out, i);
    }
}

void extended_count(const struct samples *s, const struct windows *w,
                    bool (*counts)(double before, double after), struct row *out,
                    struct scratch *scratch)
{
    size_t lo = 0, hi = 0;
    uint64_t work = 0;
    for (size_t i = 0; i < w->n; i++) {
        window_advance(s, w, i, &lo, &hi);
        out->v[i] = 0;
        if (scratch_stops(scratch, &work, hi - lo + 1))
            return;
        if (lo == hi)
            continue;
        struct extent e = extent_of(s, w, i, lo, hi);
        if (e.t[e.n - 1] <= e.start)
            continue;
        size_t count = 0;
        for (size_t k = e.first + 1; k < e.n; k++)
            count += counts(e.v[k - 1], e.v[k]);
        out->v[i] = (double)count;
        row_mark(out, i);
    }
}

void extended_smooth(const struct samples *s, const struct windows *w, struct row *out)
{
    size_t lo = 0, hi = 0;
    for (size_t i = 0; i < w->n; i++) {
        window_advance(s, w, i, &lo, &hi);
        out->v[i] = 0;
        if (lo == hi)
            continue;
        int64_t t = window_range_end(w, i);
        struct extent e = {.t = s->t + lo, .v = s->v + lo, .n = hi - lo};
        size_t next = count_until(&e, e.n, t - 1);
        bool is_exact = next < e.n && e.t[next] == t;
        if (!is_exact && next == 0)
            continue;
        out->v[i] = is_exact     ? e.v[next]
                    : next < e.n ? between(&e, next - 1, t, false)
                                 : e.v[next - 1];
        row_mark(out, i);
    }
}

size_t extended_samples(const struct samples *s, const struct windows *w, int64_t *t, double *v)
{
    size_t lo = 0, hi = 0, from, to, n = 0;
    window_advance(s, w, 0, &lo, &hi);
    if (lo == hi)
        return 0;
    struct extent e = extent_of(s, w, 0, lo, hi);
    if (e.t[e.last] <= e.start)
        return 0;
    t[n] = e.start;
    v[n++] = value_at_start(&e, false);
    inside(&e, &from, &to);
    for (size_t i = from; i < to; i++) {
        t[n] = e.t[i];
        v[n++] = e.v[i];
    }
    t[n] = e.end;
    v[n++] = value_at_end(&e, false);
    return n;
}
