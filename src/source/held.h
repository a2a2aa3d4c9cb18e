/* What a saved answer holds, and which saved answers together answer a select: for folders of API
 * JSON and for captures.
 *
 * A saved answer serves a select when the select asks for no series that it does not hold, its kind
 * is the same and its times cover those asked for; several may cover them together. It may hold
 * more series: the select's matchers are applied to them again.
 *
 *   held.c       covering
 *   held_text.c  how selects and saved answers are called, and what to do when one is missing */
#ifndef AMPQL_SRC_SOURCE_HELD_H
#define AMPQL_SRC_SOURCE_HELD_H

#include <ampql/source.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/error.h"
#include "series/matcher.h"

/* Beside the kinds of selects: a list of the series that have samples in (after, upto], each with
 * one sample of 1 at upto. */
#define HELD_LISTING ((enum ampql_select_kind)(AMPQL_SELECT_GRID_TIMESTAMP + 1))

/* Between the names of sources that were read together, in what a capture says it is of. */
#define HELD_BETWEEN_ORIGINS " + "

struct held {
    struct str file, query; /* for messages; may be empty */
    enum ampql_select_kind kind;
    struct matchers matchers;
    int64_t after_ms, upto_ms; /* RAW, LISTING: all samples in (after, upto] are known */
    int64_t start_ms, end_ms,
        step_ms;                /* GRID: start, start + step, ... end; step 1 for one point */
    int64_t lookback_ms;        /* GRID; 0: unknown, fits any */
    enum ampql_dialect dialect; /* DEFAULT: unknown, fits any */
    bool is_any_time;           /* an empty vector, which does not say when it was asked */
};

/* Are its times (after, upto], or those of a grid? */
static inline bool held_is_window(const struct held *held)
{
    return held->kind == AMPQL_SELECT_RAW || held->kind == HELD_LISTING;
}

/* Saved answers in an array of structs that begin with a struct held. */
struct held_list {
    const void *at; /* [n] of size bytes each */
    size_t n, size;
    const char *name; /* of the folder or file, for messages */
    const struct ampql_allocator *alc;
    struct str origin;   /* of a capture: where more can be fetched from; empty: nowhere */
    bool allows_partial; /* what is missing is left out of answers, which say so */
};

static inline const struct held *held_at(const struct held_list *list, size_t i)
{
    return (const struct held *)(const void *)((const char *)list->at + i * list->size);
}

/* A part of an answer: RAW samples in (from, to], or GRID points from, from + step, ... to. */
struct held_part {
    size_t entry; /* SIZE_MAX: none holds it */
    int64_t from_ms, to_ms;
};

struct held_parts {
    ARRAY(struct held_part); /* ascending, disjoint */
};

/* The select's times, each in one part. */
struct held_cover {
    struct held_parts held, missing;
};

/* What the entries hold of a select, and what they do not, in the arena.
 *   err  AMPQL_NOMEM */
enum ampql_code held_cover(const struct held_list *list, const struct ampql_select *select,
                           struct arena *arena, struct held_cover *out, struct ampql_error *err);

/* The same for an answer: nothing may be missing, unless the list allows partial answers.
 *   err  AMPQL_NOT_FOUND, saying what is missing and how to fetch it; AMPQL_NOMEM */
enum ampql_code held_plan(const struct held_list *list, const struct ampql_select *select,
                          struct arena *arena, struct held_cover *out, struct ampql_error *err);

/* The entry that lists the series of a select's matchers in exactly its window; SIZE_MAX: none.
 *   err  AMPQL_NOMEM */
enum ampql_code held_listing(const struct held_list *list, const struct ampql_select *select,
                             size_t *out, struct ampql_error *err);

/* ---- held_text.c */

/* Append what an answer to the select would be called: `up{job="a"}[1h] at ... (RAW)`. */
struct buf;
void held_describe(struct buf *text, const struct ampql_select *select, struct matchers asked);

/* Append what an answer is of: `up{job="a"} from ... to ... (RAW)`. */
void held_print(struct buf *text, const struct held *held);

/* Append the command that brings the answer to a select into the capture that the list is of. */
void held_fetch_command(struct buf *text, const struct held_list *list,
                        const struct ampql_select *select);

/* Fail because something of a select is missing.
 *   returns  AMPQL_NOT_FOUND, or AMPQL_NOMEM */
enum ampql_code held_refuse(const struct held_list *list, const struct ampql_select *select,
                            struct ampql_error *err);

/* Say to whoever gets the answer that something is missing. err  AMPQL_NOMEM */
enum ampql_code held_warn(const struct held_list *list, const struct ampql_select *select,
                          const struct held_cover *cover, struct ampql_sink *sink,
                          struct ampql_error *err);

/* The select's matchers in this layer's form, in the arena; at is NULL when memory is out. */
struct matchers held_matchers(const struct ampql_select *select, struct arena *arena);

/* Is it one of the select's, as it stands? */
bool held_is_asked(const struct matcher *matcher, const struct ampql_select *select);

#endif
