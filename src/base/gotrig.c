/* Go's trigonometric and hyperbolic functions, to the bit: Cephes's rational approximations (sin,
 * cos, tan, atan, tanh), FreeBSD's log1p and inverse hyperbolic functions, and Payne and Hanek's
 * reduction of large angles. */
#include "base/gomath.h"

#include <stdbool.h>

#include <math.h>

/* ---- angles */

/* 4/pi in binary: one integer word, then 64 digits a word. */
static const uint64_t four_over_pi[20] = {
    UINT64_C(0x0000000000000001), UINT64_C(0x45F306DC9C882A53), UINT64_C(0xF84EAFA3EA69BB81),
    UINT64_C(0xB6C52B3278872083), UINT64_C(0xFCA2C757BD778AC3), UINT64_C(0x6E48DC74849BA5C0),
    UINT64_C(0x0C925DD413A32439), UINT64_C(0xFC3BD63962534E7D), UINT64_C(0xD1046BEA5D768909),
    UINT64_C(0xD338E04D68BEFC82), UINT64_C(0x7323AC7306A673E9), UINT64_C(0x3908BF177BF25076),
    UINT64_C(0x3FF12FFFBC0B301F), UINT64_C(0xDE5E2316B414DA3E), UINT64_C(0xDA6CFD9E4F96136E),
    UINT64_C(0x9E8C7ECD3CBFD45A), UINT64_C(0xEA4F758FD7CBE2F6), UINT64_C(0x7A0E73EF14A525D4),
    UINT64_C(0xD7F6BF623F1ABA10), UINT64_C(0xAC06608DF8F6D757),
};

/* An angle as eighths of a turn and the rest, |rest| <= pi/4; eighths is even, below 8. */
struct angle {
    unsigned eighths;
    double rest;
};

/* For x >= 2^29, where x * 4/pi must be known beyond a double's digits: multiply x's 53 bits with
 * the 192 digits of 4/pi that decide eighths and rest. */
static struct angle reduce_large(double x)
{
    uint64_t bits = bits_of(x), mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    unsigned place = (unsigned)(bits >> 52) - 1023 - 52 + 61, word = place / 64, shift = place % 64;
    uint64_t digits[3];
    for (unsigned i = 0; i < 3; i++)
        digits[i] = four_over_pi[word + i] << shift |
                    (shift ? four_over_pi[word + i + 1] >> (64 - shift) : 0);
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)digits[1] * mantissa + (uint64_t)((wide)digits[2] * mantissa >> 64);
    uint64_t high = (uint64_t)(product >> 64) + digits[0] * mantissa, low = (uint64_t)product;

    struct angle angle = {.eighths = (unsigned)(high >> 61)};
    high = high << 3 | low >> 61;
    unsigned zeros = high ? (unsigned)__builtin_clzll(high) : 63, drop = zeros + 1;
    uint64_t fraction = drop < 64 ? high << drop | low >> (64 - drop) : low;
    angle.rest = double_of((fraction >> 12) | (uint64_t)(1023 - drop) << 52);
    if (angle.eighths & 1) {
        angle.eighths = (angle.eighths + 1) & 7;
        angle.rest--;
    }
    angle.rest *= M_PI_4;
    return angle;
}

/* x >= 0. pi/4 in three parts, so that the products are exact. */
static struct angle reduce(double x)
{
    static const double part1 = 7.85398125648498535156e-1, part2 = 3.77489470793079817668e-8,
                        part3 = 2.69515142907905952645e-15;
    if (x >= 536870912)
        return reduce_large(x);
    uint64_t n = (uint64_t)(x * (4 / M_PI));
    n += n & 1; /* to an even one, so that the rest is around zero */
    double y = (double)n;
    return (struct angle){(unsigned)(n & 7), ((x - y * part1) - y * part2) - y * part3};
}

static double sin_rest(double z)
{
    double zz = z * z;
    double p = 1.58962301576546568060e-10;
    p = p * zz + -2.50507477628578072866e-8;
    p = p * zz + 2.75573136213857245213e-6;
    p = p * zz + -1.98412698295895385996e-4;
    p = p * zz + 8.33333333332211858878e-3;
    p = p * zz + -1.66666666666666307295e-1;
    return z + z * zz * p;
}

static double cos_rest(double z)
{
    double zz = z * z;
    double p = -1.13585365213876817300e-11;
    p = p * zz + 2.08757008419747316778e-9;
    p = p * zz + -2.75573141792967388112e-7;
    p = p * zz + 2.48015872888517045348e-5;
    p = p * zz + -1.38888888888730564116e-3;
    p = p * zz + 4.16666666666665929218e-2;
    return 1.0 - 0.5 * zz + zz * zz * p;
}

double go_sin(double x)
{
    if (x == 0 || isnan(x))
        return x;
    if (isinf(x))
        return double_of(NAN_BITS);
    struct angle a = reduce(fabs(x));
    double y = a.eighths & 2 ? cos_rest(a.rest) : sin_rest(a.rest);
    return signbit(x) != (a.eighths > 3) ? -y : y;
}

double go_cos(double x)
{
    if (isnan(x) || isinf(x))
        return double_of(NAN_BITS);
    struct angle a = reduce(fabs(x));
    double y = a.eighths & 2 ? sin_rest(a.rest) : cos_rest(a.rest);
    return a.eighths == 2 || a.eighths == 4 ? -y : y;
}

double go_tan(double x)
{
    if (x == 0 || isnan(x))
        return x;
    if (isinf(x))
        return double_of(NAN_BITS);
    struct angle a = reduce(fabs(x));
    double z = a.rest, zz = z * z, y = z;
    if (zz > 1e-14) {
        double p = -1.30936939181383734205e4;
        p = p * zz + 1.15351664838587416140e6;
        p = p * zz + -1.79565251976484877988e7;
        double q = zz + 1.36812963470692954678e4;
        q = q * zz + -1.32089234440210967447e6;
        q = q * zz + 2.50083801823357915839e7;
        q = q * zz + -5.38695755929454629881e7;
        y = z + z * (zz * p / q);
    }
    if (a.eighths & 2)
        y = -1 / y;
    return signbit(x) ? -y : y;
}

/* ---- their inverses */

/* 0 <= x <= 0.66 */
static double atan_small(double x)
{
    double z = x * x;
    double p = -8.750608600031904122785e-01;
    p = p * z + -1.615753718733365076637e+01;
    p = p * z + -7.500855792314704667340e+01;
    p = p * z + -1.228866684490136173410e+02;
    p = p * z + -6.485021904942025371773e+01;
    double q = z + 2.485846490142306297962e+01;
    q = q * z + 1.650270098316988542046e+02;
    q = q * z + 4.328810604912902668951e+02;
    q = q * z + 4.853903996359136964868e+02;
    q = q * z + 1.945506571482613964425e+02;
    z = z * p / q;
    return x * z + x;
}

static double atan_positive(double x)
{
    static const double rest_of_pi_2 = 6.123233995736765886130e-17; /* what a double leaves of it */
    if (x <= 0.66)
        return atan_small(x);
    if (x > 2.41421356237309504880) /* tan(3 pi/8) */
        return M_PI_2 - atan_small(1 / x) + rest_of_pi_2;
    return M_PI_4 + atan_small((x - 1) / (x + 1)) + 0.5 * rest_of_pi_2;
}

double go_atan(double x)
{
    return x == 0 ? x : x > 0 ? atan_positive(x) : -atan_positive(-x);
}

double go_asin(double x)
{
    double positive = fabs(x);
    if (x == 0)
        return x;
    if (!(positive <= 1))
        return double_of(NAN_BITS);
    double other = sqrt(1 - positive * positive);
    double angle =
        positive > 0.7 ? M_PI_2 - atan_positive(other / positive) : atan_positive(positive / other);
    return signbit(x) ? -angle : angle;
}

double go_acos(double x)
{
    return M_PI_2 - go_asin(x);
}

double go_atan2(double y, double x)
{
    if (isnan(x) || isnan(y))
        return double_of(NAN_BITS);
    if (y == 0)
        return copysign(signbit(x) ? M_PI : 0, y);
    if (x == 0)
        return copysign(M_PI_2, y);
    if (isinf(x) && isinf(y))
        return copysign(x > 0 ? M_PI_4 : 3 * M_PI_4, y);
    if (isinf(x))
        return copysign(x > 0 ? 0 : M_PI, y);
    if (isinf(y))
        return copysign(M_PI_2, y);
    double angle = go_atan(y / x);
    if (x < 0)
        return angle <= 0 ? angle + M_PI : angle - M_PI;
    return angle;
}

/* ---- hyperbolic */

double go_sinh(double x)
{
    double positive = fabs(x), y;
    if (positive > 21) {
        y = go_exp(positive) * 0.5;
    } else if (positive > 0.5) {
        double e = go_exp(positive);
        y = (e - 1 / e) * 0.5;
    } else {
        double z = positive * positive;
        double p = -0.2630563213397497062819489e+2;
        p = p * z + -0.2894211355989563807284660366e+4;
        p = p * z + -0.8991272022039509355398013511e+5;
        p = p * z + -0.6307673640497716991184787251e+6;
        double q = z + -0.173678953558233699533450911e+3;
        q = q * z + 0.1521517378790019070696485176e+5;
        q = q * z + -0.6307673640497716991212077277e+6;
        y = p * positive / q;
    }
    return signbit(x) ? -y : y;
}

double go_cosh(double x)
{
    double positive = fabs(x), e = go_exp(positive);
    return positive > 21 ? e * 0.5 : (e + 1 / e) * 0.5;
}

double go_tanh(double x)
{
    double positive = fabs(x);
    if (positive > 0.5 * 8.8029691931113054295988e+01)
        return x < 0 ? -1 : 1;
    if (positive >= 0.625) {
        double y = 1 - 2 / (go_exp(2 * positive) + 1);
        return x < 0 ? -y : y;
    }
    if (x == 0)
        return x;
    double z = x * x;
    double p = -9.64399179425052238628e-1;
    p = p * z + -9.92877231001918586564e1;
    p = p * z + -1.61468768441708447952e3;
    double q = z + 1.12811678491632931402e2;
    q = q * z + 2.23548839060100448583e3;
    q = q * z + 4.84406305325125486048e3;
    return x + x * z * p / q;
}

/* ---- their inverses */

/* 1 + x as 2^k (1 + f) with 1 + f near 1, and what rounding lost of it. */
struct split {
    double f, lost;
    int k;
    bool is_tiny; /* |f| < 2^-20 */
};

static struct split split(double x)
{
    static const double sqrt2_m1 = 4.142135623730950488017e-01,
                        sqrt2_half_m1 = -2.928932188134524755992e-01;
    if (fabs(x) < sqrt2_m1 && x > sqrt2_half_m1)
        return (struct split){.f = x};
    struct split s = {0};
    double u = x;
    if (fabs(x) < 9007199254740992.0)
        u = 1.0 + x;
    uint64_t bits = bits_of(u);
    s.k = (int)(bits >> 52) - 1023;
    if (fabs(x) < 9007199254740992.0)
        s.lost = (s.k > 0 ? 1.0 - (u - x) : x - (u - 1.0)) / u;
    bits &= (UINT64_C(1) << 52) - 1;
    if (bits < UINT64_C(0x0006A09E667F3BCD)) { /* below the square root of 2 */
        s.f = double_of(bits | UINT64_C(0x3FF0000000000000)) - 1.0;
    } else {
        s.k++;
        s.f = double_of(bits | UINT64_C(0x3FE0000000000000)) - 1.0;
        bits = ((UINT64_C(1) << 52) - bits) >> 2;
    }
    s.is_tiny = bits == 0;
    return s;
}

/* ln(1 + x), -1 < x < +Inf */
static double log1p_(double x)
{
    static const double ln2_hi = 6.93147180369123816490e-01, ln2_lo = 1.90821492927058770002e-10;
    if (fabs(x) < 0x1p-29)
        return fabs(x) < 0x1p-54 ? x : x - x * x * 0.5;
    struct split s = split(x);
    double f = s.f, k = s.k, half_square = 0.5 * f * f;
    if (s.is_tiny) {
        if (f == 0)
            return k == 0 ? 0 : k * ln2_hi + (s.lost + k * ln2_lo);
        double r = half_square * (1.0 - 0.66666666666666666 * f);
        return k == 0 ? f - r : k * ln2_hi - ((r - (k * ln2_lo + s.lost)) - f);
    }
    double q = f / (2.0 + f), z = q * q;
    double r = 1.479819860511658591e-01;
    r = 1.531383769920937332e-01 + z * r;
    r = 1.818357216161805012e-01 + z * r;
    r = 2.222219843214978396e-01 + z * r;
    r = 2.857142874366239149e-01 + z * r;
    r = 3.999999999940941908e-01 + z * r;
    r = 6.666666666666735130e-01 + z * r;
    r = z * r;
    if (k == 0)
        return f - (half_square - q * (half_square + r));
    return k * ln2_hi - ((half_square - (q * (half_square + r) + (k * ln2_lo + s.lost))) - f);
}

double go_asinh(double x)
{
    double positive = fabs(x), y;
    if (isnan(x) || isinf(x))
        return x;
    if (positive > 0x1p28)
        y = go_ln(positive) + M_LN2;
    else if (positive > 2)
        y = go_ln(2 * positive + 1 / (sqrt(positive * positive + 1) + positive));
    else if (positive < 0x1p-28)
        y = positive;
    else
        y = log1p_(positive + positive * positive / (1 + sqrt(1 + positive * positive)));
    return signbit(x) ? -y : y;
}

double go_acosh(double x)
{
    if (!(x >= 1))
        return double_of(NAN_BITS);
    if (x == 1)
        return 0;
    if (x >= 0x1p28)
        return go_ln(x) + M_LN2;
    if (x > 2)
        return go_ln(2 * x - 1 / (x + sqrt(x * x - 1)));
    double t = x - 1;
    return log1p_(t + sqrt(2 * t + t * t));
}

double go_atanh(double x)
{
    double positive = fabs(x), y;
    if (!(positive <= 1))
        return double_of(NAN_BITS);
    if (positive == 1)
        return copysign(INFINITY, x);
    if (positive < 0x1p-28)
        y = positive;
    else if (positive < 0.5)
        y = 0.5 * log1p_(2 * positive + 2 * positive * positive / (1 - positive));
    else
        y = 0.5 * log1p_(2 * positive / (1 - positive));
    return signbit(x) ? -y : y;
}
