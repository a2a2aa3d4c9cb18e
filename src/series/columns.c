/* A series held as packed blocks that grow at the end. */
#include "series/column.h"

#include <string.h>

/* A last block shorter than this is packed anew with what comes after it: a balance of the bytes
 * that each block costs and the work. */
enum { SHORT_BLOCK = 256 };

void columns_init(struct columns *columns)
{
    *columns = (struct columns){0};
}

void columns_done(struct columns *columns, const struct ampql_allocator *alc)
{
    alloc_put(alc, columns->p, columns->cap, 1);
    columns_init(columns);
}

/* Put bytes in place of those from offset `at` on; the last block begins at bytes + last. Room
 * grows by a quarter only: what is held counts. */
static enum ampql_code put(struct columns *columns, const struct ampql_allocator *alc, size_t at,
                           const uint8_t *bytes, size_t nbytes, size_t last,
                           struct ampql_error *err)
{
    size_t need = at + nbytes, cap = (size_t)columns->cap + columns->cap / 4;
    if (need > UINT32_MAX)
        return fail(err, AMPQL_LIMIT, "over 4 GiB of packed samples in one series");
    if (need > columns->cap) {
        if (cap < need || cap > UINT32_MAX)
            cap = need;
        uint8_t *p = alloc_resize(alc, columns->p, columns->cap, cap, 1);
        if (!p)
            return fail_nomem(err, "packed samples");
        columns->p = p;
        columns->cap = (uint32_t)cap;
    }
    memcpy(columns->p + at, bytes, nbytes);
    columns->size = (uint32_t)need;
    columns->last_at = (uint32_t)(at + last);
    return AMPQL_OK;
}

static enum ampql_code check(const struct columns *columns, const int64_t *t, size_t n,
                             struct ampql_error *err)
{
    bool ascends = columns->n == 0 || columns->last_ms < t[0];
    for (size_t i = 1; i < n; i++)
        ascends &= t[i - 1] < t[i];
    if (!ascends)
        return fail(err, AMPQL_BAD_DATA, "times of samples must ascend");
    if (n > UINT32_MAX - columns->n)
        return fail(err, AMPQL_LIMIT, "over 2^32 - 1 samples in one series");
    return AMPQL_OK;
}

/* Unpack the last block when it is short; *n is 0 when it is not. */
static enum ampql_code read_short(const struct columns *columns, int64_t *t, double *v, size_t *n,
                                  struct ampql_error *err)
{
    size_t nbytes = 0;
    *n = 0;
    if (columns->n == 0)
        return AMPQL_OK;
    const uint8_t *last = columns->p + columns->last_at;
    TRY(block_measure(last, columns->size - columns->last_at, &nbytes, n, err));
    if (*n < SHORT_BLOCK)
        return block_unpack(last, nbytes, t, v, n, err);
    *n = 0;
    return AMPQL_OK;
}

/* Add at most as many samples as a block has: in one step, so that a failure changes nothing. */
static enum ampql_code append_few(struct columns *columns, const struct ampql_allocator *alc,
                                  const int64_t *t, const double *v, size_t n,
                                  struct ampql_error *err)
{
    int64_t all_t[BLOCK_MAX_SAMPLES];
    double all_v[BLOCK_MAX_SAMPLES];
    uint8_t blocks[2 * BLOCK_MAX_BYTES];
    size_t have, nbytes = 0, last = 0, take = 0;
    TRY(read_short(columns, all_t, all_v, &have, err));
    size_t at = have ? columns->last_at : columns->size;
    if (have) {
        take = n < BLOCK_MAX_SAMPLES - have ? n : BLOCK_MAX_SAMPLES - have;
        memcpy(all_t + have, t, take * sizeof *t);
        memcpy(all_v + have, v, take * sizeof *v);
        nbytes = block_pack(all_t, all_v, have + take, blocks);
    }
    if (take < n) {
        last = nbytes;
        nbytes += block_pack(t + take, v + take, n - take, blocks + last);
    }
    TRY(put(columns, alc, at, blocks, nbytes, last, err));
    columns->n += (uint32_t)n;
    columns->last_ms = t[n - 1];
    return AMPQL_OK;
}

enum ampql_code columns_append(struct columns *columns, const struct ampql_allocator *alc,
                               const int64_t *t, const double *v, size_t n, struct ampql_error *err)
{
    if (n == 0)
        return AMPQL_OK;
    TRY(check(columns, t, n, err));
    if (n <= BLOCK_MAX_SAMPLES)
        return append_few(columns, alc, t, v, n, err);
    struct columns fresh = {0};
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < n && code == AMPQL_OK;) {
        size_t take = n - i < BLOCK_MAX_SAMPLES ? n - i : BLOCK_MAX_SAMPLES;
        code = append_few(&fresh, alc, t + i, v + i, take, err);
        i += take;
    }
    if (code == AMPQL_OK)
        code = columns_join(columns, &fresh, alc, err);
    columns_done(&fresh, alc);
    return code;
}

enum ampql_code columns_join(struct columns *to, struct columns *from,
                             const struct ampql_allocator *alc, struct ampql_error *err)
{
    if (from->n == 0)
        return AMPQL_OK;
    if (to->n == 0) {
        columns_done(to, alc);
        *to = *from;
        columns_init(from);
        return AMPQL_OK;
    }
    int64_t t[BLOCK_MAX_SAMPLES];
    double v[BLOCK_MAX_SAMPLES];
    size_t nbytes = 0, n = 0;
    TRY(block_measure(from->p, from->size, &nbytes, &n, err));
    TRY(block_unpack(from->p, nbytes, t, v, &n, err));
    TRY(check(to, t, n, err));
    if (from->n > UINT32_MAX - to->n)
        return fail(err, AMPQL_LIMIT, "over 2^32 - 1 samples in one series");
    if (n == from->n) { /* a single block: it may be short, or follow a short one */
        TRY(append_few(to, alc, t, v, n, err));
    } else {
        TRY(put(to, alc, to->size, from->p, from->size, from->last_at, err));
        to->n += from->n;
        to->last_ms = from->last_ms;
    }
    columns_done(from, alc);
    return AMPQL_OK;
}

void columns_trim(struct columns *columns, const struct ampql_allocator *alc)
{
    if (columns->size == columns->cap)
        return;
    uint8_t *p = alloc_resize(alc, columns->p, columns->cap, columns->size, 1);
    if (p) {
        columns->p = p;
        columns->cap = columns->size;
    }
}

size_t columns_bytes(const struct columns *columns)
{
    return sizeof *columns + columns->cap;
}

struct columns_reader columns_read(const struct columns *columns)
{
    return (struct columns_reader){columns->p, columns->size};
}

enum ampql_code columns_next(struct columns_reader *reader, int64_t *t, double *v, size_t *n,
                             struct ampql_error *err)
{
    size_t nbytes = 0;
    *n = 0;
    if (reader->left == 0)
        return AMPQL_OK;
    TRY(block_measure(reader->p, reader->left, &nbytes, n, err));
    TRY(block_unpack(reader->p, nbytes, t, v, n, err));
    reader->p += nbytes;
    reader->left -= nbytes;
    return AMPQL_OK;
}
