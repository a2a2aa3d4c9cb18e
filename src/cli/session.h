/* What a command that evaluates has open: engine, sources, limits and the cancel flag. */
#ifndef AMPQL_SRC_CLI_SESSION_H
#define AMPQL_SRC_CLI_SESSION_H

#include <ampql/query.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/server.h"

/* ---- flags that several commands share, as rows for their tables */

struct source_flags {
    struct option_list sources;
    int as;          /* 1: raw */
    int on_conflict; /* 1: error, 2: last */
    struct option_ms stale_after;
    bool skip_histograms, allow_partial;
    const char *record; /* a capture to write of what is read */
    bool appends;       /*    or to bring up to date */
    int64_t now_ms;     /*    as of now; 0: the clock says */
    struct server_flags server;
};

struct run_flags {
    int dialect; /* enum below, or 0 */
    struct option_ms lookback, timeout;
    uint64_t max_samples, max_series, max_subquery_points, max_depth, threads;
    uint64_t max_bytes, max_labels, max_label_bytes;
    struct option_list enable; /* features by name; session_features reads them */
    bool experimental, delayed_name_removal, stats;
    int error_format;
};

enum { DIALECT_AUTO = 1, DIALECT_PROM3, DIALECT_PROM2 };

struct time_flags {
    struct option_ms time, start, end, step, now;
    uint64_t max_points;
};

/* clang-format off */
#define FILE_OPTIONS(type, member) \
    {"as", 0, OPTION_ENUM, offsetof(type, member.as), "raw", \
     "a saved range answer without selects.json holds raw samples"}, \
    {"on-conflict", 0, OPTION_ENUM, offsetof(type, member.on_conflict), "error|last", \
     "samples of one series and time with different values"}, \
    {"stale-after", 0, OPTION_DURATION, offsetof(type, member.stale_after), "DURATION", \
     "text formats: a series silent for so long has ended"}, \
    {"skip-histograms", 0, OPTION_BOOL, offsetof(type, member.skip_histograms), NULL, \
     "leave native histograms out instead of refusing them"}

#define SOURCE_OPTIONS(type, member) \
    {"source", 's', OPTION_LIST, offsetof(type, member.sources), "SOURCE", \
     "file, folder, - for standard input, http(s)://... or amp:WORKSPACE@REGION; may be repeated"}, \
    FILE_OPTIONS(type, member), \
    {"allow-partial", 0, OPTION_BOOL, offsetof(type, member.allow_partial), NULL, \
     "captures and folders: leave out what they do not hold, with a warning"}, \
    SERVER_OPTIONS(type, member.server)

#define RECORD_OPTION(type, member) \
    {"record", 0, OPTION_STRING, offsetof(type, member.record), "FILE.aqc", \
     "keep what is read in a capture, which answers the same again with no network"}

/* How much a run may take, and what it tells. */
#define LIMIT_OPTIONS(type, member) \
    {"dialect", 0, OPTION_ENUM, offsetof(type, member.dialect), "auto|prom3|prom2", \
     "which Prometheus to equal; auto: what the source says, else prom3"}, \
    {"timeout", 0, OPTION_DURATION, offsetof(type, member.timeout), "DURATION", \
     "give up after so long"}, \
    {"max-samples", 0, OPTION_INTEGER, offsetof(type, member.max_samples), "N", \
     "samples and values held at once; 50 million when not given"}, \
    {"max-series", 0, OPTION_INTEGER, offsetof(type, member.max_series), "N", \
     "series that a selector reads, or an operation gathers; 2 million when not given"}, \
    {"max-bytes", 0, OPTION_SIZE, offsetof(type, member.max_bytes), "SIZE", \
     "memory that a run may hold, without its sources; 1GiB when not given"}, \
    {"max-labels", 0, OPTION_INTEGER, offsetof(type, member.max_labels), "N", \
     "of a series that is read; 128 when not given"}, \
    {"max-label-bytes", 0, OPTION_SIZE, offsetof(type, member.max_label_bytes), "SIZE", \
     "of a label value that is read; 64KiB when not given"}, \
    {"stats", 0, OPTION_BOOL, offsetof(type, member.stats), NULL, \
     "say on standard error what was read, and what servers billed for each part"}, \
    REPORT_OPTIONS(type, member.error_format)

/* What is an expression. */
#define LANGUAGE_OPTIONS(type, member) \
    {"enable", 0, OPTION_LIST, offsetof(type, member.enable), "FEATURE", \
     "experimental, delayed-name-removal; may be repeated"}, \
    {"experimental", 0, OPTION_BOOL, offsetof(type, member.experimental), NULL, \
     "accept experimental functions, as --enable experimental"}, \
    {"max-depth", 0, OPTION_INTEGER, offsetof(type, member.max_depth), "N", \
     "nesting of an expression, where a sum of any length is one level; 256 when not given, at " \
     "most 2048"}

/* All of it, for commands that take expressions. */
#define RUN_OPTIONS(type, member) \
    {"lookback-delta", 0, OPTION_DURATION, offsetof(type, member.lookback), "DURATION", \
     "how far an instant selector looks back; 5m when not given"}, \
    {"max-subquery-points", 0, OPTION_INTEGER, offsetof(type, member.max_subquery_points), "N", \
     "evaluation points of all subqueries together; 4194304 when not given"}, \
    LANGUAGE_OPTIONS(type, member), \
    {"delayed-name-removal", 0, OPTION_BOOL, offsetof(type, member.delayed_name_removal), NULL, \
     "metric names go at the end, as --enable delayed-name-removal"}, \
    LIMIT_OPTIONS(type, member)

#define THREADS_OPTION(type, member) \
    {"threads", 0, OPTION_INTEGER, offsetof(type, member.threads), "N", \
     "read and compute by so many threads, where the source is a capture or a file; the answer is " \
     "the same"}

#define TIME_OPTIONS(type, member) \
    {"time", 't', OPTION_TIME, offsetof(type, member.time), "TIME", \
     "evaluate once, at this time: RFC 3339, Unix seconds, now, now-1h; now when not given"}, \
    {"start", 0, OPTION_TIME, offsetof(type, member.start), "TIME", "evaluate from here,"}, \
    {"end", 0, OPTION_TIME, offsetof(type, member.end), "TIME", \
     "   to here (now when not given),"}, \
    {"step", 0, OPTION_DURATION, offsetof(type, member.step), "DURATION", \
     "   every so often: 5m, or seconds"}, \
    {"max-points", 0, OPTION_INTEGER, offsetof(type, member.max_points), "N", \
     "steps of a range query; 11001 when not given"}, \
    {"now", 0, OPTION_TIME, offsetof(type, member.now), "TIME", "what now means"}
/* clang-format on */

/* ---- a session */

struct session {
    struct ampql_engine *engine; /* compiles: in the dialect, once sources are open */
    struct ampql_engine *first;  /* made the sources, when that is another one; NULL */
    struct ampql_engine_options engine_options;
    struct ampql_source *source;
    struct ampql_cancel *cancel;      /* set by SIGINT once the sources are open */
    struct ampql_run_options options; /* dialect, limits and cancel are set; times are not */
    struct ampql_rules *rules;        /* of --rules or the command's file; NULL */
    const char *rules_file;
    struct str rules_text;
    struct source_flags source_flags;
    struct progress progress; /* of servers; the session must not move while it is open */
    const char *record;       /* the capture that is written; NULL: none */
    bool has_source;          /* false: the source only says that there is none */
    bool source_says_prom2;   /* and nobody asked for a dialect */
};

/* Compile a text, and drop what comes out. */
typedef enum ampql_code session_trial(struct ampql_engine *engine, struct str text,
                                      struct ampql_error *err);
enum ampql_code session_try_query(struct ampql_engine *engine, struct str text,
                                  struct ampql_error *err);
enum ampql_code session_try_selector(struct ampql_engine *engine, struct str text,
                                     struct ampql_error *err);
enum ampql_code session_try_rules(struct ampql_engine *engine, struct str text,
                                  struct ampql_error *err);

/* The features that --enable names, each also a list with commas; anything unknown is a usage
 * error. Those not named keep their value. */
enum exit_status session_features(struct cli *cli, struct option_list enable, bool *experimental,
                                  bool *delayed_name_removal);

/* Engine and cancel flag only; session_source opens the sources later. Failures are reported, and
 * the status is not STATUS_OK; close the session then too. */
enum exit_status session_open(struct cli *cli, const struct run_flags *flags,
                              struct session *session);

/* Before the sources are opened, whose dialect may be the one to compile in: is the text wrong in
 * every dialect that it could be? Then that is reported, in prom3's words where none was asked for.
 * A mistake in the text is told before a file is missed or a server is asked. */
enum exit_status session_try(struct cli *cli, const struct run_flags *flags,
                             const struct session *session, session_trial *compile, struct str text,
                             struct report report);

/* Open and merge the sources, and settle the dialect: what was asked for, else what the data says,
 * else prom3. Both at once and different is a warning. */
enum exit_status session_source(struct cli *cli, const struct source_flags *sources,
                                const struct run_flags *flags, struct session *session);

/* --time, or --start, --end, --step, into the run's options. */
enum exit_status session_times(struct cli *cli, const struct time_flags *flags,
                               struct session *session);

/* --time, or --start and --end, of what has steps of its own. */
enum exit_status session_span(struct cli *cli, const struct time_flags *flags,
                              struct session *session);

/* Report a failure to compile or run. */
enum exit_status session_error(struct cli *cli, const struct session *session,
                               const struct ampql_error *err, struct report report);

void session_close(struct session *session);

/* End what is recorded, and close. A run that went well leaves a finished capture; else what it
 * has read stays in the part file, for the next run.
 *   returns  status, or why the capture could not be written */
enum exit_status session_finish(struct cli *cli, struct session *session, enum exit_status status);

#endif
