/* Arenas: a list of blocks that double in size up to 16 MiB; larger pieces get a block of their
 * own.
 */
#include "base/arena.h"

enum { ALIGN = 16, FIRST_BLOCK = 1024, LARGEST_BLOCK = 16 << 20 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* with this header */
};

#define HEADER ((sizeof(struct arena_block) + ALIGN - 1) & ~(size_t)(ALIGN - 1))

void arena_init(struct arena *arena, const struct ampql_allocator *alc)
{
    *arena = (struct arena){.alc = alc};
}

void arena_done(struct arena *arena)
{
    struct arena_block *block = arena->block;
    while (block) {
        struct arena_block *next = block->next;
        alloc_put(arena->alc, block, block->size, 1);
        block = next;
    }
    arena_init(arena, arena->alc);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *newest = arena->block;
    if (!newest)
        return;
    struct arena rest = {.alc = arena->alc, .block = newest->next};
    arena_done(&rest);
    newest->next = NULL;
    arena->used = HEADER;
    arena->size = arena->total = newest->size;
}

static bool add_block(struct arena *arena, size_t bytes)
{
    size_t size = arena->size ? arena->size * 2 : FIRST_BLOCK;
    if (size > LARGEST_BLOCK)
        size = LARGEST_BLOCK;
    if (__builtin_add_overflow(bytes, HEADER, &bytes))
        return false;
    if (size < bytes)
        size = bytes;
    struct arena_block *block = alloc_get(arena->alc, size, 1);
    if (!block)
        return false;
    alloc_touched_soon(block, size);
    block->size = size;
    block->next = arena->block;
    arena->block = block;
    arena->used = HEADER;
    arena->size = size;
    arena->total += size;
    return true;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX - ALIGN)
        return NULL;
    bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (bytes == 0)
        bytes = ALIGN;
    if (bytes > arena->size - arena->used && !add_block(arena, bytes))
        return NULL;
    void *piece = (char *)arena->block + arena->used;
    arena->used += bytes;
    return piece;
}

void *arena_zeroed(struct arena *arena, size_t count, size_t size)
{
    void *piece = arena_alloc(arena, count, size);
    if (piece)
        memset(piece, 0, count * size);
    return piece;
}

struct str arena_copy(struct arena *arena, struct str s)
{
    if (s.n == SIZE_MAX)
        return (struct str){NULL, 0};
    char *p = arena_alloc(arena, s.n + 1, 1);
    if (!p)
        return (struct str){NULL, 0};
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct str){p, s.n};
}
