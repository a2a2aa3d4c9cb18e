/* A pool of equal blocks that are used again and again: memory that is touched for the first time
 * costs more than arithmetic.
 *
 * pool_take gives a block of block_bytes, aligned to 64; pool_give puts it back for the next taker.
 */
#ifndef AMPQL_SRC_BASE_POOL_H
#define AMPQL_SRC_BASE_POOL_H

#include "base/alloc.h"

struct pool {
    const struct ampql_allocator *alc;
    size_t block_bytes;
    struct pool_free *free;  /* given back */
    struct pool_slab *slabs; /* newest first */
    char *fresh;             /* blocks of the newest that nobody has had: [nfresh] */
    size_t nfresh;
    size_t nblocks; /* ever taken from slabs */
};

void pool_init(struct pool *pool, const struct ampql_allocator *alc, size_t block_bytes);

/* Frees all blocks, also those not given back. */
void pool_done(struct pool *pool);

/* NULL when memory is out. A block's bytes are initialised, but with anything. */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *block);

#endif
