/* Serving: connections, and the whole from start to end. */
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
#include "tool/serve_state.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

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
    job_look_at_queue(s, cancels);
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
        } else if (s->mhd.add_connection(s->daemon, fd, (struct sockaddr *)&address, size) !=
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

/* By poll: epoll tells libmicrohttpd once that there is something to read, and when the client's
 * end came together with its last bytes, not of the end; then half a request stays until it has
 * been silent for too long. */
static struct MHD_Daemon *start_daemon(struct server *s)
{
    const struct serve_options *o = s->options;
    return s->mhd.start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_NO_LISTEN_SOCKET,
        0, NULL, NULL, job_on_request, s, MHD_OPTION_URI_LOG_CALLBACK, job_on_target, s,
        MHD_OPTION_NOTIFY_COMPLETED, job_on_end, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->max_connections + 16,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)128 << 10, MHD_OPTION_CONNECTION_TIMEOUT,
        idle_seconds(o->idle_ms), MHD_OPTION_END);
}

enum ampql_code serve_check_built(struct ampql_error *err)
{
    struct serve_library mhd;
    return serve_library(&mhd, err);
}

enum ampql_code serve_run(const struct serve_options *options, struct ampql_error *err)
{
    enum { MAX_WORKERS = 256 };
    struct server s = {.options = options};
    pthread_t threads[MAX_WORKERS];
    size_t n = 0;
    assert(options->nworkers <= MAX_WORKERS);
    TRY(serve_library(&s.mhd, err));
    s.queue.max = options->max_queued;
    pthread_mutex_init(&s.mutex, NULL);
    pthread_cond_init(&s.work, NULL);
    while (n < options->nworkers && pthread_create(&threads[n], NULL, job_work, &s) == 0)
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
        s.mhd.stop_daemon(s.daemon);
    pthread_cond_destroy(&s.work);
    pthread_mutex_destroy(&s.mutex);
    return s.daemon ? AMPQL_OK
                    : fail(err, AMPQL_UNAVAILABLE, "no threads or descriptors to serve with");
}

#endif
