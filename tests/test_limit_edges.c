/* Limits are exact: what needs just as much as is allowed has a result, and with one less it is
 * refused in words that name the limit. Defaults are those of the README's table. */
#include <ampql.h>

#include "support/endless.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KIB = 1 << 10, MIB = 1 << 20 };

struct asked {
    const char *query;
    struct endless data;
    struct ampql_engine_options engine;
    struct ampql_run_options run;
};

/* Compile and run. */
static enum ampql_code ask(const struct asked *asked, struct ampql_error *err)
{
    struct endless data = asked->data;
    const struct ampql_source_ops ops = {.caps = AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED,
                                         .select = endless_push};
    struct ampql_engine *engine = NULL;
    struct ampql_source *source = NULL;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    assert_int_equal(ampql_engine_new(&asked->engine, &engine, err), AMPQL_OK);
    assert_int_equal(ampql_source_new(engine, &ops, &data, &source, err), AMPQL_OK);
    enum ampql_code code =
        ampql_query_compile(engine, asked->query, strlen(asked->query), &query, err);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, source, &asked->run, &result, err);
    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return code;
}

/* ---- options */

#define RUN(member) offsetof(struct asked, run.member)
#define ENGINE(member) offsetof(struct asked, engine.member)

static const struct edge {
    const char *what;
    struct asked asked;
    size_t limit; /* where the option is, 64 bits */
    uint64_t most;
    enum ampql_code code; /* with one less */
    const char *message;
} edges[] = {
    {"text",
     {.query = "1 + 1"},
     ENGINE(max_query_bytes),
     5,
     AMPQL_LIMIT,
     "the expression is 5 bytes long, the limit is 4"},
    {"depth",
     {.query = "-(-(1))"},
     ENGINE(max_depth),
     5,
     AMPQL_LIMIT,
     "the expression is nested more than 4 levels deep"},
    {"points",
     {.query = "x", .data = {1, 1}, .run = {.end_ms = 9000, .step_ms = 1000}},
     RUN(max_points),
     10,
     AMPQL_BAD_DATA,
     "a range query of 10 steps, where at most 9 are allowed"},
    {"samples of a window",
     {.query = "sum_over_time(x[1m])", .data = {1, 50}, .run = {.start_ms = 49000}},
     RUN(max_samples),
     51,
     AMPQL_LIMIT,
     "query processing would load too many samples into memory in query execution"},
    {"series of a selector",
     {.query = "count(x)", .data = {7, 1}},
     RUN(max_series),
     7,
     AMPQL_LIMIT,
     "a selector matches more than 6 series"},
    {"series of an operation",
     {.query = "x or label_replace(x, \"a\", \"1\", \"\", \"\")", .data = {7, 1}},
     RUN(max_series),
     14,
     AMPQL_LIMIT,
     "more than 13 series in one operation"},
    {"points of subqueries",
     {.query = "count_over_time(vector(1)[1m:1s])", .run = {.start_ms = 90500}},
     RUN(max_subquery_points),
     60,
     AMPQL_LIMIT,
     "the query needs more than 59 evaluation points in its subqueries"},
    {"labels",
     {.query = "x", .data = {1, 1, .nlabels = 3}},
     RUN(max_labels),
     5,
     AMPQL_LIMIT,
     "a series has 5 labels, where at most 4 are allowed"},
    {"a label's value",
     {.query = "x", .data = {1, 1, .nlabels = 1, .value_bytes = 20}},
     RUN(max_label_bytes),
     20,
     AMPQL_LIMIT,
     "a label's value has 20 bytes, where at most 19 are allowed, in label: \"l0\""},
};

static void options_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        const struct edge *edge = &edges[i];
        for (uint64_t less = 0; less < 2; less++) {
            struct asked asked = edge->asked;
            struct ampql_error err = {0};
            uint64_t limit = edge->most - less;
            memcpy((char *)&asked + edge->limit, &limit, sizeof limit);
            enum ampql_code code = ask(&asked, &err);
            if (code != (less ? edge->code : AMPQL_OK) ||
                (less && strcmp(err.message, edge->message) != 0))
                fail_msg("%s, at most %llu: code %d, \"%s\"", edge->what, (unsigned long long)limit,
                         (int)code, err.message);
        }
    }
}

/* ---- defaults: what there may be when no option says otherwise */

/* piece as often as it fits between head and tail in n bytes; the head may be made longer. */
static char *long_text(const char *head, const char *piece, const char *tail, size_t n)
{
    size_t a = strlen(head), b = strlen(piece), c = strlen(tail), fits = (n - a - c) / b;
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, ' ', n);
    memcpy(text, head, a);
    for (size_t i = 0; i < fits; i++)
        memcpy(text + a + i * b, piece, b);
    memcpy(text + n - c, tail, c);
    text[n] = '\0';
    return text;
}

static void expect(const struct asked *asked, enum ampql_code code, const char *message)
{
    struct ampql_error err = {0};
    enum ampql_code was = ask(asked, &err);
    if (was != code || (code != AMPQL_OK && !strstr(err.message, message)))
        fail_msg("%.60s...: code %d, \"%s\"", asked->query, (int)was, err.message);
}

static void default_text(void **state)
{
    char *most = long_text("1", "+ 1", "", MIB), *over = long_text("1", " ", "+1", MIB + 1);
    (void)state;
    memset(most + 100000, ' ', MIB - 100000); /* no more operators than a text may have */
    expect(&(struct asked){.query = most, .data = {1, 1}}, AMPQL_OK, NULL);
    expect(&(struct asked){.query = over, .data = {1, 1}}, AMPQL_LIMIT,
           "the expression is 1048577 bytes long, the limit is 1048576");
    free(most);
    free(over);
}

static void default_depth(void **state)
{
    char *most = long_text("", "-", "x", 256), *over = long_text("", "-", "x", 257);
    (void)state;
    expect(&(struct asked){.query = most, .data = {1, 1}}, AMPQL_OK, NULL);
    expect(&(struct asked){.query = over, .data = {1, 1}}, AMPQL_LIMIT,
           "nested more than 256 levels deep");
    free(most);
    free(over);
}

/* Patterns that RE2 must compile, and those that need no regex engine. */
static void default_regex_bytes(void **state)
{
    static const char *const pieces[] = {"[ab]c", "abcd|"};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        char *most = long_text("{a=~\"", pieces[i], "efg\"}", 16 * KIB + 7);
        char *over = long_text("{a=~\"", pieces[i], "efgh\"}", 16 * KIB + 8);
        expect(&(struct asked){.query = most, .data = {1, 1}}, AMPQL_OK, NULL);
        expect(&(struct asked){.query = over, .data = {1, 1}}, AMPQL_LIMIT,
               "a regex of 16385 bytes is over the limit of 16384");
        free(most);
        free(over);
    }
}

static void default_regex_program(void **state)
{
    (void)state;
    expect(&(struct asked){.query = "{a=~\"(?:a.){1000}\"}", .data = {1, 1}}, AMPQL_OK, NULL);
    expect(&(struct asked){.query = "{a=~\"(?:a.){1001}\"}", .data = {1, 1}}, AMPQL_PARSE,
           "invalid repeat count");
    expect(&(struct asked){.query = "{a=~\"\\\\pL{80}\"}", .data = {1, 1}}, AMPQL_OK, NULL);
    expect(&(struct asked){.query = "{a=~\"\\\\pL{1000}\"}", .data = {1, 1}}, AMPQL_LIMIT,
           "expression too large");
}

static void default_points(void **state)
{
    (void)state;
    struct asked asked = {.query = "1", .run = {.end_ms = 11000000, .step_ms = 1000}};
    expect(&asked, AMPQL_OK, NULL);
    asked.run.end_ms += 1000;
    expect(&asked, AMPQL_BAD_DATA, "exceeded maximum resolution of 11,000 points");
}

static void default_subquery_points(void **state)
{
    (void)state;
    expect(&(struct asked){.query = "count_over_time(vector(1)[4194304s:1s])"}, AMPQL_OK, NULL);
    expect(&(struct asked){.query = "count_over_time(vector(1)[4194305s:1s])"}, AMPQL_LIMIT,
           "more than 4194304 evaluation points");
}

static void default_labels(void **state)
{
    (void)state;
    expect(&(struct asked){.query = "x", .data = {1, 1, .nlabels = 126}}, AMPQL_OK, NULL);
    expect(&(struct asked){.query = "x", .data = {1, 1, .nlabels = 127}}, AMPQL_LIMIT,
           "a series has 129 labels, where at most 128 are allowed");
    struct asked asked = {.query = "x", .data = {1, 1, .nlabels = 1, .value_bytes = 64 * KIB}};
    expect(&asked, AMPQL_OK, NULL);
    asked.data.value_bytes++;
    expect(&asked, AMPQL_LIMIT, "has 65537 bytes, where at most 65536 are allowed");
}

/* A budget of a run that is exactly what it takes, and one byte less. */
static void budget(void **state)
{
    struct asked asked = {.query = "sum(rate(x[1m])) + count(x)", .data = {50, 100}};
    struct ampql_error err = {0};
    uint64_t low = 0, high = MIB;
    (void)state;
    asked.run.start_ms = 99000;
    while (high - low > 1) {
        asked.run.max_bytes = low + (high - low) / 2;
        if (ask(&asked, &err) == AMPQL_OK)
            high = asked.run.max_bytes;
        else
            low = asked.run.max_bytes;
    }
    char message[100];
    snprintf(message, sizeof message, "the run would hold more than %llu bytes at once",
             (unsigned long long)low);
    asked.run.max_bytes = high;
    expect(&asked, AMPQL_OK, NULL);
    asked.run.max_bytes = low;
    expect(&asked, AMPQL_LIMIT, message);
}

/* A row of 200 million steps has 1.6 GB, which nobody takes to find out. */
static void default_budget(void **state)
{
    struct asked asked = {.query = "vector(1)",
                          .run = {.end_ms = 200000000,
                                  .step_ms = 1,
                                  .max_points = UINT64_MAX,
                                  .max_samples = UINT64_MAX}};
    (void)state;
    expect(&asked, AMPQL_LIMIT, "the run would hold more than 1073741824 bytes at once");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(options_are_exact),
    cmocka_unit_test(default_text),
    cmocka_unit_test(default_depth),
    cmocka_unit_test(default_regex_bytes),
    cmocka_unit_test(default_regex_program),
    cmocka_unit_test(default_points),
    cmocka_unit_test(default_subquery_points),
    cmocka_unit_test(default_labels),
    cmocka_unit_test(budget),
    cmocka_unit_test(default_budget),
};
TEST_MAIN(tests)
