/* Which pods ran in the window, and when: from the first to the last point at which a container of
 * the pod was seen running. Gaps between them do not count. */
#include "cost/model.h"

#include "base/hash.h"

uint64_t key_hash(const struct str *parts, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++)
        h = (h ^ hash_bytes(parts[i].p, parts[i].n)) * UINT64_C(0x9e3779b97f4a7c15);
    return h;
}

size_t pod_find(const struct model *model, struct str cluster, struct str namespace_name,
                struct str name)
{
    struct str key[] = {cluster, namespace_name, name};
    uint64_t hash = key_hash(key, 3);
    size_t at;
    for (size_t i = index_first(&model->pod_index, hash, &at); i != INDEX_NONE;
         i = index_next(&model->pod_index, hash, &at)) {
        const struct pod *pod = &model->pods.at[i];
        if (str_equal(pod->cluster, cluster) && str_equal(pod->namespace_name, namespace_name) &&
            str_equal(pod->name, name))
            return i;
    }
    return INDEX_NONE;
}

/* A single point stands for one resolution around it; nothing reaches out of the window. */
static void start_and_end(const struct params *params, const struct cost_row *row,
                          int64_t *start_ms, int64_t *end_ms)
{
    int64_t start = row->first_ms, end = row->last_ms, half = params->resolution_ms / 2;
    if (start == end) {
        if (__builtin_sub_overflow(start, half, &start))
            start = INT64_MIN;
        if (__builtin_add_overflow(end, half, &end))
            end = INT64_MAX;
    }
    *start_ms = start > params->start_ms ? start : params->start_ms;
    *end_ms = end < params->end_ms ? end : params->end_ms;
    /* With resolutions below 10 s rounding can move a start past the window's end; no pod has
     * negative hours. */
    if (*end_ms < *start_ms)
        *end_ms = *start_ms;
}

/* The pod's strings become the set's: they outlive the answers. */
static bool keep_key(struct model *model, struct pod *pod)
{
    struct str *const parts[] = {&pod->cluster, &pod->namespace_name, &pod->name};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i] = str_view(set_text(model->set, *parts[i]));
        if (!parts[i]->p)
            return false;
    }
    return true;
}

static enum ampql_code add_pod(struct model *model, const struct cost_row *row,
                               struct tally *nameless, struct ampql_error *err)
{
    struct pod pod = {
        .cluster = row_cluster(row, model->params),
        .namespace_name = row_label(row, "namespace"),
        .name = row_label(row, "pod"),
    };
    if (!pod.namespace_name.p || !pod.name.p) {
        tally_add(nameless, pod.cluster, pod.name);
        return AMPQL_OK;
    }
    start_and_end(model->params, row, &pod.start_ms, &pod.end_ms);
    size_t known = pod_find(model, pod.cluster, pod.namespace_name, pod.name);
    if (known != INDEX_NONE) {
        struct pod *old = &model->pods.at[known];
        old->start_ms = pod.start_ms < old->start_ms ? pod.start_ms : old->start_ms;
        old->end_ms = pod.end_ms > old->end_ms ? pod.end_ms : old->end_ms;
        return AMPQL_OK;
    }
    struct str key[] = {pod.cluster, pod.namespace_name, pod.name};
    if (!keep_key(model, &pod) || !array_push(&model->pods, model->arena, pod) ||
        !index_add(&model->pod_index, key_hash(key, 3), model->pods.n - 1))
        return fail_nomem(err, "pods");
    return AMPQL_OK;
}

enum ampql_code pods_fold(struct model *model, struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_PODS];
    struct tally nameless = {0};
    for (size_t i = 0; i < answer->n; i++)
        TRY(add_pod(model, &answer->rows[i], &nameless, err));
    if (nameless.n)
        return model_warn(model, err,
                          "Pods: %zu series without a namespace or pod label are left out",
                          nameless.n);
    return AMPQL_OK;
}
