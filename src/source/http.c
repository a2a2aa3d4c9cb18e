/* The client: its transfers, the loop that drives them all while one is waited for, and the clocks
 * that end those that take too long. */
#include "source/http.h"

#include "base/time.h"
#include "source/http_client.h"

#include <time.h>

enum {
    SLICE_MS = 25, /* between two looks at the caller's poll */
    MIN_BUFFER = 64 << 10
};

static bool copy_text(struct arena *arena, const char **text)
{
    if (*text)
        *text = arena_copy(arena, str_of(*text)).p;
    return *text != NULL;
}

static enum ampql_code copy_options(struct http *http, struct ampql_error *err)
{
    struct http_options *o = &http->options;
    const char **texts[] = {&o->ca_file,     &o->ca_path,   &o->cert_file, &o->key_file,
                            &o->server_name, &o->proxy_url, &o->user_agent};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (*texts[i] && !copy_text(&http->arena, texts[i]))
            return fail_nomem(err, "an HTTP client");
    return AMPQL_OK;
}

#define DEFAULT(member, value) ((member) = (member) ? (member) : (value))

static void fill_defaults(struct http_options *o)
{
    DEFAULT(o->connect_timeout_ms, 10 * 1000);
    DEFAULT(o->answer_timeout_ms, 150 * 1000);
    DEFAULT(o->stall_timeout_ms, 30 * 1000);
    DEFAULT(o->stall_bytes, 1024);
    DEFAULT(o->total_timeout_ms, 15 * 60 * 1000);
    DEFAULT(o->max_connections, 8);
    DEFAULT(o->max_body_bytes, UINT64_C(1) << 30);
    DEFAULT(o->max_ratio, 1100);
    DEFAULT(o->max_header_bytes, 256 << 10);
    DEFAULT(o->buffer_bytes, 1 << 20);
    DEFAULT(o->user_agent, "ampql/" AMPQL_VERSION);
    if (o->buffer_bytes < MIN_BUFFER)
        o->buffer_bytes = MIN_BUFFER;
}

static enum ampql_code open_multi(struct http *http, struct ampql_error *err)
{
    http->multi = http->curl->multi_init();
    if (!http->multi)
        return fail_nomem(err, "an HTTP client");
    /* One stream a connection, also with HTTP/2: in libcurl 7.88 a stream that waits for its reader
     * holds up all others on its connection. */
    http->curl->multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    http->curl->multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
                             (long)(http->options.max_connections + 4));
    return AMPQL_OK;
}

enum ampql_code http_new(const struct ampql_allocator *alc, const struct http_options *options,
                         struct http **out, struct ampql_error *err)
{
    static const struct http_options none = {0};
    const struct http_library *curl;
    TRY(http_library(&curl, err));
    struct http *http = alloc_get(alc, 1, sizeof *http);
    if (!http)
        return fail_nomem(err, "an HTTP client");
    *http = (struct http){.alc = alc, .curl = curl, .options = options ? *options : none};
    arena_init(&http->arena, alc);
    fill_defaults(&http->options);
    enum ampql_code code = copy_options(http, err);
    if (code == AMPQL_OK)
        code = open_multi(http, err);
    if (code == AMPQL_OK)
        *out = http;
    else
        http_free(http);
    return code;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    while (http->first)
        http_end(http->first);
    for (size_t i = 0; i < http->idle.n; i++)
        http->curl->easy_cleanup(http->idle.at[i]);
    array_done(&http->idle, http->alc);
    if (http->multi)
        http->curl->multi_cleanup(http->multi);
    array_done(&http->sockets, http->alc);
    arena_done(&http->arena);
    alloc_put(http->alc, http, 1, sizeof *http);
}

void http_set_poll(struct http *http, http_poll *poll, void *payload)
{
    http->options.poll = poll;
    http->options.poll_payload = payload;
}

uint64_t http_connections(const struct http *http)
{
    return http->connections;
}

/* ---- beginning and ending */

static CURL *take_easy(struct http *http)
{
    if (http->idle.n)
        return http->idle.at[--http->idle.n];
    return http->curl->easy_init();
}

static void give_easy(struct http *http, CURL *easy)
{
    http->curl->easy_reset(easy);
    if (http->idle.n >= http->options.max_connections || !array_add(&http->idle, http->alc, easy))
        http->curl->easy_cleanup(easy);
}

void transfer_detach(struct http_transfer *transfer)
{
    CURL *easy = transfer->easy;
    if (!easy)
        return;
    transfer->easy = NULL;
    transfer->http->curl->multi_remove_handle(transfer->http->multi, easy);
    give_easy(transfer->http, easy);
}

/* Hand a queued transfer to libcurl. What goes wrong is the transfer's failure. */
static void begin(struct http_transfer *transfer)
{
    struct http *http = transfer->http;
    struct ampql_error err = {0};
    CURL *easy = take_easy(http);
    transfer->state = HTTP_RUNNING;
    enum ampql_code code =
        easy ? transfer_setup(transfer, easy, &err) : fail_nomem(&err, "an HTTP request");
    if (code == AMPQL_OK && http->curl->multi_add_handle(http->multi, easy) != CURLM_OK)
        code = fail_nomem(&err, "an HTTP request");
    if (code == AMPQL_OK) {
        transfer->easy = easy;
        return;
    }
    if (easy)
        give_easy(http, easy);
    transfer_fail(transfer, HTTP_CAUSE_NONE, code, "%s", err.message);
    transfer->state = HTTP_DONE;
}

static void begin_queued(struct http *http)
{
    size_t nrunning = 0;
    for (struct http_transfer *t = http->first; t; t = t->next)
        nrunning += t->state == HTTP_RUNNING;
    for (struct http_transfer *t = http->first; t && nrunning < http->options.max_connections;
         t = t->next) {
        if (t->state == HTTP_QUEUED) {
            begin(t);
            nrunning++;
        }
    }
}

static void link_last(struct http *http, struct http_transfer *transfer)
{
    transfer->prev = http->last;
    if (http->last)
        http->last->next = transfer;
    else
        http->first = transfer;
    http->last = transfer;
}

enum ampql_code http_start(struct http *http, const struct http_request *request,
                           struct http_transfer **out, struct ampql_error *err)
{
    struct http_transfer *t = alloc_get(http->alc, 1, sizeof *t);
    if (!t)
        return fail_nomem(err, "an HTTP request");
    const struct http_options *o = &http->options;
    *t = (struct http_transfer){
        .http = http,
        .started_ms = time_monotonic(),
        .sent_age_ms = -1,
        .timeout_ms = request->timeout_ms ? request->timeout_ms : o->total_timeout_ms,
        .connect_ms = request->connect_ms ? request->connect_ms : o->connect_timeout_ms,
        .max_body_bytes = request->max_body_bytes ? request->max_body_bytes : o->max_body_bytes,
    };
    arena_init(&t->arena, http->alc);
    http_decode_init(&t->decode, http->alc, HTTP_IDENTITY);
    link_last(http, t);
    enum ampql_code code = transfer_copy(t, request, err);
    if (code != AMPQL_OK) {
        http_end(t);
        return code;
    }
    begin_queued(http);
    *out = t;
    return AMPQL_OK;
}

void http_end(struct http_transfer *transfer)
{
    if (!transfer)
        return;
    struct http *http = transfer->http;
    transfer_detach(transfer);
    *(transfer->prev ? &transfer->prev->next : &http->first) = transfer->next;
    *(transfer->next ? &transfer->next->prev : &http->last) = transfer->prev;
    for (size_t i = 0; i < transfer->secrets.n; i++)
        explicit_bzero((char *)(uintptr_t)transfer->secrets.at[i].p, transfer->secrets.at[i].n);
    http_decode_done(&transfer->decode);
    alloc_put(http->alc, transfer->in, transfer->in_cap, 1);
    arena_done(&transfer->arena);
    alloc_put(http->alc, transfer, 1, sizeof *transfer);
}

/* ---- driving */

/* Has the request gone out? Then the server's time begins. */
static bool is_sent(const struct http_transfer *t)
{
    curl_off_t us = 0;
    return t->http->curl->easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &us) == CURLE_OK &&
           us > 0;
}

static void check_clocks(struct http_transfer *t)
{
    const struct http_options *o = &t->http->options;
    long long seconds;
    if (t->sent_age_ms < 0 && is_sent(t))
        t->sent_age_ms = t->window_age_ms = t->age_ms;
    if (t->age_ms > t->timeout_ms) {
        seconds = (long long)t->timeout_ms;
        transfer_fail(t, HTTP_CAUSE_TIMEOUT, AMPQL_UNAVAILABLE, "no whole answer within %lld ms",
                      seconds);
    } else if (t->total_bytes == 0) {
        seconds = (long long)o->answer_timeout_ms;
        if (t->sent_age_ms >= 0 && t->age_ms - t->sent_age_ms > o->answer_timeout_ms)
            transfer_fail(t, HTTP_CAUSE_TIMEOUT, AMPQL_UNAVAILABLE,
                          "connected, but no answer within %lld ms", seconds);
    } else if (t->age_ms - t->window_age_ms >= o->stall_timeout_ms) {
        unsigned long long got = t->total_bytes - t->window_bytes;
        if (got < o->stall_bytes)
            transfer_fail(t, HTTP_CAUSE_TIMEOUT, AMPQL_UNAVAILABLE,
                          "the answer stalled: %llu bytes in %lld ms", got,
                          (long long)(t->age_ms - t->window_age_ms));
        t->window_age_ms = t->age_ms;
        t->window_bytes = t->total_bytes;
    }
}

static int64_t monotonic_us(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Transfers age only while they are driven and not waiting for their reader: what a caller does
 * between two reads is no fault of the server. */
static void age(struct http *http)
{
    int64_t now_us = monotonic_us(), passed_us = now_us - http->clock_us;
    http->clock_us = now_us;
    for (struct http_transfer *t = http->first; t; t = t->next) {
        if (t->state != HTTP_RUNNING || !t->ages)
            continue;
        t->age_us += passed_us;
        t->age_ms = t->age_us / 1000;
        check_clocks(t);
        if (t->code != AMPQL_OK) {
            t->state = HTTP_DONE;
            transfer_detach(t);
        }
    }
}

static void reap(struct http *http)
{
    int left;
    for (CURLMsg *m; (m = http->curl->multi_info_read(http->multi, &left)) != NULL;) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode result = m->data.result; /* m is gone when the handle is */
        char *payload = NULL;
        http->curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &payload);
        struct http_transfer *t = (struct http_transfer *)(void *)payload;
        long n = 0;
        if (t->http->curl->easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &n) == CURLE_OK && n > 0)
            http->connections += (uint64_t)n;
        if (result == CURLE_ABORTED_BY_CALLBACK && t->code == AMPQL_OK) {
            transfer_detach(t);
            begin(t);
            continue;
        }
        transfer_finish(t, result);
        t->state = HTTP_DONE;
        transfer_detach(t);
    }
}

static void perform(struct http *http)
{
    int running;
    begin_queued(http);
    for (struct http_transfer *t = http->first; t; t = t->next)
        t->ages = t->state == HTTP_RUNNING && !t->is_paused;
    http->curl->multi_perform(http->multi, &running);
    reap(http);
    age(http);
}

static enum ampql_code look_at_poll(const struct http *http, const char *origin,
                                    struct ampql_error *err)
{
    struct ampql_error said = {0};
    if (!http->options.poll)
        return AMPQL_OK;
    enum ampql_code code = http->options.poll(http->options.poll_payload, &said);
    if (code == AMPQL_OK || said.message[0]) {
        if (code != AMPQL_OK && err)
            *err = said;
        return code;
    }
    return fail(err, code, "%s%s%s", origin, origin[0] ? ": " : "",
                code == AMPQL_TIMEOUT ? "the deadline passed while waiting for the answer"
                                      : "canceled while waiting for the answer");
}

enum ampql_code http_wait(struct http_transfer *transfer, transfer_ready *is_ready,
                          struct ampql_error *err)
{
    struct http *http = transfer->http;
    http->clock_us = monotonic_us();
    TRY(look_at_poll(http, transfer->origin, err));
    while (!is_ready(transfer)) {
        /* not behind those that wait for readers of their own */
        if (transfer->state == HTTP_QUEUED)
            begin(transfer);
        perform(http);
        if (is_ready(transfer))
            break;
        TRY(look_at_poll(http, transfer->origin, err));
        http->curl->multi_poll(http->multi, NULL, 0, SLICE_MS, NULL);
    }
    return AMPQL_OK;
}

enum ampql_code http_wait_ms(struct http *http, int64_t ms, struct ampql_error *err)
{
    int64_t now_ms = time_monotonic(), end_ms = now_ms + (ms > 0 ? ms : 0);
    http->clock_us = monotonic_us();
    for (;;) {
        TRY(look_at_poll(http, "", err));
        perform(http);
        int64_t left_ms = end_ms - time_monotonic();
        if (left_ms <= 0)
            return AMPQL_OK;
        http->curl->multi_poll(http->multi, NULL, 0, (int)(left_ms < SLICE_MS ? left_ms : SLICE_MS),
                               NULL);
    }
}

bool http_is_ready(struct http_transfer *transfer)
{
    if (transfer->state == HTTP_RUNNING && transfer->in_at == transfer->in_n) {
        transfer->http->clock_us = monotonic_us();
        perform(transfer->http);
    }
    return transfer->in_at < transfer->in_n || transfer->state == HTTP_DONE;
}

/* ---- small documents */

static enum ampql_code read_whole(struct http_transfer *t, struct buf *body,
                                  struct ampql_error *err)
{
    enum { PIECE = 16 << 10 };
    for (size_t n = 1; n > 0;) {
        size_t left = body->max_bytes - body->n;
        char extra[1], *room = left ? buf_room(body, left < PIECE ? left : PIECE) : extra;
        if (!room)
            return fail_nomem(err, "an HTTP answer");
        TRY(http_read(t, room, !left ? 1 : left < PIECE ? left : PIECE, &n, err));
        if (!left && n) {
            return transfer_fail(t, HTTP_CAUSE_LIMIT, AMPQL_LIMIT,
                                 "the answer is longer than the %zu bytes expected",
                                 body->max_bytes);
        }
        body->n += left ? n : 0;
    }
    return AMPQL_OK;
}

static bool copy_headers(const struct http_transfer *t, struct arena *arena,
                         struct http_response *out)
{
    struct http_header *to = arena_alloc(arena, t->answer.n, sizeof *to);
    if (!to)
        return false;
    for (size_t i = 0; i < t->answer.n; i++) {
        to[i] = (struct http_header){.name = arena_copy(arena, t->answer.at[i].name),
                                     .value = arena_copy(arena, t->answer.at[i].value)};
        if (!to[i].name.p || !to[i].value.p)
            return false;
    }
    out->headers = to;
    out->nheaders = t->answer.n;
    return true;
}

enum ampql_code http_call(struct http *http, const struct http_request *request, size_t max_bytes,
                          struct arena *arena, struct http_response *out, struct ampql_error *err)
{
    struct http_transfer *t = NULL;
    struct buf body;
    *out = (struct http_response){0};
    buf_init(&body, http->alc, max_bytes);
    enum ampql_code code = http_start(http, request, &t, err);
    if (code == AMPQL_OK)
        code = http_status(t, &out->status, err);
    if (code == AMPQL_OK)
        code = read_whole(t, &body, err);
    if (code == AMPQL_OK && !copy_headers(t, arena, out))
        code = fail_nomem(err, "an HTTP answer");
    if (code == AMPQL_OK) {
        out->body = body.n ? arena_copy(arena, buf_view(&body)) : STR("");
        if (!out->body.p)
            code = fail_nomem(err, "an HTTP answer");
    }
    if (t && t->code != AMPQL_OK) {
        out->cause = t->cause;
        fail(err, t->code, "%s: %s", t->origin, t->message);
    }
    if (body.p)
        explicit_bzero(body.p, body.n); /* credentials come this way */
    buf_done(&body);
    http_end(t);
    return code;
}
