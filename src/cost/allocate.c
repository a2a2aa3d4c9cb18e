/* From options to a set of allocations: ask all queries in one batch at the window's end, decode,
 * fold, price, and copy what is kept. */
#include "cost/accumulate.h"
#include "cost/aggregate.h"
#include "cost/ask.h"
#include "cost/coverage.h"
#include "cost/parts.h"

#include "base/options.h"
#include "base/parallel.h"
#include "base/time.h"
#include "engine/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void model_init(struct model *model, struct cost_set *set, struct arena *arena,
                const struct params *params, const struct answer *answers)
{
    *model = (struct model){.params = params, .answers = answers, .set = set, .arena = arena};
    index_init(&model->pod_index, &set->alc);
    index_init(&model->plain_index, &set->alc);
    index_init(&model->namespace_index, &set->alc);
    index_init(&model->container_index, &set->alc);
    index_init(&model->node_index, &set->alc);
}

void model_done(struct model *model)
{
    index_done(&model->pod_index);
    index_done(&model->plain_index);
    index_done(&model->namespace_index);
    index_done(&model->container_index);
    index_done(&model->node_index);
}

/* ---- folding */

/* A container's allocation as it stays: named, with its lists in order, finished. */
static enum ampql_code keep_container(const struct model *model, const struct container *c,
                                      struct ampql_allocation *out, struct ampql_error *err)
{
    struct cost_set *set = model->set;
    struct sum sum;
    sum_start(&sum, &c->a, set);
    TRY(sum_lists(&sum, c->volumes.at, c->volumes.n, c->balancers.at, c->balancers.n, model->arena,
                  err));
    TRY(sum_end(&sum, &set->arena, err));
    *out = sum.a;
    struct str name = allocation_name(out, model->arena);
    out->name = name.p ? set_text(set, name) : (struct ampql_string){NULL, 0};
    if (!out->name.data || !set_services(set, out, c->services.at, c->services.n))
        return fail_nomem(err, "allocations");
    return AMPQL_OK;
}

/* Copy what the fold made into the set, in the order of names. */
static enum ampql_code keep(const struct model *model, struct ampql_error *err)
{
    struct cost_set *set = model->set;
    set->items = arena_alloc(&set->arena, model->containers.n, sizeof *set->items);
    if (!set->items)
        return fail_nomem(err, "allocations");
    for (; set->n < model->containers.n; set->n++)
        TRY(keep_container(model, &model->containers.at[set->n], &set->items[set->n], err));
    if (set->n)
        qsort(set->items, set->n, sizeof *set->items, allocation_compare);
    return AMPQL_OK;
}

/* The stages, in OpenCost's order. */
static enum ampql_code fold(struct model *model, struct ampql_error *err)
{
    TRY(warn_answers(model, err));
    TRY(cost_coverage_fold(model, err));
    TRY(pods_fold(model, err));
    TRY(resources_fold(model, err));
    TRY(network_fold(model, err));
    TRY(labels_fold(model, err));
    TRY(controllers_fold(model, err));
    TRY(volumes_fold(model, err));
    TRY(balancers_fold(model, err));
    TRY(pricing_fold(model, err));
    return keep(model, err);
}

enum ampql_code model_fold(struct cost_set *set, const struct params *params,
                           const struct answer *answers, struct ampql_error *err)
{
    struct arena work;
    struct model model;
    arena_init(&work, &set->alc);
    model_init(&model, set, &work, params, answers);
    enum ampql_code code = fold(&model, err);
    model_done(&model);
    arena_done(&work);
    return code;
}

/* ---- computing */

static enum ampql_code run(struct ampql_engine *engine, struct ampql_source *source,
                           const struct params *params, struct asked *asked, struct arena *work,
                           struct cost_set *set, struct ampql_error *err)
{
    struct query_cost costs[COST_QUERY_COUNT];
    struct ampql_stats stats;
    struct answer *answers = arena_zeroed(work, COST_QUERY_COUNT, sizeof *answers);
    if (!answers)
        return fail_nomem(err, "answers");
    TRY(ask_source(engine, source, params, asked, err));
    TRY(asked_decode(asked, params, work, answers, err));
    asked_costs(asked, &stats, costs);
    TRY(set_add_costs(set, stats, costs, COST_QUERY_COUNT, err));
    if (params->groups & QUERY_ALLOCATION)
        TRY(model_fold(set, params, answers, err));
    return params->groups & QUERY_ASSETS ? assets_fold(set, params, answers, err) : AMPQL_OK;
}

/* Ask what params say in one batch, and put it into a set: allocations, assets, or both. */
static enum ampql_code compute_batch(struct ampql_engine *engine, struct ampql_source *source,
                                     const struct params *params, struct cost_set *set,
                                     struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, &engine->alc);
    struct asked *asked = arena_zeroed(&work, 1, sizeof *asked);
    enum ampql_code code =
        asked ? run(engine, source, params, asked, &work, set, err) : fail_nomem(err, "answers");
    if (asked)
        asked_done(asked);
    arena_done(&work);
    return code;
}

/* What is left of the time that the caller gave; AMPQL_TIMEOUT: nothing. */
static enum ampql_code time_left(int64_t deadline_ms, struct params *params,
                                 struct ampql_error *err)
{
    if (params->timeout_ms == 0)
        return AMPQL_OK;
    params->timeout_ms = deadline_ms - time_monotonic();
    return params->timeout_ms > 0 ? AMPQL_OK : fail(err, AMPQL_TIMEOUT, "the time is up");
}

/* ---- windows that are independent of each other: steps, or pieces of a long one */

struct shards {
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct params params;      /* of all of them; start_ms is the first one's */
    int64_t length_ms, end_ms; /* of each; of the last, which may be shorter */
    int64_t deadline_ms;
    struct pieces *pieces; /* where they are added up */
    enum ampql_code (*compute)(struct ampql_engine *engine, struct ampql_source *source,
                               const struct params *params, struct cost_set *set,
                               struct ampql_error *err); /* one of them */
};

/* Those of window i. err  AMPQL_TIMEOUT */
static enum ampql_code window_params(const struct shards *w, size_t i, struct params *out,
                                     struct ampql_error *err)
{
    *out = w->params;
    out->start_ms += (int64_t)i * w->length_ms;
    bool is_last = w->end_ms - out->start_ms <= w->length_ms;
    out->end_ms = is_last ? w->end_ms : out->start_ms + w->length_ms;
    return time_left(w->deadline_ms, out, err);
}

static enum ampql_code make_set(void *payload, size_t i, void **made, struct ampql_error *err)
{
    const struct shards *w = payload;
    struct params params;
    struct cost_set *set;
    TRY(window_params(w, i, &params, err));
    TRY(set_new(&w->engine->alc, &params, &set, err));
    enum ampql_code code = w->compute(w->engine, w->source, &params, set, err);
    if (code == AMPQL_OK)
        *made = set;
    else
        set_release(set);
    return code;
}

static void drop_set(void *payload, void *made)
{
    (void)payload;
    set_release(made);
}

/* As many threads as the source lets in. */
static enum ampql_code run_windows(struct shards *w, parallel_take *take, struct ampql_error *err)
{
    bool is_parallel = ampql_source_caps(w->source) & AMPQL_SOURCE_PARALLEL;
    struct parallel jobs = {.njobs =
                                (size_t)((w->end_ms - w->params.start_ms - 1) / w->length_ms + 1),
                            .nthreads = is_parallel ? w->params.nthreads : 1,
                            .make = make_set,
                            .take = take,
                            .drop = drop_set,
                            .payload = w};
    if (jobs.nthreads > 1 && jobs.njobs > 1)
        w->params.nthreads = 1; /* of the pieces of a step */
    return parallel_run(&jobs, &w->engine->alc, err);
}

static enum ampql_code take_piece(void *payload, size_t i, void *made, struct ampql_error *err)
{
    const struct shards *w = payload;
    (void)i;
    enum ampql_code code = pieces_add(w->pieces, made, err);
    set_release(made);
    return code;
}

/* Pieces, each added to those before. */
static enum ampql_code compute_pieces(struct ampql_engine *engine, struct ampql_source *source,
                                      const struct params *params, int64_t deadline_ms,
                                      struct pieces *pieces, struct ampql_error *err)
{
    struct shards w = {.engine = engine,
                       .source = source,
                       .params = *params,
                       .length_ms = params->max_duration_ms,
                       .end_ms = params->end_ms,
                       .deadline_ms = deadline_ms,
                       .pieces = pieces,
                       .compute = compute_batch};
    w.params.groups = QUERY_ALLOCATION;
    TRY(run_windows(&w, take_piece, err));
    return pieces_end(pieces, err);
}

/* Allocations of pieces, but assets of the whole window: they are not accumulated. */
static enum ampql_code compute_long(struct ampql_engine *engine, struct ampql_source *source,
                                    struct params params, struct cost_set *set,
                                    struct ampql_error *err)
{
    struct pieces pieces;
    int64_t deadline_ms = time_monotonic() + params.timeout_ms;
    pieces_init(&pieces, set);
    enum ampql_code code = compute_pieces(engine, source, &params, deadline_ms, &pieces, err);
    pieces_done(&pieces);
    if (code != AMPQL_OK || !params.wants_idle)
        return code;
    params.groups = QUERY_ASSETS;
    TRY(time_left(deadline_ms, &params, err));
    return compute_batch(engine, source, &params, set, err);
}

/* Allocations and assets of one step. */
static enum ampql_code compute(struct ampql_engine *engine, struct ampql_source *source,
                               const struct params *params, struct cost_set *set,
                               struct ampql_error *err)
{
    bool is_long = params->end_ms - params->start_ms > params->max_duration_ms;
    TRY(is_long ? compute_long(engine, source, *params, set, err)
                : compute_batch(engine, source, params, set, err));
    return params->wants_idle ? idle_fold(set, err) : AMPQL_OK;
}

/* Of steps that are put together to one window, what assets cost in that, as OpenCost asks. */
static enum ampql_code compute_assets(struct ampql_engine *engine, struct ampql_source *source,
                                      struct params params, struct cost_set *whole,
                                      struct ampql_error *err)
{
    params.groups = QUERY_ASSETS;
    params.start_ms = whole->start_ms;
    params.end_ms = whole->end_ms;
    return compute_batch(engine, source, &params, whole, err);
}

static enum ampql_code take_step(void *payload, size_t i, void *made, struct ampql_error *err)
{
    const struct shards *w = payload;
    struct cost_set *whole = w->pieces->set;
    (void)i;
    whole->steps[whole->nsteps++] = made;
    return pieces_note(w->pieces, made, err);
}

/* Steps; the whole has what is to be said of all of them. */
static enum ampql_code compute_steps(struct ampql_engine *engine, struct ampql_source *source,
                                     const struct params *params, size_t n, struct pieces *pieces,
                                     struct ampql_error *err)
{
    struct cost_set *whole = pieces->set;
    struct shards w = {.engine = engine,
                       .source = source,
                       .params = *params,
                       .length_ms = params->step_ms,
                       .end_ms = params->end_ms,
                       .deadline_ms = time_monotonic() + params->timeout_ms,
                       .pieces = pieces,
                       .compute = compute};
    if (params->quirks.is_on[QUIRK_WHOLE_STEPS])
        w.end_ms = params->start_ms + (int64_t)n * params->step_ms;
    whole->steps = arena_alloc(&whole->arena, n, sizeof *whole->steps);
    if (!whole->steps)
        return fail_nomem(err, "steps");
    TRY(run_windows(&w, take_step, err));
    if (w.end_ms > params->end_ms) {
        char time[TIME_TEXT_MAX];
        int length = (int)time_format(w.end_ms, time);
        whole->end_ms = w.end_ms;
        TRY(set_warn(whole, err, "the last step ends after the window, at %.*s (quirk whole-steps)",
                     length, time));
    }
    if (params->wants_whole_assets) {
        struct params of_whole = *params;
        TRY(time_left(w.deadline_ms, &of_whole, err));
        TRY(compute_assets(engine, source, of_whole, whole, err));
    }
    return pieces_end(pieces, err);
}

/* The window as steps, or as one. */
static enum ampql_code compute_window(struct ampql_engine *engine, struct ampql_source *source,
                                      const struct params *params, struct cost_set *set,
                                      struct ampql_error *err)
{
    int64_t length_ms = params->end_ms - params->start_ms;
    if (params->step_ms == 0 || params->step_ms == length_ms) {
        TRY(compute(engine, source, params, set, err));
    } else {
        struct pieces pieces;
        size_t n = (size_t)((length_ms - 1) / params->step_ms + 1);
        pieces_init(&pieces, set);
        enum ampql_code code = compute_steps(engine, source, params, n, &pieces, err);
        pieces_done(&pieces);
        TRY(code);
    }
    return cost_coverage_warn(set, err);
}

/* With strict, what is a warning of the set or of the bill. */
static enum ampql_code check_strict(const struct ampql_allocations *bill, struct ampql_error *err)
{
    const struct cost_set *set = bill->set;
    size_t n = set->warnings.n + bill->warnings.n;
    if (n == 0)
        return AMPQL_OK;
    return fail(
        err, AMPQL_BAD_DATA, "a warning, which is an error here (1 of %zu): %.*s", n,
        STR_ARGS(str_view(set->warnings.n ? set->warnings.at[0].text : bill->warnings.at[0])));
}

static enum ampql_code make_bill(struct ampql_engine *engine, struct ampql_source *source,
                                 const struct params *params, const struct aggregate *aggregate,
                                 struct ampql_allocations **out, struct ampql_error *err)
{
    struct cost_set *set;
    TRY(set_new(&engine->alc, params, &set, err));
    enum ampql_code code = compute_window(engine, source, params, set, err);
    if (code == AMPQL_OK)
        code = allocations_make(set, aggregate, out, err);
    if (code == AMPQL_OK && params->is_strict)
        code = check_strict(*out, err);
    if (code != AMPQL_OK) {
        allocations_free(*out);
        *out = NULL;
    }
    set_release(set);
    return code;
}

enum ampql_code cost_allocate(struct ampql_engine *engine, struct ampql_source *source,
                              const struct ampql_cost_options *options,
                              struct ampql_allocations **out, struct ampql_error *err)
{
    struct ampql_cost_options all;
    struct params params;
    struct aggregate aggregate;
    struct arena work;
    OPTIONS_READ(all, options);
    struct ampql_aggregate_options lines = {
        .size = sizeof lines, .aggregate = all.aggregate, .split_idle = all.split_idle};
    *out = NULL;
    TRY(params_make(options, &params, err));
    if (!params.dialect)
        params.dialect = ampql_source_dialect(source);
    if (!params.dialect)
        params.dialect = engine->dialect;
    arena_init(&work, &engine->alc);
    enum ampql_code code = aggregate_read(all.lines ? all.lines : &lines, &work, &aggregate, err);
    if (code == AMPQL_OK && params.step_ms == 0)
        params.step_ms = accumulate_step_ms(aggregate.accumulate);
    params.wants_whole_assets = aggregate.has_parts && aggregate.accumulate == AMPQL_COST_ALL;
    if (code == AMPQL_OK && aggregate.has_parts && !params.wants_idle)
        code = parts_refuse(err);
    if (code == AMPQL_OK) /* nothing is fetched when it is refused */
        code = make_bill(engine, source, &params, &aggregate, out, err);
    arena_done(&work);
    return code;
}
