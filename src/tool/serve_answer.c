/* Answers on their way out. */
#include "tool/serve.h"

#if AMPQL_HTTP

#include "base/time.h"
#include "tool/serve_state.h"

#include <stdio.h>
#include <zlib.h>

struct str job_header(struct job *job, const char *name)
{
    const char *value =
        job->server->mhd.lookup_connection_value(job->connection, MHD_HEADER_KIND, name);
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

void job_account(struct job *job)
{
    struct server *s = job->server;
    if (job->is_counted || job->answer.status == 0)
        return;
    job->is_counted = true;
    int64_t took_ms = time_monotonic() - job->began_ms;
    pthread_mutex_lock(&s->mutex);
    serve_metrics_add(&s->metrics, job->request.route, took_ms, &job->answer);
    s->metrics.cancelled += job->is_gone;
    log_answer(job, took_ms);
    pthread_mutex_unlock(&s->mutex);
}

enum MHD_Result job_send(struct job *job)
{
    struct serve_answer *answer = &job->answer;
    bool is_packed = answer->body.n > 1024 &&
                     serve_takes_gzip(job_header(job, "Accept-Encoding")) && pack(&answer->body);
    job_account(job);
    struct MHD_Response *response = job->server->mhd.create_response_from_buffer(
        answer->body.n, answer->body.p ? answer->body.p : (void *)"", MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    job->server->mhd.add_response_header(response, "Content-Type", answer->type);
    job->server->mhd.add_response_header(response, "X-Content-Type-Options", "nosniff");
    job->server->mhd.add_response_header(response, "Vary", "Accept-Encoding");
    if (is_packed)
        job->server->mhd.add_response_header(response, "Content-Encoding", "gzip");
    if (answer->status == 401)
        job->server->mhd.add_response_header(response, "WWW-Authenticate", "Bearer");
    if (answer->status == 503)
        job->server->mhd.add_response_header(response, "Retry-After", "1");
    if (job->server->is_draining || job->is_too_long)
        job->server->mhd.add_response_header(response, "Connection", "close");
    enum MHD_Result result =
        job->server->mhd.queue_response(job->connection, (unsigned)answer->status, response);
    job->server->mhd.destroy_response(response); /* the body is the job's, which outlives it */
    return result;
}

void job_refuse(struct job *job, int status, enum ampql_code code, const char *message)
{
    struct ampql_error err = {.code = code};
    snprintf(err.message, sizeof err.message, "%s", message);
    serve_api_fail(&job->answer, status, &err, "");
}

void job_answer_self(struct job *job)
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

#endif
