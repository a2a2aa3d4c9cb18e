/* Digests of bytes that are kept: a checksum that finds damage, and SHA-256, which proves what
 * something is, also with a key (HMAC). Both are the same everywhere, unlike hash.h. */
#ifndef AMPQL_SRC_BASE_DIGEST_H
#define AMPQL_SRC_BASE_DIGEST_H

#include "base/error.h"

enum { SHA256_BYTES = 32 };

/* XXH3 of b [nb], seeded with XXH3 of a [na]. */
uint64_t checksum(const void *a, size_t na, const void *b, size_t nb);

/* SHA-256 of some bytes. err  AMPQL_NOMEM: libcrypto has no memory */
enum ampql_code sha256(const void *p, size_t n, uint8_t out[SHA256_BYTES], struct ampql_error *err);

/* HMAC-SHA-256.
 *   key  any length below INT_MAX
 *   out  may be the key's own bytes
 *   err  AMPQL_NOMEM: libcrypto could not */
enum ampql_code hmac_sha256(struct str key, struct str data, uint8_t out[SHA256_BYTES],
                            struct ampql_error *err);

/* Lower-case hex: out [2 * n], not NUL-terminated. */
void hex_of(const uint8_t *p, size_t n, char *out);

#endif
