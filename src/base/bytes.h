/* Numbers in byte strings: little-endian, and as varints of 7 bits a byte, lowest first. Reading
 * never leaves the string: past its end it gives zeros and says so once, in `failed`. */
#ifndef AMPQL_SRC_BASE_BYTES_H
#define AMPQL_SRC_BASE_BYTES_H

#include "base/buf.h"

#include <string.h>

struct bytes_in {
    const uint8_t *p, *end;
    bool failed; /* something was not there, or no varint */
};

static inline struct bytes_in bytes_of(const void *p, size_t n)
{
    const uint8_t *at = p;
    return (struct bytes_in){at, n ? at + n : at, false};
}

static inline size_t bytes_left(const struct bytes_in *in)
{
    return (size_t)(in->end - in->p);
}

static inline uint64_t le_get(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = n; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* The 8 bytes from any place on, in one load. */
static inline uint64_t le_load64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static inline void le_put(uint8_t *p, size_t n, uint64_t v)
{
    for (size_t i = 0; i < n; i++, v >>= 8)
        p[i] = (uint8_t)v;
}

static inline const uint8_t *bytes_take(struct bytes_in *in, size_t n)
{
    if (in->failed || n > bytes_left(in)) {
        in->failed = true;
        return NULL;
    }
    const uint8_t *p = in->p;
    in->p += n;
    return p;
}

/* The shortest form only, so that equal content is equal bytes. */
static inline uint64_t bytes_varint(struct bytes_in *in)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *p = bytes_take(in, 1);
        if (!p)
            return 0;
        v |= (uint64_t)(*p & 0x7f) << shift;
        if (*p < 0x80) {
            if ((shift == 63 && *p > 1) || (shift && *p == 0))
                break;
            return v;
        }
    }
    in->failed = true;
    return 0;
}

/* Zigzag: small numbers of either sign are short. */
static inline int64_t bytes_signed(struct bytes_in *in)
{
    uint64_t v = bytes_varint(in);
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

/* A length, then so many bytes. */
static inline struct str bytes_text(struct bytes_in *in)
{
    uint64_t n = bytes_varint(in);
    const uint8_t *p = n > bytes_left(in) ? NULL : bytes_take(in, (size_t)n);
    if (!p)
        in->failed = true;
    return p ? str_make((const char *)p, (size_t)n) : str_make("", 0);
}

static inline void buf_varint(struct buf *buf, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_byte(buf, (char)(v | 0x80));
    buf_byte(buf, (char)v);
}

static inline void buf_signed(struct buf *buf, int64_t v)
{
    buf_varint(buf, (uint64_t)v << 1 ^ (0 - ((uint64_t)v >> 63)));
}

static inline void buf_counted(struct buf *buf, struct str s)
{
    buf_varint(buf, s.n);
    buf_str(buf, s);
}

#endif
