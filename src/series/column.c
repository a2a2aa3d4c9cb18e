/* A block: its head, its times, its values. */
#include "series/column.h"

#include <string.h>

enum { HEAD_BYTES = 4 };

size_t block_pack(const int64_t *t, const double *v, size_t n, uint8_t *out)
{
    size_t nbytes = HEAD_BYTES + 16 * n;
    out[0] = (uint8_t)(n - 1);
    out[1] = (uint8_t)((n - 1) >> 8);
    out[2] = (uint8_t)nbytes;
    out[3] = (uint8_t)(nbytes >> 8);
    memcpy(out + HEAD_BYTES, t, n * sizeof *t);
    memcpy(out + HEAD_BYTES + n * sizeof *t, v, n * sizeof *v);
    return nbytes;
}

enum ampql_code block_measure(const uint8_t *p, size_t size, size_t *nbytes, size_t *n,
                              struct ampql_error *err)
{
    if (size < HEAD_BYTES)
        return fail(err, AMPQL_BAD_DATA, "packed samples end inside the head of a block");
    *n = (p[0] | (size_t)p[1] << 8) % BLOCK_MAX_SAMPLES + 1;
    *nbytes = p[2] | (size_t)p[3] << 8;
    if (*nbytes < HEAD_BYTES || *nbytes > size || *nbytes > BLOCK_MAX_BYTES)
        return fail(err, AMPQL_BAD_DATA, "a block of packed samples is cut short");
    return AMPQL_OK;
}

enum ampql_code block_unpack(const uint8_t *p, size_t nbytes, int64_t *t, double *v, size_t *n,
                             struct ampql_error *err)
{
    size_t measured = 0;
    TRY(block_measure(p, nbytes, &measured, n, err));
    if (measured != nbytes || nbytes != HEAD_BYTES + 16 * *n)
        return fail(err, AMPQL_BAD_DATA, "a block of packed samples has another length");
    memcpy(t, p + HEAD_BYTES, *n * sizeof *t);
    memcpy(v, p + HEAD_BYTES + *n * sizeof *t, *n * sizeof *v);
    for (size_t i = 1; i < *n; i++)
        if (t[i - 1] >= t[i])
            return fail(err, AMPQL_BAD_DATA, "times in packed samples do not ascend");
    return AMPQL_OK;
}
