/* A run: plan a batch, ask the source for each select once, feed every series to all that want it,
 * copy results out. */
#include "engine/run.h"

#include "base/checked.h"
#include "base/duration.h"
#include "base/time.h"
#include "eval/note.h"

#include <stdio.h>

enum {
    DEFAULT_LOOKBACK_MS = 5 * 60 * 1000,
    DEFAULT_INTERVAL_MS = 60 * 1000,
    DEFAULT_MAX_SAMPLES = 50 * 1000 * 1000,
    DEFAULT_MAX_SERIES = 2 * 1000 * 1000,
    DEFAULT_MAX_POINTS = 11001, /* what the HTTP API lets through */
    DEFAULT_MAX_SUBQUERY_POINTS = 1 << 22,
    DEFAULT_MAX_LABELS = 128,
    DEFAULT_MAX_LABEL_BYTES = 64 << 10,
};

static enum ampql_code read_times(const struct ampql_run_options *options, struct plan_options *out,
                                  struct ampql_error *err)
{
    int64_t limit = PLAN_TIME_LIMIT, start = options->start_ms, end = options->end_ms,
            step = options->step_ms;
    if (start < -limit || start > limit)
        return fail(err, AMPQL_BAD_DATA, "invalid parameter \"start\": %lld ms is out of range",
                    (long long)start);
    if (step == 0)
        return AMPQL_OK;
    if (step < 0)
        return fail(err, AMPQL_BAD_DATA,
                    "invalid parameter \"step\": zero or negative query resolution step widths are "
                    "not accepted. Try a "
                    "positive integer");
    if (end < start)
        return fail(err, AMPQL_BAD_DATA,
                    "invalid parameter \"end\": end timestamp must not be before start time");
    if (end > limit)
        return fail(err, AMPQL_BAD_DATA, "invalid parameter \"end\": %lld ms is out of range",
                    (long long)end);
    uint64_t n = (uint64_t)(end - start) / (uint64_t)step + 1;
    uint64_t max = options->max_points ? options->max_points : DEFAULT_MAX_POINTS;
    if (n > max && max == DEFAULT_MAX_POINTS)
        return fail(err, AMPQL_BAD_DATA,
                    "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
                    "the query resolution "
                    "(?step=XX)");
    if (n > max)
        return fail(err, AMPQL_BAD_DATA,
                    "a range query of %llu steps, where at most %llu are allowed",
                    (unsigned long long)n, (unsigned long long)max);
    if (n > UINT64_C(1) << 32)
        return fail(err, AMPQL_LIMIT, "a range query of %llu steps", (unsigned long long)n);
    out->grid = (struct grid){start, step, (size_t)n};
    out->end_ms = end;
    return AMPQL_OK;
}

/* The table of the rules' records, which all attempts at the run share. */
static enum ampql_code read_rules(const struct ampql_run_options *options, struct arena *arena,
                                  struct plan_options *out, struct ampql_error *err)
{
    struct ampql_run_options filled = *options;
    struct records *records = arena_new(arena, struct records);
    if (!records)
        return fail_nomem(err, "a run");
    filled.default_interval_ms = out->default_interval_ms;
    const struct record_maker *maker = (const struct record_maker *)options->rules;
    TRY(maker->table(maker, &filled, arena, records, err));
    out->records = records;
    out->states = arena_zeroed(arena, records->n, sizeof *out->states);
    return out->states ? AMPQL_OK : fail_nomem(err, "a run");
}

enum ampql_code run_options_check(const struct ampql_engine *engine,
                                  const struct ampql_run_options *options, uint32_t caps,
                                  struct arena *arena, struct plan_options *out,
                                  struct ampql_error *err)
{
    *out = (struct plan_options){
        .grid = {options->start_ms, 1, 1},
        .end_ms = options->start_ms,
        .is_range_query = options->step_ms != 0,
        .dialect = options->dialect  ? options->dialect
                   : engine->dialect ? engine->dialect
                                     : AMPQL_PROM3,
        .lookback_ms = options->lookback_ms > 0 ? options->lookback_ms : DEFAULT_LOOKBACK_MS,
        .default_interval_ms =
            options->default_interval_ms > 0 ? options->default_interval_ms : DEFAULT_INTERVAL_MS,
        .has_markers = caps & AMPQL_SOURCE_SAMPLES,
        .delayed_name_removal = options->delayed_name_removal,
        .max_points = options->max_subquery_points ? options->max_subquery_points
                                                   : DEFAULT_MAX_SUBQUERY_POINTS,
    };
    if (out->dialect == AMPQL_PROM2)
        out->delayed_name_removal = false;
    if (out->lookback_ms > PLAN_TIME_LIMIT) /* from time immemorial */
        out->lookback_ms = PLAN_TIME_LIMIT;
    TRY(read_times(options, out, err));
    return options->rules ? read_rules(options, arena, out, err) : AMPQL_OK;
}

/* What is asked of a run: queries, and all that some records write. */
struct job {
    const struct ampql_query *const *queries; /* [nqueries] */
    size_t nqueries;
    const struct record_want *wants; /* [nwants] */
    size_t nwants;
    const struct record_taker *taker;
    struct ampql_source *source;
    const struct ampql_run_options *options;
};

/* ---- beginning */

/* Plan all of it. A query that cannot be planned fails alone. */
static enum ampql_code plan_job(struct run *run, const struct job *job, struct node **roots,
                                struct eval_query *failed, struct ampql_error *err)
{
    for (size_t q = 0; q < job->nqueries; q++)
        failed[q].code = plan_add(&run->plan, job->queries[q]->ast, &roots[q], &failed[q].err);
    for (size_t i = 0; i < job->nwants; i++)
        TRY(plan_add_record(&run->plan, &job->wants[i], err));
    return plan_finish(&run->plan, err);
}

/* Where each record's recordings begin: those of one stand together. */
static enum ampql_code list_recordings(struct run *run, struct ampql_error *err)
{
    size_t nrecords = run->records ? run->records->n : 0;
    run->recordings = arena_zeroed(&run->arena, run->plan.recordings.n, sizeof *run->recordings);
    run->first_recording = arena_alloc(&run->arena, nrecords, sizeof *run->first_recording);
    if (!run->recordings || !run->first_recording)
        return fail_nomem(err, "a run");
    for (size_t r = 0; r < nrecords; r++)
        run->first_recording[r] = PLAN_NONE;
    for (size_t k = run->plan.recordings.n; k-- > 0;)
        run->first_recording[run->plan.recordings.at[k].record] = k;
    return AMPQL_OK;
}

static void begin_recording(struct run *run, size_t k)
{
    const struct recording *recording = &run->plan.recordings.at[k];
    struct eval_query *query = &run->queries[run->nqueries + k];
    if (!recording->root)
        return;
    struct str text = run->records->at[recording->record].text;
    if (recording->by_tick)
        eval_query_hold(query, &run->eval, recording->root, text);
    else
        eval_query_init(query, &run->eval, recording->root, text);
}

static enum ampql_code begin(struct run *run, const struct job *job, struct ampql_error *err)
{
    struct node **roots = arena_zeroed(&run->arena, job->nqueries, sizeof *roots);
    struct eval_query *failed = arena_zeroed(&run->arena, job->nqueries, sizeof *failed);
    if (!roots || !failed)
        return fail_nomem(err, "a run");
    TRY(plan_job(run, job, roots, failed, err));
    TRY(list_recordings(run, err));
    size_t nall = job->nqueries + run->plan.recordings.n;
    run->queries = arena_zeroed(&run->arena, nall, sizeof *run->queries);
    if (!run->queries)
        return fail_nomem(err, "a run");
    run->nall = nall;
    for (size_t q = 0; q < job->nqueries; q++) {
        if (failed[q].code == AMPQL_OK)
            eval_query_init(&run->queries[q], &run->eval, roots[q], job->queries[q]->text);
        else
            run->queries[q] = failed[q];
    }
    for (size_t k = 0; k < run->plan.recordings.n; k++)
        begin_recording(run, k);
    return run_list_feeds(run, err);
}

/* Is a series' end unknown to the query where it is looked for? */
static bool reads_endless(const struct eval_query *query)
{
    for (size_t i = 0; i < query->leaves.n; i++) {
        const struct node *node = query->leaves.at[i].node;
        if (node->kind == NODE_INSTANT && node->select != PLAN_NONE)
            return true;
    }
    return false;
}

/* Samples that come without stale markers keep a series that ended alive for the lookback, in every
 * instant selector. Nothing else shows it, so the result says so. */
static enum ampql_code warn_endless(struct run *run, size_t from, size_t to,
                                    struct ampql_error *err)
{
    char lookback[DURATION_MAX], text[256];
    if (!(run->source->ops.caps & AMPQL_SOURCE_ENDLESS))
        return AMPQL_OK;
    size_t n = duration_format(run->plan.options.lookback_ms, lookback);
    snprintf(text, sizeof text,
             "the samples come without stale markers: an instant selector sees a series that ended "
             "for another %.*s, unless stale-after says when a silent series has ended",
             (int)n, lookback);
    for (size_t q = from; q < to; q++)
        if (run->queries[q].code == AMPQL_OK && reads_endless(&run->queries[q]))
            TRY(note_plain(&run->queries[q], str_of(text), err));
    return AMPQL_OK;
}

/* Was the budget too small for several threads, so that one must try? */
static bool is_too_much(const struct run *run)
{
    struct budget *budget = budget_of(&run->engine->alc);
    return run->nthreads > 1 && budget && atomic_load(&budget->is_spent);
}

static enum ampql_code evaluate(struct run *run, const struct job *job, struct ampql_error *err)
{
    TRY(begin(run, job, err));
    for (size_t q = 0; q < run->nall; q++)
        if (run->queries[q].eval)
            eval_start(&run->queries[q]);
    TRY(run_prepare(run, err));
    TRY(warn_endless(run, run->nqueries, run->nall, err)); /* their readers hear of it */
    run_read(run);
    if (run->must_start_again || is_too_much(run))
        return AMPQL_OK;
    for (size_t q = 0; q < run->nqueries; q++)
        eval_finish(&run->queries[q]);
    TRY(warn_endless(run, 0, run->nqueries, err));
    if (job->nwants == 0)
        return AMPQL_OK;
    return run_hand_out(run, job->wants, job->nwants, job->taker, err);
}

/* ---- ending */

/* Failures of the run itself reach every query. */
static enum ampql_code fail_all(enum ampql_code code, const struct ampql_error *err,
                                struct ampql_error *errs, size_t nqueries)
{
    for (size_t q = 0; errs && q < nqueries; q++)
        errs[q] = *err;
    return code;
}

static enum ampql_code collect(struct run *run, struct ampql_result **results,
                               struct ampql_error *errs, struct ampql_error *err)
{
    enum ampql_code first = AMPQL_OK;
    struct result_rows *rows;
    enum ampql_code code =
        result_rows_take(run->engine, &run->eval, run->queries, run->nqueries, &rows, err);
    if (code != AMPQL_OK)
        return fail_all(code, err, errs, run->nqueries);
    for (size_t q = 0; q < run->nqueries; q++) {
        struct eval_query *query = &run->queries[q];
        struct read_select *reads = NULL;
        size_t nreads = 0;
        if (query->code == AMPQL_OK)
            query->code = run_list_reads(run, query, &reads, &nreads, &query->err);
        if (query->code == AMPQL_OK)
            query->code = result_new(run->engine, query, rows, run->stats, reads, nreads,
                                     &results[q], &query->err);
        if (query->code == AMPQL_OK)
            continue;
        query->err.code = query->code;
        if (errs)
            errs[q] = query->err;
        if (first == AMPQL_OK)
            first = query->code;
    }
    result_rows_drop(rows);
    return first;
}

struct intake_limits run_limits_of(const struct ampql_run_options *options)
{
    int64_t deadline = INT64_MAX; /* also when the sum is past it */
    if (options->timeout_ms > 0)
        checked_add(time_monotonic(), options->timeout_ms, &deadline);
    return (struct intake_limits){
        .cancel = options->cancel,
        .deadline_ms = deadline,
        .max_samples = options->max_samples ? options->max_samples : DEFAULT_MAX_SAMPLES,
        .max_series = options->max_series ? options->max_series : DEFAULT_MAX_SERIES,
        .max_labels = options->max_labels ? options->max_labels : DEFAULT_MAX_LABELS,
        .max_label_bytes =
            options->max_label_bytes ? options->max_label_bytes : DEFAULT_MAX_LABEL_BYTES};
}

/* What long evaluation asks on its way. */
static enum ampql_code may_go_on(const void *limits, struct ampql_error *err)
{
    return intake_check(limits, err);
}

/* ---- the whole */

static enum ampql_code run_open(struct run *run, const struct plan_options *options,
                                struct ampql_error *err)
{
    struct eval_limits held = {run->limits.max_samples, run->limits.max_series};
    const struct ampql_allocator *alc = &run->engine->alc;
    if (!symbols_init(&run->symbols, alc))
        return fail_nomem(err, "a run");
    arena_init(&run->arena, alc);
    plan_init(&run->plan, &run->arena, options);
    eval_init(&run->eval, alc, &run->symbols, &run->plan, &held);
    run->eval.poll = (struct poll){.check = may_go_on, .payload = &run->limits};
    return AMPQL_OK;
}

static void run_close(struct run *run)
{
    if (!run->is_open)
        return;
    for (size_t q = 0; q < run->nall; q++)
        eval_query_done(&run->queries[q]);
    for (size_t k = 0; run->recordings && k < run->plan.recordings.n; k++)
        if (run->recordings[k].is_begun)
            evaluations_done(&run->recordings[k].evaluations);
    eval_done(&run->eval);
    arena_done(&run->arena);
    symbols_done(&run->symbols);
}

/* One attempt. Where a record's evaluations could not be made as planned, its state says so, and
 * the next attempt makes them otherwise. */
static enum ampql_code attempt(struct run *run, const struct job *job,
                               const struct plan_options *options, struct ampql_error *err)
{
    struct stored_asker asker = {.engine = run->engine,
                                 .source = run->source,
                                 .symbols = &run->symbols,
                                 .limits = &run->limits,
                                 .stats = &run->stats};
    TRY(run_open(run, options, err));
    run->is_open = true;
    run->records = options->records;
    stored_ask(&asker, job->options->recorded, &run->plan.options);
    enum ampql_code code = evaluate(run, job, err);
    intake_end(run->source);
    for (size_t q = 0; q < run->nall && code == AMPQL_OK && run->must_start_again; q++)
        if (run->queries[q].code == AMPQL_NOMEM) /* is not tried again */
            code = fail_nomem(err, "a run");
    return code;
}

static enum ampql_code run_attempts(struct ampql_engine *engine, const struct job *job,
                                    struct ampql_result **results, struct ampql_error *errs,
                                    struct run *run, struct ampql_error *err)
{
    struct arena arena; /* what all attempts share */
    struct plan_options options;
    struct intake_limits limits = run_limits_of(job->options);
    struct ampql_source_stats before = ampql_source_stats(job->source);
    struct ampql_stats stats = {0};
    enum ampql_code first = AMPQL_OK; /* failure of a query */
    size_t nthreads = (size_t)job->options->threads;
    arena_init(&arena, &engine->alc);
    enum ampql_code code =
        run_options_check(engine, job->options, job->source->ops.caps, &arena, &options, err);
    for (bool is_over = code != AMPQL_OK; !is_over; run_close(run)) {
        *run = (struct run){.engine = engine,
                            .source = job->source,
                            .nqueries = job->nqueries,
                            .limits = limits,
                            .is_strict = job->options->rule_strict,
                            .nthreads = nthreads,
                            .stats = stats};
        code = attempt(run, job, &options, err);
        is_over = code != AMPQL_OK || !run->must_start_again;
        if (is_too_much(run)) {
            atomic_store(&budget_of(&engine->alc)->is_spent, false);
            nthreads = 1;
            is_over = false;
            continue; /* as if nothing had been read */
        }
        run_add_costs(run, &before);
        stats = run->stats;
        stats.remote_samples = 0; /* nobody else would have tried twice */
        if (code == AMPQL_OK && is_over)
            first = collect(run, results, errs, err);
    }
    arena_done(&arena);
    return code == AMPQL_OK ? first : fail_all(code, err, errs, job->nqueries);
}

enum ampql_code run_batch(struct ampql_engine *engine, const struct ampql_query *const *queries,
                          size_t nqueries, struct ampql_source *source,
                          const struct ampql_run_options *options, struct ampql_result **results,
                          struct ampql_error *errs, struct ampql_stats *stats)
{
    struct job job = {
        .queries = queries, .nqueries = nqueries, .source = source, .options = options};
    struct run run = {0};
    struct ampql_error err = {0};
    enum ampql_code code = run_attempts(engine, &job, results, errs, &run, &err);
    *stats = run.stats;
    return code;
}

enum ampql_code engine_run(struct ampql_engine *engine, const struct ampql_query *const *queries,
                           size_t nqueries, struct ampql_source *source,
                           const struct ampql_run_options *options, struct ampql_result **results,
                           struct ampql_error *errs)
{
    struct ampql_stats stats;
    struct capped capped;
    enum ampql_code code = AMPQL_OK;
    for (size_t q = 0; q < nqueries; q++)
        results[q] = NULL;
    capped_begin(&capped, engine, options);
    int64_t begin_ms = time_monotonic();
    if (!run_in_parts(&capped.engine, queries, nqueries, source, options, results)) {
        struct ampql_run_options left = *options; /* of the time, too */
        int64_t taken_ms = time_monotonic() - begin_ms;
        if (left.timeout_ms > 0)
            left.timeout_ms = left.timeout_ms > taken_ms ? left.timeout_ms - taken_ms : 1;
        atomic_store(&capped.budget.is_spent, false);
        code = run_batch(&capped.engine, queries, nqueries, source, &left, results, errs, &stats);
    }
    for (size_t q = 0; q < nqueries; q++)
        if (results[q])
            capped_keep(&capped, results[q]);
        else if (errs)
            budget_name(&capped.budget, errs[q].code, &errs[q]);
    return budget_name(&capped.budget, code, NULL);
}

enum ampql_code engine_record(struct ampql_engine *engine, struct ampql_source *source,
                              const struct ampql_run_options *options,
                              const struct record_want *wants, size_t nwants,
                              const struct record_taker *taker, struct ampql_stats *stats,
                              struct ruler_costs *ruler, struct ampql_error *err)
{
    struct job job = {
        .wants = wants, .nwants = nwants, .taker = taker, .source = source, .options = options};
    struct run run = {0};
    struct ampql_error local = {0};
    struct capped capped;
    capped_begin(&capped, engine, options);
    enum ampql_code code = run_attempts(&capped.engine, &job, NULL, NULL, &run, err ? err : &local);
    *stats = run.stats;
    *ruler = run.ruler;
    return budget_name(&capped.budget, code, err);
}
