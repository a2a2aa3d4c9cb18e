/* Idle costs: of each asset what it cost beyond the allocations of its node. Less than nothing
 * where allocations cost more, as they may when pods outlive a node's last scrape, or prices
 * differ. */
#include "cost/model.h"

#include <stdlib.h>

/* What was allocated of an asset. $ */
struct used {
    double cpu_cost, ram_cost, gpu_cost;
};

bool allocation_is_unmounted(const struct ampql_allocation *a)
{
    struct str name = str_view(a->name);
    return memmem(name.p, name.n, NAME_UNMOUNTED, sizeof NAME_UNMOUNTED - 1) != NULL;
}

bool allocation_is_idle(const struct ampql_allocation *a)
{
    struct str name = str_view(a->name);
    return memmem(name.p, name.n, NAME_IDLE, sizeof NAME_IDLE - 1) != NULL;
}

/* The number of a node's asset; SIZE_MAX: it has none. Assets are sorted. */
static size_t place_of(const struct cost_set *set, struct str cluster, struct str node)
{
    size_t low = 0, high = set->nassets;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct cost_asset *a = &set->assets[middle];
        int order = str_compare(str_view(a->cluster), cluster);
        if (order == 0)
            order = str_compare(str_view(a->name), node);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

/* Add up what allocations cost on each asset. */
static enum ampql_code add_used(struct cost_set *set, struct used *used, struct ampql_error *err)
{
    struct tally homeless = {0};
    for (size_t i = 0; i < set->n; i++) {
        const struct ampql_allocation *a = &set->items[i];
        if (allocation_is_unmounted(a))
            continue;
        size_t place = place_of(set, str_view(a->cluster), str_view(a->node));
        if (place != SIZE_MAX) {
            used[place].cpu_cost += a->cpu_cost + a->cpu_cost_adjustment;
            used[place].ram_cost += a->ram_cost + a->ram_cost_adjustment;
            used[place].gpu_cost += a->gpu_cost + a->gpu_cost_adjustment;
        } else if (a->cpu_cost + a->ram_cost + a->gpu_cost > 0) {
            tally_add(&homeless, str_view(a->node), str_view(a->cluster));
        }
    }
    return set_warn_tally(set, &homeless, query_info[COST_ASSET_NODE_MINUTES].name,
                          "allocations are on nodes without costs, which have no idle costs",
                          "node", "of cluster", err);
}

/* "CLUSTER/NODE/__idle__" */
static struct ampql_string idle_name(struct cost_set *set, struct arena *work,
                                     const struct cost_asset *asset)
{
    struct str name = join_names(work, str_view(asset->cluster), str_view(asset->name));
    if (name.p)
        name = join_names(work, name, STR(NAME_IDLE));
    return name.p ? set_text(set, name) : (struct ampql_string){NULL, 0};
}

static enum ampql_code add_idle(struct cost_set *set, const struct used *used, struct arena *work,
                                struct ampql_error *err)
{
    struct ampql_string nothing = cost_string(STR(""));
    size_t n = 0;
    struct ampql_allocation *items = arena_alloc(&set->arena, set->n + set->nassets, sizeof *items);
    if (!items)
        return fail_nomem(err, "idle costs");
    if (set->n)
        memcpy(items, set->items, set->n * sizeof *items);
    for (size_t i = 0; i < set->nassets; i++) {
        const struct cost_asset *asset = &set->assets[i];
        if (!asset->is_node && !set->quirks.is_on[QUIRK_IDLE_OF_DISKS])
            continue;
        struct ampql_allocation *idle = &items[set->n + n++];
        *idle = (struct ampql_allocation){.name = idle_name(set, work, asset),
                                          .cluster = asset->cluster,
                                          .node = asset->name,
                                          .container = nothing,
                                          .controller = nothing,
                                          .controller_kind = nothing,
                                          .namespace_name = nothing,
                                          .pod = nothing,
                                          .provider_id = nothing,
                                          .window_start_ms = set->start_ms,
                                          .window_end_ms = set->end_ms,
                                          .start_ms = asset->start_ms,
                                          .end_ms = asset->end_ms,
                                          .cpu_cost = asset->cpu_cost - used[i].cpu_cost,
                                          .ram_cost = asset->ram_cost - used[i].ram_cost,
                                          .gpu_cost = asset->gpu_cost - used[i].gpu_cost};
        if (!idle->name.data)
            return fail_nomem(err, "idle costs");
        allocation_finish(idle);
    }
    set->items = items;
    set->n += n;
    if (set->n)
        qsort(set->items, set->n, sizeof *set->items, allocation_compare);
    return AMPQL_OK;
}

enum ampql_code idle_fold(struct cost_set *set, struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, &set->alc);
    struct used *used = arena_zeroed(&work, set->nassets, sizeof *used);
    enum ampql_code code = used ? add_used(set, used, err) : fail_nomem(err, "idle costs");
    if (code == AMPQL_OK)
        code = add_idle(set, used, &work, err);
    arena_done(&work);
    return code;
}
