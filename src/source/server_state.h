/* What the files of the server source share.
 *
 *   server.c         the source: opening, its functions
 *   server_job.c     jobs: selects that are being answered, as parts
 *   server_names.c   selects whose answers have lost their metric names
 *   server_part.c    one part: asking, reading, and what to do when it fails
 *   server_decode.c  an answer's body into packed columns
 *   server_call.c    small documents, probes
 *   server_list.c    values of a label, series
 *   server_progress.c  how far it has come
 *   server_http.c    the transport over libcurl */
#ifndef AMPQL_SRC_SOURCE_SERVER_STATE_H
#define AMPQL_SRC_SOURCE_SERVER_STATE_H

#include "source/hold.h"
#include "source/server.h"
#include "source/wire.h"

enum {
    SERVER_MAX_PARTS = 200000,  /* of one select */
    SERVER_MAX_CUTS = 64,       /* one after the other, without an answer in between */
    SERVER_MAX_REGEX = 8 << 10, /* bytes of the values that one label cut names */
    SERVER_MAX_NAMES = 1000     /* that one select is asked by */
};

/* One try after another at one request, whatever it is for. */
struct attempt {
    unsigned nretries;
    int64_t waited_ms;
    bool was_refreshed, was_skewed, was_broken; /* each helps once */
};

enum part_state { PART_WAITING, PART_FLYING, PART_DONE };

struct part {
    struct wire_part wire;
    enum part_state state;
    struct attempt attempt;
    int64_t due_ms;    /* WAITING: not before, by the monotonic clock */
    void *transfer;    /* FLYING */
    struct hold *hold; /* DONE */
    struct part *next; /* in time */
};

/* A select that is being answered. */
struct job {
    struct ampql_select select; /* in the arena, as all of it */
    struct arena arena;
    struct {
        ARRAY(const struct wire_cut *);
    } cuts; /* each window is asked for by each of them; none: it is asked for once */
    struct part *first, *last; /* those that are not yet in hold */
    size_t nparts;             /* made so far */
    int64_t at;                /* where the next part begins */
    int64_t chunk_ms;          /* how long parts are; 0: as long as can be */
    int64_t most_ms;           /* what proved too long is halved; 0: nothing did */
    unsigned ncuts;            /* since the last part that was answered */
    bool knows_rate;           /* an answer has shown how many samples there are */
    struct hold *hold;         /* what the parts at the front have left; NULL: none yet */
    struct {
        ARRAY(struct str);
    } warnings;
    struct ampql_source_stats cost; /* that has not been told */
    uint64_t uses;                  /* how often it will be selected */
    struct job *next;
};

struct server {
    struct ampql_allocator alc;
    struct arena arena;
    struct str base_url, origin; /* origin: "https://host:port", for messages */
    struct server_options options;
    struct transport transport;
    struct wire_server wire;
    bool knows_floors, knows_lookback; /* they have been probed, or said */
    struct job *jobs;                  /* in the order in which they will be selected */
    size_t nflying;
    int64_t not_before_ms;   /* after a 429 nothing is started before, monotonic */
    int64_t clock_offset_ms; /* the server's clock less ours */
    uint64_t billed_before;  /* what the run began with */
    http_poll *poll;         /* of the run, or of who opens the source */
    void *poll_payload;
    struct ampql_source_stats stats;
    uint64_t windows_done, samples;              /* parts that were read, and what was in them */
    int64_t opened_ms, reported_ms, retry_at_ms; /* monotonic; the last: 0, or when a wait ends */
};

/* ---- server_call.c */

/* A URL of the API: base + path, in the arena; p is NULL when memory is out. */
struct str server_url(struct server *server, struct arena *arena, struct str path);

/* POST a form, or GET path?query when there is no form. */
struct server_ask {
    struct str path; /* "/api/v1/query" */
    struct str form; /* body; or with is_get the query */
    bool is_get;
};

/* Begin it; the URL and headers live in work. */
enum ampql_code server_start(struct server *server, const struct server_ask *ask,
                             struct arena *work, void **transfer, struct ampql_error *err);

/* Overwrite the secrets that a server may have repeated in its text; returns code. */
void server_redact(struct server *server, char *text, size_t n);
enum ampql_code server_failed(struct server *server, enum ampql_code code, struct ampql_error *err);

/* End a transfer and count what it brought. */
void server_end(struct server *server, void *transfer);

/* What to do after an attempt that failed: */
enum verdict_kind { VERDICT_AGAIN, VERDICT_SPLIT, VERDICT_SPLIT_LABELS, VERDICT_OVER };
struct verdict {
    enum verdict_kind kind;
    int64_t wait_ms;      /* AGAIN */
    enum ampql_code code; /* when nothing more is tried; the message is in err */
};

/* The transport failed with code, its message in err. */
void server_judge_transport(struct server *server, void *transfer, enum ampql_code code,
                            struct attempt *attempt, struct verdict *out, struct ampql_error *err);

/* The body of a 200 was read, with this code: what was wrong with it gets the answer's place in the
 * server's logs. Returns code. */
enum ampql_code server_refuse_body(struct server *server, void *transfer, enum ampql_code code,
                                   struct ampql_error *err);

/* The server answered with a status that is not 200. Fills err in any case.
 *   returns  AMPQL_OK with *out; else what reading its body, or renewing credentials said */
enum ampql_code server_judge_answer(struct server *server, void *transfer, int status,
                                    struct attempt *attempt, struct verdict *out,
                                    struct ampql_error *err);

/* Reads the body of a 200 to its end, from the beginning again when an attempt before it broke
 * off. */
typedef enum ampql_code server_consume(void *payload, struct server *server, void *transfer,
                                       struct ampql_error *err);

/* A document: asks until it has been read or nothing more is to be tried.
 *   refused  NULL, or set to the status when the server refused the request for good (a 4xx): the
 *            call then returns AMPQL_OK, and nothing has been read */
enum ampql_code server_call(struct server *server, const struct server_ask *ask,
                            server_consume *consume, void *payload, int *refused,
                            struct ampql_error *err);

/* Find out what a select needs to know of the server. */
enum ampql_code server_learn(struct server *server, const struct ampql_select *select,
                             struct ampql_error *err);
enum ampql_code server_probe_dialect(struct server *server, enum ampql_dialect *out,
                                     struct ampql_error *err);

/* The values of a label among the series of a part, sorted; at most max of them.
 *   name     empty: the names of all labels */
struct strs {
    ARRAY(struct str);
};
enum ampql_code server_values(struct server *server, const struct ampql_select *select,
                              const struct wire_part *part, struct str name, struct arena *arena,
                              struct strs *out, struct ampql_error *err);

/* Take the label sets of a select's series, as /api/v1/series has them; with labels NULL forget
 * those before, they come again. */
typedef enum ampql_code server_take_labels(void *payload, const struct ampql_label *labels,
                                           size_t nlabels, struct ampql_error *err);
enum ampql_code server_list(struct server *server, const struct ampql_select *select,
                            server_take_labels *take, void *payload, struct ampql_error *err);

/* ---- server_decode.c */

struct decoded {
    struct hold *hold; /* the caller's, when it succeeds */
    uint64_t billed_samples, samples;
    struct str warning; /* in the arena; empty: none */
    bool is_broken;     /* refused: no JSON, or cut short */
};

/* Read the body of a 200. Nothing is held when it fails.
 *   err  "ORIGIN: offset N: ..." of answers_stream; AMPQL_BAD_DATA also: another query's answer,
 *        times that were not asked for, series twice, times that do not ascend, two values at one
 *        time; the transport's */
enum ampql_code server_decode(struct server *server, const struct job *job, const struct part *part,
                              struct arena *arena, struct decoded *out, struct ampql_error *err);

/* ---- server_progress.c */

/* What the transport asks while it waits: reports progress, then asks the run. */
enum ampql_code server_poll(void *payload, struct ampql_error *err);

/* Report now. */
void server_report(struct server *server);

/* ---- server_names.c */

/* How many metric names the series of a select have that is asked name by name.
 *   err  as server_values */
enum ampql_code names_count(struct server *server, const struct ampql_select *select, size_t *out,
                            struct ampql_error *err);

/* Have the job asked name by name when its answers would not say the names.
 *   err  AMPQL_LIMIT: more than SERVER_MAX_NAMES; as server_values; AMPQL_NOMEM */
enum ampql_code names_cut(struct server *server, struct job *job, struct ampql_error *err);

/* ---- server_part.c */

/* Ask for a part that waits. */
enum ampql_code part_start(struct server *server, struct job *job, struct part *part,
                           struct ampql_error *err);

/* Read a part that is under way. AMPQL_OK: it is done, waits to be tried again, or has been cut. */
enum ampql_code part_read(struct server *server, struct job *job, struct part *part,
                          struct ampql_error *err);

/* Give up what a part holds. */
void part_drop(struct server *server, struct part *part);

/* ---- server_job.c */

/* The job of a select, new or known. err AMPQL_NOMEM, and of wire_check, server_learn */
enum ampql_code job_find_or_add(struct server *server, const struct ampql_select *select,
                                struct job **out, struct ampql_error *err);

/* Fetch until everything is in job->hold. */
enum ampql_code job_finish(struct server *server, struct job *job, struct ampql_error *err);

/* Insert a part behind another. err AMPQL_NOMEM, AMPQL_LIMIT */
enum ampql_code job_add_part(struct job *job, struct part *behind, const struct wire_part *wire,
                             struct part **out, struct ampql_error *err);

/* Learn from an answer how long parts may be. */
void job_learn(struct server *server, struct job *job, const struct part *part,
               const struct decoded *decoded);

void job_free(struct server *server, struct job *job);

#endif
