/* Open addressing with linear probing, at most half full. */
#include "base/index.h"

#include <string.h>

enum { FIRST_SLOTS = 16 };

void index_init(struct index *index, const struct ampql_allocator *alc)
{
    *index = (struct index){.alc = alc};
}

void index_done(struct index *index)
{
    alloc_put(index->alc, index->slot, index->nslots, sizeof *index->slot);
    index_init(index, index->alc);
}

void index_clear(struct index *index)
{
    if (index->nslots)
        memset(index->slot, 0, index->nslots * sizeof *index->slot);
    index->n = 0;
}

static size_t walk(const struct index *index, uint64_t hash, size_t *at)
{
    for (;; *at = (*at + 1) & (index->nslots - 1)) {
        const struct index_slot *slot = &index->slot[*at];
        if (slot->number == 0)
            return INDEX_NONE;
        if (slot->hash == hash)
            return (size_t)(slot->number - 1);
    }
}

size_t index_first(const struct index *index, uint64_t hash, size_t *at)
{
    if (index->nslots == 0)
        return INDEX_NONE;
    *at = hash & (index->nslots - 1);
    return walk(index, hash, at);
}

size_t index_next(const struct index *index, uint64_t hash, size_t *at)
{
    *at = (*at + 1) & (index->nslots - 1);
    return walk(index, hash, at);
}

static void place(struct index_slot *slots, size_t nslots, struct index_slot entry)
{
    size_t i = entry.hash & (nslots - 1);
    while (slots[i].number)
        i = (i + 1) & (nslots - 1);
    slots[i] = entry;
}

static bool grow(struct index *index)
{
    size_t nslots = index->nslots ? index->nslots * 2 : FIRST_SLOTS;
    struct index_slot *slot = alloc_get(index->alc, nslots, sizeof *slot);
    if (!slot)
        return false;
    memset(slot, 0, nslots * sizeof *slot);
    for (size_t i = 0; i < index->nslots; i++)
        if (index->slot[i].number)
            place(slot, nslots, index->slot[i]);
    alloc_put(index->alc, index->slot, index->nslots, sizeof *slot);
    index->slot = slot;
    index->nslots = nslots;
    return true;
}

bool index_add(struct index *index, uint64_t hash, size_t number)
{
    if (index->n >= index->nslots / 2 && !grow(index))
        return false;
    place(index->slot, index->nslots, (struct index_slot){hash, (uint64_t)number + 1});
    index->n++;
    return true;
}
