/* Growing arrays: double each time, overflow-checked by the allocator. */
#include "base/array.h"

enum { FIRST = 8 };

static size_t next_cap(size_t cap)
{
    return cap == 0 ? FIRST : cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
}

bool array_grow_arena(struct arena *arena, void *at_pointer, size_t n, size_t *cap, size_t size)
{
    void *old;
    memcpy(&old, at_pointer, sizeof old);
    size_t want = next_cap(*cap);
    void *at = arena_alloc(arena, want, size);
    if (!at)
        return false;
    if (n)
        memcpy(at, old, n * size);
    memcpy(at_pointer, &at, sizeof at);
    *cap = want;
    return true;
}

bool array_grow(const struct ampql_allocator *alc, void *at_pointer, size_t *cap, size_t size)
{
    void *old;
    memcpy(&old, at_pointer, sizeof old);
    size_t want = next_cap(*cap);
    void *at = alloc_resize(alc, old, *cap, want, size);
    if (!at)
        return false;
    memcpy(at_pointer, &at, sizeof at);
    *cap = want;
    return true;
}
