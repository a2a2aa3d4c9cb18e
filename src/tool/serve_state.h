/* What the files of `ampql serve` share.
 *
 *   serve.c         connections, and the whole from start to end
 *   serve_job.c     requests: read, queued, computed
 *   serve_answer.c  answers: packed, counted, logged, sent
 *   serve_queue.c   whose turn it is */
#ifndef AMPQL_SRC_TOOL_SERVE_STATE_H
#define AMPQL_SRC_TOOL_SERVE_STATE_H

#include "tool/serve.h"
#include "tool/serve_library.h"
#include "tool/serve_metrics.h"
#include "tool/serve_queue.h"

#include <pthread.h>
#include <stdatomic.h>

/* A request: made when its first line has come, read, perhaps queued (its connection suspended),
 * answered, and freed when the answer is out or the connection gone. */
struct job {
    struct serve_waiting waiting; /* first: in the queue */
    struct server *server;
    struct MHD_Connection *connection;
    struct arena arena;
    struct str target; /* in the arena */
    struct buf body;   /* of the request */
    struct serve_request request;
    struct serve_answer answer;
    struct ampql_cancel *cancel;
    struct job *next, **at;     /* of those that run, or that still come */
    int64_t began_ms, until_ms; /* monotonic; its timeout, INT64_MAX: none */
    size_t token;               /* which one it bears */
    int fd;
    const char *method;
    bool has_begun, is_whole, is_too_long, is_answered, is_counted;
    atomic_bool is_gone;
};

struct server {
    const struct serve_options *options;
    struct serve_library mhd;
    struct MHD_Daemon *daemon;
    pthread_mutex_t mutex; /* what is below */
    pthread_cond_t work;   /* somebody waits, or is_stopping */
    struct serve_queue queue;
    struct job *running;
    struct serve_metrics metrics;
    size_t nopen;  /* jobs that were begun and are not yet freed */
    size_t nwhole; /* of these, whose requests have come to their end */
    size_t nstarted;
    atomic_bool is_draining; /* connections are told to close */
    bool is_stopping;        /* workers end */
};

/* ---- serve_answer.c */

/* A header of the request; empty: it has none. */
struct str job_header(struct job *job, const char *name);

/* Answer with an error. */
void job_refuse(struct job *job, int status, enum ampql_code code, const char *message);

/* /metrics, /-/ready, /-/healthy */
void job_answer_self(struct job *job);

/* Count and log the answer, once; also one that nobody waits for any more. */
void job_account(struct job *job);

/* Send job->answer, once. */
enum MHD_Result job_send(struct job *job);

/* ---- serve_job.c */

/* A worker, until is_stopping; payload is the server. */
void *job_work(void *payload);

/* Who has hung up while waiting, or whose time is over, need wait no longer. The mutex is held. */
void job_look_at_queue(struct server *s, bool cancels);

/* What libmicrohttpd calls: see MHD_AccessHandlerCallback, MHD_OPTION_URI_LOG_CALLBACK and
 * MHD_OPTION_NOTIFY_COMPLETED. payload is the server. */
enum MHD_Result job_on_request(void *payload, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *size, void **place);
void *job_on_target(void *payload, const char *target, struct MHD_Connection *connection);
void job_on_end(void *payload, struct MHD_Connection *connection, void **place,
                enum MHD_RequestTerminationCode why);

#endif
