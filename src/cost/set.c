/* Sets of allocations: one owner of items and strings, for all that look at them. */
#include "cost/set.h"

#include "engine/engine.h"

#include <stdlib.h>

enum ampql_code set_new(const struct ampql_allocator *alc, const struct params *params,
                        struct cost_set **out, struct ampql_error *err)
{
    struct cost_set *set = alloc_get(alc, 1, sizeof *set);
    *out = NULL;
    if (!set)
        return fail_nomem(err, "allocations");
    *set = (struct cost_set){.alc = *alc,
                             .start_ms = params->start_ms,
                             .end_ms = params->end_ms,
                             .now_ms = params->now_ms,
                             .quirks = params->quirks,
                             .queries = params->queries};
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
    for (size_t i = 0; i < set->nsteps; i++)
        set_release(set->steps[i]);
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

static int compare_strings(const void *a, const void *b)
{
    const struct ampql_string *x = a, *y = b;
    return str_compare(str_view(*x), str_view(*y));
}

bool set_services(struct cost_set *set, struct ampql_allocation *a, const struct ampql_string *at,
                  size_t n)
{
    struct ampql_string *services = arena_alloc(&set->arena, n, sizeof *services);
    if (!services)
        return false;
    if (n) {
        memcpy(services, at, n * sizeof *services);
        qsort(services, n, sizeof *services, compare_strings);
    }
    a->services = services;
    a->nservices = n;
    return true;
}

struct str join_names(struct arena *arena, struct str a, struct str b)
{
    size_t size;
    char *p = NULL;
    if (!__builtin_add_overflow(a.n, b.n, &size) && size < SIZE_MAX)
        p = arena_alloc(arena, size + 1, 1);
    if (!p)
        return (struct str){NULL, 0};
    if (a.n)
        memcpy(p, a.p, a.n);
    p[a.n] = '/';
    if (b.n)
        memcpy(p + a.n + 1, b.p, b.n);
    return str_make(p, size + 1);
}

enum ampql_code set_add_costs(struct cost_set *set, struct ampql_stats stats,
                              const struct query_cost *costs, size_t n, struct ampql_error *err)
{
    stats_add(&set->stats, stats);
    if (!set->costs)
        set->costs = arena_zeroed(&set->arena, n, sizeof *set->costs);
    if (!set->costs)
        return fail_nomem(err, "what the queries cost");
    for (set->ncosts = 0; set->ncosts < n; set->ncosts++) {
        stats_add(&set->costs[set->ncosts].alone, costs[set->ncosts].alone);
        stats_add(&set->costs[set->ncosts].shared, costs[set->ncosts].shared);
    }
    return AMPQL_OK;
}
