/* XXH3 and SHA-256 behind one face each. */
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <xxhash.h>

uint64_t checksum(const void *a, size_t na, const void *b, size_t nb)
{
    /* of a fixed head and a payload: the head's checksum seeds the payload's, no state to make */
    return XXH3_64bits_withSeed(b, nb, XXH3_64bits(a, na));
}

/* OpenSSL's default context does not survive that memory runs out while it is made: it stays half
 * made, and whoever uses it next crashes. One of our own is made whole or not at all. Kept for
 * good; NULL: no memory. */
static const EVP_MD *method(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static EVP_MD *made;
    pthread_mutex_lock(&mutex);
    if (!made) {
        OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
        made = context ? EVP_MD_fetch(context, "SHA256", NULL) : NULL;
        if (!made)
            OSSL_LIB_CTX_free(context);
    }
    const EVP_MD *result = made;
    pthread_mutex_unlock(&mutex);
    return result;
}

/* Of a, and then b. */
static bool digest(const void *a, size_t na, const void *b, size_t nb, uint8_t out[SHA256_BYTES])
{
    const EVP_MD *md = method();
    EVP_MD_CTX *state = md ? EVP_MD_CTX_new() : NULL;
    bool ok = state && EVP_DigestInit_ex(state, md, NULL) == 1 &&
              EVP_DigestUpdate(state, na ? a : "", na) == 1 &&
              EVP_DigestUpdate(state, nb ? b : "", nb) == 1 &&
              EVP_DigestFinal_ex(state, out, NULL) == 1;
    EVP_MD_CTX_free(state);
    return ok;
}

enum ampql_code sha256(const void *p, size_t n, uint8_t out[SHA256_BYTES], struct ampql_error *err)
{
    return digest(p, n, NULL, 0, out) ? AMPQL_OK : fail_nomem(err, "a digest");
}

/* see  RFC 2104 */
enum ampql_code hmac_sha256(struct str key, struct str data, uint8_t out[SHA256_BYTES],
                            struct ampql_error *err)
{
    enum { BLOCK = 64, INNER = 0x36, OUTER = 0x5c };
    uint8_t pad[BLOCK] = {0}, inside[SHA256_BYTES];
    bool ok = key.n <= BLOCK || digest(key.p, key.n, NULL, 0, pad);
    if (key.n && key.n <= BLOCK)
        memcpy(pad, key.p, key.n);
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= INNER;
    ok = ok && digest(pad, BLOCK, data.p, data.n, inside);
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= INNER ^ OUTER;
    ok = ok && digest(pad, BLOCK, inside, sizeof inside, out);
    explicit_bzero(pad, sizeof pad); /* the key */
    return ok ? AMPQL_OK : fail_nomem(err, "a keyed digest");
}

void hex_of(const uint8_t *p, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[p[i] >> 4];
        out[2 * i + 1] = digit[p[i] & 15];
    }
}
