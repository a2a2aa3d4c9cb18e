/* CSV of samples, as `query -o csv` and `capture convert` write it. */
#ifndef AMPQL_SRC_SOURCE_CSV_H
#define AMPQL_SRC_SOURCE_CSV_H

#include "source/input.h"
#include "source/store.h"

/* Read a file into the store, which the caller seals: the head, then a line a sample. Fields are
 * quoted as RFC 4180 says, but hold no line breaks; lines end in a line feed, with or without a
 * carriage return.
 *
 *   metric     the name; empty: none
 *   labels     a JSON object of strings
 *   timestamp  Unix seconds, exact to the ms
 *   value      a number as Prometheus writes it, or `stale` where the series ended
 *
 *   has_ends  out: there was a `stale`, so that a series without one has not ended
 *   err       "NAME:LINE:COLUMN: ...": AMPQL_BAD_DATA: anything else; two values at one time;
 *             AMPQL_LIMIT; AMPQL_UNAVAILABLE; AMPQL_NOMEM */
enum ampql_code csv_read(struct input *input, struct store *store, bool *has_ends,
                         struct ampql_error *err);

#endif
