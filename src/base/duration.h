/* Prometheus's durations: "1h30m", "250ms". */
#ifndef AMPQL_SRC_BASE_DURATION_H
#define AMPQL_SRC_BASE_DURATION_H

#include "base/error.h"

/* Read a duration: ([0-9]+ unit)+, units y w d h m s ms, each at most once and largest first; y is
 * 365d, w is 7d.
 *
 *   out   milliseconds, >= 0
 *   err   AMPQL_BAD_DATA: `not a valid duration string: "5m1h"`, `unknown unit "hs" in duration
 * "5y1hs"`, `duration out of range` (over INT64_MAX nanoseconds, Go's limit) see   Prometheus docs,
 * "Float literals and time durations" */
enum ampql_code duration_parse(struct str text, int64_t *out, struct ampql_error *err);

/* The same, and also "0" and plain or fractional seconds ("300", "0.5"): for flags, HTTP parameters
 * and files. */
enum ampql_code duration_parse_loose(struct str text, int64_t *out, struct ampql_error *err);

/* Write ms >= 0 as Prometheus's model.Duration prints it ("1h30m", "0s", "7d" as "1w"); [32] bytes;
 * returns the length. */
enum { DURATION_MAX = 40 };
size_t duration_format(int64_t ms, char *out);

#endif
