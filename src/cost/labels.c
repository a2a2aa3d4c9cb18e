/* Labels and annotations: those of pods over those of their namespaces over those of their nodes.
 *
 * A metric such as kube_pod_labels carries an object's labels as its own, named label_...; several
 * series of one object, from before and after a change, are laid over each other. */
#include "cost/field.h"
#include "cost/model.h"

static int compare_names(const struct ampql_label *a, const struct ampql_label *b)
{
    return str_compare(str_view(a->name), str_view(b->name));
}

enum ampql_code labels_of_row(struct model *model, const struct cost_row *row, struct str prefix,
                              struct label_list *out, struct ampql_error *err)
{
    struct ampql_label *at = arena_alloc(model->arena, row->nlabels, sizeof *at);
    size_t n = 0;
    if (!at)
        return fail_nomem(err, "labels");
    for (size_t i = 0; i < row->nlabels; i++) {
        struct str name = str_view(row->labels[i].name);
        if (!str_has_prefix(name, prefix))
            continue;
        at[n].name = set_text(model->set, str_from(name, prefix.n));
        at[n].value = set_text(model->set, str_view(row->labels[i].value));
        if (!at[n].name.data || !at[n].value.data)
            return fail_nomem(err, "labels");
        n++;
    }
    *out = (struct label_list){at, n}; /* in the order of names, as the row's */
    return AMPQL_OK;
}

enum ampql_code labels_over(struct arena *arena, struct label_list under, struct label_list over,
                            struct label_list *out, struct ampql_error *err)
{
    struct ampql_label *at = arena_alloc(arena, under.n + over.n, sizeof *at);
    size_t n = 0, u = 0, o = 0;
    if (!at)
        return fail_nomem(err, "labels");
    while (u < under.n || o < over.n) {
        int order = u == under.n ? 1 : o == over.n ? -1 : compare_names(&under.at[u], &over.at[o]);
        at[n++] = order < 0 ? under.at[u] : over.at[o];
        u += order <= 0;
        o += order >= 0;
    }
    *out = (struct label_list){at, n};
    return AMPQL_OK;
}

/* Lay a row's labels over those that are there. */
static enum ampql_code add_row(struct model *model, const struct cost_row *row, struct str prefix,
                               struct label_list *list, struct ampql_error *err)
{
    struct label_list fresh;
    TRY(labels_of_row(model, row, prefix, &fresh, err));
    if (list->n)
        return labels_over(model->arena, *list, fresh, list, err);
    *list = fresh;
    return AMPQL_OK;
}

/* ---- of pods and namespaces */

static enum ampql_code fold_pods(struct model *model, enum cost_query query,
                                 struct ampql_error *err)
{
    const struct answer *answer = &model->answers[query];
    bool is_labels = query == COST_POD_LABELS;
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        TRY(pods_find(model, row_cluster(row, model->params), row_label(row, "namespace"),
                      label_or(row, "pod", "pod_name"), err));
        for (size_t k = 0; k < model->found.n; k++) {
            struct pod *pod = &model->pods.at[model->found.at[k]];
            pod->has_labels |= is_labels;
            TRY(add_row(model, row, is_labels ? STR("label_") : STR("annotation_"),
                        is_labels ? &pod->labels : &pod->annotations, err));
        }
    }
    return AMPQL_OK;
}

static enum ampql_code fold_namespace_labels(struct model *model, struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_NAMESPACE_LABELS];
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        struct str name = row_label(row, "namespace");
        size_t ns;
        if (!name.p)
            continue;
        TRY(namespace_of(model, row_cluster(row, model->params), name, &ns, err));
        TRY(add_row(model, row, STR("label_"), &model->namespaces.at[ns].labels, err));
    }
    return AMPQL_OK;
}

/* Annotations of a namespace are given to all namespaces of that name, whatever their cluster. */
static enum ampql_code fold_namespace_annotations(struct model *model, struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_NAMESPACE_ANNOTATIONS];
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        struct str name = row_label(row, "namespace"), cluster = row_cluster(row, model->params);
        for (size_t n = 0; name.p && n < model->namespaces.n; n++) {
            struct name_space *ns = &model->namespaces.at[n];
            if (str_equal(ns->name, name) &&
                (has_quirk(model, QUIRK_MIXED_ANNOTATIONS) || str_equal(ns->cluster, cluster)))
                TRY(add_row(model, row, STR("annotation_"), &ns->annotations, err));
        }
    }
    return AMPQL_OK;
}

/* ---- of nodes: those on the list */

struct node_labels {
    struct str cluster, name;
    struct label_list labels;
};

struct nodes {
    struct {
        ARRAY(struct node_labels);
    } items;
    struct index index;
    struct label_names wanted; /* names as Prometheus has them */
};

static struct node_labels *find_node(const struct nodes *nodes, struct str cluster, struct str name,
                                     uint64_t hash)
{
    size_t at;
    for (size_t i = index_first(&nodes->index, hash, &at); i != INDEX_NONE;
         i = index_next(&nodes->index, hash, &at))
        if (str_equal(nodes->items.at[i].cluster, cluster) &&
            str_equal(nodes->items.at[i].name, name))
            return &nodes->items.at[i];
    return NULL;
}

static const struct ampql_label *find_label(struct label_list list, struct str prefix,
                                            struct str name)
{
    for (size_t i = 0; i < list.n; i++) {
        struct str have = str_view(list.at[i].name);
        if (have.n == prefix.n + name.n && str_has_prefix(have, prefix) &&
            str_equal(str_from(have, prefix.n), name))
            return &list.at[i];
    }
    return NULL;
}

/* Of a row's labels those that are wanted, by their name or by it after another "label_". */
static enum ampql_code pick(struct model *model, const struct nodes *nodes, struct label_list all,
                            struct label_list *out, struct ampql_error *err)
{
    struct label_list picked = {0};
    for (size_t i = 0; i < nodes->wanted.n; i++) {
        const struct ampql_label *label = find_label(all, STR(""), nodes->wanted.at[i]);
        if (!label)
            label = find_label(all, STR("label_"), nodes->wanted.at[i]);
        if (label)
            TRY(labels_over(model->arena, picked, (struct label_list){label, 1}, &picked, err));
    }
    *out = picked;
    return AMPQL_OK;
}

static enum ampql_code fold_nodes(struct model *model, struct nodes *nodes, struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_NODE_LABELS];
    TRY(field_label_names(model->params->node_labels, model->arena, &nodes->wanted, err));
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        struct label_list all, picked;
        struct str key[] = {row_cluster(row, model->params), row_label(row, "node")};
        if (!key[1].p)
            continue;
        TRY(labels_of_row(model, row, STR("label_"), &all, err));
        TRY(pick(model, nodes, all, &picked, err));
        uint64_t hash = key_hash(key, 2);
        struct node_labels *node = find_node(nodes, key[0], key[1], hash);
        if (node) {
            TRY(labels_over(model->arena, node->labels, picked, &node->labels, err));
            continue;
        }
        struct node_labels fresh = {key[0], key[1], picked};
        if (!array_push(&nodes->items, model->arena, fresh) ||
            !index_add(&nodes->index, hash, nodes->items.n - 1))
            return fail_nomem(err, "node labels");
    }
    return AMPQL_OK;
}

/* ---- onto containers */

/* Into memory that outlives the fold. */
static enum ampql_code keep(struct model *model, struct label_list *list, struct ampql_error *err)
{
    return labels_over(&model->set->arena, (struct label_list){0}, *list, list, err);
}

static enum ampql_code apply_to_pod(struct model *model, const struct nodes *nodes,
                                    const struct pod *pod, struct ampql_error *err)
{
    const struct name_space *ns = &model->namespaces.at[pod->name_space];
    const struct str key[] = {pod->cluster, pod->node};
    const struct node_labels *node = find_node(nodes, key[0], key[1], key_hash(key, 2));
    struct label_list labels = node ? node->labels : (struct label_list){0}, annotations;
    TRY(labels_over(model->arena, labels, ns->labels, &labels, err));
    TRY(labels_over(&model->set->arena, labels, pod->labels, &labels, err));
    TRY(labels_over(&model->set->arena, ns->annotations, pod->annotations, &annotations, err));
    for (struct container *c = pod_first(model, pod); c; c = pod_next(model, c)) {
        c->a.labels = labels.at;
        c->a.nlabels = labels.n;
        c->a.annotations = annotations.at;
        c->a.nannotations = annotations.n;
        c->a.namespace_labels = ns->labels.at;
        c->a.nnamespace_labels = ns->labels.n;
        c->a.namespace_annotations = ns->annotations.at;
        c->a.nnamespace_annotations = ns->annotations.n;
    }
    return AMPQL_OK;
}

static enum ampql_code fold(struct model *model, struct nodes *nodes, struct ampql_error *err)
{
    TRY(fold_nodes(model, nodes, err));
    TRY(fold_namespace_labels(model, err));
    TRY(fold_namespace_annotations(model, err));
    TRY(fold_pods(model, COST_POD_LABELS, err));
    TRY(fold_pods(model, COST_POD_ANNOTATIONS, err));
    for (size_t i = 0; i < model->namespaces.n; i++) {
        TRY(keep(model, &model->namespaces.at[i].labels, err));
        TRY(keep(model, &model->namespaces.at[i].annotations, err));
    }
    for (size_t i = 0; i < model->pods.n; i++)
        if (model->pods.at[i].ncontainers)
            TRY(apply_to_pod(model, nodes, &model->pods.at[i], err));
    return AMPQL_OK;
}

enum ampql_code labels_fold(struct model *model, struct ampql_error *err)
{
    struct nodes nodes = {0};
    index_init(&nodes.index, &model->set->alc);
    enum ampql_code code = fold(model, &nodes, err);
    index_done(&nodes.index);
    return code;
}
