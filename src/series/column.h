/* Packed columns: samples in about two bytes each instead of sixteen, exact to the bit.
 *
 * A *block* is 1 to 1,024 samples of one series as one self-contained byte string: what captures
 * store. `struct columns` is a series held in memory as a string of blocks, which grows at its end:
 * what waits for the other chunks of a split fetch. Every value comes back with its bits: NaN
 * payloads, stale markers, -0, subnormals.
 *
 * A block, byte by byte. u16 and u64 are little-endian; a *varint* has seven bits a byte, low ones
 * first, the high bit set on all bytes but the last, in as few bytes as it needs; *signed* is a
 * varint of 0, -1, 1, -2, ... as 0, 1, 2, 3, ...; all sums and products wrap at 2^64.
 *
 *   head          u16: n - 1 (low 10 bits), time mode (2 bits), value mode (high 4 bits)
 *                 u16: bytes of the whole block, the head included
 *   times         signed: the first, Unix ms; then by mode
 *     0 regular   varint: ms from one sample to the next; nothing when n is 1
 *     1 runs      varint: how many runs; each two varints: how many samples, ms before each
 *     2 jittered  varint: step in ms; varint: how many runs; each two varints: how many samples,
 *                 steps before each; then integers [n]: what is added to each time on that grid
 *   values        by mode
 *     0 to 8      all are equal: so many high bytes of the double, lowest first; the rest are 0
 *     9 decimals  byte: exponent e, 0 to 18, and 128 more when exceptions follow
 *                 integers [n]: each value is (double)integer / 10^e, correctly rounded
 *                 exceptions: varint: how many; each u16: place, u64: the bits that stand there
 *     10 bits     integers [n]: the bits of the doubles
 *
 *   integers [n]
 *     byte        low two bits: 0 offsets, 1 deltas, 2 changes; 4: there is a factor; 8: there are
 *                 exceptions
 *     byte        width, 0 to 64
 *     signed      the first integer; not with offsets
 *     signed      base
 *     varint      factor, > 0; 1 when there is none
 *     bitmap      only with changes: n - 1 bits, the lowest of a byte first: 1 where an integer
 *                 differs from the one before it
 *     numbers     m numbers u of `width` bits, the lowest bit of a byte first, then zero bits up to
 *                 a whole byte. Offsets: m is n, an integer is base + factor * u. Deltas: m is
 *                 n - 1, an integer is the one before it + base + factor * u. Changes: the same for
 *                 the m integers whose bit is set; the others equal the one before them
 *     exceptions  varint: how many; each u16: place among the m, varint: the whole u, which the
 *                 number there is only the low bits of */
#ifndef AMPQL_SRC_SERIES_COLUMN_H
#define AMPQL_SRC_SERIES_COLUMN_H

#include "base/alloc.h"
#include "base/error.h"

enum {
    BLOCK_MAX_SAMPLES = 1024,
    BLOCK_MAX_BYTES = 17 * 1024 /* no block is longer, whatever its samples */
};

/* Pack n samples. The same samples give the same bytes, on every machine.
 *
 *   t        [n] Unix ms, strictly ascending (the caller has checked)
 *   n        1 .. BLOCK_MAX_SAMPLES
 *   out      [BLOCK_MAX_BYTES]
 *   returns  the bytes written */
size_t block_pack(const int64_t *t, const double *v, size_t n, uint8_t *out);

/* Read the head of a block at p [size], of which more may follow the block: how many bytes it is
 * long and how many samples it holds. Enough to step over it.
 *
 *   nbytes   <= size and <= BLOCK_MAX_BYTES
 *   n        1 .. BLOCK_MAX_SAMPLES
 *   err      AMPQL_BAD_DATA: no head, or longer than size */
enum ampql_code block_measure(const uint8_t *p, size_t size, size_t *nbytes, size_t *n,
                              struct ampql_error *err);

/* Unpack the block at p, exactly nbytes long as block_measure found. Any bytes are safe: nothing is
 * read outside of them.
 *
 *   t, v     out: [BLOCK_MAX_SAMPLES] each, the first *n set; t strictly ascending
 *   err      AMPQL_BAD_DATA: not laid out as above, or times that do not ascend; t and v are then
 *            undefined */
enum ampql_code block_unpack(const uint8_t *p, size_t nbytes, int64_t *t, double *v, size_t *n,
                             struct ampql_error *err);

/* The samples of one series. Zeroed it is empty; 32 bytes beside its blocks. */
struct columns {
    uint8_t *p; /* blocks end to end, [size], room for cap */
    uint32_t size, cap;
    uint32_t n;       /* samples */
    uint32_t last_at; /* where in p the last block begins */
    int64_t last_ms;  /* time of the last sample; of an empty one anything */
};

void columns_init(struct columns *columns);
void columns_done(struct columns *columns, const struct ampql_allocator *alc);

/* Add samples at the end. A last block that is short is packed anew together with them, so pieces
 * of a hundred samples and more cost little, single samples much: gather them first.
 *
 *   t, v     [n], strictly ascending and after all that is there; n may be 0
 *   err      AMPQL_BAD_DATA: not ascending; AMPQL_LIMIT: over 4 GiB or 2^32 - 1 samples;
 *            AMPQL_NOMEM. The columns are then as before */
enum ampql_code columns_append(struct columns *columns, const struct ampql_allocator *alc,
                               const int64_t *t, const double *v, size_t n,
                               struct ampql_error *err);

/* Move all samples of `from`, which are after those of `to`, to the end of `to`; `from` is empty
 * afterwards. Both live on alc. Errors as of columns_append; both are then as before. */
enum ampql_code columns_join(struct columns *to, struct columns *from,
                             const struct ampql_allocator *alc, struct ampql_error *err);

/* Give back the room kept for growing; when that fails it stays. */
void columns_trim(struct columns *columns, const struct ampql_allocator *alc);

/* Bytes held, the struct among them. */
size_t columns_bytes(const struct columns *columns);

/* Reading from the beginning, block by block. The columns must not change meanwhile. */
struct columns_reader {
    const uint8_t *p;
    size_t left;
};

struct columns_reader columns_read(const struct columns *columns);

/* The next samples, into t and v [BLOCK_MAX_SAMPLES] each; *n is 0 at the end.
 *   err  AMPQL_BAD_DATA: the bytes were damaged since they were packed */
enum ampql_code columns_next(struct columns_reader *reader, int64_t *t, double *v, size_t *n,
                             struct ampql_error *err);

#endif
