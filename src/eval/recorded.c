/* What a ruler would have written, from the results of all evaluations. */
#include "eval/recorded.h"

#include <stdlib.h>

/* ---- results to rows under the record's labels */

static enum ampql_code no_room(struct ampql_error *err)
{
    return fail_nomem(err, "a record's series");
}

enum ampql_code evaluations_init(struct evaluations *out, struct eval *eval,
                                 const struct records *records, size_t record,
                                 const struct grid *grid, struct ampql_error *err)
{
    const struct record *r = &records->at[record];
    *out = (struct evaluations){.record = r, .number = record, .grid = grid};
    index_init(&out->index, eval->alc);
    out->failed = arena_zeroed(&eval->work, row_words(grid->n), sizeof *out->failed);
    out->label = arena_alloc(&eval->work, r->nlabels, sizeof *out->label);
    out->value = arena_alloc(&eval->work, r->nlabels, sizeof *out->value);
    out->name = symbols_intern(eval->symbols, r->name);
    if (!out->failed || !out->label || !out->value || out->name == SYMBOL_NONE)
        return no_room(err);
    for (size_t i = 0; i < r->nlabels; i++) {
        out->label[i] = symbols_intern(eval->symbols, r->labels[i].name);
        out->value[i] = symbols_intern(eval->symbols, r->labels[i].value);
        if (out->label[i] == SYMBOL_NONE || out->value[i] == SYMBOL_NONE)
            return no_room(err);
    }
    return AMPQL_OK;
}

void evaluations_done(struct evaluations *evaluations)
{
    index_done(&evaluations->index);
}

/* In the temp arena; at is NULL when memory is out. */
static struct labels record_labels(const struct evaluations *e, struct eval *eval,
                                   struct labels labels)
{
    labels = labels_set(&eval->temp, eval->symbols, labels, SYMBOL_NAME, e->name);
    for (size_t i = 0; i < e->record->nlabels && labels.at; i++)
        labels = labels_set(&eval->temp, eval->symbols, labels, e->label[i], e->value[i]);
    labels.loses_name = false;
    return labels;
}

static size_t find_row(const struct evaluations *e, struct labels labels)
{
    size_t at, i = index_first(&e->index, labels_hash(labels), &at);
    while (i != INDEX_NONE && !labels_equal(e->rows.at[i].labels, labels))
        i = index_next(&e->index, labels_hash(labels), &at);
    return i;
}

static enum ampql_code keep_row(struct evaluations *e, struct eval *eval, struct labels labels,
                                struct row *row, struct ampql_error *err)
{
    TRY(eval_keep_own(eval, &e->rows, labels, row, err));
    return index_add(&e->index, labels_hash(labels), e->rows.n - 1) ? AMPQL_OK : no_room(err);
}

void evaluations_fail(struct evaluations *e, size_t i, const struct ampql_error *why)
{
    uint64_t bit = UINT64_C(1) << (i % 64);
    if (e->nfailed == 0 || i > e->last) {
        e->err = *why;
        e->last = i;
    }
    e->nfailed += !(e->failed[i / 64] & bit);
    e->failed[i / 64] |= bit;
}

static void fail_twins(struct evaluations *e, size_t i)
{
    struct ampql_error err;
    fail(&err, AMPQL_EXECUTION,
         "vector contains metrics with the same labelset after applying rule labels");
    evaluations_fail(e, i, &err);
}

static void merge_rows(struct evaluations *e, struct row *into, const struct row *row)
{
    for (size_t w = 0; w < row_words(row->n); w++) {
        for (uint64_t rest = row->present[w]; rest; rest &= rest - 1) {
            size_t i = w * 64 + (size_t)__builtin_ctzll(rest);
            if (row_has(into, i))
                fail_twins(e, i);
            into->v[i] = row->v[i];
            row_mark(into, i);
        }
    }
}

enum ampql_code evaluations_add(struct evaluations *e, struct eval *eval, struct labels labels,
                                struct row *row, struct ampql_error *err)
{
    arena_reset(&eval->temp);
    labels = record_labels(e, eval, labels);
    if (!labels.at)
        return no_room(err);
    size_t i = find_row(e, labels);
    if (i == INDEX_NONE)
        return keep_row(e, eval, labels, row, err);
    merge_rows(e, &e->rows.at[i].row, row);
    eval_give(eval, row);
    return AMPQL_OK;
}

enum ampql_code evaluations_add_value(struct evaluations *e, struct eval *eval,
                                      struct labels labels, size_t i, double v,
                                      struct ampql_error *err)
{
    arena_reset(&eval->temp);
    labels = record_labels(e, eval, labels);
    if (!labels.at)
        return no_room(err);
    size_t found = find_row(e, labels);
    if (found == INDEX_NONE) {
        struct row row;
        TRY(eval_take(eval, e->grid->n, &row, err));
        memset(row.v, 0, row.n * sizeof *row.v);
        TRY(keep_row(e, eval, labels, &row, err));
        found = e->rows.n - 1;
    }
    struct row *row = &e->rows.at[found].row;
    if (row_has(row, i))
        fail_twins(e, i);
    row->v[i] = v;
    row_mark(row, i);
    return AMPQL_OK;
}

static enum ampql_code check_limit(struct evaluations *e, struct eval *eval,
                                   struct ampql_error *err)
{
    uint64_t *count = arena_zeroed(&eval->work, e->grid->n, sizeof *count);
    if (!count)
        return no_room(err);
    for (size_t r = 0; r < e->rows.n; r++)
        for (size_t i = 0; i < e->grid->n; i++)
            count[i] += row_has(&e->rows.at[r].row, i);
    for (size_t i = 0; i < e->grid->n; i++) {
        struct ampql_error why;
        if (count[i] <= e->record->limit || (e->failed[i / 64] >> (i % 64) & 1))
            continue;
        fail(&why, AMPQL_EXECUTION, "exceeded limit of %llu with %llu series",
             (unsigned long long)e->record->limit, (unsigned long long)count[i]);
        evaluations_fail(e, i, &why);
    }
    return AMPQL_OK;
}

enum ampql_code evaluations_finish(struct evaluations *e, struct eval *eval,
                                   struct ampql_error *err)
{
    if (e->record->limit > 0)
        TRY(check_limit(e, eval, err));
    for (size_t r = 0; r < e->rows.n && e->nfailed; r++)
        for (size_t w = 0; w < row_words(e->grid->n); w++)
            e->rows.at[r].row.present[w] &= ~e->failed[w];
    return AMPQL_OK;
}

/* ---- rows to series */

/* Something is written, or could have been. */
struct event {
    int64_t tick_ms;
    uint32_t from; /* number in all */
    uint32_t step;
};

/* A label set, and its rows. */
struct series {
    struct labels labels;
    const struct row **row; /* [n] NULL: none */
};

struct writing {
    struct eval *eval;
    struct evaluations *const *all; /* [n] */
    size_t n;
    bool has_markers;
    struct arena arena;
    struct event *events; /* [nevents] in the order of writing */
    size_t nevents;
    struct {
        ARRAY(struct series);
    } series;
    struct index index; /* of them by labels */
    size_t *record;     /* [n] which records these are, numbered from 0, */
    bool *is_there;     /* [n] by that number: it has written the series at its last evaluation */
    int64_t *t;         /* [nevents] */
    double *v;
    uint32_t *writers;
};

static int by_tick(const void *a, const void *b, void *payload)
{
    const struct event *x = a, *y = b;
    const struct writing *w = payload;
    size_t nx = w->all[x->from]->number, ny = w->all[y->from]->number;
    if (x->tick_ms != y->tick_ms)
        return x->tick_ms < y->tick_ms ? -1 : 1;
    return nx != ny ? (nx < ny ? -1 : 1) : (x->from > y->from) - (x->from < y->from);
}

static enum ampql_code list_events(struct writing *w, struct ampql_error *err)
{
    size_t n = 0, total = 0;
    for (size_t k = 0; k < w->n; k++)
        total += w->all[k]->grid->n;
    w->events = arena_alloc(&w->arena, total, sizeof *w->events);
    if (!w->events)
        return no_room(err);
    for (size_t k = 0; k < w->n; k++) {
        const struct evaluations *e = w->all[k];
        for (size_t i = 0; i < e->grid->n; i++) {
            if (!(e->failed[i / 64] >> (i % 64) & 1))
                w->events[n++] = (struct event){grid_time(e->grid, i) + e->record->query_offset_ms,
                                                (uint32_t)k, (uint32_t)i};
        }
    }
    if (w->n > 1 && n)
        qsort_r(w->events, n, sizeof *w->events, by_tick, w);
    for (size_t i = 0; i < n; i++) { /* grids that cross have some ticks twice */
        const struct event *last = w->nevents ? &w->events[w->nevents - 1] : NULL;
        if (!last || last->tick_ms != w->events[i].tick_ms ||
            w->all[last->from]->number != w->all[w->events[i].from]->number)
            w->events[w->nevents++] = w->events[i];
    }
    return AMPQL_OK;
}

static enum ampql_code add_series(struct writing *w, size_t k, const struct kept *kept,
                                  struct ampql_error *err)
{
    uint64_t hash = labels_hash(kept->labels);
    size_t at, i = index_first(&w->index, hash, &at);
    while (i != INDEX_NONE && !labels_equal(w->series.at[i].labels, kept->labels))
        i = index_next(&w->index, hash, &at);
    if (i == INDEX_NONE) {
        struct series series = {kept->labels, arena_zeroed(&w->arena, w->n, sizeof *series.row)};
        i = w->series.n;
        if (!series.row || !array_push(&w->series, &w->arena, series) ||
            !index_add(&w->index, hash, i))
            return no_room(err);
    }
    w->series.at[i].row[k] = &kept->row;
    return AMPQL_OK;
}

static int by_labels(const void *a, const void *b, void *symbols)
{
    const struct series *x = a, *y = b;
    return labels_compare(symbols, x->labels, y->labels);
}

static enum ampql_code list_series(struct writing *w, struct bound_matchers *matchers,
                                   struct ampql_error *err)
{
    struct symbols *symbols = w->eval->symbols;
    for (size_t k = 0; k < w->n; k++)
        for (size_t i = 0; i < w->all[k]->rows.n; i++) {
            const struct kept *kept = &w->all[k]->rows.at[i];
            if (!matchers || matchers_match(matchers, symbols, kept->labels, &w->arena))
                TRY(add_series(w, k, kept, err));
        }
    if (matchers && matchers_failed(matchers))
        return fail_nomem(err, "matching a label");
    if (w->series.n)
        qsort_r(w->series.at, w->series.n, sizeof *w->series.at, by_labels, symbols);
    return AMPQL_OK;
}

/* Write what an event says of a series behind its n samples; returns how many it has then. */
static size_t write_event(struct writing *w, const struct series *series, const struct event *event,
                          size_t n)
{
    struct evaluations *e = w->all[event->from];
    const struct row *row = series->row[event->from];
    bool *is_there = &w->is_there[w->record[event->from]];
    bool has_value = row && row_has(row, event->step);
    if (!has_value && !(*is_there && w->has_markers))
        return n;
    double v = has_value ? row->v[event->step] : double_of(STALE_BITS);
    int64_t t = grid_time(e->grid, event->step);
    if (n > 0 && t <= w->t[n - 1]) { /* the same once more is no mistake */
        *is_there = has_value && t == w->t[n - 1] && bits_of(v) == bits_of(w->v[n - 1]);
        e->was_outrun |= has_value && !*is_there;
        return n;
    }
    *is_there = has_value;
    w->t[n] = t;
    w->v[n] = v;
    w->writers[n] = (uint32_t)e->number;
    return n + 1;
}

static enum ampql_code write_all(struct writing *w, recorded_take *take, void *payload,
                                 struct ampql_error *err)
{
    w->t = arena_alloc(&w->arena, w->nevents, sizeof *w->t);
    w->v = arena_alloc(&w->arena, w->nevents, sizeof *w->v);
    w->writers = arena_alloc(&w->arena, w->nevents, sizeof *w->writers);
    if (!w->t || !w->v || !w->writers)
        return no_room(err);
    for (size_t i = 0; i < w->series.n; i++) {
        size_t n = 0;
        TRY(poll_work(&w->eval->poll, w->nevents, err));
        memset(w->is_there, 0, w->n * sizeof *w->is_there);
        for (size_t k = 0; k < w->nevents; k++)
            n = write_event(w, &w->series.at[i], &w->events[k], n);
        struct fed fed = {
            .labels = w->series.at[i].labels, .samples = {w->t, w->v, n}, .writers = w->writers};
        if (n)
            TRY(take(payload, &fed));
    }
    return AMPQL_OK;
}

/* Evaluations of one record stand together. */
static enum ampql_code number_records(struct writing *w, struct ampql_error *err)
{
    w->record = arena_zeroed(&w->arena, w->n, sizeof *w->record);
    w->is_there = arena_zeroed(&w->arena, w->n, sizeof *w->is_there);
    if (!w->record || !w->is_there)
        return no_room(err);
    for (size_t k = 1; k < w->n; k++)
        w->record[k] = w->record[k - 1] + (w->all[k]->number != w->all[k - 1]->number);
    return AMPQL_OK;
}

enum ampql_code recorded_each(struct eval *eval, const struct records *records,
                              struct evaluations *const *all, size_t n,
                              struct bound_matchers *matchers, recorded_take *take, void *payload,
                              struct ampql_error *err)
{
    struct writing w = {
        .eval = eval, .all = all, .n = n, .has_markers = !records->writes_no_markers};
    arena_init(&w.arena, eval->alc);
    index_init(&w.index, eval->alc);
    enum ampql_code code = number_records(&w, err);
    if (code == AMPQL_OK)
        code = list_events(&w, err);
    if (code == AMPQL_OK)
        code = list_series(&w, matchers, err);
    if (code == AMPQL_OK)
        code = write_all(&w, take, payload, err);
    index_done(&w.index);
    arena_done(&w.arena);
    return code;
}
