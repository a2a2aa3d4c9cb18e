/* Threads and sockets of the hostile server. */
#include "support/hostile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    abort();
}

static void *serve_client(void *payload)
{
    struct hostile_client *client = payload;
    struct hostile *h = client->hostile;
    size_t open_now = atomic_fetch_add(&h->nopen, 1) + 1, most = atomic_load(&h->most_open);
    while (open_now > most && !atomic_compare_exchange_weak(&h->most_open, &most, open_now))
        continue;
    h->serve(h, client->fd, client->n);
    atomic_fetch_sub(&h->nopen, 1);
    pthread_mutex_lock(&client->lock);
    close(client->fd);
    client->fd = -1;
    pthread_mutex_unlock(&client->lock);
    return NULL;
}

static void *accept_all(void *payload)
{
    struct hostile *h = payload;
    for (;;) {
        int fd = accept(h->fd, NULL, NULL);
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0 || atomic_load(&h->is_stopping)) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
        size_t n = atomic_load(&h->nconnections);
        if (n >= HOSTILE_MAX)
            die("too many connections");
        h->clients[n] = (struct hostile_client){.hostile = h, .fd = fd, .n = n};
        pthread_mutex_init(&h->clients[n].lock, NULL);
        atomic_store(&h->nconnections, n + 1); /* before an answer can come from it */
        if (pthread_create(&h->clients[n].thread, NULL, serve_client, &h->clients[n]) != 0)
            die("pthread_create");
    }
}

void hostile_start(struct hostile *h, hostile_serve *serve, void *payload)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    memset(h, 0, sizeof *h);
    h->serve = serve;
    h->payload = payload;
    h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (h->fd < 0 || bind(h->fd, (struct sockaddr *)&address, size) != 0 ||
        listen(h->fd, 64) != 0 || getsockname(h->fd, (struct sockaddr *)&address, &size) != 0)
        die("listen");
    h->port = ntohs(address.sin_port);
    snprintf(h->url, sizeof h->url, "http://127.0.0.1:%u", h->port);
    if (pthread_create(&h->acceptor, NULL, accept_all, h) != 0)
        die("pthread_create");
}

void hostile_stop(struct hostile *h)
{
    atomic_store(&h->is_stopping, true);
    shutdown(h->fd, SHUT_RDWR);
    pthread_join(h->acceptor, NULL);
    close(h->fd);
    for (size_t i = 0; i < atomic_load(&h->nconnections); i++) {
        pthread_mutex_lock(&h->clients[i].lock);
        if (h->clients[i].fd >= 0)
            shutdown(h->clients[i].fd, SHUT_RDWR);
        pthread_mutex_unlock(&h->clients[i].lock);
        pthread_join(h->clients[i].thread, NULL);
    }
}

static size_t content_length(const char *request)
{
    const char *at = strcasestr(request, "\r\ncontent-length:");
    return at ? (size_t)strtoul(at + 17, NULL, 10) : 0;
}

bool hostile_take(struct hostile *h, int fd)
{
    char text[sizeof h->request];
    size_t n = 0;
    for (;;) {
        const char *end;
        text[n] = '\0';
        if ((end = strstr(text, "\r\n\r\n")) != NULL &&
            n >= (size_t)(end - text) + 4 + content_length(text))
            break;
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (got <= 0)
            return false;
        n += (size_t)got;
    }
    memcpy(h->request, text, n + 1);
    atomic_fetch_add(&h->nrequests, 1);
    return true;
}

bool hostile_send(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool hostile_say(int fd, const char *text)
{
    return hostile_send(fd, text, strlen(text));
}

void hostile_reset(int fd)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    if (connect(fd, &nowhere, sizeof nowhere) != 0)
        die("disconnect");
}

void hostile_flush(int fd)
{
    int left = 1;
    for (int i = 0; i < 2000 && left; i++) {
        struct timespec t = {0, 5 * 1000 * 1000};
        if (ioctl(fd, SIOCOUTQ, &left) != 0)
            die("SIOCOUTQ");
        if (left)
            nanosleep(&t, NULL);
    }
}

bool hostile_sleep(const struct hostile *h, int ms)
{
    for (; ms > 0 && !atomic_load(&h->is_stopping); ms -= 5) {
        struct timespec t = {0, 5 * 1000 * 1000};
        nanosleep(&t, NULL);
    }
    return !atomic_load(&h->is_stopping);
}
