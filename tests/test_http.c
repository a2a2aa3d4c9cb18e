/* The HTTP client against servers that break every rule: each answer is the exact body or a typed
 * failure, never a part of it. */
#include "base/time.h"
#include "source/http_client.h"
#include "support/hostile.h"
#include "support/test.h"
#include "support/torture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

/* Sooner than what would last for ever, however busy the machine is. */
enum { PROMPT_MS = 15000 };

static struct torture memory;

static void begin_memory(void)
{
    torture_init(&memory, 0);
}

static void end_memory(void)
{
    assert_int_equal(memory.live, 0);
}

/* What came of a request. */
struct outcome {
    enum ampql_code code; /* of the first call that failed */
    enum http_cause cause;
    int status;
    char body[4096];
    size_t n;
    char message[AMPQL_MESSAGE_MAX];
    bool has_status;
};

static struct outcome get_with(struct http *http, const struct http_request *request)
{
    struct outcome o = {0};
    struct ampql_error err = {0};
    struct http_transfer *t = NULL;
    size_t n = 1;
    o.code = http_start(http, request, &t, &err);
    if (o.code == AMPQL_OK)
        o.code = http_status(t, &o.status, &err);
    o.has_status = o.code == AMPQL_OK;
    while (o.code == AMPQL_OK && n) {
        /* small pieces, so that their seams are looked at too */
        size_t room = sizeof o.body - 1 - o.n;
        o.code = http_read(t, o.body + o.n, room < 7 ? room : 7, &n, &err);
        o.n += n;
        if (room == 0)
            break;
    }
    if (t)
        o.cause = http_failure(t);
    memcpy(o.message, err.message, sizeof o.message);
    http_end(t);
    return o;
}

static struct outcome get(struct http *http, const char *url)
{
    struct http_request request = {.method = STR("GET"), .url = str_of(url)};
    return get_with(http, &request);
}

static struct http *open_client(const struct http_options *options)
{
    struct http *http = NULL;
    struct ampql_error err = {0};
    assert_int_equal(http_new(&memory.alc, options, &http, &err), AMPQL_OK);
    return http;
}

/* ---- scripted answers */

enum ending { FIN, RESET, STAY };

struct script {
    const char *name;
    const char *bytes;
    size_t n; /* 0: a string */
    enum ending ending;
    int status;       /* 0: fails before it, */
    const char *body; /* NULL: fails */
    enum ampql_code code;
    enum http_cause cause;
};

static size_t script_size(const struct script *s)
{
    return s->n ? s->n : strlen(s->bytes);
}

static void finish(struct hostile *h, int fd, enum ending ending)
{
    char rest[4096];
    if (ending == RESET) {
        hostile_reset(fd);
    } else {
        if (ending == FIN)
            shutdown(fd, SHUT_WR);
        /* unread bytes would turn the end into a reset */
        while (recv(fd, rest, sizeof rest, 0) > 0)
            continue;
    }
    (void)h;
}

static void serve_script(struct hostile *h, int fd, size_t n)
{
    const struct script *s = h->payload;
    (void)n;
    if (!hostile_take(h, fd))
        return;
    hostile_send(fd, s->bytes, script_size(s));
    finish(h, fd, s->ending);
}

#define OK_BODY(name, bytes, body)                                                                 \
    {                                                                                              \
        name, bytes, 0, FIN, 200, body, AMPQL_OK, HTTP_CAUSE_NONE                                  \
    }
#define BAD(name, bytes, status, ...)                                                              \
    {                                                                                              \
        name, bytes, 0, FIN, status, NULL, __VA_ARGS__                                             \
    }
#define TRASH AMPQL_BAD_DATA, HTTP_CAUSE_PROTOCOL
#define CUT AMPQL_UNAVAILABLE, HTTP_CAUSE_CUT

/* clang-format off */
static const struct script scripts[] = {
    OK_BODY("length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    OK_BODY("length said twice",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    OK_BODY("empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
    OK_BODY(
        "chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
        "hello"),
    OK_BODY("trailers",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-After: "
            "1\r\n\r\n",
            "hello"),
    OK_BODY("until the end", "HTTP/1.1 200 OK\r\n\r\nhello", "hello"),
    OK_BODY("1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    OK_BODY("bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello"),
    OK_BODY("100 first",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"),
    OK_BODY("103 first",
            "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\nContent-Encoding: br\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "ok"),
    OK_BODY("too long", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world", "hello"),
    OK_BODY("two glued",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother",
            "hello"),
    {"204", "HTTP/1.1 204 No Content\r\n\r\n", 0, FIN, 204, "", AMPQL_OK, HTTP_CAUSE_NONE},
    {"206", "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\nhe", 0, FIN, 206, "he",
     AMPQL_OK, HTTP_CAUSE_NONE},
    {"301", "HTTP/1.1 301 Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", 0, FIN, 301, "",
     AMPQL_OK, HTTP_CAUSE_NONE},
    {"302", "HTTP/1.1 302 Found\r\nLocation: //127.0.0.1/\r\nContent-Length: 2\r\n\r\nno", 0, FIN,
     302, "no", AMPQL_OK, HTTP_CAUSE_NONE},
    {"307", "HTTP/1.1 307 No\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", 0, FIN,
     307, "", AMPQL_OK, HTTP_CAUSE_NONE},
    {"308", "HTTP/1.1 308 No\r\nLocation: gopher://h/\r\nContent-Length: 0\r\n\r\n", 0, FIN, 308,
     "", AMPQL_OK, HTTP_CAUSE_NONE},
    {"503", "HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy", 0, FIN, 503,
     "busy", AMPQL_OK, HTTP_CAUSE_NONE},
    {"413 in the middle", "HTTP/1.1 413 No\r\nContent-Length: 9\r\n\r\nlarg", 0, FIN, 413, NULL,
     CUT},

    BAD("nothing", "", 0, AMPQL_UNAVAILABLE, HTTP_CAUSE_RESET),
    {"reset", "", 0, RESET, 0, NULL, AMPQL_UNAVAILABLE, HTTP_CAUSE_RESET},
    {"reset after headers", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0, RESET, 200, NULL,
     AMPQL_UNAVAILABLE, HTTP_CAUSE_RESET},
    {"reset until the end", "HTTP/1.1 200 OK\r\n\r\nhello", 0, RESET, 200, NULL, AMPQL_UNAVAILABLE,
     HTTP_CAUSE_RESET},
    BAD("too short", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", 200, CUT),
    BAD("length and nothing", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, CUT),
    BAD("length below 0", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", 0, TRASH),
    BAD("length no number", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello", 0, TRASH),
    BAD("length 2^70", "HTTP/1.1 200 OK\r\nContent-Length: 1180591620717411303424\r\n\r\nhello", 0,
        TRASH),
    BAD("length 2^62", "HTTP/1.1 200 OK\r\nContent-Length: 4611686018427387904\r\n\r\nhello", 200,
        CUT),
    BAD("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello", 0,
        TRASH),
    BAD("a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5, 4\r\n\r\nhello", 0, TRASH),
    BAD("length and chunks",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: "
        "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        0, TRASH),
    BAD("coding not asked for",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0,
        TRASH),
    BAD("no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 200,
        CUT),
    BAD("last chunk cut",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", 200, CUT),
    BAD("chunk cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", 200, CUT),
    BAD("chunk size zz",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", 200,
        TRASH),
    BAD("chunk size below 0",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", 200,
        TRASH),
    BAD("chunk size over 2^64",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        "chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        200, TRASH),
    BAD("chunk size 2^64 - 1",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        "chunked\r\n\r\nffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        200, TRASH),
    BAD("chunk too long",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", 200, TRASH),
    BAD("not HTTP", "hello\r\n\r\n", 0, TRASH),
    BAD("HTML", "<html><body>captive portal</body></html>", 0, TRASH),
    BAD("HTTP/9", "HTTP/9.9 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, TRASH),
    BAD("no status", "HTTP/1.1 abc OK\r\nContent-Length: 5\r\n\r\nhello", 0, TRASH),
    BAD("status 0", "HTTP/1.1 000 OK\r\nContent-Length: 5\r\n\r\nhello", 0, TRASH),
    BAD("status 999", "HTTP/1.1 999 OK\r\nContent-Length: 5\r\n\r\nhello", 0, TRASH),
    BAD("101 unasked", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello",
        0, TRASH),
    BAD("100 and no more", "HTTP/1.1 100 Continue\r\n\r\n", 0, AMPQL_UNAVAILABLE, HTTP_CAUSE_RESET),
    BAD("br", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 5\r\n\r\nhello", 0,
        TRASH),
    BAD("twice packed",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 5\r\n\r\nhello", 0,
        TRASH),
    BAD("gzip but plain",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", 200, TRASH),
    BAD("zstd but plain",
        "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 5\r\n\r\nhello", 200, TRASH),
    OK_BODY("identity",
            "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
            "hello"),
    OK_BODY("gzip of nothing",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", ""),
};
/* clang-format on */

static void expect(const struct script *s, const struct outcome *o)
{
    bool is_equal = s->body ? o->code == AMPQL_OK && o->n == strlen(s->body) &&
                                  memcmp(o->body, s->body, o->n) == 0
                            : o->code == s->code && o->cause == s->cause && o->message[0];
    if (is_equal && o->status == s->status && o->has_status == (s->status != 0))
        return;
    fail_msg("%s: code %d cause %s status %d body \"%.*s\": %s", s->name, (int)o->code,
             http_cause_name(o->cause), o->status, (int)o->n, o->body, o->message);
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct hostile h;
        struct script script = scripts[i];
        hostile_start(&h, serve_script, &script);
        begin_memory();
        struct http *http = open_client(NULL);
        struct outcome o = get(http, h.url);
        expect(&script, &o);
        assert_int_equal(atomic_load(&h.nrequests), 1);
        if (!script.body) { /* names who, and nothing else of the URL */
            assert_non_null(strstr(o.message, h.url));
        }
        http_free(http);
        end_memory();
        hostile_stop(&h);
    }
}

/* Cut after every byte, by an end and by a reset: never an answer. */
static void cut_everywhere(const char *whole, size_t n)
{
    static const enum ending endings[] = {FIN, RESET};
    for (size_t e = 0; e < 2; e++) {
        for (size_t k = 1; k < n; k++) {
            struct hostile h;
            struct script script = {.bytes = whole, .n = k, .ending = endings[e]};
            hostile_start(&h, serve_script, &script);
            begin_memory();
            struct http *http = open_client(NULL);
            struct outcome o = get(http, h.url);
            if (o.code == AMPQL_OK || (o.cause == HTTP_CAUSE_NONE))
                fail_msg("cut after %zu of %zu bytes (%d): code %d cause %s body \"%.*s\"", k, n,
                         (int)e, (int)o.code, http_cause_name(o.cause), (int)o.n, o.body);
            http_free(http);
            end_memory();
            hostile_stop(&h);
        }
    }
}

static void test_cut_length(void **state)
{
    static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello";
    (void)state;
    cut_everywhere(whole, sizeof whole - 1);
}

static void test_cut_chunks(void **state)
{
    static const char whole[] =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    (void)state;
    /* once the last chunk is there the body is whole: libcurl does not wait for the very last byte
     */
    cut_everywhere(whole, sizeof whole - 2);
}

/* ---- packed bodies */

static size_t gzip_of(const char *text, size_t n, char *out, size_t size)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (uInt)n;
    z.next_out = (unsigned char *)out;
    z.avail_out = (uInt)size;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return size - z.avail_out;
}

/* Answer with a packed body of the right length. */
static struct outcome get_packed(const char *encoding, const char *body, size_t n,
                                 const struct http_options *options)
{
    static char answer[1 << 20];
    struct hostile h;
    int head = snprintf(answer, sizeof answer,
                        "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
                        encoding, n);
    assert_true((size_t)head + n <= sizeof answer);
    memcpy(answer + head, body, n);
    struct script script = {.bytes = answer, .n = (size_t)head + n, .ending = FIN};
    hostile_start(&h, serve_script, &script);
    begin_memory();
    struct http *http = open_client(options);
    struct outcome o = get(http, h.url);
    http_free(http);
    end_memory();
    hostile_stop(&h);
    return o;
}

static const char text[] = "hello, hello, hello, hello: the same and the same again";

static void packed_cases(const char *encoding, const char *packed, size_t n)
{
    char changed[1024];
    struct outcome o = get_packed(encoding, packed, n, NULL);
    assert_int_equal(o.code, AMPQL_OK);
    assert_int_equal(o.n, sizeof text - 1);
    assert_memory_equal(o.body, text, o.n);
    /* two members or frames */
    memcpy(changed, packed, n);
    memcpy(changed + n, packed, n);
    o = get_packed(encoding, changed, 2 * n, NULL);
    assert_int_equal(o.code, AMPQL_OK);
    assert_int_equal(o.n, 2 * (sizeof text - 1));
    /* the packed data cut short, in a body of the right length */
    for (size_t k = 1; k < n; k += k < 8 || k + 12 > n ? 1 : 5) {
        o = get_packed(encoding, packed, k, NULL);
        assert_int_not_equal(o.code, AMPQL_OK);
        assert_int_not_equal(o.cause, HTTP_CAUSE_NONE);
    }
    /* one wrong bit in the last bytes: the checksum */
    memcpy(changed, packed, n);
    changed[n - 5] ^= 4;
    o = get_packed(encoding, changed, n, NULL);
    assert_int_equal(o.code, AMPQL_BAD_DATA);
    assert_int_equal(o.cause, HTTP_CAUSE_PROTOCOL);
    /* bytes after the end */
    memcpy(changed, packed, n);
    memcpy(changed + n, "rubbish", 7);
    o = get_packed(encoding, changed, n + 7, NULL);
    assert_int_equal(o.code, AMPQL_BAD_DATA);
    assert_int_equal(o.cause, HTTP_CAUSE_PROTOCOL);
}

static void test_gzip(void **state)
{
    char packed[512];
    (void)state;
    packed_cases("gzip", packed, gzip_of(text, sizeof text - 1, packed, sizeof packed));
    packed_cases("X-GZip", packed, gzip_of(text, sizeof text - 1, packed, sizeof packed));
}

static void test_zstd(void **state)
{
    char packed[512];
    ZSTD_CCtx *c = ZSTD_createCCtx();
    (void)state;
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    size_t n = ZSTD_compress2(c, packed, sizeof packed, text, sizeof text - 1);
    ZSTD_freeCCtx(c);
    assert_false(ZSTD_isError(n));
    packed_cases("zstd", packed, n);
}

/* 100 MiB of zeroes: held nowhere, and refused at the ceiling that comes first. */
static struct outcome get_bomb(const char *encoding, const char *bomb, size_t n,
                               const struct http_options *options, uint64_t *unpacked)
{
    static char answer[1 << 20], piece[1 << 16];
    struct hostile h;
    struct outcome o = {0};
    struct ampql_error err = {0};
    int head = snprintf(answer, sizeof answer,
                        "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
                        encoding, n);
    assert_true((size_t)head + n <= sizeof answer);
    memcpy(answer + head, bomb, n);
    struct script script = {.bytes = answer, .n = (size_t)head + n, .ending = FIN};
    hostile_start(&h, serve_script, &script);
    begin_memory();
    struct http *http = open_client(options);
    struct http_request request = {.method = STR("GET"), .url = str_of(h.url)};
    struct http_transfer *t = NULL;
    assert_int_equal(http_start(http, &request, &t, &err), AMPQL_OK);
    *unpacked = 0;
    for (size_t got = 1; got && o.code == AMPQL_OK; *unpacked += got)
        o.code = http_read(t, piece, sizeof piece, &got, &err);
    o.cause = http_failure(t);
    assert_true(memory.peak_bytes < 2 << 20);
    http_end(t);
    http_free(http);
    end_memory();
    hostile_stop(&h);
    return o;
}

static void test_bomb(void **state)
{
    enum { SIZE = 100 << 20 };
    static char packed[1 << 19];
    char *zeroes = calloc(1, SIZE);
    uint64_t unpacked;
    (void)state;
    assert_non_null(zeroes);
    size_t n = gzip_of(zeroes, SIZE, packed, sizeof packed);
    struct outcome o =
        get_bomb("gzip", packed, n, &(struct http_options){.max_body_bytes = 1 << 20}, &unpacked);
    assert_int_equal(o.code, AMPQL_LIMIT);
    assert_int_equal(o.cause, HTTP_CAUSE_LIMIT);
    assert_true(unpacked < 2 << 20);
    o = get_bomb("gzip", packed, n, &(struct http_options){.max_ratio = 200}, &unpacked);
    assert_int_equal(o.code, AMPQL_LIMIT);
    assert_true(unpacked < 30 << 20);
    o = get_bomb("gzip", packed, n, NULL, &unpacked);
    assert_int_equal(o.code, AMPQL_OK);
    assert_int_equal(unpacked, SIZE);
    /* zstd packs zeroes far beyond what deflate can */
    n = ZSTD_compress(packed, sizeof packed, zeroes, SIZE, 3);
    assert_false(ZSTD_isError(n));
    o = get_bomb("zstd", packed, n, NULL, &unpacked);
    assert_int_equal(o.code, AMPQL_LIMIT);
    assert_true(unpacked < 30 << 20);
    free(zeroes);
}

/* ---- headers without end */

static void serve_storm(struct hostile *h, int fd, size_t n)
{
    const char *what = h->payload;
    (void)n;
    if (!hostile_take(h, fd) || (what[0] != 'H' && !hostile_say(fd, "HTTP/1.1 200 OK\r\n")))
        return;
    while (hostile_say(fd, what))
        continue;
}

static void test_storms(void **state)
{
    static char long_header[60000];
    static const char *const storms[] = {"HTTP/1.1 100 Continue\r\n\r\n",
                                         "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
                                         "X-Y: z\r\n", long_header, "no-line-ever"};
    (void)state;
    memset(long_header, 'x', sizeof long_header - 3);
    long_header[1] = ':';
    memcpy(long_header + sizeof long_header - 3, "\r\n", 3);
    for (size_t i = 0; i < sizeof storms / sizeof *storms; i++) {
        struct hostile h;
        hostile_start(&h, serve_storm, (char *)(uintptr_t)storms[i]);
        begin_memory();
        struct http *http = open_client(NULL);
        int64_t begin = time_monotonic();
        struct outcome o = get(http, h.url);
        assert_int_not_equal(o.code, AMPQL_OK);
        if (o.cause != HTTP_CAUSE_LIMIT && o.cause != HTTP_CAUSE_PROTOCOL)
            fail_msg("storm %zu: %s: %s", i, http_cause_name(o.cause), o.message);
        assert_true(time_monotonic() - begin < PROMPT_MS);
        http_free(http);
        assert_true(memory.peak_bytes < 4 << 20);
        end_memory();
        hostile_stop(&h);
    }
}

static void test_headers(void **state)
{
    struct hostile h;
    struct script script = {.bytes =
                                "HTTP/1.1 429 Slow\r\nRetry-After:  \t7 \r\nx-amzn-RequestId: a\r\n"
                                "Empty:\r\nX-AMZN-requestid: b\r\nContent-Length: 0\r\n\r\n"};
    struct ampql_error err = {0};
    int status = 0;
    (void)state;
    hostile_start(&h, serve_script, &script);
    begin_memory();
    struct http *http = open_client(NULL);
    struct http_request request = {.method = STR("GET"), .url = str_of(h.url)};
    struct http_transfer *t = NULL;
    assert_int_equal(http_start(http, &request, &t, &err), AMPQL_OK);
    assert_int_equal(http_status(t, &status, &err), AMPQL_OK);
    assert_int_equal(status, 429);
    assert_true(str_equal(http_header(t, STR("retry-after")), STR("7")));
    assert_true(str_equal(http_header(t, STR("x-amzn-requestid")), STR("b")));
    assert_int_equal(http_header(t, STR("empty")).n, 0);
    assert_int_equal(http_header(t, STR("date")).n, 0);
    assert_true(str_equal(http_origin(t), str_of(h.url)));
    assert_true(http_duration_ms(t) < PROMPT_MS);
    http_end(t);
    http_free(http);
    end_memory();
    hostile_stop(&h);
}

/* ---- connecting */

static void test_connect(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    char url[64];
    (void)state;
    begin_memory();
    struct http *http = open_client(NULL);
    struct outcome o = get(http, "http://127.0.0.1:1/");
    assert_int_equal(o.code, AMPQL_UNAVAILABLE);
    assert_int_equal(o.cause, HTTP_CAUSE_CONNECT);
    assert_non_null(strstr(o.message, "http://127.0.0.1:1: cannot connect"));
    o = get(http, "http://does-not-exist.invalid/secret-path?secret=query");
    assert_int_equal(o.code, AMPQL_UNAVAILABLE);
    assert_int_equal(o.cause, HTTP_CAUSE_RESOLVE);
    assert_null(strstr(o.message, "secret"));
    http_free(http);

    /* a queue of connections that is full drops what comes: a black hole */
    int fd = socket(AF_INET, SOCK_STREAM, 0), filler[8];
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < 8; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(filler[i], (struct sockaddr *)&address, size);
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(address.sin_port));
    http = open_client(&(struct http_options){.connect_timeout_ms = 300});
    int64_t begin = time_monotonic();
    o = get(http, url);
    assert_int_equal(o.code, AMPQL_UNAVAILABLE);
    assert_int_equal(o.cause, HTTP_CAUSE_CONNECT);
    assert_in_range(time_monotonic() - begin, 290, PROMPT_MS);
    for (size_t i = 0; i < 8; i++)
        close(filler[i]);
    close(fd);
    http_free(http);
    end_memory();
}

static void serve_reset(struct hostile *h, int fd, size_t n)
{
    (void)h, (void)n;
    hostile_reset(fd);
}

static void test_reset_on_accept(void **state)
{
    struct hostile h;
    (void)state;
    hostile_start(&h, serve_reset, NULL);
    begin_memory();
    struct http *http = open_client(NULL);
    struct outcome o = get(http, h.url);
    assert_int_equal(o.code, AMPQL_UNAVAILABLE);
    assert_int_equal(o.cause, HTTP_CAUSE_RESET);
    http_free(http);
    end_memory();
    hostile_stop(&h);
}

static void test_refused_requests(void **state)
{
    static const char *const urls[] = {
        "",
        "/path",
        "ftp://h/",
        "file:///etc/passwd",
        "gopher://h/",
        "http://",
        "http:///path",
        "http://user@h/",
        "https://user:password@h/",
        "http://h:0/",
        "http://h:99999/",
        "http://h:8o/",
        "http://h/a b",
        "http://h/\r\nX: y",
        "http://h/\xc3\xa9",
        "http://h/#fragment",
        "http://h\\@evil/",
        "http://[::1/",
        "http://[evil]/",
        "http://a%2fb/",
    };
    struct http_request request = {.method = STR("GET"), .url = STR("http://127.0.0.1:1/")};
    struct http_header header = {0};
    (void)state;
    begin_memory();
    struct http *http = open_client(NULL);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct outcome o = get(http, urls[i]);
        if (o.code != AMPQL_BAD_DATA || strstr(o.message, "password@") || !o.message[0])
            fail_msg("%s: %d %s", urls[i], (int)o.code, o.message);
    }
    struct outcome o =
        get_with(http, &(struct http_request){.method = STR("GET"), .url = STR("http://h/\0x")});
    assert_int_equal(o.code, AMPQL_BAD_DATA);
    request.headers = &header;
    request.nheaders = 1;
    header = (struct http_header){STR("X"), STR("canary\r\nEvil: 1"), true};
    o = get_with(http, &request);
    assert_int_equal(o.code, AMPQL_BAD_DATA);
    assert_null(strstr(o.message, "canary"));
    header = (struct http_header){STR("X"), STR("a\0b"), false};
    assert_int_equal(get_with(http, &request).code, AMPQL_BAD_DATA);
    header = (struct http_header){STR("X Y"), STR("a"), false};
    assert_int_equal(get_with(http, &request).code, AMPQL_BAD_DATA);
    header = (struct http_header){STR(""), STR("a"), false};
    assert_int_equal(get_with(http, &request).code, AMPQL_BAD_DATA);
    request.nheaders = 0;
    request.method = STR("GET /\r\n");
    assert_int_equal(get_with(http, &request).code, AMPQL_BAD_DATA);
    http_free(http);
    end_memory();
}

/* ---- what is sent */

static void serve_ok(struct hostile *h, int fd, size_t n)
{
    (void)n;
    while (hostile_take(h, fd))
        if (!hostile_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
            return;
}

static void test_requests(void **state)
{
    struct hostile h;
    char url[128];
    char body[3000];
    struct http_header headers[] = {
        {STR("Authorization"), STR("Basic canary"), true},
        {STR("X-Empty"), STR(""), false},
        {STR("Content-Type"), STR("application/x-www-form-urlencoded"), false}};
    (void)state;
    hostile_start(&h, serve_ok, NULL);
    begin_memory();
    struct http *http = open_client(&(struct http_options){.compress = HTTP_COMPRESS_ON});
    snprintf(url, sizeof url, "%s/a/../b//c?q=%%2B1&x=%%20", h.url);
    memset(body, 'b', sizeof body);
    struct http_request request = {.method = STR("POST"),
                                   .url = str_of(url),
                                   .headers = headers,
                                   .nheaders = 3,
                                   .body = str_make(body, sizeof body),
                                   .body_is_secret = true};
    struct outcome o = get_with(http, &request);
    assert_int_equal(o.code, AMPQL_OK);
    assert_true(strstr(h.request, "POST /a/../b//c?q=%2B1&x=%20 HTTP/1.1\r\n") == h.request);
    assert_non_null(strstr(h.request, "\r\nAuthorization: Basic canary\r\n"));
    assert_non_null(strstr(h.request, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(h.request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert_non_null(strstr(h.request, "\r\nContent-Length: 3000\r\n"));
    assert_non_null(strstr(h.request, "\r\nAccept-Encoding: gzip, zstd\r\n"));
    assert_non_null(strstr(h.request, "\r\nUser-Agent: ampql/"));
    assert_null(strstr(h.request, "Expect"));
    assert_int_equal(strlen(strstr(h.request, "\r\n\r\n") + 4), sizeof body);

    request = (struct http_request){.method = STR("PUT"), .url = str_of(url)};
    assert_int_equal(get_with(http, &request).code, AMPQL_OK);
    assert_true(strstr(h.request, "PUT /a") == h.request);
    assert_non_null(strstr(h.request, "\r\nContent-Length: 0\r\n"));
    assert_null(strstr(h.request, "Content-Type"));

    request = (struct http_request){.method = STR("GET"), .url = str_of(url)};
    assert_int_equal(get_with(http, &request).code, AMPQL_OK);
    assert_true(strstr(h.request, "GET /a") == h.request);
    assert_null(strstr(h.request, "Content-"));
    assert_null(strstr(h.request, "canary"));

    assert_int_equal(http_connections(http), 1);
    assert_int_equal(atomic_load(&h.nconnections), 1);
    http_free(http);
    end_memory();
    hostile_stop(&h);
}

static void test_proxy(void **state)
{
    struct hostile h, proxy;
    (void)state;
    hostile_start(&h, serve_ok, NULL);
    hostile_start(&proxy, serve_ok, NULL);
    begin_memory();
    struct http *http = open_client(&(struct http_options){.proxy_url = proxy.url});
    assert_int_equal(get(http, "http://elsewhere.invalid/x").code, AMPQL_OK);
    assert_true(strstr(proxy.request, "GET http://elsewhere.invalid/x HTTP/1.1\r\n") ==
                proxy.request);
    /* never for addresses that mean this machine, which a proxy would take for its own */
    assert_int_equal(get(http, h.url).code, AMPQL_OK);
    assert_int_equal(atomic_load(&proxy.nrequests), 1);
    assert_int_equal(atomic_load(&h.nrequests), 1);
    http_free(http);
    end_memory();
    hostile_stop(&proxy);
    hostile_stop(&h);
}

/* ---- many at once */

static void serve_large(struct hostile *h, int fd, size_t n)
{
    enum { PIECES = 512 };
    static char piece[32768];
    (void)n;
    while (hostile_take(h, fd)) {
        hostile_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n");
        for (size_t i = 0; i < PIECES; i++)
            if (!hostile_send(fd, piece, sizeof piece))
                return;
    }
}

static void serve_by_path(struct hostile *h, int fd, size_t n)
{
    enum { PIECES = 512 };
    static char piece[32768];
    (void)n;
    while (hostile_take(h, fd)) {
        bool is_large = strstr(h->request, "GET /large") != NULL;
        hostile_say(fd, is_large ? "HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n"
                                 : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        for (size_t i = 0; is_large && i < PIECES; i++)
            if (!hostile_send(fd, piece, sizeof piece))
                return;
    }
}

static void drain(struct http_transfer *t, uint64_t expected)
{
    static char piece[65536];
    struct ampql_error err = {0};
    uint64_t total = 0;
    for (size_t n = 1; n; total += n)
        if (http_read(t, piece, sizeof piece, &n, &err) != AMPQL_OK)
            fail_msg("%s", err.message);
    assert_int_equal(total, expected);
}

/* Bodies wait for their readers in little memory, in any order of reading, also when all
 * connections belong to those that wait. */
static void test_back_pressure(void **state)
{
    enum { N = 6, SIZE = 16 << 20 };
    struct hostile h;
    struct http_transfer *t[N] = {NULL};
    struct ampql_error err = {0};
    (void)state;
    hostile_start(&h, serve_large, NULL);
    begin_memory();
    struct http *http =
        open_client(&(struct http_options){.max_connections = 3, .buffer_bytes = 256 << 10});
    struct http_request request = {.method = STR("GET"), .url = str_of(h.url)};
    for (size_t i = 0; i < N; i++)
        assert_int_equal(http_start(http, &request, &t[i], &err), AMPQL_OK);
    assert_int_equal(http_wait_ms(http, 200, &err), AMPQL_OK);
    for (size_t i = N; i-- > 0;) {
        drain(t[i], SIZE);
        http_end(t[i]);
    }
    assert_true(memory.peak_bytes < 4 << 20);
    assert_true(atomic_load(&h.most_open) <= 5);
    http_free(http);
    end_memory();
    hostile_stop(&h);
}

static void test_concurrency(void **state)
{
    enum { N = 40 };
    struct hostile h;
    struct http_transfer *t[N];
    struct ampql_error err = {0};
    char body[8];
    (void)state;
    hostile_start(&h, serve_ok, NULL);
    begin_memory();
    struct http *http = open_client(&(struct http_options){.max_connections = 4});
    struct http_request request = {.method = STR("GET"), .url = str_of(h.url)};
    for (size_t i = 0; i < N; i++)
        assert_int_equal(http_start(http, &request, &t[i], &err), AMPQL_OK);
    for (size_t i = 0; i < N; i++) {
        size_t n = 0;
        assert_int_equal(http_read(t[i], body, sizeof body, &n, &err), AMPQL_OK);
        assert_int_equal(n, 2);
        assert_true(http_is_ready(t[i]));
        http_end(t[i]);
    }
    assert_int_equal(atomic_load(&h.nrequests), N);
    assert_true(atomic_load(&h.nconnections) <= 4);
    http_free(http);
    end_memory();
    hostile_stop(&h);
}

/* ---- bytes that nobody asked for */

#define ANSWER(n, body) "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n" body
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n"

/* An answer and what comes behind it on the same connection. */
struct stray {
    const char *name;
    const char *first, *stray; /* sent at once, unless there is time between them */
    int after_ms;
    size_t nconnections; /* that two requests take */
    size_t nfill;        /* bytes more of the stray answer's body */
    bool ends, resets;   /* the connection, behind it */
};

struct stray_server {
    const struct stray *stray;
    atomic_bool has_said_all; /* of the first answer and what is behind it */
};

static void serve_stray(struct hostile *h, int fd, size_t n)
{
    static char fill[64 << 10];
    struct stray_server *server = h->payload;
    const struct stray *stray = server->stray;
    char both[1024];
    (void)n;
    while (hostile_take(h, fd)) {
        if (!strstr(h->request, "GET /first")) {
            hostile_say(fd, ANSWER(6, "second"));
            continue;
        }
        snprintf(both, sizeof both, "%s%s", stray->first, stray->after_ms ? "" : stray->stray);
        hostile_say(fd, both);
        if (stray->after_ms) {
            hostile_sleep(h, stray->after_ms);
            hostile_say(fd, stray->stray);
        }
        hostile_send(fd, fill, stray->nfill);
        if (stray->ends)
            shutdown(fd, SHUT_WR);
        if (stray->resets)
            hostile_reset(fd);
        else
            hostile_flush(fd);
        atomic_store(&server->has_said_all, true);
    }
}

/* However busy the machine is, the bytes are there before the next request is made. */
static void wait_for_stray(struct http *http, struct stray_server *server)
{
    struct ampql_error err = {0};
    for (int i = 0; i < 1000 && !atomic_load(&server->has_said_all); i++)
        assert_int_equal(http_wait_ms(http, 10, &err), AMPQL_OK);
    assert_true(atomic_load(&server->has_said_all));
    assert_int_equal(http_wait_ms(http, 10, &err), AMPQL_OK);
}

/* A second answer behind the first must not become the answer to the next request; and where there
 * is none the connection is used again. */
static void test_stray(void **state)
{
    static const struct stray rows[] = {
        {"nothing", ANSWER(5, "first"), "", .nconnections = 1},
        {"nothing, chunked", CHUNKED, "", .nconnections = 1},
        {"nothing, slowly", ANSWER(5, "first"), "", .after_ms = 30, .nconnections = 1},
        {"at once", ANSWER(5, "first"), ANSWER(5, "wrong"), .nconnections = 2},
        {"later", ANSWER(5, "first"), ANSWER(5, "wrong"), .after_ms = 30, .nconnections = 2},
        {"a bit of one", ANSWER(5, "first"), "H", .after_ms = 30, .nconnections = 2},
        {"empty line", ANSWER(5, "first"), "\r\n", .after_ms = 30, .nconnections = 2},
        {"large", ANSWER(5, "first"), ANSWER(65536, ""), .after_ms = 30, .nconnections = 2,
         .nfill = 64 << 10},
        {"behind chunks", CHUNKED, ANSWER(5, "wrong"), .after_ms = 30, .nconnections = 2},
        {"large behind chunks", CHUNKED, ANSWER(65536, ""), .nconnections = 2, .nfill = 64 << 10},
        {"behind 204", "HTTP/1.1 204 No Content\r\n\r\n", ANSWER(5, "wrong"), .after_ms = 30,
         .nconnections = 2},
        {"an end", ANSWER(5, "first"), "", .after_ms = 30, .nconnections = 2, .ends = true},
        {"an answer and an end", ANSWER(5, "first"), ANSWER(5, "wrong"), .after_ms = 30,
         .nconnections = 2, .ends = true},
        {"a reset", ANSWER(5, "first"), "", .after_ms = 30, .nconnections = 2, .resets = true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hostile h;
        struct stray_server server = {.stray = &rows[i]};
        char url[128];
        hostile_start(&h, serve_stray, &server);
        begin_memory();
        struct http *http = open_client(NULL);
        snprintf(url, sizeof url, "%s/first", h.url);
        struct outcome o = get(http, url);
        assert_int_equal(o.code, AMPQL_OK);
        wait_for_stray(http, &server);
        snprintf(url, sizeof url, "%s/second", h.url);
        o = get(http, url);
        if (o.code != AMPQL_OK || o.n != 6 || memcmp(o.body, "second", 6) != 0 ||
            atomic_load(&h.nconnections) != rows[i].nconnections ||
            http_connections(http) != rows[i].nconnections)
            fail_msg("%s: code %d body \"%.*s\" over %zu connections: %s", rows[i].name,
                     (int)o.code, (int)o.n, o.body, atomic_load(&h.nconnections), o.message);
        http_free(http);
        end_memory();
        hostile_stop(&h);
    }
}

/* While others are read, and while their bodies wait for readers, nothing but stray bytes ends a
 * connection. */
static void test_live_connections(void **state)
{
    enum { N = 3, TURNS = 30 };
    struct hostile h;
    struct http_transfer *busy = NULL;
    struct ampql_error err = {0};
    char piece[16];
    size_t n;
    (void)state;
    hostile_start(&h, serve_by_path, NULL);
    begin_memory();
    struct http *http = open_client(&(struct http_options){.buffer_bytes = 64 << 10});
    char url[128];
    for (int turn = 0; turn < N; turn++) {
        snprintf(url, sizeof url, "%s/large", h.url);
        struct http_request request = {.method = STR("GET"), .url = str_of(url)};
        assert_int_equal(http_start(http, &request, &busy, &err), AMPQL_OK);
        assert_int_equal(http_read(busy, piece, 1, &n, &err), AMPQL_OK);
        for (int i = 0; i < TURNS; i++) {
            snprintf(url, sizeof url, "%s/%d", h.url, i);
            struct outcome o = get(http, url);
            assert_int_equal(o.code, AMPQL_OK);
            assert_int_equal(o.n, 2);
        }
        drain(busy, (16 << 20) - 1);
        http_end(busy);
    }
    assert_int_equal(atomic_load(&h.nconnections), 2);
    http_free(http);
    end_memory();
    hostile_stop(&h);
}

/* ---- time */

static void serve_silence(struct hostile *h, int fd, size_t n)
{
    (void)n;
    if (hostile_take(h, fd))
        hostile_sleep(h, 60000);
}

static void serve_drip(struct hostile *h, int fd, size_t n)
{
    (void)n;
    if (!hostile_take(h, fd) ||
        !hostile_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"))
        return;
    while (hostile_say(fd, "x") && hostile_sleep(h, 20))
        continue;
}

static void serve_drip_headers(struct hostile *h, int fd, size_t n)
{
    (void)n;
    if (!hostile_take(h, fd) || !hostile_say(fd, "HTTP/1.1 200 OK\r\nX: "))
        return;
    while (hostile_say(fd, "x") && hostile_sleep(h, 20))
        continue;
}

static void serve_flood(struct hostile *h, int fd, size_t n)
{
    static char piece[16384];
    (void)n;
    if (!hostile_take(h, fd) ||
        !hostile_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
        return;
    while (hostile_say(fd, "4000\r\n") && hostile_send(fd, piece, sizeof piece) &&
           hostile_say(fd, "\r\n"))
        continue;
}

static void serve_nothing(struct hostile *h, int fd, size_t n)
{
    (void)fd, (void)n;
    hostile_sleep(h, 60000);
}

static void test_timeouts(void **state)
{
    static const struct {
        const char *name;
        hostile_serve *serve;
        struct http_options options;
        int64_t least_ms;
        const char *message;
    } rows[] = {
        {"silence", serve_silence, {.answer_timeout_ms = 200}, 190, "no answer within 200 ms"},
        {"not even read", serve_nothing, {.answer_timeout_ms = 200}, 190, "no answer within"},
        {"drip", serve_drip, {.stall_timeout_ms = 200, .stall_bytes = 1024}, 190, "stalled: "},
        {"drip of headers", serve_drip_headers, {.stall_timeout_ms = 200}, 190, "stalled: "},
        {"all of it", serve_drip, {.total_timeout_ms = 250}, 240, "no whole answer"},
        {"silence in all", serve_silence, {.total_timeout_ms = 250}, 240, "no whole answer"},
        {"flood",
         serve_flood,
         {.total_timeout_ms = 400, .max_body_bytes = UINT64_MAX},
         390,
         "no whole answer"},
    };
    static char piece[65536];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hostile h;
        struct ampql_error err = {0};
        struct http_transfer *t = NULL;
        enum ampql_code code = AMPQL_OK;
        hostile_start(&h, rows[i].serve, NULL);
        begin_memory();
        struct http *http = open_client(&rows[i].options);
        struct http_request request = {.method = STR("GET"), .url = str_of(h.url)};
        int64_t begin = time_monotonic();
        assert_int_equal(http_start(http, &request, &t, &err), AMPQL_OK);
        for (size_t n = 1; n && code == AMPQL_OK;)
            code = http_read(t, piece, sizeof piece, &n, &err);
        int64_t took_ms = time_monotonic() - begin;
        if (code != AMPQL_UNAVAILABLE || http_failure(t) != HTTP_CAUSE_TIMEOUT ||
            !strstr(err.message, rows[i].message) || took_ms < rows[i].least_ms ||
            took_ms > PROMPT_MS)
            fail_msg("%s: %d %s after %lld ms", rows[i].name, (int)code, err.message,
                     (long long)took_ms);
        http_end(t);
        http_free(http);
        end_memory();
        hostile_stop(&h);
    }
}

/* A reader that takes its time is no stall: while a transfer waits for it, it does not age. */
static void test_slow_reader(void **state)
{
    struct hostile h;
    struct http_transfer *t = NULL;
    struct ampql_error err = {0};
    char piece[1];
    size_t n;
    (void)state;
    hostile_start(&h, serve_large, NULL);
    begin_memory();
    struct http *http = open_client(&(struct http_options){.buffer_bytes = 64 << 10});
    struct http_request request = {.method = STR("GET"), .url = str_of(h.url)};
    assert_int_equal(http_start(http, &request, &t, &err), AMPQL_OK);
    assert_int_equal(http_read(t, piece, 1, &n, &err), AMPQL_OK);
    for (int i = 0; i < 1000 && !t->is_paused; i++)
        assert_int_equal(http_wait_ms(http, 10, &err), AMPQL_OK);
    assert_true(t->is_paused);
    int64_t age_us = t->age_us;
    usleep(100 * 1000);                                        /* busy elsewhere, */
    assert_int_equal(http_wait_ms(http, 100, &err), AMPQL_OK); /* or with other transfers */
    assert_int_equal(t->age_us, age_us);
    drain(t, (16 << 20) - 1);
    assert_true(t->age_us > age_us);
    http_end(t);
    http_free(http);
    end_memory();
    hostile_stop(&h);
}

/* ---- cancel and deadline */

struct stop {
    atomic_int code;
    const char *message;
    int64_t at_ms;
};

static enum ampql_code poll_stop(void *payload, struct ampql_error *err)
{
    struct stop *stop = payload;
    enum ampql_code code = (enum ampql_code)atomic_load(&stop->code);
    if (code != AMPQL_OK && stop->message)
        snprintf(err->message, sizeof err->message, "%s", stop->message);
    return code;
}

static void *stop_later(void *payload)
{
    struct stop *stop = payload;
    usleep(100 * 1000);
    stop->at_ms = time_monotonic();
    atomic_store(&stop->code, AMPQL_CANCELED);
    return NULL;
}

/* Cancel while it waits for a server. Returns how many milliseconds later it was over. */
static int64_t cancel_once(hostile_serve *serve)
{
    static char piece[65536];
    struct hostile h;
    struct stop stop = {0};
    struct ampql_error err = {0};
    struct http_transfer *t = NULL;
    enum ampql_code code = AMPQL_OK;
    pthread_t thread;
    hostile_start(&h, serve, NULL);
    begin_memory();
    struct http *http = open_client(&(struct http_options){
        .max_body_bytes = UINT64_MAX, .poll = poll_stop, .poll_payload = &stop});
    struct http_request request = {.method = STR("GET"), .url = str_of(h.url)};
    assert_int_equal(http_start(http, &request, &t, &err), AMPQL_OK);
    assert_int_equal(pthread_create(&thread, NULL, stop_later, &stop), 0);
    for (size_t n = 1; n && code == AMPQL_OK;)
        code = http_read(t, piece, sizeof piece, &n, &err);
    http_end(t);
    http_free(http);
    int64_t now_ms = time_monotonic();
    pthread_join(thread, NULL);
    assert_int_equal(code, AMPQL_CANCELED);
    assert_non_null(strstr(err.message, "canceled"));
    end_memory();
    hostile_stop(&h);
    return now_ms - stop.at_ms;
}

static void test_cancel(void **state)
{
    enum { BOUND_MS = 50, TRIES = 20 };
    static hostile_serve *const serves[] = {serve_silence, serve_drip, serve_flood, serve_nothing,
                                            serve_drip_headers};
    (void)state;
    for (size_t i = 0; i < sizeof serves / sizeof *serves; i++) {
        /* the best of some: a busy machine may look elsewhere for a while, but not each time */
        int64_t late_ms = INT64_MAX;
        for (int run = 0; run < TRIES && late_ms >= BOUND_MS; run++)
            late_ms = cancel_once(serves[i]);
        assert_true(late_ms < BOUND_MS);
    }
}

static void test_deadline(void **state)
{
    struct hostile h;
    struct stop stop = {.code = AMPQL_TIMEOUT, .message = "the run's own words"};
    struct ampql_error err = {0};
    (void)state;
    hostile_start(&h, serve_silence, NULL);
    begin_memory();
    struct http *http = open_client(NULL);
    http_set_poll(http, poll_stop, &stop);
    struct outcome o = get(http, h.url);
    assert_int_equal(o.code, AMPQL_TIMEOUT);
    assert_int_equal(o.cause, HTTP_CAUSE_NONE);
    assert_string_equal(o.message, "the run's own words");
    stop.message = NULL;
    o = get(http, h.url);
    assert_non_null(strstr(o.message, "the deadline passed"));
    assert_int_equal(http_wait_ms(http, 10000, &err), AMPQL_TIMEOUT);
    http_set_poll(http, NULL, NULL);
    assert_int_equal(http_wait_ms(http, 1, &err), AMPQL_OK);
    http_free(http);
    end_memory();
    hostile_stop(&h);
}

/* ---- small documents */

static void test_call(void **state)
{
    struct hostile h;
    struct arena arena;
    struct http_response response;
    struct ampql_error err = {0};
    struct script script = {
        .bytes = "HTTP/1.1 404 No\r\nDate: now\r\nContent-Length: 5\r\n\r\nhello", .ending = FIN};
    (void)state;
    hostile_start(&h, serve_script, &script);
    begin_memory();
    arena_init(&arena, &memory.alc);
    struct http *http = open_client(NULL);
    struct http_request request = {.method = STR("GET"), .url = str_of(h.url)};
    assert_int_equal(http_call(http, &request, 5, &arena, &response, &err), AMPQL_OK);
    assert_int_equal(response.status, 404);
    assert_true(str_equal(response.body, STR("hello")));
    assert_true(str_equal(http_response_header(&response, STR("DATE")), STR("now")));
    assert_int_equal(http_call(http, &request, 4, &arena, &response, &err), AMPQL_LIMIT);
    assert_int_equal(response.cause, HTTP_CAUSE_LIMIT);
    assert_non_null(strstr(err.message, "longer than the 4 bytes"));
    script.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
    assert_int_equal(http_call(http, &request, 100, &arena, &response, &err), AMPQL_UNAVAILABLE);
    assert_int_equal(response.cause, HTTP_CAUSE_CUT);
    http_free(http);
    arena_done(&arena);
    end_memory();
    hostile_stop(&h);
}

/* ---- memory that runs out */

struct torture_case {
    struct hostile h;
};

static bool work(const struct ampql_allocator *alc, void *payload)
{
    const struct torture_case *c = payload;
    struct http *http = NULL;
    struct http_transfer *t = NULL, *second = NULL;
    struct ampql_error err = {0};
    char piece[512];
    struct http_header header = {STR("Authorization"), STR("secret"), true};
    struct http_request request = {.method = STR("POST"),
                                   .url = str_of(c->h.url),
                                   .headers = &header,
                                   .nheaders = 1,
                                   .body = STR("query=up"),
                                   .body_is_secret = true};
    struct arena arena;
    struct http_response response;
    arena_init(&arena, alc);
    enum ampql_code code = http_new(alc, &(struct http_options){.user_agent = "x"}, &http, &err);
    if (code == AMPQL_OK)
        code = http_start(http, &request, &t, &err);
    if (code == AMPQL_OK)
        code = http_start(http, &request, &second, &err);
    for (size_t n = 1; code == AMPQL_OK && n;)
        code = http_read(t, piece, sizeof piece, &n, &err);
    if (code == AMPQL_OK)
        code = http_call(http, &request, 4096, &arena, &response, &err);
    http_end(t);
    http_end(second);
    http_free(http);
    arena_done(&arena);
    if (code != AMPQL_OK && (code != AMPQL_NOMEM || !err.message[0]))
        fail_msg("%d: %s", (int)code, err.message);
    return code == AMPQL_OK;
}

static void serve_gzip(struct hostile *h, int fd, size_t n)
{
    char packed[512], head[256];
    size_t size = gzip_of(text, sizeof text - 1, packed, sizeof packed);
    (void)n;
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nX: y\r\n"
                          "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                          size);
    if (hostile_take(h, fd) && hostile_send(fd, head, (size_t)length))
        hostile_send(fd, packed, size);
}

static void test_torture(void **state)
{
    static struct torture_case c;
    (void)state;
    hostile_start(&c.h, serve_gzip, NULL);
    torture_with(work, &c, true);
    hostile_stop(&c.h);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_answers),
    cmocka_unit_test(test_cut_length),
    cmocka_unit_test(test_cut_chunks),
    cmocka_unit_test(test_gzip),
    cmocka_unit_test(test_zstd),
    cmocka_unit_test(test_bomb),
    cmocka_unit_test(test_storms),
    cmocka_unit_test(test_headers),
    cmocka_unit_test(test_connect),
    cmocka_unit_test(test_reset_on_accept),
    cmocka_unit_test(test_refused_requests),
    cmocka_unit_test(test_requests),
    cmocka_unit_test(test_proxy),
    cmocka_unit_test(test_back_pressure),
    cmocka_unit_test(test_concurrency),
    cmocka_unit_test(test_stray),
    cmocka_unit_test(test_live_connections),
    cmocka_unit_test(test_timeouts),
    cmocka_unit_test(test_slow_reader),
    cmocka_unit_test(test_cancel),
    cmocka_unit_test(test_deadline),
    cmocka_unit_test(test_call),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
