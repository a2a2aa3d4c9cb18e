/* The server source over a query API in memory: the exact answer, or a typed error. */
#include "source/server.h"

#include "support/collect.h"
#include "support/server_data.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>

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
    int64_t from =
        SERVER_DATA_BASE - 600000 + rand() % 40 * 60000 + (rand() % 2 ? rand() % 60000 : 0);
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

static void check_one(struct server_data *data, unsigned turn, struct seen *seen)
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
    struct ampql_source *source = api_open(&api, &options);
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
    static struct server_data data;
    srand(11);
    server_data_make(&data, SERVER_DATA_SERIES, 180);
    server_data_sort(&data);
    struct seen seen = {0};
    for (unsigned turn = 0; turn < 1500; turn++)
        check_one(&data, turn, &seen);
    assert_true(seen.values > 700 && seen.cut_by_label > 100 && seen.with_offset > 50 &&
                seen.requests > 700);
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
    static struct server_data data;
    server_data_make(&data, 6, 60);
    server_data_sort(&data);
    for (size_t left = 0; left < 20; left++) {
        struct api api = api_of(&data);
        struct ampql_matcher matchers[16];
        struct ampql_select select =
            collect_raw("up", matchers, SERVER_DATA_BASE, SERVER_DATA_BASE + 3600000);
        struct ampql_error err = {0};
        struct collect collect;
        enum ampql_code code;
        size_t polls = left;
        api.fault = API_RESET;
        api.fault_count = SIZE_MAX;
        struct ampql_source *source =
            api_open(&api, &(struct server_options){.dialect = AMPQL_PROM3, .chunk_ms = 600000});
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
    static struct server_data data;
    server_data_make(&data, 8, 60);
    server_data_sort(&data);
    struct api api = api_of(&data);
    struct ampql_matcher matchers[3][16];
    struct ampql_select selects[3] = {
        collect_raw("up", matchers[0], SERVER_DATA_BASE, SERVER_DATA_BASE + 3600000),
        collect_grid("x", matchers[1], SERVER_DATA_BASE, SERVER_DATA_BASE + 3300000, 300000),
        collect_raw("up", matchers[2], SERVER_DATA_BASE, SERVER_DATA_BASE + 3600000),
    };
    struct ampql_error err = {0};
    enum ampql_code code;
    struct ampql_source *source =
        api_open(&api, &(struct server_options){.dialect = AMPQL_PROM3, .chunk_ms = 3600000});
    struct ampql_prepare run = {.size = sizeof run, .selects = selects, .nselects = 3};
    assert_int_equal(source->ops.prepare(source->payload, &run, &err), AMPQL_OK);
    assert_int_equal(api.nrequests, 0); /* hearing of it (struct ampql_string){data->text[i][0],
                                           strlen(data->text[i][0])}s nothing */
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
    static struct server_data data;
    server_data_make(&data, 8, 60);
    server_data_sort(&data);
    for (unsigned concurrency = 1; concurrency < 7; concurrency++) {
        for (size_t from = 0; from < 22; from++) {
            struct api api = api_of(&data);
            struct ampql_matcher matchers[3][16];
            struct ampql_select selects[3] = {
                collect_raw("up", matchers[0], SERVER_DATA_BASE, SERVER_DATA_BASE + 3600000),
                collect_grid("x", matchers[1], SERVER_DATA_BASE, SERVER_DATA_BASE + 3600000,
                             300000),
                collect_raw("x", matchers[2], SERVER_DATA_BASE, SERVER_DATA_BASE + 3600000),
            };
            struct ampql_error err = {0};
            struct server_options options = {
                .dialect = AMPQL_PROM3, .chunk_ms = 600000, .max_concurrency = concurrency};
            api.fault = from % 2 ? API_RESET : API_CUT;
            api.fault_from = from;
            api.fault_count = 3;
            struct ampql_source *source = api_open(&api, &options);
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
    static struct server_data data;
    server_data_make(&data, 6, 60);
    server_data_sort(&data);
    for (unsigned bits = 0; bits < 8; bits++) {
        struct api api = api_of(&data);
        struct ampql_matcher matchers[16];
        struct ampql_select select = collect_grid("up", matchers, SERVER_DATA_BASE + 1234,
                                                  SERVER_DATA_BASE + 1234 + 3600000, 60000);
        struct ampql_error err = {0};
        struct collect collect;
        struct buf expected;
        enum ampql_code code;
        bool is_amp = bits & 4;
        api.takes_lookback = bits & 1 && !is_amp;
        api.floors = bits & 2 || is_amp;
        select.lookback_ms = 600000;
        struct ampql_source *source =
            api_open(&api, &(struct server_options){.dialect = AMPQL_PROM3, .is_amp = is_amp});
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
    static struct server_data data;
    server_data_make(&data, 8, 120);
    server_data_sort(&data);
    struct api api = api_of(&data);
    struct ampql_matcher matchers[16];
    struct ampql_select select =
        collect_raw("up", matchers, SERVER_DATA_BASE, SERVER_DATA_BASE + 7200000);
    struct ampql_error err = {0};
    struct collect collect;
    enum ampql_code code;
    struct server_prediction prediction;
    struct server_options options = {.dialect = AMPQL_PROM3,
                                     .chunk_ms = 600000,
                                     .max_concurrency = 1,
                                     .max_billed_samples = 100};
    struct ampql_source *source = api_open(&api, &options);
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
    static struct server_data data;
    server_data_make(&data, 8, 360); /* about one sample a minute, for ten hours or so */
    server_data_sort(&data);
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
            collect_raw(cases[i].selector, matchers, SERVER_DATA_BASE - 3600000,
                        SERVER_DATA_BASE + 26 * INT64_C(3600000));
        struct ampql_error err = {0};
        struct collect collect;
        enum ampql_code code;
        struct server_options options = {.dialect = AMPQL_PROM3,
                                         .max_request_samples = cases[i].max_request_samples};
        struct ampql_source *source = api_open(&api, &options);
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
    static struct server_data data;
    server_data_make(&data, 6, 60);
    server_data_sort(&data);
    struct api api = api_of(&data);
    struct ampql_matcher matchers[16];
    struct ampql_select select =
        collect_raw("up", matchers, SERVER_DATA_BASE, SERVER_DATA_BASE + 3600000);
    struct ampql_error err = {0};
    struct reports reports = {0};
    struct collect collect;
    enum ampql_code code;
    api.fault = API_RESET; /* so that it waits */
    api.fault_from = 2;
    api.fault_count = 2;
    struct server_options options = {
        .dialect = AMPQL_PROM3, .chunk_ms = 600000, .progress = hear, .progress_payload = &reports};
    struct ampql_source *source = api_open(&api, &options);
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
    static struct server_data data;
    server_data_make(&data, 8, 20);
    struct api api = api_of(&data);
    struct ampql_matcher matchers[16];
    struct ampql_select select =
        collect_raw("up", matchers, SERVER_DATA_BASE, SERVER_DATA_BASE + 600000);
    struct ampql_error err = {0};
    struct ampql_sink sink;
    size_t n = 0;
    struct ampql_source *source = api_open(&api, &(struct server_options){.dialect = AMPQL_PROM3});
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
static void make_named(struct server_data *data, size_t n)
{
    server_data_make(data, 4, 30);
    for (size_t i = 0; i < 4; i++) {
        snprintf(data->text[i][0], 32, "%c", (char)('a' + i));
        snprintf(data->text[i][1], 32, "n0");
        snprintf(data->text[i][2], 32, "p");
        snprintf(data->text[i][3], 32, "z%d", i == 3);
        data->labels[i][0].value =
            (struct ampql_string){data->text[i][0], strlen(data->text[i][0])};
    }
    data->n = n;
}

/* Asks for timestamp({ns="n0"}) of a server that has one metric more than it lists. */
static void lost_names(void **state)
{
    (void)state;
    static struct server_data data;
    struct ampql_matcher matchers[16];
    struct ampql_error err = {0};
    enum ampql_code code;
    for (int is_late = 0; is_late < 2; is_late++) {
        struct collect collect;
        struct buf expected;
        make_named(&data, 4);
        struct api api = api_of(&data);
        struct ampql_source *source =
            api_open(&api, &(struct server_options){.dialect = AMPQL_PROM3});
        struct ampql_select select = collect_grid(
            "{ns=\"n0\"}", matchers, SERVER_DATA_BASE + 600000, SERVER_DATA_BASE + 900000, 60000);
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
    static struct server_data data;
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
    struct ampql_source *source = api_open(&api, &(struct server_options){.dialect = AMPQL_PROM3});
    struct ampql_select select =
        collect_grid("{ns=\"n0\"}", matchers, SERVER_DATA_BASE, SERVER_DATA_BASE, 1);
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
    static struct server_data data;
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
        struct api api = api_failing(&data, &cases[i].fault);
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
    static struct server_data data;
    struct transport transport;
    struct ampql_source *source;
    struct ampql_matcher matchers[16];
    struct collect collect;
    enum ampql_code code;
    struct ampql_error err = {0};
    srand(2);
    server_data_make(&data, 6, 12);
    server_data_sort(&data);
    struct api api = api_of(&data);
    api.alc = *alc;
    api.max_series = 2;
    api.fault = API_RESET;
    api.fault_from = 2;
    api.fault_count = 1;
    api_transport(&api, &transport);
    struct ampql_select select =
        collect_raw("up", matchers, SERVER_DATA_BASE, SERVER_DATA_BASE + 600000);
    if (loses_names) {
        select = collect_grid("{ns=\"n0\"}", matchers, SERVER_DATA_BASE, SERVER_DATA_BASE + 600000,
                              60000);
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
    cmocka_unit_test(any_cutting),      cmocka_unit_test(cancels),        cmocka_unit_test(runs),
    cmocka_unit_test(runs_with_faults), cmocka_unit_test(probes),         cmocka_unit_test(money),
    cmocka_unit_test(lengths),          cmocka_unit_test(progress),       cmocka_unit_test(series),
    cmocka_unit_test(lost_names),       cmocka_unit_test(too_many_names), cmocka_unit_test(opening),
    cmocka_unit_test(torture),
};
TEST_MAIN(tests)
