/* The values of a block: one for all; integers after a shift of the decimal point; or bits. */
#include "series/column_parts.h"

#include <math.h>

enum {
    VALUE_CONSTANT = 0, /* to 8: the high bytes of the value that are stored */
    VALUE_DECIMAL = 9,
    VALUE_BITS = 10,
    MAX_EXPONENT = POWER10_MAX,
    HAS_EXCEPTIONS = 1 << 7
};

static uint64_t bits_of_value(const double *v)
{
    uint64_t bits;
    memcpy(&bits, v, sizeof bits);
    return bits;
}

/* ---- decimals */

/* Is *v the double nearest to k / 10^e for an integer k, bit for bit? Whatever is not (-0, NaN, too
 * many digits) says no. */
static bool is_decimal(const double *v, unsigned e, int64_t *k)
{
    static const double exact = 9007199254740992; /* 2^53 */
    double scaled = *v * column_power10[e];
    if (!(scaled >= -exact && scaled <= exact))
        return false;
    *k = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
    double back = (double)*k / column_power10[e];
    return bits_of_value(&back) == bits_of_value(v);
}

/* The smallest exponent from e on that makes *v an integer; MAX_EXPONENT + 1 when there is none. */
static unsigned exponent_of(const double *v, unsigned e)
{
    int64_t k;
    while (e <= MAX_EXPONENT && !is_decimal(v, e, &k))
        e++;
    return e;
}

struct decimals {
    unsigned exponent;
    uint64_t k[BLOCK_MAX_SAMPLES];
    uint16_t exceptions[BLOCK_MAX_SAMPLES]; /* [nexceptions] places of what is no decimal */
    size_t nexceptions;
    struct ints plan;
    size_t nbytes;
};

/* Nothing to gain? A few values, looked at in advance, tell of most noise. */
static bool looks_like_noise(const double *v, size_t n)
{
    enum { NLOOKS = 8 };
    size_t nnoise = 0;
    for (size_t i = 0; i < NLOOKS; i++)
        nnoise += exponent_of(&v[i * (n - 1) / (NLOOKS - 1)], 0) > MAX_EXPONENT;
    return nnoise > NLOOKS / 2;
}

/* All values as integers over one power of ten, the smallest that does; false when too many are
 * none. An exception repeats the integer before it, so that it costs nothing there. */
static bool find_decimals(const double *v, size_t n, struct decimals *out)
{
    unsigned e = 0;
    out->nexceptions = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t k;
        if (is_decimal(&v[i], e, &k)) {
            out->k[i] = (uint64_t)k;
            continue;
        }
        unsigned more = exponent_of(&v[i], e + 1);
        if (more <= MAX_EXPONENT) { /* all again, with more digits */
            e = more;
            out->nexceptions = 0;
            i = SIZE_MAX;
            continue;
        }
        if (out->nexceptions > n / 4)
            return false;
        out->exceptions[out->nexceptions++] = (uint16_t)i;
        out->k[i] = i ? out->k[i - 1] : 0;
    }
    /* exceptions at the beginning take what follows them */
    size_t first = 0;
    while (first < out->nexceptions && out->exceptions[first] == first)
        first++;
    for (size_t i = 0; i < first && first < n; i++)
        out->k[i] = out->k[first];
    out->exponent = e;
    return true;
}

static bool plan_decimals(const double *v, size_t n, struct decimals *out)
{
    if (looks_like_noise(v, n) || !find_decimals(v, n, out))
        return false;
    ints_plan(out->k, n, &out->plan);
    out->nbytes = 1 + out->plan.nbytes;
    if (out->nexceptions)
        out->nbytes += varint_bytes(out->nexceptions) + 10 * out->nexceptions;
    return true;
}

static void pack_decimals(const struct decimals *d, const double *v, size_t n, struct packer *out)
{
    pack_byte(out, d->exponent | (d->nexceptions ? HAS_EXCEPTIONS : 0));
    ints_pack(&d->plan, d->k, n, out);
    if (d->nexceptions == 0)
        return;
    pack_varint(out, d->nexceptions);
    for (size_t i = 0; i < d->nexceptions; i++) {
        pack_u16(out, d->exceptions[i]);
        pack_high(out, bits_of_value(&v[d->exceptions[i]]), 8);
    }
}

/* ---- packing */

static bool is_constant(const double *v, size_t n)
{
    uint64_t differ = 0;
    for (size_t i = 1; i < n; i++)
        differ |= bits_of_value(&v[i]) ^ bits_of_value(&v[0]);
    return differ == 0;
}

unsigned value_pack(const double *v, size_t n, struct packer *out)
{
    if (is_constant(v, n)) {
        uint64_t bits = bits_of_value(v);
        size_t nbytes = bits ? 8 - (size_t)__builtin_ctzll(bits) / 8 : 0;
        pack_high(out, bits, nbytes);
        return VALUE_CONSTANT + (unsigned)nbytes;
    }
    struct decimals decimals;
    bool has_decimals = plan_decimals(v, n, &decimals);
    if (!has_decimals || decimals.nexceptions) {
        uint64_t bits[BLOCK_MAX_SAMPLES];
        struct ints plan;
        memcpy(bits, v, n * sizeof *v);
        ints_plan(bits, n, &plan);
        if (!has_decimals || plan.nbytes < decimals.nbytes) {
            ints_pack(&plan, bits, n, out);
            return VALUE_BITS;
        }
    }
    pack_decimals(&decimals, v, n, out);
    return VALUE_DECIMAL;
}

/* ---- unpacking */

static void unpack_decimals(struct unpacker *in, double *v, size_t n)
{
    uint64_t k[INTS_ROOM];
    double distinct[INTS_ROOM];
    const uint8_t *bitmap;
    unsigned head = unpack_byte(in), e = head % HAS_EXCEPTIONS;
    size_t m = ints_read(in, k, n, &bitmap);
    if (in->failed || e > MAX_EXPONENT) {
        in->failed = true;
        return;
    }
    double *out = bitmap ? distinct : v;
    if (!in->kernels->divide(k, out, m, e))
        for (size_t i = 0; i < m; i++)
            out[i] = (double)(int64_t)k[i] / column_power10[e];
    if (bitmap) {
        memset(distinct + m, 0, KERNEL_SPARE * sizeof *distinct);
        in->kernels->spread(distinct, bitmap, v, n);
    }
    uint64_t nexceptions = head & HAS_EXCEPTIONS ? unpack_varint(in) : 0;
    if (nexceptions > n)
        in->failed = true;
    for (uint64_t i = 0; i < nexceptions && !in->failed; i++) {
        unsigned at = unpack_u16(in);
        uint64_t bits = unpack_high(in, 8);
        if (at < n)
            memcpy(&v[at], &bits, sizeof bits);
        else
            in->failed = true;
    }
}

void value_unpack(struct unpacker *in, unsigned mode, double *v, size_t n)
{
    if (mode <= VALUE_CONSTANT + 8) {
        in->kernels->fill(unpack_high(in, mode - VALUE_CONSTANT), v, n);
    } else if (mode == VALUE_BITS) {
        uint64_t bits[BLOCK_MAX_SAMPLES];
        ints_unpack(in, bits, n);
        if (!in->failed)
            memcpy(v, bits, n * sizeof *v);
    } else if (mode == VALUE_DECIMAL) {
        unpack_decimals(in, v, n);
    } else {
        in->failed = true;
    }
}
