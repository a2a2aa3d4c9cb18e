/* The generator's entry points, and the values: what each series shows at each scrape. */
#include "bench/cluster_parts.h"

#include <stdlib.h>
#include <string.h>

double cluster_price_cpu(const struct instance_type *type, double ram_gib)
{
    /* the price list's ratio of a core's price to a GiB's divides the machine's price */
    double ordinary = type->usd_per_hour - (type->gpus ? 0.95 * 0.35 * type->gpus : 0);
    return ordinary / (type->cores + ram_gib / (0.031611 / 0.004237));
}

double cluster_price_ram(const struct instance_type *type, double ram_gib)
{
    return cluster_price_cpu(type, ram_gib) / (0.031611 / 0.004237);
}

/* ---- what things do at a time: pure functions of seed and time */

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static double noise(uint64_t seed, int64_t slot)
{
    return cluster_unit(cluster_mix(seed ^ (uint64_t)slot * UINT64_C(0xD1342543DE82EF95)));
}

/* 0 in the night, 1 at noon, straight lines between. */
static double daytime(int64_t t)
{
    int64_t ms = t % DAY_MS;
    return (double)(ms < DAY_MS / 2 ? ms : DAY_MS - ms) / (double)(DAY_MS / 2);
}

static double cores_used(const struct container *k, int64_t t)
{
    if (k->seed & 1 && noise(k->seed + 4, t / MINUTE_MS) > 0.15) /* idle: asleep most of the time */
        return 0;
    double load =
        k->cpu_base * (0.4 + 0.8 * daytime(t)) * (0.6 + 0.8 * noise(k->seed, t / MINUTE_MS));
    return noise(k->seed + 1, t / (5 * MINUTE_MS)) < 0.01 ? 3 * load : load;
}

static double bytes_used(const struct container *k, int64_t t, int64_t begin_ms)
{
    if (k->seed & 1) /* idle: its memory hardly moves */
        t = max_of(begin_ms, t - t % (20 * MINUTE_MS));
    double age = t - begin_ms > 6 * HOUR_MS ? 1 : (double)(t - begin_ms) / (double)(6 * HOUR_MS);
    double pages = k->ram_pages * (0.7 + 0.2 * daytime(t) + 0.1 * age +
                                   0.02 * noise(k->seed + 2, t / (10 * MINUTE_MS)));
    return 4096.0 * (double)(int64_t)(pages + 40 * noise(k->seed + 3, t / (3 * MINUTE_MS)));
}

/* The spot market's share of the on-demand price, another one every four hours. */
static double spot_factor(const struct node *n, int64_t t)
{
    return n->is_spot ? 0.3 + 0.1 * noise(n->seed + 5, t / (4 * HOUR_MS)) : 1;
}

/* ---- one sample */

/* Begin of what is alive at t: a life's, or the container's restart in it. */
static int64_t begin_at(const struct series *s, const struct target *target, int64_t t)
{
    int64_t begin = target->life.from_ms;
    for (size_t i = 0; i < s->nlives; i++)
        if (s->lives[i].from_ms <= t)
            begin = max_of(begin, s->lives[i].from_ms);
    if (s->container && s->container->restart_ms <= t)
        begin = max_of(begin, s->container->restart_ms);
    return begin;
}

/* What a counter of this series gains in ms milliseconds at t, in its smallest unit. */
static int64_t gain(const struct series *s, int64_t t, int64_t ms)
{
    double elapsed = (double)ms, cores = 0;
    switch (s->model) {
    case MODEL_CPU_SECONDS:
        return (int64_t)(cores_used(s->container, t) * elapsed * 1e6);
    case MODEL_CPU_POD:
        for (size_t i = 0; i < s->pod->ncontainers; i++)
            cores += cores_used(&s->pod->containers[i], t);
        return (int64_t)(cores * elapsed * 1e6);
    case MODEL_CPU_NODE:
        cores = s->a + 0.5 * s->node->type->cores * daytime(t) * noise(s->seed, t / MINUTE_MS);
        return (int64_t)(cores * elapsed * 1e6);
    case MODEL_CPU_TRICKLE:
        return noise(s->seed, t / MINUTE_MS) < 0.02 ? 1234567 : 0;
    case MODEL_BYTES: /* in bursts: b is the share of minutes without any */
        if (noise(s->seed + 1, t / MINUTE_MS) < s->b)
            return 0;
        return (int64_t)(s->a * (0.3 + daytime(t)) * noise(s->seed, t / MINUTE_MS) * elapsed /
                         1000);
    case MODEL_CPU_MODE:
        return (int64_t)(s->a * (0.9 + 0.2 * noise(s->seed, t / MINUTE_MS)) * elapsed / 10);
    default: /* MODEL_PERIODS */
        return (int64_t)(s->a * (0.8 + 0.4 * noise(s->seed, t / MINUTE_MS)) * elapsed / 1000);
    }
}

static double counter_at(struct series *s, const struct target *target, int64_t t, double per_unit)
{
    int64_t begin = begin_at(s, target, t);
    if (s->last_ms == INT64_MIN) /* has been running for some days when the window opens */
        s->counter = begin == INT64_MIN ? gain(s, t, (int64_t)(s->seed % 400) * HOUR_MS)
                                        : gain(s, t, t - begin);
    else if (begin > s->last_ms)
        s->counter = gain(s, t, t - begin);
    else
        s->counter += gain(s, t, t - s->last_ms);
    s->last_ms = t;
    return (double)s->counter / per_unit;
}

static double allocation(double request, double used)
{
    return used > request ? used : request;
}

static double value_at(struct series *s, const struct target *target, const struct cluster *c,
                       int64_t t)
{
    int64_t begin = max_of(begin_at(s, target, t), c->window.from_ms - DAY_MS);
    double sum = 0;
    switch (s->model) {
    case MODEL_CONST:
    case MODEL_UP:
        return s->model == MODEL_UP ? 1 : s->a;
    case MODEL_RUNNING:
        return !s->pod->is_job || t < s->pod->lives[0].to_ms;
    case MODEL_CPU_SECONDS:
    case MODEL_CPU_POD:
    case MODEL_CPU_NODE:
    case MODEL_CPU_TRICKLE:
        return counter_at(s, target, t, 1e9); /* nanoseconds */
    case MODEL_BYTES:
    case MODEL_PERIODS:
        return counter_at(s, target, t, 1);
    case MODEL_CPU_MODE:
        return counter_at(s, target, t, 100); /* the kernel's ticks */
    case MODEL_CPU_ALLOCATION:
        return allocation(s->container->cpu_request, cores_used(s->container, t));
    case MODEL_RAM_ALLOCATION:
        return allocation(s->container->ram_request, bytes_used(s->container, t, begin));
    case MODEL_RAM:
        return bytes_used(s->container, t, begin);
    case MODEL_RAM_POD:
        for (size_t i = 0; i < s->pod->ncontainers; i++)
            sum += bytes_used(&s->pod->containers[i], t, begin);
        return sum;
    case MODEL_RAM_NODE:
        return 4096.0 *
               (double)(int64_t)(s->node->ram_bytes / 4096 *
                                 (0.4 + 0.1 * daytime(t) + 0.02 * noise(s->seed, t / MINUTE_MS)));
    case MODEL_SHARE:
        sum = s->a + s->b * (2 * noise(s->seed, t / MINUTE_MS) - 1);
        return sum < 0 ? 0 : sum;
    case MODEL_FILL:
        return (double)(int64_t)(s->a + s->b * ((double)(t - c->window.from_ms) / (double)DAY_MS));
    case MODEL_PRICE:
        return s->a * spot_factor(s->node, t);
    }
    return 0;
}

/* ---- scrapes */

/* Time of the target's scrape number k since the beginning of the window. */
static int64_t scrape_ms(const struct cluster *c, const struct target *target, int64_t k)
{
    int64_t t = c->window.from_ms + k * c->options.interval_ms + target->offset_ms;
    if (target->has_jitter && noise(target->seed, k) < 0.3)
        t += (int64_t)(noise(target->seed + 1, k) * 20);
    return t;
}

static bool is_in(const struct span *s, int64_t t)
{
    return s->from_ms <= t && t < s->to_ms;
}

static bool is_alive(const struct series *s, int64_t t)
{
    for (size_t i = 0; i < s->nlives; i++)
        if (is_in(&s->lives[i], t))
            return true;
    return s->nlives == 0;
}

static void push(struct cluster *c, size_t n, int64_t t, double v)
{
    if (n == c->capacity) {
        c->t = cluster_grow(c->t, n, sizeof *c->t);
        c->v = cluster_grow(c->v, n, sizeof *c->v);
        c->capacity = n ? 2 * n : 1;
    }
    c->t[n] = t;
    c->v[n] = v;
}

size_t cluster_read(struct cluster *c, size_t i, int64_t until_ms, const int64_t **t,
                    const double **v)
{
    static const uint64_t stale_bits = CLUSTER_STALE_BITS;
    struct series *s = &c->series[i];
    const struct target *target = &c->targets[s->target];
    int64_t end = until_ms < c->window.to_ms ? until_ms : c->window.to_ms;
    double stale;
    memcpy(&stale, &stale_bits, sizeof stale);
    size_t n = 0;
    for (;; s->next_scrape++) {
        int64_t at = scrape_ms(c, target, s->next_scrape);
        if (at >= end)
            break;
        bool is_lost = false, has_failed = false;
        for (size_t g = 0; g < target->ngaps; g++)
            if (is_in(&target->gaps[g].span, at))
                *(target->gaps[g].failed ? &has_failed : &is_lost) = true;
        if (is_lost)
            continue;
        bool is_up = s->model == MODEL_UP && has_failed && is_in(&target->life, at);
        bool is_exposed = is_up || (!has_failed && is_in(&target->life, at) && is_alive(s, at));
        if (is_exposed)
            push(c, n++, at, is_up ? 0 : value_at(s, target, c, at));
        else if (s->was_exposed)
            push(c, n++, at, stale);
        s->was_exposed = is_exposed;
    }
    *t = c->t;
    *v = c->v;
    return n;
}

void cluster_rewind(struct cluster *c)
{
    for (size_t i = 0; i < c->nseries; i++) {
        c->series[i].next_scrape = 0;
        c->series[i].last_ms = INT64_MIN;
        c->series[i].counter = 0;
        c->series[i].was_exposed = false;
    }
}

/* ---- the whole */

static void read_wanted(struct cluster *c, const char *only)
{
    while (only && *only) {
        size_t len = strcspn(only, ",");
        c->wanted = cluster_grow(c->wanted, c->nwanted, sizeof(char *));
        c->wanted[c->nwanted++] = cluster_text(c, "%.*s", (int)len, only);
        only += len + (only[len] == ',');
    }
}

struct cluster *cluster_new(const struct cluster_options *options)
{
    struct cluster *c = cluster_grow(NULL, 0, sizeof *c);
    *c = (struct cluster){.options = *options, .random = options->seed};
    c->window = (struct span){options->start_ms, options->start_ms + options->duration_ms};
    read_wanted(c, options->only);
    c->options.only = NULL;
    cluster_add_nodes(c);
    cluster_add_pods(c);
    cluster_add_series(c);
    cluster_rewind(c);
    return c;
}

void cluster_free(struct cluster *c)
{
    if (!c)
        return;
    cluster_chunks_free(c);
    free(c->nodes);
    free(c->targets);
    free(c->pods);
    free(c->series);
    free(c->wanted);
    free(c->t);
    free(c->v);
    free(c);
}

size_t cluster_nseries(const struct cluster *c)
{
    return c->nseries;
}

const struct cluster_label *cluster_labels(const struct cluster *c, size_t i, size_t *nlabels)
{
    *nlabels = c->series[i].nlabels;
    return c->series[i].labels;
}
