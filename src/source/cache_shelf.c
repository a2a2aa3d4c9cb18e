/* What the cache keeps: entries by what they answer, and by when they were last used. */
#include "source/cache_state.h"

#include "base/hash.h"
#include "source/ask_hold.h"

/* ---- questions */

static uint64_t hash_of(const struct held *held)
{
    const uint64_t parts[] = {matchers_hash(held->matchers), (uint64_t)held->kind};
    return hash_bytes(parts, sizeof parts);
}

enum ampql_code shelf_question(const struct ampql_select *select, bool is_listing, bool is_static,
                               struct arena *arena, struct shelf_question *out,
                               struct ampql_error *err)
{
    struct held held = ask_held(select, is_listing, 0, arena);
    if (!held.matchers.at)
        return fail_nomem(err, "the parts of an answer");
    held.dialect = select->dialect; /* of windows, too */
    *out = (struct shelf_question){.select = select, .held = held, .is_static = is_static};
    out->hash = hash_of(&out->held);
    return AMPQL_OK;
}

bool shelf_is_same(const struct held *a, const struct held *b)
{
    return a->kind == b->kind && a->lookback_ms == b->lookback_ms && a->dialect == b->dialect &&
           matchers_equal(a->matchers, b->matchers);
}

/* Has a every point of b that lies between its ends? */
static bool is_grid_of(const struct held *a, const struct held *b)
{
    return b->step_ms % a->step_ms == 0 && (b->start_ms - a->start_ms) % a->step_ms == 0;
}

bool shelf_overlaps(const struct held *a, const struct held *b)
{
    return held_is_window(a) ? a->after_ms < b->upto_ms && b->after_ms < a->upto_ms
                             : a->start_ms <= b->end_ms && b->start_ms <= a->end_ms &&
                                   (is_grid_of(a, b) || is_grid_of(b, a));
}

/* ---- who uses an entry */

static void free_entry(struct shelf_entry *entry)
{
    struct ampql_allocator alc = *entry->arena.alc;
    hold_done(&entry->hold);
    arena_done(&entry->arena);
    alloc_put(&alc, entry, 1, sizeof *entry);
}

void shelf_use(struct ampql_cache *cache, struct shelf_entry *entry)
{
    (void)cache;
    entry->nusers++;
}

void shelf_release(struct ampql_cache *cache, struct shelf_entry *entry)
{
    if (--entry->nusers > 0)
        return;
    cache->held_bytes -= entry->bytes; /* 0 while it is not complete */
    free_entry(entry);
}

enum ampql_code shelf_new(const struct ampql_allocator *alc, const struct shelf_question *question,
                          struct shelf_entry **out, struct ampql_error *err)
{
    struct shelf_entry *entry = alloc_get(alc, 1, sizeof *entry);
    if (!entry)
        return fail_nomem(err, "an answer");
    *entry = (struct shelf_entry){.held = question->held, .hash = question->hash, .nusers = 1};
    if (hold_init(&entry->hold, alc, err) != AMPQL_OK) {
        alloc_put(alc, entry, 1, sizeof *entry);
        return AMPQL_NOMEM;
    }
    arena_init(&entry->arena, alc);
    size_t n = question->held.matchers.n;
    struct matcher *at = arena_alloc(&entry->arena, n, sizeof *at);
    for (size_t i = 0; at && i < n; i++) {
        at[i] = question->held.matchers.at[i];
        at[i].name = arena_copy(&entry->arena, at[i].name);
        at[i].value = arena_copy(&entry->arena, at[i].value);
        if (!at[i].name.p || !at[i].value.p)
            at = NULL;
    }
    if (!at) {
        free_entry(entry);
        return fail_nomem(err, "an answer");
    }
    entry->held.matchers.at = at;
    *out = entry;
    return AMPQL_OK;
}

/* ---- the order of use, and chains */

static void unlink_use(struct ampql_cache *cache, struct shelf_entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void link_newest(struct ampql_cache *cache, struct shelf_entry *entry)
{
    entry->used = ++cache->nuses;
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static struct shelf_entry **chain_of(struct ampql_cache *cache, uint64_t hash)
{
    return &cache->chains[hash % CACHE_NCHAINS];
}

static void take_off(struct ampql_cache *cache, struct shelf_entry *entry)
{
    struct shelf_entry **at = chain_of(cache, entry->hash);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    unlink_use(cache, entry);
    entry->is_shelved = false;
    cache->stats.entries--;
    cache->stats.bytes -= entry->bytes;
    shelf_release(cache, entry);
}

void shelf_clear(struct ampql_cache *cache)
{
    while (cache->newest)
        take_off(cache, cache->newest);
}

/* ---- keeping */

/* Nothing of b is missed when a is there. Of windows that roll on the older is not missed either:
 * else each answer of a dashboard would leave a copy. */
static bool makes_needless(const struct held *a, const struct held *b)
{
    if (a->kind == HELD_LISTING)
        return a->after_ms == b->after_ms && a->upto_ms == b->upto_ms;
    if (held_is_window(a))
        return shelf_overlaps(a, b) && a->upto_ms >= b->upto_ms &&
               a->upto_ms - a->after_ms >= b->upto_ms - b->after_ms;
    return is_grid_of(a, b) && shelf_overlaps(a, b) && a->end_ms >= b->end_ms &&
           a->end_ms - a->start_ms >= b->end_ms - b->start_ms;
}

/* Of one question, asked at one time after another, not more than can be looked through. */
static void limit_same(struct ampql_cache *cache, const struct shelf_entry *entry)
{
    enum { MAX_SAME = 64 };
    struct shelf_entry *least = NULL;
    size_t n = 0;
    for (struct shelf_entry *e = *chain_of(cache, entry->hash); e; e = e->next)
        if (e->hash == entry->hash && shelf_is_same(&e->held, &entry->held)) {
            n++;
            least = !least || e->used < least->used ? e : least;
        }
    if (n >= MAX_SAME) {
        cache->stats.evictions++;
        take_off(cache, least);
    }
}

void shelf_put(struct ampql_cache *cache, struct shelf_entry *entry)
{
    struct shelf_entry **chain = chain_of(cache, entry->hash), *next;
    entry->bytes = sizeof *entry + entry->arena.total + hold_bytes(&entry->hold);
    cache->held_bytes += entry->bytes;
    for (struct shelf_entry *e = *chain; e; e = next) {
        next = e->next;
        if (e->hash == entry->hash && shelf_is_same(&e->held, &entry->held) &&
            makes_needless(&entry->held, &e->held))
            take_off(cache, e);
    }
    if (entry->bytes > cache->options.max_bytes)
        return;
    limit_same(cache, entry);
    entry->is_shelved = true;
    entry->next = *chain;
    *chain = entry;
    link_newest(cache, entry);
    shelf_use(cache, entry);
    cache->stats.entries++;
    cache->stats.bytes += entry->bytes;
    while (cache->stats.bytes > cache->options.max_bytes && cache->oldest != entry) {
        cache->stats.evictions++;
        take_off(cache, cache->oldest);
    }
}

/* ---- finding */

/* Which times of an entry count now; false: none.
 *
 * What was not settled when it was asked for may have changed since: it counts for fresh_ms. */
static bool counts(const struct ampql_cache *cache, const struct shelf_entry *entry, int64_t now_ms,
                   struct held *out)
{
    const struct cache_options *o = &cache->options;
    *out = entry->held;
    if (o->max_age_ms >= 0 && now_ms - entry->oldest_ms > o->max_age_ms)
        return false;
    if (o->fresh_ms >= 0 && now_ms >= entry->asked_ms && now_ms - entry->asked_ms <= o->fresh_ms)
        return true;
    if (out->kind == HELD_LISTING)
        return out->upto_ms <= entry->settled_ms;
    if (out->kind == AMPQL_SELECT_RAW) {
        if (out->upto_ms > entry->settled_ms)
            out->upto_ms = entry->settled_ms;
        return out->after_ms < out->upto_ms;
    }
    if (out->end_ms > entry->settled_ms && out->start_ms <= entry->settled_ms)
        out->end_ms =
            out->start_ms + (entry->settled_ms - out->start_ms) / out->step_ms * out->step_ms;
    return out->end_ms <= entry->settled_ms;
}

static enum ampql_code list_uses(struct ampql_cache *cache, const struct shelf_question *question,
                                 const struct shelf_uses *own, struct arena *arena,
                                 struct shelf_uses *out, struct ampql_error *err)
{
    int64_t now_ms = cache->options.now();
    struct shelf_use use;
    for (size_t i = 0; i < own->n; i++)
        if (shelf_is_same(&own->at[i].held, &question->held) && !array_push(out, arena, own->at[i]))
            return fail_nomem(err, "the parts of an answer");
    for (use.entry = *chain_of(cache, question->hash); use.entry; use.entry = use.entry->next) {
        if (use.entry->hash != question->hash ||
            !shelf_is_same(&use.entry->held, &question->held) ||
            !(question->is_static || counts(cache, use.entry, now_ms, &use.held)))
            continue;
        if (question->is_static)
            use.held = use.entry->held;
        if (!array_push(out, arena, use))
            return fail_nomem(err, "the parts of an answer");
    }
    return AMPQL_OK;
}

/* A list of series is one of exactly its window. */
static enum ampql_code cover_listing(const struct ampql_select *asked, const struct held_list *list,
                                     struct arena *arena, struct held_cover *out,
                                     struct ampql_error *err)
{
    struct held_part part = {SIZE_MAX, asked->mint_ms, asked->maxt_ms};
    *out = (struct held_cover){0};
    TRY(held_listing(list, asked, &part.entry, err));
    return array_push(part.entry == SIZE_MAX ? &out->missing : &out->held, arena, part)
               ? AMPQL_OK
               : fail_nomem(err, "the parts of an answer");
}

enum ampql_code shelf_find(struct ampql_cache *cache, const struct shelf_question *question,
                           const struct shelf_uses *own, struct arena *arena,
                           struct shelf_plan *out, struct ampql_error *err)
{
    *out = (struct shelf_plan){0};
    TRY(list_uses(cache, question, own, arena, &out->uses, err));
    struct held_list list = {.at = out->uses.at,
                             .n = out->uses.n,
                             .size = sizeof *out->uses.at,
                             .name = "cache",
                             .alc = &cache->alc};
    TRY(question->held.kind == HELD_LISTING
            ? cover_listing(question->select, &list, arena, &out->cover, err)
            : held_cover(&list, question->select, arena, &out->cover, err));
    for (size_t i = 0; i < out->cover.held.n; i++) {
        struct shelf_entry *entry = out->uses.at[out->cover.held.at[i].entry].entry;
        if (entry->is_shelved) {
            unlink_use(cache, entry);
            link_newest(cache, entry);
        }
    }
    return AMPQL_OK;
}
