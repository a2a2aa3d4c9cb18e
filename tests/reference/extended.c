/* anchored and smoothed selectors in the reference evaluator: a range with its own two ends, put
 * together sample by sample. */
#include "reference/table.h"

#include <stdlib.h>

/* The samples of a series that count for one range (start, end]: those that a lookback before it
 * and, smoothed, a lookback behind it can see. */
struct view {
    const struct ref_points *points;
    size_t from, to; /* [from, to) */
    int64_t start, end;
    bool is_smoothed, is_counter;
};

static struct view view_of(struct ref_run *run, const struct ref_points *points, int64_t start,
                           int64_t end, bool is_smoothed)
{
    int64_t lookback = run->options.lookback_ms;
    int64_t last = is_smoothed ? ref_minus(end, -lookback) : end;
    struct view v = {.points = points, .start = start, .end = end, .is_smoothed = is_smoothed};
    while (v.from < points->n && points->t[v.from] <= ref_minus(start, lookback))
        v.from++;
    v.to = v.from;
    while (v.to < points->n && points->t[v.to] <= last)
        v.to++;
    return v;
}

/* What the line from sample i to the next one is at t. */
static double on_line(const struct view *v, size_t i, int64_t t)
{
    const struct ref_points *p = v->points;
    double a = p->v[i], b = p->v[i + 1];
    if (v->is_counter && b < a)
        a = 0;
    return a + (b - a) * (double)(t - p->t[i]) / (double)(p->t[i + 1] - p->t[i]);
}

/* The value that holds at t: of the sample there; smoothed, on the line between its neighbours;
 * else of the one before, or when there is none, of the first. */
static double value_at(const struct view *v, int64_t t)
{
    const struct ref_points *p = v->points;
    for (size_t i = v->from; i < v->to; i++) {
        if (p->t[i] == t)
            return p->v[i];
        if (p->t[i] > t)
            return i == v->from ? p->v[i] : v->is_smoothed ? on_line(v, i - 1, t) : p->v[i - 1];
    }
    return p->v[v->to - 1];
}

/* The start of the range, the samples inside it, and its end. False when it is about nothing. */
static bool make_knots(struct ref_run *run, const struct view *v, struct ref_points *out)
{
    const struct ref_points *p = v->points;
    if (v->from == v->to || p->t[v->to - 1] <= v->start)
        return false;
    out->t = ref_alloc(run, v->to - v->from + 2, sizeof *out->t);
    out->v = ref_alloc(run, v->to - v->from + 2, sizeof *out->v);
    out->t[0] = v->start;
    out->v[0] = value_at(v, v->start);
    out->n = 1;
    for (size_t i = v->from; i < v->to; i++) {
        if (p->t[i] <= v->start || p->t[i] >= v->end)
            continue;
        out->t[out->n] = p->t[i];
        out->v[out->n++] = p->v[i];
    }
    out->t[out->n] = v->end;
    out->v[out->n++] = value_at(v, v->end);
    return true;
}

static bool change(struct ref_run *run, struct view *v, bool is_counter, bool is_rate, double *out)
{
    struct ref_points knots = {0};
    double lost = 0;
    v->is_counter = is_counter;
    if (!make_knots(run, v, &knots) || v->points->t[v->from] > v->end)
        return false;
    for (size_t i = 1; is_counter && i < knots.n; i++)
        if (knots.v[i] < knots.v[i - 1])
            lost += knots.v[i - 1];
    *out = knots.v[knots.n - 1] - knots.v[0];
    if (is_counter)
        *out += lost;
    if (is_rate)
        *out /= ref_seconds(v->end - v->start);
    return true;
}

/* Neighbours, from the newest sample at or before the start on. */
static bool count(const struct view *v, bool counts_falls, double *out)
{
    const struct ref_points *p = v->points;
    size_t first = v->from;
    if (v->from == v->to || p->t[v->to - 1] <= v->start)
        return false;
    while (p->t[first + 1 < v->to ? first + 1 : first] <= v->start)
        first++;
    *out = 0;
    for (size_t i = first + 1; i < v->to; i++) {
        double a = p->v[i - 1], b = p->v[i];
        *out += counts_falls ? b < a : a != b && (a == a || b == b);
    }
    return true;
}

static bool evaluate(struct ref_run *run, struct view *v, struct str function, double *out)
{
    if (str_equal(function, STR("changes")) || str_equal(function, STR("resets")))
        return count(v, str_equal(function, STR("resets")), out);
    bool is_rate = str_equal(function, STR("rate"));
    return change(run, v, is_rate || str_equal(function, STR("increase")), is_rate, out);
}

static void refuse_others(struct ref_run *run, struct str function, bool is_smoothed)
{
    const struct str takers[] = {STR("delta"), STR("increase"), STR("rate"), STR("changes"),
                                 STR("resets")};
    for (size_t i = 0; i < (is_smoothed ? 3 : 5); i++)
        if (str_equal(function, takers[i]))
            return;
    ref_fail(run, AMPQL_EXECUTION, "%s modifier can only be used with: %s - not with %.*s",
             is_smoothed ? "smoothed" : "anchored",
             is_smoothed ? "delta, increase, rate" : "changes, delta, increase, rate, resets",
             STR_ARGS(function));
}

bool ref_is_extended(const struct ast *ast)
{
    ast = ast_unwrap(ast);
    return ast->kind == AST_SELECTOR && ast->u.selector.has_range &&
           ast->u.selector.extension != EXTENSION_NONE;
}

static bool is_smoothed(const struct ast *selector)
{
    return ast_unwrap(selector)->u.selector.extension == EXTENSION_SMOOTHED;
}

struct ref_table *ref_extended_call(struct ref_run *run, const struct ast *ast,
                                    struct ref_grid grid)
{
    const struct ast *arg = NULL;
    for (size_t i = 0; i < ast->u.call.nargs; i++)
        if (ast->u.call.args[i]->type == VALUE_MATRIX)
            arg = ast->u.call.args[i];
    struct str function = str_of(ast->u.call.function->name);
    if (grid.n > 0) /* otherwise nobody asks */
        refuse_others(run, function, is_smoothed(arg));
    struct ref_matrix matrix = ref_eval_matrix(run, arg, grid);
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, grid.n);
    for (size_t i = 0; i < matrix.n; i++) {
        struct ref_row *row = ref_row_new(run, out, ref_drop_name(run, matrix.at[i].labels));
        for (size_t s = 0; s < grid.n; s++) {
            int64_t end = matrix.end[s], start = ref_minus(end, matrix.range_ms);
            struct view v = view_of(run, &matrix.at[i], start, end, is_smoothed(arg));
            row->here[s] = evaluate(run, &v, function, &row->v[s]);
        }
    }
    return ref_merge(run, out, false);
}

struct ref_points ref_extended_points(struct ref_run *run, const struct ast *ast,
                                      const struct ref_points *points, int64_t start, int64_t end)
{
    struct ref_points out = {0};
    struct view v = view_of(run, points, start, end, is_smoothed(ast));
    make_knots(run, &v, &out);
    out.labels = points->labels;
    return out;
}

bool ref_smooth(struct ref_run *run, const struct ref_points *points, int64_t t, double *out)
{
    struct view v = view_of(run, points, t, t, true);
    if (v.from == v.to || points->t[v.from] > t)
        return false;
    *out = value_at(&v, t);
    return true;
}
