/* A run: plan a batch, ask the source for each select once, feed every series to all that want it,
 * copy results out. */
#include "engine/engine.h"

#include "base/checked.h"
#include "base/duration.h"
#include "base/time.h"
#include "eval/note.h"
#include "lang/parser.h"

#include <stdio.h>

enum {
    DEFAULT_LOOKBACK_MS = 5 * 60 * 1000,
    DEFAULT_INTERVAL_MS = 60 * 1000,
    DEFAULT_MAX_SAMPLES = 50 * 1000 * 1000,
    DEFAULT_MAX_SERIES = 2 * 1000 * 1000,
    DEFAULT_MAX_POINTS = 11001, /* what the HTTP API lets through */
    DEFAULT_MAX_SUBQUERY_POINTS = 1 << 22,
};

/* A leaf that a select feeds, and its query. */
struct feed {
    struct eval_query *query;
    const struct leaf *leaf;
    uint64_t remote_samples; /* that a server would have counted for it */
};

/* One run's state; everything in it ends with the run. */
struct run {
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct arena arena; /* plan and lists */
    struct symbols symbols;
    struct plan plan;
    struct eval eval;
    struct eval_query *queries; /* [nqueries] */
    struct ampql_error *errs;   /* [nqueries] of planning and of the source */
    size_t nqueries;
    struct feed *feeds; /* select by select, in the order of queries and leaves */
    size_t *first_feed; /* [nselects + 1] */
    struct intake_limits limits;
    struct ampql_stats *costs; /* [nselects] what each select has cost */
    struct ampql_stats stats;  /* all of them, and what the source asked beside them */

    /* The select being read, and its leaves. */
    size_t select;
    unsigned level;
    bool nobody_listens;
};

enum ampql_code run_options_check(const struct ampql_engine *engine,
                                  const struct ampql_run_options *options, uint32_t caps,
                                  struct plan_options *out, struct ampql_error *err)
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
    int64_t limit = PLAN_TIME_LIMIT, start = options->start_ms, end = options->end_ms,
            step = options->step_ms;
    if (out->lookback_ms > limit) /* from time immemorial */
        out->lookback_ms = limit;
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

/* The leaves of each select. Series come by the million, and a batch may have thousands of leaves:
 * nobody searches all of them for each series. */
static enum ampql_code list_feeds(struct run *run, struct ampql_error *err)
{
    size_t nselects = run->plan.selects.n, n = 0;
    for (size_t q = 0; q < run->nqueries; q++)
        n += run->queries[q].leaves.n;
    run->feeds = arena_alloc(&run->arena, n, sizeof *run->feeds);
    run->first_feed = arena_zeroed(&run->arena, nselects + 2, sizeof *run->first_feed);
    run->costs = arena_zeroed(&run->arena, nselects, sizeof *run->costs);
    if (!run->feeds || !run->first_feed || !run->costs)
        return fail_nomem(err, "a run");
    /* first_feed[s + 2] counts select s, then first_feed[s + 1] is where its next leaf goes */
    for (size_t q = 0; q < run->nqueries; q++)
        for (size_t i = 0; i < run->queries[q].leaves.n; i++)
            run->first_feed[run->queries[q].leaves.at[i].select + 2]++;
    for (size_t s = 2; s < nselects + 2; s++)
        run->first_feed[s] += run->first_feed[s - 1];
    for (size_t q = 0; q < run->nqueries; q++)
        for (size_t i = 0; i < run->queries[q].leaves.n; i++) {
            const struct leaf *leaf = &run->queries[q].leaves.at[i];
            run->feeds[run->first_feed[leaf->select + 1]++] =
                (struct feed){&run->queries[q], leaf, 0};
        }
    return AMPQL_OK;
}

/* The next feed of the select being read, from *at on, whose query still wants it; NULL after the
 * last. */
static struct feed *next_feed(const struct run *run, size_t *at)
{
    while (*at < run->first_feed[run->select + 1]) {
        struct feed *feed = &run->feeds[(*at)++];
        if (feed->leaf->level == run->level && eval_wants(feed->query, feed->leaf))
            return feed;
    }
    return NULL;
}

static enum ampql_code take(void *payload, struct labels labels, const struct samples *samples)
{
    struct run *run = payload;
    run->nobody_listens = true;
    struct feed *feed;
    for (size_t at = run->first_feed[run->select]; (feed = next_feed(run, &at));) {
        if (run->source->ops.stats)
            feed->remote_samples += money_remote_samples(feed->leaf, samples);
        eval_series(feed->query, feed->leaf, labels, samples);
        run->nobody_listens = false;
    }
    /* when all have failed there is no need to read on */
    return run->nobody_listens ? AMPQL_CANCELED : AMPQL_OK;
}

/* Does anyone want the select being read? */
static bool is_wanted(const struct run *run)
{
    size_t at = run->first_feed[run->select];
    return next_feed(run, &at);
}

static void fail_query(struct eval_query *query, enum ampql_code code,
                       const struct ampql_error *err)
{
    if (query->code != AMPQL_OK)
        return;
    query->code = code;
    query->err = *err;
}

/* The queries that still wait for the select being read cannot be answered; after a cancel or a
 * timeout none can. A limit is met where the selector stands. */
static void fail_waiting(struct run *run, enum ampql_code code, const struct ampql_error *err)
{
    const struct feed *feed;
    for (size_t at = run->first_feed[run->select]; (feed = next_feed(run, &at));) {
        struct ampql_error own = *err;
        own.has_span = code == AMPQL_LIMIT;
        own.start = own.has_span ? feed->leaf->stage->node->ast->span.start : 0;
        own.end = own.has_span ? feed->leaf->stage->node->ast->span.end : 0;
        fail_query(feed->query, code, &own);
    }
    if (code == AMPQL_CANCELED || code == AMPQL_TIMEOUT)
        for (size_t q = 0; q < run->nqueries; q++)
            fail_query(&run->queries[q], code, err);
}

/* What the source said of a select reaches all queries that read it. */
static void pass_warnings(struct run *run, const struct intake_warnings *warnings)
{
    const struct feed *feed;
    struct ampql_error err = {0};
    for (size_t at = run->first_feed[run->select]; (feed = next_feed(run, &at));)
        for (size_t i = 0; i < warnings->n; i++)
            if (note_plain(feed->query, warnings->at[i], &err) != AMPQL_OK)
                fail_query(feed->query, AMPQL_NOMEM, &err);
}

static void read_select(struct run *run)
{
    struct ampql_error err = {0};
    struct intake_warnings warnings = {.arena = &run->arena};
    run->nobody_listens = false;
    enum ampql_code code = intake_select(
        run->engine, run->source, &run->plan.selects.at[run->select], run->plan.options.lookback_ms,
        run->plan.options.dialect, false, &run->symbols, &run->limits, take, run,
        &run->costs[run->select], &warnings, &err);
    if (code == AMPQL_CANCELED && run->nobody_listens)
        return;
    if (code != AMPQL_OK) {
        fail_waiting(run, code, &err);
        return;
    }
    pass_warnings(run, &warnings);
    const struct feed *feed;
    for (size_t at = run->first_feed[run->select]; (feed = next_feed(run, &at));)
        eval_end(feed->query, feed->leaf);
}

/* Tell the source what it will be asked, level by level as evaluate does. */
static enum ampql_code prepare_source(struct run *run, struct ampql_error *err)
{
    size_t n = 0, room = run->plan.selects.n * (run->plan.nlevels + (size_t)1);
    if (!run->source->ops.prepare)
        return AMPQL_OK;
    const struct select **selects = arena_alloc(&run->arena, room, sizeof *selects);
    if (!selects)
        return fail_nomem(err, "a run");
    for (run->level = 0; run->level < run->plan.nlevels; run->level++)
        for (run->select = 0; run->select < run->plan.selects.n; run->select++)
            if (is_wanted(run))
                selects[n++] = &run->plan.selects.at[run->select];
    return intake_begin(run->engine, run->source, selects, n, run->plan.options.lookback_ms,
                        run->plan.options.dialect, &run->limits, err);
}

static enum ampql_code evaluate(struct run *run, const struct ampql_query *const *queries,
                                struct ampql_error *err)
{
    struct node **roots = arena_zeroed(&run->arena, run->nqueries, sizeof *roots);
    run->queries = arena_zeroed(&run->arena, run->nqueries, sizeof *run->queries);
    if (!roots || !run->queries)
        return fail_nomem(err, "a run");
    for (size_t q = 0; q < run->nqueries; q++)
        run->queries[q].code =
            plan_add(&run->plan, queries[q]->ast, &roots[q], &run->queries[q].err);
    TRY(plan_finish(&run->plan, err));
    for (size_t q = 0; q < run->nqueries; q++)
        if (run->queries[q].code == AMPQL_OK)
            eval_query_init(&run->queries[q], &run->eval, roots[q], queries[q]->text);
    TRY(list_feeds(run, err));
    for (size_t q = 0; q < run->nqueries; q++)
        eval_start(&run->queries[q]);
    TRY(prepare_source(run, err));
    for (run->level = 0; run->level < run->plan.nlevels; run->level++)
        for (run->select = 0; run->select < run->plan.selects.n; run->select++)
            if (is_wanted(run))
                read_select(run);
    for (size_t q = 0; q < run->nqueries; q++)
        eval_finish(&run->queries[q]);
    return AMPQL_OK;
}

static bool knows_ends(const struct run *run, size_t select)
{
    const struct ampql_source *source = run->source;
    return source->knows_ends &&
           source->knows_ends(source->payload, run->plan.selects.at[select].matchers);
}

/* Samples that come without stale markers keep a series that ended alive for the lookback, in every
 * instant selector. Nothing else shows it, so the result says so. */
static enum ampql_code warn_endless(struct run *run, struct ampql_error *err)
{
    char lookback[DURATION_MAX], text[256];
    size_t n = duration_format(run->plan.options.lookback_ms, lookback);
    snprintf(text, sizeof text,
             "the samples come without stale markers: an instant selector sees a series that ended "
             "for another %.*s, unless stale-after says when a silent series has ended",
             (int)n, lookback);
    for (size_t q = 0; q < run->nqueries; q++) {
        struct eval_query *query = &run->queries[q];
        bool is_instant = false;
        for (size_t i = 0; i < query->leaves.n; i++) {
            const struct node *node = query->leaves.at[i].stage->node;
            is_instant |= node->kind == NODE_INSTANT && !knows_ends(run, node->select);
        }
        if (!is_instant || query->code != AMPQL_OK)
            continue;
        TRY(note_plain(query, str_of(text), err));
    }
    return AMPQL_OK;
}

/* Failures of the run itself reach every query. */
static enum ampql_code fail_all(enum ampql_code code, const struct ampql_error *err,
                                struct ampql_error *errs, size_t nqueries)
{
    for (size_t q = 0; errs && q < nqueries; q++)
        errs[q] = *err;
    return code;
}

/* The feeds that a select has in a query: how much they would have cost elsewhere. */
static uint64_t remote_samples(const struct run *run, const struct eval_query *query, size_t select)
{
    uint64_t sum = 0;
    for (size_t i = run->first_feed[select]; i < run->first_feed[select + 1]; i++)
        if (run->feeds[i].query == query)
            sum += run->feeds[i].remote_samples;
    return sum;
}

/* Feeds are in the order of queries. */
static size_t count_readers(const struct run *run, size_t select)
{
    size_t n = 0;
    for (size_t i = run->first_feed[select]; i < run->first_feed[select + 1]; i++)
        n += i == run->first_feed[select] || run->feeds[i].query != run->feeds[i - 1].query;
    return n;
}

/* What a query read, each select once. */
static enum ampql_code list_reads(struct run *run, const struct eval_query *query,
                                  struct read_select **out, size_t *n, struct ampql_error *err)
{
    bool *is_listed = arena_zeroed(&run->arena, run->plan.selects.n, sizeof *is_listed);
    *out = arena_alloc(&run->arena, query->leaves.n, sizeof **out);
    *n = 0;
    if (!is_listed || !*out)
        return fail_nomem(err, "a result");
    for (size_t i = 0; i < query->leaves.n; i++) {
        size_t s = query->leaves.at[i].select;
        if (is_listed[s])
            continue;
        is_listed[s] = true;
        struct read_select *read = &(*out)[(*n)++];
        *read =
            (struct read_select){&run->plan.selects.at[s], count_readers(run, s), run->costs[s]};
        read->stats.remote_samples = remote_samples(run, query, s);
    }
    return AMPQL_OK;
}

static enum ampql_code collect(struct run *run, struct ampql_result **results,
                               struct ampql_error *errs)
{
    enum ampql_code first = AMPQL_OK;
    for (size_t q = 0; q < run->nqueries; q++) {
        struct eval_query *query = &run->queries[q];
        struct read_select *reads = NULL;
        size_t nreads = 0;
        if (query->code == AMPQL_OK)
            query->code = list_reads(run, query, &reads, &nreads, &query->err);
        if (query->code == AMPQL_OK)
            query->code =
                result_new(run->engine, query, run->stats, reads, nreads, &results[q], &query->err);
        if (query->code == AMPQL_OK)
            continue;
        query->err.code = query->code;
        if (errs)
            errs[q] = query->err;
        if (first == AMPQL_OK)
            first = query->code;
    }
    return first;
}

void stats_add(struct ampql_stats *sum, struct ampql_stats more)
{
    sum->selects += more.selects;
    sum->series += more.series;
    sum->samples += more.samples;
    sum->requests += more.requests;
    sum->retries += more.retries;
    sum->bytes += more.bytes;
    sum->billed_samples += more.billed_samples;
    sum->remote_samples += more.remote_samples;
}

/* What the source counts now, less what it had counted before. */
static void count_since(struct ampql_stats *stats, const struct ampql_source_stats *before,
                        const struct ampql_source *source)
{
    struct ampql_source_stats now = ampql_source_stats(source);
    if (!source->ops.stats) /* what it told the sinks is all there is */
        return;
    stats->requests = now.requests - before->requests;
    stats->retries = now.retries - before->retries;
    stats->bytes = now.bytes - before->bytes;
    stats->billed_samples = now.billed_samples - before->billed_samples;
}

static void add_costs(struct run *run, const struct ampql_source_stats *before)
{
    bool is_listed = run->feeds && run->first_feed && run->costs;
    size_t nselects = is_listed ? run->plan.selects.n : 0;
    for (size_t s = 0; s < nselects; s++)
        stats_add(&run->stats, run->costs[s]);
    for (size_t i = 0; is_listed && i < run->first_feed[nselects]; i++)
        run->stats.remote_samples += run->feeds[i].remote_samples;
    count_since(&run->stats, before, run->source);
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
        .max_series = options->max_series ? options->max_series : DEFAULT_MAX_SERIES};
}

/* What long evaluation asks on its way. */
static enum ampql_code may_go_on(const void *limits, struct ampql_error *err)
{
    return intake_check(limits, err);
}

enum ampql_code engine_run(struct ampql_engine *engine, const struct ampql_query *const *queries,
                           size_t nqueries, struct ampql_source *source,
                           const struct ampql_run_options *options, struct ampql_result **results,
                           struct ampql_error *errs)
{
    struct ampql_error err = {0};
    struct plan_options plan_options;
    for (size_t q = 0; q < nqueries; q++)
        results[q] = NULL;
    enum ampql_code code =
        run_options_check(engine, options, source->ops.caps, &plan_options, &err);
    if (code != AMPQL_OK)
        return fail_all(code, &err, errs, nqueries);

    struct run run = {.engine = engine, .source = source, .nqueries = nqueries};
    run.limits = run_limits_of(options);
    if (!symbols_init(&run.symbols, &engine->alc))
        return fail_all(fail_nomem(&err, "a run"), &err, errs, nqueries);
    arena_init(&run.arena, &engine->alc);
    plan_init(&run.plan, &run.arena, &plan_options);
    struct eval_limits held = {run.limits.max_samples, run.limits.max_series};
    eval_init(&run.eval, &engine->alc, &run.symbols, &run.plan, &held);
    run.eval.poll = (struct poll){.check = may_go_on, .payload = &run.limits};
    struct ampql_source_stats before = ampql_source_stats(source);
    code = evaluate(&run, queries, &err);
    intake_end(source);
    add_costs(&run, &before);
    if (code == AMPQL_OK && source->ops.caps & AMPQL_SOURCE_ENDLESS)
        code = warn_endless(&run, &err);
    code = code == AMPQL_OK ? collect(&run, results, errs) : fail_all(code, &err, errs, nqueries);
    for (size_t q = 0; run.queries && q < nqueries; q++)
        eval_query_done(&run.queries[q]);
    eval_done(&run.eval);
    arena_done(&run.arena);
    symbols_done(&run.symbols);
    return code;
}

/* ---- series */

struct listing {
    struct arena arena;
    struct {
        ARRAY(struct labels);
    } sets;
};

static enum ampql_code list_series(void *payload, struct labels labels,
                                   const struct samples *samples)
{
    struct listing *listing = payload;
    (void)samples;
    labels = labels_copy(&listing->arena, labels);
    return labels.at && array_push(&listing->sets, &listing->arena, labels) ? AMPQL_OK
                                                                            : AMPQL_NOMEM;
}

enum ampql_code engine_series(struct ampql_engine *engine, struct str selector,
                              struct ampql_source *source, const struct ampql_run_options *options,
                              struct ampql_result **out, struct ampql_error *err)
{
    struct parse_options parse;
    struct listing listing = {0};
    struct symbols symbols;
    struct ampql_stats stats = {0};
    struct intake_limits limits = run_limits_of(options);
    if (options->start_ms < -PLAN_TIME_LIMIT || options->end_ms > PLAN_TIME_LIMIT)
        return fail(err, AMPQL_BAD_DATA, "start or end is out of range");
    if (options->end_ms < options->start_ms)
        return fail(err, AMPQL_BAD_DATA,
                    "invalid parameter \"end\": end timestamp must not be before start time");
    struct select select = {
        .kind = SELECT_RAW, .mint_ms = options->start_ms - 1, .maxt_ms = options->end_ms};
    if (!symbols_init(&symbols, &engine->alc))
        return fail_nomem(err, "a run");
    arena_init(&listing.arena, &engine->alc);
    struct intake_warnings warnings = {.arena = &listing.arena};
    engine_parse_options(engine, &parse);
    struct ampql_source_stats before = ampql_source_stats(source);
    enum ampql_code code = parse_selector(selector, &parse, &listing.arena, &select.matchers, err);
    if (code == AMPQL_OK)
        code = intake_begin(engine, source, NULL, 0, DEFAULT_LOOKBACK_MS, options->dialect, &limits,
                            err);
    if (code == AMPQL_OK)
        code = intake_select(engine, source, &select, DEFAULT_LOOKBACK_MS,
                             options->dialect ? options->dialect : engine->dialect, true, &symbols,
                             &limits, list_series, &listing, &stats, &warnings, err);
    intake_end(source);
    count_since(&stats, &before, source);
    if (code == AMPQL_OK)
        code = result_of_labels(engine, &symbols, listing.sets.at, listing.sets.n, &warnings, out,
                                err);
    if (code == AMPQL_OK)
        (*out)->stats = stats;
    arena_done(&listing.arena);
    symbols_done(&symbols);
    return code;
}
