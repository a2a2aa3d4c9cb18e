/* The history of rules: every form holds the samples that were recorded, a capture also the stale
 * markers; a taker that has enough ends the run; nothing is left of a capture that could not be
 * made. */
#include "source/capture.h"
#include "support/scratch.h"
#include "support/series.h"
#include "support/test.h"
#include "support/torture.h"
#include "tool/backfill.h"

#include <ampql/query.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* b ends; two is recorded once a minute and has two series, total one in each of two groups. */
static const char text[] = "groups:\n"
                           "- name: g\n"
                           "  rules:\n"
                           "  - {record: two, expr: sum by (pod) (mem)}\n"
                           "  - {record: total, expr: sum(two), labels: {from: \"\\\"g\\\"\"}}\n"
                           "- name: h\n"
                           "  interval: 2m\n"
                           "  rules:\n"
                           "  - {record: total, expr: sum(two)}\n";

struct session {
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_rules *rules;
};

static bool session_open(struct session *s, const struct ampql_allocator *alc)
{
    struct ampql_engine_options options = {.size = sizeof options, .allocator = alc};
    *s = (struct session){0};
    return ampql_engine_new(&options, &s->engine, NULL) == AMPQL_OK &&
           ampql_source_memory(s->engine, NULL, &s->source, NULL) == AMPQL_OK &&
           test_add(s->source, "mem", "pod=a", 0, 60000, "1x4") &&
           test_add(s->source, "mem", "pod=b", 0, 60000, "2 3 stale") &&
           ampql_rules_load(s->engine, text, strlen(text), &s->rules, NULL) == AMPQL_OK;
}

static void session_close(struct session *s)
{
    ampql_rules_free(s->rules);
    ampql_source_free(s->source);
    ampql_engine_free(s->engine);
}

static const struct ampql_run_options times = {
    .size = sizeof times, .start_ms = 0, .end_ms = 180000};

static enum ampql_code fill(const struct session *s, const struct ampql_allocator *alc,
                            enum backfill_form form, const char *path, struct test_text *out,
                            uint64_t *nmarkers)
{
    struct backfill backfill;
    struct ampql_rules_result *result = NULL;
    struct ampql_error err = {0};
    enum ampql_code code = backfill_open(&backfill, form, alc, path, STR("rules.yml"), AMPQL_PROM3,
                                         test_write, out, &err);
    if (code != AMPQL_OK)
        return code;
    code =
        ampql_rules_backfill(s->rules, s->source, &times, backfill_take, &backfill, &result, &err);
    code = backfill_close(&backfill, code, &err);
    ampql_rules_result_free(result);
    *nmarkers = backfill.nmarkers;
    return code;
}

/* ---- forms */

static void test_texts(void **state)
{
    static const struct {
        enum backfill_form form;
        const char *text;
    } rows[] = {
        {BACKFILL_OPENMETRICS, "# TYPE two unknown\n"
                               "two{pod=\"a\"} 1 0\ntwo{pod=\"a\"} 1 60\ntwo{pod=\"a\"} 1 120\n"
                               "two{pod=\"a\"} 1 180\n"
                               "two{pod=\"b\"} 2 0\ntwo{pod=\"b\"} 3 60\n"
                               "# TYPE total unknown\n"
                               "total 4 120\n"
                               "total{from=\"\\\"g\\\"\"} 3 0\ntotal{from=\"\\\"g\\\"\"} 4 60\n"
                               "total{from=\"\\\"g\\\"\"} 1 120\ntotal{from=\"\\\"g\\\"\"} 1 180\n"
                               "# EOF\n"},
        {BACKFILL_JSON,
         "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
         "{\"metric\":{\"__name__\":\"two\",\"pod\":\"a\"},"
         "\"values\":[[0,\"1\"],[60,\"1\"],[120,\"1\"],[180,\"1\"]]},"
         "{\"metric\":{\"__name__\":\"two\",\"pod\":\"b\"},\"values\":[[0,\"2\"],[60,\"3\"]]},"
         "{\"metric\":{\"__name__\":\"total\"},\"values\":[[120,\"4\"]]},"
         "{\"metric\":{\"__name__\":\"total\",\"from\":\"\\\"g\\\"\"},"
         "\"values\":[[0,\"3\"],[60,\"4\"],[120,\"1\"],[180,\"1\"]]}]}}\n"},
    };
    struct session s;
    (void)state;
    assert_true(session_open(&s, NULL));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct test_text out;
        uint64_t nmarkers;
        out.n = 0;
        assert_int_equal(fill(&s, &alloc_default, rows[i].form, NULL, &out, &nmarkers), AMPQL_OK);
        assert_string_equal(out.at, rows[i].text);
        assert_int_equal(nmarkers, 1);
    }
    session_close(&s);
}

/* ---- takers */

struct few {
    size_t room; /* series that it takes */
    char seen[256];
};

static enum ampql_code take_few(void *payload, size_t rule, const struct ampql_series *series,
                                struct ampql_error *err)
{
    struct few *few = payload;
    size_t n = strlen(few->seen);
    if (few->room-- == 0) {
        snprintf(err->message, sizeof err->message, "no more");
        return AMPQL_LIMIT;
    }
    snprintf(few->seen + n, sizeof few->seen - n, "%zu:%zu ", rule, series->n);
    return AMPQL_OK;
}

/* Whoever takes the series is told the first rule of their name, and may end the run. */
static void test_takers(void **state)
{
    struct session s;
    struct ampql_rules_result *result = NULL;
    struct ampql_error err = {0};
    struct few all = {.room = 9}, few = {.room = 3};
    (void)state;
    assert_true(session_open(&s, NULL));
    assert_int_equal(ampql_rules_backfill(s.rules, s.source, &times, take_few, &all, &result, &err),
                     AMPQL_OK);
    assert_string_equal(all.seen, "0:4 0:3 1:1 1:4 ");
    struct ampql_rules_costs costs = ampql_rules_result_costs(result);
    assert_int_equal(costs.samples_written, 12);
    assert_int_equal(ampql_rules_result_rule(result, 2).nevaluations, 2);
    ampql_rules_result_free(result);

    assert_int_equal(ampql_rules_backfill(s.rules, s.source, &times, take_few, &few, &result, &err),
                     AMPQL_LIMIT);
    assert_null(result);
    assert_string_equal(err.message, "no more");
    assert_string_equal(few.seen, "0:4 0:3 1:1 ");

    struct ampql_run_options backwards = times;
    backwards.start_ms = times.end_ms + 1;
    assert_int_equal(
        ampql_rules_backfill(s.rules, s.source, &backwards, take_few, &all, &result, &err),
        AMPQL_BAD_DATA);
    session_close(&s);
}

/* The marker of a series that ends at the first tick, also when the evaluations before that failed:
 * then their series are those of the last that went well. */
static void test_first_marker(void **state)
{
    static const struct {
        const char *rules;
        int64_t start_ms;
        const char *seen;
    } rows[] = {
        {"- {record: r, expr: mem}", 120000, "0:2 0:1 "},
        {"- {record: r, expr: mem}", 180000, "0:1 "}, /* it has ended before */
        {"- {record: r, expr: 'mem unless on () (vector(1) + on () group_left () ((vector(1) or "
         "label_replace(vector(1), \"x\", \"1\", \"\", \"\")) and on () (vector(time()) == "
         "120)))'}",
         180000, "0:1 0:1 "},
    };
    struct session s;
    (void)state;
    assert_true(session_open(&s, NULL));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_rules *rules = NULL;
        struct ampql_rules_result *result = NULL;
        struct few all = {.room = 9};
        struct ampql_run_options from = times;
        char file[512];
        from.start_ms = rows[i].start_ms;
        snprintf(file, sizeof file, "groups:\n- name: g\n  rules:\n  %s\n", rows[i].rules);
        assert_int_equal(ampql_rules_load(s.engine, file, strlen(file), &rules, NULL), AMPQL_OK);
        assert_int_equal(
            ampql_rules_backfill(rules, s.source, &from, take_few, &all, &result, NULL), AMPQL_OK);
        assert_string_equal(all.seen, rows[i].seen);
        ampql_rules_result_free(result);
        ampql_rules_free(rules);
    }
    session_close(&s);
}

/* ---- captures */

static void test_no_capture(void **state)
{
    const char *path = scratch_path("none/x.aqc");
    struct session s;
    uint64_t nmarkers;
    (void)state;
    assert_true(session_open(&s, NULL));
    assert_int_not_equal(fill(&s, &alloc_default, BACKFILL_CAPTURE, path, NULL, &nmarkers),
                         AMPQL_OK);
    assert_int_equal(access(path, F_OK), -1);
    session_close(&s);
}

/* ---- allocation failures */

static bool fill_all(const struct ampql_allocator *alc, void *path)
{
    static struct test_text out;
    struct session s;
    uint64_t nmarkers;
    bool ok = session_open(&s, alc);
    for (enum backfill_form form = BACKFILL_OPENMETRICS; ok && form <= BACKFILL_CAPTURE; form++) {
        out.n = 0;
        unlink(path);
        ok = fill(&s, alc, form, path, &out, &nmarkers) == AMPQL_OK;
    }
    session_close(&s);
    return ok;
}

static void test_torture(void **state)
{
    char path[sizeof scratch_folder + 16];
    (void)state;
    snprintf(path, sizeof path, "%s", scratch_path("x.aqc"));
    torture_with(fill_all, path, true); /* columns may stay longer than they need */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),        cmocka_unit_test(test_takers),
        cmocka_unit_test(test_first_marker), cmocka_unit_test(test_no_capture),
        cmocka_unit_test(test_torture),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
