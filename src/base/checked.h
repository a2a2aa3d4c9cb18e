/* Integer arithmetic that cannot wrap: each returns false on overflow and leaves *out alone. */
#ifndef AMPQL_SRC_BASE_CHECKED_H
#define AMPQL_SRC_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool checked_add(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    return !__builtin_add_overflow(a, b, &r) && (*out = r, true);
}

static inline bool checked_sub(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    return !__builtin_sub_overflow(a, b, &r) && (*out = r, true);
}

static inline bool checked_mul(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    return !__builtin_mul_overflow(a, b, &r) && (*out = r, true);
}

static inline bool checked_size_mul(size_t a, size_t b, size_t *out)
{
    size_t r;
    return !__builtin_mul_overflow(a, b, &r) && (*out = r, true);
}

#endif
