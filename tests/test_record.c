/* Recording: what was answered through it is answered again without the source; what is there is
 * not asked for again, after a failure or when a capture is brought up to date. */
#include <ampql.h>

#include "source/capture_source.h"
#include "source/server.h"
#include "support/captures.h"
#include "support/fake_server.h"
#include "support/scratch.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <unistd.h>

/* ---- replay is what was recorded */

static void same_answers(void **state)
{
    (void)state;
    const int64_t end_ms = FAKE_START_MS + 10 * (int64_t)HOUR_MS;
    static const int64_t widths[] = {0, HOUR_MS, 7 * 60000};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        struct fake_server plain = {.now_ms = end_ms + HOUR_MS};
        struct fake_server generous = {.now_ms = end_ms + HOUR_MS, .is_generous = true};
        struct ampql_source *sources[] = {
            fake_server_source(&alloc_default, &plain, 0),
            fake_server_record(&alloc_default, &generous, widths[w], false), NULL};
        struct ampql_matcher matchers[3][16];
        struct ampql_select selects[3];
        struct collect wanted, got;
        struct ampql_error err = {0};
        enum ampql_code code;
        collect_init(&wanted, &alloc_default, false);
        collect_init(&got, &alloc_default, false);
        fake_server_questions(matchers, selects, end_ms);
        for (size_t turn = 1; turn < 3; turn++) {
            for (size_t i = 0; i < 3; i++)
                assert_string_equal(collect_select(&got, sources[turn], &selects[i], &code, &err),
                                    collect_select(&wanted, sources[0], &selects[i], &code, &err));
            assert_int_equal(got.sink.warnings.n, 1);
            if (turn == 2)
                break;
            assert_int_equal(source_record_finish(sources[1], NULL, &err), AMPQL_OK);
            assert_int_equal(
                source_capture_open(&alloc_default, captures_path, false, &sources[2], &err),
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
    const int64_t end_ms = FAKE_START_MS + 10 * (int64_t)HOUR_MS;
    static const int64_t widths[] = {0, 24 * (int64_t)HOUR_MS, HOUR_MS, 7 * 60000, 1};
    uint8_t first[SHA256_BYTES], id[SHA256_BYTES];
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        struct fake_server fake = {.now_ms = end_ms + HOUR_MS};
        fake_server_capture(&fake, widths[w], end_ms, false, w ? id : first);
        assert_true(w == 0 || memcmp(first, id, sizeof id) == 0);
        assert_true(w == 0 ? fake.ncalls == 3 : fake.ncalls >= 3 && fake.ncalls < 350);
    }
}

/* ---- a list of series */

static void lists(void **state)
{
    (void)state;
    struct fake_server fake = {.now_ms = FAKE_START_MS};
    struct ampql_error err = {0};
    struct ampql_source *replay = NULL,
                        *recording = fake_server_record(&alloc_default, &fake, 0, false);
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("cpu", matchers, 0, FAKE_START_MS);
    struct collect c;
    enum ampql_code code;
    collect_init(&c, &alloc_default, false);
    assert_int_equal(recording->ops.series(recording->payload, &select, &c.sink, &err), AMPQL_OK);
    assert_int_equal(source_record_finish(recording, NULL, &err), AMPQL_OK);
    source_free(recording);
    assert_int_equal(source_capture_open(&alloc_default, captures_path, false, &replay, &err),
                     AMPQL_OK);
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
    const int64_t end_ms = FAKE_START_MS + 10 * (int64_t)HOUR_MS;
    uint8_t wanted[SHA256_BYTES], id[SHA256_BYTES];
    struct fake_server fake = {.now_ms = end_ms + HOUR_MS};
    fake_server_capture(&fake, HOUR_MS, end_ms, false, wanted);
    size_t nwindows = fake.ncalls;
    assert_in_range(nwindows, 18, 30);
    for (size_t n = 1; n <= nwindows; n++) {
        struct ampql_error err = {0};
        fake = (struct fake_server){.now_ms = end_ms + HOUR_MS, .fail_at = n};
        unlink(captures_path);
        struct ampql_source *recording = fake_server_record(&alloc_default, &fake, HOUR_MS, false);
        assert_int_equal(fake_server_take(recording, end_ms, &err), AMPQL_UNAVAILABLE);
        assert_string_equal(err.message, "the network is down");
        source_free(recording);
        assert_int_equal(access(captures_path, F_OK), -1);
        assert_int_equal(access(captures_part, F_OK), n == 1 ? -1 : 0);
        fake_server_capture(&fake, HOUR_MS, end_ms, false, id);
        assert_memory_equal(id, wanted, sizeof id);
        assert_int_equal(fake.ncalls, nwindows + 1);
    }
}

/* The same when somebody reads along: what the log holds is read back. */
static void resumes_answers(void **state)
{
    (void)state;
    const int64_t end_ms = FAKE_START_MS + 10 * (int64_t)HOUR_MS;
    struct ampql_matcher matchers[3][16];
    struct ampql_select selects[3];
    struct collect a, b;
    struct ampql_error err = {0};
    enum ampql_code code;
    fake_server_questions(matchers, selects, end_ms);
    collect_init(&a, &alloc_default, false);
    collect_init(&b, &alloc_default, false);
    struct fake_server fake = {.now_ms = end_ms + HOUR_MS};
    struct ampql_source *recording = fake_server_record(&alloc_default, &fake, HOUR_MS, false);
    const char *wanted = collect_select(&a, recording, &selects[0], &code, &err);
    size_t nwindows = fake.ncalls;
    assert_non_null(wanted);
    source_record_discard(recording);
    source_free(recording);
    fake = (struct fake_server){.now_ms = end_ms + HOUR_MS, .fail_at = 6};
    recording = fake_server_record(&alloc_default, &fake, HOUR_MS, false);
    assert_null(collect_select(&b, recording, &selects[0], &code, &err));
    source_free(recording);
    recording = fake_server_record(&alloc_default, &fake, HOUR_MS, false);
    struct ampql_prepare prepare = {.size = sizeof prepare, .selects = selects, .nselects = 1};
    assert_int_equal(recording->ops.prepare(recording->payload, &prepare, &err), AMPQL_OK);
    assert_int_equal(fake.nprepared, nwindows - 5); /* those that are not there */
    for (size_t turn = 0; turn < 2; turn++) { /* the second time all of it comes from the log */
        assert_string_equal(collect_select(&b, recording, &selects[0], &code, &err), wanted);
        assert_int_equal(fake.ncalls, nwindows + 1);
    }
    source_record_discard(recording);
    source_free(recording);
    assert_int_equal(access(captures_part, F_OK), -1);
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
    int64_t end_ms = FAKE_START_MS;
    for (size_t i = 0; i < 12; i++) {
        end_ms += i % 3 == 2 ? 3 * (int64_t)HOUR_MS : 4 * 60000;
        struct fake_server fake = {.now_ms = end_ms, .late_ms = 5 * 60000};
        fake_server_capture(&fake, HOUR_MS, end_ms, i > 0, id);
        for (size_t k = 0; k < fake.ncalls && i > 0; k++)
            assert_true(fake.asked[k].from_ms >=
                        end_ms - 3 * (int64_t)HOUR_MS - SERVER_FRESH_MS - 60000);
    }
    struct fake_server later = {.now_ms = end_ms + HOUR_MS};
    fake_server_capture(&later, HOUR_MS, end_ms, true, id);
    assert_in_range(later.ncalls, 2, 13); /* two newest windows, and the points that were asked */
    for (size_t k = 0; k < later.ncalls; k++)
        assert_true(later.asked[k].from_ms == later.asked[k].to_ms ||
                    later.asked[k].from_ms >= end_ms - SERVER_FRESH_MS - 60000);
    assert_int_equal(rename(captures_path, captures_other), 0);

    /* the points that each run asked for are in it, too */
    struct fake_server once = {.now_ms = end_ms + HOUR_MS};
    struct ampql_source *recording = fake_server_record(&alloc_default, &once, HOUR_MS, false);
    struct ampql_error err = {0};
    int64_t at_ms = FAKE_START_MS;
    for (size_t i = 0; i < 12; i++) {
        struct ampql_matcher matchers[3][16];
        struct ampql_select selects[3];
        at_ms += i % 3 == 2 ? 3 * (int64_t)HOUR_MS : 4 * 60000;
        fake_server_questions(matchers, selects, at_ms);
        assert_int_equal(source_record_take(recording, &selects[2], &err), AMPQL_OK);
    }
    assert_int_equal(fake_server_take(recording, end_ms, &err), AMPQL_OK);
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
    assert_int_equal(source_capture_open(&alloc_default, captures_other, false, &a, &err),
                     AMPQL_OK);
    assert_int_equal(source_capture_open(&alloc_default, captures_path, false, &b, &err), AMPQL_OK);
    fake_server_questions(matchers, selects, end_ms);
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
    const int64_t step_ms = 100 * 60000, end_ms = FAKE_START_MS + 6 * step_ms;
    struct ampql_matcher matchers[16];
    struct ampql_error err = {0};
    for (int64_t i = 1; i <= 7; i++) {
        int64_t at_ms = FAKE_START_MS + (i < 6 ? i : 6) * step_ms;
        struct fake_server fake = {.now_ms = at_ms + (i == 7 ? HOUR_MS : 0)};
        struct ampql_source *recording = fake_server_record(&alloc_default, &fake, HOUR_MS, true);
        struct ampql_select select = collect_raw("cpu", matchers, FAKE_START_MS, at_ms);
        assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
        select = collect_grid("cpu", matchers, FAKE_START_MS, at_ms, 60000);
        assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
        assert_int_equal(source_record_finish(recording, id, &err), AMPQL_OK);
        source_free(recording);
        assert_true(i < 7 ? fake.ncalls > 2 : fake.ncalls == 2); /* the newest ten minutes */
    }
    struct fake_server settled = {.now_ms = end_ms + 2 * (int64_t)HOUR_MS};
    struct ampql_source *recording = fake_server_record(&alloc_default, &settled, HOUR_MS, true);
    struct ampql_select select = collect_raw("cpu", matchers, FAKE_START_MS, end_ms);
    assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
    assert_int_equal(settled.ncalls, 0);
    source_free(recording);
    unlink(captures_path);
    recording = fake_server_record(&alloc_default, &settled, 0, false);
    assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
    select = collect_grid("cpu", matchers, FAKE_START_MS, end_ms, 60000);
    assert_int_equal(source_record_take(recording, &select, &err), AMPQL_OK);
    assert_int_equal(source_record_finish(recording, wanted, &err), AMPQL_OK);
    source_free(recording);
    assert_memory_equal(id, wanted, sizeof id);
}

static void refuses_other_sources(void **state)
{
    (void)state;
    const int64_t end_ms = FAKE_START_MS + HOUR_MS;
    struct fake_server fake = {.now_ms = end_ms};
    struct record_options options = {.name = STR("http://another"), .extends = true};
    struct ampql_source *out = NULL;
    struct ampql_error err = {0};
    fake_server_capture(&fake, 0, end_ms, false, NULL);
    assert_int_equal(source_record_open(&alloc_default,
                                        fake_server_source(&alloc_default, &fake, 0), captures_path,
                                        &options, &out, &err),
                     AMPQL_BAD_DATA);
    assert_non_null(strstr(err.message, "answers of another source"));
    assert_int_equal(access(captures_part, F_OK), -1);
    options.extends = false; /* it may take the other's place */
    assert_int_equal(source_record_open(&alloc_default,
                                        fake_server_source(&alloc_default, &fake, 0), captures_path,
                                        &options, &out, &err),
                     AMPQL_OK);
    source_free(out);
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
    struct fake_server fake = {.now_ms = HOUR_MS * 24};
    struct ampql_matcher matchers[16];
    struct ampql_error err = {0};
    struct ampql_source *replay = NULL,
                        *recording = fake_server_record(&alloc_default, &fake, 7 * minute, false);
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
    assert_int_equal(source_capture_open(&alloc_default, captures_path, false, &replay, &err),
                     AMPQL_OK);
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
    struct fake_server fake = {.now_ms = FAKE_START_MS + HOUR_MS};
    struct ampql_run_options at = {.size = sizeof at, .start_ms = FAKE_START_MS};
    assert_int_equal(ampql_engine_new(NULL, &engine, &err), AMPQL_OK);
    assert_int_equal(ampql_query_compile(engine, text, strlen(text), &query, &err), AMPQL_OK);
    struct ampql_source *source = fake_server_source(&alloc_default, &fake, 0);
    assert_int_equal(ampql_record_finish(source, NULL, &err), AMPQL_UNSUPPORTED);
    ampql_record_discard(source);
    assert_int_equal(ampql_source_record(engine, source, captures_path, NULL, &source, &err),
                     AMPQL_OK);
    for (size_t i = 0; i < 2; i++) {
        struct ampql_result *result;
        assert_int_equal(ampql_query_run(query, source, &at, &result, &err), AMPQL_OK);
        values[i] = ampql_result_series(result, 0).values[0];
        ampql_result_free(result);
        if (i == 0)
            assert_int_equal(ampql_record_finish(source, id, &err), AMPQL_OK);
        ampql_source_free(source);
        if (i == 0)
            assert_int_equal(ampql_source_capture(engine, captures_path, NULL, &source, &err),
                             AMPQL_OK);
    }
    assert_memory_equal(&values[0], &values[1], sizeof *values);
    assert_memory_not_equal(id, none, sizeof id);
    ampql_query_free(query);
    ampql_engine_free(engine);
}

/* ---- allocation failures */

static bool record_and_go_on(const struct ampql_allocator *alc)
{
    const int64_t end_ms = FAKE_START_MS + 2 * (int64_t)HOUR_MS;
    struct fake_server fake = {.now_ms = end_ms, .fail_at = 3};
    struct ampql_error err = {0};
    enum ampql_code code = AMPQL_OK;
    struct collect c;
    collect_init(&c, alc, false);
    for (size_t turn = 0; turn < 3 && code == AMPQL_OK; turn++) {
        struct ampql_source *recording = fake_server_record(alc, &fake, HOUR_MS, turn == 2);
        struct ampql_matcher matchers[3][16];
        struct ampql_select selects[3];
        fake_server_questions(matchers, selects, end_ms + (turn == 2 ? HOUR_MS : 0));
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
        unlink(captures_part);
        unlink(captures_path);
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

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, captures_set_up, scratch_drop)
/* ---- damage */

/* A log that is damaged before it is finished is no capture with less in it. */
static void damaged_log(void **state)
{
    (void)state;
    const int64_t end_ms = FAKE_START_MS + HOUR_MS;
    struct fake_server fake = {.now_ms = end_ms};
    struct ampql_source *recording = fake_server_record(&alloc_default, &fake, 10 * 60000, false);
    struct ampql_error err = {0};
    assert_int_equal(fake_server_take(recording, end_ms, &err), AMPQL_OK);
    FILE *part = fopen(captures_part, "r+b");
    assert_non_null(part);
    assert_int_equal(fseek(part, -100, SEEK_END), 0);
    int c = fgetc(part);
    assert_int_equal(fseek(part, -100, SEEK_END), 0);
    fputc(c ^ 1, part);
    fclose(part);
    assert_int_equal(source_record_finish(recording, NULL, &err), AMPQL_BAD_DATA);
    assert_non_null(strstr(err.message, "damaged after it was written"));
    source_free(recording);
    assert_int_equal(access(captures_path, F_OK), -1);

    recording = fake_server_record(&alloc_default, &fake, 10 * 60000, false);
    assert_int_equal(fake_server_take(recording, end_ms, &err), AMPQL_OK);
    assert_int_equal(source_record_finish(recording, NULL, &err), AMPQL_OK);
    source_free(recording);
    assert_int_equal(access(captures_path, F_OK), 0);
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(same_answers),
    IN_FOLDER(same_content),
    IN_FOLDER(lists),
    IN_FOLDER(resumes),
    IN_FOLDER(resumes_answers),
    IN_FOLDER(appends),
    IN_FOLDER(appends_to_the_same_id),
    IN_FOLDER(torture),
    IN_FOLDER(damaged_log),
    IN_FOLDER(refuses_other_sources),
    IN_FOLDER(public_functions),
    IN_FOLDER(mixed_grids),
};
TEST_MAIN(tests)
