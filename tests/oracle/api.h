/* A Prometheus HTTP API as the random comparison needs it: one query, answered as an evaluator
 * would answer. */
#ifndef AMPQL_TESTS_API_H
#define AMPQL_TESTS_API_H

#include "tool/evaluator.h"

struct api;

/* url: of the server, "http://127.0.0.1:9090". One connection, kept open; for one thread. NULL: no
 * HTTP client. */
struct api *api_new(const char *url);
void api_free(struct api *api);

/* Ask /api/v1/query, or /api/v1/query_range when step_ms > 0; of the options only the times are
 * sent. The outcome lives in the arena.
 *   err  what the server says, by its errorType: AMPQL_PARSE for bad_data, AMPQL_EXECUTION,
 *        AMPQL_TIMEOUT, AMPQL_INTERNAL; AMPQL_UNAVAILABLE: no answer, or none of this API;
 *        AMPQL_NOMEM */
enum ampql_code api_ask(struct api *api, struct str text, const struct ampql_run_options *options,
                        struct arena *arena, struct outcome *out, struct ampql_error *err);

#endif
