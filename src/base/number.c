/* Numbers as text: Go's spelling in and out, over C++17's from_chars and to_chars. */
#include "base/number.h"

#include "base/ascii.h"
#include "base/cxx.h"
#include "base/double.h"

#include <math.h>
#include <stdio.h>

enum { UNDERSCORED_MAX = 2048 };

static bool equals_folded(struct str text, const char *lower)
{
    size_t i = 0;
    for (; i < text.n && lower[i]; i++)
        if ((text.p[i] | 0x20) != lower[i])
            return false;
    return i == text.n && lower[i] == '\0';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* from_chars says "out of range" for both ends. Such a number is over 1e308 or below 1e-323, so the
 * place of its first digit other than 0 tells which. */
static bool is_large(struct str digits, bool is_hex)
{
    const char marker = is_hex ? 'p' : 'e';
    const int64_t weight = is_hex ? 4 : 1;
    int64_t place = 0, exponent = 0;
    bool seen_point = false, seen_digit = false;
    size_t i = 0;
    for (; i < digits.n && (digits.p[i] | 0x20) != marker; i++) {
        if (digits.p[i] == '.') {
            seen_point = true;
        } else {
            seen_digit |= digits.p[i] != '0';
            if (seen_point ? !seen_digit : seen_digit)
                place += seen_point ? -weight : weight;
        }
    }
    bool is_negative = i + 1 < digits.n && digits.p[i + 1] == '-';
    for (i++; i < digits.n; i++)
        if (is_digit(digits.p[i]) && exponent < INT64_C(1) << 50)
            exponent = exponent * 10 + (digits.p[i] - '0');
    return place + (is_negative ? -exponent : exponent) > 0;
}

/* hex := digits ["." digits] "p" ["+"|"-"] digit+, with at least one digit before the p; Go wants
 * the exponent, from_chars does not */
static bool is_hex_float(struct str text)
{
    size_t i = 0, ndigits = 0, npoints = 0;
    for (; i < text.n; i++) {
        if (text.p[i] == '.')
            npoints++;
        else if (hex_value(text.p[i]) >= 0)
            ndigits++;
        else
            break;
    }
    if (ndigits == 0 || npoints > 1 || i == text.n || (text.p[i] | 0x20) != 'p')
        return false;
    i++;
    if (i < text.n && (text.p[i] == '+' || text.p[i] == '-'))
        i++;
    return i < text.n && is_digit(text.p[i]);
}

static bool parse_unsigned(struct str text, double *out)
{
    bool is_hex = text.n > 2 && text.p[0] == '0' && (text.p[1] | 0x20) == 'x';
    if (is_hex) {
        text = str_from(text, 2);
        if (!is_hex_float(text))
            return false;
    } else if (text.n == 0 || !(is_digit(text.p[0]) || text.p[0] == '.')) {
        return false; /* from_chars would take "nan(1)" */
    }

    enum cxx_range range = CXX_IN_RANGE;
    double v = 0;
    if (cxx_number_parse(text.p, text.n, is_hex, &v, &range) != text.n)
        return false;
    if (range == CXX_OUT_OF_RANGE) {
        if (is_large(text, is_hex))
            return false;
        v = 0;
    }
    if (isinf(v))
        return false;
    *out = v;
    return true;
}

bool number_underscores_fit(struct str text)
{
    bool is_hex = text.n > 1 && text.p[0] == '0' && (text.p[1] | 0x20) == 'x';
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '_')
            continue;
        bool after =
            i > 0 && (is_hex ? hex_value(text.p[i - 1]) >= 0 || i == 2 : is_digit(text.p[i - 1]));
        bool before =
            i + 1 < text.n && (is_hex ? hex_value(text.p[i + 1]) >= 0 : is_digit(text.p[i + 1]));
        if (!after || !before)
            return false;
    }
    return true;
}

/* 1_000.5 */
static bool parse_underscored(struct str text, double *out)
{
    char plain[UNDERSCORED_MAX];
    size_t n = 0;
    if (text.n > sizeof plain || !number_underscores_fit(text))
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '_')
            plain[n++] = text.p[i];
    return parse_unsigned(str_make(plain, n), out);
}

bool number_parse(struct str text, double *out)
{
    if (equals_folded(text, "nan")) {
        *out = double_of(NAN_BITS);
        return true;
    }
    bool is_negative = text.n && text.p[0] == '-';
    if (is_negative || (text.n && text.p[0] == '+'))
        text = str_from(text, 1);
    double v;
    if (equals_folded(text, "inf") || equals_folded(text, "infinity"))
        v = INFINITY;
    else if (text.n && memchr(text.p, '_', text.n) ? !parse_underscored(text, &v)
                                                   : !parse_unsigned(text, &v))
        return false;
    *out = is_negative ? -v : v;
    return true;
}

static size_t put_text(char *out, const char *text)
{
    size_t n = strlen(text);
    memcpy(out, text, n + 1);
    return n;
}

static void put_pair(char *out, unsigned v)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    memcpy(out, pairs + 2 * v, 2);
}

static size_t put_unsigned(char *out, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    for (; v >= 100; v /= 100)
        put_pair(digits + (at -= 2), (unsigned)(v % 100));
    if (v >= 10)
        put_pair(digits + (at -= 2), (unsigned)v);
    else
        digits[--at] = (char)('0' + v);
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

/* Most fractions were written by people: six decimals say them exactly. A decimal of up to 15
 * digits that reads as v is the only such one, and so the shortest. 0: v is not of these. */
static size_t put_decimal(char *out, double v)
{
    const double scale = 1e6;
    enum { DECIMALS = 6 };
    if (!(v >= 1e-6 && v < 1e9))
        return 0;
    uint64_t scaled = (uint64_t)(v * scale + 0.5);
    if ((double)scaled / scale != v)
        return 0;
    size_t at = put_unsigned(out, scaled / 1000000);
    unsigned fraction = (unsigned)(scaled % 1000000);
    out[at++] = '.';
    put_pair(out + at, fraction / 10000);
    put_pair(out + at + 2, fraction / 100 % 100);
    put_pair(out + at + 4, fraction % 100);
    at += DECIMALS;
    while (out[at - 1] == '0')
        at--;
    return at;
}

/* Lay digits [n] (the first has weight 10^exponent) out without an exponent. */
static size_t put_fixed(char *out, const char *digits, size_t n, int exponent)
{
    size_t at = 0;
    if (exponent < 0) {
        out[at++] = '0';
        out[at++] = '.';
        for (int i = -1; i > exponent; i--)
            out[at++] = '0';
        memcpy(out + at, digits, n);
        return at + n;
    }
    size_t whole = (size_t)exponent + 1;
    for (size_t i = 0; i < whole; i++)
        out[at++] = i < n ? digits[i] : '0';
    if (n > whole) {
        out[at++] = '.';
        memcpy(out + at, digits + whole, n - whole);
        at += n - whole;
    }
    return at;
}

static size_t format(double v, bool may_use_exponent, char *out)
{
    if (isnan(v))
        return put_text(out, "NaN");
    if (isinf(v))
        return put_text(out, v > 0 ? "+Inf" : "-Inf");
    size_t at = 0;
    if (signbit(v)) {
        out[at++] = '-';
        v = -v;
    }
    if (v < 1e15 &&
        v == (double)(uint64_t)v) { /* up to here an integer's digits are the shortest */
        at += put_unsigned(out + at, (uint64_t)v);
        out[at] = '\0';
        return at;
    }
    size_t n = put_decimal(out + at, v);
    if (n == 0 && v >= 1e-6 && v < 1e15)
        n = cxx_number_format_fixed(v, out + at);
    if (n > 0) {
        out[at + n] = '\0';
        return at + n;
    }

    char text[32], digits[32];
    size_t ndigits = 0, i = 0;
    n = cxx_number_format(v, text);
    for (; i < n && text[i] != 'e'; i++)
        if (text[i] != '.')
            digits[ndigits++] = text[i];
    if (may_use_exponent && (v < 1e-6 || v >= 1e21)) {
        memcpy(out + at, text, n); /* to_chars lays it out as Go does */
        at += n;
    } else {
        int exponent = 0;
        bool is_negative = text[i + 1] == '-';
        for (i += 2; i < n; i++)
            exponent = exponent * 10 + (text[i] - '0');
        at += put_fixed(out + at, digits, ndigits, is_negative ? -exponent : exponent);
    }
    out[at] = '\0';
    return at;
}

size_t number_format(double v, char *out)
{
    return format(v, true, out);
}

size_t number_format_fixed(double v, char *out)
{
    return format(v, false, out);
}

size_t number_format_general(double v, char *out)
{
    double size = fabs(v);
    if (!isfinite(v) || v == 0 || (size >= 1e-4 && size < 1e6))
        return format(v, false, out);
    size_t at = 0;
    if (v < 0)
        out[at++] = '-';
    at += cxx_number_format(size, out + at);
    out[at] = '\0';
    return at;
}

size_t number_format_two(double v, char *out)
{
    char text[32], digits[2];
    size_t n = 2, at = 0;
    if (!isfinite(v) || v == 0)
        return format(v, false, out);
    snprintf(text, sizeof text, "%.1e", fabs(v)); /* the point between the digits is the locale's */
    const char *e = strchr(text, 'e');
    digits[0] = text[0];
    digits[1] = e[-1];
    if (digits[1] == '0')
        n = 1;
    bool is_small = e[1] == '-';
    int exponent = 0;
    for (const char *c = e + 2; *c; c++)
        exponent = exponent * 10 + (*c - '0');
    if (v < 0)
        out[at++] = '-';
    if (is_small ? exponent <= 4 : exponent < 2) {
        at += put_fixed(out + at, digits, n, is_small ? -exponent : exponent);
    } else {
        out[at++] = digits[0];
        if (n > 1) {
            out[at++] = '.';
            out[at++] = digits[1];
        }
        at += put_text(out + at, e);
    }
    out[at] = '\0';
    return at;
}

size_t number_format_seconds(int64_t ms, char *out)
{
    size_t at = 0;
    uint64_t magnitude = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
    if (ms < 0)
        out[at++] = '-';
    at += put_unsigned(out + at, magnitude / 1000);
    unsigned fraction = (unsigned)(magnitude % 1000);
    if (fraction) {
        out[at++] = '.';
        out[at++] = (char)('0' + fraction / 100);
        out[at++] = (char)('0' + fraction / 10 % 10);
        out[at++] = (char)('0' + fraction % 10);
    }
    out[at] = '\0';
    return at;
}
