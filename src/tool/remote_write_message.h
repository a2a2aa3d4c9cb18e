/* WriteRequest, Prometheus remote write 1.0's protobuf message, put together by hand.
 *
 *   WriteRequest { repeated TimeSeries timeseries = 1; }
 *   TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; }
 *   Label        { string name = 1; string value = 2; }
 *   Sample       { double value = 1; int64 timestamp = 2; }
 *
 * A field is (number << 3 | wire type), then a varint (0), 8 bytes (1), or a length and bytes (2).
 *   see  Prometheus, "Prometheus Remote-Write 1.0 specification"; prompb/remote.proto, types.proto
 */
#ifndef AMPQL_SRC_TOOL_REMOTE_WRITE_MESSAGE_H
#define AMPQL_SRC_TOOL_REMOTE_WRITE_MESSAGE_H

#include "base/buf.h"

/* Some samples of one series: labels [nlabels] in order of name, without empty values; t_ms [n]
 * ascending. */
struct write_piece {
    const struct ampql_label *labels;
    size_t nlabels;
    const int64_t *t_ms;
    const double *v;
    size_t n;
};

/* Bytes of the field that write_piece_add adds. */
size_t write_piece_size(const struct write_piece *piece);

/* Add a TimeSeries to a WriteRequest, which begins empty. */
void write_piece_add(struct buf *request, const struct write_piece *piece);

#endif
