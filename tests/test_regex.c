/* Label regexes: matches, groups, literals and refusals; each row is asked with the fast paths and
 * without. */
#include "base/regex.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdlib.h>
#include <string.h>

#define ALL REGEX_DOT_ALL
#define LINE REGEX_DOT_NO_NEWLINE
#define TEXT(literal)                                                                              \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct row {
    const char *source;
    enum regex_dot dot;
    struct str text;
    bool is_match;
} rows[] = {
    {"", ALL, TEXT(""), true},
    {"", ALL, TEXT("a"), false},
    {"foo", ALL, TEXT("foo"), true},
    {"foo", ALL, TEXT("xfoo"), false},
    {"foo", ALL, TEXT("foox"), false},
    {"foo\\.bar", ALL, TEXT("foo.bar"), true},
    {"foo\\.bar", ALL, TEXT("fooxbar"), false},
    {"foo.bar", ALL, TEXT("fooxbar"), true},
    {"a\\nb", ALL, TEXT("a\nb"), true},
    {"a|b|c", ALL, TEXT("b"), true},
    {"a|b|c", ALL, TEXT("d"), false},
    {"a|", ALL, TEXT(""), true},
    {"a|b", ALL, TEXT("ab"), false},
    {"(a|b)", ALL, TEXT("b"), true},
    {"(?:a|b)", ALL, TEXT("a"), true},
    {"x(a|b|)y", ALL, TEXT("xy"), true},
    {"x(a|b|)y", ALL, TEXT("xay"), true},
    {"x(a|b|)y", ALL, TEXT("xabyy"), false},
    {"^a|b$", ALL, TEXT("b"), true},
    {"^foo$", ALL, TEXT("foo"), true},
    {"foo\\$", ALL, TEXT("foo$"), true},
    {"foo\\$", ALL, TEXT("foo"), false},
    {"foo\\\\$", ALL, TEXT("foo\\"), true},
    {"fo*", ALL, TEXT("f"), true},
    {"fo*", ALL, TEXT("fooo"), true},
    {"a|bc?", ALL, TEXT("b"), true},
    {"[abc]", ALL, TEXT("b"), true},
    {"(?i)foo", ALL, TEXT("FoO"), true},
    {".*", ALL, TEXT(""), true},
    {".*", ALL, TEXT("a\nb"), true},
    {".*", LINE, TEXT("a\nb"), false},
    {".+", ALL, TEXT(""), false},
    {".+", ALL, TEXT("\n"), true},
    {".+", LINE, TEXT("\n"), false},
    {"foo.*", ALL, TEXT("foo"), true},
    {"foo.+", ALL, TEXT("foo"), false},
    {"foo.+", ALL, TEXT("foo\xff"), true},
    {".*foo", ALL, TEXT("barfoo"), true},
    {".*foo", ALL, TEXT("foobar"), false},
    {".+foo", ALL, TEXT("foo"), false},
    {".*foo.*", ALL, TEXT("afoob"), true},
    {".+foo.+", ALL, TEXT("foofoofoo"), true},
    {".+foo.+", ALL, TEXT("foofoo"), false},
    {".+\xc3\xa9.*", ALL, TEXT("\xe2\x82\xac\xc3\xa9"), true},
    {"a.*b.+c.*d", ALL, TEXT("axbbcd"), true},
    {"a.*b.+c.*d", ALL, TEXT("abcd"), false},
    {"foo.*oo", ALL, TEXT("foo"), false},
    {"a\n.*", LINE, TEXT("a\nb"), true},
    {"a\n.*", LINE, TEXT("a\nb\n"), false},
    {".*\n.*", LINE, TEXT("a\nb"), true},
    {".*\n.*", LINE, TEXT("a\n\nb"), false},
    {".*?foo", ALL, TEXT("xfoo"), true},
    /* invalid bytes read as U+FFFD, one each */
    {".", ALL, TEXT("\xff"), true},
    {"..", ALL, TEXT("\xe2\x82"), true},
    {".", ALL, TEXT("\xe2\x82"), false},
    {"\xef\xbf\xbd", ALL, TEXT("\xff"), true},
    {"a\xef\xbf\xbd.*", ALL, TEXT("a\x80z"), true},
    {"[^a]", ALL, TEXT("\xc0"), true},
    {".", ALL, TEXT("\xe2\x82\xac"), true},
    {"\\w+", ALL, TEXT("a_9"), true},
    {"\\w", ALL, TEXT("\xc3\xa9"), false},
    {"\\pL", ALL, TEXT("\xc3\xa9"), true},
    {"a\\x00b", ALL, TEXT("a\0b"), true},
    {"\\Q(a|b)\\E+", ALL, TEXT("(a|b))"), true},
    {"(?<n>a)[(?<]\\Q(?<\\E", ALL, TEXT("a?(?<"), true},
    {"(?P<n>a)", ALL, TEXT("a"), true},
    {"a{2,3}", ALL, TEXT("aaa"), true},
    {"a$|b", ALL, TEXT("a"), true},
    {"(?m:^b$)", ALL, TEXT("a\nb"), false},
};

static struct regex *compile(const struct row *row, bool plain)
{
    struct regex *regex = NULL;
    struct ampql_error err = {0};
    enum ampql_code code =
        plain ? regex_new_plain(&alloc_default, str_of(row->source), row->dot, &regex, &err)
              : regex_new(&alloc_default, str_of(row->source), row->dot, &regex, &err);
    if (code != AMPQL_OK)
        fail_msg("%s: %s", row->source, err.message);
    return regex;
}

static void test_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int plain = 0; plain < 2; plain++) {
            struct regex *regex = compile(&rows[i], plain);
            if (regex_match(regex, rows[i].text) != rows[i].is_match)
                fail_msg("%s on %.*s (plain %d)", rows[i].source, STR_ARGS(rows[i].text), plain);
            assert_false(regex_failed(regex));
            regex_free(regex);
        }
    }
    regex_free(NULL);
}

static void test_groups(void **state)
{
    (void)state;
    static const struct {
        const char *source, *text;
        size_t ngroups;
        const char *group[4]; /* NULL: unset */
    } cases[] = {
        {"foo", "foo", 0, {"foo"}},
        {"(.*)", "", 1, {"", ""}},
        {"(.+)", "abc", 1, {"abc", "abc"}},
        {"kube_(.+)_info", "kube_pod_info", 1, {"kube_pod_info", "pod"}},
        {"x(a|bc)y", "xbcy", 1, {"xbcy", "bc"}},
        {"(a)|(b)", "b", 2, {"b", NULL, "b"}},
        {"(.*):(.*)", "host:9090", 2, {"host:9090", "host", "9090"}},
        {"(.*)-(.*)", "a-b-c", 2, {"a-b-c", "a-b", "c"}}, /* leftmost, greedy first */
        {"(.*?)-(.*)", "a-b-c", 2, {"a-b-c", "a", "b-c"}},
        {"((a)(b)?)", "a", 3, {"a", "a", "a", NULL}},
        {"(.)(.)(.)", "\xff\xe2\xc3\xa9", 3, {"\xff\xe2\xc3\xa9", "\xff", "\xe2", "\xc3\xa9"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int plain = 0; plain < 2; plain++) {
            struct row row = {.source = cases[i].source};
            struct regex *regex = compile(&row, plain);
            struct str group[4];
            assert_int_equal(regex_ngroups(regex), cases[i].ngroups);
            assert_true(
                regex_match_groups(regex, str_of(cases[i].text), group, cases[i].ngroups + 1));
            for (size_t g = 0; g <= cases[i].ngroups; g++) {
                assert_true((group[g].p == NULL) == (cases[i].group[g] == NULL));
                if (group[g].p && !str_equal(group[g], str_of(cases[i].group[g])))
                    fail_msg("%s: group %zu is %.*s", cases[i].source, g, STR_ARGS(group[g]));
            }
            regex_free(regex);
        }
    }
}

static void test_names_and_many_groups(void **state)
{
    (void)state;
    struct row row = {.source = "(?P<first>a)(b)(?<third>c)"};
    struct regex *regex = compile(&row, false);
    assert_int_equal(regex_group(regex, STR("first"), 0), 1);
    assert_int_equal(regex_group(regex, STR("third"), 0), 3);
    assert_int_equal(regex_group(regex, STR("second"), 0), -1);
    assert_int_equal(regex_group(regex, STR("third"), 3), -1);
    regex_free(regex);
    row.source = "(?P<n>a)|(b)|(?P<n>c)|(?P<nn>d)";
    regex = compile(&row, false);
    assert_int_equal(regex_group(regex, STR("n"), 0), 1);
    assert_int_equal(regex_group(regex, STR("n"), 1), 3);
    assert_int_equal(regex_group(regex, STR("n"), 3), -1);
    regex_free(regex);
    row.source = "(.*)";
    regex = compile(&row, false);
    assert_int_equal(regex_group(regex, STR("first"), 0), -1);
    regex_free(regex);

    row.source = "(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(z)";
    regex = compile(&row, false);
    struct str group[21], text = STR("aaaaaaaaaaaaaaaaaaaz");
    assert_int_equal(regex_ngroups(regex), 20);
    assert_true(regex_match_groups(regex, text, group, 21));
    assert_true(str_equal(group[20], STR("z")) && group[20].p == text.p + 19);
    assert_false(regex_match_groups(regex, STR("a"), group, 21));
    regex_free(regex);
}

static void test_literals(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        size_t n;
        const char *literal[4]; /* sorted, each once */
    } cases[] = {
        {"foo", 1, {"foo"}},           {"b|a|b", 2, {"a", "b"}},
        {"^(?:b|a)$", 2, {"a", "b"}},  {"x(b|a)y", 2, {"xay", "xby"}},
        {"a\\.b|c", 2, {"a.b", "c"}},  {"", 1, {""}},
        {"a|", 2, {"", "a"}},          {"a.*", 0, {NULL}},
        {"a|b+", 0, {NULL}},           {"(?i)a|b", 0, {NULL}},
        {"a|\xef\xbf\xbd", 0, {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct row row = {.source = cases[i].source};
        struct regex *regex = compile(&row, false);
        assert_int_equal(regex_literals(regex), cases[i].n);
        for (size_t k = 0; k < cases[i].n; k++)
            assert_true(str_equal(regex_literal(regex, k), str_of(cases[i].literal[k])));
        regex_free(regex);
        regex = compile(&row, true);
        assert_int_equal(regex_literals(regex), 0);
        regex_free(regex);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *source, *message; /* after "error parsing regexp: " */
        enum regex_dot dot;
    } cases[] = {
        {"(", "missing closing ): `(`", ALL},
        {"(", "missing closing ): `^(?:()$`", LINE}, /* Prometheus 2 shows what it wrapped */
        {"a)", "unexpected ): `a)`", ALL},
        {"x[a", "missing closing ]: `[a`", ALL},
        {"[b-a]", "invalid character class range: `b-a`", ALL},
        {"[[:foo:]]", "invalid character class range: `[:foo:]`", ALL},
        {"a\\q", "invalid escape sequence: `\\q`", ALL},
        {"a\\Cb", "invalid escape sequence: `\\C`", ALL},
        {"(a)\\1", "invalid escape sequence: `\\1`", ALL},
        {"a\\", "trailing backslash at end of expression: ``", ALL},
        {"*", "missing argument to repetition operator: `*`", ALL},
        {"a|+", "missing argument to repetition operator: `+`", ALL},
        {"a**", "invalid nested repetition operator: `**`", ALL},
        {".*+", "invalid nested repetition operator: `*+`", ALL},
        {"a{1001}", "invalid repeat count: `{1001}`", ALL},
        {"a{2,1}", "invalid repeat count: `{2,1}`", ALL},
        {"(?=a)", "invalid or unsupported Perl syntax: `(?=`", ALL},
        {"(?!a)", "invalid or unsupported Perl syntax: `(?!`", ALL},
        {"(?P<a b>c)", "invalid named capture: `(?P<a b>`", ALL},
        /* names: without the P since Go 1.22; letters of ASCII */
        {"(?<=a)", "invalid named capture: `(?<=a)`", ALL},
        {"x(?<=a)(?<b>c)", "invalid named capture: `(?<=a)(?<b>`", ALL},
        {"(?<!a)", "invalid named capture: `(?<!a)`", ALL},
        {"(?<=a)", "invalid or unsupported Perl syntax: `(?<`", LINE},
        {"(?<n>a)", "invalid or unsupported Perl syntax: `(?<`", LINE},
        {"(?<>x)", "invalid named capture: `(?<>`", ALL},
        {"(?<n", "invalid named capture: `(?<n`", ALL},
        {"(?P<n", "invalid named capture: `(?P<n)$`", LINE},
        {"(?P<\xc3\xa9>a)", "invalid named capture: `(?P<\xc3\xa9>`", ALL},
        /* counts, of any length, before what they stand behind */
        {"x{99999999999}", "invalid repeat count: `{99999999999}`", ALL},
        {"x{99999999999}", "invalid repeat count: `{99999999999}`", LINE},
        {"{99999999999}", "invalid repeat count: `{99999999999}`", ALL},
        {"a{2}{99999999999,}", "invalid repeat count: `{99999999999,}`", ALL},
        {"a{2}{3,2}", "invalid repeat count: `{3,2}`", ALL},
        {"(a{1,500}){3}", "invalid repeat count: `{3}`", ALL},
        {"\\x{110000}", "invalid escape sequence: `\\x{110000`", ALL},
        {"\\x{11", "invalid escape sequence: `\\x{11`", ALL},
        {"\\p{1001}", "invalid character class range: `\\p{1001}`", ALL},
        /* what comes first is said first */
        {"*\\C", "missing argument to repetition operator: `*`", ALL},
        {"*(?<=a)", "missing argument to repetition operator: `*`", ALL},
        {"a)b(?<=", "unexpected ): `a)b(?<=`", ALL},
        {"[[:foo:]]x{1001}", "invalid character class range: `[:foo:]`", ALL},
        {"(a\\C", "invalid escape sequence: `\\C`", ALL},
        {"((a{1001}", "invalid repeat count: `{1001}`", ALL},
        /* Prometheus 2 reads on in what it wrapped around */
        {"[a", "missing closing ]: `[a)$`", LINE},
        {"\\x4", "invalid escape sequence: `\\x4)`", LINE},
        {"\\p{L", "invalid character class range: `\\p{L)$`", LINE},
        {"(?i", "missing closing ): `^(?:(?i)$`", LINE},
        {"(?i-", "invalid or unsupported Perl syntax: `(?i-)`", LINE},
        {"\\Qa.b", "missing closing ): `^(?:\\Qa.b)$`", LINE},
        {"a\\", "missing closing ): `^(?:a\\)$`", LINE},
        {"a)(b", "unexpected ): `a)(b`", LINE}, /* the wrapped form is good */
        {"(?<n>a)(", "invalid or unsupported Perl syntax: `(?<`", LINE},
        {"\xff", "invalid UTF-8: `\\xff`", ALL},
        {"a\n(", "missing closing ): `a\\x0a(`", ALL}, /* the message stays one line */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct regex *regex = NULL;
        struct ampql_error err = {0};
        if (regex_new(&alloc_default, str_of(cases[i].source), cases[i].dot, &regex, &err) !=
            AMPQL_PARSE)
            fail_msg("%s: \"%s\", not refused", cases[i].source, err.message);
        assert_null(regex);
        assert_int_equal(err.code, AMPQL_PARSE);
        assert_memory_equal(err.message, "error parsing regexp: ", 22);
        assert_string_equal(err.message + 22, cases[i].message);
    }
}

static void test_limits(void **state)
{
    (void)state;
    enum { MAX = 16 * 1024 };
    char *source = malloc(MAX + 1);
    struct regex *regex = NULL;
    struct ampql_error err = {0};
    assert_non_null(source);
    memset(source, 'a', MAX + 1);
    assert_int_equal(regex_new(&alloc_default, str_make(source, MAX + 1), ALL, &regex, &err),
                     AMPQL_LIMIT);
    assert_non_null(strstr(err.message, "16384"));
    assert_int_equal(regex_new(&alloc_default, str_make(source, MAX), ALL, &regex, &err), AMPQL_OK);
    assert_true(regex_match(regex, str_make(source, MAX)));
    regex_free(regex);

    assert_int_equal(regex_new(&alloc_default, STR("(\\pL{500}|\\pN{500}){2}"), ALL, &regex, &err),
                     AMPQL_LIMIT);
    assert_non_null(strstr(err.message, "expression too large"));
    assert_int_equal(err.code, AMPQL_LIMIT);

    /* round each alternative of a group, long surroundings would be copied: left to RE2 */
    memset(source, '|', MAX);
    memset(source, 'x', 6000);
    source[6000] = '(';
    source[8000] = ')';
    memset(source + 8001, 'y', 4000);
    assert_int_equal(regex_new(&alloc_default, str_make(source, 12001), ALL, &regex, &err),
                     AMPQL_OK);
    assert_int_equal(regex_literals(regex), 0);
    regex_free(regex);
    free(source);
}

static void test_linear_time(void **state)
{
    (void)state;
    struct row row = {.source = "(a*)*b|(a|aa)+$"};
    struct regex *regex = compile(&row, false);
    char text[20000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'c';
    assert_false(regex_match(regex, str_make(text, sizeof text)));
    regex_free(regex);
}

static bool make_and_match(const struct ampql_allocator *alc, void *payload)
{
    const char *source = payload;
    struct regex *regex = NULL;
    struct ampql_error err = {0};
    enum ampql_code code = regex_new(alc, str_of(source), ALL, &regex, &err);
    if (code != AMPQL_OK) {
        assert_int_equal(code, AMPQL_NOMEM);
        assert_int_equal(err.code, AMPQL_NOMEM);
        return false;
    }
    char text[1000]; /* longer than what is cleaned without memory */
    memset(text, '\xff', sizeof text);
    struct str groups[30];
    size_t n = 1 + regex_ngroups(regex);
    bool is_match = regex_match_groups(regex, str_make(text, sizeof text), groups, n);
    bool failed = regex_failed(regex);
    if (!failed)
        assert_true(is_match == (source[0] == '(' || source[0] == '['));
    regex_free(regex);
    return !failed;
}

static void test_torture(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "a\\.b|c|d", "x(a|b|c|d|e|f|g|h|i)y",
        "^.*a.+$",   "(?<n>.*)()()()()()()()()()()()()()()()()()()()()",
        "[^a]+",
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        assert_true(torture_with(make_and_match, (void *)sources[i], false) >= 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_match),
    cmocka_unit_test(test_groups),
    cmocka_unit_test(test_names_and_many_groups),
    cmocka_unit_test(test_literals),
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_limits),
    cmocka_unit_test(test_linear_time),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
