/* The loops of unpacking in each form that this machine has: one and the same bits, and nothing
 * written behind the last. */
#include "series/column_parts.h"
#include "support/sample_gen.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { MAX = 1024, GUARD = 8, ROUNDS = 4000 };

static uint64_t state = 88172645463325252;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * UINT64_C(2685821657736338717);
}

/* A number of few bits as often as one of many. */
static uint64_t draw_any(void)
{
    uint64_t x = draw() >> draw() % 64;
    return draw() % 2 ? 0 - x : x;
}

static const struct column_kernels *other(void)
{
    const struct column_kernels *best = column_kernels_best();
    if (best == &column_kernels_portable)
        skip(); /* there is only one form */
    return best;
}

static uint64_t a[MAX + GUARD], b[MAX + GUARD], source[MAX + GUARD];

static void reset(void)
{
    memset(a, 0x5a, sizeof a);
    memset(b, 0x5a, sizeof b);
}

static void test_integers(void **unused)
{
    (void)unused;
    const struct column_kernels *k = other(), *p = &column_kernels_portable;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t n = draw() % 70;
        uint64_t x = draw_any(), y = draw_any();
        reset();
        p->fill(x, a, n);
        k->fill(x, b, n);
        assert_memory_equal(a, b, sizeof a);
        reset();
        p->steps(x, y, (int64_t *)a, n);
        k->steps(x, y, (int64_t *)b, n);
        assert_memory_equal(a, b, sizeof a);
        for (size_t i = 0; i < n; i++)
            a[i] = b[i] = draw_any();
        p->add_up(a, n);
        k->add_up(b, n);
        assert_memory_equal(a, b, sizeof a);
        p->scale(a, n, x, y);
        k->scale(b, n, x, y);
        assert_memory_equal(a, b, sizeof a);
    }
}

static void test_unpack(void **unused)
{
    (void)unused;
    const struct column_kernels *k = other();
    for (size_t i = 0; i < MAX; i++)
        source[i] = draw();
    for (unsigned width = 1; width <= 56; width++)
        for (size_t n = 0; n <= 64; n += 8) {
            uint64_t base = draw_any();
            /* exactly what may be read */
            size_t nbytes = n / 8 * width + KERNEL_SLACK;
            uint8_t *bytes = malloc(nbytes);
            assert_non_null(bytes);
            memcpy(bytes, source, nbytes);
            reset();
            column_kernels_portable.unpack(bytes, n, width, base, a);
            k->unpack(bytes, n, width, base, b);
            assert_memory_equal(a, b, sizeof a);
            free(bytes);
        }
}

static void test_spread(void **unused)
{
    (void)unused;
    const struct column_kernels *k = other();
    uint8_t bitmap[MAX / 8];
    for (size_t i = 0; i < MAX; i++)
        source[i] = draw();
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t n = 1 + draw() % 100;
        for (size_t i = 0; i < sizeof bitmap; i++)
            bitmap[i] = (uint8_t)(draw() >> 56);
        reset();
        column_kernels_portable.spread(source, bitmap, a, n);
        k->spread(source, bitmap, b, n);
        assert_memory_equal(a, b, sizeof a);
    }
}

/* Millions of quotients: small numerators, large ones, those next to powers of two and of ten. */
static void test_divide(void **unused)
{
    (void)unused;
    const struct column_kernels *k = other();
    static double x[MAX], y[MAX];
    for (unsigned e = 0; e <= POWER10_MAX; e++)
        for (size_t round = 0; round < 200; round++) {
            size_t n = round < 20 ? round : MAX - round % 8;
            for (size_t i = 0; i < n; i++) {
                uint64_t r = draw();
                source[i] = r % 4 == 0   ? (r >> 8) % 100000
                            : r % 4 == 1 ? (UINT64_C(1) << r / 4 % 50) - r / 256 % 5
                                         : (r >> 14) >> r / 4 % 40;
                source[i] = r / 1024 % 2 ? 0 - source[i] : source[i];
                if ((int64_t)source[i] < -(INT64_C(1) << 50))
                    source[i] = 0;
            }
            assert_true(column_kernels_portable.divide(source, x, n, e));
            assert_true(k->divide(source, y, n, e));
            assert_memory_equal(x, y, n * sizeof *x);
            for (size_t i = 0; i < n; i++) /* and both are the library's */
                y[i] = (double)(int64_t)source[i] / column_power10[e];
            assert_memory_equal(x, y, n * sizeof *x);
        }
}

/* The limits of what is taken to be small, at each place of a vector and of the rest. */
static void test_divide_refuses(void **unused)
{
    (void)unused;
    static const struct column_kernels *all[2];
    static const int64_t edge = INT64_C(1) << 50, far[] = {INT64_C(1) << 51, INT64_MAX, INT64_MIN};
    double v[9];
    all[0] = &column_kernels_portable;
    all[1] = column_kernels_best();
    for (size_t f = 0; f < 2; f++)
        for (size_t i = 0; i < 9; i++) {
            uint64_t k[9] = {0};
            k[i] = (uint64_t)-edge;
            assert_true(all[f]->divide(k, v, 9, 2));
            k[i] = (uint64_t)(edge - 1);
            assert_true(all[f]->divide(k, v, 9, 2));
            k[i] = (uint64_t)(-edge - 1);
            assert_false(all[f]->divide(k, v, 9, 2));
            for (size_t m = 0; m < sizeof far / sizeof *far; m++) {
                k[i] = (uint64_t)far[m];
                assert_false(all[f]->divide(k, v, 9, 2));
            }
        }
}

static void test_blocks(void **unused)
{
    (void)unused;
    static int64_t t[MAX], t1[MAX], t2[MAX];
    static double v[MAX], v1[MAX], v2[MAX];
    static uint8_t bytes[BLOCK_MAX_BYTES];
    const struct column_kernels *k = other();
    for (int times = 0; times < TIMES_KINDS; times++)
        for (int values = 0; values < VALUES_KINDS; values++)
            for (size_t n = 1; n <= MAX; n = n * 5 / 3 + 1) {
                sample_gen_times(times, n, t, n);
                sample_gen_values(values, n, v, n);
                size_t size = block_pack(t, v, n, bytes), n1, n2;
                assert_int_equal(
                    block_unpack_with(&column_kernels_portable, bytes, size, t1, v1, &n1, NULL),
                    AMPQL_OK);
                assert_int_equal(block_unpack_with(k, bytes, size, t2, v2, &n2, NULL), AMPQL_OK);
                assert_int_equal(n1, n);
                assert_int_equal(n2, n);
                assert_memory_equal(t1, t, n * sizeof *t);
                assert_memory_equal(t2, t, n * sizeof *t);
                assert_memory_equal(v1, v, n * sizeof *v);
                assert_memory_equal(v2, v, n * sizeof *v);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),       cmocka_unit_test(test_unpack),
        cmocka_unit_test(test_spread),         cmocka_unit_test(test_divide),
        cmocka_unit_test(test_divide_refuses), cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
