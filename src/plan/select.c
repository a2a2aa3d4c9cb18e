/* Collecting what the leaves need, and merging it into the selects that a source is asked for. */
#include "plan/plan.h"

#include "base/hash.h"
#include "base/index.h"

#include <stdlib.h>
#include <string.h>

/* What an instant selector needs of an ANSWERS source: its value on the grid, offset already taken
 * off. */
static struct grid shifted_grid(const struct node *leaf)
{
    const struct windows *w = &leaf->windows;
    if (w->step_ms == 0 || w->n <= 1)
        return (struct grid){w->end_ms, 1, 1};
    return (struct grid){w->end_ms, w->step_ms, w->n};
}

/* A selector's matchers, and those that the readers of its record bring along. */
static enum ampql_code all_matchers(const struct plan *plan, const struct ast_selector *selector,
                                    struct matchers *out, struct ampql_error *err)
{
    const struct push *push = NULL;
    for (size_t i = 0; i < plan->pushes.n; i++)
        if (plan->pushes.at[i].selector == selector)
            push = &plan->pushes.at[i];
    *out = selector->matchers;
    if (!push || push->matchers.n == 0)
        return AMPQL_OK;
    struct matcher *at = arena_alloc(plan->arena, out->n + push->matchers.n, sizeof *at);
    if (!at)
        return fail_nomem(err, "the plan");
    memcpy(at, out->at, out->n * sizeof *at);
    memcpy(at + out->n, push->matchers.at, push->matchers.n * sizeof *at);
    *out = (struct matchers){at, out->n + push->matchers.n};
    return AMPQL_OK;
}

enum ampql_code plan_want(struct plan *plan, struct node *leaf, const struct ast_selector *selector,
                          struct ampql_error *err)
{
    const struct windows *w = &leaf->windows;
    struct want want = {.leaf = leaf};
    bool reads_source = true;
    leaf->selector = selector;
    leaf->select = leaf->recorded = PLAN_NONE;
    if (w->n == 0) /* a subquery without points asks for nothing */
        return AMPQL_OK;
    TRY(all_matchers(plan, selector, &want.select.matchers, err));
    if (plan->options.records)
        TRY(plan_want_records(plan, leaf, want.select.matchers, &reads_source, err));
    if (!reads_source || plan->is_trial)
        return AMPQL_OK;

    bool is_smoothed = w->margin_after_ms > 0; /* which asks nobody whether the series has ended */
    if (leaf->kind == NODE_INSTANT && !plan->options.has_markers && !is_smoothed) {
        leaf->takes_points = true;
        want.select.kind = leaf->is_timestamp ? SELECT_GRID_TIMESTAMP : SELECT_GRID;
        want.select.grid = shifted_grid(leaf);
    } else {
        want.select.kind = SELECT_RAW;
        want.select.mint_ms = window_after(w, 0);
        want.select.maxt_ms = window_end(w, w->n - 1);
    }
    return array_push(&plan->wants, plan->arena, want) ? AMPQL_OK : fail_nomem(err, "the plan");
}

/* Can one select serve both? RAW windows grow together when they touch, or always when the source
 * holds samples (its scan of a series costs little); grids must be equal. */
static bool merges(const struct plan *plan, const struct select *a, const struct select *b)
{
    if (a->kind != b->kind || !matchers_equal(a->matchers, b->matchers))
        return false;
    if (a->kind == SELECT_RAW)
        return plan->options.has_markers || (a->mint_ms <= b->maxt_ms && b->mint_ms <= a->maxt_ms);
    return a->grid.start_ms == b->grid.start_ms && a->grid.step_ms == b->grid.step_ms &&
           a->grid.n == b->grid.n;
}

static void widen(struct select *a, const struct select *b)
{
    if (b->mint_ms < a->mint_ms)
        a->mint_ms = b->mint_ms;
    if (b->maxt_ms > a->maxt_ms)
        a->maxt_ms = b->maxt_ms;
}

/* RAW wants by their start, so that one pass from left to right finds all that touch; the rest as
 * they came. */
static int by_start(const void *a, const void *b)
{
    const struct want *x = a, *y = b;
    if (x->select.kind != y->select.kind)
        return x->select.kind < y->select.kind ? -1 : 1;
    if (x->select.kind == SELECT_RAW && x->select.mint_ms != y->select.mint_ms)
        return x->select.mint_ms < y->select.mint_ms ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Selects that can be one have the same. */
static uint64_t select_hash(const struct select *select)
{
    uint64_t parts[5] = {select->kind, matchers_hash(select->matchers)};
    if (select->kind != SELECT_RAW) {
        parts[2] = (uint64_t)select->grid.start_ms;
        parts[3] = (uint64_t)select->grid.step_ms;
        parts[4] = select->grid.n;
    }
    return hash_bytes(parts, sizeof parts);
}

/* The select that serves a want: one that there is, widened, or a new one. */
static bool place(struct plan *plan, struct index *index, struct want *want)
{
    uint64_t hash = select_hash(&want->select);
    size_t at, s = index_first(index, hash, &at);
    while (s != INDEX_NONE && !merges(plan, &plan->selects.at[s], &want->select))
        s = index_next(index, hash, &at);
    if (s == INDEX_NONE) {
        s = plan->selects.n;
        if (!array_push(&plan->selects, plan->arena, want->select) || !index_add(index, hash, s))
            return false;
    }
    widen(&plan->selects.at[s], &want->select);
    want->leaf->select = s;
    return true;
}

enum ampql_code plan_merge(struct plan *plan, struct ampql_error *err)
{
    struct index index;
    bool ok = true;
    for (size_t i = 0; i < plan->wants.n; i++)
        plan->wants.at[i].number = i;
    if (plan->wants.n)
        qsort(plan->wants.at, plan->wants.n, sizeof *plan->wants.at, by_start);
    index_init(&index, plan->arena->alc);
    for (size_t i = 0; i < plan->wants.n && ok; i++)
        ok = place(plan, &index, &plan->wants.at[i]);
    index_done(&index);
    return ok ? AMPQL_OK : fail_nomem(err, "the plan");
}
