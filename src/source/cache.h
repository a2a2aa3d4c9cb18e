/* Answers of sources, kept in memory for the selects of later runs, and for those of other threads.
 *
 * A cache is shared by sources that answer alike, such as one for each thread to the same server.
 * What a select asks and the cache holds comes from there, bit for bit as the source said it; only
 * the rest is asked for, and by one thread at a time: the others wait for that answer.
 *
 *   cache_state.h   what its files share
 *   cache.c         a cache, from beginning to end
 *   cache_shelf.c   what is kept, what answers a select, and what has to go
 *   cache_part.c    parts of an answer, joined
 *   cache_source.c  the source: what is missing is fetched once */
#ifndef AMPQL_SRC_SOURCE_CACHE_H
#define AMPQL_SRC_SOURCE_CACHE_H

#include "source/source.h"

struct ampql_cache;

/* Zero means the default; of times a negative one: none. */
struct cache_options {
    uint64_t max_bytes; /* 0: 256 MiB */
    int64_t fresh_ms; /* answers that reach into the newest minutes are used for so long; 0: 5 s */
    int64_t settled_ms;   /* what is older than this is the same for good; 0: 10 minutes */
    int64_t max_age_ms;   /* nothing of a server is used for longer; 0: 1 hour */
    int64_t (*now)(void); /* Unix ms; NULL: the clock */
};

/* err  AMPQL_NOMEM */
enum ampql_code cache_new(const struct ampql_allocator *alc, const struct cache_options *options,
                          struct ampql_cache **out, struct ampql_error *err);

/* NULL is fine. It lives on until the last source over it is freed, too. */
void cache_free(struct ampql_cache *cache);

struct ampql_cache_stats cache_stats(struct ampql_cache *cache);

/* A source that answers as inner does. Takes inner over, also when this fails.
 *   err  AMPQL_NOMEM */
enum ampql_code source_cache_open(const struct ampql_allocator *alc, struct ampql_source *inner,
                                  struct ampql_cache *cache, struct ampql_source **out,
                                  struct ampql_error *err);

#endif
