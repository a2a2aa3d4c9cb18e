/* Chance, memory and text of the generated cluster. */
#include "bench/cluster_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 1 << 18 };

struct chunk {
    struct chunk *next;
    size_t used;
    size_t size;
    _Alignas(16) unsigned char bytes[];
};

static void die(void)
{
    fputs("cluster: out of memory\n", stderr);
    exit(1);
}

uint64_t cluster_mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

uint64_t cluster_random(struct cluster *c)
{
    c->random += UINT64_C(0x9E3779B97F4A7C15);
    return cluster_mix(c->random);
}

double cluster_unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

int64_t cluster_between(struct cluster *c, int64_t low, int64_t high)
{
    return high <= low ? low : low + (int64_t)(cluster_random(c) % (uint64_t)(high - low + 1));
}

bool cluster_chance(struct cluster *c, double probability)
{
    return cluster_unit(cluster_random(c)) < probability;
}

void *cluster_alloc(struct cluster *c, size_t size)
{
    size_t need = (size + 15) & ~(size_t)15;
    if (!c->chunks || c->chunks->size - c->chunks->used < need) {
        size_t room = need > CHUNK_BYTES ? need : CHUNK_BYTES;
        struct chunk *chunk = calloc(1, sizeof *chunk + room);
        if (!chunk)
            die();
        chunk->next = c->chunks;
        chunk->size = room;
        c->chunks = chunk;
    }
    void *at = c->chunks->bytes + c->chunks->used;
    c->chunks->used += need;
    return at;
}

char *cluster_text(struct cluster *c, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text)
        die();
    char *copy = cluster_alloc(c, (size_t)len + 1);
    memcpy(copy, text, (size_t)len + 1);
    return copy;
}

char *cluster_hex(struct cluster *c, size_t ndigits)
{
    char *text = cluster_alloc(c, ndigits + 1);
    uint64_t bits = 0;
    for (size_t i = 0; i < ndigits; i++) {
        if (i % 16 == 0)
            bits = cluster_random(c);
        text[i] = "0123456789abcdef"[bits & 15];
        bits >>= 4;
    }
    return text;
}

char *cluster_uid(struct cluster *c)
{
    char *hex = cluster_hex(c, 32);
    return cluster_text(c, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17,
                        hex + 20);
}

void *cluster_grow(void *items, size_t count, size_t size)
{
    if (count & (count - 1)) /* grows at 0 and at every power of two */
        return items;
    void *grown = realloc(items, (count ? 2 * count : 1) * size);
    if (!grown)
        die();
    return grown;
}

void cluster_chunks_free(struct cluster *c)
{
    while (c->chunks) {
        struct chunk *next = c->chunks->next;
        free(c->chunks);
        c->chunks = next;
    }
}
