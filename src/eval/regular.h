/* Runs of equally spaced samples: while windows slide inside one, they all hold the same samples
 * moved on by a fixed number, and a kernel can take many steps in one plain loop. Gaps and restarts
 * only end a run. */
#ifndef AMPQL_SRC_EVAL_REGULAR_H
#define AMPQL_SRC_EVAL_REGULAR_H

#include "series/grid.h"
#include "series/sample.h"

/* The run that a kernel is in: samples [begin, end) are spacing_ms apart. Starts as all zero. Where
 * no run is found, the next windows are not tried: scrapes that jitter cost one look in many. */
struct regular {
    size_t begin, end;
    int64_t spacing_ms;
    size_t try_at, wait;
};

/* Window i holds samples [lo, hi). How many of the windows after it hold [lo + k * stride, hi + k *
 * stride), k = 1, 2, ...? 0 when it cannot be said, or they are too few to bother. */
size_t regular_steps(struct regular *run, const struct samples *s, const struct windows *w,
                     size_t i, size_t lo, size_t hi, size_t *stride);

#endif
