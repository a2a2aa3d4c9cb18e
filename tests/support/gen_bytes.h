/* Decisions taken from bytes; after the last byte every decision is the first one. */
#ifndef AMPQL_TESTS_GEN_BYTES_H
#define AMPQL_TESTS_GEN_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gen_bytes {
    const uint8_t *p;
    size_t n;
};

static inline unsigned gen_byte(struct gen_bytes *g)
{
    if (g->n == 0)
        return 0;
    g->n--;
    return *g->p++;
}

/* 0 ... n - 1, n up to 256. */
static inline unsigned gen_pick(struct gen_bytes *g, unsigned n)
{
    return gen_byte(g) * n / 256;
}

static inline bool gen_chance(struct gen_bytes *g, unsigned percent)
{
    return gen_pick(g, 100) >= 100 - percent; /* never when the bytes are used up */
}

static inline uint64_t gen_word(struct gen_bytes *g)
{
    uint64_t w = 0;
    for (int i = 0; i < 8; i++)
        w = w << 8 | gen_byte(g);
    return w;
}

/* A pointer out of an array. */
#define GEN_OF(g, array) ((array)[gen_pick((g), sizeof(array) / sizeof *(array))])

#endif
