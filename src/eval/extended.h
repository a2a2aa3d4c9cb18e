/* anchored and smoothed selectors: windows that see a sample before the range, and smoothed ones
 * another behind it, both as far as the lookback goes. What a range function computes of such a
 * window is another recipe, without extrapolation; see Prometheus docs, "Extended range selectors".
 *
 * Kernels are called with windows whose `margin` says how much wider they are than the range. */
#ifndef AMPQL_SRC_EVAL_EXTENDED_H
#define AMPQL_SRC_EVAL_EXTENDED_H

#include "series/grid.h"
#include "series/row.h"
#include "series/sample.h"

struct scratch;

/* The change over each range, from its very start to its very end: of a counter with its resets
 * made good. seconds is the range of a rate, 0 for increase and delta. */
void extended_change(const struct samples *samples, const struct windows *windows, bool is_counter,
                     double seconds, struct row *out, struct scratch *scratch);

/* How many neighbours of the window count, beginning at the newest sample at or before the range's
 * start. No value where nothing lies behind the start. */
void extended_count(const struct samples *samples, const struct windows *windows,
                    bool (*counts)(double before, double after), struct row *out,
                    struct scratch *scratch);

/* The value of a smoothed instant selector at each step: on the line between the samples on both
 * sides of it, or the last one where none follows. */
void extended_smooth(const struct samples *samples, const struct windows *windows, struct row *out);

/* The samples of a range selector as the whole query: those inside the range, with one at its start
 * and one at its end.
 *   t, v  [2 + samples inside the first window] room for them
 *   returns how many */
size_t extended_samples(const struct samples *samples, const struct windows *windows, int64_t *t,
                        double *v);

#endif
