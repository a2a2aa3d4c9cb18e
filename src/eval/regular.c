/* Finding runs of equal spacing. */
#include "eval/regular.h"

/* The end of the run that begins at `begin`, whose first two samples are spacing apart. */
static size_t run_end(const struct samples *s, size_t begin, int64_t spacing)
{
    enum { CHUNK = 32 };
    size_t i = begin + 2;
    for (; i + CHUNK <= s->n;
         i += CHUNK) { /* without an early end inside a chunk, so that it vectorises */
        int64_t differs = 0;
        for (size_t k = i; k < i + CHUNK; k++)
            differs |= (s->t[k] - s->t[k - 1]) ^ spacing;
        if (differs)
            break;
    }
    while (i < s->n && s->t[i] - s->t[i - 1] == spacing)
        i++;
    return i;
}

static size_t find_steps(struct regular *run, const struct samples *s, const struct windows *w,
                         size_t i, size_t lo, size_t hi, size_t *stride)
{
    if (lo == 0 || hi >= s->n) /* the sample before the window says where it begins */
        return 0;
    bool is_inside = lo > run->begin && lo < run->end;
    if (!is_inside) {
        int64_t spacing = s->t[lo] - s->t[lo - 1];
        run->begin = lo - 1;
        run->end = run_end(s, lo - 1, spacing);
        run->spacing_ms = spacing;
    }
    if (hi > run->end || w->step_ms % run->spacing_ms)
        return 0;
    *stride = (size_t)(w->step_ms / run->spacing_ms);
    /* After the run's last sample the next must be at least a spacing away, or a window could hold
     * it too. */
    bool ends_far = run->end == s->n || s->t[run->end] - s->t[run->end - 1] >= run->spacing_ms;
    size_t last = ends_far ? run->end : run->end - 1;
    if (*stride == 0 || last < hi)
        return 0;
    size_t steps = (last - hi) / *stride, left = w->n - 1 - i;
    return steps < left ? steps : left;
}

size_t regular_steps(struct regular *run, const struct samples *s, const struct windows *w,
                     size_t i, size_t lo, size_t hi, size_t *stride)
{
    enum { FEW = 8, LONG_WAIT = 64 };
    if (i < run->try_at)
        return 0;
    size_t steps = find_steps(run, s, w, i, lo, hi, stride);
    if (steps >= FEW) {
        run->wait = 0;
        return steps;
    }
    run->wait = run->wait == 0 ? 1 : run->wait < LONG_WAIT ? 2 * run->wait : LONG_WAIT;
    run->try_at = i + run->wait;
    return 0;
}
