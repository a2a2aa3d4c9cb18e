/* Rule files: what is refused, where and why, and what a good file says. */
#include "base/buf.h"
#include "rules/rules.h"

#include <ampql.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"
#include "support/torture.h"

#define GROUP "groups:\n- name: g\n  rules:\n"

static const struct bad_row {
    const char *text;
    enum ampql_code code;
    const char *message; /* the whole of it, or its beginning when it ends with "..." */
} bad[] = {
    /* shape */
    {"- a\n", AMPQL_BAD_DATA, "line 1, column 1: a rule file is a list, expected a mapping"},
    {"text\n", AMPQL_BAD_DATA, "line 1, column 1: a rule file is a scalar, expected a mapping"},
    {"group: []\n", AMPQL_BAD_DATA,
     "line 1, column 1: unknown field \"group\" in a rule file, expected groups"},
    {"groups: {}\n", AMPQL_BAD_DATA, "line 1, column 9: groups is a mapping, expected a list"},
    {"groups:\n- x\n", AMPQL_BAD_DATA, "line 2, column 3: a group is a scalar, expected a mapping"},
    {"groups:\n-\n", AMPQL_BAD_DATA, "line 2, column 2: a group is empty, expected a mapping"},
    {"groups: []\ngroups: []\n", AMPQL_BAD_DATA,
     "line 2, column 1: field \"groups\" of a rule file is there twice, expected it once"},
    {"groups: []\n---\ngroups: []\n", AMPQL_BAD_DATA,
     "line 2, column 1: a second document, expected one"},
    {"? [a]\n: b\n", AMPQL_BAD_DATA,
     "line 1, column 3: a list as a field of a rule file, expected a name"},

    /* YAML */
    {"groups: [\n", AMPQL_BAD_DATA, "line 2, column 1: not YAML: ..."},
    {"groups:\n\t- a\n", AMPQL_BAD_DATA, "line 2, column 1: not YAML: ..."},
    {"a: \xff\n", AMPQL_BAD_DATA,
     "line 1, column 4: not YAML: invalid leading UTF-8 octet, expected UTF-8 text"},
    {"groups: &all []\n", AMPQL_BAD_DATA,
     "line 1, column 9: anchor \"all\", expected a rule file without aliases, anchors and tags"},
    {"groups: *all\n", AMPQL_BAD_DATA,
     "line 1, column 9: alias \"all\", expected a rule file without aliases, anchors and tags"},
    {"groups: !!seq []\n", AMPQL_BAD_DATA,
     "line 1, column 9: tag \"tag:yaml.org,2002:seq\", expected a rule file without aliases, "
     "anchors and tags"},

    /* groups */
    {"groups:\n- rules: []\n", AMPQL_BAD_DATA,
     "line 2, column 3: a group has no name, expected name"},
    {"groups:\n- name: ''\n", AMPQL_BAD_DATA,
     "line 2, column 9: a group has no name, expected name"},
    {"groups:\n- name: a\n- name: b\n- name: a\n", AMPQL_BAD_DATA,
     "line 4, column 9: group name \"a\" is repeated, first on line 2, expected another"},
    {"groups:\n- name: a\n  foo: b\n", AMPQL_BAD_DATA,
     "line 3, column 3: unknown field \"foo\" in a group, expected one of name, interval, "
     "query_offset, limit, labels, rules"},
    {"groups:\n- name: a\n  interval: 1x\n", AMPQL_BAD_DATA,
     "line 3, column 13: interval: unknown unit \"x\" in duration \"1x\", expected a duration such "
     "as 1m"},
    {"groups:\n- name: a\n  query_offset: [1m]\n", AMPQL_BAD_DATA,
     "line 3, column 17: query_offset is a list, expected a scalar"},
    {"groups:\n- name: a\n  interval: 30\n", AMPQL_BAD_DATA, "line 3, column 13: interval: ..."},
    {"groups:\n- name: a\n  limit: -1\n", AMPQL_BAD_DATA,
     "line 3, column 10: limit is \"-1\", expected a whole number, 0 or more"},
    {"groups:\n- name: a\n  limit: 99999999999999999999\n", AMPQL_BAD_DATA,
     "line 3, column 10: limit is \"99999999999999999999\", expected a whole number, 0 or more"},
    {"groups:\n- name: a\n  limit: ''\n", AMPQL_BAD_DATA,
     "line 3, column 10: limit is \"\", expected a whole number, 0 or more"},
    {"groups:\n- name: a\n  labels: [x]\n", AMPQL_BAD_DATA,
     "line 3, column 11: labels is a list, expected a mapping"},
    {"groups:\n- name: a\n  labels: {a-b: c}\n", AMPQL_BAD_DATA,
     "line 3, column 12: invalid label name \"a-b\", expected [a-zA-Z_][a-zA-Z0-9_]* and not "
     "__name__"},
    {"groups:\n- name: a\n  labels: {__name__: c}\n", AMPQL_BAD_DATA,
     "line 3, column 12: invalid label name \"__name__\", expected [a-zA-Z_][a-zA-Z0-9_]* and not "
     "__name__"},
    {"groups:\n- name: a\n  labels: {a: c, a: d}\n", AMPQL_BAD_DATA,
     "line 3, column 18: label \"a\" is there twice, expected it once"},
    {"groups:\n- name: a\n  labels: {a: [c]}\n", AMPQL_BAD_DATA,
     "line 3, column 15: a label value is a list, expected a scalar"},
    {"groups:\n- name: a\n  rules: x\n", AMPQL_BAD_DATA,
     "line 3, column 10: rules is a scalar, expected a list"},

    /* rules */
    {GROUP "  - x\n", AMPQL_BAD_DATA, "line 4, column 5: a rule is a scalar, expected a mapping"},
    {GROUP "  - expr: up\n", AMPQL_BAD_DATA,
     "line 4, column 5: a rule has no name, expected record or alert"},
    {GROUP "  - expr: up\n    record:\n", AMPQL_BAD_DATA,
     "line 4, column 5: a rule has no name, expected record or alert"},
    {GROUP "  - record: a\n    alert: b\n    expr: up\n", AMPQL_BAD_DATA,
     "line 4, column 5: a rule has both record and alert, expected one of them"},
    {GROUP "  - record: a\n", AMPQL_BAD_DATA,
     "line 4, column 5: a rule has no expression, expected expr"},
    {GROUP "  - record: a\n    expr: ''\n", AMPQL_BAD_DATA,
     "line 5, column 11: a rule has no expression, expected expr"},
    {GROUP "  - record: a b\n    expr: up\n", AMPQL_BAD_DATA,
     "line 4, column 13: invalid record name \"a b\", expected a metric name "
     "[a-zA-Z_:][a-zA-Z0-9_:]*"},
    {GROUP "  - record: 1a\n    expr: up\n", AMPQL_BAD_DATA,
     "line 4, column 13: invalid record name \"1a\", expected a metric name "
     "[a-zA-Z_:][a-zA-Z0-9_:]*"},
    {GROUP "  - record: up{a=\"b\"}\n    expr: up\n", AMPQL_BAD_DATA,
     "line 4, column 13: invalid record name \"up{a=\\\"b\\\"}\", expected a metric name "
     "[a-zA-Z_:][a-zA-Z0-9_:]*"},
    {GROUP "  - record: a\n    expr: up\n    for: 5m\n", AMPQL_BAD_DATA,
     "line 6, column 10: field \"for\" in a recording rule, expected it in alerts only"},
    {GROUP "  - record: a\n    expr: up\n    annotations: {a: b}\n", AMPQL_BAD_DATA,
     "line 6, column 18: field \"annotations\" in a recording rule, expected it in alerts only"},
    {GROUP "  - alert: a\n    expr: up\n    for: 5\n", AMPQL_BAD_DATA,
     "line 6, column 10: for: ..."},
    {GROUP "  - alert: a\n    expr: up\n    annotations: {a: {b: c}}\n", AMPQL_BAD_DATA,
     "line 6, column 22: an annotation is a mapping, expected a scalar"},
    {GROUP "  - record: a\n    expr: {a: b}\n", AMPQL_BAD_DATA,
     "line 5, column 11: expr is a mapping, expected a scalar"},
    {GROUP "  - record: a\n    record: b\n    expr: up\n", AMPQL_BAD_DATA,
     "line 5, column 5: field \"record\" of a rule is there twice, expected it once"},
    {GROUP "  - record: a\n    query: up\n", AMPQL_BAD_DATA,
     "line 5, column 5: unknown field \"query\" in a rule, expected one of record, alert, expr, "
     "for, keep_firing_for, labels, annotations"},

    /* expressions, at their place in the file: plain, quoted, doubled quote, escape, block, folded,
       and after a character of two bytes */
    {GROUP "  - record: a\n    expr: sum(up\n", AMPQL_PARSE,
     "line 5, column 17: expr of \"a\": unclosed left parenthesis"},
    {GROUP "  - record: a\n    expr: foo(up)\n", AMPQL_PARSE,
     "line 5, column 11: expr of \"a\": unknown function with name \"foo\""},
    {GROUP "  - record: a\n    expr: \"1 + foo(up)\"\n", AMPQL_PARSE,
     "line 5, column 16: expr of \"a\": unknown function with name \"foo\""},
    {GROUP "  - record: a\n    expr: '{a=''b''} + foo(up)'\n", AMPQL_PARSE,
     "line 5, column 24: expr of \"a\": unknown function with name \"foo\""},
    {GROUP "  - record: a\n    expr: \"{a=\\\"b\\\"} + foo(up)\"\n", AMPQL_PARSE,
     "line 5, column 24: expr of \"a\": unknown function with name \"foo\""},
    {GROUP "  - record: a\n    expr: |\n      1 +\n        foo(up)\n", AMPQL_PARSE,
     "line 7, column 9: expr of \"a\": unknown function with name \"foo\""},
    {GROUP "  - record: a\n    expr: >-\n      1 +\n      foo(up)\n", AMPQL_PARSE,
     "line 7, column 7: expr of \"a\": unknown function with name \"foo\""},
    {GROUP "  - record: a\n    expr: 1 +\n      foo(up)\n", AMPQL_PARSE,
     "line 6, column 7: expr of \"a\": unknown function with name \"foo\""},
    {"# \xc3\xa9\n" GROUP "  - record: a\n    expr: '{a=\"\xc3\xa9\"} + foo(up)'\r\n", AMPQL_PARSE,
     "line 6, column 22: expr of \"a\": unknown function with name \"foo\""},
    {GROUP "  - alert: Down\n    expr: up ==\n", AMPQL_PARSE,
     "line 5, column 16: expr of \"Down\": ..."},
};

static struct ampql_engine *new_engine(const struct ampql_allocator *alc)
{
    struct ampql_engine_options options = {.size = sizeof options, .allocator = alc};
    struct ampql_engine *engine = NULL;
    return ampql_engine_new(&options, &engine, NULL) == AMPQL_OK ? engine : NULL;
}

static void test_bad(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ampql_error err = {0};
        struct ampql_rules *rules = NULL;
        enum ampql_code code =
            ampql_rules_load(engine, bad[i].text, strlen(bad[i].text), &rules, &err);
        size_t n = strlen(bad[i].message);
        bool is_start = n > 3 && strcmp(bad[i].message + n - 3, "...") == 0;
        if (code != bad[i].code || err.code != code || rules != NULL || !err.has_span ||
            err.end < err.start || err.end > strlen(bad[i].text) ||
            (is_start ? strncmp(err.message, bad[i].message, n - 3) != 0
                      : strcmp(err.message, bad[i].message) != 0))
            fail_msg("row %zu:\n%s\n gives %d \"%s\" [%zu, %zu)\n  want %d \"%s\"", i, bad[i].text,
                     code, err.message, err.start, err.end, bad[i].code, bad[i].message);
        assert_int_equal(ampql_rules_load(engine, bad[i].text, strlen(bad[i].text), &rules, NULL),
                         bad[i].code);
    }
    ampql_engine_free(engine);
}

/* The span of an expression's error is that of the text it is about. */
static void test_span(void **state)
{
    static const char text[] = GROUP "  - record: a\n    expr: |\n      1 +\n        foo(up)\n";
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_error err = {0};
    struct ampql_rules *rules = NULL;
    (void)state;
    assert_int_equal(ampql_rules_load(engine, text, strlen(text), &rules, &err), AMPQL_PARSE);
    assert_int_equal(strncmp(text + err.start, "foo", err.end - err.start), 0);
    assert_int_equal(err.end - err.start, 3);
    ampql_engine_free(engine);
}

static const char good[] = "# a comment\n"
                           "groups:\n"
                           "  - name: CPU\n"
                           "    interval: 1m30s\n"
                           "    query_offset: 10s\n"
                           "    limit: 5\n"
                           "    labels: {team: a, zone: b}\n"
                           "    rules:\n"
                           "      - record: cluster:cpu\n"
                           "        expr: |\n"
                           "          sum(cpu)\n"
                           "        labels:\n"
                           "          zone: \"\"\n"
                           "          daemonset: false\n"
                           "      - alert: Down\n"
                           "        expr: up == 0\n"
                           "        for: 5m\n"
                           "        keep_firing_for: 1m\n"
                           "        annotations: {summary: \"{{ $value }}\"}\n"
                           "  - name: empty\n"
                           "    rules:\n";

static bool is_text(struct ampql_string s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}

static void test_good(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_rules *rules = NULL;
    (void)state;
    assert_int_equal(ampql_rules_load(engine, good, strlen(good), &rules, NULL), AMPQL_OK);
    assert_int_equal(ampql_rules_group_count(rules), 2);
    struct ampql_rule_group group = ampql_rules_group(rules, 0);
    assert_true(is_text(group.name, "CPU"));
    assert_int_equal(group.interval_ms, 90000);
    assert_int_equal(group.query_offset_ms, 10000);
    assert_int_equal(group.limit, 5);
    assert_int_equal(group.nlabels, 2);
    assert_int_equal(group.first_rule, 0);
    assert_int_equal(group.nrules, 2);
    assert_int_equal(group.line, 3);
    group = ampql_rules_group(rules, 1);
    assert_int_equal(group.first_rule, 2);
    assert_int_equal(group.nrules, 0);

    assert_int_equal(ampql_rules_count(rules), 2);
    assert_int_equal(ampql_rules_alert_count(rules), 1);
    struct ampql_rule rule = ampql_rules_rule(rules, 0);
    assert_false(rule.is_alert);
    assert_true(is_text(rule.name, "cluster:cpu"));
    assert_true(is_text(rule.expr, "sum(cpu)\n"));
    assert_int_equal(rule.line, 9);
    assert_int_equal(rule.nlabels, 3); /* the group's, unless overridden, then its own */
    assert_true(is_text(rule.labels[0].name, "team") && is_text(rule.labels[0].value, "a"));
    assert_true(is_text(rule.labels[1].name, "zone") && is_text(rule.labels[1].value, ""));
    assert_true(is_text(rule.labels[2].name, "daemonset") &&
                is_text(rule.labels[2].value, "false"));
    rule = ampql_rules_rule(rules, 1);
    assert_true(rule.is_alert);
    assert_true(is_text(rule.name, "Down"));
    assert_int_equal(rule.line, 15);
    ampql_rules_free(rules);

    static const char *const empties[] = {"",     "# nothing\n", "groups:\n",        "~\n",
                                          "{}\n", "---\n",       "groups: []\n...\n"};
    for (size_t i = 0; i < sizeof empties / sizeof *empties; i++) {
        assert_int_equal(ampql_rules_load(engine, empties[i], strlen(empties[i]), &rules, NULL),
                         AMPQL_OK);
        assert_int_equal(ampql_rules_group_count(rules), 0);
        ampql_rules_free(rules);
    }
    ampql_rules_free(NULL);
    ampql_engine_free(engine);
}

/* The limits that keep a hostile file from taking quadratic time. */
static void test_limits(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_rules *rules = NULL;
    struct ampql_error err = {0};
    enum { SIZE = (8 << 20) + 1 };
    char *text = malloc(SIZE);
    (void)state;
    memset(text, '#', SIZE);
    assert_int_equal(ampql_rules_load(engine, text, SIZE, &rules, &err), AMPQL_LIMIT);
    assert_int_equal(ampql_rules_load(engine, text, SIZE - 1, &rules, &err), AMPQL_OK);
    ampql_rules_free(rules);

    size_t n = (size_t)sprintf(text, "groups:\n- name: g\n  labels:\n");
    for (int i = 0; i < 257; i++)
        n += (size_t)sprintf(text + n, "    l%d: v\n", i);
    assert_int_equal(ampql_rules_load(engine, text, n, &rules, &err), AMPQL_LIMIT);
    assert_string_equal(err.message, "line 260, column 5: too many labels, expected at most 256");

    n = (size_t)sprintf(text, GROUP);
    for (int i = 0; i < 10001; i++)
        n += (size_t)sprintf(text + n, "  - {alert: a, expr: 1}\n");
    assert_int_equal(ampql_rules_load(engine, text, n, &rules, &err), AMPQL_LIMIT);
    assert_string_equal(err.message,
                        "line 10004, column 5: too many rules, expected at most 10000");
    free(text);
    ampql_engine_free(engine);
}

/* The rules that the AMP guide and the chart give load, nine each in two groups. */
static void test_examples(void **state)
{
    static const char *const paths[] = {"examples/rules/amp-guide.yml",
                                        "examples/rules/kubecost.yml"};
    struct ampql_engine *engine = new_engine(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char text[8192];
        FILE *f = fopen(paths[i], "rb");
        assert_non_null(f);
        size_t n = fread(text, 1, sizeof text, f);
        fclose(f);
        struct ampql_rules *rules = NULL;
        struct ampql_error err = {0};
        if (ampql_rules_load(engine, text, n, &rules, &err) != AMPQL_OK)
            fail_msg("%s: %s", paths[i], err.message);
        assert_int_equal(ampql_rules_count(rules), 9);
        assert_int_equal(ampql_rules_group_count(rules), 2);
        assert_int_equal(ampql_rules_group(rules, 0).nrules, 5);
        ampql_rules_free(rules);
    }
    ampql_engine_free(engine);
}

/* ---- everything that is wrong with a file */

static void note(void *payload, const struct ampql_error *err)
{
    struct buf *out = payload;
    buf_format(out, "%s\n", err->message);
}

static bool load_all(const struct ampql_allocator *alc, const char *text, struct buf *told,
                     size_t *nrules)
{
    struct ampql_engine *engine = new_engine(alc);
    struct ampql_rules *rules = NULL;
    struct ampql_error err = {0};
    struct rule_faults faults = {note, told};
    if (!engine)
        return false;
    bool ok = rules_load_all(engine, str_of(text), &faults, &rules, &err) == AMPQL_OK;
    if (!ok && err.code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    *nrules = ok ? ampql_rules_count(rules) : 0;
    ampql_rules_free(rules);
    ampql_engine_free(engine);
    return ok;
}

/* Each row's rules that are whole are kept. */
static const struct {
    const char *text, *told;
    size_t nrules;
} many[] = {
    {"groups: []\n", "", 0},
    {GROUP "  - {record: a, expr: 'sum('}\n  - {record: b, expr: 1}\n  - {record: c, expr: 'x['}\n",
     "line 4, column 28: expr of \"a\": unclosed left parenthesis\n"
     "line 6, column 26: expr of \"c\": unexpected end of input in duration expression\n",
     3},
    {GROUP "  - {record: a, expr: 1, foo: {x: [1, 2]}, labels: {a-b: c, d: [e]}, bar: 1}\n"
           "  - {record: b, expr: 1}\n",
     "line 4, column 26: unknown field \"foo\" in a rule, expected one of record, alert, expr, "
     "for, "
     "keep_firing_for, labels, annotations\n"
     "line 4, column 53: invalid label name \"a-b\", expected [a-zA-Z_][a-zA-Z0-9_]* and not "
     "__name__\n"
     "line 4, column 70: unknown field \"bar\" in a rule, expected one of record, alert, expr, "
     "for, "
     "keep_firing_for, labels, annotations\n",
     1},
    {GROUP "  - text\n  - [a, {b: c}]\n  - {record: a-b, expr: 1}\n  - *x\n  - {expr: &y 1}\n"
           "  - {record: ok, expr: 1}\n",
     "line 4, column 5: a rule is a scalar, expected a mapping\n"
     "line 5, column 5: a rule is a list, expected a mapping\n"
     "line 6, column 14: invalid record name \"a-b\", expected a metric name "
     "[a-zA-Z_:][a-zA-Z0-9_:]*\n"
     "line 7, column 5: alias \"x\", expected a rule file without aliases, anchors and tags\n"
     "line 8, column 12: anchor \"y\", expected a rule file without aliases, anchors and tags\n",
     1},
    {"x: {y: z}\ngroups:\n- name: g\n  interval: 1x\n  rules:\n  - {record: a, expr: 1}\n- name: "
     "g\n"
     "- 5\n- name: h\n  ? [q]\n  : [r]\n  limit: z\n",
     "line 1, column 1: unknown field \"x\" in a rule file, expected groups\n"
     "line 4, column 13: interval: unknown unit \"x\" in duration \"1x\", expected a duration such "
     "as "
     "1m\n"
     "line 7, column 9: group name \"g\" is repeated, first on line 3, expected another\n"
     "line 8, column 3: a group is a scalar, expected a mapping\n"
     "line 10, column 5: a list as a field of a group, expected a name\n"
     "line 12, column 10: limit is \"z\", expected a whole number, 0 or more\n",
     1},
    {GROUP "  - {record: a, expr: 'sum('}\n  - {record: b\n",
     "line 6, column 1: not YAML: while parsing a flow mapping, did not find expected ',' or '}'\n"
     "line 4, column 28: expr of \"a\": unclosed left parenthesis\n",
     1},
    {GROUP "  - {record: a, expr: 'sum('}\n  - {record: b, expr: 1}\n m 5rf:o \n",
     "line 6, column 2: not YAML: while parsing a block mapping, did not find expected key\n"
     "line 4, column 28: expr of \"a\": unclosed left parenthesis\n",
     2},
    {GROUP "  - {record: a, expr: 1}\n---\n", "line 5, column 1: a second document, expected one\n",
     1},
};

static void test_many(void **state)
{
    struct buf told;
    size_t nrules;
    (void)state;
    buf_init(&told, &alloc_default, 1 << 16);
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        told.n = 0;
        assert_true(load_all(NULL, many[i].text, &told, &nrules));
        buf_byte(&told, '\0');
        if (strcmp(told.p, many[i].told) != 0)
            fail_msg("row %zu told:\n%swant:\n%s", i, told.p, many[i].told);
        assert_int_equal(nrules, many[i].nrules);
    }
    buf_done(&told);
}

static bool load_many(const struct ampql_allocator *alc)
{
    struct buf told;
    size_t nrules;
    buf_init(&told, &alloc_default, 1 << 16);
    bool ok = load_all(alc, many[4].text, &told, &nrules);
    buf_done(&told);
    return ok;
}

static bool load_good(const struct ampql_allocator *alc)
{
    struct ampql_rules *rules = NULL;
    struct ampql_error err = {0};
    struct ampql_engine *engine = new_engine(alc);
    if (!engine)
        return false;
    bool ok = ampql_rules_load(engine, good, strlen(good), &rules, &err) == AMPQL_OK;
    if (!ok && err.code != AMPQL_NOMEM)
        fail_msg("%s", err.message);
    ampql_rules_free(rules);
    ampql_engine_free(engine);
    return ok;
}

static void test_torture(void **state)
{
    (void)state;
    torture_all(load_good);
    torture_all(load_many);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_bad),     cmocka_unit_test(test_span), cmocka_unit_test(test_good),
    cmocka_unit_test(test_limits),  cmocka_unit_test(test_many), cmocka_unit_test(test_examples),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
