/* Requests, from their first line until they are freed. What several threads touch is guarded by
 * one mutex. */
#include "tool/serve.h"

#if AMPQL_HTTP

#include "base/time.h"
#include "tool/serve_state.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

/* ---- lists of jobs. The mutex is held. */

static void list_add(struct job **list, struct job *job)
{
    job->next = *list;
    job->at = list;
    if (job->next)
        job->next->at = &job->next;
    *list = job;
}

static void list_remove(struct job *job)
{
    *job->at = job->next;
    if (job->next)
        job->next->at = job->at;
    job->at = NULL;
}

static const char canceled[] = "query was canceled in query queue";

/* ---- workers */

static struct job *job_of(struct serve_waiting *waiting)
{
    return (struct job *)(void *)waiting;
}

static struct job *take_job(struct server *s)
{
    pthread_mutex_lock(&s->mutex);
    while (s->queue.n == 0 && !s->is_stopping)
        pthread_cond_wait(&s->work, &s->mutex);
    struct job *job = job_of(serve_queue_take(&s->queue));
    if (job) {
        list_add(&s->running, job);
        s->metrics.running++;
    }
    s->metrics.queued = s->queue.n;
    pthread_mutex_unlock(&s->mutex);
    return job;
}

static void end_job(struct server *s, struct job *job)
{
    pthread_mutex_lock(&s->mutex);
    list_remove(job);
    s->metrics.running--;
    job->is_answered = true;
    pthread_mutex_unlock(&s->mutex);
    job->server->mhd.resume_connection(job->connection);
}

void *job_work(void *payload)
{
    struct server *s = payload;
    pthread_mutex_lock(&s->mutex);
    struct ampql_source *source = s->options->sources[s->nstarted++];
    pthread_mutex_unlock(&s->mutex);
    for (struct job *job; (job = take_job(s)) != NULL;) {
        if (job->is_gone)
            job_refuse(job, 503, AMPQL_CANCELED, canceled);
        else
            serve_api_answer(s->options->api, &job->request, source, job->cancel,
                             time_monotonic() - job->began_ms, &job->answer);
        end_job(s, job);
    }
    return NULL;
}

/* ---- waiting */

/* Answer what was taken out of the queue. The mutex is held. */
static void let_go(struct job *job)
{
    job->is_answered = true;
    job->server->mhd.resume_connection(job->connection);
}

struct looking {
    int64_t now_ms;
    bool cancels;
};

static bool must_go(void *payload, struct serve_waiting *waiting)
{
    const struct looking *looking = payload;
    struct job *job = job_of(waiting);
    struct pollfd fd = {.fd = job->fd, .events = POLLRDHUP};
    if (job->fd >= 0 && poll(&fd, 1, 0) == 1)
        job->is_gone = true;
    return job->is_gone || looking->cancels || looking->now_ms >= job->until_ms;
}

void job_look_at_queue(struct server *s, bool cancels)
{
    struct looking looking = {time_monotonic(), cancels};
    struct serve_waiting *w = serve_queue_sift(&s->queue, must_go, &looking), *next;
    for (; w; w = next) {
        struct job *job = job_of(w);
        next = w->next;
        if (job->is_gone || cancels) {
            job_refuse(job, 503, AMPQL_CANCELED, canceled);
        } else {
            job_refuse(job, 503, AMPQL_TIMEOUT, "query timed out in query queue");
            s->metrics.expired++;
        }
        let_go(job);
    }
    s->metrics.queued = s->queue.n;
}

/* Who asks: the address without the port, or the user; and with which token, when there are some.
 */
static void name_client(struct job *job, char *out, size_t size)
{
    const union MHD_ConnectionInfo *info =
        job->server->mhd.get_connection_info(job->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    struct ucred user = {.uid = 0};
    socklen_t n = sizeof user;
    char host[INET6_ADDRSTRLEN] = "";
    if (address && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, host,
                  sizeof host);
    else if (address && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, host,
                  sizeof host);
    else if (getsockopt(job->fd, SOL_SOCKET, SO_PEERCRED, &user, &n) == 0)
        snprintf(host, sizeof host, "user %lu", (unsigned long)user.uid);
    snprintf(out, size, "%zu %s", job->token, host);
}

static const char too_many[] = "too many requests wait already";

/* False: there is no place. */
static bool queue(struct server *s, struct job *job)
{
    char client[SERVE_CLIENT_MAX];
    struct serve_waiting *displaced = NULL;
    name_client(job, client, sizeof client);
    pthread_mutex_lock(&s->mutex);
    bool fits =
        !s->is_stopping && serve_queue_add(&s->queue, str_of(client), &job->waiting, &displaced);
    if (fits) {
        job->server->mhd.suspend_connection(
            job->connection); /* no worker has it before the mutex is let go of */
        pthread_cond_signal(&s->work);
    }
    if (displaced) {
        job_refuse(job_of(displaced), 503, AMPQL_UNAVAILABLE, too_many);
        let_go(job_of(displaced));
    }
    s->metrics.refused += !fits || displaced;
    s->metrics.queued = s->queue.n;
    pthread_mutex_unlock(&s->mutex);
    return fits;
}

/* ---- requests */

static bool bears_token(struct job *job)
{
    const struct serve_options *o = job->server->options;
    struct str authorization = job_header(job, "Authorization");
    bool is_one = false;
    for (size_t i = 0; i < o->ntokens; i++)
        if (serve_token_is(authorization, o->tokens[i])) {
            job->token = i;
            is_one = true;
        }
    return is_one;
}

static bool check_access(struct job *job)
{
    const struct serve_options *o = job->server->options;
    bool is_probe = job->request.route == SERVE_HEALTHY || job->request.route == SERVE_READY;
    if (o->checks_host &&
        !serve_host_is_allowed(job_header(job, "Host"), o->host_names, o->nhost_names))
        job_refuse(job, 403, AMPQL_BAD_DATA, "the Host header names another host: see --host");
    else if (o->ntokens && !is_probe && !bears_token(job))
        job_refuse(job, 401, AMPQL_UNAUTHORIZED, "expected the header Authorization: Bearer TOKEN");
    else
        return true;
    return false;
}

static enum MHD_Result begin_work(struct job *job)
{
    struct server *s = job->server;
    int64_t ms = serve_api_timeout_ms(s->options->api, &job->request);
    job->until_ms = ms > 0 ? job->began_ms + ms : INT64_MAX;
    if (ampql_cancel_new(s->options->api->engine, &job->cancel, NULL) != AMPQL_OK) {
        job_refuse(job, 500, AMPQL_NOMEM, "no memory for the request");
        return job_send(job);
    }
    if (queue(s, job))
        return MHD_YES;
    job_refuse(job, 503, AMPQL_UNAVAILABLE, too_many);
    return job_send(job);
}

static enum MHD_Result start(struct job *job)
{
    struct ampql_error err = {0};
    struct serve_input input = {str_of(job->method), job->target, job_header(job, "Content-Type"),
                                buf_view(&job->body)};
    job->began_ms = time_monotonic();
    if (job->is_too_long) {
        job_refuse(job, 413, AMPQL_BAD_DATA, "the request is too long");
        return job_send(job);
    }
    enum ampql_code code = serve_request_read(&input, &job->server->options->prefixes, &job->arena,
                                              &job->request, &err);
    if (!check_access(job))
        return job_send(job);
    if (code != AMPQL_OK)
        serve_api_fail(&job->answer, code == AMPQL_NOMEM ? 0 : job->request.status, &err, "");
    else if (serve_route_is_work(job->request.route))
        return begin_work(job);
    else if (job->request.route >= SERVE_HEALTHY)
        job_answer_self(job);
    else
        serve_api_answer(job->server->options->api, &job->request, NULL, NULL, 0, &job->answer);
    return job_send(job);
}

enum MHD_Result job_on_request(void *payload, struct MHD_Connection *connection, const char *url,
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
    return is_answered ? job_send(job) : start(job);
}

/* The request's first line has come: what is returned is the job of all calls that follow. */
void *job_on_target(void *payload, const char *target, struct MHD_Connection *connection)
{
    struct server *s = payload;
    struct job *job = alloc_get(&alloc_default, 1, sizeof *job);
    const union MHD_ConnectionInfo *info =
        s->mhd.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!job)
        return NULL;
    *job = (struct job){
        .server = s, .request.route = SERVE_NOWHERE, .fd = info ? info->connect_fd : -1};
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

void job_on_end(void *payload, struct MHD_Connection *connection, void **place,
                enum MHD_RequestTerminationCode why)
{
    struct server *s = payload;
    struct job *job = *place;
    (void)connection, (void)why;
    if (!job)
        return;
    bool was_whole = job->is_whole;
    job_account(job);
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

#endif
