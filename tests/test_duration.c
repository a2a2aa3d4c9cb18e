/* Durations: what is read, what is refused and with which words, and how they are written. */
#include "base/duration.h"
#include "support/test.h"

#include <string.h>

static const struct row {
    const char *text;
    int64_t ms;          /* -1: must be refused, */
    const char *message; /*     with this message */
} rows[] = {
    {"1h30m", 5400000, NULL},
    {"5m", 300000, NULL},
    {"250ms", 250, NULL},
    {"1s", 1000, NULL},
    {"0s", 0, NULL},
    {"1y2w3d4h5m6s7ms", INT64_C(31536000000) + 1209600000 + 259200000 + 14400000 + 300000 + 6007,
     NULL},
    {"1m1ms", 60001, NULL},
    {"0000000000000000000000000000001s", 1000, NULL},
    {"90m", 5400000, NULL},
    {"9223372036854ms", INT64_C(9223372036854), NULL},
    {"292y", INT64_C(9208512000000), NULL},
    {"", -1, "empty duration string"},
    {"0", -1, "not a valid duration string: \"0\""},
    {"5", -1, "not a valid duration string: \"5\""},
    {"m", -1, "not a valid duration string: \"m\""},
    {"-5m", -1, "not a valid duration string: \"-5m\""},
    {"5m1h", -1, "not a valid duration string: \"5m1h\""},
    {"30m1h", -1, "not a valid duration string: \"30m1h\""},
    {"5m5m", -1, "not a valid duration string: \"5m5m\""},
    {"1ms1s", -1, "not a valid duration string: \"1ms1s\""},
    {"1h5", -1, "not a valid duration string: \"1h5\""},
    {"99999999999999999999s", -1, "not a valid duration string: \"99999999999999999999s\""},
    {"1.5h", -1, "unknown unit \".\" in duration \"1.5h\""},
    {"5y1hs", -1, "unknown unit \"hs\" in duration \"5y1hs\""},
    {"5M", -1, "unknown unit \"M\" in duration \"5M\""},
    {"5m ", -1, "unknown unit \"m \" in duration \"5m \""},
    {"5\n", -1, "unknown unit \"\\x0a\" in duration \"5\\x0a\""},
    {"9999999999999999999s", -1, "duration out of range"},
    {"9223372036855ms", -1, "duration out of range"},
    {"293y", -1, "duration out of range"},
    {"292y52w", -1, "duration out of range"},
    {"18446744073709551615ms", -1, "duration out of range"},
};

static const struct row loose_rows[] = {
    {"0", 0, NULL},
    {"300", 300000, NULL},
    {"0.5", 500, NULL},
    {"0.29", 290, NULL},
    {"1e3", 1000000, NULL},
    {"1h", 3600000, NULL},
    {"-5", -1, "duration must not be negative: \"-5\""},
    {"1e300", -1, "duration out of range"},
    {"Inf", -1, "duration out of range"},
    {"NaN", -1, "not a valid duration string: \"NaN\""},
    {"", -1, "empty duration string"},
    {"5x", -1, "unknown unit \"x\" in duration \"5x\""},
};

static void check(enum ampql_code (*parse)(struct str, int64_t *, struct ampql_error *),
                  const struct row *row)
{
    struct ampql_error err = {0};
    int64_t ms = 77;
    enum ampql_code code = parse(str_of(row->text), &ms, &err);
    if (row->ms >= 0) {
        if (code != AMPQL_OK || ms != row->ms)
            fail_msg("%s: %lld ms (%s)", row->text, (long long)ms, err.message);
        return;
    }
    if (code != AMPQL_BAD_DATA || err.code != code || ms != 77)
        fail_msg("%s: code %d, %lld ms", row->text, (int)code, (long long)ms);
    assert_string_equal(err.message, row->message);
    assert_false(err.has_span);
}

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(duration_parse, &rows[i]);
}

static void test_parse_loose(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof loose_rows / sizeof *loose_rows; i++)
        check(duration_parse_loose, &loose_rows[i]);
}

static void test_format(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } written[] = {
        {0, "0s"},
        {1, "1ms"},
        {1000, "1s"},
        {60001, "1m1ms"},
        {5400000, "1h30m"},
        {86400000, "1d"},
        {604800000, "1w"},
        {INT64_C(7776000000), "90d"}, /* weeks only when they are all of it */
        {INT64_C(31536000000), "1y"},
        {INT64_C(31622400000), "366d"},
        {INT64_C(9223372036854), "106751d23h47m16s854ms"},
        {INT64_MAX, "106751991167d7h12m55s807ms"},
    };
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        char text[DURATION_MAX];
        assert_int_equal(duration_format(written[i].ms, text), strlen(written[i].text));
        assert_string_equal(text, written[i].text);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_parse),
    cmocka_unit_test(test_parse_loose),
    cmocka_unit_test(test_format),
};
TEST_MAIN(tests)
