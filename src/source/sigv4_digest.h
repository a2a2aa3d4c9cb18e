/* SHA-256 and HMAC-SHA-256, which are libcrypto's. */
#ifndef AMPQL_SRC_SOURCE_SIGV4_DIGEST_H
#define AMPQL_SRC_SOURCE_SIGV4_DIGEST_H

#include "base/error.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX = 64 };

/* err  AMPQL_NOMEM: libcrypto could not */
enum ampql_code digest_sha256(struct str data, unsigned char out[DIGEST_BYTES],
                              struct ampql_error *err);

/* key  any length below INT_MAX
 * out  may be the key's own bytes
 * err  as above */
enum ampql_code digest_hmac(struct str key, struct str data, unsigned char out[DIGEST_BYTES],
                            struct ampql_error *err);

/* 64 small hex digits, not NUL-terminated. */
void digest_hex(const unsigned char digest[DIGEST_BYTES], char out[DIGEST_HEX]);

#endif
