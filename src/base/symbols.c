/* The symbol table: open addressing over dense ids. */
#include "base/symbols.h"

#include "base/hash.h"

#include <assert.h>

enum { FIRST_SLOTS = 64 };

static const struct str always[SYMBOL_FIRST_FREE] = {
    [SYMBOL_EMPTY] = {"", 0},        [SYMBOL_NAME] = {"__name__", 8}, [SYMBOL_LE] = {"le", 2},
    [SYMBOL_TYPE] = {"__type__", 8}, [SYMBOL_UNIT] = {"__unit__", 8},
};

bool symbols_init(struct symbols *symbols, const struct ampql_allocator *alc)
{
    *symbols = (struct symbols){0};
    arena_init(&symbols->text, alc);
    for (symbol id = 0; id < SYMBOL_FIRST_FREE; id++) {
        if (symbols_intern(symbols, always[id]) != id) {
            symbols_done(symbols);
            return false;
        }
    }
    return true;
}

void symbols_done(struct symbols *symbols)
{
    const struct ampql_allocator *alc = symbols->text.alc;
    alloc_put(alc, symbols->at, symbols->cap, sizeof *symbols->at);
    alloc_put(alc, symbols->hash, symbols->cap, sizeof *symbols->hash);
    alloc_put(alc, symbols->slot, symbols->nslots, sizeof *symbols->slot);
    alloc_put(alc, symbols->known.to, symbols->known.room, sizeof *symbols->known.to);
    arena_done(&symbols->text);
    *symbols = (struct symbols){.text = symbols->text};
}

/* The slot of s, taken or free. The table is never full. */
static uint32_t find_slot(const struct symbols *symbols, struct str s, uint32_t hash)
{
    uint32_t mask = symbols->nslots - 1;
    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t taken = symbols->slot[i];
        if (taken == 0)
            return i;
        if (symbols->hash[taken - 1] == hash && str_equal(symbols->at[taken - 1], s))
            return i;
    }
}

static bool grow_slots(struct symbols *symbols)
{
    const struct ampql_allocator *alc = symbols->text.alc;
    uint32_t nslots = symbols->nslots ? symbols->nslots * 2 : FIRST_SLOTS;
    uint32_t *slot = alloc_get(alc, nslots, sizeof *slot);
    if (!slot)
        return false;
    memset(slot, 0, nslots * sizeof *slot);
    for (uint32_t id = 0; id < symbols->n; id++) {
        uint32_t i = symbols->hash[id] & (nslots - 1);
        while (slot[i])
            i = (i + 1) & (nslots - 1);
        slot[i] = id + 1;
    }
    alloc_put(alc, symbols->slot, symbols->nslots, sizeof *symbols->slot);
    symbols->slot = slot;
    symbols->nslots = nslots;
    return true;
}

static bool grow_ids(struct symbols *symbols)
{
    const struct ampql_allocator *alc = symbols->text.alc;
    uint32_t cap = symbols->cap ? symbols->cap * 2 : FIRST_SLOTS;
    struct str *at = alloc_get(alc, cap, sizeof *at);
    uint32_t *hash = alloc_get(alc, cap, sizeof *hash);
    if (!at || !hash) {
        alloc_put(alc, at, cap, sizeof *at);
        alloc_put(alc, hash, cap, sizeof *hash);
        return false;
    }
    if (symbols->n) {
        memcpy(at, symbols->at, symbols->n * sizeof *at);
        memcpy(hash, symbols->hash, symbols->n * sizeof *hash);
    }
    alloc_put(alc, symbols->at, symbols->cap, sizeof *symbols->at);
    alloc_put(alc, symbols->hash, symbols->cap, sizeof *symbols->hash);
    symbols->at = at;
    symbols->hash = hash;
    symbols->cap = cap;
    return true;
}

symbol symbols_intern(struct symbols *symbols, struct str s)
{
    if (symbols->n >= symbols->nslots / 2 && (symbols->n >= 1u << 30 || !grow_slots(symbols)))
        return SYMBOL_NONE;
    uint32_t hash = (uint32_t)hash_bytes(s.p, s.n);
    uint32_t i = find_slot(symbols, s, hash);
    if (symbols->slot[i])
        return symbols->slot[i] - 1;

    if (symbols->n == symbols->cap && !grow_ids(symbols))
        return SYMBOL_NONE;
    struct str copy = arena_copy(&symbols->text, s);
    if (!copy.p)
        return SYMBOL_NONE;
    symbols->at[symbols->n] = copy;
    symbols->hash[symbols->n] = hash;
    symbols->slot[i] = ++symbols->n;
    if (s.n > symbols->longest)
        symbols->longest = s.n;
    return symbols->n - 1;
}

symbol symbols_find(const struct symbols *symbols, struct str s)
{
    uint32_t i = find_slot(symbols, s, (uint32_t)hash_bytes(s.p, s.n));
    return symbols->slot[i] ? symbols->slot[i] - 1 : SYMBOL_NONE;
}

/* Room to remember all ids that the other table has by now. */
static bool grow_known(struct symbols *symbols, const struct symbols *from)
{
    symbol *to = alloc_resize(symbols->text.alc, symbols->known.to, symbols->known.room, from->cap,
                              sizeof *to);
    if (!to)
        return false;
    memset(to + symbols->known.room, 0, (from->cap - symbols->known.room) * sizeof *to);
    symbols->known.to = to;
    symbols->known.room = from->cap;
    return true;
}

symbol symbols_translate(struct symbols *symbols, const struct symbols *from, symbol id)
{
    if (symbols->known.of != from) {
        if (symbols->known.room)
            memset(symbols->known.to, 0, symbols->known.room * sizeof *symbols->known.to);
        symbols->known.of = from;
    }
    if (id < symbols->known.room && symbols->known.to[id] != SYMBOL_EMPTY)
        return symbols->known.to[id];
    if (id >= symbols->known.room && !grow_known(symbols, from))
        return SYMBOL_NONE;
    symbol here = symbols_intern(symbols, symbols_text(from, id));
    if (here != SYMBOL_NONE)
        symbols->known.to[id] = here;
    return here;
}
