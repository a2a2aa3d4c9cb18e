/* The selects of a batch, for whoever wants them without evaluating anything: fetching, predicting.
 */
#include "engine/engine.h"

#include "base/options.h"

static enum ampql_code take_selects(struct ampql_engine *engine, const struct plan *plan,
                                    struct ampql_source *source, struct intake_limits *limits,
                                    bool prepares, engine_take_select *take, void *payload,
                                    struct ampql_error *err)
{
    size_t n = plan->selects.n;
    const struct select **selects = arena_alloc(plan->arena, n, sizeof *selects);
    struct ampql_select *wanted = arena_alloc(plan->arena, n, sizeof *wanted);
    if (!selects || !wanted)
        return fail_nomem(err, "the selects of a batch");
    for (size_t i = 0; i < n; i++) {
        selects[i] = &plan->selects.at[i];
        TRY(intake_public(selects[i], plan->options.lookback_ms, plan->options.dialect, plan->arena,
                          &wanted[i], err));
    }
    if (prepares)
        TRY(intake_begin(engine, source, selects, n, plan->options.lookback_ms,
                         plan->options.dialect, limits, err));
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < n && code == AMPQL_OK; i++) {
        code = intake_check(limits, err);
        if (code == AMPQL_OK)
            code = take(payload, &wanted[i], err);
    }
    if (prepares)
        intake_end(source);
    return code;
}

static enum ampql_code plan_all(struct plan *plan, const struct select_batch *batch,
                                struct ampql_error *err)
{
    struct node *root;
    for (size_t q = 0; q < batch->nqueries; q++)
        TRY(plan_add(plan, batch->queries[q]->ast, &root, err));
    for (size_t i = 0; i < batch->nwants; i++)
        TRY(plan_add_record(plan, &batch->wants[i], err));
    return plan_finish(plan, err);
}

enum ampql_code engine_selects(struct ampql_engine *engine, const struct select_batch *batch,
                               struct ampql_source *source, const struct ampql_run_options *options,
                               bool prepares, engine_take_select *take, void *payload,
                               struct ampql_error *err)
{
    struct plan_options plan_options;
    struct plan plan;
    struct arena arena;
    struct symbols symbols;
    struct ampql_run_options read;
    struct ampql_stats stats = {0};
    OPTIONS_READ(read, options);
    struct intake_limits limits = run_limits_of(&read);
    struct stored_asker asker = {.engine = engine,
                                 .source = source,
                                 .symbols = &symbols,
                                 .limits = &limits,
                                 .stats = &stats};
    if (!symbols_init(&symbols, &engine->alc))
        return fail_nomem(err, "the selects of a batch");
    arena_init(&arena, &engine->alc);
    enum ampql_code code =
        run_options_check(engine, &read, source->ops.caps, &arena, &plan_options, err);
    if (code == AMPQL_OK) {
        stored_ask(&asker, read.recorded, &plan_options);
        plan_init(&plan, &arena, &plan_options);
        code = plan_all(&plan, batch, err);
    }
    if (code == AMPQL_OK)
        code = take_selects(engine, &plan, source, &limits, prepares, take, payload, err);
    arena_done(&arena);
    symbols_done(&symbols);
    return code;
}
