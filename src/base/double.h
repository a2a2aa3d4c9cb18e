/* Doubles as bits, and the NaN that Go produces. */
#ifndef AMPQL_SRC_BASE_DOUBLE_H
#define AMPQL_SRC_BASE_DOUBLE_H

#include <stdint.h>
#include <string.h>

#define NAN_BITS UINT64_C(0x7FF8000000000001)

static inline uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline double double_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

#endif
