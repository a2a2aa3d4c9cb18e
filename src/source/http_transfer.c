/* One transfer: the answer as it comes, why it fails, and reading it. */
#include "base/time.h"
#include "source/http_client.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_HEADERS = 1000 };

/* ---- failures */

/* Text that libcurl made, partly of what the server sent: nothing in it may drive a terminal. */
static void clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f)
            *text = '?';
}

enum ampql_code transfer_fail(struct http_transfer *transfer, enum http_cause cause,
                              enum ampql_code code, const char *format, ...)
{
    if (transfer->code != AMPQL_OK)
        return transfer->code;
    va_list args;
    va_start(args, format);
    vsnprintf(transfer->message, sizeof transfer->message, format, args);
    va_end(args);
    clean(transfer->message);
    transfer->cause = cause;
    transfer->code = code;
    return code;
}

static enum ampql_code report(const struct http_transfer *t, struct ampql_error *err)
{
    return fail(err, t->code, "%s: %s", t->origin, t->message);
}

struct curl_meaning {
    enum http_cause cause;
    enum ampql_code code;
    const char *what;
};

static struct curl_meaning meaning(CURLcode result)
{
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return (struct curl_meaning){HTTP_CAUSE_RESOLVE, AMPQL_UNAVAILABLE,
                                     "the host is not known"};
    case CURLE_COULDNT_RESOLVE_PROXY:
        return (struct curl_meaning){HTTP_CAUSE_RESOLVE, AMPQL_UNAVAILABLE,
                                     "the proxy's host is not known"};
    case CURLE_COULDNT_CONNECT:
        return (struct curl_meaning){HTTP_CAUSE_CONNECT, AMPQL_UNAVAILABLE, "cannot connect"};
    case CURLE_OPERATION_TIMEDOUT: /* the only one of its clocks that is set is the connect one */
        return (struct curl_meaning){HTTP_CAUSE_CONNECT, AMPQL_UNAVAILABLE,
                                     "cannot connect within the time"};
    case CURLE_PEER_FAILED_VERIFICATION:
        return (struct curl_meaning){HTTP_CAUSE_TLS, AMPQL_UNAVAILABLE,
                                     "the server's certificate is not accepted"};
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ISSUER_ERROR:
        return (struct curl_meaning){HTTP_CAUSE_TLS, AMPQL_UNAVAILABLE, "the TLS handshake failed"};
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        return (struct curl_meaning){HTTP_CAUSE_TLS, AMPQL_BAD_DATA,
                                     "the client certificate or its key cannot be used"};
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
        return (struct curl_meaning){HTTP_CAUSE_TLS, AMPQL_BAD_DATA,
                                     "the file of certificate authorities cannot be used"};
    case CURLE_GOT_NOTHING:
        return (struct curl_meaning){HTTP_CAUSE_RESET, AMPQL_UNAVAILABLE,
                                     "the connection was closed before any answer"};
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return (struct curl_meaning){HTTP_CAUSE_RESET, AMPQL_UNAVAILABLE, "the connection broke"};
    case CURLE_PARTIAL_FILE:
        return (struct curl_meaning){HTTP_CAUSE_CUT, AMPQL_UNAVAILABLE, "the answer ended early"};
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return (struct curl_meaning){HTTP_CAUSE_RESET, AMPQL_UNAVAILABLE,
                                     "the HTTP/2 stream was broken off"};
    case CURLE_OUT_OF_MEMORY:
        return (struct curl_meaning){HTTP_CAUSE_NONE, AMPQL_NOMEM, "no memory for a request"};
    case CURLE_URL_MALFORMAT:
        return (struct curl_meaning){HTTP_CAUSE_NONE, AMPQL_BAD_DATA, "not a URL"};
    default:
        return (struct curl_meaning){HTTP_CAUSE_PROTOCOL, AMPQL_BAD_DATA,
                                     "the answer is not proper HTTP"};
    }
}

void transfer_finish(struct http_transfer *t, CURLcode result)
{
    t->ended_ms = time_monotonic();
    if (result == CURLE_OK && !t->has_headers)
        result = CURLE_WEIRD_SERVER_REPLY;
    if (result == CURLE_OK || t->code != AMPQL_OK)
        return;
    struct curl_meaning m = meaning(result);
    /* So libcurl calls it when a header line grows over its own limit. */
    long sent = 0;
    if (result == CURLE_OUT_OF_MEMORY && !t->has_headers && t->easy &&
        t->http->curl->easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent > 0)
        m = (struct curl_meaning){HTTP_CAUSE_LIMIT, AMPQL_LIMIT,
                                  "a header that does not end, or no memory"};
    /* The same code stands for a broken connection and for trash in the chunks. */
    if (result == CURLE_RECV_ERROR && strstr(t->curl_error, "chunk"))
        m = meaning(CURLE_WEIRD_SERVER_REPLY);
    const char *detail = t->curl_error[0] ? t->curl_error : t->http->curl->easy_strerror(result);
    transfer_fail(t, m.cause, m.code, "%s (%s)", m.what, detail);
}

/* ---- the answer as it comes */

static bool has_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str trim(struct str s)
{
    while (s.n && has_space(s.p[0]))
        s = str_from(s, 1);
    while (s.n && has_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str transfer_find_header(const struct http_header *headers, size_t n, struct str name)
{
    while (n--)
        if (str_equal_fold(headers[n].name, name))
            return headers[n].value;
    return (struct str){0};
}

/* status-line := "HTTP/" version " " digit digit digit ... */
static int status_of(struct str line)
{
    const char *blank = memchr(line.p, ' ', line.n);
    int status = 0;
    if (!blank)
        return 0;
    struct str rest = trim(str_from(line, (size_t)(blank - line.p)));
    for (size_t i = 0; i < 3 && i < rest.n; i++) {
        if (rest.p[i] < '0' || rest.p[i] > '9')
            return 0;
        status = status * 10 + (rest.p[i] - '0');
    }
    return status;
}

/* A length that libcurl cannot hold it leaves out, and reads to the connection's end instead. */
static bool is_length(struct str text)
{
    static const char most[] = "9223372036854775807";
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    size_t digits = sizeof most - 1;
    return text.n > 0 &&
           (text.n < digits || (text.n == digits && memcmp(text.p, most, digits) <= 0));
}

/* What frames the body must be said once, and of codings only chunked was asked for: a server or
 * proxy that disagrees with itself gives bodies that cannot be trusted. */
static enum ampql_code check_framing(struct http_transfer *t)
{
    struct str length = {0};
    bool is_chunked = false;
    for (size_t i = 0; i < t->answer.n; i++) {
        const struct http_header *h = &t->answer.at[i];
        if (str_equal_fold(h->name, STR("content-length"))) {
            if (length.p && !str_equal(length, h->value))
                return transfer_fail(t, HTTP_CAUSE_PROTOCOL, AMPQL_BAD_DATA,
                                     "the answer has two different lengths");
            length = h->value;
            if (!is_length(length))
                return transfer_fail(t, HTTP_CAUSE_PROTOCOL, AMPQL_BAD_DATA,
                                     "the answer has a length that is none");
        } else if (str_equal_fold(h->name, STR("transfer-encoding"))) {
            if (!str_equal_fold(h->value, STR("chunked")))
                return transfer_fail(t, HTTP_CAUSE_PROTOCOL, AMPQL_BAD_DATA,
                                     "the answer has a transfer coding that was not asked for");
            is_chunked = true;
        }
    }
    if (is_chunked && length.p)
        return transfer_fail(t, HTTP_CAUSE_PROTOCOL, AMPQL_BAD_DATA,
                             "the answer is both chunked and of a given length");
    return AMPQL_OK;
}

static enum ampql_code end_headers(struct http_transfer *t)
{
    enum http_encoding encoding;
    if (t->status < 200 && t->status != 101)
        return AMPQL_OK; /* informational: the answer comes after it */
    if (t->status < 200 || t->status > 599)
        return transfer_fail(t, HTTP_CAUSE_PROTOCOL, AMPQL_BAD_DATA,
                             "the answer has the status %d, which means nothing here", t->status);
    TRY(check_framing(t));
    struct str coding = transfer_find_header(t->answer.at, t->answer.n, STR("content-encoding"));
    if (!http_encoding_of(coding, &encoding)) {
        char quoted[HTTP_MESSAGE_MAX / 2];
        return transfer_fail(t, HTTP_CAUSE_PROTOCOL, AMPQL_BAD_DATA,
                             "the answer is packed as %s, which was not offered",
                             quote_clipped(quoted, sizeof quoted, coding));
    }
    http_decode_init(&t->decode, t->http->alc, encoding);
    t->has_headers = true;
    return AMPQL_OK;
}

static enum ampql_code take_header(struct http_transfer *t, struct str line)
{
    t->header_bytes += line.n;
    t->total_bytes += line.n;
    if (t->header_bytes > t->http->options.max_header_bytes)
        return transfer_fail(t, HTTP_CAUSE_LIMIT, AMPQL_LIMIT,
                             "the answer has more than %zu bytes of headers",
                             t->http->options.max_header_bytes);
    if (t->has_headers) /* trailers: counted, and nothing in them is wanted */
        return AMPQL_OK;
    if (str_has_prefix(line, STR("HTTP/"))) {
        t->answer.n = 0;
        t->status = status_of(line);
        return AMPQL_OK;
    }
    struct str text = trim(line);
    if (text.n == 0)
        return end_headers(t);
    const char *colon = memchr(text.p, ':', text.n);
    if (!colon)
        return AMPQL_OK; /* libcurl has refused what matters */
    struct http_header h = {
        .name = arena_copy(&t->arena, trim(str_make(text.p, (size_t)(colon - text.p)))),
        .value = arena_copy(&t->arena, trim(str_from(text, (size_t)(colon - text.p) + 1)))};
    if (t->answer.n == MAX_HEADERS)
        return transfer_fail(t, HTTP_CAUSE_LIMIT, AMPQL_LIMIT,
                             "the answer has more than %d headers", MAX_HEADERS);
    if (!h.name.p || !h.value.p || !array_push(&t->answer, &t->arena, h))
        return transfer_fail(t, HTTP_CAUSE_NONE, AMPQL_NOMEM, "no memory for the answer's headers");
    return AMPQL_OK;
}

size_t transfer_on_header(char *p, size_t size, size_t n, void *payload)
{
    struct http_transfer *t = payload;
    return take_header(t, str_make(p, size * n)) == AMPQL_OK ? size * n : 0;
}

/* Room for n more bytes behind what is in the buffer. */
static bool make_room(struct http_transfer *t, size_t n)
{
    const struct ampql_allocator *alc = t->http->alc;
    if (t->in_at) {
        memmove(t->in, t->in + t->in_at, t->in_n - t->in_at);
        t->in_n -= t->in_at;
        t->in_at = 0;
    }
    if (n <= t->in_cap - t->in_n)
        return true;
    size_t cap = t->in_cap ? t->in_cap : 32 << 10;
    while (cap - t->in_n < n)
        cap *= 2;
    char *in = alloc_resize(alc, t->in, t->in_cap, cap, 1);
    if (!in)
        return false;
    t->in = in;
    t->in_cap = cap;
    return true;
}

size_t transfer_on_body(char *p, size_t size, size_t count, void *payload)
{
    struct http_transfer *t = payload;
    size_t n = size * count, waiting = t->in_n - t->in_at;
    if (waiting && waiting + n > t->http->options.buffer_bytes) {
        t->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (n > t->in_cap - t->in_n && !make_room(t, n)) {
        transfer_fail(t, HTTP_CAUSE_NONE, AMPQL_NOMEM, "no memory for the answer");
        return 0;
    }
    if (n)
        memcpy(t->in + t->in_n, p, n);
    t->in_n += n;
    t->received += n;
    t->total_bytes += n;
    return n;
}

/* ---- reading */

static bool is_answered(const struct http_transfer *t)
{
    return t->has_headers || t->state == HTTP_DONE;
}

static bool is_readable(const struct http_transfer *t)
{
    return t->in_at < t->in_n || t->state == HTTP_DONE;
}

enum ampql_code http_status(struct http_transfer *t, int *status, struct ampql_error *err)
{
    TRY(http_wait(t, is_answered, err));
    if (!t->has_headers)
        return report(t, err);
    *status = t->status;
    return AMPQL_OK;
}

/* The reader has caught up: go on receiving. */
static void resume(struct http_transfer *t)
{
    if (!t->is_paused || t->in_n - t->in_at > t->http->options.buffer_bytes / 4)
        return;
    t->is_paused = false;
    if (t->easy && t->http->curl->easy_pause(t->easy, CURLPAUSE_CONT) != CURLE_OK)
        transfer_fail(t, HTTP_CAUSE_PROTOCOL, AMPQL_BAD_DATA, "the answer cannot be read on");
}

static enum ampql_code check_unpacked(struct http_transfer *t)
{
    enum { SMALL = 16 << 20 };
    const struct http_options *o = &t->http->options;
    if (t->unpacked > t->max_body_bytes)
        return transfer_fail(t, HTTP_CAUSE_LIMIT, AMPQL_LIMIT,
                             "the answer is longer than the limit of %llu bytes",
                             (unsigned long long)t->max_body_bytes);
    if (t->decode.encoding != HTTP_IDENTITY && t->unpacked > SMALL &&
        t->unpacked / o->max_ratio > t->consumed)
        return transfer_fail(t, HTTP_CAUSE_LIMIT, AMPQL_LIMIT,
                             "the answer unpacks to more than %llu times its size",
                             (unsigned long long)o->max_ratio);
    return AMPQL_OK;
}

/* Unpack what is there; *n stays 0 when more has to come. */
static enum ampql_code unpack(struct http_transfer *t, char *buffer, size_t size, size_t *n,
                              struct ampql_error *err)
{
    struct ampql_error inner = {0};
    for (bool moves = true; *n == 0 && moves;) {
        size_t used = 0;
        /* a body without a byte has no buffer */
        struct str in =
            t->in ? str_make(t->in + t->in_at, t->in_n - t->in_at) : (struct str){"", 0};
        enum ampql_code code = http_decode(&t->decode, in, &used, buffer, size, n, &inner);
        if (code != AMPQL_OK) {
            transfer_fail(t, code == AMPQL_NOMEM ? HTTP_CAUSE_NONE : HTTP_CAUSE_PROTOCOL, code,
                          "%s", inner.message);
            return report(t, err);
        }
        t->in_at += used;
        t->consumed += used;
        t->unpacked += *n;
        moves = used > 0;
    }
    resume(t);
    return check_unpacked(t) == AMPQL_OK ? AMPQL_OK : report(t, err);
}

enum ampql_code http_read(struct http_transfer *t, char *buffer, size_t size, size_t *out,
                          struct ampql_error *err)
{
    int status;
    *out = 0;
    TRY(http_status(t, &status, err));
    while (size) {
        /* what arrived before a failure comes first, so that how it was cut never shows */
        bool was_done = t->state == HTTP_DONE && t->in_at == t->in_n;
        if (t->cause == HTTP_CAUSE_LIMIT)
            return report(t, err);
        TRY(unpack(t, buffer, size, out, err));
        if (*out)
            return AMPQL_OK;
        if (was_done)
            break;
        TRY(http_wait(t, is_readable, err));
    }
    if (size && t->code == AMPQL_OK && !http_decode_is_whole(&t->decode))
        transfer_fail(t, HTTP_CAUSE_CUT, AMPQL_UNAVAILABLE,
                      "the packed data of the answer ends early");
    return t->code == AMPQL_OK ? AMPQL_OK : report(t, err);
}

struct str http_header(const struct http_transfer *t, struct str name)
{
    return transfer_find_header(t->answer.at, t->answer.n, name);
}

struct str http_response_header(const struct http_response *response, struct str name)
{
    return transfer_find_header(response->headers, response->nheaders, name);
}

enum http_cause http_failure(const struct http_transfer *t)
{
    return t->cause;
}

struct str http_origin(const struct http_transfer *t)
{
    return str_of(t->origin);
}

uint64_t http_bytes_received(const struct http_transfer *t)
{
    return t->received;
}

int64_t http_duration_ms(const struct http_transfer *t)
{
    return (t->ended_ms ? t->ended_ms : time_monotonic()) - t->started_ms;
}

bool http_is_loopback(struct str url)
{
    struct http_url parts;
    return http_url_parse(url, &parts, NULL) == AMPQL_OK && http_url_is_loopback(&parts);
}

const char *http_cause_name(enum http_cause cause)
{
    static const char *const names[] = {
        [HTTP_CAUSE_NONE] = "none",       [HTTP_CAUSE_RESOLVE] = "resolve",
        [HTTP_CAUSE_CONNECT] = "connect", [HTTP_CAUSE_TLS] = "tls",
        [HTTP_CAUSE_TIMEOUT] = "timeout", [HTTP_CAUSE_RESET] = "reset",
        [HTTP_CAUSE_CUT] = "cut",         [HTTP_CAUSE_PROTOCOL] = "protocol",
        [HTTP_CAUSE_LIMIT] = "limit",
    };
    return names[cause];
}
