/* Changes over windows. The order of operations is Prometheus's, because that is what the bits are.
 *
 * Windows are gathered into blocks and computed many at once, without a branch. Where scrapes are
 * regular and zero is far, windows of one shape follow each other, and all of them have the same
 * factor. */
#include "eval/change.h"

#include "base/clones.h"
#include "eval/regular.h"

enum { BLOCK = 128, LANES = 8 };

/* What is known of so many windows, column by column. Windows without a value have harmless
 * numbers. */
struct block {
    size_t n;
    size_t step; /* of the first */
    size_t nvalues;
    bool has[BLOCK];
    double first[BLOCK];    /* value */
    double result[BLOCK];   /* the change, resets added */
    double to_start[BLOCK]; /* ms from the window's start to its first sample */
    double to_end[BLOCK];   /* and from the last to its end */
    double sampled[BLOCK];  /* ms between these two */
    double gaps[BLOCK];     /* samples less one */
};

/* Where the walk over a series' windows is. */
struct walk {
    const struct samples *s;
    const struct windows *w;
    size_t step, lo, hi; /* window `step` holds samples [lo, hi) */
    size_t reset; /* the first sample after lo that is below the one before it, or s->n; of counters
                   */
    struct regular run;
};

/* ---- one window, many windows */

static inline double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* The factor by which a change is extrapolated, of one window.
 *
 * The ends are as far away as samples are apart, at most (then half of that). A counter cannot have
 * been below zero: it is extrapolated no further back than where it would be zero. 2.42 asks the
 * latter first, 3.x last. Times in seconds. */
static inline double factor_of(double first, double result, double to_start, double to_end,
                               double sampled, double gaps, bool is_counter, bool is_prom2)
{
    double average = sampled / gaps, threshold = average * 1.1, half = average / 2;
    double zero = sampled * (first / result);
    bool may_limit = is_counter & (result > 0) & (first >= 0);
    double limit = may_limit ? zero : to_start; /* NaN limits nothing */
    if (is_prom2) {
        to_start = smaller(limit, to_start);
        double extrapolated = sampled + (to_start < threshold ? to_start : half);
        extrapolated += to_end < threshold ? to_end : half;
        return extrapolated / sampled;
    }
    to_start = to_start >= threshold ? half : to_start;
    limit = may_limit ? zero : to_start;
    to_start = smaller(limit, to_start);
    to_end = to_end >= threshold ? half : to_end;
    return (sampled + to_start + to_end) / sampled;
}

/* seconds: 1 where nothing is to be divided, which changes no bit */
static inline void compute(const struct block *restrict b, size_t n, double seconds,
                           bool is_counter, bool is_prom2, double *restrict out)
{
    for (size_t k = 0; k < n; k++) {
        double factor =
            factor_of(b->first[k], b->result[k], b->to_start[k] / 1000, b->to_end[k] / 1000,
                      b->sampled[k] / 1000, b->gaps[k], is_counter, is_prom2);
        out[k] = b->result[k] * (factor / seconds);
    }
}

/* One loop for each combination, so that nothing is asked inside. */
CLONES static void compute_block(const struct block *b, size_t n, const struct change *change,
                                 double *out)
{
    double seconds = change->seconds > 0 ? change->seconds : 1;
    if (change->is_prom2 && change->is_counter)
        compute(b, n, seconds, true, true, out);
    else if (change->is_prom2)
        compute(b, n, seconds, false, true, out);
    else if (change->is_counter)
        compute(b, n, seconds, true, false, out);
    else
        compute(b, n, seconds, false, false, out);
}

static void flush(struct block *b, const struct change *change, struct row *out)
{
    double values[BLOCK];
    if (b->n == 0)
        return;
    size_t n = (b->n + LANES - 1) / LANES * LANES; /* so that vectors are full */
    for (size_t k = b->n; k < n; k++) {
        b->first[k] = b->result[k] = b->to_start[k] = b->to_end[k] = 0;
        b->sampled[k] = b->gaps[k] = 1;
    }
    compute_block(b, n, change, values);
    memcpy(out->v + b->step, values, b->n * sizeof *values);
    if (b->nvalues == b->n)
        row_mark_range(out, b->step, b->n);
    else
        for (size_t k = 0; k < b->n; k++)
            if (b->has[k])
                row_mark(out, b->step + k);
    b->n = b->nvalues = 0;
}

/* ---- counters */

CLONES static bool has_reset(const double *v, size_t n)
{
    int64_t any = 0;
    for (size_t i = 1; i < n; i++)
        any |= -(int64_t)(v[i] < v[i - 1]);
    return any;
}

/* The first counter reset in samples (from, to), or to. */
static size_t first_reset(const double *v, size_t from, size_t to)
{
    enum { CHUNK = 64 };
    size_t i = from + 1;
    for (; i + CHUNK <= to; i += CHUNK)
        if (has_reset(v + i - 1, CHUNK + 1))
            break;
    while (i < to && !(v[i] < v[i - 1]))
        i++;
    return i < to ? i : to;
}

/* What counter resets took away from the change over the window, added to it one after the other.
 */
static double add_resets(struct walk *walk, double result)
{
    const struct samples *s = walk->s;
    if (walk->reset <= walk->lo)
        walk->reset = first_reset(s->v, walk->lo, s->n);
    for (size_t k = walk->reset; k < walk->hi; k++)
        if (s->v[k] < s->v[k - 1])
            result += s->v[k - 1];
    return result;
}

/* ---- walking */

/* The window at hand, into the block. */
static void gather(struct block *b, struct walk *walk, bool is_counter)
{
    const struct samples *s = walk->s;
    size_t k = b->n++;
    if (k == 0)
        b->step = walk->step;
    b->has[k] = walk->hi - walk->lo >= 2;
    if (!b->has[k]) {
        b->first[k] = b->result[k] = b->to_start[k] = b->to_end[k] = 0;
        b->sampled[k] = b->gaps[k] = 1;
        return;
    }
    b->nvalues++;
    int64_t end = window_end(walk->w, walk->step), start = end - walk->w->range_ms;
    int64_t from = s->t[walk->lo], to = s->t[walk->hi - 1];
    double first = s->v[walk->lo], result = s->v[walk->hi - 1] - first;
    b->first[k] = first;
    b->result[k] = is_counter ? add_resets(walk, result) : result;
    b->to_start[k] = (double)(from - start);
    b->to_end[k] = (double)(end - to);
    b->sampled[k] = (double)(to - from);
    b->gaps[k] = (double)(walk->hi - walk->lo - 1);
}

/* Windows that all have the same factor: m of them, stride samples apart. True when zero limits
 * none of them. */
CLONES static bool one_factor(const double *first, const double *last, size_t stride, double *out,
                              size_t m, double factor, bool far_limits)
{
    int64_t may_limit = 0;
    if (stride == 1) {
        for (size_t k = 0; k < m; k++) {
            double result = last[k] - first[k];
            out[k] = result * factor;
            may_limit |=
                -(int64_t)((result > 0) & (first[k] >= 0) & (far_limits | !(first[k] >= result)));
        }
        return !may_limit;
    }
    for (size_t k = 0; k < m; k++) {
        double a = first[k * stride], result = last[k * stride] - a;
        out[k] = result * factor;
        may_limit |= -(int64_t)((result > 0) & (a >= 0) & (far_limits | !(a >= result)));
    }
    return !may_limit;
}

/* How many windows after the one at hand have its shape, and no reset inside; 0 also for a few. */
static size_t same_shape(struct walk *walk, bool is_counter, size_t *stride)
{
    enum { FEW = 8 };
    if (walk->hi - walk->lo < 2)
        return 0;
    size_t m = regular_steps(&walk->run, walk->s, walk->w, walk->step, walk->lo, walk->hi, stride);
    if (m && is_counter) {
        if (walk->reset <= walk->lo)
            walk->reset = first_reset(walk->s->v, walk->lo, walk->s->n);
        size_t until = walk->reset < walk->hi ? 0 : (walk->reset - walk->hi) / *stride;
        m = m < until ? m : until;
    }
    return m < FEW ? 0 : m;
}

/* The m windows after the one at hand, which is of the same shape, stride samples apart. */
static void take_run(struct block *b, const struct change *change, struct walk *walk, size_t stride,
                     size_t m, struct row *out)
{
    const struct samples *s = walk->s;
    int64_t end = window_end(walk->w, walk->step), start = end - walk->w->range_ms;
    int64_t from = s->t[walk->lo], to = s->t[walk->hi - 1];
    double to_start = (double)(from - start), to_end = (double)(end - to);
    double sampled = (double)(to - from), gaps = (double)(walk->hi - walk->lo - 1);
    double factor = factor_of(0, 0, to_start / 1000, to_end / 1000, sampled / 1000, gaps, false,
                              change->is_prom2);
    if (change->seconds > 0)
        factor /= change->seconds;
    const double *first = s->v + walk->lo, *last = s->v + walk->hi - 1;
    flush(b, change, out);
    for (size_t i = 1; i <= m; i += BLOCK) {
        size_t n = m + 1 - i < BLOCK ? m + 1 - i : BLOCK;
        /* a first value that is no less than the change has zero at least `sampled` away */
        if (one_factor(first + i * stride, last + i * stride, stride, out->v + walk->step + i, n,
                       factor, !(to_start <= sampled)) ||
            !change->is_counter)
            continue;
        for (size_t k = 0; k < n; k++) {
            b->first[k] = first[(i + k) * stride];
            b->result[k] = last[(i + k) * stride] - b->first[k];
            b->to_start[k] = to_start;
            b->to_end[k] = to_end;
            b->sampled[k] = sampled;
            b->gaps[k] = gaps;
        }
        b->n = b->nvalues = n;
        b->step = walk->step + i;
        flush(b, change, out);
    }
    row_mark_range(out, walk->step + 1, m);
    walk->step += m;
    walk->lo += m * stride;
    walk->hi += m * stride;
}

void change_over(const struct change *change, const struct samples *s, const struct windows *w,
                 struct row *out, struct scratch *scratch)
{
    struct walk walk = {.s = s, .w = w};
    struct block block = {.n = 0};
    uint64_t work = 0;
    size_t end;
    windows_reach(s, w, out, &walk.step, &end);
    for (; walk.step < end; walk.step++) {
        window_advance(s, w, walk.step, &walk.lo, &walk.hi);
        bool scans = change->is_counter && walk.reset > walk.lo && walk.reset < walk.hi;
        gather(&block, &walk, change->is_counter);
        size_t stride = 0, m = same_shape(&walk, change->is_counter, &stride);
        if (scratch_stops(scratch, &work, 1 + m + (scans ? walk.hi - walk.reset : 0)))
            return;
        if (m > 0)
            take_run(&block, change, &walk, stride, m, out);
        if (block.n == BLOCK)
            flush(&block, change, out);
    }
    flush(&block, change, out);
}
