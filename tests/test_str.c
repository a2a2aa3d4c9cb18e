/* String views, UTF-8 and checked arithmetic. */
#include "base/checked.h"
#include "base/str.h"
#include "base/utf8.h"
#include "support/test.h"

static void test_views(void **state)
{
    (void)state;
    struct str none = {NULL, 0};
    assert_true(str_equal(none, STR("")));
    assert_true(str_equal_fold(STR("Content-Type"), STR("cONTENT-tYPE")) &&
                str_equal_fold(none, none));
    assert_false(str_equal_fold(STR("a["), STR("a{")) || str_equal_fold(STR("a\r"), STR("a-")));
    assert_false(str_equal_fold(STR("a"), STR("ab")));
    assert_true(str_equal(STR("a\0b"), STR("a\0b")));
    assert_false(str_equal(STR("a\0b"), STR("a\0c")));
    assert_false(str_equal(STR("a"), STR("ab")));
    assert_true(str_compare(none, STR("")) == 0 && str_compare(none, STR("a")) < 0);
    assert_true(str_compare(STR("ab"), STR("a")) > 0 && str_compare(STR("a"), STR("b")) < 0);
    assert_true(str_compare(STR("\xff"), STR("a")) > 0); /* bytes are unsigned */
    assert_true(str_has_prefix(STR("abc"), STR("ab")) && str_has_prefix(none, none));
    assert_false(str_has_prefix(STR("a"), STR("ab")));
    assert_true(str_has_suffix(STR("abc"), STR("bc")) && str_has_suffix(STR("a"), none));
    assert_false(str_has_suffix(STR("abc"), STR("b")));
    assert_true(str_equal(str_from(STR("abc"), 2), STR("c")));
}

/* Every code point is written as Unicode says and read back; every other byte pair is refused. */
static void test_utf8(void **state)
{
    (void)state;
    for (uint32_t rune = 0; rune < 0x110000; rune++) {
        if (rune >= 0xd800 && rune < 0xe000)
            continue;
        char out[5] = "????";
        size_t n = utf8_encode(rune, out);
        assert_int_equal(n, rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4);
        assert_int_equal(utf8_length(out, 4), n);
        for (size_t cut = 1; cut < n; cut++) {
            assert_int_equal(utf8_length(out, cut), 0);
            assert_true(utf8_is_cut(out, cut));
        }
        assert_false(utf8_is_cut(out, n));
        assert_true(str_is_utf8(str_make(out, n)));
    }
    static const char *const wrong[] = {
        "\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff",         "\xc3(",        "\xe2\x82(",        "\xe2(\xa1",        "\xf0\x9f\x98(",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct str s = str_of(wrong[i]);
        assert_int_equal(utf8_length(s.p, s.n), 0);
        assert_false(utf8_is_cut(s.p, s.n));
        assert_false(str_is_utf8(s));
    }
    assert_int_equal(utf8_length("", 0), 0);
    assert_false(utf8_is_cut("", 0));
    assert_true(str_is_utf8((struct str){NULL, 0}));
    assert_true(str_is_utf8(STR("a\0b")));
    assert_false(str_is_utf8(STR("abc\xe2\x82")));
}

static void test_checked(void **state)
{
    (void)state;
    int64_t out = 77;
    size_t size = 77;
    assert_false(checked_add(INT64_MAX, 1, &out) || checked_sub(INT64_MIN, 1, &out) ||
                 checked_mul(INT64_MAX / 2 + 1, 2, &out) || checked_mul(INT64_MIN, -1, &out) ||
                 checked_size_mul(SIZE_MAX, 2, &size));
    assert_true(out == 77 && size == 77); /* left alone */
    assert_true(checked_add(INT64_MAX, -1, &out) && out == INT64_MAX - 1);
    assert_true(checked_sub(-1, INT64_MAX, &out) && out == INT64_MIN);
    assert_true(checked_mul(-3, 5, &out) && out == -15);
    assert_true(checked_size_mul(1 << 20, 1 << 20, &size) && size == (size_t)1 << 40);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_views),
    cmocka_unit_test(test_utf8),
    cmocka_unit_test(test_checked),
};
TEST_MAIN(tests)
