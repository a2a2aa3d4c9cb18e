/* A row: one output series over all steps of the grid. */
#ifndef AMPQL_SRC_SERIES_ROW_H
#define AMPQL_SRC_SERIES_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* v [n] with unit stride; present [row_words(n)] has bit i set when step i has a value. Absence is
 * the bit, never a NaN. Values of absent steps are initialised but mean nothing; bits past n are 0.
 */
struct row {
    double *v;
    uint64_t *present;
    size_t n;
};

static inline size_t row_words(size_t n)
{
    return (n + 63) / 64;
}

/* A row that lies in a block of row_bytes(n), aligned for doubles: its values, and behind them its
 * bits. */
static inline size_t row_bytes(size_t n)
{
    return n * sizeof(double) + row_words(n) * sizeof(uint64_t);
}

static inline struct row row_in(void *block, size_t n)
{
    double *v = block;
    void *bits = v + n;
    return (struct row){v, bits, n};
}

static inline bool row_has(const struct row *row, size_t i)
{
    return row->present[i / 64] >> (i % 64) & 1;
}

static inline void row_mark(struct row *row, size_t i)
{
    row->present[i / 64] |= UINT64_C(1) << (i % 64);
}

/* Mark steps [from, from + n). */
static inline void row_mark_range(struct row *row, size_t from, size_t n)
{
    for (size_t i = from; i < from + n;) {
        size_t bit = i % 64, many = 64 - bit < from + n - i ? 64 - bit : from + n - i;
        uint64_t ones = many == 64 ? UINT64_MAX : (UINT64_C(1) << many) - 1;
        row->present[i / 64] |= ones << bit;
        i += many;
    }
}

static inline void row_unmark(struct row *row, size_t i)
{
    row->present[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

/* Word w with all the bits that a row of n steps can have. */
static inline uint64_t row_full_word(size_t n, size_t w)
{
    size_t rest = n - w * 64;
    return rest >= 64 ? UINT64_MAX : (UINT64_C(1) << rest) - 1;
}

static inline void row_clear(struct row *row)
{
    memset(row->present, 0, row_words(row->n) * sizeof *row->present);
}

static inline void row_fill(struct row *row)
{
    for (size_t w = 0; w < row_words(row->n); w++)
        row->present[w] = row_full_word(row->n, w);
}

static inline bool row_is_full(const struct row *row)
{
    for (size_t w = 0; w < row_words(row->n); w++)
        if (row->present[w] != row_full_word(row->n, w))
            return false;
    return true;
}

static inline bool row_is_empty(const struct row *row)
{
    for (size_t w = 0; w < row_words(row->n); w++)
        if (row->present[w])
            return false;
    return true;
}

static inline size_t row_count(const struct row *row)
{
    size_t n = 0;
    for (size_t w = 0; w < row_words(row->n); w++)
        n += (size_t)__builtin_popcountll(row->present[w]);
    return n;
}

/* Steps [from, from + n) as a row of their own, the same values; from is a multiple of 64. */
static inline struct row row_part(const struct row *row, size_t from, size_t n)
{
    return (struct row){row->v + from, row->present + from / 64, n};
}

static inline void row_copy(struct row *to, const struct row *from)
{
    memcpy(to->v, from->v, from->n * sizeof *from->v);
    memcpy(to->present, from->present, row_words(from->n) * sizeof *from->present);
}

#endif
