/* Points in time as people and files write them. Dates are the proleptic Gregorian calendar,
 * without leap seconds, as Go's. */
#include "base/time.h"

#include "base/ascii.h"
#include "base/checked.h"
#include "base/duration.h"

#include <stdio.h>
#include <time.h>

static const int64_t DAY_MS = 86400000;

static enum ampql_code refuse(struct str text, const char *why, struct ampql_error *err)
{
    char quoted[320];
    return fail(err, AMPQL_BAD_DATA, "not a valid time: %s: %s",
                quote_clipped(quoted, sizeof quoted, text), why);
}

static enum ampql_code refuse_range(struct str text, struct ampql_error *err)
{
    return refuse(text, "out of range, expected the years 1 to 9999", err);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Years are counted from March, so that the leap day is the last of its year;
 * then the days before month m are (153 m + 2) / 5. */
int64_t time_days(int64_t year, int64_t month, int64_t day)
{
    int64_t m = (month + 9) % 12, y = year - (month <= 2);
    int64_t era = floor_div(y, 400), of_era = y - era * 400;
    int64_t day_of_year = (153 * m + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719468;
}

void time_date(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t shifted = days + 719468; /* from 0000-03-01 */
    int64_t era = floor_div(shifted, 146097), d = shifted - era * 146097;
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t day_of_year = d - (365 * y + y / 4 - y / 100), m = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = era * 400 + y + (*month <= 2);
}

/* ndigits digits at *at; false when there are fewer. */
static bool read_digits(struct str text, size_t *at, size_t ndigits, int64_t *out)
{
    int64_t v = 0;
    for (size_t i = 0; i < ndigits; i++, (*at)++) {
        if (*at >= text.n || !is_digit(text.p[*at]))
            return false;
        v = v * 10 + (text.p[*at] - '0');
    }
    *out = v;
    return true;
}

static bool read_char(struct str text, size_t *at, char c)
{
    return *at < text.n && text.p[*at] == c && ++*at;
}

/* date := yyyy "-" mm "-" dd */
static const char *read_date(struct str text, size_t *at, int64_t *days)
{
    int64_t year, month, day;
    if (!read_digits(text, at, 4, &year) || !read_char(text, at, '-') ||
        !read_digits(text, at, 2, &month) || !read_char(text, at, '-') ||
        !read_digits(text, at, 2, &day))
        return "expected a date such as 2024-02-29";
    if (month < 1 || month > 12)
        return "the month is not 01 to 12";
    if (day < 1 || day > days_in_month(year, month))
        return "the month has no such day";
    *days = time_days(year, month, day);
    return NULL;
}

/* clock := hh ":" mm ":" ss ["." digit+]; digits after the third are cut off, as Prometheus does */
static const char *read_clock(struct str text, size_t *at, int64_t *ms)
{
    int64_t hour, minute, second, fraction = 0;
    if (!read_digits(text, at, 2, &hour) || !read_char(text, at, ':') ||
        !read_digits(text, at, 2, &minute) || !read_char(text, at, ':') ||
        !read_digits(text, at, 2, &second))
        return "expected a time of day such as 12:00:00";
    if (hour > 23)
        return "the hour is not 00 to 23";
    if (minute > 59)
        return "the minute is not 00 to 59";
    if (second > 59)
        return "the second is not 00 to 59";
    if (read_char(text, at, '.')) {
        if (*at >= text.n || !is_digit(text.p[*at]))
            return "expected digits after the point";
        for (int64_t weight = 100; *at < text.n && is_digit(text.p[*at]); weight /= 10, (*at)++)
            fraction += weight * (text.p[*at] - '0');
    }
    *ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    return NULL;
}

/* zone := "Z" | ("+"|"-") hh ":" mm */
static const char *read_zone(struct str text, size_t *at, int64_t *ms)
{
    static const char *expected = "expected a zone, Z or such as +02:00";
    int64_t hour, minute, sign = 1;
    *ms = 0;
    if (read_char(text, at, 'Z') || read_char(text, at, 'z'))
        return NULL;
    if (read_char(text, at, '-'))
        sign = -1;
    else if (!read_char(text, at, '+'))
        return expected;
    if (!read_digits(text, at, 2, &hour) || !read_char(text, at, ':') ||
        !read_digits(text, at, 2, &minute))
        return expected;
    if (hour > 23 || minute > 59)
        return "the zone is not within 23:59 of UTC";
    *ms = sign * (hour * 60 + minute) * 60000;
    return NULL;
}

/* rfc3339 := date ("T"|"t"|" ") clock zone */
static enum ampql_code parse_rfc3339(struct str text, int64_t *out, struct ampql_error *err)
{
    int64_t days, clock_ms, zone_ms;
    size_t at = 0;
    const char *why = read_date(text, &at, &days);
    if (!why && !read_char(text, &at, 'T') && !read_char(text, &at, 't') &&
        !read_char(text, &at, ' '))
        why = "expected T and a time of day after the date";
    if (!why)
        why = read_clock(text, &at, &clock_ms);
    if (!why)
        why = read_zone(text, &at, &zone_ms);
    if (!why && at < text.n)
        why = "expected nothing after the zone";
    if (why)
        return refuse(text, why, err);

    int64_t ms = days * DAY_MS + clock_ms - zone_ms;
    if (ms < TIME_FIRST_MS || ms > TIME_LAST_MS)
        return refuse_range(text, err);
    *out = ms;
    return AMPQL_OK;
}

/* now := "now" [("+"|"-") duration] */
static enum ampql_code parse_now(struct str text, int64_t now, int64_t *out,
                                 struct ampql_error *err)
{
    int64_t delta_ms = 0, ms;
    if (text.n > 3) {
        if (text.p[3] != '+' && text.p[3] != '-')
            return refuse(text, "expected + or - and a duration after now", err);
        TRY(duration_parse_loose(str_from(text, 4), &delta_ms, err));
        if (text.p[3] == '-')
            delta_ms = -delta_ms;
    }
    if (!checked_add(now, delta_ms, &ms) || ms < TIME_FIRST_MS || ms > TIME_LAST_MS)
        return refuse_range(text, err);
    *out = ms;
    return AMPQL_OK;
}

enum ampql_code time_parse(struct str text, int64_t now, int64_t *out, struct ampql_error *err)
{
    if (text.n == 0)
        return fail(err, AMPQL_BAD_DATA, "empty time");
    if (str_has_prefix(text, STR("now")))
        return parse_now(text, now, out, err);
    if (text.n > 4 && is_digit(text.p[0]) && text.p[4] == '-')
        return parse_rfc3339(text, out, err);

    int64_t ms;
    struct str digits = text;
    if (text.p[0] == '+' || text.p[0] == '-')
        digits = str_from(text, 1);
    if (time_parse_seconds(text, &ms)) {
        if (ms < TIME_FIRST_MS || ms > TIME_LAST_MS)
            return refuse_range(text, err);
        *out = ms;
        return AMPQL_OK;
    }
    for (size_t i = 0; i < digits.n; i++)
        if (!is_digit(digits.p[i]))
            return refuse(text, "expected RFC 3339, Unix seconds, now, or now-1h", err);
    return digits.n ? refuse_range(text, err) : refuse(text, "expected digits after the sign", err);
}

/* A decimal taken apart: digits with the point left out, and the place of the point. */
struct decimal {
    struct str whole, fraction;
    int64_t exponent;
    bool is_negative;
};

static struct str take_digits(struct str text, size_t *at)
{
    size_t start = *at;
    while (*at < text.n && is_digit(text.p[*at]))
        ++*at;
    return str_make(text.p + start, *at - start);
}

/* decimal := ["+"|"-"] digits ["." digits] ["e" ["+"|"-"] digit+], at least one digit */
static bool split_decimal(struct str text, struct decimal *out)
{
    size_t at = 0;
    *out = (struct decimal){.is_negative = read_char(text, &at, '-')};
    if (!out->is_negative)
        read_char(text, &at, '+');
    out->whole = take_digits(text, &at);
    if (read_char(text, &at, '.'))
        out->fraction = take_digits(text, &at);
    if (out->whole.n + out->fraction.n == 0)
        return false;
    if (read_char(text, &at, 'e') || read_char(text, &at, 'E')) {
        bool is_negative = read_char(text, &at, '-');
        if (!is_negative)
            read_char(text, &at, '+');
        struct str digits = take_digits(text, &at);
        if (digits.n == 0)
            return false;
        for (size_t i = 0; i < digits.n && out->exponent < INT64_C(1) << 50; i++)
            out->exponent = out->exponent * 10 + (digits.p[i] - '0');
        if (is_negative)
            out->exponent = -out->exponent;
    }
    return at == text.n;
}

static int digit_at(const struct decimal *d, size_t i)
{
    if (i < d->whole.n)
        return d->whole.p[i] - '0';
    i -= d->whole.n;
    return i < d->fraction.n ? d->fraction.p[i] - '0' : 0;
}

bool time_parse_seconds(struct str text, int64_t *out)
{
    struct decimal d;
    if (!split_decimal(text, &d))
        return false;
    size_t ndigits = d.whole.n + d.fraction.n;
    int64_t kept = (int64_t)d.whole.n + d.exponent + 3; /* digits that are whole milliseconds */
    int64_t ms = 0;
    for (int64_t i = 0; i < kept; i++) {
        if (ms == 0 && (size_t)i >= ndigits)
            break; /* nothing but zeros */
        if (!checked_mul(ms, 10, &ms) || !checked_sub(ms, digit_at(&d, (size_t)i), &ms))
            return false;
    }
    if (kept >= 0 && digit_at(&d, (size_t)kept) >= 5 && !checked_sub(ms, 1, &ms))
        return false;
    /* summed below zero, where there is room for INT64_MIN */
    return d.is_negative ? (*out = ms, true) : checked_sub(0, ms, out);
}

bool time_parse_ms(struct str text, int64_t *out)
{
    bool is_negative = text.n && *text.p == '-';
    int64_t ms = 0;
    if (text.n == is_negative)
        return false;
    for (size_t i = is_negative; i < text.n;
         i++) /* below zero, where there is room for INT64_MIN */
        if (!is_digit(text.p[i]) || !checked_mul(ms, 10, &ms) ||
            !checked_sub(ms, text.p[i] - '0', &ms))
            return false;
    return is_negative ? (*out = ms, true) : checked_sub(0, ms, out);
}

size_t time_format(int64_t ms, char *out)
{
    int64_t days = floor_div(ms, DAY_MS), year, month, day;
    int64_t rest = ms % DAY_MS + (ms % DAY_MS < 0 ? DAY_MS : 0);
    time_date(days, &year, &month, &day);
    int hour = (int)(rest / 3600000), minute = (int)(rest / 60000 % 60);
    int second = (int)(rest / 1000 % 60), fraction = (int)(rest % 1000);
    int n = snprintf(out, TIME_TEXT_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)year,
                     (int)month, (int)day, hour, minute, second);
    if (fraction)
        n += snprintf(out + n, (size_t)(TIME_TEXT_MAX - n), ".%03d", fraction);
    n += snprintf(out + n, (size_t)(TIME_TEXT_MAX - n), "Z");
    return (size_t)n;
}

static int64_t read_clock_ms(clockid_t clock)
{
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t time_now(void)
{
    return read_clock_ms(CLOCK_REALTIME);
}

int64_t time_monotonic(void)
{
    return read_clock_ms(CLOCK_MONOTONIC);
}
