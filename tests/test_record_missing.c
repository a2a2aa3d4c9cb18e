/* What a capture does not hold: told, with the command that would fetch it, or left out when a part
 * will do. */
#include "source/capture_source.h"
#include "support/captures.h"
#include "support/fake_server.h"
#include "support/scratch.h"
#include "support/test.h"

#include <stdio.h>

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
    const int64_t end_ms = FAKE_START_MS + HOUR_MS;
    struct fake_server fake = {.now_ms = end_ms};
    struct ampql_source *replay = NULL;
    struct collect c;
    struct ampql_error err = {0};
    fake_server_capture(&fake, 0, end_ms, false, NULL);
    collect_init(&c, &alloc_default, false);
    assert_int_equal(source_capture_open(&alloc_default, captures_path, false, &replay, &err),
                     AMPQL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct ampql_matcher matchers[16];
        int64_t from = FAKE_START_MS + row->from_ms, to = FAKE_START_MS + row->to_ms;
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
    struct fake_server fake = {.now_ms = HOUR_MS};
    struct ampql_source *replay = NULL,
                        *recording = fake_server_record(&alloc_default, &fake, 0, false);
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
        assert_int_equal(source_capture_open(&alloc_default, captures_path, allows, &replay, &err),
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

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, captures_set_up, scratch_drop)
static const struct CMUnitTest tests[] = {IN_FOLDER(missing), IN_FOLDER(partial)};
TEST_MAIN(tests)
