/* What parses, as which tree; what does not, with whose words and where. */
#include "lang/parser.h"
#include "lang/time_expr.h"
#include "support/ast_equal.h"
#include "support/parsed.h"
#include "support/signatures.h"
#include "support/test.h"
#include "support/torture.h"

#include <math.h>
#include <stdio.h>

static const struct parse_options prom3 = {.dialect = AMPQL_PROM3};
static const struct parse_options prom2 = {.dialect = AMPQL_PROM2};
static const struct parse_options everything = {.experimental = true};

/* A row that differs prints itself. */
static size_t differs(size_t i, const char *text, const char *dialect, const char *want,
                      const char *got)
{
    if (strcmp(want, got) == 0)
        return 0;
    print_error("row %zu, %s: %s\n  want %s\n  got  %s\n", i, dialect, text, want, got);
    return 1;
}

static size_t check_text(size_t i, const char *text, const struct parse_options *options,
                         const char *want)
{
    struct parsed parsed;
    parse_text(&parsed, str_of(text), options);
    size_t bad =
        differs(i, text, options->dialect == AMPQL_PROM2 ? "2.42" : "3.x", want, parsed.text);
    if (parsed.ast) {
        assert_prints_back(parsed.ast, options);
    } else {
        assert_true(parsed.err.has_span || parsed.code == AMPQL_NOMEM);
        assert_true(parsed.err.start <= parsed.err.end && parsed.err.end <= strlen(text));
        assert_int_equal(parsed.err.code, parsed.code);
    }
    parsed_done(&parsed);
    return bad;
}

/* ---- refused */

#define PLACES "an instant vector selector or range vector selector or a subquery"
#define DURATIONS "number, duration, step(), or range()"

static const struct refused {
    const char *text;
    const char *prom3; /* position and message */
    const char *prom2; /* NULL: the same */
} refused[] = {
    {"", "1:1: no expression found in input", NULL},
    {"1+", "1:3: unexpected end of input", NULL},
    {".", "1:1: unexpected character: '.'", NULL},
    {"2.5.", "1:1: bad number or duration syntax: \"2.5.\"", "1:4: unexpected character: '.'"},
    {"100..4", "1:1: bad number or duration syntax: \"100..\"", "1:5: unexpected number \".4\""},
    {"0deadbeef", "1:1: bad number or duration syntax: \"0de\"", NULL},
    {"*1", "1:1: unexpected <op:*>", NULL},
    {"(1))", "1:5: unexpected right parenthesis ')'", NULL},
    {"((1)", "1:5: unclosed left parenthesis", NULL},
    {"1 and 1", "1:1: set operator \"and\" not allowed in binary scalar expression", NULL},
    {"1 == 1", "1:3: comparisons between scalars must use BOOL modifier", NULL},
    {"1 !~ 1", "1:3: unexpected character after '!': '~'", NULL},
    {"1 =~ 1", "1:3: unexpected character after '=': '~'", NULL},
    {"-\"string\"",
     "1:1: unary expression only allowed on expressions of type scalar or instant vector, got "
     "\"string\"",
     NULL},
    {"-test[5m]",
     "1:1: unary expression only allowed on expressions of type scalar or instant vector, got "
     "\"range vector\"",
     NULL},
    {"@@", "1:1: unexpected <op:@>", "1:1: unexpected \"<Item 57385>\" <op:@>"},
    {"1 offset 1d", "1:1: offset modifier must be preceded by " PLACES, NULL},
    {"foo offset 1s offset 2s", "1:1: offset may not be set multiple times", NULL},
    {"a - on(b) ignoring(c) d", "1:11: unexpected <ignoring>", NULL},
    {"foo == on(bar) 10", "1:1: vector matching only allowed between instant vectors", NULL},
    {"foo + group_left(baz) bar", "1:7: unexpected <group_left>", NULL},
    {"foo and on(bar) group_left(baz) bar", "1:1: no grouping allowed for \"and\" operation", NULL},
    {"foo + bool bar", "1:5: bool modifier can only be used on comparison operators", NULL},
    {"a + on(i) group_left(j,i) b",
     "1:3: label \"i\" must not occur in ON and GROUP clause at once", NULL},
    {"foo @ +Inf", "1:1: timestamp out of bounds for @ modifier: +Inf", NULL},
    {"foo @ -Inf", "1:1: timestamp out of bounds for @ modifier: -Inf", NULL},
    {"foo @ NaN", "1:1: timestamp out of bounds for @ modifier: NaN", NULL},
    {"foo @ 1e20", "1:1: timestamp out of bounds for @ modifier: 100000000000000000000.000000",
     NULL},
    {"foo @ 1 @ 2", "1:1: @ <timestamp> may not be set multiple times", NULL},
    {"foo @ start() @ 2", "1:1: @ <timestamp> may not be set multiple times", NULL},
    {"{", "1:2: unexpected end of input inside braces", NULL},
    {"some{", "1:6: unexpected end of input inside braces", NULL},
    {"some}", "1:5: unexpected character: '}'", NULL},
    {"some_metric{a=b}", "1:15: unexpected identifier \"b\" in label matching, expected string",
     NULL},
    {"foo{a*\"b\"}", "1:6: unexpected character inside braces: '*'", NULL},
    {"foo{gibberish}", "1:14: unexpected \"}\" in label matching, expected label matching operator",
     NULL},
    {"foo{1}", "1:5: unexpected character inside braces: '1'", NULL},
    {"{}", "1:1: vector selector must contain at least one non-empty matcher", NULL},
    {"foo[+0m]", "1:5: duration must be greater than 0", "1:5: missing unit character in duration"},
    {"a[5m] + b[:5m]", "1:12: unexpected colon before duration in duration expression",
     "1:11: missing unit character in duration"},
    {"fill (1)", "1:6: unexpected \"(\"", "1:1: unknown function with name \"fill\""},
    {"sum by (fill(", "1:13: unexpected \"(\" in grouping opts, expected \",\" or \")\"", NULL},
    {"{x=\"\"}", "1:1: vector selector must contain at least one non-empty matcher", NULL},
    {"{x=~\".*\"}", "1:1: vector selector must contain at least one non-empty matcher", NULL},
    {"{x!~\".+\"}", "1:1: vector selector must contain at least one non-empty matcher", NULL},
    {"{x!=\"a\"}", "1:1: vector selector must contain at least one non-empty matcher", NULL},
    {"{x=~\"a|\", y!~\"b|.+\"}", "1:1: vector selector must contain at least one non-empty matcher",
     NULL},
    {"foo{__name__=\"bar\"}", "1:1: metric name must not be set twice: \"foo\" or \"bar\"", NULL},
    {"foo{,}", "1:5: unexpected \",\" in label matching, expected identifier or \"}\"", NULL},
    {"foo{a=\"b\",,}", "1:11: unexpected \",\" in label matching, expected identifier or \"}\"",
     NULL},
    {"foo{__name__=\"bar\" lol}",
     "1:20: unexpected identifier \"lol\" in label matching, expected \",\" or \"}\"", NULL},
    {"foo{\"a\"=}", "1:9: unexpected \"}\" in label matching, expected string",
     "1:5: unexpected string \"\\\"a\\\"\" in label matching, expected identifier or \"}\""},
    {"foo{\"bar\"}", "1:1: metric name must not be set twice: \"foo\" or \"bar\"",
     "1:5: unexpected string \"\\\"bar\\\"\" in label matching, expected identifier or \"}\""},
    {"{\"\"}", "1:1: vector selector must contain at least one non-empty matcher",
     "1:2: unexpected string \"\\\"\\\"\" in label matching, expected identifier or \"}\""},
    {"foo{a=~\"(\"}", "1:5: error parsing regexp: missing closing ): `(`",
     "1:5: error parsing regexp: missing closing ): `^(?:()$`"},
    {"foo{a=~\"[a\"}", "1:5: error parsing regexp: missing closing ]: `[a`",
     "1:5: error parsing regexp: missing closing ]: `[a)$`"},
    {"foo{a=~\"(?<n\"}", "1:5: error parsing regexp: invalid named capture: `(?<n`",
     "1:5: error parsing regexp: invalid or unsupported Perl syntax: `(?<`"},
    {"foo{a=~\"(?<=a)\"}", "1:5: error parsing regexp: invalid named capture: `(?<=a)`",
     "1:5: error parsing regexp: invalid or unsupported Perl syntax: `(?<`"},
    {"foo{a=~\"a)(b\"}", "1:5: error parsing regexp: unexpected ): `a)(b`", NULL},
    {"foo{a=~\"x{99999999999}\"}",
     "1:5: error parsing regexp: invalid repeat count: `{99999999999}`", NULL},
    {"foo{a!~\"*(?<=a)\"}",
     "1:5: error parsing regexp: missing argument to repetition operator: `*`", NULL},
    {"foo[5mm]", "1:5: bad number or duration syntax: \"5mm\"",
     "1:5: bad duration syntax: \"5mm\""},
    {"foo[5m1h]", "1:5: not a valid duration string: \"5m1h\"", NULL},
    {"foo[5y1hs]", "1:5: unknown unit \"hs\" in duration \"5y1hs\"",
     "1:5: not a valid duration string: \"5y1hs\""},
    {"foo[300y]", "1:5: duration out of range", NULL},
    {"foo[0m]", "1:5: duration must be greater than 0", NULL},
    {"foo[5m:0s]", "1:8: duration must be greater than 0", NULL},
    {"foo[]", "1:5: unexpected \"]\" in subquery or range selector, expected " DURATIONS,
     "1:5: missing unit character in duration"},
    {"foo[5m 5m]", "1:8: unexpected duration \"5m\" in subquery or range, expected \":\" or \"]\"",
     NULL},
    {"foo[5m:5m 5m]", "1:11: unexpected duration \"5m\" in subquery selector, expected \"]\"",
     NULL},
    {"foo[5m:\"a\"]",
     "1:8: unexpected string \"\\\"a\\\"\" in subquery selector, expected number, duration, "
     "step(), range(), or \"]\"",
     "1:8: unexpected string \"\\\"a\\\"\" in subquery selector, expected duration or \"]\""},
    {"some_metric[5m] OFFSET", "1:23: unexpected end of input in offset, expected " DURATIONS,
     "1:23: unexpected end of input in offset, expected duration"},
    {"some_metric OFFSET 1m[5m]", "1:22: no offset modifiers allowed before range", NULL},
    {"some_metric @ 1234 [5m]", "1:20: no @ modifiers allowed before range", NULL},
    {"some_metric @ start() [5m]", "1:23: no @ modifiers allowed before range",
     "some_metric[5m] @ start()"},
    {"some_metric[5m] @", "1:18: unexpected end of input in @, expected timestamp", NULL},
    {"foo @ start(5)", "1:13: unexpected number \"5\" in @, expected timestamp", NULL},
    {"(foo + bar)[5m]", "1:12: ranges only allowed for vector selectors", NULL},
    {"sum(b)[5m]", "1:7: ranges only allowed for vector selectors", NULL},
    {"foo[5m][5m]", "1:8: ranges only allowed for vector selectors", NULL},
    {"sum without(==)(x)", "1:13: unexpected <op:==> in grouping opts, expected label", NULL},
    {"sum by (without) (x)", "1:9: unexpected <without> in grouping opts, expected label", NULL},
    {"sum by (inf) (x)", "1:9: unexpected number \"inf\" in grouping opts, expected label", NULL},
    {"sum by (a b) (x)",
     "1:11: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\"", NULL},
    {"sum some_metric by (test)", "1:5: unexpected identifier \"some_metric\"", NULL},
    {"sum by (l) b", "1:12: unexpected identifier \"b\" in aggregation", NULL},
    {"sum (some_metric) by test",
     "1:22: unexpected identifier \"test\" in grouping opts, expected \"(\"", NULL},
    {"sum () by (test)", "1:1: no arguments for aggregate expression provided", NULL},
    {"sum (x) without (a) by (a)", "1:21: unexpected <by>", NULL},
    {"topk(some_metric)",
     "1:1: wrong number of arguments for aggregate expression provided, expected 2, got 1", NULL},
    {"sum(a, b)",
     "1:1: wrong number of arguments for aggregate expression provided, expected 1, got 2", NULL},
    {"topk(some_metric,)", "1:17: trailing commas not allowed in function call args", NULL},
    {"topk(some_metric, other_metric)",
     "1:6: expected type scalar in aggregation parameter, got instant vector", NULL},
    {"count_values(5, other_metric)",
     "1:14: expected type string in aggregation parameter, got scalar", NULL},
    {"rate(some_metric[5m]) @ 1234", "1:1: @ modifier must be preceded by " PLACES, NULL},
    {"floor()", "1:1: expected 1 argument(s) in call to \"floor\", got 0", NULL},
    {"floor(1)", "1:7: expected type instant vector in call to function \"floor\", got scalar",
     NULL},
    {"hour(a,a,a)", "1:1: expected at most 1 argument(s) in call to \"hour\", got 3", NULL},
    {"label_join(a)", "1:1: expected at least 3 argument(s) in call to \"label_join\", got 1",
     NULL},
    {"round()", "1:1: expected at least 1 argument(s) in call to \"round\", got 0", NULL},
    {"nope()", "1:1: unknown function with name \"nope\"", NULL},
    {"Rate(x[5m])", "1:1: unknown function with name \"Rate\"", NULL},
    {"rate(some_metric)",
     "1:6: expected type range vector in call to function \"rate\", got instant vector", NULL},
    {"label_join(a, \"b\", \"c\", \"d\", 5)",
     "1:30: expected type string in call to function \"label_join\", got scalar", NULL},
    {"sort_by_label(x,\"a\")", "1:1: function \"sort_by_label\" is not enabled",
     "1:1: unknown function with name \"sort_by_label\""},
    {"limitk(1, x)",
     "1:1: limitk() is experimental and must be enabled with "
     "--enable-feature=promql-experimental-functions",
     "1:1: unknown function with name \"limitk\""},
    {"start()", "1:1: function \"start\" is not enabled", "1:6: unexpected \"(\""},
    {"max_of(1, 2)", "1:1: function \"max_of\" is not enabled",
     "1:1: unknown function with name \"max_of\""},
    {"Max_Of(1, 2)", "1:1: unknown function with name \"Max_Of\"", NULL},
    {"holt_winters(x[5m], 0.5, 0.5)", "1:1: unknown function with name \"holt_winters\"",
     "holt_winters(x[5m], 0.5, 0.5)"},
    {"first_over_time(x[5m])", "first_over_time(x[5m])",
     "1:1: unknown function with name \"first_over_time\""},
    {"\"\\c\"", "1:1: unknown escape sequence U+0063 'c'", NULL},
    {"sum(", "1:5: unclosed left parenthesis", NULL},
    {"foo bar", "1:5: unexpected identifier \"bar\"", NULL},
    {"sum(foo bar)", "1:9: unexpected identifier \"bar\" in aggregation", NULL},
    {"rate(foo bar)", "1:10: unexpected identifier \"bar\"", NULL},
    {"\xc3\xa9", "1:1: unexpected character: '\xc3\xa9'", NULL},
    {"test[5d] OFFSET 10s [10m:5s]",
     "1:1: subquery is only allowed on instant vector, got matrix instead", NULL},
    {"\"a\"[5m:]", "1:1: subquery is only allowed on instant vector, got string instead", NULL},
    {"x[5m] + 1", "1:1: binary expression must contain only scalar and instant vector types", NULL},
    {"1 + \"a\"", "1:5: binary expression must contain only scalar and instant vector types", NULL},
    {"a + on(x) group_left = b", "1:22: unexpected \"=\" in grouping opts, expected \"(\"", NULL},
    {"group_left", "1:1: unexpected <group_left>", NULL},
    {"bool", "1:1: unexpected <bool>", NULL},
    {"atan2", "1:1: unexpected <op:atan2>", NULL},
    {"()", "1:2: unexpected \")\"", NULL},
    {"a\n+\n  )", "3:4: unexpected right parenthesis ')'", NULL},
    {"1 + (\n\"a\" foo)", "2:5: unexpected identifier \"foo\"", NULL},
    {"bar \"abcd\xc3\xa9"
     "fghijklmnop\"",
     "1:5: unexpected string \"\\\"abcd\xc3\xa9"
     "fghi\"...",
     NULL},
    /* numbers */
    {"1e400",
     "1:1: error parsing number: strconv.ParseFloat: parsing \"1e400\": value out of range", NULL},
    {"0x", "1:1: error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax", NULL},
    {"0xfffffffffffffffff",
     "1:1: error parsing number: strconv.ParseFloat: parsing \"0xfffffffffffffffff\": invalid "
     "syntax",
     NULL},
    {"(1e )", "1:2: error parsing number: strconv.ParseFloat: parsing \"1e\": invalid syntax",
     NULL},
    {"(1_ )", "1:2: error parsing number: strconv.ParseFloat: parsing \"1_\": invalid syntax",
     "1:2: bad number or duration syntax: \"1\""},
    {".5.5", "1:1: error parsing number: strconv.ParseFloat: parsing \".5.5\": invalid syntax",
     "1:3: unexpected number \".5\""},
    {"1_000", "1000", "1:1: bad number or duration syntax: \"1\""},
    /* durations */
    {"5m", "5m", "1:1: unexpected duration \"5m\""},
    {"foo @ 5m", "foo @ 300.000", "1:7: unexpected duration \"5m\" in @, expected timestamp"},
    {"foo[300]", "foo[5m]", "1:5: missing unit character in duration"},
    {"foo[5m:5]", "foo[5m:5s]",
     "1:8: unexpected number \"5\" in subquery selector, expected duration or \"]\""},
    {"foo offset 5", "foo offset 5s", "1:12: unexpected number \"5\" in offset, expected duration"},
    {"foo offset 0s", "foo", "1:12: duration must be greater than 0"},
    {"foo offset +5m", "foo offset 5m", "1:12: unexpected <op:+> in offset, expected duration"},
    {"foo[5m*]", "1:8: unexpected \"]\" in subquery or range selector, expected " DURATIONS,
     "1:7: unexpected <op:*> in subquery or range, expected \":\" or \"]\""},
    {"foo[5m:1m+]",
     "1:11: unexpected \"]\" in subquery selector, expected number, duration, step(), range(), or "
     "\"]\"",
     "1:10: unexpected <op:+> in subquery selector, expected \"]\""},
    {"foo[-1]", "1:5: duration must be greater than 0", "1:5: missing unit character in duration"},
    {"foo[0.0001]", "1:5: duration must be greater than 0",
     "1:5: missing unit character in duration"},
    {"foo[1e30]", "1:5: duration out of range", "1:5: missing unit character in duration"},
    {"foo offset inf", "1:12: duration out of range",
     "1:12: unexpected number \"inf\" in offset, expected duration"},
    {"foo[5m/0]", "1:7: division by zero",
     "1:7: unexpected <op:/> in subquery or range, expected \":\" or \"]\""},
    {"foo[5m%0]", "1:7: modulo by zero",
     "1:7: unexpected <op:%> in subquery or range, expected \":\" or \"]\""},
    {"foo offset (5m) + bar", "1:19: unexpected identifier \"bar\" in offset, expected " DURATIONS,
     "1:12: unexpected \"(\" in offset, expected duration"},
    {"foo offset step", "1:16: unexpected end of input in offset, expected " DURATIONS,
     "1:12: unexpected identifier \"step\" in offset, expected duration"},
    /* names */
    {"sum by (a:b) (x)", "sum by (\"a:b\") (x)",
     "1:9: unexpected metric identifier \"a:b\" in grouping opts, expected label"},
    {"sum by (\"\") (x)", "1:9: invalid label name for grouping: \"\"",
     "1:9: unexpected string \"\\\"\\\"\" in grouping opts, expected label"},
    {"sum by (\"\\xff\") (x)", "1:9: invalid label name for grouping: \"\\xff\"",
     "1:9: unexpected string \"\\\"\\\\xff\\\"\" in grouping opts, expected label"},
    /* refused by name */
    {"(foo) smoothed", "1:1: smoothed modifier not implemented",
     "1:7: unexpected identifier \"smoothed\""},
    {"1 + 2 anchored", "1:5: anchored modifier not implemented",
     "1:7: unexpected identifier \"anchored\""},
    {"rate(foo[5m] anchored smoothed)",
     "1:6: anchored and smoothed modifiers cannot be used together",
     "1:14: unexpected identifier \"anchored\""},
    {"foo smoothed offset 5m anchored",
     "1:1: anchored and smoothed modifiers cannot be used together",
     "1:5: unexpected identifier \"smoothed\""},
    {"rate(foo[5m:1m] anchored)", "1:6: anchored modifier is not supported for subqueries",
     "1:17: unexpected identifier \"anchored\""},
    {"foo[5m:] smoothed", "1:1: smoothed modifier is not supported for subqueries",
     "1:10: unexpected identifier \"smoothed\""},
    {"1[5m] anchored", "1:2: ranges only allowed for vector selectors", NULL},
    {"foo[5m] smoothed[5m]", "1:17: ranges only allowed for vector selectors",
     "1:9: unexpected identifier \"smoothed\""},
    {"foo anchored + bool bar", "1:5: bool modifier can only be used on comparison operators",
     "1:5: unexpected identifier \"anchored\""},
    {"foo # comment\n + bool bar", "1:5: bool modifier can only be used on comparison operators",
     NULL},
    {"1 + fill(0) 1", "1:1: binop fill modifiers are experimental and not enabled",
     "1:5: unknown function with name \"fill\""},
    {"a + fill(0) b{", "1:15: unexpected end of input inside braces",
     "1:5: unknown function with name \"fill\""},
    {"a + fill(0) b", "1:1: binop fill modifiers are experimental and not enabled",
     "1:5: unknown function with name \"fill\""},
    {"a + on(x) group_left fill_right (0) b",
     "1:1: binop fill modifiers are experimental and not enabled",
     "1:22: unknown function with name \"fill_right\""},
    {"a </ 5", "1:3: operator \"</\" works on native histograms, which are not supported",
     "1:4: unexpected <op:/>"},
    {"a >/ 5", "1:3: operator \">/\" works on native histograms, which are not supported",
     "1:4: unexpected <op:/>"},
};

static void test_refused(void **state)
{
    (void)state;
    size_t nbad = 0;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct refused *row = &refused[i];
        nbad += check_text(i, row->text, &prom3, row->prom3);
        nbad += check_text(i, row->text, &prom2, row->prom2 ? row->prom2 : row->prom3);
    }
    assert_int_equal(nbad, 0);
}

/* ---- accepted */

static const struct accepted {
    const char *text;
    const char *print;
    const struct parse_options *options;
} accepted[] = {
    /* numbers: octal, hex, folded signs, infinities */
    {"010 + 08 + 0x1F + 0x_ff", "8 + 8 + 31 + 255", &prom3},
    {"017 + 0xA", "15 + 10", &prom2},
    {"1_2_3 + 0_17", "123 + 15", &prom3},
    {"1_23.50e+1_0", "1235000000000", &prom3},
    {".5 + 5. + 1e3", "0.5 + 5 + 1000", &prom3},
    {"9223372036854775808", "9223372036854776000", &prom3},
    {"+5 - -5", "5 - -5", &prom3},
    {"-0", "-0", &prom3},
    {"Inf + +inf - -INF + NaN", "+Inf + +Inf - -Inf + NaN", &prom3},
    {"inf ^ 2", "Inf ^ 2", &prom3},
    {"-1 ^ 2", "-1 ^ 2", &prom3},
    {"5m + 1h30m * -1ms", "5m + 1h30m * -1ms", &prom3},
    {"-0s", "-0s", &prom3},
    {"--1", "1", &prom3},
    {"- - foo", "--foo", &prom3},
    /* keywords as names */
    {"sum", "sum", &prom3},
    {"by + offset offset 5m", "by + offset offset 5m", &prom3},
    {"and and or or unless", "and and or or unless", &prom3},
    {"start + end + step + range + min_of", "start + end + step + range + min_of", &prom3},
    {"limitk + smoothed + anchored + fill", "limitk + smoothed + anchored + fill", &prom3},
    {"limitk + step + fill{a=\"b\"}", "limitk + step + fill{a=\"b\"}", &prom2},
    {"SUM(sum) BY (by, on, bool, group_left, offset, atan2)",
     "sum by (by, on, bool, group_left, offset, atan2) (sum)", &prom3},
    {"rate + rate(rate[5m])", "rate + rate(rate[5m])", &prom3},
    {"without{sum=\"by\", inf='nan'}", "without{inf=\"nan\",sum=\"by\"}", &prom3},
    {":a:b{c!=\"\"}", ":a:b{c!=\"\"}", &prom3},
    /* selectors */
    {"foo{}", "foo", &prom3},
    {"foo{a=\"b\",}", "foo{a=\"b\"}", &prom3},
    {"{ a =~ \"b.+\" , c !~ `d` }", "{a=~\"b.+\",c!~\"d\"}", &prom3},
    {"{__name__=\"foo\"}", "{__name__=\"foo\"}", &prom3},
    {"{__name__=~\"a|b\", __name__!=\"c\"}", "{__name__!=\"c\",__name__=~\"a|b\"}", &prom3},
    {"{\"a.b\", x=\"y\"}", "{__name__=\"a.b\",x=\"y\"}", &prom3},
    {"foo{a=\"b\"}[5m] offset 1w @ 5", "foo{a=\"b\"}[5m] @ 5.000 offset 1w", &prom3},
    {"foo[5m] @ 5 offset 1m", "foo[5m] @ 5.000 offset 1m", &prom3},
    {"foo @ -1.5", "foo @ -1.500", &prom3},
    {"foo @ +0x10", "foo @ 16.000", &prom3},
    {"foo @ end() offset -1h30m", "foo @ end() offset -1h30m", &prom3},
    {"foo @ Start ( )", "foo @ start()", &prom3},
    {"foo offset 0s offset 5m", "foo offset 5m", &prom3},
    {"foo[1y]", "foo[1y]", &prom3},
    {"foo[1h30m]", "foo[1h30m]", &prom2},
    /* strings */
    {"\"\\101\\x42\\u0043\\U00000044\\a\\\"'\"", "\"ABCD\\a\\\"'\"", &prom3},
    {"'\\'\"'", "\"'\\\"\"", &prom3},
    {"`a\\n\"\n`", "\"a\\\\n\\\"\\n\"", &prom3},
    {"\"\\xff\\u20ac\"", "\"\\xff\xe2\x82\xac\"", &prom3},
    {"\"\"", "\"\"", &prom3},
    /* subqueries */
    {"foo[1h:]", "foo[1h:]", &prom3},
    {"avg(x) by (a)[1d:5m]", "avg by (a) (x)[1d:5m]", &prom3},
    {"(a + b)[5m:1m] offset 5m @ start()", "(a + b)[5m:1m] @ start() offset 5m", &prom3},
    {"min_over_time(rate(x[5m])[1h:1m])[2h:]", "min_over_time(rate(x[5m])[1h:1m])[2h:]", &prom3},
    {"foo[5m x 1m]", "foo[5m:1m]", &prom2},
    /* duration expressions */
    {"foo[5m*2]", "foo[5m * 2]", &prom3},
    {"foo[(5m)]", "foo[(5m)]", &prom3},
    {"foo[range():1s]", "foo[range():1s]", &prom3},
    {"foo[2^(1+2)]", "foo[2 ^ (1 + 2)]", &prom3},
    {"foo[step()+1ms:range()/10]", "foo[step() + 1ms:range() / 10]", &prom3},
    {"foo[MIN_OF(step(), 5m):max_of(1, -(2) % 3)]", "foo[min_of(step(), 5m):max_of(1, -(2) % 3)]",
     &prom3},
    {"foo[+5m + -1m]", "foo[5m + -1m]", &prom3},
    {"foo[-2^2 + (-2)^2]", "foo[-2 ^ 2 + (-2) ^ 2]", &prom3},
    {"foo[-(-5m)]", "foo[-(-5m)]", &prom3},
    {"foo offset 2 + 3", "foo offset 2s + 3", &prom3},
    {"foo offset -2^2", "foo offset -2s ^ 2", &prom3},
    {"foo offset (2 + 3) * 2", "foo offset (2 + 3) * 2", &prom3},
    {"foo offset (5m)", "foo offset (5m)", &prom3},
    {"foo offset -(5m)", "foo offset -(5m)", &prom3},
    {"foo offset - -5m", "foo offset 5m", &prom3},
    {"foo offset -(step() * 2) + 3", "foo offset -(step() * 2) + 3", &prom3},
    {"foo offset step() + 3", "foo offset step() + 3", &prom3},
    {"foo offset -min_of(1, 2) + 3", "foo offset -min_of(1, 2) + 3", &prom3},
    /* operators and modifiers */
    {"1 == bool 2", "1 == bool 2", &prom3},
    {"a == bool on (x, y,) b", "a == bool on (x, y) b", &prom3},
    {"a + ignoring () b", "a + b", &prom3},
    {"a + ignoring () group_left b", "a + ignoring () group_left () b", &prom3},
    {"a / on () group_right (z) b", "a / on () group_right (z) b", &prom3},
    {"a * on(x) group_left (y)", "1:25: unexpected end of input", &prom3},
    {"a * on(x) group_left -b", "a * on (x) group_left () -b", &prom3},
    {"a and on (x) b unless ignoring (y) c", "a and on (x) b unless ignoring (y) c", &prom3},
    {"1 + on () group_left () a", "1 + a", &prom3},
    {"a + on(\"x y\", z) b", "a + on (\"x y\", z) b", &prom3},
    /* aggregations */
    {"sum by (a) (x)", "sum by (a) (x)", &prom3},
    {"sum (x) by ()", "sum(x)", &prom3},
    {"sum without () (x)", "sum without () (x)", &prom3},
    {"topk by (a) (5, x)", "topk by (a) (5, x)", &prom3},
    {"count_values(\"v\", x) without (a, b,)", "count_values without (a, b) (\"v\", x)", &prom3},
    {"quantile(scalar(x), y)", "quantile(scalar(x), y)", &prom3},
    {"limitk(5, x) + limit_ratio(-0.5, y)", "limitk(5, x) + limit_ratio(-0.5, y)", &everything},
    /* calls */
    {"time()", "time()", &prom3},
    {"hour() + hour(x) + round(x) + round(x, 5)", "hour() + hour(x) + round(x) + round(x, 5)",
     &prom3},
    {"label_join(x, \"a\", \"b\")", "label_join(x, \"a\", \"b\")", &prom3},
    {"label_join(x, \"a\", \"b\", \"c\", (\"d\"))", "label_join(x, \"a\", \"b\", \"c\", (\"d\"))",
     &prom3},
    {"start() + range() + step() + max_of(1, min_of(2, 3))",
     "start() + range() + step() + max_of(1, min_of(2, 3))", &everything},
    /* extended selectors, fills */
    {"foo anchored", "foo anchored", &prom3},
    {"foo{a=\"b\"} smoothed offset 5m @ 7", "foo{a=\"b\"} @ 7.000 smoothed offset 5m", &prom3},
    {"foo[5m] @ 7 offset 5m ANCHORED", "foo[5m] anchored @ 7.000 offset 5m", &prom3},
    {"foo anchored anchored[5m]", "foo[5m] anchored", &prom3},
    {"-rate(foo[5m] smoothed) ^ 2", "-rate(foo[5m] smoothed) ^ 2", &prom3},
    {"a + fill(0) b", "a + fill (0) b", &everything},
    {"a - on (x) fill_right(-5m) FILL_LEFT (+0x10) b",
     "a - on (x) fill_left (16) fill_right (-300) b", &everything},
    {"a > bool ignoring (x) group_right (y) fill_left(NaN) b",
     "a > bool ignoring (x) group_right (y) fill_left (NaN) b", &everything},
    {"a / on (x) group_left fill (1e6) b", "a / on (x) group_left () fill (1e+06) b", &everything},
    {"a + fill_left(2) fill_right(2) b", "a + fill (2) b", &everything},
    {"a + fill (-Inf) fill", "a + fill (-Inf) fill", &everything},
    /* names with dots and letters beyond ASCII, which need no quotes there */
    {"http.requests{service.name=\"a\",\u00e9quipe=~\"b\",\"a-b\"!=\"\"}",
     "http.requests{\"a-b\"!=\"\",service.name=\"a\",\u00e9quipe=~\"b\"}", &everything},
    {"sum by (service.name, \"\u00e9quipe\", \"a-b\") (\u6e29\u5ea6)",
     "sum by (service.name, \u00e9quipe, \"a-b\") (\u6e29\u5ea6)", &everything},
    {"a * on (\"b.c\") group_left (d.e) f..g.", "a * on (b.c) group_left (d.e) f..g.", &everything},
    {"{\"http.requests\"}", "{__name__=\"http.requests\"}", &everything},
    {"Inf.total + bool.total + a:b.c", "Inf.total + bool.total + a:b.c", &everything},
    {"top\u212a", "top\u212a", &everything}, /* the sign for kelvin, which is no k */
    {"rate.total(a)", "1:1: unknown function with name \"rate.total\"", &everything},
    {".a", "1:1: unexpected character: '.'", &everything},
    {"o\u0308", "1:2: unexpected character: '\u0308'", &everything},
    {"\u0661", "1:1: unexpected character: '\u0661'", &everything},
    {"a[5m \u00e9]", "1:6: unexpected character: '\u00e9', expected ':'", &everything},
    {"a[5m \u00e9]", "1:6: unexpected character: '\u00e9'", &prom3},
    {"sum by (a:b) (c)", "1:9: invalid label name for grouping: \"a:b\"", &everything},
    {"sum by (a:b) (c)", "sum by (\"a:b\") (c)", &prom3},
    {"\u00e9", "1:1: unexpected character: '\u00e9'", &prom3},
    {"a{\u00e9=\"1\"}", "1:3: unexpected character inside braces: '\u00e9'", &prom3},
    {"a.b", "1:2: unexpected character: '.'", &prom3},
    {"a + fill_left(1) fill_left(2) b", "1:27: unexpected \"(\"", &everything},
    {"a + fill(1) fill_left(2) b", "1:22: unexpected \"(\"", &everything},
    {"a + fill(b) c", "1:10: unexpected identifier \"b\"", &everything},
    {"a + fill() c", "1:10: unexpected \")\"", &everything},
    {"a + fill(1, 2) c", "1:11: unexpected \",\"", &everything},
    {"sum(a + fill(- -1) c)", "1:16: unexpected <op:-> in aggregation", &everything},
    {"a + fill(1)", "1:12: unexpected end of input", &everything},
    {"a and fill(1) b", "1:1: filling in missing series not allowed for set operators",
     &everything},
    {"a + fill(1) 1", "1:1: filling in missing series only allowed between instant vectors",
     &everything},
    {"a + on (x) fill(1) 1", "1:1: vector matching only allowed between instant vectors",
     &everything},
    {"info(x, {a=\"b\"})", "info(x, {a=\"b\"})", &everything},
    {"info(x, {})", "info(x, {})", &everything},
    {"info(x, y)", "1:9: expected label selectors only, got vector selector instead", &everything},
    {"info(x, y + z)", "1:9: expected label selectors only", &everything},
    {"sort_by_label(x, \"a\", \"b\")", "sort_by_label(x, \"a\", \"b\")", &everything},
    {"histogram_quantiles(x, \"q\", 0.5, 0.9)", "histogram_quantiles(x, \"q\", 0.5, 0.9)",
     &everything},
};

static void test_accepted(void **state)
{
    (void)state;
    size_t nbad = 0;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
        nbad += check_text(i, accepted[i].text, accepted[i].options, accepted[i].print);
    assert_int_equal(nbad, 0);
}

/* ---- shape */

/* The tree with a parenthesis around each operation. */
static void print_shape(struct buf *out, const struct ast *ast)
{
    switch (ast->kind) {
    case AST_NUMBER:
        buf_format(out, "%d", (int)ast->u.number.value);
        break;
    case AST_SELECTOR:
        buf_str(out, ast->u.selector.name);
        if (ast->u.selector.has_range)
            buf_text(out, "[]");
        if (ast->u.selector.offset.ms || ast->u.selector.offset.expr)
            buf_text(out, "~");
        break;
    case AST_BINARY:
        buf_byte(out, '(');
        print_shape(out, ast->u.binary.lhs);
        buf_text(out, op_info[ast->u.binary.op].text);
        print_shape(out, ast->u.binary.rhs);
        buf_byte(out, ')');
        break;
    case AST_UNARY:
        buf_text(out, ast->u.unary.is_minus ? "(-" : "(+");
        print_shape(out, ast->u.unary.expr);
        buf_byte(out, ')');
        break;
    case AST_PAREN:
        buf_byte(out, '<');
        print_shape(out, ast->u.paren);
        buf_byte(out, '>');
        break;
    case AST_SUBQUERY:
        buf_byte(out, '(');
        print_shape(out, ast->u.subquery.expr);
        buf_text(out, "[:])");
        break;
    default:
        buf_byte(out, '?');
        break;
    }
}

static const struct shape {
    const char *text, *shape;
} shapes[] = {
    {"a or b and c", "(aor(bandc))"},
    {"a and b or c unless d", "((aandb)or(cunlessd))"},
    {"a or b or c", "((aorb)orc)"},
    {"a and b unless c", "((aandb)unlessc)"},
    {"a == b and c", "((a==b)andc)"},
    {"a > b < c", "((a>b)<c)"},
    {"a + b > c", "((a+b)>c)"},
    {"a + b * c - d", "((a+(b*c))-d)"},
    {"a / b % c atan2 d * e", "((((a/b)%c)atan2d)*e)"},
    {"a ^ b ^ c", "(a^(b^c))"},
    {"a * b ^ c * d", "((a*(b^c))*d)"},
    {"-a * b", "((-a)*b)"},
    {"-a ^ b", "(-(a^b))"},
    {"a ^ -b ^ c", "(a^(-(b^c)))"},
    {"a ^ -b * c", "((a^(-b))*c)"},
    {"-2 ^ 2", "(-(2^2))"},
    {"2 ^ -1", "(2^-1)"},
    {"+a - -b", "((+a)-(-b))"},
    {"a + b[5m:]", NULL},
    {"a + b offset 5m", "(a+b~)"},
    {"a offset 2 ^ 2", "(a~^2)"},
    {"a offset 2 + 3", "(a~+3)"},
    {"a or b + 5", "(aor(b+5))"},
    {"(a or b) + 5", "(<(aorb)>+5)"},
    {"a unless b == c", "(aunless(b==c))"},
    {"a + on(x) b * c", "(a+(b*c))"},
    {"a[5m:] offset 1m", "(a[:])"},
};

static void test_precedence(void **state)
{
    (void)state;
    size_t nbad = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct parsed parsed;
        struct buf buf;
        parse_text(&parsed, str_of(shapes[i].text), &prom3);
        if (!shapes[i].shape) {
            assert_null(parsed.ast);
            parsed_done(&parsed);
            continue;
        }
        buf_init(&buf, &alloc_default, 1000);
        if (parsed.ast)
            print_shape(&buf, parsed.ast);
        buf_byte(&buf, '\0');
        nbad += differs(i, shapes[i].text, "3.x", shapes[i].shape, buf.p);
        buf_done(&buf);
        parsed_done(&parsed);
    }
    assert_int_equal(nbad, 0);
}

/* ---- members that the print does not show */

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum value_type type;
    } types[] = {
        {"1", VALUE_SCALAR},         {"\"a\"", VALUE_STRING},      {"a", VALUE_VECTOR},
        {"a[5m]", VALUE_MATRIX},     {"a[5m:]", VALUE_MATRIX},     {"1 + 1", VALUE_SCALAR},
        {"1 + a", VALUE_VECTOR},     {"(1)", VALUE_SCALAR},        {"-a", VALUE_VECTOR},
        {"scalar(a)", VALUE_SCALAR}, {"sum(a)", VALUE_VECTOR},     {"rate(a[5m])", VALUE_VECTOR},
        {"((a[5m]))", VALUE_MATRIX}, {"1 < bool 2", VALUE_SCALAR},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct parsed parsed;
        parse_text(&parsed, str_of(types[i].text), &prom3);
        assert_non_null(parsed.ast);
        assert_int_equal(parsed.ast->type, types[i].type);
        assert_int_equal(parsed.ast->span.start, 0);
        assert_int_equal(parsed.ast->span.end, strlen(types[i].text));
        parsed_done(&parsed);
    }
}

static void test_members(void **state)
{
    (void)state;
    struct parsed parsed;
    parse_text(&parsed, STR("foo{a=\"\\x41\"} and ignoring (b) bar[5m:1m]"), &prom3);
    assert_null(parsed.ast);
    parsed_done(&parsed);

    parse_text(&parsed, STR(" foo{a=\"\\x41\"} or ignoring (b) -bar @ 1.0006 "), &prom3);
    assert_non_null(parsed.ast);
    const struct ast_binary *b = &parsed.ast->u.binary;
    assert_int_equal(b->op, OP_OR);
    assert_int_equal(b->card, MANY_TO_MANY);
    assert_true(b->has_matching && !b->is_on && b->matching.n == 1);
    assert_int_equal(b->op_span.start, 15);
    const struct ast_selector *foo = &b->lhs->u.selector;
    assert_true(str_equal(foo->name, STR("foo")));
    assert_int_equal(foo->matchers.n, 2); /* the name's comes first */
    assert_true(str_equal(foo->matchers.at[0].name, STR("__name__")));
    assert_true(str_equal(foo->matchers.at[0].value, STR("foo")));
    assert_true(str_equal(foo->matchers.at[1].value, STR("A")));
    const struct ast_unary *u = &b->rhs->u.unary;
    assert_true(u->is_minus);
    assert_int_equal(u->expr->u.selector.at.kind, AT_TIME);
    assert_int_equal(u->expr->u.selector.at.ms, 1001);
    assert_int_equal(parsed.ast->height, 3);
    assert_int_equal(parsed.ast->span.start, 1);
    parsed_done(&parsed);

    parse_text(&parsed, STR("foo[1.0009] offset -0.0019"), &prom3);
    assert_non_null(parsed.ast);
    assert_int_equal(parsed.ast->u.selector.range.ms, 1000);
    assert_int_equal(parsed.ast->u.selector.offset.ms, -1);
    parsed_done(&parsed);

    parse_text(&parsed, STR("{\"a.b\"}"), &prom3);
    assert_non_null(parsed.ast);
    assert_int_equal(parsed.ast->u.selector.name.n, 0);
    assert_true(str_equal(parsed.ast->u.selector.matchers.at[0].value, STR("a.b")));
    parsed_done(&parsed);
}

/* ---- duration expressions */

static void test_duration_values(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* of a range */
        int64_t ms;       /* in a query of step 15s over 1h; 0: refused */
        const char *message;
    } values[] = {
        {"a[5m*2]", 600000, NULL},
        {"a[step()]", 15000, NULL},
        {"a[range() / 7]", 514285, NULL}, /* 514.2857 s, cut */
        {"a[min_of(step(), 1m) + max_of(step(), 1m)]", 75000, NULL},
        {"a[2^3^0 - -1]", 3000, NULL},
        {"a[7 % 4]", 3000, NULL},
        {"a[-(step() - 1m)]", 45000, NULL},
        {"a[5m - 5m]", 0, "duration must be greater than 0"},
        {"a[step() - 1m]", 0, "duration must be greater than 0"},
        {"a[5m / (5m - 5m)]", 0, "division by zero"},
        {"a[5m % (1 - 1)]", 0, "modulo by zero"},
        {"a[10 ^ 20]", 0, "duration is out of range"},
        {"a[(0 - 1) ^ 0.5]", 0, "duration is NaN or infinite"},
        {"a[min_of(5m, (0 - 1) ^ 0.5)]", 0, "duration is NaN or infinite"},
        {"a[10 ^ 308 * 10]", 0, "duration is NaN or infinite"},
        {"a[0 - 10 ^ 20]", 0, "duration must be greater than 0"},
        {"a[0.001 / 2]", 0, "duration must be greater than 0"},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct parsed parsed;
        struct ampql_error err = {0};
        int64_t ms = 0;
        parse_text(&parsed, str_of(values[i].text), &prom3);
        assert_non_null(parsed.ast);
        enum ampql_code code =
            duration_value(&parsed.ast->u.selector.range, 15000, 3600000, false, &ms, &err);
        assert_int_equal(ms, values[i].ms);
        assert_int_equal(code, values[i].ms ? AMPQL_OK : AMPQL_EXECUTION);
        if (values[i].message)
            assert_string_equal(err.message, values[i].message);
        parsed_done(&parsed);
    }
    struct ast_duration literal = {.ms = -5};
    int64_t ms;
    assert_int_equal(duration_value(&literal, 0, 0, true, &ms, NULL), AMPQL_OK);
    assert_int_equal(ms, -5);
}

/* ---- bare selectors */

static void test_selector(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n; /* matchers; 0: refused */
        const char *message;
    } rows[] = {
        {"up", 1, NULL},
        {"up{job=\"a\", b!~\"c\"} # x", 3, NULL},
        {"{__name__=~\"a.+\"}", 1, NULL},
        {"sum", 1, NULL},
        {"{\"a b\"}", 1, NULL},
        {"", 0, "unexpected end of input"},
        {"up[5m]", 0, "unexpected \"[\""},
        {"up offset 5m", 0, "unexpected <offset>"},
        {"{}", 0, "vector selector must contain at least one non-empty matcher"},
        {"(up)", 0, "unexpected \"(\""},
        {"up{a=~\"(\"}", 0, "error parsing regexp: missing closing ): `(`"},
        {"5", 0, "unexpected number \"5\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena;
        struct matchers matchers = {0};
        struct ampql_error err = {0};
        arena_init(&arena, &alloc_default);
        enum ampql_code code =
            parse_selector(str_of(rows[i].text), &prom3, &arena, &matchers, &err);
        assert_int_equal(code, rows[i].n ? AMPQL_OK : AMPQL_PARSE);
        assert_int_equal(matchers.n, rows[i].n);
        if (rows[i].message)
            assert_string_equal(err.message, rows[i].message);
        arena_done(&arena);
    }
}

static void test_position(void **state)
{
    (void)state;
    struct str text = STR("ab\nc\xc3\xa9\n\nd");
    static const size_t rows[][3] = {{0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {6, 2, 4},
                                     {7, 3, 1}, {8, 4, 1}, {99, 4, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t line, column;
        text_position(text, rows[i][0], &line, &column);
        assert_int_equal(line, rows[i][1]);
        assert_int_equal(column, rows[i][2]);
    }
}

/* ---- memory */

static bool parse_one(const struct ampql_allocator *alc, void *payload)
{
    const char *text = payload;
    struct arena arena;
    struct ast *ast = NULL;
    struct ampql_error err = {0};
    struct parse_options options = {.find_function = signatures_find};
    arena_init(&arena, alc);
    enum ampql_code code = parse_expr(str_of(text), &options, &arena, &ast, &err);
    if (code != AMPQL_OK)
        assert_int_equal(code, AMPQL_NOMEM);
    assert_int_equal(err.code, code);
    arena_done(&arena);
    return code == AMPQL_OK;
}

static void test_torture(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "sum by (a, \"b c\") (rate({__name__=~\"x.*|y[0-9]\", c!~\"d.+e\"}[5m:1m * 2] offset "
        "(1m)))",
        "label_replace(a + on (b) group_left (c) d, \"\\x41\", '$1', `e`, \"f\") > bool 1_000",
        "topk(5, -min_over_time(x[1h:5m] @ start())) or {\"m\", y=~\"\", z=\"1\"} offset -5m",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[512];
        snprintf(text, sizeof text, "%s", texts[i]);
        assert_true(torture_with(parse_one, text, false) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_precedence), cmocka_unit_test(test_types),
        cmocka_unit_test(test_members),    cmocka_unit_test(test_duration_values),
        cmocka_unit_test(test_selector),   cmocka_unit_test(test_position),
        cmocka_unit_test(test_torture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
