/* Push a generated cluster day to a server through its remote-write receiver, stale markers
 * included.
 *
 *   load URL [--containers N] [--seed N] [--start UNIX_S] [--duration S] [--interval S] [--piece S]
 * [--only NAME,NAME]
 *
 * Time goes forward over all series at once, piece by piece (default 10 minutes), as an agent's
 * remote write would. */
#include "bench/cluster.h"
#include "tool/remote_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_BYTES = 4 << 20 };

struct load {
    struct cluster *cluster;
    struct remote_write *server;
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

static bool send_until(struct load *l, int64_t until_ms, struct ampql_error *err)
{
    for (size_t i = 0; i < cluster_nseries(l->cluster); i++) {
        const int64_t *t;
        const double *v;
        size_t nlabels, n = cluster_read(l->cluster, i, until_ms, &t, &v);
        if (n == 0)
            continue;
        for (size_t k = 0; k < n; k++) {
            uint64_t bits;
            memcpy(&bits, &v[k], sizeof bits);
            l->nmarkers += bits == CLUSTER_STALE_BITS;
        }
        l->nsamples += n;
        const struct ampql_label *labels = labels_of(l->cluster, i, &nlabels);
        if (remote_write_add(l->server, labels, nlabels, t, v, n, err) != AMPQL_OK)
            return false;
    }
    return remote_write_send(l->server, err) == AMPQL_OK;
}

static void load_done(struct load *l)
{
    remote_write_close(l->server);
    cluster_free(l->cluster);
}

static bool load_init(struct load *l, const struct cluster_options *options, const char *url,
                      struct ampql_error *err)
{
    struct remote_write_options write = {
        .url = url, .max_samples = REQUEST_BYTES, .max_bytes = REQUEST_BYTES};
    *l = (struct load){.cluster = cluster_new(options)};
    return remote_write_open(&alloc_default, &write, &l->server, err) == AMPQL_OK;
}

static bool read_number(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long x = strtoll(text, &end, 10);
    *out = x;
    return errno == 0 && end != text && *end == '\0' && x >= 0;
}

static bool read_arguments(int argc, char **argv, struct cluster_options *o, int64_t *piece_ms)
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
    if (!read_arguments(argc, argv, &options, &piece_ms)) {
        fprintf(
            stderr,
            "usage: load URL [--containers N] [--seed N] [--start S] [--duration S] [--interval S] "
            "[--piece S] [--only NAMES] [--aligned 1]\n");
        return 2;
    }
    struct load load;
    struct ampql_error err = {0};
    bool ok = load_init(&load, &options, argv[1], &err);
    int64_t end = options.start_ms + options.duration_ms;
    for (int64_t until = options.start_ms; ok && until < end;) {
        until = end - until > piece_ms ? until + piece_ms : end;
        ok = send_until(&load, until, &err);
    }
    if (ok)
        printf("%zu series, %" PRIu64 " samples (%" PRIu64 " stale markers) in %" PRIu64
               " requests\n",
               cluster_nseries(load.cluster), load.nsamples, load.nmarkers,
               remote_write_stats(load.server).requests);
    else
        fprintf(stderr, "load: %s\n", err.message);
    load_done(&load);
    return ok ? 0 : 1;
}
