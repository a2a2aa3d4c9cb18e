/* The loops that unpacking spends its time in, in two forms: for every machine, and with AVX2 and
 * FMA where the machine has them. Both give the same bits; what is chosen shows in nothing but
 * time. */
#ifndef AMPQL_SRC_SERIES_COLUMN_KERNELS_H
#define AMPQL_SRC_SERIES_COLUMN_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KERNEL_SLACK = 16, /* bytes that may be read behind packed bits */
    KERNEL_SPARE = 4   /* 64-bit words that may be read behind those to be spread */
};

struct column_kernels {
    const char *name;

    /* x [n]: the same in all. */
    void (*fill)(uint64_t bits, void *x, size_t n);

    /* x [n]: first, first + step, ...; wraps. */
    void (*steps)(uint64_t first, uint64_t step, int64_t *x, size_t n);

    /* u [n], n a multiple of 8: numbers of width 1 to 56 from p on, base added. Reads up to
     * KERNEL_SLACK bytes behind the last. */
    void (*unpack)(const uint8_t *p, size_t n, unsigned width, uint64_t base, uint64_t *u);

    /* u [n]: each times factor, plus base; wraps. */
    void (*scale)(uint64_t *u, size_t n, uint64_t factor, uint64_t base);

    /* x [n]: each becomes the sum of those up to it; wraps. */
    void (*add_up)(uint64_t *x, size_t n);

    /* out [n], n > 0: of words, the first; then the next one where a bit of bitmap [n - 1] is set
     * and the same again where it is not. Reads up to KERNEL_SPARE words behind the last it takes,
     * and no bitmap byte that holds none of the bits. */
    void (*spread)(const void *words, const uint8_t *bitmap, void *out, size_t n);

    /* v [n]: k / 10^e, correctly rounded, e 0 to 18. False when some k is not in [-2^50, 2^50), and
     * then v means nothing. */
    bool (*divide)(const uint64_t *k, double *v, size_t n, unsigned e);
};

extern const struct column_kernels column_kernels_portable;

/* NULL when this machine has no AVX2 and FMA. */
const struct column_kernels *column_kernels_avx2(void);

/* The fastest of this machine. */
const struct column_kernels *column_kernels_best(void);

/* Powers of ten that a double holds exactly. */
enum { POWER10_MAX = 18 };
extern const double column_power10[POWER10_MAX + 1];

#endif
