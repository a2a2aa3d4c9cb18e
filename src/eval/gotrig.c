/* The recipes: Cephes for sines and tangents, FreeBSD's for the inverse hyperbolic functions. All
 * constants are those that the two publish. */
#include "eval/gotrig.h"

#include "eval/gomath.h"
#include "series/sample.h"

#include <math.h>

/* c[0] z^(n-1) + ... + c[n-1] */
static double polynomial(const double *c, int n, double z)
{
    double sum = c[0];
    for (int i = 1; i < n; i++)
        sum = sum * z + c[i];
    return sum;
}
#define POLYNOMIAL(c, z) polynomial(c, sizeof(c) / sizeof *(c), z)

/* ---- reduction: x = (octant + fraction) pi/4; odd octants are rounded up */

__extension__ typedef unsigned __int128 wide;

static uint64_t high(uint64_t a, uint64_t b)
{
    return (uint64_t)((wide)a * b >> 64);
}

/* Payne and Hanek: multiply x by those bits of 4/pi that matter for it. */
static unsigned reduce_large(double x, double *z)
{
    static const uint64_t four_by_pi[] = {
        UINT64_C(0x0000000000000001), UINT64_C(0x45f306dc9c882a53), UINT64_C(0xf84eafa3ea69bb81),
        UINT64_C(0xb6c52b3278872083), UINT64_C(0xfca2c757bd778ac3), UINT64_C(0x6e48dc74849ba5c0),
        UINT64_C(0x0c925dd413a32439), UINT64_C(0xfc3bd63962534e7d), UINT64_C(0xd1046bea5d768909),
        UINT64_C(0xd338e04d68befc82), UINT64_C(0x7323ac7306a673e9), UINT64_C(0x3908bf177bf25076),
        UINT64_C(0x3ff12fffbc0b301f), UINT64_C(0xde5e2316b414da3e), UINT64_C(0xda6cfd9e4f96136e),
        UINT64_C(0x9e8c7ecd3cbfd45a), UINT64_C(0xea4f758fd7cbe2f6), UINT64_C(0x7a0e73ef14a525d4),
        UINT64_C(0xd7f6bf623f1aba10), UINT64_C(0xac06608df8f6d757)};
    uint64_t mantissa = bits_of(x), part[3];
    unsigned place = (unsigned)(mantissa >> 52) - 1023 - 52 + 61, shift = place % 64;
    mantissa = (mantissa & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    for (unsigned i = 0; i < 3; i++) {
        const uint64_t *at = &four_by_pi[place / 64 + i];
        part[i] = shift ? at[0] << shift | at[1] >> (64 - shift) : at[0];
    }
    uint64_t lo = part[1] * mantissa, more = high(part[2], mantissa);
    uint64_t hi = part[0] * mantissa + high(part[1], mantissa) + (lo + more < lo);
    lo += more;

    unsigned octant = (unsigned)(hi >> 61);
    hi = hi << 3 | lo >> 61;
    unsigned zeros = hi ? (unsigned)__builtin_clzll(hi) : 63;
    hi = (zeros < 63 ? hi << (zeros + 1) : 0) | lo >> (63 - zeros);
    *z = double_of(hi >> 12 | (uint64_t)(1023 - (zeros + 1)) << 52);
    if (octant & 1) {
        octant = (octant + 1) & 7;
        *z -= 1;
    }
    *z *= M_PI_4;
    return octant;
}

/* x >= 0, finite */
static unsigned reduce(double x, double *z)
{
    if (x >= 536870912) /* 2^29 */
        return reduce_large(x, z);
    uint64_t octant = (uint64_t)(x * (4 / M_PI));
    double y = (double)octant;
    if (octant & 1) {
        octant++;
        y++;
    }
    /* pi/4 in three pieces, so that nothing is lost */
    *z = ((x - y * 7.85398125648498535156e-1) - y * 3.77489470793079817668e-8) -
         y * 2.69515142907905952645e-15;
    return octant & 7;
}

static double small_sin(double z)
{
    static const double c[] = {1.58962301576546568060e-10, -2.50507477628578072866e-8,
                               2.75573136213857245213e-6,  -1.98412698295895385996e-4,
                               8.33333333332211858878e-3,  -1.66666666666666307295e-1};
    double zz = z * z;
    return z + z * zz * POLYNOMIAL(c, zz);
}

static double small_cos(double z)
{
    static const double c[] = {-1.13585365213876817300e-11, 2.08757008419747316778e-9,
                               -2.75573141792967388112e-7,  2.48015872888517045348e-5,
                               -1.38888888888730564116e-3,  4.16666666666665929218e-2};
    double zz = z * z;
    return 1.0 - 0.5 * zz + zz * zz * POLYNOMIAL(c, zz);
}

double go_sin(double x)
{
    double z;
    if (x == 0 || isnan(x))
        return x;
    if (isinf(x))
        return NAN;
    unsigned octant = reduce(fabs(x), &z);
    double y = octant % 4 == 1 || octant % 4 == 2 ? small_cos(z) : small_sin(z);
    return (x < 0) != (octant > 3) ? -y : y;
}

double go_cos(double x)
{
    double z;
    if (isnan(x) || isinf(x))
        return NAN;
    unsigned octant = reduce(fabs(x), &z);
    double y = octant % 4 == 1 || octant % 4 == 2 ? small_sin(z) : small_cos(z);
    return (octant > 3) != (octant % 4 > 1) ? -y : y;
}

double go_tan(double x)
{
    static const double p[] = {-1.30936939181383734205e4, 1.15351664838587416140e6,
                               -1.79565251976484877988e7};
    static const double q[] = {1.0, 1.36812963470692954678e4, -1.32089234440210967447e6,
                               2.50083801823357915839e7, -5.38695755929454629881e7};
    double z;
    if (x == 0 || isnan(x))
        return x;
    if (isinf(x))
        return NAN;
    unsigned octant = reduce(fabs(x), &z);
    double zz = z * z, y = z;
    if (zz > 1e-14)
        y = z + z * (zz * POLYNOMIAL(p, zz) / POLYNOMIAL(q, zz));
    if (octant & 2)
        y = -1 / y;
    return x < 0 ? -y : y;
}

double go_asin(double x)
{
    double a = fabs(x);
    if (x == 0)
        return x;
    if (!(a <= 1))
        return NAN;
    double root = sqrt(1 - a * a);
    a = a > 0.7 ? M_PI_2 - go_atan(root / a) : go_atan(a / root);
    return x < 0 ? -a : a;
}

double go_acos(double x)
{
    return M_PI_2 - go_asin(x);
}

/* ---- hyperbolic */

double go_sinh(double x)
{
    static const double p[] = {-0.2630563213397497062819489e+2, -0.2894211355989563807284660366e+4,
                               -0.8991272022039509355398013511e+5,
                               -0.6307673640497716991184787251e+6};
    static const double q[] = {1.0, -0.173678953558233699533450911e+3,
                               0.1521517378790019070696485176e+5,
                               -0.6307673640497716991212077277e+6};
    double a = x < 0 ? -x : x; /* -0 stays */
    if (a > 21) {
        a = go_exp(a) * 0.5;
    } else if (a > 0.5) {
        double e = go_exp(a);
        a = (e - 1 / e) * 0.5;
    } else {
        double square = a * a;
        a = POLYNOMIAL(p, square) * a;
        a = a / POLYNOMIAL(q, square);
    }
    return x < 0 ? -a : a;
}

double go_cosh(double x)
{
    double e = go_exp(fabs(x));
    return fabs(x) > 21 ? e * 0.5 : (e + 1 / e) * 0.5;
}

double go_tanh(double x)
{
    static const double p[] = {-9.64399179425052238628e-1, -9.92877231001918586564e1,
                               -1.61468768441708447952e3};
    static const double q[] = {1.0, 1.12811678491632931402e2, 2.23548839060100448583e3,
                               4.84406305325125486048e3};
    double a = fabs(x);
    if (a > 0.5 * 8.8029691931113054295988e+01) /* log(2^127) */
        return x < 0 ? -1 : 1;
    if (a >= 0.625) {
        a = 1 - 2 / (go_exp(2 * a) + 1);
        return x < 0 ? -a : a;
    }
    double square = x * x;
    return x == 0 ? x : x + x * square * POLYNOMIAL(p, square) / POLYNOMIAL(q, square);
}

/* ---- inverse hyperbolic */

static const double ln2_hi = 6.93147180369123816490e-01, ln2_lo = 1.90821492927058770002e-10;

/* log(1 + x) = k ln 2 + log(1 + f) with 1 + f near 1; c is what 1 + x lost. */
struct log_parts {
    double f, c;
    int k;
    bool is_tiny; /* |f| < 2^-20 */
};

static void split_log(double x, struct log_parts *out)
{
    bool is_large = fabs(x) >= 9007199254740992; /* 2^53 */
    double u = is_large ? x : 1.0 + x;
    uint64_t bits = bits_of(u);
    out->k = (int)(bits >> 52) - 1023;
    out->c = is_large ? 0 : (out->k > 0 ? 1.0 - (u - x) : x - (u - 1.0)) / u;
    bits &= (UINT64_C(1) << 52) - 1;
    if (bits < UINT64_C(0x0006a09e667f3bcd)) { /* below the square root of 2 */
        u = double_of(bits | UINT64_C(0x3ff0000000000000));
    } else {
        out->k++;
        u = double_of(bits | UINT64_C(0x3fe0000000000000));
        bits = ((UINT64_C(1) << 52) - bits) >> 2;
    }
    out->f = u - 1.0;
    out->is_tiny = bits == 0;
}

static double tiny_log(const struct log_parts *p)
{
    double k = p->k, f = p->f;
    if (f == 0)
        return p->k == 0 ? 0 : k * ln2_hi + (p->c + k * ln2_lo);
    double r = 0.5 * f * f * (1.0 - 0.66666666666666666 * f);
    return p->k == 0 ? f - r : k * ln2_hi - ((r - (k * ln2_lo + p->c)) - f);
}

/* log(1 + x) for x > -1 */
static double log_1_plus(double x)
{
    static const double c[] = {1.479819860510658591e-01, 1.531383769920937332e-01,
                               1.818357216161805012e-01, 2.222219843214978396e-01,
                               2.857142874366239149e-01, 3.999999999940941908e-01,
                               6.666666666666735130e-01};
    struct log_parts p = {.f = x};
    double a = fabs(x);
    if (a < 1.0 / (1 << 29)) /* nothing but the first terms */
        return a < 1.0 / (INT64_C(1) << 54) ? x : x - x * x * 0.5;
    if (!(a < 4.142135623730950488017e-01 && x > -2.928932188134524755992e-01))
        split_log(x, &p);
    if (p.is_tiny)
        return tiny_log(&p);
    double half = 0.5 * p.f * p.f, s = p.f / (2.0 + p.f), z = s * s, k = p.k;
    double r = z * POLYNOMIAL(c, z);
    if (p.k == 0)
        return p.f - (half - s * (half + r));
    return k * ln2_hi - ((half - (s * (half + r) + (k * ln2_lo + p.c))) - p.f);
}

static const double large = 1 << 28, near_zero = 1.0 / (1 << 28);

double go_asinh(double x)
{
    double a = fabs(x);
    if (isnan(x) || isinf(x))
        return x;
    if (a > large)
        a = go_ln(a) + M_LN2;
    else if (a > 2)
        a = go_ln(2 * a + 1 / (sqrt(a * a + 1) + a));
    else if (a >= near_zero)
        a = log_1_plus(a + a * a / (1 + sqrt(1 + a * a)));
    return x < 0 ? -a : x == 0 ? x : a;
}

double go_acosh(double x)
{
    if (!(x >= 1))
        return NAN;
    if (x == 1)
        return 0;
    if (x >= large)
        return go_ln(x) + M_LN2;
    if (x > 2)
        return go_ln(2 * x - 1 / (x + sqrt(x * x - 1)));
    double t = x - 1;
    return log_1_plus(t + sqrt(2 * t + t * t));
}

double go_atanh(double x)
{
    double a = fabs(x);
    if (!(a <= 1))
        return NAN;
    if (a == 1)
        return copysign(INFINITY, x);
    if (a >= 0.5)
        a = 0.5 * log_1_plus((a + a) / (1 - a));
    else if (a >= near_zero)
        a = 0.5 * log_1_plus((a + a) + (a + a) * a / (1 - a));
    return x < 0 ? -a : x == 0 ? x : a;
}
