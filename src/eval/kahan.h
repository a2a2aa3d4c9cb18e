/* Compensated summation (Kahan-Neumaier), so that the order of values does not show in the last
 * digits. */
#ifndef AMPQL_SRC_EVAL_KAHAN_H
#define AMPQL_SRC_EVAL_KAHAN_H

#include <math.h>
#include <stddef.h>

/* sum + c is the total so far; add x. In 3.x an infinite sum drops its compensation, which would
 * turn it into NaN. */
static inline void kahan_add(double x, double *sum, double *c)
{
    double t = *sum + x;
    double lost = fabs(*sum) >= fabs(x) ? (*sum - t) + x : (x - t) + *sum;
    *c = isinf(t) ? 0 : *c + lost;
    *sum = t;
}

/* The same in 2.42, without that case. */
static inline void kahan_add_prom2(double x, double *sum, double *c)
{
    double t = *sum + x;
    *c += fabs(*sum) >= fabs(x) ? (*sum - t) + x : (x - t) + *sum;
    *sum = t;
}

/* Sum v [n], n > 0, from left to right: the bits of kahan_add over all of it, as long as the sum is
 * finite (otherwise they mean nothing). The rounding error is computed without asking which operand
 * is larger: it is exact either way, so it is the same number, and the loop has no branch. */
static inline void kahan_sum(const double *v, size_t n, double *sum, double *c)
{
    double s = v[0], lost = 0;
    for (size_t i = 1; i < n; i++) {
        double t = s + v[i], z = t - s;
        lost += (s - (t - z)) + (v[i] - z);
        s = t;
    }
    *sum = s;
    *c = lost;
}

#endif
