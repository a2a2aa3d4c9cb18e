/* A whole capture read: open, every block checked and unpacked; its bytes a sample, and the CPU
 * time of a sample on one core. Needs no server. Usage: capture [FILE.aqc]; without one a capture
 * is written of the generated cluster's day. */
#include "bench/cluster.h"
#include "bench/quick.h"
#include "source/capture_take.h"
#include "source/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PASSES = 7, CONTAINERS = 200, MAX_LABELS = 64 };

static void die(const char *what)
{
    quick_die("capture", what);
}

/* ---- a capture to read */

static struct ampql_source *generated_day(void)
{
    struct cluster_options options = {.seed = 1,
                                      .ncontainers = CONTAINERS,
                                      .start_ms = INT64_C(1700006400000),
                                      .duration_ms = INT64_C(86400000),
                                      .interval_ms = 60000};
    struct cluster *c = cluster_new(&options);
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    if (source_memory_new(&alloc_default, NULL, &source, &err) != AMPQL_OK)
        die(err.message);
    for (size_t i = 0; i < cluster_nseries(c); i++) {
        struct ampql_label labels[MAX_LABELS];
        size_t nlabels;
        const struct cluster_label *from = cluster_labels(c, i, &nlabels);
        for (size_t k = 0; k < nlabels && k < MAX_LABELS; k++)
            labels[k] = (struct ampql_label){{from[k].name, strlen(from[k].name)},
                                             {from[k].value, strlen(from[k].value)}};
        const int64_t *t;
        const double *v;
        size_t n = cluster_read(c, i, INT64_MAX, &t, &v);
        if (source_memory_add(source, labels, nlabels, t, v, n, &err) != AMPQL_OK)
            die(err.message);
    }
    cluster_free(c);
    return source;
}

static void write_capture(const char *path)
{
    struct ampql_source *day = generated_day();
    struct capture_origin origin = capture_origin_of(day, STR("generated"));
    struct capture_log log;
    struct ampql_error err = {0};
    double begin = quick_now_ns();
    if (capture_log_open(&log, &alloc_default, path, &origin, false, &err) != AMPQL_OK ||
        capture_take_all(&log, day, &err) != AMPQL_OK ||
        capture_log_finish(&log, false, NULL, &err) != AMPQL_OK)
        die(err.message);
    capture_log_done(&log);
    source_free(day);
    printf("A capture written: %.0f ms\n", (quick_now_ns() - begin) / 1e6);
}

/* ---- reading it */

struct count {
    uint64_t nseries, nsamples;
};

static enum ampql_code take(void *payload, const struct capture *capture, struct labels labels,
                            const struct samples *samples)
{
    (void)capture, (void)labels;
    struct count *count = payload;
    count->nseries++;
    count->nsamples += samples->n;
    return AMPQL_OK;
}

/* Open it and read all of it; the CPU time, ns. */
static double read_once(const char *path, struct count *count, uint64_t *nbytes)
{
    struct capture capture;
    struct ampql_error err = {0};
    double begin = quick_now_ns();
    *count = (struct count){0};
    if (capture_open(&capture, &alloc_default, path, &err) != AMPQL_OK)
        die(err.message);
    for (size_t i = 0; i < capture.entries.n; i++)
        if (capture_scan(&capture, &capture.entries.at[i], NULL, INT64_MIN, INT64_MAX, take, count,
                         &err) != AMPQL_OK)
            die(err.message);
    *nbytes = capture.file.size;
    capture_done(&capture);
    return quick_now_ns() - begin;
}

/* Only its blocks: read, checked, unpacked by zstd. */
static double read_blocks(const char *path)
{
    struct capture capture;
    struct capture_block block;
    struct ampql_error err = {0};
    double begin = quick_now_ns();
    if (capture_open(&capture, &alloc_default, path, &err) != AMPQL_OK)
        die(err.message);
    for (size_t i = 0; i < capture.entries.n; i++)
        for (size_t b = 0; b < capture.entries.at[i].n; b++)
            if (capture_read_block(&capture.file, capture.entries.at[i].at[b].offset, &block,
                                   &err) != AMPQL_OK)
                die(err.message);
    capture_done(&capture);
    return quick_now_ns() - begin;
}

static void measure(const char *path)
{
    struct count count = {0};
    uint64_t nbytes = 0;
    double best = 1e300, blocks = 1e300;
    for (int pass = 0; pass < PASSES; pass++) {
        double ns = read_once(path, &count, &nbytes);
        best = ns < best ? ns : best;
        ns = read_blocks(path);
        blocks = ns < blocks ? ns : blocks;
    }
    double n = count.nsamples ? (double)count.nsamples : 1;
    printf(
        "A capture, opened and read whole: %llu series, %llu samples, %llu bytes, %.3f a sample, "
        "%.1f ms, %.2f ns CPU a sample, of which blocks %.2f: %.0f million samples a second\n",
        (unsigned long long)count.nseries, (unsigned long long)count.nsamples,
        (unsigned long long)nbytes, (double)nbytes / n, best / 1e6, best / n, blocks / n,
        n / best * 1e3);
    quick_result("capture read whole", n, n * 16, best);
    quick_result("capture blocks", n, (double)nbytes, blocks);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/ampql-bench-XXXXXX", made[64];
    const char *path = argc > 1 ? argv[1] : made;
    if (argc < 2) {
        if (!mkdtemp(folder))
            die("no folder");
        snprintf(made, sizeof made, "%s/day.aqc", folder);
        write_capture(made);
    }
    measure(path);
    if (argc < 2) {
        unlink(made);
        rmdir(folder);
    }
    return 0;
}
