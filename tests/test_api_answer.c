/* Prometheus's HTTP API without a socket: what ampql_http_answer says to requests of all kinds, and
 * that it may run out of memory anywhere. */
#include <ampql.h>

#include <stdio.h>
#include <string.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"
#include "support/torture.h"

#define FORM "application/x-www-form-urlencoded"
#define UP "{\"__name__\":\"up\",\"job\":\"a\"}"
#define OK_DATA(text) "{\"status\":\"success\",\"data\":" text "}"

static const struct row {
    const char *method, *target, *type, *body;
    int status;
    enum ampql_code code;
    const char *said; /* the body begins with it */
} rows[] = {
    {"", "/api/v1/query?query=up&time=60", "", "", 200, AMPQL_OK,
     OK_DATA("{\"resultType\":\"vector\",\"result\":[{\"metric\":" UP ",\"value\":[60,\"2\"]}]}")},
    {"POST", "/api/v1/query", FORM, "query=up%2B1&time=60", 200, AMPQL_OK,
     OK_DATA("{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"job\":\"a\"},\"value\":[60,"
             "\"3\"]}]}")},
    {"GET", "/api/v1/query_range?query=up&start=0&end=60&step=60", "", "", 200, AMPQL_OK,
     OK_DATA("{\"resultType\":\"matrix\",\"result\":[{\"metric\":" UP ",\"values\":[[0,\"1\"],[60,"
             "\"2\"]]}]}")},
    {"GET", "/p/workspaces/ws-1/api/v1/series?match[]=up&start=0&end=60", "", "", 200, AMPQL_OK,
     OK_DATA("[" UP "]")},
    {"GET", "/api/v1/labels", "", "", 200, AMPQL_OK, OK_DATA("[\"__name__\",\"job\"]")},
    {"GET", "/api/v1/label/job/values", "", "", 200, AMPQL_OK, OK_DATA("[\"a\"]")},
    {"GET", "/api/v1/metadata", "", "", 200, AMPQL_OK, OK_DATA("{}")},
    {"GET", "/api/v1/status/buildinfo", "", "", 200, AMPQL_OK,
     "{\"status\":\"success\",\"data\":{\"version\":\"2.42.0\""},
    {"GET", "/api/v1/status/flags", "", "", 200, AMPQL_OK,
     "{\"status\":\"success\",\"data\":{\"query.lookback-delta\":\"5m\""},
    {"GET", "/api/v1/status/config", "", "", 200, AMPQL_OK,
     "{\"status\":\"success\",\"data\":{\"yaml\":"},
    {"GET", "/api/v1/query?query=up%2B", "", "", 400, AMPQL_PARSE,
     "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"invalid parameter "
     "\\\"query\\\": 1:4: parse error:"},
    {"GET", "/api/v1/query?query=up&timeout=x", "", "", 400, AMPQL_BAD_DATA,
     "{\"status\":\"error\",\"errorType\":\"bad_data\""},
    {"GET", "/api/v1/query?query=%7B__name__%3D~%22.%2B%22%7D%20%2B%20on()%20up2&time=60", "", "",
     200, AMPQL_OK, OK_DATA("{\"resultType\":\"vector\",\"result\":[]}")},
    {"GET", "/api/v1/query?query=sum_over_time(up[1h])&time=60", "", "", 422, AMPQL_LIMIT,
     "{\"status\":\"error\",\"errorType\":\"execution\""},
    {"DELETE", "/api/v1/query", "", "", 405, AMPQL_UNSUPPORTED, "{\"status\":\"error\""},
    {"GET", "/api/v1/nothing", "", "", 404, AMPQL_NOT_FOUND, "{\"status\":\"error\""},
    {"GET", "/metrics", "", "", 404, AMPQL_NOT_FOUND, "{\"status\":\"error\""},
    {"GET", "/-/healthy", "", "", 404, AMPQL_NOT_FOUND, "{\"status\":\"error\""},
    {"GET", "/allocation?window=0,86400", "", "", 200, AMPQL_OK, "{\"code\":200"},
    {"GET", "/allocation?window=never", "", "", 400, AMPQL_BAD_DATA, "{\"code\":400"},
};

static struct ampql_string text(const char *s)
{
    return (struct ampql_string){s, strlen(s)};
}

static enum ampql_code open_up(const struct ampql_allocator *alc, struct ampql_engine **engine,
                               struct ampql_source **source)
{
    static const struct ampql_label labels[] = {{{"__name__", 8}, {"up", 2}},
                                                {{"job", 3}, {"a", 1}}};
    static const int64_t t_ms[] = {0, 60000};
    static const double v[] = {1, 2};
    struct ampql_engine_options options = {.size = sizeof options, .allocator = alc};
    enum ampql_code code = ampql_engine_new(&options, engine, NULL);
    if (code == AMPQL_OK)
        code = ampql_source_memory(*engine, NULL, source, NULL);
    return code ? code : ampql_source_add(*source, labels, 2, t_ms, v, 2, NULL);
}

static enum ampql_code ask(struct ampql_engine *engine, struct ampql_source *source,
                           const struct row *row, uint64_t max_samples, struct ampql_answer **out)
{
    struct ampql_run_options run = {
        .size = sizeof run, .dialect = AMPQL_PROM2, .max_samples = max_samples};
    struct ampql_http_api_options options = {.size = sizeof options, .run = &run, .prefix = "/p"};
    struct ampql_http_request request = {.size = sizeof request,
                                         .method = text(row->method),
                                         .target = text(row->target),
                                         .content_type = text(row->type),
                                         .body = text(row->body)};
    return ampql_http_answer(engine, source, &request, &options, out, NULL);
}

static void answers(void **state)
{
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    (void)state;
    assert_int_equal(open_up(NULL, &engine, &source), AMPQL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct ampql_answer *answer = NULL;
        assert_int_equal(ask(engine, source, row, row->code == AMPQL_LIMIT ? 1 : 0, &answer),
                         AMPQL_OK);
        struct ampql_string body = ampql_answer_body(answer);
        if (ampql_answer_status(answer) != row->status || ampql_answer_code(answer) != row->code ||
            body.size < strlen(row->said) || memcmp(body.data, row->said, strlen(row->said)) != 0) {
            print_message("%s %s: %d %s %.*s\n", row->method, row->target,
                          ampql_answer_status(answer), ampql_code_name(ampql_answer_code(answer)),
                          (int)body.size, body.data);
            fail();
        }
        assert_string_equal(ampql_answer_content_type(answer), "application/json");
        ampql_answer_free(answer);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static void options_are_checked(void **state)
{
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_answer *answer = NULL;
    struct ampql_cancel *cancel = NULL;
    struct ampql_error err = {0};
    struct ampql_run_options run = {.size = sizeof run};
    struct ampql_http_api_options options = {.size = sizeof options, .max_answer_bytes = 10};
    struct ampql_http_request request = {.size = sizeof request,
                                         .target = text("/api/v1/query?query=up&time=60")};
    (void)state;
    assert_int_equal(open_up(NULL, &engine, &source), AMPQL_OK);
    assert_int_equal(ampql_http_answer(engine, source, &request, &options, &answer, &err),
                     AMPQL_BAD_DATA);
    assert_non_null(strstr(err.message, "max_answer_bytes is 10"));

    /* No options: the engine's dialect; and the answer knows what it cost. */
    assert_int_equal(ampql_http_answer(engine, source, &request, NULL, &answer, &err), AMPQL_OK);
    assert_int_equal(ampql_answer_status(answer), 200);
    assert_int_equal(ampql_answer_stats(answer).series, 1);
    ampql_answer_free(answer);

    /* A flag that is set ends that request. */
    assert_int_equal(ampql_cancel_new(engine, &cancel, NULL), AMPQL_OK);
    ampql_cancel_set(cancel);
    run.cancel = cancel;
    options = (struct ampql_http_api_options){.size = sizeof options, .run = &run};
    assert_int_equal(ampql_http_answer(engine, source, &request, &options, &answer, &err),
                     AMPQL_OK);
    assert_int_equal(ampql_answer_status(answer), 503);
    assert_int_equal(ampql_answer_code(answer), AMPQL_CANCELED);
    ampql_answer_free(answer);
    ampql_cancel_free(cancel);
    ampql_answer_free(NULL);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* Done: there is an answer, and it says what it should. */
static bool work(const struct ampql_allocator *alc, void *payload)
{
    const struct row *row = payload;
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_answer *answer = NULL;
    bool done = open_up(alc, &engine, &source) == AMPQL_OK &&
                ask(engine, source, row, 0, &answer) == AMPQL_OK &&
                ampql_answer_status(answer) == row->status;
    ampql_answer_free(answer);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return done;
}

static void memory_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code != AMPQL_LIMIT && !strstr(rows[i].target, "allocation?window=0"))
            torture_with(work, (void *)(uintptr_t)&rows[i], false);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(answers),
    cmocka_unit_test(options_are_checked),
    cmocka_unit_test(memory_fails),
};
TEST_MAIN(tests)
