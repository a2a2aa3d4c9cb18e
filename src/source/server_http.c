/* The server source's transport over libcurl: every attempt is signed anew. */
#include "base/hash.h"
#include "base/time.h"
#include "source/auth.h"
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
    arena_init(&arena, &wires->alc);
    enum ampql_code code = AMPQL_OK;
    (void)now_ms;
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
    (void)payload, (void)now_ms, (void)err;
    *renewed = false;
    return AMPQL_OK;
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
    http_free(wires->http);
    struct ampql_allocator alc = wires->alc;
    alloc_put(&alc, wires, 1, sizeof *wires);
}

enum ampql_code server_transport(const struct ampql_allocator *alc, struct http *http,
                                 struct auth *auth, struct transport *out, struct ampql_error *err)
{
    struct wires *wires = alloc_get(alc, 1, sizeof *wires);
    if (!wires) {
        http_free(http);
        return fail_nomem(err, "a source");
    }
    *wires = (struct wires){*alc, http, auth, (uint64_t)time_now()};
    *out = (struct transport){wires,    start,     status,      header,   read_some, failure,
                              is_ready, bytes,     end,         wait_ms,  set_poll,  refresh,
                              now,      monotonic, random_bits, close_all};
    return AMPQL_OK;
}

enum ampql_code source_http_open(const struct ampql_allocator *alc, const char *url,
                                 const struct ampql_http_options *options, bool is_amp,
                                 struct ampql_source **out, struct ampql_error *err)
{
    struct transport transport;
    struct http *http;
    if (options->sign || options->nheaders || options->username || options->bearer_token ||
        options->bearer_token_file || options->config_file)
        return fail(err, AMPQL_UNSUPPORTED, "credentials for servers are not built in yet");
    struct http_options http_options = {.max_connections = options->concurrency,
                                        .max_body_bytes = options->max_body_bytes,
                                        .ca_file = options->ca_file};
    TRY(http_new(alc, &http_options, &http, err));
    TRY(server_transport(alc, http, NULL, &transport, err));
    struct server_options server = {.base_url = str_of(url),
                                    .is_amp = is_amp,
                                    .dialect = options->dialect,
                                    .max_concurrency = options->concurrency,
                                    .max_billed_samples = options->max_billed_samples};
    return source_server_open(alc, &transport, &server, out, err);
}
