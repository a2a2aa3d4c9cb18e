/* Go's exp, ln, log2, log10, pow, atan and atan2 for amd64 with FMA, to the bit. The logarithm's
 * polynomial is fdlibm's. */
#include "base/gomath.h"

#include <stdbool.h>

#include <math.h>

double go_exp(double x)
{
    static const double log2e = 1.4426950408889634073599246810018920;
    static const double ln2_upper = 0.69314718055966295651160180568695068359375;
    static const double ln2_lower = 0.28235290563031577122588448175013436025525412068e-12;
    static const double overflow = 7.09782712893384e+02;

    if (isnan(x) || x == INFINITY)
        return x;
    if (x == -INFINITY)
        return 0;
    if (x > overflow)
        return INFINITY;
    if (x < -7.5e2)
        return 0;
    double k = rint(x * log2e);
    if (k >= 1024) /* before the last bit of its range, as on amd64 */
        return INFINITY;
    double r = fma(-ln2_upper, k, x);
    r = fma(-ln2_lower, k, r);
    r *= 0.0625;
    double p = 1.0 / 40320;
    p = fma(p, r, 1.0 / 5040);
    p = fma(p, r, 1.0 / 720);
    p = fma(p, r, 1.0 / 120);
    p = fma(p, r, 1.0 / 24);
    p = fma(p, r, 1.0 / 6);
    p = fma(p, r, 0.5);
    p = fma(p, r, 1.0);
    double y = r * p;
    for (int i = 0; i < 3; i++)
        y = y * (y + 2);
    y = fma(y, y + 2, 1);
    return ldexp(y, (int)k);
}

double go_ln(double x)
{
    static const double ln2_hi = 6.93147180369123816490e-01, ln2_lo = 1.90821492927058770002e-10;
    static const double l1 = 6.666666666666735130e-01, l2 = 3.999999999940941908e-01,
                        l3 = 2.857142874366239149e-01, l4 = 2.222219843214978396e-01,
                        l5 = 1.818357216161805012e-01, l6 = 1.531383769920937332e-01,
                        l7 = 1.479819860511658591e-01;
    if (isnan(x) || x == INFINITY)
        return x;
    if (x < 0)
        return double_of(NAN_BITS);
    if (x == 0)
        return -INFINITY;
    /* The parts as they are stored: amd64 takes the fraction of a subnormal number for a normal
     * one's. */
    uint64_t bits = bits_of(x), fraction = bits & ((UINT64_C(1) << 52) - 1);
    double f1 = double_of(UINT64_C(0x3FE0000000000000) | fraction);
    int exponent = (int)(bits >> 52) - 0x3FE;
    if (f1 < M_SQRT1_2) {
        f1 *= 2;
        exponent--;
    }
    double f = f1 - 1, k = exponent;
    double s = f / (2 + f), s2 = s * s, s4 = s2 * s2;
    double t1 = s2 * (l1 + s4 * (l3 + s4 * (l5 + s4 * l7)));
    double t2 = s4 * (l2 + s4 * (l4 + s4 * l6));
    double r = t1 + t2, half_square = 0.5 * f * f;
    return k * ln2_hi - ((half_square - (s * (half_square + r) + k * ln2_lo)) - f);
}

double go_log2(double x)
{
    int exponent;
    double fraction = frexp(x, &exponent);
    if (fraction == 0.5) /* a power of two is exact */
        return exponent - 1;
    return go_ln(fraction) * (1 / M_LN2) + exponent;
}

double go_log10(double x)
{
    return go_ln(x) * M_LOG10E; /* 1 / ln 10 rounded once, which 1 / M_LN10 is not */
}

/* The cases that the algorithm below does not cover; false when it does. */
static bool pow_special(double x, double y, double *out)
{
    bool y_is_odd = fmod(y, 2) == 1 || fmod(y, 2) == -1;
    if (y == 0 || x == 1)
        *out = 1;
    else if (y == 1)
        *out = x;
    else if (isnan(x) || isnan(y))
        *out = double_of(NAN_BITS);
    else if (x == 0)
        *out = y < 0 ? (y_is_odd ? copysign(INFINITY, x) : INFINITY) : (y_is_odd ? x : 0);
    else if (isinf(y))
        *out = x == -1 ? 1 : (fabs(x) < 1) == (y > 0) ? 0 : INFINITY;
    else if (isinf(x) && x < 0)
        *out = y < 0 ? (y_is_odd ? copysign(0, x) : 0) : (y_is_odd ? -INFINITY : INFINITY);
    else if (isinf(x))
        *out = y < 0 ? 0 : INFINITY;
    else if (y == 0.5)
        *out = sqrt(x);
    else if (y == -0.5)
        *out = 1 / sqrt(x);
    else
        return false;
    return true;
}

double go_pow(double x, double y)
{
    double special;
    if (pow_special(x, y, &special))
        return special;
    double yi, yf = modf(fabs(y), &yi);
    if (yf != 0 && x < 0)
        return double_of(NAN_BITS);
    if (yi >= 9.223372036854775808e18) {
        if (x == -1)
            return 1;
        return (fabs(x) < 1) == (y > 0) ? 0 : INFINITY;
    }
    double a = 1;
    int64_t a_exponent = 0;
    if (yf != 0) {
        if (yf > 0.5) {
            yf -= 1;
            yi += 1;
        }
        a = go_exp(yf * go_ln(x));
    }
    int e;
    double m = frexp(x, &e);
    int64_t exponent = e;
    for (int64_t i = (int64_t)yi; i != 0; i >>= 1) {
        if (exponent < -4096 ||
            exponent > 4096) { /* the result over- or underflows whatever follows */
            a_exponent += exponent;
            break;
        }
        if (i & 1) {
            a *= m;
            a_exponent += exponent;
        }
        m *= m;
        exponent *= 2;
        if (m < 0.5) {
            m += m;
            exponent--;
        }
    }
    if (y < 0) {
        a = 1 / a;
        a_exponent = -a_exponent;
    }
    return ldexp(a, (int)a_exponent);
}
