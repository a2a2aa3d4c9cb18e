/* Any bytes as samples: packed and unpacked they are the same to the bit, alone and in columns that
 * were appended in pieces. Any bytes as a block: refused with a message, or samples in order that
 * survive packing and unpacking again. */
#include "series/column_parts.h"

#include <stdlib.h>
#include <string.h>

static void require(bool claim)
{
    if (!claim)
        abort();
}

struct block {
    int64_t t[BLOCK_MAX_SAMPLES];
    double v[BLOCK_MAX_SAMPLES];
    size_t n;
};

static void require_same(const struct block *a, const struct block *b)
{
    require(a->n == b->n && memcmp(a->t, b->t, a->n * sizeof *a->t) == 0 &&
            memcmp(a->v, b->v, a->n * sizeof *a->v) == 0);
}

static void pack_and_back(const struct block *in)
{
    static uint8_t bytes[BLOCK_MAX_BYTES];
    static struct block back;
    size_t size = block_pack(in->t, in->v, in->n, bytes);
    uint8_t *exact = malloc(size);
    require(size <= sizeof bytes);
    if (!exact)
        return;
    memcpy(exact, bytes, size);
    require(block_unpack(exact, size, back.t, back.v, &back.n, NULL) == AMPQL_OK);
    require_same(in, &back);
    free(exact);
}

static void append_and_back(const struct block *in, size_t piece)
{
    static struct block back;
    struct columns columns;
    columns_init(&columns);
    for (size_t i = 0; i < in->n; i += piece) {
        size_t n = in->n - i < piece ? in->n - i : piece;
        require(columns_append(&columns, &alloc_default, in->t + i, in->v + i, n, NULL) ==
                AMPQL_OK);
    }
    struct columns_reader reader = columns_read(&columns);
    back.n = 0;
    for (size_t n = 1; n > 0; back.n += n) {
        static struct block one;
        require(columns_next(&reader, one.t, one.v, &n, NULL) == AMPQL_OK);
        require(back.n + n <= in->n);
        memcpy(back.t + back.n, one.t, n * sizeof *one.t);
        memcpy(back.v + back.n, one.v, n * sizeof *one.v);
    }
    require_same(in, &back);
    columns_done(&columns, &alloc_default);
}

static uint64_t take(const uint8_t **p, const uint8_t *end, size_t nbytes)
{
    uint64_t x = 0;
    for (size_t i = 0; i < nbytes && *p < end; i++)
        x |= (uint64_t) * (*p)++ << (8 * i);
    return x;
}

/* The first bytes say how wide the steps and values are that the others are read as. */
static void as_samples(const uint8_t *data, size_t size)
{
    static struct block in;
    const uint8_t *p = data, *end = data + size;
    unsigned shape = (unsigned)take(&p, end, 1), piece = (unsigned)take(&p, end, 1);
    size_t step_bytes = shape % 8 + 1, value_bytes = shape / 8 % 8 + 1;
    uint64_t at = take(&p, end, 8), step = 0;
    int64_t k = 0;
    in.n = 0;
    while (p < end && in.n < BLOCK_MAX_SAMPLES) {
        uint64_t bits = take(&p, end, value_bytes) << (64 - 8 * value_bytes);
        if (in.n) {
            step = shape & 64 ? step + take(&p, end, 1) : take(&p, end, step_bytes);
            if (step == 0 || step > (uint64_t)INT64_MAX - at)
                break;
            at += step;
        }
        in.t[in.n] = (int64_t)at;
        if (shape & 128) { /* decimals */
            k += (int64_t)bits >> 32;
            in.v[in.n] = (double)k / 1000;
        } else {
            memcpy(&in.v[in.n], &bits, sizeof bits);
        }
        in.n++;
    }
    if (in.n == 0)
        return;
    pack_and_back(&in);
    append_and_back(&in, piece + 1);
}

/* The form of the loops that every machine has says the same. */
static void unpacks_alike(const uint8_t *p, size_t nbytes, enum ampql_code code,
                          const struct block *got)
{
    static struct block plain;
    struct ampql_error err = {0};
    require(block_unpack_with(&column_kernels_portable, p, nbytes, plain.t, plain.v, &plain.n,
                              &err) == code);
    if (code != AMPQL_OK)
        return;
    require(plain.n == got->n && memcmp(plain.t, got->t, got->n * sizeof *got->t) == 0 &&
            memcmp(plain.v, got->v, got->n * sizeof *got->v) == 0);
}

static void as_block(const uint8_t *data, size_t size)
{
    static struct block out;
    struct ampql_error err = {0};
    size_t nbytes = 0, n = 0;
    enum ampql_code code = block_measure(data, size, &nbytes, &n, &err);
    if (code == AMPQL_OK) {
        require(nbytes <= size && n >= 1 && n <= BLOCK_MAX_SAMPLES);
        uint8_t *exact = malloc(nbytes);
        if (!exact)
            return;
        memcpy(exact, data, nbytes);
        code = block_unpack(exact, nbytes, out.t, out.v, &out.n, &err);
        unpacks_alike(exact, nbytes, code, &out);
        free(exact);
    }
    if (code != AMPQL_OK) {
        require(code == AMPQL_BAD_DATA && err.code == code && err.message[0]);
        return;
    }
    require(out.n == n);
    for (size_t i = 1; i < out.n; i++)
        require(out.t[i - 1] < out.t[i]);
    pack_and_back(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_block(data, size);
    as_samples(data, size);
    return 0;
}
