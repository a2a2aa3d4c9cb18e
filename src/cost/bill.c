/* Bills: a set's steps as lines, and steps put together to longer windows. */
#include "cost/aggregate.h"

#include "base/time.h"
#include "cost/model.h"
#include "cost/parts.h"

#include <stdarg.h>
#include <stdio.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

/* ---- accumulating */

/* The name of a way to accumulate, and of which steps. */
static const struct way {
    const char *name;
    int64_t whole_ms, part_ms; /* steps that are it already; that are put together; 0: none */
    int64_t step_ms;           /* when nobody says */
    const char *steps;
} ways[] = {
    [AMPQL_COST_STEPS] = {"step", 0, 0, 0, NULL},
    [AMPQL_COST_ALL] = {"all", 0, 0, 0, NULL},
    [AMPQL_COST_HOURS] = {"hour", HOUR_MS, 0, HOUR_MS, "1h"},
    [AMPQL_COST_DAYS] = {"day", DAY_MS, HOUR_MS, DAY_MS, "1h or 1d"},
    [AMPQL_COST_WEEKS] = {"week", 7 * DAY_MS, DAY_MS, DAY_MS, "1d or 7d"},
    [AMPQL_COST_MONTHS] = {"month", 0, DAY_MS, DAY_MS, "1d"},
};

int64_t accumulate_step_ms(enum ampql_cost_accumulate how)
{
    return ways[how].step_ms;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Is a step the last one of its day, week (which ends with Saturday) or month, in UTC? */
static bool ends_here(int64_t start_ms, enum ampql_cost_accumulate how)
{
    int64_t day = floor_div(start_ms, DAY_MS), year, month, next_month, of_month;
    time_date(day, &year, &month, &of_month);
    time_date(day + 1, &year, &next_month, &of_month);
    switch (how) {
    case AMPQL_COST_DAYS:
        return floor_div(start_ms, HOUR_MS) - day * 24 == 23;
    case AMPQL_COST_WEEKS:
        return (day + 4) - floor_div(day + 4, 7) * 7 == 6; /* 1970-01-01 was a Thursday */
    case AMPQL_COST_MONTHS:
        return month != next_month;
    default:
        return false;
    }
}

static enum ampql_code check_lengths(const struct bill_window *windows, size_t n,
                                     const struct way *way, bool *is_whole, struct ampql_error *err)
{
    *is_whole = way->whole_ms != 0 && windows[0].end_ms - windows[0].start_ms == way->whole_ms;
    for (size_t i = 0; i < n && !*is_whole; i++) {
        int64_t length_ms = windows[i].end_ms - windows[i].start_ms;
        if (way->part_ms == 0 || length_ms != way->part_ms)
            return fail(err, AMPQL_BAD_DATA,
                        "accumulating by %s steps of %lld s, expected steps of %s", way->name,
                        (long long)(length_ms / 1000), way->steps);
    }
    return AMPQL_OK;
}

enum ampql_code accumulate_windows(struct ampql_allocations *bill, struct bill_window *windows,
                                   size_t n, enum ampql_cost_accumulate how,
                                   struct bill_window **out, size_t *nout, struct ampql_error *err)
{
    bool is_whole = how == AMPQL_COST_STEPS;
    if (how > AMPQL_COST_ALL)
        TRY(check_lengths(windows, n, &ways[how], &is_whole, err));
    *out = windows;
    *nout = n;
    if (is_whole)
        return AMPQL_OK;
    *nout = 0;
    *out = arena_alloc(&bill->arena, n, sizeof **out);
    if (!*out)
        return fail_nomem(err, "windows");
    for (size_t first = 0, i = 0; i < n; i++) {
        if (i + 1 < n && !ends_here(windows[i].start_ms, how))
            continue;
        TRY(aggregate_windows(bill, windows + first, i + 1 - first, &(*out)[*nout], err));
        ++*nout;
        first = i + 1;
    }
    return AMPQL_OK;
}

/* ---- the bill */

enum ampql_code bill_warn(struct ampql_allocations *bill, struct ampql_error *err,
                          const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct str s = str_make(text, n < 0                     ? 0
                                  : (size_t)n < sizeof text ? (size_t)n
                                                            : sizeof text - 1);
    for (size_t i = 0; i < bill->warnings.n; i++)
        if (str_equal(str_view(bill->warnings.at[i]), s))
            return AMPQL_OK;
    s = arena_copy(&bill->arena, s);
    return s.p && array_push(&bill->warnings, &bill->arena, cost_string(s))
               ? AMPQL_OK
               : fail_nomem(err, "a warning");
}

static enum ampql_code fill(struct ampql_allocations *bill, const struct aggregate *by,
                            struct ampql_error *err)
{
    const struct cost_set *set = bill->set;
    size_t n = set->steps ? set->nsteps : 1;
    struct bill_window *steps = arena_alloc(&bill->arena, n, sizeof *steps);
    if (!steps)
        return fail_nomem(err, "windows");
    if (by->has_parts && !parts_are_known(set))
        return parts_refuse(err);
    for (size_t i = 0; i < n; i++)
        TRY(aggregate_step(bill, set->steps ? set->steps[i] : set, by, &steps[i], err));
    TRY(accumulate_windows(bill, steps, n, by->accumulate, &bill->windows, &bill->nwindows, err));
    for (size_t i = 0; i < bill->nwindows; i++)
        TRY(parts_fill(bill, by, &bill->windows[i], err));
    TRY(parts_warn(bill, err));
    TRY(aggregate_windows(bill, bill->windows, bill->nwindows, &bill->all, err));
    return bill->nwindows > 1 ? parts_fill(bill, by, &bill->all, err) : AMPQL_OK;
}

enum ampql_code allocations_make(struct cost_set *set, const struct aggregate *by,
                                 struct ampql_allocations **out, struct ampql_error *err)
{
    struct ampql_allocations *made = alloc_get(&set->alc, 1, sizeof *made);
    *out = NULL;
    if (!made)
        return fail_nomem(err, "the bill");
    *made = (struct ampql_allocations){.set = set_hold(set), .keeps_metadata = by->keeps_metadata};
    arena_init(&made->arena, &set->alc);
    enum ampql_code code = fill(made, by, err);
    if (code == AMPQL_OK)
        *out = made;
    else
        allocations_free(made);
    return code;
}

enum ampql_code allocations_aggregate(const struct ampql_allocations *allocations,
                                      const struct ampql_aggregate_options *options,
                                      struct ampql_allocations **out, struct ampql_error *err)
{
    struct aggregate aggregate;
    struct arena work;
    *out = NULL;
    arena_init(&work, &allocations->set->alc);
    enum ampql_code code = aggregate_read(options, &work, &aggregate, err);
    if (code == AMPQL_OK)
        code = allocations_make(allocations->set, &aggregate, out, err);
    arena_done(&work);
    return code;
}

void allocations_free(struct ampql_allocations *allocations)
{
    if (!allocations)
        return;
    struct cost_set *set = allocations->set;
    struct ampql_allocator alc = set->alc;
    arena_done(&allocations->arena);
    alloc_put(&alc, allocations, 1, sizeof *allocations);
    set_release(set);
}
