/* Columns: whatever pieces they are appended in, they give back the same bits, in blocks. */
#include "series/column.h"
#include "series/sample.h"
#include "support/test.h"
#include "support/torture.h"

#include <stdlib.h>

enum { MAX = 5000 };

static struct {
    int64_t t[MAX];
    double v[MAX];
} want, got;

static void fill(uint64_t seed)
{
    for (size_t i = 0; i < MAX; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        want.t[i] = (int64_t)i * 60000 + (int64_t)(seed >> 62);
        want.v[i] = i % 700 == 699 ? double_of(STALE_BITS) : (double)(i * 4096 + (seed >> 54));
    }
}

static size_t read_all(const struct columns *columns)
{
    int64_t t[BLOCK_MAX_SAMPLES];
    double v[BLOCK_MAX_SAMPLES];
    struct columns_reader reader = columns_read(columns);
    struct ampql_error err = {0};
    size_t all = 0;
    for (size_t n;; all += n) {
        assert_int_equal(columns_next(&reader, t, v, &n, &err), AMPQL_OK);
        if (n == 0)
            return all;
        assert_true(n <= BLOCK_MAX_SAMPLES && all + n <= MAX);
        memcpy(got.t + all, t, n * sizeof *t);
        memcpy(got.v + all, v, n * sizeof *v);
    }
}

static void check(const struct columns *columns, size_t from, size_t n)
{
    assert_int_equal(columns->n, n);
    assert_int_equal(read_all(columns), n);
    assert_memory_equal(got.t, want.t + from, n * sizeof *got.t);
    assert_memory_equal(got.v, want.v + from, n * sizeof *got.v);
}

static void test_pieces(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 100, 255, 256, 257, 1023, 1024, 1025, 3000, MAX};
    fill(1);
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
        struct columns columns;
        columns_init(&columns);
        check(&columns, 0, 0);
        for (size_t at = 0; at < MAX; at += pieces[k]) {
            size_t n = MAX - at < pieces[k] ? MAX - at : pieces[k];
            assert_int_equal(
                columns_append(&columns, &alloc_default, want.t + at, want.v + at, n, NULL),
                AMPQL_OK);
            assert_int_equal(columns_append(&columns, &alloc_default, NULL, NULL, 0, NULL),
                             AMPQL_OK);
        }
        check(&columns, 0, MAX);
        size_t held = columns_bytes(&columns);
        columns_trim(&columns, &alloc_default);
        assert_true(columns_bytes(&columns) <= held);
        check(&columns, 0, MAX);
        columns_done(&columns, &alloc_default);
        check(&columns, 0, 0);
    }
}

static void test_join(void **state)
{
    (void)state;
    static const size_t cuts[] = {0, 1, 200, 300, 1024, 2400};
    fill(2);
    for (size_t a = 0; a < sizeof cuts / sizeof *cuts; a++)
        for (size_t b = 0; b < sizeof cuts / sizeof *cuts; b++) {
            struct columns first = {0}, second = {0};
            columns_append(&first, &alloc_default, want.t, want.v, cuts[a], NULL);
            columns_append(&second, &alloc_default, want.t + cuts[a], want.v + cuts[a], cuts[b],
                           NULL);
            if (cuts[a] && cuts[b]) { /* the wrong way round: refused, nothing changed */
                assert_int_equal(columns_join(&second, &first, &alloc_default, NULL),
                                 AMPQL_BAD_DATA);
                check(&first, 0, cuts[a]);
                check(&second, cuts[a], cuts[b]);
            }
            assert_int_equal(columns_join(&first, &second, &alloc_default, NULL), AMPQL_OK);
            check(&second, 0, 0);
            check(&first, 0, cuts[a] + cuts[b]);
            assert_int_equal(columns_append(&first, &alloc_default, want.t + cuts[a] + cuts[b],
                                            want.v + cuts[a] + cuts[b], 3, NULL),
                             AMPQL_OK);
            check(&first, 0, cuts[a] + cuts[b] + 3);
            columns_done(&first, &alloc_default);
            columns_done(&second, &alloc_default);
        }
}

static void test_refusals(void **state)
{
    (void)state;
    const int64_t same[] = {5, 5}, later[] = {6, 7};
    const double v[] = {1, 2};
    struct ampql_error err = {0};
    struct columns columns = {0};
    assert_int_equal(columns_append(&columns, &alloc_default, same, v, 2, &err), AMPQL_BAD_DATA);
    assert_non_null(strstr(err.message, "must ascend"));
    assert_int_equal(columns_append(&columns, &alloc_default, later, v, 2, NULL), AMPQL_OK);
    assert_int_equal(columns_append(&columns, &alloc_default, later + 1, v, 1, NULL),
                     AMPQL_BAD_DATA);
    assert_int_equal(columns.n, 2);
    columns_done(&columns, &alloc_default);
}

static bool work(const struct ampql_allocator *alc)
{
    static const size_t pieces[] = {3, 100, 900, 2000, 50};
    struct columns columns[2] = {{0}, {0}};
    size_t at = 0, which = 0, ends[2] = {0};
    bool ok = true;
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces && ok; k++) {
        ok = columns_append(&columns[which], alc, want.t + at, want.v + at, pieces[k], NULL) ==
             AMPQL_OK;
        at += ok ? pieces[k] : 0;
        ends[which] = at;
        which = k >= 2;
    }
    /* a failure leaves what was there */
    check(&columns[0], 0, ends[0]);
    check(&columns[1], ends[0], ends[1] ? ends[1] - ends[0] : 0);
    ok = ok && columns_join(&columns[0], &columns[1], alc, NULL) == AMPQL_OK;
    columns_done(&columns[0], alc);
    columns_done(&columns[1], alc);
    return ok;
}

static void test_torture(void **state)
{
    (void)state;
    fill(3);
    torture_all(work);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_pieces),
    cmocka_unit_test(test_join),
    cmocka_unit_test(test_refusals),
    cmocka_unit_test(test_torture),
};

TEST_MAIN(tests)
