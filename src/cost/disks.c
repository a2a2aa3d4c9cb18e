/* Disks and load balancers as assets: volumes, what nodes have of their own, and services that have
 * an address. They have no idle costs, but entries among them, and costs that allocations have
 * parts of. */
#include "cost/assets.h"

#define GIB (1024.0 * 1024 * 1024)

/* A larger disk of a node is a mistake of the metric, OpenCost says. */
#define MAX_LOCAL_BYTES (1024 * GIB)

struct disk {
    struct str cluster, name, device;
    double minutes, bytes, cost;
    int64_t start_ms, end_ms;
};

/* By cluster and name. */
struct disks {
    struct {
        ARRAY(struct disk);
    } items;
    struct index index;
    struct arena *work;
};

static uint64_t hash_of(struct str cluster, struct str name)
{
    const struct str key[] = {cluster, name};
    return key_hash(key, 2);
}

/* NULL: there is none. */
static struct disk *disk_find(const struct disks *disks, struct str cluster, struct str name)
{
    uint64_t hash = hash_of(cluster, name);
    size_t at;
    for (size_t i = index_first(&disks->index, hash, &at); i != INDEX_NONE;
         i = index_next(&disks->index, hash, &at))
        if (str_equal(disks->items.at[i].cluster, cluster) &&
            str_equal(disks->items.at[i].name, name))
            return &disks->items.at[i];
    return NULL;
}

/* A disk, made when it is new; NULL when memory is out. */
static struct disk *disk_of(struct disks *disks, struct str cluster, struct str name)
{
    struct disk fresh = {.cluster = cluster, .name = name},
                *known = disk_find(disks, cluster, name);
    if (known)
        return known;
    if (!array_push(&disks->items, disks->work, fresh) ||
        !index_add(&disks->index, hash_of(cluster, name), disks->items.n - 1))
        return NULL;
    return &disks->items.at[disks->items.n - 1];
}

static double span_minutes(const struct disk *disk)
{
    return minutes_between(disk->start_ms, disk->end_ms);
}

/* ---- load balancers */

static struct str balancer_name(const struct cost_row *row, struct arena *work)
{
    struct str space = row_label(row, "namespace"), service = row_label(row, "service_name");
    if (!space.p || !service.p)
        return STR("");
    return join_names(work, space, service);
}

/* An hour's price for as long as the last of its series was seen, and one resolution. */
static double balancer_cost(const struct params *params, const struct disk *balancer, double price)
{
    double resolution = minutes_between(0, params->resolution_ms);
    return balancer->minutes > 0 ? price * ((balancer->minutes + resolution) / 60) : 0;
}

static enum ampql_code find_balancers(struct disks *found, const struct params *params,
                                      const struct answer *answer, struct ampql_error *err)
{
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        struct str name = balancer_name(row, found->work);
        if (name.n == 0 && name.p)
            continue;
        struct disk *balancer = name.p ? disk_of(found, row_cluster(row, params), name) : NULL;
        if (!balancer)
            return fail_nomem(err, "assets");
        balancer->minutes = minutes_between(row->first_ms, row->last_ms);
        row_span(params, row, &balancer->start_ms, &balancer->end_ms);
    }
    return AMPQL_OK;
}

static enum ampql_code price_balancers(struct assets *assets, const struct disks *found,
                                       const struct params *params, const struct answer *answer,
                                       struct ampql_error *err)
{
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        struct str name = balancer_name(row, assets->work), ip = row_label(row, "ingress_ip");
        struct str cluster = row_cluster(row, params);
        struct cost_asset *a;
        if (!name.p)
            return fail_nomem(err, "assets");
        const struct disk *balancer = ip.p ? disk_find(found, cluster, name) : NULL;
        if (!balancer)
            continue;
        TRY(asset_of(assets, cluster, name, params->start_ms, params->end_ms, &a, err));
        a->balancer_cost += balancer_cost(params, balancer, row->value);
        a->is_private = address_is_private(ip);
    }
    return AMPQL_OK;
}

static enum ampql_code fold_balancers(struct assets *assets, struct disks *found,
                                      const struct params *params, const struct answer *answers,
                                      struct ampql_error *err)
{
    TRY(find_balancers(found, params, &answers[COST_LB_ASSET_MINUTES], err));
    for (size_t i = 0; i < found->items.n; i++) {
        const struct disk *balancer = &found->items.at[i];
        struct cost_asset *a;
        TRY(asset_of(assets, balancer->cluster, balancer->name, balancer->start_ms,
                     balancer->end_ms, &a, err));
    }
    return price_balancers(assets, found, params, &answers[COST_LB_PRICE], err);
}

/* ---- disks */

enum { DISK_CLAIMED, DISK_SEEN, DISK_SIZED, DISK_PRICED };

static void set_disk(const struct params *params, struct disk *disk, int step,
                     const struct cost_row *row)
{
    double price = params->custom_prices ? params->prices.storage : row->value;
    switch (step) {
    case DISK_SEEN:
        row_span(params, row, &disk->start_ms, &disk->end_ms);
        disk->minutes = span_minutes(disk);
        break;
    case DISK_SIZED:
        disk->bytes = row->value;
        break;
    case DISK_PRICED:
        disk->cost = price * (disk->bytes / GIB) * (disk->minutes / 60);
        break;
    }
}

static enum ampql_code find_volumes(struct disks *disks, const struct params *params,
                                    const struct answer *answers, struct ampql_error *err)
{
    static const struct {
        enum cost_query query;
        const char *name;
    } steps[] = {[DISK_CLAIMED] = {COST_PVC_INFO, "volumename"},
                 [DISK_SEEN] = {COST_DISK_MINUTES, "persistentvolume"},
                 [DISK_SIZED] = {COST_PV_BYTES, "persistentvolume"},
                 [DISK_PRICED] = {COST_DISK_PRICE, "persistentvolume"}};
    for (int k = 0; k < (int)(sizeof steps / sizeof *steps); k++) {
        const struct answer *answer = &answers[steps[k].query];
        for (size_t i = 0; i < answer->n; i++) {
            const struct cost_row *row = &answer->rows[i];
            struct str name = row_label(row, steps[k].name);
            if (!name.p)
                continue;
            struct disk *disk = disk_of(disks, row_cluster(row, params), name);
            if (!disk)
                return fail_nomem(err, "assets");
            set_disk(params, disk, k, row);
        }
    }
    return AMPQL_OK;
}

/* Of each instance the largest disk. */
static enum ampql_code find_local(struct disks *disks, const struct params *params,
                                  const struct answer *answers, struct ampql_error *err)
{
    const struct answer *sizes = &answers[COST_LOCAL_DISK_BYTES],
                        *costs = &answers[COST_LOCAL_DISK_COST];
    for (size_t i = 0; i < sizes->n; i++) {
        const struct cost_row *row = &sizes->rows[i];
        struct str name = row_label(row, "instance"), device = row_label(row, "device");
        if (!name.p || !device.p || row->value > MAX_LOCAL_BYTES)
            continue;
        struct disk *disk = disk_of(disks, row_cluster(row, params), name);
        if (!disk)
            return fail_nomem(err, "assets");
        if (!disk->device.p || row->value > disk->bytes) {
            disk->device = device;
            disk->bytes = row->value;
        }
    }
    for (size_t i = 0; i < costs->n; i++) {
        const struct cost_row *row = &costs->rows[i];
        struct str name = row_label(row, "instance"), device = row_label(row, "device");
        struct disk *disk = name.p ? disk_find(disks, row_cluster(row, params), name) : NULL;
        if (disk && str_equal(disk->device, device))
            disk->cost = row->value;
    }
    return AMPQL_OK;
}

/* A disk that is called as a node is, is the node's own, and no volume. */
static enum ampql_code keep_disks(struct assets *assets, const struct disks *disks,
                                  const struct params *params, struct ampql_error *err)
{
    for (size_t i = 0; i < disks->items.n; i++) {
        const struct disk *disk = &disks->items.at[i];
        bool has_times = disk->end_ms != 0;
        struct cost_asset *a;
        TRY(asset_of(assets, disk->cluster, disk->name,
                     has_times ? disk->start_ms : params->start_ms,
                     has_times ? disk->end_ms : params->end_ms, &a, err));
        a->volume_cost += a->is_node ? 0 : disk->cost;
    }
    return AMPQL_OK;
}

static enum ampql_code fold_disks(struct assets *assets, struct disks *disks,
                                  const struct params *params, const struct answer *answers,
                                  struct ampql_error *err)
{
    TRY(find_volumes(disks, params, answers, err));
    TRY(find_local(disks, params, answers, err));
    return keep_disks(assets, disks, params, err);
}

/* ---- both */

enum ampql_code balancer_assets_fold(struct assets *assets, const struct params *params,
                                     const struct answer *answers, struct ampql_error *err)
{
    struct disks found = {.work = assets->work};
    index_init(&found.index, &assets->set->alc);
    enum ampql_code code = fold_balancers(assets, &found, params, answers, err);
    index_done(&found.index);
    return code;
}

enum ampql_code disk_assets_fold(struct assets *assets, const struct params *params,
                                 const struct answer *answers, struct ampql_error *err)
{
    struct disks disks = {.work = assets->work};
    index_init(&disks.index, &assets->set->alc);
    enum ampql_code code = fold_disks(assets, &disks, params, answers, err);
    index_done(&disks.index);
    return code;
}
