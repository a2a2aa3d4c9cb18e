/* Recording: what was answered through it is answered again without the source; what is there is
 * not asked for again, after a failure or when a capture is brought up to date; what is missing is
 * told.
 */
#include <ampql.h>

#include "source/capture_record.h"
#include "source/capture_source.h"
#include "source/server.h"
#include "support/collect.h"
#include "support/scratch.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <unistd.h>

static char path[96], part[104], other[96];

static int set_up(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/a.aqc", scratch_folder);
    snprintf(part, sizeof part, "%s/a.aqc.part", scratch_folder);
    snprintf(other, sizeof other, "%s/b.aqc", scratch_folder);
    return 0;
}

/* ---- a server: samples every 15 s up to a time, that counts what it is asked */

enum { EVERY_MS = 15000, HOUR_MS = 3600000, NPODS = 5, MAX_ASKED = 400 };

struct asked {
    int64_t from_ms, to_ms;
};

struct fake {
    int64_t now_ms;   /* later samples are not there yet */
    int64_t late_ms;  /* samples so fresh are not there yet either, but for those of pod 0 */
    bool is_generous; /* series backwards, samples before and after the window */
    size_t fail_at;   /* the n-th select fails; 0: none */
    size_t ncalls, nprepared;
    struct asked asked[MAX_ASKED];
};

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

static bool has_sample(const struct fake *fake, size_t pod, int64_t t)
{
    return t <= fake->now_ms - (pod ? fake->late_ms : 0) && (pod != 3 || t % 7 != 0);
}

static enum ampql_code push_pod(const struct fake *fake, const struct ampql_select *select,
                                size_t pod, struct ampql_sink *sink)
{
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    char text[8];
    struct ampql_label labels[] = {
        {{"pod", 3}, {text, (size_t)snprintf(text, sizeof text, "%zu", pod)}},
        {{"__name__", 8}, {"cpu", 3}}};
    int64_t step = is_raw ? EVERY_MS : select->end_ms > select->start_ms ? select->step_ms : 1;
    int64_t from = is_raw ? select->mint_ms / EVERY_MS * EVERY_MS + EVERY_MS : select->start_ms;
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
    struct fake *fake = payload;
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    if (++fake->ncalls == fake->fail_at)
        return (fail)(err, AMPQL_UNAVAILABLE, "the network is down"); /* cmocka has a macro fail */
    assert_true(fake->ncalls <= MAX_ASKED);
    fake->asked[fake->ncalls - 1] = (struct asked){is_raw ? select->mint_ms : select->start_ms,
                                                   is_raw ? select->maxt_ms : select->end_ms};
    for (size_t pod = 0; pod < NPODS; pod++)
        TRY(push_pod(fake, select, fake->is_generous ? NPODS - 1 - pod : pod, sink));
    return sink_warn(sink, STR("the server warned: slow"));
}

static enum ampql_code fake_list(void *payload, const struct ampql_select *select,
                                 struct ampql_sink *sink, struct ampql_error *err)
{
    struct fake *fake = payload;
    (void)select, (void)err;
    fake->ncalls++;
    for (size_t pod = 0; pod < NPODS; pod++) {
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
    struct fake *fake = payload;
    (void)err;
    if (prepare->nselects)
        fake->nprepared = prepare->nselects;
    return AMPQL_OK;
}

static struct ampql_source *server_of(const struct ampql_allocator *alc, struct fake *fake,
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

static struct ampql_source *record_of(const struct ampql_allocator *alc, struct fake *fake,
                                      int64_t window_ms, bool extends)
{
    struct record_options options = {
        .name = STR("http://server"), .extends = extends, .now_ms = fake->now_ms};
    struct ampql_source *server = server_of(alc, fake, window_ms), *recording = NULL;
    struct ampql_error err = {0};
    if (server && source_record_open(alc, server, path, &options, &recording, &err) != AMPQL_OK &&
        err.code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    return recording;
}

/* What the tests ask: raw samples of a day less a bit, a grid, one point. */
static const int64_t START_MS = 1000 * (int64_t)HOUR_MS + 1234567;

static void questions(struct ampql_matcher matchers[3][16], struct ampql_select out[3],
                      int64_t end_ms)
{
    int64_t points = (end_ms - START_MS) / 60000;
    out[0] = collect_raw("cpu", matchers[0], START_MS, end_ms);
    out[1] =
        collect_grid("cpu{pod!=\"2\"}", matchers[1], START_MS, START_MS + points * 60000, 60000);
    out[2] = collect_grid("cpu", matchers[2], end_ms, end_ms, 1);
}

static enum ampql_code take_all(struct ampql_source *recording, int64_t end_ms,
                                struct ampql_error *err)
{
    struct ampql_matcher matchers[3][16];
    struct ampql_select selects[3];
    questions(matchers, selects, end_ms);
    for (size_t i = 0; i < 3; i++)
        TRY(source_record_take(recording, &selects[i], err));
    return AMPQL_OK;
}

static void take_whole(struct fake *fake, int64_t window_ms, int64_t end_ms, bool extends,
                       uint8_t *id)
{
    struct ampql_error err = {0};
    struct ampql_source *recording = record_of(&alloc_default, fake, window_ms, extends);
    assert_non_null(recording);
    assert_int_equal(take_all(recording, end_ms, &err), AMPQL_OK);
    assert_int_equal(source_record_finish(recording, id, &err), AMPQL_OK);
    source_free(recording);
    assert_int_equal(access(part, F_OK), -1);
}

/* ---- replay is what was recorded */

static void same_answers(void **state)
{
    (void)state;
    const int64_t end_ms = START_MS + 10 * (int64_t)HOUR_MS;
    static const int64_t widths[] = {0, HOUR_MS, 7 * 60000};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        struct fake plain = {.now_ms = end_ms + HOUR_MS};
        struct fake generous = {.now_ms = end_ms + HOUR_MS, .is_generous = true};
        struct ampql_source *sources[] = {server_of(&alloc_default, &plain, 0),
                                          record_of(&alloc_default, &generous, widths[w], false),
                                          NULL};
        struct ampql_matcher matchers[3][16];
        struct ampql_select selects[3];
        struct collect wanted, got;
        struct ampql_error err = {0};
        enum ampql_code code;
        collect_init(&wanted, &alloc_default, false);
        collect_init(&got, &alloc_default, false);
        questions(matchers, selects, end_ms);
        for (size_t turn = 1; turn < 3; turn++) {
            for (size_t i = 0; i < 3; i++)
                assert_string_equal(collect_select(&got, sources[turn], &selects[i], &code, &err),
                                    collect_select(&wanted, sources[0], &selects[i], &code, &err));
            assert_int_equal(got.sink.warnings.n, 1);
            if (turn == 2)
                break;
            assert_int_equal(source_record_finish(sources[1], NULL, &err), AMPQL_OK);
            assert_int_equal(source_capture_open(&alloc_default, path, false, &sources[2], &err),
                             AMPQL_OK);
        }
        collect_done(&wanted);
        collect_done(&got);
        for (size_t i = 0; i < 3; i++)
            source_free(sources[i]);
    }
}

/* However it is cut into windows, the capture is the same. */
static void same_content(void **state)
{
    (void)state;
    const int64_t end_ms = START_MS + 10 * (int64_t)HOUR_MS;
    static const int64_t widths[] = {0, 24 * (int64_t)HOUR_MS, HOUR_MS, 7 * 60000, 1};
    uint8_t first[SHA256_BYTES], id[SHA256_BYTES];
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        struct fake fake = {.now_ms = end_ms + HOUR_MS};
        take_whole(&fake, widths[w], end_ms, false, w ? id : first);
        assert_true(w == 0 || memcmp(first, id, sizeof id) == 0);
        assert_true(w == 0 ? fake.ncalls == 3 : fake.ncalls >= 3 && fake.ncalls < 350);
    }
}

/* ---- a list of series */

static void lists(void **state)
{
    (void)state;
    struct fake fake = {.now_ms = START_MS};
    struct ampql_error err = {0};
    struct ampql_source *replay = NULL, *recording = record_of(&alloc_default, &fake, 0, false);
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("cpu", matchers, 0, START_MS);
    struct collect c;
    enum ampql_code code;
    collect_init(&c, &alloc_default, false);
    assert_int_equal(recording->ops.series(recording->payload, &select, &c.sink, &err), AMPQL_OK);
    assert_int_equal(source_record_finish(recording, NULL, &err), AMPQL_OK);
    source_free(recording);
    assert_int_equal(source_capture_open(&alloc_default, path, false, &replay, &err), AMPQL_OK);
    c.text.n = 0;
    assert_int_equal(replay->ops.series(replay->payload, &select, &c.sink, &err), AMPQL_OK);
    buf_byte(&c.text, '\0');
    assert_string_equal(c.text.p, "cpu{pod=\"0\"}\ncpu{pod=\"1\"}\ncpu{pod=\"2\"}\ncpu{pod=\"3\"}\n"
                                  "cpu{pod=\"4\"}\n");
    /* it is no answer to another question */
    assert_null(collect_select(&c, replay, &select, &code, &err));
    assert_int_equal(code, AMPQL_NOT_FOUND);
    collect_done(&c);
    source_free(replay);
}

/* ---- going on */

/* Whichever request fails: the log keeps what came before, the next run asks for the rest only, and
 * the capture is the one of a run without failures. */
static void resumes(void **state)
{
    (void)state;
    const int64_t end_ms = START_MS + 10 * (int64_t)HOUR_MS;
    uint8_t wanted[SHA256_BYTES], id[SHA256_BYTES];
    struct fake fake = {.now_ms = end_ms + HOUR_MS};
    take_whole(&fake, HOUR_MS, end_ms, false, wanted);
    size_t nwindows = fake.ncalls;
    assert_in_range(nwindows, 18, 30);
    for (size_t n = 1; n <= nwindows; n++) {
        struct ampql_error err = {0};
        fake = (struct fake){.now_ms = end_ms + HOUR_MS, .fail_at = n};
        unlink(path);
        struct ampql_source *recording = record_of(&alloc_default, &fake, HOUR_MS, false);
        assert_int_equal(take_all(recording, end_ms, &err), AMPQL_UNAVAILABLE);
        assert_string_equal(err.message, "the network is down");
        source_free(recording);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(access(part, F_OK), n == 1 ? -1 : 0);
        take_whole(&fake, HOUR_MS, end_ms, false, id);
        assert_memory_equal(id, wanted, sizeof id);
        assert_int_equal(fake.ncalls, nwindows + 1);
    }
}

/* The same when somebody reads along: what the log holds is read back. */
static void resumes_answers(void **state)
{
    (void)state;
    const int64_t end_ms = START_MS + 10 * (int64_t)HOUR_MS;
    struct ampql_matcher matchers[3][16];
    struct ampql_select selects[3];
    struct collect a, b;
    struct ampql_error err = {0};
    enum ampql_code code;
    questions(matchers, selects, end_ms);
    collect_init(&a, &alloc_default, false);
    collect_init(&b, &alloc_default, false);
    struct fake fake = {.now_ms = end_ms + HOUR_MS};
    struct ampql_source *recording = record_of(&alloc_default, &fake, HOUR_MS, false);
    const char *wanted = collect_select(&a, recording, &selects[0], &code, &err);
    size_t nwindows = fake.ncalls;
    assert_non_null(wanted);
    source_record_discard(recording);
    source_free(recording);
    fake = (struct fake){.now_ms = end_ms + HOUR_MS, .fail_at = 6};
    recording = record_of(&alloc_default, &fake, HOUR_MS, false);
    assert_null(collect_select(&b, recording, &selects[0], &code, &err));
    source_free(recording);
    recording = record_of(&alloc_default, &fake, HOUR_MS, false);
    struct ampql_prepare prepare = {.size = sizeof prepare, .selects = selects, .nselects = 1};
    assert_int_equal(recording->ops.prepare(recording->payload, &prepare, &err), AMPQL_OK);
    assert_int_equal(fake.nprepared, nwindows - 5); /* those that are not there */
    for (size_t turn = 0; turn < 2; turn++) { /* the second time all of it comes from the log */
        assert_string_equal(collect_select(&b, recording, &selects[0], &code, &err), wanted);
        assert_int_equal(fake.ncalls, nwindows + 1);
    }
    source_record_discard(recording);
    source_free(recording);
    assert_int_equal(access(part, F_OK), -1);
    collect_done(&a);
    collect_done(&b);
}

/* ---- bringing a capture up to date */

/* Every few minutes: only what is new is asked for, and the newest minutes again; samples that came
 * late are there in the end, as if all had been fetched at once. */
static void appends(void **state)
{
    (void)state;
    uint8_t id[SHA256_BYTES], wanted[SHA256_BYTES];
    int64_t end_ms = START_MS;
    for (size_t i = 0; i < 12; i++) {
        end_ms += i % 3 == 2 ? 3 * (int64_t)HOUR_MS : 4 * 60000;
        struct fake fake = {.now_ms = end_ms, .late_ms = 5 * 60000};
        take_whole(&fake, HOUR_MS, end_ms, i > 0, id);
        for (size_t k = 0; k < fake.ncalls && i > 0; k++)
            assert_true(fake.asked[k].from_ms >=
                        end_ms - 3 * (int64_t)HOUR_MS - SERVER_FRESH_MS - 60000);
    }
    struct fake later = {.now_ms = end_ms + HOUR_MS};
    take_whole(&later, HOUR_MS, end_ms, true, id);
    assert_in_range(later.ncalls, 2, 13); /* two newest windows, and the points that were asked */
    for (size_t k = 0; k < later.ncalls; k++)
        assert_true(later.asked[k].from_ms == later.asked[k].to_ms ||
                    later.asked[k].from_ms >= end_ms - SERVER_FRESH_MS - 60000);
    assert_int_equal(rename(path, other), 0);

    /* the points that each run asked for are in it, too */
    struct fake once = {.now_ms = end_ms + HOUR_MS};
    struct ampql_source *recording = record_of(&alloc_default, &once, HOUR_MS, false);
    struct ampql_error err = {0};
    int64_t at_ms = START_MS;
    for (size_t i = 0; i < 12; i++) {
        struct ampql_matcher matchers[3][16];
        struct ampql_select selects[3];
        at_ms += i % 3 == 2 ? 3 * (int64_t)HOUR_MS : 4 * 60000;
        questions(matchers, selects, at_ms);
        assert_int_equal(source_record_take(recording, &selects[2], &err), AMPQL_OK);
    }
    assert_int_equal(take_all(recording, end_ms, &err), AMPQL_OK);
    assert_int_equal(source_record_finish(recording, wanted, &err), AMPQL_OK);
    source_free(recording);

    /* of the points the early ones were asked when some samples were late: as they were answered */
    struct ampql_source *a = NULL, *b = NULL;
    struct ampql_matcher matchers[3][16];
    struct ampql_select selects[3];
    struct collect x, y;
    enum ampql_code code;
    collect_init(&x, &alloc_default, false);
    collect_init(&y, &alloc_default, false);
    assert_int_equal(source_capture_open(&alloc_default, other, false, &a, &err), AMPQL_OK);
    assert_int_equal(source_capture_open(&alloc_default, path, false, &b, &err), AMPQL_OK);
    questions(matchers, selects, end_ms);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(collect_select(&x, a, &selects[i], &code, &err),
                            collect_select(&y, b, &selects[i], &code, &err));
    collect_done(&x);
    collect_done(&y);
    source_free(a);
    source_free(b);
}

/* Nothing late: the content ids are equal, too; and what is all there is not asked for. */
static void appends_to_the_same_id(void **state)
{
    (void)state;
    uint8_t id[SHA256_BYTES], wanted[SHA256_BYTES];
    const int64_t step_ms = 100 * 60000, end_ms = START_MS + 6 * step_ms;
    struct ampql_matcher matchers[16];
    struct ampql_error err = {0};
    for (int64_t i = 1; i <= 7; i++) {
        int64_t at_ms = START_MS + (i < 6 ? i : 6) * step_ms;
        struct fake fake = {.now_ms = at_ms + (i == 7 ? HOUR_MS : 0)};
        struct ampql_source *recording = record_of(&alloc_default, &fake, HOUR_MS, true);
        struct ampql_select select = collect_raw("cpu", matchers, START_MS, at_ms);
        assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
        select = collect_grid("cpu", matchers, START_MS, at_ms, 60000);
        assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
        assert_int_equal(source_record_finish(recording, id, &err), AMPQL_OK);
        source_free(recording);
        assert_true(i < 7 ? fake.ncalls > 2 : fake.ncalls == 2); /* the newest ten minutes */
    }
    struct fake settled = {.now_ms = end_ms + 2 * (int64_t)HOUR_MS};
    struct ampql_source *recording = record_of(&alloc_default, &settled, HOUR_MS, true);
    struct ampql_select select = collect_raw("cpu", matchers, START_MS, end_ms);
    assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
    assert_int_equal(settled.ncalls, 0);
    source_free(recording);
    unlink(path);
    recording = record_of(&alloc_default, &settled, 0, false);
    assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
    select = collect_grid("cpu", matchers, START_MS, end_ms, 60000);
    assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
    assert_int_equal(source_record_finish(recording, wanted, &err), AMPQL_OK);
    source_free(recording);
    assert_memory_equal(id, wanted, sizeof id);
}

static void refuses_other_sources(void **state)
{
    (void)state;
    const int64_t end_ms = START_MS + HOUR_MS;
    struct fake fake = {.now_ms = end_ms};
    struct record_options options = {.name = STR("http://another"), .extends = true};
    struct ampql_source *out = NULL;
    struct ampql_error err = {0};
    take_whole(&fake, 0, end_ms, false, NULL);
    assert_int_equal(source_record_open(&alloc_default, server_of(&alloc_default, &fake, 0), path,
                                        &options, &out, &err),
                     AMPQL_BAD_DATA);
    assert_non_null(strstr(err.message, "answers of another source"));
    assert_int_equal(access(part, F_OK), -1);
    options.extends = false; /* it may take the other's place */
    assert_int_equal(source_record_open(&alloc_default, server_of(&alloc_default, &fake, 0), path,
                                        &options, &out, &err),
                     AMPQL_OK);
    source_free(out);
}

/* ---- what a capture does not hold */

static const struct row {
    const char *selector;
    int64_t from_ms, to_ms, step_ms; /* after START_MS; step 0: raw */
    const char *answer;              /* how it begins; NULL: missing, */
    const char *message;             /*    with this in the message */
} rows[] = {
    {"cpu", 0, 30000, 0, "cpu{pod=\"0\"} 3601245@", NULL},
    {"cpu{pod=\"1\"}", 0, 30000, 0, "cpu{pod=\"1\"}", NULL},
    {"cpu{pod=\"1\",x=\"\"}", 60000, 180000, 60000, "cpu{pod=\"1\"}", NULL}, /* 1 is not 2 */
    {"cpu{pod=\"2\"}", 60000, 180000, 60000, NULL,
     " does not hold cpu{pod=\"2\"} from 1970-02-11T16:21:34.567Z to 1970-02-11T16:23:34.567Z step "
     "1m (GRID, lookback 5m); nearest: cpu at 1970-02-11T17:20:34.567Z (GRID, lookback 5m); to"},
    {"cpu{pod=~\"1|4\"}", 60000, 180000, 60000, NULL, "does not hold cpu{pod=~\"1|4\"} from"},
    {"cpu{pod=\"4\"}", 60000, 180000, 120000, "cpu{pod=\"4\"} 18006", NULL},
    {"cpu{pod=\"4\"}", 60000, 180000, 45000, NULL, "step 45s"},
    {"cpu", -1, 30000, 0, NULL, "; to fetch it: ampql fetch --append --out /"},
    {"cpu", -1, 30000, 0, NULL,
     "/a.aqc --source http://server --time 1970-02-11T16:21:04.567Z 'cpu[30s1ms]'"},
    {"mem{a=\"it's\"}", 0, 0, 1, NULL,
     " --source http://server --time 1970-02-11T16:20:34.567Z 'mem{a=\"it'\\''s\"}'"},
    {"mem{a!~\"b\"}", 60000, 180000, 60000, NULL,
     " --start 1970-02-11T16:21:34.567Z --end 1970-02-11T16:23:34.567Z --step 1m 'mem{a!~\"b\"}'"},
};

static void missing(void **state)
{
    (void)state;
    const int64_t end_ms = START_MS + HOUR_MS;
    struct fake fake = {.now_ms = end_ms};
    struct ampql_source *replay = NULL;
    struct collect c;
    struct ampql_error err = {0};
    take_whole(&fake, 0, end_ms, false, NULL);
    collect_init(&c, &alloc_default, false);
    assert_int_equal(source_capture_open(&alloc_default, path, false, &replay, &err), AMPQL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct ampql_matcher matchers[16];
        int64_t from = START_MS + row->from_ms, to = START_MS + row->to_ms;
        struct ampql_select select =
            row->step_ms ? collect_grid(row->selector, matchers, from, to, row->step_ms)
                         : collect_raw(row->selector, matchers, from, to);
        enum ampql_code code;
        const char *got = collect_select(&c, replay, &select, &code, &err);
        bool ok = row->answer
                      ? got && strncmp(got, row->answer, strlen(row->answer)) == 0
                      : !got && code == AMPQL_NOT_FOUND && strstr(err.message, row->message);
        if (!ok)
            fail_msg("%s: %s", row->selector, got ? got : err.message);
    }
    collect_done(&c);
    source_free(replay);
}

/* A part of an answer is given only when it is asked for, and says so. */
static void partial(void **state)
{
    (void)state;
    static const struct {
        int64_t from_ms, to_ms, step_ms;
        const char *answer, *warning;
    } parts[] = {
        {0, 30000, 0, "15@15000 30@30000", NULL},
        {-60000, 15000, 0, "15@15000",
         "holds only a part of cpu{pod=\"0\"}[1m15s] at 1970-01-01T00:00:15Z (RAW); missing from "
         "1969-12-31T23:59:00Z to 1970-01-01T00:00:00Z"},
        {45000, 135000, 0, "60@60000 135@135000",
         "missing from 1970-01-01T00:01:00Z to 1970-01-01T00:02:00Z"},
        {45000, 400000, 0, "60@60000 135@135000 150@150000", "Z and 1 more"},
        {300000, 400000, 0, NULL, "holds nothing of cpu{pod=\"0\"}[1m40s] at"},
        {0, 60000, 30000, "0@0 30@30000",
         "missing from 1970-01-01T00:01:00Z to 1970-01-01T00:01:00Z"},
        {-60000, 60000, 30000, "0@0 30@30000", "Z and 1 more"},
        {1, 60001, 30000, NULL, "holds nothing of cpu{pod=\"0\"} from 1970-01-01T00:00:00.001Z"},
    };
    struct fake fake = {.now_ms = HOUR_MS};
    struct ampql_source *replay = NULL, *recording = record_of(&alloc_default, &fake, 0, false);
    struct ampql_matcher matchers[16];
    struct ampql_error err = {0};
    static const int64_t held[][3] = {{0, 60000, 0}, {120000, 150000, 0}, {0, 45000, 15000}};
    for (size_t i = 0; i < 3; i++) {
        struct ampql_select select =
            held[i][2] ? collect_grid("cpu", matchers, held[i][0], held[i][1], held[i][2])
                       : collect_raw("cpu", matchers, held[i][0], held[i][1]);
        assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
    }
    assert_int_equal(source_record_finish(recording, NULL, &err), AMPQL_OK);
    source_free(recording);
    for (size_t i = 0; i < 2 * (sizeof parts / sizeof *parts); i++) {
        bool allows = i % 2;
        int64_t from = parts[i / 2].from_ms, to = parts[i / 2].to_ms, step = parts[i / 2].step_ms;
        struct ampql_select select = step ? collect_grid("cpu{pod=\"0\"}", matchers, from, to, step)
                                          : collect_raw("cpu{pod=\"0\"}", matchers, from, to);
        char wanted[128] = "";
        struct collect c;
        enum ampql_code code;
        collect_init(&c, &alloc_default, false);
        assert_int_equal(source_capture_open(&alloc_default, path, allows, &replay, &err),
                         AMPQL_OK);
        const char *got = collect_select(&c, replay, &select, &code, &err);
        if (parts[i / 2].answer)
            snprintf(wanted, sizeof wanted, "cpu{pod=\"0\"} %s\n", parts[i / 2].answer);
        if (parts[i / 2].warning && !allows) {
            assert_null(got);
            assert_int_equal(code, AMPQL_NOT_FOUND);
        } else {
            assert_string_equal(got, wanted);
        }
        bool is_told = false;
        for (size_t w = 0; w < c.sink.warnings.n && parts[i / 2].warning; w++)
            is_told |= strstr(c.sink.warnings.at[w].p, parts[i / 2].warning) != NULL;
        assert_int_equal(is_told, allows && parts[i / 2].warning);
        collect_done(&c);
        source_free(replay);
    }
}

/* ---- grids that have points of others */

/* A coarse grid, every other point of a finer one, and single points between: what they hold of the
 * finer one is no part of it, and what is asked once more can be read back. */
static void mixed_grids(void **state)
{
    (void)state;
    const int64_t minute = 60000;
    const int64_t asked[][3] = {{100, 200, 1}, {0, 20, 2}, {1, 1, 1},
                                {3, 3, 1},     {5, 5, 1},  {0, 20, 1}};
    struct fake fake = {.now_ms = HOUR_MS * 24};
    struct ampql_matcher matchers[16];
    struct ampql_error err = {0};
    struct ampql_source *replay = NULL,
                        *recording = record_of(&alloc_default, &fake, 7 * minute, false);
    struct ampql_select select;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        select = collect_grid("cpu", matchers, asked[i][0] * minute, asked[i][1] * minute,
                              asked[i][0] == asked[i][1] ? 1 : asked[i][2] * minute);
        assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
    }
    assert_int_equal(source_record_finish(recording, NULL, &err), AMPQL_OK);
    source_free(recording);
    struct collect c;
    enum ampql_code code;
    collect_init(&c, &alloc_default, false);
    assert_int_equal(source_capture_open(&alloc_default, path, false, &replay, &err), AMPQL_OK);
    if (!collect_select(&c, replay, &select, &code, &err))
        fail_msg("%s", err.message);
    collect_done(&c);
    source_free(replay);
}

/* ---- the public functions */

static void public_functions(void **state)
{
    (void)state;
    static const char text[] = "sum(rate(cpu[5m])) + count(cpu)";
    struct ampql_error err = {0};
    struct ampql_engine *engine;
    struct ampql_query *query;
    double values[2];
    uint8_t id[AMPQL_CONTENT_ID_BYTES] = {0}, none[AMPQL_CONTENT_ID_BYTES] = {0};
    struct fake fake = {.now_ms = START_MS + HOUR_MS};
    struct ampql_run_options at = {.size = sizeof at, .start_ms = START_MS};
    assert_int_equal(ampql_engine_new(NULL, &engine, &err), AMPQL_OK);
    assert_int_equal(ampql_query_compile(engine, text, strlen(text), &query, &err), AMPQL_OK);
    struct ampql_source *source = server_of(&alloc_default, &fake, 0);
    assert_int_equal(ampql_record_finish(source, NULL, &err), AMPQL_UNSUPPORTED);
    ampql_record_discard(source);
    assert_int_equal(ampql_source_record(engine, source, path, NULL, &source, &err), AMPQL_OK);
    for (size_t i = 0; i < 2; i++) {
        struct ampql_result *result;
        assert_int_equal(ampql_query_run(query, source, &at, &result, &err), AMPQL_OK);
        values[i] = ampql_result_series(result, 0).values[0];
        ampql_result_free(result);
        if (i == 0)
            assert_int_equal(ampql_record_finish(source, id, &err), AMPQL_OK);
        ampql_source_free(source);
        if (i == 0)
            assert_int_equal(ampql_source_capture(engine, path, NULL, &source, &err), AMPQL_OK);
    }
    assert_memory_equal(&values[0], &values[1], sizeof *values);
    assert_memory_not_equal(id, none, sizeof id);
    ampql_query_free(query);
    ampql_engine_free(engine);
}

/* ---- allocation failures */

static bool record_and_go_on(const struct ampql_allocator *alc)
{
    const int64_t end_ms = START_MS + 2 * (int64_t)HOUR_MS;
    struct fake fake = {.now_ms = end_ms, .fail_at = 3};
    struct ampql_error err = {0};
    enum ampql_code code = AMPQL_OK;
    struct collect c;
    collect_init(&c, alc, false);
    for (size_t turn = 0; turn < 3 && code == AMPQL_OK; turn++) {
        struct ampql_source *recording = record_of(alc, &fake, HOUR_MS, turn == 2);
        struct ampql_matcher matchers[3][16];
        struct ampql_select selects[3];
        questions(matchers, selects, end_ms + (turn == 2 ? HOUR_MS : 0));
        struct ampql_prepare prepare = {.size = sizeof prepare, .selects = selects, .nselects = 3};
        code = recording ? recording->ops.prepare(recording->payload, &prepare, &err) : AMPQL_NOMEM;
        for (size_t i = 0; i < 3 && code == AMPQL_OK; i++)
            collect_select(&c, recording, &selects[i], &code, &err);
        if (turn == 0 && code == AMPQL_UNAVAILABLE)
            code = AMPQL_OK;
        else if (code == AMPQL_OK)
            code = source_record_finish(recording, NULL, &err);
        source_free(recording);
    }
    collect_done(&c);
    if (code != AMPQL_OK) { /* begin afresh */
        unlink(part);
        unlink(path);
    }
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    return code == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    torture_all_lenient(record_and_go_on);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, scratch_drop)
static const struct CMUnitTest tests[] = {
    IN_FOLDER(same_answers), IN_FOLDER(same_content),           IN_FOLDER(lists),
    IN_FOLDER(resumes),      IN_FOLDER(resumes_answers),        IN_FOLDER(appends),
    IN_FOLDER(missing),      IN_FOLDER(appends_to_the_same_id), IN_FOLDER(partial),
    IN_FOLDER(torture),      IN_FOLDER(refuses_other_sources),  IN_FOLDER(public_functions),
    IN_FOLDER(mixed_grids),
};
TEST_MAIN(tests)
