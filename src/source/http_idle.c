/* Connections between two requests. One that holds bytes which nobody asked for would give them out
 * as the next answer: it is emptied and shut down, so that libcurl finds it dead and opens another.
 *
 * libcurl does not say which connections wait, but which socket a finished transfer used, and when
 * it closes one. */
#include "source/http_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The socket is gone, or in use again. */
static void forget(struct http *http, curl_socket_t fd)
{
    for (size_t i = 0; i < http->waiting.n; i++)
        if (http->waiting.at[i] == fd)
            http->waiting.at[i--] = http->waiting.at[--http->waiting.n];
}

int idle_on_close(void *payload, curl_socket_t fd)
{
    forget(payload, fd);
    return close(fd);
}

void idle_keep(struct http *http, const struct http_transfer *transfer)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (transfer->parts.is_https) /* TLS has records of its own that may come at any time */
        return;
    if (curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
        fd == CURL_SOCKET_BAD)
        return;
    forget(http, fd);
    if (!array_add(&http->waiting, http->alc, fd)) /* it cannot be watched: not used again */
        shutdown(fd, SHUT_RDWR);
}

static void empty(curl_socket_t fd)
{
    char piece[4096];
    for (int turn = 0; turn < 64 && recv(fd, piece, sizeof piece, MSG_DONTWAIT) > 0; turn++)
        continue;
    shutdown(fd, SHUT_RDWR);
}

void idle_check(struct http *http)
{
    for (const struct http_transfer *t = http->first; t; t = t->next) {
        curl_socket_t fd = CURL_SOCKET_BAD;
        if (t->easy && curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK)
            forget(http, fd);
    }
    for (size_t i = 0; i < http->waiting.n; i++) {
        struct pollfd one = {.fd = http->waiting.at[i], .events = POLLIN};
        if (poll(&one, 1, 0) > 0)
            empty(one.fd);
    }
}
