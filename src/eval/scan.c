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
static enum ampql_code take_points(const struct windows *w, const struct samples *s,
                                   struct row *out, struct ampql_error *err)
{
    memset(out->v, 0, out->n * sizeof *out->v);
    for (size_t k = 0; k < s->n; k++) {
        int64_t step = w->step_ms ? w->step_ms : 1;
        int64_t away;
        if (!checked_sub(s->t[k], w->end_ms, &away) || away < 0 || away % step ||
            (uint64_t)(away / step) >= (w->step_ms ? w->n : 1))
            return fail(err, AMPQL_BAD_DATA,
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
    const struct function *function;
    struct eval_hand hand;
};

/* Send a series' row up, without its name where the node drops it. */
static enum ampql_code send(struct scan *scan, struct labels labels, struct row *row,
                            enum unique_rule rule)
{
    struct stage *stage = &scan->leaf.stage;
    if (row_is_empty(row))
        return AMPQL_OK;
    if (stage->node->drops_name) {
        labels = stage_drop_name(stage, labels);
        if (!labels.at)
            return fail_nomem(stage_err(stage), "a series' labels");
    }
    if (stage->node->may_collide || stage->had_metadata)
        return unique_add(&scan->unique, stage, labels, row, rule);
    return stage_emit(stage, labels, row);
}

CLONES static bool has_nan(const double *v, size_t n)
{
    int64_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= -(int64_t)(v[i] != v[i]);
    return any;
}

/* The samples without stale markers: a range selector skips them, they do not split it. */
static enum ampql_code without_markers(struct eval_hand *hand, const struct samples *in,
                                       struct samples *out)
{
    *out = *in;
    if (!has_nan(in->v, in->n)) /* which a marker is */
        return AMPQL_OK;

    if (hand->clean.cap < in->n) {
        alloc_put(hand->alc, hand->clean.t, hand->clean.cap, sizeof *hand->clean.t);
        alloc_put(hand->alc, hand->clean.v, hand->clean.cap, sizeof *hand->clean.v);
        hand->clean.t = alloc_get(hand->alc, in->n, sizeof *hand->clean.t);
        hand->clean.v = alloc_get(hand->alc, in->n, sizeof *hand->clean.v);
        hand->clean.cap = in->n;
        if (!hand->clean.t || !hand->clean.v)
            return fail_nomem(hand->err, "a series' samples");
    }
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (is_stale(in->v[i]))
            continue;
        hand->clean.t[n] = in->t[i];
        hand->clean.v[n++] = in->v[i];
    }
    *out = (struct samples){hand->clean.t, hand->clean.v, n};
    return AMPQL_OK;
}

/* Of any leaf that computes and commits. */
static enum ampql_code compute_series(struct leaf_stage *leaf, const struct fed *fed)
{
    struct scan *scan = (struct scan *)leaf;
    row_clear(&scan->row);
    TRY(leaf->compute(leaf, &scan->hand, fed, &scan->row));
    return leaf->commit(leaf, fed->labels, &scan->row);
}

static enum ampql_code instant_compute(const struct leaf_stage *leaf, struct eval_hand *hand,
                                       const struct fed *fed, struct row *row)
{
    const struct node *node = leaf->stage.node;
    struct samples clean;
    if (node->windows.margin_after_ms > 0) { /* smoothed: a marker is no end, as in a range */
        TRY(without_markers(hand, &fed->samples, &clean));
        extended_smooth(&clean, &node->windows, row);
    } else if (fed->is_points) {
        return take_points(&node->windows, &fed->samples, row, hand->err);
    } else {
        look_back(&fed->samples, &node->windows, node->is_timestamp, row);
    }
    return AMPQL_OK;
}

static enum ampql_code instant_commit(struct leaf_stage *leaf, struct labels labels,
                                      struct row *row)
{
    return send((struct scan *)leaf, labels, row, UNIQUE_STEPS);
}

/* Only functions with a recipe of their own for them take anchored and smoothed windows; nobody
 * asks where there is no step. */
static enum ampql_code check_extension(const struct stage *stage, struct ampql_error *err)
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
    return fail(err, AMPQL_EXECUTION,
                w->margin_after_ms > 0
                    ? "smoothed modifier can only be used with: delta, increase, rate - not with %s"
                    : "anchored modifier can only be used with: changes, delta, increase, rate, "
                      "resets - not with %s",
                node->function->name);
}

static enum ampql_code range_compute(const struct leaf_stage *leaf, struct eval_hand *hand,
                                     const struct fed *fed, struct row *row)
{
    const struct scan *scan = (const struct scan *)leaf;
    const struct stage *stage = &leaf->stage;
    const struct windows *windows = &stage->node->windows;
    struct samples clean;
    TRY(check_extension(stage, hand->err));
    TRY(without_markers(hand, &fed->samples, &clean));
    TRY(eval_hold_windows(stage->eval, &clean, windows, hand->err));
    hand->params.at = stage->params;
    function_run_range(scan->function, &clean, windows, row, &hand->scratch);
    return hand->scratch.failed;
}

static enum ampql_code range_commit(struct leaf_stage *leaf, struct labels labels, struct row *row)
{
    struct scan *scan = (struct scan *)leaf;
    struct stage *stage = &leaf->stage;
    scan->hand.params.at = stage->params;
    if (scan->function->note && !row_is_empty(row))
        TRY(scan->function->note(stage, labels, row, &scan->hand.params));
    return send(scan, labels, row, stage_range_rule(stage));
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
    TRY(without_markers(&scan->hand, &fed->samples, &clean));
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

static void hand_done(struct eval_hand *hand)
{
    alloc_put(hand->alc, hand->clean.t, hand->clean.cap, sizeof *hand->clean.t);
    alloc_put(hand->alc, hand->clean.v, hand->clean.cap, sizeof *hand->clean.v);
    alloc_put(hand->alc, hand->scratch.v, hand->scratch.nv, sizeof *hand->scratch.v);
}

static void scan_release(struct stage *stage)
{
    struct scan *scan = (struct scan *)stage;
    unique_done(&scan->unique);
    hand_done(&scan->hand);
}

/* Also without a series. */
static enum ampql_code range_finish(struct stage *stage)
{
    TRY(check_extension(stage, stage_err(stage)));
    return scan_finish(stage);
}

static const struct stage_kind scan_kind = {.finish = scan_finish, .release = scan_release};
static const struct stage_kind range_kind = {.finish = range_finish, .release = scan_release};

/* poll is the run's, or the hand's own. */
static void hand_init(struct eval_hand *hand, const struct scan *scan, struct poll *poll,
                      struct ampql_error *err)
{
    const struct stage *stage = &scan->leaf.stage;
    const struct eval *eval = stage->eval;
    const struct node *node = stage->node;
    *hand = (struct eval_hand){.alc = eval->alc, .err = err};
    hand->params = (struct params){
        .at = stage->params, .n = node->nchild, .dialect = eval->dialect, .grid = node->grid};
    hand->scratch =
        (struct scratch){.alc = eval->alc, .poll = poll, .params = &hand->params, .err = err};
}

static struct scan *scan_new(struct eval_query *query, const struct node *node,
                             const struct stage_kind *kind)
{
    struct scan *scan = (struct scan *)stage_new(query, kind, node, sizeof *scan);
    if (!scan)
        return NULL;
    hand_init(&scan->hand, scan, &query->eval->poll, &query->err);
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
    scan->leaf.series = compute_series;
    scan->leaf.compute = instant_compute;
    scan->leaf.commit = instant_commit;
    return &scan->leaf.stage;
}

struct stage *stage_range(struct eval_query *query, const struct node *node)
{
    struct scan *scan = scan_new(query, node, &range_kind);
    if (!scan || stage_expect_params(&scan->leaf.stage, node->nchild, SIZE_MAX) != AMPQL_OK)
        return NULL;
    scan->leaf.series = compute_series;
    scan->leaf.compute = range_compute;
    scan->leaf.commit = range_commit;
    scan->function = (const struct function *)node->function;
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

/* ---- by several threads */

bool eval_is_apart(const struct leaf *leaf)
{
    const struct leaf_stage *stage = (const struct leaf_stage *)leaf->stage;
    return !leaf->waiting && stage && stage->compute && !stage->stage.nwaiting;
}

struct eval_hand *eval_hand_new(const struct leaf *leaf, struct ampql_error *err)
{
    const struct scan *scan = (const struct scan *)leaf->stage;
    const struct eval *eval = leaf->stage->eval;
    struct eval_hand *hand = alloc_get(eval->alc, 1, sizeof *hand);
    if (!hand)
        return NULL;
    hand_init(hand, scan, &hand->poll, err);
    hand->poll = (struct poll){.check = eval->poll.check, .payload = eval->poll.payload};
    return hand;
}

void eval_hand_free(struct eval_hand *hand)
{
    if (!hand)
        return;
    const struct ampql_allocator *alc = hand->alc;
    hand_done(hand);
    alloc_put(alc, hand, 1, sizeof *hand);
}
