/* Packed columns on the generated cluster's day: bytes a sample, and the time it takes to pack and
 * unpack one, for each kind of series and for all, beside Prometheus's float chunks of the same
 * samples. Needs no server. Usage: column [CONTAINERS] */
#include "series/column.h"
#include "bench/cluster.h"
#include "bench/quick.h"
#include "source/tsdb_xor.h"
#include "support/xor_chunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (1440 * MINUTE_MS)

enum { MAX_KINDS = 256, PASSES = 5 };

/* Bytes end to end. */
struct heap {
    uint8_t *p;
    size_t size, cap;
};

/* One metric's series: all their blocks, and all their chunks, each behind a u32 of its length. */
struct kind {
    const char *name;
    struct heap blocks, chunks;
    size_t nseries, nsamples;
    size_t xor_bytes, held_bytes;
    double pack_ns, unpack_ns, xor_ns;
};

static void die(const char *what)
{
    quick_die("column", what);
}

static struct kind *find_kind(struct kind *kinds, size_t *nkinds, const char *name)
{
    for (size_t i = 0; i < *nkinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    if (*nkinds == MAX_KINDS)
        die("too many metrics");
    kinds[*nkinds] = (struct kind){.name = name};
    return &kinds[(*nkinds)++];
}

static const char *name_of(const struct cluster *c, size_t i)
{
    size_t n;
    const struct cluster_label *labels = cluster_labels(c, i, &n);
    for (size_t k = 0; k < n; k++)
        if (strcmp(labels[k].name, "__name__") == 0)
            return labels[k].value;
    return "";
}

/* Room for a block, or for a chunk and what may be read behind it. */
static uint8_t *room(struct heap *heap)
{
    if (heap->cap - heap->size < BLOCK_MAX_BYTES) {
        heap->cap = 2 * heap->cap + BLOCK_MAX_BYTES;
        heap->p = realloc(heap->p, heap->cap);
        if (!heap->p)
            die("no memory");
    }
    return heap->p + heap->size;
}

/* What the fetcher would hold: pieces of two hours. */
static size_t held(const int64_t *t, const double *v, size_t n)
{
    struct columns columns;
    struct ampql_error err;
    columns_init(&columns);
    for (size_t i = 0; i < n; i += 120)
        if (columns_append(&columns, &alloc_default, t + i, v + i, n - i < 120 ? n - i : 120,
                           &err) != AMPQL_OK)
            die(err.message);
    size_t bytes = columns_bytes(&columns);
    columns_done(&columns, &alloc_default);
    return bytes;
}

static void add_series(struct kind *k, const int64_t *t, const double *v, size_t n)
{
    _Static_assert(4 + XOR_CHUNK_BYTES(XOR_CHUNK_SAMPLES) + XOR_SLACK <= BLOCK_MAX_BYTES, "room");
    double begin = quick_now_ns();
    for (size_t i = 0; i < n; i += BLOCK_MAX_SAMPLES) {
        size_t m = n - i < BLOCK_MAX_SAMPLES ? n - i : BLOCK_MAX_SAMPLES;
        uint8_t *out = room(&k->blocks);
        k->blocks.size += block_pack(t + i, v + i, m, out);
    }
    k->pack_ns += quick_now_ns() - begin;
    for (size_t i = 0; i < n; i += XOR_CHUNK_SAMPLES) {
        size_t m = n - i < XOR_CHUNK_SAMPLES ? n - i : XOR_CHUNK_SAMPLES;
        uint8_t *out = room(&k->chunks);
        size_t nbytes = xor_chunk_encode(t + i, v + i, m, out + 4);
        memcpy(out, &(uint32_t){(uint32_t)nbytes}, 4);
        k->chunks.size += 4 + nbytes;
        k->xor_bytes += nbytes;
    }
    k->held_bytes += held(t, v, n);
    k->nseries++;
    k->nsamples += n;
}

/* The fastest of a few passes over all blocks. */
static void time_unpacking(struct kind *k)
{
    static int64_t t[BLOCK_MAX_SAMPLES];
    static double v[BLOCK_MAX_SAMPLES];
    k->unpack_ns = 1e300;
    for (int pass = 0; pass < PASSES; pass++) {
        double begin = quick_now_ns();
        const struct heap *h = &k->blocks;
        for (size_t at = 0, nbytes, n; at < h->size; at += nbytes)
            if (block_measure(h->p + at, h->size - at, &nbytes, &n, NULL) != AMPQL_OK ||
                block_unpack(h->p + at, nbytes, t, v, &n, NULL) != AMPQL_OK)
                die("a block does not unpack");
        double ns = quick_now_ns() - begin;
        k->unpack_ns = ns < k->unpack_ns ? ns : k->unpack_ns;
    }
}

/* The same of all chunks. */
static void time_chunks(struct kind *k)
{
    static int64_t t[XOR_CHUNK_SAMPLES];
    static double v[XOR_CHUNK_SAMPLES];
    k->xor_ns = 1e300;
    for (int pass = 0; pass < PASSES; pass++) {
        double begin = quick_now_ns();
        uint32_t nbytes;
        for (size_t at = 0; at < k->chunks.size; at += 4 + nbytes) {
            memcpy(&nbytes, k->chunks.p + at, sizeof nbytes);
            if (!xor_unpack(k->chunks.p + at + 4, nbytes, 0, INT64_C(1) << 41, t, v))
                die("a chunk does not unpack");
        }
        double ns = quick_now_ns() - begin;
        k->xor_ns = ns < k->xor_ns ? ns : k->xor_ns;
    }
}

static void print_row(const struct kind *k, double bandwidth)
{
    double n = (double)k->nsamples;
    printf("%-46s %7zu %10zu %7.3f %7.3f %6.2f %7.3f %7.1f %7.2f %6.0f%% %7.2f\n", k->name,
           k->nseries, k->nsamples, (double)k->blocks.size / n, (double)k->xor_bytes / n,
           (double)k->blocks.size / (double)k->xor_bytes, (double)k->held_bytes / n, k->pack_ns / n,
           k->unpack_ns / n, 100 * (n * 16 / k->unpack_ns) / bandwidth, k->xor_ns / n);
}

static int by_bytes(const void *a, const void *b)
{
    const struct kind *x = a, *y = b;
    return (x->blocks.size < y->blocks.size) - (x->blocks.size > y->blocks.size);
}

int main(int argc, char **argv)
{
    struct cluster_options options = {.seed = 1,
                                      .ncontainers = argc > 1 ? strtoul(argv[1], NULL, 10) : 200,
                                      .start_ms = INT64_C(1700006400000),
                                      .duration_ms = DAY_MS,
                                      .interval_ms = MINUTE_MS};
    struct cluster *c = cluster_new(&options);
    static struct kind kinds[MAX_KINDS];
    size_t nkinds = 0;
    for (size_t i = 0; i < cluster_nseries(c); i++) {
        const int64_t *t;
        const double *v;
        size_t n = cluster_read(c, i, INT64_MAX, &t, &v);
        add_series(find_kind(kinds, &nkinds, name_of(c, i)), t, v, n);
    }
    struct kind all = {.name = "all"};
    for (size_t i = 0; i < nkinds; i++) {
        time_unpacking(&kinds[i]);
        time_chunks(&kinds[i]);
        all.nseries += kinds[i].nseries;
        all.nsamples += kinds[i].nsamples;
        all.blocks.size += kinds[i].blocks.size;
        all.xor_bytes += kinds[i].xor_bytes;
        all.held_bytes += kinds[i].held_bytes;
        all.pack_ns += kinds[i].pack_ns;
        all.unpack_ns += kinds[i].unpack_ns;
        all.xor_ns += kinds[i].xor_ns;
    }
    double bandwidth = quick_read_bandwidth();
    qsort(kinds, nkinds, sizeof *kinds, by_bytes);
    printf("Packed columns of a day of %zu containers; B: bytes a sample, ns: CPU a sample on one "
           "core\n"
           "%-46s %7s %10s %7s %7s %6s %7s %7s %7s %7s %7s\n",
           options.ncontainers, "metric", "series", "samples", "B", "XOR B", "ratio", "held B",
           "pack ns", "unpack", "of read", "XOR ns");
    for (size_t i = 0; i < nkinds; i++)
        print_row(&kinds[i], bandwidth);
    print_row(&all, bandwidth);
    printf(
        "held B: in memory, appended in pieces of two hours. of read: unpacked bytes against the "
        "%.1f GB/s that this core reads. XOR ns: to unpack one from chunks of 120\n",
        bandwidth);
    double n = (double)all.nsamples;
    quick_result("columns packed", n, n * 16, all.pack_ns);
    quick_result("columns unpacked", n, n * 16, all.unpack_ns);
    quick_result("XOR chunks unpacked", n, n * 16, all.xor_ns);
    quick_result("memory read", 1, bandwidth, 1);
    for (size_t i = 0; i < nkinds; i++) {
        free(kinds[i].blocks.p);
        free(kinds[i].chunks.p);
    }
    cluster_free(c);
    return 0;
}
