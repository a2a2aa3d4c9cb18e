/* Which pods ran in the window, and when: from the first to the last point at which a container of
 * the pod was seen running. Gaps between them do not count. And the containers of each pod, made
 * when an answer first names them. */
#include "cost/model.h"

#include "base/hash.h"

uint64_t key_hash(const struct str *parts, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++)
        h = (h ^ hash_bytes(parts[i].p, parts[i].n)) * UINT64_C(0x9e3779b97f4a7c15);
    return h;
}

/* ---- namespaces */

enum ampql_code namespace_of(struct model *model, struct str cluster, struct str name, size_t *out,
                             struct ampql_error *err)
{
    const struct str key[] = {cluster, name};
    uint64_t hash = key_hash(key, 2);
    size_t at;
    for (size_t i = index_first(&model->namespace_index, hash, &at); i != INDEX_NONE;
         i = index_next(&model->namespace_index, hash, &at)) {
        const struct name_space *ns = &model->namespaces.at[i];
        if (str_equal(ns->cluster, cluster) && str_equal(ns->name, name)) {
            *out = i;
            return AMPQL_OK;
        }
    }
    struct name_space fresh = {.cluster = model_text(model, cluster),
                               .name = model_text(model, name),
                               .first_pod = INDEX_NONE};
    *out = model->namespaces.n;
    if (!fresh.cluster.p || !fresh.name.p || !array_push(&model->namespaces, model->arena, fresh) ||
        !index_add(&model->namespace_index, hash, *out))
        return fail_nomem(err, "namespaces");
    return AMPQL_OK;
}

/* ---- pods */

static size_t pod_find(const struct model *model, const struct str key[3], uint64_t hash)
{
    size_t at;
    for (size_t i = index_first(&model->pod_index, hash, &at); i != INDEX_NONE;
         i = index_next(&model->pod_index, hash, &at)) {
        const struct pod *pod = &model->pods.at[i];
        if (str_equal(pod->cluster, key[0]) && str_equal(pod->namespace_name, key[1]) &&
            str_equal(pod->name, key[2]))
            return i;
    }
    return INDEX_NONE;
}

enum ampql_code pods_find(struct model *model, struct str cluster, struct str namespace_name,
                          struct str name, struct ampql_error *err)
{
    const struct str key[] = {cluster, namespace_name, name};
    model->found.n = 0;
    if (!namespace_name.p || !name.p)
        return AMPQL_OK;
    uint64_t hash = key_hash(key, 3);
    size_t at, only = pod_find(model, key, hash);
    if (only != INDEX_NONE)
        return array_push(&model->found, model->arena, only) ? AMPQL_OK : fail_nomem(err, "pods");
    for (size_t i = index_first(&model->plain_index, hash, &at); i != INDEX_NONE;
         i = index_next(&model->plain_index, hash, &at)) {
        const struct pod *pod = &model->pods.at[i];
        if (str_equal(pod->cluster, cluster) && str_equal(pod->namespace_name, namespace_name) &&
            str_equal(pod->plain_name, name) && !array_push(&model->found, model->arena, i))
            return fail_nomem(err, "pods");
    }
    return AMPQL_OK;
}

/* Strings become the set's: they outlive the answers. */
static bool keep_strings(struct model *model, struct pod *pod)
{
    struct str *const parts[] = {&pod->cluster, &pod->namespace_name, &pod->name, &pod->plain_name};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i] = model_text(model, *parts[i]);
        if (!parts[i]->p)
            return false;
    }
    return true;
}

/* Add a pod that is not there yet; *out is its number. */
static enum ampql_code pod_add(struct model *model, struct pod pod, uint64_t hash, size_t *out,
                               struct ampql_error *err)
{
    size_t ns;
    TRY(namespace_of(model, pod.cluster, pod.namespace_name, &ns, err));
    pod.name_space = ns;
    pod.next = model->namespaces.at[ns].first_pod;
    pod.node = STR("");
    pod.first_container = pod.last_container = INDEX_NONE;
    *out = model->pods.n;
    const struct str plain[] = {pod.cluster, pod.namespace_name, pod.plain_name};
    if (!keep_strings(model, &pod) || !array_push(&model->pods, model->arena, pod) ||
        !index_add(&model->pod_index, hash, *out) ||
        (!str_equal(pod.name, pod.plain_name) &&
         !index_add(&model->plain_index, key_hash(plain, 3), *out)))
        return fail_nomem(err, "pods");
    model->namespaces.at[ns].first_pod = *out;
    return AMPQL_OK;
}

enum ampql_code pod_unmounted(struct model *model, struct str cluster, struct str namespace_name,
                              size_t *out, struct ampql_error *err)
{
    struct str name = STR(NAME_UNMOUNTED), suffix = STR("-unmounted-pvcs");
    struct container *container;
    if (namespace_name.p) {
        char *p = arena_alloc(model->arena, namespace_name.n + suffix.n, 1);
        if (!p)
            return fail_nomem(err, "pods");
        if (namespace_name.n)
            memcpy(p, namespace_name.p, namespace_name.n);
        memcpy(p + namespace_name.n, suffix.p, suffix.n);
        name = str_make(p, namespace_name.n + suffix.n);
    } else {
        namespace_name = STR(NAME_UNMOUNTED);
    }
    const struct str key[] = {cluster, namespace_name, name};
    uint64_t hash = key_hash(key, 3);
    *out = pod_find(model, key, hash);
    struct pod pod = {.cluster = cluster,
                      .namespace_name = namespace_name,
                      .name = name,
                      .plain_name = name,
                      .start_ms = model->params->start_ms,
                      .end_ms = model->params->end_ms};
    if (*out == INDEX_NONE)
        TRY(pod_add(model, pod, hash, out, err));
    return container_of(model, *out, STR(NAME_UNMOUNTED), &container, err);
}

void row_span(const struct params *params, const struct cost_row *row, int64_t *start_ms,
              int64_t *end_ms)
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
    /* With resolutions below 10 s rounding can move a start past the window's end; nothing has
     * negative hours. */
    if (*end_ms < *start_ms)
        *end_ms = *start_ms;
}

/* "NAME UID", in the arena; p is NULL when memory is out. */
static struct str name_with_uid(struct model *model, struct str name, struct str uid)
{
    char *p = arena_alloc(model->arena, name.n + 1 + uid.n, 1);
    if (!p)
        return (struct str){NULL, 0};
    if (name.n)
        memcpy(p, name.p, name.n);
    p[name.n] = ' ';
    if (uid.n)
        memcpy(p + name.n + 1, uid.p, uid.n);
    return str_make(p, name.n + 1 + uid.n);
}

static enum ampql_code add_row(struct model *model, const struct cost_row *row,
                               struct tally *nameless, struct ampql_error *err)
{
    struct pod pod = {
        .cluster = row_cluster(row, model->params),
        .namespace_name = row_label(row, "namespace"),
        .name = row_label(row, "pod"),
    };
    struct str uid = model->params->pod_uids ? row_label(row, "uid") : (struct str){NULL, 0};
    if (!pod.namespace_name.p || !pod.name.p) {
        tally_add(nameless, pod.cluster, pod.name);
        return AMPQL_OK;
    }
    pod.plain_name = pod.name;
    if (uid.p)
        pod.name = name_with_uid(model, pod.name, uid);
    if (!pod.name.p)
        return fail_nomem(err, "pods");
    row_span(model->params, row, &pod.start_ms, &pod.end_ms);
    const struct str key[] = {pod.cluster, pod.namespace_name, pod.name};
    uint64_t hash = key_hash(key, 3);
    size_t known = pod_find(model, key, hash);
    if (known == INDEX_NONE)
        return pod_add(model, pod, hash, &known, err);
    struct pod *old = &model->pods.at[known];
    old->start_ms = pod.start_ms < old->start_ms ? pod.start_ms : old->start_ms;
    old->end_ms = pod.end_ms > old->end_ms ? pod.end_ms : old->end_ms;
    return AMPQL_OK;
}

/* Pods may be told twice, with and without uids: once one has a uid, those without are left out. */
static bool has_uids(const struct answer *answer)
{
    for (size_t i = 0; i < answer->n; i++)
        if (row_label(&answer->rows[i], "uid").p)
            return true;
    return false;
}

enum ampql_code pods_fold(struct model *model, struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_PODS];
    struct tally nameless = {0};
    bool needs_uid = model->params->pod_uids && has_uids(answer);
    if (model->params->pod_uids && !needs_uid && answer->n)
        TRY(set_warn(model->set, err, "Pods: no series has a uid, so pods of one name are one"));
    for (size_t i = 0; i < answer->n; i++)
        if (!needs_uid || row_label(&answer->rows[i], "uid").p)
            TRY(add_row(model, &answer->rows[i], &nameless, err));
    if (nameless.n)
        return set_warn(model->set, err,
                        "Pods: %zu series without a namespace or pod label are left out",
                        nameless.n);
    return AMPQL_OK;
}

/* ---- containers */

static size_t container_find(const struct model *model, size_t pod, struct str name, uint64_t hash)
{
    size_t at;
    for (size_t i = index_first(&model->container_index, hash, &at); i != INDEX_NONE;
         i = index_next(&model->container_index, hash, &at)) {
        const struct container *c = &model->containers.at[i];
        if (c->pod == pod && str_equal(str_view(c->a.container), name))
            return i;
    }
    return INDEX_NONE;
}

enum ampql_code container_of(struct model *model, size_t pod, struct str name,
                             struct container **out, struct ampql_error *err)
{
    struct pod *p = &model->pods.at[pod];
    const struct str key[] = {p->cluster, p->namespace_name, p->name, name};
    uint64_t hash = key_hash(key, 4);
    size_t i = container_find(model, pod, name, hash);
    if (i == INDEX_NONE) {
        struct container fresh = {.a = {.cluster = cost_string(p->cluster),
                                        .node = cost_string(STR("")),
                                        .namespace_name = cost_string(p->namespace_name),
                                        .pod = cost_string(p->name),
                                        .container = set_text(model->set, name),
                                        .controller = cost_string(STR("")),
                                        .controller_kind = cost_string(STR("")),
                                        .provider_id = cost_string(STR("")),
                                        .window_start_ms = model->params->start_ms,
                                        .window_end_ms = model->params->end_ms,
                                        .start_ms = p->start_ms,
                                        .end_ms = p->end_ms},
                                  .pod = pod,
                                  .next = INDEX_NONE};
        i = model->containers.n;
        if (!fresh.a.container.data || !array_push(&model->containers, model->arena, fresh) ||
            !index_add(&model->container_index, hash, i))
            return fail_nomem(err, "containers");
        if (p->ncontainers++)
            model->containers.at[p->last_container].next = i;
        else
            p->first_container = i;
        p->last_container = i;
    }
    *out = &model->containers.at[i];
    return AMPQL_OK;
}

struct container *pod_first(const struct model *model, const struct pod *pod)
{
    return pod->ncontainers ? &model->containers.at[pod->first_container] : NULL;
}

struct container *pod_next(const struct model *model, const struct container *container)
{
    return container->next == INDEX_NONE ? NULL : &model->containers.at[container->next];
}
