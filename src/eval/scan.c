/* Leaves: from a select's series to rows. Lookback is here and nowhere else. */
#include "eval/stage.h"

#include "eval/extended.h"

#include "base/checked.h"
#include "base/clones.h"

/* The value of an instant selector at each step: the newest sample at or before it, unless that is
 * too old or a stale marker. An older sample is never fallen back to. */
static void look_back(const struct samples *s, const struct windows *w, bool is_timestamp,
                      struct row *out)
{
    size_t hi = 0, from, to;
    windows_reach(s, w, out, &from, &to);
    for (size_t i = from; i < to; i++) {
        int64_t ref = window_end(w, i);
        while (hi < s->n && s->t[hi] <= ref)
            hi++;
        out->v[i] = 0;
        if (hi == 0 || s->t[hi - 1] <= window_after(w, i) || is_stale(s->v[hi - 1]))
            continue;
        out->v[i] = is_timestamp ? (double)s->t[hi - 1] / 1000 : s->v[hi - 1];
        row_mark(out, i);
    }
}

/* The points that a server answered on the grid: lookback and staleness are in them already. */
static enum ampql_code take_points(struct stage *stage, const struct samples *s, struct row *out)
{
    const struct windows *w = &stage->node->windows;
    memset(out->v, 0, out->n * sizeof *out->v);
    for (size_t k = 0; k < s->n; k++) {
        int64_t step = w->step_ms ? w->step_ms : 1;
        int64_t away;
        if (!checked_sub(s->t[k], w->end_ms, &away) || away < 0 || away % step ||
            (uint64_t)(away / step) >= (w->step_ms ? w->n : 1))
            return fail(stage_err(stage), AMPQL_BAD_DATA,
                        "the source answered a time that is not on the requested grid");
        out->v[away / step] = s->v[k];
        row_mark(out, (size_t)(away / step));
    }
    if (w->step_ms == 0 && row_has(out, 0)) { /* @: one time for all steps */
        for (size_t i = 1; i < out->n; i++)
            out->v[i] = out->v[0];
        row_fill(out);
    }
    return AMPQL_OK;
}

struct scan {
    struct leaf_stage leaf;
    struct row row;
    struct unique unique; /* when dropping the name may make two series equal */
    struct scratch scratch;
    struct params params;
    const struct function *function;
    struct {
        int64_t *t;
        double *v;
        size_t cap;
    } clean; /* a series without its stale markers */
};

/* Send a series' row up, without its name where the node drops it. */
static enum ampql_code send(struct scan *scan, struct labels labels, enum unique_rule rule)
{
    struct stage *stage = &scan->leaf.stage;
    if (row_is_empty(&scan->row))
        return AMPQL_OK;
    if (stage->node->drops_name) {
        labels = stage_drop_name(stage, labels);
        if (!labels.at)
            return fail_nomem(stage_err(stage), "a series' labels");
    }
    if (stage->node->may_collide || stage->had_metadata)
        return unique_add(&scan->unique, stage, labels, &scan->row, rule);
    return stage_emit(stage, labels, &scan->row);
}

CLONES static bool has_nan(const double *v, size_t n)
{
    int64_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= -(int64_t)(v[i] != v[i]);
    return any;
}

/* The samples without stale markers: a range selector skips them, they do not split it. */
static enum ampql_code without_markers(struct scan *scan, const struct samples *in,
                                       struct samples *out)
{
    struct stage *stage = &scan->leaf.stage;
    *out = *in;
    if (!has_nan(in->v, in->n)) /* which a marker is */
        return AMPQL_OK;

    if (scan->clean.cap < in->n) {
        const struct ampql_allocator *alc = stage->eval->alc;
        alloc_put(alc, scan->clean.t, scan->clean.cap, sizeof *scan->clean.t);
        alloc_put(alc, scan->clean.v, scan->clean.cap, sizeof *scan->clean.v);
        scan->clean.t = alloc_get(alc, in->n, sizeof *scan->clean.t);
        scan->clean.v = alloc_get(alc, in->n, sizeof *scan->clean.v);
        scan->clean.cap = in->n;
        if (!scan->clean.t || !scan->clean.v)
            return fail_nomem(stage_err(stage), "a series' samples");
    }
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (is_stale(in->v[i]))
            continue;
        scan->clean.t[n] = in->t[i];
        scan->clean.v[n++] = in->v[i];
    }
    *out = (struct samples){scan->clean.t, scan->clean.v, n};
    return AMPQL_OK;
}

static enum ampql_code instant_series(struct leaf_stage *leaf, const struct fed *fed)
{
    struct scan *scan = (struct scan *)leaf;
    const struct node *node = leaf->stage.node;
    struct samples clean;
    row_clear(&scan->row);
    if (node->windows.margin_after_ms > 0) { /* smoothed: a marker is no end, as in a range */
        TRY(without_markers(scan, &fed->samples, &clean));
        extended_smooth(&clean, &node->windows, &scan->row);
    } else if (fed->is_points) {
        TRY(take_points(&leaf->stage, &fed->samples, &scan->row));
    } else {
        look_back(&fed->samples, &node->windows, node->is_timestamp, &scan->row);
    }
    return send(scan, fed->labels, UNIQUE_STEPS);
}

/* Only functions with a recipe of their own for them take anchored and smoothed windows; nobody
 * asks where there is no step. */
static enum ampql_code check_extension(struct stage *stage)
{
    static const char *const takers[] = {"changes", "resets", "delta", "increase", "rate"};
    const struct node *node = stage->node;
    const struct windows *w = &node->windows;
    size_t from = w->margin_after_ms > 0 ? 2 : 0; /* changes and resets: only anchored */
    if (w->margin_before_ms == 0 || w->n == 0)
        return AMPQL_OK;
    for (size_t i = from; i < sizeof takers / sizeof *takers; i++)
        if (strcmp(takers[i], node->function->name) == 0)
            return AMPQL_OK;
    return fail(stage_err(stage), AMPQL_EXECUTION,
                w->margin_after_ms > 0
                    ? "smoothed modifier can only be used with: delta, increase, rate - not with %s"
                    : "anchored modifier can only be used with: changes, delta, increase, rate, "
                      "resets - not with %s",
                node->function->name);
}

static enum ampql_code range_series(struct leaf_stage *leaf, const struct fed *fed)
{
    struct scan *scan = (struct scan *)leaf;
    struct stage *stage = &leaf->stage;
    struct samples clean;
    TRY(check_extension(stage));
    TRY(without_markers(scan, &fed->samples, &clean));
    TRY(eval_hold_windows(stage->eval, &clean, &stage->node->windows, stage_err(stage)));
    scan->params.at = stage->params;
    row_clear(&scan->row);
    function_run_range(scan->function, &clean, &stage->node->windows, &scan->row, &scan->scratch);
    if (scan->scratch.failed)
        return scan->scratch.failed;
    if (scan->function->note && !row_is_empty(&scan->row))
        TRY(scan->function->note(stage, fed->labels, &scan->row, &scan->params));
    return send(scan, fed->labels, stage_range_rule(stage));
}

/* An anchored or smoothed range selector as the whole query. */
static enum ampql_code keep_extended(struct stage *stage, struct labels labels,
                                     const struct samples *clean)
{
    struct arena *temp = &stage->eval->temp;
    int64_t *t = arena_alloc(temp, clean->n + 2, sizeof *t);
    double *v = arena_alloc(temp, clean->n + 2, sizeof *v);
    if (!t || !v)
        return fail_nomem(stage_err(stage), "a series' samples");
    size_t n = extended_samples(clean, &stage->node->windows, t, v);
    return stage_keep_samples(stage, labels, &(struct samples){t, v, n});
}

/* A range selector as the whole query: its samples. */
static enum ampql_code samples_series(struct leaf_stage *leaf, const struct fed *fed)
{
    struct scan *scan = (struct scan *)leaf;
    struct stage *stage = &leaf->stage;
    struct samples clean;
    TRY(without_markers(scan, &fed->samples, &clean));
    const struct windows *w = &stage->node->windows;
    if (w->margin_before_ms > 0)
        return keep_extended(stage, fed->labels, &clean);
    size_t lo = 0, hi = 0;
    window_advance(&clean, w, 0, &lo, &hi);
    clean = (struct samples){clean.t + lo, clean.v + lo, hi - lo};
    return stage_keep_samples(stage, fed->labels, &clean);
}

static enum ampql_code scan_finish(struct stage *stage)
{
    struct scan *scan = (struct scan *)stage;
    eval_give(stage->eval, &scan->row);
    return unique_emit(&scan->unique, stage);
}

static void scan_release(struct stage *stage)
{
    struct scan *scan = (struct scan *)stage;
    const struct ampql_allocator *alc = stage->eval->alc;
    unique_done(&scan->unique);
    alloc_put(alc, scan->clean.t, scan->clean.cap, sizeof *scan->clean.t);
    alloc_put(alc, scan->clean.v, scan->clean.cap, sizeof *scan->clean.v);
    alloc_put(alc, scan->scratch.v, scan->scratch.nv, sizeof *scan->scratch.v);
}

/* Also without a series. */
static enum ampql_code range_finish(struct stage *stage)
{
    TRY(check_extension(stage));
    return scan_finish(stage);
}

static const struct stage_kind scan_kind = {.finish = scan_finish, .release = scan_release};
static const struct stage_kind range_kind = {.finish = range_finish, .release = scan_release};

static struct scan *scan_new(struct eval_query *query, const struct node *node,
                             const struct stage_kind *kind)
{
    struct scan *scan = (struct scan *)stage_new(query, kind, node, sizeof *scan);
    if (!scan)
        return NULL;
    unique_init(&scan->unique, query->eval);
    if (eval_take(query->eval, node->grid->n, &scan->row, &query->err) != AMPQL_OK)
        return NULL;
    return scan;
}

struct stage *stage_instant(struct eval_query *query, const struct node *node)
{
    struct scan *scan = scan_new(query, node, &scan_kind);
    if (!scan)
        return NULL;
    scan->leaf.series = instant_series;
    return &scan->leaf.stage;
}

struct stage *stage_range(struct eval_query *query, const struct node *node)
{
    struct scan *scan = scan_new(query, node, &range_kind);
    if (!scan || stage_expect_params(&scan->leaf.stage, node->nchild, SIZE_MAX) != AMPQL_OK)
        return NULL;
    scan->leaf.series = range_series;
    scan->function = (const struct function *)node->function;
    scan->params =
        (struct params){.n = node->nchild, .dialect = query->eval->dialect, .grid = node->grid};
    scan->scratch = (struct scratch){.alc = query->eval->alc,
                                     .poll = &query->eval->poll,
                                     .params = &scan->params,
                                     .err = &query->err};
    return &scan->leaf.stage;
}

struct stage *stage_samples(struct eval_query *query, const struct node *node)
{
    struct scan *scan = scan_new(query, node, &scan_kind);
    if (!scan)
        return NULL;
    scan->leaf.series = samples_series;
    return &scan->leaf.stage;
}
