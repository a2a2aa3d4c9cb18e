/* Recording: what a source answers goes on to whoever asked, and into a log. */
#include "source/capture_source.h"

#include "source/folder.h"
#include "source/sink.h"

struct record {
    struct capture_log *log;
    struct ampql_source *inner;
};

/* One select under way. */
struct taking {
    struct hold hold;
    struct ampql_sink *sink; /* that it goes on to; NULL: nobody */
    struct ampql_error *err;
};

static enum ampql_code take_series(void *payload, const struct ampql_label *labels, size_t nlabels,
                                   const struct samples *samples)
{
    struct taking *taking = payload;
    size_t series;
    TRY(hold_find_or_add_text(&taking->hold, labels, nlabels, &series, taking->err));
    TRY(hold_append(&taking->hold, series, samples, taking->err));
    return taking->sink
               ? ampql_sink_push(taking->sink, labels, nlabels, samples->t, samples->v, samples->n)
               : AMPQL_OK;
}

static enum ampql_code keep(struct capture_log *log, const struct ampql_select *select,
                            struct taking *taking, const struct ampql_sink *sink,
                            struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, &log->alc);
    struct capture_entry entry = {.held = capture_held(select, &work),
                                  .warnings = sink->warnings.at,
                                  .nwarnings = sink->warnings.n,
                                  .billed = sink->cost.billed_samples};
    enum ampql_code code = entry.held.matchers.at
                               ? capture_log_append(log, &entry, &taking->hold, err)
                               : fail_nomem(err, "a capture");
    arena_done(&work);
    return code;
}

/* Ask, hand on, and only when all of it has come, keep. */
static enum ampql_code ask(struct capture_log *log, struct ampql_source *source,
                           const struct ampql_select *select, struct ampql_sink *to,
                           struct ampql_error *err)
{
    struct taking taking = {.sink = to, .err = err};
    struct ampql_sink sink;
    TRY(hold_init(&taking.hold, &log->alc, err));
    sink_init(&sink, &log->alc, take_series, &taking, source->is_trusted);
    enum ampql_code code = source->ops.select(source->payload, select, &sink, err);
    code = sink_finish(&sink, code, err);
    if (to)
        ampql_sink_cost(to, &sink.cost);
    if (code == AMPQL_OK && to)
        code = sink_pass_warnings(&sink, to);
    if (code == AMPQL_OK)
        code = keep(log, select, &taking, &sink, err);
    sink_done(&sink);
    hold_done(&taking.hold);
    return code;
}

enum ampql_code capture_take(struct capture_log *log, struct ampql_source *source,
                             const struct ampql_select *select, bool *is_new,
                             struct ampql_error *err)
{
    bool has;
    TRY(capture_log_has(log, select, &has, err));
    *is_new = !has;
    return has ? AMPQL_OK : ask(log, source, select, NULL, err);
}

/* The select that asks for exactly what is held; matchers [nmatchers] is room. */
static struct ampql_select select_of(const struct held *held, struct ampql_matcher *matchers)
{
    for (size_t i = 0; i < held->matchers.n; i++) {
        const struct matcher *m = &held->matchers.at[i];
        matchers[i] = (struct ampql_matcher){
            {m->name.p, m->name.n}, (enum ampql_match_op)m->op, {m->value.p, m->value.n}};
    }
    return (struct ampql_select){.size = sizeof(struct ampql_select),
                                 .kind = held->kind,
                                 .matchers = matchers,
                                 .nmatchers = held->matchers.n,
                                 .mint_ms = held->after_ms,
                                 .maxt_ms = held->upto_ms,
                                 .start_ms = held->start_ms,
                                 .end_ms = held->end_ms,
                                 .step_ms = held->step_ms,
                                 .lookback_ms = held->lookback_ms,
                                 .dialect = held->dialect};
}

static enum ampql_code take_held(struct capture_log *log, struct ampql_source *source,
                                 const struct held *held, struct ampql_error *err)
{
    struct arena work;
    bool is_new;
    arena_init(&work, &log->alc);
    struct ampql_matcher *matchers = arena_alloc(&work, held->matchers.n, sizeof *matchers);
    enum ampql_code code = AMPQL_OK;
    if (matchers) {
        struct ampql_select select = select_of(held, matchers);
        code = capture_take(log, source, &select, &is_new, err);
    } else {
        code = fail_nomem(err, "a capture");
    }
    arena_done(&work);
    return code;
}

enum ampql_code capture_take_all(struct capture_log *log, struct ampql_source *source,
                                 struct ampql_error *err)
{
    struct held_list list;
    if (folder_held(source, &list)) {
        for (size_t i = 0; i < list.n; i++)
            TRY(take_held(log, source, held_at(&list, i), err));
        return AMPQL_OK;
    }
    if (!(source->ops.caps & AMPQL_SOURCE_SAMPLES))
        return fail(err, AMPQL_UNSUPPORTED,
                    "a server's answers are captured query by query: use ampql fetch");
    struct held all = {
        .kind = AMPQL_SELECT_RAW, .after_ms = -CAPTURE_FOREVER, .upto_ms = CAPTURE_FOREVER};
    return take_held(log, source, &all, err);
}

struct capture_origin capture_origin_of(const struct ampql_source *source, struct str name)
{
    return (struct capture_origin){.source = name,
                                   .dialect = source->dialect,
                                   .caps = source->ops.caps & ~(uint32_t)AMPQL_SOURCE_SORTED,
                                   .marked_after_ms = source->marked_after_ms};
}

/* ---- the source */

static enum ampql_code record_select(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    struct record *record = payload;
    return ask(record->log, record->inner, select, sink, err);
}

static enum ampql_code record_series(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    struct record *record = payload;
    return record->inner->ops.series(record->inner->payload, select, sink, err);
}

static enum ampql_code record_prepare(void *payload, const struct ampql_prepare *prepare,
                                      struct ampql_error *err)
{
    struct record *record = payload;
    return record->inner->ops.prepare(record->inner->payload, prepare, err);
}

static void record_stats(void *payload, struct ampql_source_stats *out)
{
    struct record *record = payload;
    record->inner->ops.stats(record->inner->payload, out);
}

static void record_close(void *payload)
{
    struct record *record = payload;
    struct ampql_allocator alc = record->log->alc;
    source_free(record->inner);
    alloc_put(&alc, record, 1, sizeof *record);
}

enum ampql_code source_record(struct capture_log *log, struct ampql_source *inner,
                              struct ampql_source **out, struct ampql_error *err)
{
    struct record *record = alloc_get(&log->alc, 1, sizeof *record);
    if (!record) {
        source_free(inner);
        return fail_nomem(err, "a source");
    }
    *record = (struct record){log, inner};
    struct ampql_source_ops ops = {.caps = inner->ops.caps,
                                   .select = record_select,
                                   .series = inner->ops.series ? record_series : NULL,
                                   .close = record_close,
                                   .prepare = inner->ops.prepare ? record_prepare : NULL,
                                   .stats = inner->ops.stats ? record_stats : NULL};
    enum ampql_code code = source_new(&log->alc, &ops, record, out, err);
    if (code != AMPQL_OK) {
        record_close(record);
        return code;
    }
    (*out)->dialect = inner->dialect;
    (*out)->is_trusted = inner->is_trusted;
    (*out)->marked_after_ms = inner->marked_after_ms;
    return AMPQL_OK;
}
