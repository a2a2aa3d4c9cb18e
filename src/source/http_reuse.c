/* Whether a connection may be used again: one that holds bytes which nobody asked for would give
 * them out as the next answer. In HTTP/2 nothing can be mistaken for an answer, and they are mostly
 * a farewell.
 *
 * libcurl says over which addresses a request is about to go, not which of its sockets that is, so
 * all that it opens are known here. It is told to stop then, and the transfer begins again over a
 * connection of its own. What comes unasked after this look cannot be told from the answer by
 * anybody: HTTP/1 does not number them. */
#include "source/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

int reuse_on_open(void *payload, curl_socket_t fd, curlsocktype purpose)
{
    struct http *http = payload;
    (void)purpose;
    /* without memory it stays unknown, and is not used again */
    array_add(&http->sockets, http->alc, ((struct http_socket){.fd = fd}));
    return CURL_SOCKOPT_OK;
}

int reuse_on_close(void *payload, curl_socket_t fd)
{
    struct http *http = payload;
    for (size_t i = 0; i < http->sockets.n; i++)
        if (http->sockets.at[i].fd == fd)
            http->sockets.at[i--] = http->sockets.at[--http->sockets.n];
    return close(fd);
}

typedef int name_of(int fd, struct sockaddr *address, socklen_t *size);

/* Is one end of a socket at this address, given as libcurl prints it? */
static bool is_at(curl_socket_t fd, name_of *name, const char *ip, int port)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    char text[INET6_ADDRSTRLEN] = "";
    socklen_t size = sizeof address;
    int found = -1;
    if (name(fd, (struct sockaddr *)&address, &size) != 0)
        return false;
    if (address.ss_family == AF_INET) {
        memcpy(&v4, &address, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        found = ntohs(v4.sin_port);
    } else if (address.ss_family == AF_INET6) {
        memcpy(&v6, &address, sizeof v6);
        inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        found = ntohs(v6.sin6_port);
    }
    return found == port && strcmp(text, ip) == 0;
}

/* The TLS session of the transfer's connection; NULL: plain, or not OpenSSL's. */
static SSL *tls_of(const struct http_transfer *t)
{
    struct curl_tlssessioninfo *info = NULL;
    if (t->http->curl->easy_getinfo(t->easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || !info ||
        info->backend != CURLSSLBACKEND_OPENSSL)
        return NULL;
    return info->internals;
}

/* An end of the connection can be read, too: it is as useless. */
static bool can_be_read(const struct http_library *curl, curl_socket_t fd, const SSL *tls)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return (tls && curl->has_pending && curl->has_pending(tls)) || poll(&one, 1, 0) != 0;
}

int reuse_on_request(void *payload, char *primary_ip, char *local_ip, int primary_port,
                     int local_port)
{
    struct http_transfer *t = payload;
    struct http_socket *found = NULL;
    for (size_t i = 0; i < t->http->sockets.n && !found; i++) {
        struct http_socket *s = &t->http->sockets.at[i];
        if (is_at(s->fd, getsockname, local_ip, local_port) &&
            is_at(s->fd, getpeername, primary_ip, primary_port))
            found = s;
    }
    if (found && !found->was_used) {
        found->was_used = true;
        return CURL_PREREQFUNC_OK;
    }
    if (t->is_alone || (found && !can_be_read(t->http->curl, found->fd, tls_of(t))))
        return CURL_PREREQFUNC_OK;
    t->is_alone = true;
    return CURL_PREREQFUNC_ABORT;
}
