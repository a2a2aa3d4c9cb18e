/* Columns of integers: offsets from the smallest, differences from one to the next, or only the
 * differences that are not 0; divided by what divides them all, and then each in as many bits as
 * nearly all of them need. The few that need more are listed behind. */
#include "series/column_parts.h"

#include "base/bytes.h"

#include <string.h>

enum {
    MODE_BITS = 2,
    HAS_FACTOR = 1 << 2,
    HAS_EXCEPTIONS = 1 << 3,
    KNOWN_BITS = 15,
    NLOWEST = 9 /* how many of the smallest are looked at as bases */
};

static unsigned bits_needed(uint64_t x)
{
    return x ? 64 - (unsigned)__builtin_clzll(x) : 0;
}

/* ---- planning */

/* Numbers to be packed: u[i] - base, all multiples of factor. */
struct candidate {
    uint64_t base;
    unsigned width;
    size_t nbytes; /* base, packed bits and exceptions */
};

static size_t exception_bytes(unsigned bits)
{
    return 2 + (bits ? (bits + 6) / 7 : 1);
}

/* What is packed for u. Numbers below the base become negative, which is why the division is
 * signed; with a factor over 1 no difference overflows. */
static uint64_t reduce(uint64_t u, uint64_t base, uint64_t factor)
{
    return factor == 1 ? u - base : (uint64_t)((int64_t)(u - base) / (int64_t)factor);
}

/* The best width when `base` is taken off. */
static void try_base(const uint64_t *u, size_t n, uint64_t base, uint64_t factor,
                     struct candidate *best)
{
    size_t count[65] = {0};
    for (size_t i = 0; i < n; i++)
        count[bits_needed(reduce(u[i], base, factor))]++;
    size_t extra = 0, nexceptions = 0;
    for (unsigned w = 65; w-- > 0;) {
        size_t nbytes = varint_bytes(zigzag(base)) + (n * w + 7) / 8 + extra +
                        (nexceptions ? varint_bytes(nexceptions) : 0);
        if (nbytes < best->nbytes)
            *best = (struct candidate){base, w, nbytes};
        extra += count[w] * exception_bytes(w);
        nexceptions += count[w];
    }
}

/* The smallest [NLOWEST] of u, as signed numbers, ascending. */
static size_t find_lowest(const uint64_t *u, size_t n, int64_t *low)
{
    size_t nlow = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t x = (int64_t)u[i];
        if (nlow == NLOWEST && x >= low[NLOWEST - 1])
            continue;
        size_t at = nlow < NLOWEST ? nlow++ : NLOWEST - 1;
        for (; at > 0 && low[at - 1] > x; at--)
            low[at] = low[at - 1];
        low[at] = x;
    }
    return nlow;
}

/* Base and width for u [n]: the smallest number is the base, unless it lies so far below the others
 * that it is shorter as an exception. */
static struct candidate choose(const uint64_t *u, size_t n, uint64_t factor)
{
    int64_t low[NLOWEST];
    struct candidate best = {.nbytes = SIZE_MAX};
    size_t nlow = find_lowest(u, n, low);
    if (n == 0)
        return (struct candidate){.nbytes = 1};
    for (size_t k = 0; k < nlow; k = k ? 2 * k : 1) {
        uint64_t base = (uint64_t)low[k], below = reduce(base, (uint64_t)low[0], factor);
        if (k == 0 || bits_needed(below) + 1 >= best.width)
            try_base(u, n, base, factor, &best);
    }
    return best;
}

/* The greatest common divisor of the numbers that d [n] differ from 0 by; 1 when there is none. */
static uint64_t common_factor(const uint64_t *d, size_t n)
{
    uint64_t g = 0;
    for (size_t i = 0; i < n && g != 1; i++) {
        uint64_t a = (int64_t)d[i] < 0 ? 0 - d[i] : d[i];
        if (a == 0 || (g && a % g == 0))
            continue;
        while (a) {
            uint64_t rest = g % a;
            g = a;
            a = rest;
        }
    }
    return g ? g : 1;
}

/* Do all differences of x [n] fit into an int64_t twice over, so that none wraps? */
static bool is_narrow(const uint64_t *x, size_t n)
{
    int64_t low = (int64_t)x[0], high = low;
    for (size_t i = 1; i < n; i++) {
        low = (int64_t)x[i] < low ? (int64_t)x[i] : low;
        high = (int64_t)x[i] > high ? (int64_t)x[i] : high;
    }
    return (uint64_t)high - (uint64_t)low < UINT64_C(1) << 62;
}

static size_t differences(const uint64_t *x, size_t n, uint64_t *d, uint64_t *changes)
{
    size_t nchanges = 0;
    for (size_t i = 1; i < n; i++) {
        d[i - 1] = x[i] - x[i - 1];
        changes[nchanges] = d[i - 1];
        nchanges += d[i - 1] != 0;
    }
    return nchanges;
}

static void take_shorter(struct ints *plan, enum ints_mode mode, struct candidate c, size_t more)
{
    if (c.nbytes + more < plan->nbytes) {
        plan->mode = mode;
        plan->base = c.base;
        plan->width = c.width;
        plan->nbytes = c.nbytes + more;
    }
}

void ints_plan(const uint64_t *x, size_t n, struct ints *plan)
{
    uint64_t d[BLOCK_MAX_SAMPLES], changes[BLOCK_MAX_SAMPLES];
    *plan = (struct ints){.factor = 1, .nbytes = SIZE_MAX};
    size_t nchanges = differences(x, n, d, changes);
    if (is_narrow(x, n))
        plan->factor = common_factor(changes, nchanges);
    size_t first = varint_bytes(zigzag(x[0]));
    take_shorter(plan, INTS_OFFSETS, choose(x, n, plan->factor), 0);
    take_shorter(plan, INTS_DELTAS, choose(d, n - 1, plan->factor), first);
    if (nchanges < n - 1)
        take_shorter(plan, INTS_CHANGES, choose(changes, nchanges, plan->factor),
                     first + (n - 1 + 7) / 8);
    plan->nbytes += 2 + (plan->factor > 1 ? varint_bytes(plan->factor) : 0);
}

/* ---- packing */

static void pack_bits(const uint64_t *u, size_t n, unsigned width, struct packer *out)
{
    uint64_t word = 0;
    unsigned used = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t x = width < 64 ? u[i] & ((UINT64_C(1) << width) - 1) : u[i];
        word |= x << used;
        if (used + width < 64) {
            used += width;
            continue;
        }
        pack_high(out, word, 8);
        word = used ? x >> (64 - used) : 0;
        used = used + width - 64;
    }
    for (; used > 0; used -= used < 8 ? used : 8, word >>= 8)
        pack_byte(out, (unsigned)word & 0xff);
}

/* Numbers that are wider than the others stand in the bits with their low bits, and here whole. */
static size_t pack_exceptions(const uint64_t *u, size_t n, unsigned width, struct packer *out)
{
    size_t nexceptions = 0;
    for (size_t i = 0; i < n; i++)
        nexceptions += bits_needed(u[i]) > width;
    if (nexceptions == 0)
        return 0;
    pack_varint(out, nexceptions);
    for (size_t i = 0; i < n; i++)
        if (bits_needed(u[i]) > width) {
            pack_u16(out, (unsigned)i);
            pack_varint(out, u[i]);
        }
    return nexceptions;
}

static void pack_bitmap(const uint64_t *d, size_t n, struct packer *out)
{
    for (size_t i = 0; i < n; i += 8) {
        unsigned byte = 0;
        for (size_t k = i; k < n && k < i + 8; k++)
            byte |= (unsigned)(d[k] != 0) << (k - i);
        pack_byte(out, byte);
    }
}

void ints_pack(const struct ints *plan, const uint64_t *x, size_t n, struct packer *out)
{
    uint64_t d[BLOCK_MAX_SAMPLES], changes[BLOCK_MAX_SAMPLES];
    size_t nchanges = differences(x, n, d, changes);
    const uint64_t *from = plan->mode == INTS_OFFSETS ? x : plan->mode == INTS_DELTAS ? d : changes;
    size_t m = plan->mode == INTS_OFFSETS ? n : plan->mode == INTS_DELTAS ? n - 1 : nchanges;
    uint8_t *head = out->p;
    pack_byte(out, plan->mode);
    pack_byte(out, plan->width);
    if (plan->mode != INTS_OFFSETS)
        pack_varint(out, zigzag(x[0]));
    pack_varint(out, zigzag(plan->base));
    if (plan->factor > 1) {
        *head |= HAS_FACTOR;
        pack_varint(out, plan->factor);
    }
    if (plan->mode == INTS_CHANGES)
        pack_bitmap(d, n - 1, out);
    uint64_t u[BLOCK_MAX_SAMPLES];
    for (size_t i = 0; i < m; i++)
        u[i] = reduce(from[i], plan->base, plan->factor);
    pack_bits(u, m, plan->width, out);
    if (pack_exceptions(u, m, plan->width, out))
        *head |= HAS_EXCEPTIONS;
}

/* ---- unpacking */

/* The number of `width` bits that begins at a bit of p, from which 16 bytes may be read. */
static uint64_t bits_at(const uint8_t *p, size_t bit, unsigned width)
{
    unsigned shift = bit % 8;
    uint64_t x = le_load64(p + bit / 8) >> shift;
    if (shift + width > 64)
        x |= (uint64_t)p[bit / 8 + 8] << (64 - shift);
    return width < 64 ? x & ((UINT64_C(1) << width) - 1) : x;
}

/* m numbers from the bits at p, base added; `readable` bytes may be read there, which the bits do
 * not all need. */
static void unpack_bits(const struct column_kernels *kernels, const uint8_t *p, size_t readable,
                        size_t m, unsigned width, uint64_t base, uint64_t *u)
{
    size_t done = 0, nbytes = (m * width + 7) / 8;
    if (width == 0) {
        kernels->fill(base, u, m);
        return;
    }
    if (width <= 56 && readable >= KERNEL_SLACK) {
        size_t eights = (readable - KERNEL_SLACK) / width;
        done = m / 8 < eights ? m / 8 * 8 : eights * 8;
        kernels->unpack(p, done, width, base, u);
    }
    for (; done < m && done * width / 8 + 16 <= nbytes; done++)
        u[done] = bits_at(p, done * width, width) + base;
    uint8_t tail[48] = {0}; /* what is left, with room to read past it */
    size_t from = done * width / 8;
    memcpy(tail, p + from, nbytes - from);
    for (; done < m; done++)
        u[done] = bits_at(tail, done * width - from * 8, width) + base;
}

static void patch(struct unpacker *in, uint64_t *u, size_t m, uint64_t base)
{
    uint64_t nexceptions = unpack_varint(in);
    if (nexceptions > m)
        in->failed = true;
    for (uint64_t i = 0; i < nexceptions && !in->failed; i++) {
        unsigned at = unpack_u16(in);
        uint64_t x = unpack_varint(in);
        if (at < m)
            u[at] = x + base;
        else
            in->failed = true;
    }
}

/* Bits [at, at + 64) of n: those past the end are 0. */
static uint64_t bitmap_word(const uint8_t *bitmap, size_t n, size_t at)
{
    uint64_t word = 0;
    if (n - at >= 64)
        return le_load64(bitmap + at / 8);
    for (size_t i = 0; i < (n - at + 7) / 8; i++)
        word |= (uint64_t)bitmap[at / 8 + i] << (8 * i);
    return word & ((UINT64_C(1) << (n - at)) - 1);
}

/* Without the instruction, which the oldest machines lack, the compiler calls a slow function. */
static size_t count_ones(uint64_t x)
{
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (size_t)(x * UINT64_C(0x0101010101010101) >> 56);
}

static size_t count_bits(const uint8_t *bitmap, size_t n)
{
    size_t count = 0;
    for (size_t at = 0; at < n; at += 64)
        count += count_ones(bitmap_word(bitmap, n, at));
    return count;
}

size_t ints_read(struct unpacker *in, uint64_t *x, size_t n, const uint8_t **bitmap)
{
    unsigned head = unpack_byte(in), width = unpack_byte(in), mode = head % (1 << MODE_BITS);
    uint64_t first = mode == INTS_OFFSETS ? 0 : unzigzag(unpack_varint(in));
    uint64_t base = unzigzag(unpack_varint(in));
    uint64_t factor = head & HAS_FACTOR ? unpack_varint(in) : 1;
    *bitmap = mode == INTS_CHANGES ? unpack_span(in, (n - 1 + 7) / 8) : NULL;
    if (in->failed || head > KNOWN_BITS || mode > INTS_CHANGES || width > 64 || factor == 0) {
        in->failed = true;
        return 0;
    }
    size_t m = mode == INTS_OFFSETS ? n : mode == INTS_DELTAS ? n - 1 : count_bits(*bitmap, n - 1);
    uint64_t *u = mode == INTS_OFFSETS ? x : x + 1;
    const uint8_t *bits = unpack_span(in, (m * width + 7) / 8);
    if (!bits)
        return 0;
    uint64_t added = factor == 1 ? base : 0;
    unpack_bits(in->kernels, bits, (size_t)(in->end - bits), m, width, added, u);
    if (head & HAS_EXCEPTIONS)
        patch(in, u, m, added);
    if (factor != 1)
        in->kernels->scale(u, m, factor, base);
    if (mode == INTS_OFFSETS)
        return n;
    x[0] = first;
    in->kernels->add_up(x, m + 1);
    memset(x + m + 1, 0, KERNEL_SPARE * sizeof *x);
    return m + 1;
}

void ints_unpack(struct unpacker *in, uint64_t *x, size_t n)
{
    uint64_t all[INTS_ROOM];
    const uint8_t *bitmap;
    size_t m = ints_read(in, all, n, &bitmap);
    if (in->failed)
        return;
    if (bitmap)
        in->kernels->spread(all, bitmap, x, n);
    else
        memcpy(x, all, m * sizeof *x);
}
