/* Sharing idle costs. */
#include "cost/share.h"

#include "cost/model.h"

void share_init(struct share *share, bool by_node, const struct ampql_allocator *alc,
                struct arena *arena)
{
    *share = (struct share){.arena = arena, .by_node = by_node};
    index_init(&share->index, alc);
}

void share_done(struct share *share)
{
    index_done(&share->index);
}

/* The number of an allocation's group; INDEX_NONE: it is not known yet. */
static size_t find(const struct share *share, const struct ampql_allocation *a, uint64_t *hash)
{
    const struct str key[] = {str_view(a->cluster), share->by_node ? str_view(a->node) : STR("")};
    size_t at;
    *hash = key_hash(key, 2);
    for (size_t i = index_first(&share->index, *hash, &at); i != INDEX_NONE;
         i = index_next(&share->index, *hash, &at))
        if (str_equal(share->groups.at[i].cluster, key[0]) &&
            str_equal(share->groups.at[i].node, key[1]))
            return i;
    return INDEX_NONE;
}

static const struct share_group *find_known(const struct share *share,
                                            const struct ampql_allocation *a)
{
    uint64_t hash;
    size_t i = find(share, a, &hash);
    return i == INDEX_NONE ? NULL : &share->groups.at[i];
}

/* The group, made when it is new; NULL when memory is out. */
static struct share_group *group_of(struct share *share, const struct ampql_allocation *a)
{
    uint64_t hash;
    size_t i = find(share, a, &hash);
    if (i != INDEX_NONE)
        return &share->groups.at[i];
    struct share_group fresh = {.cluster = str_view(a->cluster),
                                .node = share->by_node ? str_view(a->node) : STR("")};
    if (!array_push(&share->groups, share->arena, fresh) ||
        !index_add(&share->index, hash, share->groups.n - 1))
        return NULL;
    return &share->groups.at[share->groups.n - 1];
}

static void costs_of(const struct ampql_allocation *a, double *out)
{
    out[RESOURCE_CPU] = a->cpu_cost + a->cpu_cost_adjustment;
    out[RESOURCE_RAM] = a->ram_cost + a->ram_cost_adjustment;
    out[RESOURCE_GPU] = a->gpu_cost + a->gpu_cost_adjustment;
}

enum ampql_code share_count(struct share *share, const struct ampql_allocation *a,
                            struct ampql_error *err)
{
    double costs[RESOURCE_COUNT];
    struct share_group *group = group_of(share, a);
    if (!group)
        return fail_nomem(err, "shares of idle costs");
    costs_of(a, costs);
    group->has_costs = true;
    for (size_t r = 0; r < RESOURCE_COUNT; r++)
        group->cost[r] += costs[r];
    return AMPQL_OK;
}

enum ampql_code share_idle(struct share *share, const struct ampql_allocation *idle,
                           struct ampql_error *err)
{
    struct share_group *group = group_of(share, idle);
    if (!group)
        return fail_nomem(err, "shares of idle costs");
    group->idle_cost[RESOURCE_CPU] += idle->cpu_cost;
    group->idle_cost[RESOURCE_RAM] += idle->ram_cost;
    group->idle_cost[RESOURCE_GPU] += idle->gpu_cost;
    group->idle_hours[RESOURCE_CPU] += idle->cpu_core_hours;
    group->idle_hours[RESOURCE_RAM] += idle->ram_byte_hours;
    group->idle_hours[RESOURCE_GPU] += idle->gpu_hours;
    return AMPQL_OK;
}

/* An allocation's part of its group, of each resource; they sum to 1 where anything costs. */
static void parts_of(const struct share_group *group, const struct ampql_allocation *a, double *out)
{
    costs_of(a, out);
    for (size_t r = 0; r < RESOURCE_COUNT; r++)
        if (out[r] > 0 && group->cost[r] > 0)
            out[r] /= group->cost[r];
}

double share_give(const struct share *share, struct ampql_allocation *a)
{
    const struct share_group *group = find_known(share, a);
    double part[RESOURCE_COUNT], cost[RESOURCE_COUNT];
    if (!group)
        return 0;
    parts_of(group, a, part);
    a->cpu_core_hours += group->idle_hours[RESOURCE_CPU] * part[RESOURCE_CPU];
    a->ram_byte_hours += group->idle_hours[RESOURCE_RAM] * part[RESOURCE_RAM];
    a->gpu_hours += group->idle_hours[RESOURCE_GPU] * part[RESOURCE_GPU];
    for (size_t r = 0; r < RESOURCE_COUNT; r++)
        cost[r] = group->idle_cost[r] * part[r];
    a->cpu_cost += cost[RESOURCE_CPU];
    a->ram_cost += cost[RESOURCE_RAM];
    a->gpu_cost += cost[RESOURCE_GPU];
    a->cpu_cost_idle += cost[RESOURCE_CPU];
    a->ram_cost_idle += cost[RESOURCE_RAM];
    a->gpu_cost_idle += cost[RESOURCE_GPU];
    return cost[RESOURCE_CPU] + cost[RESOURCE_RAM] + cost[RESOURCE_GPU];
}

void share_keep(struct share *share, const struct ampql_allocation *a)
{
    uint64_t hash;
    size_t i = find(share, a, &hash);
    double part[RESOURCE_COUNT];
    if (i == INDEX_NONE)
        return;
    parts_of(&share->groups.at[i], a, part);
    for (size_t r = 0; r < RESOURCE_COUNT; r++)
        share->groups.at[i].kept[r] += part[r];
}

void share_scale(const struct share *share, struct ampql_allocation *idle)
{
    const struct share_group *group = find_known(share, idle);
    if (!group || !group->has_costs) /* a node without pods stays whole, as there */
        return;
    idle->cpu_cost *= group->kept[RESOURCE_CPU];
    idle->cpu_core_hours *= group->kept[RESOURCE_CPU];
    idle->ram_cost *= group->kept[RESOURCE_RAM];
    idle->ram_byte_hours *= group->kept[RESOURCE_RAM];
    idle->gpu_cost *= group->kept[RESOURCE_GPU];
    idle->gpu_hours *= group->kept[RESOURCE_GPU];
}

bool share_leave(const struct share *share, struct ampql_allocation *idle)
{
    const struct share_group *group = find_known(share, idle);
    double *const costs[RESOURCE_COUNT] = {&idle->cpu_cost, &idle->ram_cost, &idle->gpu_cost};
    bool is_left = false;
    for (size_t r = 0; r < RESOURCE_COUNT; r++) {
        bool stays = *costs[r] > 0 && (!group || group->cost[r] == 0);
        if (!stays)
            *costs[r] = 0;
        is_left = is_left || stays;
    }
    return is_left;
}
