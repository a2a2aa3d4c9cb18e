/* Test scripts: what is read, what is refused and where. */
#include "series/sample.h"
#include "tool/script.h"

#include <stdio.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"
#include "support/torture.h"

/* ---- value sequences */

static const struct values_row {
    const char *text;
    const char *values; /* g: gap, s: stale, h: histogram, otherwise numbers; NULL: refused */
} values_rows[] = {
    {"1 2.5 -3", "1 2.5 -3"},
    {"_ 1 _x3 2", "g 1 g g g 2"},
    {"5x2", "5 5 5"},
    {"0+10x3", "0 10 20 30"},
    {"1-2x2", "1 -1 -3"},
    {"-5+2x2", "-5 -3 -1"},
    {"1e+3+1x1", "1000 1001"},
    {"1e-1x0", "0.1"},
    {"0x2", "0 0 0"}, /* not hexadecimal */
    {"Inf -Inf +Inf", "inf -inf inf"},
    {"NaN", "nan"},
    {"stale 1 stale", "s 1 s"},
    {"{{schema:0 count:1 buckets:[1 2]}} 1 {{}}x1", "h 1 h h"},
    {"{{count:1}}+{{count:2}}x2", "h h h"},
    {"", ""},
    {"1+2", NULL},        /* how often? */
    {"_y3", NULL},        /* no gap */
    {"1x", NULL},         /* no number of times */
    {"abc", NULL},        /* no value */
    {"1x99999999", NULL}, /* too many */
    {"{{count:1", NULL},  /* has no end */
};

static void write_values(const struct script_series *series, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < series->nvalues && n < size; i++) {
        const struct script_value *v = &series->values[i];
        const char *blank = i ? " " : "";
        if (v->kind == SCRIPT_NUMBER && !is_stale(v->v))
            n += (size_t)snprintf(out + n, size - n, "%s%g", blank, v->v);
        else
            n += (size_t)snprintf(out + n, size - n, "%s%c", blank,
                                  v->kind == SCRIPT_GAP      ? 'g'
                                  : v->kind == SCRIPT_NUMBER ? 's'
                                                             : 'h');
    }
}

static void value_sequences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values_rows / sizeof *values_rows; i++) {
        const struct values_row *row = &values_rows[i];
        char text[256], got[512];
        struct arena arena;
        struct script script;
        struct ampql_error err = {0};
        arena_init(&arena, &alloc_default);
        int n = snprintf(text, sizeof text, "load 1m\n  x{a=\"b\"} %s\n", row->text);
        enum ampql_code code = script_parse(str_make(text, (size_t)n), "f", &arena, &script, &err);
        if ((code == AMPQL_OK) != (row->values != NULL))
            fail_msg("%s: code %d %s", row->text, (int)code, err.message);
        if (code == AMPQL_OK) {
            write_values(&script.at[0].series[0], got, sizeof got);
            assert_string_equal(got, row->values);
        } else {
            assert_non_null(strstr(err.message, "f:2:"));
        }
        arena_done(&arena);
    }
}

/* ---- refused scripts */

static const struct refused_row {
    const char *text, *message;
} refused_rows[] = {
    {"lod 1m\n", "f:1:1: expected clear, load or eval: \"lod 1m\""},
    {"\n# comment\n  load x\n", "f:3:8: not a duration such as 5m: \"x\""},
    {"load 0\n", "f:1:6: load needs an interval above 0: \"0\""},
    {"load 1m 2m\n", "f:1:9: unexpected after the interval: \"2m\""},
    {"load_all 1m\n", "f:1:1: expected load or load_with_nhcb: \"load_all\""},
    {"LOAD 1m\n", "f:1:1: expected clear, load or eval"},
    {"load 1m\n x{a=~\"b\"} 1\n", "f:2:2: labels of a series need =: \"x{a=~\\\"b\\\"}\""},
    {"load 1m\n x{a=\"b\", a=\"c\"} 1\n", "f:2:2: a label occurs twice"},
    {"load 1m\n x{a=\"b\" 1\n", "f:2:10: unexpected"},
    {"load 1m\n  x 1 2 3a 4\n", "f:2:9: not a value such as 1, _, stale, 0+10x5: \"3a\""},
    {"load 1m\n  x@st 1m\n", "f:2:3: start times without the samples' line after them"},
    {"load 1m\n  x@st 1m\n  x@st 1m\n  x 1\n", "f:3:3: start times after start times"},
    {"load 1m\n  x@st -1m _\n  x 1\n", "f:3:3: not as many samples as start times before it"},
    {"load 1m\n  x@st -1m\n  y 1\n", "f:3:3: not the series of the start times before it"},
    {"load 1m\n  x@st soon\n  x 1\n", "f:2:8: not a start time such as -1m"},
    {"load 1m\n  x@st -1m+1s\n  x 1\n", "f:2:8: not a start time"},
    {"eval sometime x\n", "f:1:6: expected instant or range: \"sometime\""},
    {"eval\n", "f:1:1: expected instant or range"},
    {"eval instant x\n", "f:1:14: expected at TIME: \"x\""},
    {"eval instant at soon x\n", "f:1:17: not a duration such as 5m: \"soon\""},
    {"eval instant at 1m\n", "f:1:6: no expression"},
    {"eval_maybe instant x\n", "f:1:1: unknown command: \"eval_maybe\""},
    {"eval range from 0 to 1m x\n", "f:1:25: expected from TIME to TIME step DURATION: \"x\""},
    {"eval range from 1m to 0 step 1m x\n", "f:1:33: a range needs a step above 0"},
    {"eval_ordered range from 0 to 1m step 1m x\n", "f:1:1: a range query has no order"},
    {"eval instant at 1m x\n  {} 1 2\n", "f:2:3: an instant query has one value a series"},
    {"eval instant at 1m x\n  expect much\n", "f:2:10: nothing that one can expect: \"much\""},
    {"eval instant at 1m x\n  expect string foo\n", "f:2:17: not a quoted string"},
    {"eval instant at 1m x\n  expect fail because\n", "f:2:15: expected msg: TEXT or regex: "},
    {"eval instant at 1m x\n  expect fail msg:\n", "f:2:15: no text"},
    {"eval instant at 1m x\n  expect warn regex: (\n", "f:2:22: not a regular expression: \"(\""},
    {"eval instant at 1m x\n  expect fail\n  expect fail\n", "f:3:10: fails only once"},
    {"eval instant at 1m x\n  expect info\n  expect no_info\n", "f:3:10: contradicts"},
    {"eval instant at 1m x\n  expect no_warn\n  expect warn\n", "f:3:10: contradicts"},
    {"eval instant at 1m x\n  expect range vector from 0 to 1m\n", "f:2:"},
    {"eval range from 0 to 1m step 1m x\n  expect string \"a\"\n", "f:2:10: not a result of a"},
    {"eval_fail instant at 1m x\n  expected_fail_regexp (\n", "f:2:24: not a regular expression"},
    {"eval instant at 1m x\n  expected_fail_message m\n", "f:2:"}, /* only of eval_fail */
    {"eval instant at 1m 1\n  1\n  {} 2\n", "f:3:3: expected clear, load or eval"},
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused_rows / sizeof *refused_rows; i++) {
        const struct refused_row *row = &refused_rows[i];
        struct arena arena;
        struct script script;
        struct ampql_error err = {0};
        arena_init(&arena, &alloc_default);
        assert_int_equal(script_parse(str_of(row->text), "f", &arena, &script, &err),
                         AMPQL_BAD_DATA);
        if (!strstr(err.message, row->message))
            fail_msg("%s: %s", row->text, err.message);
        arena_done(&arena);
    }
}

/* ---- no memory */

static bool parse_with(const struct ampql_allocator *alc)
{
    static const char text[] =
        "load 1m\n  x{a=\"b\"} 1 2 _x3 {{count:1}}\n\neval instant at 1m x\n  expect string \"s\"\n"
        "\neval range from 0 to 1m step 1m x\n  expect warn\n  expect info\n  {a=\"b\"} 1+1x20\n";
    struct arena arena;
    struct script script;
    struct ampql_error err = {0};
    arena_init(&arena, alc);
    enum ampql_code code =
        script_parse(str_make(text, sizeof text - 1), "f", &arena, &script, &err);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    arena_done(&arena);
    return code == AMPQL_OK;
}

static void no_memory(void **state)
{
    (void)state;
    assert_true(torture_all(parse_with) > 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_sequences),
        cmocka_unit_test(refused),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
