/* Selectors: the labels by which a deployment, a stateful set or a service claims pods. All of them
 * must be the pod's own. */
#include "cost/model.h"

#include <stdlib.h>

static bool is_key(const struct selector *s, const struct str key[3])
{
    return str_equal(s->cluster, key[0]) && str_equal(s->namespace_name, key[1]) &&
           str_equal(s->name, key[2]);
}

static size_t find(const struct selectors *selectors, const struct str key[3])
{
    size_t at;
    uint64_t hash = key_hash(key, 3);
    for (size_t i = index_first(&selectors->index, hash, &at); i != INDEX_NONE;
         i = index_next(&selectors->index, hash, &at))
        if (is_key(&selectors->items.at[i], key))
            return i;
    return INDEX_NONE;
}

/* Several series of one object are laid over each other. */
static enum ampql_code add_row(struct model *model, struct selectors *selectors,
                               const struct cost_row *row, const char *name_label,
                               struct ampql_error *err)
{
    const struct str key[] = {row_cluster(row, model->params), row_label(row, "namespace"),
                              row_label(row, name_label)};
    struct label_list labels;
    if (!key[1].p || !key[2].p)
        return AMPQL_OK;
    TRY(labels_of_row(model, row, STR("label_"), &labels, err));
    size_t known = find(selectors, key);
    if (known != INDEX_NONE) {
        struct label_list *old = &selectors->items.at[known].labels;
        return labels_over(model->arena, *old, labels, old, err);
    }
    struct selector fresh = {.cluster = model_text(model, key[0]),
                             .namespace_name = model_text(model, key[1]),
                             .name = model_text(model, key[2]),
                             .labels = labels};
    if (!fresh.cluster.p || !fresh.namespace_name.p || !fresh.name.p ||
        !array_push(&selectors->items, model->arena, fresh) ||
        !index_add(&selectors->index, key_hash(key, 3), selectors->items.n - 1))
        return fail_nomem(err, "selectors");
    return AMPQL_OK;
}

/* "a_b" is an exporter's spelling of "a-b" where there are both. */
static enum ampql_code drop_twins(struct model *model, struct selectors *selectors,
                                  struct ampql_error *err)
{
    if (!has_quirk(model, QUIRK_UNDERSCORE_TWINS))
        return AMPQL_OK;
    for (size_t i = 0; i < selectors->items.n; i++) {
        struct selector *s = &selectors->items.at[i];
        if (!s->name.n || !memchr(s->name.p, '_', s->name.n))
            continue;
        char *twin = arena_alloc(model->arena, s->name.n, 1);
        if (!twin)
            return fail_nomem(err, "selectors");
        for (size_t k = 0; k < s->name.n; k++)
            twin[k] = s->name.p[k] == '_' ? '-' : s->name.p[k];
        const struct str key[] = {s->cluster, s->namespace_name, str_make(twin, s->name.n)};
        s->is_dropped = find(selectors, key) != INDEX_NONE;
    }
    return AMPQL_OK;
}

static int compare(const void *a, const void *b)
{
    const struct selector *x = a, *y = b;
    int order = str_compare(x->cluster, y->cluster);
    if (order == 0)
        order = str_compare(x->namespace_name, y->namespace_name);
    return order ? order : str_compare(x->name, y->name);
}

static enum ampql_code read(struct model *model, enum cost_query query, const char *name_label,
                            struct selectors *selectors, struct ampql_error *err)
{
    const struct answer *answer = &model->answers[query];
    for (size_t i = 0; i < answer->n; i++)
        TRY(add_row(model, selectors, &answer->rows[i], name_label, err));
    return drop_twins(model, selectors, err);
}

enum ampql_code selectors_read(struct model *model, enum cost_query query, const char *name_label,
                               struct selectors *out, struct ampql_error *err)
{
    *out = (struct selectors){0};
    index_init(&out->index, &model->set->alc);
    enum ampql_code code = read(model, query, name_label, out, err);
    index_done(&out->index);
    if (code == AMPQL_OK && out->items.n) /* the index is by place, and done with */
        qsort(out->items.at, out->items.n, sizeof *out->items.at, compare);
    return code;
}

/* Strings are of one table: equal ones are in one place. */
static bool is_same_label(const struct ampql_label *a, const struct ampql_label *b)
{
    return a->name.data == b->name.data && a->value.data == b->value.data;
}

bool selector_matches(const struct model *model, const struct selector *selector,
                      const struct pod *pod)
{
    struct label_list want = selector->labels, have = pod->labels;
    if (selector->is_dropped || !pod->has_labels ||
        (want.n == 0 && !has_quirk(model, QUIRK_EMPTY_SELECTOR)))
        return false;
    size_t h = 0;
    for (size_t w = 0; w < want.n; w++) {
        while (h < have.n && have.at[h].name.data != want.at[w].name.data)
            h++; /* both are in the order of names */
        if (h == have.n || !is_same_label(&want.at[w], &have.at[h]))
            return false;
    }
    return true;
}
