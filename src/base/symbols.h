/* Interned strings: each distinct string of a run has one small id, so that labels compare and hash
 * as integers.
 *
 * Ids are dense from 0 in order of first sight; they have no order among themselves: sorting
 * compares bytes. Strings are hashed with seeded XXH3 and compared in full. */
#ifndef AMPQL_SRC_BASE_SYMBOLS_H
#define AMPQL_SRC_BASE_SYMBOLS_H

#include "base/arena.h"
#include "base/str.h"

typedef uint32_t symbol;

/* Always there, in this order. */
enum {
    SYMBOL_EMPTY, /* "" */
    SYMBOL_NAME,  /* "__name__" */
    SYMBOL_LE,    /* "le" */
    SYMBOL_TYPE,  /* "__type__" */
    SYMBOL_UNIT,  /* "__unit__" */
    SYMBOL_FIRST_FREE
};

#define SYMBOL_NONE UINT32_MAX

struct symbols {
    struct arena text;
    struct str *at; /* [n], by id */
    uint32_t *slot; /* [nslots], id + 1, 0 when free */
    uint32_t *hash; /* [n], low bits of the string's hash */
    uint32_t n, cap, nslots;
    size_t longest; /* bytes of the longest string */
    /* What symbols_translate has said: of one other table, whose ids it is indexed by. */
    struct {
        const struct symbols *of;
        symbol *to; /* [room], SYMBOL_EMPTY: not asked */
        uint32_t room;
    } known;
};

/* False when memory is out; then nothing is held. */
bool symbols_init(struct symbols *symbols, const struct ampql_allocator *alc);
void symbols_done(struct symbols *symbols);

/* The id of s, new or known; SYMBOL_NONE when memory is out or 2^31 strings are reached. The bytes
 * are copied. */
symbol symbols_intern(struct symbols *symbols, struct str s);

/* The id of s, or SYMBOL_NONE when no such string was interned. */
symbol symbols_find(const struct symbols *symbols, struct str s);

/* The id here of the string that `from` has as `id`, interned on first sight and then remembered;
 * SYMBOL_NONE when memory is out. What is remembered is of one table, which must last: another one
 * asked for begins anew. */
symbol symbols_translate(struct symbols *symbols, const struct symbols *from, symbol id);

/* The string of an id; valid as long as the table. */
static inline struct str symbols_text(const struct symbols *symbols, symbol id)
{
    return symbols->at[id];
}

#endif
