/* Float chunks: what the encoder writes comes back to the bit, and damaged bytes are refused or
 * give samples at the times they may have. */
#include "source/tsdb_xor.h"
#include "support/sample_gen.h"
#include "support/test.h"
#include "support/xor_chunk.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SAMPLES = 1000 };

static int64_t want_t[XOR_MAX_SAMPLES], got_t[XOR_MAX_SAMPLES];
static double want_v[XOR_MAX_SAMPLES], got_v[XOR_MAX_SAMPLES];
static uint8_t bytes[XOR_CHUNK_BYTES(XOR_MAX_SAMPLES)];

/* Unpack from memory that ends where XOR_SLACK does, so that reading past it shows under a
 * sanitizer; what is there must not matter. */
static bool unpack(const uint8_t *p, size_t n, int64_t mint, int64_t maxt)
{
    uint8_t *exact = malloc(n + XOR_SLACK);
    assert_non_null(exact);
    memcpy(exact, p, n);
    memset(exact + n, 0xff, XOR_SLACK);
    bool is_done = xor_unpack(exact, n, mint, maxt, got_t, got_v);
    free(exact);
    return is_done;
}

static void round_trip(size_t n)
{
    size_t nbytes = xor_chunk_encode(want_t, want_v, n, bytes);
    assert_int_equal(xor_count(bytes, nbytes), n);
    assert_true(unpack(bytes, nbytes, want_t[0], want_t[n - 1]));
    assert_memory_equal(got_t, want_t, n * sizeof *got_t);
    assert_memory_equal(got_v, want_v, n * sizeof *got_v);
    assert_true(unpack(bytes, nbytes, want_t[0] - 5, want_t[n - 1] + 5));
    assert_false(unpack(bytes, nbytes, want_t[0] + 1, want_t[n - 1] + 1));
    if (n > 1)
        assert_false(unpack(bytes, nbytes, want_t[0], want_t[n - 1] - 1));
    assert_int_equal(xor_count(bytes, 1), 0);
}

static void test_kinds(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 3, 4, 28, 29, 30, 31, 57, 120, MAX_SAMPLES};
    for (int times = 0; times < TIMES_EXTREME; times++)
        for (int values = 0; values < VALUES_KINDS; values++)
            for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
                for (uint64_t seed = 0; seed < 4; seed++) {
                    sample_gen_times(times, seed, want_t, lengths[k]);
                    sample_gen_values(values, seed * 31 + k, want_v, lengths[k]);
                    round_trip(lengths[k]);
                }
}

/* The longest chunk there can be, and each size that a change of the distance can have. */
static void test_extremes(void **state)
{
    (void)state;
    for (size_t i = 0; i < XOR_MAX_SAMPLES; i++) {
        want_t[i] = -1000000 + (int64_t)i;
        want_v[i] = i % 9 == 0 ? (double)i : 1;
    }
    round_trip(XOR_MAX_SAMPLES);
    static const int64_t changes[] = {1,      -1,      8191,    8192,    8193,      -8191,
                                      -8192,  65536,   65537,   -65535,  -65536,    524288,
                                      524289, -524287, -524288, 1 << 30, -(1 << 30)};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        int64_t step = INT64_C(1) << 32;
        want_t[0] = -step;
        want_t[1] = 0;
        want_t[2] = step + changes[i];
        want_t[3] = want_t[2] + step + changes[i];
        round_trip(4);
    }
    /* all that may be between two samples, and a time far away */
    want_t[0] = -(INT64_C(1) << 59);
    want_t[1] = want_t[0] + (INT64_C(1) << 46);
    want_t[2] = want_t[1] + 1;
    round_trip(3);
}

static const struct {
    const char *stream; /* hex, behind the first value, 1 */
    size_t n;           /* of samples; */
    double last;        /* the value of the last; 0: refused */
} streams[] = {
    {"", 1, 1},
    {"0a00", 2, 1},
    {"0a00", 5, 1},
    {"0a00", 6, 0},                         /* a bit is missing */
    {"0a", 2, 0},                           /* no bit for the value */
    {"0000", 2, 0},                         /* no time passes */
    {"8a0000", 2, 0},                       /* the distance in more bytes than it needs */
    {"0a800400000000000000", 2, 0.5},       /* all bits, before there was a window */
    {"0a8004000000000000", 2, 0},           /* of which two are missing */
    {"0ac00020000000000000", 2, 0},         /* a window of all bits; some are missing */
    {"0ac0002000000000000000", 2, 0x1p-64}, /* and all there */
    {"0ac2000000000000000000", 2, 0},       /* 1 bit in front of 64 */
    {"0affe0", 2, 0},                       /* 31 in front of 60 */
};

static void test_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        uint8_t p[64] = {0, (uint8_t)streams[i].n, 0, 0x3f, 0xf0};
        size_t n = 2 + 1 + 8, last = streams[i].n - 1;
        for (const char *s = streams[i].stream; s[0] && s[1]; s += 2)
            p[n++] = (uint8_t)strtoul((char[]){s[0], s[1], 0}, NULL, 16);
        bool is_done = unpack(p, n, 0, 100);
        if (is_done != (streams[i].last != 0) || (is_done && got_v[last] != streams[i].last))
            fail_msg("\"%s\" of %zu samples: %s, %g", streams[i].stream, last + 1,
                     is_done ? "taken" : "refused", got_v[last]);
    }
}

static void check_damaged(const uint8_t *p, size_t n, int64_t mint, int64_t maxt)
{
    size_t count = xor_count(p, n);
    if (!unpack(p, n, mint, maxt))
        return;
    assert_int_not_equal(count, 0);
    for (size_t i = 0; i < count; i++) {
        assert_true(got_t[i] >= mint && got_t[i] <= maxt);
        assert_true(i == 0 || got_t[i] > got_t[i - 1]);
    }
}

static void test_damage(void **state)
{
    (void)state;
    for (int values = 0; values < VALUES_KINDS; values++) {
        enum { N = 120 };
        sample_gen_times(values % TIMES_EXTREME, 7, want_t, N);
        sample_gen_values(values, 7, want_v, N);
        size_t nbytes = xor_chunk_encode(want_t, want_v, N, bytes);
        int64_t mint = want_t[0] - 1000000, maxt = want_t[N - 1] + 1000000;
        for (size_t n = 0; n < nbytes; n++)
            check_damaged(bytes, n, mint, maxt);
        for (size_t i = 0; i < nbytes * 8; i++) {
            bytes[i / 8] ^= (uint8_t)(1 << i % 8);
            check_damaged(bytes, nbytes, mint, maxt);
            check_damaged(bytes, nbytes, -(INT64_C(1) << 46), (INT64_C(1) << 46) - 1);
            bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_kinds),
    cmocka_unit_test(test_extremes),
    cmocka_unit_test(test_by_hand),
    cmocka_unit_test(test_damage),
};

TEST_MAIN(tests)
