/* What pods belong to: deployments and stateful sets by their selectors; daemon sets, jobs, replica
 * sets and rollouts by the pods' owners. Of several kinds the later one in that order counts. */
#include "cost/model.h"

static void set_controller(struct model *model, size_t pod, struct str name, struct str kind)
{
    for (struct container *c = pod_first(model, &model->pods.at[pod]); c; c = pod_next(model, c)) {
        c->a.controller = cost_string(name);
        c->a.controller_kind = cost_string(kind);
    }
}

/* The first by name where several select a pod: OpenCost takes any of them in each piece of a
 * window, and of pieces that differ the first by name. */
static enum ampql_code fold_selectors(struct model *model, enum cost_query query,
                                      const char *name_label, struct str kind,
                                      struct ampql_error *err)
{
    struct selectors selectors;
    TRY(selectors_read(model, query, name_label, &selectors, err));
    kind = model_text(model, kind);
    if (!kind.p)
        return fail_nomem(err, "controllers");
    for (size_t i = selectors.items.n; i-- > 0;) {
        const struct selector *s = &selectors.items.at[i];
        size_t ns;
        TRY(namespace_of(model, s->cluster, s->namespace_name, &ns, err));
        for (size_t p = model->namespaces.at[ns].first_pod; p != INDEX_NONE;
             p = model->pods.at[p].next)
            if (selector_matches(model, s, &model->pods.at[p]))
                set_controller(model, p, s->name, kind);
    }
    return AMPQL_OK;
}

/* "backup-1712345678" is a job of the cron job "backup": eight digits or ten. */
static struct str without_time(struct str name)
{
    size_t digits = 0;
    while (digits < name.n && name.p[name.n - 1 - digits] >= '0' &&
           name.p[name.n - 1 - digits] <= '9')
        digits++;
    for (size_t want = 8; want <= 10; want += 2)
        if (digits >= want && name.n > want + 1 && name.p[name.n - 1 - want] == '-')
            return str_make(name.p, name.n - 1 - want);
    return name;
}

/* The pods of a row have a controller. */
static enum ampql_code set_owner(struct model *model, const struct cost_row *row, struct str name,
                                 struct str kind, struct ampql_error *err)
{
    name = model_text(model, name);
    kind = model_text(model, kind);
    if (!name.p || !kind.p)
        return fail_nomem(err, "controllers");
    TRY(pods_find(model, row_cluster(row, model->params), row_label(row, "namespace"),
                  row_label(row, "pod"), err));
    for (size_t i = 0; i < model->found.n; i++)
        set_controller(model, model->found.at[i], name, kind);
    return AMPQL_OK;
}

static enum ampql_code fold_owners(struct model *model, enum cost_query query, struct str kind,
                                   struct ampql_error *err)
{
    const struct answer *answer = &model->answers[query];
    bool is_job = query == COST_JOBS && has_quirk(model, QUIRK_CRON_JOBS);
    for (size_t i = 0; i < answer->n; i++) {
        struct str owner = row_label(&answer->rows[i], "owner_name");
        if (owner.p)
            TRY(set_owner(model, &answer->rows[i], is_job ? without_time(owner) : owner, kind,
                          err));
    }
    return AMPQL_OK;
}

/* ---- replica sets: those that nothing owns, and those of rollouts */

/* The place of rows by cluster, namespace and replica set. */
static enum ampql_code index_rows(const struct model *model, enum cost_query query,
                                  struct index *index, struct ampql_error *err)
{
    const struct answer *answer = &model->answers[query];
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        const struct str key[] = {row_cluster(row, model->params), row_label(row, "namespace"),
                                  row_label(row, "replicaset")};
        if (key[1].p && key[2].p && !index_add(index, key_hash(key, 3), i))
            return fail_nomem(err, "replica sets");
    }
    return AMPQL_OK;
}

static const struct cost_row *find_row(const struct model *model, enum cost_query query,
                                       const struct index *index, const struct str key[3])
{
    size_t at;
    uint64_t hash = key_hash(key, 3);
    for (size_t i = index_first(index, hash, &at); i != INDEX_NONE;
         i = index_next(index, hash, &at)) {
        const struct cost_row *row = &model->answers[query].rows[i];
        if (str_equal(row_cluster(row, model->params), key[0]) &&
            str_equal(row_label(row, "namespace"), key[1]) &&
            str_equal(row_label(row, "replicaset"), key[2]))
            return row;
    }
    return NULL;
}

static enum ampql_code fold_replica_sets(struct model *model, const struct index *alone,
                                         const struct index *of_rollouts, struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_REPLICASET_PODS];
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i], *rollout;
        const struct str key[] = {row_cluster(row, model->params), row_label(row, "namespace"),
                                  row_label(row, "owner_name")};
        if (!key[1].p || !key[2].p)
            continue;
        if (find_row(model, COST_REPLICASETS_ALONE, alone, key)) {
            TRY(set_owner(model, row, key[2], STR("replicaset"), err));
            continue;
        }
        rollout = find_row(model, COST_REPLICASETS_OF_ROLLOUTS, of_rollouts, key);
        if (!rollout)
            continue;
        struct str name = row_label(rollout, "owner_name");
        if (!name.p || has_quirk(model, QUIRK_ROLLOUT_NAMES))
            name = key[2];
        TRY(set_owner(model, row, name, STR("rollout"), err));
    }
    return AMPQL_OK;
}

enum ampql_code controllers_fold(struct model *model, struct ampql_error *err)
{
    struct index alone, of_rollouts;
    TRY(fold_selectors(model, COST_DEPLOYMENT_LABELS, "deployment", STR("deployment"), err));
    TRY(fold_selectors(model, COST_STATEFULSET_LABELS, "statefulSet", STR("statefulset"), err));
    TRY(fold_owners(model, COST_DAEMONSETS, STR("daemonset"), err));
    TRY(fold_owners(model, COST_JOBS, STR("job"), err));
    index_init(&alone, &model->set->alc);
    index_init(&of_rollouts, &model->set->alc);
    enum ampql_code code = index_rows(model, COST_REPLICASETS_ALONE, &alone, err);
    if (code == AMPQL_OK)
        code = index_rows(model, COST_REPLICASETS_OF_ROLLOUTS, &of_rollouts, err);
    if (code == AMPQL_OK)
        code = fold_replica_sets(model, &alone, &of_rollouts, err);
    index_done(&of_rollouts);
    index_done(&alone);
    return code;
}
