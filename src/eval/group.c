/* Groups by label key. */
#include "eval/group.h"

enum ampql_code groups_init(struct groups *groups, struct eval *eval, struct names names,
                            bool is_without, struct ampql_error *err)
{
    *groups = (struct groups){.grouping = {.is_without = is_without}};
    index_init(&groups->index, eval->alc);
    struct grouping *g = &groups->grouping;
    g->names = arena_alloc(&eval->work, names.n + 3, sizeof *g->names);
    if (!g->names)
        return fail_nomem(err, "grouping labels");
    for (size_t i = 0; i < names.n; i++) {
        g->names[g->n] = symbols_intern(eval->symbols, names.at[i]);
        if (g->names[g->n++] == SYMBOL_NONE)
            return fail_nomem(err, "grouping labels");
    }
    if (!is_without)
        return AMPQL_OK;
    g->nlisted = g->n;
    g->names[g->n++] = SYMBOL_NAME;
    if (eval->dialect == AMPQL_PROM2)
        return AMPQL_OK;
    g->names[g->n++] = SYMBOL_TYPE;
    g->names[g->n++] = SYMBOL_UNIT;
    return AMPQL_OK;
}

void groups_done(struct groups *groups)
{
    index_done(&groups->index);
}

enum ampql_code groups_find(struct groups *groups, struct eval *eval, struct labels labels,
                            size_t *out, bool *is_new, struct ampql_error *err)
{
    const struct grouping *g = &groups->grouping;
    struct labels key = g->is_without ? labels_drop(&eval->temp, labels, g->names, g->n)
                                      : labels_keep(&eval->temp, labels, g->names, g->n);
    if (!key.at)
        return fail_nomem(err, "a group's labels");
    uint64_t hash = labels_hash(key);
    size_t at = 0;
    *is_new = false;
    for (size_t i = index_first(&groups->index, hash, &at); i != INDEX_NONE;
         i = index_next(&groups->index, hash, &at)) {
        if (labels_equal(groups->keys.at[i], key)) {
            *out = i;
            return AMPQL_OK;
        }
    }
    key = labels_copy(&eval->work, key);
    if (!key.at || !array_push(&groups->keys, &eval->work, key) ||
        !index_add(&groups->index, hash, groups->keys.n - 1))
        return fail_nomem(err, "a group");
    *out = groups->keys.n - 1;
    *is_new = true;
    return AMPQL_OK;
}
