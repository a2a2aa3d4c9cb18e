/* Results: copied once out of a run, into an arena of their own; large rows are taken over instead.
 */
#include "engine/engine.h"

#include "eval/note.h"

#include <stdlib.h>

/* ---- rows that are taken over */

enum ampql_code result_rows_take(const struct ampql_engine *engine, struct eval *eval,
                                 const struct eval_query *queries, size_t n,
                                 struct result_rows **out, struct ampql_error *err)
{
    size_t nsteps = eval->plan->options.grid.n, nkept = 0;
    struct pool *pool = eval_pool(eval, nsteps);
    *out = NULL;
    for (size_t q = 0; q < n; q++)
        nkept += queries[q].code == AMPQL_OK ? queries[q].rows.n : 0;
    if (!pool || pool->nblocks / 2 > nkept)
        return AMPQL_OK;
    struct result_rows *rows = alloc_get(&engine->alc, 1, sizeof *rows);
    if (!rows)
        return fail_nomem(err, "a result");
    *rows = (struct result_rows){.alc = engine->alc, .pool = *pool, .nsteps = nsteps};
    atomic_init(&rows->nusers, 1);
    rows->pool.alc = &rows->alc;
    pool_init(pool, pool->alc, pool->block_bytes);
    *out = rows;
    return AMPQL_OK;
}

static struct result_rows *use_rows(struct result_rows *rows)
{
    if (rows)
        atomic_fetch_add(&rows->nusers, 1);
    return rows;
}

void result_rows_drop(struct result_rows *rows)
{
    if (!rows || atomic_fetch_sub(&rows->nusers, 1) != 1)
        return;
    struct ampql_allocator alc = rows->alc;
    pool_done(&rows->pool);
    alloc_put(&alc, rows, 1, sizeof *rows);
}

/* ---- what is copied */

/* Strings of the run that were copied already, by symbol. */
struct copier {
    struct arena *arena;
    const struct symbols *symbols;
    struct ampql_string *known; /* [symbols.n]; data NULL when not copied yet */
};

static bool copier_init(struct copier *copier, struct arena *temp, struct arena *arena,
                        const struct symbols *symbols)
{
    *copier =
        (struct copier){arena, symbols, arena_zeroed(temp, symbols->n, sizeof *copier->known)};
    return copier->known;
}

static struct ampql_string copy_string(struct copier *copier, symbol id)
{
    if (!copier->known[id].data) {
        struct str s = arena_copy(copier->arena, symbols_text(copier->symbols, id));
        copier->known[id] = (struct ampql_string){s.p, s.n};
    }
    return copier->known[id];
}

static bool copy_labels(struct copier *copier, struct labels labels, struct ampql_series *out)
{
    struct ampql_label *at = arena_alloc(copier->arena, labels.n, sizeof *at);
    if (!at)
        return false;
    for (size_t i = 0; i < labels.n; i++) {
        at[i] = (struct ampql_label){copy_string(copier, labels.at[i].name),
                                     copy_string(copier, labels.at[i].value)};
        if (!at[i].name.data || !at[i].value.data)
            return false;
    }
    out->labels = at;
    out->nlabels = labels.n;
    return true;
}

/* The row as it is when the result has it, else a copy in its arena. */
static bool show_row(struct arena *arena, const struct result_rows *rows, const struct row *row,
                     bool is_vector, struct ampql_series *out)
{
    bool is_own = rows && rows->nsteps == row->n;
    double *values = is_own ? row->v : arena_alloc(arena, row->n, sizeof *values);
    uint64_t *present =
        is_own ? row->present : arena_alloc(arena, row_words(row->n), sizeof *present);
    if (!values || !present)
        return false;
    if (!is_own) {
        memcpy(values, row->v, row->n * sizeof *values);
        memcpy(present, row->present, row_words(row->n) * sizeof *present);
    }
    out->values = values;
    out->present = is_vector ? NULL : present;
    out->n = row->n;
    return true;
}

static bool copy_samples(struct copier *copier, const struct kept_samples *kept,
                         struct ampql_series *out)
{
    int64_t *t = arena_alloc(copier->arena, kept->n, sizeof *t);
    double *v = arena_alloc(copier->arena, kept->n, sizeof *v);
    if (!t || !v || !copy_labels(copier, kept->labels, out))
        return false;
    memcpy(t, kept->t, kept->n * sizeof *t);
    memcpy(v, kept->v, kept->n * sizeof *v);
    out->t_ms = t;
    out->values = v;
    out->n = kept->n;
    return true;
}

static int kept_by_labels(const void *a, const void *b, void *symbols)
{
    const struct kept *x = a, *y = b;
    return labels_compare(symbols, x->labels, y->labels);
}

static int samples_by_labels(const void *a, const void *b, void *symbols)
{
    const struct kept_samples *x = a, *y = b;
    return labels_compare(symbols, x->labels, y->labels);
}

static struct ampql_result *new_result(const struct ampql_engine *engine)
{
    struct ampql_result *result = alloc_get(&engine->alc, 1, sizeof *result);
    if (!result)
        return NULL;
    *result = (struct ampql_result){.alc = engine->alc};
    arena_init(&result->arena, &result->alc);
    return result;
}

void ampql_result_free(struct ampql_result *result)
{
    if (!result)
        return;
    struct ampql_allocator alc = result->alc;
    result_rows_drop(result->rows);
    arena_done(&result->arena);
    alloc_put(&alc, result, 1, sizeof *result);
}

static enum ampql_result_kind kind_of(const struct eval_query *query)
{
    if (query->eval->plan->options.is_range_query)
        return AMPQL_RESULT_MATRIX;
    switch (query->root->type) {
    case VALUE_SCALAR:
        return AMPQL_RESULT_SCALAR;
    case VALUE_STRING:
        return AMPQL_RESULT_STRING;
    case VALUE_MATRIX:
        return AMPQL_RESULT_MATRIX;
    default:
        return AMPQL_RESULT_VECTOR;
    }
}

/* Matrices are in label order; a vector keeps the order of evaluation, which sort() and topk() give
 * a meaning. */
static enum ampql_code fill_series(struct ampql_result *result, const struct eval_query *query,
                                   struct copier *copier, struct ampql_error *err)
{
    enum { EACH = 64 }; /* what a series costs besides its values */
    struct symbols *symbols = query->eval->symbols;
    bool is_samples = query->root->type == VALUE_MATRIX,
         is_vector = result->kind == AMPQL_RESULT_VECTOR;
    size_t n = is_samples ? query->samples.n : query->rows.n;
    result->series = arena_zeroed(&result->arena, n, sizeof *result->series);
    if (!result->series)
        return fail_nomem(err, "a result");
    if (is_samples && n)
        qsort_r(query->samples.at, n, sizeof *query->samples.at, samples_by_labels, symbols);
    else if (!is_vector && n)
        qsort_r(query->rows.at, n, sizeof *query->rows.at, kept_by_labels, symbols);
    for (; result->nseries < n; result->nseries++) {
        struct ampql_series *out = &result->series[result->nseries];
        TRY(poll_work(&query->eval->poll,
                      EACH + (is_samples ? query->samples.at[result->nseries].n : result->grid.n),
                      err));
        const struct kept *kept = is_samples ? NULL : &query->rows.at[result->nseries];
        bool ok = is_samples ? copy_samples(copier, &query->samples.at[result->nseries], out)
                             : show_row(&result->arena, result->rows, &kept->row, is_vector, out) &&
                                   copy_labels(copier, kept->labels, out);
        if (!ok)
            return fail_nomem(err, "a result");
    }
    return AMPQL_OK;
}

/* Warnings and infos, with their places. False when memory is out. */
static bool copy_annotations(struct ampql_result *result, const struct eval_query *query)
{
    enum { ANNOTATION_MAX = 1 << 21 };
    size_t n = query->notes.n;
    result->annotations = arena_zeroed(&result->arena, n, sizeof *result->annotations);
    if (!result->annotations)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct buf text;
        buf_init(&text, &result->alc, ANNOTATION_MAX);
        note_write(query, i, &text);
        if (text.failed == AMPQL_OK)
            result->annotations[i] = arena_copy(&result->arena, buf_view(&text));
        buf_done(&text);
        if (!result->annotations[i].p)
            return false;
    }
    result->nannotations = n;
    return true;
}

static const enum ampql_select_kind kinds[] = {
    [SELECT_RAW] = AMPQL_SELECT_RAW,
    [SELECT_GRID] = AMPQL_SELECT_GRID,
    [SELECT_GRID_TIMESTAMP] = AMPQL_SELECT_GRID_TIMESTAMP,
};

/* What the query read. False when memory is out. */
static bool copy_selects(struct ampql_result *result, const struct plan *plan,
                         const struct read_select *selects, size_t n)
{
    enum { SELECT_MAX = 1 << 21 };
    result->selects = arena_zeroed(&result->arena, n, sizeof *result->selects);
    for (size_t i = 0; result->selects && i < n; i++) {
        struct buf text;
        buf_init(&text, &result->alc, SELECT_MAX);
        print_select(&text, selects[i].select, plan->options.dialect == AMPQL_PROM2);
        struct str copy =
            text.failed == AMPQL_OK ? arena_copy(&result->arena, buf_view(&text)) : (struct str){0};
        buf_done(&text);
        if (!copy.p)
            return false;
        result->selects[i] = (struct ampql_select_stats){.query = {copy.p, copy.n},
                                                         .kind = kinds[selects[i].select->kind],
                                                         .nqueries = selects[i].nqueries,
                                                         .stats = selects[i].stats};
        result->nselects++;
    }
    return result->selects;
}

enum ampql_code result_new(const struct ampql_engine *engine, const struct eval_query *query,
                           struct result_rows *rows, struct ampql_stats stats,
                           const struct read_select *selects, size_t nselects,
                           struct ampql_result **out, struct ampql_error *err)
{
    struct ampql_result *result = new_result(engine);
    if (!result)
        return fail_nomem(err, "a result");
    result->kind = kind_of(query);
    result->rows = use_rows(rows);
    result->grid = query->eval->plan->options.grid;
    result->dialect = query->eval->plan->options.dialect;
    result->stats = stats;

    struct arena temp;
    struct copier copier;
    arena_init(&temp, &engine->alc);
    enum ampql_code code = AMPQL_OK;
    if (!copier_init(&copier, &temp, &result->arena, query->eval->symbols))
        code = fail_nomem(err, "a result");
    else if (result->kind == AMPQL_RESULT_SCALAR)
        result->scalar = query->rows.at[0].row.v[0];
    else if (result->kind == AMPQL_RESULT_STRING)
        result->string = arena_copy(&result->arena, ast_unwrap(query->root->ast)->u.string);
    else
        code = fill_series(result, query, &copier, err);
    if (code == AMPQL_OK && ((result->kind == AMPQL_RESULT_STRING && !result->string.p) ||
                             !copy_annotations(result, query) ||
                             !copy_selects(result, query->eval->plan, selects, nselects)))
        code = fail_nomem(err, "a result");
    arena_done(&temp);
    if (code != AMPQL_OK) {
        ampql_result_free(result);
        return code;
    }
    *out = result;
    return AMPQL_OK;
}

enum ampql_code result_of_labels(const struct ampql_engine *engine, const struct symbols *symbols,
                                 const struct labels *labels, size_t n,
                                 const struct intake_warnings *warnings, struct ampql_result **out,
                                 struct ampql_error *err)
{
    struct ampql_result *result = new_result(engine);
    if (!result)
        return fail_nomem(err, "a result");
    struct arena temp;
    struct copier copier;
    arena_init(&temp, &engine->alc);
    result->kind = AMPQL_RESULT_MATRIX;
    result->grid = (struct grid){0, 1, 1};
    result->series = arena_zeroed(&result->arena, n, sizeof *result->series);
    bool ok = result->series && copier_init(&copier, &temp, &result->arena, symbols);
    for (; ok && result->nseries < n; result->nseries++)
        ok = copy_labels(&copier, labels[result->nseries], &result->series[result->nseries]);
    result->annotations = arena_alloc(&result->arena, warnings->n, sizeof *result->annotations);
    ok = ok && result->annotations;
    for (; ok && result->nannotations < warnings->n; result->nannotations++) {
        struct str *text = &result->annotations[result->nannotations];
        *text = arena_copy(&result->arena, warnings->at[result->nannotations]);
        ok = text->p;
    }
    arena_done(&temp);
    if (!ok) {
        ampql_result_free(result);
        return fail_nomem(err, "a result");
    }
    *out = result;
    return AMPQL_OK;
}

enum ampql_result_kind ampql_result_kind(const struct ampql_result *result)
{
    return result->kind;
}

size_t ampql_result_count(const struct ampql_result *result)
{
    return result->nseries;
}

struct ampql_series ampql_result_series(const struct ampql_result *result, size_t i)
{
    return i < result->nseries ? result->series[i] : (struct ampql_series){0};
}

void ampql_result_grid(const struct ampql_result *result, int64_t *start_ms, int64_t *step_ms,
                       size_t *nsteps)
{
    *start_ms = result->grid.start_ms;
    *step_ms = result->grid.step_ms;
    *nsteps = result->grid.n;
}

double ampql_result_scalar(const struct ampql_result *result)
{
    return result->scalar;
}

struct ampql_string ampql_result_string(const struct ampql_result *result)
{
    return (struct ampql_string){result->string.p, result->string.n};
}

struct ampql_stats ampql_result_stats(const struct ampql_result *result)
{
    return result->stats;
}

size_t ampql_result_select_count(const struct ampql_result *result)
{
    return result->nselects;
}

struct ampql_select_stats ampql_result_select(const struct ampql_result *result, size_t i)
{
    return i < result->nselects ? result->selects[i] : (struct ampql_select_stats){0};
}

void ampql_result_costs(const struct ampql_result *result, struct ampql_stats *alone,
                        struct ampql_stats *shared)
{
    *alone = *shared = (struct ampql_stats){0};
    for (size_t i = 0; i < result->nselects; i++)
        stats_add(result->selects[i].nqueries > 1 ? shared : alone, result->selects[i].stats);
}

size_t ampql_result_annotation_count(const struct ampql_result *result)
{
    return result->nannotations;
}

struct ampql_string ampql_result_annotation(const struct ampql_result *result, size_t i,
                                            bool *is_info)
{
    struct str text = i < result->nannotations ? result->annotations[i] : STR("");
    if (is_info)
        *is_info = str_has_prefix(text, STR("PromQL info"));
    return (struct ampql_string){text.p, text.n};
}
