/* Test scripts: what is read, what is refused and where, what a failing evaluation prints. */
#include "series/sample.h"
#include "tool/compare.h"
#include "tool/runner.h"

#include <math.h>
#include <stdlib.h>

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
            assert_non_null(strstr(err.message, "f:2: "));
        }
        arena_done(&arena);
    }
}

/* ---- refused scripts */

static const struct refused_row {
    const char *text, *message;
} refused_rows[] = {
    {"lod 1m\n", "f:1: expected clear, load or eval: \"lod 1m\""},
    {"\n# comment\nload x\n", "f:3: not a duration such as 5m: \"x\""},
    {"load 0\n", "f:1: load needs an interval above 0"},
    {"load 1m\n x{a=~\"b\"} 1\n", "f:2: labels of a series need =: \"x{a=~\\\"b\\\"}\""},
    {"load 1m\n x{a=\"b\", a=\"c\"} 1\n", "f:2: a label occurs twice"},
    {"load 1m\n x{a=\"b\" 1\n", "f:2: "},
    {"eval sometime x\n", "f:1: expected instant or range"},
    {"eval instant at 1m\n", "f:1: no expression"},
    {"eval_maybe instant x\n", "f:1: unknown command: \"eval_maybe\""},
    {"eval range from 0 to 1m x\n", "f:1: expected from TIME to TIME step DURATION"},
    {"eval range from 1m to 0 step 1m x\n", "f:1: a range needs a step above 0"},
    {"eval instant at 1m x\n  {} 1 2\n", "f:2: an instant query has one value a series"},
    {"eval instant at 1m x\n  expect much\n", "f:2: nothing that one can expect: \"much\""},
    {"eval instant at 1m x\n  expect string foo\n", "f:2: not a quoted string"},
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

/* ---- runs, over an evaluator that answers what it was loaded with */

struct echo {
    const struct test_series *series;
    size_t n;
};

static enum ampql_code echo_load(void *payload, const struct test_series *series, size_t n,
                                 struct ampql_error *err)
{
    struct echo *echo = payload;
    (void)err;
    *echo = (struct echo){series, n};
    return AMPQL_OK;
}

/* "fail" fails; anything else is all the series at the steps where they have samples. */
static enum ampql_code echo_evaluate(void *payload, struct str text,
                                     const struct ampql_run_options *options, struct arena *arena,
                                     struct outcome *out, struct ampql_error *err)
{
    const struct echo *echo = payload;
    static const struct outcome_note note = {{"PromQL warning: careful", 23}, false};
    if (str_equal(text, STR("fail"))) {
        *err = (struct ampql_error){.code = AMPQL_EXECUTION, .message = "it failed"};
        return AMPQL_EXECUTION;
    }
    struct outcome_series *series = arena_alloc(arena, echo->n, sizeof *series);
    *out = (struct outcome){
        .kind = options->step_ms > 0 ? AMPQL_RESULT_MATRIX : AMPQL_RESULT_VECTOR, .series = series};
    if (str_equal(text, STR("warn"))) {
        out->notes = &note;
        out->nnotes = 1;
    }
    for (size_t i = 0; i < echo->n; i++) {
        const struct test_series *s = &echo->series[i];
        struct outcome_series *to = &series[out->nseries];
        int64_t *t = arena_alloc(arena, s->n, sizeof *t);
        double *v = arena_alloc(arena, s->n, sizeof *v);
        *to = (struct outcome_series){s->labels, s->nlabels, t, v, 0};
        for (size_t k = 0; k < s->n; k++) {
            if (s->t_ms[k] < options->start_ms || s->t_ms[k] > options->end_ms)
                continue;
            t[to->n] = s->t_ms[k];
            v[to->n++] = s->v[k];
        }
        out->nseries += to->n > 0;
    }
    return AMPQL_OK;
}

static struct run_counts run_text(const char *text, char *printed, size_t size)
{
    struct echo echo = {0};
    struct evaluator evaluator = {&echo, true, echo_load, echo_evaluate};
    struct run_counts counts = {0};
    struct arena arena;
    struct script script;
    struct ampql_error err = {0};
    FILE *out = fmemopen(printed, size, "w");
    assert_non_null(out);
    arena_init(&arena, &alloc_default);
    struct run_options options = {.file = "f", .out = out};
    enum ampql_code code = script_parse(str_of(text), "f", &arena, &script, &err);
    if (code == AMPQL_OK)
        code = script_run(&script, &evaluator, &options, &counts, &err);
    if (code != AMPQL_OK)
        fprintf(out, "%s\n", err.message);
    fclose(out);
    arena_done(&arena);
    return counts;
}

#define LOADED "load 1m\n a 1 2 3\n b{l=\"x\"} 4 _ 6\n\n"

static const struct run_row {
    const char *text;
    size_t passed, failed, skipped;
    const char *printed; /* somewhere in what is printed */
} run_rows[] = {
    {LOADED "eval instant at 1m q\n a 2\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m q\n a{} 2.0000001\n", 1, 0, 0, ""},
    {LOADED "eval instant at 0m q\n b{l=\"x\"} 4\n a 1\n", 1, 0, 0, ""},
    {LOADED "eval instant at 0m q\n expect ordered\n b{l=\"x\"} 4\n a 1\n", 0, 1, 0, "expected b"},
    {LOADED "eval instant at 1m q\n a 2.1\n", 0, 1, 0,
     "f:5: q\n    expected a{} 2.1\n    got      a{} 2\n"},
    {LOADED "eval instant at 1m q\n", 0, 1, 0, "too many a{} 2"},
    {LOADED "eval instant at 1m q\n a 2\n c 1\n", 0, 1, 0, "missing  c{} 1"},
    {LOADED "eval instant at 1m q\n 2\n", 0, 1, 0, "expected a scalar, got a vector"},
    {LOADED "eval range from 0 to 2m step 1m q\n a 1 2 3\n b{l=\"x\"} 4 _ 6\n", 1, 0, 0, ""},
    {LOADED "eval range from 0 to 2m step 1m q\n a 1 2 3\n b{l=\"x\"} 4 5 6\n", 0, 1, 0,
     "got      b{l=\"x\"} 4 _ 6"},
    {LOADED "eval range from 0 to 2m step 1m q\n a 1 2\n b{l=\"x\"} 4 _ 6\n", 0, 1, 0,
     "got      a"},
    {LOADED "eval instant at 1m fail\n expect fail\n", 1, 0, 0, ""},
    {LOADED "eval_fail instant at 1m fail\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m fail\n expect fail msg: it failed\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m fail\n expect fail msg: it\n", 0, 1, 0, "got      it failed"},
    {LOADED "eval instant at 1m fail\n expect fail regex: f.*d$\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m fail\n expect fail regex: ^f\n", 0, 1, 0, "it failed"},
    {LOADED "eval instant at 1m fail\n a 2\n", 0, 1, 0, "error    it failed"},
    {LOADED "eval instant at 1m q\n expect fail\n", 0, 1, 0, "expected to fail"},
    {LOADED "eval instant at 1m warn\n expect warn msg: PromQL warning: careful\n a 2\n", 1, 0, 0,
     ""},
    {LOADED "eval instant at 1m warn\n expect warn regex: less\n a 2\n", 0, 1, 0,
     "missing warning"},
    {LOADED "eval instant at 1m warn\n expect no_warn\n a 2\n", 0, 1, 0, "not expected: PromQL"},
    {LOADED "eval instant at 1m q\n expect info\n a 2\n", 0, 1, 0, "missing info"},
    {LOADED "clear\neval instant at 1m q\n", 1, 0, 0, ""},
    {LOADED "load 1m\n a _x5 7\n\neval instant at 5m q\n a 7\n", 1, 0, 0, ""},
    {LOADED "load 1m\n a 7\n\neval instant at 1m q\n", 0, 0, 0,
     "f:6: the series was loaded before"},
    {LOADED "load 1m\n h {{count:1}}\n\neval instant at 1m h\n a 2\n", 0, 0, 1, ""},
    {LOADED "load 1m\n h {{count:1}}\n\neval instant at 1m q\n a 2\n", 1, 0, 0, ""},
    {LOADED "load 1m\n h {{count:1}}\n\neval instant at 1m {l=\"x\"}\n a 2\n", 0, 0, 1, ""},
};

static void runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof run_rows / sizeof *run_rows; i++) {
        const struct run_row *row = &run_rows[i];
        char printed[4096] = "";
        struct run_counts counts = run_text(row->text, printed, sizeof printed);
        if (counts.passed != row->passed || counts.failed != row->failed ||
            counts.skipped != row->skipped || !strstr(printed, row->printed))
            fail_msg("row %zu:\n%s\n%zu passed, %zu failed, %zu skipped, printed\n%s", i, row->text,
                     counts.passed, counts.failed, counts.skipped, printed);
    }
}

/* ---- numbers */

static void tolerance(void **state)
{
    (void)state;
    double stale = double_of(STALE_BITS);
    assert_true(values_agree(1, 1.000001));
    assert_false(values_agree(1, 1.00001));
    assert_true(values_agree(0, -0.0));
    assert_false(values_agree(0, 1e-300)); /* 0 must be 0 */
    assert_true(values_agree(NAN, -NAN));
    assert_true(values_agree(stale, stale));
    assert_false(values_agree(stale, NAN));
    assert_true(values_agree(INFINITY, INFINITY));
    assert_false(values_agree(INFINITY, -INFINITY));
    assert_false(values_agree(INFINITY, 1.7e308));
    assert_true(values_agree(1.7e308, 1.7e308 * (1 - 1e-9)));
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
        cmocka_unit_test(value_sequences), cmocka_unit_test(refused),   cmocka_unit_test(runs),
        cmocka_unit_test(tolerance),       cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
