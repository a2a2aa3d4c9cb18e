/* Blocks of packed samples: every kind comes back to the bit, the same samples give the same bytes,
 * sizes are what the layout promises, and damaged bytes are refused or harmless. */
#include "series/column.h"
#include "support/sample_gen.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t want_t[BLOCK_MAX_SAMPLES], got_t[BLOCK_MAX_SAMPLES];
static double want_v[BLOCK_MAX_SAMPLES], got_v[BLOCK_MAX_SAMPLES];
static uint8_t bytes[BLOCK_MAX_BYTES + 64], again[BLOCK_MAX_BYTES + 64];

/* Pack into memory that is exactly as long as the block, so that reading past it shows under a
 * sanitizer. */
static size_t round_trip(size_t n)
{
    memset(bytes, 0xaa, sizeof bytes);
    memset(again, 0x55, sizeof again);
    size_t size = block_pack(want_t, want_v, n, bytes), nbytes, nfound;
    assert_true(size <= BLOCK_MAX_BYTES);
    for (size_t i = size; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], 0xaa);
    assert_int_equal(block_pack(want_t, want_v, n, again), size);
    assert_memory_equal(bytes, again, size);

    uint8_t *exact = malloc(size);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    struct ampql_error err = {0};
    assert_int_equal(block_measure(exact, size, &nbytes, &nfound, &err), AMPQL_OK);
    assert_int_equal(nbytes, size);
    assert_int_equal(nfound, n);
    if (block_unpack(exact, size, got_t, got_v, &nfound, &err) != AMPQL_OK)
        fail_msg("%s", err.message);
    assert_int_equal(nfound, n);
    assert_memory_equal(got_t, want_t, n * sizeof *got_t);
    assert_memory_equal(got_v, want_v, n * sizeof *got_v);
    free(exact);
    return size;
}

static void test_kinds(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 3, 7, 8, 9, 10, 63, 64, 65, 120, 500, 1023, 1024};
    for (int times = 0; times < TIMES_KINDS; times++)
        for (int values = 0; values < VALUES_KINDS; values++)
            for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
                for (uint64_t seed = 0; seed < 4; seed++) {
                    sample_gen_times(times, seed, want_t, lengths[k]);
                    sample_gen_values(values, seed * 31 + k, want_v, lengths[k]);
                    round_trip(lengths[k]);
                }
}

/* Integers of every width, at every length up to some: each has its own code. */
static void test_widths(void **state)
{
    (void)state;
    uint64_t x = 1;
    for (unsigned width = 1; width <= 64; width++)
        for (size_t n = 1; n <= 90; n++) {
            for (size_t i = 0; i < n; i++) {
                x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
                uint64_t bits = (x ^ x >> 29) >> (64 - width);
                want_t[i] = (int64_t)i * 1000;
                memcpy(&want_v[i], &bits, sizeof bits);
            }
            round_trip(n);
        }
}

static void test_extremes(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN,     INT64_MIN + 1, -1,       0, 1,
                                    INT64_MAX / 2, INT64_MAX - 1, INT64_MAX};
    enum { N = sizeof times / sizeof *times };
    for (unsigned set = 1; set < 1 << N; set++) {
        size_t n = 0;
        for (size_t i = 0; i < N; i++)
            if (set >> i & 1) {
                want_t[n] = times[i];
                want_v[n++] = (double)times[i];
            }
        round_trip(n);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct row {
        enum sample_times times;
        enum sample_values values;
        double max; /* bytes a sample */
    } rows[] = {
        {TIMES_REGULAR, VALUES_ONE, 0.02},    {TIMES_REGULAR, VALUES_CONSTANT, 0.03},
        {TIMES_GAPS, VALUES_CONSTANT, 0.15},  {TIMES_JITTER, VALUES_ONE, 0.7},
        {TIMES_DRIFT, VALUES_ONE, 0.5},       {TIMES_REGULAR, VALUES_COUNTER, 1.4},
        {TIMES_REGULAR, VALUES_SECONDS, 3.9}, {TIMES_REGULAR, VALUES_SPARSE, 0.5},
        {TIMES_REGULAR, VALUES_PAGES, 1.2},   {TIMES_REGULAR, VALUES_PERCENT, 1.95},
        {TIMES_REGULAR, VALUES_NOISE, 7.9},   {TIMES_REGULAR, VALUES_ENDING, 0.25},
        {TIMES_EXTREME, VALUES_BITS, 16.2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sample_gen_times(rows[i].times, i, want_t, BLOCK_MAX_SAMPLES);
        sample_gen_values(rows[i].values, i, want_v, BLOCK_MAX_SAMPLES);
        double size = (double)round_trip(BLOCK_MAX_SAMPLES) / BLOCK_MAX_SAMPLES;
        if (size > rows[i].max)
            fail_msg("%s times, %s values: %.3f bytes a sample, expected at most %.3f",
                     sample_times_names[rows[i].times], sample_values_names[rows[i].values], size,
                     rows[i].max);
    }
}

/* What comes of bytes that may be wrong: a message, or samples in order. */
static void unpack_any(const uint8_t *p, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, p, size);
    struct ampql_error err = {0};
    size_t nbytes, n;
    enum ampql_code code = block_measure(exact, size, &nbytes, &n, &err);
    if (code == AMPQL_OK)
        code = block_unpack(exact, nbytes, got_t, got_v, &n, &err);
    if (code == AMPQL_OK) {
        assert_true(n >= 1 && n <= BLOCK_MAX_SAMPLES);
        for (size_t i = 1; i < n; i++)
            assert_true(got_t[i - 1] < got_t[i]);
    } else {
        assert_int_equal(code, AMPQL_BAD_DATA);
        assert_true(err.message[0] != '\0');
    }
    free(exact);
}

static void test_damage(void **state)
{
    (void)state;
    for (int times = 0; times < TIMES_KINDS; times++)
        for (int values = 0; values < VALUES_KINDS; values++) {
            size_t n = 20 + (size_t)(times * VALUES_KINDS + values);
            sample_gen_times(times, 9, want_t, n);
            sample_gen_values(values, 9, want_v, n);
            size_t size = block_pack(want_t, want_v, n, bytes), nbytes, nfound;
            for (size_t cut = 0; cut < size; cut++) {
                assert_int_equal(block_measure(bytes, cut, &nbytes, &nfound, NULL), AMPQL_BAD_DATA);
                assert_int_equal(block_unpack(bytes, cut, got_t, got_v, &nfound, NULL),
                                 AMPQL_BAD_DATA);
            }
            assert_int_equal(block_unpack(bytes, size + 1, got_t, got_v, &nfound, NULL),
                             AMPQL_BAD_DATA);
            for (size_t i = 0; i < size; i++)
                for (unsigned flip = 1; flip < 256; flip = flip < 128 ? 2 * flip : flip + 127) {
                    memcpy(again, bytes, size);
                    again[i] ^= (uint8_t)flip;
                    unpack_any(again, size);
                }
        }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_kinds), cmocka_unit_test(test_widths), cmocka_unit_test(test_extremes),
    cmocka_unit_test(test_sizes), cmocka_unit_test(test_damage),
};

TEST_MAIN(tests)
