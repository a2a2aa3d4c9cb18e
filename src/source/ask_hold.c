/* Asking a source. */
#include "source/ask_hold.h"

#include "source/sink.h"

struct asking {
    const struct ampql_select *select;
    bool is_listing;
    struct hold *hold;
    struct ampql_error *err;
};

/* Sources may push points beside the grid. */
static enum ampql_code append_points(const struct asking *asking, size_t series,
                                     const struct samples *samples)
{
    const struct ampql_select *select = asking->select;
    int64_t step = select->end_ms > select->start_ms ? select->step_ms : 1;
    for (size_t i = 0; i < samples->n;) {
        size_t n = 0;
        while (i + n < samples->n && (samples->t[i + n] - select->start_ms) % step == 0)
            n++;
        struct samples some = {samples->t + i, samples->v + i, n};
        if (n)
            TRY(hold_append(asking->hold, series, &some, asking->err));
        i += n + 1;
    }
    return AMPQL_OK;
}

/* Sources may push more than was asked for: what is kept is what was asked. */
static enum ampql_code take_series(void *payload, const struct ampql_label *labels, size_t nlabels,
                                   const struct samples *samples)
{
    struct asking *asking = payload;
    const struct ampql_select *select = asking->select;
    size_t series;
    TRY(hold_find_or_add_text(asking->hold, labels, nlabels, &series, asking->err));
    if (asking->is_listing) {
        static const double listed = 1;
        const struct samples one = {&select->maxt_ms, &listed, 1};
        bool is_new = asking->hold->columns.at[series].n == 0;
        return is_new ? hold_append(asking->hold, series, &one, asking->err) : AMPQL_OK;
    }
    if (asking->hold->columns.at[series].n)
        return fail(asking->err, AMPQL_BAD_DATA, "the source gave a series twice");
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    struct samples in = is_raw ? samples_clip(samples, select->mint_ms, select->maxt_ms)
                               : samples_clip(samples, select->start_ms - 1, select->end_ms);
    return is_raw ? hold_append(asking->hold, series, &in, asking->err)
                  : append_points(asking, series, &in);
}

enum ampql_code ask_hold(const struct ampql_allocator *alc, struct ampql_source *source,
                         const struct ampql_select *select, bool is_listing, struct hold *hold,
                         struct ampql_sink *sink, struct ampql_error *err)
{
    struct asking asking = {select, is_listing, hold, err};
    sink_init(sink, alc, take_series, &asking, source->is_trusted);
    enum ampql_code code =
        (is_listing ? source->ops.series : source->ops.select)(source->payload, select, sink, err);
    return sink_finish(sink, code, err);
}

struct held ask_held(const struct ampql_select *select, bool is_listing, int64_t step_ms,
                     struct arena *arena)
{
    struct held held = {.kind = is_listing ? HELD_LISTING : select->kind,
                        .matchers = held_matchers(select, arena)};
    if (held_is_window(&held)) {
        held.after_ms = select->mint_ms;
        held.upto_ms = select->maxt_ms;
        return held;
    }
    held.start_ms = select->start_ms;
    held.end_ms = select->end_ms;
    held.step_ms = step_ms ? step_ms : held.start_ms == held.end_ms ? 1 : select->step_ms;
    held.lookback_ms = select->lookback_ms;
    held.dialect = select->dialect;
    return held;
}
