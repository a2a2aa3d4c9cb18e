/* Adding allocations up, as OpenCost does: hours, bytes and costs add, averages are weighted by
 * minutes over the whole span, so that items side by side sum like rates. */
#include "cost/parts.h"
#include "cost/set.h"

#include <stdlib.h>

/* Go counts whole minutes, then the rest in nanoseconds; hours the same. */
double minutes_between(int64_t start_ms, int64_t end_ms)
{
    int64_t ms = end_ms - start_ms;
    return (double)(ms / 60000) + (double)(ms % 60000) * 1e6 / (60 * 1e9);
}

double hours_between(int64_t start_ms, int64_t end_ms)
{
    int64_t ms = end_ms - start_ms;
    return (double)(ms / 3600000) + (double)(ms % 3600000) * 1e6 / (60 * 60 * 1e9);
}

double allocation_minutes(const struct ampql_allocation *a)
{
    return minutes_between(a->start_ms, a->end_ms);
}

static double efficiency(double usage, double request, double cost)
{
    if (request > 0)
        return usage / request;
    return usage == 0 || cost == 0 ? 0 : 1;
}

/* hours of something per hour of the allocation; 0 when it did not run. */
static double per_hour(const struct ampql_allocation *a, double hours)
{
    return a->minutes > 0 ? hours / (a->minutes / 60) : 0;
}

static void finish_volumes(struct ampql_allocation *a)
{
    a->pv_cost = a->pv_byte_hours = 0;
    for (size_t i = 0; i < a->nvolumes; i++) {
        a->pv_cost += a->volumes[i].cost;
        a->pv_byte_hours += a->volumes[i].byte_hours;
    }
}

static void finish_efficiencies(struct ampql_allocation *a)
{
    double cpu = a->cpu_cost + a->cpu_cost_adjustment, ram = a->ram_cost + a->ram_cost_adjustment;
    a->cpu_efficiency =
        efficiency(a->cpu_core_usage_average, a->cpu_core_request_average, a->cpu_cost);
    a->ram_efficiency =
        efficiency(a->ram_byte_usage_average, a->ram_byte_request_average, a->ram_cost);
    a->gpu_efficiency = efficiency(a->gpu_usage_average, a->gpu_request_average, a->gpu_cost);
    a->total_efficiency =
        ram + cpu > 0 ? (a->ram_efficiency * ram + a->cpu_efficiency * cpu) / (cpu + ram) : 0;
}

void allocation_finish(struct ampql_allocation *a)
{
    a->minutes = allocation_minutes(a);
    finish_volumes(a);
    a->cpu_cores = per_hour(a, a->cpu_core_hours);
    a->ram_bytes = per_hour(a, a->ram_byte_hours);
    a->gpu_count = per_hour(a, a->gpu_hours);
    a->pv_bytes = per_hour(a, a->pv_byte_hours);
    a->total_cost = (a->cpu_cost + a->cpu_cost_adjustment) +
                    (a->gpu_cost + a->gpu_cost_adjustment) +
                    (a->ram_cost + a->ram_cost_adjustment) + (a->pv_cost + a->pv_cost_adjustment) +
                    (a->network_cost + a->network_cost_adjustment) +
                    (a->load_balancer_cost + a->load_balancer_cost_adjustment) + a->shared_cost +
                    a->external_cost;
    finish_efficiencies(a);
}

/* ---- names */

struct str allocation_name(const struct ampql_allocation *a, struct arena *arena)
{
    const struct ampql_string parts[] = {a->cluster, a->node, a->namespace_name, a->pod,
                                         a->container};
    enum { N = sizeof parts / sizeof *parts };
    size_t size = N;
    for (size_t i = 0; i < N; i++)
        if (__builtin_add_overflow(size, parts[i].size, &size))
            return (struct str){NULL, 0};
    char *p = arena_alloc(arena, size, 1);
    size_t n = 0;
    for (size_t i = 0; p && i < N; i++) {
        if (i)
            p[n++] = '/';
        if (parts[i].size)
            memcpy(p + n, parts[i].data, parts[i].size);
        n += parts[i].size;
    }
    return (struct str){p, n};
}

int allocation_compare(const void *a, const void *b)
{
    const struct ampql_allocation *x = a, *y = b;
    const struct ampql_string mine[] = {x->name,           x->cluster, x->node,
                                        x->namespace_name, x->pod,     x->container};
    const struct ampql_string its[] = {y->name,           y->cluster, y->node,
                                       y->namespace_name, y->pod,     y->container};
    int order = 0;
    for (size_t i = 0; i < sizeof mine / sizeof *mine && order == 0; i++)
        order = str_compare(str_view(mine[i]), str_view(its[i]));
    return order;
}

/* ---- sums */

static bool is_same(struct ampql_string a, struct ampql_string b)
{
    return str_equal(str_view(a), str_view(b));
}

static void keep_if_same(struct ampql_string *a, struct ampql_string b)
{
    if (!is_same(*a, b))
        *a = cost_string(STR(""));
}

/* Items of one container whose controllers differ keep the one that is known, or comes first. */
static struct ampql_string controller_of(const struct ampql_allocation *a,
                                         const struct ampql_allocation *b)
{
    bool is_one = is_same(a->cluster, b->cluster) && is_same(a->node, b->node) &&
                  is_same(a->namespace_name, b->namespace_name) && is_same(a->pod, b->pod) &&
                  is_same(a->container, b->container);
    int order = str_compare(str_view(a->controller), str_view(b->controller));
    if (order == 0)
        return a->controller;
    if (!is_one)
        return cost_string(STR(""));
    if (a->controller.size == 0 || b->controller.size == 0)
        return a->controller.size ? a->controller : b->controller;
    return order < 0 ? a->controller : b->controller;
}

/* The pairs that both lists have, which are in the order of names; false when memory is out. */
static bool keep_common(const struct ampql_label **labels, size_t *n,
                        const struct ampql_label *others, size_t nothers, struct arena *arena)
{
    const struct ampql_label *mine = *labels;
    struct ampql_label *out = arena_alloc(arena, *n < nothers ? *n : nothers, sizeof *out);
    size_t nout = 0;
    if (!out)
        return false;
    for (size_t i = 0, k = 0; i < *n && k < nothers;) {
        int order = str_compare(str_view(mine[i].name), str_view(others[k].name));
        if (order == 0 && is_same(mine[i].value, others[k].value))
            out[nout++] = mine[i];
        i += order <= 0;
        k += order >= 0;
    }
    *labels = out;
    *n = nout;
    return true;
}

/* Labels and annotations, before namespaces and containers become what both have in common.
 * Unmounted volumes have none, and take none away. */
static bool intersect_metadata(const struct sum *sum, struct ampql_allocation *a,
                               const struct ampql_allocation *b, struct arena *arena)
{
    if (!sum->keeps_metadata || !is_same(a->namespace_name, b->namespace_name)) {
        a->labels = a->annotations = NULL;
        a->nlabels = a->nannotations = 0;
    } else if (str_equal(str_view(a->container), STR(NAME_UNMOUNTED))) {
        a->labels = b->labels;
        a->nlabels = b->nlabels;
        a->annotations = b->annotations;
        a->nannotations = b->nannotations;
    } else if (!str_equal(str_view(b->container), STR(NAME_UNMOUNTED))) {
        return keep_common(&a->labels, &a->nlabels, b->labels, b->nlabels, arena) &&
               keep_common(&a->annotations, &a->nannotations, b->annotations, b->nannotations,
                           arena);
    }
    return true;
}

/* What both have in common. Namespace labels stay while the namespace does: those of the first, or
 * of the second where the first stands for unmounted volumes, which have none. */
static void intersect(struct ampql_allocation *a, const struct ampql_allocation *b)
{
    bool is_here = is_same(a->namespace_name, b->namespace_name);
    if (!is_here || str_equal(str_view(a->container), STR(NAME_UNMOUNTED))) {
        a->namespace_labels = is_here ? b->namespace_labels : NULL;
        a->nnamespace_labels = is_here ? b->nnamespace_labels : 0;
        a->namespace_annotations = is_here ? b->namespace_annotations : NULL;
        a->nnamespace_annotations = is_here ? b->nnamespace_annotations : 0;
    }
    a->services = NULL;
    a->nservices = 0;
    a->controller = controller_of(a, b);
    keep_if_same(&a->controller_kind, b->controller_kind);
    keep_if_same(&a->cluster, b->cluster);
    keep_if_same(&a->node, b->node);
    keep_if_same(&a->namespace_name, b->namespace_name);
    keep_if_same(&a->pod, b->pod);
    keep_if_same(&a->container, b->container);
    keep_if_same(&a->provider_id, b->provider_id);
}

/* Averages, over the minutes of what they are of. */
#define AVERAGES(X)                                                                                \
    X(cpu_core_request_average)                                                                    \
    X(cpu_core_usage_average)                                                                      \
    X(cpu_core_limit_average)                                                                      \
    X(ram_byte_request_average)                                                                    \
    X(ram_byte_usage_average)                                                                      \
    X(ram_byte_limit_average)                                                                      \
    X(gpu_request_average)                                                                         \
    X(gpu_usage_average)

#define TOTALS(X)                                                                                  \
    X(cpu_core_hours)                                                                              \
    X(ram_byte_hours)                                                                              \
    X(gpu_hours)                                                                                   \
    X(network_transfer_bytes)                                                                      \
    X(network_receive_bytes)                                                                       \
    X(cpu_cost)                                                                                    \
    X(cpu_cost_adjustment)                                                                         \
    X(cpu_cost_idle)                                                                               \
    X(ram_cost)                                                                                    \
    X(ram_cost_adjustment)                                                                         \
    X(ram_cost_idle)                                                                               \
    X(gpu_cost)                                                                                    \
    X(gpu_cost_adjustment)                                                                         \
    X(gpu_cost_idle)                                                                               \
    X(network_cost)                                                                                \
    X(network_cross_zone_cost)                                                                     \
    X(network_cross_region_cost)                                                                   \
    X(network_internet_cost)                                                                       \
    X(network_cost_adjustment)                                                                     \
    X(load_balancer_cost)                                                                          \
    X(load_balancer_cost_adjustment)                                                               \
    X(pv_cost_adjustment)                                                                          \
    X(shared_cost)                                                                                 \
    X(external_cost)

static void add_numbers(struct ampql_allocation *sum, const struct ampql_allocation *more)
{
    double minutes = allocation_minutes(sum), its_minutes = allocation_minutes(more);
#define TO_MINUTES(field) sum->field = sum->field * minutes + more->field * its_minutes;
#define TO_AVERAGE(field) sum->field = minutes > 0 ? sum->field / minutes : 0;
#define ADD(field) sum->field += more->field;
    AVERAGES(TO_MINUTES)
    sum->start_ms = more->start_ms < sum->start_ms ? more->start_ms : sum->start_ms;
    sum->end_ms = more->end_ms > sum->end_ms ? more->end_ms : sum->end_ms;
    minutes = allocation_minutes(sum);
    AVERAGES(TO_AVERAGE)
    TOTALS(ADD)
#undef ADD
#undef TO_AVERAGE
#undef TO_MINUTES
}

static bool add_lists(struct sum *sum, const struct ampql_allocation_volume *volumes,
                      size_t nvolumes, const struct ampql_allocation_balancer *balancers,
                      size_t nbalancers, struct arena *arena)
{
    for (size_t i = 0; i < nvolumes; i++) {
        struct volume_part part = {volumes[i], sum->volumes.n};
        if (!array_push(&sum->volumes, arena, part))
            return false;
    }
    for (size_t i = 0; i < nbalancers; i++) {
        struct balancer_part part = {balancers[i], sum->balancers.n};
        if (!array_push(&sum->balancers, arena, part))
            return false;
    }
    return true;
}

void sum_start(struct sum *sum, const struct ampql_allocation *first, const struct cost_set *set)
{
    *sum = (struct sum){.a = *first,
                        .forgets = set->quirks.is_on[QUIRK_MERGE_FORGETS],
                        .nvolumes = first->nvolumes,
                        .nbalancers = first->nbalancers};
}

enum ampql_code sum_lists(struct sum *sum, const struct ampql_allocation_volume *volumes,
                          size_t nvolumes, const struct ampql_allocation_balancer *balancers,
                          size_t nbalancers, struct arena *arena, struct ampql_error *err)
{
    sum->nvolumes += nvolumes;
    sum->nbalancers += nbalancers;
    return add_lists(sum, volumes, nvolumes, balancers, nbalancers, arena)
               ? AMPQL_OK
               : fail_nomem(err, "a sum");
}

enum ampql_code sum_shared(struct sum *sum, const struct ampql_allocation_shared *shared, size_t n,
                           double part, struct arena *arena, struct ampql_error *err)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < sum->shared.n && !is_same(sum->shared.at[k].name, shared[i].name))
            k++;
        if (k == sum->shared.n &&
            !array_push(&sum->shared, arena,
                        ((struct ampql_allocation_shared){.name = shared[i].name})))
            return fail_nomem(err, "a sum");
        struct ampql_allocation_shared *to = &sum->shared.at[k];
        to->total_cost += part * shared[i].total_cost;
        to->cpu_cost += part * shared[i].cpu_cost;
        to->gpu_cost += part * shared[i].gpu_cost;
        to->ram_cost += part * shared[i].ram_cost;
        to->volume_cost += part * shared[i].volume_cost;
        to->network_cost += part * shared[i].network_cost;
        to->balancer_cost += part * shared[i].balancer_cost;
        to->external_cost += part * shared[i].external_cost;
    }
    return AMPQL_OK;
}

/* Parts of the first as they are; one without a name that is added counts as the cluster's, as
 * there. */
static bool add_assets(struct sum *sum, const struct ampql_allocation *a, bool is_first,
                       struct arena *arena)
{
    for (size_t i = 0; i < a->nassets; i++) {
        struct asset_part part = {a->assets[i], sum->assets.n};
        if (!is_first && part.asset.name.size == 0) {
            part.asset.is_cluster = true;
            part.asset.type = part.asset.provider_id = cost_string(STR(""));
        }
        if (!array_push(&sum->assets, arena, part))
            return false;
    }
    return true;
}

enum ampql_code sum_add(struct sum *sum, const struct ampql_allocation *more, struct arena *arena,
                        struct ampql_error *err)
{
    struct ampql_allocation *a = &sum->a;
    bool ok =
        add_lists(sum, a->volumes, a->nvolumes, a->balancers, a->nbalancers, arena) &&
        add_lists(sum, more->volumes, more->nvolumes, more->balancers, more->nbalancers, arena);
    if (!ok)
        return fail_nomem(err, "a sum");
    a->volumes = NULL; /* theirs are in the sum's lists now */
    a->balancers = NULL;
    a->nvolumes = a->nbalancers = 0;
    TRY(sum_shared(sum, a->shared, a->nshared, 1, arena, err));
    TRY(sum_shared(sum, more->shared, more->nshared, 1, arena, err));
    a->shared = NULL;
    a->nshared = 0;
    if (!add_assets(sum, a, true, arena) || !add_assets(sum, more, false, arena))
        return fail_nomem(err, "a sum");
    a->assets = NULL;
    a->nassets = 0;
    if (!intersect_metadata(sum, a, more, arena))
        return fail_nomem(err, "a sum");
    intersect(a, more);
    add_numbers(a, more);
    if (more->window_start_ms < a->window_start_ms)
        a->window_start_ms = more->window_start_ms;
    if (more->window_end_ms > a->window_end_ms)
        a->window_end_ms = more->window_end_ms;
    a->has_usage_max = false;
    a->cpu_core_usage_max = a->ram_byte_usage_max = 0;
    return AMPQL_OK;
}

/* ---- lists, merged at the end */

static int by_volume(const void *a, const void *b)
{
    const struct volume_part *x = a, *y = b;
    int order = str_compare(str_view(x->volume.cluster), str_view(y->volume.cluster));
    if (order == 0)
        order = str_compare(str_view(x->volume.name), str_view(y->volume.name));
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static int by_balancer(const void *a, const void *b)
{
    const struct balancer_part *x = a, *y = b;
    int order = str_compare(str_view(x->balancer.key), str_view(y->balancer.key));
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static bool merge_volumes(struct sum *sum, struct arena *arena)
{
    struct ampql_allocation_volume *out = arena_alloc(arena, sum->volumes.n, sizeof *out);
    size_t n = 0;
    if (!out)
        return false;
    qsort(sum->volumes.at, sum->volumes.n, sizeof *sum->volumes.at, by_volume);
    for (size_t i = 0; i < sum->volumes.n; i++) {
        const struct ampql_allocation_volume *v = &sum->volumes.at[i].volume;
        if (n == 0 || !is_same(out[n - 1].cluster, v->cluster) ||
            !is_same(out[n - 1].name, v->name)) {
            out[n] = *v;
            if (sum->forgets && sum->volumes.at[i].number >= sum->nvolumes)
                out[n].provider_id = cost_string(STR(""));
            n++;
            continue;
        }
        out[n - 1].byte_hours += v->byte_hours;
        out[n - 1].cost += v->cost;
        out[n - 1].cost_adjustment += v->cost_adjustment;
        keep_if_same(&out[n - 1].provider_id, v->provider_id);
    }
    sum->a.volumes = out;
    sum->a.nvolumes = n;
    return true;
}

static bool merge_balancers(struct sum *sum, struct arena *arena)
{
    struct ampql_allocation_balancer *out = arena_alloc(arena, sum->balancers.n, sizeof *out);
    size_t n = 0;
    if (!out)
        return false;
    qsort(sum->balancers.at, sum->balancers.n, sizeof *sum->balancers.at, by_balancer);
    for (size_t i = 0; i < sum->balancers.n; i++) {
        const struct ampql_allocation_balancer *b = &sum->balancers.at[i].balancer;
        if (n == 0 || !is_same(out[n - 1].key, b->key)) {
            out[n] = *b;
            if (sum->forgets && sum->balancers.at[i].number >= sum->nbalancers) {
                out[n].ip = cost_string(STR(""));
                out[n].is_private = false;
            }
            n++;
            continue;
        }
        out[n - 1].hours += b->hours;
        out[n - 1].cost += b->cost;
        out[n - 1].cost_adjustment += b->cost_adjustment;
    }
    sum->a.balancers = out;
    sum->a.nbalancers = n;
    return true;
}

static int by_asset(const void *a, const void *b)
{
    const struct asset_part *x = a, *y = b;
    int order = str_compare(str_view(x->asset.cluster), str_view(y->asset.cluster));
    if (order == 0)
        order = y->asset.is_cluster - x->asset.is_cluster;
    if (order == 0)
        order = str_compare(str_view(x->asset.name), str_view(y->asset.name));
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

/* Of one asset: what was first names it. Pieces that were added up may have forgotten the id of a
 * volume (QUIRK_MERGE_FORGETS), and the first that has one gives it. */
static bool merge_assets(struct sum *sum, struct arena *arena)
{
    struct ampql_allocation_asset *out = arena_alloc(arena, sum->assets.n, sizeof *out);
    size_t n = 0;
    if (!out)
        return false;
    qsort(sum->assets.at, sum->assets.n, sizeof *sum->assets.at, by_asset);
    for (size_t i = 0; i < sum->assets.n; i++) {
        const struct ampql_allocation_asset *p = &sum->assets.at[i].asset;
        if (n == 0 || !is_same(out[n - 1].cluster, p->cluster) ||
            out[n - 1].is_cluster != p->is_cluster || !is_same(out[n - 1].name, p->name)) {
            out[n++] = *p;
            continue;
        }
        if (out[n - 1].provider_id.size == 0)
            out[n - 1].provider_id = p->provider_id;
        parts_add_costs(&out[n - 1].cost, &p->cost);
    }
    sum->a.assets = out;
    sum->a.nassets = n;
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct ampql_allocation_shared *x = a, *y = b;
    return str_compare(str_view(x->name), str_view(y->name));
}

static bool sort_shared(struct sum *sum, struct arena *arena)
{
    struct ampql_allocation_shared *out = arena_alloc(arena, sum->shared.n, sizeof *out);
    if (!out)
        return false;
    memcpy(out, sum->shared.at, sum->shared.n * sizeof *out);
    qsort(out, sum->shared.n, sizeof *out, by_name);
    sum->a.shared = out;
    sum->a.nshared = sum->shared.n;
    return true;
}

/* The sum's own lists are in the arena where it grew. */
static bool copy_labels(const struct ampql_label **labels, size_t n, struct arena *arena)
{
    struct ampql_label *out = n ? arena_alloc(arena, n, sizeof *out) : NULL;
    if (out)
        memcpy(out, *labels, n * sizeof *out);
    *labels = out;
    return out || n == 0;
}

enum ampql_code sum_end(struct sum *sum, struct arena *arena, struct ampql_error *err)
{
    if ((sum->volumes.n && !merge_volumes(sum, arena)) ||
        (sum->balancers.n && !merge_balancers(sum, arena)) ||
        (sum->shared.n && !sort_shared(sum, arena)) ||
        (sum->a.nassets && !add_assets(sum, &sum->a, true, arena)) ||
        (sum->assets.n && !merge_assets(sum, arena)) ||
        (sum->keeps_metadata && (!copy_labels(&sum->a.labels, sum->a.nlabels, arena) ||
                                 !copy_labels(&sum->a.annotations, sum->a.nannotations, arena))))
        return fail_nomem(err, "a sum");
    allocation_finish(&sum->a);
    return AMPQL_OK;
}
