/* What to do when a server says no. */
#include "source/failure.h"

#include "support/test.h"
#include "support/torture.h"

#include <string.h>

static const struct row {
    int status;
    const char *body;
    const char *error_type; /* NULL: none */
    enum failure_action action;
    enum ampql_code code;
    const char *message; /* part of it */
} rows[] = {
    /* the four shapes of bodies */
    {422, "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"found duplicate series\"}",
     NULL, FAILURE_FAIL, AMPQL_EXECUTION,
     "https://h: HTTP 422, execution: \"found duplicate series\" (request id r-1)"},
    {403, "{\"message\":\"User: arn:aws:sts::1:x is not authorized to perform: aps:QueryMetrics\"}",
     "AccessDeniedException:http://internal", FAILURE_FAIL, AMPQL_UNAUTHORIZED,
     "HTTP 403, AccessDeniedException: \"User: arn:aws:sts::1:x is not authorized"},
    {413, "response larger than the max (181673024 vs 52428800)\n", NULL, FAILURE_SPLIT,
     AMPQL_LIMIT, "HTTP 413, \"response larger than the max (181673024 vs 52428800)\""},
    {502, "<html>\r\n<head><title>502 Bad Gateway</title></head><body>x</body></html>", NULL,
     FAILURE_RETRY, AMPQL_UNAVAILABLE, "HTTP 502, \"502 Bad Gateway\""},
    {502, "", NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, "https://h: HTTP 502 (request id r-1)"},

    /* limits are cut, other execution errors are not */
    {422,
     "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"expanding series: the query "
     "hit the max number of series limit (limit: 1 series)\"}",
     NULL, FAILURE_SPLIT_LABELS, AMPQL_LIMIT, "max number of series"},
    {422, "{\"error\":\"the query hit the max number of chunks limit\"}", NULL, FAILURE_SPLIT,
     AMPQL_LIMIT, "chunks"},
    {422, "{\"error\":\"expanding series: the query hit the aggregated data size limit\"}", NULL,
     FAILURE_SPLIT, AMPQL_LIMIT, "data size"},
    {422,
     "{\"error\":\"query processing would load too many samples into memory in query "
     "execution\"}",
     NULL, FAILURE_SPLIT, AMPQL_LIMIT, "too many samples"},
    {422,
     "{\"error\":\"queries with long day range (32d to 95d) are currently only supported for "
     "range type queries\"}",
     NULL, FAILURE_SPLIT, AMPQL_LIMIT, "long day range"},
    {422, "{\"error\":\"the query time range exceeds the limit (query length: 1, limit: 2)\"}",
     NULL, FAILURE_SPLIT, AMPQL_LIMIT, "time range"},
    {422, "{\"error\":\"query timed out in expression evaluation\"}", NULL, FAILURE_SPLIT,
     AMPQL_LIMIT, "timed out"},
    {400,
     "{\"errorType\":\"bad_data\",\"error\":\"exceeded maximum resolution of 11,000 points per "
     "timeseries.\"}",
     NULL, FAILURE_SPLIT, AMPQL_LIMIT, "11,000"},
    {400, "{\"errorType\":\"bad_data\",\"error\":\"1:3: parse error: unexpected end\"}", NULL,
     FAILURE_FAIL, AMPQL_EXECUTION, "bad_data: \"1:3: parse error"},
    /* the money fuse is never cut into pieces */
    {422, "{\"error\":\"query samples processed exceeds max_samples_processed_error_threshold\"}",
     NULL, FAILURE_FAIL, AMPQL_LIMIT, "--max-billed-samples"},

    /* rates */
    {429, "", NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, "throttling"},
    {400, "{\"message\":\"Rate exceeded\"}", "ThrottlingException", FAILURE_RETRY,
     AMPQL_UNAVAILABLE, "throttling"},
    {400, "{\"__type\":\"ThrottlingException\",\"message\":null}", NULL, FAILURE_RETRY,
     AMPQL_UNAVAILABLE, "HTTP 400, ThrottlingException"},

    /* who asks */
    {403, "{\"message\":\"The security token included in the request is expired\"}", NULL,
     FAILURE_REFRESH, AMPQL_UNAUTHORIZED, "expired"},
    {403, "{\"message\":\"x\"}", "ExpiredTokenException", FAILURE_REFRESH, AMPQL_UNAUTHORIZED,
     "ExpiredTokenException"},
    {403,
     "{\"message\":\"Signature expired: 20260102T030405Z is now earlier than "
     "20260102T031405Z\"}",
     NULL, FAILURE_CLOCK, AMPQL_UNAUTHORIZED, "clock"},
    {403, "{\"message\":\"Signature not yet current: 20260102T030405Z is still later than x\"}",
     NULL, FAILURE_CLOCK, AMPQL_UNAUTHORIZED, "clock"},
    {403,
     "{\"message\":\"The request signature we calculated does not match the signature you "
     "provided.\"}",
     NULL, FAILURE_FAIL, AMPQL_UNAUTHORIZED, "secret access key"},
    {403, "{\"Message\":\"Credential should be scoped to a valid region.\"}", NULL, FAILURE_FAIL,
     AMPQL_UNAUTHORIZED, "the region is not the workspace's"},
    {403, "Forbidden", NULL, FAILURE_FAIL, AMPQL_UNAUTHORIZED, "right credentials"},
    {401, "", NULL, FAILURE_FAIL, AMPQL_UNAUTHORIZED, "who asks"},

    /* the rest */
    {404, "404 page not found", NULL, FAILURE_FAIL, AMPQL_UNAVAILABLE, "path"},
    {408, "", NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, "408"},
    {500, "{\"error\":\"storage\"}", NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, "storage"},
    {503, "{\"errorType\":\"timeout\",\"error\":\"query timed out\"}", NULL, FAILURE_RETRY,
     AMPQL_UNAVAILABLE, "too long"},
    {504, "", NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, "too long"},
    {307, "", NULL, FAILURE_FAIL, AMPQL_UNAVAILABLE, "redirects are not followed"},
    {204, "", NULL, FAILURE_FAIL, AMPQL_BAD_DATA, "status 200"},
    {418, "{\"error\":", NULL, FAILURE_FAIL, AMPQL_UNAVAILABLE, "HTTP 418, \"{\\\"error\\\":\""},
    {500, "an \x1b[31m\n\"evil\"", NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, "\\x1b[31m"},
};

static struct failure_answer answer_of(int status, const char *body, const char *error_type)
{
    return (struct failure_answer){.status = status,
                                   .body = str_of(body),
                                   .error_type = str_of(error_type ? error_type : ""),
                                   .request_id = STR("r-1"),
                                   .date = STR("Fri, 02 Jan 2026 03:14:05 GMT")};
}

static void answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct failure_answer answer = answer_of(row->status, row->body, row->error_type);
        struct failure failure;
        struct ampql_error err = {0};
        assert_int_equal(failure_read(&alloc_default, &answer, 0, &failure, &err), AMPQL_OK);
        assert_int_equal(failure_tell(&failure, &answer, STR("https://h"), &err), row->code);
        if (failure.action != row->action || !strstr(err.message, row->message))
            fail_msg("HTTP %d %s: action %d, %s", row->status, row->body, failure.action,
                     err.message);
    }
}

/* Who asked is told where it matters, and what was sent decides what to do about a 401. */
static void askers(void **state)
{
    static const struct {
        int status;
        const char *by, *message;
    } rows_of_askers[] = {
        {403, "signed with the keys of environment",
         "https://h: HTTP 403 (request id r-1, signed with the keys of environment): are these"},
        {401, "sent with a token", "(request id r-1, sent with a token): are these the right"},
        {401, "", "(request id r-1): the server wants to know who asks: give credentials"},
        {404, "sent with a token", "https://h: HTTP 404 (request id r-1): check"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows_of_askers / sizeof *rows_of_askers; i++) {
        struct failure_answer answer = answer_of(rows_of_askers[i].status, "", NULL);
        struct failure failure;
        struct ampql_error err = {0};
        answer.asked_by = str_of(rows_of_askers[i].by);
        assert_int_equal(failure_read(&alloc_default, &answer, 0, &failure, &err), AMPQL_OK);
        failure_tell(&failure, &answer, STR("https://h"), &err);
        if (!strstr(err.message, rows_of_askers[i].message))
            fail_msg("%s, not %s", err.message, rows_of_askers[i].message);
    }
}

static void bodies(void **state)
{
    const struct ampql_error broken = {.code = AMPQL_BAD_DATA, .message = "https://h: offset 0"};
    struct ampql_error err = broken;
    (void)state;
    assert_int_equal(failure_tell_body(STR("r-1"), STR("application/json"), &err), AMPQL_BAD_DATA);
    assert_string_equal(err.message, "https://h: offset 0 (HTTP 200, request id r-1)");
    err = broken;
    failure_tell_body(STR(""), STR("Text/HTML; charset=utf-8"), &err);
    assert_non_null(strstr(err.message, "https://h: offset 0 (HTTP 200): a page for people"));
    assert_int_equal(failure_tell_body(STR("r-1"), STR(""), NULL), AMPQL_BAD_DATA);
}

static void clocks(void **state)
{
    (void)state;
    struct failure_answer answer =
        answer_of(403, "{\"message\":\"Signature expired: a is now earlier than b\"}", NULL);
    struct failure failure;
    assert_int_equal(failure_read(&alloc_default, &answer, 0, &failure, NULL), AMPQL_OK);
    assert_true(failure.has_server_time);
    assert_int_equal(failure.server_time_ms, 1767323645000);
    answer.date = STR("");
    assert_int_equal(failure_read(&alloc_default, &answer, 0, &failure, NULL), AMPQL_OK);
    assert_int_equal(failure.action, FAILURE_FAIL); /* nothing to correct it by */
}

static void dates(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"Wed, 21 Oct 2015 07:28:00 GMT", 1445412480000},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 21 Oct 2015 07:28:00 CET", -1},
        {"Wed, 21 Okt 2015 07:28:00 GMT", -1},
        {"Wed, 31 Feb 2015 07:28:00 GMT", -1},
        {"Wed, 2 Oct 2015 07:28:00 GMT", -1},
        {"Sunday, 06-Nov-94 08:49:37 GMT", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        bool ok = failure_parse_date(str_of(cases[i].text), &ms);
        assert_int_equal(ok, cases[i].ms >= 0);
        if (ok)
            assert_int_equal(ms, cases[i].ms);
    }
}

static void retry_after(void **state)
{
    (void)state;
    const struct {
        const char *text, *date;
        int64_t ms;
    } cases[] = {
        {"0", "", 0},
        {"1", "", 1000},
        {" 120 ", "", 120000},
        {"1000000000", "", 1000000000000},
        {"999999999999999999999999999999", "", INT64_MAX},
        {"Wed, 21 Oct 2015 07:28:30 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", 30000},
        {"Wed, 21 Oct 2015 07:28:30 GMT", "", 10000}, /* by our own clock */
        {"Wed, 21 Oct 2015 07:27:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT", 0},
        {"soon", "", -1},
        {"-5", "", -1},
        {"1.5", "", -1},
        {"", "", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct failure_answer answer = {
            .status = 429, .retry_after = str_of(cases[i].text), .date = str_of(cases[i].date)};
        struct failure failure;
        assert_int_equal(failure_read(&alloc_default, &answer, 1445412500000, &failure, NULL), 0);
        if (cases[i].ms == INT64_MAX)
            assert_true(failure.retry_after_ms > INT64_C(1) << 40);
        else
            assert_int_equal(failure.retry_after_ms, cases[i].ms);
    }
}

static void waits(void **state)
{
    (void)state;
    struct retry_policy policy = {
        .max_retries = 6, .base_ms = 100, .cap_ms = 1000, .max_waited_ms = 3000};
    /* full jitter: from 0 to below the ceiling, which doubles up to the cap */
    const int64_t ceilings[] = {100, 200, 400, 800, 1000, 1000};
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(retry_wait(&policy, i, 0, -1, 0), 0);
        assert_int_equal(retry_wait(&policy, i, 0, -1, (uint64_t)ceilings[i] - 1), ceilings[i] - 1);
        assert_int_equal(retry_wait(&policy, i, 0, -1, (uint64_t)ceilings[i]), 0);
    }
    assert_int_equal(retry_wait(&policy, 6, 0, -1, 0), -1);       /* their number */
    assert_int_equal(retry_wait(&policy, 0, 0, 2500, 99), 2500);  /* the server's wish, */
    assert_int_equal(retry_wait(&policy, 0, 0, 0, 99), 99);       /* which is a lower bound, */
    assert_int_equal(retry_wait(&policy, 0, 1000, 2500, 99), -1); /* within the budget of time */
    assert_int_equal(retry_wait(&policy, 0, 0, INT64_MAX, 0), -1);
    assert_int_equal(retry_wait(&policy, 0, 2999, -1, 50), -1);
    assert_int_equal(retry_wait(&policy, 0, 2950, -1, 50), 50);
}

static bool read_one(const struct ampql_allocator *alc)
{
    struct failure_answer answer = answer_of(
        422, "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"a\\u0041b\"}", NULL);
    struct failure failure;
    return failure_read(alc, &answer, 0, &failure, NULL) == AMPQL_OK;
}

static void torture(void **state)
{
    (void)state;
    torture_all(read_one);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(answers), cmocka_unit_test(askers),  cmocka_unit_test(bodies),
    cmocka_unit_test(clocks),  cmocka_unit_test(dates),   cmocka_unit_test(retry_after),
    cmocka_unit_test(waits),   cmocka_unit_test(torture),
};
TEST_MAIN(tests)
