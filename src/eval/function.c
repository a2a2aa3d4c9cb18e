/* The list of function tables, and the loop that turns a per-window function into a row. */
#include "eval/function.h"

#include "base/alloc.h"

#define TABLES                                                                                     \
    TABLE(absent)                                                                                  \
    TABLE(changes)                                                                                 \
    TABLE(clamp)                                                                                   \
    TABLE(date)                                                                                    \
    TABLE(deriv)                                                                                   \
    TABLE(extreme)                                                                                 \
    TABLE(histogram)                                                                               \
    TABLE(info)                                                                                    \
    TABLE(integral)                                                                                \
    TABLE(label)                                                                                   \
    TABLE(mad)                                                                                     \
    TABLE(math)                                                                                    \
    TABLE(over_time)                                                                               \
    TABLE(quantile)                                                                                \
    TABLE(query)                                                                                   \
    TABLE(rate)                                                                                    \
    TABLE(round)                                                                                   \
    TABLE(scalar)                                                                                  \
    TABLE(smoothing)                                                                               \
    TABLE(sort)                                                                                    \
    TABLE(stddev)                                                                                  \
    TABLE(timestamp)                                                                               \
    TABLE(trig)                                                                                    \
    TABLE(ts_of)

#define TABLE(name) extern const struct function_table functions_##name;
TABLES
#undef TABLE

static const struct function_table *const tables[] = {
#define TABLE(name) &functions_##name,
    TABLES
#undef TABLE
};

const struct function *function_at(size_t i)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        if (i < tables[t]->n)
            return &tables[t]->rows[i];
        i -= tables[t]->n;
    }
    return NULL;
}

const struct signature *function_find(struct str name)
{
    const struct function *f;
    for (size_t i = 0; (f = function_at(i)); i++)
        if (str_equal(str_of(f->sig.name), name))
            return &f->sig;
    return NULL;
}

double *scratch_room(struct scratch *scratch, size_t n)
{
    if (n <= scratch->nv)
        return scratch->v;
    double *v = alloc_resize(scratch->alc, scratch->v, scratch->nv, n, sizeof *v);
    if (!v) {
        scratch->failed = fail_nomem(scratch->err, "a window's samples");
        return NULL;
    }
    scratch->v = v;
    scratch->nv = n;
    return v;
}

size_t window_seek(const struct samples *s, size_t from, int64_t t)
{
    size_t step = 1, lo = from, hi = from;
    while (hi < s->n && s->t[hi] <= t) { /* lo .. hi: everything before lo is at or before t */
        lo = hi + 1;
        hi = s->n - lo > step ? lo + step : s->n;
        step *= 2;
    }
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->t[mid] <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* How many steps take a window from `at` to `t` or past it, at most n. */
static size_t steps_until(const struct windows *w, int64_t at, int64_t t)
{
    if (t <= at)
        return 0;
    uint64_t away = (uint64_t)t - (uint64_t)at, step = (uint64_t)w->step_ms;
    uint64_t steps = step > 0 ? (away - 1) / step + 1 : w->n;
    return steps < w->n ? (size_t)steps : w->n;
}

void windows_reach(const struct samples *s, const struct windows *w, struct row *out, size_t *from,
                   size_t *to)
{
    *from = *to = 0;
    if (s->n > 0 && w->n > 0) {
        *from = steps_until(w, window_end(w, 0), s->t[0]);
        *to = steps_until(w, window_after(w, 0), s->t[s->n - 1]);
        if (*to < *from)
            *to = *from;
    }
    memset(out->v, 0, *from * sizeof *out->v);
    memset(out->v + *to, 0, (w->n - *to) * sizeof *out->v);
}

/* One call of a per-window function for each step. */
static void run_windows(bool (*f)(const struct window *w, double *out), const struct samples *s,
                        const struct windows *windows, struct row *out, struct scratch *scratch)
{
    size_t lo = 0, hi = 0, from, to;
    uint64_t work = 0;
    windows_reach(s, windows, out, &from, &to);
    for (size_t i = from; i < to; i++) {
        window_advance(s, windows, i, &lo, &hi);
        out->v[i] = 0;
        if (scratch_stops(scratch, &work, hi - lo + 1))
            return;
        if (lo == hi)
            continue;
        int64_t end = window_end(windows, i);
        struct window w = {.t = s->t + lo,
                           .v = s->v + lo,
                           .n = hi - lo,
                           .start_ms = end - windows->range_ms,
                           .end_ms = end,
                           .eval_ms = grid_time(scratch->params->grid, i),
                           .step = i,
                           .params = scratch->params,
                           .scratch = scratch};
        if (f(&w, &out->v[i]))
            row_mark(out, i);
    }
}

void function_run_range(const struct function *function, const struct samples *samples,
                        const struct windows *windows, struct row *out, struct scratch *scratch)
{
    if (function->form == FORM_RANGE)
        function->u.range(samples, windows, out, scratch);
    else
        run_windows(function->u.window, samples, windows, out, scratch);
}
