/* Recording rules at one time: names and labels, rules on rules, failures that stay with their
 * rule, and that each raw series is read once. */
#include "support/series.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>
#include <string.h>

enum { T = 600000 }; /* the time of all runs: 10 minutes, in ms */

static struct ampql_engine *new_engine(const struct ampql_allocator *alc)
{
    struct ampql_engine_options options = {.size = sizeof options, .allocator = alc};
    struct ampql_engine *engine = NULL;
    return ampql_engine_new(&options, &engine, NULL) == AMPQL_OK ? engine : NULL;
}

/* cpu{pod="a"|"b"} counts 1 and 2 a second; mem{pod=...,zone=...}; old:mem has been recorded
 * before, by somebody else. */
static bool fill(struct ampql_source *source)
{
    return test_add(source, "cpu", "pod=a,zone=x", 0, 60000, "0+60x10") &&
           test_add(source, "cpu", "pod=b,zone=x", 0, 60000, "0+120x10") &&
           test_add(source, "mem", "pod=a,zone=x", 0, 60000, "10x10") &&
           test_add(source, "mem", "pod=b,zone=y", 0, 60000, "20x10") &&
           test_add(source, "old:mem", "pod=z", 0, 60000, "99x10");
}

static struct ampql_source *new_source(struct ampql_engine *engine)
{
    struct ampql_source *source = NULL;
    if (ampql_source_memory(engine, NULL, &source, NULL) != AMPQL_OK)
        return NULL;
    if (fill(source))
        return source;
    ampql_source_free(source);
    return NULL;
}

/* What a run gave, as lines: "{a="b"} value @t" for each record, "! error" for each failed rule and
 * "? warning" at the end. */
static void print_result(const struct ampql_rules_result *result, size_t nrules, char *out,
                         size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < nrules; i++) {
        struct ampql_rule_outcome outcome = ampql_rules_result_rule(result, i);
        if (outcome.error)
            n += (size_t)snprintf(out + n, size - n, "! %s\n", outcome.error->message);
        for (size_t k = 0; k < outcome.nrecords && n < size; k++) {
            struct ampql_record r = ampql_rules_result_record(result, i, k);
            for (size_t l = 0; l < r.nlabels && n < size; l++)
                n += (size_t)snprintf(out + n, size - n, "%c%.*s=%.*s", l ? ',' : '{',
                                      (int)r.labels[l].name.size, r.labels[l].name.data,
                                      (int)r.labels[l].value.size, r.labels[l].value.data);
            n += (size_t)snprintf(out + n, size - n, "} %g @%lld\n", r.value, (long long)r.t_ms);
        }
    }
    for (size_t i = 0; i < ampql_rules_result_warning_count(result) && n < size; i++) {
        struct ampql_string w = ampql_rules_result_warning(result, i);
        n += (size_t)snprintf(out + n, size - n, "? %.*s\n", (int)w.size, w.data);
    }
}

#define G "groups:\n- name: g\n  rules:\n"

static const struct row {
    const char *rules;
    const char *result;
} rows[] = {
    /* the name is set, rule labels override, an empty value removes a label */
    {G "  - {record: a, expr: mem, labels: {zone: w, new: n}}\n",
     "{__name__=a,new=n,pod=a,zone=w} 10 @600000\n{__name__=a,new=n,pod=b,zone=w} 20 @600000\n"},
    {G "  - {record: a, expr: 'mem{pod=\"a\"}', labels: {zone: ''}}\n",
     "{__name__=a,pod=a} 10 @600000\n"},
    {"groups:\n- name: g\n  labels: {zone: v, team: t}\n  rules:\n"
     "  - {record: a, expr: 'mem{pod=\"a\"}', labels: {zone: ''}}\n",
     "{__name__=a,pod=a,team=t} 10 @600000\n"},
    /* a scalar is one sample; strings and ranges are no results */
    {G "  - {record: a, expr: 1 + 1, labels: {b: c}}\n", "{__name__=a,b=c} 2 @600000\n"},
    {G "  - {record: a, expr: '\"text\"'}\n  - {record: b, expr: 'mem[5m]'}\n  - {record: c, expr: "
       "time()}\n",
     "! group \"g\", record \"a\", line 4: rule result is not a vector or scalar\n"
     "! group \"g\", record \"b\", line 5: rule result is not a vector or scalar\n"
     "{__name__=c} 600 @600000\n"},
    {G "  - {record: a, expr: nothing}\n", ""},
    /* labels that become equal fail the rule, and only it */
    {G "  - {record: a, expr: mem, labels: {pod: '', zone: ''}}\n  - {record: b, expr: sum(mem)}\n",
     "! group \"g\", record \"a\", line 4: vector contains metrics with the same labelset after "
     "applying rule labels\n{__name__=b} 30 @600000\n"},
    /* so does a query that fails, and more series than the limit */
    {G "  - {record: a, expr: mem + on(zone) cpu}\n  - {record: b, expr: sum(mem)}\n",
     "! group \"g\", record \"a\", line 4: found duplicate series for the match group "
     "{zone=\"x\"} on the right hand-side of the operation: [{__name__=\"cpu\", pod=\"a\", "
     "zone=\"x\"}, {__name__=\"cpu\", pod=\"b\", zone=\"x\"}];many-to-many matching not allowed: "
     "matching labels must be unique on one side\n{__name__=b} 30 @600000\n"},
    {"groups:\n- name: g\n  limit: 1\n  rules:\n  - {record: a, expr: mem}\n"
     "  - {record: b, expr: sum(mem)}\n",
     "! group \"g\", record \"a\", line 5: exceeded limit of 1 with 2 series\n"
     "{__name__=b} 30 @600000\n"},
    /* alerts are left alone */
    {G "  - {alert: a, expr: mem > 0}\n  - {record: b, expr: sum(mem)}\n",
     "{__name__=b} 30 @600000\n"},
    /* the time is that of the group */
    {"groups:\n- name: g\n  query_offset: 90s\n  rules:\n  - {record: a, expr: time()}\n"
     "  - {record: b, expr: sum(cpu)}\n- name: h\n  rules:\n  - {record: c, expr: time()}\n",
     "{__name__=a} 510 @510000\n{__name__=b} 1440 @510000\n{__name__=c} 600 @600000\n"},
    /* rules on rules, through several levels, mixed with raw series */
    {G "  - {record: a, expr: sum(mem)}\n  - {record: b, expr: a * 2}\n  - {record: c, expr: a + b "
       "+ sum(cpu)}\n",
     "{__name__=a} 30 @600000\n{__name__=b} 60 @600000\n{__name__=c} 1890 @600000\n"},
    /* two rules record the same name, and a third reads both; one between them reads the first, and
       what the second recorded a minute before */
    {G "  - {record: a, expr: 'mem{pod=\"a\"} * 1'}\n  - {record: m, expr: sum(a)}\n"
       "  - {record: a, expr: 'time() * mem{pod=\"b\"} / 20'}\n  - {record: n, expr: sum(a)}\n",
     "{__name__=a,pod=a,zone=x} 10 @600000\n{__name__=m} 550 @600000\n"
     "{__name__=a,pod=b,zone=y} 600 @600000\n{__name__=n} 610 @600000\n"},
    /* records take the place of the source's series of that name, also when there are none */
    {G "  - {record: 'old:mem', expr: mem}\n  - {record: n, expr: 'count(old:mem)'}\n",
     "{__name__=old:mem,pod=a,zone=x} 10 @600000\n{__name__=old:mem,pod=b,zone=y} 20 @600000\n"
     "{__name__=n} 2 @600000\n"},
    {G "  - {record: 'old:mem', expr: nothing}\n  - {record: n, expr: 'absent(old:mem)'}\n",
     "{__name__=n} 1 @600000\n"},
    /* also those whose labels no record can have */
    {G "  - {record: 'old:mem', expr: sum(mem)}\n"
       "  - {record: n, expr: 'absent(old:mem{pod=\"z\"})'}\n",
     "{__name__=old:mem} 30 @600000\n{__name__=n,pod=z} 1 @600000\n"},
    /* a selector without a plain name may read a record, but not one that cannot match */
    {G "  - {record: 'new:mem', expr: mem}\n"
       "  - {record: n, expr: 'count({__name__=~\".*mem\"})'}\n"
       "  - {record: 'all', expr: 'count({pod=\"a\"})'}\n",
     "{__name__=new:mem,pod=a,zone=x} 10 @600000\n{__name__=new:mem,pod=b,zone=y} 20 @600000\n"
     "{__name__=n} 5 @600000\n{__name__=all} 3 @600000\n"},
    /* timestamp() of a record is its time */
    {G "  - {record: a, expr: sum(mem)}\n  - {record: b, expr: timestamp(a)}\n",
     "{__name__=a} 30 @600000\n{__name__=b} 600 @600000\n"},
    /* records over time, in all forms: a is 60 times the minute, each minute */
    {G "  - {record: a, expr: 'sum(cpu{pod=\"a\"})'}\n  - {record: b, expr: 'increase(a[5m])'}\n"
       "  - {record: c, expr: 'min_over_time(a[5m:1m])'}\n  - {record: d, expr: a offset 1m}\n"
       "  - {record: e, expr: a @ 120}\n  - {record: f, expr: 'min_over_time(sum(cpu)[5m:1m])'}\n",
     "{__name__=a} 600 @600000\n{__name__=b} 300 @600000\n{__name__=c} 360 @600000\n"
     "{__name__=d} 540 @600000\n{__name__=e} 120 @600000\n{__name__=f} 1080 @600000\n"},
    /* what failed wrote nothing: whoever reads it sees the evaluation before, while it lasts */
    {G "  - {record: a, expr: 'mem unless on () (mem + on (zone) (cpu and on () (vector(time()) >= "
       "540)))'}\n  - {record: b, expr: count(a) + 1}\n  - {record: c, expr: min(timestamp(a))}\n",
     "! group \"g\", record \"a\", line 4: found duplicate series for the match group "
     "{zone=\"x\"} on the right hand-side of the operation: [{__name__=\"cpu\", pod=\"a\", "
     "zone=\"x\"}, {__name__=\"cpu\", pod=\"b\", zone=\"x\"}];many-to-many matching not allowed: "
     "matching labels must be unique on one side\n"
     "{__name__=b} 3 @600000\n{__name__=c} 480 @600000\n"
     "? group \"g\", record \"a\", line 4: 2 of 5 evaluations failed and wrote nothing, the last "
     "at "
     "1970-01-01T00:10:00Z: found duplicate series for the match group {zone=\"x\"} on the right "
     "hand-side of the operation: [{__name__=\"cpu\", pod=\"a\", zone=\"x\"}, {__name__=\"cpu\", "
     "pod=\"b\", zone=\"x\"}];many-to-many matching not allowed: matching labels must be unique on "
     "one side\n"},
    {G "  - {record: a, expr: 'mem[5m]'}\n  - {record: b, expr: a + 1}\n"
       "  - {record: d, expr: sum(mem)}\n",
     "! group \"g\", record \"a\", line 4: rule result is not a vector or scalar\n"
     "{__name__=d} 30 @600000\n"
     "? group \"g\", record \"a\", line 4: the evaluation at 1970-01-01T00:10:00Z failed and wrote "
     "nothing: rule result is not a vector or scalar\n"},
    /* a group sees what others, and rules below, recorded before */
    {"groups:\n- name: g\n  rules:\n  - {record: a, expr: 'timestamp(new:mem)'}\n"
     "  - {record: 'new:mem', expr: sum(mem)}\n- name: h\n  interval: 2m\n  rules:\n"
     "  - {record: b, expr: 'timestamp(new:mem)'}\n"
     "- name: i\n  interval: 2m\n  query_offset: 30s\n  rules:\n"
     "  - {record: c, expr: 'timestamp(new:mem)'}\n",
     "{__name__=a} 540 @600000\n{__name__=new:mem} 30 @600000\n{__name__=b} 540 @600000\n"
     "{__name__=c} 540 @570000\n"},
    /* two rules record one series: the first counts */
    {G
     "  - {record: a, expr: sum(mem)}\n  - {record: a, expr: sum(cpu)}\n  - {record: b, expr: a}\n",
     "{__name__=a} 30 @600000\n{__name__=b} 30 @600000\n"
     "? group \"g\", record \"a\", line 5: records series that another rule has "
     "recorded before: the first one counts\n"},
    /* what reads itself has no first value; the others do not suffer */
    {G "  - {record: a, expr: a + 1}\n  - {record: b, expr: c + 1}\n"
       "  - {record: c, expr: 'max_over_time(b[5m])'}\n  - {record: d, expr: sum(b)}\n"
       "  - {record: e, expr: sum(mem)}\n"
       "  - {record: f, expr: 'f{own=\"\"} or sum(mem)', labels: {own: 'y'}}\n",
     "! group \"g\", record \"a\", line 4: \"a\" (line 4) reads \"a\": recursion without end, "
     "which has no first value\n"
     "! group \"g\", record \"b\", line 5: \"b\" (line 5) reads \"c\" (line 6), which reads \"b\": "
     "recursion without end, which has no first value\n"
     "! group \"g\", record \"c\", line 6: \"b\" (line 5) reads \"c\" (line 6), which reads \"b\": "
     "recursion without end, which has no first value\n"
     "! group \"g\", record \"d\", line 7: \"b\" (line 5) reads \"c\" (line 6), which reads \"b\": "
     "recursion without end, which has no first value\n"
     "{__name__=e} 30 @600000\n{__name__=f,own=y} 30 @600000\n"},
};

static struct ampql_rules *load(struct ampql_engine *engine, const char *text)
{
    struct ampql_rules *rules = NULL;
    struct ampql_error err = {0};
    if (ampql_rules_load(engine, text, strlen(text), &rules, &err) != AMPQL_OK)
        fail_msg("%s\n%s", err.message, text);
    return rules;
}

static const struct ampql_run_options at_t = {.size = sizeof at_t, .start_ms = T};

static void test_rows(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = new_source(engine);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_rules *rules = load(engine, rows[i].rules);
        struct ampql_rules_result *result = NULL;
        struct ampql_error err = {0};
        char text[4096];
        if (ampql_rules_run(rules, source, &at_t, &result, &err) != AMPQL_OK)
            fail_msg("row %zu: %s", i, err.message);
        print_result(result, ampql_rules_count(rules), text, sizeof text);
        if (strcmp(text, rows[i].result) != 0)
            fail_msg("row %zu:\n%s gives:\n%s want:\n%s", i, rows[i].rules, text, rows[i].result);
        ampql_rules_result_free(result);
        ampql_rules_free(rules);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
}

/* ---- a source that counts what it is asked */

struct counting {
    uint32_t caps;
    char asked[1024]; /* "kind name from to" lines, in ms */
    enum ampql_code fails;
};

static enum ampql_code count_select(void *payload, const struct ampql_select *select,
                                    struct ampql_sink *sink, struct ampql_error *err)
{
    struct counting *counting = payload;
    struct ampql_label labels[TEST_LABELS_MAX];
    const char *const kinds[] = {"RAW", "GRID", "GRID_TIMESTAMP"};
    struct ampql_string name = {"", 0};
    int64_t t[2] = {T - 60000, T};
    double v[2] = {60, 120};
    for (size_t i = 0; i < select->nmatchers; i++)
        if (select->matchers[i].name.size == 8)
            name = select->matchers[i].value;
    size_t n = strlen(counting->asked);
    bool is_raw = select->kind == AMPQL_SELECT_RAW;
    snprintf(counting->asked + n, sizeof counting->asked - n, "%s %.*s %lld %lld\n",
             kinds[select->kind], (int)name.size, name.data,
             (long long)(is_raw ? select->mint_ms : select->start_ms),
             (long long)(is_raw ? select->maxt_ms : select->end_ms));
    if (counting->fails != AMPQL_OK) {
        if (err)
            snprintf(err->message, sizeof err->message, "the wire is cut");
        return counting->fails;
    }
    size_t nlabels = test_labels("cpu", "pod=a", labels);
    labels[0].value = name;
    if (is_raw)
        return ampql_sink_push(sink, labels, nlabels, t, v, 2);
    return ampql_sink_push(sink, labels, nlabels, &select->start_ms, v, 1);
}

static struct ampql_source *counting_source(struct ampql_engine *engine, struct counting *counting)
{
    struct ampql_source_ops ops = {
        .size = sizeof ops, .caps = counting->caps, .select = count_select};
    struct ampql_source *source = NULL;
    assert_int_equal(ampql_source_new(engine, &ops, counting, &source, NULL), AMPQL_OK);
    return source;
}

/* Each raw series is read once for all rules that read no record; a record is never asked of the
 * base, whether it holds samples or answers. */
static void test_selects(void **state)
{
    static const char text[] =
        G "  - {record: a, expr: sum(x)}\n  - {record: b, expr: max(x)}\n"
          "  - {record: c, expr: 'sum(rate(x[5m]))'}\n"
          "  - {record: d, expr: a + b}\n  - {record: e, expr: d + sum(y)}\n";
    static const struct {
        uint32_t caps;
        const char *asked;
    } cases[] = {
        {AMPQL_SOURCE_SAMPLES, "RAW y 300000 600000\nRAW x 300000 600000\n"},
        {AMPQL_SOURCE_ANSWERS, "RAW x 300000 600000\nGRID y 600000 600000\nGRID x 600000 600000\n"},
    };
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_rules *rules = load(engine, text);
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct counting counting = {.caps = cases[i].caps};
        struct ampql_source *source = counting_source(engine, &counting);
        struct ampql_rules_result *result = NULL;
        assert_int_equal(ampql_rules_run(rules, source, &at_t, &result, NULL), AMPQL_OK);
        assert_string_equal(counting.asked, cases[i].asked);
        assert_int_equal(ampql_rules_result_failed(result), 0);
        assert_int_equal(ampql_rules_result_count(result), 5);
        struct ampql_record d = ampql_rules_result_record(result, 3, 0);
        assert_true(d.value == (i == 0 ? 240 : 120)); /* the last sample; the answer */
        struct ampql_stats stats = ampql_rules_result_stats(result);
        assert_int_equal(stats.selects, i == 0 ? 2 : 3);
        ampql_rules_result_free(result);
        ampql_source_free(source);
    }
    ampql_rules_free(rules);
    ampql_engine_free(engine);
}

/* A source that fails, or options that make no sense, fail the run. */
static void test_failures(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_rules *rules =
        load(engine, G "  - {record: a, expr: 1}\n  - {record: b, expr: max(x)}\n");
    struct counting counting = {.caps = AMPQL_SOURCE_SAMPLES, .fails = AMPQL_UNAVAILABLE};
    struct ampql_source *source = counting_source(engine, &counting);
    struct ampql_rules_result *result = NULL;
    struct ampql_error err = {0};
    (void)state;
    assert_int_equal(ampql_rules_run(rules, source, &at_t, &result, &err), AMPQL_UNAVAILABLE);
    assert_null(result);
    assert_string_equal(err.message, "group \"g\", record \"b\", line 5: the wire is cut");
    assert_int_equal(ampql_rules_run(rules, source, &at_t, &result, NULL), AMPQL_UNAVAILABLE);

    struct ampql_run_options range = {
        .size = sizeof range, .start_ms = T, .end_ms = T, .step_ms = 1};
    assert_int_equal(ampql_rules_run(rules, source, &range, &result, &err), AMPQL_BAD_DATA);
    struct ampql_run_options far = {.size = sizeof far, .start_ms = INT64_MAX};
    assert_int_equal(ampql_rules_run(rules, source, &far, &result, &err), AMPQL_BAD_DATA);

    struct ampql_cancel *cancel = NULL;
    assert_int_equal(ampql_cancel_new(engine, &cancel, NULL), AMPQL_OK);
    ampql_cancel_set(cancel);
    struct ampql_run_options canceled = {.size = sizeof canceled, .start_ms = T, .cancel = cancel};
    counting.fails = AMPQL_OK;
    assert_int_equal(ampql_rules_run(rules, source, &canceled, &result, &err), AMPQL_CANCELED);
    ampql_cancel_free(cancel);
    ampql_source_free(source);
    ampql_rules_free(rules);
    ampql_engine_free(engine);
}

static const char two[] =
    G "  - {record: a, expr: 'mem{pod=\"a\"}', labels: {q: '\"'}}\n"
      "  - {record: b, expr: 'mem[5m]'}\n  - {record: c, expr: count(a) / 0}\n"
      "  - {record: c, expr: 1}\n";

static int refuse(void *payload, const char *data, size_t size)
{
    (void)payload, (void)data, (void)size;
    return 1;
}

static void test_json(void **state)
{
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = new_source(engine);
    struct ampql_rules *rules = load(engine, two);
    struct ampql_rules_result *result = NULL;
    static struct test_text text;
    (void)state;
    assert_int_equal(ampql_rules_run(rules, source, &at_t, &result, NULL), AMPQL_OK);
    assert_int_equal(ampql_rules_result_failed(result), 1);
    assert_int_equal(ampql_rules_result_json(result, test_write, &text), AMPQL_OK);
    assert_string_equal(
        text.at,
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
        "{\"metric\":{\"__name__\":\"a\",\"pod\":\"a\",\"q\":\"\\\"\",\"zone\":\"x\"},"
        "\"value\":[600,\"10\"]},{\"metric\":{\"__name__\":\"c\"},\"value\":[600,\"+Inf\"]}]},"
        "\"warnings\":[\"group \\\"g\\\", record \\\"c\\\", line 7: records series that "
        "another rule has recorded before: the first one counts\"]}");
    assert_int_equal(ampql_rules_result_json(result, refuse, NULL), AMPQL_OUTPUT);
    ampql_rules_result_free(result);
    ampql_rules_free(rules);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static bool run_two(const struct ampql_allocator *alc)
{
    struct ampql_rules *rules = NULL;
    struct ampql_rules_result *result = NULL;
    struct ampql_engine *engine = new_engine(alc);
    struct ampql_source *source = engine ? new_source(engine) : NULL;
    static struct test_text text;
    text.n = 0;
    bool ok = source && ampql_rules_load(engine, two, strlen(two), &rules, NULL) == AMPQL_OK &&
              ampql_rules_run(rules, source, &at_t, &result, NULL) == AMPQL_OK &&
              ampql_rules_result_json(result, test_write, &text) == AMPQL_OK;
    ampql_rules_result_free(result);
    ampql_rules_free(rules);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return ok;
}

static void test_torture(void **state)
{
    (void)state;
    torture_all(run_two);
}

/* Records read by queries: made at once, tick by tick, over and over where evaluations fail, and
 * beside what the source has stored. */
static const char read_rules[] =
    G "  - {record: a, expr: 'sum by (pod) (rate(cpu[2m]))'}\n"
      "  - {record: b, expr: 'max_over_time(a[3m])', labels: {pod: ''}}\n"
      "  - {record: c, expr: 'label_replace(mem, \"pod\", \"\", \"\", \"\") + on (zone) group_left "
      "() sum by (zone) (cpu @ end())'}\n"
      "  - {record: 'old:mem', expr: 'count by (zone) (mem) > 0'}\n";

static bool read_records(const struct ampql_allocator *alc)
{
    static const char *const texts[] = {"sum(a) or sum(count_over_time(b[5m]))", "c or old:mem",
                                        "{__name__=~\"a|old:.*\",pod=\"a\"}"};
    enum { N = sizeof texts / sizeof *texts };
    struct ampql_engine *engine = new_engine(alc);
    struct ampql_source *source = engine ? new_source(engine) : NULL;
    struct ampql_rules *rules = NULL;
    struct ampql_query *queries[N] = {0};
    struct ampql_result *results[N] = {0};
    bool ok = source &&
              ampql_rules_load(engine, read_rules, strlen(read_rules), &rules, NULL) == AMPQL_OK;
    for (size_t i = 0; ok && i < N; i++)
        ok = ampql_query_compile(engine, texts[i], strlen(texts[i]), &queries[i], NULL) == AMPQL_OK;
    struct ampql_run_options options = {.size = sizeof options,
                                        .start_ms = T - 120000,
                                        .end_ms = T,
                                        .step_ms = 60000,
                                        .rules = rules,
                                        .recorded = AMPQL_RECORDED_PREFER_STORED};
    ok = ok && ampql_batch_run(engine, (const struct ampql_query *const *)queries, N, source,
                               &options, results, NULL) == AMPQL_OK;
    for (size_t i = 0; i < N; i++) {
        if (ok)
            assert_true(ampql_result_count(results[i]) > 0);
        ampql_result_free(results[i]);
        ampql_query_free(queries[i]);
    }
    ampql_rules_free(rules);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return ok;
}

static void test_torture_of_readers(void **state)
{
    (void)state;
    torture_all(read_records);
}

/* As long as a text may be: what looks at operators goes along a chain, not down it. */
static void test_long_sum(void **state)
{
    enum { TERMS = 40000 };
    static char text[TERMS * 8 + 1000];
    struct ampql_engine *engine = new_engine(NULL);
    struct ampql_source *source = new_source(engine);
    struct ampql_rules_result *result = NULL;
    struct ampql_error err = {0};
    (void)state;
    size_t n = (size_t)snprintf(text, sizeof text, G "  - {record: a, expr: 'mem");
    for (size_t i = 0; i < TERMS; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i % 2 ? "+1" : "- mem * 0");
    snprintf(text + n, sizeof text - n,
             "', labels: {zone: z}}\n  - {record: b, expr: 'sum(a{pod=\"a\"})'}\n");
    struct ampql_rules *rules = load(engine, text);
    if (ampql_rules_run(rules, source, &at_t, &result, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    assert_int_equal(ampql_rules_result_failed(result), 0);
    assert_true(ampql_rules_result_record(result, 1, 0).value == 10 + TERMS / 2);
    ampql_rules_result_free(result);
    ampql_rules_free(rules);
    ampql_source_free(source);
    ampql_engine_free(engine);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_rows),     cmocka_unit_test(test_selects),
    cmocka_unit_test(test_failures), cmocka_unit_test(test_json),
    cmocka_unit_test(test_torture),  cmocka_unit_test(test_torture_of_readers),
    cmocka_unit_test(test_long_sum),
};
TEST_MAIN(tests)
