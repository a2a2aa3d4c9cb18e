/* Prometheus's float chunks (encoding 1), written from the published format: to compare sizes with,
 * and to make blocks for the tests of the reader. */
#ifndef AMPQL_TESTS_XOR_CHUNK_H
#define AMPQL_TESTS_XOR_CHUNK_H

#include <stddef.h>
#include <stdint.h>

/* Prometheus ends a chunk after so many samples. */
enum { XOR_CHUNK_SAMPLES = 120 };

/* The most bytes n samples can take. */
#define XOR_CHUNK_BYTES(n) (32 + 20 * (size_t)(n))

/* Write t, v [n], n <= 65535, to out [XOR_CHUNK_BYTES(n)]; returns the bytes: the two of the count
 * and the bit stream. */
size_t xor_chunk_encode(const int64_t *t, const double *v, size_t n, uint8_t *out);

#endif
