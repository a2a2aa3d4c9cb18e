/* Numbers as Go computes them: exp, ln, log2, log10, ^ in the steps of its library (which is
 * FreeBSD's for ln), min and max with its rules for NaN, Inf and -0; quantiles and compensated
 * sums.
 */
#include "reference/table.h"

#include "base/gomath.h"

#include <math.h>
#include <stdlib.h>

void ref_add(double x, double *sum, double *c, bool prom2)
{
    double t = *sum + x;
    if (!prom2 && isinf(t))
        *c = 0;
    else if (fabs(*sum) >= fabs(x))
        *c += (*sum - t) + x;
    else
        *c += (x - t) + *sum;
    *sum = t;
}

double ref_min(double a, double b)
{
    if ((isinf(a) && a < 0) || (isinf(b) && b < 0))
        return -INFINITY;
    if (isnan(a) || isnan(b))
        return NAN;
    if (a == 0 && b == 0)
        return signbit(a) ? a : b;
    return a < b ? a : b;
}

double ref_max(double a, double b)
{
    if ((isinf(a) && a > 0) || (isinf(b) && b > 0))
        return INFINITY;
    if (isnan(a) || isnan(b))
        return NAN;
    if (a == 0 && b == 0)
        return signbit(a) ? b : a;
    return a > b ? a : b;
}

static int nan_smallest(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y))
        return (isnan(y) ? 1 : 0) - (isnan(x) ? 1 : 0);
    return (x > y) - (x < y);
}

double ref_quantile(struct ref_run *run, double q, const double *v, size_t n)
{
    if (n == 0 || isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    double *sorted = ref_alloc(run, n, sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = v[i];
    qsort(sorted, n, sizeof *sorted, nan_smallest);
    double rank = q * (double)(n - 1);
    double low = floor(rank) < 0 ? 0 : floor(rank);
    double high = low + 1 > (double)(n - 1) ? (double)(n - 1) : low + 1;
    double weight = rank - floor(rank);
    if (weight == 0 && !run->prom2)
        return sorted[(size_t)low];
    return sorted[(size_t)low] * (1 - weight) + sorted[(size_t)high] * weight;
}

double ref_exp(double x)
{
    static const double high = 0.69314718055966295651160180568695068359375;
    static const double low = 0.28235290563031577122588448175013436025525412068e-12;
    static const double log2e = 1.4426950408889634073599246810018920;
    if (isnan(x) || x == INFINITY)
        return x;
    if (x > 7.09782712893384e+02)
        return INFINITY;
    if (x < -7.5e+02)
        return 0;
    double k = rint(x * log2e);
    if (k > 1023) /* Go on amd64 does not reach the largest numbers */
        return INFINITY;
    double r = fma(-high, k, x);
    r = fma(-low, k, r);
    r *= 1.0 / 16;
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

double ref_ln(double x)
{
    static const double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    static const double l1 = 6.666666666666735130e-01, l2 = 3.999999999940941908e-01,
                        l3 = 2.857142874366239149e-01, l4 = 2.222219843214978396e-01,
                        l5 = 1.818357216161805012e-01, l6 = 1.531383769920937332e-01,
                        l7 = 1.479819860511658591e-01;
    if (isnan(x) || x == INFINITY)
        return x;
    if (x < 0)
        return NAN;
    if (x == 0)
        return -INFINITY;
    int exponent;
    double f1 = frexp(x, &exponent);
    if (x < 0x1p-1022) { /* Go on amd64 reads the bits of a subnormal as those of a normal number */
        f1 = 0.5 + ldexp(x, 1021);
        exponent = -1022;
    }
    if (f1 < M_SQRT2 / 2) {
        f1 *= 2;
        exponent--;
    }
    double f = f1 - 1, k = exponent;
    double s = f / (2 + f), s2 = s * s, s4 = s2 * s2;
    double t1 = s2 * (l1 + s4 * (l3 + s4 * (l5 + s4 * l7)));
    double t2 = s4 * (l2 + s4 * (l4 + s4 * l6));
    double r = t1 + t2, half = 0.5 * f * f;
    return k * ln2_high - ((half - (s * (half + r) + k * ln2_low)) - f);
}

double ref_log2(double x)
{
    int exponent;
    double fraction = frexp(x, &exponent);
    if (fraction == 0.5)
        return exponent - 1;
    if (!isfinite(x) || x == 0)
        exponent = 0;
    return ref_ln(fraction) * (1 / M_LN2) + exponent;
}

double ref_log10(double x)
{
    return ref_ln(x) * 0.4342944819032518;
}

static bool is_odd(double y)
{
    if (fabs(y) >= 9007199254740992.0) /* 2^53: no odd numbers from here on */
        return false;
    return floor(y) == y && fmod(fabs(y), 2) == 1;
}

/* x^y where x or y is 0 or infinite. */
static double pow_edge(double x, double y)
{
    if (x == 0) {
        if (y < 0)
            return is_odd(y) ? copysign(INFINITY, x) : INFINITY;
        return is_odd(y) ? x : 0;
    }
    if (isinf(y)) {
        if (x == -1)
            return 1;
        return (fabs(x) < 1) == (y > 0) ? 0 : INFINITY;
    }
    if (x > 0)
        return y < 0 ? 0 : INFINITY;
    if (y < 0)
        return is_odd(y) ? -0.0 : 0;
    return is_odd(y) ? -INFINITY : INFINITY;
}

double ref_pow(double x, double y)
{
    if (y == 0 || x == 1)
        return 1;
    if (y == 1)
        return x;
    if (isnan(x) || isnan(y))
        return NAN;
    if (x == 0 || isinf(x) || isinf(y))
        return pow_edge(x, y);
    if (y == 0.5)
        return sqrt(x);
    if (y == -0.5)
        return 1 / sqrt(x);
    double whole, fraction = modf(fabs(y), &whole);
    if (fraction != 0 && x < 0)
        return NAN;
    if (whole >= 9223372036854775808.0) {
        if (x == -1)
            return 1;
        return (fabs(x) < 1) == (y > 0) ? 0 : INFINITY;
    }
    double a = 1;
    int64_t a_exponent = 0;
    if (fraction != 0) {
        if (fraction > 0.5) {
            fraction--;
            whole++;
        }
        a = ref_exp(fraction * ref_ln(x));
    }
    int start;
    double m = frexp(x, &start);
    int64_t exponent = start;
    for (int64_t i = (int64_t)whole; i != 0; i >>= 1) {
        if (exponent < -4096 || exponent > 4096) {
            a_exponent += exponent; /* over- or underflow for certain */
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
    return ldexp(a, a_exponent > 100000    ? 100000
                    : a_exponent < -100000 ? -100000
                                           : (int)a_exponent);
}

double ref_seconds(int64_t ms)
{
    return (double)(ms / 1000) + (double)(ms % 1000 * 1000000) / 1e9;
}

double ref_operator(enum op op, double a, double b)
{
    switch (op) {
    case OP_ADD:
        return a + b;
    case OP_SUB:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_DIV:
        return a / b;
    case OP_MOD:
        return fmod(a, b);
    case OP_POW:
        return ref_pow(a, b);
    case OP_ATAN2:
        return go_atan2(a, b);
    case OP_EQUAL:
        return a == b;
    case OP_NOT_EQUAL:
        return a != b;
    case OP_LESS:
        return a < b;
    case OP_LESS_EQUAL:
        return a <= b;
    case OP_GREATER:
        return a > b;
    case OP_GREATER_EQUAL:
        return a >= b;
    default:
        abort(); /* and, or, unless have no numbers */
    }
}
