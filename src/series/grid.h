/* The evaluation grid, and the windows that range selectors lay over it. */
#ifndef AMPQL_SRC_SERIES_GRID_H
#define AMPQL_SRC_SERIES_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Steps start, start + step, ... [n], Unix ms; n >= 1; step > 0 (1 when n is 1). Built by grid_make
 * only, so that the last step does not overflow. */
struct grid {
    int64_t start_ms, step_ms;
    size_t n;
};

static inline int64_t grid_time(const struct grid *grid, size_t i)
{
    return grid->start_ms + (int64_t)i * grid->step_ms;
}

static inline int64_t grid_end(const struct grid *grid)
{
    return grid_time(grid, grid->n - 1);
}

/* One window a step: window i ends at end_ms + i * step_ms, inclusive, and reaches back range_ms;
 * its left end is excluded in prom3 and included in prom2. Windows only move forward. eval_ms   the
 * evaluation time of step 0 (predict_linear asks), without offset */
struct windows {
    int64_t end_ms, step_ms, range_ms;
    size_t n;
    bool left_closed;
    int64_t eval_ms;
    /* of anchored and smoothed selectors: how much range_ms is more than the range, on either side;
     * end_ms is that of the whole window */
    int64_t margin_before_ms, margin_after_ms;
};

/* A sample at t belongs to window i when window_after(w, i) < t <= window_end(w, i). */
static inline int64_t window_end(const struct windows *w, size_t i)
{
    return w->end_ms + (int64_t)i * w->step_ms;
}

static inline int64_t window_after(const struct windows *w, size_t i)
{
    return window_end(w, i) - w->range_ms - (w->left_closed ? 1 : 0);
}

/* The range that a window is about: all of it, but for its margins. */
static inline int64_t window_range_end(const struct windows *w, size_t i)
{
    return window_end(w, i) - w->margin_after_ms;
}

static inline int64_t window_range_start(const struct windows *w, size_t i)
{
    return window_end(w, i) - w->range_ms + w->margin_before_ms;
}

static inline int64_t window_range(const struct windows *w)
{
    return w->range_ms - w->margin_before_ms - w->margin_after_ms;
}

#endif
