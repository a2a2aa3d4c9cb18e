/* Asking a source, and keeping what it answers in a log. */
#include "source/capture_take.h"

#include "source/ask_hold.h"
#include "source/folder.h"
#include "source/server.h"
#include "source/sink.h"

/* ---- one answer */

static int64_t settled_until(const struct capture_log *log, const struct held *held)
{
    int64_t upto = held_is_window(held) ? held->upto_ms : held->end_ms;
    int64_t settled = server_settled_before_ms(log->now_ms);
    return upto < settled ? upto : settled;
}

static enum ampql_code keep(struct capture_log *log, const struct capture_question *question,
                            const struct ampql_sink *sink, struct hold *hold,
                            struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, &log->alc);
    struct capture_entry entry = {
        .held = ask_held(question->select, question->is_listing, question->step_ms, &work),
        .warnings = sink->warnings.at,
        .nwarnings = sink->warnings.n,
        .billed = sink->cost.billed_samples + question->known_billed};
    entry.settled_ms = settled_until(log, &entry.held);
    enum ampql_code code = entry.held.matchers.at ? capture_log_append(log, &entry, hold, err)
                                                  : fail_nomem(err, "a capture");
    arena_done(&work);
    return code;
}

/* Only when all of it has come it is kept. */
enum ampql_code capture_ask(struct capture_log *log, struct ampql_source *source,
                            const struct capture_question *question, struct hold *hold,
                            struct ampql_sink *warned, struct ampql_error *err)
{
    struct ampql_sink sink;
    enum ampql_code code =
        ask_hold(&log->alc, source, question->select, question->is_listing, hold, &sink, err);
    if (warned)
        ampql_sink_cost(warned, &sink.cost);
    if (code == AMPQL_OK)
        code = keep(log, question, &sink, hold, err);
    if (code == AMPQL_OK && warned)
        code = sink_pass_warnings(&sink, warned);
    sink_done(&sink);
    return code;
}

static enum ampql_code take(struct capture_log *log, struct ampql_source *source,
                            const struct capture_question *question, bool *is_new,
                            struct ampql_error *err)
{
    bool has;
    struct hold hold;
    TRY(capture_log_has(log, question->select, &has, err));
    *is_new = !has;
    if (has)
        return AMPQL_OK;
    TRY(hold_init(&hold, &log->alc, err));
    enum ampql_code code = capture_ask(log, source, question, &hold, NULL, err);
    hold_done(&hold);
    return code;
}

enum ampql_code capture_take(struct capture_log *log, struct ampql_source *source,
                             const struct ampql_select *select, bool *is_new,
                             struct ampql_error *err)
{
    return take(log, source, &(struct capture_question){.select = select}, is_new, err);
}

/* ---- everything */

struct ampql_select capture_select_of(const struct held *held, struct ampql_matcher *matchers)
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
                                 const struct held *held, uint64_t billed, struct ampql_error *err)
{
    struct arena work;
    bool is_new;
    arena_init(&work, &log->alc);
    struct ampql_matcher *matchers = arena_alloc(&work, held->matchers.n, sizeof *matchers);
    enum ampql_code code = AMPQL_OK;
    if (matchers) {
        struct ampql_select select = capture_select_of(held, matchers);
        struct capture_question question = {.select = &select, .known_billed = billed};
        code = take(log, source, &question, &is_new, err);
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
            TRY(take_held(log, source, held_at(&list, i), folder_billed(source, i), err));
        return AMPQL_OK;
    }
    if (!(source->ops.caps & AMPQL_SOURCE_SAMPLES))
        return fail(err, AMPQL_UNSUPPORTED,
                    "a server's answers are captured query by query: use ampql fetch");
    struct held all = {
        .kind = AMPQL_SELECT_RAW, .after_ms = -CAPTURE_FOREVER, .upto_ms = CAPTURE_FOREVER};
    return take_held(log, source, &all, 0, err);
}

struct capture_origin capture_origin_of(const struct ampql_source *source, struct str name)
{
    return (struct capture_origin){
        .source = source->recorded_of.n ? source->recorded_of : name,
        .dialect = source->dialect,
        .caps = source->ops.caps & ~(uint32_t)(AMPQL_SOURCE_SORTED | AMPQL_SOURCE_PARALLEL),
        .marked_after_ms = source->marked_after_ms,
        .redaction = source->redaction ? *source->redaction : (struct redaction){0}};
}
