/* Virtual series end as recorded ones do: what queries see of a rule's records equals what they see
 * of stored series in which a stale marker stands where the record ended. */
#include "support/series.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000, END_MS = 12 * MINUTE_MS };

struct stored {
    const char *name, *labels;
    int64_t start_ms;
    const char *values; /* a minute apart */
};

#define RULES(group, rules) "groups:\n- name: g\n" group "  rules:\n" rules

static const struct row {
    const char *what, *rules;
    struct stored inputs[4], records[4];
} rows[] = {
    {"the input ends with a marker",
     RULES("", "  - {record: 'r:x', expr: x * 2}\n"),
     {{"x", "", 0, "1 2 3 stale"}},
     {{"r:x", "", 0, "2 4 6 stale"}}},
    {"the input just stops: it is seen for the lookback",
     RULES("", "  - {record: 'r:x', expr: x}\n"),
     {{"x", "", 0, "5 6"}},
     {{"r:x", "", 0, "5 6x4 stale"}}},
    {"a comparison holds, does not, and does again",
     RULES("", "  - {record: 'r:x', expr: x > 1}\n"),
     {{"x", "", 0, "2 2 1 1 3 1"}},
     {{"r:x", "", 0, "2 2 stale _ 3 stale"}}},
    {"one of two series ends, under labels of the rule",
     RULES("", "  - {record: 'r:x', expr: x, labels: {pod: '', by: rule}}\n"),
     {{"x", "n=1,pod=a", 0, "1x12"}, {"x", "n=2,pod=a", 0, "2 2 stale"}},
     {{"r:x", "by=rule,n=1", 0, "1x12"}, {"r:x", "by=rule,n=2", 0, "2 2 stale"}}},
    {"an evaluation that fails writes nothing, and what was there ends with the next",
     RULES("", "  - {record: 'r:x', expr: x * on () y}\n"),
     {{"x", "", 0, "1 2 3 stale"}, {"y", "n=1", 0, "1x12"}, {"y", "n=2", 0, "_ _ 1 stale"}},
     {{"r:x", "", 0, "1 2 _ stale"}}},
    {"over the limit nothing is written, and nothing ends",
     RULES("  limit: 1\n", "  - {record: 'r:x', expr: x}\n"),
     {{"x", "n=1", 0, "1 2 3 4 stale"}, {"x", "n=2", 0, "_ _ 1 stale"}},
     {{"r:x", "n=1", 0, "1 2 _ 4 stale"}}},
    {"a rule that reads a record sees its end at once",
     RULES("", "  - {record: 'r:big', expr: x > 1}\n"
               "  - {record: 'r:x', expr: count(r:big)}\n"),
     {{"x", "n=1", 0, "2 2 1 2 stale"}, {"x", "n=2", 0, "2 1"}},
     {{"r:big", "n=1", 0, "2 2 stale 2 stale"},
      {"r:big", "n=2", 0, "2 stale"},
      {"r:x", "", 0, "2 1 stale 1 stale"}}},
    {"a rule above it sees the end a tick later",
     RULES("", "  - {record: 'r:x', expr: r:big}\n"
               "  - {record: 'r:big', expr: x > 1}\n"),
     {{"x", "", 0, "2 3 1"}},
     {{"r:big", "", 0, "2 3 stale"}, {"r:x", "", 0, "_ 2 3 stale"}}},
    {"query_offset: markers stand between the minutes, too",
     RULES("  query_offset: 30s\n", "  - {record: 'r:x', expr: x}\n"),
     {{"x", "", 0, "1 2 3 stale"}},
     {{"r:x", "", 30000, "1 2 3 stale"}}},
    {"every second minute",
     RULES("  interval: 2m\n", "  - {record: 'r:x', expr: x}\n"),
     {{"x", "", 0, "1 2 3 stale"}},
     {{"r:x", "", 0, "1 _ 3 _ stale"}}},
};

static const char *const queries[] = {
    "r:x",
    "r:x offset 1m",
    "timestamp(r:x)",
    "sum(r:x)",
    "absent(r:x)",
    "{__name__=~\"r:.*\"}",
    "count_over_time(r:x[3m])",
    "last_over_time(r:x[90s])",
    "changes(r:x[10m])",
    "max_over_time(r:x[5m:30s])",
    "r:x @ 150",
};

static struct ampql_source *source_of(struct ampql_engine *engine, const struct stored *series)
{
    struct ampql_source *source = NULL;
    assert_int_equal(ampql_source_memory(engine, NULL, &source, NULL), AMPQL_OK);
    for (size_t i = 0; i < 4 && series[i].name; i++)
        assert_true(test_add(source, series[i].name, series[i].labels, series[i].start_ms,
                             MINUTE_MS, series[i].values));
    return source;
}

/* Every 10 s of 12 minutes; without the warnings, which tell of evaluations that failed. */
static void ask(struct ampql_engine *engine, const char *text, struct ampql_source *source,
                const struct ampql_rules *rules, bool no_markers, struct test_text *out)
{
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    struct ampql_error err = {0};
    struct ampql_run_options options = {.size = sizeof options,
                                        .end_ms = END_MS,
                                        .step_ms = 10000,
                                        .rules = rules,
                                        .rule_no_markers = no_markers};
    if (ampql_query_compile(engine, text, strlen(text), &query, &err) != AMPQL_OK ||
        ampql_query_run(query, source, &options, &result, &err) != AMPQL_OK)
        fail_msg("%s: %s", text, err.message);
    *out = (struct test_text){.n = 0};
    assert_int_equal(ampql_result_json(result, test_write, out), AMPQL_OK);
    char *warnings = strstr(out->at, ",\"warnings\"");
    if (warnings)
        strcpy(warnings, "}");
    ampql_result_free(result);
    ampql_query_free(query);
}

static void check(struct ampql_engine *engine, const struct row *row)
{
    static struct test_text stored, made;
    struct ampql_source *inputs = source_of(engine, row->inputs),
                        *records = source_of(engine, row->records);
    struct ampql_rules *rules = NULL;
    struct ampql_error err = {0};
    if (ampql_rules_load(engine, row->rules, strlen(row->rules), &rules, &err) != AMPQL_OK)
        fail_msg("%s: %s", row->what, err.message);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        ask(engine, queries[i], records, NULL, false, &stored);
        ask(engine, queries[i], inputs, rules, false, &made);
        if (strcmp(stored.at, made.at) != 0)
            fail_msg("%s, %s:\nstored  %s\nvirtual %s", row->what, queries[i], stored.at, made.at);
    }
    /* and the markers are what makes it so */
    ask(engine, "r:x", records, NULL, false, &stored);
    ask(engine, "r:x", inputs, rules, true, &made);
    if (!strstr(stored.at, "\"values\"") || strcmp(stored.at, made.at) == 0)
        fail_msg("%s: no marker is seen: %s", row->what, stored.at);
    ampql_rules_free(rules);
    ampql_source_free(inputs);
    ampql_source_free(records);
}

static void test_ends(void **state)
{
    struct ampql_engine_options options = {.size = sizeof options};
    struct ampql_engine *engine = NULL;
    (void)state;
    assert_int_equal(ampql_engine_new(&options, &engine, NULL), AMPQL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(engine, &rows[i]);
    ampql_engine_free(engine);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends)};
TEST_MAIN(tests)
