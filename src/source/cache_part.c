/* Parts of an answer: read from entries, and joined to one. */
#include "source/cache_state.h"

#include "source/sink.h"

enum ampql_code part_warnings(struct shelf_entry *entry, const struct ampql_sink *sink,
                              struct ampql_error *err)
{
    for (size_t i = 0; i < sink->warnings.n; i++) {
        struct str copy = arena_copy(&entry->arena, sink->warnings.at[i]);
        if (!copy.p || !array_push(&entry->warnings, &entry->arena, copy))
            return fail_nomem(err, "a warning");
    }
    return AMPQL_OK;
}

/* A coarser grid has every so many points of a finer one. */
static void thin_out(const struct shelf_question *question, const struct shelf_use *use,
                     const struct held_part *part, struct sample_room *room,
                     struct samples *samples)
{
    if (!held_is_window(&question->held) && use->held.step_ms != question->held.step_ms)
        *samples = samples_thin(samples, part->from_ms, question->held.step_ms, room->t, room->v);
}

enum ampql_code part_scan(const struct shelf_question *question, const struct shelf_use *use,
                          const struct held_part *part, struct ampql_sink *sink,
                          struct sample_room *room, struct ampql_error *err)
{
    const struct hold *hold = &use->entry->hold;
    bool is_listing = question->held.kind == HELD_LISTING;
    int64_t after_ms = part->from_ms - !held_is_window(&question->held);
    for (size_t i = 0; i < use->entry->warnings.n; i++)
        TRY(sink_warn(sink, use->entry->warnings.at[i]));
    for (size_t i = 0; i < hold->columns.n; i++) {
        size_t series = hold->sets.order[i];
        struct samples samples = {0};
        if (hold->columns.at[series].n == 0)
            continue;
        if (!is_listing) {
            TRY(hold_read(hold, series, room, &samples, err));
            samples = samples_clip(&samples, after_ms, part->to_ms);
            thin_out(question, use, part, room, &samples);
            if (samples.n == 0)
                continue;
        }
        TRY(store_push(&hold->sets, hold->sets.series.at[series].labels, &samples, sink));
    }
    return AMPQL_OK;
}

/* The whole is as good as its parts: what any of them says of times that were not settled holds. */
static void add_age(struct shelf_entry *whole, const struct shelf_use *use,
                    const struct held_part *part)
{
    const struct shelf_entry *e = use->entry;
    bool is_unsettled = part->to_ms > e->settled_ms;
    if (e->oldest_ms < whole->oldest_ms)
        whole->oldest_ms = e->oldest_ms;
    if (is_unsettled && e->asked_ms < whole->asked_ms)
        whole->asked_ms = e->asked_ms;
    if (is_unsettled && e->settled_ms < whole->settled_ms)
        whole->settled_ms = e->settled_ms;
}

enum ampql_code part_join(const struct ampql_allocator *alc, const struct shelf_question *question,
                          const struct shelf_plan *plan, struct shelf_entry *whole,
                          struct sample_room *room, struct ampql_error *err)
{
    struct hold_push push = {&whole->hold, err};
    struct ampql_sink sink;
    enum ampql_code code = AMPQL_OK;
    whole->asked_ms = whole->oldest_ms = INT64_MAX;
    whole->settled_ms = held_is_window(&whole->held) ? whole->held.upto_ms : whole->held.end_ms;
    sink_init(&sink, alc, hold_push, &push, true);
    for (size_t i = 0; i < plan->cover.held.n && code == AMPQL_OK; i++) {
        const struct held_part *part = &plan->cover.held.at[i];
        const struct shelf_use *use = &plan->uses.at[part->entry];
        add_age(whole, use, part);
        code = part_scan(question, use, part, &sink, room, err);
    }
    code = sink_finish(&sink, code, err);
    if (code == AMPQL_OK)
        code = part_warnings(whole, &sink, err);
    sink_done(&sink);
    if (code == AMPQL_OK)
        code = hold_sort(&whole->hold, err);
    hold_trim(&whole->hold);
    return code;
}
