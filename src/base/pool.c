/* The block pool: a free list over blocks that are kept until the pool ends. */
#include "base/pool.h"

#include <string.h>

enum { ALIGN = 64 };

/* Lies before the block, so that the block itself keeps its alignment. */
struct pool_block {
    struct pool_block *next_free, *next;
    void *base; /* what the allocator gave */
};

static size_t bytes_of(const struct pool *pool)
{
    return sizeof(struct pool_block) + ALIGN + pool->block_bytes;
}

void pool_init(struct pool *pool, const struct ampql_allocator *alc, size_t block_bytes)
{
    *pool = (struct pool){.alc = alc, .block_bytes = block_bytes};
}

void pool_done(struct pool *pool)
{
    struct pool_block *block = pool->all;
    while (block) {
        struct pool_block *next = block->next;
        alloc_put(pool->alc, block->base, bytes_of(pool), 1);
        block = next;
    }
    pool_init(pool, pool->alc, pool->block_bytes);
}

static struct pool_block *add_block(struct pool *pool)
{
    if (pool->block_bytes > PTRDIFF_MAX / 2)
        return NULL;
    char *base = alloc_get(pool->alc, bytes_of(pool), 1);
    if (!base)
        return NULL;
    memset(base, 0, bytes_of(pool));
    uintptr_t data =
        ((uintptr_t)base + sizeof(struct pool_block) + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1);
    struct pool_block *block = (struct pool_block *)(data - sizeof(struct pool_block));
    *block = (struct pool_block){.next = pool->all, .base = base};
    pool->all = block;
    pool->nblocks++;
    return block;
}

void *pool_take(struct pool *pool)
{
    struct pool_block *block = pool->free;
    if (block)
        pool->free = block->next_free;
    else
        block = add_block(pool);
    return block ? block + 1 : NULL;
}

void pool_give(struct pool *pool, void *data)
{
    if (!data)
        return;
    struct pool_block *block = (struct pool_block *)data - 1;
    block->next_free = pool->free;
    pool->free = block;
}
