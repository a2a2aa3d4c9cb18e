/* A cache, from when it is made until its last source is freed. */
#include "source/cache_state.h"

#include "base/time.h"
#include "source/server.h"

#include <time.h>

static int64_t either(int64_t given, int64_t otherwise)
{
    return given ? given : otherwise;
}

enum ampql_code cache_new(const struct ampql_allocator *alc, const struct cache_options *options,
                          struct ampql_cache **out, struct ampql_error *err)
{
    enum { FRESH_MS = 5000, HOUR_MS = 3600 * 1000 };
    struct ampql_cache *cache = alloc_get(alc, 1, sizeof *cache);
    pthread_condattr_t attr;
    if (!cache)
        return fail_nomem(err, "a cache");
    *cache = (struct ampql_cache){.alc = *alc, .options = *options, .nusers = 1};
    struct cache_options *o = &cache->options;
    o->max_bytes = o->max_bytes ? o->max_bytes : UINT64_C(256) << 20;
    o->fresh_ms = either(o->fresh_ms, FRESH_MS);
    o->settled_ms = o->settled_ms < 0 ? 0 : either(o->settled_ms, SERVER_FRESH_MS);
    o->max_age_ms = either(o->max_age_ms, HOUR_MS);
    o->now = o->now ? o->now : time_now;
    cache->stats.size = sizeof cache->stats;
    cache->stats.max_bytes = o->max_bytes;
    pthread_mutex_init(&cache->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&cache->over, &attr);
    pthread_condattr_destroy(&attr);
    *out = cache;
    return AMPQL_OK;
}

void cache_free(struct ampql_cache *cache)
{
    if (!cache)
        return;
    pthread_mutex_lock(&cache->mutex);
    bool is_last = --cache->nusers == 0;
    if (is_last)
        shelf_clear(cache);
    pthread_mutex_unlock(&cache->mutex);
    if (!is_last)
        return;
    pthread_cond_destroy(&cache->over);
    pthread_mutex_destroy(&cache->mutex);
    struct ampql_allocator alc = cache->alc;
    alloc_put(&alc, cache, 1, sizeof *cache);
}

struct ampql_cache_stats cache_stats(struct ampql_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    struct ampql_cache_stats stats = cache->stats;
    pthread_mutex_unlock(&cache->mutex);
    return stats;
}
