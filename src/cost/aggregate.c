/* Aggregates: allocations added up by the values of fields, which name them; what is shared goes to
 * those that carry it. In OpenCost's order: parts in idle and shared costs come from all
 * allocations, before the filter, so that what passes it costs the same with and without. */
#include "cost/aggregate.h"

#include "base/hash.h"
#include "base/number.h"
#include "cost/model.h"
#include "cost/parts.h"
#include "cost/share.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_NAME = 1 << 24 };

/* A line as it grows. */
struct line {
    struct sum sum;
    double weight; /* in shared costs: $, or whether it is there at all */
    bool carries;  /* shared costs */
};

/* Lines, found by name. */
struct lines {
    struct {
        ARRAY(struct line);
    } items;
    struct index index;
    struct buf name;             /* of the one that is looked for */
    struct arena *work, *result; /* where lines grow, where names stay */
    const struct cost_set *set;
    bool keeps_metadata;
};

static void lines_init(struct lines *lines, const struct cost_set *set, bool keeps_metadata,
                       struct arena *work, struct arena *result)
{
    *lines = (struct lines){
        .work = work, .result = result, .set = set, .keeps_metadata = keeps_metadata};
    index_init(&lines->index, &set->alc);
    buf_init(&lines->name, &set->alc, MAX_NAME);
}

static void lines_done(struct lines *lines)
{
    index_done(&lines->index);
    buf_done(&lines->name);
}

static size_t find_line(const struct lines *lines, struct str name, uint64_t hash)
{
    size_t at;
    for (size_t i = index_first(&lines->index, hash, &at); i != INDEX_NONE;
         i = index_next(&lines->index, hash, &at))
        if (str_equal(str_view(lines->items.at[i].sum.a.name), name))
            return i;
    return INDEX_NONE;
}

/* Add an item to the line of that name, whose number is *out. */
static enum ampql_code add_item(struct lines *lines, struct str name,
                                const struct ampql_allocation *item, size_t *out,
                                struct ampql_error *err)
{
    struct line fresh = {0};
    uint64_t hash = hash_bytes(name.p, name.n);
    *out = find_line(lines, name, hash);
    if (*out != INDEX_NONE)
        return sum_add(&lines->items.at[*out].sum, item, lines->work, err);
    struct str kept = arena_copy(lines->result, name);
    sum_start(&fresh.sum, item, lines->set);
    fresh.sum.keeps_metadata = lines->keeps_metadata;
    fresh.sum.a.name = cost_string(kept);
    *out = lines->items.n;
    if (!kept.p || !array_push(&lines->items, lines->work, fresh) ||
        !index_add(&lines->index, hash, *out))
        return fail_nomem(err, "aggregates");
    return AMPQL_OK;
}

static enum ampql_code end_lines(struct lines *lines, struct bill_window *out,
                                 struct ampql_error *err)
{
    out->n = 0;
    out->items = arena_alloc(lines->result, lines->items.n, sizeof *out->items);
    if (!out->items)
        return fail_nomem(err, "aggregates");
    for (; out->n < lines->items.n; out->n++) {
        TRY(sum_end(&lines->items.at[out->n].sum, lines->result, err));
        out->items[out->n] = lines->items.at[out->n].sum.a;
    }
    if (out->n)
        qsort(out->items, out->n, sizeof *out->items, allocation_compare);
    return AMPQL_OK;
}

/* All lines added up; without any, nothing for the whole window. */
static enum ampql_code add_total(struct bill_window *window, const struct cost_set *set,
                                 struct arena *work, struct arena *result, struct ampql_error *err)
{
    struct ampql_allocation nothing = {.window_start_ms = window->start_ms,
                                       .window_end_ms = window->end_ms,
                                       .start_ms = window->start_ms,
                                       .end_ms = window->end_ms};
    struct sum total;
    sum_start(&total, window->n ? &window->items[0] : &nothing, set);
    for (size_t i = 1; i < window->n; i++)
        TRY(sum_add(&total, &window->items[i], work, err));
    TRY(sum_end(&total, result, err));
    window->total = total.a;
    window->total.name = cost_string(STR(""));
    return AMPQL_OK;
}

/* ---- one step */

struct folding {
    struct ampql_allocations *bill;
    const struct cost_set *set;
    const struct aggregate *by;
    struct lines lines;
    struct share share;
    bool gives_idle, keeps_idle; /* idle costs are carried; are cut by the filter */
    bool *is_shared;             /* [set->n] */
    size_t nmine;                /* neither idle nor shared */
    double shared_cost;          /* $ */
    struct sum shared;           /* the same, by whose it is */
    struct arena *work;
    double weight, filtered; /* of all that carry shared costs; of those that do not pass */
};

/* Find out what is whose, and what all of it costs. */
static enum ampql_code part(struct folding *f, struct ampql_error *err)
{
    const struct cost_set *set = f->set;
    f->is_shared = arena_zeroed(f->work, set->n, sizeof *f->is_shared);
    if (!f->is_shared)
        return fail_nomem(err, "aggregates");
    for (size_t i = 0; i < set->n; i++) {
        const struct ampql_allocation *item = &set->items[i];
        if (allocation_is_idle(item)) {
            if (f->gives_idle)
                TRY(share_idle(&f->share, item, err));
            continue;
        }
        f->is_shared[i] = f->by->shared && filter_matches(f->by->shared, item);
        f->nmine += !f->is_shared[i];
        if (f->gives_idle || f->keeps_idle)
            TRY(share_count(&f->share, item, err));
    }
    return AMPQL_OK;
}

/* What shared costs go by: a line's own costs, or that there is one. Idle costs are not in it. */
static void weigh(struct folding *f, const struct ampql_allocation *item, struct line *line)
{
    double cost = item->total_cost - item->shared_cost;
    if (allocation_is_unmounted(item))
        return;
    if (f->by->shares_evenly) {
        double *weight = line ? &line->weight : &f->filtered;
        f->weight += *weight == 0;
        *weight = 1;
    } else {
        f->weight += cost;
        if (line)
            line->weight += cost;
    }
    if (line)
        line->carries = true;
}

static enum ampql_code add_mine(struct folding *f, const struct ampql_allocation *item,
                                struct ampql_error *err)
{
    struct ampql_allocation a = *item;
    size_t line;
    if (!filter_matches(f->by->filter, item)) {
        weigh(f, item, NULL);
        return AMPQL_OK;
    }
    if (f->by->has_parts)
        TRY(parts_of(&a, f->by->idle_by_node, f->work, err));
    if (f->keeps_idle)
        share_keep(&f->share, item);
    if (f->gives_idle)
        share_give(&f->share, &a);
    f->lines.name.n = 0;
    aggregate_name(&f->lines.name, f->by, item);
    if (f->lines.name.failed)
        return fail(err, f->lines.name.failed, "a name");
    TRY(add_item(&f->lines, buf_view(&f->lines.name), &a, &line, err));
    weigh(f, item, &f->lines.items.at[line]);
    return AMPQL_OK;
}

/* Costs that are not a line's own, with the idle costs that they carry. */
static enum ampql_code add_shared(struct folding *f, const struct ampql_allocation *item,
                                  struct ampql_error *err)
{
    struct ampql_allocation a = *item;
    double cost = item->total_cost;
    if (f->keeps_idle)
        share_keep(&f->share, item);
    if (f->gives_idle)
        cost += share_give(&f->share, &a);
    f->shared_cost += cost;
    if (!f->by->breaks_down)
        return AMPQL_OK;
    struct ampql_allocation_shared part = {
        .name = cost_string(aggregate_shared_name(f->by, item)),
        .total_cost = cost,
        .cpu_cost = a.cpu_cost + a.cpu_cost_adjustment,
        .gpu_cost = a.gpu_cost + a.gpu_cost_adjustment,
        .ram_cost = a.ram_cost + a.ram_cost_adjustment,
        .volume_cost = a.pv_cost,
        .network_cost = a.network_cost + a.network_cost_adjustment,
        .balancer_cost = a.load_balancer_cost + a.load_balancer_cost_adjustment,
        .external_cost = a.external_cost};
    return sum_shared(&f->shared, &part, 1, 1, f->work, err);
}

/* Of the hours of a step those count that are not to come. */
static enum ampql_code add_overhead(struct folding *f, struct ampql_error *err)
{
    const struct cost_set *set = f->set;
    double hours = hours_between(set->start_ms, set->end_ms);
    if (set->now_ms < set->end_ms)
        hours += hours_between(set->end_ms, set->now_ms);
    struct ampql_allocation_shared part = {.name = cost_string(STR("overheadCost")),
                                           .total_cost = f->by->shared_hourly_cost * hours};
    f->shared_cost += part.total_cost;
    if (!f->by->breaks_down || f->by->shared_hourly_cost == 0)
        return AMPQL_OK;
    return sum_shared(&f->shared, &part, 1, 1, f->work, err);
}

/* Idle costs that have a line of their own: all of them, or what nobody carries. */
static enum ampql_code add_idle(struct folding *f, const struct ampql_allocation *item,
                                struct ampql_error *err)
{
    struct ampql_allocation a = *item;
    struct str name = str_view(item->name);
    size_t line;
    if (f->gives_idle) {
        if (!filter_matches(f->by->filter, item) || !share_leave(&f->share, &a))
            return AMPQL_OK;
        name = str_view(a.cluster);
        if (f->by->idle_by_node)
            name = join_names(f->work, name, str_view(a.node));
        if (name.p)
            name = join_names(f->work, name, STR(NAME_IDLE));
        if (!name.p)
            return fail_nomem(err, "a name");
    } else if (f->keeps_idle) {
        share_scale(&f->share, &a);
    }
    return add_item(&f->lines, f->by->splits_idle ? name : STR(NAME_IDLE), &a, &line, err);
}

/* Costs in a message: to a millionth, since what sums leave behind that says nothing. */
static void write_cost(double cost, char *out)
{
    double rounded = nearbyint(cost * 1e6) / 1e6;
    number_format_general(rounded != 0 ? rounded : cost, out);
}

/* Each line its part of what is shared. */
static enum ampql_code give_shared(struct folding *f, struct ampql_error *err)
{
    bool is_given = f->weight > 0;
    if (f->shared_cost == 0 && f->shared.shared.n == 0)
        return AMPQL_OK;
    for (size_t i = 0; i < f->shared.shared.n; i++) { /* names stay when the options are gone */
        struct ampql_string *name = &f->shared.shared.at[i].name;
        *name = cost_string(arena_copy(&f->bill->arena, str_view(*name)));
        if (!name->data)
            return fail_nomem(err, "shared costs");
    }
    for (size_t i = 0; i < f->lines.items.n; i++) {
        struct line *line = &f->lines.items.at[i];
        if (!line->carries)
            continue;
        double part = line->weight > 0 && f->weight > 0 ? line->weight / f->weight : 0;
        line->sum.a.shared_cost += f->shared_cost * part;
        TRY(sum_shared(&line->sum, f->shared.shared.at, f->shared.shared.n, part, f->work, err));
    }
    if (is_given || f->shared_cost == 0)
        return AMPQL_OK;
    char cost[NUMBER_MAX + 1] = "";
    write_cost(f->shared_cost, cost);
    return bill_warn(f->bill, err, "shared costs of %s are in no line: none costs anything itself",
                     cost);
}

/* OpenCost has no bill of idle or shared costs alone. */
static enum ampql_code drop_all(struct folding *f, struct ampql_error *err)
{
    TRY(add_overhead(f, err));
    double lost = f->shared_cost;
    for (size_t i = 0; i < f->set->n; i++)
        lost += f->set->items[i].total_cost;
    if (lost == 0)
        return AMPQL_OK;
    char cost[NUMBER_MAX + 1] = "";
    write_cost(lost, cost);
    return bill_warn(f->bill, err,
                     "idle and shared costs of %s are in no line: there are no other allocations "
                     "(quirk lonely-idle)",
                     cost);
}

static enum ampql_code fold(struct folding *f, struct ampql_error *err)
{
    const struct cost_set *set = f->set;
    TRY(part(f, err));
    if (f->nmine == 0 && set->quirks.is_on[QUIRK_LONELY_IDLE])
        return drop_all(f, err);
    TRY(add_overhead(f, err));
    for (size_t i = 0; i < set->n; i++) {
        if (allocation_is_idle(&set->items[i]))
            continue;
        if (f->is_shared[i])
            TRY(add_shared(f, &set->items[i], err));
        else
            TRY(add_mine(f, &set->items[i], err));
    }
    TRY(give_shared(f, err));
    for (size_t i = 0; i < set->n; i++)
        if (allocation_is_idle(&set->items[i]))
            TRY(add_idle(f, &set->items[i], err));
    return AMPQL_OK;
}

enum ampql_code aggregate_step(struct ampql_allocations *bill, const struct cost_set *step,
                               const struct aggregate *by, struct bill_window *out,
                               struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, &step->alc);
    struct folding f = {.bill = bill,
                        .set = step,
                        .by = by,
                        .work = &work,
                        .gives_idle = by->shares_idle,
                        .keeps_idle = by->filter && !by->shares_idle};
    *out = (struct bill_window){.start_ms = step->start_ms, .end_ms = step->end_ms};
    lines_init(&f.lines, step, by->keeps_metadata, &work, &bill->arena);
    share_init(&f.share, by->idle_by_node, &step->alc, &work);
    enum ampql_code code = fold(&f, err);
    if (code == AMPQL_OK)
        code = end_lines(&f.lines, out, err);
    if (code == AMPQL_OK)
        code = add_total(out, step, &work, &bill->arena, err);
    share_done(&f.share);
    lines_done(&f.lines);
    arena_done(&work);
    return code;
}

/* ---- several windows */

static enum ampql_code add_windows(struct lines *lines, const struct bill_window *windows, size_t n,
                                   struct ampql_error *err)
{
    size_t line;
    for (size_t w = 0; w < n; w++)
        for (size_t i = 0; i < windows[w].n; i++)
            TRY(add_item(lines, str_view(windows[w].items[i].name), &windows[w].items[i], &line,
                         err));
    return AMPQL_OK;
}

enum ampql_code aggregate_windows(struct ampql_allocations *bill, const struct bill_window *windows,
                                  size_t n, struct bill_window *out, struct ampql_error *err)
{
    struct arena work;
    struct lines lines;
    if (n == 1) {
        *out = windows[0];
        return AMPQL_OK;
    }
    *out = (struct bill_window){.start_ms = windows[0].start_ms, .end_ms = windows[n - 1].end_ms};
    arena_init(&work, &bill->set->alc);
    lines_init(&lines, bill->set, bill->keeps_metadata, &work, &bill->arena);
    enum ampql_code code = add_windows(&lines, windows, n, err);
    if (code == AMPQL_OK)
        code = end_lines(&lines, out, err);
    for (size_t i = 0; code == AMPQL_OK && i < out->n; i++) {
        out->items[i].window_start_ms = out->start_ms;
        out->items[i].window_end_ms = out->end_ms;
    }
    if (code == AMPQL_OK)
        code = add_total(out, bill->set, &work, &bill->arena, err);
    lines_done(&lines);
    arena_done(&work);
    return code;
}
