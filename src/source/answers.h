/* Saved bodies of the query API: what /api/v1/query and /api/v1/query_range answer. */
#ifndef AMPQL_SRC_SOURCE_ANSWERS_H
#define AMPQL_SRC_SOURCE_ANSWERS_H

#include "source/input.h"
#include "source/store.h"

struct answer {
    bool is_matrix; /* else a vector */
    bool has_time;  /* a vector that is not empty: */
    int64_t time_ms;
    bool times_differ;       /* a vector of several times: it is no instant query's answer */
    bool is_broken;          /* of a body that was refused: it is no JSON, or ends early */
    uint64_t billed_samples; /* totalQueryableSamples of its stats; 0: it has none */
    size_t nwarnings; /* the server's own, without infos; the first one, quoted and clipped: */
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

/* Takes the series of a body, as they are read. Whatever a function returns but AMPQL_OK ends the
 * reading; messages get "NAME: offset N: " put in front. A body that is refused may have given some
 * of its series before. */
struct answer_taker {
    /* A series begins; labels [nlabels] are views, in any order, with empty values. */
    enum ampql_code (*series)(void *payload, const struct ampql_label *labels, size_t nlabels,
                              struct ampql_error *err);
    /* A sample of it, in the order of the body. */
    enum ampql_code (*sample)(void *payload, int64_t t_ms, double v, struct ampql_error *err);
    /* It has no more. */
    enum ampql_code (*end)(void *payload, struct ampql_error *err);
    /* Its name and labels for a message, to out [size]. */
    void (*describe)(void *payload, char *out, size_t size);
    void *payload;
};

/* The same without a store. */
enum ampql_code answers_stream(struct input *input, const struct ampql_allocator *alc,
                               const struct answer_taker *taker,
                               const struct answer_options *options, struct answer *out,
                               struct ampql_error *err);

#endif
