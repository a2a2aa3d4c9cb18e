/* Text, tree and text again: one line, and several. What prints how is also in test_parser.c. */
#include "lang/printer.h"
#include "support/ast_equal.h"
#include "support/parsed.h"
#include "support/signatures.h"
#include "support/test.h"
#include "support/torture.h"

static const struct parse_options options = {.find_function = signatures_find};

static const struct row {
    const char *text, *pretty;
} rows[] = {
    {"sum( a )", "sum(a)"},
    /* up to 100 columns stay on one line */
    {"sum by (namespace, pod, container) "
     "(rate(container_cpu_usage_seconds_total{container!=\"POD\"}[5m]))",
     "sum by (namespace, pod, container) "
     "(rate(container_cpu_usage_seconds_total{container!=\"POD\"}[5m]))"},
    {"sum by (namespace, pod, container_x) "
     "(rate(container_cpu_usage_seconds_total{container!=\"POD\"}[15m]))",
     "sum by (namespace, pod, container_x) (\n"
     "  rate(container_cpu_usage_seconds_total{container!=\"POD\"}[15m])\n"
     ")"},
    {"quantile by (namespace, pod, container_x) (0.95, "
     "rate(container_cpu_usage_seconds_total{container!=\"POD\"}[15m]))",
     "quantile by (namespace, pod, container_x) (\n"
     "  0.95,\n"
     "  rate(container_cpu_usage_seconds_total{container!=\"POD\"}[15m])\n"
     ")"},
    {"label_replace(avg by (namespace) (kube_persistentvolumeclaim_info{volumename!=\"\"}), "
     "\"a_long_label\", \"$1\", \"b\", \"(.*)\")",
     "label_replace(\n"
     "  avg by (namespace) (kube_persistentvolumeclaim_info{volumename!=\"\"}),\n"
     "  \"a_long_label\",\n"
     "  \"$1\",\n"
     "  \"b\",\n"
     "  \"(.*)\"\n"
     ")"},
    {"sum by (node) (avg_over_time(kube_node_status_capacity_cpu_cores[1d])) * on (node) "
     "group_left (x) avg by (node) (node_cpu_hourly_cost)",
     "  sum by (node) (avg_over_time(kube_node_status_capacity_cpu_cores[1d]))\n"
     "* on (node) group_left (x)\n"
     "  avg by (node) (node_cpu_hourly_cost)"},
    {"-last_over_time((aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa + "
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)[1d:5m] offset 1h)",
     "-last_over_time(\n"
     "  (\n"
     "      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
     "    +\n"
     "      bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"
     "  )[1d:5m] offset 1h\n"
     ")"},
    {"2 ^ "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "  2\n"
     "^\n"
     "  "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
};

static void test_pretty(void **state)
{
    (void)state;
    size_t nbad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct parsed parsed;
        struct buf buf;
        parse_text(&parsed, str_of(rows[i].text), &options);
        assert_non_null(parsed.ast);
        buf_init(&buf, &alloc_default, 4096);
        print_expr_pretty(&buf, parsed.ast);
        buf_byte(&buf, '\0');
        if (strcmp(buf.p, rows[i].pretty) != 0) {
            print_error("row %zu\n--- want\n%s\n--- got\n%s\n", i, rows[i].pretty, buf.p);
            nbad++;
        }
        buf_done(&buf);
        assert_prints_back(parsed.ast, &options);
        parsed_done(&parsed);
    }
    assert_int_equal(nbad, 0);
}

/* A zero that is filled in keeps its sign, which a print in one word would lose. */
static void test_fill_signs(void **state)
{
    (void)state;
    const struct parse_options everything = {.experimental = true};
    struct parsed parsed;
    struct buf buf;
    const char *text = "a + fill_left(0) fill_right(-0) b";
    parse_text(&parsed, str_of(text), &everything);
    assert_non_null(parsed.ast);
    buf_init(&buf, &alloc_default, 4096);
    print_expr(&buf, parsed.ast);
    assert_true(str_equal(buf_view(&buf), STR("a + fill_left (0) fill_right (-0) b")));
    buf_done(&buf);
    assert_prints_back(parsed.ast, &everything);
    parsed_done(&parsed);
}

static void test_matchers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *print;
    } selectors[] = {
        {"up", "up"},
        {"{__name__=\"up\"}", "up"},
        {"{job=\"a\", __name__=\"up:x\"}", "up:x{job=\"a\"}"},
        {"{__name__=~\"up\"}", "{__name__=~\"up\"}"},
        {"{__name__=\"up\", __name__!=\"down\"}", "{__name__!=\"down\",__name__=\"up\"}"},
        {"{\"a b\", c=\"d\"}", "{__name__=\"a b\",c=\"d\"}"},
        {"{z=\"1\", a!=\"2\", a=~\"3\", aa=\"4\", \"b c\"!~\"5\\n\"}",
         "{\"b c\"!~\"5\\n\",a!=\"2\",a=~\"3\",aa=\"4\",z=\"1\"}"},
        {"{i=\"1\",h=\"1\",g=\"1\",f=\"1\",e=\"1\",d=\"1\",c=\"1\",b=\"1\",a=\"1\",a=\"0\"}",
         "{a=\"0\",a=\"1\",b=\"1\",c=\"1\",d=\"1\",e=\"1\",f=\"1\",g=\"1\",h=\"1\",i=\"1\"}"},
    };
    for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++) {
        struct arena arena;
        struct matchers matchers;
        struct buf buf;
        arena_init(&arena, &alloc_default);
        buf_init(&buf, &alloc_default, 4096);
        assert_int_equal(
            parse_selector(str_of(selectors[i].text), &options, &arena, &matchers, NULL), AMPQL_OK);
        print_matchers(&buf, matchers);
        buf_byte(&buf, '\0');
        assert_string_equal(buf.p, selectors[i].print);
        buf_done(&buf);
        arena_done(&arena);
    }
    struct buf buf;
    buf_init(&buf, &alloc_default, 10);
    print_matchers(&buf, (struct matchers){NULL, 0});
    assert_true(str_equal(buf_view(&buf), STR("{}")));
    buf_done(&buf);
}

/* Behind `offset` a sign, another sign and no parenthesis are the one way to a whole expression. */
static void test_offset_signs(void **state)
{
    (void)state;
    static const struct {
        const char *text, *print;
    } offsets[] = {
        {"f offset ++1^2", "f offset ++1 ^ 2"},
        {"f offset +-0^1", "f offset +-0 ^ 1"},
        {"f offset +-step()^2", "f offset +-step() ^ 2"},
        {"f[5m] offset ++step()^2^-1", "f[5m] offset ++step() ^ 2 ^ -1"},
        {"f offset --(1)^2", "f offset --(1) ^ 2"},
        {"f offset ++(1)^2", "f offset (1) ^ 2"},
        {"f offset ++(1^2)", "f offset (1 ^ 2)"},
        {"f offset -(1)+2", "f offset -(1) + 2"},
        {"f offset (1)-2", "f offset (1) - 2"},
    };
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct parsed parsed;
        struct buf buf;
        parse_text(&parsed, str_of(offsets[i].text), &options);
        assert_non_null(parsed.ast);
        buf_init(&buf, &alloc_default, 4096);
        print_expr(&buf, parsed.ast);
        buf_byte(&buf, '\0');
        assert_string_equal(buf.p, offsets[i].print);
        buf_done(&buf);
        assert_prints_back(parsed.ast, &options);
        parsed_done(&parsed);
    }
}

/* A buffer that is full says so, and so does one without memory. */
static void test_limit(void **state)
{
    (void)state;
    struct parsed parsed;
    struct buf buf;
    parse_text(&parsed, STR("sum by (aaaaaaaaaaaaaa) (bbbbbbbbbbbb{c=\"d\"})"), &options);
    buf_init(&buf, &alloc_default, 20);
    print_expr_pretty(&buf, parsed.ast);
    assert_int_equal(buf.failed, AMPQL_LIMIT);
    buf_done(&buf);
    parsed_done(&parsed);
}

static bool print_one(const struct ampql_allocator *alc, void *payload)
{
    struct buf buf;
    buf_init(&buf, alc, 1 << 20);
    print_expr(&buf, payload);
    print_expr_pretty(&buf, payload);
    enum ampql_code code = buf.failed;
    buf_done(&buf);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    return code == AMPQL_OK;
}

static void test_torture(void **state)
{
    (void)state;
    struct parsed parsed;
    parse_text(
        &parsed,
        STR("sum by (a, b) (x{c=\"1\",d=\"1\",e=\"1\",f=\"1\",g=\"1\",h=\"1\",i=\"1\",j=\"1\","
            "k=\"1\",l=\"1\"}[5m:step()]) or yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
        &options);
    assert_null(parsed.ast); /* a range cannot be summed */
    parsed_done(&parsed);
    parse_text(
        &parsed,
        STR("sum by (a, b) (x{c=\"1\",d=\"1\",e=\"1\",f=\"1\",g=\"1\",h=\"1\",i=\"1\",j=\"1\","
            "k=\"1\",l=\"1\"} offset (step())) or "
            "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
        &options);
    assert_non_null(parsed.ast);
    assert_true(torture_with(print_one, parsed.ast, false) > 0);
    parsed_done(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pretty),   cmocka_unit_test(test_fill_signs),
        cmocka_unit_test(test_matchers), cmocka_unit_test(test_offset_signs),
        cmocka_unit_test(test_limit),    cmocka_unit_test(test_torture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
