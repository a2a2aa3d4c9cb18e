/* Requests and what to do when they fail; small documents; probes. */
#include "source/auth.h"
#include "source/server_state.h"

#include <stdio.h>

enum { MAX_PROBE = 1 << 20 };

/* ---- one request */

struct str server_url(struct server *server, struct arena *arena, struct str path)
{
    size_t n = server->base_url.n + path.n;
    char *url = arena_alloc(arena, n + 1, 1);
    if (!url)
        return (struct str){0};
    memcpy(url, server->base_url.p, server->base_url.n);
    memcpy(url + server->base_url.n, path.p, path.n);
    url[n] = '\0';
    return str_make(url, n);
}

enum ampql_code server_start(struct server *server, const struct server_ask *ask,
                             struct arena *work, void **transfer, struct ampql_error *err)
{
    const struct http_header form = {.name = STR("Content-Type"),
                                     .value = STR("application/x-www-form-urlencoded")};
    struct str path = ask->path;
    if (ask->is_get && ask->form.n) {
        char *text = arena_alloc(work, path.n + ask->form.n + 1, 1);
        if (!text)
            return fail_nomem(err, "a request");
        memcpy(text, path.p, path.n);
        text[path.n] = '?';
        memcpy(text + path.n + 1, ask->form.p, ask->form.n);
        path = str_make(text, path.n + 1 + ask->form.n);
    }
    struct str url = server_url(server, work, path);
    if (!url.p)
        return fail_nomem(err, "a request");
    struct http_request request = {
        .method = STR("POST"), .url = url, .headers = &form, .nheaders = 1, .body = ask->form};
    if (ask->is_get)
        request = (struct http_request){.method = STR("GET"), .url = url};
    int64_t now = server->transport.now(server->transport.payload) + server->clock_offset_ms;
    TRY(server->transport.start(server->transport.payload, &request, now, transfer, err));
    server->stats.requests++;
    return AMPQL_OK;
}

void server_redact(struct server *server, char *text, size_t n)
{
    if (server->transport.redact)
        server->transport.redact(server->transport.payload, text, n);
}

enum ampql_code server_failed(struct server *server, enum ampql_code code, struct ampql_error *err)
{
    if (code != AMPQL_OK && err)
        server_redact(server, err->message, strlen(err->message));
    return code;
}

void server_end(struct server *server, void *transfer)
{
    server->stats.bytes += server->transport.bytes(transfer);
    server->transport.end(transfer);
}

/* ---- failures */

static void again(struct server *server, struct attempt *attempt, int64_t wait_ms,
                  struct verdict *out)
{
    attempt->nretries++;
    attempt->waited_ms += wait_ms;
    server->stats.retries++;
    out->kind = VERDICT_AGAIN;
    out->wait_ms = wait_ms;
}

/* Try again within the budget; what to do when it is used up is in out already. */
static void again_later(struct server *server, struct attempt *attempt, int64_t retry_after_ms,
                        unsigned max_retries, struct verdict *out)
{
    struct retry_policy policy = *server->options.retry;
    if (policy.max_retries > max_retries)
        policy.max_retries = max_retries;
    int64_t wait = retry_wait(&policy, attempt->nretries, attempt->waited_ms, retry_after_ms,
                              server->transport.random(server->transport.payload));
    if (wait >= 0)
        again(server, attempt, wait, out);
}

static void add_tries(const struct attempt *attempt, enum ampql_code code, struct ampql_error *err)
{
    if (!err || attempt->nretries == 0)
        return;
    struct ampql_error inner = *err;
    fail(err, code, "%.440s (tried %u times)", inner.message, attempt->nretries + 1);
}

void server_judge_transport(struct server *server, void *transfer, enum ampql_code code,
                            struct attempt *attempt, struct verdict *out, struct ampql_error *err)
{
    enum http_cause cause = server->transport.failure(transfer);
    *out = (struct verdict){.kind = VERDICT_OVER, .code = code};
    switch (cause) {
    case HTTP_CAUSE_RESOLVE:
    case HTTP_CAUSE_CONNECT: /* a wrong name or port stays wrong: no long waits for those */
        again_later(server, attempt, -1, 2, out);
        break;
    case HTTP_CAUSE_TIMEOUT:
    case HTTP_CAUSE_RESET:
    case HTTP_CAUSE_CUT:
    case HTTP_CAUSE_PROTOCOL:
        again_later(server, attempt, -1, UINT32_MAX, out);
        break;
    case HTTP_CAUSE_LIMIT:
        out->kind = VERDICT_SPLIT;
        break;
    case HTTP_CAUSE_NONE: /* a cancel, or no memory */
    case HTTP_CAUSE_TLS:
        break;
    }
    if (out->kind != VERDICT_OVER || cause == HTTP_CAUSE_NONE)
        return;
    add_tries(attempt, code, err);
    bool is_unreached = cause == HTTP_CAUSE_RESOLVE || cause == HTTP_CAUSE_CONNECT ||
                        (cause == HTTP_CAUSE_TLS && code == AMPQL_UNAVAILABLE);
    if (is_unreached && err) {
        struct ampql_error inner = *err;
        fail(err, code, "%.1200s: %s", inner.message, failure_advice(cause));
    }
}

enum ampql_code server_refuse_body(struct server *server, void *transfer, enum ampql_code code,
                                   struct ampql_error *err)
{
    if (code != AMPQL_BAD_DATA || server->transport.failure(transfer) != HTTP_CAUSE_NONE)
        return code;
    return failure_tell_body(server->transport.header(transfer, STR("x-amzn-requestid")),
                             server->transport.header(transfer, STR("content-type")), err);
}

/* The beginning of a refusal's body; what breaks off early is good enough to read. */
static enum ampql_code read_refusal(struct server *server, void *transfer, char *body, size_t *n,
                                    struct ampql_error *err)
{
    *n = 0;
    while (*n < FAILURE_BODY) {
        size_t got;
        enum ampql_code code =
            server->transport.read(transfer, body + *n, FAILURE_BODY - *n, &got, err);
        if (code != AMPQL_OK && server->transport.failure(transfer) == HTTP_CAUSE_NONE)
            return code;
        if (code != AMPQL_OK || got == 0)
            break;
        *n += got;
    }
    return AMPQL_OK;
}

static enum ampql_code refresh(struct server *server, struct attempt *attempt, struct verdict *out,
                               struct ampql_error *err)
{
    bool renewed = false;
    struct ampql_error inner = {0};
    if (attempt->was_refreshed || !server->transport.refresh)
        return AMPQL_OK;
    attempt->was_refreshed = true;
    int64_t now = server->transport.now(server->transport.payload) + server->clock_offset_ms;
    enum ampql_code code =
        server->transport.refresh(server->transport.payload, now, &renewed, &inner);
    if (code != AMPQL_OK) {
        if (err)
            *err = inner;
        return code;
    }
    if (renewed)
        again(server, attempt, 0, out);
    return AMPQL_OK;
}

static enum ampql_code act(struct server *server, const struct failure *failure,
                           struct attempt *attempt, struct verdict *out, struct ampql_error *err)
{
    int64_t now = server->transport.now(server->transport.payload);
    switch (failure->action) {
    case FAILURE_FAIL:
        break;
    case FAILURE_RETRY:
        again_later(server, attempt, failure->retry_after_ms, UINT32_MAX, out);
        if (out->kind == VERDICT_AGAIN && failure->advice && failure->retry_after_ms > 0)
            server->not_before_ms =
                server->transport.monotonic(server->transport.payload) + out->wait_ms;
        if (out->kind == VERDICT_OVER && failure->may_split)
            out->kind = VERDICT_SPLIT;
        break;
    case FAILURE_REFRESH:
        return refresh(server, attempt, out, err);
    case FAILURE_CLOCK:
        if (attempt->was_skewed)
            break;
        attempt->was_skewed = true;
        server->clock_offset_ms = failure->server_time_ms - now;
        again(server, attempt, 0, out);
        break;
    case FAILURE_SPLIT:
        out->kind = VERDICT_SPLIT;
        break;
    case FAILURE_SPLIT_LABELS:
        out->kind = VERDICT_SPLIT_LABELS;
        break;
    }
    return AMPQL_OK;
}

enum ampql_code server_judge_answer(struct server *server, void *transfer, int status,
                                    struct attempt *attempt, struct verdict *out,
                                    struct ampql_error *err)
{
    char body[FAILURE_BODY];
    size_t n;
    char asked_by[AUTH_DESCRIPTION_MAX] = "";
    struct failure failure;
    TRY(read_refusal(server, transfer, body, &n, err));
    server_redact(server, body, n);
    if (server->transport.describe)
        server->transport.describe(server->transport.payload, asked_by, sizeof asked_by);
    struct failure_answer answer = {
        .status = status,
        .body = str_make(body, n),
        .request_id = server->transport.header(transfer, STR("x-amzn-requestid")),
        .error_type = server->transport.header(transfer, STR("x-amzn-errortype")),
        .retry_after = server->transport.header(transfer, STR("retry-after")),
        .date = server->transport.header(transfer, STR("date")),
        .asked_by = str_of(asked_by)};
    int64_t now = server->transport.now(server->transport.payload);
    TRY(failure_read(&server->alc, &answer, now, &failure, err));
    *out = (struct verdict){.kind = VERDICT_OVER, .code = failure.code};
    failure_tell(&failure, &answer, server->origin, err);
    TRY(act(server, &failure, attempt, out, err));
    if (out->kind == VERDICT_OVER)
        add_tries(attempt, failure.code, err);
    return AMPQL_OK;
}

/* ---- documents */

/* One attempt. *done: over, well or not. */
static enum ampql_code try_call(struct server *server, const struct server_ask *ask,
                                server_consume *consume, void *payload, struct attempt *attempt,
                                int *refused, bool *done, struct ampql_error *err)
{
    struct arena work;
    struct verdict verdict = {.kind = VERDICT_AGAIN};
    void *transfer;
    int status;
    arena_init(&work, &server->alc);
    enum ampql_code code = server_start(server, ask, &work, &transfer, err);
    arena_done(&work);
    if (code != AMPQL_OK)
        return code;
    *done = true;
    code = server->transport.status(transfer, &status, err);
    if (code == AMPQL_OK && status == 200)
        code = server_refuse_body(server, transfer, consume(payload, server, transfer, err), err);
    if (code != AMPQL_OK) {
        server_judge_transport(server, transfer, code, attempt, &verdict, err);
        *done = verdict.kind != VERDICT_AGAIN;
    } else if (status != 200) {
        code = server_judge_answer(server, transfer, status, attempt, &verdict, err);
        *done = code != AMPQL_OK || verdict.kind != VERDICT_AGAIN;
        if (code == AMPQL_OK)
            code = verdict.code;
        if (*done && refused && code != AMPQL_UNAUTHORIZED && code != AMPQL_NOMEM &&
            code != AMPQL_CANCELED && code != AMPQL_TIMEOUT && status >= 400 && status < 500) {
            *refused = status;
            code = AMPQL_OK;
        }
    }
    server_end(server, transfer);
    if (!*done)
        TRY(server->transport.wait(server->transport.payload, verdict.wait_ms, err));
    return *done ? code : AMPQL_OK;
}

enum ampql_code server_call(struct server *server, const struct server_ask *ask,
                            server_consume *consume, void *payload, int *refused,
                            struct ampql_error *err)
{
    struct attempt attempt = {0};
    bool done = false;
    enum ampql_code code = AMPQL_OK;
    if (refused)
        *refused = 0;
    while (code == AMPQL_OK && !done)
        code = try_call(server, ask, consume, payload, &attempt, refused, &done, err);
    return code;
}

/* ---- probes */

static bool has_text(struct str body, struct str text)
{
    for (; body.n >= text.n; body = str_from(body, 1))
        if (str_has_prefix(body, text))
            return true;
    return false;
}

/* Probes are billed, too, if only by a sample or two. */
static void count_billed(struct server *server, struct str body)
{
    const struct str key = STR("\"totalQueryableSamples\":");
    uint64_t n = 0;
    while (body.n > key.n && !str_has_prefix(body, key))
        body = str_from(body, 1);
    for (body = str_from(body, key.n < body.n ? key.n : body.n);
         body.n && *body.p >= '0' && *body.p <= '9' && n < UINT32_MAX; body = str_from(body, 1))
        n = n * 10 + (uint64_t)(*body.p - '0');
    server->stats.billed_samples += n;
}

static enum ampql_code read_small(void *payload, struct server *server, void *transfer,
                                  struct ampql_error *err)
{
    struct buf *body = payload;
    body->n = 0;
    for (;;) {
        char piece[4096];
        size_t n;
        TRY(server->transport.read(transfer, piece, sizeof piece, &n, err));
        if (n == 0)
            break;
        buf_bytes(body, piece, n);
        if (body->failed == AMPQL_NOMEM)
            return fail_nomem(err, "an answer");
        if (body->failed != AMPQL_OK)
            return fail(err, AMPQL_LIMIT,
                        "%.*s: an answer of more than %d MiB, where a number was asked for",
                        STR_ARGS(server->origin), MAX_PROBE >> 20);
    }
    return has_text(buf_view(body), STR("\"success\""))
               ? AMPQL_OK
               : fail(err, AMPQL_BAD_DATA, "%.*s: not an answer of the query API",
                      STR_ARGS(server->origin));
}

static enum ampql_code probe(struct server *server, struct str path, struct str form,
                             struct arena *arena, struct str *out, int *refused,
                             struct ampql_error *err)
{
    struct server_ask ask = {.path = path, .form = form};
    struct buf body;
    buf_init(&body, &server->alc, MAX_PROBE);
    enum ampql_code code = server_call(server, &ask, read_small, &body, refused, err);
    if (code == AMPQL_OK) {
        *out = arena_copy(arena, buf_view(&body));
        code = out->p ? AMPQL_OK : fail_nomem(err, "an answer");
    }
    buf_done(&body);
    if (code == AMPQL_OK)
        count_billed(server, *out);
    return code;
}

/* Two points on a minute's boundary, or one? What answers neither stays unknown. */
enum ampql_code server_probe_dialect(struct server *server, enum ampql_dialect *out,
                                     struct ampql_error *err)
{
    struct arena arena;
    struct str body = {0};
    int refused;
    char form[160], time[WIRE_TIME_MAX];
    int64_t now = server->transport.now(server->transport.payload) + server->clock_offset_ms;
    wire_time(now - now % 60000, time);
    int n = snprintf(
        form, sizeof form,
        "query=count_over_time%%28vector%%281%%29%%5B1m%%3A1m%%5D%%29&time=%s&stats=all", time);
    arena_init(&arena, &server->alc);
    enum ampql_code code = probe(server, STR("/api/v1/query"), str_make(form, (size_t)n), &arena,
                                 &body, &refused, err);
    *out = AMPQL_DIALECT_DEFAULT;
    if (code == AMPQL_OK && has_text(body, STR("\"1\"")))
        *out = AMPQL_PROM3;
    else if (code == AMPQL_OK && has_text(body, STR("\"2\"")))
        *out = AMPQL_PROM2;
    arena_done(&arena);
    return code;
}

/* Whoever knows the parameter refuses what is no duration. */
static enum ampql_code probe_lookback(struct server *server, struct ampql_error *err)
{
    struct arena arena;
    struct str body;
    int refused;
    arena_init(&arena, &server->alc);
    enum ampql_code code =
        probe(server, STR("/api/v1/query"), STR("query=vector%281%29&lookback_delta=x&stats=all"),
              &arena, &body, &refused, err);
    if (code == AMPQL_OK) {
        server->knows_lookback = true;
        server->wire.takes_lookback = refused == 400 || refused == 422;
    }
    arena_done(&arena);
    return code;
}

/* A range of one point that is no multiple of step: does the answer have that point? Anything else
 * counts as floored, which is always asked right. */
static enum ampql_code probe_floors(struct server *server, struct ampql_error *err)
{
    struct arena arena;
    struct str body = {0};
    int refused;
    char form[160], time[WIRE_TIME_MAX], expected[WIRE_TIME_MAX + 2];
    int64_t now = server->transport.now(server->transport.payload) + server->clock_offset_ms;
    int64_t at = now - now % 3600000 - 1801000;
    size_t ntime = wire_time(at, time);
    int n = snprintf(form, sizeof form, "query=vector%%281%%29&start=%s&end=%s&step=3600&stats=all",
                     time, time);
    int nexpected = snprintf(expected, sizeof expected, "[%.*s,", (int)ntime - 4, time);
    arena_init(&arena, &server->alc);
    enum ampql_code code = probe(server, STR("/api/v1/query_range"), str_make(form, (size_t)n),
                                 &arena, &body, &refused, err);
    if (code == AMPQL_OK) {
        server->knows_floors = true;
        server->wire.floors_ranges = !has_text(body, str_make(expected, (size_t)nexpected));
    }
    arena_done(&arena);
    return code;
}

enum ampql_code server_learn(struct server *server, const struct ampql_select *select,
                             struct ampql_error *err)
{
    if (select->kind == AMPQL_SELECT_RAW)
        return AMPQL_OK;
    if (!server->knows_lookback && select->lookback_ms &&
        select->lookback_ms != WIRE_DEFAULT_LOOKBACK_MS)
        TRY(probe_lookback(server, err));
    bool is_range = select->end_ms > select->start_ms && select->step_ms > 0;
    if (!server->knows_floors && is_range && select->start_ms % select->step_ms != 0)
        TRY(probe_floors(server, err));
    return AMPQL_OK;
}
