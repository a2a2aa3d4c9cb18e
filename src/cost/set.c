/* Sets of allocations: one owner of items and strings, for all that look at them. */
#include "cost/set.h"

enum ampql_code set_new(const struct ampql_allocator *alc, int64_t start_ms, int64_t end_ms,
                        struct cost_set **out, struct ampql_error *err)
{
    struct cost_set *set = alloc_get(alc, 1, sizeof *set);
    *out = NULL;
    if (!set)
        return fail_nomem(err, "allocations");
    *set = (struct cost_set){.alc = *alc, .start_ms = start_ms, .end_ms = end_ms};
    atomic_init(&set->nusers, 1);
    arena_init(&set->arena, &set->alc);
    if (!symbols_init(&set->strings, &set->alc)) {
        alloc_put(alc, set, 1, sizeof *set);
        return fail_nomem(err, "allocations");
    }
    *out = set;
    return AMPQL_OK;
}

struct cost_set *set_hold(struct cost_set *set)
{
    atomic_fetch_add(&set->nusers, 1);
    return set;
}

void set_release(struct cost_set *set)
{
    if (!set || atomic_fetch_sub(&set->nusers, 1) > 1)
        return;
    struct ampql_allocator alc = set->alc; /* the block that holds it is freed with it */
    symbols_done(&set->strings);
    arena_done(&set->arena);
    alloc_put(&alc, set, 1, sizeof *set);
}

struct ampql_string set_text(struct cost_set *set, struct str s)
{
    symbol id = symbols_intern(&set->strings, s);
    return id == SYMBOL_NONE ? (struct ampql_string){NULL, 0}
                             : cost_string(symbols_text(&set->strings, id));
}
