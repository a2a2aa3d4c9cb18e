/* HMAC-SHA-256, which is libcrypto's. */
#ifndef AMPQL_SRC_SOURCE_SIGV4_DIGEST_H
#define AMPQL_SRC_SOURCE_SIGV4_DIGEST_H

#include "base/digest.h"

/* key  any length below INT_MAX
 * out  may be the key's own bytes
 * err  AMPQL_NOMEM: libcrypto could not */
enum ampql_code digest_hmac(struct str key, struct str data, unsigned char out[SHA256_BYTES],
                            struct ampql_error *err);

#endif
