/* HMAC-SHA-256. */
#include "source/sigv4_digest.h"

#include <limits.h>
#include <openssl/hmac.h>

enum ampql_code digest_hmac(struct str key, struct str data, unsigned char out[SHA256_BYTES],
                            struct ampql_error *err)
{
    if (key.n > INT_MAX || !HMAC(EVP_sha256(), key.n ? key.p : "", (int)key.n,
                                 (const unsigned char *)(data.n ? data.p : ""), data.n, out, NULL))
        return fail_nomem(err, "a signature");
    return AMPQL_OK;
}
