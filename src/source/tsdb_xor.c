/* Unpacking float chunks. The place in the bits is all that one sample waits for from the one
 * before, so what is read there overlaps; of what stays the same up to 28 samples are taken at
 * once. */
#include "source/tsdb_xor.h"

#include "base/bytes.h"

/* The next 57 bits or more, the first one highest. */
static inline uint64_t peek(const uint8_t *p, size_t at)
{
    uint64_t w;
    memcpy(&w, p + at / 8, sizeof w);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w << at % 8;
}

/* n bits from there, 1 to 64. */
static inline uint64_t bits_at(const uint8_t *p, size_t at, unsigned n)
{
    return (peek(p, at) | p[at / 8 + 8] >> (8 - at % 8)) >> (64 - n);
}

/* Where the differing bits of a value are. */
struct window {
    unsigned width, trailing;
};

/* w is what stands at *at, and does not begin with "0". */
static uint64_t read_change(const uint8_t *p, size_t *at, uint64_t w)
{
    unsigned prefix, n;
    if (w >> 62 == 2)
        prefix = 2, n = 14;
    else if (w >> 61 == 6)
        prefix = 3, n = 17;
    else if (w >> 60 == 14)
        prefix = 4, n = 20;
    else
        prefix = 4, n = 64;
    uint64_t x = bits_at(p, *at + prefix, n);
    *at += prefix + n;
    if (n < 64 && x > UINT64_C(1) << (n - 1))
        x -= UINT64_C(1) << n;
    return x;
}

size_t xor_count(const uint8_t *p, size_t n)
{
    enum { FIRST_BYTES = 2 + 1 + 8 }; /* the second sample takes over a byte, others two bits */
    size_t count = n < FIRST_BYTES ? 0 : (size_t)p[0] << 8 | p[1];
    return count > 1 && count - 2 > (n - FIRST_BYTES) * 4 ? 0 : count;
}

/* The samples from the second on. */
static bool unpack_rest(const uint8_t *p, size_t nbits, size_t at, uint64_t delta, uint64_t span,
                        size_t n, int64_t *t, double *v)
{
    uint64_t time = (uint64_t)t[0], value;
    struct window window = {64, 0};
    bool is_bad = false;
    memcpy(&value, v, sizeof value);
    for (size_t i = 1; i < n;) {
        if (at > nbits)
            return false;
        uint64_t w = peek(p, at);
        if (i > 1 && w >> 62 == 0) { /* neither the distance nor the value changes */
            size_t same = (size_t)__builtin_clzll(w | 1 << 7) / 2;
            same = same < n - i ? same : n - i;
            for (size_t k = 0; k < same; k++) {
                t[i + k] = (int64_t)(time += delta);
                memcpy(&v[i + k], &value, sizeof value);
            }
            i += same;
            at += 2 * same;
            continue;
        }
        if (i > 1 && w >> 63) {
            delta += read_change(p, &at, w);
            if (delta - 1 >= span)
                return false;
            w = peek(p, at);
        } else if (i > 1) {
            w <<= 1;
            at++;
        }
        if (w >> 63) {
            /* no branch between the two: which of them comes is hard to foresee */
            bool is_new = w >> 62 & 1;
            unsigned leading = (unsigned)(w >> 57 & 31), width = (unsigned)(w >> 51 & 63);
            width = width ? width : 64;
            is_bad |= is_new & (leading + width > 64);
            window.trailing = is_new ? 64 - leading - width : window.trailing;
            window.width = is_new ? width : window.width;
            at += is_new ? 2 + 5 + 6 : 2;
            uint64_t differ = bits_at(p, at, window.width);
            at += window.width;
            value ^= differ << (window.trailing & 63);
        } else {
            at++;
        }
        t[i] = (int64_t)(time += delta);
        memcpy(&v[i++], &value, sizeof value);
    }
    return at <= nbits && !is_bad;
}

bool xor_unpack(const uint8_t *p, size_t n, int64_t mint_ms, int64_t maxt_ms, int64_t *t, double *v)
{
    size_t count = xor_count(p, n);
    uint64_t span = (uint64_t)maxt_ms - (uint64_t)mint_ms;
    if (count == 0)
        return false;
    struct bytes_in in = bytes_of(p + 2, n - 2);
    t[0] = bytes_signed(&in);
    const uint8_t *first = bytes_take(&in, 8);
    if (!first || (uint64_t)t[0] - (uint64_t)mint_ms > span)
        return false;
    uint64_t value = peek(first, 0);
    memcpy(v, &value, sizeof value);
    if (count == 1)
        return true;
    uint64_t delta = bytes_varint(&in);
    return !in.failed && delta - 1 < span &&
           unpack_rest(p, n * 8, (size_t)(in.p - p) * 8, delta, span, count, t, v) &&
           /* no sum has wrapped: 2^16 samples less than 2^47 apart */
           (uint64_t)t[count - 1] - (uint64_t)mint_ms <= span;
}
