/* The reference evaluator's entry, its selectors and its subqueries. */
#include "reference/table.h"

#include "base/duration.h"
#include "base/regex.h"
#include "plan/plan.h"
#include "series/sample.h"

#include <math.h>
#include <stdlib.h>

/* Steps per second of an expression in brackets; step() is 0 in an instant query. */
static double eval_time(struct ref_run *run, const struct ast_time_expr *e)
{
    double a = e->lhs ? eval_time(run, e->lhs) : 0;
    double b = e->rhs ? eval_time(run, e->rhs) : 0;
    switch (e->kind) {
    case TIME_LITERAL:
        return e->seconds;
    case TIME_STEP:
        return (double)run->options.step_ms / 1000;
    case TIME_RANGE:
        return (double)(run->query_end - run->query_start) / 1000;
    case TIME_UNARY_MINUS:
        return -a;
    case TIME_MIN:
        return ref_min(a, b);
    case TIME_MAX:
        return ref_max(a, b);
    case TIME_BINARY:
        break;
    }
    return ref_operator(e->op, a, b);
}

static int64_t duration_ms(struct ref_run *run, const struct ast_duration *d, bool must_be_positive)
{
    if (!d->expr)
        return d->ms;
    double seconds = eval_time(run, d->expr);
    if (isnan(seconds) || isinf(seconds))
        ref_fail(run, AMPQL_EXECUTION, "duration is NaN or infinite");
    if (must_be_positive && seconds < 0.001)
        ref_fail(run, AMPQL_EXECUTION, "duration must be greater than 0");
    if (fabs(seconds) > 9223372036.854775807)
        ref_fail(run, AMPQL_EXECUTION, "duration is out of range");
    return (int64_t)(seconds * 1000);
}

/* Where a selector or subquery looks from at evaluation time t: @ replaces t, the offset goes back.
 */
static int64_t look_from(struct ref_run *run, const struct at *at, int64_t offset, int64_t t)
{
    switch (at->kind) {
    case AT_NONE:
        break;
    case AT_TIME:
        t = at->ms;
        break;
    case AT_START:
        t = run->query_start;
        break;
    case AT_END:
        t = run->query_end;
        break;
    }
    return ref_minus(t, offset);
}

static struct ref_labels labels_of(const struct reference_series *series)
{
    return (struct ref_labels){.at = series->labels, .n = series->nlabels};
}

static bool matches_regex(struct ref_run *run, struct str source, struct str value)
{
    struct regex *regex = NULL;
    struct ampql_error err = {0};
    enum ampql_code code = regex_new(
        &alloc_default, source, run->prom2 ? REGEX_DOT_NO_NEWLINE : REGEX_DOT_ALL, &regex, &err);
    if (code != AMPQL_OK)
        ref_fail(run, code, "%s", err.message);
    bool is_match = regex_match(regex, value);
    regex_free(regex);
    return is_match;
}

static bool is_selected(struct ref_run *run, const struct matchers *matchers,
                        const struct reference_series *series)
{
    for (size_t i = 0; i < matchers->n; i++) {
        const struct matcher *m = &matchers->at[i];
        struct str value = ref_get(labels_of(series), m->name);
        bool is_match = m->op == MATCH_EQUAL || m->op == MATCH_NOT_EQUAL
                            ? str_equal(value, m->value)
                            : matches_regex(run, m->value, value);
        if (is_match != (m->op == MATCH_EQUAL || m->op == MATCH_REGEX))
            return false;
    }
    return true;
}

/* The newest sample not after `from`, when it is young enough and no stale marker. */
static bool look_back(const struct ref_run *run, const struct reference_series *series,
                      int64_t from, size_t *found)
{
    size_t n = 0;
    while (n < series->n && series->t[n] <= from)
        n++;
    if (n == 0)
        return false;
    int64_t oldest = ref_minus(from, run->options.lookback_ms);
    if (run->prom2 ? series->t[n - 1] < oldest : series->t[n - 1] <= oldest)
        return false;
    *found = n - 1;
    return !is_stale(series->v[n - 1]);
}

static void add_point(struct ref_points *points, int64_t t, double v)
{
    points->t[points->n] = t;
    points->v[points->n++] = v;
}

/* Without the stale markers, which ranges and smoothed selectors do not see. */
static struct ref_points samples_of(struct ref_run *run, const struct reference_series *series)
{
    struct ref_points points = {.labels = labels_of(series)};
    points.t = ref_alloc(run, series->n, sizeof *points.t);
    points.v = ref_alloc(run, series->n, sizeof *points.v);
    for (size_t k = 0; k < series->n; k++)
        if (!is_stale(series->v[k]))
            add_point(&points, series->t[k], series->v[k]);
    return points;
}

struct ref_table *ref_select(struct ref_run *run, const struct ast *ast, struct ref_grid grid,
                             bool timestamps)
{
    const struct ast_selector *sel = &ast->u.selector;
    int64_t offset = duration_ms(run, &sel->offset, false);
    struct ref_table *table = ref_table_new(run, VALUE_VECTOR, grid.n);
    for (size_t i = 0; i < run->n; i++) {
        const struct reference_series *series = run->series[i];
        if (!is_selected(run, &sel->matchers, series))
            continue;
        struct ref_row *row = ref_row_new(run, table, labels_of(series));
        for (size_t s = 0; s < grid.n; s++) {
            int64_t from = look_from(run, &sel->at, offset, ref_grid_time(&grid, s));
            size_t k = 0;
            if (sel->extension == EXTENSION_SMOOTHED && !timestamps) {
                struct ref_points points = samples_of(run, series);
                row->here[s] = ref_smooth(run, &points, from, &row->v[s]);
                continue;
            }
            row->here[s] = look_back(run, series, from, &k);
            if (row->here[s])
                row->v[s] = timestamps ? (double)series->t[k] / 1000 : series->v[k];
        }
    }
    return ref_merge(run, table, false);
}

static void select_points(struct ref_run *run, const struct ast_selector *sel,
                          struct ref_matrix *out)
{
    out->at = ref_alloc(run, run->n, sizeof *out->at);
    for (size_t i = 0; i < run->n; i++) {
        const struct reference_series *series = run->series[i];
        if (!is_selected(run, &sel->matchers, series))
            continue;
        out->at[out->n++] = samples_of(run, series);
    }
}

/* The steps of a subquery lie on multiples of its step since the epoch. */
static struct ref_grid subquery_grid(const struct ref_run *run, int64_t first, int64_t last,
                                     int64_t range, int64_t step)
{
    int64_t after = ref_minus(first, range);
    int64_t start = step * (after / step);
    if (run->prom2 ? start < after : start <= after)
        start += step;
    struct ref_grid grid = {start, step, 0};
    if (last >= start)
        grid.n = (size_t)((last - start) / step) + 1;
    return grid;
}

static void subquery_points(struct ref_run *run, const struct ast_subquery *sub,
                            const int64_t *ends, size_t nends, int64_t range,
                            struct ref_matrix *out)
{
    if (nends == 0)
        return;
    int64_t step =
        sub->has_step ? duration_ms(run, &sub->step, true) : run->options.default_interval_ms;
    struct ref_grid grid = subquery_grid(run, ends[0], ends[nends - 1], range, step);
    struct ref_table *inner = ref_eval(run, sub->expr, grid);
    out->at = ref_alloc(run, inner->n, sizeof *out->at);
    for (size_t i = 0; i < inner->n; i++) {
        struct ref_points *points = &out->at[out->n++];
        points->labels = inner->at[i].labels;
        points->t = ref_alloc(run, grid.n, sizeof *points->t);
        points->v = ref_alloc(run, grid.n, sizeof *points->v);
        for (size_t s = 0; s < grid.n; s++)
            if (inner->at[i].here[s])
                add_point(points, ref_grid_time(&grid, s), inner->at[i].v[s]);
    }
}

struct ref_matrix ref_eval_matrix(struct ref_run *run, const struct ast *ast, struct ref_grid grid)
{
    ast = ast_unwrap(ast);
    bool is_selector = ast->kind == AST_SELECTOR;
    const struct ast_selector *sel = &ast->u.selector;
    const struct ast_subquery *sub = &ast->u.subquery;
    int64_t offset = duration_ms(run, is_selector ? &sel->offset : &sub->offset, false);
    struct ref_matrix matrix = {
        .range_ms = duration_ms(run, is_selector ? &sel->range : &sub->range, true)};
    matrix.end = ref_alloc(run, grid.n, sizeof *matrix.end);
    for (size_t s = 0; s < grid.n; s++)
        matrix.end[s] =
            look_from(run, is_selector ? &sel->at : &sub->at, offset, ref_grid_time(&grid, s));
    if (is_selector)
        select_points(run, sel, &matrix);
    else
        subquery_points(run, sub, matrix.end, grid.n, matrix.range_ms, &matrix);
    return matrix;
}

struct ref_window ref_window(struct ref_run *run, const struct ref_matrix *matrix, size_t i,
                             struct ref_grid grid, size_t step)
{
    const struct ref_points *points = &matrix->at[i];
    struct ref_window w = {
        .end = matrix->end[step],
        .range_ms = matrix->range_ms,
        .eval_ms = ref_grid_time(&grid, step),
        .prom2 = run->prom2,
    };
    int64_t left = ref_minus(w.end, w.range_ms);
    for (size_t k = 0; k < points->n; k++) {
        if (points->t[k] > w.end || (run->prom2 ? points->t[k] < left : points->t[k] <= left))
            continue;
        if (w.n == 0) {
            w.t = points->t + k;
            w.v = points->v + k;
        }
        w.n++;
    }
    return w;
}

static struct ref_table *eval_unary(struct ref_run *run, const struct ast *ast,
                                    struct ref_grid grid)
{
    struct ref_table *table = ref_eval(run, ast->u.unary.expr, grid);
    if (!ast->u.unary.is_minus)
        return table;
    if (table->type == VALUE_SCALAR) {
        for (size_t s = 0; s < grid.n; s++)
            table->scalar[s] = -table->scalar[s];
        return table;
    }
    for (size_t i = 0; i < table->n; i++) {
        table->at[i].labels = ref_drop_name(run, table->at[i].labels);
        for (size_t s = 0; s < grid.n; s++)
            table->at[i].v[s] = -table->at[i].v[s];
    }
    return ref_merge(run, table, run->prom2);
}

static struct ref_table *eval_number(struct ref_run *run, double value, struct ref_grid grid)
{
    struct ref_table *table = ref_table_new(run, VALUE_SCALAR, grid.n);
    for (size_t s = 0; s < grid.n; s++)
        table->scalar[s] = value;
    return table;
}

static struct ref_table *eval_string(struct ref_run *run, struct str string, struct ref_grid grid)
{
    struct ref_table *table = ref_table_new(run, VALUE_STRING, grid.n);
    table->string = string;
    return table;
}

struct ref_table *ref_eval(struct ref_run *run, const struct ast *ast, struct ref_grid grid)
{
    bool is_literal = ast->kind == AST_NUMBER || ast->kind == AST_STRING;
    if (grid.n == 0 && !is_literal && !run->prom2)
        return ref_table_new(run, ast->type, 0);
    if (grid.n == 0 && !is_literal && ast->type != VALUE_MATRIX && ast->is_invariant)
        ref_eval(run, ast, (struct ref_grid){grid.start, grid.step, 1}); /* for its errors */
    switch (ast->kind) {
    case AST_NUMBER:
        return eval_number(run, ast->u.number.value, grid);
    case AST_STRING:
        return eval_string(run, ast->u.string, grid);
    case AST_SELECTOR:
        return ref_select(run, ast, grid, false);
    case AST_SUBQUERY:
        break;
    case AST_CALL:
        return ref_call(run, ast, grid);
    case AST_AGGREGATE:
        return ref_aggregate(run, ast, grid);
    case AST_BINARY:
        return ref_binary(run, ast, grid);
    case AST_UNARY:
        return eval_unary(run, ast, grid);
    case AST_PAREN:
        return ref_eval(run, ast->u.paren, grid);
    }
    ref_fail(run, AMPQL_INTERNAL, "a range vector where a vector was expected");
}

static int by_labels(const void *a, const void *b)
{
    const struct reference_series *x = a, *y = b;
    return reference_labels_compare(x->labels, x->nlabels, y->labels, y->nlabels);
}

static int by_labels_indirect(const void *a, const void *b)
{
    return by_labels(*(const struct reference_series *const *)a,
                     *(const struct reference_series *const *)b);
}

static void add_series(struct reference_result *out, struct ref_labels labels, const int64_t *t,
                       const double *v, size_t n)
{
    out->series[out->n++] = (struct reference_series){labels.at, labels.n, t, v, n};
}

static void give_table(struct ref_run *run, struct ref_table *table, struct ref_grid grid,
                       struct reference_result *out)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->at[i].labels.loses_name)
            table->at[i].labels = ref_remove_name(run, table->at[i].labels);
    if (run->delays_names)
        table = ref_merge(run, table, false);
    out->series = ref_alloc(run, table->n, sizeof *out->series);
    for (size_t i = 0; i < table->n; i++) {
        int64_t *t = ref_alloc(run, grid.n, sizeof *t);
        double *v = ref_alloc(run, grid.n, sizeof *v);
        size_t n = 0;
        for (size_t s = 0; s < grid.n; s++) {
            if (!table->at[i].here[s])
                continue;
            t[n] = ref_grid_time(&grid, s);
            v[n++] = table->at[i].v[s];
        }
        if (n > 0)
            add_series(out, table->at[i].labels, t, v, n);
    }
}

/* Put the samples of a window among those of a series that are there already. */
static void merge_window(struct ref_run *run, struct reference_series *into,
                         const struct ref_window *w)
{
    int64_t *t = ref_alloc(run, into->n + w->n, sizeof *t);
    double *v = ref_alloc(run, into->n + w->n, sizeof *v);
    memcpy(t, into->t, into->n * sizeof *t);
    memcpy(v, into->v, into->n * sizeof *v);
    for (size_t i = 0; i < w->n; i++) {
        size_t k = into->n++;
        for (; k > 0 && t[k - 1] >= w->t[i]; k--) {
            if (t[k - 1] == w->t[i])
                ref_fail(run, AMPQL_EXECUTION,
                         "vector cannot contain metrics with the same labelset");
            t[k] = t[k - 1];
            v[k] = v[k - 1];
        }
        t[k] = w->t[i];
        v[k] = w->v[i];
    }
    into->t = t;
    into->v = v;
}

static void give_matrix(struct ref_run *run, const struct ast *ast, struct ref_grid grid,
                        struct reference_result *out)
{
    struct ref_matrix matrix = ref_eval_matrix(run, ast, grid);
    out->series = ref_alloc(run, matrix.n, sizeof *out->series);
    for (size_t i = 0; i < matrix.n; i++) {
        struct ref_window w = ref_window(run, &matrix, i, grid, 0);
        struct ref_labels labels = matrix.at[i].labels;
        if (ref_is_extended(ast)) {
            struct ref_points points = ref_extended_points(
                run, ast, &matrix.at[i], ref_minus(matrix.end[0], matrix.range_ms), matrix.end[0]);
            w = (struct ref_window){.t = points.t, .v = points.v, .n = points.n};
        }
        struct reference_series *same = NULL;
        if (w.n == 0)
            continue;
        if (labels.loses_name)
            labels = ref_remove_name(run, labels);
        for (size_t k = 0; k < out->n && run->delays_names; k++)
            if (reference_labels_compare(out->series[k].labels, out->series[k].nlabels, labels.at,
                                         labels.n) == 0)
                same = &out->series[k];
        if (same)
            merge_window(run, same, &w);
        else
            add_series(out, labels, w.t, w.v, w.n);
    }
}

/* A range query's scalar is a series without labels. */
static struct ref_table *as_vector(struct ref_run *run, struct ref_table *scalar)
{
    struct ref_table *table = ref_table_new(run, VALUE_VECTOR, scalar->nsteps);
    struct ref_row *row = ref_row_new(run, table, (struct ref_labels){0});
    for (size_t s = 0; s < scalar->nsteps; s++) {
        row->here[s] = true;
        row->v[s] = scalar->scalar[s];
    }
    return table;
}

static void evaluate(struct ref_run *run, const struct ast *ast, struct reference_result *out)
{
    const struct reference_options *o = &run->options;
    bool is_range = o->step_ms > 0;
    struct ref_grid grid = {o->start_ms, is_range ? o->step_ms : 1, 1};
    if (is_range)
        grid.n = (size_t)((o->end_ms - o->start_ms) / o->step_ms) + 1;
    if (ast->type == VALUE_MATRIX && !is_range) {
        out->kind = AMPQL_RESULT_MATRIX;
        give_matrix(run, ast, grid, out);
    } else {
        struct ref_table *table = ref_eval(run, ast, grid);
        out->kind = is_range                      ? AMPQL_RESULT_MATRIX
                    : table->type == VALUE_SCALAR ? AMPQL_RESULT_SCALAR
                    : table->type == VALUE_STRING ? AMPQL_RESULT_STRING
                                                  : AMPQL_RESULT_VECTOR;
        if (out->kind == AMPQL_RESULT_SCALAR)
            out->scalar = table->scalar[0];
        else if (out->kind == AMPQL_RESULT_STRING)
            out->string = table->string;
        else
            give_table(run, table->type == VALUE_SCALAR ? as_vector(run, table) : table, grid, out);
    }
    if (out->kind == AMPQL_RESULT_MATRIX && out->n > 1)
        qsort(out->series, out->n, sizeof *out->series, by_labels);
}

enum ampql_code reference_run(const struct ast *ast, const struct reference_series *series,
                              size_t n, const struct reference_options *options,
                              struct reference_result *out, struct ampql_error *err)
{
    *out = (struct reference_result){0};
    arena_init(&out->arena, &alloc_default);
    struct ref_run run = {.arena = &out->arena, .n = n, .options = *options, .err = err};
    run.prom2 = options->dialect == AMPQL_PROM2;
    run.delays_names = options->delayed_name_removal && !run.prom2;
    run.query_start = options->start_ms;
    run.query_end = options->step_ms > 0 ? options->end_ms : options->start_ms;
    if (run.options.lookback_ms <= 0)
        run.options.lookback_ms = 5 * 60000;
    if (run.options.default_interval_ms <= 0)
        run.options.default_interval_ms = 60000;
    enum ampql_code code = (enum ampql_code)setjmp(run.failed);
    if (code != AMPQL_OK)
        return code;
    if (options->step_ms > 0 && ast->type != VALUE_SCALAR && ast->type != VALUE_VECTOR)
        ref_fail(&run, AMPQL_BAD_DATA,
                 "invalid expression type \"%s\" for range query, must be Scalar or instant Vector",
                 value_type_text(ast->type));
    run.series = ref_alloc(&run, n, sizeof *run.series);
    for (size_t i = 0; i < n; i++)
        run.series[i] = &series[i];
    if (n > 1)
        qsort(run.series, n, sizeof *run.series, by_labels_indirect);
    evaluate(&run, ast, out);
    return AMPQL_OK;
}

void reference_result_free(struct reference_result *result)
{
    if (result->arena.alc)
        arena_done(&result->arena);
    *result = (struct reference_result){0};
}
