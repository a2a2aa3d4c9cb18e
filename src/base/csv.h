/* CSV: fields quoted as RFC 4180 says, and samples as lines. */
#ifndef AMPQL_SRC_BASE_CSV_H
#define AMPQL_SRC_BASE_CSV_H

#include "base/buf.h"

/* The line that begins a file of samples. */
#define CSV_HEAD "metric,labels,timestamp,value"

/* One field, quoted when it has to be. */
void csv_put_field(struct buf *out, struct str field);

/* The name and the other labels [nlabels] as a JSON object: the two fields that all lines of a
 * series begin with, with their commas. */
void csv_put_series(struct buf *out, const struct ampql_label *labels, size_t nlabels);

/* Unix ms as seconds, the value, and a line feed. */
void csv_put_sample(struct buf *out, int64_t t_ms, struct str value);

#endif
