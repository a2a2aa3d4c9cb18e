/* Finding samples by time, and room for them. Samples are mostly equally spaced, so the place is
 * guessed first: a column that is not in the cache is then touched in two or three places instead
 * of ten. */
#include "series/sample.h"

/* The first sample after t, known to lie in (lo, hi]: t[lo] <= t, and t[hi] > t or hi is the end.
 */
static size_t search(const struct samples *s, int64_t t, size_t lo, size_t hi)
{
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->t[mid] <= t)
            lo = mid;
        else
            hi = mid;
    }
    return hi;
}

size_t samples_after(const struct samples *s, int64_t t_ms)
{
    size_t last = s->n - 1;
    if (s->n == 0 || s->t[0] > t_ms)
        return 0;
    if (s->t[last] <= t_ms)
        return s->n;
    double share = ((double)t_ms - (double)s->t[0]) / ((double)s->t[last] - (double)s->t[0]);
    size_t guess = (size_t)(share * (double)last), step = 1;
    if (guess >= last)
        guess = last - 1;
    if (s->t[guess] <= t_ms) {
        size_t lo = guess;
        while (lo + step < last && s->t[lo + step] <= t_ms) {
            lo += step;
            step *= 2;
        }
        return search(s, t_ms, lo, lo + step < last ? lo + step : last);
    }
    size_t hi = guess;
    while (hi > step && s->t[hi - step] > t_ms) {
        hi -= step;
        step *= 2;
    }
    return search(s, t_ms, hi > step ? hi - step : 0, hi);
}

struct samples samples_clip(const struct samples *s, int64_t mint_ms, int64_t maxt_ms)
{
    if (s->n == 0 || mint_ms >= maxt_ms) /* without samples the columns may be NULL */
        return (struct samples){s->t, s->v, 0};
    size_t from = samples_after(s, mint_ms), to = samples_after(s, maxt_ms);
    return (struct samples){s->t + from, s->v + from, to - from};
}

struct samples samples_thin(const struct samples *s, int64_t from_ms, int64_t step_ms, int64_t *t,
                            double *v)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if ((s->t[i] - from_ms) % step_ms != 0)
            continue;
        t[n] = s->t[i];
        v[n++] = s->v[i];
    }
    return (struct samples){t, v, n};
}

bool sample_room_grow(struct sample_room *room, const struct ampql_allocator *alc, size_t n,
                      size_t want)
{
    if (want <= room->room)
        return true;
    struct sample_room more = {.room = want > room->room * 2 ? want : room->room * 2};
    more.t = alloc_get(alc, more.room, sizeof *more.t);
    more.v = alloc_get(alc, more.room, sizeof *more.v);
    if (!more.t || !more.v) {
        sample_room_done(&more, alc);
        return false;
    }
    if (n) {
        memcpy(more.t, room->t, n * sizeof *more.t);
        memcpy(more.v, room->v, n * sizeof *more.v);
    }
    sample_room_done(room, alc);
    *room = more;
    return true;
}

void sample_room_done(struct sample_room *room, const struct ampql_allocator *alc)
{
    alloc_put(alc, room->t, room->room, sizeof *room->t);
    alloc_put(alc, room->v, room->room, sizeof *room->v);
    *room = (struct sample_room){0};
}
