/* Runs of test scripts: what passes, fails, is skipped, what is printed of it, and JUnit's XML. */
#include "base/error.h"
#include "series/sample.h"
#include "tool/compare.h"
#include "tool/junit.h"
#include "tool/runner.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"

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

/* All the loaded series at the steps where they have samples; with @ in the text at that time.
 * Names that begin so do otherwise:
 *   fail     fails; fail_at only without @
 *   nope     is unsupported
 *   warn     has a warning
 *   drift    does not heed the @
 *   crooked  is one more in range queries
 *   limited  fails with the number of samples it may hold */
static enum ampql_code echo_evaluate(void *payload, struct str text,
                                     const struct ampql_run_options *options, struct arena *arena,
                                     struct outcome *out, struct ampql_error *err)
{
    const struct echo *echo = payload;
    static const struct outcome_note note = {{"PromQL warning: careful", 23}, false};
    const char *at = memchr(text.p, '@', text.n);
    bool is_range = options->step_ms > 0, is_fixed = at && !str_has_prefix(text, STR("drift"));
    int64_t fixed_ms = at ? (int64_t)llround(strtod(at + 1, NULL) * 1000) : 0;
    if (str_has_prefix(text, STR("fail")) && !(at && str_has_prefix(text, STR("fail_at"))))
        return (fail)(err, AMPQL_EXECUTION, "it failed");
    if (str_has_prefix(text, STR("nope")))
        return (fail)(err, AMPQL_UNSUPPORTED, "nope is not supported");
    if (str_has_prefix(text, STR("limited")))
        return (fail)(err, AMPQL_LIMIT, "%d", (int)options->max_samples);
    struct outcome_series *series = arena_alloc(arena, echo->n, sizeof *series);
    *out = (struct outcome){.kind = is_range ? AMPQL_RESULT_MATRIX : AMPQL_RESULT_VECTOR,
                            .series = series};
    if (str_has_prefix(text, STR("warn"))) {
        out->notes = &note;
        out->nnotes = 1;
    }
    size_t nsteps =
        is_range ? (size_t)((options->end_ms - options->start_ms) / options->step_ms) + 1 : 1;
    for (size_t i = 0; i < echo->n; i++) {
        const struct test_series *s = &echo->series[i];
        struct outcome_series *to = &series[out->nseries];
        int64_t *t = arena_alloc(arena, nsteps, sizeof *t);
        double *v = arena_alloc(arena, nsteps, sizeof *v);
        *to = (struct outcome_series){s->labels, s->nlabels, t, v, 0};
        for (size_t k = 0; k < nsteps; k++) {
            int64_t t_ms = options->start_ms + (int64_t)k * options->step_ms;
            for (size_t j = 0; j < s->n; j++) {
                if (s->t_ms[j] != (is_fixed ? fixed_ms : t_ms))
                    continue;
                t[to->n] = t_ms;
                v[to->n++] = s->v[j] + (is_range && str_has_prefix(text, STR("crooked")));
            }
        }
        out->nseries += to->n > 0;
    }
    return AMPQL_OK;
}

struct printer {
    FILE *out;
};

static void print_report(void *payload, const struct run_report *report)
{
    const struct printer *printer = payload;
    static const char *const verdicts[] = {"passed", "failed", "skipped"};
    fprintf(printer->out, "%s %zu: %.*s: %.*s\n%.*s\n", verdicts[report->verdict], report->line,
            STR_ARGS(report->text), STR_ARGS(report->reason), STR_ARGS(report->detail));
}

static struct run_counts run_with(const char *text, const struct evaluator *evaluator,
                                  struct run_options options, char *printed, size_t size)
{
    struct run_counts counts = {0};
    struct arena arena;
    struct script script;
    struct ampql_error err = {0};
    struct printer printer = {fmemopen(printed, size, "w")};
    assert_non_null(printer.out);
    arena_init(&arena, &alloc_default);
    options.file = "f";
    options.report = print_report;
    options.payload = &printer;
    enum ampql_code code = script_parse(str_of(text), "f", &arena, &script, &err);
    if (code == AMPQL_OK)
        code = script_run(&script, evaluator, &options, &counts, &err);
    if (code != AMPQL_OK)
        fprintf(printer.out, "%s\n", err.message);
    fclose(printer.out);
    arena_done(&arena);
    return counts;
}

static struct run_counts run_text(const char *text, char *printed, size_t size)
{
    struct echo echo = {0};
    struct evaluator evaluator = {&echo, true, echo_load, echo_evaluate};
    return run_with(text, &evaluator, (struct run_options){0}, printed, size);
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
    {LOADED "eval instant at 0m q\n expect ordered\n a 1\n b{l=\"x\"} 4\n", 1, 0, 0, ""},
    {LOADED "eval instant at 0m q\n expect ordered\n b{l=\"x\"} 4\n a 1\n", 0, 1, 0, "expected b"},
    {LOADED "eval_ordered instant at 0m q\n b{l=\"x\"} 4\n a 1\n", 0, 1, 0, "expected b"},
    {LOADED "eval instant at 1m q\n a 2.1\n", 0, 1, 0,
     "failed 5: q: \n    expected a{} 2.1\n    got      a{} 2\n"},
    {LOADED "eval instant at 1m q\n", 0, 1, 0, "too many a{} 2"},
    {LOADED "eval instant at 1m q\n a 2\n c 1\n", 0, 1, 0, "missing  c{} 1"},
    {LOADED "eval instant at 1m q\n a 2\n a 3\n", 0, 1, 0, "expected a{} 3"}, /* the last counts */
    {LOADED "eval instant at 1m q\n a 3\n a 2\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m q\n 2\n", 0, 1, 0, "expected a scalar, got a vector"},
    {LOADED "eval instant at 1m q\n expect string \"s\"\n", 0, 1, 0, "expected a string, got a"},
    {LOADED "eval instant at 1m q\n expect range vector from 0 to 1m step 1m\n a 1 2\n", 0, 1, 0,
     "expected a matrix, got a vector"},
    /* ranges */
    {LOADED "eval range from 0 to 2m step 1m q\n a 1 2 3\n b{l=\"x\"} 4 _ 6\n", 1, 0, 0, ""},
    {LOADED "eval range from 0 to 2m step 1m q\n a 1 2 3\n b{l=\"x\"} 4 5 6\n", 0, 1, 0,
     "got      b{l=\"x\"} 4 _ 6\n    differs  at 1m: expected 5, got _\n"},
    {LOADED "eval range from 0 to 2m step 1m q\n a 1 2\n b{l=\"x\"} 4 _ 6\n", 0, 1, 0,
     "differs  at 2m: expected _, got 3"},
    {LOADED "eval range from 0 to 2m step 1m q\n a 1 2 3 _\n b{l=\"x\"} 4 _ 6\n", 0, 1, 0,
     "more values are expected than there are steps"},
    {LOADED "eval range from 0 to 1m step 1m q\n a 1 2\n b{l=\"x\"} 4\n c _ _\n", 0, 1, 0,
     "missing  c{} _ _"}, /* as in that harness: nothing is no series */
    {LOADED "eval range from 0 to 2m step 1m q\n expect ordered\n a 1 2 3\n b{l=\"x\"} 4 _ 6\n", 0,
     1, 0, "expected an order, got a matrix"},
    {"load 1m\n b 1\n a 1\n\neval range from 0 to 0 step 1m q\n a 1\n b 1\n", 0, 1, 0,
     "not in label order"},
    /* failures */
    {LOADED "eval instant at 1m fail\n expect fail\n", 1, 0, 0, ""},
    {LOADED "eval_fail instant at 1m fail\n", 1, 0, 0, ""},
    {LOADED "eval_fail instant at 1m fail\n expected_fail_message it failed\n", 1, 0, 0, ""},
    {LOADED "eval_fail instant at 1m fail\n expected_fail_message it\n", 0, 1, 0,
     "got      it fail"},
    {LOADED "eval_fail instant at 1m fail\n expected_fail_regexp ^it\n", 1, 0, 0, ""},
    {LOADED "eval_fail instant at 1m fail\n expected_fail_regexp ^f\n", 0, 1, 0,
     "got      it fail"},
    {LOADED "eval instant at 1m fail\n expect fail msg: it failed\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m fail\n expect fail msg: it\n", 0, 1, 0, "got      it failed"},
    {LOADED "eval instant at 1m fail\n expect fail regex: f.*d$\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m fail\n expect fail regex: ^f\n", 0, 1, 0, "it failed"},
    {LOADED "eval instant at 1m fail\n a 2\n", 0, 1, 0, "error    it failed"},
    {LOADED "eval instant at 1m q\n expect fail\n", 0, 1, 0, "expected to fail"},
    {LOADED "eval instant at 1m fail_at\n expect fail\n", 0, 1, 0,
     "expected to fail, and it did not\n    of       fail_at @ 60.000\n"},
    {LOADED "eval range from 0 to 1m step 1m fail\n expect fail\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m limited\n expect fail msg: 10000\n", 1, 0, 0, ""},
    /* annotations */
    {LOADED "eval instant at 1m warn\n expect warn msg: PromQL warning: careful\n a 2\n", 1, 0, 0,
     ""},
    {LOADED "eval instant at 1m warn\n a 2\n", 1, 0, 0, ""},
    {LOADED "eval_warn instant at 1m warn\n a 2\n", 1, 0, 0, ""},
    {LOADED "eval_warn instant at 1m q\n a 2\n", 0, 1, 0, "missing warning"},
    {LOADED "eval_info instant at 1m warn\n a 2\n", 0, 1, 0, "missing info"},
    {LOADED "eval instant at 1m warn\n expect warn regex: less\n a 2\n", 0, 1, 0,
     "missing warning"},
    {LOADED "eval instant at 1m warn\n expect warn regex: care\n expect warn regex: less\n a 2\n",
     0, 1, 0, "missing warning less"},
    {LOADED "eval instant at 1m warn\n expect no_warn\n a 2\n", 0, 1, 0, "not expected: PromQL"},
    {LOADED "eval instant at 1m warn\n expect no_info\n a 2\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m q\n expect info\n a 2\n", 0, 1, 0, "missing info"},
    /* the other ways in which an instant evaluation runs */
    {LOADED "eval instant at 1m drift\n a 2\n", 0, 1, 0,
     "of       drift @ 60.000\n    at       0 ms\n"},
    {LOADED "eval instant at 1m timestamp(drift)\n a 2\n", 1, 0, 0, ""}, /* reads the time */
    {LOADED "eval instant at 0m q\n a 1\n b{l=\"x\"} 4\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m crooked\n a 2\n", 0, 1, 0,
     "got      a{} 3\n    in the middle of a range query of 3 steps\n"},
    {LOADED "eval instant at 1m crooked\n expect ordered\n a 2\n", 1, 0, 0, ""},
    {LOADED "eval instant at 1m crooked and start()\n a 2\n", 1, 0, 0, ""},
    /* loads */
    {LOADED "clear\neval instant at 1m q\n", 1, 0, 0, ""},
    {LOADED "CLEAR all\neval instant at 1m q\n", 1, 0, 0, ""},
    {LOADED "load 1m\n a _x5 7\n\neval instant at 5m q\n a 7\n", 1, 0, 0, ""},
    {LOADED "load 1m\n a 7\n\neval instant at 1m q\n", 0, 0, 0,
     "f:6:2: the series was loaded before"},
    {LOADED "load 1m\n a _ _ 3 4\n\neval instant at 3m q\n a 4\n", 1, 0, 0, ""}, /* 3 again */
    {"load 1m\n a 7\n a 8\n\neval instant at 0 q\n a 8\n", 1, 0, 0, ""}, /* the last line counts */
    /* skipped */
    {"load 1m\n h {{count:1}}\n\neval instant at 1m h\n a 2\n", 0, 0, 1,
     "skipped 4: h: needs native histograms\nh\n"},
    {"load 1m\n h {{count:1}}\n a 1\n\neval instant at 0 q\n a 1\n", 1, 0, 0, ""},
    {"load 1m\n h {{count:1}}\n a 1\n\neval instant at 0 {l=\"x\"}\n a 1\n", 1, 0, 0, ""},
    {"load 1m\n h{l=\"x\"} {{count:1}}\n\neval instant at 1m sum({l=~\"x|y\"})\n", 0, 0, 1,
     "needs"},
    {"load 1m\n a 1\n\neval instant at 1m q\n a {{count:1}}\n", 0, 0, 1, "expects them"},
    {"load_with_nhcb 1m\n h_bucket{le=\"1\"} 1\n\neval instant at 0 h_bucket\n h_bucket{le=\"1\"} "
     "1\n\neval instant at 0 rate(h[1m])\n",
     1, 0, 1, "skipped 7: rate(h[1m]): needs native histograms\nh\n"},
    {"load_with_nhcb 1m\n g_bucket{le=\"x\"} 1\n h_sum 1\n\neval instant at 0 h\n\neval instant at "
     "0 g\n h_sum 1\n g_bucket{le=\"x\"} 1\n",
     1, 0, 1, "skipped 5: h"},
    {"load 1m\n a 1\n s@st -1m _ -1s+1sx1\n s 1 2 3 4\n\neval instant at 0 s\n\neval instant at 0 "
     "q\n a 1\n s 1\n",
     1, 0, 1, "needs start timestamps\ns\n"},
    {LOADED "eval instant at 1m nope\n a 2\n\neval_fail instant at 1m nope\n", 0, 0, 2,
     "nope: nope is not supported"},
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

/* ---- the engine, as the command runs it */

static const struct engine_row {
    const char *text;
    size_t passed, failed, skipped;
    const char *printed;
} engine_rows[] = {
    {"load 1m\n x 1 2\n\neval instant at 1m x + 1\n {} 3\n", 1, 0, 0, ""},
    {"eval instant at 0 1 +\n", 0, 1, 0, "error    1:22: unexpected end of input"},
    {"eval_fail instant at 0 1 +\n", 0, 1, 0, "expected to fail when it runs"},
    {"eval instant at 0 (\"s\")\n expect string `s`\n", 1, 0, 0, ""},
    {"eval instant at 0 \"s\"\n expect string 't'\n", 0, 1, 0,
     "expected \"t\"\n    got      \"s\""},
    {"eval instant at 0 0x10\n 0x10\n", 1, 0, 0, ""},
    {"eval instant at 0 -8\n -010\n", 1, 0, 0, ""},
    {"eval instant at 0 3\n 0b11\n", 1, 0, 0, ""},
    {"eval instant at 0 1/0\n +Inf\n", 1, 0, 0, ""},
    {"load 1m\n x 1 2 3\n\neval instant at 2m x[2m]\n expect range vector from 1m to 2m step 1m\n "
     "x 2 3\n",
     1, 0, 0, ""},
    {"load 1s\n x 1x9999\n\neval instant at 9999s count_over_time(x[9990s])\n {} 9990\n", 1, 0, 0,
     ""},
    {"load 1s\n x 1x10000\n\neval instant at 10000s count_over_time(x[10001s])\n {} 10001\n", 0, 1,
     0,
     "error    4:24: query processing would load too many samples into memory in query execution"},
    {"load 1s\n x 1x10000\n\neval instant at 10000s count_over_time(x[10001s])\n expect fail msg: "
     "query processing would load too many samples into memory in query execution\n",
     1, 0, 0, ""},
    {"load 1m\n x 1\n y 1\n\neval instant at 0 {__name__=~\"x|y\"} + 1\n expect fail regex: same "
     "label\n",
     1, 0, 0, ""},
    {"# name removal: immediate\nload 1m\n x 1\n y 1\n\neval instant at 0 sum by (__name__) "
     "({__name__=~\"x|y\"} + 1)\n expect fail\n",
     1, 0, 0, ""},
    {"# dialect: prom2\nload 1m\n x 1 2\n\neval instant at 1m holt_winters(x[1m], 0.5, 0.5)\n {} "
     "2\n",
     1, 0, 0, ""},
};

static void engine_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof engine_rows / sizeof *engine_rows; i++) {
        const struct engine_row *row = &engine_rows[i];
        struct engine_evaluator engine;
        char printed[4096] = "";
        assert_int_equal(engine_evaluator_init(&engine, &alloc_default, NULL), AMPQL_OK);
        struct run_counts counts = run_with(row->text, &engine.evaluator, (struct run_options){0},
                                            printed, sizeof printed);
        engine_evaluator_done(&engine);
        if (counts.passed != row->passed || counts.failed != row->failed ||
            counts.skipped != row->skipped || !strstr(printed, row->printed))
            fail_msg("row %zu:\n%s\n%zu passed, %zu failed, %zu skipped, printed\n%s", i, row->text,
                     counts.passed, counts.failed, counts.skipped, printed);
    }
}

/* ---- JUnit */

static size_t read_back(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, size - 1, f);
    out[n] = '\0';
    fclose(f);
    return n;
}

static void junit_file(void **state)
{
    (void)state;
    static const struct run_report reports[] = {
        {.line = 3, .text = {"a < b", 5}, .verdict = VERDICT_PASSED},
        {.line = 5,
         .text = {"x{l=\"\x01\xff\"}", 9},
         .verdict = VERDICT_FAILED,
         .detail = {"    expected <1> & \"2\"\n", 23}},
        {.line = 7,
         .text = {"h", 1},
         .verdict = VERDICT_SKIPPED,
         .reason = {"needs native histograms", 23},
         .detail = {"h", 1}},
    };
    char folder[] = "/tmp/ampql_junit_XXXXXX", path[64], text[4096];
    struct junit junit;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out.xml", folder);
    assert_int_equal(junit_open(&junit, path, NULL), AMPQL_OK);
    junit_suite(&junit, "a&b.test");
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
        junit_case(&junit, &reports[i]);
    junit_broken(&junit, "a.test:9:1: expected <");
    junit_suite_end(&junit);
    assert_int_equal(access(path, F_OK), -1); /* there only when it is whole */
    assert_int_equal(junit_close(&junit, NULL), AMPQL_OK);
    read_back(path, text, sizeof text);
    assert_string_equal(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites>\n"
        "  <testsuite name=\"a&amp;b.test\" tests=\"4\" failures=\"1\" errors=\"1\" "
        "skipped=\"1\">\n"
        "    <testcase classname=\"a&amp;b.test\" name=\"3: a &lt; b\" file=\"a&amp;b.test\" "
        "line=\"3\"/>\n"
        "    <testcase classname=\"a&amp;b.test\" name=\"5: "
        "x{l=&quot;\xef\xbf\xbd\xef\xbf\xbd&quot;"
        "}\" file=\"a&amp;b.test\" line=\"5\">\n"
        "      <failure message=\"a&amp;b.test:5\">    expected &lt;1&gt; &amp; &quot;2&quot;\n"
        "</failure>\n"
        "    </testcase>\n"
        "    <testcase classname=\"a&amp;b.test\" name=\"7: h\" file=\"a&amp;b.test\" line=\"7\">\n"
        "      <skipped message=\"needs native histograms: h\"/>\n"
        "    </testcase>\n"
        "    <testcase classname=\"a&amp;b.test\" name=\"0: the script\" file=\"a&amp;b.test\" "
        "line=\"0\">\n"
        "      <error message=\"a.test:9:1: expected &lt;\"/>\n"
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n");
    /* the old file stays when a new one is given up */
    assert_int_equal(junit_open(&junit, path, NULL), AMPQL_OK);
    junit_abandon(&junit);
    assert_true(read_back(path, text, sizeof text) > 100);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* and nothing else is left */
    struct ampql_error err = {0};
    assert_int_equal(junit_open(&junit, "/nowhere/at/all.xml", &err), AMPQL_OUTPUT);
    assert_string_equal(err.message, "/nowhere/at/all.xml: No such file or directory");
    /* a full device is noticed */
    assert_int_equal(junit_open(&junit, "/dev/full", NULL), AMPQL_OK);
    junit_suite(&junit, "s");
    junit_suite_end(&junit);
    assert_int_equal(junit_close(&junit, NULL), AMPQL_OUTPUT);
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs),
        cmocka_unit_test(engine_runs),
        cmocka_unit_test(junit_file),
        cmocka_unit_test(tolerance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
