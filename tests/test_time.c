/* Points in time as text. The calendar is also walked day by day. */
#include "base/time.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static const int64_t NOW = INT64_C(1700000000123);

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
        const char *message; /* part of it, when the text is refused */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0, NULL},
        {"2024-02-29T12:00:00Z", INT64_C(1709208000000), NULL},
        {"2024-02-29T12:00:00.5Z", INT64_C(1709208000500), NULL},
        {"2024-02-29 12:00:00.123999Z", INT64_C(1709208000123), NULL},
        {"2024-02-29t14:00:00+02:00", INT64_C(1709208000000), NULL},
        {"2024-02-29T06:30:00-05:30", INT64_C(1709208000000), NULL},
        {"1969-12-31T23:59:59.999z", -1, NULL},
        {"0001-01-01T00:00:00Z", INT64_C(-62135596800000), NULL},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999), NULL},
        {"0", 0, NULL},
        {"-1.5", -1500, NULL},
        {"1709403009.25", INT64_C(1709403009250), NULL},
        {"1.7e9", INT64_C(1700000000000), NULL},
        {"1709403009.0005", INT64_C(1709403009001), NULL},
        {"now", INT64_C(1700000000123), NULL},
        {"now-1h30m", INT64_C(1699994600123), NULL},
        {"now+0.5", INT64_C(1700000000623), NULL},
        {"", 0, "empty time"},
        {"x", 0, "not a valid time: \"x\": expected RFC 3339, Unix seconds, now, or now-1h"},
        {"nowhere", 0, "expected + or - and a duration after now"},
        {"now-", 0, "empty duration string"},
        {"now-5", INT64_C(1699999995123), NULL},
        {"now-290y", 0, NULL},
        {"now+9999999999999", 0, "duration out of range"},
        {"2024-02-30T00:00:00Z", 0, "the month has no such day"},
        {"2023-02-29T00:00:00Z", 0, "the month has no such day"},
        {"1900-02-29T00:00:00Z", 0, "the month has no such day"},
        {"2024-00-10T00:00:00Z", 0, "the month is not 01 to 12"},
        {"2024-13-10T00:00:00Z", 0, "the month is not 01 to 12"},
        {"2024-1-10T00:00:00Z", 0, "expected a date such as"},
        {"2024-01-00T00:00:00Z", 0, "the month has no such day"},
        {"2024-01-10", 0, "expected T and a time of day"},
        {"2024-01-10T24:00:00Z", 0, "the hour is not 00 to 23"},
        {"2024-01-10T12:60:00Z", 0, "the minute is not 00 to 59"},
        {"2024-01-10T12:00:60Z", 0, "the second is not 00 to 59"},
        {"2024-01-10T12:00Z", 0, "expected a time of day"},
        {"2024-01-10T12:00:00.Z", 0, "expected digits after the point"},
        {"2024-01-10T12:00:00", 0, "expected a zone"},
        {"2024-01-10T12:00:00+0200", 0, "expected a zone"},
        {"2024-01-10T12:00:00+24:00", 0, "the zone is not within"},
        {"2024-01-10T12:00:00Zx", 0, "expected nothing after the zone"},
        {"0001-01-01T00:00:00+00:01", 0, "out of range"},
        {"9999-12-31T23:59:59-00:01", 0, "out of range"},
        {"253402300800", 0, "out of range"},
        {"99999999999999999999999", 0, "out of range"},
        {"-", 0, "expected digits after the sign"},
        {"1.5.5", 0, "expected RFC 3339"},
        {"NaN", 0, "expected RFC 3339"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ampql_error err = {0};
        int64_t ms = 0, now = NOW;
        enum ampql_code code = time_parse(str_of(rows[i].text), now, &ms, &err);
        if (strcmp(rows[i].text, "now-290y") == 0) {
            assert_int_equal(code, AMPQL_OK);
            assert_true(ms == now - INT64_C(290) * 365 * 86400000);
        } else if (rows[i].message) {
            if (code != AMPQL_BAD_DATA || !strstr(err.message, rows[i].message))
                fail_msg("%s: %d %s", rows[i].text, (int)code, err.message);
        } else if (code != AMPQL_OK || ms != rows[i].ms) {
            fail_msg("%s: %lld %s", rows[i].text, (long long)ms, err.message);
        }
    }
    int64_t ms;
    assert_int_equal(time_parse(STR("now+1s"), INT64_MAX, &ms, NULL), AMPQL_BAD_DATA);
}

static void test_parse_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* 77: refused */
    } rows[] = {
        {"0", 0},
        {"1", 1000},
        {"+1.", 1000},
        {".5", 500},
        {"1.0004", 1000},
        {"1.0005", 1001},
        {"-1.0005", -1001},
        {"0.0004999999999", 0},
        {"1.00049999999999999999999999", 1000},
        {"12345e-5", 123},
        {"12355e-5", 124},
        {"5e-4", 1},
        {"5e-5", 0},
        {"1E3", 1000000},
        {"0e99999999999999999999", 0},
        {"1e-99999999999999999999", 0},
        {"9223372036854775.807", INT64_MAX},
        {"-9223372036854775.808", INT64_MIN},
        {"9223372036854775.808", 77},
        {"-9223372036854775.8085", 77},
        {"1e99999999999999999999", 77},
        {"", 77},
        {".", 77},
        {"-", 77},
        {"1e", 77},
        {"1x", 77},
        {" 1", 77},
        {"inf", 77},
        {"0x1", 77},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = 77;
        bool is_read = time_parse_seconds(str_of(rows[i].text), &ms);
        if (is_read != (rows[i].ms != 77) || ms != rows[i].ms)
            fail_msg("%s: %lld", rows[i].text, (long long)ms);
    }
}

/* Every day of the years 1 to 9999, counted up by hand. */
static void test_calendar(void **state)
{
    (void)state;
    static const int days_in[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t ms = INT64_C(-62135596800000);
    for (int year = 1; year <= 9999; year++) {
        bool is_leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
        for (int month = 1; month <= 12; month++) {
            int ndays = days_in[month - 1] + (month == 2 && is_leap);
            for (int day = 1; day <= ndays; day++, ms += 86400000) {
                if (year > 3 && year < 1890 && day > 1 && day < 28)
                    continue; /* the edges of months are enough there */
                char text[64], written[TIME_TEXT_MAX];
                int64_t back = 0;
                snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", year, month, day);
                time_format(ms, written);
                assert_string_equal(written, text);
                assert_int_equal(time_parse(str_of(text), 0, &back, NULL), AMPQL_OK);
                assert_true(back == ms);
            }
        }
    }
}

static void test_format(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {1709208000250, "2024-02-29T12:00:00.250Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_MAX, "292278994-08-17T07:12:55.807Z"},
        {INT64_MIN, "-292275055-05-16T16:47:04.192Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[TIME_TEXT_MAX];
        assert_int_equal(time_format(rows[i].ms, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

static void test_clocks(void **state)
{
    (void)state;
    assert_true(time_now() > INT64_C(1700000000000));
    int64_t before = time_monotonic();
    assert_true(time_monotonic() >= before);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_parse),    cmocka_unit_test(test_parse_seconds),
    cmocka_unit_test(test_calendar), cmocka_unit_test(test_format),
    cmocka_unit_test(test_clocks),
};
TEST_MAIN(tests)
