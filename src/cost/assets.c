/* Assets: what nodes cost for as long as they were there. Idle costs are what of this nobody was
 * allocated.
 *
 * A node's prices and hours are those of one machine, told by its provider id; its capacity is that
 * of its name. Machines of one name are one asset. */
#include "cost/assets.h"

#include <stdlib.h>

struct machine {
    struct str cluster, name, provider_id, type;
    double cpu_price, ram_price, gpu_price; /* $ an hour: of a core, a GiB, a GPU */
    double ngpus;
    double cores, bytes;
    bool has_cpu, has_ram, has_gpu, has_ngpus, has_cores, has_bytes;
    bool is_spot;
    bool is_active; /* it has times */
    bool is_hidden; /* a machine of nobody's: Fargate */
    bool is_azure;
    int64_t start_ms, end_ms;
};

struct machines {
    struct cost_set *set;
    const struct params *params;
    const struct answer *answers;
    struct arena *work;
    struct {
        ARRAY(struct machine);
    } items;
    struct index by_id, by_name;
};

/* ---- machines, by provider id */

static size_t find(const struct machines *all, const struct str key[3])
{
    uint64_t hash = key_hash(key, 3);
    size_t at;
    for (size_t i = index_first(&all->by_id, hash, &at); i != INDEX_NONE;
         i = index_next(&all->by_id, hash, &at)) {
        const struct machine *m = &all->items.at[i];
        if (str_equal(m->cluster, key[0]) && str_equal(m->name, key[1]) &&
            str_equal(m->provider_id, key[2]))
            return i;
    }
    return INDEX_NONE;
}

/* The machine of a row, made when it is new; NULL: the row names no node. */
static enum ampql_code machine_of(struct machines *all, const struct cost_row *row,
                                  struct machine **out, struct ampql_error *err)
{
    struct str id = row_label(row, "provider_id");
    const struct str key[] = {row_cluster(row, all->params), row_label(row, "node"),
                              provider_id_of(id.p ? id : STR(""))};
    *out = NULL;
    if (!key[1].p)
        return AMPQL_OK;
    size_t i = find(all, key);
    if (i == INDEX_NONE) {
        struct machine fresh = {.cluster = key[0], .name = key[1], .provider_id = key[2]};
        i = all->items.n;
        if (!array_push(&all->items, all->work, fresh) ||
            !index_add(&all->by_id, key_hash(key, 3), i) ||
            !index_add(&all->by_name, key_hash(key, 2), i))
            return fail_nomem(err, "assets");
    }
    *out = &all->items.at[i];
    return AMPQL_OK;
}

static void set_cpu(struct machine *m, double v)
{
    m->cpu_price = v;
    m->has_cpu = true;
}

static void set_ram(struct machine *m, double v)
{
    m->ram_price = v;
    m->has_ram = true;
}

static void set_gpu(struct machine *m, double v)
{
    m->gpu_price = v;
    m->has_gpu = true;
}

static void set_ngpus(struct machine *m, double v)
{
    m->ngpus = v;
    m->has_ngpus = true;
}

static void set_spot(struct machine *m, double v)
{
    m->is_spot = v > 0;
}

static const struct {
    enum cost_query query;
    void (*set)(struct machine *m, double v);
} by_id[] = {
    {COST_NODE_CPU_PRICE, set_cpu}, {COST_NODE_RAM_PRICE, set_ram},
    {COST_NODE_GPU_PRICE, set_gpu}, {COST_ASSET_GPU_COUNT, set_ngpus},
    {COST_ASSET_IS_SPOT, set_spot},
};

static enum ampql_code fold_by_id(struct machines *all, struct ampql_error *err)
{
    for (size_t k = 0; k < sizeof by_id / sizeof *by_id; k++) {
        const struct answer *answer = &all->answers[by_id[k].query];
        for (size_t i = 0; i < answer->n; i++) {
            struct machine *m;
            struct str type = row_label(&answer->rows[i], "instance_type");
            TRY(machine_of(all, &answer->rows[i], &m, err));
            if (!m)
                continue;
            by_id[k].set(m, answer->rows[i].value);
            if (type.p && !m->type.p)
                m->type = type;
        }
    }
    return AMPQL_OK;
}

static enum ampql_code fold_times(struct machines *all, struct ampql_error *err)
{
    const struct answer *answer = &all->answers[COST_ASSET_NODE_MINUTES];
    for (size_t i = 0; i < answer->n; i++) {
        struct machine *m;
        TRY(machine_of(all, &answer->rows[i], &m, err));
        if (!m)
            continue;
        row_span(all->params, &answer->rows[i], &m->start_ms, &m->end_ms);
        m->is_active = true;
    }
    return AMPQL_OK;
}

/* ---- what is known by the node's name */

static void set_cores(struct machine *m, const struct cost_row *row)
{
    m->cores = row->value;
    m->has_cores = true;
}

static void set_bytes(struct machine *m, const struct cost_row *row)
{
    m->bytes = row->value;
    m->has_bytes = true;
}

static void set_labels(struct machine *m, const struct cost_row *row)
{
    m->is_hidden =
        str_equal(row_label(row, "label_eks_amazonaws_com_compute_type"), STR("fargate"));
    m->is_azure = row_label(row, "label_kubernetes_azure_com_cluster").p != NULL;
}

static const struct {
    enum cost_query query;
    void (*set)(struct machine *m, const struct cost_row *row);
} by_name[] = {
    {COST_ASSET_CPU_CAPACITY, set_cores},
    {COST_ASSET_RAM_CAPACITY, set_bytes},
    {COST_ASSET_NODE_LABELS, set_labels},
};

static void fold_by_name(struct machines *all)
{
    for (size_t k = 0; k < sizeof by_name / sizeof *by_name; k++) {
        const struct answer *answer = &all->answers[by_name[k].query];
        for (size_t i = 0; i < answer->n; i++) {
            const struct cost_row *row = &answer->rows[i];
            const struct str key[] = {row_cluster(row, all->params), row_label(row, "node")};
            uint64_t hash = key_hash(key, 2);
            size_t at;
            for (size_t m = index_first(&all->by_name, hash, &at); m != INDEX_NONE && key[1].p;
                 m = index_next(&all->by_name, hash, &at))
                if (str_equal(all->items.at[m].cluster, key[0]) &&
                    str_equal(all->items.at[m].name, key[1]))
                    by_name[k].set(&all->items.at[m], row);
        }
    }
}

/* ---- costs */

/* Google gives small machines parts of cores, and says they are whole. */
static double true_cores(const struct machine *m)
{
    static const struct {
        const char *type;
        double cores;
    } small[] = {{"e2-micro", 0.25}, {"e2-small", 0.5}, {"e2-medium", 1}};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        if (str_equal(m->type, str_of(small[i].type)))
            return small[i].cores;
    return m->cores;
}

static void use_custom_prices(const struct params *params, struct machine *m)
{
    const struct ampql_prices *p = &params->prices;
    bool is_free = params->quirks.is_on[QUIRK_FREE_SPOT_GPU];
    m->cpu_price = m->is_spot ? p->spot_cpu : p->cpu;
    m->ram_price = m->is_spot ? p->spot_ram : p->ram;
    m->gpu_price = m->is_spot && is_free ? p->spot_gpu : p->gpu;
}

/* Prices times hours times what there is of it; a machine without hours costs its prices alone, as
 * OpenCost has it. */
static void cost_of(const struct params *params, struct machine *m, struct cost_asset *out)
{
    bool is_timeless = !m->is_active && params->quirks.is_on[QUIRK_TIMELESS_NODES];
    double hours = m->is_active ? minutes_between(m->start_ms, m->end_ms) / 60 : 0;
    double cores = m->has_cores ? m->cores : 1, bytes = m->has_bytes ? m->bytes : 1;
    double kept = 1 - node_discount(params, m->type.p ? m->type : STR(""), m->is_spot);
    if (params->custom_prices)
        use_custom_prices(params, m);
    double ram_price = m->ram_price / 1024 / 1024 / 1024;
    double gpu_price = m->has_ngpus ? m->gpu_price * m->ngpus : 0;
    double cpu = is_timeless ? m->cpu_price : m->cpu_price * hours * cores;
    double ram = is_timeless ? ram_price : ram_price * hours * bytes;
    if (m->has_cores && m->cores > 0)
        cpu *= true_cores(m) / m->cores;
    out->cpu_cost += m->has_cpu ? cpu * kept : 0;
    out->ram_cost += m->has_ram ? ram * kept : 0;
    out->gpu_cost += m->has_gpu ? (is_timeless ? gpu_price : gpu_price * hours) : 0;
}

/* ---- assets, by cluster and name */

enum ampql_code asset_of(struct assets *assets, struct str cluster, struct str name,
                         int64_t start_ms, int64_t end_ms, struct cost_asset **out,
                         struct ampql_error *err)
{
    const struct str key[] = {cluster, name};
    uint64_t hash = key_hash(key, 2);
    size_t at;
    for (size_t i = index_first(&assets->index, hash, &at); i != INDEX_NONE;
         i = index_next(&assets->index, hash, &at)) {
        struct cost_asset *a = &assets->items.at[i];
        if (!str_equal(str_view(a->cluster), cluster) || !str_equal(str_view(a->name), name))
            continue;
        *out = a;
        return AMPQL_OK;
    }
    struct cost_asset fresh = {.cluster = set_text(assets->set, cluster),
                               .name = set_text(assets->set, name),
                               .start_ms = start_ms,
                               .end_ms = end_ms};
    if (!fresh.cluster.data || !fresh.name.data ||
        !array_push(&assets->items, assets->work, fresh) ||
        !index_add(&assets->index, hash, assets->items.n - 1))
        return fail_nomem(err, "assets");
    *out = &assets->items.at[assets->items.n - 1];
    return AMPQL_OK;
}

static enum ampql_code fold_machines(struct machines *all, struct assets *assets,
                                     struct ampql_error *err)
{
    const struct params *params = all->params;
    struct tally timeless = {0}, coreless = {0};
    for (size_t i = 0; i < all->items.n; i++) {
        struct machine *m = &all->items.at[i];
        struct cost_asset *a;
        if (m->is_hidden)
            continue;
        if (!m->is_active) {
            m->start_ms = params->start_ms;
            m->end_ms = params->end_ms;
            if (m->has_cpu || m->has_ram)
                tally_add(&timeless, m->name, m->cluster);
        } else if (!m->has_cores || !m->has_bytes) {
            tally_add(&coreless, m->name, m->cluster);
        }
        TRY(asset_of(assets, m->cluster, m->name, m->start_ms, m->end_ms, &a, err));
        a->is_node = true;
        all->set->is_azure |= m->is_azure;
        a->start_ms = m->start_ms < a->start_ms ? m->start_ms : a->start_ms;
        a->end_ms = m->end_ms > a->end_ms ? m->end_ms : a->end_ms;
        cost_of(params, m, a);
    }
    TRY(set_warn_tally(all->set, &timeless, query_info[COST_ASSET_NODE_MINUTES].name,
                       "nodes have prices but no hours, so no idle cost to speak of", "node",
                       "of cluster", err));
    return set_warn_tally(all->set, &coreless, query_info[COST_ASSET_CPU_CAPACITY].name,
                          "nodes have no capacity of CPU or RAM, which counts as 1", "node",
                          "of cluster", err);
}

static int compare(const void *a, const void *b)
{
    const struct cost_asset *x = a, *y = b;
    int order = str_compare(str_view(x->cluster), str_view(y->cluster));
    return order ? order : str_compare(str_view(x->name), str_view(y->name));
}

static enum ampql_code fold(struct machines *all, struct assets *assets, struct ampql_error *err)
{
    struct cost_set *set = all->set;
    TRY(fold_by_id(all, err));
    TRY(fold_times(all, err));
    fold_by_name(all);
    TRY(fold_machines(all, assets, err));
    TRY(balancer_assets_fold(assets, all->params, all->answers, err));
    TRY(disk_assets_fold(assets, all->params, all->answers, err));
    set->has_assets = true;
    set->nassets = assets->items.n;
    set->assets = arena_alloc(&set->arena, set->nassets, sizeof *set->assets);
    if (!set->assets)
        return fail_nomem(err, "assets");
    if (set->nassets) {
        memcpy(set->assets, assets->items.at, set->nassets * sizeof *set->assets);
        qsort(set->assets, set->nassets, sizeof *set->assets, compare);
    }
    return AMPQL_OK;
}

enum ampql_code assets_fold(struct cost_set *set, const struct params *params,
                            const struct answer *answers, struct ampql_error *err)
{
    struct arena work;
    struct machines all = {.set = set, .params = params, .answers = answers, .work = &work};
    struct assets assets = {.set = set, .work = &work};
    arena_init(&work, &set->alc);
    index_init(&all.by_id, &set->alc);
    index_init(&all.by_name, &set->alc);
    index_init(&assets.index, &set->alc);
    enum ampql_code code = fold(&all, &assets, err);
    index_done(&assets.index);
    index_done(&all.by_name);
    index_done(&all.by_id);
    arena_done(&work);
    return code;
}
