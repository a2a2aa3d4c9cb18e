/* Generated samples. */
#include "support/sample_gen.h"

#include "series/sample.h"

#include <math.h>

const char *const sample_times_names[TIMES_KINDS] = {"regular", "gaps",   "jitter",
                                                     "drift",   "random", "extreme"};
const char *const sample_values_names[VALUES_KINDS] = {
    "constant", "one",  "counter", "seconds", "sparse", "pages", "percent",
    "noise",    "ends", "NaNs",    "special", "huge",   "bits",  "mixed"};

static uint64_t next(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static uint64_t below(uint64_t *state, uint64_t limit)
{
    return next(state) % limit;
}

void sample_gen_times(enum sample_times kind, uint64_t seed, int64_t *t, size_t n)
{
    uint64_t state = seed, at = UINT64_C(1700000000123), jump = UINT64_MAX / (n ? n : 1);
    for (size_t i = 0; i < n; i++) {
        switch (kind) {
        case TIMES_GAPS:
            at += 15000 * (below(&state, 50) ? 1 : 1 + below(&state, 40));
            t[i] = (int64_t)at;
            break;
        case TIMES_JITTER:
            t[i] = (int64_t)((at += 15000) + below(&state, 20));
            break;
        case TIMES_DRIFT:
            t[i] = (int64_t)((at += 15001) + below(&state, 5));
            break;
        case TIMES_RANDOM:
            t[i] = (int64_t)(at += 1 + below(&state, 86400000 / (n + 1)));
            break;
        case TIMES_EXTREME:
            at = i * jump + (i && i + 1 < n ? below(&state, jump / 2 + 1) : 0);
            at = n > 1 && i + 1 == n ? UINT64_MAX : at;
            t[i] = (int64_t)(at + (UINT64_C(1) << 63));
            break;
        default:
            t[i] = (int64_t)(at += 15000);
        }
    }
}

static double special(uint64_t x)
{
    static const double values[] = {0,      -0.0,   INFINITY, -INFINITY, 1.7976931348623157e308,
                                    5e-324, 2e-308, -5e-324,  0.1,       1};
    return values[x % (sizeof values / sizeof *values)];
}

static double one_value(enum sample_values kind, uint64_t *state, int64_t *sum, double before)
{
    switch (kind) {
    case VALUES_CONSTANT:
        return before != before || before == 0 ? (double)below(state, 1000) / 7 : before;
    case VALUES_ONE:
        return 1;
    case VALUES_COUNTER:
        *sum = below(state, 300) ? *sum + (int64_t)below(state, 1000) : 0;
        return (double)*sum;
    case VALUES_SECONDS:
        *sum += (int64_t)below(state, 900000000);
        return (double)*sum / 1e9;
    case VALUES_SPARSE:
        *sum += below(state, 10) ? 0 : (int64_t)below(state, 1000000);
        return (double)*sum;
    case VALUES_PAGES:
        return 4096 * (double)(200000 + below(state, 300));
    case VALUES_PERCENT:
        return ((double)below(state, 20001) - 10000) / 100;
    case VALUES_NOISE:
        return (double)(next(state) >> 11) / 9007199254740992;
    case VALUES_ENDING:
        return below(state, 100) ? 12.5 : double_of(STALE_BITS);
    case VALUES_NANS:
        return double_of(UINT64_C(0x7FF0000000000001) | next(state) >> (1 + below(state, 51)) |
                         (below(state, 2) << 63));
    case VALUES_SPECIAL:
        return special(next(state));
    case VALUES_HUGE:
        return (double)(next(state) >> 2) * (double)(1 + below(state, 1000000));
    default:
        return double_of(next(state));
    }
}

void sample_gen_values(enum sample_values kind, uint64_t seed, double *v, size_t n)
{
    uint64_t state = seed;
    int64_t sum = 0;
    double before = 0;
    enum sample_values now = kind;
    for (size_t i = 0; i < n; i++) {
        if (kind == VALUES_MIXED && below(&state, 40) == 0)
            now = (enum sample_values)below(&state, VALUES_MIXED);
        v[i] = one_value(now, &state, &sum, before);
        before = v[i];
    }
}
