/* Finding samples by time: the guess must not matter. */
#include "series/sample.h"

#include "support/test.h"

static size_t slow_after(const struct samples *s, int64_t t)
{
    size_t n = 0;
    while (n < s->n && s->t[n] <= t)
        n++;
    return n;
}

/* Columns of every length, with spacings that are equal, growing, and all in one corner. */
static void test_after(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        for (int kind = 0; kind < 4; kind++) {
            int64_t t[40];
            int64_t at = kind == 3 ? INT64_MIN / 2 : -50;
            for (size_t i = 0; i < n; i++) {
                t[i] = at;
                at += kind == 0   ? 10
                      : kind == 1 ? (int64_t)(i * i) + 1
                      : kind == 2 ? (i + 2 < n ? 1 : 1000000)
                                  : 7;
            }
            struct samples s = {t, NULL, n};
            for (size_t i = 0; i < n; i++)
                for (int64_t d = -1; d <= 1; d++)
                    assert_int_equal(samples_after(&s, t[i] + d), slow_after(&s, t[i] + d));
            assert_int_equal(samples_after(&s, INT64_MIN), 0);
            assert_int_equal(samples_after(&s, INT64_MAX), n);
        }
    }
}

static void test_clip(void **state)
{
    const int64_t t[] = {10, 20, 30, 40};
    const double v[] = {1, 2, 3, 4};
    const struct samples s = {t, v, 4};
    (void)state;
    struct samples c = samples_clip(&s, 10, 30); /* left end excluded, right included */
    assert_int_equal(c.n, 2);
    assert_int_equal(c.t[0], 20);
    assert_true(c.v[1] == 3);
    assert_int_equal(samples_clip(&s, 40, 50).n, 0);
    assert_int_equal(samples_clip(&s, 0, 50).n, 4);
    assert_int_equal(samples_clip(&s, 30, 30).n, 0);
    assert_int_equal(samples_clip(&(struct samples){NULL, NULL, 0}, 0, 50).n, 0);

    int64_t every[4];
    double values[4];
    c = samples_thin(&s, 10, 20, every, values);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.t[0], 10);
    assert_int_equal(c.t[1], 30);
    assert_true(c.v[1] == s.v[2]);
}

static void test_stale(void **state)
{
    (void)state;
    assert_true(is_stale(double_of(STALE_BITS)));
    assert_false(is_stale(double_of(NAN_BITS)));
    assert_false(is_stale(0));
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_after), cmocka_unit_test(test_clip),
                                          cmocka_unit_test(test_stale)};
TEST_MAIN(tests)
