/* The server source over an API that goes wrong: the exact answer, or an error of that code. */
#include "source/server.h"

#include "support/collect.h"
#include "support/server_data.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

static const char other_query[] =
    "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{"
    "\"__name__\":\"down\"},\"values\":[[1709402460,\"1\"]]}]}}";

#define MATRIX(series)                                                                             \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" series "]}}"
#define UP "\"metric\":{\"__name__\":\"up\"},"

static const struct row {
    const char *name;
    struct api fault; /* fault, status, body, header, cut_at, server_ahead_ms */
    /* when it strikes once, and always */
    enum ampql_code once, always;
    const char *message; /* part of the message of `always` */
} rows[] = {
    {"refused", {.fault = API_CONNECT}, 0, AMPQL_UNAVAILABLE, "(tried 3 times)"},
    {"reset", {.fault = API_RESET}, 0, AMPQL_UNAVAILABLE, "(tried 6 times)"},
    {"too slow", {.fault = API_TIMEOUT}, 0, AMPQL_UNAVAILABLE, "(tried 6 times)"},
    {"bad certificate", {.fault = API_TLS}, AMPQL_UNAVAILABLE, AMPQL_UNAVAILABLE, "broken"},
    {"cut at once", {.fault = API_CUT, .cut_at = 0}, 0, AMPQL_UNAVAILABLE, "(tried 6 times)"},
    {"cut in the middle", {.fault = API_CUT, .cut_at = 150}, 0, AMPQL_UNAVAILABLE, "broken"},
    {"short", {.fault = API_SHORT, .cut_at = 150}, 0, AMPQL_BAD_DATA, "the document ends"},
    {"empty", {.fault = API_SHORT, .cut_at = 0}, 0, AMPQL_BAD_DATA, "the document"},
    {"trailing garbage", {.fault = API_TRAILING, .body = "}"}, 0, AMPQL_BAD_DATA, "unexpected"},
    {"second document", {.fault = API_TRAILING, .body = "{}"}, 0, AMPQL_BAD_DATA, "unexpected"},
    {"204",
     {.fault = API_ANSWER, .status = 204, .body = ""},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "HTTP 204"},
    {"206",
     {.fault = API_ANSWER, .status = 206, .body = "{}"},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "HTTP 206"},
    {"307",
     {.fault = API_ANSWER,
      .status = 307,
      .body = "",
      .header_name = "location",
      .header_value = "http://elsewhere/"},
     AMPQL_UNAVAILABLE,
     AMPQL_UNAVAILABLE,
     "redirects are not followed"},
    {"400",
     {.fault = API_ANSWER, .status = 400, .body = "{\"error\":\"no\"}"},
     AMPQL_EXECUTION,
     AMPQL_EXECUTION,
     "http://h:1: HTTP 400, \"no\""},
    {"400 throttling",
     {.fault = API_ANSWER, .status = 400, .body = "{\"__type\":\"ThrottlingException\"}"},
     0,
     AMPQL_UNAVAILABLE,
     "throttling"},
    {"401",
     {.fault = API_ANSWER, .status = 401, .body = ""},
     AMPQL_UNAUTHORIZED,
     AMPQL_UNAUTHORIZED,
     "HTTP 401"},
    {"403",
     {.fault = API_ANSWER, .status = 403, .body = "denied"},
     AMPQL_UNAUTHORIZED,
     AMPQL_UNAUTHORIZED,
     "denied"},
    {"expired",
     {.fault = API_DENY,
      .body = "{\"message\":\"The security token included in the request is "
              "expired\"}"},
     0,
     0,
     ""},
    {"expired for ever",
     {.fault = API_ANSWER, .status = 403, .body = "{\"message\":\"ExpiredToken\"}"},
     0,
     AMPQL_UNAUTHORIZED,
     "renewing them did not help"},
    {"skewed",
     {.fault = API_DENY,
      .server_ahead_ms = 20 * 60000,
      .now_ms = 1767323645000 - 20 * 60000,
      .body = "{\"message\":\"Signature expired: 20260102T025405Z is now earlier than x\"}"},
     0,
     0,
     ""},
    {"404",
     {.fault = API_ANSWER, .status = 404, .body = "404 page not found"},
     AMPQL_UNAVAILABLE,
     AMPQL_UNAVAILABLE,
     "HTTP 404"},
    {"408", {.fault = API_ANSWER, .status = 408, .body = ""}, 0, AMPQL_UNAVAILABLE, "HTTP 408"},
    {"413 for ever",
     {.fault = API_ANSWER, .status = 413, .body = "response larger than the max"},
     0,
     AMPQL_LIMIT,
     "HTTP 413"},
    {"422",
     {.fault = API_ANSWER, .status = 422, .body = "{\"error\":\"duplicate series\"}"},
     AMPQL_EXECUTION,
     AMPQL_EXECUTION,
     "duplicate series"},
    {"422 samples for ever",
     {.fault = API_ANSWER, .status = 422, .body = "{\"error\":\"would load too many samples\"}"},
     0,
     AMPQL_LIMIT,
     "too many samples"},
    {"422 timeout",
     {.fault = API_ANSWER, .status = 422, .body = "{\"error\":\"query timed out\"}"},
     0,
     AMPQL_LIMIT,
     "timed out"},
    {"429", {.fault = API_ANSWER, .status = 429, .body = ""}, 0, AMPQL_UNAVAILABLE, "throttling"},
    {"429 after 2 s",
     {.fault = API_ANSWER,
      .status = 429,
      .body = "",
      .header_name = "retry-after",
      .header_value = "2"},
     0,
     AMPQL_UNAVAILABLE,
     "throttling"},
    {"429 after ages",
     {.fault = API_ANSWER,
      .status = 429,
      .body = "",
      .header_name = "retry-after",
      .header_value = "1000000000"},
     AMPQL_UNAVAILABLE,
     AMPQL_UNAVAILABLE,
     "throttling"},
    {"429 after a date",
     {.fault = API_ANSWER,
      .status = 429,
      .body = "",
      .header_name = "retry-after",
      .header_value = "Fri, 02 Jan 2026 03:14:08 GMT"},
     0,
     AMPQL_UNAVAILABLE,
     "throttling"},
    {"429 after garbage",
     {.fault = API_ANSWER,
      .status = 429,
      .body = "",
      .header_name = "retry-after",
      .header_value = "soon"},
     0,
     AMPQL_UNAVAILABLE,
     "throttling"},
    {"500",
     {.fault = API_ANSWER, .status = 500, .body = "{\"error\":\"disk\"}"},
     0,
     AMPQL_UNAVAILABLE,
     "disk"},
    {"502",
     {.fault = API_ANSWER, .status = 502, .body = "<html><title>Bad</title>"},
     0,
     AMPQL_UNAVAILABLE,
     "Bad"},
    {"503", {.fault = API_ANSWER, .status = 503, .body = ""}, 0, AMPQL_UNAVAILABLE, "HTTP 503"},
    {"503 timeout",
     {.fault = API_ANSWER, .status = 503, .body = "{\"errorType\":\"timeout\"}"},
     0,
     AMPQL_UNAVAILABLE,
     "too long"},
    {"504", {.fault = API_ANSWER, .status = 504, .body = ""}, 0, AMPQL_UNAVAILABLE, "HTTP 504"},
    {"login page",
     {.fault = API_ANSWER, .status = 200, .body = "<html>log in</html>"},
     0,
     AMPQL_BAD_DATA,
     "offset 0"},
    {"200 with an error",
     {.fault = API_ANSWER,
      .status = 200,
      .body = "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"boom\"}"},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "boom"},
    {"another type of result",
     {.fault = API_ANSWER,
      .status = 200,
      .body = "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}"},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "a vector, and a matrix was asked for"},
    {"a scalar",
     {.fault = API_ANSWER,
      .status = 200,
      .body = "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"1\"]}}"},
     AMPQL_UNSUPPORTED,
     AMPQL_UNSUPPORTED,
     "scalar"},
    {"another query's answer",
     {.fault = API_ANSWER, .status = 200, .body = other_query},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "does not match what was asked for"},
    {"another window's answer",
     {.fault = API_ANSWER, .status = 200, .body = MATRIX("{" UP "\"values\":[[5,\"1\"]]}")},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "a time that was not asked for"},
    {"milliseconds",
     {.fault = API_ANSWER,
      .status = 200,
      .body = MATRIX("{" UP "\"values\":[[1709402460000,\"1\"]]}")},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "milliseconds where seconds belong"},
    {"a series twice",
     {.fault = API_ANSWER,
      .status = 200,
      .body = MATRIX("{" UP "\"values\":[[1709402460,\"1\"]]},{" UP "\"values\":[]}")},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "there twice"},
    {"out of order",
     {.fault = API_ANSWER,
      .status = 200,
      .body = MATRIX("{" UP "\"values\":[[1709402470,\"1\"],[1709402460,\"1\"]]}")},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "out of order"},
    {"two values at one time",
     {.fault = API_ANSWER,
      .status = 200,
      .body = MATRIX("{" UP "\"values\":[[1709402460,\"1\"],[1709402460,\"2\"]]}")},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "two different values"},
    {"a value out of range",
     {.fault = API_ANSWER,
      .status = 200,
      .body = MATRIX("{" UP "\"values\":[[1709402460,\"1e400\"]]}")},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "1e400"},
    {"histograms",
     {.fault = API_ANSWER,
      .status = 200,
      .body = MATRIX("{" UP "\"histograms\":[[1709402460,{\"count\":\"1\"}]]}")},
     AMPQL_UNSUPPORTED,
     AMPQL_UNSUPPORTED,
     "native histogram"},
    {"truncated due to limit",
     {.fault = API_ANSWER,
      .status = 200,
      .body = "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]},"
              "\"warnings\":[\"results truncated due to limit\"]}"},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "not whole"},
    {"partial",
     {.fault = API_ANSWER,
      .status = 200,
      .body = "{\"status\":\"success\",\"isPartial\":true,\"data\":{\"resultType\":\"matrix\","
              "\"result\":[]}}"},
     AMPQL_BAD_DATA,
     AMPQL_BAD_DATA,
     "not whole"},
};

enum { NCHUNKS = 6 };

/* One select in six requests, of which those from `from` on go wrong. */
static void strike(const struct server_data *data, const struct row *row, size_t from, size_t count,
                   enum ampql_code wanted)
{
    struct api api = api_failing(data, &row->fault);
    struct ampql_matcher matchers[16];
    struct ampql_select select =
        collect_raw("up", matchers, SERVER_DATA_BASE, SERVER_DATA_BASE + NCHUNKS * INT64_C(600000));
    struct server_options options = {.dialect = AMPQL_PROM3, .chunk_ms = 600000};
    struct collect collect;
    struct buf expected;
    struct ampql_error err = {0};
    enum ampql_code code;
    api.fault_from = from;
    api.fault_count = count;
    struct ampql_source *source = api_open(&api, &options);
    collect_init(&collect, &alloc_default, true);
    buf_init(&expected, &alloc_default, 1 << 26);
    api_expect(&api, &select, &expected);
    const char *got = collect_select(&collect, source, &select, &code, &err);
    if (code != wanted)
        fail_msg("%s at request %zu: code %d, expected %d: %s", row->name, from, code, wanted,
                 err.message);
    if (got)
        assert_string_equal(got, expected.p);
    else if (count > 1 && from == 0 && !strstr(err.message, row->message))
        fail_msg("%s: %s", row->name, err.message);
    if (!got && collect.text.n) /* not a part of an answer */
        fail_msg("%s: pushed %.*s", row->name, (int)collect.text.n, collect.text.p);
    assert_null(strstr(err.message, "canary"));
    /* no retry goes on for ever */
    assert_true(api.waited_ms <= 70000);
    assert_int_equal(api.nopen, 0);
    collect_done(&collect);
    buf_done(&expected);
    ampql_source_free(source);
}

static void faults(void **state)
{
    (void)state;
    static struct server_data data;
    srand(3);
    server_data_make(&data, 12, 90);
    server_data_sort(&data);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t places[] = {0, NCHUNKS / 2, NCHUNKS - 1};
        for (size_t k = 0; k < 3; k++) {
            strike(&data, &rows[i], places[k], 1, rows[i].once);
            strike(&data, &rows[i], places[k], SIZE_MAX, rows[i].always);
        }
    }
}

/* Cut after every byte, by a broken connection or a proper end: the exact answer when the next
 * attempt is whole, an error when none is. */
static void every_byte(void **state)
{
    (void)state;
    static struct server_data data;
    srand(5);
    server_data_make(&data, 3, 20);
    server_data_sort(&data);
    for (size_t cut = 0; cut < 900; cut++) {
        struct row row = {.name = "every byte", .message = ""};
        row.fault.cut_at = cut;
        row.fault.fault = API_CUT;
        strike(&data, &row, 0, 1, AMPQL_OK);
        row.fault.fault = API_SHORT;
        strike(&data, &row, 1, 1, AMPQL_OK);
        if (cut < 150) { /* shorter than any body of a proper answer */
            strike(&data, &row, 1, SIZE_MAX, AMPQL_BAD_DATA);
            row.fault.fault = API_CUT;
            strike(&data, &row, 0, SIZE_MAX, AMPQL_UNAVAILABLE);
        }
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(faults), cmocka_unit_test(every_byte)};
TEST_MAIN(tests)
