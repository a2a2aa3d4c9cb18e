/* A select in shares. Several threads each read one after another and compute the rows of its
 * series; the run's thread takes the shares in their order and sends the rows up, in the order of
 * series. So sums are made in one order, and nothing depends on the number of threads. */
#include "engine/run.h"

#include "base/parallel.h"

#include <pthread.h>

/* A row of one series for one feed, of the pool of its share. */
struct computed {
    struct row row; /* v NULL: it is empty, or was not computed */
    uint64_t remote_samples;
    enum ampql_code code;
    struct ampql_error *err;
};

/* A series and its rows: [nfeeds] */
struct computed_series {
    struct labels labels; /* ids of the source */
    uint64_t nsamples;
    struct computed *rows;
};

/* What a thread computes for a feed with. */
struct bench {
    struct eval_hand *hand;
    struct pool rows;
    struct row spare; /* v NULL: the next is to be taken */
};

/* What a thread makes of a share, and makes it with. */
struct share {
    struct shares *of;
    struct arena arena; /* labels, warnings */
    struct {
        ARRAY(struct computed_series);
    } series;
    struct bench *benches; /* [nfeeds] */
    const struct symbols *symbols;
    struct intake_warnings warnings;
    enum ampql_code code; /* what ended it: its series before that are taken all the same */
    struct ampql_error err, hand_err;
    struct share *next; /* of those that nobody uses */
};

struct shares {
    struct run *run;
    const struct select *select;
    struct ampql_select wanted;
    struct feed **feeds; /* [nfeeds] of the select */
    size_t nfeeds, n;
    bool is_points;
    uint64_t nseries;
    struct intake_warnings *warnings;
    pthread_mutex_t mutex; /* guards what follows */
    struct share *idle;
};

/* ---- making a share, on any thread */

static void free_share(struct share *share)
{
    const struct ampql_allocator *alc = &share->of->run->engine->alc;
    for (size_t i = 0; share->benches && i < share->of->nfeeds; i++) {
        eval_hand_free(share->benches[i].hand);
        pool_done(&share->benches[i].rows);
    }
    alloc_put(alc, share->benches, share->of->nfeeds, sizeof *share->benches);
    arena_done(&share->arena);
    alloc_put(alc, share, 1, sizeof *share);
}

static struct share *new_share(struct shares *shares)
{
    const struct ampql_allocator *alc = &shares->run->engine->alc;
    struct share *share = alloc_get(alc, 1, sizeof *share);
    if (!share)
        return NULL;
    *share = (struct share){.of = shares};
    arena_init(&share->arena, alc);
    share->benches = alloc_get(alc, shares->nfeeds, sizeof *share->benches);
    bool is_whole = share->benches;
    for (size_t i = 0; i < shares->nfeeds && share->benches; i++) {
        size_t nsteps = shares->feeds[i]->leaf->node->grid->n;
        struct bench *bench = &share->benches[i];
        *bench = (struct bench){.hand = eval_hand_new(shares->feeds[i]->leaf, &share->hand_err)};
        pool_init(&bench->rows, alc, row_bytes(nsteps));
        is_whole = is_whole && bench->hand;
    }
    if (is_whole)
        return share;
    free_share(share);
    return NULL;
}

/* Memory that a share had is used for the next: it need not be touched for the first time. */
static struct share *take_idle(struct shares *shares)
{
    pthread_mutex_lock(&shares->mutex);
    struct share *share = shares->idle;
    if (share)
        shares->idle = share->next;
    pthread_mutex_unlock(&shares->mutex);
    return share ? share : new_share(shares);
}

static void give_idle(struct share *share)
{
    struct shares *shares = share->of;
    for (size_t k = 0; k < share->series.n; k++)
        for (size_t i = 0; i < shares->nfeeds; i++)
            pool_give(&share->benches[i].rows, share->series.at[k].rows[i].row.v);
    arena_reset(&share->arena);
    share->series.at = NULL;
    share->series.n = share->series.cap = 0;
    pthread_mutex_lock(&shares->mutex);
    share->next = shares->idle;
    shares->idle = share;
    pthread_mutex_unlock(&shares->mutex);
}

static enum ampql_code take_row(struct bench *bench, size_t nsteps, struct ampql_error *err)
{
    if (bench->spare.v)
        return AMPQL_OK;
    void *block = pool_take(&bench->rows);
    if (!block)
        return fail_nomem(err, "rows");
    bench->spare = row_in(block, nsteps);
    return AMPQL_OK;
}

/* What one series is to one feed. What stops the whole run stops the share. */
static enum ampql_code compute(struct share *share, size_t i, const struct fed *fed,
                               struct computed *out)
{
    const struct feed *feed = share->of->feeds[i];
    const struct run *run = share->of->run;
    struct bench *bench = &share->benches[i];
    TRY(take_row(bench, feed->leaf->node->grid->n, &share->err));
    if (run_is_recording(run, feed->query))
        out->remote_samples = money_remote_samples(feed->leaf, &fed->samples);
    out->code = eval_compute(feed->leaf, bench->hand, fed, &bench->spare);
    if (out->code == AMPQL_EXECUTION || out->code == AMPQL_LIMIT || out->code == AMPQL_BAD_DATA) {
        out->err = arena_new(&share->arena, struct ampql_error);
        if (!out->err)
            return fail_nomem(&share->err, "rows");
        *out->err = share->hand_err;
        return AMPQL_OK;
    }
    if (out->code != AMPQL_OK) {
        share->err = share->hand_err;
        return out->code;
    }
    if (row_is_empty(&bench->spare))
        return AMPQL_OK;
    out->row = bench->spare;
    bench->spare.v = NULL;
    return AMPQL_OK;
}

static enum ampql_code take_series(void *payload, struct labels labels,
                                   const struct samples *samples)
{
    struct share *share = payload;
    struct shares *shares = share->of;
    struct fed fed = {.samples = *samples, .is_points = shares->is_points};
    struct computed_series series = {
        .labels = labels_copy(&share->arena, labels),
        .nsamples = samples->n,
        .rows = arena_zeroed(&share->arena, shares->nfeeds, sizeof *series.rows)};
    if (!series.labels.at || !series.rows || !array_push(&share->series, &share->arena, series))
        return fail_nomem(&share->err, "a series");
    for (size_t i = 0; i < shares->nfeeds; i++)
        TRY(compute(share, i, &fed, &series.rows[i]));
    return AMPQL_OK;
}

static enum ampql_code make_share(void *payload, size_t i, void **made, struct ampql_error *err)
{
    struct shares *shares = payload;
    struct run *run = shares->run;
    struct share *share = take_idle(shares);
    struct ampql_stats stats = {0};
    if (!share)
        return fail_nomem(err, "a share of a select");
    struct intake_share asked = {.select = shares->select,
                                 .wanted = &shares->wanted,
                                 .number = i,
                                 .of = shares->n,
                                 .symbols = &share->symbols};
    share->warnings = (struct intake_warnings){.arena = &share->arena};
    share->err = (struct ampql_error){0};
    share->code = intake_share(run->engine, run->source, &asked, &run->limits, take_series, share,
                               &stats, &share->warnings, &share->err);
    *made = share;
    return AMPQL_OK;
}

/* ---- taking it, on the run's thread */

static enum ampql_code translate(struct shares *shares, struct share *share, struct labels labels,
                                 struct labels *out, struct ampql_error *err)
{
    struct label *at = arena_alloc(&share->arena, labels.n, sizeof *at);
    if (!at || !labels_translate(&shares->run->symbols, share->symbols, labels, at))
        return fail_nomem(err, "a series' labels");
    *out = (struct labels){.at = at, .n = labels.n};
    return AMPQL_OK;
}

/* As run_take does with a series that comes. */
static enum ampql_code commit(struct shares *shares, struct share *share,
                              const struct computed_series *series, struct ampql_error *err)
{
    struct run *run = shares->run;
    struct ampql_stats *stats = &run->costs[run->input];
    struct labels labels;
    TRY(intake_check(&run->limits, err));
    TRY(intake_count_series(&run->limits, &shares->nseries, err));
    stats->series++;
    stats->samples += series->nsamples;
    TRY(translate(shares, share, series->labels, &labels, err));
    run->nobody_listens = true;
    for (size_t i = 0; i < shares->nfeeds; i++) {
        struct feed *feed = shares->feeds[i];
        struct computed *computed = &series->rows[i];
        if (!eval_wants(feed->query, feed->leaf))
            continue;
        run->nobody_listens = false;
        feed->remote_samples += computed->remote_samples;
        if (computed->row.v || computed->code != AMPQL_OK)
            eval_commit(feed->query, feed->leaf, labels, &computed->row, computed->code,
                        computed->err);
    }
    return run->nobody_listens ? AMPQL_CANCELED : AMPQL_OK;
}

static enum ampql_code take_share(void *payload, size_t i, void *made, struct ampql_error *err)
{
    struct shares *shares = payload;
    struct share *share = made;
    enum ampql_code code = AMPQL_OK;
    for (size_t k = 0; k < share->series.n && code == AMPQL_OK; k++)
        code = commit(shares, share, &share->series.at[k], err);
    if (code == AMPQL_OK && share->code != AMPQL_OK) {
        code = share->code;
        *err = share->err;
    }
    if (code == AMPQL_OK && i == 0) /* all warn of the same */
        code = intake_keep_warnings(shares->warnings, share->warnings.at, share->warnings.n, err);
    give_idle(share);
    return code;
}

static void drop_share(void *payload, void *made)
{
    (void)payload;
    give_idle(made);
}

/* ---- the whole */

/* All that listen, and none of them but what can be computed apart. */
static bool list_feeds(struct shares *shares)
{
    struct run *run = shares->run;
    size_t from = run->from, room = run->upto - from;
    struct feed *feed;
    shares->feeds = arena_alloc(&run->arena, room, sizeof(struct feed *));
    for (size_t at = from; shares->feeds && (feed = run_next_feed(run, &at));) {
        if (!eval_is_apart(feed->leaf))
            return false;
        shares->feeds[shares->nfeeds++] = feed;
    }
    return shares->feeds && shares->nfeeds > 0;
}

/* Whatever comes in the way of it is left to one thread to tell. */
static bool prepare(struct shares *shares)
{
    struct run *run = shares->run;
    const struct ampql_source *source = run->source;
    struct ampql_error err;
    return run->nthreads > 1 && source->shares && source->ops.caps & AMPQL_SOURCE_PARALLEL &&
           !source->ops.stats && list_feeds(shares) &&
           intake_public(shares->select, run->plan.options.lookback_ms, run->plan.options.dialect,
                         &run->arena, &shares->wanted, &err) == AMPQL_OK &&
           source->shares->count(source->payload, &shares->wanted, &shares->n, &err) == AMPQL_OK &&
           shares->n > 1;
}

bool run_read_shares(struct run *run, struct intake_warnings *warnings, enum ampql_code *code,
                     struct ampql_error *err)
{
    struct shares shares = {
        .run = run, .select = &run->plan.selects.at[run->input], .warnings = warnings};
    shares.is_points = shares.select->kind != SELECT_RAW;
    if (!prepare(&shares))
        return false;
    struct parallel jobs = {.njobs = shares.n,
                            .nthreads = run->nthreads,
                            .make = make_share,
                            .take = take_share,
                            .drop = drop_share,
                            .payload = &shares};
    run->costs[run->input].selects++;
    pthread_mutex_init(&shares.mutex, NULL);
    *code = intake_check(&run->limits, err);
    if (*code == AMPQL_OK)
        *code = parallel_run(&jobs, &run->engine->alc, err);
    for (struct share *share = shares.idle, *next; share; share = next) {
        next = share->next;
        free_share(share);
    }
    pthread_mutex_destroy(&shares.mutex);
    return true;
}
