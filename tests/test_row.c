/* Rows, grids, windows and the stale marker: the small inline functions under all kernels. */
#include "series/grid.h"
#include "series/row.h"
#include "series/sample.h"
#include "support/test.h"

#include <math.h>

/* For each length around the words' edges: one bit at a time, then all. */
static void test_row(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 63, 64, 65, 127, 128, 129, 200};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        size_t n = lengths[k];
        double v[200] = {0}, w[200] = {0};
        uint64_t bits[4], other[4];
        struct row row = {v, bits, n}, copy = {w, other, n};
        memset(bits, 0xff, sizeof bits);
        row_clear(&row);
        assert_true(row_is_empty(&row));
        for (size_t i = 0; i < n; i++) {
            assert_false(row_has(&row, i));
            row_mark(&row, i);
            assert_true(row_has(&row, i));
            assert_int_equal(row_count(&row), i + 1);
            assert_true(row_is_full(&row) == (i + 1 == n));
            v[i] = (double)i;
        }
        row_copy(&copy, &row);
        assert_true(row_is_full(&copy) && w[n - 1] == (double)(n - 1));
        row_unmark(&copy, n - 1);
        assert_false(row_is_full(&copy) || row_has(&copy, n - 1));
        assert_true(row_has(&row, n - 1));
        row_fill(&copy);
        assert_int_equal(row_count(&copy), n); /* bits past n stay 0 */
        assert_true(row_is_full(&copy));
        assert_int_equal(row_words(n), (n + 63) / 64);
    }
}

static void test_grid_and_windows(void **state)
{
    (void)state;
    struct grid grid = {-1000, 500, 4};
    assert_int_equal(grid_time(&grid, 0), -1000);
    assert_int_equal(grid_end(&grid), 500);
    struct windows w = {.end_ms = 60000, .step_ms = 1000, .range_ms = 5000, .n = 3};
    assert_int_equal(window_end(&w, 2), 62000);
    assert_int_equal(window_after(&w, 2), 57000); /* (57000, 62000] */
    w.left_closed = true;
    assert_int_equal(window_after(&w, 2), 56999); /* [57000, 62000] in whole ms */
}

static void test_stale(void **state)
{
    (void)state;
    assert_true(is_stale(double_of(STALE_BITS)));
    assert_true(isnan(double_of(STALE_BITS)));
    assert_false(is_stale(double_of(NAN_BITS)) || is_stale(NAN) || is_stale(0));
    assert_true(bits_of(double_of(STALE_BITS)) == STALE_BITS); /* not quieted on the way */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_row),
    cmocka_unit_test(test_grid_and_windows),
    cmocka_unit_test(test_stale),
};
TEST_MAIN(tests)
