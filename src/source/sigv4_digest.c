/* SHA-256 and HMAC-SHA-256. */
#include "source/sigv4_digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum ampql_code digest_sha256(struct str data, unsigned char out[DIGEST_BYTES],
                              struct ampql_error *err)
{
    if (EVP_Digest(data.n ? data.p : "", data.n, out, NULL, EVP_sha256(), NULL) != 1)
        return fail_nomem(err, "a digest");
    return AMPQL_OK;
}

enum ampql_code digest_hmac(struct str key, struct str data, unsigned char out[DIGEST_BYTES],
                            struct ampql_error *err)
{
    if (key.n > INT_MAX || !HMAC(EVP_sha256(), key.n ? key.p : "", (int)key.n,
                                 (const unsigned char *)(data.n ? data.p : ""), data.n, out, NULL))
        return fail_nomem(err, "a signature");
    return AMPQL_OK;
}

void digest_hex(const unsigned char digest[DIGEST_BYTES], char out[DIGEST_HEX])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
}
