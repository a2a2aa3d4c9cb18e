/* Parts of assets, as OpenCost's API has them (includeProportionalAssetResourceCosts). */
#include "cost/parts.h"

#include <stdlib.h>

/* ---- of one allocation */

static struct ampql_allocation_asset part_new(struct ampql_string cluster, struct ampql_string name,
                                              const char *type, struct ampql_string provider_id,
                                              bool by_node)
{
    struct ampql_string nothing = cost_string(STR(""));
    return (struct ampql_allocation_asset){
        .cluster = cluster,
        .name = by_node ? name : nothing,
        .type = by_node ? cost_string(str_of(type)) : nothing,
        .provider_id = by_node ? provider_id : nothing,
        .is_cluster = !by_node,
    };
}

enum ampql_code parts_of(struct ampql_allocation *a, bool by_node, struct arena *arena,
                         struct ampql_error *err)
{
    bool has_balancers = a->load_balancer_cost != 0;
    struct ampql_allocation_asset *parts =
        arena_alloc(arena, 1 + a->nvolumes + a->nbalancers, sizeof *parts);
    size_t n = 0;
    if (!parts)
        return fail_nomem(err, "parts of assets");
    parts[n] = part_new(a->cluster, a->node, "Node", a->provider_id, by_node);
    parts[n].cost.cpu = a->cpu_cost + a->cpu_cost_adjustment;
    parts[n].cost.gpu = a->gpu_cost + a->gpu_cost_adjustment;
    parts[n++].cost.ram = a->ram_cost + a->ram_cost_adjustment;
    for (size_t i = 0; has_balancers && i < a->nbalancers; i++) {
        parts[n] = part_new(a->cluster, a->balancers[i].service, "LoadBalancer",
                            cost_string(STR("")), by_node);
        parts[n++].cost.balancer = a->load_balancer_cost + a->load_balancer_cost_adjustment;
    }
    for (size_t i = 0; i < a->nvolumes; i++) {
        const struct ampql_allocation_volume *v = &a->volumes[i];
        parts[n] = part_new(v->cluster, v->name, "PV", v->provider_id, by_node);
        parts[n++].cost.volume = v->cost;
    }
    a->assets = parts;
    a->nassets = n;
    return AMPQL_OK;
}

/* ---- what assets cost in a window */

/* Of one asset, or of all of a cluster: then the name is empty. */
struct whole {
    struct str cluster, name;
    struct ampql_asset_costs costs;
    bool is_private;
    size_t number; /* so that equal ones add up in the order in which they came */
};

struct wholes {
    struct whole *at; /* [n] in the order of cluster and name, each once */
    size_t n;
};

static int compare_names(const struct whole *x, const struct whole *y)
{
    int order = str_compare(x->cluster, y->cluster);
    return order ? order : str_compare(x->name, y->name);
}

static int compare_wholes(const void *a, const void *b)
{
    const struct whole *x = a, *y = b;
    int order = compare_names(x, y);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

void parts_add_costs(struct ampql_asset_costs *sum, const struct ampql_asset_costs *more)
{
    sum->cpu += more->cpu;
    sum->gpu += more->gpu;
    sum->ram += more->ram;
    sum->volume += more->volume;
    sum->balancer += more->balancer;
}

static void merge(struct wholes *all)
{
    size_t n = 0;
    if (all->n)
        qsort(all->at, all->n, sizeof *all->at, compare_wholes);
    for (size_t i = 0; i < all->n; i++) {
        if (n && compare_names(&all->at[n - 1], &all->at[i]) == 0)
            parts_add_costs(&all->at[n - 1].costs, &all->at[i].costs);
        else
            all->at[n++] = all->at[i];
    }
    all->n = n;
}

static void take_assets(struct wholes *all, const struct cost_set *set, bool by_cluster)
{
    for (size_t i = 0; i < set->nassets; i++) {
        const struct cost_asset *a = &set->assets[i];
        struct whole *whole = &all->at[all->n];
        *whole = (struct whole){.cluster = str_view(a->cluster),
                                .name = by_cluster ? STR("") : str_view(a->name),
                                .costs = {.cpu = a->cpu_cost,
                                          .gpu = a->gpu_cost,
                                          .ram = a->ram_cost,
                                          .volume = a->volume_cost,
                                          .balancer = a->balancer_cost},
                                .is_private = a->is_private,
                                .number = all->n};
        all->n++;
    }
}

static bool is_step_of(const struct cost_set *step, const struct bill_window *window)
{
    return step->start_ms >= window->start_ms && step->end_ms <= window->end_ms;
}

static bool is_whole(const struct cost_set *set, const struct bill_window *window)
{
    return set->has_assets && set->start_ms == window->start_ms && set->end_ms == window->end_ms;
}

static enum ampql_code read_wholes(const struct cost_set *set, const struct bill_window *window,
                                   bool by_cluster, struct arena *work, struct wholes *out,
                                   struct ampql_error *err)
{
    bool has_whole = is_whole(set, window);
    size_t n = has_whole ? set->nassets : 0;
    for (size_t i = 0; !has_whole && i < set->nsteps; i++)
        n += is_step_of(set->steps[i], window) ? set->steps[i]->nassets : 0;
    *out = (struct wholes){.at = arena_alloc(work, n, sizeof *out->at)};
    if (!out->at)
        return fail_nomem(err, "parts of assets");
    if (has_whole)
        take_assets(out, set, by_cluster);
    for (size_t i = 0; !has_whole && i < set->nsteps; i++)
        if (is_step_of(set->steps[i], window))
            take_assets(out, set->steps[i], by_cluster);
    merge(out);
    return AMPQL_OK;
}

static const struct whole *find(const struct wholes *all, struct str cluster, struct str name)
{
    struct whole key = {.cluster = cluster, .name = name};
    size_t low = 0, high = all->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(&all->at[middle], &key);
        if (order == 0)
            return &all->at[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- parts of them */

struct filling {
    struct ampql_allocations *bill;
    struct wholes assets, clusters;
    bool shares_balancers;
    double public_cost, private_cost; /* of all load balancers */
};

static double ratio(double cost, double total)
{
    return total > 0 ? cost / total : 0;
}

/* Of the costs of a node, so much is CPU, so much RAM, so much GPUs. */
static double node_part(const struct ampql_allocation_asset *p)
{
    double node = p->total.ram + p->total.cpu + p->total.gpu;
    const double parts[][2] = {
        {p->part.ram, p->total.ram}, {p->part.cpu, p->total.cpu}, {p->part.gpu, p->total.gpu}};
    double sum = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        double weight = parts[i][1] / node;
        sum += weight > 0 ? parts[i][0] * weight : 0;
    }
    return sum;
}

static void set_parts(struct ampql_allocation_asset *p)
{
    p->part = (struct ampql_asset_costs){.cpu = ratio(p->cost.cpu, p->total.cpu),
                                         .gpu = ratio(p->cost.gpu, p->total.gpu),
                                         .ram = ratio(p->cost.ram, p->total.ram),
                                         .volume = ratio(p->cost.volume, p->total.volume),
                                         .balancer = ratio(p->cost.balancer, p->total.balancer)};
    p->node_part = node_part(p);
}

/* All public load balancers are one, and all private ones; what is no load balancer has none. */
static double shared_balancers(const struct filling *f, const struct ampql_allocation *a,
                               const struct ampql_allocation_asset *p)
{
    for (size_t i = 0; i < a->nbalancers; i++) {
        struct str key = str_view(a->balancers[i].key), cluster = str_view(p->cluster);
        bool is_it = str_has_prefix(key, cluster) && key.n == cluster.n + 1 + p->name.size &&
                     key.p[cluster.n] == '/' && str_has_suffix(key, str_view(p->name));
        if (is_it && !p->is_cluster)
            return a->balancers[i].is_private ? f->private_cost : f->public_cost;
    }
    return 0;
}

static void fill_line(struct filling *f, const struct ampql_allocation *a,
                      struct ampql_allocation_asset *parts, struct tally *homeless)
{
    for (size_t i = 0; i < a->nassets; i++) {
        struct ampql_allocation_asset *p = &parts[i];
        bool is_cluster = p->is_cluster || p->name.size == 0;
        const struct whole *whole =
            find(is_cluster ? &f->clusters : &f->assets, str_view(p->cluster), str_view(p->name));
        if (whole)
            p->total = whole->costs;
        else
            tally_add(homeless, str_view(p->name), str_view(p->cluster));
        if (f->shares_balancers && a->nbalancers)
            p->total.balancer = shared_balancers(f, a, p);
        set_parts(p);
    }
}

/* Lines share what is in the set, but parts are a window's own. */
static enum ampql_code fill_lines(struct filling *f, struct ampql_allocation *lines, size_t n,
                                  struct tally *homeless, struct ampql_error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct ampql_allocation *a = &lines[i];
        struct ampql_allocation_asset *parts =
            arena_alloc(&f->bill->arena, a->nassets, sizeof *parts);
        if (!parts)
            return fail_nomem(err, "parts of assets");
        if (a->nassets)
            memcpy(parts, a->assets, a->nassets * sizeof *parts);
        a->assets = parts;
        fill_line(f, a, parts, homeless);
    }
    return AMPQL_OK;
}

static bool is_azure(const struct cost_set *set)
{
    bool is = set->is_azure;
    for (size_t i = 0; i < set->nsteps; i++)
        is = is || set->steps[i]->is_azure;
    return is;
}

static enum ampql_code fill(struct filling *f, struct bill_window *window, struct arena *work,
                            struct ampql_error *err)
{
    const struct cost_set *set = f->bill->set;
    TRY(read_wholes(set, window, false, work, &f->assets, err));
    TRY(read_wholes(set, window, true, work, &f->clusters, err));
    for (size_t i = 0; i < f->assets.n; i++) {
        const struct whole *whole = &f->assets.at[i];
        *(whole->is_private ? &f->private_cost : &f->public_cost) += whole->costs.balancer;
    }
    struct tally of_total = {0}; /* they are counted in the lines */
    TRY(fill_lines(f, window->items, window->n, &f->bill->homeless, err));
    return fill_lines(f, &window->total, 1, &of_total, err);
}

enum ampql_code parts_fill(struct ampql_allocations *bill, const struct aggregate *by,
                           struct bill_window *window, struct ampql_error *err)
{
    struct arena work;
    struct filling f = {.bill = bill,
                        .shares_balancers = by->shares_balancers && is_azure(bill->set)};
    if (!by->has_parts)
        return AMPQL_OK;
    arena_init(&work, &bill->set->alc);
    enum ampql_code code = fill(&f, window, &work, err);
    arena_done(&work);
    return code;
}

enum ampql_code parts_warn(struct ampql_allocations *bill, struct ampql_error *err)
{
    const struct tally *t = &bill->homeless;
    if (t->n == 0)
        return AMPQL_OK;
    return bill_warn(bill, err,
                     "proportional asset costs: %zu parts are of assets without costs, such as "
                     "\"%.*s\" of cluster \"%.*s\", and count as 0",
                     t->n, STR_ARGS(t->first[0]), STR_ARGS(t->first[1]));
}

bool parts_are_known(const struct cost_set *set)
{
    for (size_t i = 0; i < set->nsteps; i++)
        if (!set->steps[i]->has_assets)
            return false;
    return set->nsteps > 0 || set->has_assets;
}

enum ampql_code parts_refuse(struct ampql_error *err)
{
    return fail(err, AMPQL_BAD_DATA,
                "proportional asset costs need what assets cost, expected idle costs to be "
                "computed, too");
}
