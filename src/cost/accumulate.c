/* Pieces of a window, added up by name. What adding up drops is put back: labels and annotations (a
 * later piece's where they differ), services of all pieces, the largest usage of any. */
#include "cost/accumulate.h"

#include "cost/coverage.h"

#include "base/hash.h"
#include "base/time.h"

#include <stdlib.h>

void pieces_init(struct pieces *pieces, struct cost_set *set)
{
    *pieces = (struct pieces){.set = set};
    arena_init(&pieces->work, &set->alc);
    index_init(&pieces->index, &set->alc);
}

void pieces_done(struct pieces *pieces)
{
    index_done(&pieces->index);
    arena_done(&pieces->work);
}

/* ---- from a piece's memory to the whole's */

static bool take_text(struct cost_set *set, struct ampql_string *s)
{
    *s = set_text(set, s->data ? str_view(*s) : STR(""));
    return s->data != NULL;
}

/* The strings of an item, and its lists of volumes and load balancers. */
static bool take(struct pieces *pieces, struct ampql_allocation *a)
{
    struct cost_set *set = pieces->set;
    struct ampql_string *const texts[] = {&a->name,           &a->cluster,    &a->node,
                                          &a->container,      &a->controller, &a->controller_kind,
                                          &a->namespace_name, &a->pod,        &a->provider_id};
    struct ampql_allocation_volume *volumes =
        arena_alloc(&pieces->work, a->nvolumes, sizeof *volumes);
    struct ampql_allocation_balancer *balancers =
        arena_alloc(&pieces->work, a->nbalancers, sizeof *balancers);
    bool ok = volumes && balancers;
    for (size_t i = 0; ok && i < sizeof texts / sizeof *texts; i++)
        ok = take_text(set, texts[i]);
    for (size_t i = 0; ok && i < a->nvolumes; i++) {
        volumes[i] = a->volumes[i];
        ok = take_text(set, &volumes[i].cluster) && take_text(set, &volumes[i].name) &&
             take_text(set, &volumes[i].provider_id);
    }
    for (size_t i = 0; ok && i < a->nbalancers; i++) {
        balancers[i] = a->balancers[i];
        ok = take_text(set, &balancers[i].key) && take_text(set, &balancers[i].service) &&
             take_text(set, &balancers[i].ip);
    }
    a->volumes = volumes;
    a->balancers = balancers;
    return ok;
}

static bool are_same(struct label_list a, const struct ampql_label *b, size_t n)
{
    bool is_same = a.n == n;
    for (size_t i = 0; is_same && i < n; i++)
        is_same = str_equal(str_view(a.at[i].name), str_view(b[i].name)) &&
                  str_equal(str_view(a.at[i].value), str_view(b[i].value));
    return is_same;
}

/* Lay a piece's labels over those of the pieces before; mostly nothing changes. */
static enum ampql_code take_labels(struct pieces *pieces, struct label_list *list,
                                   const struct ampql_label *labels, size_t n,
                                   struct ampql_error *err)
{
    if (are_same(*list, labels, n))
        return AMPQL_OK;
    struct ampql_label *at = arena_alloc(&pieces->work, n, sizeof *at);
    if (!at)
        return fail_nomem(err, "labels");
    for (size_t i = 0; i < n; i++) {
        at[i] = labels[i];
        if (!take_text(pieces->set, &at[i].name) || !take_text(pieces->set, &at[i].value))
            return fail_nomem(err, "labels");
    }
    return labels_over(&pieces->work, *list, (struct label_list){at, n}, list, err);
}

/* Each service once. */
static bool take_services(struct pieces *pieces, struct piece_item *item,
                          const struct ampql_allocation *a)
{
    for (size_t i = 0; i < a->nservices; i++) {
        struct ampql_string service = set_text(pieces->set, str_view(a->services[i]));
        bool is_known = false;
        for (size_t k = 0; k < item->services.n; k++)
            is_known = is_known || item->services.at[k].data == service.data;
        if (!service.data || (!is_known && !array_push(&item->services, &pieces->work, service)))
            return false;
    }
    return true;
}

/* ---- adding a piece */

static size_t find(const struct pieces *pieces, struct str name, uint64_t hash)
{
    size_t at;
    for (size_t i = index_first(&pieces->index, hash, &at); i != INDEX_NONE;
         i = index_next(&pieces->index, hash, &at))
        if (str_equal(str_view(pieces->items.at[i].sum.a.name), name))
            return i;
    return INDEX_NONE;
}

static enum ampql_code add_new(struct pieces *pieces, struct ampql_allocation *a, uint64_t hash,
                               struct ampql_error *err)
{
    struct piece_item fresh = {0};
    struct label_list labels = {0}, annotations = {0};
    TRY(take_labels(pieces, &labels, a->namespace_labels, a->nnamespace_labels, err));
    TRY(take_labels(pieces, &annotations, a->namespace_annotations, a->nnamespace_annotations,
                    err));
    a->namespace_labels = labels.at;
    a->namespace_annotations = annotations.at;
    struct ampql_allocation bare =
        *a; /* its lists go to the sum's, which end in the set's memory */
    bare.volumes = NULL;
    bare.balancers = NULL;
    bare.nvolumes = bare.nbalancers = 0;
    sum_start(&fresh.sum, &bare, pieces->set);
    TRY(sum_lists(&fresh.sum, a->volumes, a->nvolumes, a->balancers, a->nbalancers, &pieces->work,
                  err));
    if (!array_push(&pieces->items, &pieces->work, fresh) ||
        !index_add(&pieces->index, hash, pieces->items.n - 1))
        return fail_nomem(err, "allocations");
    return AMPQL_OK;
}

static enum ampql_code add_item(struct pieces *pieces, const struct ampql_allocation *item,
                                struct ampql_error *err)
{
    struct ampql_allocation a = *item;
    uint64_t hash = hash_bytes(item->name.data, item->name.size);
    if (!take(pieces, &a))
        return fail_nomem(err, "allocations");
    size_t i = find(pieces, str_view(a.name), hash);
    if (i == INDEX_NONE) {
        i = pieces->items.n;
        TRY(add_new(pieces, &a, hash, err));
    } else { /* those of the namespace stay the first piece's */
        a.namespace_labels = a.namespace_annotations = NULL;
        a.nnamespace_labels = a.nnamespace_annotations = 0;
        TRY(sum_add(&pieces->items.at[i].sum, &a, &pieces->work, err));
    }
    struct piece_item *sum = &pieces->items.at[i];
    TRY(take_labels(pieces, &sum->labels, item->labels, item->nlabels, err));
    TRY(take_labels(pieces, &sum->annotations, item->annotations, item->nannotations, err));
    if (!take_services(pieces, sum, item))
        return fail_nomem(err, "services");
    if (item->cpu_core_usage_max > sum->cpu_max)
        sum->cpu_max = item->cpu_core_usage_max;
    if (item->ram_byte_usage_max > sum->ram_max)
        sum->ram_max = item->ram_byte_usage_max;
    return AMPQL_OK;
}

static enum ampql_code add_warning(struct pieces *pieces, struct cost_warning warning,
                                   int64_t start_ms, struct ampql_error *err)
{
    if (!take_text(pieces->set, &warning.text) || !take_text(pieces->set, &warning.kind))
        return fail_nomem(err, "a warning");
    for (size_t i = 0; i < pieces->warnings.n; i++) {
        struct piece_warning *known = &pieces->warnings.at[i];
        if (known->first.kind.data != warning.kind.data)
            continue;
        known->npieces++;
        known->differs |= known->first.text.data != warning.text.data;
        return AMPQL_OK;
    }
    struct piece_warning fresh = {.first = warning, .npieces = 1, .first_ms = start_ms};
    return array_push(&pieces->warnings, &pieces->work, fresh) ? AMPQL_OK
                                                               : fail_nomem(err, "a warning");
}

enum ampql_code pieces_note(struct pieces *pieces, const struct cost_set *piece,
                            struct ampql_error *err)
{
    for (size_t i = 0; i < piece->warnings.n; i++)
        TRY(add_warning(pieces, piece->warnings.at[i], piece->start_ms, err));
    TRY(cost_coverage_add(pieces->set, piece, err));
    pieces->n++;
    return set_add_costs(pieces->set, piece->stats, piece->costs, piece->ncosts, err);
}

enum ampql_code pieces_add(struct pieces *pieces, const struct cost_set *piece,
                           struct ampql_error *err)
{
    for (size_t i = 0; i < piece->n; i++)
        TRY(add_item(pieces, &piece->items[i], err));
    return pieces_note(pieces, piece, err);
}

/* ---- the whole */

/* Into memory that stays. */
static enum ampql_code keep_labels(struct cost_set *set, struct label_list list,
                                   const struct ampql_label **at, size_t *n,
                                   struct ampql_error *err)
{
    struct label_list kept;
    TRY(labels_over(&set->arena, (struct label_list){0}, list, &kept, err));
    *at = kept.at;
    *n = kept.n;
    return AMPQL_OK;
}

static enum ampql_code end_item(struct pieces *pieces, struct piece_item *item,
                                struct ampql_allocation *out, struct ampql_error *err)
{
    struct cost_set *set = pieces->set;
    struct ampql_allocation *a = &item->sum.a;
    TRY(sum_end(&item->sum, &set->arena, err));
    *out = *a;
    if (!set_services(set, out, item->services.at, item->services.n))
        return fail_nomem(err, "services");
    TRY(keep_labels(set, item->labels, &out->labels, &out->nlabels, err));
    TRY(keep_labels(set, item->annotations, &out->annotations, &out->nannotations, err));
    struct label_list ns = {a->namespace_labels, a->nnamespace_labels};
    struct label_list notes = {a->namespace_annotations, a->nnamespace_annotations};
    TRY(keep_labels(set, ns, &out->namespace_labels, &out->nnamespace_labels, err));
    TRY(keep_labels(set, notes, &out->namespace_annotations, &out->nnamespace_annotations, err));
    out->window_start_ms = set->start_ms;
    out->window_end_ms = set->end_ms;
    out->has_usage_max = true;
    out->cpu_core_usage_max = item->cpu_max;
    out->ram_byte_usage_max = item->ram_max;
    return AMPQL_OK;
}

/* A warning that is not of every piece says of how many it is; one of which there are others of
 * its kind, that it stands for all of them. */
static enum ampql_code end_warning(struct pieces *pieces, const struct piece_warning *warning,
                                   struct ampql_error *err)
{
    char time[TIME_TEXT_MAX];
    struct str text = str_view(warning->first.text);
    if (warning->npieces == pieces->n && !warning->differs)
        return set_warn(pieces->set, err, "%.*s", STR_ARGS(text));
    int n = (int)time_format(warning->first_ms, time);
    return set_warn(pieces->set, err, "%.*s (%s%zu of %zu parts of the window, %s from %.*s)",
                    STR_ARGS(text), warning->differs ? "such in " : "", warning->npieces, pieces->n,
                    warning->differs ? "this in the one" : "the first", n, time);
}

enum ampql_code pieces_end(struct pieces *pieces, struct ampql_error *err)
{
    struct cost_set *set = pieces->set;
    set->items = arena_alloc(&set->arena, pieces->items.n, sizeof *set->items);
    if (!set->items)
        return fail_nomem(err, "allocations");
    for (; set->n < pieces->items.n; set->n++)
        TRY(end_item(pieces, &pieces->items.at[set->n], &set->items[set->n], err));
    for (size_t i = 0; i < pieces->warnings.n; i++)
        TRY(end_warning(pieces, &pieces->warnings.at[i], err));
    if (set->n)
        qsort(set->items, set->n, sizeof *set->items, allocation_compare);
    return AMPQL_OK;
}
