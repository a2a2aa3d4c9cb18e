/* Tokens: what they are, where they are, and what is no token. */
#include "base/quote.h"
#include "lang/lexer.h"
#include "support/test.h"

#include <stdio.h>

struct row {
    const char *text;
    const char *tokens; /* described, with a blank between them; or the error */
    enum ampql_dialect dialect;
};

static const struct row rows[] = {
    {"", "end of input", 0},
    {" \t\r\n", "end of input", 0},
    {"# only a comment", "end of input", 0},
    {"a # comment\rb", "identifier \"a\" identifier \"b\" end of input", 0},
    {"a{#}\nb}", "identifier \"a\" \"{\" identifier \"b\" \"}\" end of input", 0},
    {"a:b :c d9 _",
     "metric identifier \"a:b\" metric identifier \":c\" identifier \"d9\" "
     "identifier \"_\" end of input",
     0},
    {"SUM By OFFSET", "<aggr:SUM> <By> <OFFSET> end of input", 0},
    {"and ATAN2 == != <= < >= > + - * / % ^ = @",
     "<op:and> <op:ATAN2> <op:==> <op:!=> <op:<=> <op:<> <op:>=> <op:>> <op:+> <op:-> <op:*> "
     "<op:/> <op:%> <op:^> \"=\" <op:@> end of input",
     0},
    {"</ >/", "<op:</> <op:>/> end of input", 0},
    {"</", "<op:<> <op:/> end of input", AMPQL_PROM2},
    {"start end step range min_of max_of",
     "\"start\" \"end\" \"step\" \"range\" \"min_of\" \"max_of\" end of input", 0},
    {"step range limitk",
     "identifier \"step\" identifier \"range\" identifier \"limitk\" end of input", AMPQL_PROM2},
    {"fill fill_left (", "identifier \"fill\" <fill_left> \"(\" 1:17: unclosed left parenthesis",
     0},
    {"{sum=by,inf!=\"x\"=~!~}",
     "\"{\" identifier \"sum\" \"=\" identifier \"by\" \",\" identifier \"inf\" <op:!=> string "
     "\"\\\"x\\\"\" <op:=~> <op:!~> \"}\" end of input",
     0},
    {"{a:b}", "\"{\" identifier \"a\" 1:3: unexpected character inside braces: ':'", 0},
    {"{{", "\"{\" 1:2: unexpected left brace '{'", 0},
    {"{!x", "\"{\" 1:2: unexpected character after '!' inside braces: 'x'", 0},
    /* numbers and durations */
    {"1 1.5 .5 5. 1e3 1E-3 0x1F 0X_1f 1_000 Inf nan",
     "number \"1\" number \"1.5\" number \".5\" number \"5.\" number \"1e3\" number \"1E-3\" "
     "number "
     "\"0x1F\" number \"0X_1f\" number \"1_000\" number \"Inf\" number \"nan\" end of input",
     0},
    {"1_000", "1:1: bad number or duration syntax: \"1\"", AMPQL_PROM2},
    {"1__0", "1:1: bad number or duration syntax: \"1__\"", 0},
    {"1_.5", "1:1: bad number or duration syntax: \"1_.\"", 0},
    {"1_", "1:1: bad number or duration syntax: \"1_\"", 0},
    {"1e", "1:1: bad number or duration syntax: \"1e\"", 0},
    {"1e2e3", "1:1: bad number or duration syntax: \"1e2e\"", 0},
    {"1.2.3", "1:1: bad number or duration syntax: \"1.2.\"", 0},
    {"1h2x", "1:1: bad number or duration syntax: \"1h2\"", 0},
    {"0b1", "1:1: bad number or duration syntax: \"0\"", 0},
    {"0x1.8", "1:1: bad number or duration syntax: \"0x1.\"", 0},
    {"5m 1h30m 1y2w3d4h5m6s7ms 5hs",
     "duration \"5m\" duration \"1h30m\" duration \"1y2w3d4h5m\"... duration \"5hs\" end of input",
     0},
    {"5mx", "1:1: bad number or duration syntax: \"5mx\"", 0},
    {"1234567890123", "number \"1234567890\"... end of input", 0},
    {"infinity", "identifier \"infinity\" end of input", 0},
    /* strings */
    {"\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\101\\x41\\u0041\\U00000041\"",
     "string \"\\\"\\\\a\\\\b\\\\f\\\\n\\\\\"... end of input", 0},
    {"\"\\xFF\\u00DF\"", "string \"\\\"\\\\xFF\\\\u00D\"... end of input", 0},
    {"'\\''", "string \"'\\\\''\" end of input", 0},
    {"`\\c\n`", "string \"`\\\\c\\n`\" end of input", 0},
    {"\"\\'\"", "1:1: unknown escape sequence U+0027 '''", 0},
    {"\"\\c\"", "1:1: unknown escape sequence U+0063 'c'", 0},
    {"\"\\\x01\"", "1:1: unknown escape sequence U+0001", 0},
    {"\"\\x.\"", "1:1: illegal character U+002E '.' in escape sequence", 0},
    {"\"\\08\"", "1:1: illegal character U+0038 '8' in escape sequence", 0},
    {"\"\\400\"", "1:1: escape sequence is an invalid Unicode code point", 0},
    {"\"\\ud800\"", "1:1: escape sequence is an invalid Unicode code point", 0},
    {"\"\\U00110000\"", "1:1: escape sequence is an invalid Unicode code point", 0},
    {"\"\\", "1:1: escape sequence not terminated", 0},
    {"\"\\x4", "1:1: escape sequence not terminated", 0},
    {"\"a\nb\"", "1:1: unterminated quoted string", 0},
    {"a \"b", "identifier \"a\" 1:3: unterminated quoted string", 0},
    {"`a", "1:1: unterminated raw string", 0},
    {"\"\xff\"", "1:1: invalid UTF-8 rune", 0},
    {"`\xc3`", "1:1: invalid UTF-8 rune", 0},
    {"\"\xed\xa0\x80\"", "1:1: invalid UTF-8 rune", 0},
    /* stray characters */
    {"a\n \xc3\xa9", "identifier \"a\" 2:2: unexpected character: '\xc3\xa9'", 0},
    {"\xff", "1:1: unexpected character: '\xef\xbf\xbd'", 0},
    {"\xc2\xa0", "1:1: unexpected character: '\\u00a0'", 0},
    {"\x01", "1:1: unexpected character: '\\x01'", 0},
    {"!", "1:1: unexpected character after '!': '\xef\xbf\xbd'", 0},
    {"!~", "1:1: unexpected character after '!': '~'", 0},
    {"=~", "1:1: unexpected character after '=': '~'", 0},
    {"}", "1:1: unexpected character: '}'", 0},
    {"]", "1:1: unexpected right bracket ']'", 0},
    {"())", "\"(\" \")\" 1:4: unexpected right parenthesis ')'", 0},
    {"((1)", "\"(\" \"(\" number \"1\" \")\" 1:5: unclosed left parenthesis", 0},
    /* brackets */
    {"[5m:1m]", "\"[\" duration \"5m\" \":\" duration \"1m\" \"]\" end of input", 0},
    {"[ 5m # c\n : ]", "\"[\" duration \"5m\" \":\" \"]\" end of input", 0},
    {"[step()*2,MIN_OF]",
     "\"[\" \"step\" \"(\" \")\" <op:*> number \"2\" \",\" \"MIN_OF\" \"]\" end of input", 0},
    {"[max_of(1,range())]",
     "\"[\" \"max_of\" \"(\" number \"1\" \",\" \"range\" \"(\" \")\" \")\" \"]\" end of input", 0},
    {"[start()]", "\"[\" 1:2: unexpected character in duration expression: 's'", 0},
    {"[", "\"[\" 1:2: unexpected end of input in duration expression", 0},
    {"[5m", "\"[\" duration \"5m\" 1:4: unclosed left bracket", 0},
    {"[#", "\"[\" 1:2: unexpected character in duration expression: '#'", 0},
    {"[x", "\"[\" 1:2: unexpected character in duration expression: 'x'", 0},
    {"[5m x", "\"[\" duration \"5m\" 1:5: unexpected character: 'x', expected ':'", 0},
    {"[:5m]", "\"[\" 1:3: unexpected colon before duration in duration expression", 0},
    {"[5m:5m:5m]", "\"[\" duration \"5m\" \":\" duration \"5m\" 1:7: unexpected colon ':'", 0},
    {"[5m::1m]", "\"[\" duration \"5m\" \":\" 1:5: unexpected colon ':'", 0},
    {"[step()::1m]",
     "\"[\" \"step\" \"(\" \")\" \":\" 1:10: unexpected repeated colon in duration expression", 0},
    {"[5m[", "\"[\" duration \"5m\" 1:4: unexpected left bracket '['", 0},
    {"[5m:x1m]", "\"[\" duration \"5m\" \":\" 1:5: unexpected character: 'x', expected ':'", 0},
    {"[5mx1m]", "\"[\" 1:2: bad duration syntax: \"5mx\"", AMPQL_PROM2},
    {"[5m x 1m]", "\"[\" duration \"5m\" \"x\" duration \"1m\" \"]\" end of input", AMPQL_PROM2},
    {"[5]", "\"[\" 1:2: missing unit character in duration", AMPQL_PROM2},
    {"[", "\"[\" 1:2: missing unit character in duration", AMPQL_PROM2},
};

/* All tokens of the text, described; the error last. */
static void describe_all(const struct row *row, bool is_wide, char *out, size_t size)
{
    struct lexer lexer;
    struct token token;
    struct ampql_error err = {0};
    char described[TOKEN_TEXT_MAX];
    struct str text = str_of(row->text);
    size_t n = 0, end = 0;
    lexer_init(&lexer, text, row->dialect, is_wide);
    do {
        const char *blank = n ? " " : "";
        if (lexer_next(&lexer, &token, &err) != AMPQL_OK) {
            size_t line = 1, from = 0;
            for (size_t i = 0; i < err.start; i++)
                if (text.p[i] == '\n') {
                    line++;
                    from = i + 1;
                }
            assert_true(err.has_span && err.start <= err.end && err.end <= text.n);
            snprintf(out + n, size - n, "%s%zu:%zu: %s", blank, line, err.start - from + 1,
                     err.message);
            return;
        }
        assert_true(token.span.start >= end && token.span.end <= text.n);
        assert_int_equal(token.text.n, token.span.end - token.span.start);
        assert_ptr_equal(token.text.p, text.p + token.span.start);
        end = token.span.end;
        token_describe(described, sizeof described, &token, row->dialect == AMPQL_PROM2);
        n += (size_t)snprintf(out + n, size - n, "%s%s", blank, described);
        assert_true(n < size);
    } while (token.kind != TOKEN_END);
}

static void check_rows(const struct row *at, size_t n, bool is_wide)
{
    size_t nbad = 0;
    for (size_t i = 0; i < n; i++) {
        char got[1024];
        describe_all(&at[i], is_wide, got, sizeof got);
        if (strcmp(got, at[i].tokens) == 0)
            continue;
        print_error("row %zu, %s\n  want %s\n  got  %s\n", i, at[i].text, at[i].tokens, got);
        nbad++;
    }
    assert_int_equal(nbad, 0);
}

static void test_rows(void **state)
{
    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows, false);
}

/* Where names may have letters beyond ASCII and dots. */
static const struct row wide_rows[] = {
    {"a.b..c. d", "identifier \"a.b..c.\" identifier \"d\" end of input", 0},
    {"sum.x by.y", "identifier \"sum.x\" identifier \"by.y\" end of input", 0},
    {"a.b:c", "metric identifier \"a.b:c\" end of input", 0},
    {"\u6e29\u5ea6{\u5834.\u6240}",
     "identifier \"\u6e29\u5ea6\" \"{\" identifier \"\u5834.\u6240\" \"}\" end of input", 0},
    {"1.a", "1:1: bad number or duration syntax: \"1.\"", 0},
    {"{.a}", "\"{\" 1:2: unexpected character inside braces: '.'", 0},
    {"a\xff", "identifier \"a\" 1:2: unexpected character: '\ufffd'", 0},
    {"a.b", "identifier \"a\" 1:2: unexpected character: '.'", AMPQL_PROM2},
};

static void test_wide_names(void **state)
{
    (void)state;
    check_rows(wide_rows, sizeof wide_rows / sizeof *wide_rows, true);
}

/* The end is said as often as it is asked for. */
static void test_end(void **state)
{
    (void)state;
    struct lexer lexer;
    struct token token;
    lexer_init(&lexer, STR("a"), AMPQL_PROM3, false);
    assert_int_equal(lexer_next(&lexer, &token, NULL), AMPQL_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(lexer_next(&lexer, &token, NULL), AMPQL_OK);
        assert_int_equal(token.kind, TOKEN_END);
        assert_int_equal(token.span.start, 1);
    }
}

/* A NUL is a character like others, and not the end. */
static void test_nul(void **state)
{
    (void)state;
    struct lexer lexer;
    struct token token;
    struct ampql_error err = {0};
    lexer_init(&lexer, str_make("\0a", 2), AMPQL_PROM3, false);
    assert_int_equal(lexer_next(&lexer, &token, &err), AMPQL_PARSE);
    assert_string_equal(err.message, "unexpected character: '\\x00'");
}

static const struct quote_row {
    struct str text;
    const char *quoted;
} quote_rows[] = {
    {{"", 0}, "\"\""},
    {{"a\"b\\c", 5}, "\"a\\\"b\\\\c\""},
    {{"\a\b\f\n\r\t\v", 7}, "\"\\a\\b\\f\\n\\r\\t\\v\""},
    {{"\0\x1b\x7f", 3}, "\"\\x00\\x1b\\x7f\""},
    {{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
    {{"\xff\xc3", 2}, "\"\\xff\\xc3\""},
    {{"\xe2\x80\xa8\xef\xbb\xbf", 6}, "\"\\u2028\\ufeff\""},
    {{"\xf3\xa0\x80\x81", 4}, "\"\\U000e0001\""},
    {{"\xef\xbf\xbd", 3}, "\"\\ufffd\""}, /* unescaped, the lexer would refuse it */
};

static void test_quote(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof quote_rows / sizeof *quote_rows; i++) {
        char got[64];
        struct buf buf;
        assert_string_equal(quote_text(got, sizeof got, quote_rows[i].text), quote_rows[i].quoted);
        buf_init(&buf, &alloc_default, 64);
        print_quoted(&buf, quote_rows[i].text);
        assert_true(str_equal(buf_view(&buf), str_of(quote_rows[i].quoted)));
        buf_done(&buf);
    }
    char small[16];
    assert_string_equal(quote_text(small, sizeof small, STR("abcdefghijklmnopqrstuvwxyz")),
                        "\"abcdefghij...\"");
    assert_string_equal(quote_text(small, sizeof small, STR("abcdefghij\xe2\x82\xac")),
                        "\"abcdefghij...\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows), cmocka_unit_test(test_wide_names), cmocka_unit_test(test_end),
        cmocka_unit_test(test_nul),  cmocka_unit_test(test_quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
