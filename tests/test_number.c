/* Numbers as text, both ways, and times as seconds. */
#include "base/cxx.h"
#include "base/double.h"
#include "base/number.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

/* As Go prints them with %g and %.2g. */
static void test_general(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text, *two;
    } rows[] = {
        {0, "0", "0"},
        {-0.0, "-0", "-0"},
        {2, "2", "2"},
        {-1.5, "-1.5", "-1.5"},
        {10, "10", "10"},
        {99.4, "99.4", "99"},
        {99.6, "99.6", "1e+02"},
        {100, "100", "1e+02"},
        {999999, "999999", "1e+06"},
        {1e6, "1e+06", "1e+06"},
        {1234567.5, "1.2345675e+06", "1.2e+06"},
        {0.0001, "0.0001", "0.0001"},
        {0.00012345, "0.00012345", "0.00012"},
        {0.00001, "1e-05", "1e-05"},
        {-0.0000123, "-1.23e-05", "-1.2e-05"},
        {1e100, "1e+100", "1e+100"},
        {5e-324, "5e-324", "4.9e-324"},
        {INFINITY, "+Inf", "+Inf"},
        {-INFINITY, "-Inf", "-Inf"},
        {NAN, "NaN", "NaN"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[NUMBER_MAX];
        assert_int_equal(number_format_general(rows[i].v, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        assert_int_equal(number_format_two(rows[i].v, text), strlen(rows[i].two));
        assert_string_equal(text, rows[i].two);
    }
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double v;
    } rows[] = {
        {"0", 0},
        {"-0", -0.0},
        {"+1", 1},
        {"1.", 1},
        {".5", 0.5},
        {"-1.5e3", -1500},
        {"1E+3", 1000},
        {"010", 10},
        {"9007199254740993", 9007199254740992.0}, /* a tie goes to the even one */
        {"9007199254740993.00000000000000000000000001", 9007199254740994.0},
        {"179769313486231570000e288", 1.7976931348623157e308},
        {"1.7976931348623158e308", 1.7976931348623157e308},
        {"4.9e-324", 5e-324},
        {"2.4703282292062328e-324", 5e-324},
        {"2.4703282292062327e-324", 0},
        {"-1e-400", -0.0},
        {"0e999999999999999999999", 0},
        {"0x1p-2", 0.25},
        {"-0X1.8P1", -3},
        {"0x.8p1", 1},
        {"0xabcdefp0", 11259375},
        {"0x1p-1074", 5e-324},
        {"0x1p-1075", 0},
        {"0x1.1p-1075", 5e-324},
        {"0x1p-99999999999", 0},
        {"1_000", 1000},
        {"-1_0.0_1e1_0", -1.001e11},
        {"0_0", 0},
        {"0X_1_0.8_0p0", 16.5},
        {"0x1p1_0", 1024},
        {"inf", INFINITY},
        {"+Inf", INFINITY},
        {"-iNFINITY", -INFINITY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double v = 77;
        if (!number_parse(str_of(rows[i].text), &v) || bits_of(v) != bits_of(rows[i].v))
            fail_msg("%s: %.17g, expected %.17g", rows[i].text, v, rows[i].v);
    }
    static const char *const nans[] = {"nan", "NaN", "NAN"};
    for (size_t i = 0; i < 3; i++) {
        double v = 0;
        assert_true(number_parse(str_of(nans[i]), &v));
        assert_true(bits_of(v) == UINT64_C(0x7FF8000000000001));
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",       "+",      "-",       ".",        "-.",       "e5",
        "1e",     "1e+",    "1 ",      " 1",       "1x",       "1__0",
        "1e400",  "-1e400", "1.8e308", "+nan",     "-NaN",     "infi",
        "nan(1)", "0x",     "0x1",     "0x1F",     "0x.p1",    "0x1p",
        "0x1p+",  "0x1.1",  "0x0x1p1", "0b1",      "0x1p1024", "1e9999999999999999999",
        "++1",    "--1",    "1.2.3",   "0x1.1.p1", "1e5.5",    "0x1.fffffffffffff8p1023",
        "_1",     "1_",     "-_1",     "1_e5",     "1e_5",     "1_.",
        "._1",    "1._0",   "0x1_p0",  "0x1p_1",   "0_x1p0",   "0x__1p0",
        "in_f",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double v = 77;
        if (number_parse(str_of(rows[i]), &v) || v != 77)
            fail_msg("%s: read as %.17g", rows[i], v);
    }
    double v;
    assert_false(number_parse(STR("1\0"), &v));
    assert_false(number_parse((struct str){NULL, 0}, &v));
}

static void test_format(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text, *fixed;
    } rows[] = {
        {0, "0", "0"},
        {-0.0, "-0", "-0"},
        {1, "1", "1"},
        {-1.5, "-1.5", "-1.5"},
        {0.1, "0.1", "0.1"},
        {100, "100", "100"},
        {1e15, "1000000000000000", "1000000000000000"},
        {123456789012345678, "123456789012345680", "123456789012345680"},
        {1e20, "100000000000000000000", "100000000000000000000"},
        {1e21, "1e+21", "1000000000000000000000"},
        {-1.25e21, "-1.25e+21", "-1250000000000000000000"},
        {1e-6, "0.000001", "0.000001"},
        {9.99e-7, "9.99e-07", "0.000000999"},
        {-1e-7, "-1e-07", "-0.0000001"},
        {1e100, "1e+100",
         "10000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "00"
         "0000000000"},
        {1.0 / 3, "0.3333333333333333", "0.3333333333333333"},
        {5e-324, "5e-324", NULL},
        {1.7976931348623157e308, "1.7976931348623157e+308", NULL},
        {1099511627776.5, "1099511627776.5", "1099511627776.5"},
        {9007199254740993, "9007199254740992", "9007199254740992"},
        {INFINITY, "+Inf", "+Inf"},
        {-INFINITY, "-Inf", "-Inf"},
        {NAN, "NaN", "NaN"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[NUMBER_MAX];
        assert_int_equal(number_format(rows[i].v, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        size_t n = number_format_fixed(rows[i].v, text);
        assert_int_equal(n, strlen(text));
        if (rows[i].fixed)
            assert_string_equal(text, rows[i].fixed);
    }
    char text[NUMBER_MAX];
    assert_int_equal(number_format_fixed(5e-324, text), 326);
    assert_int_equal(number_format_fixed(-2.2250738585072011e-308, text), 3 + 307 + 16);
}

/* The digits of a number's text: no sign, point, exponent, or zeros at either end. */
static size_t digits_of(const char *text, char *out)
{
    size_t n = 0;
    for (; *text && *text != 'e'; text++)
        if (*text >= '0' && *text <= '9' && (n > 0 || *text != '0'))
            out[n++] = *text;
    while (n > 0 && out[n - 1] == '0')
        n--;
    out[n] = '\0';
    return n;
}

/* What is laid out without to_chars has to_chars's digits, and reads as the same number. */
static void test_short_forms(void **state)
{
    (void)state;
    enum { CASES = 400000 };
    static const double powers[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
    uint64_t x = 1;
    size_t nshort = 0;
    for (int i = 0; i < CASES; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        /* decimals of all lengths, and their neighbours, which are long */
        double v = (double)(x >> 14 >> (i % 50)) / powers[i % 9];
        if (i % 3 == 0)
            v = nextafter(v, i % 2 ? INFINITY : 0);
        char text[NUMBER_MAX], scientific[40], digits[40], want[40];
        number_format(v, text);
        scientific[cxx_number_format(v, scientific)] = '\0';
        nshort += digits_of(text, digits) < 16;
        digits_of(scientific, want);
        assert_string_equal(digits, want);
        double back;
        assert_true(number_parse(str_of(text), &back));
        assert_true(back == v);
    }
    assert_true(nshort > CASES / 4);
}

static void test_seconds(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "0"},
        {1700000075000, "1700000075"},
        {1700000075001, "1700000075.001"},
        {-1500, "-1.500"},
        {-1, "-0.001"},
        {50, "0.050"},
        {INT64_MAX, "9223372036854775.807"},
        {INT64_MIN, "-9223372036854775.808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[NUMBER_MAX];
        assert_int_equal(number_format_seconds(rows[i].ms, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_general),       cmocka_unit_test(test_parse),
    cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_format),
    cmocka_unit_test(test_short_forms),   cmocka_unit_test(test_seconds),
};
TEST_MAIN(tests)
