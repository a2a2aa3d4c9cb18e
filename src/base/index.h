/* A hash index: from a 64-bit hash to the numbers of things that the caller keeps in an array and
 * compares itself.
 *
 *   for (size_t i = index_first(&ix, hash, &at); i != INDEX_NONE; i = index_next(&ix, hash, &at))
 *       if (equal(things[i], key)) ...found...
 *   if (!index_add(&ix, hash, number)) ...no memory...
 *
 * Nothing is identified by its hash alone. */
#ifndef AMPQL_SRC_BASE_INDEX_H
#define AMPQL_SRC_BASE_INDEX_H

#include "base/alloc.h"

#define INDEX_NONE SIZE_MAX

struct index_slot {
    uint64_t hash;
    uint64_t number; /* + 1; 0 when free */
};

struct index {
    const struct ampql_allocator *alc;
    struct index_slot *slot; /* [nslots], a power of two or 0 */
    size_t n, nslots;
};

void index_init(struct index *index, const struct ampql_allocator *alc);
void index_done(struct index *index);

/* Forget all entries, keep the room. */
void index_clear(struct index *index);

/* The first, next number under this hash, or INDEX_NONE; *at is the walk's place. */
size_t index_first(const struct index *index, uint64_t hash, size_t *at);
size_t index_next(const struct index *index, uint64_t hash, size_t *at);

/* Add a number; false when memory is out, and the index is as before. */
bool index_add(struct index *index, uint64_t hash, size_t number);

#endif
