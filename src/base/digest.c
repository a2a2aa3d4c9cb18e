/* XXH3 and SHA-256 behind one face each. */
#include "base/digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

uint64_t checksum(const void *a, size_t na, const void *b, size_t nb)
{
    /* of a fixed head and a payload: the head's checksum seeds the payload's, no state to make */
    return XXH3_64bits_withSeed(b, nb, XXH3_64bits(a, na));
}

enum ampql_code sha256(const void *p, size_t n, uint8_t out[SHA256_BYTES], struct ampql_error *err)
{
    unsigned length = 0;
    if (EVP_Digest(n ? p : "", n, out, &length, EVP_sha256(), NULL) != 1 || length != SHA256_BYTES)
        return fail_nomem(err, "a digest");
    return AMPQL_OK;
}

enum ampql_code hmac_sha256(struct str key, struct str data, uint8_t out[SHA256_BYTES],
                            struct ampql_error *err)
{
    if (key.n > INT_MAX || !HMAC(EVP_sha256(), key.n ? key.p : "", (int)key.n,
                                 (const unsigned char *)(data.n ? data.p : ""), data.n, out, NULL))
        return fail_nomem(err, "a keyed digest");
    return AMPQL_OK;
}

void hex_of(const uint8_t *p, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[p[i] >> 4];
        out[2 * i + 1] = digit[p[i] & 15];
    }
}
