/* Requests that wait for a worker: clients take turns, and of one client the first comes first.
 *
 * When all places are taken, the client that has most of them makes room for one that has fewer.
 * Knows no threads: whoever uses it holds a mutex. */
#ifndef AMPQL_SRC_TOOL_SERVE_QUEUE_H
#define AMPQL_SRC_TOOL_SERVE_QUEUE_H

#include "base/str.h"

enum { SERVE_CLIENT_MAX = 64 };

struct serve_client;

/* A member of what waits. */
struct serve_waiting {
    struct serve_client *client;
    struct serve_waiting *next;
};

struct serve_queue {
    struct serve_client *last; /* of a ring; whose turn it is comes behind it. NULL: nobody waits */
    size_t n, max;
};

/* Add a request of a client, whose name is clipped to SERVE_CLIENT_MAX bytes.
 *
 *   displaced  out: NULL, or the newest request of the client that had most, which is no longer in
 *              the queue
 *   returns    false: there is no place, or no memory */
bool serve_queue_add(struct serve_queue *queue, struct str client, struct serve_waiting *waiting,
                     struct serve_waiting **displaced);

/* The next one, no longer in the queue; NULL: nobody waits. */
struct serve_waiting *serve_queue_take(struct serve_queue *queue);

/* Take out all that must go, as a list. */
typedef bool serve_must_go(void *payload, struct serve_waiting *waiting);
struct serve_waiting *serve_queue_sift(struct serve_queue *queue, serve_must_go *must_go,
                                       void *payload);

#endif
