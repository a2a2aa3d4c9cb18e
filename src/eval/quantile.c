/* Sorting values and reading quantiles off them. */
#include "eval/quantile.h"

#include "series/sample.h"

#include <math.h>
#include <stdlib.h>

/* Integers in the order of the values, in which all NaN are equal. */
static inline uint64_t rank_of(double v)
{
    uint64_t bits = bits_of(v), sign = UINT64_C(1) << 63;
    if (isnan(v))
        return 0;
    return bits & sign ? ~bits : bits | sign;
}

static int by_rank(const void *a, const void *b)
{
    uint64_t x = rank_of(*(const double *)a), y = rank_of(*(const double *)b);
    return (x > y) - (x < y);
}

void quantile_sort(double *v, size_t n)
{
    if (n > 1)
        qsort(v, n, sizeof *v, by_rank);
}

/* The first place whose value is not below. */
static size_t place_of(const double *v, size_t n, double value)
{
    uint64_t rank = rank_of(value);
    size_t lo = 0;
    while (lo < n) {
        size_t mid = lo + (n - lo) / 2;
        if (rank_of(v[mid]) < rank)
            lo = mid + 1;
        else
            n = mid;
    }
    return lo;
}

void quantile_insert(double *v, size_t n, double value)
{
    size_t at = place_of(v, n, value);
    memmove(v + at + 1, v + at, (n - at) * sizeof *v);
    v[at] = value;
}

void quantile_remove(double *v, size_t n, double value)
{
    size_t at = place_of(v, n, value);
    memmove(v + at, v + at + 1, (n - at - 1) * sizeof *v);
}

double quantile_of(double q, const double *v, size_t n)
{
    if (n == 0 || isnan(q))
        return double_of(NAN_BITS);
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    double rank = q * (double)(n - 1);
    size_t low = (size_t)rank, high = low + 1 < n ? low + 1 : n - 1;
    double weight = rank - floor(rank);
    return v[low] * (1 - weight) + v[high] * weight;
}
