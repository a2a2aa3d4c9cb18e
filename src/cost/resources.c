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

/* Too many cores to be true count as none. */
static double credible(const struct model *model, double cores)
{
    return cores > MAX_CORES && has_quirk(model, QUIRK_MAX_CORES) ? 0 : cores;
}

static void cpu_allocated(const struct model *model, struct ampql_allocation *a, double v)
{
    a->cpu_core_hours = credible(model, v) * hours_of(a);
}

static void cpu_requested(const struct model *model, struct ampql_allocation *a, double v)
{
    a->cpu_core_request_average = v;
    if (rate_of(a, a->cpu_core_hours) < v)
        a->cpu_core_hours = v * hours_of(a);
    if (rate_of(a, a->cpu_core_hours) > MAX_CORES && has_quirk(model, QUIRK_MAX_CORES))
        a->cpu_core_hours = v * hours_of(a);
}

static void cpu_limited(const struct model *model, struct ampql_allocation *a, double v)
{
    (void)model;
    a->cpu_core_limit_average = v;
}

static void cpu_used(const struct model *model, struct ampql_allocation *a, double v)
{
    a->cpu_core_usage_average = credible(model, v);
}

static void cpu_peak(const struct model *model, struct ampql_allocation *a, double v)
{
    (void)model;
    a->cpu_core_usage_max = v;
    a->has_usage_max = true;
}

static void ram_allocated(const struct model *model, struct ampql_allocation *a, double v)
{
    (void)model;
    a->ram_byte_hours = v * hours_of(a);
}

static void ram_requested(const struct model *model, struct ampql_allocation *a, double v)
{
    (void)model;
    a->ram_byte_request_average = v;
    if (rate_of(a, a->ram_byte_hours) < v)
        a->ram_byte_hours = v * hours_of(a);
}

static void ram_limited(const struct model *model, struct ampql_allocation *a, double v)
{
    (void)model;
    a->ram_byte_limit_average = v;
}

static void ram_used(const struct model *model, struct ampql_allocation *a, double v)
{
    (void)model;
    a->ram_byte_usage_average = v;
}

static void ram_peak(const struct model *model, struct ampql_allocation *a, double v)
{
    (void)model;
    a->ram_byte_usage_max = v;
    a->has_usage_max = true;
}

static void gpu_used(const struct model *model, struct ampql_allocation *a, double v)
{
    (void)model;
    a->gpu_usage_average = v;
}

static void gpu_allocated(const struct model *model, struct ampql_allocation *a, double v)
{
    (void)model;
    a->gpu_hours = v * hours_of(a);
    a->gpu_request_average = v;
}

/* One answer and what it does to a container. */
struct step {
    enum cost_query query;
    int unless;    /* skipped when this query has an answer; -1: never */
    bool is_usage; /* the container may be in container_name */
    bool has_node; /* its node is the container's */
    bool is_cores; /* of which too many are not credible */
    void (*apply)(const struct model *model, struct ampql_allocation *a, double v);
};

static const struct step steps[] = {
    {COST_CPU_ALLOCATED, -1, false, true, true, cpu_allocated},
    {COST_CPU_REQUESTS, -1, false, true, false, cpu_requested},
    {COST_CPU_LIMITS, -1, false, false, false, cpu_limited},
    {COST_CPU_USAGE_AVG, -1, true, false, true, cpu_used},
    {COST_CPU_USAGE_MAX_RECORDED, -1, true, false, false, cpu_peak},
    {COST_CPU_USAGE_MAX_SUBQUERY, COST_CPU_USAGE_MAX_RECORDED, true, false, false, cpu_peak},
    {COST_RAM_ALLOCATED, -1, false, true, false, ram_allocated},
    {COST_RAM_REQUESTS, -1, false, true, false, ram_requested},
    {COST_RAM_LIMITS, -1, false, false, false, ram_limited},
    {COST_RAM_USAGE_AVG, -1, true, false, false, ram_used},
    {COST_RAM_USAGE_MAX, -1, true, false, false, ram_peak},
    {COST_GPU_USAGE_AVG, -1, false, false, false, gpu_used},
    {COST_GPU_ALLOCATED, -1, false, false, false, gpu_allocated},
    {COST_GPU_REQUESTED, COST_GPU_ALLOCATED, false, false, false, gpu_allocated},
};

/* Rows of an answer that did not do what one would expect. */
struct oddities {
    struct tally nameless;   /* without the labels to find a container by */
    struct tally strangers;  /* of pods that were not seen running */
    struct tally incredible; /* too many cores */
    struct tally again;      /* of a container that had another value already */
};

static enum ampql_code apply_to(struct model *model, size_t step, const struct cost_row *row,
                                size_t pod, struct str name, struct oddities *odd,
                                struct ampql_error *err)
{
    struct container *c = NULL;
    TRY(container_of(model, pod, name, &c, err));
    if (c->step == step + 1 && c->value != row->value)
        tally_add(&odd->again, str_view(c->a.container), str_view(c->a.pod));
    c->step = step + 1;
    c->value = row->value;
    if (steps[step].is_cores && row->value > MAX_CORES && has_quirk(model, QUIRK_MAX_CORES))
        tally_add(&odd->incredible, str_view(c->a.container), str_view(c->a.pod));
    steps[step].apply(model, &c->a, row->value);
    struct str node = steps[step].has_node ? row_label(row, "node") : (struct str){NULL, 0};
    if (!node.p)
        return AMPQL_OK;
    c->a.node = set_text(model->set, node);
    model->pods.at[pod].node = str_view(c->a.node);
    return c->a.node.data ? AMPQL_OK : fail_nomem(err, "containers");
}

static enum ampql_code apply_row(struct model *model, size_t step, const struct cost_row *row,
                                 struct oddities *odd, struct ampql_error *err)
{
    struct str namespace_name = row_label(row, "namespace");
    struct str pod = label_or(row, "pod", "pod_name");
    struct str container =
        label_or(row, "container", steps[step].is_usage ? "container_name" : NULL);
    if (!namespace_name.p || !pod.p || !container.p) {
        tally_add(&odd->nameless, namespace_name, pod);
        return AMPQL_OK;
    }
    TRY(pods_find(model, row_cluster(row, model->params), namespace_name, pod, err));
    if (model->found.n == 0)
        tally_add(&odd->strangers, pod, namespace_name);
    for (size_t i = 0; i < model->found.n; i++)
        TRY(apply_to(model, step, row, model->found.at[i], container, odd, err));
    return AMPQL_OK;
}

static enum ampql_code warn_oddities(struct model *model, const char *query,
                                     const struct oddities *odd, struct ampql_error *err)
{
    if (odd->nameless.n)
        TRY(set_warn(model->set, err,
                     "%s: %zu series without a namespace, pod or container label are left out",
                     query, odd->nameless.n));
    TRY(set_warn_tally(model->set, &odd->strangers, query,
                       "series of pods that were not seen running are left out", "pod",
                       "of namespace", err));
    TRY(set_warn_tally(model->set, &odd->incredible, query,
                       "containers have more than 512 cores, which count as 0", "container",
                       "of pod", err));
    return set_warn_tally(model->set, &odd->again, query,
                          "times a container has another value already, and the last counts",
                          "container", "of pod", err);
}

/* Pods that no answer has a container of: they ran, and cost nothing here. */
static enum ampql_code warn_empty(struct model *model, struct ampql_error *err)
{
    struct tally empty = {0};
    for (size_t i = 0; i < model->pods.n; i++)
        if (model->pods.at[i].ncontainers == 0)
            tally_add(&empty, model->pods.at[i].name, model->pods.at[i].namespace_name);
    return set_warn_tally(
        model->set, &empty, query_info[COST_PODS].name,
        "pods ran, but nothing is known of their containers, so they cost nothing", "pod",
        "of namespace", err);
}

enum ampql_code resources_fold(struct model *model, struct ampql_error *err)
{
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        const struct answer *answer = &model->answers[steps[s].query];
        struct oddities odd = {0};
        if (steps[s].unless >= 0 && model->answers[steps[s].unless].n > 0)
            continue;
        for (size_t i = 0; i < answer->n; i++)
            TRY(apply_row(model, s, &answer->rows[i], &odd, err));
        TRY(warn_oddities(model, query_info[steps[s].query].name, &odd, err));
    }
    return warn_empty(model, err);
}
