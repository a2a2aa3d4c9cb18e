/* What the files of the cache share. */
#ifndef AMPQL_SRC_SOURCE_CACHE_STATE_H
#define AMPQL_SRC_SOURCE_CACHE_STATE_H

#include "source/cache.h"
#include "source/held.h"
#include "source/hold.h"

#include <pthread.h>

enum { CACHE_NCHAINS = 1024 };

/* The answer to a select. It never changes once it is on the shelf, but for the links. */
struct shelf_entry {
    struct held held; /* in the arena, as the warnings */
    struct arena arena;
    struct hold hold; /* sorted, trimmed */
    struct {
        ARRAY(struct str);
    } warnings;
    uint64_t hash;
    int64_t settled_ms; /* up to here it is the same for good */
    int64_t asked_ms;   /* what is behind that was asked for then, */
    int64_t oldest_ms;  /*    and the oldest part of it all then */
    size_t bytes;
    size_t nusers; /* who must not lose it; the shelf is one of them */
    bool is_shelved;
    uint64_t used;                     /* when last, in uses of all */
    struct shelf_entry *newer, *older; /* by last use */
    struct shelf_entry *next;          /* of the same hash */
};

/* An answer that somebody is fetching: whoever wants it, too, waits for that. */
struct flight {
    struct shelf_entry *entry;  /* the question; its answer, once it is over and code is AMPQL_OK */
    struct ampql_select select; /* the same for the source; matchers in the entry's arena */
    bool is_listing, is_over;
    enum ampql_code code;
    struct ampql_error err;
    size_t nusers;       /* whose it is, and who waits */
    struct flight *next; /* of all */
    struct flight *owed; /* of its owner's */
};

struct ampql_cache {
    struct ampql_allocator alc;
    struct cache_options options;
    pthread_mutex_t mutex; /* all below */
    pthread_cond_t over;   /* a flight is */
    struct shelf_entry *chains[CACHE_NCHAINS];
    struct shelf_entry *newest, *oldest;
    struct flight *flights;
    struct ampql_cache_stats stats; /* bytes: of what is on the shelf */
    uint64_t held_bytes;            /* and of what runs still use */
    uint64_t nuses;
    size_t nusers; /* whoever made it, and sources */
};

/* A select as it is looked for. */
struct shelf_question {
    const struct ampql_select *select;
    struct held held; /* matchers in an arena, strings in the select's */
    uint64_t hash;
    bool is_static; /* the source never says anything else */
};

/* err  AMPQL_NOMEM */
enum ampql_code shelf_question(const struct ampql_select *select, bool is_listing, bool is_static,
                               struct arena *arena, struct shelf_question *out,
                               struct ampql_error *err);

/* The same matchers, kind, lookback and dialect: one of them may answer a part of the other. */
bool shelf_is_same(const struct held *a, const struct held *b);

/* May one of them have times of the other? */
bool shelf_overlaps(const struct held *a, const struct held *b);

/* An entry that somebody uses, and which of its times count. */
struct shelf_use {
    struct held held; /* first, as a held_list has it */
    struct shelf_entry *entry;
};

struct shelf_uses {
    ARRAY(struct shelf_use);
};

/* What answers a question, in the arena. */
struct shelf_plan {
    struct shelf_uses uses; /* that parts speak of */
    struct held_cover cover;
};

/* The functions below want the mutex held, but for shelf_new and those that say so.
 *
 * What there is of an answer: in `own`, whatever its age, and on the shelf.
 *   err  AMPQL_NOMEM */
enum ampql_code shelf_find(struct ampql_cache *cache, const struct shelf_question *question,
                           const struct shelf_uses *own, struct arena *arena,
                           struct shelf_plan *out, struct ampql_error *err);

/* An entry without series for what a question asks, used by the caller. No mutex needed.
 *   err  AMPQL_NOMEM */
enum ampql_code shelf_new(const struct ampql_allocator *alc, const struct shelf_question *question,
                          struct shelf_entry **out, struct ampql_error *err);

/* Put an entry that is complete on the shelf, if it is not too big; entries that it makes
 * needless, and those that were not used for longest, go. */
void shelf_put(struct ampql_cache *cache, struct shelf_entry *entry);

void shelf_use(struct ampql_cache *cache, struct shelf_entry *entry);
void shelf_release(struct ampql_cache *cache, struct shelf_entry *entry);

/* All of them go. */
void shelf_clear(struct ampql_cache *cache);

/* ---- cache_part.c: no mutex needed, whoever calls uses the entries */

/* Keep what a source has warned of. err  AMPQL_NOMEM */
enum ampql_code part_warnings(struct shelf_entry *entry, const struct ampql_sink *sink,
                              struct ampql_error *err);

/* Push what an entry has of a part: of RAW and lists (from, to], else the points from, ... to.
 *   err  what the sink says; AMPQL_NOMEM */
enum ampql_code part_scan(const struct shelf_question *question, const struct shelf_use *use,
                          const struct held_part *part, struct ampql_sink *sink,
                          struct sample_room *room, struct ampql_error *err);

/* Join the parts of a plan, which lacks none, in a new entry.
 *   err  AMPQL_NOMEM, AMPQL_LIMIT */
enum ampql_code part_join(const struct ampql_allocator *alc, const struct shelf_question *question,
                          const struct shelf_plan *plan, struct shelf_entry *whole,
                          struct sample_room *room, struct ampql_error *err);

#endif
