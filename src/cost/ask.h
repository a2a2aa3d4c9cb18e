/* Asking a source all queries of a window in one batch. */
#ifndef AMPQL_SRC_COST_ASK_H
#define AMPQL_SRC_COST_ASK_H

#include "cost/model.h"

/* Each query once for its answer, and perhaps once for how much data there was. */
enum { ASKED_MAX = 2 * COST_QUERY_COUNT };

struct asked {
    struct {
        enum cost_query id;
        bool is_coverage;
    } what[ASKED_MAX];
    struct ampql_query *query[ASKED_MAX];
    struct ampql_result *result[ASKED_MAX];
    struct ampql_error error[ASKED_MAX];
    size_t n;
};

/* Fill a zeroed struct with what params say, and its results. Call asked_done in any case.
 *   err  any failure of a query, which fails the whole, and says its name */
enum ampql_code ask_source(struct ampql_engine *engine, struct ampql_source *source,
                           const struct params *params, struct asked *asked,
                           struct ampql_error *err);
void asked_done(struct asked *asked);

/* What the batch cost, and each of the model's queries [COST_QUERY_COUNT] of it: alone what no
 * other of them read. What was asked beside them, of the same series, does not count: a server that
 * evaluated the queries would not have read it. */
void asked_costs(const struct asked *asked, struct ampql_stats *batch, struct query_cost *costs);

/* Results to answers [COST_QUERY_COUNT], which are views of them. err  as answer_decode */
enum ampql_code asked_decode(const struct asked *asked, const struct params *params,
                             struct arena *work, struct answer *answers, struct ampql_error *err);

#endif
