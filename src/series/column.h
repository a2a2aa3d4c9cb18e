/* Packed columns: samples in about two bytes each instead of sixteen, exact to the bit.
 *
 * A *block* is 1 to 1,024 samples of one series as one self-contained byte string: what captures
 * store. `struct columns` is a series held in memory as a string of blocks, which grows at its end:
 * what waits for the other chunks of a split fetch. Every value comes back with its bits: NaN
 * payloads, stale markers, -0, subnormals. */
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
 *   err      AMPQL_BAD_DATA: no bytes that block_pack could have written, with what is wrong; t and
 *            v are then undefined */
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
