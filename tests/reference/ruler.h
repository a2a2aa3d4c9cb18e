/* A ruler, slow and obvious: every rule at every one of its ticks through the reference evaluator,
 * what it records written into a store as Prometheus's storage would take it. */
#ifndef AMPQL_TESTS_RULER_H
#define AMPQL_TESTS_RULER_H

#include "plan/record.h"
#include "reference/reference.h"

/* Run rules at all ticks from first to last over series [n], which are there from the beginning,
 * but for those that have a record's name.
 *
 *   options  of the instant queries: dialect, lookback, ...
 *   out      [*nout] the series, and all that was written to the end; in the arena */
void reference_ruler(const struct records *records, const struct reference_series *series, size_t n,
                     int64_t first_ms, int64_t last_ms, const struct reference_options *options,
                     struct arena *arena, struct reference_series **out, size_t *nout);

#endif
