/* Requests to `ampql serve` without a socket: routes, prefixes, forms, headers. */
#include "base/buf.h"
#include "serve/request.h"

/* last: cmocka has a macro named fail */
#include "support/test.h"
#include "support/torture.h"

static const struct str only[] = {{"ws-1", 4}};
static const struct serve_prefixes anything = {.prefix = "/prometheus"};
static const struct serve_prefixes one = {.workspaces = only, .nworkspaces = 1};

#define FORM "application/x-www-form-urlencoded"

static const struct row {
    const char *method, *target, *type, *body;
    enum serve_route route;
    int status;        /* 0: fine, */
    const char *shown; /*    "name=value|..." of all parameters; else part of the message */
} rows[] = {
    {"GET", "/api/v1/query?query=up", "", "", SERVE_QUERY, 0, "query=up|"},
    {"GET", "/api/v1/query", "", "", SERVE_QUERY, 0, ""},
    {"GET", "/api/v1/query?a=%7b+%2B&a=&&b", "", "", SERVE_QUERY, 0, "a={ +|a=|b=|"},
    {"GET", "/api/v1/%71uery?x=1=2", "", "", SERVE_QUERY, 0, "x=1=2|"},
    {"GET", "/prometheus/api/v1/labels", "", "", SERVE_LABELS, 0, ""},
    {"GET", "/prometheusapi/v1/labels", "", "", SERVE_NOWHERE, 404, "nothing is served at"},
    {"GET", "/workspaces/ws-9/api/v1/labels", "", "", SERVE_LABELS, 0, ""},
    {"GET", "/workspaces/ws-9", "", "", SERVE_NOWHERE, 404, "nothing is served at"},
    {"GET", "/workspaces/", "", "", SERVE_NOWHERE, 404, "nothing is served at"},
    {"GET", "/api/v1/label/job/values", "", "", SERVE_LABEL_VALUES, 0, ""},
    {"GET", "/api/v1/label//values", "", "", SERVE_NOWHERE, 404, "nothing"},
    {"GET", "/api/v1/label/a/b/values", "", "", SERVE_NOWHERE, 404, "nothing"},
    {"GET", "/model/allocation?window=1d", "", "", SERVE_ALLOCATION, 0, "window=1d|"},
    {"GET", "/model/api/v1/query", "", "", SERVE_NOWHERE, 404, "nothing"},
    {"GET", "/allocation/compute/summary", "", "", SERVE_SUMMARY_COMPUTE, 0, ""},
    {"POST", "/api/v1/query?b=2", FORM, "a=1&b=3", SERVE_QUERY, 0, "a=1|b=3|b=2|"},
    {"POST", "/api/v1/query?b=2", "APPLICATION/X-www-form-urlencoded; charset=utf-8", "a=1",
     SERVE_QUERY, 0, "a=1|b=2|"},
    {"POST", "/api/v1/query?b=2", "text/plain", "a=1", SERVE_QUERY, 0, "b=2|"},
    {"POST", "/api/v1/query?b=2", "", "", SERVE_QUERY, 0, "b=2|"},
    {"GET", "/api/v1/query?b=2", FORM, "a=1", SERVE_QUERY, 0, "b=2|"},
    {"POST", "/api/v1/label/job/values", "", "", SERVE_LABEL_VALUES, 405, "Method Not Allowed"},
    {"DELETE", "/api/v1/series", "", "", SERVE_SERIES, 405, "Method Not Allowed"},
    {"HEAD", "/-/healthy", "", "", SERVE_HEALTHY, 0, ""},
    {"HEAD", "/metrics", "", "", SERVE_METRICS, 405, "Method Not Allowed"},
    {"GET", "/api/v1/query?query=%", "", "", SERVE_QUERY, 400, "invalid URL escape: \"%\""},
    {"GET", "/api/v1/query?query=%4", "", "", SERVE_QUERY, 400, "invalid URL escape: \"%4\""},
    {"GET", "/api/v1/query?query=%zzz", "", "", SERVE_QUERY, 400, "invalid URL escape: \"%zz\""},
    {"GET", "/api/v1/query?a;b=1", "", "", SERVE_QUERY, 400, "invalid semicolon separator"},
    {"GET", "/%", "", "", SERVE_NOWHERE, 400, "invalid URL escape"},
    {"POST", "/api/v1/query?b=2", "multipart/form-data; boundary=xx",
     "--xx\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nup\r\n--xx\r\n"
     "X: y\r\ncontent-disposition: form-data; name=t\r\n\r\n\r\n--x\r\n--xx--\r\n",
     SERVE_QUERY, 0, "b=2|query=up|t=\r\n--x|"},
    {"POST", "/api/v1/query", "Multipart/Form-Data; charset=x; Boundary=\"x;x\"",
     "--x;x\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\n1\r\n--x;x--", SERVE_QUERY,
     0, ""},
    {"POST", "/api/v1/query", "multipart/form-data; boundary=xx", "--xx--", SERVE_QUERY, 0, ""},
    {"POST", "/api/v1/query", "multipart/form-data", "--xx--", SERVE_QUERY, 400, "no multipart"},
    {"POST", "/api/v1/query", "multipart/form-data; boundary=xx", "", SERVE_QUERY, 400, "no multi"},
    {"POST", "/api/v1/query", "multipart/form-data; boundary=xx", "--xx\r\n\r\n1", SERVE_QUERY, 400,
     "no multipart"},
    {"GET", "", "", "", SERVE_NOWHERE, 404, "nothing"},
    {"", "*", "", "", SERVE_NOWHERE, 404, "nothing"},
};

static enum ampql_code read_row(const struct row *row, const struct serve_prefixes *prefixes,
                                struct arena *arena, struct serve_request *out,
                                struct ampql_error *err)
{
    struct serve_input input = {str_of(row->method), str_of(row->target), str_of(row->type),
                                str_of(row->body)};
    return serve_request_read(&input, prefixes, arena, out, err);
}

static void requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct serve_request got;
        struct ampql_error err = {0};
        struct buf shown;
        arena_init(&arena, &alloc_default);
        buf_init(&shown, &alloc_default, 4096);
        enum ampql_code code = read_row(&rows[i], &anything, &arena, &got, &err);
        for (size_t k = 0; k < got.params.n && code == AMPQL_OK; k++)
            buf_format(&shown, "%.*s=%.*s|", STR_ARGS(got.params.at[k].name),
                       STR_ARGS(got.params.at[k].value));
        buf_byte(&shown, '\0');
        bool ok = got.route == rows[i].route && got.status == rows[i].status &&
                  (code == AMPQL_OK) == (rows[i].status == 0) &&
                  (rows[i].status ? strstr(err.message, rows[i].shown) != NULL
                                  : strcmp(shown.p, rows[i].shown) == 0);
        if (!ok)
            fail_msg("%s %s: route %d, status %d, %s %s", rows[i].method, rows[i].target, got.route,
                     got.status, shown.p, err.message);
        buf_done(&shown);
        arena_done(&arena);
    }
}

static void workspaces(void **state)
{
    static const struct row mine = {"GET", "/workspaces/ws-1/api/v1/labels", "", "", 0, 0, ""};
    static const struct row other = {"GET", "/workspaces/ws-2/api/v1/labels", "", "", 0, 0, ""};
    struct arena arena;
    struct serve_request got;
    struct ampql_error err = {0};
    (void)state;
    arena_init(&arena, &alloc_default);
    assert_int_equal(read_row(&mine, &one, &arena, &got, &err), AMPQL_OK);
    assert_int_equal(read_row(&other, &one, &arena, &got, &err), AMPQL_NOT_FOUND);
    assert_int_equal(got.status, 404);
    assert_string_equal(err.message, "this server does not read workspace: \"ws-2\"");
    arena_done(&arena);
}

static void too_many_parameters(void **state)
{
    struct arena arena;
    struct serve_request got;
    struct ampql_error err = {0};
    struct buf target;
    (void)state;
    arena_init(&arena, &alloc_default);
    buf_init(&target, &alloc_default, 65536);
    buf_text(&target, "/api/v1/series?");
    for (int i = 0; i <= SERVE_MAX_PARAMS; i++)
        buf_text(&target, "a=1&");
    struct serve_input input = {STR("GET"), buf_view(&target), STR(""), STR("")};
    assert_int_equal(serve_request_read(&input, &one, &arena, &got, &err), AMPQL_BAD_DATA);
    assert_string_equal(err.message, "over 1000 parameters");
    input.target.n -= 4;
    assert_int_equal(serve_request_read(&input, &one, &arena, &got, &err), AMPQL_OK);
    assert_int_equal(got.params.n, SERVE_MAX_PARAMS);
    buf_done(&target);
    arena_done(&arena);
}

static void hosts(void **state)
{
    static const char *const names[] = {"cost.example"};
    static const struct {
        const char *host;
        bool is_allowed;
    } cases[] = {{"localhost", true},       {"LOCALHOST:9091", true},
                 {"127.0.0.1:80", true},    {"127.9.9.9", true},
                 {"[::1]:9091", true},      {"cost.example:1", true},
                 {"evil.example", false},   {"", false},
                 {"localhost.evil", false}, {"127.0.0.1.evil", false},
                 {"localhost:x", false},    {"127.0.0", false},
                 {"[::2]", false},          {"localhost:123456", false},
                 {"[::1", false},           {"cost.example.evil", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (serve_host_is_allowed(str_of(cases[i].host), names, 1) != cases[i].is_allowed)
            fail_msg("%s", cases[i].host);
    assert_false(serve_host_is_allowed(STR("cost.example"), NULL, 0));
}

static void headers(void **state)
{
    static const struct {
        const char *accept;
        bool takes;
    } cases[] = {{"", false},
                 {"gzip", true},
                 {"deflate, GZIP;q=0.5", true},
                 {"gzip;q=0", false},
                 {"gzip; q=0.000, br", false},
                 {"xgzip", false},
                 {"identity,gzip ; q=0.1", true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (serve_takes_gzip(str_of(cases[i].accept)) != cases[i].takes)
            fail_msg("%s", cases[i].accept);
    assert_true(serve_token_is(STR("Bearer abc"), STR("abc")));
    assert_true(serve_token_is(STR("bearer abc"), STR("abc")));
    assert_false(serve_token_is(STR("Bearer abd"), STR("abc")));
    assert_false(serve_token_is(STR("Bearer abcd"), STR("abc")));
    assert_false(serve_token_is(STR("Basic  abc"), STR("abc")));
    assert_false(serve_token_is(STR("Bearer "), STR("")));
}

static void allocations_fail(void **state)
{
    static const struct row row = {"POST",
                                   "/api/v1/series?match[]=a&start=%31",
                                   FORM,
                                   "match[]=up%7b%7d&end=2",
                                   SERVE_SERIES,
                                   0,
                                   ""};
    (void)state;
    for (size_t n = 1;; n++) {
        struct torture t;
        struct arena arena;
        struct serve_request got;
        struct ampql_error err = {0};
        torture_init(&t, n);
        arena_init(&arena, &t.alc);
        enum ampql_code code = read_row(&row, &one, &arena, &got, &err);
        arena_done(&arena);
        assert_int_equal(t.live, 0);
        if (t.calls < n) {
            assert_int_equal(code, AMPQL_OK);
            assert_true(n > 1);
            return;
        }
        assert_int_equal(code, AMPQL_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(workspaces),
        cmocka_unit_test(too_many_parameters),
        cmocka_unit_test(hosts),
        cmocka_unit_test(headers),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
