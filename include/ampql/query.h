/* Engine, compiled queries, runs and results.
 *
 * Threads: an engine and a compiled query may be used from any number of threads; a source by one
 * run at a time, unless its caps say AMPQL_SOURCE_PARALLEL; a result by one thread at a time.
 * Callbacks are made on the caller's thread. */
#ifndef AMPQL_QUERY_H
#define AMPQL_QUERY_H

#include <ampql/base.h>
#include <ampql/source.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ampql_engine;
struct ampql_query;
struct ampql_result;
struct ampql_cancel;
struct ampql_rules;

struct ampql_engine_options {
    size_t size;                             /* of this struct */
    const struct ampql_allocator *allocator; /* copied; NULL: malloc */
    enum ampql_dialect dialect;              /* of query texts, and of runs that give none */
    bool experimental;                       /* accept what is experimental in Prometheus */
    size_t max_query_bytes;                  /* 0: 1 MiB */
    size_t max_depth; /* of the syntax tree, where a sum of any length is one level; 0: 256, at most
                       * 2048 */
};

/* options may be NULL: all defaults. Free after everything made with it.
 *   err  AMPQL_BAD_DATA: max_depth; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_engine_new(const struct ampql_engine_options *options,
                                           struct ampql_engine **out, struct ampql_error *err);

/* NULL is fine. Not before what was made with it: sources, queries, rules, flags. Results, bills
 * and answers may outlive it. */
AMPQL_API void ampql_engine_free(struct ampql_engine *engine);

/* Parse and type-check text [len]. The query is immutable and independent of text.
 *   err  AMPQL_PARSE with a span, the message as Prometheus has it after "parse error: ";
 * AMPQL_UNSUPPORTED with a span: operators of native histograms;
 * AMPQL_LIMIT; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_query_compile(struct ampql_engine *engine, const char *text,
                                              size_t len, struct ampql_query **out,
                                              struct ampql_error *err);

/* NULL is fine. Not while a run uses it; its results may outlive it. */
AMPQL_API void ampql_query_free(struct ampql_query *query);

/* The canonical text of a query, without a final line feed; pretty breaks long expressions into
 * lines. Parsed again, it is the same query.
 *   AMPQL_OUTPUT: write said so; AMPQL_LIMIT: over 64 MiB; AMPQL_NOMEM
 *   see  promql/parser's String and Pretty */
AMPQL_API enum ampql_code ampql_query_print(const struct ampql_query *query, bool pretty,
                                            ampql_write write, void *payload);

/* What a selector of a recorded name reads when the source holds series of that name, too. */
enum ampql_recorded {
    AMPQL_RECORDED_PREFER_LOCAL,  /* what the rule gives; the source's are not looked at */
    AMPQL_RECORDED_PREFER_STORED, /* the source's, when it has any for the selector's times */
    AMPQL_RECORDED_ERROR          /* nothing: the query fails */
};

struct ampql_run_options {
    size_t size;                 /* of this struct */
    int64_t start_ms;            /* Unix ms; the time of an instant query */
    int64_t end_ms, step_ms;     /* a range query when step_ms > 0; with step 0 end is ignored */
    enum ampql_dialect dialect;  /* 0: the engine's */
    int64_t lookback_ms;         /* 0: 5 minutes */
    int64_t default_interval_ms; /* step of subqueries that give none; 0: 1 minute */
    int64_t timeout_ms;          /* 0: none */
    uint64_t max_samples;        /* samples and values held at once; 0: 50 million */
    uint64_t max_points; /* steps of a range query; 0: 11,001 as the HTTP API; UINT64_MAX: none */
    struct ampql_cancel *cancel;  /* may be NULL */
    bool delayed_name_removal;    /* prom3: operations that drop metric names mark their series, and
                                   * the names go at the very end: Prometheus's feature
                                   * promql-delayed-name-removal. Without effect in prom2 */
    uint64_t max_subquery_points; /* evaluation points of all subqueries of a batch together; 0:
                                   * 4,194,304; UINT64_MAX: what max_samples lets through */
    uint64_t max_series; /* that one selector reads, or one operation gathers or makes; 0: 2
                          * million; UINT64_MAX: what max_samples lets through */

    /* Recording rules (ampql_rules_load); NULL: none. Selectors see the series that a ruler would
     * have written, at any time: each rule that is read is evaluated at the ticks that matter, with
     * stale markers where a series is no longer there. A failed evaluation writes nothing; the
     * result has a warning that names the rule. */
    const struct ampql_rules *rules;
    enum ampql_recorded recorded;
    int64_t rule_phase_ms; /* groups are evaluated so long past the multiples of their interval */
    int64_t rule_interval_ms; /* of all groups, whatever they say; 0: their own, else
                               * default_interval_ms */
    const char *rule_file;    /* not NULL: groups have the phases that Prometheus gives them by this
                               * name of the file and theirs, instead of rule_phase_ms */
    bool rule_no_markers;     /* write no stale markers, as promtool's backfill */
    bool rule_strict; /* an evaluation that fails fails whoever reads the record, instead of a
                       * warning: AMPQL_EXECUTION, naming the rule */

    uint64_t max_bytes; /* that the run may take from the allocator at once, all queries of a batch
                         * together, with their results, and what RE2 may take for its regexes:
                         * more is AMPQL_LIMIT. What the source holds is not counted. 0: 1 GiB;
                         * UINT64_MAX: no budget */
    /* Threads that work at the same time, the caller's among them, over a source that several runs
     * may read at once (AMPQL_SOURCE_PARALLEL); 0: 1. Queries of a batch without rules that read
     * nothing in common are evaluated side by side, and max_samples is of each thread then; else
     * the series of captures, memory and files that are read whole are decoded, and their windows
     * computed, by several. Each series is read once as ever, results are the same bits, and so are
     * errors; max_bytes is of all together, and what is enough for one is enough for several.
     * The engine's allocator must be thread-safe then. */
    uint64_t threads;
    uint64_t max_labels; /* of a series that is read; 0: 128; UINT64_MAX: what the source takes */
    uint64_t max_label_bytes; /* of a label's value that is read; 0: 64 KiB; UINT64_MAX: as above */
};

/* Evaluate a query on a source. options may be NULL: an instant query at time 0.
 *   out  to be freed; NULL when it fails
 *   err  AMPQL_BAD_DATA (start, end, step), AMPQL_EXECUTION, AMPQL_LIMIT (max_samples, max_series,
 *        max_subquery_points, max_bytes, max_labels, max_label_bytes: the message says which),
 *        AMPQL_TIMEOUT, AMPQL_CANCELED, AMPQL_NOMEM, what the source says, AMPQL_UNSUPPORTED
 *
 *   see  Prometheus docs "Querying basics"; promql.Engine */
AMPQL_API enum ampql_code ampql_query_run(const struct ampql_query *query,
                                          struct ampql_source *source,
                                          const struct ampql_run_options *options,
                                          struct ampql_result **out, struct ampql_error *err);

/* Evaluate queries [nqueries] that share their selects: each series is read once for all of them.
 *   results  [nqueries], NULL where a query failed; errs [nqueries] or NULL says why
 *   returns  AMPQL_OK when every query has a result; else the first failure's code. A failure of
 * the source, a limit, a cancel fails all queries that are not yet done. */
AMPQL_API enum ampql_code ampql_batch_run(struct ampql_engine *engine,
                                          const struct ampql_query *const *queries, size_t nqueries,
                                          struct ampql_source *source,
                                          const struct ampql_run_options *options,
                                          struct ampql_result **results, struct ampql_error *errs);

/* What a batch would ask of a source with these caps (enum ampql_source_caps), as JSON:
 *   {"selects":[{"query":"up{job=\"a\"}[5m]","kind":"RAW","time":1709403000},
 *               {"query":"up","kind":"GRID","start":0,"end":60,"step":60}, ...]}
 * Nothing is read. options may be NULL.
 *   err  AMPQL_BAD_DATA (start, end, step); AMPQL_LIMIT; AMPQL_OUTPUT: write said so; AMPQL_NOMEM
 */
AMPQL_API enum ampql_code
ampql_batch_explain(struct ampql_engine *engine, const struct ampql_query *const *queries,
                    size_t nqueries, uint32_t caps, const struct ampql_run_options *options,
                    ampql_write write, void *payload, struct ampql_error *err);

/* The label sets that match a selector such as `up{job="a"}` with samples in [start_ms, end_ms]: a
 * matrix without samples. Of the options, times, dialect, limits and cancel count.
 *   err  AMPQL_PARSE; AMPQL_BAD_DATA (start, end); and as ampql_query_run */
AMPQL_API enum ampql_code ampql_series_run(struct ampql_engine *engine, const char *selector,
                                           size_t len, struct ampql_source *source,
                                           const struct ampql_run_options *options,
                                           struct ampql_result **out, struct ampql_error *err);

/* ---- results: views are valid until the result is freed */

enum ampql_result_kind {
    AMPQL_RESULT_SCALAR,
    AMPQL_RESULT_VECTOR,
    AMPQL_RESULT_MATRIX,
    AMPQL_RESULT_STRING
};

/* One series of a result.
 *   on the grid  t_ms is NULL: value i is at start_ms + i * step_ms, where bit i of present is set;
 * n steps samples      t_ms [n], present NULL: a range selector or subquery as the whole of an
 * instant query A vector has n = 1 and present NULL. */
struct ampql_series {
    const struct ampql_label *labels; /* [nlabels], sorted by name */
    size_t nlabels;
    const int64_t *t_ms;
    const double *values;
    const uint64_t *present;
    size_t n;
};

/* What a run cost, all queries of the batch together. */
struct ampql_stats {
    uint64_t selects; /* asked of the source */
    uint64_t series;  /* that matched */
    uint64_t samples; /* read */
    /* Of sources that ask a server: */
    uint64_t requests, retries, bytes; /* as ampql_source_stats */
    uint64_t billed_samples;           /* that the server counted for them */
    uint64_t remote_samples; /* that it would have counted, had it evaluated the queries itself; an
                                estimate; 0 for sources of samples */
};

/* A select that a query read, and what it cost. */
struct ampql_select_stats {
    struct ampql_string query; /* as ampql_batch_explain has it: "up{job=\"a\"}[5m]" */
    enum ampql_select_kind kind;
    size_t nqueries;          /* of the batch that read it: it was asked for once for all of them */
    struct ampql_stats stats; /* of the select; remote_samples are this query's own */
};

AMPQL_API enum ampql_result_kind ampql_result_kind(const struct ampql_result *result);

/* Series of a vector or matrix: how many, and series i, in the order that Prometheus has where it
 * has one, else of labels. 0 and zeroes of scalars and strings. */
AMPQL_API size_t ampql_result_count(const struct ampql_result *result);
AMPQL_API struct ampql_series ampql_result_series(const struct ampql_result *result, size_t i);

/* The times that were evaluated, Unix ms: start, start + step, ...; one step of an instant query.
 */
AMPQL_API void ampql_result_grid(const struct ampql_result *result, int64_t *start_ms,
                                 int64_t *step_ms, size_t *nsteps);

/* The value of a scalar, the bytes of a string; 0 and an empty view of other kinds. */
AMPQL_API double ampql_result_scalar(const struct ampql_result *result);
AMPQL_API struct ampql_string ampql_result_string(const struct ampql_result *result);
AMPQL_API struct ampql_stats ampql_result_stats(const struct ampql_result *result);

/* What this query read, each select once. All selects of a batch together, each once, cost what
 * ampql_result_stats says, but for what a source asks beside them (probes, lists of series).
 * Answers that broke off were billed, too, and nobody can say how much: they are in no sum. */
AMPQL_API size_t ampql_result_select_count(const struct ampql_result *result);
AMPQL_API struct ampql_select_stats ampql_result_select(const struct ampql_result *result,
                                                        size_t i);

/* The same added up: `alone` what no other query of the batch read, `shared` what others read as
 * well, which is counted for each of them. */
AMPQL_API void ampql_result_costs(const struct ampql_result *result, struct ampql_stats *alone,
                                  struct ampql_stats *shared);

/* Annotations: "PromQL warning: ..." or "PromQL info: ...", and warnings of the source. An empty
 * view past the last. see  promql/annotations */
AMPQL_API size_t ampql_result_annotation_count(const struct ampql_result *result);
AMPQL_API struct ampql_string ampql_result_annotation(const struct ampql_result *result, size_t i,
                                                      bool *is_info);

/* The HTTP API's body, `{"status":"success","data":{...}}`, without a final line feed.
 *   AMPQL_OUTPUT: write said so; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_result_json(const struct ampql_result *result, ampql_write write,
                                            void *payload);

/* A vector or matrix as OpenMetrics text, which `promtool tsdb create-blocks-from openmetrics`
 * makes blocks of: metrics of unknown type, the series of one after the other, times in seconds.
 * Nothing is written when it cannot all be. err  AMPQL_UNSUPPORTED: a scalar or string; a series
 * without a metric name, or with a NUL byte or invalid UTF-8 in a label; AMPQL_OUTPUT: write said
 * so; AMPQL_LIMIT: labels over 64 MiB; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_result_openmetrics(const struct ampql_result *result,
                                                   ampql_write write, void *payload,
                                                   struct ampql_error *err);

/* NULL is fine. */
AMPQL_API void ampql_result_free(struct ampql_result *result);

/* ---- cancelling */

/* A flag that any thread, or a signal handler, may set; runs that were given it end with
 * AMPQL_CANCELED soon, and those that are given it later at once. It stays set. Free it after the
 * runs; NULL is fine.
 *   err  AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_cancel_new(struct ampql_engine *engine, struct ampql_cancel **out,
                                           struct ampql_error *err);
AMPQL_API void ampql_cancel_set(struct ampql_cancel *cancel);
AMPQL_API void ampql_cancel_free(struct ampql_cancel *cancel);

/* ---- the language's tables */

/* Function or aggregation i of the language, in order of name; false past the last. Strings are
 * static; any thread. */
struct ampql_function {
    const char *name;
    char signature[160]; /* "rate(range vector) instant vector" */
    const char *help;
    bool is_experimental;
    bool is_aggregation;
};
AMPQL_API bool ampql_function_at(size_t i, struct ampql_function *out);

#ifdef __cplusplus
}
#endif
#endif
