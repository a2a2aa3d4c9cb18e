/* The ruler on a clock that the tests move: what it writes is what a backfill of the whole time
 * gives, whatever goes wrong in between. */
#include "base/array.h"
#include "series/sample.h"
#include "tool/ruler.h"

#include <stdio.h>
#include <stdlib.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"
#include "support/torture.h"
#include "support/write_request.h"

#define LABEL(n, v)                                                                                \
    {                                                                                              \
        {n, sizeof(n) - 1},                                                                        \
        {                                                                                          \
            v, sizeof(v) - 1                                                                       \
        }                                                                                          \
    }

enum { MINUTE = 60000, HOUR = 60 * MINUTE };
static const int64_t start = INT64_C(1700000040000); /* a whole minute */

static const char rules_text[] = "groups:\n"
                                 "- name: minute\n"
                                 "  rules:\n"
                                 "  - {record: doubled, expr: x * 2}\n"
                                 "  - {record: sum, expr: sum(doubled)}\n"
                                 "  - {alert: A, expr: x}\n"
                                 "- name: half\n"
                                 "  interval: 30s\n"
                                 "  query_offset: 10s\n"
                                 "  rules:\n"
                                 "  - {record: big, expr: x > 40, labels: {from: rule}}\n";

/* ---- the source: x{a="1"} rises; x{a="2"} ends after ten minutes, x{a="3"} comes and goes */

static const struct ampql_label x1[] = {LABEL("__name__", "x"), LABEL("a", "1")};
static const struct ampql_label x2[] = {LABEL("__name__", "x"), LABEL("a", "2")};
static const struct ampql_label x3[] = {LABEL("__name__", "x"), LABEL("a", "3")};

static enum ampql_code make_source(struct ampql_engine *engine, struct ampql_source **out,
                                   struct ampql_error *err)
{
    enum { N = 4 * 120 };
    static int64_t t[N];
    static double v[3][N];
    for (size_t i = 0; i < N; i++) {
        t[i] = start - HOUR + (int64_t)i * 15000 * 2;
        int64_t minute = (t[i] - start) / MINUTE;
        v[0][i] = (double)i;
        v[1][i] = minute < 10 ? 50 : double_of(STALE_BITS);
        v[2][i] = minute % 4 < 2 ? 7 : double_of(STALE_BITS);
    }
    TRY(ampql_source_memory(engine, NULL, out, err));
    TRY(ampql_source_add(*out, x1, 2, t, v[0], N, err));
    TRY(ampql_source_add(*out, x2, 2, t, v[1], N, err));
    return ampql_source_add(*out, x3, 2, t, v[2], N, err);
}

/* ---- the receiver, which may be away or refuse */

struct sample {
    char labels[120];
    int64_t t_ms;
    uint64_t bits;
};

struct receiver {
    struct {
        ARRAY(struct sample);
    } samples;
    struct arena arena;
    size_t nposts, away_from, away_to; /* posts that fail */
    bool refuses;
    bool is_bad;
};

static void take_sample(void *payload, const char *labels, int64_t t_ms, double v)
{
    struct receiver *r = payload;
    struct sample sample = {.t_ms = t_ms, .bits = bits_of(v)};
    snprintf(sample.labels, sizeof sample.labels, "%s", labels + 1);
    for (size_t i = 0; i < r->samples.n; i++) {
        const struct sample *s = &r->samples.at[i];
        if (s->t_ms == t_ms && strcmp(s->labels, sample.labels) == 0) {
            r->is_bad = r->is_bad || s->bits != sample.bits;
            return; /* the same again is fine */
        }
    }
    if (!array_push(&r->samples, &r->arena, sample))
        abort();
}

static enum ampql_code receive(void *payload, struct str body, size_t nsamples, bool *too_large,
                               struct ampql_error *err)
{
    struct receiver *r = payload;
    size_t number = r->nposts++;
    (void)nsamples, (void)too_large;
    if (number >= r->away_from && number < r->away_to)
        return r->refuses ? (fail)(err, AMPQL_OUTPUT, "refused")
                          : (fail)(err, AMPQL_UNAVAILABLE, "away");
    if (!write_request_read((const uint8_t *)body.p, body.n, take_sample, r))
        r->is_bad = true;
    return AMPQL_OK;
}

/* ---- the clock: each wait moves it, now and then by more */

struct clock {
    int64_t now_ms, end_ms;
    int64_t jump_at_ms, jump_ms; /* at that time, by so much */
};

static int64_t now(void *payload)
{
    return ((struct clock *)payload)->now_ms;
}

static void wait_until(void *payload, int64_t t_ms)
{
    struct clock *clock = payload;
    assert_true(t_ms > clock->now_ms); /* or it would spin */
    clock->now_ms = t_ms + 3;          /* clocks are never on time */
    if (clock->jump_ms && clock->now_ms >= clock->jump_at_ms) {
        clock->now_ms += clock->jump_ms;
        clock->jump_ms = 0;
    }
}

static bool is_stopped(void *payload)
{
    const struct clock *clock = payload;
    return clock->now_ms >= clock->end_ms;
}

/* ---- a run */

struct world {
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_rules *rules;
    struct remote_write *write;
    struct receiver receiver;
    struct clock clock;
    struct ruler_stats stats;
};

static enum ampql_code world_open(struct world *w, const struct ampql_allocator *alc,
                                  struct ampql_error *err)
{
    struct ampql_engine_options engine = {.size = sizeof engine, .allocator = alc};
    *w = (struct world){0};
    arena_init(&w->receiver.arena, &alloc_default);
    TRY(ampql_engine_new(&engine, &w->engine, err));
    TRY(make_source(w->engine, &w->source, err));
    TRY(ampql_rules_load(w->engine, rules_text, sizeof rules_text - 1, &w->rules, err));
    struct remote_write_options write = {
        .url = "http://receiver/", .post = receive, .post_payload = &w->receiver};
    return remote_write_open(alc ? alc : &alloc_default, &write, &w->write, err);
}

static void world_close(struct world *w)
{
    remote_write_close(w->write);
    ampql_rules_free(w->rules);
    ampql_source_free(w->source);
    ampql_engine_free(w->engine);
    arena_done(&w->receiver.arena);
}

static enum ampql_code run(struct world *w, struct ruler_options options, struct ampql_error *err)
{
    struct ampql_run_options run = {.size = sizeof run};
    options.rules = w->rules;
    options.source = w->source;
    options.run = &run;
    options.write = w->write;
    options.clock = (struct ruler_clock){now, wait_until, is_stopped, &w->clock};
    if (options.done_ms == 0)
        options.done_ms = INT64_MIN;
    return ruler_run(&options, &w->stats, err);
}

/* ---- what is expected: one backfill */

static enum ampql_code take_series(void *payload, size_t rule, const struct ampql_series *series,
                                   struct ampql_error *err)
{
    char labels[120] = "\n";
    size_t n = 1;
    (void)rule, (void)err;
    for (size_t i = 0; i < series->nlabels; i++)
        n += (size_t)snprintf(labels + n, sizeof labels - n, "%.*s=%.*s\n",
                              (int)series->labels[i].name.size, series->labels[i].name.data,
                              (int)series->labels[i].value.size, series->labels[i].value.data);
    for (size_t i = 0; i < series->n; i++)
        take_sample(payload, labels, series->t_ms[i], series->values[i]);
    return AMPQL_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    int order = strcmp(x->labels, y->labels);
    return order ? order : (x->t_ms > y->t_ms) - (x->t_ms < y->t_ms);
}

static void sort(struct receiver *r)
{
    if (r->samples.n > 1)
        qsort(r->samples.at, r->samples.n, sizeof *r->samples.at, by_time);
}

/* What the ruler wrote is what a backfill of (from, to] gives, but for the times in (gap_from,
 * gap_to]. */
static void check_written(struct world *w, int64_t from_ms, int64_t to_ms, int64_t gap_from_ms,
                          int64_t gap_to_ms)
{
    struct receiver want = {0};
    struct ampql_rules_result *result = NULL;
    struct ampql_error err = {0};
    struct ampql_run_options options = {
        .size = sizeof options, .start_ms = from_ms + 1, .end_ms = to_ms};
    arena_init(&want.arena, &alloc_default);
    if (ampql_rules_backfill(w->rules, w->source, &options, take_series, &want, &result, &err) !=
        AMPQL_OK)
        fail_msg("%s", err.message);
    ampql_rules_result_free(result);
    size_t n = 0;
    for (size_t i = 0; i < want.samples.n; i++)
        if (want.samples.at[i].t_ms <= gap_from_ms || want.samples.at[i].t_ms > gap_to_ms)
            want.samples.at[n++] = want.samples.at[i];
    want.samples.n = n;
    sort(&want);
    sort(&w->receiver);
    assert_false(w->receiver.is_bad);
    for (size_t i = 0; i < n && i < w->receiver.samples.n; i++)
        if (memcmp(&want.samples.at[i].t_ms, &w->receiver.samples.at[i].t_ms, 16) != 0 ||
            strcmp(want.samples.at[i].labels, w->receiver.samples.at[i].labels) != 0)
            fail_msg("sample %zu: expected %s at %lld, got %s at %lld", i,
                     want.samples.at[i].labels, (long long)(want.samples.at[i].t_ms - start),
                     w->receiver.samples.at[i].labels,
                     (long long)(w->receiver.samples.at[i].t_ms - start));
    assert_int_equal(w->receiver.samples.n, n);
    arena_done(&want.arena);
}

/* Twenty minutes from the start. What is there at the end is what was due 10 s before it: the
 * longest query_offset. */
static const struct row {
    const char *name;
    struct clock clock;
    struct ruler_options options;
    size_t away_from, away_to;
    bool refuses;
    int64_t gap_from_ms, gap_to_ms; /* since the start: never written */
    struct ruler_stats stats;
} rows[] = {
    {.name = "nothing goes wrong", .stats = {.nticks = 21 + 41}},
    {.name = "a pause of five minutes is made up for",
     .clock = {.jump_at_ms = 7 * MINUTE, .jump_ms = 5 * MINUTE},
     .options = {.catch_up_ms = 10 * MINUTE},
     .stats = {.nticks = 62, .nlate = 14}},
    {.name = "of a longer one the last two minutes",
     .clock = {.jump_at_ms = 7 * MINUTE, .jump_ms = 10 * MINUTE},
     .options = {.catch_up_ms = 2 * MINUTE},
     .gap_from_ms = 380003, /* done before the jump */
     .gap_to_ms = 890003,   /* two minutes before what is due after it */
     .stats = {.nticks = 37, .nlate = 4, .nmissed = 25}},
    {.name = "the receiver is away for a while",
     .away_from = 5,
     .away_to = 9,
     .stats = {.nticks = 62, .nlate = 3, .nfailed = 4}},
    {.name = "the receiver refuses one request",
     .away_from = 5,
     .away_to = 6,
     .refuses = true,
     .gap_from_ms = 60003,
     .gap_to_ms = 80003,
     .stats = {.nticks = 62, .nrefused = 1}},
    {.name = "the clock is put back",
     .clock = {.jump_at_ms = 7 * MINUTE, .jump_ms = -3 * MINUTE},
     .stats = {.nticks = 62}},
    {.name = "a delay", .options = {.delay_ms = 45000}, .stats = {.nticks = 63}},
};

static void ticks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct world w;
        struct ampql_error err = {0};
        assert_int_equal(world_open(&w, NULL, &err), AMPQL_OK);
        w.clock = row->clock;
        w.clock.now_ms = start;
        w.clock.jump_at_ms += start;
        w.clock.end_ms = start + 20 * MINUTE + 15000 + row->options.delay_ms;
        w.receiver.away_from = row->away_from;
        w.receiver.away_to = row->away_to;
        w.receiver.refuses = row->refuses;
        struct ruler_options options = row->options;
        options.done_ms = start - 10000 - options.delay_ms - 1;
        if (run(&w, options, &err) != AMPQL_OK)
            fail_msg("%s: %s", row->name, err.message);
        if (memcmp(&w.stats, &row->stats, sizeof w.stats) != 0)
            fail_msg("%s: %llu ticks, %llu late, %llu missed, %llu failed, %llu refused", row->name,
                     (unsigned long long)w.stats.nticks, (unsigned long long)w.stats.nlate,
                     (unsigned long long)w.stats.nmissed, (unsigned long long)w.stats.nfailed,
                     (unsigned long long)w.stats.nrefused);
        check_written(&w, options.done_ms, start + 20 * MINUTE, start + row->gap_from_ms,
                      start + row->gap_to_ms);
        world_close(&w);
    }
}

/* What is due now: of each group the last tick, or what a state says is not there yet. */
static void once(void **state)
{
    struct world w;
    struct ampql_error err = {0};
    (void)state;
    assert_int_equal(world_open(&w, NULL, &err), AMPQL_OK);
    w.clock.now_ms = start + 5 * MINUTE + 12000; /* due: 5:00, and 4:50 of the half minutes */
    assert_int_equal(run(&w, (struct ruler_options){.is_once = true}, &err), AMPQL_OK);
    check_written(&w, start + 5 * MINUTE - 10000 - 1, start + 5 * MINUTE + 2000, 0, 0);
    assert_int_equal(w.stats.nticks, 2);
    world_close(&w);

    /* whoever asked for one evaluation hears of its failure */
    assert_int_equal(world_open(&w, NULL, &err), AMPQL_OK);
    w.clock.now_ms = start + 5 * MINUTE;
    w.receiver.away_to = 9;
    assert_int_equal(run(&w, (struct ruler_options){.is_once = true}, &err), AMPQL_UNAVAILABLE);
    assert_non_null(strstr(err.message, "away"));
    world_close(&w);

    /* nothing to record */
    static const char alerts[] = "groups: [{name: g, rules: [{alert: A, expr: x}]}]";
    assert_int_equal(world_open(&w, NULL, &err), AMPQL_OK);
    ampql_rules_free(w.rules);
    assert_int_equal(ampql_rules_load(w.engine, alerts, sizeof alerts - 1, &w.rules, &err),
                     AMPQL_OK);
    assert_int_equal(run(&w, (struct ruler_options){.is_once = true}, &err), AMPQL_BAD_DATA);
    world_close(&w);
}

static bool run_tortured(const struct ampql_allocator *alc)
{
    struct world w;
    struct ampql_error err = {0};
    enum ampql_code code = world_open(&w, alc, &err);
    w.clock.now_ms = start + 5 * MINUTE;
    if (code == AMPQL_OK)
        code = run(&w, (struct ruler_options){.is_once = true}, &err);
    world_close(&w);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    torture_all_lenient(run_tortured);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ticks),
    cmocka_unit_test(once),
    cmocka_unit_test(torture),
};
TEST_MAIN(tests)
