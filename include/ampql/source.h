/* Where series come from: memory, files, or storage of your own.
 *
 * A source pushes series into a sink and speaks strings. Evaluation never calls it: the engine
 * collects what the queries of a run select, asks the source once for each distinct select, and
 * evaluates.
 *
 * Threads: a source is used by one run at a time, on the run's thread; several sources of one
 * engine by several threads at once. */
#ifndef AMPQL_SOURCE_H
#define AMPQL_SOURCE_H

#include <ampql/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ampql_engine;
struct ampql_source;
struct ampql_sink;

/* What a source can truthfully say. */
enum ampql_source_caps {
    /* It holds samples with stale markers (NaN of bits 0x7FF0000000000002 where a series ends): the
     * engine applies lookback itself and sends RAW selects only. */
    AMPQL_SOURCE_SAMPLES = 1,
    /* It holds what a server answered: RAW answers have no markers, so instant selectors are asked
       as GRID. */
    AMPQL_SOURCE_ANSWERS = 2,
    /* With SAMPLES: the samples come from a format without markers, so a series' end is unknown;
     * instant selectors over it carry a warning. */
    AMPQL_SOURCE_ENDLESS = 4,
    /* Series arrive in label order (pairwise name then value, bytewise, a prefix first): the engine
       need not hold them. Its promise is checked. */
    AMPQL_SOURCE_SORTED = 8,
    /* Several runs may read it at once: the engine then calls select, series, prepare and stats
     * from several threads, if options ask for threads. What a select pushes depends on the select
     * alone.
     */
    AMPQL_SOURCE_PARALLEL = 16
};

enum ampql_match_op {
    AMPQL_MATCH_EQUAL,
    AMPQL_MATCH_NOT_EQUAL,
    AMPQL_MATCH_REGEX,
    AMPQL_MATCH_NOT_REGEX
};

/* One label matcher; an absent label is an empty string; regexes (RE2) are anchored at both ends.
 */
struct ampql_matcher {
    struct ampql_string name;
    enum ampql_match_op op;
    struct ampql_string value;
};

enum ampql_select_kind {
    AMPQL_SELECT_RAW,  /* the samples with mint_ms < t <= maxt_ms */
    AMPQL_SELECT_GRID, /* the bare selector's value at each grid time, lookback and staleness
                          applied */
    AMPQL_SELECT_GRID_TIMESTAMP /* timestamp(selector) at each grid time, in seconds */
};

/* What the engine asks of a source. Views, valid during the call. */
struct ampql_select {
    size_t size; /* of this struct */
    enum ampql_select_kind kind;
    const struct ampql_matcher *matchers; /* [nmatchers], ANDed */
    size_t nmatchers;
    int64_t mint_ms, maxt_ms; /* RAW: (mint_ms, maxt_ms] */
    int64_t start_ms, end_ms,
        step_ms;         /* GRID: start, start + step, ... end; one step when start equals end */
    int64_t lookback_ms; /* GRID: how far an instant selector looks back */
    enum ampql_dialect dialect; /* GRID and regexes */
    /* Whoever looks at much that does not match asks this now and then, as a push would be asked:
     * anything but AMPQL_OK (err is filled in) says to stop and return it. May be NULL. */
    enum ampql_code (*poll)(void *payload, struct ampql_error *err);
    void *poll_payload;
};

/* A run that begins, or ends. */
struct ampql_prepare {
    size_t size; /* of this struct */
    /* What it will select, in this order (what it selects twice is there twice), views valid during
     * the call. */
    const struct ampql_select *selects; /* [nselects] */
    size_t nselects;
    /* Whoever waits for something asks this now and then: AMPQL_CANCELED or AMPQL_TIMEOUT (err is
     * filled in) say to stop and return the code. NULL: the run is over, what was begun for it may
     * be dropped. */
    enum ampql_code (*poll)(void *payload, struct ampql_error *err);
    void *poll_payload;
};

/* What a source has cost, all runs together. */
struct ampql_source_stats {
    size_t size;       /* of this struct */
    uint64_t requests; /* sent, retries among them */
    uint64_t retries;
    uint64_t bytes;          /* of answers, as received */
    uint64_t billed_samples; /* that the server counted: its totalQueryableSamples */
    uint64_t held_bytes; /* at most: samples that waited for the other parts of an answer, packed */
    uint64_t held_samples; /* at that time */
};

/* A source of your own. */
struct ampql_source_ops {
    size_t size;   /* of this struct */
    uint32_t caps; /* enum ampql_source_caps: SAMPLES or ANSWERS, and flags */

    /* Push every series that matches into the sink, each once and whole, samples strictly ascending
     * in time. Called on the thread of the run, which is the caller's, unless caps say PARALLEL.
     * Series that do not match, and samples outside the
     * window, may be pushed too: the engine sifts again. When a push returns anything but AMPQL_OK,
     * stop and return that code. Fill err for failures of your own. */
    enum ampql_code (*select)(void *payload, const struct ampql_select *select,
                              struct ampql_sink *sink, struct ampql_error *err);

    /* Push the label sets of all matching series, without samples: for `ampql series` and the
     * series API. May be NULL: then a RAW select is used. mint_ms < t <= maxt_ms as above. */
    enum ampql_code (*series)(void *payload, const struct ampql_select *select,
                              struct ampql_sink *sink, struct ampql_error *err);

    /* Release payload; called once by ampql_source_free. May be NULL. */
    void (*close)(void *payload);

    /* Hear what a run will ask before its first select, so that requests can be on their way while
     * others are read. A failure fails the run. May be NULL. */
    enum ampql_code (*prepare)(void *payload, const struct ampql_prepare *prepare,
                               struct ampql_error *err);

    /* What it has cost since it was opened. May be NULL: nothing. */
    void (*stats)(void *payload, struct ampql_source_stats *out);
};

/* Wrap ops (copied) and payload as a source. On failure payload stays the caller's.
 *   err  AMPQL_BAD_DATA: no select function, or caps say neither SAMPLES nor ANSWERS, or both;
 * AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_source_new(struct ampql_engine *engine,
                                           const struct ampql_source_ops *ops, void *payload,
                                           struct ampql_source **out, struct ampql_error *err);

/* NULL is fine. Not while a run uses it. */
AMPQL_API void ampql_source_free(struct ampql_source *source);

/* Inside `select`: push one whole series. labels [nlabels] in any order, empty values dropped; t_ms
 * [n] strictly ascending Unix ms; v [n]. All are views that are used up before the call returns.
 *   AMPQL_BAD_DATA: a label name twice, times not ascending; AMPQL_CANCELED, AMPQL_TIMEOUT,
 * AMPQL_LIMIT, AMPQL_NOMEM: stop and return the code (the engine knows the message) */
AMPQL_API enum ampql_code ampql_sink_push(struct ampql_sink *sink, const struct ampql_label *labels,
                                          size_t nlabels, const int64_t *t_ms, const double *v,
                                          size_t n);

/* The same in pieces: open a series, add samples piece by piece; the next ampql_sink_series or the
 * end of `select` ends it. Same codes. */
AMPQL_API enum ampql_code ampql_sink_series(struct ampql_sink *sink,
                                            const struct ampql_label *labels, size_t nlabels);
AMPQL_API enum ampql_code ampql_sink_samples(struct ampql_sink *sink, const int64_t *t_ms,
                                             const double *v, size_t n);

/* Inside `select`: say what this select has cost, for reports by query; what is said several times
 * adds up, and it counts also when the select fails. Of the members requests, retries, bytes and
 * billed_samples. */
AMPQL_API void ampql_sink_cost(struct ampql_sink *sink, const struct ampql_source_stats *cost);

/* ---- series in memory */

struct ampql_memory_options {
    size_t size; /* of this struct */
    bool borrow; /* t_ms and v stay where the caller has them until the source is freed; otherwise
                    copied */
    bool has_no_markers; /* the samples come without stale markers: AMPQL_SOURCE_ENDLESS */
};

/* An empty SAMPLES source; fill it with ampql_source_add, not while a run uses it. options may be
 * NULL.
 *   err  AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_source_memory(struct ampql_engine *engine,
                                              const struct ampql_memory_options *options,
                                              struct ampql_source **out, struct ampql_error *err);

/* Add a series to a memory source, in any order. labels are copied; a stale marker (or
 * ampql_stale_marker()) in v ends the series there. n may be 0. err  AMPQL_BAD_DATA: a label name
 * empty or twice, times not strictly ascending, or the label set was added before;
 *        AMPQL_UNSUPPORTED: not a memory source; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_source_add(struct ampql_source *source,
                                           const struct ampql_label *labels, size_t nlabels,
                                           const int64_t *t_ms, const double *v, size_t n,
                                           struct ampql_error *err);

/* The value that ends a series, to be stored as it is: arithmetic would change its bits. */
AMPQL_API double ampql_stale_marker(void);

/* ---- files */

struct ampql_file_options {
    size_t size;          /* of this struct */
    bool as_raw;          /* a range answer without an entry in selects.json is RAW samples */
    bool last_wins;       /* of samples with equal time and different values the one read last wins;
                             otherwise an error */
    bool skip_histograms; /* leave native histogram samples out; otherwise they are an error that
                             names them */
    int64_t stale_after_ms; /* formats without markers: a series silent this long has ended; 0:
                               unknown */
    uint64_t max_bytes;     /* of one decompressed file; 0: 4 GiB */
    bool allow_partial;     /* folders and captures: what a query needs and they do not hold is left
                               out with a warning; otherwise it is an error */
};

/* Open a file and read it whole, or a folder, whose files are read when a query first needs them:
 *   a folder with selects.json     saved API answers, ANSWERS
 *   *.json [.gz]                   one saved API answer: a vector, or a matrix with as_raw
 *   *.om *.prom *.txt [.gz]        OpenMetrics or Prometheus text with timestamps, SAMPLES |
 * ENDLESS
 *   *.dump [.gz]                   `promtool tsdb dump` lines, SAMPLES | ENDLESS
 *   a Prometheus data folder, or a block of one
 *                                  SAMPLES, read as selects need them; not the WAL: a select that
 *                                  reaches past the last block carries a warning
 *   *.csv [.gz]                    metric,labels,timestamp,value, SAMPLES; ENDLESS when no value is
 *                                  `stale`
 *   "-"                            standard input, recognised by its first bytes
 * Other names are recognised by their first bytes too. options may be NULL.
 *   err  AMPQL_NOT_FOUND, AMPQL_UNAVAILABLE (reading failed), AMPQL_BAD_DATA "FILE:LINE: ..." or
 * "FILE: offset N: ...", AMPQL_UNSUPPORTED (native histograms), AMPQL_LIMIT, AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_source_file(struct ampql_engine *engine, const char *path,
                                            const struct ampql_file_options *options,
                                            struct ampql_source **out, struct ampql_error *err);

/* ---- servers */

struct ampql_cancel;

/* One header of a request. Values are treated as secrets: never shown, wiped after use. */
struct ampql_http_header {
    struct ampql_string name, value;
};

/* How far reading from a server has come, for a bar. Counts are those of the source since it was
 * opened. */
struct ampql_progress {
    size_t size;                    /* of this struct */
    uint64_t windows_done, windows; /* parts of answers: read, and planned so far (grows) */
    uint64_t samples, bytes;        /* decoded, and received */
    uint64_t requests, retries;     /* sent, and how many of them were sent again */
    uint64_t billed_samples;        /* as the server counts what it bills */
    int64_t elapsed_ms, waiting_ms; /* since opening; until the next retry, 0: not waiting */
};

/* Called on the thread of the run, at most about ten times a second and at the end of a run. */
typedef void (*ampql_progress_report)(void *payload, const struct ampql_progress *progress);

enum ampql_http_compress {
    AMPQL_COMPRESS_AUTO, /* gzip and zstd are offered, unless the host is the loopback */
    AMPQL_COMPRESS_ON,
    AMPQL_COMPRESS_OFF
};

/* Zero means the default. Everything is copied. At most one of basic, bearer and AWS
 * authentication. */
struct ampql_http_options {
    size_t size; /* of this struct */

    /* who asks */
    const struct ampql_http_header *headers; /* [nheaders] added to every request */
    size_t nheaders;
    const char *username, *password; /* basic */
    const char *password_file;       /* instead; read again for every request, as token files */
    const char *bearer_token;        /* "Authorization: Bearer ..." */
    const char *bearer_token_file;   /* instead */
    const char *config_file;         /* what promtool takes as --http.config.file: see
                                        src/source/http_config.h. What is set here as well
                                        is an error, except TLS files, which win */
    /* AWS */
    bool sign;            /* SigV4; ampql_source_amp always does */
    const char *region;   /* of the signature; NULL: of the environment, or the profile */
    const char *service;  /* NULL: "aps" */
    const char *profile;  /* of the AWS configuration files */
    const char *role_arn; /* a role to assume on top, for workspaces of other accounts */
    const char *external_id, *session_name; /* of that role */
    const char *endpoint;                   /* ampql_source_amp: base URL instead of the region's */
    bool insecure_http; /* send signed requests, passwords, tokens and headers such as
                           Authorization over http:// beyond loopback */

    /* the connection */
    const char *ca_file;              /* PEM; instead of the system's authorities */
    const char *cert_file, *key_file; /* client certificate; key_file NULL: in cert_file too */
    const char *server_name;          /* verify this name instead of the URL's host */
    const char *proxy_url;            /* instead of http_proxy, https_proxy, no_proxy */
    bool no_http2;
    enum ampql_http_compress compress;
    uint32_t concurrency;       /* requests under way at once; 0: 5 */
    int64_t connect_timeout_ms; /* 0: 10 s */
    int64_t request_timeout_ms; /* of one request until its whole answer is there; 0: 15 min */
    int64_t answer_timeout_ms;  /* until its first byte; 0: 150 s */
    int64_t stall_timeout_ms;   /* once it comes, under 1024 bytes in so long; 0: 30 s */
    uint64_t max_body_bytes;    /* of one answer, unpacked; 0: 1 GiB */

    /* what is asked */
    enum ampql_dialect dialect; /* of the server; DEFAULT: it is probed */
    int64_t chunk_ms;     /* one request spans at most this much time, and ends at a multiple of it;
                             0: what suits the data, by what the first answer holds */
    uint32_t max_retries; /* of one request; 0: 5; UINT32_MAX: none */
    uint64_t max_billed_samples; /* of one run: refused before when more is predicted, and sent to
                                    AMP as its threshold; 0: no limit */
    int64_t interval_ms;  /* between two samples of a series, for what is predicted; 0: 1 minute */
    bool skip_histograms; /* leave native histogram samples out; otherwise they are an error */

    /* while it is asked */
    struct ampql_cancel *cancel; /* looked at while opening; runs have their own */
    ampql_progress_report progress;
    void *progress_payload;
};

/* A Prometheus-compatible API at "http(s)://HOST[:PORT][/PREFIX]", to which /api/v1/query is
 * appended; ANSWERS. Asks the server for its dialect, unless options say it. options may be NULL.
 *   err  AMPQL_BAD_DATA: no such URL, options that contradict each other, a config file that cannot
 *        be read ("FILE:LINE:COLUMN: ..."); AMPQL_UNAUTHORIZED: no credentials, or refused ones;
 *        AMPQL_UNAVAILABLE, AMPQL_TIMEOUT, AMPQL_CANCELED; AMPQL_UNSUPPORTED: built with HTTP=0;
 *        AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_source_http(struct ampql_engine *engine, const char *url,
                                            const struct ampql_http_options *options,
                                            struct ampql_source **out, struct ampql_error *err);

/* A workspace of Amazon Managed Service for Prometheus: "ws-..." in a region such as "us-east-1".
 * Requests are signed. err  as ampql_source_http */
AMPQL_API enum ampql_code ampql_source_amp(struct ampql_engine *engine, const char *workspace,
                                           const char *region,
                                           const struct ampql_http_options *options,
                                           struct ampql_source **out, struct ampql_error *err);

/* Several sources as one, series merged: equal times with different bits are an error (last_wins:
 * the later source). Takes the sources over, also when it fails. err  AMPQL_UNSUPPORTED: SAMPLES
 * and ANSWERS do not mix; AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_source_merge(struct ampql_engine *engine,
                                             struct ampql_source **sources, size_t nsources,
                                             bool last_wins, struct ampql_source **out,
                                             struct ampql_error *err);

/* ---- answers kept for later runs */

/* Zero means the default; of times a negative one: none. */
struct ampql_cache_options {
    size_t size;        /* of this struct */
    uint64_t max_bytes; /* packed; 0: 256 MiB. What was not used for longest goes first. What runs
                           use at the time comes on top */
    int64_t fresh_ms;   /* an answer that reaches into the newest minutes is used again for so long,
                           and its older part on; 0: 5 s */
    int64_t settled_ms; /* what is older than this when it is asked for is the same for good; 0:
                           10 minutes */
    int64_t max_age_ms; /* and even that is asked for again after so long; 0: 1 hour */
};

struct ampql_cache_stats {
    size_t size;        /* of this struct */
    uint64_t hits;      /* selects, and lists of series, that were answered from it alone */
    uint64_t shared;    /*    that waited for what another run fetched */
    uint64_t misses;    /*    of which at least a part was fetched, or failed */
    uint64_t evictions; /* answers that had to go for others */
    uint64_t entries;   /* answers now, */
    uint64_t bytes;     /*    and what they take */
    uint64_t max_bytes;
};

/* A cache for sources that answer alike, such as one for each thread to the same server. It keeps
 * what they answer packed, and answers later selects of the same matchers from it, bit for bit,
 * also parts of them: only what is missing is asked for. When several runs miss the same, one asks
 * and the others wait for it. Freshness does not matter to files, whose answers never change.
 * options may be NULL. Any thread.
 *   err  AMPQL_NOMEM */
struct ampql_cache;
AMPQL_API enum ampql_code ampql_cache_new(struct ampql_engine *engine,
                                          const struct ampql_cache_options *options,
                                          struct ampql_cache **out, struct ampql_error *err);

/* NULL is fine. Sources over it keep it alive. */
AMPQL_API void ampql_cache_free(struct ampql_cache *cache);

AMPQL_API struct ampql_cache_stats ampql_cache_stats(struct ampql_cache *cache);

/* A source that answers as `inner` does, over a cache. Takes inner over, also when this fails. The
 * engine's allocator is the cache's.
 *   err  AMPQL_NOMEM */
AMPQL_API enum ampql_code ampql_source_cache(struct ampql_engine *engine,
                                             struct ampql_source *inner, struct ampql_cache *cache,
                                             struct ampql_source **out, struct ampql_error *err);

/* The dialect that the data says it was recorded with; AMPQL_DIALECT_DEFAULT when it does not say.
 */
AMPQL_API enum ampql_dialect ampql_source_dialect(const struct ampql_source *source);

/* What it has cost since it was opened. */
AMPQL_API struct ampql_source_stats ampql_source_stats(const struct ampql_source *source);

/* enum ampql_source_caps. */
AMPQL_API uint32_t ampql_source_caps(const struct ampql_source *source);

#ifdef __cplusplus
}
#endif
#endif
