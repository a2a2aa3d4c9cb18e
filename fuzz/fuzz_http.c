/* Any bytes as what a server sends before it closes the connection: a request ends in a whole body,
 * or in a failure with its cause and a message; a body whose length was said has that length; and
 * how the bytes are cut into pieces changes neither which of the two it is nor the body. Bytes with
 * a NUL are not compared: libcurl 7.88 loses what stands behind one in a header that comes in two
 * pieces, and never shows it.
 *
 * The first byte is the size of the pieces. Client and server are one thread over loopback. */
#include "base/buf.h"
#include "source/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_SENT = 32 << 10, MAX_BODY = 1 << 20, TURNS = 100000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum ampql_code code;
    enum http_cause cause;
    int status;
    struct buf body;
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static int listener(char *url, size_t size)
{
    static int fd = -1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof address;
    if (fd < 0) {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check(bind(fd, (struct sockaddr *)&address, n) == 0 && listen(fd, 16) == 0);
    }
    check(getsockname(fd, (struct sockaddr *)&address, &n) == 0);
    snprintf(url, size, "http://127.0.0.1:%u/api", ntohs(address.sin_port));
    return fd;
}

/* Drive the client until there is something to read from fd. */
static void wait_for(struct http *http, int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    for (int i = 0; poll(&one, 1, 0) == 0; i++)
        check(i < TURNS && http_wait_ms(http, i > 10, NULL) == AMPQL_OK);
}

/* Take the request, which is read to its end so that closing is no reset. */
static int take_request(struct http *http, int listening)
{
    char text[4096];
    size_t n = 0;
    int yes = 1;
    wait_for(http, listening);
    int fd = accept(listening, NULL, NULL);
    check(fd >= 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    do {
        wait_for(http, fd);
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        check(got > 0);
        n += (size_t)got;
        text[n] = '\0';
    } while (!strstr(text, "\r\n\r\n"));
    return fd;
}

static void answer(struct http *http, int fd, struct str bytes, size_t piece)
{
    for (size_t at = 0; at < bytes.n; at += piece) {
        size_t n = bytes.n - at < piece ? bytes.n - at : piece;
        if (send(fd, bytes.p + at, n, MSG_NOSIGNAL) != (ssize_t)n)
            break; /* the client has seen enough */
        check(http_wait_ms(http, 0, NULL) == AMPQL_OK);
    }
    shutdown(fd, SHUT_WR);
}

static void check_length(const struct http_transfer *t, const struct outcome *out)
{
    struct str length = http_header(t, STR("content-length"));
    struct str coding = http_header(t, STR("content-encoding"));
    char text[32];
    if (length.n == 0 || coding.n || out->status == 204 || out->status == 304)
        return;
    snprintf(text, sizeof text, "%zu", out->body.n);
    while (length.n > 1 && *length.p == '0')
        length = str_from(length, 1);
    check(str_equal(length, str_of(text)));
}

static void run(struct str bytes, size_t piece, struct outcome *out)
{
    char url[64], room[4096];
    struct http *http;
    struct http_transfer *t = NULL;
    struct ampql_error err = {0};
    int listening = listener(url, sizeof url);
    const struct http_options options = {.max_body_bytes = MAX_BODY};
    const struct http_request request = {.method = STR("GET"), .url = str_of(url)};
    check(http_new(&alloc_default, &options, &http, NULL) == AMPQL_OK &&
          http_start(http, &request, &t, NULL) == AMPQL_OK);
    int fd = take_request(http, listening);
    answer(http, fd, bytes, piece);
    *out = (struct outcome){0};
    buf_init(&out->body, &alloc_default, MAX_BODY + sizeof room);
    out->code = http_status(t, &out->status, &err);
    for (size_t n = 1; out->code == AMPQL_OK && n;) {
        out->code = http_read(t, room, sizeof room, &n, &err);
        buf_bytes(&out->body, room, n);
    }
    out->cause = http_failure(t);
    if (out->code == AMPQL_OK)
        check_length(t, out);
    else
        check(err.code == out->code && err.message[0] && out->cause != HTTP_CAUSE_NONE &&
              out->cause != HTTP_CAUSE_TIMEOUT);
    http_end(t);
    http_free(http);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, pieces;
    if (size < 2 || size > MAX_SENT)
        return 0;
    struct str bytes = str_make((const char *)data + 1, size - 1);
    run(bytes, bytes.n, &whole);
    run(bytes, bytes.n / 200 + 1 + data[0] % 64, &pieces);
    bool is_compared = !memchr(bytes.p, '\0', bytes.n);
    check(!is_compared || (whole.code == AMPQL_OK) == (pieces.code == AMPQL_OK));
    check(!is_compared || whole.code != AMPQL_OK ||
          (whole.status == pieces.status &&
           str_equal(buf_view(&whole.body), buf_view(&pieces.body))));
    buf_done(&whole.body);
    buf_done(&pieces.body);
    return 0;
}
