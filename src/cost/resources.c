/* Cores, bytes and GPUs of each container, from the answers in OpenCost's order: what was
 * allocated, raised to what was requested; later answers overwrite earlier ones. */
#include "cost/model.h"

/* More cores than any machine has: a scrape gone wrong. */
enum { MAX_CORES = 512 };

static double hours_of(const struct ampql_allocation *a)
{
    return allocation_minutes(a) / 60;
}

/* hours of something per hour of the container; 0 when it did not run. */
static double rate_of(const struct ampql_allocation *a, double hours)
{
    return allocation_minutes(a) > 0 ? hours / hours_of(a) : 0;
}

static void cpu_allocated(struct ampql_allocation *a, const struct cost_row *row)
{
    a->cpu_core_hours = (row->value > MAX_CORES ? 0 : row->value) * hours_of(a);
}

static void cpu_requested(struct ampql_allocation *a, const struct cost_row *row)
{
    a->cpu_core_request_average = row->value;
    if (rate_of(a, a->cpu_core_hours) < row->value || rate_of(a, a->cpu_core_hours) > MAX_CORES)
        a->cpu_core_hours = row->value * hours_of(a);
}

static void cpu_used(struct ampql_allocation *a, const struct cost_row *row)
{
    a->cpu_core_usage_average = row->value > MAX_CORES ? 0 : row->value;
}

static void cpu_peak(struct ampql_allocation *a, const struct cost_row *row)
{
    a->cpu_core_usage_max = row->value;
    a->has_usage_max = true;
}

static void ram_allocated(struct ampql_allocation *a, const struct cost_row *row)
{
    a->ram_byte_hours = row->value * hours_of(a);
}

static void ram_requested(struct ampql_allocation *a, const struct cost_row *row)
{
    a->ram_byte_request_average = row->value;
    if (rate_of(a, a->ram_byte_hours) < row->value)
        a->ram_byte_hours = row->value * hours_of(a);
}

static void ram_used(struct ampql_allocation *a, const struct cost_row *row)
{
    a->ram_byte_usage_average = row->value;
}

static void ram_peak(struct ampql_allocation *a, const struct cost_row *row)
{
    a->ram_byte_usage_max = row->value;
    a->has_usage_max = true;
}

static void gpu_used(struct ampql_allocation *a, const struct cost_row *row)
{
    a->gpu_usage_average = row->value;
}

static void gpu_allocated(struct ampql_allocation *a, const struct cost_row *row)
{
    a->gpu_hours = row->value * hours_of(a);
    a->gpu_request_average = row->value;
}

/* One answer and what it does to a container. */
struct step {
    enum cost_query query;
    int unless;    /* skipped when this query has an answer; -1: never */
    bool is_usage; /* the container may be in container_name */
    bool has_node; /* its node is the container's */
    void (*apply)(struct ampql_allocation *a, const struct cost_row *row);
};

static const struct step steps[] = {
    {COST_CPU_ALLOCATED, -1, false, true, cpu_allocated},
    {COST_CPU_REQUESTS, -1, false, true, cpu_requested},
    {COST_CPU_USAGE_AVG, -1, true, false, cpu_used},
    {COST_CPU_USAGE_MAX_RECORDED, -1, true, false, cpu_peak},
    {COST_CPU_USAGE_MAX_SUBQUERY, COST_CPU_USAGE_MAX_RECORDED, true, false, cpu_peak},
    {COST_RAM_ALLOCATED, -1, false, true, ram_allocated},
    {COST_RAM_REQUESTS, -1, false, true, ram_requested},
    {COST_RAM_USAGE_AVG, -1, true, false, ram_used},
    {COST_RAM_USAGE_MAX, -1, true, false, ram_peak},
    {COST_GPU_USAGE_AVG, -1, true, false, gpu_used},
    {COST_GPU_ALLOCATED, -1, false, false, gpu_allocated},
    {COST_GPU_REQUESTED, COST_GPU_ALLOCATED, false, false, gpu_allocated},
};

/* The label, or an older name of it where it is missing or empty. */
static struct str label_or(const struct cost_row *row, const char *name, const char *older)
{
    struct str value = row_label(row, name);
    return value.n || !older ? value : row_label(row, older);
}

static size_t container_find(const struct model *model, const struct str key[4], uint64_t hash)
{
    size_t at;
    for (size_t i = index_first(&model->container_index, hash, &at); i != INDEX_NONE;
         i = index_next(&model->container_index, hash, &at)) {
        const struct ampql_allocation *a = &model->containers.at[i];
        if (str_equal(str_view(a->cluster), key[0]) &&
            str_equal(str_view(a->namespace_name), key[1]) && str_equal(str_view(a->pod), key[2]) &&
            str_equal(str_view(a->container), key[3]))
            return i;
    }
    return INDEX_NONE;
}

/* The pod's container of that name, made when it is new. */
static enum ampql_code container_of(struct model *model, const struct pod *pod,
                                    struct str container, struct ampql_allocation **out,
                                    struct ampql_error *err)
{
    struct str key[] = {pod->cluster, pod->namespace_name, pod->name, container};
    uint64_t hash = key_hash(key, 4);
    size_t i = container_find(model, key, hash);
    if (i == INDEX_NONE) {
        struct ampql_allocation fresh = {
            .cluster = cost_string(pod->cluster),
            .node = cost_string(STR("")),
            .namespace_name = cost_string(pod->namespace_name),
            .pod = cost_string(pod->name),
            .container = set_text(model->set, container),
            .controller = cost_string(STR("")),
            .controller_kind = cost_string(STR("")),
            .provider_id = cost_string(STR("")),
            .window_start_ms = model->params->start_ms,
            .window_end_ms = model->params->end_ms,
            .start_ms = pod->start_ms,
            .end_ms = pod->end_ms,
        };
        i = model->containers.n;
        if (!fresh.container.data || !array_push(&model->containers, model->arena, fresh) ||
            !index_add(&model->container_index, hash, i))
            return fail_nomem(err, "containers");
    }
    *out = &model->containers.at[i];
    return AMPQL_OK;
}

struct left_out {
    struct tally nameless, strangers;
};

static enum ampql_code apply_row(struct model *model, const struct step *step,
                                 const struct cost_row *row, struct left_out *left_out,
                                 struct ampql_error *err)
{
    struct str namespace_name = row_label(row, "namespace");
    struct str pod = label_or(row, "pod", "pod_name");
    struct str container = label_or(row, "container", step->is_usage ? "container_name" : NULL);
    if (!namespace_name.p || !pod.p || !container.p) {
        tally_add(&left_out->nameless, namespace_name, pod);
        return AMPQL_OK;
    }
    size_t i = pod_find(model, row_cluster(row, model->params), namespace_name, pod);
    if (i == INDEX_NONE) {
        tally_add(&left_out->strangers, namespace_name, pod);
        return AMPQL_OK;
    }
    struct ampql_allocation *a = NULL;
    TRY(container_of(model, &model->pods.at[i], container, &a, err));
    step->apply(a, row);
    struct str node = step->has_node ? row_label(row, "node") : (struct str){NULL, 0};
    if (node.p)
        a->node = set_text(model->set, node);
    return !node.p || a->node.data ? AMPQL_OK : fail_nomem(err, "containers");
}

static enum ampql_code warn_left_out(struct model *model, const struct step *step,
                                     const struct left_out *left_out, struct ampql_error *err)
{
    const char *name = query_info[step->query].view.name;
    char namespace_name[100], pod[100];
    const struct tally *strangers = &left_out->strangers;
    if (left_out->nameless.n)
        TRY(model_warn(model, err,
                       "%s: %zu series without a namespace, pod or container label are left out",
                       name, left_out->nameless.n));
    if (strangers->n)
        return model_warn(
            model, err,
            "%s: %zu series of pods that were not seen running are left out, such as pod %s of "
            "namespace %s",
            name, strangers->n, quote_clipped(pod, sizeof pod, strangers->first[1]),
            quote_clipped(namespace_name, sizeof namespace_name, strangers->first[0]));
    return AMPQL_OK;
}

enum ampql_code resources_fold(struct model *model, struct ampql_error *err)
{
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        const struct answer *answer = &model->answers[steps[s].query];
        struct left_out left_out = {0};
        if (steps[s].unless >= 0 && model->answers[steps[s].unless].n > 0)
            continue;
        for (size_t i = 0; i < answer->n; i++)
            TRY(apply_row(model, &steps[s], &answer->rows[i], &left_out, err));
        TRY(warn_left_out(model, &steps[s], &left_out, err));
    }
    return AMPQL_OK;
}
