/* A source over a cache. What a select misses is fetched by one thread at a time, each question;
 * its parts are joined, and the whole is kept in their place.
 *
 * A run says what it will select before it begins: what of that is missing, and nobody fetches yet,
 * it owes to all others from then on. Nobody waits while he owes something, so that two runs never
 * wait for each other. */
#include "source/cache_state.h"

#include "base/time.h"
#include "source/ask_hold.h"
#include "source/server.h"
#include "source/sink.h"

#include <time.h>

struct cached {
    struct ampql_allocator alc;
    struct ampql_source *inner;
    struct ampql_cache *cache;
    bool is_static; /* the inner source is of files, which do not change */
    enum ampql_code (*poll)(void *payload, struct ampql_error *err); /* of the run; NULL: none */
    void *poll_payload;
    struct flight *owed;   /* by this run, in its order */
    struct shelf_uses own; /* on the allocator: what the run has used, which stays what it is */
};

/* ---- flights */

static void leave_flight(struct ampql_cache *cache, struct flight *flight)
{
    if (--flight->nusers > 0)
        return;
    shelf_release(cache, flight->entry);
    alloc_put(&cache->alc, flight, 1, sizeof *flight);
}

/* Tell whoever waits. The mutex is held. */
static void end_flight(struct ampql_cache *cache, struct flight *flight, enum ampql_code code,
                       const struct ampql_error *err)
{
    struct flight **at = &cache->flights;
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    flight->is_over = true;
    flight->code = code;
    if (err)
        flight->err = *err;
    pthread_cond_broadcast(&cache->over);
    leave_flight(cache, flight);
}

static enum ampql_code name_matchers(struct flight *flight, struct ampql_error *err)
{
    struct shelf_entry *entry = flight->entry;
    size_t n = entry->held.matchers.n;
    struct ampql_matcher *at = arena_alloc(&entry->arena, n, sizeof *at);
    if (!at)
        return fail_nomem(err, "an answer");
    for (size_t i = 0; i < n; i++) {
        const struct matcher *m = &entry->held.matchers.at[i];
        at[i] = (struct ampql_matcher){
            {m->name.p, m->name.n}, (enum ampql_match_op)m->op, {m->value.p, m->value.n}};
    }
    flight->select.matchers = at;
    return AMPQL_OK;
}

/* A flight for a part of a question. The mutex is held. */
static enum ampql_code begin_flight(struct ampql_cache *cache,
                                    const struct shelf_question *question,
                                    const struct held_part *part, struct flight **out,
                                    struct ampql_error *err)
{
    struct shelf_question piece = *question;
    struct ampql_select select = *question->select;
    bool is_window = held_is_window(&piece.held);
    *(is_window ? &piece.held.after_ms : &piece.held.start_ms) = part->from_ms;
    *(is_window ? &piece.held.upto_ms : &piece.held.end_ms) = part->to_ms;
    *(is_window ? &select.mint_ms : &select.start_ms) = part->from_ms;
    *(is_window ? &select.maxt_ms : &select.end_ms) = part->to_ms;
    struct flight *flight = alloc_get(&cache->alc, 1, sizeof *flight);
    if (!flight)
        return fail_nomem(err, "an answer");
    *flight = (struct flight){
        .select = select, .is_listing = piece.held.kind == HELD_LISTING, .nusers = 1};
    enum ampql_code code = shelf_new(&cache->alc, &piece, &flight->entry, err);
    if (code == AMPQL_OK) {
        code = name_matchers(flight, err);
        if (code != AMPQL_OK)
            shelf_release(cache, flight->entry);
    }
    if (code != AMPQL_OK) {
        alloc_put(&cache->alc, flight, 1, sizeof *flight);
        return code;
    }
    flight->next = cache->flights;
    cache->flights = flight;
    *out = flight;
    return AMPQL_OK;
}

/* Somebody fetches a part of what this part of the question asks. The mutex is held. */
static struct flight *find_flight(const struct ampql_cache *cache,
                                  const struct shelf_question *question,
                                  const struct held_part *part)
{
    struct held piece = question->held;
    *(held_is_window(&piece) ? &piece.after_ms : &piece.start_ms) = part->from_ms;
    *(held_is_window(&piece) ? &piece.upto_ms : &piece.end_ms) = part->to_ms;
    for (struct flight *f = cache->flights; f; f = f->next)
        if (shelf_is_same(&f->entry->held, &piece) && shelf_overlaps(&f->entry->held, &piece))
            return f;
    return NULL;
}

/* ---- what a run uses */

/* Keep it for this run. The mutex is held. */
static enum ampql_code keep(struct cached *c, struct shelf_entry *entry, const struct held *held,
                            struct ampql_error *err)
{
    if (!array_add(&c->own, &c->alc, (struct shelf_use){*held, entry}))
        return fail_nomem(err, "the parts of an answer");
    shelf_use(c->cache, entry);
    return AMPQL_OK;
}

static void forget_own(struct cached *c)
{
    for (size_t i = 0; i < c->own.n; i++)
        shelf_release(c->cache, c->own.at[i].entry);
    c->own.n = 0;
}

static void forget_run(struct cached *c)
{
    pthread_mutex_lock(&c->cache->mutex);
    while (c->owed) {
        struct flight *flight = c->owed;
        c->owed = flight->owed;
        end_flight(c->cache, flight, AMPQL_CANCELED, NULL);
    }
    forget_own(c);
    pthread_mutex_unlock(&c->cache->mutex);
    array_done(&c->own, &c->alc);
}

/* ---- fetching */

static enum ampql_code fetch(struct cached *c, struct flight *flight, struct ampql_sink *told,
                             struct ampql_error *err)
{
    struct shelf_entry *entry = flight->entry;
    struct ampql_sink sink;
    entry->asked_ms = entry->oldest_ms = c->cache->options.now();
    int64_t settled_ms = entry->asked_ms - c->cache->options.settled_ms;
    int64_t upto_ms = held_is_window(&entry->held) ? entry->held.upto_ms : entry->held.end_ms;
    entry->settled_ms = settled_ms < upto_ms ? settled_ms : upto_ms;
    enum ampql_code code =
        ask_hold(&c->alc, c->inner, &flight->select, flight->is_listing, &entry->hold, &sink, err);
    if (told)
        ampql_sink_cost(told, &sink.cost);
    if (code == AMPQL_OK)
        code = part_warnings(entry, &sink, err);
    sink_done(&sink);
    if (code == AMPQL_OK)
        code = hold_sort(&entry->hold, err);
    hold_trim(&entry->hold);
    return code;
}

/* Fetch what was begun, for this run and all others. */
static enum ampql_code land(struct cached *c, struct flight *flight, struct ampql_sink *told,
                            struct ampql_error *err)
{
    struct ampql_error local = {0};
    err = err ? err : &local;
    enum ampql_code code = fetch(c, flight, told, err);
    pthread_mutex_lock(&c->cache->mutex);
    if (code == AMPQL_OK) {
        shelf_put(c->cache, flight->entry);
        code = keep(c, flight->entry, &flight->entry->held, err);
    }
    end_flight(c->cache, flight, code, err);
    pthread_mutex_unlock(&c->cache->mutex);
    return code;
}

static enum ampql_code pay(struct cached *c, struct flight **at, struct ampql_sink *told,
                           struct ampql_error *err)
{
    struct flight *flight = *at;
    *at = flight->owed;
    return land(c, flight, told, err);
}

/* Does a run end for reasons of its own? Then the answer is still to be had. */
static bool is_its_own(enum ampql_code code)
{
    return code == AMPQL_CANCELED || code == AMPQL_TIMEOUT || code == AMPQL_NOMEM;
}

/* What this run owes of a question; or, without one, all that it owes. What fails then fails again
 * where it is selected. */
static enum ampql_code pay_all(struct cached *c, const struct shelf_question *question,
                               struct ampql_sink *told, struct ampql_error *err)
{
    for (struct flight **at = &c->owed; *at;) {
        const struct held *held = &(*at)->entry->held;
        if (question &&
            !(shelf_is_same(held, &question->held) && shelf_overlaps(held, &question->held))) {
            at = &(*at)->owed;
            continue;
        }
        enum ampql_code code = pay(c, at, told, err);
        if (code != AMPQL_OK && (question || is_its_own(code)))
            return code;
    }
    return AMPQL_OK;
}

/* Wait for a flight of another run. The mutex is held. */
static enum ampql_code wait_for(struct cached *c, struct flight *flight, struct ampql_error *err)
{
    enum { LOOK_NS = 20 * 1000 * 1000 };
    struct ampql_cache *cache = c->cache;
    enum ampql_code code = AMPQL_OK;
    flight->nusers++;
    while (!flight->is_over && code == AMPQL_OK) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&cache->over, &cache->mutex, &until);
        if (c->poll)
            code = c->poll(c->poll_payload, err);
    }
    if (code == AMPQL_OK && flight->code == AMPQL_OK) {
        code = keep(c, flight->entry, &flight->entry->held, err);
    } else if (code == AMPQL_OK && !is_its_own(flight->code)) {
        code = flight->code;
        if (err)
            *err = flight->err;
    }
    leave_flight(cache, flight);
    return code;
}

/* ---- answering */

/* All that the plan needs is used by the run from here on. The mutex is held. */
static enum ampql_code keep_parts(struct cached *c, const struct shelf_plan *plan,
                                  struct ampql_error *err)
{
    for (size_t i = 0; i < plan->cover.held.n; i++) {
        const struct shelf_use *use = &plan->uses.at[plan->cover.held.at[i].entry];
        bool is_own = false;
        for (size_t k = 0; k < c->own.n && !is_own; k++)
            is_own = c->own.at[k].entry == use->entry;
        if (!is_own)
            TRY(keep(c, use->entry, &use->held, err));
    }
    return AMPQL_OK;
}

/* One step closer to an answer: wait for somebody, or fetch a part of it. The mutex is held, and
 * let go of meanwhile. */
static enum ampql_code get_part(struct cached *c, const struct shelf_question *question,
                                const struct held_part *part, struct ampql_sink *told,
                                bool *has_fetched, struct ampql_error *err)
{
    struct flight *flight = find_flight(c->cache, question, part);
    if (flight && !c->owed) {
        *has_fetched = false;
        return wait_for(c, flight, err);
    }
    enum ampql_code code = AMPQL_OK;
    if (!flight)
        code = begin_flight(c->cache, question, part, &flight, err);
    else
        flight = NULL;
    pthread_mutex_unlock(&c->cache->mutex);
    if (code == AMPQL_OK)
        code = flight ? land(c, flight, told, err) : pay_all(c, NULL, told, err);
    pthread_mutex_lock(&c->cache->mutex);
    *has_fetched = flight != NULL;
    return code;
}

enum outcome { HIT, SHARED, MISSED };

/* Until nothing is missing. out's parts are the run's. */
static enum ampql_code gather(struct cached *c, const struct shelf_question *question,
                              struct arena *arena, struct ampql_sink *told, bool has_paid,
                              struct shelf_plan *out, struct ampql_error *err)
{
    struct ampql_cache *cache = c->cache;
    enum outcome outcome = has_paid ? MISSED : HIT;
    pthread_mutex_lock(&cache->mutex);
    enum ampql_code code;
    while ((code = shelf_find(cache, question, &c->own, arena, out, err)) == AMPQL_OK &&
           out->cover.missing.n) {
        bool has_fetched;
        code = get_part(c, question, &out->cover.missing.at[0], told, &has_fetched, err);
        if (code != AMPQL_OK)
            break;
        if (has_fetched || outcome == HIT)
            outcome = has_fetched ? MISSED : SHARED;
    }
    if (code == AMPQL_OK)
        code = keep_parts(c, out, err);
    cache->stats.hits += code == AMPQL_OK && outcome == HIT;
    cache->stats.shared += code == AMPQL_OK && outcome == SHARED;
    cache->stats.misses += code != AMPQL_OK || outcome == MISSED;
    pthread_mutex_unlock(&cache->mutex);
    return code;
}

static enum ampql_code push_joined(struct cached *c, const struct shelf_question *question,
                                   const struct shelf_plan *plan, struct ampql_sink *sink,
                                   struct sample_room *room, struct ampql_error *err)
{
    struct shelf_entry *whole;
    TRY(shelf_new(&c->cache->alc, question, &whole, err));
    enum ampql_code code = part_join(&c->alc, question, plan, whole, room, err);
    pthread_mutex_lock(&c->cache->mutex);
    if (code == AMPQL_OK)
        shelf_put(c->cache, whole);
    pthread_mutex_unlock(&c->cache->mutex);
    if (code == AMPQL_OK) {
        const struct shelf_use use = {whole->held, whole};
        const struct held_part part = {
            0, held_is_window(&whole->held) ? whole->held.after_ms : whole->held.start_ms,
            held_is_window(&whole->held) ? whole->held.upto_ms : whole->held.end_ms};
        code = part_scan(question, &use, &part, sink, room, err);
    }
    pthread_mutex_lock(&c->cache->mutex);
    shelf_release(c->cache, whole);
    pthread_mutex_unlock(&c->cache->mutex);
    return code;
}

/* What a run uses stays the same until its end, as long as that fits. */
static void drop_surplus(struct cached *c)
{
    pthread_mutex_lock(&c->cache->mutex);
    if (c->cache->held_bytes > c->cache->options.max_bytes)
        forget_own(c);
    pthread_mutex_unlock(&c->cache->mutex);
}

static enum ampql_code answer(struct cached *c, const struct ampql_select *select, bool is_listing,
                              struct ampql_sink *sink, struct ampql_error *err)
{
    struct shelf_question question;
    struct shelf_plan plan;
    struct sample_room room = {0};
    struct arena work;
    arena_init(&work, &c->alc);
    enum ampql_code code = shelf_question(select, is_listing, c->is_static, &work, &question, err);
    size_t nown = c->own.n;
    if (code == AMPQL_OK)
        code = pay_all(c, &question, sink, err);
    if (code == AMPQL_OK)
        code = gather(c, &question, &work, sink, c->own.n > nown, &plan, err);
    if (code == AMPQL_OK && plan.cover.held.n == 1)
        code = part_scan(&question, &plan.uses.at[plan.cover.held.at[0].entry],
                         &plan.cover.held.at[0], sink, &room, err);
    else if (code == AMPQL_OK && plan.cover.held.n)
        code = push_joined(c, &question, &plan, sink, &room, err);
    drop_surplus(c);
    sample_room_done(&room, &c->alc);
    arena_done(&work);
    return code;
}

/* ---- the source */

static enum ampql_code cached_select(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    return answer(payload, select, false, sink, err);
}

static enum ampql_code cached_series(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    return answer(payload, select, true, sink, err);
}

/* What is missing of a select, and nobody fetches, is owed from now on. The mutex is held. */
static enum ampql_code owe(struct cached *c, const struct ampql_select *select, struct arena *arena,
                           struct flight ***end, struct ampql_error *err)
{
    struct shelf_question question;
    struct shelf_plan plan;
    TRY(shelf_question(select, false, c->is_static, arena, &question, err));
    TRY(shelf_find(c->cache, &question, &c->own, arena, &plan, err));
    for (size_t i = 0; i < plan.cover.missing.n; i++) {
        struct flight *flight;
        if (find_flight(c->cache, &question, &plan.cover.missing.at[i]))
            continue;
        TRY(begin_flight(c->cache, &question, &plan.cover.missing.at[i], &flight, err));
        **end = flight;
        *end = &flight->owed;
    }
    return AMPQL_OK;
}

static enum ampql_code owe_all(struct cached *c, const struct ampql_prepare *run,
                               struct arena *arena, struct ampql_error *err)
{
    struct flight **end = &c->owed;
    enum ampql_code code = AMPQL_OK;
    pthread_mutex_lock(&c->cache->mutex);
    for (size_t i = 0; i < run->nselects && code == AMPQL_OK; i++)
        code = owe(c, &run->selects[i], arena, &end, err);
    pthread_mutex_unlock(&c->cache->mutex);
    return code;
}

/* The inner source hears of what will be asked of it. */
static enum ampql_code tell_inner(struct cached *c, const struct ampql_prepare *run,
                                  struct arena *arena, struct ampql_error *err)
{
    struct ampql_prepare rest = *run;
    size_t n = 0;
    if (!c->inner->ops.prepare)
        return AMPQL_OK;
    for (const struct flight *f = c->owed; f; f = f->owed)
        n++;
    struct ampql_select *selects = arena_alloc(arena, n, sizeof *selects);
    if (!selects)
        return fail_nomem(err, "the selects of a run");
    n = 0;
    for (const struct flight *f = c->owed; f; f = f->owed)
        selects[n++] = f->select;
    rest.size = sizeof rest;
    rest.selects = selects;
    rest.nselects = n;
    return c->inner->ops.prepare(c->inner->payload, &rest, err);
}

static enum ampql_code cached_prepare(void *payload, const struct ampql_prepare *run,
                                      struct ampql_error *err)
{
    struct cached *c = payload;
    struct arena work;
    forget_run(c);
    c->poll = run->poll;
    c->poll_payload = run->poll_payload;
    arena_init(&work, &c->alc);
    /* a source that is not told before has nothing under way: selects come one by one */
    enum ampql_code code =
        run->poll && c->inner->ops.prepare ? owe_all(c, run, &work, err) : AMPQL_OK;
    if (code == AMPQL_OK)
        code = tell_inner(c, run, &work, err);
    arena_done(&work);
    return code;
}

static void cached_stats(void *payload, struct ampql_source_stats *out)
{
    struct cached *c = payload;
    *out = ampql_source_stats(c->inner);
}

static void cached_close(void *payload)
{
    struct cached *c = payload;
    struct ampql_allocator alc = c->alc;
    forget_run(c);
    source_free(c->inner);
    cache_free(c->cache);
    alloc_put(&alc, c, 1, sizeof *c);
}

static enum ampql_code open_over(struct cached *c, struct ampql_source **out,
                                 struct ampql_error *err)
{
    const struct ampql_source *inner = c->inner;
    struct ampql_source_ops ops = {.caps = (inner->ops.caps & ~(uint32_t)AMPQL_SOURCE_PARALLEL) |
                                           AMPQL_SOURCE_SORTED,
                                   .select = cached_select,
                                   .series = inner->ops.series ? cached_series : NULL,
                                   .close = cached_close,
                                   .prepare = cached_prepare,
                                   .stats = cached_stats};
    TRY(source_new(&c->alc, &ops, c, out, err));
    (*out)->dialect = inner->dialect;
    (*out)->recorded_of = inner->recorded_of;
    (*out)->redaction = inner->redaction;
    (*out)->is_trusted = true;
    (*out)->is_static = inner->is_static;
    (*out)->window_ms = inner->window_ms;
    (*out)->marked_after_ms = inner->marked_after_ms;
    return AMPQL_OK;
}

enum ampql_code source_cache_open(const struct ampql_allocator *alc, struct ampql_source *inner,
                                  struct ampql_cache *cache, struct ampql_source **out,
                                  struct ampql_error *err)
{
    struct cached *c = alloc_get(alc, 1, sizeof *c);
    if (!c) {
        source_free(inner);
        return fail_nomem(err, "a source");
    }
    *c =
        (struct cached){.alc = *alc, .inner = inner, .cache = cache, .is_static = inner->is_static};
    pthread_mutex_lock(&cache->mutex);
    cache->nusers++;
    pthread_mutex_unlock(&cache->mutex);
    enum ampql_code code = open_over(c, out, err);
    if (code != AMPQL_OK)
        cached_close(c);
    return code;
}
