/* What the parts of a block share: bytes in and out, and columns of integers. The layout is in
 * column.h.
 *
 * Integers are uint64_t that wrap: an int64_t time, a scaled decimal and the bits of a double are
 * all packed by the same coder. */
#ifndef AMPQL_SRC_SERIES_COLUMN_PARTS_H
#define AMPQL_SRC_SERIES_COLUMN_PARTS_H

#include "series/column.h"
#include "series/column_kernels.h"

#include <string.h>

/* ---- bytes out: room for BLOCK_MAX_BYTES is there, and no choice of the packer needs more */

struct packer {
    uint8_t *p;
};

static inline void pack_byte(struct packer *out, unsigned byte)
{
    *out->p++ = (uint8_t)byte;
}

static inline void pack_u16(struct packer *out, unsigned x)
{
    pack_byte(out, x & 0xff);
    pack_byte(out, x >> 8);
}

/* The nbytes high bytes of x, lowest first. */
static inline void pack_high(struct packer *out, uint64_t x, size_t nbytes)
{
    for (size_t i = 8 - nbytes; i < 8; i++)
        pack_byte(out, (unsigned)(x >> (8 * i)) & 0xff);
}

/* Seven bits a byte, low ones first, the high bit on all bytes but the last. */
static inline void pack_varint(struct packer *out, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        pack_byte(out, (unsigned)(x & 0x7f) | 0x80);
    pack_byte(out, (unsigned)x);
}

static inline size_t varint_bytes(uint64_t x)
{
    return (size_t)(70 - __builtin_clzll(x | 1)) / 7;
}

/* 0, -1, 1, -2, ... as 0, 1, 2, 3, ... */
static inline uint64_t zigzag(uint64_t x)
{
    return x << 1 ^ (x >> 63 ? UINT64_MAX : 0);
}

static inline uint64_t unzigzag(uint64_t x)
{
    return x >> 1 ^ (x & 1 ? UINT64_MAX : 0);
}

/* ---- bytes in, from anybody: past the end everything reads as 0 and `failed` is set */

struct unpacker {
    const uint8_t *p, *end;
    bool failed;
    const struct column_kernels *kernels;
};

static inline unsigned unpack_byte(struct unpacker *in)
{
    if (in->p == in->end) {
        in->failed = true;
        return 0;
    }
    return *in->p++;
}

static inline unsigned unpack_u16(struct unpacker *in)
{
    unsigned low = unpack_byte(in);
    return low | unpack_byte(in) << 8;
}

static inline uint64_t unpack_high(struct unpacker *in, size_t nbytes)
{
    uint64_t x = 0;
    for (size_t i = 8 - nbytes; i < 8; i++)
        x |= (uint64_t)unpack_byte(in) << (8 * i);
    return x;
}

/* Only in its shortest form: one value has one text. */
static inline uint64_t unpack_varint(struct unpacker *in)
{
    uint64_t x = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        unsigned byte = unpack_byte(in);
        if ((shift == 63 && byte > 1) || (shift && byte == 0))
            break;
        x |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return x;
    }
    in->failed = true;
    return 0;
}

/* The next nbytes, or NULL. */
static inline const uint8_t *unpack_span(struct unpacker *in, size_t nbytes)
{
    const uint8_t *p = in->p;
    if ((size_t)(in->end - p) < nbytes) {
        in->failed = true;
        return NULL;
    }
    in->p += nbytes;
    return p;
}

/* ---- columns of integers (column_ints.c) */

enum ints_mode { INTS_OFFSETS, INTS_DELTAS, INTS_CHANGES };

/* How a column of integers will be packed. */
struct ints {
    enum ints_mode mode;
    uint64_t base;   /* what is taken off each offset, delta or change */
    uint64_t factor; /* > 0: divides all of them */
    unsigned width;  /* bits of each that is no exception */
    size_t nbytes;   /* all together */
};

/* Find the shortest way for x [n], 1 <= n <= BLOCK_MAX_SAMPLES. */
void ints_plan(const uint64_t *x, size_t n, struct ints *plan);
void ints_pack(const struct ints *plan, const uint64_t *x, size_t n, struct packer *out);

/* Read n integers; in->failed when the bytes are none.
 *
 *   x        out: [INTS_ROOM], the integers; when only some of them differ from the ones before,
 *            these, the first among them
 *   bitmap   then [n - 1] bits, the others say that an integer is the one before; else NULL
 *   returns  how many are in x */
enum { INTS_ROOM = BLOCK_MAX_SAMPLES + KERNEL_SPARE };
size_t ints_read(struct unpacker *in, uint64_t *x, size_t n, const uint8_t **bitmap);

/* The same, all n of them. */
void ints_unpack(struct unpacker *in, uint64_t *x, size_t n);

/* ---- times (column_time.c) and values (column_value.c); both return the mode for the head */

unsigned time_pack(const int64_t *t, size_t n, struct packer *out);
void time_unpack(struct unpacker *in, unsigned mode, int64_t *t, size_t n);

unsigned value_pack(const double *v, size_t n, struct packer *out);
void value_unpack(struct unpacker *in, unsigned mode, double *v, size_t n);

/* block_unpack with the loops of one's choice. */
enum ampql_code block_unpack_with(const struct column_kernels *kernels, const uint8_t *p,
                                  size_t nbytes, int64_t *t, double *v, size_t *n,
                                  struct ampql_error *err);

#endif
