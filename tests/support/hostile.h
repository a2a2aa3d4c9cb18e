/* A server on loopback that does to each connection whatever a test wants, byte by byte. */
#ifndef AMPQL_TESTS_HOSTILE_H
#define AMPQL_TESTS_HOSTILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct hostile;

/* Serve one connection, in a thread of its own; n counts connections from 0. The descriptor is
 * closed afterwards. */
typedef void hostile_serve(struct hostile *hostile, int fd, size_t n);

enum { HOSTILE_MAX = 256 };

struct hostile {
    hostile_serve *serve;
    void *payload; /* the test's */
    int fd;
    unsigned port;
    pthread_t acceptor;
    struct hostile_client {
        pthread_t thread;
        struct hostile *hostile;
        pthread_mutex_t lock; /* of fd */
        int fd;               /* -1: closed */
        size_t n;
    } clients[HOSTILE_MAX];
    atomic_size_t nconnections, nrequests, nopen, most_open;
    atomic_bool is_stopping;
    char url[64];        /* "http://127.0.0.1:PORT" */
    char request[65536]; /* the last one, NUL-terminated */
};

void hostile_start(struct hostile *hostile, hostile_serve *serve, void *payload);
void hostile_stop(struct hostile *hostile);

/* Read one request with its body into hostile->request; false when the client went away. */
bool hostile_take(struct hostile *hostile, int fd);

/* Send all of it; false when the client went away. */
bool hostile_send(int fd, const void *bytes, size_t n);
bool hostile_say(int fd, const char *text);

/* Wait until all that was sent has reached the client's machine, read by it or not. */
void hostile_flush(int fd);

/* End the connection with a reset, at once. */
void hostile_reset(int fd);

/* Sleep, in small pieces that end when the server is stopped; false then. */
bool hostile_sleep(const struct hostile *hostile, int ms);

#endif
