/* Evaluations made one by one: each is an instant query of its own over what the leaves of its
 * recording hold, and of records it sees only what had been written by then. */
#include "engine/run.h"

/* Series that a selector was fed. */
static struct fed_list *fed_to(const struct eval_query *recording,
                               const struct ast_selector *selector)
{
    for (size_t i = 0; i < recording->leaves.n; i++)
        if (recording->leaves.at[i].node->selector == selector)
            return recording->leaves.at[i].waiting;
    return NULL;
}

/* Was the sample there when record `reader` was evaluated at this tick? */
static bool is_written(const struct run *run, size_t reader, int64_t tick_ms, size_t writer,
                       int64_t t_ms)
{
    const struct record *r = &run->records->at[reader], *w = &run->records->at[writer];
    int64_t written_ms = t_ms + w->query_offset_ms;
    return written_ms < tick_ms ||
           (written_ms == tick_ms && r->group == w->group && writer < reader);
}

struct tick {
    struct run *run;
    const struct recording *recording;
    int64_t at_ms;
    struct plan plan;
    struct eval eval;
    struct eval_query query;
};

/* Samples of a series are written in order, so what is not there yet is at the end. */
static struct fed seen_of(const struct tick *tick, const struct leaf *leaf, const struct fed *fed)
{
    const struct windows *w = &leaf->node->windows;
    struct fed seen = *fed;
    int64_t first_ms = fed->is_points ? window_end(w, 0) - 1 : window_after(w, 0);
    seen.samples = samples_clip(&fed->samples, first_ms, window_end(w, w->n - 1));
    if (!fed->writers || seen.samples.n == 0)
        return seen;
    size_t reader = tick->recording->record;
    int64_t tick_ms = tick->at_ms + tick->run->records->at[reader].query_offset_ms;
    seen.writers = fed->writers + (seen.samples.t - fed->samples.t);
    for (size_t *n = &seen.samples.n; *n > 0; --*n)
        if (is_written(tick->run, reader, tick_ms, seen.writers[*n - 1], seen.samples.t[*n - 1]))
            break;
    return seen;
}

static void feed_leaf(struct tick *tick, const struct eval_query *recording, struct leaf *leaf)
{
    const struct fed_list *waiting = fed_to(recording, leaf->node->selector);
    for (size_t i = 0; waiting && i < waiting->n && eval_wants(&tick->query, leaf); i++) {
        struct fed seen = seen_of(tick, leaf, &waiting->at[i]);
        if (seen.samples.n)
            eval_series(&tick->query, leaf, &seen);
    }
    eval_end(&tick->query, leaf);
}

static void tick_init(struct tick *tick, struct arena *arena)
{
    struct run *run = tick->run;
    struct plan_options options = run->plan.options;
    options.grid = (struct grid){tick->at_ms, 1, 1};
    options.end_ms = tick->at_ms;
    options.is_range_query = false;
    options.records = NULL;
    plan_init(&tick->plan, arena, &options);
    struct eval_limits held = {run->eval.max_samples - run->eval.samples, run->eval.max_series};
    eval_init(&tick->eval, &run->engine->alc, &run->symbols, &tick->plan, &held);
    tick->eval.poll = run->eval.poll;
}

static enum ampql_code evaluate(struct tick *tick, const struct eval_query *recording,
                                struct ampql_error *err)
{
    const struct record *record = &tick->run->records->at[tick->recording->record];
    struct node *root;
    TRY(plan_add(&tick->plan, record->ast, &root, err));
    TRY(plan_finish(&tick->plan, err));
    tick->query.code = eval_query_init(&tick->query, &tick->eval, root, record->text);
    eval_start(&tick->query);
    for (unsigned level = 0; level < tick->plan.nlevels; level++)
        for (size_t i = 0; i < tick->query.leaves.n; i++)
            if (tick->query.leaves.at[i].node->level == level)
                feed_leaf(tick, recording, &tick->query.leaves.at[i]);
    eval_finish(&tick->query);
    if (tick->query.code != AMPQL_OK)
        *err = tick->query.err;
    return tick->query.code;
}

static enum ampql_code take_values(struct tick *tick, struct evaluations *out, size_t i,
                                   struct ampql_error *err)
{
    for (size_t k = 0; k < tick->query.rows.n; k++) {
        const struct kept *kept = &tick->query.rows.at[k];
        TRY(evaluations_add_value(out, &tick->run->eval, kept->labels, i, kept->row.v[0], err));
    }
    return AMPQL_OK;
}

static enum ampql_code make_one(struct run *run, size_t k, size_t i, struct arena *arena,
                                struct ampql_error *err)
{
    struct tick tick = {.run = run, .recording = &run->plan.recordings.at[k]};
    struct evaluations *out = &run->recordings[k].evaluations;
    struct ampql_error why = {0};
    arena_reset(arena);
    tick.at_ms = grid_time(&tick.recording->grid, i);
    tick_init(&tick, arena);
    enum ampql_code code = evaluate(&tick, &run->queries[run->nqueries + k], &why);
    if (code == AMPQL_OK)
        code = take_values(&tick, out, i, &why);
    eval_query_done(&tick.query);
    eval_done(&tick.eval);
    if (code == AMPQL_EXECUTION)
        evaluations_fail(out, i, &why);
    else if (code != AMPQL_OK)
        *err = why;
    return code == AMPQL_EXECUTION ? AMPQL_OK : code;
}

enum ampql_code run_make_ticks(struct run *run, size_t k, struct ampql_error *err)
{
    const struct eval_query *recording = &run->queries[run->nqueries + k];
    struct arena arena;
    if (recording->code != AMPQL_OK) {
        *err = recording->err;
        return recording->code;
    }
    arena_init(&arena, &run->engine->alc);
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < run->plan.recordings.at[k].grid.n && code == AMPQL_OK; i++) {
        code = intake_check(&run->limits, err);
        if (code == AMPQL_OK)
            code = make_one(run, k, i, &arena, err);
    }
    arena_done(&arena);
    return code;
}
