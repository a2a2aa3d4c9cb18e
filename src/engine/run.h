/* A run, for the files that make it up.
 *
 *   run.c      what a run begins and ends with
 *   feed.c     series on their way from the source to the leaves that want them
 *   shares.c   the same by several threads, select by select
 *   records.c  series of records: evaluations made, and fed to leaves as a source's are
 *   costs.c    what it has cost
 *   parts.c    a batch in parts, several at the same time
 *   ticks.c    evaluations made one by one, where they cannot be made at once
 *   capped.c   the ceiling on what a run may hold */
#ifndef AMPQL_SRC_ENGINE_RUN_H
#define AMPQL_SRC_ENGINE_RUN_H

#include "base/budget.h"
#include "engine/engine.h"
#include "eval/recorded.h"

/* A leaf that an input feeds, when, and its query. */
struct feed {
    struct eval_query *query;
    struct leaf *leaf;
    unsigned level;
    uint64_t remote_samples; /* that a server would have counted for it */
};

/* An input that is read at a level, for the feeds ordered [from, upto). Levels are as many as a
 * query's text is long, so nobody looks for inputs level by level. */
struct turn {
    unsigned level;
    size_t input, from, upto;
};

/* A recording of the plan, and what came of it. */
struct recording_run {
    struct evaluations evaluations;
    bool is_begun, is_made;
    enum ampql_code code; /* not of an evaluation, but of them all: of the source, a limit */
    struct ampql_error err;
};

/* One run's state; everything in it ends with the run. */
struct run {
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct arena arena; /* plan and lists */
    struct symbols symbols;
    struct plan plan;
    struct eval eval;
    struct eval_query *queries; /* [nall] those that were asked, then one for each recording */
    struct ampql_error *errs;   /* [nqueries] of planning and of the source */
    size_t nqueries, nall;
    struct recording_run *recordings; /* [plan.recordings.n] */
    size_t *first_recording;       /* [nrecords] of a record in the plan; PLAN_NONE: it has none */
    const struct records *records; /* NULL: none */

    /* What feeds leaves: the plan's selects, then what it reads of records. */
    struct feed *feeds; /* input by input, in the order of queries and leaves */
    size_t *first_feed; /* [ninputs + 1] */
    size_t ninputs;
    struct feed **ordered; /* of each input, its feeds by level */
    struct turn *turns;    /* [nturns] in the order of levels and inputs */
    size_t nturns;
    struct intake_limits limits;
    struct ampql_stats *costs; /* [plan.selects.n] what each select has cost */
    struct ampql_stats stats;  /* all of them, and what the source asked beside them */
    struct ruler_costs ruler;
    bool is_open;
    bool is_strict;  /* options->rule_strict */
    size_t nthreads; /* that may work on a select */

    /* The input being read, and its leaves: ordered [from, upto). */
    size_t input;
    unsigned level;
    size_t from, upto;
    bool nobody_listens;

    /* A record could not be evaluated as planned: its state says how it must be, in another
     * attempt. */
    bool must_start_again;
};

/* An engine whose allocator has the ceiling of one run, options->max_bytes; it must not move. */
struct capped {
    struct ampql_engine engine;
    struct ampql_allocator alc; /* without the ceiling */
    struct budget budget;       /* in use when the allocators differ */
    size_t nthreads;            /* options->threads */
};

void capped_begin(struct capped *capped, const struct ampql_engine *engine,
                  const struct ampql_run_options *options);

/* A result of the run, which outlives its ceiling: what it holds is the caller's from now on. */
void capped_keep(const struct capped *capped, struct ampql_result *result);

/* A batch in one run, as engine_run; *stats is what it has cost. */
enum ampql_code run_batch(struct ampql_engine *engine, const struct ampql_query *const *queries,
                          size_t nqueries, struct ampql_source *source,
                          const struct ampql_run_options *options, struct ampql_result **results,
                          struct ampql_error *errs, struct ampql_stats *stats);

/* The same in parts that read nothing in common, by options->threads, when there are some and the
 * source allows it. False: there are no results, since it was not so, or something failed, which
 * one run is to tell: then errors do not depend on threads. results [nqueries] are NULL before. */
bool run_in_parts(struct ampql_engine *engine, const struct ampql_query *const *queries,
                  size_t nqueries, struct ampql_source *source,
                  const struct ampql_run_options *options, struct ampql_result **results);

/* The leaves of each input. Series come by the million, and a batch may have thousands of leaves:
 * nobody searches all of them for each series.  err  AMPQL_NOMEM */
enum ampql_code run_list_feeds(struct run *run, struct ampql_error *err);

/* The next feed of the input being read, from *at on, at first run->from, whose query still wants
 * it; NULL after the last. */
struct feed *run_next_feed(const struct run *run, size_t *at);

/* Is the query one that makes a recording? Otherwise it was asked. */
static inline bool run_is_recording(const struct run *run, const struct eval_query *query)
{
    return query >= run->queries + run->nqueries;
}

/* Tell the source what it will be asked, level by level.  err  what the source says; AMPQL_NOMEM */
enum ampql_code run_prepare(struct run *run, struct ampql_error *err);

/* Read all inputs, level by level; ends early when the run must start again. */
void run_read(struct run *run);

/* The queries that still wait for the input being read cannot be answered; after a cancel or a
 * timeout none can. A limit is met where the selector stands. */
void run_fail_waiting(struct run *run, enum ampql_code code, const struct ampql_error *err);

/* Read the select being read in shares, by several threads, and feed its leaves as one thread
 * would. False: that may not be, or would not pay; nothing has happened. code  what it came to; err
 * and warnings as intake_select has them; AMPQL_CANCELED with nobody_listens: all that wanted it
 * have failed */
bool run_read_shares(struct run *run, struct intake_warnings *warnings, enum ampql_code *code,
                     struct ampql_error *err);

/* Hand a series to the leaves of the input being read. */
void run_take(struct run *run, const struct fed *fed);

/* Feed what is read of records, as the source's series are. */
void run_read_recorded(struct run *run);

/* Make the evaluations of recording k, once; recordings[k].code and err say what came in the way.
 */
void run_make(struct run *run, size_t k);

/* Of a recording whose leaves hold what they were fed: each evaluation on its own.
 *   err  what is no failure of one evaluation: AMPQL_LIMIT, AMPQL_CANCELED, AMPQL_NOMEM, ... */
enum ampql_code run_make_ticks(struct run *run, size_t k, struct ampql_error *err);

/* What a query read, each select once, in the run's arena.  err  AMPQL_NOMEM */
enum ampql_code run_list_reads(struct run *run, const struct eval_query *query,
                               struct read_select **out, size_t *n, struct ampql_error *err);

/* Fill in stats and ruler, of what the source counts now less what it had counted before. */
void run_add_costs(struct run *run, const struct ampql_source_stats *before);

/* Hand each want to the taker.  err  as engine_record */
enum ampql_code run_hand_out(struct run *run, const struct record_want *wants, size_t nwants,
                             const struct record_taker *taker, struct ampql_error *err);

#endif
