/* What a server would have counted, and billed, had it evaluated the queries itself.
 *
 * The rules are those of Prometheus's engine, which AMP's totalQueryableSamples follows:
 *
 *   sel            one for each step that has a value
 *   f(sel[W])      all samples of the window, at every step: where windows overlap, the same
 * samples again and again f(expr[W:S])   what expr counts on the subquery's grid, once, and the
 * points of the window at every step
 *
 * Counted exactly for each series that is read; a subquery's own points are reckoned from how many
 * of its steps the series has, and only where each series below it is one row of it (functions,
 * arithmetic with scalars), not over aggregations and joins: there it is too low. */
#include "engine/engine.h"

#include "eval/stage.h"

/* The samples of all windows together, and how many windows have any. Both ends only move forward.
 */
static uint64_t count_windows(const struct windows *w, const struct samples *s, size_t *present)
{
    uint64_t total = 0;
    size_t from = 0, to = 0;
    *present = 0;
    for (size_t i = 0; i < w->n; i++) {
        int64_t after = window_after(w, i), end = window_end(w, i);
        while (from < s->n && s->t[from] <= after)
            from++;
        if (to < from)
            to = from;
        while (to < s->n && s->t[to] <= end)
            to++;
        total += to - from;
        *present += to > from;
    }
    return total;
}

uint64_t money_remote_samples(const struct leaf *leaf, const struct samples *samples)
{
    const struct node *node = leaf->node;
    size_t steps = node->windows.n, present = samples->n;
    uint64_t total = samples->n;
    if (node->kind != NODE_INSTANT)
        total = count_windows(&node->windows, samples, &present);
    double share = steps ? (double)present / (double)steps : 0;
    if (share > 1) /* an @ gives every step the same value */
        share = 1;
    const struct node *last = NULL;
    for (const struct stage *s = leaf->stage ? leaf->stage->above : NULL; s; s = s->above) {
        enum node_kind kind = s->node->kind;
        if (s->node == last) /* a node may be several stages */
            continue;
        last = s->node;
        if (kind == NODE_SUBQUERY && s->node->child[0]->grid) {
            const struct grid *inner = s->node->child[0]->grid;
            const struct windows *w = &s->node->windows;
            double points = inner->step_ms > 0 ? (double)w->range_ms / (double)inner->step_ms : 0;
            double read = (double)w->n * points * share;
            total += read < 1e18 ? (uint64_t)read : 0;
        } else if (kind != NODE_MAP && kind != NODE_NEGATE && kind != NODE_VECTOR_SCALAR &&
                   kind != NODE_BROADCAST) {
            break;
        }
    }
    return total;
}
