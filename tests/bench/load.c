/* Push a generated cluster day to a server through its remote-write receiver, stale markers
 * included.
 *
 *   load URL [--containers N] [--seed N] [--start UNIX_S] [--duration S] [--interval S] [--piece S]
 * [--only NAME,NAME] [--by-series 1]
 *
 * Time goes forward over all series at once, piece by piece (default 10 minutes), as an agent's
 * remote write would. With --by-series 1 series come one after the other instead, each whole, which
 * takes a server a fraction of the time. */
#include "bench/cluster.h"
#include "tool/remote_write.h"
#include "tool/remote_write_message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_BYTES = 4 << 20 };

struct load {
    struct cluster *cluster;
    struct remote_write *server; /* in the order of time, */
    struct write_wire *wire;     /* or by series: what that writes to */
    struct remote_write_stats stats;
    uint64_t nsamples;
    uint64_t nmarkers;
};

/* Of a cluster's label set [n], for the call. */
static const struct ampql_label *labels_of(const struct cluster *cluster, size_t i, size_t *n)
{
    enum { MAX_LABELS = 64 };
    static struct ampql_label out[MAX_LABELS];
    const struct cluster_label *labels = cluster_labels(cluster, i, n);
    if (*n > MAX_LABELS)
        abort();
    for (size_t k = 0; k < *n; k++)
        out[k] = (struct ampql_label){{labels[k].name, strlen(labels[k].name)},
                                      {labels[k].value, strlen(labels[k].value)}};
    return out;
}

static void count(struct load *l, const double *v, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        uint64_t bits;
        memcpy(&bits, &v[k], sizeof bits);
        l->nmarkers += bits == CLUSTER_STALE_BITS;
    }
    l->nsamples += n;
}

static bool send_until(struct load *l, int64_t until_ms, struct ampql_error *err)
{
    for (size_t i = 0; i < cluster_nseries(l->cluster); i++) {
        const int64_t *t;
        const double *v;
        size_t nlabels, n = cluster_read(l->cluster, i, until_ms, &t, &v);
        if (n == 0)
            continue;
        count(l, v, n);
        const struct ampql_label *labels = labels_of(l->cluster, i, &nlabels);
        if (remote_write_add(l->server, labels, nlabels, t, v, n, err) != AMPQL_OK)
            return false;
    }
    return remote_write_send(l->server, err) == AMPQL_OK;
}

/* Every series whole, as many as fit into a request. */
static bool send_by_series(struct load *l, struct ampql_error *err)
{
    struct buf request;
    bool ok = true, too_large;
    buf_init(&request, &alloc_default, SIZE_MAX);
    size_t nseries = cluster_nseries(l->cluster), held = 0;
    for (size_t i = 0; i < nseries && ok; i++) {
        struct write_piece piece = {0};
        piece.labels = labels_of(l->cluster, i, &piece.nlabels);
        piece.n = cluster_read(l->cluster, i, INT64_MAX, &piece.t_ms, &piece.v);
        if (piece.n > 0)
            write_piece_add(&request, &piece);
        count(l, piece.v, piece.n);
        held += piece.n;
        if (held == 0 || (request.n < REQUEST_BYTES && i + 1 < nseries))
            continue;
        ok = write_wire_post(l->wire, buf_view(&request), held, &too_large, err) == AMPQL_OK;
        held = request.n = 0;
    }
    buf_done(&request);
    return ok;
}

static void load_done(struct load *l)
{
    write_wire_close(l->wire);
    remote_write_close(l->server);
    cluster_free(l->cluster);
}

static bool load_init(struct load *l, const struct cluster_options *options, const char *url,
                      struct ampql_error *err)
{
    struct remote_write_options write = {
        .url = url, .max_samples = REQUEST_BYTES, .max_bytes = REQUEST_BYTES};
    *l = (struct load){.cluster = cluster_new(options)};
    return remote_write_open(&alloc_default, &write, &l->server, err) == AMPQL_OK &&
           write_wire_open(&alloc_default, &write, &l->stats, &l->wire, err) == AMPQL_OK;
}

static bool read_number(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long x = strtoll(text, &end, 10);
    *out = x;
    return errno == 0 && end != text && *end == '\0' && x >= 0;
}

static bool read_arguments(int argc, char **argv, struct cluster_options *o, int64_t *piece_ms,
                           bool *by_series)
{
    for (int i = 2; i < argc; i += 2) {
        int64_t x = 0;
        if (i + 1 >= argc)
            return false;
        bool ok = read_number(argv[i + 1], &x);
        if (strcmp(argv[i], "--only") == 0)
            o->only = argv[i + 1];
        else if (!ok)
            return false;
        else if (strcmp(argv[i], "--containers") == 0)
            o->ncontainers = (size_t)x;
        else if (strcmp(argv[i], "--seed") == 0)
            o->seed = (uint64_t)x;
        else if (strcmp(argv[i], "--start") == 0)
            o->start_ms = x * 1000;
        else if (strcmp(argv[i], "--duration") == 0)
            o->duration_ms = x * 1000;
        else if (strcmp(argv[i], "--interval") == 0)
            o->interval_ms = x * 1000;
        else if (strcmp(argv[i], "--piece") == 0)
            *piece_ms = x * 1000;
        else if (strcmp(argv[i], "--aligned") == 0)
            o->is_aligned = x != 0;
        else if (strcmp(argv[i], "--by-series") == 0)
            *by_series = x != 0;
        else
            return false;
    }
    return argc >= 2 && o->interval_ms > 0 && *piece_ms > 0 && o->duration_ms > 0;
}

int main(int argc, char **argv)
{
    /* 2026-02-28T22:00Z to 2026-03-02T01:00Z: one UTC day, and what its windows reach back to */
    struct cluster_options options = {.seed = 1,
                                      .ncontainers = CLUSTER_DEMO,
                                      .start_ms = 1772316000000,
                                      .duration_ms = 97200000,
                                      .interval_ms = 60000};
    int64_t piece_ms = 600000;
    bool by_series = false;
    if (!read_arguments(argc, argv, &options, &piece_ms, &by_series)) {
        fprintf(
            stderr,
            "usage: load URL [--containers N] [--seed N] [--start S] [--duration S] [--interval S] "
            "[--piece S] [--only NAMES] [--aligned 1] [--by-series 1]\n");
        return 2;
    }
    struct load load;
    struct ampql_error err = {0};
    bool ok = load_init(&load, &options, argv[1], &err);
    int64_t end = options.start_ms + options.duration_ms;
    if (ok && by_series)
        ok = send_by_series(&load, &err);
    for (int64_t until = options.start_ms; ok && !by_series && until < end;) {
        until = end - until > piece_ms ? until + piece_ms : end;
        ok = send_until(&load, until, &err);
    }
    if (ok)
        printf("%zu series, %" PRIu64 " samples (%" PRIu64 " stale markers) in %" PRIu64
               " requests\n",
               cluster_nseries(load.cluster), load.nsamples, load.nmarkers,
               remote_write_stats(load.server).requests + load.stats.requests);
    else
        fprintf(stderr, "load: %s\n", err.message);
    load_done(&load);
    return ok ? 0 : 1;
}
