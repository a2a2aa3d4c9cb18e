/* Rule unit tests: what a file says, what is refused and where, and that memory may run out. What
 * comes of them is told by tests/data/unit. */
#include "base/error.h"
#include "tool/unit.h"

#include <stdlib.h>
#include <unistd.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"
#include "support/torture.h"

#define TEST "tests:\n- interval: 1m\n"
#define SERIES TEST "  input_series:\n"
#define EXPR TEST "  promql_expr_test:\n"

/* Each is refused with this message after "file:"; as promtool 2.42 refuses it, but for the rows
 * that say otherwise. */
static const struct bad_row {
    const char *text, *message;
} bad[] = {
    {"- a\n", "1:1: a unit test file is a list, expected a mapping"},
    {"test: []\n", "1:1: unknown field \"test\" in a unit test file, expected one of rule_files, "
                   "evaluation_interval, group_eval_order, tests, fuzzy_compare"},
    {"tests: []\ntests: []\n", "2:1: field \"tests\" of a unit test file is there twice, expected "
                               "it once"},
    {"tests: {}\n", "1:8: tests is a mapping, expected a list"},
    {"rule_files: x\n", "1:13: rule_files is a scalar, expected a list"},
    {"rule_files: [[x]]\n", "1:14: rule_files is a list, expected a scalar"},
    {"evaluation_interval: 1\n", "1:22: evaluation_interval is \"1\", expected a duration such as "
                                 "5m"},
    {"evaluation_interval: ''\n", "1:22: evaluation_interval is \"\", expected a duration such as "
                                  "5m"},
    {"evaluation_interval: -1m\n", "1:22: evaluation_interval is \"-1m\", expected a duration such "
                                   "as 5m"},
    {"group_eval_order: [a, b, a]\n", "1:26: a name in group_eval_order is \"a\", expected each "
                                      "name once"},
    {"fuzzy_compare: yes\n", "1:16: fuzzy_compare is \"yes\", expected true or false"},
    {"tests: [\n", "2:1: not YAML: while parsing a flow node, did not find expected node content"},
    {"tests:\n- x\n", "2:3: a test is a scalar, expected a mapping"},
    {TEST "  series: []\n",
     "3:3: unknown field \"series\" in a test, expected one of interval, input_series, "
     "alert_rule_test, promql_expr_test, external_labels, external_url, name, start_timestamp"},
    {TEST "  start_timestamp: now\n", "3:20: start_timestamp is \"now\", expected RFC 3339 or Unix "
                                      "seconds"},
    {TEST "  external_labels: [a]\n", "3:20: external_labels is a list, expected a mapping"},
    {TEST "  external_labels: {a: 1, a: 2}\n", "3:27: external_labels is \"a\", expected each name "
                                               "once"},

    /* series */
    {SERIES "  - {values: 1}\n", /* promtool takes the empty line for the end of all series */
     "4:5: an input series without labels, expected series: such as 'up{job=\"a\"}'"},
    {SERIES "  - {series: x, value: 1}\n", "4:17: unknown field \"value\" in an input series, "
                                           "expected one of series, values"},
    {SERIES "  - {series: 'x{', values: 1}\n", "4:17: unexpected end of input inside braces: "
                                               "\"x{\""},
    {SERIES "  - {series: 'x{a=~\"b\"}', values: 1}\n", "4:15: labels of a series need =: "
                                                        "\"x{a=~\\\"b\\\"}\""},
    {SERIES "  - {series: 'x{a=\"1\",a=\"2\"}', values: 1}\n",
     "4:15: a label occurs twice: \"x{a=\\\"1\\\",a=\\\"2\\\"}\""},
    {SERIES "  - {series: x 1, values: 1}\n", /* promtool joins the two */
     "4:16: more than a series such as up{job=\"a\"}: \"1\""},
    {SERIES "  - {series: x, values: '1 2 y'}\n", "4:30: not a value such as 1, _, stale, "
                                                  "0+10x5: \"y\""},
    {SERIES "  - series: x\n    values: >\n      1\n      2 1+1\n",
     "7:9: not a value such as 1, _, stale, 0+10x5: \"1+1\""},
    {SERIES "  - {series: x, values: 1x}\n", "4:25: not a value such as 1, _, stale, 0+10x5: "
                                             "\"1x\""},
    {SERIES "  - {series: x, values: [1]}\n", "4:25: values is a list, expected a scalar"},

    /* expressions */
    {EXPR "  - {expr: [x]}\n", "4:12: expr is a list, expected a scalar"},
    {EXPR "  - {eval_time: 5}\n", "4:17: eval_time is \"5\", expected a duration such as 5m"},
    {EXPR "  - {exp_samples: [{labels: 'x{', value: 1}]}\n", "4:32: unexpected end of input inside "
                                                             "braces: \"x{\""},
    {EXPR "  - {exp_samples: [{value: '1'}]}\n", "4:28: value is \"1\", expected a number such as "
                                                 "4, 1.5e3, .inf or .nan"},
    {EXPR "  - {exp_samples: [{value: Inf}]}\n", "4:28: value is \"Inf\", expected a number such "
                                                 "as 4, 1.5e3, .inf or .nan"},
    {EXPR "  - {exp_samples: [{value: 1:30}]}\n", "4:28: value is \"1:30\", expected a number such "
                                                  "as 4, 1.5e3, .inf or .nan"},
    {EXPR "  - {exp_samples: [{value: 089}]}\n", /* to promtool 89, by YAML 1.1's other rule */
     NULL},
    {EXPR "  - {exp_samples: [{value: 0x}]}\n", "4:28: value is \"0x\", expected a number such as "
                                                "4, 1.5e3, .inf or .nan"},
    {EXPR "  - {exp_samples: [x]}\n", "4:20: a sample is a scalar, expected a mapping"},

    /* alerts */
    {TEST "  alert_rule_test:\n  - {eval_time: 1m}\n",
     "4:5: an alert's test has no name, expected alertname"},
    {TEST "  alert_rule_test:\n  - {alertname: A, exp_alerts: {}}\n",
     "4:32: exp_alerts is a mapping, expected a list"},
    {TEST "  alert_rule_test:\n  - {alertname: A, exp_alerts: [{labels: {}}]}\n",
     "4:34: unknown field \"labels\" in an expected alert, expected one of exp_labels, "
     "exp_annotations"},
    {TEST "  alert_rule_test:\n  - {alertname: A, exp_alerts: [{exp_labels: {a: [1]}}]}\n",
     "4:50: exp_labels is a list, expected a scalar"},
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena arena;
        struct unit_file file;
        struct ampql_error err = {0};
        arena_init(&arena, &alloc_default);
        enum ampql_code code = unit_read(str_of(bad[i].text), "file", &arena, &file, &err);
        arena_done(&arena);
        if (bad[i].message ? code != AMPQL_BAD_DATA || strncmp(err.message, "file:", 5) != 0 ||
                                 strcmp(err.message + 5, bad[i].message) != 0
                           : code != AMPQL_OK)
            fail_msg("%s\ngives %s\nwant  file:%s", bad[i].text, err.message, bad[i].message);
    }
}

static const char rules_text[] =
    "groups:\n"
    "- name: g\n"
    "  limit: 9\n"
    "  rules:\n"
    "  - {record: r, expr: 'sum by (a) (x)', labels: {l: '1', a: ''}}\n"
    "  - {record: s, expr: '1'}\n"
    "  - {alert: A, expr: 'x > 1', for: 1m, keep_firing_for: 1m, labels: {l: '{{ $labels.a }}'},"
    " annotations: {t: '{{ humanize $value }}', u: '{{ if }}'}}\n";

static const char test_text[] =
    "rule_files: [rules*.yml, none]\n"
    "evaluation_interval: 1m\n"
    "group_eval_order: [g, h]\n"
    "fuzzy_compare: true\n"
    "tests:\n"
    "- interval: 1m\n"
    "  name: all of it\n"
    "  external_labels: {zone: eu}\n"
    "  input_series:\n"
    "  - {series: 'x{a=\"1\"}', values: '1 2 _ stale 3'}\n"
    "  - {series: 'x{a=\"1\"}', values: '1 2 3 1 1'}\n"
    "  promql_expr_test:\n"
    "  - {expr: r, eval_time: 1m, exp_samples: [{labels: 'r{l=\"1\"}', value: 2}]}\n"
    "  - {expr: 'x +', eval_time: 1m}\n"
    "  - {expr: s, eval_time: 4m, exp_samples: [{labels: s, value: 1}, {labels: t, value: 2}]}\n"
    "  alert_rule_test:\n"
    "  - {alertname: A, eval_time: 1m}\n"
    "  - {alertname: A, eval_time: 2m, exp_alerts: [{exp_labels: {a: 1, l: 1}}]}\n"
    "  - {alertname: B, exp_alerts: [{exp_annotations: {t: u}}]}\n";

static char folder[] = "/tmp/ampql-unit-XXXXXX";

static int make_folder(void **state)
{
    char path[64];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/rules.yml", folder);
    FILE *f = fopen(path, "wb");
    return f && fwrite(rules_text, 1, sizeof rules_text - 1, f) == sizeof rules_text - 1 &&
                   fclose(f) == 0
               ? 0
               : -1;
}

static int remove_folder(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "%s/rules.yml", folder);
    return unlink(path) || rmdir(folder);
}

static void be_silent(void *payload, const char *message)
{
    (void)payload;
    (void)message;
}

static bool run_with(const struct ampql_allocator *alc, struct run_counts *counts)
{
    struct ampql_engine_options engine_options = {.size = sizeof engine_options, .allocator = alc};
    struct ampql_engine *engine = NULL;
    struct ampql_error err = {0};
    struct arena arena;
    struct unit_file file;
    struct unit_rules rules = {0};
    struct run_options options = {.file = "file", .dialect = AMPQL_PROM3};
    char dir[64];
    snprintf(dir, sizeof dir, "%s/", folder);
    if (ampql_engine_new(&engine_options, &engine, &err) != AMPQL_OK)
        return false;
    arena_init(&arena, &engine->alc);
    struct str text = str_of(test_text);
    struct unit_context context = {engine, &file, text, &rules, &options, counts};
    enum ampql_code code = unit_read(text, "file", &arena, &file, &err);
    if (code == AMPQL_OK)
        code = unit_load(&file, str_of(dir), engine, &arena, be_silent, NULL, &rules, &err);
    if (code == AMPQL_OK)
        code = unit_run(&context, &file.tests[0], &err);
    unit_unload(&rules);
    arena_done(&arena);
    ampql_engine_free(engine);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    return code == AMPQL_OK;
}

static void whole(void **state)
{
    struct run_counts counts = {0};
    (void)state;
    assert_true(run_with(NULL, &counts));
    assert_int_equal(counts.passed, 2);
    assert_int_equal(counts.failed, 3);
    assert_int_equal(counts.skipped, 1);
}

static bool run_tortured(const struct ampql_allocator *alc)
{
    struct run_counts counts = {0};
    return run_with(alc, &counts);
}

static void torture(void **state)
{
    (void)state;
    torture_all_lenient(run_tortured);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(refusals),
    cmocka_unit_test(whole),
    cmocka_unit_test(torture),
};

int main(void)
{
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
