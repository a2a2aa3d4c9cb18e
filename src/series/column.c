/* A block: its head, its times, its values. */
#include "series/column.h"

#include "series/column_parts.h"

enum { HEAD_BYTES = 4, TIME_SHIFT = 10, VALUE_SHIFT = 12 };

size_t block_pack(const int64_t *t, const double *v, size_t n, uint8_t *out)
{
    struct packer head = {out}, body = {out + HEAD_BYTES};
    unsigned time_mode = time_pack(t, n, &body), value_mode = value_pack(v, n, &body);
    size_t nbytes = (size_t)(body.p - out);
    pack_u16(&head, (unsigned)(n - 1) | time_mode << TIME_SHIFT | value_mode << VALUE_SHIFT);
    pack_u16(&head, (unsigned)nbytes);
    return nbytes;
}

enum ampql_code block_measure(const uint8_t *p, size_t size, size_t *nbytes, size_t *n,
                              struct ampql_error *err)
{
    struct unpacker in = {.p = p, .end = p + size};
    *n = unpack_u16(&in) % BLOCK_MAX_SAMPLES + 1;
    *nbytes = unpack_u16(&in);
    if (in.failed)
        return fail(err, AMPQL_BAD_DATA, "packed samples end inside the head of a block");
    if (*nbytes < HEAD_BYTES || *nbytes > BLOCK_MAX_BYTES)
        return fail(err, AMPQL_BAD_DATA, "a block of packed samples cannot have %zu bytes",
                    *nbytes);
    if (*nbytes > size)
        return fail(err, AMPQL_BAD_DATA, "packed samples end %zu bytes before the end of a block",
                    *nbytes - size);
    return AMPQL_OK;
}

enum ampql_code block_unpack_with(const struct column_kernels *kernels, const uint8_t *p,
                                  size_t nbytes, int64_t *t, double *v, size_t *n,
                                  struct ampql_error *err)
{
    size_t measured = 0;
    TRY(block_measure(p, nbytes, &measured, n, err));
    struct unpacker in = {.p = p, .end = p + measured, .kernels = kernels};
    unsigned modes = unpack_u16(&in);
    unpack_u16(&in);
    time_unpack(&in, modes >> TIME_SHIFT & 3, t, *n);
    if (in.failed)
        return fail(err, AMPQL_BAD_DATA, "the times of a block of packed samples are damaged");
    value_unpack(&in, modes >> VALUE_SHIFT, v, *n);
    if (in.failed)
        return fail(err, AMPQL_BAD_DATA, "the values of a block of packed samples are damaged");
    if (in.p != in.end || measured != nbytes)
        return fail(err, AMPQL_BAD_DATA, "a block of packed samples has bytes left over");
    return AMPQL_OK;
}

enum ampql_code block_unpack(const uint8_t *p, size_t nbytes, int64_t *t, double *v, size_t *n,
                             struct ampql_error *err)
{
    return block_unpack_with(column_kernels_best(), p, nbytes, t, v, n, err);
}
