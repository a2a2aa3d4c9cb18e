/* Collecting what the leaves need, and merging it into the selects that a source is asked for. */
#include "plan/plan.h"

/* What an instant selector needs of an ANSWERS source: its value on the grid, offset already taken
 * off. */
static struct grid shifted_grid(const struct node *leaf)
{
    const struct windows *w = &leaf->windows;
    if (w->step_ms == 0 || w->n <= 1)
        return (struct grid){w->end_ms, 1, 1};
    return (struct grid){w->end_ms, w->step_ms, w->n};
}

enum ampql_code plan_want(struct plan *plan, struct node *leaf, const struct ast_selector *selector,
                          struct ampql_error *err)
{
    if (leaf->windows.n == 0) /* a subquery without points asks for nothing */
        leaf->select = SIZE_MAX;
    struct want want = {.leaf = leaf, .select = {.matchers = selector->matchers}};
    const struct windows *w = &leaf->windows;
    if (leaf->kind == NODE_INSTANT && !plan->options.has_markers) {
        want.select.kind = leaf->is_timestamp ? SELECT_GRID_TIMESTAMP : SELECT_GRID;
        want.select.grid = shifted_grid(leaf);
    } else {
        want.select.kind = SELECT_RAW;
        want.select.mint_ms = window_after(w, 0);
        want.select.maxt_ms = window_end(w, w->n ? w->n - 1 : 0);
    }
    if (w->n == 0)
        return AMPQL_OK;
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
    return 0;
}

enum ampql_code plan_finish(struct plan *plan, struct ampql_error *err)
{
    struct want *want = plan->wants.at;
    for (size_t i = 1; i < plan->wants.n; i++) { /* insertion sort: stable, and wants are few */
        struct want w = want[i];
        size_t j = i;
        for (; j > 0 && by_start(&want[j - 1], &w) > 0; j--)
            want[j] = want[j - 1];
        want[j] = w;
    }
    for (size_t i = 0; i < plan->wants.n; i++) {
        size_t s = 0;
        while (s < plan->selects.n && !merges(plan, &plan->selects.at[s], &want[i].select))
            s++;
        if (s == plan->selects.n && !array_push(&plan->selects, plan->arena, want[i].select))
            return fail_nomem(err, "the plan");
        widen(&plan->selects.at[s], &want[i].select);
        want[i].leaf->select = s;
    }
    return AMPQL_OK;
}
