/* Samples in the form that servers write: digits are read eight at a time, and a decimal of up to
 * 2^53 over a power of ten that is exact takes one division, which rounds as the library does. */
#include "base/json_sample.h"

#include "base/ascii.h"
#include "base/bytes.h"
#include "base/number.h"

#include <string.h>

enum { MAX_SECONDS = 12, MAX_DIGITS = 19, MAX_POWER = 22, MAX_VALUE = 64 };

static const double power10[MAX_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Of a number being read: its digits so far, without a point, and how many they are. */
struct digits {
    uint64_t w; /* means something while n <= MAX_DIGITS */
    size_t n;
};

/* Bytes of x, low ones first, less '0': how many are 0 to 9 before the first that is not. A byte
 * that is not may carry into those above it only. */
static size_t count_digits(uint64_t x)
{
    uint64_t others = ((x + UINT64_C(0x7676767676767676)) | x) & UINT64_C(0x8080808080808080);
    return others ? (size_t)__builtin_ctzll(others) / 8 : 8;
}

/* The n low bytes of x, 1 to 8, as a decimal number: pairs, fours and eights are joined at once. */
static uint64_t join_digits(uint64_t x, size_t n)
{
    x <<= 64 - 8 * n;
    x = x * 10 + (x >> 8);
    x = (x & UINT64_C(0x00ff00ff00ff00ff)) * (1 + (UINT64_C(100) << 16)) >> 16;
    return (x & UINT64_C(0x0000ffff0000ffff)) * (1 + (UINT64_C(10000) << 32)) >> 32;
}

/* The digits at p, at most three eights of them. */
static inline __attribute__((always_inline)) const char *take_digits(const char *p,
                                                                     struct digits *d)
{
    static const uint64_t shift[9] = {1,      10,      100,      1000,     10000,
                                      100000, 1000000, 10000000, 100000000};
    for (int eights = 0; eights < 3; eights++) {
        uint64_t x = le_load64(p) ^ UINT64_C(0x3030303030303030);
        size_t n = count_digits(x);
        if (n == 0)
            break;
        d->w = d->w * shift[n] + join_digits(x, n);
        d->n += n;
        p += n;
        if (n < 8)
            break;
    }
    return p;
}

/* Ten digits of seconds, and three of milliseconds or none: as all is at known places, nothing
 * waits for how long something before it is. */
static inline const char *take_usual_time(const char *p, int64_t *t_ms)
{
    uint64_t x = le_load64(p) ^ UINT64_C(0x3030303030303030);
    if (count_digits(x) < 8 || *p == '0' || !is_digit(p[8]) || !is_digit(p[9]))
        return NULL;
    int64_t seconds = (int64_t)join_digits(x, 8) * 100 + (int64_t)(p[8] - '0') * 10 + (p[9] - '0');
    if (p[10] == ',') {
        *t_ms = seconds * 1000;
        return p + 10;
    }
    if (p[10] != '.' || !is_digit(p[11]) || !is_digit(p[12]) || !is_digit(p[13]) || p[14] != ',')
        return NULL;
    *t_ms = seconds * 1000 + (p[11] - '0') * 100 + (p[12] - '0') * 10 + (p[13] - '0');
    return p + 14;
}

static const char *take_time(const char *p, int64_t *t_ms)
{
    static const int64_t ms[4] = {1000, 100, 10, 1};
    struct digits d = {0};
    const char *end = take_digits(p, &d);
    if (d.n == 0 || d.n > MAX_SECONDS || *p == '0')
        return NULL;
    size_t whole = d.n;
    if (*end == '.') {
        end = take_digits(end + 1, &d);
        if (d.n == whole || d.n > whole + 3)
            return NULL;
    }
    *t_ms = (int64_t)d.w * ms[d.n - whole];
    return end;
}

/* A decimal without an exponent, up to its quote, when one division gives it. */
static const char *take_decimal(const char *p, double *v)
{
    struct digits d = {0};
    bool is_negative = *p == '-';
    const char *end = take_digits(p + is_negative, &d);
    size_t whole = d.n;
    if (whole == 0)
        return NULL;
    if (*end == '.') {
        end = take_digits(end + 1, &d);
        if (d.n == whole)
            return NULL;
    }
    if (*end != '"' || d.n > MAX_DIGITS || d.w > UINT64_C(1) << 53)
        return NULL;
    double x = (double)d.w;
    if (d.n > whole)
        x /= power10[d.n - whole];
    *v = is_negative ? -x : x;
    return end;
}

/* Any other number: by the library. */
static const char *take_other(const char *p, double *v)
{
    size_t n = 0;
    while (n < MAX_VALUE && p[n] > ' ' && p[n] < 0x7f && p[n] != '"' && p[n] != '\\')
        n++;
    return p[n] == '"' && number_parse(str_make(p, n), v) ? p + n : NULL;
}

const char *json_scan_sample(const char *p, size_t n, int64_t *t_ms, double *v, struct str *value)
{
    _Static_assert(1 + 3 * 8 + 1 + 3 * 8 + 2 + MAX_VALUE + 2 + 8 <= JSON_SAMPLE_ROOM, "room");
    if (n < JSON_SAMPLE_ROOM || *p != '[')
        return NULL;
    const char *begin = p + 1;
    p = take_usual_time(begin, t_ms);
    if (!p)
        p = take_time(begin, t_ms);
    if (!p || p[0] != ',' || p[1] != '"')
        return NULL;
    p += 2;
    const char *end = take_decimal(p, v);
    if (!end)
        end = take_other(p, v);
    if (!end || end[1] != ']')
        return NULL;
    *value = str_make(p, (size_t)(end - p));
    return end + 2;
}
