/* A whole Prometheus block read: open, index, every chunk unpacked and checked; the CPU time of a
 * sample on one core. Needs no server. Usage: tsdb [FOLDER], a data folder or block; without one a
 * block is written of the generated cluster's day. */
#include "source/tsdb.h"
#include "bench/cluster.h"
#include "bench/quick.h"
#include "source/sink.h"
#include "support/tsdb_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (1440 * MINUTE_MS)

enum { PASSES = 5, CONTAINERS = 200 };

static void die(const char *what)
{
    quick_die("tsdb", what);
}

/* ---- a block to read */

static void *copy(const void *p, size_t n)
{
    void *to = malloc(n + 1);
    if (!to)
        die("no memory");
    memcpy(to, p, n);
    return to;
}

static void fill_series(struct cluster *c, size_t i, struct tsdb_image_series *out)
{
    const int64_t *t;
    const double *v;
    size_t nlabels, n = cluster_read(c, i, INT64_MAX, &t, &v);
    const struct cluster_label *labels = cluster_labels(c, i, &nlabels);
    struct ampql_label *at = malloc((nlabels + 1) * sizeof *at);
    if (!at)
        die("no memory");
    for (size_t k = 0; k < nlabels; k++)
        at[k] = (struct ampql_label){{labels[k].name, strlen(labels[k].name)},
                                     {labels[k].value, strlen(labels[k].value)}};
    *out = (struct tsdb_image_series){at, nlabels, copy(t, n * sizeof *t), copy(v, n * sizeof *v),
                                      n,  0};
}

static void write_block(const char *folder)
{
    struct cluster_options options = {.seed = 1,
                                      .ncontainers = CONTAINERS,
                                      .start_ms = INT64_C(1700006400000),
                                      .duration_ms = DAY_MS,
                                      .interval_ms = MINUTE_MS};
    struct cluster *c = cluster_new(&options);
    size_t n = cluster_nseries(c), kept = 0;
    struct tsdb_image_series *series = calloc(n, sizeof *series);
    if (!series)
        die("no memory");
    for (size_t i = 0; i < n; i++) {
        fill_series(c, i, &series[kept]);
        kept += series[kept].n > 0;
    }
    struct tsdb_image image;
    struct tsdb_image_block block = {
        .ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV", .series = series, .n = kept};
    if (!tsdb_image_make(&image, &block) || !tsdb_image_save(&image, folder))
        die("the block cannot be written");
    tsdb_image_done(&image);
    for (size_t i = 0; i < kept; i++) {
        free((void *)(uintptr_t)series[i].labels);
        free((void *)(uintptr_t)series[i].t);
        free((void *)(uintptr_t)series[i].v);
    }
    free(series);
    cluster_free(c);
}

/* ---- reading it */

struct count {
    uint64_t nseries, nsamples;
};

static enum ampql_code take(void *payload, const struct ampql_label *labels, size_t nlabels,
                            const struct samples *samples)
{
    (void)labels, (void)nlabels;
    struct count *count = payload;
    count->nseries++;
    count->nsamples += samples->n;
    return AMPQL_OK;
}

/* Open it and read what the matchers leave; the CPU time, ns. */
static double read_once(const char *path, const struct ampql_matcher *matcher, struct count *count)
{
    struct ampql_file_options options = {.size = sizeof options};
    struct ampql_select select = {.size = sizeof select,
                                  .matchers = matcher,
                                  .nmatchers = matcher ? 1 : 0,
                                  .mint_ms = -TSDB_FOREVER,
                                  .maxt_ms = TSDB_FOREVER};
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    struct ampql_sink sink;
    double begin = quick_now_ns();
    *count = (struct count){0};
    if (source_tsdb_open(&alloc_default, path, &options, &source, &err) != AMPQL_OK)
        die(err.message);
    sink_init(&sink, &alloc_default, take, count, true);
    enum ampql_code code = source->ops.select(source->payload, &select, &sink, &err);
    if (sink_finish(&sink, code, &err) != AMPQL_OK)
        die(err.message);
    sink_done(&sink);
    source_free(source);
    return quick_now_ns() - begin;
}

static void measure(const char *path, const char *what, const struct ampql_matcher *matcher)
{
    struct count count;
    double best = 1e300;
    for (int pass = 0; pass < PASSES; pass++) {
        double ns = read_once(path, matcher, &count);
        best = ns < best ? ns : best;
    }
    printf("%s: %llu series, %llu samples, %.1f ms, %.2f ns CPU a sample\n", what,
           (unsigned long long)count.nseries, (unsigned long long)count.nsamples, best / 1e6,
           best / (double)count.nsamples);
}

int main(int argc, char **argv)
{
    static const struct ampql_matcher one = {
        {"__name__", 8}, AMPQL_MATCH_EQUAL, {"node_total_hourly_cost", 22}};
    char folder[] = "/tmp/ampql-bench-XXXXXX", block[64];
    const char *path = argc > 1 ? argv[1] : block;
    if (argc < 2) {
        if (!mkdtemp(folder))
            die("no folder");
        snprintf(block, sizeof block, "%s/block", folder);
        write_block(block);
    }
    measure(path, "A Prometheus block, opened and read whole", NULL);
    measure(path, "one metric of it, opening included", &one);
    if (argc < 2) {
        tsdb_image_remove(block);
        rmdir(folder);
    }
    return 0;
}
