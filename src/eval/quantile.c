/* Sorting values and reading quantiles off them. */
#include "eval/quantile.h"

#include "series/sample.h"

#include <math.h>

static inline bool is_less(double a, double b)
{
    return a < b || (isnan(a) && !isnan(b));
}

static void sort_few(double *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double value = v[i];
        size_t k = i;
        for (; k > 0 && is_less(value, v[k - 1]); k--)
            v[k] = v[k - 1];
        v[k] = value;
    }
}

/* Merge sorted a [na] and b [nb] into out; of equals those of a come first. */
static void merge(const double *a, size_t na, const double *b, size_t nb, double *out)
{
    while (na && nb) {
        bool takes_b = is_less(*b, *a);
        *out++ = takes_b ? *b : *a;
        a += !takes_b;
        b += takes_b;
        na -= !takes_b;
        nb -= takes_b;
    }
    memcpy(out, na ? a : b, (na + nb) * sizeof *out);
}

void quantile_sort(double *v, double *room, size_t n)
{
    enum { FEW = 12 };
    for (size_t i = 0; i < n; i += FEW)
        sort_few(v + i, n - i < FEW ? n - i : FEW);
    double *from = v, *to = room;
    for (size_t width = FEW; width < n; width *= 2) {
        for (size_t i = 0; i < n; i += 2 * width) {
            size_t na = n - i < width ? n - i : width, rest = n - i - na;
            merge(from + i, na, from + i + na, rest < width ? rest : width, to + i);
        }
        double *swap = from;
        from = to;
        to = swap;
    }
    if (from != v)
        memcpy(v, from, n * sizeof *v);
}

/* The first place whose value is not below, or with `behind` the first whose value is above. */
static size_t place_of(const double *v, size_t n, double value, bool behind)
{
    size_t lo = 0;
    while (lo < n) {
        size_t mid = lo + (n - lo) / 2;
        if (behind ? !is_less(value, v[mid]) : is_less(v[mid], value))
            lo = mid + 1;
        else
            n = mid;
    }
    return lo;
}

void quantile_insert(double *v, size_t n, double value)
{
    size_t at = place_of(v, n, value, true);
    memmove(v + at + 1, v + at, (n - at) * sizeof *v);
    v[at] = value;
}

void quantile_remove(double *v, size_t n, double value)
{
    size_t at = place_of(v, n, value, false);
    memmove(v + at, v + at + 1, (n - at - 1) * sizeof *v);
}

double quantile_of(double q, const double *v, size_t n, enum ampql_dialect dialect)
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
    if (weight == 0 && dialect != AMPQL_PROM2) /* 0 * Inf is no number, -0 + 0 is 0 */
        return v[low];
    return v[low] * (1 - weight) + v[high] * weight;
}
