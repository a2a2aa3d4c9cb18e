/* Packed series by label set. */
#include "source/hold.h"

enum ampql_code hold_init(struct hold *hold, const struct ampql_allocator *alc,
                          struct ampql_error *err)
{
    *hold = (struct hold){0};
    return store_init(&hold->sets, alc, false, err);
}

void hold_done(struct hold *hold)
{
    for (size_t i = 0; i < hold->columns.n; i++)
        columns_done(&hold->columns.at[i], hold->sets.alc);
    array_done(&hold->columns, hold->sets.alc);
    sample_room_done(&hold->room, hold->sets.alc);
    store_done(&hold->sets);
}

/* Every set has its columns, also when a call before this one failed between the two. */
static enum ampql_code add_columns(struct hold *hold, struct ampql_error *err)
{
    while (hold->columns.n < hold->sets.series.n) {
        struct columns none;
        columns_init(&none);
        if (!array_add(&hold->columns, hold->sets.alc, none))
            return fail_nomem(err, "a series");
    }
    return AMPQL_OK;
}

enum ampql_code hold_find_or_add(struct hold *hold, struct label *label, size_t nlabels,
                                 size_t *out, struct ampql_error *err)
{
    TRY(store_find_or_add(&hold->sets, label, nlabels, out, err));
    return add_columns(hold, err);
}

enum ampql_code hold_find_or_add_text(struct hold *hold, const struct ampql_label *labels,
                                      size_t nlabels, size_t *out, struct ampql_error *err)
{
    TRY(store_find_or_add_text(&hold->sets, labels, nlabels, out, err));
    return add_columns(hold, err);
}

/* Put the series in front of the message. */
static enum ampql_code name_series(const struct hold *hold, size_t series, enum ampql_code code,
                                   struct ampql_error *err)
{
    char name[256], message[AMPQL_MESSAGE_MAX];
    if (!err || code == AMPQL_OK || code == AMPQL_NOMEM)
        return code;
    memcpy(message, err->message, sizeof message);
    store_describe(&hold->sets, hold->sets.series.at[series].labels, name, sizeof name);
    return fail(err, code, "%s: %.240s", name, message);
}

enum ampql_code hold_append(struct hold *hold, size_t series, const struct samples *samples,
                            struct ampql_error *err)
{
    enum ampql_code code = columns_append(&hold->columns.at[series], hold->sets.alc, samples->t,
                                          samples->v, samples->n, err);
    return name_series(hold, series, code, err);
}

enum ampql_code hold_push(void *payload, const struct ampql_label *labels, size_t nlabels,
                          const struct samples *samples)
{
    const struct hold_push *push = payload;
    size_t series;
    TRY(hold_find_or_add_text(push->hold, labels, nlabels, &series, push->err));
    return hold_append(push->hold, series, samples, push->err);
}

/* ---- united with samples that the series may have already */

/* Samples in order of time, packed piece by piece. */
struct uniting {
    struct hold *hold;
    size_t series;
    struct columns out;
    int64_t t[BLOCK_MAX_SAMPLES];
    double v[BLOCK_MAX_SAMPLES];
    size_t n;
    struct ampql_error *err;
};

static enum ampql_code flush(struct uniting *u)
{
    enum ampql_code code = columns_append(&u->out, u->hold->sets.alc, u->t, u->v, u->n, u->err);
    u->n = 0;
    return code;
}

static enum ampql_code put(struct uniting *u, int64_t t, double v)
{
    if (u->n == BLOCK_MAX_SAMPLES)
        TRY(flush(u));
    u->t[u->n] = t;
    u->v[u->n++] = v;
    return AMPQL_OK;
}

static enum ampql_code merge(struct uniting *u, const struct samples *a, const struct samples *b)
{
    for (size_t i = 0, j = 0; i < a->n || j < b->n;) {
        bool is_both = i < a->n && j < b->n && a->t[i] == b->t[j];
        if (is_both && bits_of(a->v[i]) != bits_of(b->v[j]))
            return store_refuse_conflict(&u->hold->sets, u->hold->sets.series.at[u->series].labels,
                                         a->t[i], a->v[i], b->v[j], u->err);
        if (j == b->n || (i < a->n && a->t[i] <= b->t[j])) {
            TRY(put(u, a->t[i], a->v[i]));
            i++;
            j += is_both;
        } else {
            TRY(put(u, b->t[j], b->v[j]));
            j++;
        }
    }
    return flush(u);
}

enum ampql_code hold_unite(struct hold *hold, size_t series, const struct samples *samples,
                           struct ampql_error *err)
{
    struct columns *columns = &hold->columns.at[series];
    struct samples known;
    if (samples->n == 0 || columns->n == 0 || samples->t[0] > columns->last_ms)
        return hold_append(hold, series, samples, err);
    TRY(hold_unpack(hold, series, &known, err));
    struct uniting *u = alloc_get(hold->sets.alc, 1, sizeof *u);
    if (!u)
        return fail_nomem(err, "the samples of a series");
    u->hold = hold;
    u->series = series;
    u->n = 0;
    u->err = err;
    columns_init(&u->out);
    enum ampql_code code = merge(u, &known, samples);
    if (code == AMPQL_OK) {
        columns_done(columns, hold->sets.alc);
        *columns = u->out;
    } else {
        columns_done(&u->out, hold->sets.alc);
    }
    alloc_put(hold->sets.alc, u, 1, sizeof *u);
    return code;
}

/* ---- joined */

/* The same label set in the ids of another hold. */
static enum ampql_code find_in(struct hold *to, const struct hold *from, struct labels labels,
                               size_t *out, struct ampql_error *err)
{
    struct label few[64], *label = few;
    size_t room = sizeof few / sizeof *few;
    if (labels.n > room && !(label = alloc_get(to->sets.alc, labels.n, sizeof *label)))
        return fail_nomem(err, "the labels of a series");
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < labels.n && code == AMPQL_OK; i++) {
        const struct symbols *symbols = &from->sets.symbols;
        code =
            store_intern(&to->sets, symbols_text(symbols, labels.at[i].name), &label[i].name, err);
        if (code == AMPQL_OK)
            code = store_intern(&to->sets, symbols_text(symbols, labels.at[i].value),
                                &label[i].value, err);
    }
    if (code == AMPQL_OK)
        code = hold_find_or_add(to, label, labels.n, out, err);
    if (label != few)
        alloc_put(to->sets.alc, label, labels.n, sizeof *label);
    return code;
}

enum ampql_code hold_join(struct hold *to, struct hold *from, struct ampql_error *err)
{
    for (size_t i = 0; i < from->columns.n; i++) {
        size_t series;
        TRY(find_in(to, from, from->sets.series.at[i].labels, &series, err));
        enum ampql_code code =
            columns_join(&to->columns.at[series], &from->columns.at[i], to->sets.alc, err);
        if (code != AMPQL_OK)
            return name_series(to, series, code, err);
    }
    return AMPQL_OK;
}

enum ampql_code hold_read(const struct hold *hold, size_t series, struct sample_room *room,
                          struct samples *out, struct ampql_error *err)
{
    const struct columns *columns = &hold->columns.at[series];
    size_t done = 0, n;
    /* a block is unpacked into room for a whole one */
    if (!sample_room_grow(room, hold->sets.alc, 0, (size_t)columns->n + BLOCK_MAX_SAMPLES))
        return fail_nomem(err, "the samples of a series");
    struct columns_reader reader = columns_read(columns);
    do {
        TRY(columns_next(&reader, room->t + done, room->v + done, &n, err));
        done += n;
    } while (n && done < columns->n);
    *out = (struct samples){room->t, room->v, done};
    return AMPQL_OK;
}

enum ampql_code hold_unpack(struct hold *hold, size_t series, struct samples *out,
                            struct ampql_error *err)
{
    return hold_read(hold, series, &hold->room, out, err);
}

void hold_trim(struct hold *hold)
{
    for (size_t i = 0; i < hold->columns.n; i++)
        columns_trim(&hold->columns.at[i], hold->sets.alc);
    sample_room_done(&hold->room, hold->sets.alc);
}

enum ampql_code hold_sort(struct hold *hold, struct ampql_error *err)
{
    return store_seal(&hold->sets, err);
}

enum ampql_code hold_scan(struct hold *hold, store_visit *visit, void *payload,
                          struct ampql_error *err)
{
    TRY(hold_sort(hold, err));
    for (size_t i = 0; i < hold->columns.n; i++) {
        size_t series = hold->sets.order[i];
        struct samples samples;
        if (hold->columns.at[series].n == 0)
            continue;
        TRY(hold_unpack(hold, series, &samples, err));
        TRY(visit(payload, &hold->sets, hold->sets.series.at[series].labels, &samples));
    }
    return AMPQL_OK;
}

uint64_t hold_samples(const struct hold *hold)
{
    uint64_t n = 0;
    for (size_t i = 0; i < hold->columns.n; i++)
        n += hold->columns.at[i].n;
    return n;
}

size_t hold_bytes(const struct hold *hold)
{
    size_t n = hold->sets.sets.total + hold->sets.symbols.text.total +
               hold->sets.symbols.cap * (sizeof(struct str) + sizeof(uint32_t)) +
               hold->sets.symbols.nslots * sizeof(uint32_t) +
               hold->sets.series.cap * sizeof(struct store_series) +
               hold->sets.by_labels.nslots * sizeof(struct index_slot) +
               hold->columns.cap * sizeof(struct columns) + hold->room.room * 16;
    for (size_t i = 0; i < hold->columns.n; i++)
        n += hold->columns.at[i].cap;
    return n;
}
