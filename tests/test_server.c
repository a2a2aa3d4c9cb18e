/* The server source over a query API in memory: the exact answer, or a typed error. */
#include "source/server.h"

#include "series/sample.h"
#include "support/api.h"
#include "support/collect.h"
#include "support/test.h"
#include "support/torture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_SERIES = 24, MAX_SAMPLES = 400, NLABELS = 4 };
#define BASE INT64_C(1709402400000) /* a full hour */

/* ---- data */

struct data {
    struct test_series series[MAX_SERIES];
    struct ampql_label labels[MAX_SERIES][NLABELS];
    char text[MAX_SERIES][NLABELS][32];
    int64_t t[MAX_SERIES][MAX_SAMPLES];
    double v[MAX_SERIES][MAX_SAMPLES];
    size_t n;
};

static struct ampql_string string_of(const char *text)
{
    return (struct ampql_string){text, strlen(text)};
}

/* Series in label order: up and x, by namespace and pod, with a sample about every minute, some of
 * them exactly on full minutes, gaps and stale markers. */
static void make_data(struct data *data, size_t n, size_t nsamples)
{
    static const char *const names[NLABELS] = {"__name__", "ns", "pod", "zone"};
    data->n = n;
    for (size_t i = 0; i < n; i++) {
        char(*text)[32] = data->text[i];
        snprintf(text[0], 32, "%s", i < (n + 1) / 2 ? "up" : "x");
        snprintf(text[1], 32, "n%zu", i / 3 % 4);
        snprintf(text[2], 32, "p%02zu", i);
        snprintf(text[3], 32, "z%zu", i % 2);
        size_t nlabels = 0;
        for (size_t k = 0; k < NLABELS; k++) {
            if (k == 1 && i % 5 == 4) /* some are in no namespace */
                continue;
            data->labels[i][nlabels++] =
                (struct ampql_label){string_of(names[k]), string_of(text[k])};
        }
        int64_t t = BASE + (i % 3 ? rand() % 60000 : 0);
        for (size_t k = 0; k < nsamples; k++) {
            data->t[i][k] = t;
            data->v[i][k] = rand() % 20 == 0   ? double_of(STALE_BITS)
                            : rand() % 30 == 0 ? NAN
                            : rand() % 2       ? rand() % 1000
                                               : rand() / 7.0;
            t += rand() % 15 ? 60000 : 60000 * (rand() % 9 + 1) - (i % 3 ? rand() % 50000 : 0);
        }
        data->series[i] =
            (struct test_series){data->labels[i], nlabels, data->t[i], data->v[i], nsamples};
    }
}

static int by_label(const void *a, const void *b)
{
    const struct test_series *x = a, *y = b;
    for (size_t i = 0; i < x->nlabels && i < y->nlabels; i++) {
        int order = str_compare(str_view(x->labels[i].name), str_view(y->labels[i].name));
        if (order == 0)
            order = str_compare(str_view(x->labels[i].value), str_view(y->labels[i].value));
        if (order)
            return order;
    }
    return (x->nlabels > y->nlabels) - (x->nlabels < y->nlabels);
}

static struct api api_of(const struct data *data)
{
    return (struct api){.alc = alloc_default,
                        .series = data->series,
                        .n = data->n,
                        .dialect = AMPQL_PROM3,
                        .now_ms = 1767323645000};
}

static struct ampql_source *open_api(struct api *api, const struct server_options *options)
{
    struct transport transport;
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    struct server_options o = *options;
    api_transport(api, &transport);
    if (!o.base_url.p)
        o.base_url = STR("http://h:1/prefix/");
    if (source_server_open(&api->alc, &transport, &o, &source, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    return source;
}

/* ---- any cutting, any limits: the same samples */

static void random_select(struct ampql_select *select, struct ampql_matcher *matchers)
{
    static const char *const selectors[] = {"up",
                                            "x",
                                            "{__name__=~\"up|x\"}",
                                            "up{ns=\"n1\"}",
                                            "up{ns!=\"n1\",pod=~\"p0.*\"}",
                                            "up{ns=\"\"}",
                                            "{zone=\"z1\"}",
                                            "nothing"};
    const char *selector = selectors[rand() % 8];
    int64_t from = BASE - 600000 + rand() % 40 * 60000 + (rand() % 2 ? rand() % 60000 : 0);
    int64_t span = rand() % 200 * 60000 + rand() % 2 * (rand() % 60000);
    if (rand() % 2) {
        *select = collect_raw(selector, matchers, from, from + span);
    } else {
        int64_t step = rand() % 3 ? 60000 * (1 + rand() % 7) : 1000 + rand() % 300000;
        *select = collect_grid(selector, matchers, from, from + span / step * step, step);
        if (rand() % 4 == 0)
            select->kind = AMPQL_SELECT_GRID_TIMESTAMP;
    }
    select->dialect = AMPQL_PROM3;
}

/* What the random cases came to, so that they are not all of a kind. */
struct seen {
    unsigned values, cut_by_label, with_offset, requests;
};

static void check_one(struct data *data, unsigned turn, struct seen *seen)
{
    struct api api = api_of(data);
    struct ampql_matcher matchers[16];
    struct ampql_select select;
    struct collect collect;
    struct buf expected;
    struct ampql_error err = {0};
    enum ampql_code code;
    random_select(&select, matchers);
    api.dialect = rand() % 2 ? AMPQL_PROM3 : AMPQL_PROM2;
    api.floors = rand() % 2;
    api.shuffles = rand() % 2;
    api.piece = rand() % 3 ? 0 : (size_t)(1 + rand() % 50);
    if (rand() % 3 == 0)
        api.max_samples = (size_t)(8 + rand() % 40);
    if (rand() % 3 == 0)
        api.max_series = (size_t)(1 + rand() % 5);
    if (rand() % 3 == 0)
        api.max_bytes = (size_t)(700 + rand() % 2000);
    struct server_options options = {.is_amp = rand() % 2 && api.floors,
                                     .max_concurrency = (unsigned)(rand() % 6),
                                     .max_request_samples = (uint64_t)(rand() % 300),
                                     .chunk_ms = rand() % 2 ? 0 : 1 + rand() % 4000000};
    struct ampql_source *source = open_api(&api, &options);
    assert_int_equal(ampql_source_dialect(source), api.dialect);
    collect_init(&collect, &alloc_default, true);
    buf_init(&expected, &alloc_default, 1 << 26);
    api_expect(&api, &select, &expected);
    const char *got = collect_select(&collect, source, &select, &code, &err);
    if (code != AMPQL_OK)
        fail_msg("turn %u: %s, last asked: %s", turn, err.message, api.last);
    if (strcmp(got, expected.p) != 0)
        fail_msg("turn %u: expected\n%sgot\n%s", turn, expected.p, got);
    assert_true(api.most_open <= (options.max_concurrency ? options.max_concurrency : 5));
    struct ampql_source_stats stats = ampql_source_stats(source);
    assert_int_equal(stats.requests, api.nrequests);
    assert_int_equal(stats.billed_samples, api.billed);
    seen->values += *got != '\0';
    seen->cut_by_label += api.has_cut;
    seen->with_offset += api.has_offset;
    seen->requests += api.nqueries > 1;
    collect_done(&collect);
    buf_done(&expected);
    ampql_source_free(source);
}

static void any_cutting(void **state)
{
    (void)state;
    static struct data data;
    srand(11);
    make_data(&data, MAX_SERIES, 180);
    qsort(data.series, data.n, sizeof *data.series, by_label);
    struct seen seen = {0};
    for (unsigned turn = 0; turn < 1500; turn++)
        check_one(&data, turn, &seen);
    assert_true(seen.values > 700 && seen.cut_by_label > 100 && seen.with_offset > 50 &&
                seen.requests > 700);
}

/* ---- faults: the exact answer, or an error of that code */

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

static struct api faulty(const struct data *data, const struct row *row)
{
    struct api api = api_of(data);
    api.fault = row->fault.fault;
    api.status = row->fault.status;
    api.body = row->fault.body;
    api.header_name = row->fault.header_name;
    api.header_value = row->fault.header_value;
    api.cut_at = row->fault.cut_at;
    api.server_ahead_ms = row->fault.server_ahead_ms;
    if (row->fault.now_ms)
        api.now_ms = row->fault.now_ms;
    return api;
}

enum { NCHUNKS = 6 };

/* One select in six requests, of which those from `from` on go wrong. */
static void strike(const struct data *data, const struct row *row, size_t from, size_t count,
                   enum ampql_code wanted)
{
    struct api api = faulty(data, row);
    struct ampql_matcher matchers[16];
    struct ampql_select select =
        collect_raw("up", matchers, BASE, BASE + NCHUNKS * INT64_C(600000));
    struct server_options options = {.dialect = AMPQL_PROM3, .chunk_ms = 600000};
    struct collect collect;
    struct buf expected;
    struct ampql_error err = {0};
    enum ampql_code code;
    api.fault_from = from;
    api.fault_count = count;
    struct ampql_source *source = open_api(&api, &options);
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
    static struct data data;
    srand(3);
    make_data(&data, 12, 90);
    qsort(data.series, data.n, sizeof *data.series, by_label);
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
    static struct data data;
    srand(5);
    make_data(&data, 3, 20);
    qsort(data.series, data.n, sizeof *data.series, by_label);
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

/* ---- what runs say */

static enum ampql_code refuse_poll(void *payload, struct ampql_error *err)
{
    size_t *left = payload;
    if (*left == 0)
        return (fail)(err, AMPQL_CANCELED, "stop");
    --*left;
    return AMPQL_OK;
}

/* A cancel stops whatever is waited for, and nothing stays open. */
static void cancels(void **state)
{
    (void)state;
    static struct data data;
    make_data(&data, 6, 60);
    qsort(data.series, data.n, sizeof *data.series, by_label);
    for (size_t left = 0; left < 20; left++) {
        struct api api = api_of(&data);
        struct ampql_matcher matchers[16];
        struct ampql_select select = collect_raw("up", matchers, BASE, BASE + 3600000);
        struct ampql_error err = {0};
        struct collect collect;
        enum ampql_code code;
        size_t polls = left;
        api.fault = API_RESET;
        api.fault_count = SIZE_MAX;
        struct ampql_source *source =
            open_api(&api, &(struct server_options){.dialect = AMPQL_PROM3, .chunk_ms = 600000});
        struct ampql_prepare run = {.size = sizeof run,
                                    .selects = &select,
                                    .nselects = 1,
                                    .poll = refuse_poll,
                                    .poll_payload = &polls};
        assert_int_equal(source->ops.prepare(source->payload, &run, &err), AMPQL_OK);
        collect_init(&collect, &alloc_default, true);
        assert_null(collect_select(&collect, source, &select, &code, &err));
        if (left < 10)
            assert_int_equal(code, AMPQL_CANCELED);
        assert_int_equal(api.nopen, 0);
        collect_done(&collect);
        ampql_source_free(source);
    }
}

/* Selects of a run are asked for together, and one that is read twice is fetched once. */
static void runs(void **state)
{
    (void)state;
    static struct data data;
    make_data(&data, 8, 60);
    qsort(data.series, data.n, sizeof *data.series, by_label);
    struct api api = api_of(&data);
    struct ampql_matcher matchers[3][16];
    struct ampql_select selects[3] = {
        collect_raw("up", matchers[0], BASE, BASE + 3600000),
        collect_grid("x", matchers[1], BASE, BASE + 3300000, 300000),
        collect_raw("up", matchers[2], BASE, BASE + 3600000),
    };
    struct ampql_error err = {0};
    enum ampql_code code;
    struct ampql_source *source =
        open_api(&api, &(struct server_options){.dialect = AMPQL_PROM3, .chunk_ms = 3600000});
    struct ampql_prepare run = {.size = sizeof run, .selects = selects, .nselects = 3};
    assert_int_equal(source->ops.prepare(source->payload, &run, &err), AMPQL_OK);
    assert_int_equal(api.nrequests, 0); /* hearing of it costs nothing */
    for (size_t i = 0; i < 3; i++) {
        struct collect collect;
        struct buf expected;
        collect_init(&collect, &alloc_default, true);
        buf_init(&expected, &alloc_default, 1 << 26);
        api_expect(&api, &selects[i], &expected);
        const char *got = collect_select(&collect, source, &selects[i], &code, &err);
        assert_int_equal(code, AMPQL_OK);
        assert_string_equal(got, expected.p);
        collect_done(&collect);
        buf_done(&expected);
    }
    assert_int_equal(api.nrequests, 2);
    assert_int_equal(api.most_open, 2); /* the second was under way while the first was read */
    /* what a run leaves unread is dropped with it */
    assert_int_equal(source->ops.prepare(source->payload, &run, &err), AMPQL_OK);
    struct ampql_prepare over = {.size = sizeof over};
    assert_int_equal(source->ops.prepare(source->payload, &over, &err), AMPQL_OK);
    ampql_source_free(source);
}

/* Selects of a run that are fetched ahead never keep the one that is waited for from being asked
 * for again, whatever goes wrong where, and however few requests may be under way. */
static void runs_with_faults(void **state)
{
    (void)state;
    static struct data data;
    make_data(&data, 8, 60);
    qsort(data.series, data.n, sizeof *data.series, by_label);
    for (unsigned concurrency = 1; concurrency < 7; concurrency++) {
        for (size_t from = 0; from < 22; from++) {
            struct api api = api_of(&data);
            struct ampql_matcher matchers[3][16];
            struct ampql_select selects[3] = {
                collect_raw("up", matchers[0], BASE, BASE + 3600000),
                collect_grid("x", matchers[1], BASE, BASE + 3600000, 300000),
                collect_raw("x", matchers[2], BASE, BASE + 3600000),
            };
            struct ampql_error err = {0};
            struct server_options options = {
                .dialect = AMPQL_PROM3, .chunk_ms = 600000, .max_concurrency = concurrency};
            api.fault = from % 2 ? API_RESET : API_CUT;
            api.fault_from = from;
            api.fault_count = 3;
            struct ampql_source *source = open_api(&api, &options);
            struct ampql_prepare run = {.size = sizeof run, .selects = selects, .nselects = 3};
            assert_int_equal(source->ops.prepare(source->payload, &run, &err), AMPQL_OK);
            for (size_t i = 0; i < 3; i++) {
                struct collect collect;
                struct buf expected;
                enum ampql_code code;
                collect_init(&collect, &alloc_default, true);
                buf_init(&expected, &alloc_default, 1 << 26);
                api_expect(&api, &selects[i], &expected);
                const char *got = collect_select(&collect, source, &selects[i], &code, &err);
                assert_int_equal(code, AMPQL_OK);
                assert_string_equal(got, expected.p);
                assert_true(api.nrequests < 100);
                collect_done(&collect);
                buf_done(&expected);
            }
            assert_true(api.most_open <= concurrency);
            ampql_source_free(source);
        }
    }
}

/* A lookback that the server takes, or not; ranges that it floors, or not: both are probed once. */
static void probes(void **state)
{
    (void)state;
    static struct data data;
    make_data(&data, 6, 60);
    qsort(data.series, data.n, sizeof *data.series, by_label);
    for (unsigned bits = 0; bits < 8; bits++) {
        struct api api = api_of(&data);
        struct ampql_matcher matchers[16];
        struct ampql_select select =
            collect_grid("up", matchers, BASE + 1234, BASE + 1234 + 3600000, 60000);
        struct ampql_error err = {0};
        struct collect collect;
        struct buf expected;
        enum ampql_code code;
        bool is_amp = bits & 4;
        api.takes_lookback = bits & 1 && !is_amp;
        api.floors = bits & 2 || is_amp;
        select.lookback_ms = 600000;
        struct ampql_source *source =
            open_api(&api, &(struct server_options){.dialect = AMPQL_PROM3, .is_amp = is_amp});
        collect_init(&collect, &alloc_default, true);
        buf_init(&expected, &alloc_default, 1 << 26);
        api_expect(&api, &select, &expected);
        const char *got = collect_select(&collect, source, &select, &code, &err);
        if (api.takes_lookback) {
            assert_int_equal(code, AMPQL_OK);
            assert_string_equal(got, expected.p);
            assert_int_equal(strstr(api.last, " offset ") != NULL, api.floors);
        } else {
            assert_int_equal(code, AMPQL_UNSUPPORTED);
            assert_non_null(strstr(err.message, "lookback"));
        }
        if (is_amp) /* AMP is known */
            assert_int_equal(api.nrequests, 0);
        collect_done(&collect);
        buf_done(&expected);
        ampql_source_free(source);
    }
}

static void money(void **state)
{
    (void)state;
    static struct data data;
    make_data(&data, 8, 120);
    qsort(data.series, data.n, sizeof *data.series, by_label);
    struct api api = api_of(&data);
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("up", matchers, BASE, BASE + 7200000);
    struct ampql_error err = {0};
    struct collect collect;
    enum ampql_code code;
    struct server_prediction prediction;
    struct server_options options = {.dialect = AMPQL_PROM3,
                                     .chunk_ms = 600000,
                                     .max_concurrency = 1,
                                     .max_billed_samples = 100};
    struct ampql_source *source = open_api(&api, &options);
    assert_int_equal(server_predict(source, &select, &prediction, &err), AMPQL_OK);
    assert_int_equal(prediction.series, 4);
    assert_int_equal(prediction.samples, 4 * 120);
    assert_int_equal(prediction.requests, 12);
    assert_int_equal(api.billed, 0);
    collect_init(&collect, &alloc_default, true);
    assert_null(collect_select(&collect, source, &select, &code, &err));
    assert_int_equal(code, AMPQL_LIMIT);
    assert_non_null(strstr(err.message, "--max-billed-samples is 100"));
    assert_true(api.billed < 200);
    collect_done(&collect);
    ampql_source_free(source);
}

/* ---- how long parts are */

static void lengths(void **state)
{
    (void)state;
    static struct data data;
    make_data(&data, 8, 360); /* about one sample a minute, for ten hours or so */
    qsort(data.series, data.n, sizeof *data.series, by_label);
    const struct {
        const char *selector;
        uint64_t max_request_samples;
        size_t least, most; /* requests */
    } cases[] = {
        {"nothing", 0, 2, 8}, /* one to look, then as long as may be */
        {"up", 0, 2, 8},      /* the same when it is little */
        {"up", 240, 9, 60},   /* an hour of four series */
        {"up{pod=\"p00\"}", 30, 9, 80},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct api api = api_of(&data);
        struct ampql_matcher matchers[16];
        struct ampql_select select =
            collect_raw(cases[i].selector, matchers, BASE - 3600000, BASE + 26 * INT64_C(3600000));
        struct ampql_error err = {0};
        struct collect collect;
        enum ampql_code code;
        struct server_options options = {.dialect = AMPQL_PROM3,
                                         .max_request_samples = cases[i].max_request_samples};
        struct ampql_source *source = open_api(&api, &options);
        collect_init(&collect, &alloc_default, true);
        assert_non_null(collect_select(&collect, source, &select, &code, &err));
        if (api.nqueries < cases[i].least || api.nqueries > cases[i].most)
            fail_msg("%s, %zu a request: %zu requests", cases[i].selector,
                     (size_t)cases[i].max_request_samples, api.nqueries);
        collect_done(&collect);
        ampql_source_free(source);
    }
}

/* ---- progress */

struct reports {
    size_t n;
    struct ampql_progress last;
};

static void hear(void *payload, const struct ampql_progress *progress)
{
    struct reports *reports = payload;
    assert_true(progress->windows >= progress->windows_done);
    assert_true(progress->windows_done >= reports->last.windows_done);
    assert_true(progress->requests >= reports->last.requests);
    reports->n++;
    reports->last = *progress;
}

static void progress(void **state)
{
    (void)state;
    static struct data data;
    make_data(&data, 6, 60);
    qsort(data.series, data.n, sizeof *data.series, by_label);
    struct api api = api_of(&data);
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("up", matchers, BASE, BASE + 3600000);
    struct ampql_error err = {0};
    struct reports reports = {0};
    struct collect collect;
    enum ampql_code code;
    api.fault = API_RESET; /* so that it waits */
    api.fault_from = 2;
    api.fault_count = 2;
    struct server_options options = {
        .dialect = AMPQL_PROM3, .chunk_ms = 600000, .progress = hear, .progress_payload = &reports};
    struct ampql_source *source = open_api(&api, &options);
    struct ampql_prepare run = {.size = sizeof run, .selects = &select, .nselects = 1};
    assert_int_equal(source->ops.prepare(source->payload, &run, &err), AMPQL_OK);
    collect_init(&collect, &alloc_default, true);
    assert_non_null(collect_select(&collect, source, &select, &code, &err));
    struct ampql_prepare over = {.size = sizeof over};
    assert_int_equal(source->ops.prepare(source->payload, &over, &err), AMPQL_OK);
    assert_true(reports.n >= 2);
    assert_int_equal(reports.last.windows_done, 6);
    assert_int_equal(reports.last.windows, 6);
    assert_int_equal(reports.last.retries, 2);
    assert_int_equal(reports.last.requests, 8);
    assert_true(reports.last.samples > 0 && reports.last.bytes > 0);
    collect_done(&collect);
    ampql_source_free(source);
}

/* ---- label sets */

static enum ampql_code take_labels(void *payload, const struct ampql_label *labels, size_t nlabels,
                                   const struct samples *samples)
{
    size_t *n = payload;
    assert_true(nlabels >= 3 && samples->n == 0);
    assert_int_equal(labels[0].name.size, 8);
    ++*n;
    return AMPQL_OK;
}

static void series(void **state)
{
    (void)state;
    static struct data data;
    make_data(&data, 8, 20);
    struct api api = api_of(&data);
    struct ampql_matcher matchers[16];
    struct ampql_select select = collect_raw("up", matchers, BASE, BASE + 600000);
    struct ampql_error err = {0};
    struct ampql_sink sink;
    size_t n = 0;
    struct ampql_source *source = open_api(&api, &(struct server_options){.dialect = AMPQL_PROM3});
    sink_init(&sink, &alloc_default, take_labels, &n, true);
    assert_int_equal(source->ops.series(source->payload, &select, &sink, &err), AMPQL_OK);
    assert_int_equal(n, 4);
    select.mint_ms = INT64_MIN; /* of all times */
    select.maxt_ms = INT64_MAX;
    assert_int_equal(source->ops.series(source->payload, &select, &sink, &err), AMPQL_OK);
    assert_int_equal(n, 8);
    sink_done(&sink);
    ampql_source_free(source);
}

/* ---- timestamp() of selectors without a metric name */

/* Three series that differ in their name alone, and one more. */
static void make_named(struct data *data, size_t n)
{
    make_data(data, 4, 30);
    for (size_t i = 0; i < 4; i++) {
        snprintf(data->text[i][0], 32, "%c", (char)('a' + i));
        snprintf(data->text[i][1], 32, "n0");
        snprintf(data->text[i][2], 32, "p");
        snprintf(data->text[i][3], 32, "z%d", i == 3);
        data->labels[i][0].value = string_of(data->text[i][0]);
    }
    data->n = n;
}

/* Asks for timestamp({ns="n0"}) of a server that has one metric more than it lists. */
static void lost_names(void **state)
{
    (void)state;
    static struct data data;
    struct ampql_matcher matchers[16];
    struct ampql_error err = {0};
    enum ampql_code code;
    for (int is_late = 0; is_late < 2; is_late++) {
        struct collect collect;
        struct buf expected;
        make_named(&data, 4);
        struct api api = api_of(&data);
        struct ampql_source *source =
            open_api(&api, &(struct server_options){.dialect = AMPQL_PROM3});
        struct ampql_select select =
            collect_grid("{ns=\"n0\"}", matchers, BASE + 600000, BASE + 900000, 60000);
        select.kind = AMPQL_SELECT_GRID_TIMESTAMP;
        if (is_late)
            api.n = 3;
        struct ampql_prepare run = {.size = sizeof run, .selects = &select, .nselects = 1};
        assert_int_equal(source->ops.prepare(source->payload, &run, &err), AMPQL_OK);
        api.n = 4;
        buf_init(&expected, &alloc_default, 1 << 20);
        collect_init(&collect, &alloc_default, true);
        api_expect(&api, &select, &expected);
        const char *got = collect_select(&collect, source, &select, &code, &err);
        assert_true(strstr(expected.p, "a{ns=") && strstr(expected.p, "b{ns="));
        if (is_late) {
            assert_int_equal(code, AMPQL_UNAVAILABLE);
            assert_non_null(strstr(err.message, "{ns=\"n0\", pod=\"p\", zone=\"z1\"}"));
        } else {
            assert_int_equal(code, AMPQL_OK);
            assert_string_equal(got, expected.p);
            assert_int_equal(api.nrequests, 6); /* the names, each of them, and the rest */
        }
        collect_done(&collect);
        buf_done(&expected);
        ampql_source_free(source);
    }
}

static void too_many_names(void **state)
{
    (void)state;
    static struct data data;
    static char body[32 << 10];
    struct ampql_matcher matchers[16];
    struct ampql_error err = {0};
    enum ampql_code code;
    struct collect collect;
    size_t n = (size_t)snprintf(body, sizeof body, "{\"status\":\"success\",\"data\":[\"m\"");
    for (int i = 0; i < 1000; i++)
        n += (size_t)snprintf(body + n, sizeof body - n, ",\"m%d\"", i);
    snprintf(body + n, sizeof body - n, "]}");
    struct api api = api_of(&data);
    api.answers = &(struct api_answer){200, str_of(body)};
    api.nanswers = 1;
    struct ampql_source *source = open_api(&api, &(struct server_options){.dialect = AMPQL_PROM3});
    struct ampql_select select = collect_grid("{ns=\"n0\"}", matchers, BASE, BASE, 1);
    select.kind = AMPQL_SELECT_GRID_TIMESTAMP;
    collect_init(&collect, &alloc_default, true);
    collect_select(&collect, source, &select, &code, &err);
    if (code != AMPQL_LIMIT || !strstr(err.message, "1001 metrics"))
        fail_msg("%s", err.message);
    collect_done(&collect);
    ampql_source_free(source);
}

/* ---- opening */

static void opening(void **state)
{
    (void)state;
    static struct data data;
    const struct {
        struct api fault;
        const char *url;
        enum ampql_code code;
        const char *message;
    } cases[] = {
        {{.fault = API_OK}, "http://h/a/", AMPQL_OK, ""},
        {{.fault = API_OK}, "ftp://h/", AMPQL_BAD_DATA, ""},
        {{.fault = API_OK}, "http://h/?a=b", AMPQL_BAD_DATA, "query"},
        {{.fault = API_CONNECT}, "http://h", AMPQL_UNAVAILABLE, "tried 3 times"},
        {{.fault = API_ANSWER, .status = 403, .body = "no"}, "http://h", AMPQL_UNAUTHORIZED, "no"},
        {{.fault = API_ANSWER, .status = 200, .body = "<html>"},
         "http://h",
         AMPQL_BAD_DATA,
         "not an answer of the query API"},
        /* a server that knows no subqueries is of an unknown dialect */
        {{.fault = API_ANSWER, .status = 400, .body = "{\"error\":\"parse error\"}"},
         "http://h",
         AMPQL_OK,
         ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct row row = {.fault = cases[i].fault};
        struct api api = faulty(&data, &row);
        struct transport transport;
        struct ampql_source *source = NULL;
        struct ampql_error err = {0};
        api.fault_count = SIZE_MAX;
        api_transport(&api, &transport);
        enum ampql_code code = source_server_open(
            &alloc_default, &transport, &(struct server_options){.base_url = str_of(cases[i].url)},
            &source, &err);
        if (code != cases[i].code || (code != AMPQL_OK && !strstr(err.message, cases[i].message)))
            fail_msg("%s: code %d: %s", cases[i].url, code, err.message);
        ampql_source_free(source);
    }
}

/* ---- memory */

static bool fetch(const struct ampql_allocator *alc, bool loses_names)
{
    static struct data data;
    struct transport transport;
    struct ampql_source *source;
    struct ampql_matcher matchers[16];
    struct collect collect;
    enum ampql_code code;
    struct ampql_error err = {0};
    srand(2);
    make_data(&data, 6, 12);
    qsort(data.series, data.n, sizeof *data.series, by_label);
    struct api api = api_of(&data);
    api.alc = *alc;
    api.max_series = 2;
    api.fault = API_RESET;
    api.fault_from = 2;
    api.fault_count = 1;
    api_transport(&api, &transport);
    struct ampql_select select = collect_raw("up", matchers, BASE, BASE + 600000);
    if (loses_names) {
        select = collect_grid("{ns=\"n0\"}", matchers, BASE, BASE + 600000, 60000);
        select.kind = AMPQL_SELECT_GRID_TIMESTAMP;
    }
    struct server_options options = {.base_url = STR("http://h"), .chunk_ms = 300000};
    if (source_server_open(alc, &transport, &options, &source, &err) != AMPQL_OK)
        return false;
    struct ampql_prepare run = {.size = sizeof run, .selects = &select, .nselects = 1};
    code = source->ops.prepare(source->payload, &run, &err);
    collect_init(&collect, alc, true);
    bool ok = code == AMPQL_OK && collect_select(&collect, source, &select, &code, &err);
    assert_true(ok || err.code == AMPQL_NOMEM || collect.text.failed == AMPQL_NOMEM);
    collect_done(&collect);
    source_free(source);
    return ok;
}

static bool fetch_samples(const struct ampql_allocator *alc)
{
    return fetch(alc, false);
}

static bool fetch_timestamps(const struct ampql_allocator *alc)
{
    return fetch(alc, true);
}

static void torture(void **state)
{
    (void)state;
    torture_all_lenient(fetch_samples);
    torture_all_lenient(fetch_timestamps);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(any_cutting),    cmocka_unit_test(faults),  cmocka_unit_test(every_byte),
    cmocka_unit_test(cancels),        cmocka_unit_test(runs),    cmocka_unit_test(probes),
    cmocka_unit_test(money),          cmocka_unit_test(series),  cmocka_unit_test(lost_names),
    cmocka_unit_test(too_many_names), cmocka_unit_test(opening), cmocka_unit_test(torture),
    cmocka_unit_test(progress),       cmocka_unit_test(lengths), cmocka_unit_test(runs_with_faults),
};
TEST_MAIN(tests)
