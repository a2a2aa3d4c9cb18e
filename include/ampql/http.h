/* Prometheus's HTTP API without a socket: a request in, an answer out. What `ampql serve` answers
 * over HTTP, for programs that have a client of that API and want it answered in process: the
 * RoundTripper of examples/go is made of it.
 *
 * Threads: as a run: a source takes one request at a time; an answer is one thread's at a time. */
#ifndef AMPQL_HTTP_H
#define AMPQL_HTTP_H

#include <ampql/cost.h>
#include <ampql/query.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ampql_answer;

/* What a client sends, any bytes; views, used during the call only. */
struct ampql_http_request {
    size_t size;                      /* of this struct */
    struct ampql_string method;       /* "GET", "POST"; empty: "GET" */
    struct ampql_string target;       /* path and query string: "/api/v1/query?query=up" */
    struct ampql_string content_type; /* of the body */
    struct ampql_string body;         /* parameters too, when it is a form */
};

struct ampql_http_api_options {
    size_t size; /* of this struct */
    /* Dialect, limits, timeout, rules and cancel of every request; a request's own `timeout` may
     * make it shorter. Times are the request's. NULL: defaults. */
    const struct ampql_run_options *run;
    /* What of /allocation no parameter says; NULL: defaults, with the limits of run. */
    const struct ampql_cost_options *cost;
    const char *prefix;        /* "/prometheus": it may stand before the paths; NULL: none */
    uint64_t max_answer_bytes; /* 0: 1 GiB; at least 64 KiB */
};

/* Answer a request as Prometheus does: /api/v1/ query, query_range, series, labels,
 * label/NAME/values, metadata, status/buildinfo, status/config and status/flags, by GET or, where
 * Prometheus takes it, POST; /allocation and /allocation/summary as OpenCost's API. A path may have
 * "/workspaces/ID" before it, as AMP's have.
 *
 * A request that fails has an answer, too: the status, errorType and message that Prometheus gives.
 * options may be NULL. Without an answer is only
 *   err  AMPQL_NOMEM; AMPQL_BAD_DATA: max_answer_bytes is too small
 *   see  Prometheus docs "HTTP API"; web/api/v1 for messages */
AMPQL_API enum ampql_code ampql_http_answer(struct ampql_engine *engine,
                                            struct ampql_source *source,
                                            const struct ampql_http_request *request,
                                            const struct ampql_http_api_options *options,
                                            struct ampql_answer **out, struct ampql_error *err);

/* The HTTP status: 200; 400, 404, 405, 422, 500, 502, 503. */
AMPQL_API int ampql_answer_status(const struct ampql_answer *answer);

/* "application/json", a static string. */
AMPQL_API const char *ampql_answer_content_type(const struct ampql_answer *answer);

/* A view, valid until the answer is freed. */
AMPQL_API struct ampql_string ampql_answer_body(const struct ampql_answer *answer);

/* What failed, AMPQL_OK when nothing did: the message is in the body. */
AMPQL_API enum ampql_code ampql_answer_code(const struct ampql_answer *answer);

/* What it cost, as ampql_result_stats. */
AMPQL_API struct ampql_stats ampql_answer_stats(const struct ampql_answer *answer);

/* NULL is fine. */
AMPQL_API void ampql_answer_free(struct ampql_answer *answer);

#ifdef __cplusplus
}
#endif
#endif
