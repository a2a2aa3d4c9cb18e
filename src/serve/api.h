/* What `ampql serve` answers: the HTTP API of Prometheus, and OpenCost's /allocation, from the
 * library's public functions. Knows no HTTP library. */
#ifndef AMPQL_SRC_SERVE_API_H
#define AMPQL_SRC_SERVE_API_H

#include <ampql/cost.h>
#include <ampql/query.h>

#include "base/buf.h"
#include "serve/request.h"

/* What all requests share; nothing of it changes. */
struct serve_api {
    struct ampql_engine *engine;
    struct ampql_run_options options; /* dialect, limits, rules; the timeout of one request */
    struct ampql_cost_options cost;   /* what of /allocation no parameter says */
    size_t max_answer_bytes;
    size_t nworkers;
};

struct serve_answer {
    int status;
    const char *type; /* of the content */
    struct buf body;
    enum ampql_code code; /* of what failed; AMPQL_OK */
    struct ampql_stats stats;
    bool is_prom2; /* messages are 2.42's */
};

/* Answer a request that was read well.
 *
 *   source     this thread's own
 *   cancel     ends the run
 *   waited_ms  in the queue, which the timeout includes
 *   out        body was made by buf_init */
void serve_api_answer(const struct serve_api *api, const struct serve_request *request,
                      struct ampql_source *source, struct ampql_cancel *cancel, int64_t waited_ms,
                      struct serve_answer *out);

/* After how long a request has no use for an answer, ms: the shorter one of the server's and its
 * own; 0: never. */
int64_t serve_api_timeout_ms(const struct serve_api *api, const struct serve_request *request);

/* Answer with an error, as the API has it: {"status":"error","errorType":...,"error":...}.
 *   status  0: what the code stands for
 *   what    before the message, such as `invalid parameter "time": `; "": nothing */
void serve_api_fail(struct serve_answer *out, int status, const struct ampql_error *err,
                    const char *what);

#endif
