/* Prometheus's float chunks, written bit by bit. */
#include "support/xor_chunk.h"

#include <string.h>

struct bits {
    uint8_t *p;
    size_t n; /* bits written */
};

static void put(struct bits *out, uint64_t x, unsigned nbits)
{
    for (unsigned i = nbits; i-- > 0; out->n++) {
        if (out->n % 8 == 0)
            out->p[out->n / 8] = 0;
        out->p[out->n / 8] |= (uint8_t)((x >> i & 1) << (7 - out->n % 8));
    }
}

static void put_uvarint(struct bits *out, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        put(out, (x & 0x7f) | 0x80, 8);
    put(out, x, 8);
}

static int fits(int64_t x, unsigned nbits)
{
    return -((INT64_C(1) << (nbits - 1)) - 1) <= x && x <= INT64_C(1) << (nbits - 1);
}

/* The change of the time from one sample to the next, against the change before. */
static void put_time(struct bits *out, int64_t change)
{
    if (change == 0) {
        put(out, 0, 1);
    } else if (fits(change, 14)) {
        put(out, 2, 2);
        put(out, (uint64_t)change, 14);
    } else if (fits(change, 17)) {
        put(out, 6, 3);
        put(out, (uint64_t)change, 17);
    } else if (fits(change, 20)) {
        put(out, 14, 4);
        put(out, (uint64_t)change, 20);
    } else {
        put(out, 15, 4);
        put(out, (uint64_t)change, 64);
    }
}

struct window {
    unsigned leading, trailing; /* leading 255: none yet */
};

static void put_value(struct bits *out, uint64_t differ, struct window *w)
{
    if (differ == 0) {
        put(out, 0, 1);
        return;
    }
    put(out, 1, 1);
    unsigned leading = (unsigned)__builtin_clzll(differ);
    unsigned trailing = (unsigned)__builtin_ctzll(differ);
    leading = leading > 31 ? 31 : leading;
    if (w->leading != 255 && leading >= w->leading && trailing >= w->trailing) {
        put(out, 0, 1);
    } else {
        unsigned significant = 64 - leading - trailing;
        put(out, 1, 1);
        put(out, leading, 5);
        put(out, significant % 64, 6);
        *w = (struct window){leading, trailing};
    }
    put(out, differ >> w->trailing, 64 - w->leading - w->trailing);
}

size_t xor_chunk_encode(const int64_t *t, const double *v, size_t n, uint8_t *out)
{
    struct bits bits = {out, 0};
    struct window window = {255, 0};
    uint64_t before = 0, step = 0;
    put(&bits, n, 16);
    for (size_t i = 0; i < n; i++) {
        uint64_t value, next = i ? (uint64_t)t[i] - (uint64_t)t[i - 1] : 0;
        memcpy(&value, &v[i], sizeof value);
        if (i == 0) {
            put_uvarint(&bits, (uint64_t)t[0] << 1 ^ (t[0] < 0 ? UINT64_MAX : 0));
            put(&bits, value, 64);
        } else {
            if (i == 1)
                put_uvarint(&bits, next);
            else
                put_time(&bits, (int64_t)(next - step));
            put_value(&bits, value ^ before, &window);
        }
        before = value;
        step = next;
    }
    return (bits.n + 7) / 8;
}
