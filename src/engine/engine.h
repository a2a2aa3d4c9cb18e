/* The handles behind the public API, and the one place where plan, source and evaluation meet. */
#ifndef AMPQL_SRC_ENGINE_ENGINE_H
#define AMPQL_SRC_ENGINE_ENGINE_H

#include <ampql/query.h>

#include "eval/eval.h"
#include "source/source.h"

#include <stdatomic.h>

struct ampql_engine {
    struct ampql_allocator alc;
    enum ampql_dialect dialect;
    bool experimental;
    size_t max_query_bytes, max_depth;
};

/* Compiled once, then immutable: shared by threads. */
struct ampql_query {
    struct ampql_engine *engine;
    struct arena arena; /* the tree and the text */
    struct str text;
    struct ast *ast;
};

struct ampql_cancel {
    struct ampql_allocator alc;
    atomic_bool is_set;
};

/* Rows of a run, which its results show without a copy: the last of them frees these. */
struct result_rows {
    struct ampql_allocator alc;
    struct pool pool;
    size_t nsteps;
    atomic_size_t nusers;
};

/* Owns everything it shows, in one arena, but for rows. */
struct ampql_result {
    struct ampql_allocator alc;
    struct arena arena;
    struct result_rows *rows; /* NULL: they are in the arena */
    enum ampql_result_kind kind;
    enum ampql_dialect dialect; /* that JSON is spelled in */
    struct grid grid;
    struct ampql_series *series; /* [nseries] */
    size_t nseries;
    double scalar;
    struct str string;
    struct ampql_stats stats;
    struct ampql_select_stats *selects; /* [nselects] */
    size_t nselects;
    struct str *annotations; /* [nannotations] */
    size_t nannotations;
    size_t nthreads; /* that may make text of it */
};

/* Public functions of this layer that need no engine of their own are defined here under their
 * public names; these are what the api layer wraps. Errors as include/ampql/query.h says. */
enum ampql_code engine_compile(struct ampql_engine *engine, struct str text,
                               struct ampql_query **out, struct ampql_error *err);
void engine_query_free(struct ampql_query *query);

enum ampql_code engine_run(struct ampql_engine *engine, const struct ampql_query *const *queries,
                           size_t nqueries, struct ampql_source *source,
                           const struct ampql_run_options *options, struct ampql_result **results,
                           struct ampql_error *errs);

enum ampql_code engine_explain(struct ampql_engine *engine,
                               const struct ampql_query *const *queries, size_t nqueries,
                               uint32_t caps, const struct ampql_run_options *options,
                               ampql_write write, void *payload, struct ampql_error *err);

enum ampql_code engine_series(struct ampql_engine *engine, struct str selector,
                              struct ampql_source *source, const struct ampql_run_options *options,
                              struct ampql_result **out, struct ampql_error *err);

/* ---- records: rules as the engine knows them */

/* The start of struct ampql_rules, which is the rules layer's.
 *
 *   table  a table of its records for a run with these options, in the arena
 *   err    AMPQL_NOMEM */
struct record_maker {
    enum ampql_code (*table)(const struct record_maker *maker,
                             const struct ampql_run_options *options, struct arena *arena,
                             struct records *out, struct ampql_error *err);
};

/* What became of a want. */
struct record_report {
    size_t nevaluations, nfailed;
    const struct ampql_error *err; /* why the last of them failed */
    int64_t failed_ms;             /*    and which it is */
};

/* Who takes them: first the reports of all wants, in their order, then their series in label order,
 * stale markers among the samples, then what is to be warned of. A code other than AMPQL_OK ends
 * the run. */
struct record_taker {
    enum ampql_code (*report)(void *payload, size_t want, const struct record_report *report,
                              struct ampql_error *err);
    /* With by_name a series comes whole, at the first want of its name, whoever wrote its samples;
     * otherwise with the samples that the want's record wrote. */
    enum ampql_code (*series)(void *payload, size_t want, const struct symbols *symbols,
                              struct labels labels, const struct samples *samples,
                              struct ampql_error *err);
    enum ampql_code (*warning)(void *payload, struct str text, struct ampql_error *err);
    void *payload;
    bool by_name;
};

/* What a ruler would have read for the evaluations of a run; and reckoned from that, what a day of
 * them would make it read, and what reading the same day's history here. */
struct ruler_costs {
    uint64_t evaluations, samples_read;
    double day_evaluations, day_samples_read, day_samples_here;
};

/* Evaluate records of options->rules, each once.
 *   err  as engine_run; AMPQL_UNSUPPORTED: a record that is endless; what the taker returned */
enum ampql_code engine_record(struct ampql_engine *engine, struct ampql_source *source,
                              const struct ampql_run_options *options,
                              const struct record_want *wants, size_t nwants,
                              const struct record_taker *taker, struct ampql_stats *stats,
                              struct ruler_costs *ruler, struct ampql_error *err);

/* What the parser is given. */
struct parse_options;
void engine_parse_options(const struct ampql_engine *engine, struct parse_options *out);

/* ---- between the files of this layer */

/* Check options and fill in defaults; the table of options->rules goes into the arena.
 *   err  AMPQL_BAD_DATA: end before start, negative step, too many points; AMPQL_LIMIT,
 *        AMPQL_NOMEM */
enum ampql_code run_options_check(const struct ampql_engine *engine,
                                  const struct ampql_run_options *options, uint32_t caps,
                                  struct arena *arena, struct plan_options *out,
                                  struct ampql_error *err);

/* Add up; and what the source counts now, less what it had counted before. */
void stats_add(struct ampql_stats *sum, struct ampql_stats more);
void stats_since(struct ampql_stats *stats, const struct ampql_source_stats *before,
                 const struct ampql_source *source);

/* A select that a query read. */
struct read_select {
    const struct select *select;
    size_t nqueries; /* that read it */
    struct ampql_stats stats;
};

/* Take the rows that a run's evaluated queries [n] keep out of it, for result_new; *out is NULL
 * when most of what would be held is not theirs, and then they are copied. Drop it when all results
 * are made. err AMPQL_NOMEM */
enum ampql_code result_rows_take(const struct ampql_engine *engine, struct eval *eval,
                                 const struct eval_query *queries, size_t n,
                                 struct result_rows **out, struct ampql_error *err);
void result_rows_drop(struct result_rows *rows);

/* Copy an evaluated query out of the run, with what it read. err AMPQL_NOMEM */
enum ampql_code result_new(const struct ampql_engine *engine, const struct eval_query *query,
                           struct result_rows *rows, struct ampql_stats stats,
                           const struct read_select *selects, size_t nselects,
                           struct ampql_result **out, struct ampql_error *err);

/* What a source is asked for a select: "up{job="a"}[5m]", or the bare selector; failures stay in
 * out. left_closed: the server gives the sample at the left end of a window by itself. */
struct buf;
void print_select(struct buf *out, const struct select *select, bool left_closed);

/* A matrix of label sets without samples. labels [n] are sorted already. err AMPQL_NOMEM */
struct intake_warnings;
enum ampql_code result_of_labels(const struct ampql_engine *engine, const struct symbols *symbols,
                                 const struct labels *labels, size_t n,
                                 const struct intake_warnings *warnings, struct ampql_result **out,
                                 struct ampql_error *err);

/* Ask the source for one select and hand each of its series, in label order, to `take`; *series and
 * *samples count them, warnings gets what the source warned of. With only_labels the series come
 * without samples, those that have any. err  what the source or take says; AMPQL_BAD_DATA: a series
 * twice, or out of the order that the source promised; AMPQL_LIMIT, AMPQL_CANCELED, AMPQL_TIMEOUT,
 * AMPQL_NOMEM */
struct intake_limits {
    struct ampql_cancel *cancel;
    int64_t deadline_ms;                  /* monotonic; INT64_MAX: none */
    uint64_t max_samples;                 /* that wait to be put in order */
    uint64_t max_series;                  /* that a select reads */
    uint64_t max_labels, max_label_bytes; /* of a series, and of a value */
};
/* Has the caller canceled, or is the deadline past? err  AMPQL_CANCELED, AMPQL_TIMEOUT */
enum ampql_code intake_check(const struct intake_limits *limits, struct ampql_error *err);

/* What the source warned of, in the arena. */
struct intake_warnings {
    struct arena *arena;
    ARRAY(struct str);
};
/* Copies of some more.  err  AMPQL_NOMEM */
enum ampql_code intake_keep_warnings(struct intake_warnings *to, const struct str *at, size_t n,
                                     struct ampql_error *err);

typedef enum ampql_code intake_take(void *payload, struct labels labels,
                                    const struct samples *samples);
enum ampql_code intake_select(struct ampql_engine *engine, struct ampql_source *source,
                              const struct select *select, int64_t lookback_ms,
                              enum ampql_dialect dialect, bool only_labels, struct symbols *symbols,
                              const struct intake_limits *limits, intake_take *take, void *payload,
                              struct ampql_stats *stats, struct intake_warnings *warnings,
                              struct ampql_error *err);

/* Another series of a select: n so far.  err  AMPQL_LIMIT */
enum ampql_code intake_count_series(const struct intake_limits *limits, uint64_t *n,
                                    struct ampql_error *err);

/* A share of a select, of a source that has shares, on any thread, several at once; what it counts
 * and warns of is of the share. take gets ids of *symbols. err as above */
struct intake_share {
    const struct select *select;
    const struct ampql_select *wanted; /* the same as the source is asked */
    size_t number, of;
    const struct symbols **symbols;
};
enum ampql_code intake_share(struct ampql_engine *engine, struct ampql_source *source,
                             const struct intake_share *share, const struct intake_limits *limits,
                             intake_take *take, void *payload, struct ampql_stats *stats,
                             struct intake_warnings *warnings, struct ampql_error *err);

/* Hand each select of a batch to `take`, as a source would be asked: each once, in the order of a
 * run. With `prepares` the source hears of all of them first, so that it can fetch ahead.
 *   err  as engine_run before it reads; what take returned */
typedef enum ampql_code engine_take_select(void *payload, const struct ampql_select *select,
                                           struct ampql_error *err);
struct select_batch {
    const struct ampql_query *const *queries; /* [nqueries] */
    size_t nqueries;
    const struct record_want *wants; /* [nwants] */
    size_t nwants;
};
enum ampql_code engine_selects(struct ampql_engine *engine, const struct select_batch *batch,
                               struct ampql_source *source, const struct ampql_run_options *options,
                               bool prepares, engine_take_select *take, void *payload,
                               struct ampql_error *err);

/* What a server would have counted for one series of a leaf: see money.c. */
uint64_t money_remote_samples(const struct leaf *leaf, const struct samples *samples);

/* Of options, whose zeros mean the defaults. */
struct intake_limits run_limits_of(const struct ampql_run_options *options);

/* Tell the source what the run will select, in this order, and when it is over; limits stay until
 * then. err  what the source says; AMPQL_NOMEM */
enum ampql_code intake_public(const struct select *select, int64_t lookback_ms,
                              enum ampql_dialect dialect, struct arena *arena,
                              struct ampql_select *out, struct ampql_error *err);
enum ampql_code intake_begin(struct ampql_engine *engine, struct ampql_source *source,
                             const struct select *const *selects, size_t nselects,
                             int64_t lookback_ms, enum ampql_dialect dialect,
                             struct intake_limits *limits, struct ampql_error *err);
void intake_end(struct ampql_source *source);

/* Whether the source has stored series of a record's name matters as options->recorded says: sets
 * what the planner asks. asker must outlive the plan. */
struct stored_asker {
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct symbols *symbols;
    struct intake_limits *limits;
    struct ampql_stats *stats;
    enum ampql_dialect dialect;
    int64_t lookback_ms;
    bool must_not; /* be stored: then it is an error */
};
void stored_ask(struct stored_asker *asker, enum ampql_recorded mode, struct plan_options *out);

#endif
