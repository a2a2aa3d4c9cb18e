/* Filling and sealing a store: columns, duplicates, label order. */
#include "source/store.h"

#include "base/number.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

enum ampql_code store_init(struct store *store, const struct ampql_allocator *alc, bool last_wins,
                           struct ampql_error *err)
{
    *store = (struct store){.alc = alc, .last_wins = last_wins};
    if (!symbols_init(&store->symbols, alc))
        return fail_nomem(err, "a symbol table");
    arena_init(&store->sets, alc);
    index_init(&store->by_labels, alc);
    return AMPQL_OK;
}

static void free_columns(struct store *store, struct store_series *s)
{
    if (!s->is_lent) {
        alloc_put(store->alc, s->t, s->cap, sizeof *s->t);
        alloc_put(store->alc, s->v, s->cap, sizeof *s->v);
    }
    s->t = NULL;
    s->v = NULL;
    s->n = s->cap = 0;
}

static void unseal(struct store *store)
{
    alloc_put(store->alc, store->order, store->nordered, sizeof *store->order);
    alloc_put(store->alc, store->names, store->nordered, sizeof *store->names);
    store->order = NULL;
    store->names = NULL;
    store->nordered = 0;
    store->is_sealed = false;
}

void store_done(struct store *store)
{
    unseal(store);
    for (size_t i = 0; i < store->series.n; i++)
        free_columns(store, &store->series.at[i]);
    array_done(&store->series, store->alc);
    index_done(&store->by_labels);
    arena_done(&store->sets);
    symbols_done(&store->symbols);
}

char *store_describe(const struct store *store, struct labels labels, char *out, size_t size)
{
    return labels_describe(&store->symbols, labels, out, size);
}

enum ampql_code store_refuse_conflict(const struct store *store, struct labels labels, int64_t t_ms,
                                      double first, double second, struct ampql_error *err)
{
    char series[256], when[TIME_TEXT_MAX], a[NUMBER_MAX], b[NUMBER_MAX];
    store_describe(store, labels, series, sizeof series);
    time_format(t_ms, when);
    number_format(first, a);
    number_format(second, b);
    return fail(err, AMPQL_BAD_DATA, "%s has two values at %s: %s and %s", series, when, a, b);
}

/* ---- adding */

enum ampql_code store_intern(struct store *store, struct str text, symbol *out,
                             struct ampql_error *err)
{
    *out = symbols_intern(&store->symbols, text);
    return *out == SYMBOL_NONE ? fail_nomem(err, "a label") : AMPQL_OK;
}

static enum ampql_code refuse_labels(const struct store *store, const struct label *label, size_t n,
                                     struct ampql_error *err)
{
    for (size_t i = 0; i < n; i++) /* few labels, and this is an error */
        for (size_t j = 0; j < i; j++)
            if (label[i].name == label[j].name)
                return fail_quote(err, AMPQL_BAD_DATA, "a label name occurs twice",
                                  symbols_text(&store->symbols, label[i].name));
    return fail(err, AMPQL_BAD_DATA, "a label name occurs twice");
}

enum ampql_code store_find_or_add(struct store *store, struct label *label, size_t nlabels,
                                  size_t *out, struct ampql_error *err)
{
    if (nlabels > STORE_MAX_LABELS) /* sorting them is quadratic */
        return fail(err, AMPQL_LIMIT, "a series has %zu labels, and the limit is %d", nlabels,
                    STORE_MAX_LABELS);
    for (size_t i = 0; i < nlabels; i++)
        if (label[i].name == SYMBOL_EMPTY)
            return fail(err, AMPQL_BAD_DATA, "a label name is empty");
    size_t n = labels_sort(&store->symbols, label, nlabels);
    if (n == SIZE_MAX)
        return refuse_labels(store, label, nlabels, err);

    struct labels labels = {.at = label, .n = n};
    uint64_t hash = labels_hash(labels);
    size_t at;
    for (size_t i = index_first(&store->by_labels, hash, &at); i != INDEX_NONE;
         i = index_next(&store->by_labels, hash, &at)) {
        if (labels_equal(store->series.at[i].labels, labels)) {
            *out = i;
            return AMPQL_OK;
        }
    }

    struct store_series s = {.labels = labels_copy(&store->sets, labels)};
    if (!s.labels.at || !array_add(&store->series, store->alc, s))
        return fail_nomem(err, "a series");
    if (!index_add(&store->by_labels, hash, store->series.n - 1)) {
        store->series.n--;
        return fail_nomem(err, "a series");
    }
    unseal(store);
    *out = store->series.n - 1;
    return AMPQL_OK;
}

enum ampql_code store_find_or_add_text(struct store *store, const struct ampql_label *labels,
                                       size_t nlabels, size_t *out, struct ampql_error *err)
{
    struct label few[64], *label = few;
    if (nlabels > sizeof few / sizeof *few &&
        !(label = alloc_get(store->alc, nlabels, sizeof *label)))
        return fail_nomem(err, "the labels of a series");
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < nlabels && code == AMPQL_OK; i++) {
        code = store_intern(store, str_make(labels[i].name.data, labels[i].name.size),
                            &label[i].name, err);
        if (code == AMPQL_OK)
            code = store_intern(store, str_make(labels[i].value.data, labels[i].value.size),
                                &label[i].value, err);
    }
    if (code == AMPQL_OK)
        code = store_find_or_add(store, label, nlabels, out, err);
    if (label != few)
        alloc_put(store->alc, label, nlabels, sizeof *label);
    return code;
}

/* Both columns have cap elements, or nothing changed. */
static bool resize_columns(struct store *store, struct store_series *s, size_t cap)
{
    int64_t *t = alloc_get(store->alc, cap, sizeof *t);
    double *v = alloc_get(store->alc, cap, sizeof *v);
    if (!t || !v) {
        alloc_put(store->alc, t, cap, sizeof *t);
        alloc_put(store->alc, v, cap, sizeof *v);
        return false;
    }
    size_t n = s->n;
    if (n) {
        memcpy(t, s->t, n * sizeof *t);
        memcpy(v, s->v, n * sizeof *v);
    }
    free_columns(store, s);
    s->is_lent = false;
    s->t = t;
    s->v = v;
    s->n = n;
    s->cap = cap;
    return true;
}

static bool grow_columns(struct store *store, struct store_series *s, size_t more)
{
    enum { FIRST = 4 };
    size_t want;
    if (__builtin_add_overflow(s->n, more, &want))
        return false;
    if (want <= s->cap && !s->is_lent)
        return true;
    size_t cap = s->cap > SIZE_MAX / 2 ? SIZE_MAX : s->cap * 2;
    if (cap < want)
        cap = more == 1 && want < FIRST ? FIRST : want;
    return resize_columns(store, s, cap);
}

enum ampql_code store_append(struct store *store, size_t series, int64_t t_ms, double v,
                             struct ampql_error *err)
{
    struct store_series *s = &store->series.at[series];
    if (s->n && t_ms <= s->t[s->n - 1]) {
        if (t_ms == s->t[s->n - 1] && !s->is_unsorted) {
            if (bits_of(v) == bits_of(s->v[s->n - 1]))
                return AMPQL_OK;
            if (!store->last_wins)
                return store_refuse_conflict(store, s->labels, t_ms, s->v[s->n - 1], v, err);
        }
        s->is_unsorted = true;
        store->is_sealed = false;
    }
    if (!grow_columns(store, s, 1))
        return fail_nomem(err, "the samples of a series");
    s->t[s->n] = t_ms;
    s->v[s->n++] = v;
    return AMPQL_OK;
}

enum ampql_code store_append_columns(struct store *store, size_t series,
                                     const struct samples *samples, struct ampql_error *err)
{
    struct store_series *s = &store->series.at[series];
    if (samples->n == 0)
        return AMPQL_OK;
    if (!grow_columns(store, s, samples->n))
        return fail_nomem(err, "the samples of a series");
    memcpy(s->t + s->n, samples->t, samples->n * sizeof *s->t);
    memcpy(s->v + s->n, samples->v, samples->n * sizeof *s->v);
    s->n += samples->n;
    return AMPQL_OK;
}

void store_lend(struct store *store, size_t series, const struct samples *samples)
{
    struct store_series *s = &store->series.at[series];
    free_columns(store, s);
    s->is_lent = true;
    s->t = (int64_t *)samples->t; /* never written through: grow_columns copies first */
    s->v = (double *)samples->v;
    s->n = s->cap = samples->n;
}

/* ---- sealing */

struct placed {
    int64_t t;
    size_t place; /* as appended, so that sorting is stable */
    double v;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->t != y->t)
        return x->t < y->t ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Sort by time and keep one sample a time. */
static enum ampql_code sort_samples(struct store *store, struct store_series *s,
                                    struct ampql_error *err)
{
    struct placed *p = alloc_get(store->alc, s->n, sizeof *p);
    if (!p)
        return fail_nomem(err, "sorting the samples of a series");
    for (size_t i = 0; i < s->n; i++)
        p[i] = (struct placed){s->t[i], i, s->v[i]};
    qsort(p, s->n, sizeof *p, compare_placed);

    enum ampql_code code = AMPQL_OK;
    size_t kept = 0;
    for (size_t i = 0; i < s->n && code == AMPQL_OK; i++) {
        bool is_again = kept && p[kept - 1].t == p[i].t;
        if (is_again && !store->last_wins && bits_of(p[kept - 1].v) != bits_of(p[i].v))
            code = store_refuse_conflict(store, s->labels, p[i].t, p[kept - 1].v, p[i].v, err);
        p[is_again ? kept - 1 : kept++] = p[i];
    }
    if (code == AMPQL_OK) {
        for (size_t i = 0; i < kept; i++) {
            s->t[i] = p[i].t;
            s->v[i] = p[i].v;
        }
        alloc_put(store->alc, p, s->n, sizeof *p);
        s->n = kept;
        s->is_unsorted = false;
        return AMPQL_OK;
    }
    alloc_put(store->alc, p, s->n, sizeof *p);
    return code;
}

/* Give back what doubling took too much; without memory for that it stays as it is. */
static void trim(struct store *store, struct store_series *s)
{
    if (!s->is_lent && s->n && s->cap - s->n > s->n / 8)
        resize_columns(store, s, s->n);
}

static int compare_series(const void *a, const void *b, void *payload)
{
    const struct store *store = payload;
    return labels_compare(&store->symbols, store->series.at[*(const size_t *)a].labels,
                          store->series.at[*(const size_t *)b].labels);
}

static int compare_names(const void *a, const void *b)
{
    const struct store_name *x = a, *y = b;
    if (x->name != y->name)
        return x->name < y->name ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static enum ampql_code sort_series(struct store *store, struct ampql_error *err)
{
    unseal(store);
    size_t n = store->series.n;
    if (n == 0)
        return AMPQL_OK;
    store->order = alloc_get(store->alc, n, sizeof *store->order);
    store->names = alloc_get(store->alc, n, sizeof *store->names);
    store->nordered = n;
    if (!store->order || !store->names) {
        unseal(store);
        return fail_nomem(err, "the order of series");
    }
    for (size_t i = 0; i < n; i++)
        store->order[i] = i;
    qsort_r(store->order, n, sizeof *store->order, compare_series, store);
    for (size_t i = 0; i < n; i++)
        store->names[i] = (struct store_name){
            labels_get(store->series.at[store->order[i]].labels, SYMBOL_NAME), i};
    qsort(store->names, n, sizeof *store->names, compare_names);
    return AMPQL_OK;
}

enum ampql_code store_seal(struct store *store, struct ampql_error *err)
{
    if (store->is_sealed)
        return AMPQL_OK;
    for (size_t i = 0; i < store->series.n; i++) {
        struct store_series *s = &store->series.at[i];
        if (s->is_unsorted)
            TRY(sort_samples(store, s, err));
        trim(store, s);
    }
    TRY(sort_series(store, err));
    store->is_sealed = true;
    return AMPQL_OK;
}

/* The time of the marker after sample i, false when the series goes on before it. */
static bool ends_after(const struct store_series *s, size_t i, int64_t stale_after_ms, int64_t *t)
{
    if (is_stale(s->v[i]) || __builtin_add_overflow(s->t[i], stale_after_ms, t))
        return false;
    return i + 1 == s->n || *t < s->t[i + 1];
}

static enum ampql_code mark_series(struct store *store, struct store_series *s,
                                   int64_t stale_after_ms, struct ampql_error *err)
{
    size_t nmarkers = 0;
    int64_t t;
    for (size_t i = 0; i < s->n; i++)
        nmarkers += ends_after(s, i, stale_after_ms, &t);
    if (nmarkers == 0)
        return AMPQL_OK;
    if (!grow_columns(store, s, nmarkers))
        return fail_nomem(err, "the samples of a series");
    /* from the end, so that each sample moves once; the next sample is always there unmoved */
    size_t n = s->n, to = n + nmarkers;
    int64_t next = 0;
    for (size_t i = n; i-- > 0;) {
        int64_t at = s->t[i];
        if (!is_stale(s->v[i]) && !__builtin_add_overflow(at, stale_after_ms, &t) &&
            (i + 1 == n || t < next)) {
            s->t[--to] = t;
            s->v[to] = double_of(STALE_BITS);
        }
        s->t[--to] = at;
        s->v[to] = s->v[i];
        next = at;
    }
    s->n = n + nmarkers;
    return AMPQL_OK;
}

enum ampql_code store_mark_ends(struct store *store, int64_t stale_after_ms,
                                struct ampql_error *err)
{
    for (size_t i = 0; i < store->series.n; i++)
        TRY(mark_series(store, &store->series.at[i], stale_after_ms, err));
    return AMPQL_OK;
}
