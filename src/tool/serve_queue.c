/* A ring of clients, each with its own line. */
#include "tool/serve_queue.h"

#include "base/alloc.h"

struct serve_client {
    char name[SERVE_CLIENT_MAX];
    size_t nname;
    struct serve_waiting *first, **end;
    size_t n;
    struct serve_client *next; /* of the ring */
};

static struct serve_client *find(const struct serve_queue *queue, struct str name)
{
    struct serve_client *c = queue->last;
    for (size_t i = 0; c && (i == 0 || c != queue->last); i++, c = c->next)
        if (str_equal(str_make(c->name, c->nname), name))
            return c;
    return NULL;
}

static struct serve_client *with_most(const struct serve_queue *queue)
{
    struct serve_client *most = queue->last;
    for (struct serve_client *c = most ? most->next : NULL; c && c != queue->last; c = c->next)
        if (c->n > most->n)
            most = c;
    return most;
}

/* A new client is the last whose turn comes. */
static struct serve_client *join(struct serve_queue *queue, struct str name)
{
    struct serve_client *c = alloc_get(&alloc_default, 1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct serve_client){.nname = name.n, .next = c};
    memcpy(c->name, name.p, name.n);
    c->end = &c->first;
    if (queue->last) {
        c->next = queue->last->next;
        queue->last->next = c;
    }
    queue->last = c;
    return c;
}

/* Nothing of this client waits any more. */
static void leave(struct serve_queue *queue, struct serve_client *c)
{
    struct serve_client *before = c;
    while (before->next != c)
        before = before->next;
    before->next = c->next;
    if (queue->last == c)
        queue->last = before == c ? NULL : before;
    alloc_put(&alloc_default, c, 1, sizeof *c);
}

/* Take out what stands at `at`; an empty client stays, for the caller to look at. */
static struct serve_waiting *take_at(struct serve_queue *queue, struct serve_client *c,
                                     struct serve_waiting **at)
{
    struct serve_waiting *waiting = *at;
    *at = waiting->next;
    if (!*at)
        c->end = at;
    c->n--;
    queue->n--;
    waiting->next = NULL;
    waiting->client = NULL;
    return waiting;
}

static struct serve_waiting *take_newest(struct serve_queue *queue, struct serve_client *c)
{
    struct serve_waiting **at = &c->first;
    while ((*at)->next)
        at = &(*at)->next;
    return take_at(queue, c, at);
}

bool serve_queue_add(struct serve_queue *queue, struct str client, struct serve_waiting *waiting,
                     struct serve_waiting **displaced)
{
    struct str name = str_make(client.p, client.n < SERVE_CLIENT_MAX ? client.n : SERVE_CLIENT_MAX);
    struct serve_client *c = find(queue, name);
    *displaced = NULL;
    if (queue->n >= queue->max) {
        struct serve_client *most = with_most(queue);
        if (!most || most->n <= (c ? c->n : 0) + 1)
            return false;
        *displaced = take_newest(queue, most);
    }
    if (!c && !(c = join(queue, name)))
        return false;
    waiting->client = c;
    waiting->next = NULL;
    *c->end = waiting;
    c->end = &waiting->next;
    c->n++;
    queue->n++;
    return true;
}

struct serve_waiting *serve_queue_take(struct serve_queue *queue)
{
    if (!queue->last)
        return NULL;
    struct serve_client *c = queue->last->next;
    struct serve_waiting *waiting = take_at(queue, c, &c->first);
    queue->last = c; /* its next turn comes after all others' */
    if (c->n == 0)
        leave(queue, c);
    return waiting;
}

struct serve_waiting *serve_queue_sift(struct serve_queue *queue, serve_must_go *must_go,
                                       void *payload)
{
    struct serve_waiting *gone = NULL, **end = &gone;
    size_t nclients = 0;
    for (struct serve_client *c = queue->last; c && (nclients == 0 || c != queue->last);
         c = c->next)
        nclients++;
    struct serve_client *c = queue->last, *next;
    for (size_t i = 0; i < nclients; i++, c = next) {
        next = c->next;
        for (struct serve_waiting **at = &c->first; *at;) {
            if (!must_go(payload, *at)) {
                at = &(*at)->next;
                continue;
            }
            *end = take_at(queue, c, at);
            end = &(*end)->next;
        }
        if (c->n == 0)
            leave(queue, c);
    }
    return gone;
}
