/* Seeded XXH3. */
#include "base/hash.h"

#include <stdatomic.h>
#include <time.h>
#include <xxhash.h>

static _Atomic uint64_t seed;

#ifdef AMPQL_HASH_SEED_OF_TESTS
#include <stdlib.h>

/* In builds that show that nothing depends on it (make determinism), and in no other. */
static uint64_t given_seed(void)
{
    const char *text = getenv("AMPQL_HASH_SEED");
    uint64_t s = 0;
    for (; text && *text >= '0' && *text <= '9'; text++)
        s = s * 10 + (uint64_t)(*text - '0');
    return s;
}
#else
static uint64_t given_seed(void)
{
    return 0;
}
#endif

uint64_t hash_seed(void)
{
    uint64_t s = atomic_load_explicit(&seed, memory_order_relaxed);
    if (!s)
        s = given_seed();
    if (s)
        return s;
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t mix[3] = {(uint64_t)now.tv_sec, (uint64_t)now.tv_nsec, (uint64_t)(uintptr_t)&now};
    uint64_t fresh = XXH3_64bits(mix, sizeof mix) | 1;
    uint64_t none = 0;
    atomic_compare_exchange_strong(&seed, &none,
                                   fresh); /* the first thread wins, all others read its seed */
    return atomic_load_explicit(&seed, memory_order_relaxed);
}

uint64_t hash_bytes(const void *p, size_t n)
{
    return XXH3_64bits_withSeed(p, n, hash_seed());
}
