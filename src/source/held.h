/* What a saved answer holds, and which saved answers together answer a select: for folders of API
 * JSON and for captures.
 *
 * A saved answer serves a select when its matchers are among the select's, its kind is the same and
 * its times cover those asked for; several may cover them together. */
#ifndef AMPQL_SRC_SOURCE_HELD_H
#define AMPQL_SRC_SOURCE_HELD_H

#include <ampql/source.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/error.h"
#include "series/matcher.h"

struct held {
    struct str file, query; /* for messages; may be empty */
    enum ampql_select_kind kind;
    struct matchers matchers;
    int64_t after_ms, upto_ms; /* RAW: all samples in (after, upto] are known */
    int64_t start_ms, end_ms,
        step_ms;                /* GRID: start, start + step, ... end; step 1 for one point */
    int64_t lookback_ms;        /* GRID; 0: unknown, fits any */
    enum ampql_dialect dialect; /* DEFAULT: unknown, fits any */
    bool is_any_time;           /* an empty vector, which does not say when it was asked */
};

/* Saved answers in an array of structs that begin with a struct held. */
struct held_list {
    const void *at; /* [n] of size bytes each */
    size_t n, size;
    const char *name; /* of the folder or file, for messages */
    const struct ampql_allocator *alc;
};

static inline const struct held *held_at(const struct held_list *list, size_t i)
{
    return (const struct held *)(const void *)((const char *)list->at + i * list->size);
}

/* A part of an answer: RAW samples in (from, to], or GRID points from, from + step, ... to. */
struct held_part {
    size_t entry;
    int64_t from_ms, to_ms;
};

struct held_parts {
    ARRAY(struct held_part); /* ascending, disjoint */
};

/* The entries that together answer a select, in the arena.
 *   err  AMPQL_NOT_FOUND, saying what is missing; AMPQL_NOMEM */
enum ampql_code held_plan(const struct held_list *list, const struct ampql_select *select,
                          struct arena *arena, struct held_parts *out, struct ampql_error *err);

/* Append what an answer to the select would be called: `up{job="a"}[1h] at ... (RAW)`. */
struct buf;
void held_describe(struct buf *text, const struct ampql_select *select, struct matchers asked);

/* The select's matchers in this layer's form, in the arena; at is NULL when memory is out. */
struct matchers held_matchers(const struct ampql_select *select, struct arena *arena);

#endif
