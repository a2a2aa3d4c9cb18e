/* Volumes and the claims on them: what there is, what it costs, and which pods use it. Who pays how
 * much of a claim is in claims.c. */
#include "cost/volumes.h"

/* ---- volumes */

static size_t volume_find(const struct storage *storage, struct str cluster, struct str name)
{
    const struct str key[] = {cluster, name};
    uint64_t hash = key_hash(key, 2);
    size_t at;
    for (size_t i = index_first(&storage->volume_index, hash, &at); i != INDEX_NONE;
         i = index_next(&storage->volume_index, hash, &at)) {
        const struct volume *v = &storage->volumes.at[i];
        if (str_equal(v->cluster, cluster) && str_equal(v->name, name))
            return i;
    }
    return INDEX_NONE;
}

/* The volume of a row that names it by a label; made when it is new and `makes`. NULL: none */
static enum ampql_code volume_of(struct model *model, struct storage *storage,
                                 const struct cost_row *row, const char *name_label,
                                 const char *older, bool makes, struct volume **out,
                                 struct ampql_error *err)
{
    struct str cluster = row_cluster(row, model->params);
    struct str name = label_or(row, name_label, older);
    *out = NULL;
    if (!name.p)
        return AMPQL_OK;
    size_t i = volume_find(storage, cluster, name);
    if (i == INDEX_NONE && makes) {
        const struct str key[] = {cluster, name};
        struct volume fresh = {.cluster = model_text(model, cluster),
                               .name = model_text(model, name),
                               .provider_id = STR("")};
        i = storage->volumes.n;
        if (!fresh.cluster.p || !fresh.name.p ||
            !array_push(&storage->volumes, model->arena, fresh) ||
            !index_add(&storage->volume_index, key_hash(key, 2), i))
            return fail_nomem(err, "volumes");
    }
    if (i != INDEX_NONE)
        *out = &storage->volumes.at[i];
    return AMPQL_OK;
}

static enum ampql_code fold_volume_times(struct model *model, struct storage *storage,
                                         struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_PV_MINUTES];
    for (size_t i = 0; i < answer->n; i++) {
        struct volume *v;
        int64_t start_ms, end_ms;
        TRY(volume_of(model, storage, &answer->rows[i], "persistentvolume", NULL, true, &v, err));
        if (!v)
            continue;
        row_span(model->params, &answer->rows[i], &start_ms, &end_ms);
        v->start_ms = !v->is_seen || start_ms < v->start_ms ? start_ms : v->start_ms;
        v->end_ms = !v->is_seen || end_ms > v->end_ms ? end_ms : v->end_ms;
        v->is_seen = true;
    }
    return AMPQL_OK;
}

/* A volume with a price alone has no hours, and costs nothing by itself. */
static enum ampql_code fold_prices(struct model *model, struct storage *storage,
                                   struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_PV_PRICE];
    for (size_t i = 0; i < answer->n; i++) {
        struct volume *v;
        TRY(volume_of(model, storage, &answer->rows[i], "volumename", NULL, true, &v, err));
        if (v) {
            v->gib_hour_price = answer->rows[i].value;
            v->is_priced = true;
        }
    }
    return AMPQL_OK;
}

static enum ampql_code fold_provider_ids(struct model *model, struct storage *storage,
                                         struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_PV_META];
    for (size_t i = 0; i < answer->n; i++) {
        struct str id = row_label(&answer->rows[i], "provider_id");
        struct volume *v;
        TRY(volume_of(model, storage, &answer->rows[i], "persistentvolume", NULL, false, &v, err));
        if (!v || !id.p)
            continue;
        v->provider_id = model_text(model, id);
        if (!v->provider_id.p)
            return fail_nomem(err, "volumes");
    }
    return AMPQL_OK;
}

static enum ampql_code fold_sizes(struct model *model, struct storage *storage,
                                  struct ampql_error *err)
{
    static const double TEN_PIB = 10.0 * 1024 * 1024 * 1024 * 1024 * 1024;
    const struct answer *answer = &model->answers[COST_PV_BYTES];
    struct tally incredible = {0};
    for (size_t i = 0; i < answer->n; i++) {
        struct volume *v;
        TRY(volume_of(model, storage, &answer->rows[i], "persistentvolume", NULL, false, &v, err));
        if (!v)
            continue;
        v->bytes = answer->rows[i].value;
        if (v->bytes >= TEN_PIB && has_quirk(model, QUIRK_MAX_VOLUME)) {
            v->bytes = 0;
            tally_add(&incredible, v->name, v->cluster);
        }
    }
    return set_warn_tally(model->set, &incredible, query_info[COST_PV_BYTES].name,
                          "volumes have 10 PiB or more, which count as 0", "volume", "of cluster",
                          err);
}

/* ---- claims */

static size_t claim_find(const struct storage *storage, const struct str key[3])
{
    uint64_t hash = key_hash(key, 3);
    size_t at;
    for (size_t i = index_first(&storage->claim_index, hash, &at); i != INDEX_NONE;
         i = index_next(&storage->claim_index, hash, &at)) {
        const struct claim *c = &storage->claims.at[i];
        if (str_equal(c->cluster, key[0]) && str_equal(c->namespace_name, key[1]) &&
            str_equal(c->name, key[2]))
            return i;
    }
    return INDEX_NONE;
}

/* Of several rows of one claim the last counts: it may have been bound to another volume before. */
static enum ampql_code add_claim(struct model *model, struct storage *storage,
                                 const struct cost_row *row, struct tally *classless,
                                 struct ampql_error *err)
{
    const struct str key[] = {row_cluster(row, model->params), row_label(row, "namespace"),
                              row_label(row, "persistentvolumeclaim")};
    struct str volume = row_label(row, "volumename");
    if (!key[1].p || !key[2].p || !volume.p)
        return AMPQL_OK;
    if (!row_label(row, "storageclass").p && has_quirk(model, QUIRK_CLASSLESS_CLAIMS)) {
        tally_add(classless, key[2], key[1]);
        return AMPQL_OK;
    }
    size_t v = volume_find(storage, key[0], volume), i = claim_find(storage, key);
    if (v == INDEX_NONE)
        return AMPQL_OK;
    if (i == INDEX_NONE) {
        struct claim fresh = {.cluster = model_text(model, key[0]),
                              .namespace_name = model_text(model, key[1]),
                              .name = model_text(model, key[2])};
        i = storage->claims.n;
        if (!fresh.cluster.p || !fresh.namespace_name.p || !fresh.name.p ||
            !array_push(&storage->claims, model->arena, fresh) ||
            !index_add(&storage->claim_index, key_hash(key, 3), i))
            return fail_nomem(err, "claims");
    }
    struct claim *claim = &storage->claims.at[i];
    claim->volume = v;
    row_span(model->params, row, &claim->start_ms, &claim->end_ms);
    return AMPQL_OK;
}

static enum ampql_code fold_claims(struct model *model, struct storage *storage,
                                   struct ampql_error *err)
{
    const struct answer *infos = &model->answers[COST_PVC_INFO];
    const struct answer *sizes = &model->answers[COST_PVC_BYTES];
    struct tally classless = {0};
    for (size_t i = 0; i < infos->n; i++)
        TRY(add_claim(model, storage, &infos->rows[i], &classless, err));
    for (size_t i = 0; i < sizes->n; i++) {
        const struct cost_row *row = &sizes->rows[i];
        const struct str key[] = {row_cluster(row, model->params), row_label(row, "namespace"),
                                  row_label(row, "persistentvolumeclaim")};
        size_t c = key[1].p && key[2].p ? claim_find(storage, key) : INDEX_NONE;
        if (c != INDEX_NONE)
            storage->claims.at[c].bytes = row->value;
    }
    return set_warn_tally(model->set, &classless, query_info[COST_PVC_INFO].name,
                          "claims have no storage class, and their volumes count as unmounted",
                          "claim", "of namespace", err);
}

/* Which pods use which claims: those that have containers. */
static enum ampql_code fold_users(struct model *model, struct storage *storage,
                                  struct ampql_error *err)
{
    const struct answer *answer = &model->answers[COST_POD_PVC];
    for (size_t i = 0; i < answer->n; i++) {
        const struct cost_row *row = &answer->rows[i];
        const struct str key[] = {row_cluster(row, model->params), row_label(row, "namespace"),
                                  row_label(row, "persistentvolumeclaim")};
        struct str volume = row_label(row, "persistentvolume");
        if (!key[1].p || !key[2].p || !volume.p ||
            volume_find(storage, key[0], volume) == INDEX_NONE)
            continue;
        size_t c = claim_find(storage, key);
        TRY(pods_find(model, key[0], key[1], row_label(row, "pod"), err));
        for (size_t k = 0; c != INDEX_NONE && k < model->found.n; k++) {
            struct claim *claim = &storage->claims.at[c];
            if (model->pods.at[model->found.at[k]].ncontainers == 0)
                continue;
            claim->is_used = true;
            if (!array_push(&claim->users, model->arena, model->found.at[k]))
                return fail_nomem(err, "claims");
        }
    }
    return AMPQL_OK;
}

/* ---- what nobody uses */

enum ampql_code volume_add(struct model *model, struct container *container,
                           const struct volume *volume, double byte_hours, double cost,
                           struct ampql_error *err)
{
    struct ampql_allocation_volume part = {.cluster = cost_string(volume->cluster),
                                           .name = cost_string(volume->name),
                                           .provider_id = cost_string(volume->provider_id),
                                           .byte_hours = byte_hours,
                                           .cost = cost};
    return array_push(&container->volumes, model->arena, part) ? AMPQL_OK
                                                               : fail_nomem(err, "volumes");
}

/* A whole volume is paid by what stands for a namespace, or for a cluster where that is NULL. */
static enum ampql_code add_unmounted(struct model *model, const struct volume *volume,
                                     struct str namespace_name, struct ampql_error *err)
{
    struct container *container;
    size_t pod;
    double hours = minutes_between(volume->start_ms, volume->end_ms) / 60;
    double gib = volume->bytes / 1024 / 1024 / 1024;
    TRY(pod_unmounted(model, volume->cluster, namespace_name, &pod, err));
    TRY(container_of(model, pod, STR(NAME_UNMOUNTED), &container, err));
    struct volume anonymous = *volume;
    if (has_quirk(model, QUIRK_MERGE_FORGETS))
        anonymous.provider_id = STR("");
    return volume_add(model, container, &anonymous, volume->bytes * hours,
                      volume->gib_hour_price * gib * hours, err);
}

static enum ampql_code fold_unmounted(struct model *model, struct storage *storage,
                                      struct ampql_error *err)
{
    for (size_t i = 0; i < storage->claims.n; i++) {
        const struct claim *claim = &storage->claims.at[i];
        storage->volumes.at[claim->volume].is_claimed = true;
        if (!claim->is_used)
            TRY(add_unmounted(model, &storage->volumes.at[claim->volume], claim->namespace_name,
                              err));
    }
    for (size_t i = 0; i < storage->volumes.n; i++)
        if (!storage->volumes.at[i].is_claimed)
            TRY(add_unmounted(model, &storage->volumes.at[i], (struct str){NULL, 0}, err));
    return AMPQL_OK;
}

static enum ampql_code warn_unpriced(struct model *model, const struct storage *storage,
                                     struct ampql_error *err)
{
    struct tally unpriced = {0};
    for (size_t i = 0; i < storage->volumes.n; i++)
        if (!storage->volumes.at[i].is_priced)
            tally_add(&unpriced, storage->volumes.at[i].name, storage->volumes.at[i].cluster);
    return set_warn_tally(model->set, &unpriced, query_info[COST_PV_PRICE].name,
                          "volumes have no price and cost nothing", "volume", "of cluster", err);
}

static enum ampql_code fold(struct model *model, struct storage *storage, struct ampql_error *err)
{
    TRY(fold_volume_times(model, storage, err));
    TRY(fold_prices(model, storage, err));
    TRY(fold_provider_ids(model, storage, err));
    TRY(fold_sizes(model, storage, err));
    TRY(fold_claims(model, storage, err));
    TRY(fold_users(model, storage, err));
    TRY(claims_share(model, storage, err));
    TRY(fold_unmounted(model, storage, err));
    return warn_unpriced(model, storage, err);
}

enum ampql_code volumes_fold(struct model *model, struct ampql_error *err)
{
    struct storage storage = {0};
    index_init(&storage.volume_index, &model->set->alc);
    index_init(&storage.claim_index, &model->set->alc);
    enum ampql_code code = fold(model, &storage, err);
    index_done(&storage.claim_index);
    index_done(&storage.volume_index);
    return code;
}
