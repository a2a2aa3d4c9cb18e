/* OpenMetrics and the Prometheus text format, with timestamps. */
#ifndef AMPQL_SRC_SOURCE_OPENMETRICS_H
#define AMPQL_SRC_SOURCE_OPENMETRICS_H

#include "source/input.h"
#include "source/store.h"

struct openmetrics_options {
    bool needs_eof; /* the name says that it is OpenMetrics */
    bool skip_histograms;
};

/* Read a file into the store, which the caller seals.
 *
 * A file that ends in "# EOF" is OpenMetrics: times are seconds, with a fraction. Any other is
 * Prometheus text: times are whole milliseconds. HELP, TYPE and other comments, and exemplars, are
 * passed over; `x_created` is a series like any other.
 *
 *   err  "NAME:LINE:COLUMN: ...": AMPQL_BAD_DATA: a line that is no sample, or has no timestamp; a
 *        last line without a line feed, something behind "# EOF", no "# EOF" where OpenMetrics
 *        needs it; two values at one time; AMPQL_UNSUPPORTED: native histograms without
 *        skip_histograms; AMPQL_LIMIT; AMPQL_UNAVAILABLE; AMPQL_NOMEM
 *   see  the OpenMetrics specification 1.0; Prometheus docs, "Exposition formats" */
enum ampql_code openmetrics_read(struct input *input, struct store *store,
                                 const struct openmetrics_options *options,
                                 struct ampql_error *err);

#endif
