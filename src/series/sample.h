/* Samples as columns, and the stale marker. */
#ifndef AMPQL_SRC_SERIES_SAMPLE_H
#define AMPQL_SRC_SERIES_SAMPLE_H

#include "base/double.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* One series' samples: t strictly ascending, Unix ms. Views; somebody else owns the columns. */
struct samples {
    const int64_t *t; /* [n] */
    const double *v;  /* [n] */
    size_t n;
};

/* The number of samples at or before t: the place of the first one after it. */
size_t samples_after(const struct samples *s, int64_t t_ms);

/* Those with mint_ms < t <= maxt_ms. */
struct samples samples_clip(const struct samples *s, int64_t mint_ms, int64_t maxt_ms);

/* The marker that says "this series ended here": a NaN of its own. Compared as bits: arithmetic
 * would quiet it. */
#define STALE_BITS UINT64_C(0x7FF0000000000002)

static inline bool is_stale(double v)
{
    return bits_of(v) == STALE_BITS;
}

#endif
