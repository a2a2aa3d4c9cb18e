/* The network: bytes of each pod, and what those cost that leave its zone, its region, or for the
 * internet. Answers are of pods; containers share them evenly, and so do pods of one name. */
#include "cost/model.h"

/* An answer in bytes, and where it goes. The last row of a pod counts. */
struct bytes_step {
    enum cost_query query;
    size_t offset; /* in struct ampql_allocation */
};

static const struct bytes_step bytes_steps[] = {
    {COST_NET_TRANSFER, offsetof(struct ampql_allocation, network_transfer_bytes)},
    {COST_NET_RECEIVE, offsetof(struct ampql_allocation, network_receive_bytes)},
};

/* An answer in GiB, the one that has their price, and where the cost goes. */
struct cost_step {
    enum cost_query gib, price;
    size_t offset;
};

static const struct cost_step cost_steps[] = {
    {COST_NET_ZONE_GIB, COST_NET_ZONE_PRICE,
     offsetof(struct ampql_allocation, network_cross_zone_cost)},
    {COST_NET_REGION_GIB, COST_NET_REGION_PRICE,
     offsetof(struct ampql_allocation, network_cross_region_cost)},
    {COST_NET_INTERNET_GIB, COST_NET_INTERNET_PRICE,
     offsetof(struct ampql_allocation, network_internet_cost)},
};

static double *field(struct ampql_allocation *a, size_t offset)
{
    return (double *)((char *)a + offset);
}

/* The pods of a row, in model->found; what finds none is counted. */
static enum ampql_code find(struct model *model, const struct cost_row *row,
                            struct tally *strangers, struct ampql_error *err)
{
    struct str namespace_name = row_label(row, "namespace"), pod = label_or(row, "pod", "pod_name");
    TRY(pods_find(model, row_cluster(row, model->params), namespace_name, pod, err));
    if (model->found.n == 0 && row->value != 0)
        tally_add(strangers, pod, namespace_name);
    return AMPQL_OK;
}

static enum ampql_code warn_strangers(struct model *model, enum cost_query query,
                                      const struct tally *strangers, struct ampql_error *err)
{
    return set_warn_tally(model->set, strangers, query_info[query].name,
                          "series of pods that were not seen running are left out", "pod",
                          "of namespace", err);
}

static enum ampql_code fold_bytes(struct model *model, const struct bytes_step *step,
                                  struct ampql_error *err)
{
    const struct answer *answer = &model->answers[step->query];
    struct tally strangers = {0};
    for (size_t i = 0; i < answer->n; i++) {
        TRY(find(model, &answer->rows[i], &strangers, err));
        double npods = (double)model->found.n;
        for (size_t k = 0; k < model->found.n; k++) {
            const struct pod *pod = &model->pods.at[model->found.at[k]];
            for (struct container *c = pod_first(model, pod); c; c = pod_next(model, c))
                *field(&c->a, step->offset) =
                    answer->rows[i].value / (double)pod->ncontainers / npods;
        }
    }
    return warn_strangers(model, step->query, &strangers, err);
}

/* $ a GiB in a cluster: the last row's, 0 when there is none. */
static double price_in(const struct model *model, enum cost_query query, struct str cluster,
                       bool *is_known)
{
    const struct answer *answer = &model->answers[query];
    for (size_t i = answer->n; i-- > 0;) {
        if (str_equal(row_cluster(&answer->rows[i], model->params), cluster)) {
            *is_known = true;
            return answer->rows[i].value;
        }
    }
    *is_known = false;
    return 0;
}

static enum ampql_code fold_costs(struct model *model, const struct cost_step *step,
                                  struct ampql_error *err)
{
    const struct answer *answer = &model->answers[step->gib];
    struct tally strangers = {0}, unpriced = {0};
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        bool is_priced;
        double price = price_in(model, step->price, row_cluster(row, model->params), &is_priced);
        TRY(find(model, row, &strangers, err));
        if (!is_priced && row->value > 0 && model->found.n)
            tally_add(&unpriced, label_or(row, "pod", "pod_name"), row_cluster(row, model->params));
        double npods = (double)model->found.n;
        for (size_t k = 0; k < model->found.n; k++) {
            const struct pod *pod = &model->pods.at[model->found.at[k]];
            for (struct container *c = pod_first(model, pod); c; c = pod_next(model, c)) {
                double cost = row->value / (double)pod->ncontainers * price / npods;
                *field(&c->a, step->offset) = cost;
                c->a.network_cost += cost;
            }
        }
    }
    TRY(set_warn_tally(model->set, &unpriced, query_info[step->gib].name,
                       "pods sent bytes that have no price and cost nothing", "pod", "of cluster",
                       err));
    return warn_strangers(model, step->gib, &strangers, err);
}

enum ampql_code network_fold(struct model *model, struct ampql_error *err)
{
    for (size_t i = 0; i < sizeof bytes_steps / sizeof *bytes_steps; i++)
        TRY(fold_bytes(model, &bytes_steps[i], err));
    for (size_t i = 0; i < sizeof cost_steps / sizeof *cost_steps; i++)
        TRY(fold_costs(model, &cost_steps[i], err));
    return AMPQL_OK;
}
