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

enum ampql_code engine_selects(struct ampql_engine *engine,
                               const struct ampql_query *const *queries, size_t nqueries,
                               struct ampql_source *source, const struct ampql_run_options *options,
                               bool prepares, engine_take_select *take, void *payload,
                               struct ampql_error *err)
{
    struct plan_options plan_options;
    struct plan plan;
    struct arena arena;
    struct node *root;
    struct ampql_run_options read;
    OPTIONS_READ(read, options);
    TRY(run_options_check(engine, &read, source->ops.caps, &plan_options, err));
    struct intake_limits limits = run_limits_of(&read);
    arena_init(&arena, &engine->alc);
    plan_init(&plan, &arena, &plan_options);
    enum ampql_code code = AMPQL_OK;
    for (size_t q = 0; q < nqueries && code == AMPQL_OK; q++)
        code = plan_add(&plan, queries[q]->ast, &root, err);
    if (code == AMPQL_OK)
        code = plan_finish(&plan, err);
    if (code == AMPQL_OK)
        code = take_selects(engine, &plan, source, &limits, prepares, take, payload, err);
    arena_done(&arena);
    return code;
}
