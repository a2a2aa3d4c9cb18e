/* The model's queries: one row each in queries.def. Adding a query is adding a row, and a step that
 * folds its answer. */
#ifndef AMPQL_SRC_COST_QUERIES_H
#define AMPQL_SRC_COST_QUERIES_H

#include <ampql/cost.h>

#include "base/buf.h"
#include "base/error.h"

enum cost_query {
#define QUERY(id, ...) COST_##id,
#include "cost/queries.def"
    COST_QUERY_COUNT
};

struct query_info {
    struct ampql_cost_query view;
    const char *loss; /* what the bill lacks without its series; NULL: nothing */
};
extern const struct query_info query_info[COST_QUERY_COUNT];

/* The caller's options, checked and with their defaults. Strings are the caller's. */
struct params {
    int64_t start_ms, end_ms, resolution_ms;
    struct str cluster_label, cluster_id;
    bool filter_cluster;
    struct ampql_prices prices;
    bool custom_prices;
    double discount; /* of list prices, both discounts in one */
    struct str aggregate;
    enum ampql_dialect dialect; /* 0: not said */
    int64_t timeout_ms;
    uint64_t max_samples, max_series;
    struct ampql_cancel *cancel;
};

/* err  AMPQL_BAD_DATA: window, resolution, cluster label, discounts */
enum ampql_code params_make(const struct ampql_cost_options *options, struct params *out,
                            struct ampql_error *err);

/* Append the PromQL of a query; buf->failed says AMPQL_NOMEM. */
void query_render(struct buf *out, enum cost_query query, const struct params *params);

/* Append whole seconds as OpenCost writes durations: in the largest of d, h, m, s that divides
 * them. */
void render_duration(struct buf *out, int64_t seconds);

#endif
