/* Prometheus's float chunks: of each time how its distance from the one before has changed, of each
 * value in which bits it differs from the one before. Unpacked straight into columns.
 *
 *   u16 (big-endian)   how many samples
 *   varint             the first time, Unix ms: 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
 *   u64 (big-endian)   the bits of the first value
 *   varint             ms to the second sample; then bits, the highest of a byte first:
 *
 *   value := "0"                                  the one before
 *          | "10" differ                          in the bits that the last "11" named; at first 64
 *          | "11" leading (5) width (6) differ    in `width` bits (0: 64) behind `leading` others
 *   time  := "0" | "10" change (14) | "110" change (17) | "1110" change (20) | "1111" change (64)
 *
 * A value for the second sample, then a time and a value for each. A change of n bits is in
 * (-2^(n-1), 2^(n-1)]. */
#ifndef AMPQL_SRC_SOURCE_TSDB_XOR_H
#define AMPQL_SRC_SOURCE_TSDB_XOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    XOR_SLACK = 32,          /* bytes behind a chunk that must be readable */
    XOR_MAX_SAMPLES = 65535, /* the count has two bytes */
    XOR_MAX_SPAN_BITS = 47   /* a chunk spans less than 2^47 ms, 4,000 years */
};

/* How many samples the chunk p [n] says it holds: 1 to XOR_MAX_SAMPLES; 0 when that is no count, or
 * more than n bytes can hold. */
size_t xor_count(const uint8_t *p, size_t n);

/* Unpack the chunk p [n], behind which XOR_SLACK bytes, of any content, can be read.
 *
 *   mint, maxt  what its times lie in; less than 2^47 apart, and within +-2^60
 *   t, v        out: [xor_count] each; t strictly ascending
 *   returns     false: the bytes are no such chunk, or its times are outside; t and v are then
 *               undefined */
bool xor_unpack(const uint8_t *p, size_t n, int64_t mint_ms, int64_t maxt_ms, int64_t *t,
                double *v);

#endif
