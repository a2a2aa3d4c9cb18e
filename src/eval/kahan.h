/* Compensated summation (Kahan-Neumaier), so that the order of values does not show in the last
 * digits. */
#ifndef AMPQL_SRC_EVAL_KAHAN_H
#define AMPQL_SRC_EVAL_KAHAN_H

#include <math.h>

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

#endif
