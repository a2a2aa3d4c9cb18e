/* Recording a server that is none. */
#include "support/fake_server.h"

#include "support/captures.h"
#include "support/test.h"

#include <stdio.h>
#include <unistd.h>

/* A server that knows = and != of its one label. */
static bool is_selected(const struct ampql_select *select, char pod)
{
    for (size_t i = 0; i < select->nmatchers; i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        bool is_pod = str_equal(str_view(m->name), STR("pod"));
        bool is_same = m->value.size == 1 && m->value.data[0] == pod;
        if (is_pod && is_same != (m->op == AMPQL_MATCH_EQUAL))
            return false;
    }
    return true;
}

static bool has_sample(const struct fake_server *fake, size_t pod, int64_t t)
{
    return t <= fake->now_ms - (pod ? fake->late_ms : 0) && (pod != 3 || t % 7 != 0);
}

static enum ampql_code push_pod(const struct fake_server *fake, const struct ampql_select *select,
                                size_t pod, struct ampql_sink *sink)
{
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    char text[8];
    struct ampql_label labels[] = {
        {{"pod", 3}, {text, (size_t)snprintf(text, sizeof text, "%zu", pod)}},
        {{"__name__", 8}, {"cpu", 3}}};
    int64_t step = is_raw ? FAKE_EVERY_MS : select->end_ms > select->start_ms ? select->step_ms : 1;
    int64_t from =
        is_raw ? select->mint_ms / FAKE_EVERY_MS * FAKE_EVERY_MS + FAKE_EVERY_MS : select->start_ms;
    int64_t to = is_raw ? select->maxt_ms : select->end_ms;
    if (!is_selected(select, text[0]))
        return AMPQL_OK;
    from -= fake->is_generous ? 3 * step : 0;
    to += fake->is_generous ? 3 * step : 0;
    enum ampql_code code = ampql_sink_series(sink, labels, 2);
    for (int64_t t = from; t <= to && code == AMPQL_OK; t += step) {
        double v = (double)(t / 1000) * (double)(pod + 1);
        if (has_sample(fake, pod, t))
            code = ampql_sink_samples(sink, &t, &v, 1);
    }
    return code;
}

static enum ampql_code fake_select(void *payload, const struct ampql_select *select,
                                   struct ampql_sink *sink, struct ampql_error *err)
{
    struct fake_server *fake = payload;
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    if (++fake->ncalls == fake->fail_at)
        return (fail)(err, AMPQL_UNAVAILABLE, "the network is down"); /* cmocka has a macro fail */
    assert_true(fake->ncalls <= FAKE_MAX_ASKED);
    fake->asked[fake->ncalls - 1] = (struct fake_asked){is_raw ? select->mint_ms : select->start_ms,
                                                        is_raw ? select->maxt_ms : select->end_ms};
    for (size_t pod = 0; pod < FAKE_PODS; pod++)
        TRY(push_pod(fake, select, fake->is_generous ? FAKE_PODS - 1 - pod : pod, sink));
    return sink_warn(sink, STR("the server warned: slow"));
}

static enum ampql_code fake_list(void *payload, const struct ampql_select *select,
                                 struct ampql_sink *sink, struct ampql_error *err)
{
    struct fake_server *fake = payload;
    (void)select, (void)err;
    fake->ncalls++;
    for (size_t pod = 0; pod < FAKE_PODS; pod++) {
        char text[8];
        struct ampql_label labels[] = {
            {{"pod", 3}, {text, (size_t)snprintf(text, sizeof text, "%zu", pod)}},
            {{"__name__", 8}, {"cpu", 3}}};
        TRY(ampql_sink_push(sink, labels, 2, NULL, NULL, 0));
    }
    return AMPQL_OK;
}

static enum ampql_code fake_prepare(void *payload, const struct ampql_prepare *prepare,
                                    struct ampql_error *err)
{
    struct fake_server *fake = payload;
    (void)err;
    if (prepare->nselects)
        fake->nprepared = prepare->nselects;
    return AMPQL_OK;
}

struct ampql_source *fake_server_source(const struct ampql_allocator *alc, struct fake_server *fake,
                                        int64_t window_ms)
{
    static const struct ampql_source_ops ops = {.size = sizeof ops,
                                                .caps = AMPQL_SOURCE_ANSWERS,
                                                .select = fake_select,
                                                .series = fake_list,
                                                .prepare = fake_prepare};
    struct ampql_source *source = NULL;
    if (source_new(alc, &ops, fake, &source, NULL) == AMPQL_OK) {
        source->dialect = AMPQL_PROM3;
        source->window_ms = window_ms;
    }
    return source;
}

struct ampql_source *fake_server_record(const struct ampql_allocator *alc, struct fake_server *fake,
                                        int64_t window_ms, bool extends)
{
    struct record_options options = {
        .name = STR("http://server"), .extends = extends, .now_ms = fake->now_ms};
    struct ampql_source *server = fake_server_source(alc, fake, window_ms), *recording = NULL;
    struct ampql_error err = {0};
    if (server &&
        source_record_open(alc, server, captures_path, &options, &recording, &err) != AMPQL_OK &&
        err.code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    return recording;
}

/* What the tests ask: raw samples of a day less a bit, a grid, one point. */

void fake_server_questions(struct ampql_matcher matchers[3][16], struct ampql_select out[3],
                           int64_t end_ms)
{
    int64_t points = (end_ms - FAKE_START_MS) / 60000;
    out[0] = collect_raw("cpu", matchers[0], FAKE_START_MS, end_ms);
    out[1] = collect_grid("cpu{pod!=\"2\"}", matchers[1], FAKE_START_MS,
                          FAKE_START_MS + points * 60000, 60000);
    out[2] = collect_grid("cpu", matchers[2], end_ms, end_ms, 1);
}

enum ampql_code fake_server_take(struct ampql_source *recording, int64_t end_ms,
                                 struct ampql_error *err)
{
    struct ampql_matcher matchers[3][16];
    struct ampql_select selects[3];
    fake_server_questions(matchers, selects, end_ms);
    for (size_t i = 0; i < 3; i++)
        TRY(source_record_take(recording, &selects[i], err));
    return AMPQL_OK;
}

void fake_server_capture(struct fake_server *fake, int64_t window_ms, int64_t end_ms, bool extends,
                         uint8_t *id)
{
    struct ampql_error err = {0};
    struct ampql_source *recording = fake_server_record(&alloc_default, fake, window_ms, extends);
    assert_non_null(recording);
    assert_int_equal(fake_server_take(recording, end_ms, &err), AMPQL_OK);
    assert_int_equal(source_record_finish(recording, id, &err), AMPQL_OK);
    source_free(recording);
    assert_int_equal(access(captures_part, F_OK), -1);
}
