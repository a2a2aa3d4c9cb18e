/* Fetching without evaluating. */
#include "tool/fetch.h"

#include "base/duration.h"
#include "base/options.h"
#include "engine/engine.h"
#include "rules/rules.h"
#include "source/capture_record.h"
#include "source/capture_take.h"
#include "source/server.h"
#include "source/wire.h"

enum { MAX_QUERY = 1 << 20 };

/* ---- planning */

struct planning {
    struct ampql_source *source;
    int64_t interval_ms;
    struct arena *arena;
    struct fetch_plan *plan;
};

static enum ampql_code print_query(const struct ampql_select *select, struct arena *arena,
                                   struct str *out, struct ampql_error *err)
{
    struct buf text;
    char span[DURATION_MAX];
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    bool is_timestamp = select->kind == AMPQL_SELECT_GRID_TIMESTAMP;
    /* a left-closed window of W is asked for with one ms more */
    int64_t range_ms = select->maxt_ms - select->mint_ms - (select->dialect == AMPQL_PROM2);
    buf_init(&text, arena->alc, MAX_QUERY);
    if (is_timestamp)
        buf_text(&text, "timestamp(");
    wire_selector(&text, select->matchers, select->nmatchers, NULL);
    if (is_timestamp)
        buf_byte(&text, ')');
    if (is_raw) {
        buf_byte(&text, '[');
        buf_bytes(&text, span, duration_format(range_ms, span));
        buf_byte(&text, ']');
    }
    *out = text.failed == AMPQL_OK ? arena_copy(arena, buf_view(&text)) : (struct str){0};
    buf_done(&text);
    return out->p ? AMPQL_OK : fail_nomem(err, "a select");
}

static void add(uint64_t *total, uint64_t n)
{
    if (__builtin_add_overflow(*total, n, total))
        *total = UINT64_MAX;
}

static enum ampql_code plan_one(void *payload, const struct ampql_select *select,
                                struct ampql_error *err)
{
    struct planning *p = payload;
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    struct fetch_select s = {.kind = select->kind,
                             .from_ms = is_raw ? select->mint_ms : select->start_ms,
                             .to_ms = is_raw ? select->maxt_ms : select->end_ms,
                             .step_ms =
                                 is_raw || select->start_ms == select->end_ms ? 0 : select->step_ms,
                             .samples_a_series = wire_samples_a_series(select, p->interval_ms)};
    TRY(print_query(select, p->arena, &s.query, err));
#if AMPQL_HTTP
    if (source_is_server(p->source)) {
        struct server_prediction prediction;
        TRY(server_predict(p->source, select, &prediction, err));
        s.is_known = true;
        s.series = prediction.series;
        s.requests = prediction.requests;
        if (__builtin_mul_overflow(s.series, s.samples_a_series, &s.samples))
            s.samples = UINT64_MAX;
    }
#endif
    p->plan->is_known = p->plan->is_known && s.is_known;
    add(&p->plan->series, s.series);
    add(&p->plan->samples, s.samples);
    add(&p->plan->requests, s.requests);
    return array_push(p->plan, p->arena, s) ? AMPQL_OK : fail_nomem(err, "the plan");
}

/* ---- what is asked for */

struct asked {
    struct arena arena;
    struct select_batch batch;
    struct ampql_run_options options;
};

/* Without queries: what all rules read. */
static enum ampql_code asked_init(struct asked *asked, const struct ampql_allocator *alc,
                                  const struct ampql_query *const *queries, size_t nqueries,
                                  const struct ampql_run_options *options, struct ampql_error *err)
{
    struct record_want *wants = NULL;
    *asked = (struct asked){.batch = {.queries = queries, .nqueries = nqueries}};
    arena_init(&asked->arena, alc);
    OPTIONS_READ(asked->options, options);
    if (nqueries || !asked->options.rules)
        return AMPQL_OK;
    int64_t from_ms = asked->options.start_ms, to_ms = asked->options.end_ms;
    bool at_one_time = to_ms <= from_ms;
    if (at_one_time) {
        asked->options.rule_phase_ms = from_ms;
        asked->options.rule_file = NULL;
        to_ms = from_ms;
    }
    asked->options.step_ms = 0;
    enum ampql_code code = rules_wants(asked->options.rules, from_ms, to_ms, at_one_time,
                                       &asked->arena, &wants, &asked->batch.nwants, err);
    asked->batch.wants = wants;
    return code;
}

static void asked_done(struct asked *asked)
{
    arena_done(&asked->arena);
}

enum ampql_code fetch_plan(struct ampql_engine *engine, const struct ampql_query *const *queries,
                           size_t nqueries, struct ampql_source *source,
                           const struct ampql_run_options *options, int64_t interval_ms,
                           struct arena *arena, struct fetch_plan *out, struct ampql_error *err)
{
    *out = (struct fetch_plan){.is_known = true};
    struct planning planning = {source, interval_ms > 0 ? interval_ms : SERVER_INTERVAL_MS, arena,
                                out};
    struct asked asked;
    enum ampql_code code = asked_init(&asked, &engine->alc, queries, nqueries, options, err);
    if (code == AMPQL_OK)
        code = engine_selects(engine, &asked.batch, source, &asked.options, false, plan_one,
                              &planning, err);
    asked_done(&asked);
    return code;
}

/* ---- fetching */

static enum ampql_code take_one(void *payload, const struct ampql_select *select,
                                struct ampql_error *err)
{
    return source_record_take(payload, select, err);
}

enum ampql_code fetch_selects(struct ampql_engine *engine, const struct ampql_query *const *queries,
                              size_t nqueries, struct ampql_source *recording,
                              const struct ampql_run_options *options, struct ampql_error *err)
{
    struct asked asked;
    enum ampql_code code = asked_init(&asked, &engine->alc, queries, nqueries, options, err);
    if (code == AMPQL_OK)
        code = engine_selects(engine, &asked.batch, recording, &asked.options, true, take_one,
                              recording, err);
    asked_done(&asked);
    return code;
}

/* ---- bringing a capture up to date */

struct onward {
    ARRAY(struct ampql_select);
};

static bool is_same_question(const struct held *a, const struct held *b)
{
    return a->kind == b->kind && a->step_ms == b->step_ms && a->lookback_ms == b->lookback_ms &&
           a->dialect == b->dialect && matchers_equal(a->matchers, b->matchers);
}

static int64_t end_of(const struct held *held)
{
    return held_is_window(held) ? held->upto_ms : held->end_ms;
}

/* Of windows of one question the last goes on; lists and single points do not. */
static bool goes_on(const struct capture *capture, size_t i, int64_t to_ms)
{
    const struct held *held = &capture->entries.at[i].held;
    if (held->kind == HELD_LISTING || end_of(held) >= to_ms)
        return false;
    if (held->kind != AMPQL_SELECT_RAW && held->start_ms == held->end_ms)
        return false;
    for (size_t j = 0; j < capture->entries.n; j++) {
        const struct held *other = &capture->entries.at[j].held;
        if (j != i && is_same_question(held, other) && end_of(other) > end_of(held))
            return false;
    }
    return true;
}

static enum ampql_code find_onward(const struct capture *capture, int64_t to_ms,
                                   struct arena *arena, struct onward *out, struct ampql_error *err)
{
    for (size_t i = 0; i < capture->entries.n; i++) {
        const struct held *held = &capture->entries.at[i].held;
        if (!goes_on(capture, i, to_ms))
            continue;
        struct ampql_matcher *matchers = arena_alloc(arena, held->matchers.n, sizeof *matchers);
        if (!matchers)
            return fail_nomem(err, "the selects of a capture");
        struct ampql_select select = capture_select_of(held, matchers);
        select.maxt_ms = to_ms;
        if (select.kind == AMPQL_SELECT_RAW)
            select.dialect = capture->origin.dialect;
        else
            select.end_ms += (to_ms - select.end_ms) / select.step_ms * select.step_ms;
        if (!array_push(out, arena, select))
            return fail_nomem(err, "the selects of a capture");
    }
    return AMPQL_OK;
}

static enum ampql_code poll_limits(void *payload, struct ampql_error *err)
{
    return intake_check(payload, err);
}

static enum ampql_code take_onward(struct ampql_source *recording, const struct onward *onward,
                                   struct intake_limits *limits, struct ampql_error *err)
{
    struct ampql_prepare prepare = {.size = sizeof prepare,
                                    .selects = onward->at,
                                    .nselects = onward->n,
                                    .poll = poll_limits,
                                    .poll_payload = limits};
    if (recording->ops.prepare)
        TRY(recording->ops.prepare(recording->payload, &prepare, err));
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < onward->n && code == AMPQL_OK; i++) {
        code = intake_check(limits, err);
        if (code == AMPQL_OK)
            code = source_record_take(recording, &onward->at[i], err);
    }
    intake_end(recording);
    return code;
}

enum ampql_code fetch_onward(const char *path, struct ampql_source *recording,
                             const struct ampql_run_options *options, struct ampql_error *err)
{
    struct capture capture;
    struct onward onward = {0};
    struct arena work;
    struct intake_limits limits = run_limits_of(options);
    TRY(capture_open(&capture, &alloc_default, path, err));
    arena_init(&work, &alloc_default);
    enum ampql_code code = find_onward(
        &capture, options->step_ms > 0 ? options->end_ms : options->start_ms, &work, &onward, err);
    if (code == AMPQL_OK)
        code = take_onward(recording, &onward, &limits, err);
    arena_done(&work);
    capture_done(&capture);
    return code;
}

enum ampql_code fetch_origin(const char *path, struct arena *arena, struct str *out,
                             struct ampql_error *err)
{
    struct capture capture;
    TRY(capture_open(&capture, &alloc_default, path, err));
    *out = arena_copy(arena, capture.origin.source);
    capture_done(&capture);
    return out->p ? AMPQL_OK : fail_nomem(err, "the source of a capture");
}
