/* The server source's transport over libcurl: every attempt is signed anew. */
#include "base/hash.h"
#include "base/time.h"
#include "source/auth.h"
#include "source/aws_secret.h"
#include "source/http_settings.h"
#include "source/server.h"

struct wires {
    struct ampql_allocator alc;
    struct http *http;
    struct auth *auth;
    uint64_t random; /* the state of a small generator: jitter needs no better */
};

static enum ampql_code start(void *payload, const struct http_request *request, int64_t now_ms,
                             void **transfer, struct ampql_error *err)
{
    struct wires *wires = payload;
    struct http_transfer *t = NULL;
    struct arena arena;
    struct http_request applied = *request;
    struct aws_secret_allocator secret;
    enum ampql_code code = AMPQL_OK;
    aws_secret_init(&secret, &wires->alc);
    arena_init(&arena, &secret.alc);
    if (wires->auth)
        code = auth_apply(wires->auth, request, now_ms, &arena, &applied, err);
    if (code == AMPQL_OK)
        code = http_start(wires->http, &applied, &t, err);
    arena_done(&arena);
    *transfer = t;
    return code;
}

static enum ampql_code status(void *transfer, int *out, struct ampql_error *err)
{
    return http_status(transfer, out, err);
}

static struct str header(void *transfer, struct str name)
{
    return http_header(transfer, name);
}

static enum ampql_code read_some(void *transfer, char *buffer, size_t size, size_t *n,
                                 struct ampql_error *err)
{
    return http_read(transfer, buffer, size, n, err);
}

static enum http_cause failure(void *transfer)
{
    return http_failure(transfer);
}

static bool is_ready(void *transfer)
{
    return http_is_ready(transfer);
}

static uint64_t bytes(void *transfer)
{
    return http_bytes_received(transfer);
}

static void end(void *transfer)
{
    http_end(transfer);
}

static enum ampql_code wait_ms(void *payload, int64_t ms, struct ampql_error *err)
{
    struct wires *wires = payload;
    return http_wait_ms(wires->http, ms, err);
}

static void set_poll(void *payload, http_poll *poll, void *poll_payload)
{
    struct wires *wires = payload;
    http_set_poll(wires->http, poll, poll_payload);
}

static enum ampql_code refresh(void *payload, int64_t now_ms, bool *renewed,
                               struct ampql_error *err)
{
    struct wires *wires = payload;
    *renewed = false;
    return wires->auth ? auth_refresh(wires->auth, now_ms, renewed, err) : AMPQL_OK;
}

static void redact(void *payload, char *text, size_t n)
{
    struct wires *wires = payload;
    if (wires->auth)
        auth_redact(wires->auth, text, n);
}

static void describe(void *payload, char *text, size_t size)
{
    struct wires *wires = payload;
    if (wires->auth)
        auth_describe(wires->auth, text, size);
}

static int64_t now(void *payload)
{
    (void)payload;
    return time_now();
}

static int64_t monotonic(void *payload)
{
    (void)payload;
    return time_monotonic();
}

static uint64_t random_bits(void *payload)
{
    struct wires *wires = payload;
    wires->random++;
    return hash_bytes(&wires->random, sizeof wires->random);
}

static void close_all(void *payload)
{
    struct wires *wires = payload;
    auth_close(wires->auth);
    http_free(wires->http);
    struct ampql_allocator alc = wires->alc;
    alloc_put(&alc, wires, 1, sizeof *wires);
}

enum ampql_code server_transport(const struct ampql_allocator *alc, struct http *http,
                                 struct auth *auth, struct transport *out, struct ampql_error *err)
{
    struct wires *wires = alloc_get(alc, 1, sizeof *wires);
    if (!wires) {
        auth_close(auth);
        http_free(http);
        return fail_nomem(err, "a source");
    }
    *wires = (struct wires){*alc, http, auth, (uint64_t)time_now()};
    *out = (struct transport){.payload = wires,
                              .start = start,
                              .status = status,
                              .header = header,
                              .read = read_some,
                              .failure = failure,
                              .is_ready = is_ready,
                              .bytes = bytes,
                              .end = end,
                              .wait = wait_ms,
                              .set_poll = set_poll,
                              .refresh = refresh,
                              .redact = redact,
                              .describe = describe,
                              .now = now,
                              .monotonic = monotonic,
                              .random = random_bits,
                              .close = close_all};
    return AMPQL_OK;
}

/* Client and authentication from the options, the second using the first. */
static enum ampql_code open_wires(const struct ampql_allocator *alc, const char *url,
                                  const struct ampql_http_options *options, struct http **http,
                                  struct auth **auth, struct ampql_error *err)
{
    struct aws_secret_allocator secret;
    struct arena arena;
    struct http_settings settings;
    aws_secret_init(&secret, alc);
    arena_init(&arena, &secret.alc);
    enum ampql_code code = http_settings_read(options, &arena, &settings, err);
    if (code == AMPQL_OK)
        code = http_new(alc, &settings.http, http, err);
    if (code == AMPQL_OK)
        code = auth_open(alc, &settings.auth, str_of(url), *http, auth, err);
    arena_done(&arena);
    return code;
}

enum ampql_code source_http_open(const struct ampql_allocator *alc, const char *url,
                                 const struct ampql_http_options *options, bool is_amp,
                                 http_poll *poll, void *poll_payload, struct ampql_source **out,
                                 struct ampql_error *err)
{
    struct transport transport;
    struct http *http = NULL;
    struct auth *auth = NULL;
    enum ampql_code code = open_wires(alc, url, options, &http, &auth, err);
    if (code != AMPQL_OK) {
        auth_close(auth);
        http_free(http);
        return code;
    }
    TRY(server_transport(alc, http, auth, &transport, err));
    struct retry_policy retry = retry_policy_default;
    if (options->max_retries)
        retry.max_retries = options->max_retries == UINT32_MAX ? 0 : options->max_retries;
    struct server_options server = {.base_url = str_of(url),
                                    .is_amp = is_amp,
                                    .dialect = options->dialect,
                                    .max_concurrency = options->concurrency,
                                    .retry = &retry,
                                    .max_billed_samples = options->max_billed_samples,
                                    .chunk_ms = options->chunk_ms,
                                    .interval_ms = options->interval_ms,
                                    .skip_histograms = options->skip_histograms,
                                    .poll = poll,
                                    .poll_payload = poll_payload,
                                    .progress = options->progress,
                                    .progress_payload = options->progress_payload};
    return source_server_open(alc, &transport, &server, out, err);
}
