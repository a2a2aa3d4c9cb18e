/* The block pool: slabs that double in size, cut into blocks; a list of blocks that were given
 * back.
 */
#include "base/pool.h"

#include <string.h>

enum { ALIGN = 64, LARGEST_SLAB = 16 << 20 };

struct pool_slab {
    struct pool_slab *next;
    size_t size;
};

/* A free block begins with the next one. */
struct pool_free {
    struct pool_free *next;
};

void pool_init(struct pool *pool, const struct ampql_allocator *alc, size_t block_bytes)
{
    *pool = (struct pool){.alc = alc, .block_bytes = block_bytes};
}

void pool_done(struct pool *pool)
{
    struct pool_slab *slab = pool->slabs;
    while (slab) {
        struct pool_slab *next = slab->next;
        alloc_put(pool->alc, slab, slab->size, 1);
        slab = next;
    }
    pool_init(pool, pool->alc, pool->block_bytes);
}

static bool add_slab(struct pool *pool, size_t stride)
{
    size_t room = pool->slabs ? pool->slabs->size * 2 : 0;
    if (room > LARGEST_SLAB)
        room = LARGEST_SLAB;
    size_t nblocks = room > stride ? room / stride : 1;
    size_t size = sizeof(struct pool_slab) + ALIGN + nblocks * stride;
    struct pool_slab *slab = alloc_get(pool->alc, size, 1);
    if (!slab)
        return false;
    alloc_touched_soon(slab, size);
    *slab = (struct pool_slab){pool->slabs, size};
    pool->slabs = slab;
    pool->fresh = (char *)(((uintptr_t)(slab + 1) + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
    pool->nfresh = nblocks;
    return true;
}

void *pool_take(struct pool *pool)
{
    if (pool->free) {
        struct pool_free *block = pool->free;
        pool->free = block->next;
        return block;
    }
    if (pool->block_bytes > PTRDIFF_MAX / 2)
        return NULL;
    size_t stride = (pool->block_bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    stride = stride ? stride : ALIGN;
    if (!pool->nfresh && !add_slab(pool, stride))
        return NULL;
    char *block = pool->fresh;
    pool->fresh += stride;
    pool->nfresh--;
    pool->nblocks++;
    return memset(block, 0, pool->block_bytes);
}

void pool_give(struct pool *pool, void *data)
{
    struct pool_free *block = data;
    if (!block)
        return;
    block->next = pool->free;
    pool->free = block;
}
