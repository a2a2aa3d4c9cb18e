/* Samples of every kind that series in the wild show, and some that they do not: to pack, to store,
 * to send. The same seed gives the same samples. */
#ifndef AMPQL_TESTS_SAMPLE_GEN_H
#define AMPQL_TESTS_SAMPLE_GEN_H

#include <stddef.h>
#include <stdint.h>

enum sample_times {
    TIMES_REGULAR, /* every 15 s */
    TIMES_GAPS,    /* now and then some are missing */
    TIMES_JITTER,  /* up to 20 ms late */
    TIMES_DRIFT,   /* every 15.001 s, and jitter */
    TIMES_RANDOM,  /* anything that ascends, within a day */
    TIMES_EXTREME, /* from INT64_MIN to INT64_MAX */
    TIMES_KINDS
};

enum sample_values {
    VALUES_CONSTANT,
    VALUES_ONE,
    VALUES_COUNTER, /* integers, with resets */
    VALUES_SECONDS, /* a counter with nine decimals */
    VALUES_SPARSE,  /* a counter that mostly rests */
    VALUES_PAGES,   /* multiples of 4096 */
    VALUES_PERCENT, /* two decimals, also negative */
    VALUES_NOISE,   /* all bits of the mantissa */
    VALUES_ENDING,  /* a constant, with stale markers */
    VALUES_NANS,    /* payloads of all kinds */
    VALUES_SPECIAL, /* 0, -0, infinities, the largest, the smallest, subnormals */
    VALUES_HUGE,    /* integers past 2^53 */
    VALUES_BITS,    /* any 64 bits */
    VALUES_MIXED,   /* pieces of all of these */
    VALUES_KINDS
};

extern const char *const sample_times_names[TIMES_KINDS];
extern const char *const sample_values_names[VALUES_KINDS];

/* Fill t and v [n]; t strictly ascending. */
void sample_gen_times(enum sample_times kind, uint64_t seed, int64_t *t, size_t n);
void sample_gen_values(enum sample_values kind, uint64_t seed, double *v, size_t n);

#endif
