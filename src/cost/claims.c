/* Who pays a claim: at each moment the pods that use it then, evenly; when none does, what stands
 * for its namespace. */
#include "cost/volumes.h"

#include <stdlib.h>

/* Where a pod's use of a claim begins or ends. */
struct point {
    int64_t t_ms;
    bool is_end;
    size_t user; /* its place in the claim's list */
};

/* A user of a claim, and which part of it is its. */
struct user {
    size_t pod;
    bool is_active, has_part;
    double part; /* all parts and the rest sum to 1 */
};

struct sharing {
    struct user *users; /* [n] */
    size_t n, nactive;
    struct point *points; /* [npoints] */
    size_t npoints;
    bool has_rest;
    double rest; /* that nobody uses */
};

static int by_number(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Starts before ends of the same time; more order does not show in any number. */
static int by_time(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    if (x->t_ms != y->t_ms)
        return x->t_ms < y->t_ms ? -1 : 1;
    if (x->is_end != y->is_end)
        return x->is_end ? 1 : -1;
    return (x->user > y->user) - (x->user < y->user);
}

/* Each user once, with the time in which both the pod and the claim were there. */
static enum ampql_code list_users(struct model *model, const struct claim *claim,
                                  struct sharing *out, struct ampql_error *err)
{
    size_t *pods = claim->users.at, n = claim->users.n;
    *out = (struct sharing){.users = arena_alloc(model->arena, n, sizeof *out->users),
                            .points = arena_alloc(model->arena, 2 * n, sizeof *out->points)};
    if (!out->users || !out->points)
        return fail_nomem(err, "claims");
    qsort(pods, n, sizeof *pods, by_number);
    for (size_t i = 0; i < n; i++) {
        const struct pod *pod = &model->pods.at[pods[i]];
        if (i && pods[i] == pods[i - 1])
            continue;
        int64_t start_ms = claim->start_ms > pod->start_ms ? claim->start_ms : pod->start_ms;
        int64_t end_ms = claim->end_ms < pod->end_ms ? claim->end_ms : pod->end_ms;
        if (end_ms < start_ms && !has_quirk(model, QUIRK_GHOST_USERS))
            continue;
        out->points[out->npoints++] = (struct point){start_ms, false, out->n};
        out->points[out->npoints++] = (struct point){end_ms, true, out->n};
        out->users[out->n++] = (struct user){.pod = pods[i]};
    }
    if (out->npoints)
        qsort(out->points, out->npoints, sizeof *out->points, by_time);
    return AMPQL_OK;
}

/* Divide the time up to t among those who use the claim. */
static void divide(struct sharing *s, double time)
{
    if (s->nactive == 0) {
        s->rest += time;
        s->has_rest = true;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (!s->users[i].is_active)
            continue;
        s->users[i].part += 1 / (double)s->nactive * time;
        s->users[i].has_part = true;
    }
}

static void sweep(const struct claim *claim, struct sharing *s)
{
    double minutes = minutes_between(claim->start_ms, claim->end_ms);
    int64_t now_ms = claim->start_ms;
    for (size_t i = 0; i < s->npoints; i++) {
        const struct point *p = &s->points[i];
        struct user *user = &s->users[p->user];
        if (p->t_ms != now_ms)
            divide(s, minutes_between(now_ms, p->t_ms) / minutes);
        s->nactive += !p->is_end && !user->is_active;
        s->nactive -= p->is_end && user->is_active;
        user->is_active = !p->is_end;
        now_ms = p->t_ms;
    }
    if (now_ms < claim->end_ms) {
        s->rest += minutes_between(now_ms, claim->end_ms) / minutes;
        s->has_rest = true;
    }
}

/* The containers of a pod share its part evenly. OpenCost multiplies the part by the pod's hours,
 * not by the claim's. */
static enum ampql_code charge(struct model *model, const struct storage *storage,
                              const struct claim *claim, size_t pod, double part,
                              struct ampql_error *err)
{
    const struct volume *volume = &storage->volumes.at[claim->volume];
    const struct pod *p = &model->pods.at[pod];
    bool by_pod = has_quirk(model, QUIRK_POD_HOURS);
    double hours = (by_pod ? minutes_between(p->start_ms, p->end_ms)
                           : minutes_between(claim->start_ms, claim->end_ms)) /
                   60;
    double cost = volume->gib_hour_price * (claim->bytes / 1024 / 1024 / 1024) * hours;
    double n = (double)p->ncontainers;
    for (struct container *c = pod_first(model, p); c; c = pod_next(model, c))
        TRY(volume_add(model, c, volume, claim->bytes * hours * part / n, cost * part / n, err));
    return AMPQL_OK;
}

static enum ampql_code share(struct model *model, const struct storage *storage,
                             const struct claim *claim, struct ampql_error *err)
{
    struct sharing s;
    size_t unmounted;
    TRY(list_users(model, claim, &s, err));
    sweep(claim, &s);
    for (size_t i = 0; i < s.n; i++)
        if (s.users[i].has_part)
            TRY(charge(model, storage, claim, s.users[i].pod, s.users[i].part, err));
    if (!s.has_rest)
        return AMPQL_OK;
    TRY(pod_unmounted(model, claim->cluster, claim->namespace_name, &unmounted, err));
    return charge(model, storage, claim, unmounted, s.rest, err);
}

enum ampql_code claims_share(struct model *model, const struct storage *storage,
                             struct ampql_error *err)
{
    struct tally timeless = {0};
    for (size_t i = 0; i < storage->claims.n; i++) {
        const struct claim *claim = &storage->claims.at[i];
        if (!claim->is_used)
            continue;
        if (claim->end_ms > claim->start_ms)
            TRY(share(model, storage, claim, err));
        else
            tally_add(&timeless, claim->name, claim->namespace_name);
    }
    return set_warn_tally(model->set, &timeless, query_info[COST_PVC_INFO].name,
                          "claims were there for no time and are left out", "claim", "of namespace",
                          err);
}
