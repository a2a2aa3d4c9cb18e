/* Samples as columns, and the stale marker. */
#ifndef AMPQL_SRC_SERIES_SAMPLE_H
#define AMPQL_SRC_SERIES_SAMPLE_H

#include "base/alloc.h"
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

/* Those at from_ms, from_ms + step_ms, ..., into t and v [s->n]; they may be the columns of s. */
struct samples samples_thin(const struct samples *s, int64_t from_ms, int64_t step_ms, int64_t *t,
                            double *v);

/* Columns to write series into, one after the other. Zeroed they are empty. */
struct sample_room {
    int64_t *t; /* [room] */
    double *v;
    size_t room;
};

/* Make room for `want` samples, of which the first n are kept; false when memory is out, and all is
 * as before. */
bool sample_room_grow(struct sample_room *room, const struct ampql_allocator *alc, size_t n,
                      size_t want);
void sample_room_done(struct sample_room *room, const struct ampql_allocator *alc);

/* The marker that says "this series ended here": a NaN of its own. Compared as bits: arithmetic
 * would quiet it. */
#define STALE_BITS UINT64_C(0x7FF0000000000002)

static inline bool is_stale(double v)
{
    return bits_of(v) == STALE_BITS;
}

#endif
