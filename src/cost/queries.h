/* The model's queries: one row each in queries.def. Adding a query is adding a row, and a step that
 * folds its answer. */
#ifndef AMPQL_SRC_COST_QUERIES_H
#define AMPQL_SRC_COST_QUERIES_H

#include <ampql/cost.h>

#include "base/buf.h"
#include "base/error.h"
#include "cost/quirks.h"

enum cost_query {
#define QUERY(id, ...) COST_##id,
#include "cost/queries.def"
    COST_QUERY_COUNT
};

/* What a query is asked for: bits. */
enum query_group {
    QUERY_ALLOCATION = 1, /* allocations of a window, or of a piece of it */
    QUERY_ASSETS = 2,     /* what there is to allocate, of the whole window */
    QUERY_BOTH = QUERY_ALLOCATION | QUERY_ASSETS
};

enum { QUERY_UNCOUNTED, QUERY_COUNTED };

struct query_info {
    const char *name, *metric;
    enum query_group group;
    bool is_counted;      /* in coverage */
    const char *selector; /* of the metric, with variables */
    const char *loss;     /* what the bill lacks without its series; NULL: nothing */
    const char *text[2];  /* [enum ampql_cost_queries]; NULL: 2024 not asked, 2026 as 2024 */
};
extern const struct query_info query_info[COST_QUERY_COUNT];

/* The caller's options, checked and with their defaults. Strings are the caller's. */
struct params {
    int64_t start_ms, end_ms, resolution_ms;
    struct str cluster_label, cluster_id;
    bool filter_cluster;
    struct ampql_prices prices;
    bool custom_prices;
    enum ampql_cost_provider provider;
    double discount, negotiated_discount;
    enum ampql_dialect dialect; /* 0: not said */
    int64_t timeout_ms;
    uint64_t max_samples, max_series, max_bytes, max_labels, max_label_bytes;
    struct ampql_cancel *cancel;
    enum ampql_cost_queries queries;
    bool pod_uids, wants_node_labels, wants_idle, is_strict;
    bool wants_whole_assets; /* of all steps as one window, too */
    unsigned groups;         /* enum query_group: what is asked now */
    int64_t max_duration_ms;
    int64_t step_ms; /* 0: one step, the whole window */
    int64_t now_ms;
    size_t nthreads;        /* that compute windows */
    struct str node_labels; /* comma list */
    struct quirks quirks;
    const struct ampql_rules *rules;
    enum ampql_recorded recorded;
    int64_t rule_phase_ms;
    const char *rule_file;
};

/* err  AMPQL_BAD_DATA: window, resolution, cluster label, discounts, prices, quirks, query set */
enum ampql_code params_make(const struct ampql_cost_options *options, struct params *out,
                            struct ampql_error *err);

/* Is it asked with these options? */
bool query_is_asked(enum cost_query query, const struct params *params);

/* Append the PromQL of a query that is asked; buf->failed says AMPQL_NOMEM. */
void query_render(struct buf *out, enum cost_query query, const struct params *params);

/* The same for a text with variables about a query's series. */
void query_render_text(struct buf *out, enum cost_query query, struct str text,
                       const struct params *params);

/* Append whole seconds as OpenCost writes durations: in the largest of d, h, m, s that divides
 * them. */
void render_duration(struct buf *out, int64_t seconds);

#endif
