/* Serving. A request is a job: made when its first line has come, read, perhaps queued (its
 * connection suspended), answered, and freed when the answer is out or the connection gone. What
 * several threads touch is guarded by one mutex. */
#include "tool/serve.h"

#if !AMPQL_HTTP

enum ampql_code serve_check_built(struct ampql_error *err)
{
    return fail(err, AMPQL_UNSUPPORTED, "this ampql was built without HTTP");
}

enum ampql_code serve_run(const struct serve_options *options, struct ampql_error *err)
{
    (void)options;
    return serve_check_built(err);
}

#else

#include "base/time.h"
#include "tool/serve_metrics.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

struct job {
    struct server *server;
    struct MHD_Connection *connection;
    struct arena arena;
    struct str target; /* in the arena */
    struct buf body;   /* of the request */
    struct serve_request request;
    struct serve_answer answer;
    struct ampql_cancel *cancel;
    struct job *next; /* in the queue, or of those that run */
    int64_t began_ms;
    int fd;
    const char *method;
    bool has_begun, is_whole, is_too_long, is_answered;
    atomic_bool is_gone;
};

struct server {
    const struct serve_options *options;
    struct MHD_Daemon *daemon;
    pthread_mutex_t mutex;
    pthread_cond_t work;       /* the queue has one, or is_stopping */
    struct job *first, **last; /* the queue */
    struct job *running;
    struct serve_metrics metrics;
    size_t nopen;  /* jobs that were begun and are not yet freed */
    size_t nwhole; /* of these, whose requests have come to their end */
    size_t nstarted;
    atomic_bool is_draining; /* connections are told to close */
    bool is_stopping;        /* workers end */
};

/* ---- answers */

static struct str header(struct job *job, const char *name)
{
    const char *value = MHD_lookup_connection_value(job->connection, MHD_HEADER_KIND, name);
    return value ? str_of(value) : STR("");
}

/* Pack the body; when that fails it stays as it is. */
static bool pack(struct buf *body)
{
    struct buf packed;
    z_stream z = {0};
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    buf_init(&packed, body->alc, body->max_bytes);
    size_t bound = deflateBound(&z, body->n);
    char *room = body->n < UINT32_MAX / 2 ? buf_room(&packed, bound) : NULL;
    bool ok = room != NULL;
    if (ok) {
        z.next_in = (Bytef *)body->p;
        z.avail_in = (uInt)body->n;
        z.next_out = (Bytef *)room;
        z.avail_out = (uInt)bound;
        ok = deflate(&z, Z_FINISH) == Z_STREAM_END;
        packed.n = z.total_out;
    }
    deflateEnd(&z);
    buf_done(ok ? body : &packed);
    if (ok)
        *body = packed;
    return ok;
}

static void log_answer(struct job *job, int64_t took_ms)
{
    const struct serve_options *o = job->server->options;
    char line[512], time[TIME_TEXT_MAX + 1];
    if (!o->log)
        return;
    time[time_format(time_now(), time)] = '\0';
    /* the route, never the target: queries and tokens are nobody's to keep */
    snprintf(line, sizeof line, "time=%s method=%.16s path=%s status=%d bytes=%zu ms=%lld%s", time,
             job->method, serve_route_path(job->request.route), job->answer.status,
             job->answer.body.n, (long long)took_ms, job->is_gone ? " client=gone" : "");
    o->log(o->log_payload, line);
}

static void account(struct job *job)
{
    struct server *s = job->server;
    int64_t took_ms = time_monotonic() - job->began_ms;
    pthread_mutex_lock(&s->mutex);
    serve_metrics_add(&s->metrics, job->request.route, took_ms, &job->answer);
    s->metrics.cancelled += job->is_gone;
    log_answer(job, took_ms);
    pthread_mutex_unlock(&s->mutex);
}

static enum MHD_Result send_answer(struct job *job)
{
    struct serve_answer *answer = &job->answer;
    bool is_packed = answer->body.n > 1024 && serve_takes_gzip(header(job, "Accept-Encoding")) &&
                     pack(&answer->body);
    account(job);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.n, answer->body.p ? answer->body.p : (void *)"", MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", answer->type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Vary", "Accept-Encoding");
    if (is_packed)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    if (answer->status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (answer->status == 503)
        MHD_add_response_header(response, "Retry-After", "1");
    if (job->server->is_draining || job->is_too_long)
        MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result result =
        MHD_queue_response(job->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response); /* the body is the job's, which outlives it */
    return result;
}

static void refuse(struct job *job, int status, enum ampql_code code, const char *message)
{
    struct ampql_error err = {.code = code};
    snprintf(err.message, sizeof err.message, "%s", message);
    serve_api_fail(&job->answer, status, &err, "");
}

/* ---- workers */

static struct job *take_job(struct server *s)
{
    pthread_mutex_lock(&s->mutex);
    while (!s->first && !s->is_stopping)
        pthread_cond_wait(&s->work, &s->mutex);
    struct job *job = s->first;
    if (job) {
        s->first = job->next;
        if (!s->first)
            s->last = &s->first;
        job->next = s->running;
        s->running = job;
        s->metrics.queued--;
        s->metrics.running++;
    }
    pthread_mutex_unlock(&s->mutex);
    return job;
}

static void end_job(struct server *s, struct job *job)
{
    pthread_mutex_lock(&s->mutex);
    struct job **at = &s->running;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    s->metrics.running--;
    job->is_answered = true;
    pthread_mutex_unlock(&s->mutex);
    MHD_resume_connection(job->connection);
}

static void *work(void *payload)
{
    struct server *s = payload;
    pthread_mutex_lock(&s->mutex);
    struct ampql_source *source = s->options->sources[s->nstarted++];
    pthread_mutex_unlock(&s->mutex);
    for (struct job *job; (job = take_job(s)) != NULL;) {
        if (job->is_gone)
            refuse(job, 503, AMPQL_CANCELED, "the client hung up");
        else
            serve_api_answer(s->options->api, &job->request, source, job->cancel,
                             time_monotonic() - job->began_ms, &job->answer);
        end_job(s, job);
    }
    return NULL;
}

/* False: the queue is full. */
static bool queue(struct server *s, struct job *job)
{
    pthread_mutex_lock(&s->mutex);
    bool fits = !s->is_stopping && s->metrics.queued < s->options->max_queued;
    if (fits) {
        MHD_suspend_connection(job->connection); /* before a worker may resume it */
        job->next = NULL;
        *s->last = job;
        s->last = &job->next;
        s->metrics.queued++;
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->mutex);
    return fits;
}

/* ---- requests */

static bool check_access(struct job *job)
{
    const struct serve_options *o = job->server->options;
    bool is_probe = job->request.route == SERVE_HEALTHY || job->request.route == SERVE_READY;
    if (o->checks_host &&
        !serve_host_is_allowed(header(job, "Host"), o->host_names, o->nhost_names))
        refuse(job, 403, AMPQL_BAD_DATA, "the Host header names another host: see --host");
    else if (o->token.n && !is_probe && !serve_token_is(header(job, "Authorization"), o->token))
        refuse(job, 401, AMPQL_UNAUTHORIZED, "expected the header Authorization: Bearer TOKEN");
    else
        return true;
    return false;
}

static void answer_self(struct job *job)
{
    struct server *s = job->server;
    struct serve_answer *answer = &job->answer;
    answer->status = 200;
    answer->type = "text/plain; charset=utf-8";
    if (job->request.route == SERVE_METRICS) {
        answer->type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        struct ampql_cache *cache = s->options->cache;
        struct ampql_cache_stats stats;
        if (cache)
            stats = ampql_cache_stats(cache);
        pthread_mutex_lock(&s->mutex);
        serve_metrics_write(&s->metrics, cache ? &stats : NULL, &answer->body);
        pthread_mutex_unlock(&s->mutex);
    } else if (job->request.route == SERVE_READY && s->is_draining) {
        answer->status = 503;
        buf_text(&answer->body, "stopping\n");
    } else {
        buf_text(&answer->body, "ok\n");
    }
}

static enum MHD_Result begin_work(struct job *job)
{
    struct server *s = job->server;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(job->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    job->fd = info ? info->connect_fd : -1;
    if (ampql_cancel_new(s->options->api->engine, &job->cancel, NULL) != AMPQL_OK) {
        refuse(job, 500, AMPQL_NOMEM, "no memory for the request");
        return send_answer(job);
    }
    if (queue(s, job))
        return MHD_YES;
    refuse(job, 503, AMPQL_UNAVAILABLE, "too many requests wait already");
    return send_answer(job);
}

static enum MHD_Result start(struct job *job)
{
    struct ampql_error err = {0};
    struct serve_input input = {str_of(job->method), job->target, header(job, "Content-Type"),
                                buf_view(&job->body)};
    job->began_ms = time_monotonic();
    if (job->is_too_long) {
        refuse(job, 413, AMPQL_BAD_DATA, "the request is too long");
        return send_answer(job);
    }
    enum ampql_code code = serve_request_read(&input, &job->server->options->prefixes, &job->arena,
                                              &job->request, &err);
    if (!check_access(job))
        return send_answer(job);
    if (code != AMPQL_OK)
        serve_api_fail(&job->answer, code == AMPQL_NOMEM ? 0 : job->request.status, &err, "");
    else if (serve_route_is_work(job->request.route))
        return begin_work(job);
    else if (job->request.route >= SERVE_HEALTHY)
        answer_self(job);
    else
        serve_api_answer(job->server->options->api, &job->request, NULL, NULL, 0, &job->answer);
    return send_answer(job);
}

static enum MHD_Result on_request(void *payload, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **place)
{
    struct server *s = payload;
    struct job *job = *place;
    (void)url, (void)version;
    if (!job)
        return MHD_NO; /* no memory for it */
    if (!job->has_begun) {
        job->has_begun = true;
        job->connection = connection;
        job->method = method;
        return MHD_YES;
    }
    if (*size) {
        buf_bytes(&job->body, data, *size);
        job->is_too_long |= job->body.failed != AMPQL_OK;
        *size = 0;
        return MHD_YES;
    }
    pthread_mutex_lock(&s->mutex);
    bool is_answered = job->is_answered;
    s->nwhole += !job->is_whole;
    job->is_whole = true;
    pthread_mutex_unlock(&s->mutex);
    return is_answered ? send_answer(job) : start(job);
}

/* The request's first line has come: what is returned is the job of all calls that follow. */
static void *on_target(void *payload, const char *target, struct MHD_Connection *connection)
{
    struct server *s = payload;
    struct job *job = alloc_get(&alloc_default, 1, sizeof *job);
    (void)connection;
    if (!job)
        return NULL;
    *job = (struct job){.server = s, .request.route = SERVE_NOWHERE, .fd = -1};
    arena_init(&job->arena, &alloc_default);
    buf_init(&job->body, &alloc_default, s->options->max_request_bytes);
    buf_init(&job->answer.body, &alloc_default, s->options->api->max_answer_bytes);
    job->target = arena_copy(&job->arena, str_of(target));
    if (!job->target.p)
        job->target = STR("");
    pthread_mutex_lock(&s->mutex);
    s->nopen++;
    pthread_mutex_unlock(&s->mutex);
    return job;
}

static void on_end(void *payload, struct MHD_Connection *connection, void **place,
                   enum MHD_RequestTerminationCode why)
{
    struct server *s = payload;
    struct job *job = *place;
    (void)connection, (void)why;
    if (!job)
        return;
    bool was_whole = job->is_whole;
    ampql_cancel_free(job->cancel);
    buf_done(&job->answer.body);
    buf_done(&job->body);
    arena_done(&job->arena);
    alloc_put(&alloc_default, job, 1, sizeof *job);
    *place = NULL;
    pthread_mutex_lock(&s->mutex);
    s->nopen--;
    s->nwhole -= was_whole;
    pthread_mutex_unlock(&s->mutex);
}

static void on_connection(void *payload, struct MHD_Connection *connection, void **place,
                          enum MHD_ConnectionNotificationCode what)
{
    struct server *s = payload;
    (void)connection, (void)place;
    pthread_mutex_lock(&s->mutex);
    if (what == MHD_CONNECTION_NOTIFY_CLOSED)
        s->metrics.connections--;
    pthread_mutex_unlock(&s->mutex);
}

/* ---- connections */

/* A client that has closed its end waits for no answer. Suspended connections are not looked at by
 * libmicrohttpd, and stay open until they are resumed, so that fd is theirs. */
static void look_after(struct job *job, bool cancels)
{
    struct pollfd fd = {.fd = job->fd, .events = POLLRDHUP};
    if (job->fd >= 0 && poll(&fd, 1, 0) == 1)
        job->is_gone = true;
    if (job->is_gone || cancels)
        ampql_cancel_set(job->cancel);
}

static void look_after_all(struct server *s, bool cancels)
{
    pthread_mutex_lock(&s->mutex);
    for (struct job *job = s->running; job; job = job->next)
        look_after(job, cancels);
    for (struct job *job = s->first; job; job = job->next)
        look_after(job, cancels);
    pthread_mutex_unlock(&s->mutex);
}

static void refuse_connection(struct server *s, int fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 21\r\n"
                               "Retry-After: 1\r\nConnection: close\r\n\r\ntoo many connections\n";
    ssize_t n = send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)n; /* a client that does not even take this has no answer */
    shutdown(fd, SHUT_WR);
    close(fd);
    pthread_mutex_lock(&s->mutex);
    s->metrics.refused_connections++;
    pthread_mutex_unlock(&s->mutex);
}

/* Everybody who has connected. */
static void accept_all(struct server *s)
{
    for (;;) {
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        int fd = accept4(s->options->listener, (struct sockaddr *)&address, &size,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        pthread_mutex_lock(&s->mutex);
        bool fits = s->metrics.connections < s->options->max_connections;
        s->metrics.connections += fits;
        pthread_mutex_unlock(&s->mutex);
        if (!fits) {
            refuse_connection(s, fd);
        } else if (MHD_add_connection(s->daemon, fd, (struct sockaddr *)&address, size) !=
                   MHD_YES) {
            pthread_mutex_lock(&s->mutex); /* it is closed */
            s->metrics.connections--;
            pthread_mutex_unlock(&s->mutex);
        }
    }
}

static void listen_for(struct server *s, int ms)
{
    struct pollfd fd = {.fd = s->options->listener, .events = POLLIN};
    if (poll(&fd, 1, ms) == 1)
        accept_all(s);
}

/* ---- from start to end */

enum {
    TICK_MS = 50,
    QUIET_MS = 200,  /* as long as a request may be on the wire */
    HALF_MS = 2000,  /* the rest of a request is waited for, once it is stopped */
    CANCEL_MS = 2000 /* and answers that were cancelled */
};

static bool is_idle(struct server *s, bool waits_for_halves)
{
    pthread_mutex_lock(&s->mutex);
    bool idle = (waits_for_halves ? s->nopen : s->nwhole) == 0;
    pthread_mutex_unlock(&s->mutex);
    return idle;
}

/* Whoever has connected is still answered, and told to close; then nobody can connect. It ends when
 * nothing was under way for a while. */
static void drain(struct server *s)
{
    const struct serve_options *o = s->options;
    int64_t began_ms = time_monotonic(), quiet_ms = began_ms, cancelled_ms = 0;
    s->is_draining = true;
    accept_all(s);
    close(o->listener);
    for (int64_t now_ms; now_ms = time_monotonic(), now_ms - quiet_ms < QUIET_MS;) {
        if (!cancelled_ms && (o->stops() > 1 || now_ms - began_ms > o->stop_wait_ms))
            cancelled_ms = now_ms;
        look_after_all(s, cancelled_ms != 0);
        poll(NULL, 0, TICK_MS);
        if (!is_idle(s, now_ms - began_ms < HALF_MS))
            quiet_ms = time_monotonic();
        if (cancelled_ms && now_ms - cancelled_ms > CANCEL_MS)
            break; /* a client that does not read its answer */
    }
}

static void end_workers(struct server *s, pthread_t *threads, size_t n)
{
    pthread_mutex_lock(&s->mutex);
    s->is_stopping = true;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->mutex);
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

/* Whole seconds, of which 0 would be for ever. */
static unsigned idle_seconds(int64_t ms)
{
    int64_t seconds = ms / 1000 + (ms % 1000 > 0);
    return seconds < INT32_MAX ? (unsigned)seconds : INT32_MAX;
}

static struct MHD_Daemon *start_daemon(struct server *s)
{
    const struct serve_options *o = s->options;
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_USE_NO_LISTEN_SOCKET,
                            0, NULL, NULL, on_request, s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
                            MHD_OPTION_NOTIFY_COMPLETED, on_end, s, MHD_OPTION_NOTIFY_CONNECTION,
                            on_connection, s, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)o->max_connections + 16, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)128 << 10, MHD_OPTION_CONNECTION_TIMEOUT,
                            idle_seconds(o->idle_ms), MHD_OPTION_END);
}

enum ampql_code serve_check_built(struct ampql_error *err)
{
    (void)err;
    return AMPQL_OK;
}

enum ampql_code serve_run(const struct serve_options *options, struct ampql_error *err)
{
    enum { MAX_WORKERS = 256 };
    struct server s = {.options = options};
    pthread_t threads[MAX_WORKERS];
    size_t n = 0;
    assert(options->nworkers <= MAX_WORKERS);
    s.last = &s.first;
    pthread_mutex_init(&s.mutex, NULL);
    pthread_cond_init(&s.work, NULL);
    while (n < options->nworkers && pthread_create(&threads[n], NULL, work, &s) == 0)
        n++;
    s.daemon = n == options->nworkers ? start_daemon(&s) : NULL;
    if (s.daemon) {
        while (options->stops() == 0) {
            listen_for(&s, TICK_MS);
            look_after_all(&s, false);
        }
        drain(&s);
    } else {
        close(options->listener);
    }
    end_workers(&s, threads, n);
    if (s.daemon)
        MHD_stop_daemon(s.daemon);
    pthread_cond_destroy(&s.work);
    pthread_mutex_destroy(&s.mutex);
    return s.daemon ? AMPQL_OK
                    : fail(err, AMPQL_UNAVAILABLE, "no threads or descriptors to serve with");
}

#endif
