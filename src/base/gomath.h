/* Go's own recipes for what differs from the C library in the last bit: Prometheus is compiled with
 * them. */
#ifndef AMPQL_SRC_BASE_GOMATH_H
#define AMPQL_SRC_BASE_GOMATH_H

#include "base/double.h"

#include <math.h>

double go_exp(double x);
double go_ln(double x);
double go_log2(double x);
double go_log10(double x);
double go_pow(double x, double y);
double go_sin(double x);
double go_cos(double x);
double go_tan(double x);
double go_asin(double x);
double go_acos(double x);
double go_atan(double x);
double go_atan2(double y, double x);
double go_sinh(double x);
double go_cosh(double x);
double go_tanh(double x);
double go_asinh(double x);
double go_acosh(double x);
double go_atanh(double x);

/* Go's min and max, unlike fmin and fmax: a NaN stays, unless the other is the infinity that
 * nothing passes; -0 is below 0. */
static inline double go_min(double a, double b)
{
    if (a == -INFINITY || b == -INFINITY)
        return -INFINITY;
    if (isnan(a) || isnan(b))
        return double_of(NAN_BITS);
    if (a == 0 && b == 0)
        return signbit(a) ? a : b;
    return a < b ? a : b;
}

static inline double go_max(double a, double b)
{
    if (a == INFINITY || b == INFINITY)
        return INFINITY;
    if (isnan(a) || isnan(b))
        return double_of(NAN_BITS);
    if (a == 0 && b == 0)
        return signbit(a) ? b : a;
    return a > b ? a : b;
}

#endif
