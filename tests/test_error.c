/* Messages: one line of UTF-8 whatever the input, and codes in the HTTP API's words. */
#include "base/error.h"
#include "support/test.h"

#include <string.h>

/* (fail) is ours; cmocka has a macro of that name. */
static void test_fail(void **state)
{
    (void)state;
    struct ampql_error err;
    memset(&err, 0xee, sizeof err);
    assert_int_equal((fail)(&err, AMPQL_LIMIT, "over %d", 5), AMPQL_LIMIT);
    assert_int_equal(err.code, AMPQL_LIMIT);
    assert_string_equal(err.message, "over 5");
    assert_false(err.has_span);
    assert_int_equal(fail_at(&err, AMPQL_PARSE, 3, 7, "here"), AMPQL_PARSE);
    assert_true(err.has_span && err.start == 3 && err.end == 7);
    assert_int_equal((fail)(&err, AMPQL_BAD_DATA, "there"), AMPQL_BAD_DATA);
    assert_true(!err.has_span && err.start == 0 && err.end == 0);
    assert_int_equal(fail_nomem(&err, "a row"), AMPQL_NOMEM);
    assert_string_equal(err.message, "no memory for a row");
    assert_int_equal((fail)(&err, AMPQL_BAD_DATA, "%03000d", 0), AMPQL_BAD_DATA); /* clipped */
    assert_int_equal(strlen(err.message), AMPQL_MESSAGE_MAX - 1);

    assert_int_equal((fail)(NULL, AMPQL_BAD_DATA, "x"), AMPQL_BAD_DATA);
    assert_int_equal(fail_at(NULL, AMPQL_PARSE, 0, 1, "x"), AMPQL_PARSE);
    assert_int_equal(fail_quote(NULL, AMPQL_PARSE, "x", STR("y")), AMPQL_PARSE);
    assert_int_equal(fail_nomem(NULL, "x"), AMPQL_NOMEM);
}

static void test_quote(void **state)
{
    (void)state;
    const struct {
        struct str text;
        const char *quoted, *raw;
    } rows[] = {
        {STR(""), "\"\"", "``"},
        {STR("up{a=\"b\\c\"}"), "\"up{a=\\\"b\\\\c\\\"}\"", "`up{a=\"b\\c\"}`"},
        {STR("a\nb\x1b[31m\x7f"), "\"a\\x0ab\\x1b[31m\\x7f\"", "`a\\x0ab\\x1b[31m\\x7f`"},
        {STR("\0"), "\"\\x00\"", "`\\x00`"},
        {STR("\xc3\xa9\xe2\x82\xac"), "\"\xc3\xa9\xe2\x82\xac\"", "`\xc3\xa9\xe2\x82\xac`"},
        {STR("\xff\xe2\x82"), "\"\\xff\\xe2\\x82\"", "`\\xff\\xe2\\x82`"},
        {STR("\xc2\x9b"
             "31m"),
         "\"\\xc2\\x9b31m\"", "`\\xc2\\x9b31m`"}, /* C1 drives terminals */
        {STR("0123456789012345678901234567890123456789012345678901234567890123"),
         "\"0123456789012345678901234567890123456789012345678901234567890123\"",
         "`0123456789012345678901234567890123456789012345678901234567890123`"},
        {STR("0123456789012345678901234567890123456789012345678901234567890123x"),
         "\"0123456789012345678901234567890123456789012345678901234567890123...\"",
         "`0123456789012345678901234567890123456789012345678901234567890123...`"},
        /* not cut inside a sequence */
        {STR("01234567890123456789012345678901234567890123456789012345678901\xe2\x82\xac"),
         "\"01234567890123456789012345678901234567890123456789012345678901...\"",
         "`01234567890123456789012345678901234567890123456789012345678901...`"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[320];
        assert_string_equal(quote_clipped(out, sizeof out, rows[i].text), rows[i].quoted);
        assert_string_equal(quote_clipped_raw(out, sizeof out, rows[i].text), rows[i].raw);
    }
    struct ampql_error err;
    assert_int_equal(fail_quote(&err, AMPQL_BAD_DATA, "not a number", STR("1x")), AMPQL_BAD_DATA);
    assert_string_equal(err.message, "not a number: \"1x\"");
}

/* Any bytes fit any room of 16 or more. */
static void test_quote_sizes(void **state)
{
    (void)state;
    char text[300], out[400];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 7);
    for (size_t size = 16; size < 350; size++) {
        for (size_t n = 0; n <= sizeof text; n += 13) {
            memset(out, '~', sizeof out);
            quote_clipped(out, size, str_make(text, n));
            size_t written = strlen(out);
            assert_true(written < size && out[0] == '"' && out[written - 1] == '"');
            assert_true(str_is_utf8(str_make(out, written)));
            for (size_t i = 0; i < written; i++)
                assert_true((unsigned char)out[i] >= 0x20);
            assert_true(out[written + 1] == '~');
        }
    }
}

static void test_code_names(void **state)
{
    (void)state;
    static const struct {
        enum ampql_code code;
        const char *name;
    } rows[] = {
        {AMPQL_OK, "ok"},
        {AMPQL_PARSE, "bad_data"},
        {AMPQL_BAD_DATA, "bad_data"},
        {AMPQL_EXECUTION, "execution"},
        {AMPQL_TIMEOUT, "timeout"},
        {AMPQL_CANCELED, "canceled"},
        {AMPQL_LIMIT, "execution"},
        {AMPQL_NOMEM, "internal"},
        {AMPQL_NOT_FOUND, "not_found"},
        {AMPQL_UNAVAILABLE, "unavailable"},
        {AMPQL_UNAUTHORIZED, "unavailable"},
        {AMPQL_UNSUPPORTED, "execution"},
        {AMPQL_OUTPUT, "internal"},
        {AMPQL_INTERNAL, "internal"},
        {(enum ampql_code)99, "internal"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(ampql_code_name(rows[i].code), rows[i].name);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_fail),
    cmocka_unit_test(test_quote),
    cmocka_unit_test(test_quote_sizes),
    cmocka_unit_test(test_code_names),
};
TEST_MAIN(tests)
