/* Listening sockets. */
#include "tool/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un path;
    } address;
    socklen_t size;
    bool is_local, is_unix;
};

static enum ampql_code read_path(const char *path, struct place *out, struct ampql_error *err)
{
    if (!*path || strlen(path) >= sizeof out->address.path.sun_path)
        return fail_quote(err, AMPQL_BAD_DATA, "--listen: not the path of a socket", str_of(path));
    out->address.path.sun_family = AF_UNIX;
    strcpy(out->address.path.sun_path, path);
    out->size = sizeof out->address.path;
    out->is_local = out->is_unix = true;
    return AMPQL_OK;
}

static bool read_port(const char *text, uint16_t *port)
{
    unsigned long n = 0;
    size_t i = 0;
    for (; text[i] >= '0' && text[i] <= '9' && i < 6; i++)
        n = n * 10 + (unsigned long)(text[i] - '0');
    *port = htons((uint16_t)n);
    return i > 0 && text[i] == '\0' && n <= 65535;
}

/* where := ["["] address ["]"] ":" port */
static enum ampql_code read_address(const char *where, struct place *out, struct ampql_error *err)
{
    char host[64];
    const char *colon = strrchr(where, ':');
    size_t n = colon ? (size_t)(colon - where) : 0;
    uint16_t port;
    bool has_brackets = n > 2 && where[0] == '[' && where[n - 1] == ']';
    if (!colon || n >= sizeof host || !read_port(colon + 1, &port))
        return fail_quote(err, AMPQL_BAD_DATA, "--listen: expected ADDRESS:PORT or unix:PATH, got",
                          str_of(where));
    snprintf(host, sizeof host, "%.*s", (int)(has_brackets ? n - 2 : n), where + has_brackets);
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof host, "127.0.0.1");
    if (!has_brackets && inet_pton(AF_INET, *host ? host : "0.0.0.0", &out->address.v4.sin_addr)) {
        out->address.v4.sin_family = AF_INET;
        out->address.v4.sin_port = port;
        out->size = sizeof out->address.v4;
        out->is_local = ntohl(out->address.v4.sin_addr.s_addr) >> 24 == 127;
        return AMPQL_OK;
    }
    if (has_brackets && inet_pton(AF_INET6, host, &out->address.v6.sin6_addr)) {
        out->address.v6.sin6_family = AF_INET6;
        out->address.v6.sin6_port = port;
        out->size = sizeof out->address.v6;
        out->is_local = IN6_IS_ADDR_LOOPBACK(&out->address.v6.sin6_addr);
        return AMPQL_OK;
    }
    return fail_quote(err, AMPQL_BAD_DATA,
                      "--listen: expected an address in digits, such as 127.0.0.1 or [::1], got",
                      str_of(where));
}

static void write_url(int fd, const struct place *place, char *url)
{
    struct place bound = {.size = sizeof bound.address};
    char host[64] = "";
    if (place->is_unix) {
        snprintf(url, 128, "unix:%.110s", place->address.path.sun_path);
        return;
    }
    getsockname(fd, &bound.address.any, &bound.size);
    if (bound.address.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &bound.address.v6.sin6_addr, host, sizeof host);
        snprintf(url, 128, "http://[%s]:%u", host, ntohs(bound.address.v6.sin6_port));
    } else {
        inet_ntop(AF_INET, &bound.address.v4.sin_addr, host, sizeof host);
        snprintf(url, 128, "http://%s:%u", host, ntohs(bound.address.v4.sin_port));
    }
}

/* A socket of a server that was killed is in the way. */
static void remove_socket(const struct place *place)
{
    struct stat st;
    const char *path = place->address.path.sun_path;
    if (place->is_unix && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
}

static bool bind_to(int fd, const struct place *place)
{
    int on = 1;
    mode_t mask = umask(0177); /* the socket's file is its owner's alone */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int failed = bind(fd, &place->address.any, place->size) || listen(fd, 1024);
    umask(mask);
    return !failed;
}

static enum ampql_code read_place(const char *where, struct place *out, struct ampql_error *err)
{
    return str_has_prefix(str_of(where), STR("unix:")) ? read_path(where + 5, out, err)
                                                       : read_address(where, out, err);
}

enum ampql_code serve_listen_read(const char *where, bool *is_local, bool *is_unix,
                                  struct ampql_error *err)
{
    struct place place = {0};
    TRY(read_place(where, &place, err));
    *is_local = place.is_local;
    *is_unix = place.is_unix;
    return AMPQL_OK;
}

enum ampql_code serve_listen(const char *where, int *out, bool *is_local, bool *is_unix, char *url,
                             struct ampql_error *err)
{
    struct place place = {0};
    TRY(read_place(where, &place, err));
    remove_socket(&place);
    int fd = socket(place.address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !bind_to(fd, &place)) {
        enum ampql_code code =
            fail(err, AMPQL_UNAVAILABLE, "--listen %.100s: %s", where, strerror(errno));
        if (fd >= 0)
            close(fd);
        return code;
    }
    write_url(fd, &place, url);
    *out = fd;
    *is_local = place.is_local;
    *is_unix = place.is_unix;
    return AMPQL_OK;
}
