/* The engine through its public API: kinds of results, batches, limits, cancelling, sources of
 * one's own - and every kind of query with each allocation failing in turn. */
#include <ampql.h>

#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <string.h>

enum { NSAMPLES = 41, STEP_MS = 15000 };

static struct ampql_string text(const char *s)
{
    return (struct ampql_string){s, strlen(s)};
}

/* x{pod,node}: 3 pods on 2 nodes, counters of different slopes; p1 ends with a stale marker after 5
 * minutes. */
static enum ampql_code add_counters(struct ampql_source *source, struct ampql_error *err)
{
    static const char *const pods[] = {"p0", "p1", "p2"}, *const nodes[] = {"n0", "n1"};
    for (int pod = 0; pod < 3; pod++) {
        for (int node = 0; node < 2; node++) {
            int64_t t[NSAMPLES];
            double v[NSAMPLES];
            for (int i = 0; i < NSAMPLES; i++) {
                t[i] = i * STEP_MS;
                v[i] = i * (pod + 1) * (node + 1);
            }
            v[20] = pod == 1 ? ampql_stale_marker() : v[20];
            const struct ampql_label labels[] = {{text("node"), text(nodes[node])},
                                                 {text("__name__"), text("x")},
                                                 {text("pod"), text(pods[pod])}};
            enum ampql_code code =
                ampql_source_add(source, labels, 3, t, v, pod == 1 ? 21 : NSAMPLES, err);
            if (code != AMPQL_OK)
                return code;
        }
    }
    const struct ampql_label labels[] = {
        {text("__name__"), text("info")}, {text("pod"), text("p0")}, {text("team"), text("red")}};
    const int64_t t[] = {0, 300000, 600000};
    const double v[] = {1, 1, 1};
    return ampql_source_add(source, labels, 3, t, v, 3, err);
}

struct fixture {
    struct ampql_engine *engine;
    struct ampql_source *source;
};

static enum ampql_code open_as(const struct ampql_allocator *alc, enum ampql_dialect dialect,
                               struct fixture *f, struct ampql_error *err)
{
    struct ampql_engine_options options = {
        .size = sizeof options, .allocator = alc, .dialect = dialect};
    *f = (struct fixture){0};
    enum ampql_code code = ampql_engine_new(&options, &f->engine, err);
    if (code == AMPQL_OK)
        code = ampql_source_memory(f->engine, NULL, &f->source, err);
    return code == AMPQL_OK ? add_counters(f->source, err) : code;
}

static enum ampql_code open(const struct ampql_allocator *alc, struct fixture *f,
                            struct ampql_error *err)
{
    return open_as(alc, AMPQL_DIALECT_DEFAULT, f, err);
}

static void close(struct fixture *f)
{
    ampql_source_free(f->source);
    ampql_engine_free(f->engine);
}

/* What a write callback fills. */
struct output {
    char at[8192];
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

/* As JSON, or as OpenMetrics. */
static enum ampql_code run_as(struct fixture *f, const char *query_text, bool as_openmetrics,
                              const struct ampql_run_options *options, struct output *out,
                              struct ampql_error *err)
{
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    out->n = 0;
    out->at[0] = '\0';
    enum ampql_code code =
        ampql_query_compile(f->engine, query_text, strlen(query_text), &query, err);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, f->source, options, &result, err);
    if (code == AMPQL_OK)
        code = as_openmetrics ? ampql_result_openmetrics(result, append, out, err)
                              : ampql_result_json(result, append, out);
    ampql_result_free(result);
    ampql_query_free(query);
    return code;
}

static enum ampql_code run_json(struct fixture *f, const char *query_text,
                                const struct ampql_run_options *options, struct output *out,
                                struct ampql_error *err)
{
    return run_as(f, query_text, false, options, out, err);
}

/* At 600 s; or with "R:" in front from 0 to 600 s in steps of 300 s. Expected: what stands inside
 * "result". */
static const struct row {
    const char *query;
    const char *result;
} rows[] = {
    {"1 + 2", "[600,\"3\"]"},
    {"time()", "[600,\"600\"]"},
    {"\"a\\\"b\"", "[600,\"a\\\"b\"]"},
    {"vector(-0)", "[{\"metric\":{},\"value\":[600,\"-0\"]}]"},
    {"count(x)", "[{\"metric\":{},\"value\":[600,\"4\"]}]"}, /* the two of p1 have ended */
    {"count(x offset 301s)", "[{\"metric\":{},\"value\":[600,\"6\"]}]"},
    {"x{pod=\"p0\",node=\"n0\"}[30s]",
     "[{\"metric\":{\"__name__\":\"x\",\"node\":\"n0\",\"pod\":\"p0\"},\"values\":"
     "[[585,\"39\"],[600,\"40\"]]}]"},
    {"max(x) [2m:1m]", "[{\"metric\":{},\"values\":[[540,\"216\"],[600,\"240\"]]}]"},
    {"x{node=\"n0\"} * on(pod) group_left(team) info",
     "[{\"metric\":{\"node\":\"n0\",\"pod\":\"p0\",\"team\":\"red\"},\"value\":[600,\"40\"]}]"},
    {"absent(nope{a=\"b\",c=~\"d\"})", "[{\"metric\":{\"a\":\"b\"},\"value\":[600,\"1\"]}]"},
    {"R:absent(x{pod=\"p1\"})",
     "[{\"metric\":{\"pod\":\"p1\"},\"values\":[[300,\"1\"],[600,\"1\"]]}]"},
    {"R:1", "[{\"metric\":{},\"values\":[[0,\"1\"],[300,\"1\"],[600,\"1\"]]}]"},
    {"R:count(x)", "[{\"metric\":{},\"values\":[[0,\"6\"],[300,\"4\"],[600,\"4\"]]}]"},
    {"R:sum(x @ 285)", "[{\"metric\":{},\"values\":[[0,\"342\"],[300,\"342\"],[600,\"342\"]]}]"},
    {"R:sum(x @ end()) - scalar(sum(x @ start()))",
     "[{\"metric\":{},\"values\":[[0,\"480\"],[300,\"480\"],[600,\"480\"]]}]"},
    {"max_over_time(sum(x)[5m:1m])", "[{\"metric\":{},\"value\":[600,\"480\"]}]"},
    {"x > scalar(max(x)) - 1",
     "[{\"metric\":{\"__name__\":\"x\",\"node\":\"n1\",\"pod\":\"p2\"},\"value\":[600,\"240\"]}]"},
    {"nope", "[]"},
    {"sum_over_time(x[1s:7s])", "[]"}, /* no point of the subquery's grid in its window */
};

/* An instant query at 600 s; with "R:" in front a range query. */
static struct ampql_run_options options_of(const char *query)
{
    bool is_range = strncmp(query, "R:", 2) == 0;
    return (struct ampql_run_options){.size = sizeof(struct ampql_run_options),
                                      .start_ms = is_range ? 0 : 600000,
                                      .end_ms = 600000,
                                      .step_ms = is_range ? 300000 : 0};
}

#define NOT_COUNTER                                                                                \
    "\"PromQL info: metric might not be a counter, name does not end in "                          \
    "_total/_sum/_count/_bucket: \\\"x\\\" "
#define BAD_QUANTILE(q, place)                                                                     \
    "\"PromQL warning: quantile value should be between 0 and 1, got " q " (" place ")\""
#define INFINITE "[{\"metric\":{},\"value\":[600,\"+Inf\"]}]}"

/* With annotations: all that comes after "result":. */
static const struct row noted[] = {
    {"sum(rate(x[5m])) by (pod)",
     "[{\"metric\":{\"pod\":\"p0\"},\"value\":[600,\"0.2\"]},"
     "{\"metric\":{\"pod\":\"p2\"},\"value\":[600,\"0.6\"]}]},\"infos\":[" NOT_COUNTER
     "(1:10)\"]}"},
    {"sum(\n  rate(x[5m]\n  ))\n+ sum(rate(x[5m:1m])) *\nquantile(1 +\n1, x)",
     INFINITE ",\"warnings\":[" BAD_QUANTILE("2", "5:10") "],\"infos\":[" NOT_COUNTER "(1:1)\"]}"},
    /* ten are shown */
    {"quantile(2,x)+quantile(3,x)+quantile(4,x)+quantile(5,x)+quantile(6,x)+quantile(7,x)+quantile("
     "8,x)+quantile(9,x)+quantile(10,x)+quantile(11,x)+quantile(12,x)+quantile(13,x)",
     INFINITE
     ",\"warnings\":[" BAD_QUANTILE("2", "1:10") "," BAD_QUANTILE("3", "1:24") "," BAD_QUANTILE("4", "1:38") "," BAD_QUANTILE("5", "1:52") "," BAD_QUANTILE(
         "6",
         "1:66") "," BAD_QUANTILE("7",
                                  "1:80") "," BAD_QUANTILE("8",
                                                           "1:94") "," BAD_QUANTILE("9",
                                                                                    "1:108") "," BAD_QUANTILE("10",
                                                                                                              "1:122") "," BAD_QUANTILE("11",
                                                                                                                                        "1:137") ",\"2 more warning annotations omitted\"]}"},
    {"R:sort(x{node=\"n0\",pod=\"p0\"})", "[{\"metric\":{\"__name__\":\"x\",\"node\":\"n0\","
                                          "\"pod\":\"p0\"},\"values\":[[0,\"0\"],[300,\"20\"],[600,"
                                          "\"40\"]]}]},\"warnings\":[\"PromQL warning: sort is "
                                          "ineffective for range queries since results are "
                                          "always ordered by labels (1:1)\"]}"},
};

/* With names that go at the end. */
static const struct row delayed[] = {
    {"label_join(abs(x{node=\"n0\",pod=\"p0\"}), \"was\", \"\", \"__name__\")",
     "[{\"metric\":{\"node\":\"n0\",\"pod\":\"p0\",\"was\":\"x\"},\"value\":[600,\"40\"]}]}}"},
    {"(-{node=\"n0\",pod=\"p0\"})[30s:15s]",
     "[{\"metric\":{\"node\":\"n0\",\"pod\":\"p0\"},\"values\":[[585,\"-39\"],[600,\"-40\"]]}]}}"},
    {"(label_replace(-x{node=\"n0\",pod=\"p0\"} < -39.5, \"__name__\", \"y\", \"\", \"\") or "
     "-x{node=\"n0\",pod=\"p0\"})[30s:15s]",
     "[{\"metric\":{\"__name__\":\"y\",\"node\":\"n0\",\"pod\":\"p0\"},\"values\":[[600,\"-40\"]]},"
     "{\"metric\":{\"node\":\"n0\",\"pod\":\"p0\"},\"values\":[[585,\"-39\"]]}]}}"},
    {"(-label_replace(x{node=\"n0\",pod=\"p0\"} > 39.5, \"__name__\", \"y\", \"\", \"\") or "
     "-x{node=\"n0\",pod=\"p0\"})[30s:15s]",
     "[{\"metric\":{\"node\":\"n0\",\"pod\":\"p0\"},\"values\":[[585,\"-39\"],[600,\"-40\"]]}]}}"},
};

static void expect_rest(const struct row *table, size_t n, bool is_delayed)
{
    struct fixture f;
    struct ampql_error err = {0};
    assert_int_equal(open(NULL, &f, &err), AMPQL_OK);
    for (size_t i = 0; i < n; i++) {
        struct ampql_run_options options = options_of(table[i].query);
        bool is_range = options.step_ms > 0;
        struct output out;
        options.delayed_name_removal = is_delayed;
        if (run_json(&f, table[i].query + (is_range ? 2 : 0), &options, &out, &err) != AMPQL_OK)
            fail_msg("%s: %s", table[i].query, err.message);
        const char *result = strstr(out.at, "\"result\":");
        assert_non_null(result);
        assert_string_equal(result + strlen("\"result\":"), table[i].result);
    }
    close(&f);
}

static void test_annotations(void **state)
{
    (void)state;
    expect_rest(noted, sizeof noted / sizeof *noted, false);
}

static void test_delayed_names(void **state)
{
    (void)state;
    expect_rest(delayed, sizeof delayed / sizeof *delayed, true);
}

/* Markup in strings, labels and annotations, as each dialect's Prometheus writes it. */
static void test_markup(void **state)
{
    static const struct {
        enum ampql_dialect dialect;
        const char *query, *result;
    } table[] = {
        {AMPQL_PROM3, "\"<a>&\u2029\"", "[600,\"\\u003ca\\u003e\\u0026\\u2029\"]}}"},
        {AMPQL_PROM2, "\"<a>&\u2029\"", "[600,\"\\u003ca\\u003e\\u0026\\u2029\"]}}"},
        {AMPQL_PROM3, "label_replace(vector(1), \"a\", \"<&>\u2028\", \"\", \"\")",
         "[{\"metric\":{\"a\":\"<&>\u2028\"},\"value\":[600,\"1\"]}]}}"},
        {AMPQL_PROM2, "label_replace(vector(1), \"a\", \"<&>\u2028\", \"\", \"\")",
         "[{\"metric\":{\"a\":\"\\u003c\\u0026\\u003e\\u2028\"},\"value\":[600,\"1\"]}]}}"},
        {AMPQL_PROM3,
         "histogram_quantile(0.5, label_replace(vector(1), \"le\", \"<\", \"\", \"\"))",
         "[]},\"warnings\":[\"PromQL warning: bucket label \\\"le\\\" is missing or has a "
         "malformed "
         "value of \\\"\\u003c\\\" (1:25)\"]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct ampql_run_options options = options_of(table[i].query);
        struct fixture f;
        struct output out;
        struct ampql_error err = {0};
        assert_int_equal(open_as(NULL, table[i].dialect, &f, &err), AMPQL_OK);
        if (run_json(&f, table[i].query, &options, &out, &err) != AMPQL_OK)
            fail_msg("%s: %s", table[i].query, err.message);
        const char *result = strstr(out.at, "\"result\":");
        assert_non_null(result);
        assert_string_equal(result + strlen("\"result\":"), table[i].result);
        close(&f);
    }
}

static void test_results(void **state)
{
    struct fixture f;
    struct ampql_error err = {0};
    (void)state;
    assert_int_equal(open(NULL, &f, &err), AMPQL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct ampql_run_options options = options_of(row->query);
        bool is_range = options.step_ms > 0;
        struct output out;
        if (run_json(&f, row->query + (is_range ? 2 : 0), &options, &out, &err) != AMPQL_OK)
            fail_msg("%s: %s", row->query, err.message);
        const char *result = strstr(out.at, "\"result\":");
        assert_non_null(result);
        result += strlen("\"result\":");
        if (strncmp(result, row->result, strlen(row->result)) != 0 ||
            strcmp(result + strlen(row->result), "}}") != 0)
            fail_msg("%s\n  got      %s\n  expected %s", row->query, result, row->result);
    }
    close(&f);
}

static const struct bad {
    const char *query;
    struct ampql_run_options options;
    enum ampql_code code;
    const char *message;
} bad[] = {
    {"x[5m]",
     {.end_ms = 10, .step_ms = 1},
     AMPQL_BAD_DATA,
     "invalid expression type \"range vector\" for range query"},
    {"x",
     {.end_ms = -1, .step_ms = 1},
     AMPQL_BAD_DATA,
     "end timestamp must not be before start time"},
    {"x", {.end_ms = 1, .step_ms = -1}, AMPQL_BAD_DATA, "zero or negative query resolution step"},
    {"x",
     {.end_ms = 11001, .step_ms = 1},
     AMPQL_BAD_DATA,
     "exceeded maximum resolution of 11,000 points"},
    {"x",
     {.start_ms = INT64_MIN, .end_ms = INT64_MAX, .step_ms = 1},
     AMPQL_BAD_DATA,
     "out of range"},
    {"x", {.start_ms = INT64_MAX}, AMPQL_BAD_DATA, "out of range"},
    {"x + on(pod) x",
     {.start_ms = 1},
     AMPQL_EXECUTION,
     "found duplicate series for the match group {pod=\"p0\"}"},
    {"x + on(pod) info", {.start_ms = 1}, AMPQL_EXECUTION, "many-to-one matching must be explicit"},
    {"abs({__name__=~\"x|info\",pod=\"p0\"}) + ignoring(team, node) abs(info)",
     {.start_ms = 1},
     AMPQL_EXECUTION,
     ""},
    {"avg_over_time(x[1000y:1ms])", {.start_ms = 1}, AMPQL_PARSE, "duration out of range"},
    {"avg_over_time(x[100y:1ms])", {.start_ms = 1}, AMPQL_LIMIT, "evaluation points"},
    {"x",
     {.start_ms = 1, .max_samples = 3},
     AMPQL_LIMIT,
     "would load too many samples into memory"},
    {"label_replace(x, \"a\", \"b\", \"c\", \"(\")",
     {.start_ms = 1},
     AMPQL_EXECUTION,
     "invalid regular expression"},
    {"label_replace(x, \"node\", \"\", \"\", \"\")",
     {.start_ms = 1},
     AMPQL_EXECUTION,
     "same labelset"},
    {"sum(", {0}, AMPQL_PARSE, "unclosed left parenthesis"},
};

static void test_failures(void **state)
{
    struct fixture f;
    struct ampql_error err = {0};
    (void)state;
    assert_int_equal(open(NULL, &f, &err), AMPQL_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ampql_run_options options = bad[i].options;
        struct output out;
        options.size = sizeof options;
        err = (struct ampql_error){0};
        enum ampql_code code = run_json(&f, bad[i].query, &options, &out, &err);
        if (code != bad[i].code || err.code != code || !strstr(err.message, bad[i].message))
            fail_msg("%s: code %d, \"%s\"", bad[i].query, code, err.message);
    }
    close(&f);
}

/* A source of one's own: counts how often it is asked, and answers with two series out of label
 * order. */
struct own {
    int nselects;
    enum ampql_code fail_with;
};

static enum ampql_code own_select(void *payload, const struct ampql_select *select,
                                  struct ampql_sink *sink, struct ampql_error *err)
{
    struct own *own = payload;
    static const char *const zones[] = {"b", "a"};
    (void)select;
    own->nselects++;
    if (own->fail_with != AMPQL_OK) {
        *err = (struct ampql_error){.code = own->fail_with, .message = "the store is closed"};
        return own->fail_with;
    }
    for (int i = 0; i < 2; i++) {
        const struct ampql_label labels[] = {{text("__name__"), text("up")},
                                             {text("zone"), text(zones[i])}};
        const int64_t t[] = {1000, 2000};
        const double v[] = {i, i + 10};
        enum ampql_code code = ampql_sink_push(sink, labels, 2, t, v, 2);
        if (code != AMPQL_OK)
            return code;
    }
    return AMPQL_OK;
}

static const struct ampql_source_ops own_ops = {
    .size = sizeof own_ops, .caps = AMPQL_SOURCE_SAMPLES, .select = own_select};

static void test_batch_shares_selects(void **state)
{
    struct own own = {0};
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_error errs[4] = {{0}};
    static const char *const texts[] = {"up", "sum(up)", "rate(up[1m])", "up + on() group_left up"};
    struct ampql_query *queries[4];
    struct ampql_result *results[4];
    (void)state;
    assert_int_equal(ampql_engine_new(NULL, &engine, NULL), AMPQL_OK);
    assert_int_equal(ampql_source_new(engine, &own_ops, &own, &source, NULL), AMPQL_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(ampql_query_compile(engine, texts[i], strlen(texts[i]), &queries[i], NULL),
                         AMPQL_OK);
    struct ampql_run_options options = {.size = sizeof options, .start_ms = 2000};
    enum ampql_code code = ampql_batch_run(engine, (const struct ampql_query *const *)queries, 4,
                                           source, &options, results, errs);
    assert_int_equal(own.nselects, 1);
    assert_int_equal(code, AMPQL_EXECUTION); /* the last one fails alone */
    assert_null(results[3]);
    assert_non_null(strstr(errs[3].message, "many-to-many"));
    assert_int_equal(ampql_result_count(results[0]), 2);
    struct ampql_series first = ampql_result_series(results[0], 0);
    assert_string_equal(first.labels[1].value.data,
                        "a"); /* in label order, whatever the source's was */
    assert_true(ampql_result_series(results[1], 0).values[0] == 21);
    assert_int_equal(ampql_result_stats(results[0]).samples, 4);

    for (size_t i = 0; i < 4; i++)
        ampql_result_free(results[i]);
    own.fail_with = AMPQL_UNAVAILABLE;
    code = ampql_batch_run(engine, (const struct ampql_query *const *)queries, 4, source, &options,
                           results, errs);
    assert_int_equal(code, AMPQL_UNAVAILABLE);
    for (size_t i = 0; i < 4; i++) {
        assert_null(results[i]);
        assert_string_equal(errs[i].message, "the store is closed");
        ampql_query_free(queries[i]);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static void test_cancel(void **state)
{
    struct fixture f;
    struct ampql_cancel *cancel;
    struct ampql_error err = {0};
    struct output out;
    (void)state;
    assert_int_equal(open(NULL, &f, &err), AMPQL_OK);
    assert_int_equal(ampql_cancel_new(f.engine, &cancel, &err), AMPQL_OK);
    struct ampql_run_options options = {
        .size = sizeof options, .start_ms = 600000, .cancel = cancel};
    assert_int_equal(run_json(&f, "x", &options, &out, &err), AMPQL_OK);
    ampql_cancel_set(cancel);
    assert_int_equal(run_json(&f, "x", &options, &out, &err), AMPQL_CANCELED);
    assert_string_equal(err.message, "query was canceled in expression evaluation");
    ampql_cancel_free(cancel);
    close(&f);
}

struct torture_case {
    const char *query;
    bool is_delayed, as_openmetrics;
};

static bool tortured(const struct ampql_allocator *alc, void *payload)
{
    const struct torture_case *row = payload;
    struct fixture f;
    struct output out;
    struct ampql_error err = {0};
    struct ampql_run_options options = options_of(row->query);
    bool is_range = options.step_ms > 0;
    options.delayed_name_removal = row->is_delayed;
    enum ampql_code code = open(alc, &f, &err);
    if (code == AMPQL_OK)
        code =
            run_as(&f, row->query + (is_range ? 2 : 0), row->as_openmetrics, &options, &out, &err);
    close(&f);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("%s: a failed allocation ended as %d \"%s\"", row->query, code, err.message);
    return code == AMPQL_OK;
}

static void test_torture(void **state)
{
    (void)state;
    size_t points = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        points += torture_with(tortured, &(struct torture_case){.query = rows[i].query}, false);
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++)
        points += torture_with(tortured, &(struct torture_case){.query = noted[i].query}, false);
    for (size_t i = 0; i < sizeof delayed / sizeof *delayed; i++)
        points += torture_with(
            tortured, &(struct torture_case){.query = delayed[i].query, .is_delayed = true}, false);
    points += torture_with(
        tortured, &(struct torture_case){.query = "R:x or y", .as_openmetrics = true}, false);
    printf("  %zu allocations failed in turn\n", points);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_results),     cmocka_unit_test(test_markup),
    cmocka_unit_test(test_annotations), cmocka_unit_test(test_delayed_names),
    cmocka_unit_test(test_failures),    cmocka_unit_test(test_batch_shares_selects),
    cmocka_unit_test(test_cancel),      cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
