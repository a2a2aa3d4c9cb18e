/* Arenas: many pieces with one lifetime, freed together.
 *
 * Each arena is named by how long its content lives: the query arena (AST), the work arena (a run),
 * the result arena. Nothing in an arena is freed alone. Structs from arena_new are zeroed, bulk
 * arrays from arena_alloc are not. All pieces are aligned to 16 bytes. */
#ifndef AMPQL_SRC_BASE_ARENA_H
#define AMPQL_SRC_BASE_ARENA_H

#include "base/alloc.h"
#include "base/str.h"

struct arena_block;

struct arena {
    const struct ampql_allocator *alc;
    struct arena_block *block; /* newest first */
    size_t used, size;         /* of the newest block */
    size_t total;              /* bytes held, all blocks */
};

void arena_init(struct arena *arena, const struct ampql_allocator *alc);

/* Free every piece. The arena may be used again. */
void arena_done(struct arena *arena);

/* Forget every piece but keep the newest block for the next ones. */
void arena_reset(struct arena *arena);

/* [count] elements of size bytes, not zeroed; NULL when memory is out or the product overflows. A
 * count of 0 gives a pointer that must not be followed. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);

/* The same, zeroed. */
void *arena_zeroed(struct arena *arena, size_t count, size_t size);

/* One zeroed struct. */
#define arena_new(arena, type) ((type *)arena_zeroed((arena), 1, sizeof(type)))

/* A copy of s that lives as long as the arena, NUL-terminated for convenience; p is NULL when
 * memory is out. */
struct str arena_copy(struct arena *arena, struct str s);

#endif
