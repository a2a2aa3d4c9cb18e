/* The loops of unpacking for every machine, and the choice of those for this one. */
#include "series/column_kernels.h"

#include "base/bytes.h"

#include <string.h>

const double column_power10[POWER10_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                                1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                                1e14, 1e15, 1e16, 1e17, 1e18};

static void fill(uint64_t bits, void *x, size_t n)
{
    char *out = x;
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * sizeof bits, &bits, sizeof bits);
}

static void steps(uint64_t first, uint64_t step, int64_t *x, size_t n)
{
    uint64_t even = first, odd = first + step; /* neither waits for the other */
    size_t i = 0;
    for (; i + 2 <= n; i += 2) {
        x[i] = (int64_t)even;
        x[i + 1] = (int64_t)odd;
        even += 2 * step;
        odd += 2 * step;
    }
    if (i < n)
        x[i] = (int64_t)even;
}

/* Eight numbers fill `width` bytes, each within the 8 bytes from where it begins. */
static inline __attribute__((always_inline)) void
unpack_narrow(const uint8_t *p, size_t n, unsigned width, uint64_t base, uint64_t *u)
{
    uint64_t mask = (UINT64_C(1) << width) - 1;
    for (size_t i = 0; i + 8 <= n; i += 8, p += width)
        for (unsigned k = 0; k < 8; k++)
            u[i + k] = (le_load64(p + k * width / 8) >> (k * width % 8) & mask) + base;
}

/* With each width known to the compiler, all shifts and masks are constants. */
static void unpack(const uint8_t *p, size_t n, unsigned width, uint64_t base, uint64_t *u)
{
    switch (width) {
#define W(w)                                                                                       \
    case w:                                                                                        \
        unpack_narrow(p, n, w, base, u);                                                           \
        break;
#define W8(w) W(w) W(w + 1) W(w + 2) W(w + 3) W(w + 4) W(w + 5) W(w + 6) W(w + 7)
        W8(1) W8(9) W8(17) W8(25) W8(33) W8(41) W8(49)
#undef W8
#undef W
    }
}

static void scale(uint64_t *u, size_t n, uint64_t factor, uint64_t base)
{
    for (size_t i = 0; i < n; i++)
        u[i] = u[i] * factor + base;
}

static void add_up(uint64_t *x, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        x[i] = sum += x[i];
}

static void spread(const void *words, const uint8_t *bitmap, void *out, size_t n)
{
    const char *from = words;
    char *to = out;
    memcpy(to, from, 8);
    for (size_t i = 1; i < n; i += 8) {
        unsigned byte = bitmap[(i - 1) / 8];
        size_t end = n - i < 8 ? n - i : 8;
        for (size_t k = 0; k < end; k++, byte >>= 1) {
            from += (size_t)(byte & 1) * 8;
            memcpy(to + (i + k) * 8, from, 8);
        }
    }
}

/* An integer of less than 51 bits becomes a double, in a form that every vector unit has: it is put
 * into the mantissa of 1.5 * 2^52. */
static bool divide(const uint64_t *k, double *v, size_t n, unsigned e)
{
    static const double magic = 6755399441055744;
    uint64_t magic_bits, high = 0;
    double divisor = column_power10[e];
    memcpy(&magic_bits, &magic, sizeof magic);
    if (e == 0)
        for (size_t i = 0; i < n; i++) {
            union {
                uint64_t bits;
                double v;
            } x = {k[i] + magic_bits};
            high |= k[i] + (UINT64_C(1) << 50);
            v[i] = x.v - magic;
        }
    else
        for (size_t i = 0; i < n; i++) {
            union {
                uint64_t bits;
                double v;
            } x = {k[i] + magic_bits};
            high |= k[i] + (UINT64_C(1) << 50);
            v[i] = (x.v - magic) / divisor;
        }
    return high >> 51 == 0;
}

const struct column_kernels column_kernels_portable = {
    .name = "portable",
    .fill = fill,
    .steps = steps,
    .unpack = unpack,
    .scale = scale,
    .add_up = add_up,
    .spread = spread,
    .divide = divide,
};

const struct column_kernels *column_kernels_best(void)
{
    const struct column_kernels *avx2 = column_kernels_avx2();
    return avx2 ? avx2 : &column_kernels_portable;
}
