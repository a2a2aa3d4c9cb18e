/* Saved bodies of the query API: what /api/v1/query and /api/v1/query_range answer. */
#ifndef AMPQL_SRC_SOURCE_ANSWERS_H
#define AMPQL_SRC_SOURCE_ANSWERS_H

#include "source/input.h"
#include "source/store.h"

struct answer {
    bool is_matrix; /* else a vector */
    bool has_time;  /* a vector that is not empty: */
    int64_t time_ms;
    bool times_differ; /* a vector of several times: it is no instant query's answer */
    size_t nwarnings;  /* the server's own, without infos; the first one, quoted and clipped: */
    char warning[200];
};

struct answer_options {
    bool skip_histograms;
    struct str metric_name; /* for series that have none: timestamp() drops it; empty: leave them */
};

/* Read one body into the store, which the caller seals. The document is never held whole, keys may
 * come in any order, and unknown keys are passed over.
 *
 *   err  "NAME: offset N: ...": AMPQL_BAD_DATA: not JSON, truncated, something behind the document,
 *        wrong types, a label name twice, an answer that is an error (errorType and text are
 *        quoted) or says that it was truncated; AMPQL_UNSUPPORTED: a scalar or string answer,
 *        native histograms without skip_histograms; AMPQL_LIMIT; AMPQL_UNAVAILABLE; AMPQL_NOMEM
 *   see  Prometheus docs, "HTTP API" */
enum ampql_code answers_read(struct input *input, struct store *store,
                             const struct answer_options *options, struct answer *out,
                             struct ampql_error *err);

#endif
