/* What `promtool tsdb dump` prints. */
#ifndef AMPQL_SRC_SOURCE_DUMP_H
#define AMPQL_SRC_SOURCE_DUMP_H

#include "source/input.h"
#include "source/store.h"

/* Read lines `{__name__="m", a="b"} VALUE MILLISECONDS` into the store, which the caller seals.
 * Label values are as Go quotes them; names of any UTF-8 may be quoted too. The dump prints stale
 * markers as NaN, so every NaN stays an ordinary one.
 *
 *   err  "NAME:LINE:COLUMN: ...": AMPQL_BAD_DATA: anything else; AMPQL_UNSUPPORTED: native
 *        histograms without skip_histograms; AMPQL_LIMIT; AMPQL_UNAVAILABLE; AMPQL_NOMEM */
enum ampql_code dump_read(struct input *input, struct store *store, bool skip_histograms,
                          struct ampql_error *err);

#endif
