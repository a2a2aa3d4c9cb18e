/* Any text: read exactly when it is spelled as Go's ParseFloat wants it and is in range, and then
 * to the bits that strtod finds. Any double: written with no more digits than needed, in both
 * forms, and read back to its bits. Any time in ms: written as seconds and read back. */
#include "base/double.h"
#include "base/number.h"
#include "base/time.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void require(bool claim)
{
    if (!claim)
        abort();
}

/* [sign] ("inf"|"infinity") | "nan" | [sign] digits, or [sign] "0x" hexdigits and a p exponent;
 * without underscores */
static bool is_spelled_well(const char *s)
{
    if (strcasecmp(s, "nan") == 0)
        return true;
    s += *s == '+' || *s == '-';
    if (strcasecmp(s, "inf") == 0 || strcasecmp(s, "infinity") == 0)
        return true;
    bool is_hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X'), has_exponent = false;
    size_t ndigits = 0, npoints = 0;
    for (s += is_hex ? 2 : 0; *s; s++) {
        if (*s == '.')
            npoints++;
        else if (is_hex ? isxdigit((unsigned char)*s) : isdigit((unsigned char)*s))
            ndigits++;
        else
            break;
    }
    if (ndigits == 0 || npoints > 1)
        return false;
    if (*s && strchr(is_hex ? "pP" : "eE", *s)) {
        has_exponent = true;
        s++;
        s += *s == '+' || *s == '-';
        if (!isdigit((unsigned char)*s))
            return false;
        while (isdigit((unsigned char)*s))
            s++;
    }
    return *s == '\0' && (has_exponent || !is_hex);
}

/* Take out the underscores that stand between digits, or behind "0x". */
static void drop_underscores(char *text)
{
    char *to = text;
    const char *number = text + (*text == '+' || *text == '-');
    bool is_hex = number[0] == '0' && (number[1] | 0x20) == 'x', was_digit = false;
    for (const char *s = text; *s; s++) {
        unsigned char next = (unsigned char)s[1];
        bool is_inside = was_digit || (is_hex && s == number + 2);
        if (*s == '_' && is_inside && (is_hex ? isxdigit(next) : isdigit(next)))
            continue;
        was_digit = is_hex ? isxdigit((unsigned char)*s) : isdigit((unsigned char)*s);
        *to++ = *s;
    }
    *to = '\0';
}

static void check_reading(char *text, size_t n)
{
    enum { UNDERSCORED_MAX = 2048 };
    double v = 0;
    if (n > UNDERSCORED_MAX && memchr(text, '_', n))
        return;
    bool is_read = number_parse(str_make(text, n), &v), is_whole = strlen(text) == n;
    drop_underscores(text);
    if (!is_whole || !is_spelled_well(text)) {
        require(!is_read);
        return;
    }
    double expected = strtod(text, NULL);
    bool is_infinite = strchr("iI", text[strspn(text, "+-")]) != NULL;
    require(is_read == (is_infinite || !isinf(expected)));
    if (is_read && isnan(expected))
        require(bits_of(v) == UINT64_C(0x7FF8000000000001));
    else if (is_read)
        require(bits_of(v) == bits_of(expected));
}

/* Digits from the first to the last that is not 0, before any exponent. */
static size_t significant(const char *text)
{
    size_t n = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text >= '1' && *text <= '9') {
            n += zeros + 1;
            zeros = 0;
        } else if (*text == '0' && n) {
            zeros++;
        }
    }
    return n;
}

static void check_writing(double v)
{
    char text[NUMBER_MAX], fixed[NUMBER_MAX], reference[64];
    double back = 0;
    size_t n = number_format(v, text), nfixed = number_format_fixed(v, fixed);
    require(n == strlen(text) && nfixed == strlen(fixed));
    require(number_parse(str_make(text, n), &back));
    if (isnan(v)) {
        require(strcmp(text, "NaN") == 0 && strcmp(fixed, text) == 0);
        return;
    }
    require(bits_of(back) == bits_of(v));
    require(number_parse(str_make(fixed, nfixed), &back) && bits_of(back) == bits_of(v));
    if (isinf(v))
        return;
    bool has_exponent = v != 0 && (fabs(v) < 1e-6 || fabs(v) >= 1e21);
    require((strchr(text, 'e') != NULL) == has_exponent && !strchr(fixed, 'e'));
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(reference, sizeof reference, "%.*e", digits - 1, v);
        if (bits_of(strtod(reference, NULL)) == bits_of(v))
            break;
    }
    /* fewer at powers of two, where a neighbour below is nearer and the rounded one may not do */
    require(significant(text) <= significant(reference) && significant(fixed) == significant(text));
}

static void check_time(int64_t ms)
{
    char text[NUMBER_MAX];
    int64_t back = 0;
    size_t n = number_format_seconds(ms, text);
    require(n == strlen(text) && time_parse_seconds(str_make(text, n), &back) && back == ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    check_reading(text, size);
    free(text);
    if (size >= 8) {
        double v;
        int64_t ms;
        memcpy(&v, data, sizeof v);
        memcpy(&ms, data, sizeof ms);
        check_writing(v);
        check_writing((double)ms);
        check_writing((double)(ms % 1000000) / 1000);
        check_time(ms);
        check_time(ms >> 20);
    }
    return 0;
}
