/* Samples by series; series by labels and by name. */
#include "tool/storage.h"

#include "base/hash.h"
#include "series/label_set.h"
#include "series/sample.h"
#include "source/source.h"

void storage_init(struct storage *storage, const struct ampql_allocator *alc)
{
    *storage = (struct storage){0};
    arena_init(&storage->arena, alc);
    index_init(&storage->by_labels, alc);
    index_init(&storage->by_name, alc);
}

void storage_done(struct storage *storage)
{
    arena_done(&storage->arena);
    index_done(&storage->by_labels);
    index_done(&storage->by_name);
}

/* The place of a name in the list of names; INDEX_NONE: it is new. */
static size_t find_name(const struct storage *storage, struct str name)
{
    uint64_t hash = hash_bytes(name.p, name.n);
    size_t at;
    for (size_t i = index_first(&storage->by_name, hash, &at); i != INDEX_NONE;
         i = index_next(&storage->by_name, hash, &at))
        if (str_equal(storage->names.at[i].name, name))
            return i;
    return INDEX_NONE;
}

static size_t find_series(const struct storage *storage, const struct ampql_label *labels,
                          size_t nlabels, uint64_t hash)
{
    size_t at;
    for (size_t i = index_first(&storage->by_labels, hash, &at); i != INDEX_NONE;
         i = index_next(&storage->by_labels, hash, &at)) {
        const struct stored_series *s = &storage->series.at[i];
        if (label_sets_compare(s->labels, s->nlabels, labels, nlabels) == 0)
            return i;
    }
    return INDEX_NONE;
}

/* A new series under its name. */
static bool add_series(struct storage *storage, const struct ampql_label *labels, size_t nlabels,
                       uint64_t hash)
{
    struct ampql_label *copy = label_set_copy(&storage->arena, labels, nlabels);
    struct stored_series fresh = {.labels = copy, .nlabels = nlabels};
    if (!copy)
        return false;
    struct str name = label_set_get(copy, nlabels, STR("__name__"));
    size_t at = find_name(storage, name);
    if (at == INDEX_NONE) {
        struct stored_name entry = {.name = name};
        at = storage->names.n;
        if (!array_push(&storage->names, &storage->arena, entry) ||
            !index_add(&storage->by_name, hash_bytes(name.p, name.n), at))
            return false;
    }
    return array_push(&storage->series, &storage->arena, fresh) &&
           index_add(&storage->by_labels, hash, storage->series.n - 1) &&
           array_push(&storage->names.at[at], &storage->arena, storage->series.n - 1);
}

enum ampql_code storage_append(struct storage *storage, size_t number, int64_t t_ms, double v,
                               struct ampql_error *err)
{
    struct stored_series *s = &storage->series.at[number];
    if (s->t.n > 0 && s->t.at[s->t.n - 1] == t_ms)
        return bits_of(s->v.at[s->v.n - 1]) == bits_of(v)
                   ? AMPQL_OK
                   : fail(err, AMPQL_EXECUTION, "duplicate sample for timestamp");
    if (s->t.n > 0 && s->t.at[s->t.n - 1] > t_ms)
        return fail(err, AMPQL_EXECUTION, "out of order sample");
    if (!array_push(&s->t, &storage->arena, t_ms) || !array_push(&s->v, &storage->arena, v))
        return fail_nomem(err, "a sample");
    return AMPQL_OK;
}

enum ampql_code storage_add(struct storage *storage, const struct ampql_label *labels,
                            size_t nlabels, int64_t t_ms, double v, size_t *number,
                            struct ampql_error *err)
{
    uint64_t hash = label_set_hash(labels, nlabels);
    size_t i = find_series(storage, labels, nlabels, hash);
    if (i == INDEX_NONE) {
        if (!add_series(storage, labels, nlabels, hash))
            return fail_nomem(err, "a series");
        i = storage->series.n - 1;
    }
    if (number)
        *number = i;
    return storage_append(storage, i, t_ms, v, err);
}

/* ---- the source */

/* The number of samples at or before t. */
static size_t count_until(const struct stored_series *s, int64_t t)
{
    size_t low = 0, high = s->t.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->t.at[middle] <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum ampql_code push(const struct stored_series *s, const struct ampql_select *select,
                            struct ampql_sink *sink)
{
    size_t first = count_until(s, select->mint_ms), end = count_until(s, select->maxt_ms);
    if (first == end)
        return AMPQL_OK;
    return ampql_sink_push(sink, s->labels, s->nlabels, s->t.at + first, s->v.at + first,
                           end - first);
}

static enum ampql_code select_series(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    const struct storage *storage = payload;
    (void)err;
    for (size_t m = 0; m < select->nmatchers; m++) {
        if (select->matchers[m].op != AMPQL_MATCH_EQUAL ||
            !str_equal(str_view(select->matchers[m].name), STR("__name__")))
            continue;
        size_t at = find_name(storage, str_view(select->matchers[m].value));
        for (size_t i = 0; at != INDEX_NONE && i < storage->names.at[at].n; i++)
            TRY(push(&storage->series.at[storage->names.at[at].at[i]], select, sink));
        return AMPQL_OK;
    }
    for (size_t i = 0; i < storage->series.n; i++)
        TRY(push(&storage->series.at[i], select, sink));
    return AMPQL_OK;
}

enum ampql_code storage_source(struct storage *storage, struct ampql_source **out,
                               struct ampql_error *err)
{
    struct ampql_source_ops ops = {
        .size = sizeof ops,
        .caps = AMPQL_SOURCE_SAMPLES,
        .select = select_series,
    };
    TRY(source_new(storage->arena.alc, &ops, storage, out, err));
    (*out)->is_trusted = true;
    return AMPQL_OK;
}
