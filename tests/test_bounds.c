/* What a caller or a source of one's own may hand in at the edges: options without their size,
 * times at the ends of int64, series out of the order that was promised. Each ends in a result or
 * in an error that says why. */
#include <ampql.h>

#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ampql_string text(const char *s)
{
    return (struct ampql_string){s, strlen(s)};
}

/* Two series up{zone} with one sample each, at t_ms, in the order of zones. */
struct own {
    const char *zones[2];
    int64_t t_ms;
};

static enum ampql_code own_select(void *payload, const struct ampql_select *select,
                                  struct ampql_sink *sink, struct ampql_error *err)
{
    struct own *own = payload;
    (void)select;
    (void)err;
    for (int i = 0; i < 2; i++) {
        const struct ampql_label labels[] = {{text("__name__"), text("up")},
                                             {text("zone"), text(own->zones[i])}};
        const double v = 1;
        enum ampql_code code = ampql_sink_push(sink, labels, 2, &own->t_ms, &v, 1);
        if (code != AMPQL_OK)
            return code;
    }
    return AMPQL_OK;
}

static const struct row {
    const char *what;
    uint32_t caps;
    struct own own;
    const char *query;
    struct ampql_run_options options; /* size stays 0: it stands for the whole struct */
    enum ampql_code code;
    const char *message; /* or the result */
} rows[] = {
    {"options without size",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 7000},
     "sum(up)",
     {.start_ms = 7000},
     AMPQL_OK,
     "[7,\"2\"]"},
    {"a limit in options without size",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 0},
     "up",
     {.max_samples = 1},
     AMPQL_LIMIT,
     "too many samples"},
    {"the longest timeout",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 0},
     "sum(up)",
     {.timeout_ms = INT64_MAX},
     AMPQL_OK,
     "[0,\"2\"]"},
    {"a series twice",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "a"}, 0},
     "sum(up)",
     {0},
     AMPQL_BAD_DATA,
     "gave a series twice"},
    {"a series twice, sorted",
     AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED,
     {{"a", "a"}, 0},
     "sum(up)",
     {0},
     AMPQL_BAD_DATA,
     "gave a series twice"},
    {"sorted, and is not",
     AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED,
     {{"b", "a"}, 0},
     "sum(up)",
     {0},
     AMPQL_BAD_DATA,
     "they are not"},
    {"sorted, and is",
     AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED,
     {{"a", "b"}, 0},
     "sum(up)",
     {0},
     AMPQL_OK,
     "[0,\"2\"]"},
    {"samples that wait count",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 0},
     "sum(up)",
     {.max_samples = 1},
     AMPQL_LIMIT,
     "too many samples"},
    {"an answer long ago",
     AMPQL_SOURCE_ANSWERS,
     {{"a", "b"}, INT64_MIN},
     "up",
     {.start_ms = INT64_C(1) << 60},
     AMPQL_BAD_DATA,
     "not on the requested grid"},
    {"an answer far ahead",
     AMPQL_SOURCE_ANSWERS,
     {{"a", "b"}, INT64_MAX},
     "up",
     {.start_ms = -(INT64_C(1) << 60)},
     AMPQL_BAD_DATA,
     "not on the requested grid"},
    {"a sample long ago",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, INT64_MIN},
     "up",
     {.start_ms = INT64_C(1) << 60},
     AMPQL_OK,
     "\"result\":[]"},
    {"the widest windows",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, INT64_MAX},
     "sum_over_time(up[292y:292y] offset 292y) or rate(up[292y] offset 292y)",
     {.start_ms = -(INT64_C(1) << 60), .lookback_ms = INT64_MAX},
     AMPQL_OK,
     "\"result\":[]"},
    {"the longest lookback",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, -1000000000000000},
     "sum(up offset 292y)",
     {.lookback_ms = INT64_MAX},
     AMPQL_OK,
     "[0,\"2\"]"},
    {"the longest interval",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 0},
     "sum_over_time(up[292y:])",
     {.start_ms = 1000, .default_interval_ms = INT64_MAX},
     AMPQL_OK,
     "[1,\"1\"]"},
    {"more steps than asked for",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 0},
     "up",
     {.end_ms = 9, .step_ms = 1, .max_points = 5},
     AMPQL_BAD_DATA,
     "10 steps, where at most 5 are allowed"},
    {"as many points in subqueries as are allowed",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 0},
     "count_over_time(vector(1)[10ms:1ms]) + count_over_time(vector(1)[20ms:1ms])",
     {.start_ms = 100, .max_subquery_points = 30},
     AMPQL_OK,
     "[0.100,\"30\"]"},
    {"more points in subqueries than are allowed",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 0},
     "count_over_time(vector(1)[10ms:1ms]) + count_over_time(vector(1)[20ms:1ms])",
     {.start_ms = 100, .max_subquery_points = 29},
     AMPQL_LIMIT,
     "the query needs more than 29 evaluation points in its subqueries"},
    {"more points in subqueries than by default",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 0},
     "count_over_time(vector(1)[4194305ms:1ms])",
     {.start_ms = 1},
     AMPQL_LIMIT,
     "the query needs more than 4194304 evaluation points in its subqueries"},
    {"no limit but that on samples",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 0},
     "count_over_time(vector(1)[4194305ms:1ms])",
     {.start_ms = 1, .max_subquery_points = UINT64_MAX},
     AMPQL_OK,
     "[0.001,\"4194305\"]"},
    {"no limit on points, and one on samples",
     AMPQL_SOURCE_SAMPLES,
     {{"a", "b"}, 0},
     "count_over_time(vector(1)[1y:1ms])",
     {.start_ms = 1, .max_subquery_points = UINT64_MAX},
     AMPQL_LIMIT,
     "too many samples"},
};

struct output {
    char at[4096];
    size_t n;
};

static int append(void *payload, const char *data, size_t size)
{
    struct output *out = payload;
    if (size >= sizeof out->at - out->n)
        return 1;
    memcpy(out->at + out->n, data, size);
    out->n += size;
    out->at[out->n] = '\0';
    return 0;
}

static void test_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct own own = row->own;
        const struct ampql_source_ops ops = {.caps = row->caps, .select = own_select};
        struct ampql_error err = {0};
        struct ampql_engine *engine = NULL;
        struct ampql_source *source = NULL;
        struct ampql_query *query = NULL;
        struct ampql_result *result = NULL;
        struct output out = {0};
        assert_int_equal(ampql_engine_new(NULL, &engine, &err), AMPQL_OK);
        assert_int_equal(ampql_source_new(engine, &ops, &own, &source, &err), AMPQL_OK);
        enum ampql_code code =
            ampql_query_compile(engine, row->query, strlen(row->query), &query, &err);
        if (code == AMPQL_OK)
            code = ampql_query_run(query, source, &row->options, &result, &err);
        if (code == AMPQL_OK)
            code = ampql_result_json(result, append, &out);
        if (code != row->code || !strstr(code == AMPQL_OK ? out.at : err.message, row->message))
            fail_msg("%s: code %d \"%s\" %s", row->what, code, err.message, out.at);
        ampql_result_free(result);
        ampql_query_free(query);
        ampql_source_free(source);
        ampql_engine_free(engine);
    }
}

static const struct listing {
    int64_t t_ms, start_ms, end_ms;
    enum ampql_code code;
    size_t n;
} listings[] = {
    {0, 0, 0, AMPQL_OK, 2},
    {5, 0, 4, AMPQL_OK, 0}, /* the source lists samples, and none is in the window */
    {0, INT64_MIN, INT64_MAX, AMPQL_BAD_DATA, 0},
    {0, INT64_MIN, 0, AMPQL_BAD_DATA, 0},
    {0, 1, 0, AMPQL_BAD_DATA, 0},
    {0, -(INT64_C(1) << 60), INT64_C(1) << 60, AMPQL_OK, 2},
};

static void test_listings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof listings / sizeof *listings; i++) {
        const struct listing *l = &listings[i];
        struct own own = {{"a", "b"}, l->t_ms};
        const struct ampql_source_ops ops = {.caps = AMPQL_SOURCE_SAMPLES, .select = own_select};
        struct ampql_engine *engine = NULL;
        struct ampql_source *source = NULL;
        struct ampql_result *result = NULL;
        const struct ampql_run_options options = {
            .start_ms = l->start_ms, .end_ms = l->end_ms, .timeout_ms = INT64_MAX};
        assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
        assert_int_equal(ampql_source_new(engine, &ops, &own, &source, NULL), AMPQL_OK);
        assert_int_equal(ampql_series_run(engine, "up", 2, source, &options, &result, NULL),
                         l->code);
        assert_int_equal(result ? ampql_result_count(result) : 0, l->n);
        ampql_result_free(result);
        ampql_source_free(source);
        ampql_engine_free(engine);
    }
}

/* An expression as deep as can be asked for is evaluated, and no deeper can be asked for. */
static void test_depth(void **state)
{
    enum { DEPTH = 2040 };
    struct ampql_engine_options options = {.max_depth = 2049};
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    struct ampql_error err = {0};
    (void)state;
    assert_int_equal(ampql_engine_new(&options, &engine, &err), AMPQL_BAD_DATA);
    assert_string_equal(err.message, "max_depth is 2049, expected at most 2048");
    options.max_depth--;
    assert_int_equal(ampql_engine_new(&options, &engine, &err), AMPQL_OK);
    assert_int_equal(ampql_source_memory(engine, NULL, &source, &err), AMPQL_OK);
    struct output out = {0};
    char *deep = malloc((size_t)DEPTH * 5 + 9), *end = deep;
    assert_non_null(deep);
    for (int i = 0; i < DEPTH; i++, end += 4)
        memcpy(end, "abs(", 4);
    memcpy(end, "vector(1)", 9);
    memset(end + 9, ')', DEPTH);
    size_t n = (size_t)(end - deep) + 9 + DEPTH;
    assert_int_equal(ampql_query_compile(engine, deep, n, &query, &err), AMPQL_OK);
    assert_int_equal(ampql_query_run(query, source, NULL, &result, &err), AMPQL_OK);
    assert_int_equal(ampql_result_json(result, append, &out), AMPQL_OK);
    assert_non_null(strstr(out.at, "[0,\"1\"]"));
    free(deep);
    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* ---- what a server warned of, through two merged folders, with each allocation failing in turn */

static void write_file(const char *dir, const char *name, const char *content)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static bool warned_works(const struct ampql_allocator *alc, void *payload)
{
    const char *dir = payload;
    const struct ampql_engine_options options = {.allocator = alc};
    const struct ampql_run_options run = {.start_ms = 60000, .end_ms = 60000};
    struct ampql_engine *engine = NULL;
    struct ampql_source *folders[2] = {0}, *source = NULL;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL, *series = NULL;
    enum ampql_code code = ampql_engine_new(&options, &engine, NULL);
    if (code != AMPQL_OK)
        return false;
    for (int i = 0; i < 2 && code == AMPQL_OK; i++)
        code = ampql_source_file(engine, dir, NULL, &folders[i], NULL);
    if (code == AMPQL_OK) {
        code = ampql_source_merge(engine, folders, 2, false, &source, NULL);
        folders[0] = folders[1] = NULL;
    }
    if (code == AMPQL_OK)
        code = ampql_query_compile(engine, "rate(x_total[5m])", 17, &query, NULL);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, source, &run, &result, NULL);
    if (code == AMPQL_OK)
        code = ampql_series_run(engine, "x_total", 7, source, &run, &series, NULL);
    if (code == AMPQL_OK) {
        assert_int_equal(ampql_result_annotation_count(result), 1);
        assert_int_equal(ampql_result_annotation_count(series), 1);
        assert_non_null(strstr(ampql_result_annotation(result, 0, NULL).data, "\"partial\""));
    }
    ampql_result_free(series);
    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_source_free(folders[0]);
    ampql_source_free(folders[1]);
    ampql_engine_free(engine);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("a failed allocation ended as %d", code);
    return code == AMPQL_OK;
}

static void test_warnings(void **state)
{
    char dir[] = "/tmp/ampql-bounds-XXXXXX", command[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    write_file(dir, "selects.json",
               "{\"version\":1,\"answers\":[{\"file\":\"a.json\",\"kind\":\"RAW\","
               "\"query\":\"x_total[5m]\",\"time\":60}]}");
    write_file(dir, "a.json",
               "{\"status\":\"success\",\"warnings\":[\"partial\"],\"data\":{\"resultType\":"
               "\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"x_total\"},"
               "\"values\":[[0,\"1\"],[60,\"2\"]]}]}}");
    torture_with(warned_works, dir, true);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_runs),
    cmocka_unit_test(test_listings),
    cmocka_unit_test(test_depth),
    cmocka_unit_test(test_warnings),
};
TEST_MAIN(tests)
