/* Reports of other engines that were brought down by a query or an input, as tests of this one.
 * tests/README.md says which report is tested where. */
#include <ampql.h>
#include <ampql/http.h>

#include "base/index.h"
#include "support/test.h"
#include "support/torture.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KIB = 1 << 10, MIB = 1 << 20 };

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LARGE_FRAMES
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define LARGE_FRAMES
#endif

/* Frames of sanitizers and of unoptimised code are several times as large. */
#ifdef LARGE_FRAMES
enum { STACK = 2 * MIB };
#else
enum { STACK = 64 * KIB };
#endif

static struct ampql_string view(const char *s)
{
    return (struct ampql_string){s, strlen(s)};
}

/* piece n times between head and tail */
static char *repeat(const char *head, const char *piece, const char *tail, size_t n)
{
    size_t a = strlen(head), b = strlen(piece);
    char *text = malloc(a + n * b + strlen(tail) + 1);
    assert_non_null(text);
    memcpy(text, head, a);
    for (size_t i = 0; i < n; i++)
        memcpy(text + a + i * b, piece, b);
    memcpy(text + a + n * b, tail, strlen(tail) + 1);
    return text;
}

/* A source of series x{i="0"}, x{i="1"}, each of n samples. */
static struct ampql_source *source_of(struct ampql_engine *engine, const int64_t *t,
                                      const double *v, size_t n, size_t nseries)
{
    struct ampql_source *source = NULL;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    for (size_t i = 0; i < nseries; i++) {
        const struct ampql_label labels[] = {{view("__name__"), view("x")},
                                             {view("i"), view(i ? "1" : "0")},
                                             {view("le"), view(i ? "+Inf" : "1")}};
        assert_int_equal(ampql_source_add(source, labels, 3, t, v, n, NULL), AMPQL_OK);
    }
    return source;
}

/* ---- 1, 3: what a parser takes grows with the text; what is too deep is not read to its end */

struct taken {
    size_t calls, bytes;
    enum ampql_code code;
    struct ampql_error err;
};

static struct taken compile(const char *text)
{
    struct torture t;
    struct taken taken = {0};
    struct ampql_engine *engine = NULL;
    struct ampql_query *query = NULL;
    torture_init(&t, 0);
    const struct ampql_engine_options options = {.allocator = &t.alc};
    assert_int_equal(ampql_engine_new(&options, &engine, NULL), AMPQL_OK);
    taken.code = ampql_query_compile(engine, text, strlen(text), &query, &taken.err);
    taken.calls = t.calls;
    taken.bytes = t.peak_bytes;
    ampql_query_free(query);
    ampql_engine_free(engine);
    assert_int_equal(t.live, 0);
    return taken;
}

static void gigapipe_968_nested_parentheses_stop_at_the_depth(void **state)
{
    char *text = repeat("", "(", "", MIB);
    (void)state;
    struct taken taken = compile(text);
    assert_int_equal(taken.code, AMPQL_LIMIT);
    assert_true(taken.err.has_span && taken.err.end <= 300);
    assert_true(taken.bytes < 256 * KIB);
    free(text);
}

/* 7 n^2 bytes for n nodes, where each kept its source text. */
static void elasticsearch_159220_a_tree_is_linear_in_its_text(void **state)
{
    static const char *const pieces[] = {"+1", "+x", "+x{a=\"b\"}[5m]", "+abs(x)", "+-x"};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        const char *piece = i == 2 ? "+rate(x{a=\"b\"}[5m])" : pieces[i];
        for (size_t n = 1000; n <= 64000 && n * strlen(piece) < MIB; n *= 4) {
            char *text = repeat("1", piece, "", n);
            struct taken taken = compile(text);
            if (taken.code != AMPQL_OK || taken.bytes > 600 * strlen(text) || taken.calls > 200)
                fail_msg("%zu times %s: code %d, %zu bytes, %zu calls", n, piece, (int)taken.code,
                         taken.bytes, taken.calls);
            free(text);
        }
    }
}

/* ---- 2: recursion, on a stack of 64 KiB: parsed, checked, printed, evaluated and freed. Chains of
 * any length; nested as deep as that stack allows: the deepest, 256 levels, take up to 192 KiB
 * (test_parser_limits), and who has less says max_depth. */

enum { DEPTH = 100 };

static int swallow(void *payload, const char *data, size_t size)
{
    (void)payload, (void)data, (void)size;
    return 0;
}

static const struct deep {
    const char *head, *piece, *tail, *close;
    size_t n;
} deep[] = {
    {"", "(", "x", ")", DEPTH},
    {"", "-", "x", "", DEPTH},
    {"x", "^x", "", "", DEPTH},
    {"", "abs(", "x", ")", DEPTH},
    {"", "sum by (i) (", "x", ")", DEPTH},
    {"", "x + on (i) (", "x", ")", DEPTH / 2},
    {"x", "+x", "", "", 10000},
    {"x", " or x", "", "", 10000},
    {"0", "+scalar(x)", "", "", 5000},
    {"", "sum_over_time(", "x", "[2m:1m])", DEPTH / 2},
};

static void *run_deep(void *unused)
{
    const int64_t t[] = {0, 60000};
    const double v[] = {1, 2};
    const struct ampql_run_options options = {.end_ms = 60000, .step_ms = 30000};
    struct ampql_engine *engine = NULL;
    (void)unused;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    struct ampql_source *source = source_of(engine, t, v, 2, 2);
    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
        char *open = repeat(deep[i].head, deep[i].piece, deep[i].tail, deep[i].n);
        char *text = repeat(open, deep[i].close, "", deep[i].n);
        struct ampql_query *query = NULL;
        struct ampql_result *result = NULL;
        struct ampql_error err = {0};
        enum ampql_code code = ampql_query_compile(engine, text, strlen(text), &query, &err);
        if (code == AMPQL_OK)
            code = ampql_query_print(query, false, swallow, NULL);
        if (code == AMPQL_OK)
            code = ampql_query_run(query, source, &options, &result, &err);
        if (code != AMPQL_OK)
            fail_msg("%s...: code %d, %s", deep[i].piece, (int)code, err.message);
        ampql_result_free(result);
        ampql_query_free(query);
        free(text);
        free(open);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
    return NULL;
}

static void on_small_stack(void *(*work)(void *), void *payload)
{
    pthread_t thread;
    pthread_attr_t attr;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attr, work, payload), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);
}

static void ravel_529_575_deep_and_long_queries_on_a_small_stack(void **state)
{
    (void)state;
    on_small_stack(run_deep, NULL);
}

/* ---- 5, 6, 7, 8: times at their ends, steps that divide by nothing, options that are not there */

static const char *const timed[] = {
    "x",
    "vector(time())",
    "x offset 292y",
    "x offset -292y",
    "x @ 9200000000000000",
    "x @ -9200000000000000",
    "sum_over_time(x[1m])",
    "sum_over_time(x[292y])",
    "max_over_time(x[1m:])",
    "max_over_time(x[1m:1s] offset 100y)",
    "max_over_time(x[5m:5m] @ end())",
    "x[1m:]",
};

/* Run from start to end; it must end, in a result or a typed error. */
static void run_times(struct ampql_engine *engine, struct ampql_source *source, const char *text,
                      const struct ampql_run_options *options)
{
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    struct ampql_error err = {0};
    if (ampql_query_compile(engine, text, strlen(text), &query, &err) != AMPQL_OK)
        fail_msg("%s: %s", text, err.message);
    enum ampql_code code = ampql_query_run(query, source, options, &result, &err);
    if (code != AMPQL_OK && code != AMPQL_BAD_DATA && code != AMPQL_LIMIT &&
        code != AMPQL_EXECUTION)
        fail_msg("%s: code %d, %s", text, (int)code, err.message);
    assert_int_equal(code == AMPQL_OK, result != NULL);
    ampql_result_free(result);
    ampql_query_free(query);
}

static void thanos_2004_prometheus_1896_times_and_steps_at_their_ends(void **state)
{
    static const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, -1,       0, 1,
                                   60000,     INT64_MAX - 1, INT64_MAX};
    static const int64_t steps[] = {INT64_MIN, -1, 0, 1, 60000, INT64_C(315360000000), INT64_MAX};
    const int64_t t[] = {0, 60000};
    const double v[] = {1, 2};
    struct ampql_engine *engine = NULL;
    (void)state;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    struct ampql_source *source = source_of(engine, t, v, 2, 2);
    for (size_t q = 0; q < sizeof timed / sizeof *timed; q++)
        for (size_t a = 0; a < sizeof ends / sizeof *ends; a++)
            for (size_t b = 0; b < sizeof ends / sizeof *ends; b++)
                for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
                    const struct ampql_run_options options = {.start_ms = ends[a],
                                                              .end_ms = ends[b],
                                                              .step_ms = steps[s],
                                                              .lookback_ms = steps[s],
                                                              .max_points = 100};
                    run_times(engine, source, timed[q], &options);
                }
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* foo offset -(5), literals beyond int64, timestamps near its end. */
static void prometheus_18768_times_that_overflow_are_errors(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"x offset -(5)", true},
        {"x offset 9223372036854775807s", false},
        {"x[9223372036854775807s]", false},
        {"x @ 1e300", false},
        {"x @ -1e300", false},
        {"x @ NaN", false},
        {"x offset 1e300", false},
        {"x[300y]", false},
        {"x @ 9200000000000000", true},
        {"x offset 290y", true},
        {"x[1m] offset -290y @ 0", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct taken taken = compile(rows[i].text);
        if (taken.code != (rows[i].is_good ? AMPQL_OK : AMPQL_PARSE))
            fail_msg("%s: code %d, %s", rows[i].text, (int)taken.code, taken.err.message);
    }
}

static void signoz_12720_gigapipe_819_nothing_needs_to_be_given(void **state)
{
    struct ampql_engine *engine = NULL;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    const int64_t t[] = {-60000, 0};
    const double v[] = {1, 2};
    (void)state;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    struct ampql_source *source = source_of(engine, t, v, 2, 1);
    assert_int_equal(ampql_query_compile(engine, "max_over_time(x[5m:])", 21, &query, NULL),
                     AMPQL_OK);
    assert_int_equal(ampql_query_run(query, source, NULL, &result, NULL), AMPQL_OK);
    assert_int_equal(ampql_result_count(result), 1);
    ampql_result_free(result);
    ampql_result_free(NULL);
    ampql_query_free(query);
    ampql_query_free(NULL);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* ---- 9: error paths, with every allocation on them failing */

static void prometheus_6649_6643_error_paths_without_memory(void **state)
{
    static const char *const texts[] = {
        "sum(",      "x{a=\"b\"",   "x{a=~\"(\"}",
        "rate(x)",   "x + on(a",    "\"\\xz\"",
        "x[5m",      "x offset",    "nosuchfunction(x)",
        "{}",        "a + on(b) b", "sum by (a,) (x))))",
        "1 + + * 2", "x @ foo",     "label_replace(x, 1)",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t n = 1;; n++) {
            struct torture t;
            struct ampql_engine *engine = NULL;
            struct ampql_query *query = NULL;
            struct ampql_error err = {0};
            torture_init(&t, n);
            const struct ampql_engine_options options = {.allocator = &t.alc};
            enum ampql_code code = ampql_engine_new(&options, &engine, &err);
            if (code == AMPQL_OK)
                code = ampql_query_compile(engine, texts[i], strlen(texts[i]), &query, &err);
            assert_true(code == AMPQL_OK || err.message[0]);
            ampql_query_free(query);
            ampql_engine_free(engine);
            assert_int_equal(t.live, 0);
            if (t.calls < n)
                break;
            assert_true(code == AMPQL_NOMEM || code == AMPQL_PARSE);
        }
}

/* ---- 10: every function and aggregation over data at its edges */

/* "rate(range vector) instant vector" as a call. */
static void write_call(const struct ampql_function *f, char *out, size_t size)
{
    const char *open = strstr(f->signature, f->is_aggregation ? " (" : "(");
    const char *at = open + (f->is_aggregation ? 2 : 1);
    size_t n = (size_t)snprintf(out, size, "%s(", f->name);
    for (bool is_first = true; *at && *at != ')' && n < size; is_first = false) {
        const char *what = !strncmp(at, "range", 5)     ? "x[5m]"
                           : !strncmp(at, "instant", 7) ? "x"
                           : !strncmp(at, "string", 6)  ? "\"i\""
                                                        : "0.5";
        n += (size_t)snprintf(out + n, size - n, "%s%s", is_first ? "" : ", ", what);
        at += strcspn(at, ",)");
        at += at[0] == ',' ? 2 : 0;
    }
    snprintf(out + n, size - n, ")");
}

static const struct shape {
    const char *what;
    size_t nseries, n;
    double v[4];
} shapes[] = {
    {"no series", 0, 0, {0}},
    {"no samples", 1, 0, {0}},
    {"one sample", 2, 1, {1}},
    {"all NaN", 2, 4, {NAN, NAN, NAN, NAN}},
    {"infinities", 2, 4, {INFINITY, -INFINITY, INFINITY, -INFINITY}},
    {"zeros of both signs", 2, 4, {-0.0, 0.0, -0.0, 0.0}},
    {"the largest and the smallest",
     2,
     4,
     {1.7976931348623157e308, 4.9e-324, -1.7976931348623157e308, 1}},
};

static void prometheus_18020_17379_every_function_over_data_at_its_edges(void **state)
{
    static const int64_t t[] = {0, 60000, 120000, 180000};
    const struct ampql_engine_options with = {.experimental = true};
    size_t nran = 0;
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        struct ampql_engine *engine = NULL;
        struct ampql_function f;
        assert_int_equal(ampql_engine_new(&with, &engine, NULL), AMPQL_OK);
        struct ampql_source *source =
            source_of(engine, t, shapes[s].v, shapes[s].n, shapes[s].nseries);
        for (size_t i = 0; ampql_function_at(i, &f); i++) {
            struct ampql_query *query = NULL;
            struct ampql_error err = {0};
            char text[256];
            write_call(&f, text, sizeof text);
            enum ampql_code code = ampql_query_compile(engine, text, strlen(text), &query, &err);
            if (code == AMPQL_UNSUPPORTED || strcmp(f.name, "holt_winters") == 0)
                continue; /* info; and 2.x's name of double_exponential_smoothing */
            if (code != AMPQL_OK)
                fail_msg("%s: %s", text, err.message);
            ampql_query_free(query);
            for (int64_t step = 0; step <= 60000; step += 60000) {
                const struct ampql_run_options options = {
                    .start_ms = step ? 0 : 180000, .end_ms = 240000, .step_ms = step};
                run_times(engine, source, text, &options);
                nran++;
            }
        }
        ampql_source_free(source);
        ampql_engine_free(engine);
    }
    assert_true(nran > 1000);
}

/* Equal timestamps do not come as far as a function: in memory they are refused. */
static void duplicate_timestamps_are_refused(void **state)
{
    const int64_t t[] = {0, 60000, 60000};
    const double v[] = {1, 2, 3};
    const struct ampql_label labels[] = {{view("__name__"), view("x")}};
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    (void)state;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_add(source, labels, 1, t, v, 3, NULL), AMPQL_BAD_DATA);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* ---- 11: readers are loops */

static void *read_blank_lines(void *payload)
{
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_error err = {0};
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    if (ampql_source_file(engine, payload, NULL, &source, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return NULL;
}

static void prometheus_19143_19160_ten_million_blank_lines(void **state)
{
    enum { LINES = 10000000 };
    static const char end[] = "x 1 0\n";
    char path[] = "/tmp/ampql-blank-XXXXXX.prom";
    int fd = mkstemps(path, 5);
    char *lines = malloc(LINES);
    (void)state;
    assert_true(fd >= 0 && lines);
    memset(lines, '\n', LINES);
    assert_int_equal(write(fd, lines, LINES), LINES);
    assert_int_equal(write(fd, end, sizeof end - 1), sizeof end - 1);
    close(fd);
    free(lines);
    on_small_stack(read_blank_lines, path);
    unlink(path);
}

/* ---- 12, 14: what a client reaches */

static void answer(const char *method, const char *target, const char *body, int *status, char *out,
                   size_t size)
{
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_answer *answer = NULL;
    const struct ampql_http_request request = {.size = sizeof request,
                                               .method = view(method),
                                               .target = view(target),
                                               .content_type = view("application/x-protobuf"),
                                               .body = view(body)};
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    assert_int_equal(ampql_http_answer(engine, source, &request, NULL, &answer, NULL), AMPQL_OK);
    struct ampql_string said = ampql_answer_body(answer);
    *status = ampql_answer_status(answer);
    assert_string_equal(ampql_answer_content_type(answer), "application/json");
    snprintf(out, size, "%.*s", (int)said.size, said.data);
    ampql_answer_free(answer);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* Five bytes that say that they unpack to 4 GiB: nothing here unpacks snappy. */
static void cve_2026_42154_nobody_unpacks_what_a_client_packed(void **state)
{
    static const char *const paths[] = {"/api/v1/write", "/api/v1/read", "/api/v1/otlp/v1/metrics"};
    char body[4096];
    int status;
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        answer("POST", paths[i], "\xff\xff\xff\xff\x0f", &status, body, sizeof body);
        assert_int_equal(status, 404);
    }
}

/* No settings, no markup, no redirect, whatever is asked. */
static void cve_2026_42151_2021_29622_2026_40179_nothing_to_read_or_be_sent_to(void **state)
{
    static const char *const targets[] = {
        "/",
        "/-/config",
        "/config",
        "//evil.example/%2f..",
        "/new//evil.example",
        "/graph",
        "/api/v1/status/config",
        "/api/v1/status/flags",
        "/api/v1/query?query=<script>alert(1)</script>",
        "/api/v1/query?query=%22%3Cscript%3E%22",
        "/debug/pprof/",
        "/api/v1/label/%3Cb%3E/values",
    };
    char body[8192];
    int status;
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        answer("GET", targets[i], "", &status, body, sizeof body);
        if ((status >= 300 && status < 400) || strstr(body, "<script") || strstr(body, "<html") ||
            strstr(body, "password") || strstr(body, "bearer"))
            fail_msg("%s: %d %s", targets[i], status, body);
    }
}

/* ---- 17: hashes that collide are compared in full */

static void jq_2026_40164_colliding_hashes_find_each_their_own(void **state)
{
    enum { N = 1000 };
    const struct ampql_allocator *alc = &alloc_default;
    struct index index;
    bool seen[N] = {false};
    size_t at = 0, nseen = 0;
    (void)state;
    index_init(&index, alc);
    for (size_t i = 0; i < N; i++)
        assert_true(index_add(&index, 42, i));
    for (size_t i = index_first(&index, 42, &at); i != INDEX_NONE;
         i = index_next(&index, 42, &at), nseen++) {
        assert_true(i < N && !seen[i]);
        seen[i] = true;
    }
    assert_int_equal(nseen, N);
    index_done(&index);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(gigapipe_968_nested_parentheses_stop_at_the_depth),
    cmocka_unit_test(elasticsearch_159220_a_tree_is_linear_in_its_text),
    cmocka_unit_test(ravel_529_575_deep_and_long_queries_on_a_small_stack),
    cmocka_unit_test(thanos_2004_prometheus_1896_times_and_steps_at_their_ends),
    cmocka_unit_test(prometheus_18768_times_that_overflow_are_errors),
    cmocka_unit_test(signoz_12720_gigapipe_819_nothing_needs_to_be_given),
    cmocka_unit_test(prometheus_6649_6643_error_paths_without_memory),
    cmocka_unit_test(prometheus_18020_17379_every_function_over_data_at_its_edges),
    cmocka_unit_test(duplicate_timestamps_are_refused),
    cmocka_unit_test(prometheus_19143_19160_ten_million_blank_lines),
    cmocka_unit_test(cve_2026_42154_nobody_unpacks_what_a_client_packed),
    cmocka_unit_test(cve_2026_42151_2021_29622_2026_40179_nothing_to_read_or_be_sent_to),
    cmocka_unit_test(jq_2026_40164_colliding_hashes_find_each_their_own),
};
TEST_MAIN(tests)
