/* Requests of remote write over HTTP: packed, signed, sent again. */
#include "tool/remote_write.h"

#if AMPQL_HTTP

#include "base/buf.h"
#include "base/hash.h"
#include "base/time.h"
#include "engine/engine.h"
#include "source/auth.h"
#include "source/aws_secret.h"
#include "source/failure.h"
#include "source/http_settings.h"
#include "source/http_url.h"

#include <snappy-c.h>

struct write_wire {
    struct ampql_allocator alc;
    struct http *http;
    struct auth *auth;
    struct buf url, packed;
    char origin[128];
    struct retry_policy retry;
    struct remote_write_stats *stats;
    struct ampql_cancel *cancel;
    int64_t clock_offset_ms; /* of the server's clock from ours */
    uint64_t random;
};

/* One request, over its attempts. */
struct attempts {
    struct write_wire *wire;
    unsigned nretries;
    int64_t waited_ms;
    bool was_refreshed, was_skewed;
    bool done;
};

/* ---- what a refusal means */

/* A receiver's words for samples that it will never take, the first row that fits. */
static const struct refusal {
    const char *says; /* NULL: anything else */
    enum ampql_code code;
    const char *advice;
} refusals[] = {
    {"out of order", AMPQL_OUTPUT, "the series has later samples there: nothing earlier is taken"},
    {"duplicate sample", AMPQL_OUTPUT, "the series has another value there at that time"},
    {"out of bounds", AMPQL_OUTPUT,
     "too old: a Prometheus takes about an hour, without "
     "out_of_order_time_window"},
    {"too old", AMPQL_OUTPUT, "AMP takes no samples older than an hour"},
    {"too far in the future", AMPQL_OUTPUT, "the clocks here and there differ"},
    {"limit", AMPQL_LIMIT, "a quota of the receiver"},
    {"remote write receiver needs to be enabled", AMPQL_UNAVAILABLE,
     "start it with --web.enable-remote-write-receiver"},
    {NULL, AMPQL_OUTPUT, NULL},
};

static void name_refusal(const struct failure_answer *answer, struct failure *failure)
{
    const struct refusal *row = refusals;
    while (row->says && !(answer->body.n &&
                          memmem(answer->body.p, answer->body.n, row->says, strlen(row->says))))
        row++;
    if (failure->code == AMPQL_UNAUTHORIZED) {
        if (failure->advice && strstr(failure->advice, "aps:"))
            failure->advice = "the role needs aps:RemoteWrite for this workspace "
                              "(AmazonPrometheusRemoteWriteAccess)";
    } else if (failure->action == FAILURE_FAIL &&
               (answer->status == 400 || answer->status == 422 || row->says)) {
        failure->code = row->code;
        failure->advice = row->advice;
    }
}

/* ---- attempts */

static enum ampql_code poll_cancel(void *payload, struct ampql_error *err)
{
    const struct write_wire *wire = payload;
    return wire->cancel && atomic_load(&wire->cancel->is_set)
               ? fail(err, AMPQL_CANCELED, "canceled")
               : AMPQL_OK;
}

static enum ampql_code tried(const struct attempts *a, enum ampql_code code,
                             struct ampql_error *err)
{
    if (a->nretries == 0 || !err)
        return code;
    struct ampql_error inner = *err;
    return fail(err, code, "%.1900s (tried %u times)", inner.message, a->nretries + 1);
}

/* Wait and let it be tried again, or say that it was tried enough: err is filled in already. */
static enum ampql_code again(struct attempts *a, int64_t retry_after_ms, unsigned max_retries,
                             enum ampql_code code, struct ampql_error *err)
{
    struct write_wire *wire = a->wire;
    struct retry_policy policy = wire->retry;
    if (policy.max_retries > max_retries)
        policy.max_retries = max_retries;
    wire->random++;
    int64_t wait_ms = retry_wait(&policy, a->nretries, a->waited_ms, retry_after_ms,
                                 hash_bytes(&wire->random, sizeof wire->random));
    a->done = wait_ms < 0;
    if (a->done)
        return tried(a, code, err);
    a->nretries++;
    a->waited_ms += wait_ms;
    wire->stats->retries++;
    return http_wait_ms(wire->http, wait_ms, err);
}

/* What never became an answer. */
static enum ampql_code judge_transport(struct attempts *a, enum http_cause cause,
                                       enum ampql_code code, struct ampql_error *err)
{
    switch (cause) {
    case HTTP_CAUSE_RESOLVE:
    case HTTP_CAUSE_CONNECT: /* a wrong name or port stays wrong: no long waits for those */
        return again(a, -1, 2, code, err);
    case HTTP_CAUSE_TIMEOUT:
    case HTTP_CAUSE_RESET:
    case HTTP_CAUSE_CUT:
    case HTTP_CAUSE_PROTOCOL:
        return again(a, -1, UINT32_MAX, code, err);
    case HTTP_CAUSE_NONE:
    case HTTP_CAUSE_TLS:
    case HTTP_CAUSE_LIMIT:
        break;
    }
    a->done = true;
    return code;
}

static enum ampql_code refresh(struct attempts *a, enum ampql_code code, struct ampql_error *err)
{
    struct write_wire *wire = a->wire;
    struct ampql_error why = {0};
    bool renewed = false;
    a->done = true;
    if (a->was_refreshed || !wire->auth)
        return code;
    a->was_refreshed = true;
    enum ampql_code renewal =
        auth_refresh(wire->auth, time_now() + wire->clock_offset_ms, &renewed, &why);
    if (renewal != AMPQL_OK)
        return fail(err, renewal, "%s", why.message);
    a->done = !renewed;
    wire->stats->retries += renewed;
    return renewed ? AMPQL_OK : code;
}

/* An answer that is not a 2xx. */
static enum ampql_code judge_answer(struct attempts *a, const struct failure_answer *answer,
                                    bool *too_large, struct ampql_error *err)
{
    struct write_wire *wire = a->wire;
    struct failure failure;
    a->done = true;
    TRY(failure_read(&wire->alc, answer, time_now(), &failure, err));
    name_refusal(answer, &failure);
    enum ampql_code code = failure_tell(&failure, answer, str_of(wire->origin), err);
    switch (failure.action) {
    case FAILURE_RETRY:
        return again(a, failure.retry_after_ms, UINT32_MAX, code, err);
    case FAILURE_REFRESH:
        return refresh(a, code, err);
    case FAILURE_CLOCK:
        if (a->was_skewed)
            break;
        a->was_skewed = true;
        a->done = false;
        wire->clock_offset_ms = failure.server_time_ms - time_now();
        wire->stats->retries++;
        return AMPQL_OK;
    case FAILURE_SPLIT:
    case FAILURE_SPLIT_LABELS:
        *too_large = true;
        break;
    case FAILURE_FAIL:
        break;
    }
    return code;
}

static enum ampql_code attempt(struct attempts *a, const struct http_request *request,
                               struct arena *arena, bool *too_large, struct ampql_error *err)
{
    struct write_wire *wire = a->wire;
    struct http_request applied = *request;
    struct http_response response = {0};
    if (wire->auth)
        TRY(auth_apply(wire->auth, request, time_now() + wire->clock_offset_ms, arena, &applied,
                       err));
    wire->stats->requests++;
    wire->stats->bytes += request->body.n;
    enum ampql_code code = http_call(wire->http, &applied, FAILURE_BODY, arena, &response, err);
    if (code != AMPQL_OK)
        return judge_transport(a, response.cause, code, err);
    a->done = response.status / 100 == 2;
    if (a->done) /* a page with that status is no receiver's */
        return response.body.n && response.body.p[0] == '<'
                   ? fail(err, AMPQL_UNAVAILABLE,
                          "%s: HTTP %d with an HTML page: that is no receiver of remote write",
                          wire->origin, response.status)
                   : AMPQL_OK;
    char *body = arena_alloc(arena, response.body.n + 1, 1);
    if (!body)
        return fail_nomem(err, "an answer");
    if (response.body.n)
        memcpy(body, response.body.p, response.body.n);
    char asked_by[AUTH_DESCRIPTION_MAX] = "";
    if (wire->auth) {
        auth_redact(wire->auth, body, response.body.n);
        auth_describe(wire->auth, asked_by, sizeof asked_by);
    }
    struct failure_answer answer = {
        .status = response.status,
        .body = str_make(body, response.body.n),
        .request_id = http_response_header(&response, STR("x-amzn-requestid")),
        .error_type = http_response_header(&response, STR("x-amzn-errortype")),
        .retry_after = http_response_header(&response, STR("retry-after")),
        .date = http_response_header(&response, STR("date")),
        .asked_by = str_of(asked_by),
    };
    return judge_answer(a, &answer, too_large, err);
}

static enum ampql_code pack(struct write_wire *wire, struct str body, struct ampql_error *err)
{
    size_t n = snappy_max_compressed_length(body.n);
    wire->packed.n = 0;
    char *room = buf_room(&wire->packed, n);
    if (!room || snappy_compress(body.p, body.n, room, &n) != SNAPPY_OK)
        return fail_nomem(err, "a packed request");
    wire->packed.n = n;
    return AMPQL_OK;
}

enum ampql_code write_wire_post(void *payload, struct str body, size_t nsamples, bool *too_large,
                                struct ampql_error *err)
{
    static const struct http_header headers[] = {
        {.name = {"Content-Type", 12}, .value = {"application/x-protobuf", 22}},
        {.name = {"Content-Encoding", 16}, .value = {"snappy", 6}},
        {.name = {"X-Prometheus-Remote-Write-Version", 33}, .value = {"0.1.0", 5}},
    };
    struct write_wire *wire = payload;
    struct attempts a = {.wire = wire};
    enum ampql_code code = AMPQL_OK;
    (void)nsamples;
    TRY(pack(wire, body, err));
    struct http_request request = {
        .method = STR("POST"),
        .url = str_make(wire->url.p, wire->url.n - 1),
        .headers = headers,
        .nheaders = sizeof headers / sizeof *headers,
        .body = buf_view(&wire->packed),
    };
    while (code == AMPQL_OK && !a.done) {
        struct aws_secret_allocator secret;
        struct arena arena;
        aws_secret_init(&secret, &wire->alc);
        arena_init(&arena, &secret.alc);
        code = attempt(&a, &request, &arena, too_large, err);
        arena_done(&arena);
    }
    if (code != AMPQL_OK && err && wire->auth)
        auth_redact(wire->auth, err->message, strlen(err->message));
    return code;
}

/* ---- open and close */

static enum ampql_code open_all(struct write_wire *wire, const struct remote_write_options *options,
                                struct arena *arena, struct ampql_error *err)
{
    static const struct ampql_http_options none = {.size = sizeof none};
    const struct ampql_http_options *http = options->http ? options->http : &none;
    struct http_settings settings;
    struct http_url url;
    wire->retry = retry_policy_default;
    if (http->max_retries)
        wire->retry.max_retries = http->max_retries == UINT32_MAX ? 0 : http->max_retries;
    buf_text(&wire->url, options->url);
    buf_byte(&wire->url, '\0');
    if (wire->url.failed)
        return fail_nomem(err, "a URL");
    TRY(http_url_parse(str_of(wire->url.p), &url, err));
    wire->origin[http_url_origin(&url, wire->origin, sizeof wire->origin - 1)] = '\0';
    TRY(http_settings_read(http, arena, &settings, err));
    settings.http.poll = poll_cancel;
    settings.http.poll_payload = wire;
    TRY(http_new(&wire->alc, &settings.http, &wire->http, err));
    return auth_open(&wire->alc, &settings.auth, str_of(wire->url.p), wire->http, &wire->auth, err);
}

enum ampql_code write_wire_open(const struct ampql_allocator *alc,
                                const struct remote_write_options *options,
                                struct remote_write_stats *stats, struct write_wire **out,
                                struct ampql_error *err)
{
    struct write_wire *wire = alloc_get(alc, 1, sizeof *wire);
    struct aws_secret_allocator secret;
    struct arena arena;
    *out = NULL;
    if (!wire)
        return fail_nomem(err, "remote write");
    *wire = (struct write_wire){
        .alc = *alc, .stats = stats, .cancel = options->cancel, .random = (uint64_t)time_now()};
    buf_init(&wire->url, &wire->alc, 1 << 16);
    buf_init(&wire->packed, &wire->alc, SIZE_MAX);
    aws_secret_init(&secret, alc);
    arena_init(&arena, &secret.alc);
    enum ampql_code code = open_all(wire, options, &arena, err);
    arena_done(&arena);
    if (code == AMPQL_OK)
        *out = wire;
    else
        write_wire_close(wire);
    return code;
}

void write_wire_close(struct write_wire *wire)
{
    if (!wire)
        return;
    auth_close(wire->auth);
    http_free(wire->http);
    buf_done(&wire->url);
    buf_done(&wire->packed);
    struct ampql_allocator alc = wire->alc; /* the block that holds it is freed with it */
    alloc_put(&alc, wire, 1, sizeof *wire);
}

#else

static enum ampql_code refuse(struct ampql_error *err)
{
    return fail(err, AMPQL_UNSUPPORTED, "this program was built without HTTP");
}

enum ampql_code write_wire_open(const struct ampql_allocator *alc,
                                const struct remote_write_options *options,
                                struct remote_write_stats *stats, struct write_wire **out,
                                struct ampql_error *err)
{
    (void)alc, (void)options, (void)stats;
    *out = NULL;
    return refuse(err);
}

void write_wire_close(struct write_wire *wire)
{
    (void)wire;
}

enum ampql_code write_wire_post(void *wire, struct str body, size_t nsamples, bool *too_large,
                                struct ampql_error *err)
{
    (void)wire, (void)body, (void)nsamples, (void)too_large;
    return refuse(err);
}

#endif
