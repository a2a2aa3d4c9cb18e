/* Asking a source all queries of a window in one batch, so that each series is read once. */
#include "cost/ask.h"

#include "cost/coverage.h"
#include "engine/engine.h"

enum { MAX_QUERY_BYTES = 64 << 10 };

/* A query's failure fails the whole: the bill would lack what it asks. */
static enum ampql_code fail_query(struct ampql_error *err, enum cost_query id,
                                  const struct ampql_error *why)
{
    return fail(err, why->code, "%s: %s", query_info[id].name, why->message);
}

static enum ampql_code compile(struct ampql_engine *engine, const struct params *params,
                               enum cost_query id, bool is_coverage, struct buf *text,
                               struct asked *asked, struct ampql_error *err)
{
    struct ampql_error why = {0};
    text->n = 0;
    if (is_coverage)
        cost_coverage_render(text, id, params);
    else
        query_render(text, id, params);
    if (text->failed)
        return fail(err, text->failed, "%s: the query's text", query_info[id].name);
    if (ampql_query_compile(engine, text->p, text->n, &asked->query[asked->n], &why) != AMPQL_OK)
        return fail_query(err, id, &why);
    asked->what[asked->n].id = id;
    asked->what[asked->n++].is_coverage = is_coverage;
    return AMPQL_OK;
}

static enum ampql_code compile_all(struct ampql_engine *engine, const struct params *params,
                                   struct asked *asked, struct ampql_error *err)
{
    struct buf text;
    enum ampql_code code = AMPQL_OK;
    buf_init(&text, &engine->alc, MAX_QUERY_BYTES);
    for (enum cost_query id = 0; id < COST_QUERY_COUNT && code == AMPQL_OK; id++) {
        if (query_is_asked(id, params))
            code = compile(engine, params, id, false, &text, asked, err);
        if (code == AMPQL_OK && cost_coverage_is_asked(id, params))
            code = compile(engine, params, id, true, &text, asked, err);
    }
    buf_done(&text);
    return code;
}

enum ampql_code ask_source(struct ampql_engine *engine, struct ampql_source *source,
                           const struct params *params, struct asked *asked,
                           struct ampql_error *err)
{
    struct ampql_run_options options = {
        .size = sizeof options,
        .start_ms = params->end_ms,
        .end_ms = params->end_ms,
        .dialect = params->dialect,
        .timeout_ms = params->timeout_ms,
        .max_samples = params->max_samples,
        .max_series = params->max_series,
        .max_bytes = params->max_bytes,
        .max_labels = params->max_labels,
        .max_label_bytes = params->max_label_bytes,
        .cancel = params->cancel,
        .rules = params->rules,
        .recorded = params->recorded,
        .rule_phase_ms = params->rule_phase_ms,
        .rule_file = params->rule_file,
        .threads = params->nthreads,
    };
    const struct ampql_query *query[ASKED_MAX];
    TRY(compile_all(engine, params, asked, err));
    for (size_t i = 0; i < asked->n; i++)
        query[i] = asked->query[i];
    enum ampql_code code =
        ampql_batch_run(engine, query, asked->n, source, &options, asked->result, asked->error);
    for (size_t i = 0; i < asked->n; i++)
        if (asked->error[i].code != AMPQL_OK)
            return fail_query(err, asked->what[i].id, &asked->error[i]);
    return code == AMPQL_OK ? AMPQL_OK : fail(err, code, "the queries of the cost model failed");
}

void asked_done(struct asked *asked)
{
    for (size_t i = 0; i < asked->n; i++) {
        ampql_result_free(asked->result[i]);
        ampql_query_free(asked->query[i]);
    }
}

enum ampql_code asked_decode(const struct asked *asked, const struct params *params,
                             struct arena *work, struct answer *answers, struct ampql_error *err)
{
    bool rounds = params->quirks.is_on[QUIRK_ROUND_TIMES];
    for (size_t i = 0; i < asked->n; i++)
        if (!asked->what[i].is_coverage)
            TRY(answer_decode(asked->result[i], rounds, work, &answers[asked->what[i].id], err));
    for (size_t i = 0; i < asked->n; i++)
        if (asked->what[i].is_coverage)
            answers[asked->what[i].id].coverage = asked->result[i];
    return AMPQL_OK;
}

/* ---- what it cost */

static bool is_same_select(const struct ampql_select_stats *a, const struct ampql_select_stats *b)
{
    return a->kind == b->kind && str_equal(str_view(a->query), str_view(b->query));
}

/* How many of the queries that read a select are not the model's. */
static size_t count_others(const struct asked *asked, const struct ampql_select_stats *select)
{
    size_t n = 0;
    for (size_t i = 0; i < asked->n; i++) {
        const struct ampql_result *result = asked->result[i];
        for (size_t k = 0; asked->what[i].is_coverage && k < ampql_result_select_count(result);
             k++) {
            struct ampql_select_stats other = ampql_result_select(result, k);
            n += is_same_select(&other, select);
        }
    }
    return n;
}

void asked_costs(const struct asked *asked, struct ampql_stats *batch, struct query_cost *costs)
{
    *batch = ampql_result_stats(asked->result[0]); /* each result has those of the whole batch */
    memset(costs, 0, COST_QUERY_COUNT * sizeof *costs);
    for (size_t i = 0; i < asked->n; i++) {
        struct query_cost *cost = &costs[asked->what[i].id];
        for (size_t k = 0; k < ampql_result_select_count(asked->result[i]); k++) {
            struct ampql_select_stats select = ampql_result_select(asked->result[i], k);
            if (asked->what[i].is_coverage) {
                batch->remote_samples -= select.stats.remote_samples;
                continue;
            }
            bool is_shared = select.nqueries > 1 + count_others(asked, &select);
            stats_add(is_shared ? &cost->shared : &cost->alone, select.stats);
        }
    }
}
