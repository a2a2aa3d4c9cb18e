/* The public functions of cost.h: views here, the work is the cost layer's. */
#include <ampql/cost.h>

#include "base/time.h"
#include "cost/aggregate.h"
#include "cost/model.h"
#include "cost/prices.h"
#include "cost/window.h"
#include "engine/engine.h"

enum ampql_code ampql_allocate(struct ampql_engine *engine, struct ampql_source *source,
                               const struct ampql_cost_options *options,
                               struct ampql_allocations **out, struct ampql_error *err)
{
    return cost_allocate(engine, source, options, out, err);
}

void ampql_allocations_free(struct ampql_allocations *allocations)
{
    allocations_free(allocations);
}

size_t ampql_allocations_count(const struct ampql_allocations *allocations)
{
    return allocations->all.n;
}

const struct ampql_allocation *ampql_allocations_at(const struct ampql_allocations *allocations,
                                                    size_t i)
{
    return i < allocations->all.n ? &allocations->all.items[i] : NULL;
}

const struct ampql_allocation *ampql_allocations_total(const struct ampql_allocations *allocations)
{
    return &allocations->all.total;
}

bool ampql_allocations_window(const struct ampql_allocations *allocations, size_t i,
                              struct ampql_cost_window *out)
{
    if (i >= allocations->nwindows)
        return false;
    const struct bill_window *w = &allocations->windows[i];
    *out = (struct ampql_cost_window){.start_ms = w->start_ms,
                                      .end_ms = w->end_ms,
                                      .items = w->items,
                                      .n = w->n,
                                      .total = &w->total};
    return true;
}

enum ampql_code ampql_allocations_aggregate(const struct ampql_allocations *allocations,
                                            const struct ampql_aggregate_options *options,
                                            struct ampql_allocations **out, struct ampql_error *err)
{
    return allocations_aggregate(allocations, options, out, err);
}

size_t ampql_allocations_warning_count(const struct ampql_allocations *allocations)
{
    return allocations->set->warnings.n + allocations->warnings.n;
}

struct ampql_string ampql_allocations_warning(const struct ampql_allocations *allocations, size_t i)
{
    const struct cost_set *set = allocations->set;
    if (i < set->warnings.n)
        return set->warnings.at[i].text;
    i -= set->warnings.n;
    return i < allocations->warnings.n ? allocations->warnings.at[i] : (struct ampql_string){0};
}

bool ampql_allocations_coverage(const struct ampql_allocations *allocations, size_t i,
                                struct ampql_cost_coverage *out)
{
    const struct cost_set *set = allocations->set;
    if (i >= set->coverage.n)
        return false;
    const struct cost_coverage *c = &set->coverage.at[i];
    *out = (struct ampql_cost_coverage){.query = query_info[c->query].name,
                                        .metric = query_info[c->query].metric,
                                        .cluster = c->cluster,
                                        .nneeded = c->nneeded,
                                        .ncovered = c->ncovered,
                                        .gap_start_ms = c->gap_start_ms,
                                        .gap_end_ms = c->gap_end_ms};
    return true;
}

struct ampql_stats ampql_allocations_stats(const struct ampql_allocations *allocations)
{
    return allocations->set->stats;
}

bool ampql_allocations_costs(const struct ampql_allocations *allocations, size_t i,
                             struct ampql_stats *alone, struct ampql_stats *shared)
{
    const struct cost_set *set = allocations->set;
    if (i >= set->ncosts)
        return false;
    *alone = set->costs[i].alone;
    *shared = set->costs[i].shared;
    return true;
}

enum ampql_code ampql_allocations_json(const struct ampql_allocations *allocations,
                                       ampql_write write, void *payload)
{
    return allocations_json(allocations, write, payload);
}

enum ampql_code ampql_allocations_summary_json(const struct ampql_allocations *allocations,
                                               ampql_write write, void *payload)
{
    return allocations_summary_json(allocations, write, payload);
}

enum ampql_code ampql_allocations_ndjson(const struct ampql_allocations *allocations,
                                         ampql_write write, void *payload)
{
    return allocations_ndjson(allocations, write, payload);
}

enum ampql_code ampql_cost_prices_read(struct ampql_engine *engine, const char *text, size_t len,
                                       struct ampql_cost_options *options,
                                       struct ampql_prices *prices, struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, &engine->alc);
    enum ampql_code code = prices_read(str_make(text, len), &work, options, prices, err);
    arena_done(&work);
    return code;
}

enum ampql_code ampql_cost_window(const char *text, size_t len, int64_t now_ms, int64_t *start_ms,
                                  int64_t *end_ms, struct ampql_error *err)
{
    if (now_ms == 0)
        now_ms = time_now() / 1000 * 1000;
    return cost_window_parse(str_make(text, len), now_ms, start_ms, end_ms, err);
}

enum ampql_code ampql_cost_query_text(struct ampql_engine *engine, size_t i,
                                      const struct ampql_cost_options *options, ampql_write write,
                                      void *payload, struct ampql_error *err)
{
    enum { MAX_TEXT = 64 << 10 };
    struct params params;
    struct buf text;
    if (i >= COST_QUERY_COUNT)
        return fail(err, AMPQL_NOT_FOUND, "the cost model has %d queries, expected one of them",
                    COST_QUERY_COUNT);
    TRY(params_make(options, &params, err));
    buf_init(&text, &engine->alc, MAX_TEXT);
    if (query_is_asked((enum cost_query)i, &params))
        query_render(&text, (enum cost_query)i, &params);
    enum ampql_code code = text.failed;
    if (code != AMPQL_OK)
        fail(err, code, "%s: the query's text", query_info[i].name);
    else if (text.n && write(payload, text.p, text.n) != 0)
        code = fail(err, AMPQL_OUTPUT, "the write callback failed");
    buf_done(&text);
    return code;
}
