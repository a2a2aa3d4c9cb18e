/* Node prices, and what each container cost by them: the node's own prices less discounts, default
 * prices where it has none. */
#include "cost/model.h"

struct str provider_id_of(struct str id)
{
    struct str prefixes[] = {STR("aws://"), STR("gce://")};
    for (size_t p = 0; p < 2; p++) {
        if (!str_has_prefix(id, prefixes[p]))
            continue;
        size_t slashes = 0, i = prefixes[p].n;
        while (i < id.n && slashes < 2)
            slashes += id.p[i++] == '/';
        size_t end = i;
        while (end < id.n && id.p[end] != '/')
            end++;
        if (slashes == 2 && end > i)
            return str_make(id.p + i, end - i);
    }
    return id;
}

static size_t node_find(const struct model *model, struct str cluster, struct str name)
{
    struct str key[] = {cluster, name};
    uint64_t hash = key_hash(key, 2);
    size_t at;
    for (size_t i = index_first(&model->node_index, hash, &at); i != INDEX_NONE;
         i = index_next(&model->node_index, hash, &at))
        if (str_equal(model->nodes.at[i].cluster, cluster) &&
            str_equal(model->nodes.at[i].name, name))
            return i;
    return INDEX_NONE;
}

static enum ampql_code node_add(struct model *model, struct node_price node, size_t *out,
                                struct ampql_error *err)
{
    struct str key[] = {node.cluster, node.name};
    *out = model->nodes.n;
    if (!array_push(&model->nodes, model->arena, node) ||
        !index_add(&model->node_index, key_hash(key, 2), *out))
        return fail_nomem(err, "nodes");
    return AMPQL_OK;
}

static void set_cpu(struct node_price *node, double v)
{
    node->cpu = v;
    node->has_cpu = true;
}

static void set_ram(struct node_price *node, double v)
{
    node->ram = v;
    node->has_ram = true;
}

static void set_gpu(struct node_price *node, double v)
{
    node->gpu = v;
}

static const struct price {
    enum cost_query query;
    void (*set)(struct node_price *node, double v);
} prices[] = {
    {COST_NODE_CPU_PRICE, set_cpu},
    {COST_NODE_RAM_PRICE, set_ram},
    {COST_NODE_GPU_PRICE, set_gpu},
};

static enum ampql_code fold_prices(struct model *model, const struct price *price,
                                   struct ampql_error *err)
{
    const struct answer *answer = &model->answers[price->query];
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        struct node_price fresh = {
            .cluster = row_cluster(row, model->params),
            .name = row_label(row, "node"),
            .type = row_label(row, "instance_type"),
            .provider_id = provider_id_of(row_label(row, "provider_id")),
        };
        bool is_typed = fresh.type.p && row_label(row, "provider_id").p;
        if (!fresh.name.p || (!is_typed && has_quirk(model, QUIRK_UNTYPED_NODES)))
            continue;
        size_t n = node_find(model, fresh.cluster, fresh.name);
        if (n == INDEX_NONE)
            TRY(node_add(model, fresh, &n, err));
        price->set(&model->nodes.at[n], row->value);
    }
    return AMPQL_OK;
}

static void fold_spot(struct model *model)
{
    const struct answer *answer = &model->answers[COST_NODE_IS_SPOT];
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        struct str name = row_label(row, "node");
        size_t n = name.p ? node_find(model, row_cluster(row, model->params), name) : INDEX_NONE;
        if (n != INDEX_NONE && row->value > 0)
            model->nodes.at[n].is_spot = true;
    }
}

/* Sustained use of Google's machines is discounted by their family. */
static double sustained_discount(struct str type, bool is_spot, double discount)
{
    static const struct {
        const char *family;
        double discount;
    } families[] = {{"e2", 0}, {"f1", 0}, {"g1", 0}, {"n2", 0.2}, {"n2d", 0.2}};
    const char *dash = type.n ? memchr(type.p, '-', type.n) : NULL;
    struct str family = dash ? str_make(type.p, (size_t)(dash - type.p)) : type;
    if (is_spot)
        return 0;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (str_equal(family, str_of(families[i].family)))
            return families[i].discount;
    return discount;
}

double node_discount(const struct params *params, struct str type, bool is_spot)
{
    double first = params->discount;
    if (params->provider == AMPQL_COST_GCP)
        first = sustained_discount(type, is_spot, first);
    return 1 - (1 - first) * (1 - params->negotiated_discount);
}

/* Fill in what the node has no price for. */
static void complete(const struct model *model, struct node_price *node, struct tally *defaulted)
{
    const struct params *params = model->params;
    double cpu = node->is_spot ? params->prices.spot_cpu : params->prices.cpu;
    double ram = node->is_spot ? params->prices.spot_ram : params->prices.ram;
    if (params->custom_prices) {
        node->cpu = cpu;
        node->ram = ram;
        node->gpu = node->is_spot && has_quirk(model, QUIRK_FREE_SPOT_GPU) ? params->prices.spot_gpu
                                                                           : params->prices.gpu;
    } else {
        bool is_zero_missing = has_quirk(model, QUIRK_ZERO_PRICE);
        bool lacks_cpu = !node->has_cpu || (node->cpu == 0 && is_zero_missing);
        bool lacks_ram = !node->has_ram || (node->ram == 0 && is_zero_missing);
        if (lacks_cpu || lacks_ram)
            tally_add(defaulted, node->name, node->cluster);
        node->cpu = lacks_cpu ? cpu : node->cpu;
        node->ram = lacks_ram ? ram : node->ram;
    }
    node->is_priced = true;
}

/* The container's node, at default prices when no series has its price. */
static enum ampql_code node_of(struct model *model, const struct ampql_allocation *a, size_t *out,
                               struct tally *unpriced, struct ampql_error *err)
{
    struct str cluster = str_view(a->cluster), name = str_view(a->node);
    *out = node_find(model, cluster, name);
    if (*out != INDEX_NONE)
        return AMPQL_OK;
    const struct ampql_prices *defaults = &model->params->prices;
    struct node_price node = {.cluster = cluster,
                              .name = name,
                              .provider_id = STR(""),
                              .cpu = defaults->cpu,
                              .ram = defaults->ram,
                              .gpu = defaults->gpu,
                              .is_priced = true};
    if (!model->params->custom_prices &&
        (a->cpu_core_hours > 0 || a->ram_byte_hours > 0 || a->gpu_hours > 0))
        tally_add(unpriced, name, cluster);
    return node_add(model, node, out, err);
}

enum ampql_code pricing_fold(struct model *model, struct ampql_error *err)
{
    const char *name = query_info[COST_NODE_CPU_PRICE].name;
    struct tally unpriced = {0}, incomplete = {0};
    for (size_t i = 0; i < sizeof prices / sizeof *prices; i++)
        TRY(fold_prices(model, &prices[i], err));
    fold_spot(model);
    for (size_t i = 0; i < model->nodes.n; i++) {
        struct node_price *node = &model->nodes.at[i];
        double discount = node_discount(model->params, node->type, node->is_spot);
        node->cpu *= 1 - discount;
        node->ram *= 1 - discount;
    }
    for (size_t i = 0; i < model->containers.n; i++) {
        struct ampql_allocation *a = &model->containers.at[i].a;
        size_t n;
        TRY(node_of(model, a, &n, &unpriced, err));
        struct node_price *node = &model->nodes.at[n];
        if (!node->is_priced)
            complete(model, node, &incomplete);
        a->cpu_cost = a->cpu_core_hours * node->cpu;
        a->ram_cost = a->ram_byte_hours / 1024 / 1024 / 1024 * node->ram;
        a->gpu_cost = a->gpu_hours * node->gpu;
        if (node->provider_id.n)
            a->provider_id = set_text(model->set, node->provider_id);
        if (!a->provider_id.data)
            return fail_nomem(err, "containers");
    }
    TRY(set_warn_tally(model->set, &unpriced, name,
                       "nodes have no price series and are billed at default prices", "node",
                       "of cluster", err));
    return set_warn_tally(model->set, &incomplete, name,
                          "nodes have no CPU or no RAM price and are billed at default prices",
                          "node", "of cluster", err);
}
