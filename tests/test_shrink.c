/* Making cases small, writing them as test scripts, moving them in time, and counting what they are
 * made of. */
#include "series/sample.h"
#include "support/case_file.h"
#include "support/coverage.h"
#include "support/shrink.h"
#include "tool/runner.h"

#include <math.h>
#include <stdio.h>

/* last: cmocka has a macro named fail */
#include "support/test.h"

#define LABEL(name, value)                                                                         \
    {                                                                                              \
        {name, sizeof(name) - 1},                                                                  \
        {                                                                                          \
            value, sizeof(value) - 1                                                               \
        }                                                                                          \
    }

static const struct ampql_label counter[] = {LABEL("__name__", "cpu_total"), LABEL("ns", "a"),
                                             LABEL("pod", "p")};
static const struct ampql_label gauge[] = {LABEL("__name__", "mem"), LABEL("ns", "a")};
static const int64_t times[] = {61000, 120500, 180000, 241000, 300000, 360000};
static const double rises[] = {10.5, 20.25, 31, 4.125, 15, 28};
static const double values[] = {1, 2, 3, 4, 5, 6};

/* Two series, and a query of eleven steps. */
static struct expr_case large_case(const char *text)
{
    struct expr_case c = {.text = str_of(text), .nseries = 2};
    c.series[0] = (struct test_series){counter, 3, times, rises, 6};
    c.series[1] = (struct test_series){gauge, 2, times, values, 6};
    c.options = (struct ampql_run_options){.size = sizeof c.options,
                                           .dialect = AMPQL_PROM3,
                                           .start_ms = 60000,
                                           .end_ms = 660000,
                                           .step_ms = 60000,
                                           .lookback_ms = 90000,
                                           .delayed_name_removal = true};
    return c;
}

/* An imagined fault: rate over a counter that falls to a value above 2. */
static bool is_wrong(void *payload, const struct expr_case *c)
{
    size_t *nasked = payload;
    ++*nasked;
    if (!memmem(c->text.p, c->text.n, "rate(cpu_total", 14))
        return false;
    for (size_t i = 0; i < c->nseries; i++)
        for (size_t k = 1; k < c->series[i].n; k++)
            if (c->series[i].labels[0].value.data[0] == 'c' &&
                c->series[i].v[k] < c->series[i].v[k - 1] && c->series[i].v[k] > 2)
                return true;
    return false;
}

static void test_small(void **state)
{
    (void)state;
    struct arena arena;
    struct expr_case c =
        large_case("sum by (ns, pod) (abs(rate(cpu_total{ns=\"a\", pod=~\"p.*\"}[5m] "
                   "offset 1m)) * on (ns) group_left () mem) + 3 * time()");
    size_t nasked = 0;
    const struct shrink_options options = {AMPQL_PROM3, 100000};
    arena_init(&arena, &alloc_default);
    assert_true(is_wrong(&nasked, &c));
    nasked = 0;
    size_t n = shrink_case(&c, &options, is_wrong, &nasked, &arena);
    assert_int_equal(n, nasked);
    assert_true(is_wrong(&nasked, &c));
    assert_int_equal(c.text.n, strlen("rate(cpu_total[5m])"));
    assert_memory_equal(c.text.p, "rate(cpu_total[5m])", c.text.n);
    assert_int_equal(c.nseries, 1);
    assert_int_equal(c.series[0].n, 2);
    assert_int_equal(c.series[0].nlabels, 1);
    double before = c.series[0].v[0], after = c.series[0].v[1];
    if (!(before < 10 && before == floor(before) && after > 2 && after < before))
        fail_msg("%g %g", before, after);
    assert_int_equal(c.series[0].t_ms[0] % 60000, 0);
    assert_int_equal(c.series[0].t_ms[1] % 60000, 0);
    assert_int_equal(c.options.step_ms, 0);
    assert_int_equal(c.options.lookback_ms, 0);
    assert_false(c.options.delayed_name_removal);
    arena_done(&arena);
}

/* It stops when it has asked often enough, with a case that still passes. */
static void test_limit(void **state)
{
    (void)state;
    struct arena arena;
    struct expr_case c = large_case("sum(rate(cpu_total[5m])) + sum(mem)");
    size_t nasked = 0;
    const struct shrink_options options = {AMPQL_PROM3, 7};
    arena_init(&arena, &alloc_default);
    assert_int_equal(shrink_case(&c, &options, is_wrong, &nasked, &arena), 7);
    assert_int_equal(nasked, 7);
    assert_true(is_wrong(&nasked, &c));
    arena_done(&arena);
}

/* ---- scripts */

static const struct script_row {
    const char *text;
    bool is_range, is_delayed;
    enum ampql_dialect dialect;
} script_rows[] = {
    {"rate(cpu_total[5m])", false, false, AMPQL_PROM3},
    {"rate(cpu_total[5m])", true, true, AMPQL_PROM3},
    {"rate(mem[5m])", false, false, AMPQL_PROM3}, /* with an annotation */
    {"avg_over_time(mem[2m])", true, false, AMPQL_PROM2},
    {"mem[3m]", false, false, AMPQL_PROM3},
    {"(mem)[3m:61s]", false, false, AMPQL_PROM2},
    {"time() / 7", false, false, AMPQL_PROM3},
    {"\"a \\\"string\\\"\"", false, false, AMPQL_PROM3},
    {"missing", false, false, AMPQL_PROM3},
    {"mem / 0 - mem / 0", true, false, AMPQL_PROM3},
    {"label_replace(mem, \"a b\", \"\\n$1\", \"ns\", \"(.*)\")", false, true, AMPQL_PROM3},
    {"topk(NaN, mem)", false, false, AMPQL_PROM3}, /* fails */
    {"mem + on () {__name__=~\".+\"}", false, false, AMPQL_PROM3},
};

static struct run_counts run_script(struct str text, const struct evaluator *e)
{
    struct arena arena;
    struct script script;
    struct ampql_error err = {0};
    struct run_counts counts = {0};
    const struct run_options options = {.file = "case"};
    arena_init(&arena, &alloc_default);
    if (script_parse(text, "case", &arena, &script, &err) != AMPQL_OK ||
        script_run(&script, e, &options, &counts, &err) != AMPQL_OK)
        fail_msg("%s\n%.*s", err.message, (int)text.n, text.p);
    arena_done(&arena);
    return counts;
}

/* What the engine answers, written as a script, passes; with one bit changed it fails. */
static void test_scripts(void **state)
{
    (void)state;
    struct engine_evaluator engine;
    assert_int_equal(engine_evaluator_init(&engine, &alloc_default, NULL), AMPQL_OK);
    const struct evaluator *e = &engine.evaluator;
    for (size_t i = 0; i < sizeof script_rows / sizeof *script_rows; i++) {
        const struct script_row *row = &script_rows[i];
        struct expr_case c = large_case(row->text);
        struct arena arena;
        struct buf script;
        struct outcome outcome = {0};
        struct ampql_error err = {0};
        arena_init(&arena, &alloc_default);
        buf_init(&script, &alloc_default, 1 << 20);
        c.options.lookback_ms = 0;
        c.options.dialect = row->dialect;
        c.options.delayed_name_removal = row->is_delayed;
        if (!row->is_range) {
            c.options.start_ms = c.options.end_ms = 301000;
            c.options.step_ms = 0;
        }
        assert_int_equal(e->load(e->payload, c.series, c.nseries, NULL), AMPQL_OK);
        struct case_answer answer = {.outcome = &outcome};
        answer.code = e->evaluate(e->payload, c.text, &c.options, &arena, &outcome, &err);
        answer.message = row->dialect == AMPQL_PROM3 ? str_of(err.message) : STR("");
        assert_true(case_write(&c, &answer, "a test", &script));
        struct run_counts counts = run_script(buf_view(&script), e);
        if (counts.passed != 1 || counts.failed)
            fail_msg("%s:\n%.*s", row->text, (int)script.n, script.p);
        if (outcome.kind != AMPQL_RESULT_STRING && outcome.nseries && outcome.series[0].n) {
            double *v = (double *)outcome.series[0].v;
            if (isfinite(v[0])) {
                v[0] = double_of(bits_of(v[0]) + 1);
                script.n = 0;
                assert_true(case_write(&c, &answer, "a test", &script));
                assert_int_equal(run_script(buf_view(&script), e).failed, 1);
            }
        }
        buf_done(&script);
        arena_done(&arena);
    }
    engine_evaluator_done(&engine);
}

static void test_unsayable(void **state)
{
    (void)state;
    struct expr_case c = large_case("mem");
    struct outcome nothing = {.kind = AMPQL_RESULT_MATRIX};
    struct case_answer answer = {.outcome = &nothing};
    struct buf script;
    buf_init(&script, &alloc_default, 1 << 20);
    assert_false(case_write(&c, &answer, "a lookback", &script));
    c.options.lookback_ms = 0;
    assert_true(case_write(&c, &answer, "nothing special", &script));
    script.n = 0;
    c.options.start_ms = -60000;
    assert_false(case_write(&c, &answer, "before the epoch", &script));
    c.options.start_ms = 60000;
    answer.code = AMPQL_PARSE;
    assert_false(case_write(&c, &answer, "no expression", &script));
    assert_int_equal(script.n, 0);
    buf_done(&script);
}

/* ---- time */

static void test_move(void **state)
{
    (void)state;
    struct arena arena;
    struct expr_case c = large_case("avg_over_time((mem @ 60)[5m:] @ 1.5) + mem @ start() + mem");
    arena_init(&arena, &alloc_default);
    assert_true(case_move(&c, 86400000, &arena));
    assert_int_equal(c.series[1].t_ms[1], 86400000 + 120500);
    assert_int_equal(c.options.start_ms, 86400000 + 60000);
    assert_non_null(memmem(c.text.p, c.text.n, "@ 86460.000", 11));
    assert_non_null(memmem(c.text.p, c.text.n, "@ 86401.500", 11));
    assert_non_null(memmem(c.text.p, c.text.n, "@ start()", 9));
    assert_false(case_reads_time(&c));
    c.text = STR("sum(");
    assert_false(case_move(&c, 1, &arena));
    c.text = STR("mem + hour()");
    assert_true(case_reads_time(&c));
    arena_done(&arena);
}

/* ---- what they are made of */

static const struct coverage_item *find(const struct coverage *coverage, const char *name)
{
    for (size_t i = 0; i < coverage->n; i++)
        if (strcmp(coverage->at[i].name, name) == 0)
            return &coverage->at[i];
    fail_msg("no %s", name);
    return NULL;
}

static void test_coverage(void **state)
{
    (void)state;
    static struct coverage one, all;
    struct expr_case c = large_case(
        "sum by (ns) (rate(cpu_total{ns!~\"b\"}[5m] offset -1m)) > bool on (ns) group_left () "
        "avg_over_time(max by (ns) (rate(mem[1m]))[5m:] @ end())");
    coverage_count(&one, &c, true);
    coverage_count(&one, &c, false);
    coverage_add(&all, &one);
    static const char *const items[] = {
        "sum",  "max", "rate",       "avg_over_time", "by",   "{a!~}",   "offset back", ">",
        "bool", "on",  "group_left", "subquery",      "[d:]", "@ end()", "range query"};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        assert_int_equal(find(&all, items[i])->asked, 2); /* once a case, however often in it */
        assert_int_equal(find(&all, items[i])->with_values, 1);
    }
    assert_int_equal(all.ncases, 2);
    struct expr_names names = {{"rate", "deriv"}, 2};
    FILE *out = tmpfile();
    assert_non_null(out);
    all.ncases = 20000;
    for (size_t i = 0; i < all.n; i++)
        all.at[i].asked = 2;
    assert_false(coverage_print(&all, &names, out)); /* deriv, for one */
    for (size_t i = 0; i < all.n; i++)
        all.at[i].asked = 2;
    assert_true(coverage_print(&all, &names, out));
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),   cmocka_unit_test(test_limit),
        cmocka_unit_test(test_scripts), cmocka_unit_test(test_unsayable),
        cmocka_unit_test(test_move),    cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
