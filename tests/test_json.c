/* The JSON pull reader: tokens, refusals, limits, and that the cuts between pieces never show. */
#include "support/json_tokens.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdio.h>

static const struct row {
    const char *doc;
    const char *tokens; /* with blanks for line ends */
} rows[] = {
    {"{}", "0 {  1 }  end "},
    {" [ ] ", "1 [  3 ]  end "},
    {"0", "0 number 0 end "},
    {"-0.5e+10", "0 number -0.5e+10 end "},
    {"\"\"", "0 string  end "},
    {"true", "0 true  end "},
    {"[true,false,null]", "0 [  1 true  6 false  12 null  16 ]  end "},
    {"{\"a\":1,\"b\":[2,{\"c\":\"d\"}]}", "0 {  1 key a 5 number 1 7 key b 11 [  12 number 2 14 {  "
                                          "15 key c 19 string d 22 }  23 ]  24 } "
                                          " end "},
    {"[1700000000.123,\"45.2\"]\r\n\t ", "0 [  1 number 1700000000.123 16 string 45.2 22 ]  end "},
    {"\"a\\\"\\\\\\/\\u0041\\u00e9\\u20ac\\ud83d\\ude00z\"",
     "0 string a\"\\/A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z end "},
    {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
     "0 string \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 end "},
    {"\"long enough for eight bytes at a time, and \\\"more\\\"\"",
     "0 string long enough for eight bytes at a time, and \"more\" end "},
    {"{\"\\u006b\":\"\\u0076\"}", "0 {  1 key k 10 string v 18 }  end "},
    /* refused */
    {"", "error 2 the document is empty "},
    {"  ", "error 2 the document is empty "},
    {"[", "0 [  error 2 the document ends inside an array "},
    {"{\"a\":", "0 {  1 key a error 2 the document ends inside an object "},
    {"\"ab", "error 2 the document ends inside a string "},
    {"\"ab\\", "error 2 the document ends inside a string "},
    {"\"ab\\u00", "error 2 the document ends inside a string "},
    {"\"ab\\ud83d", "error 2 the document ends inside a string "},
    {"\"\xe2\x82", "error 2 the document ends inside a string "},
    {"tru", "error 2 the document ends inside true "},
    {"-", "error 2 the document ends inside a number "},
    {"1.", "error 2 the document ends inside a number "},
    {"1e+", "error 2 the document ends inside a number "},
    {"trux", "error 2 offset 3: unexpected \"x\", expected true "},
    {"truex", "0 true  error 2 offset 4: unexpected \"x\", expected the end of the document "},
    {"nul ", "error 2 offset 3: unexpected \" \", expected null "},
    {"01", "error 2 offset 1: unexpected \"1\" in a number, expected its end "},
    {"-x", "error 2 offset 1: unexpected \"x\", expected a digit "},
    {"1.e5", "error 2 offset 2: unexpected \"e\" in a number, expected a digit "},
    {"[1.,2]", "0 [  error 2 offset 3: unexpected \",\", expected a digit "},
    {"1-2", "error 2 offset 1: unexpected \"-\" in a number, expected its end "},
    {"+1", "error 2 offset 0: unexpected \"+\", expected a value "},
    {".5", "error 2 offset 0: unexpected \".\", expected a value "},
    {"NaN", "error 2 offset 0: unexpected \"N\", expected a value "},
    {"[1,]", "0 [  1 number 1 error 2 offset 3: unexpected \"]\", expected a value "},
    {"[,1]", "0 [  error 2 offset 1: unexpected \",\", expected a value or ] "},
    {"[1 2]", "0 [  1 number 1 error 2 offset 3: unexpected \"2\", expected , or ] "},
    {"[1}", "0 [  1 number 1 error 2 offset 2: unexpected \"}\", expected , or ] "},
    {"{1:2}", "0 {  error 2 offset 1: unexpected \"1\", expected a key or } "},
    {"{\"a\" 1}", "0 {  1 key a error 2 offset 5: unexpected \"1\", expected : "},
    {"{\"a\":}", "0 {  1 key a error 2 offset 5: unexpected \"}\", expected a value "},
    {"{\"a\":1,}", "0 {  1 key a 5 number 1 error 2 offset 7: unexpected \"}\", expected a key "},
    {"{\"a\":1]", "0 {  1 key a 5 number 1 error 2 offset 6: unexpected \"]\", expected , or } "},
    {"1 2", "0 number 1 error 2 offset 2: unexpected \"2\", expected the end of the document "},
    {"//x", "error 2 offset 0: unexpected \"/\", expected a value "},
    {"\xef\xbb\xbf{}", "error 2 offset 0: unexpected \"\\xef\", expected a value "},
    {"\"a\nb\"", "error 2 offset 2: unexpected \"\\x0a\" in a string, expected an escape instead "
                 "of a control byte "},
    {"\"a\\qb\"", "error 2 offset 3: unexpected \"q\" in a string, expected an escape "},
    {"\"\\u12g4\"", "error 2 offset 5: unexpected \"g\" in a string, expected four hex digits "},
    {"\"\\udc00\"",
     "error 2 offset 1: unexpected \"\\\\\" in a string, expected a high surrogate before it "},
    {"\"\\ud83dx\"", "error 2 offset 7: unexpected \"x\" in a string, expected a low surrogate "},
    {"\"\\ud83d\\n\"", "error 2 offset 8: unexpected \"n\" in a string, expected a low surrogate "},
    {"\"\\ud83d\\u0041\"",
     "error 2 offset 7: unexpected \"\\\\\" in a string, expected a low surrogate "},
    {"\"\xff\"", "error 2 offset 1: unexpected \"\\xff\" in a string, expected UTF-8 "},
    {"\"\xc0\x80\"", "error 2 offset 1: unexpected \"\\xc0\" in a string, expected UTF-8 "},
    {"\"\xed\xa0\x80\"", "error 2 offset 1: unexpected \"\\xed\" in a string, expected UTF-8 "},
    {"\"\xe2\x82\"", "error 2 offset 1: unexpected \"\\xe2\" in a string, expected UTF-8 "},
    {"\"\xe2\x82", "error 2 the document ends inside a string "},
};
enum { NROWS = sizeof rows / sizeof *rows };

static void check(struct json_limits limits, struct str doc, const uint8_t *sizes, size_t nsizes,
                  const char *tokens)
{
    struct buf out;
    buf_init(&out, &alloc_default, 1 << 20);
    json_tokens(&alloc_default, limits, doc, sizes, nsizes, &out);
    buf_byte(&out, '\0');
    assert_int_equal(out.failed, AMPQL_OK);
    for (size_t i = 0; i < out.n; i++)
        if (out.p[i] == '\n')
            out.p[i] = ' ';
    if (strcmp(out.p, tokens) != 0)
        fail_msg("%s in %zu sizes of %u:\n  %s\nexpected\n  %s", doc.p, nsizes,
                 nsizes ? sizes[0] : 0, out.p, tokens);
    buf_done(&out);
}

static void test_tokens(void **state)
{
    (void)state;
    struct json_limits none = {0};
    for (size_t i = 0; i < NROWS; i++) {
        struct str doc = str_of(rows[i].doc);
        check(none, doc, NULL, 0, rows[i].tokens);
        check(none, doc, (const uint8_t[]){1}, 1, rows[i].tokens);
        check(none, doc, (const uint8_t[]){0, 1, 0, 3}, 4, rows[i].tokens);
        for (size_t cut = 0; cut <= doc.n; cut++) /* two pieces, at every byte */
            check(none, doc, (const uint8_t[]){(uint8_t)cut, 255}, 2, rows[i].tokens);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *doc, *tokens;
    } limited[] = {
        {"[[1]]", "0 [  1 [  2 number 1 3 ]  4 ]  end "},
        {"[[[", "0 [  1 [  error 6 offset 2: nested more than 2 deep "},
        {"[{\"a\":[]}]", "0 [  1 {  2 key a error 6 offset 6: nested more than 2 deep "},
        {"\"1234\"", "0 string 1234 end "},
        {"\"\\u0031\\u0032\\u0033\\u0034\"", "0 string 1234 end "},
        {"\"12345\"", "error 6 offset 0: a string of more than 4 bytes "},
        {"\"\\u0031\\u0032\\u0033\\u0034\\u0035\"",
         "error 6 offset 0: a string of more than 4 bytes "},
        {"\"\\ud83d\\ude00\"", "0 string \xf0\x9f\x98\x80 end "},
        {"\"\\ud83d\\ude00x\"", "error 6 offset 0: a string of more than 4 bytes "},
        {"\"12345678901234567890123456789012345678901234567890\\q",
         "error 6 offset 0: a string of more than 4 bytes "},
        {"\"12\\q345678901234567890123456789012345678901234567890",
         "error 2 offset 4: unexpected \"q\" in a string, expected an escape "},
        {"1234", "0 number 1234 end "},
        {"12345", "error 6 offset 0: a number of more than 4 bytes "},
        {"0----", "error 6 offset 0: a number of more than 4 bytes "},
    };
    struct json_limits limits = {.max_depth = 2, .max_string = 4};
    for (size_t i = 0; i < sizeof limited / sizeof *limited; i++) {
        struct str doc = str_of(limited[i].doc);
        check(limits, doc, NULL, 0, limited[i].tokens);
        for (uint8_t size = 1; size < 60; size++)
            check(limits, doc, &size, 1, limited[i].tokens);
    }
}

static void test_nul_and_default_limits(void **state)
{
    (void)state;
    struct json json;
    struct json_token token;
    struct ampql_error err;
    assert_int_equal(json_init(&json, &alloc_default, (struct json_limits){0}, &err), AMPQL_OK);
    json_feed(&json, "\"a\\u0000b\"", 10, true);
    assert_int_equal(json_next(&json, &token, &err), AMPQL_OK);
    assert_true(str_equal(token.text, STR("a\0b")));
    assert_int_equal(json_next(&json, &token, &err), AMPQL_OK);
    assert_int_equal(token.kind, JSON_END);
    assert_int_equal(json_next(&json, &token, &err), AMPQL_OK); /* and so it stays */
    assert_int_equal(token.kind, JSON_END);
    json_done(&json);

    char deep[66];
    memset(deep, '[', sizeof deep);
    assert_int_equal(json_init(&json, &alloc_default, (struct json_limits){0}, &err), AMPQL_OK);
    json_feed(&json, deep, sizeof deep, true);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(json_next(&json, &token, &err), AMPQL_OK);
    assert_int_equal(json_next(&json, &token, &err), AMPQL_LIMIT);
    assert_int_equal(json_next(&json, &token, &err), AMPQL_LIMIT); /* it stays refused */
    json_feed(&json, "]", 1, true);
    assert_int_equal(json_next(&json, &token, &err), AMPQL_LIMIT);
    json_done(&json);
}

static void test_views(void **state)
{
    (void)state;
    static const char doc[] = "[\"whole\",12.5,3]";
    struct json json;
    struct json_token token;
    assert_int_equal(json_init(&json, &alloc_default, (struct json_limits){0}, NULL), AMPQL_OK);
    json_feed(&json, doc, sizeof doc - 1, false);
    json_next(&json, &token, NULL);
    json_next(&json, &token, NULL);
    assert_ptr_equal(token.text.p, doc + 2); /* not copied */
    json_next(&json, &token, NULL);
    assert_ptr_equal(token.text.p, doc + 9);
    assert_null(json.partial.p);
    json_done(&json);
}

/* Skipping each value of {"a": <value>, "b": 7} leads to the key b, whatever the cuts. */
static void test_skip(void **state)
{
    (void)state;
    static const char *const values[] = {
        "1", "\"x\"", "null", "{}", "[]", "[[],{\"b\":[{}]},1,\"]\"]", "{\"b\":{\"b\":\"}\"}}",
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char doc[128];
        size_t n = (size_t)snprintf(doc, sizeof doc, "{\"a\": %s, \"b\": 7}", values[i]);
        for (size_t size = 1; size <= n; size++) {
            struct json json;
            struct json_token token = {.kind = JSON_MORE};
            size_t at = 0, depth = 0, nkeys = 0;
            bool is_skipping = false, is_after_a = false;
            assert_int_equal(json_init(&json, &alloc_default, (struct json_limits){0}, NULL),
                             AMPQL_OK);
            while (token.kind != JSON_END) {
                if (token.kind == JSON_MORE) {
                    size_t piece = n - at < size ? n - at : size;
                    json_feed(&json, doc + at, piece, at + piece == n);
                    at += piece;
                }
                if (is_skipping) {
                    assert_int_equal(json_skip(&json, &token, &depth, NULL), AMPQL_OK);
                    is_skipping = token.kind == JSON_MORE;
                    continue;
                }
                assert_int_equal(json_next(&json, &token, NULL), AMPQL_OK);
                if (token.kind == JSON_MORE)
                    continue;
                if (is_after_a) {
                    assert_int_equal(json_skip(&json, &token, &depth, NULL), AMPQL_OK);
                    is_skipping = token.kind == JSON_MORE;
                    is_after_a = false;
                } else if (token.kind == JSON_KEY) {
                    nkeys++;
                    is_after_a = str_equal(token.text, STR("a"));
                    assert_true(is_after_a || str_equal(token.text, STR("b")));
                }
            }
            assert_int_equal(nkeys, 2);
            assert_int_equal(depth, 0);
            json_done(&json);
        }
    }
}

static void test_quote(void **state)
{
    (void)state;
    const struct {
        struct str text;
        const char *quoted;
    } cases[] = {
        {STR(""), "\"\""},
        {STR("plain"), "\"plain\""},
        {STR("a\"b\\c"), "\"a\\\"b\\\\c\""},
        {STR("\n\r\t\b\x1f\0"), "\"\\n\\r\\t\\u0008\\u001f\\u0000\""},
        {STR("\x7f\xc3\xa9</script>"), "\"\x7f\xc3\xa9</script>\""},
        {STR("\xff\xe2\x82z\xed\xa0\x80"),
         "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, &alloc_default, 1000);
        json_quote(&out, cases[i].text);
        buf_byte(&out, '\0');
        assert_string_equal(out.p, cases[i].quoted);
        buf_done(&out);
    }
}

static void test_html(void **state)
{
    (void)state;
    const struct {
        struct str json;
        const char *escaped;
    } cases[] = {
        {STR(""), ""},
        {STR("[\"a\"]"), "[\"a\"]"},
        {STR("\"<b>\""), "\"\\u003cb\\u003e\""},
        {STR("&"), "\\u0026"},
        {STR("&&a&&"), "\\u0026\\u0026a\\u0026\\u0026"},
        {STR("\u2028\u2029<\u2027\u202a"), "\\u2028\\u2029\\u003c\u2027\u202a"},
        {STR("\xe2\x80"), "\xe2\x80"}, /* the text ends within a character */
        {STR("\xe2"), "\xe2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, &alloc_default, 1000);
        buf_text(&out, "<before>");
        size_t from = out.n;
        buf_str(&out, cases[i].json);
        json_escape_html(&out, from);
        buf_byte(&out, '\0');
        assert_memory_equal(out.p, "<before>", from);
        assert_string_equal(out.p + from, cases[i].escaped);
        buf_done(&out);
    }
}

/* Where the longer text has no room, nothing is written beyond it. */
static void test_html_limit(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, &alloc_default, 8);
    buf_text(&out, "\"<<<\"");
    json_escape_html(&out, 0);
    assert_int_equal(out.failed, AMPQL_LIMIT);
    json_escape_html(&out, 0);
    assert_int_equal(out.failed, AMPQL_LIMIT);
    buf_done(&out);
}

static bool read_in_pieces(const struct ampql_allocator *alc)
{
    struct buf ignored;
    buf_init(&ignored, &alloc_default, 1 << 16);
    struct str doc =
        STR("{\"key that is cut\":[\"\\u0041 cut and escaped\",1234567890.5,\"\\n\"]}");
    enum ampql_code code =
        json_tokens(alc, (struct json_limits){0}, doc, (const uint8_t[]){5}, 1, &ignored);
    buf_done(&ignored);
    assert_true(code == AMPQL_OK || code == AMPQL_NOMEM);
    return code == AMPQL_OK;
}

static void test_torture(void **state)
{
    (void)state;
    assert_true(torture_all(read_in_pieces) >= 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_tokens),
    cmocka_unit_test(test_limits),
    cmocka_unit_test(test_nul_and_default_limits),
    cmocka_unit_test(test_views),
    cmocka_unit_test(test_skip),
    cmocka_unit_test(test_quote),
    cmocka_unit_test(test_html),
    cmocka_unit_test(test_html_limit),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
