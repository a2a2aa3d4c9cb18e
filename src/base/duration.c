/* Prometheus's durations, in and out. */
#include "base/duration.h"

#include "base/ascii.h"
#include "base/checked.h"
#include "base/number.h"

#include <math.h>

struct unit {
    const char *name;
    int64_t ms;
};

/* Largest first: the order in which they may follow each other. */
static const struct unit units[] = {
    {"y", INT64_C(31536000000)},
    {"w", 604800000},
    {"d", 86400000},
    {"h", 3600000},
    {"m", 60000},
    {"s", 1000},
    {"ms", 1},
};
enum { NUNITS = sizeof units / sizeof *units };

/* Go counts in nanoseconds. */
static const int64_t max_ms = INT64_MAX / 1000000;

static enum ampql_code not_valid(struct str text, struct ampql_error *err)
{
    return fail_quote(err, AMPQL_BAD_DATA, "not a valid duration string", text);
}

static enum ampql_code unknown_unit(struct str unit, struct str text, struct ampql_error *err)
{
    char quoted_unit[320], quoted[320];
    return fail(err, AMPQL_BAD_DATA, "unknown unit %s in duration %s",
                quote_clipped(quoted_unit, sizeof quoted_unit, unit),
                quote_clipped(quoted, sizeof quoted, text));
}

static size_t find_unit(struct str name)
{
    size_t i = 0;
    while (i < NUNITS && !str_equal(name, str_of(units[i].name)))
        i++;
    return i;
}

/* duration := (digit+ unit)+ */
enum ampql_code duration_parse(struct str text, int64_t *out, struct ampql_error *err)
{
    if (text.n == 0)
        return fail(err, AMPQL_BAD_DATA, "empty duration string");

    int64_t sum = 0;
    size_t next_unit = 0; /* the largest that may still come */
    for (size_t i = 0; i < text.n;) {
        if (!is_digit(text.p[i]))
            return not_valid(text, err);
        uint64_t count = 0;
        for (; i < text.n && is_digit(text.p[i]); i++)
            if (__builtin_mul_overflow(count, 10, &count) ||
                __builtin_add_overflow(count, (uint64_t)(text.p[i] - '0'), &count))
                return not_valid(text, err);

        size_t start = i;
        while (i < text.n && !is_digit(text.p[i]))
            i++;
        if (i == start)
            return not_valid(text, err);
        struct str name = str_make(text.p + start, i - start);
        size_t unit = find_unit(name);
        if (unit == NUNITS)
            return unknown_unit(name, text, err);
        if (unit < next_unit)
            return not_valid(text, err);
        next_unit = unit + 1;

        int64_t ms;
        if (count > INT64_MAX || !checked_mul((int64_t)count, units[unit].ms, &ms) ||
            !checked_add(sum, ms, &sum) || sum > max_ms)
            return fail(err, AMPQL_BAD_DATA, "duration out of range");
    }
    *out = sum;
    return AMPQL_OK;
}

enum ampql_code duration_parse_loose(struct str text, int64_t *out, struct ampql_error *err)
{
    double seconds;
    if (!number_parse(text, &seconds) || isnan(seconds))
        return duration_parse(text, out, err);
    if (seconds < 0)
        return fail_quote(err, AMPQL_BAD_DATA, "duration must not be negative", text);
    if (seconds * 1000 > (double)max_ms)
        return fail(err, AMPQL_BAD_DATA, "duration out of range");
    *out = (int64_t)round(seconds * 1000);
    return AMPQL_OK;
}

size_t duration_format(int64_t ms, char *out)
{
    size_t at = 0;
    if (ms <= 0) {
        memcpy(out, "0s", 3);
        return 2;
    }
    for (size_t i = 0; i < NUNITS; i++) {
        /* years and weeks only when they are all of it: "1y1d" is printed as "366d" */
        bool is_exact = ms % units[i].ms == 0;
        int64_t count = ms / units[i].ms;
        if (count == 0 || (i < 2 && !is_exact))
            continue;
        char digits[20];
        size_t n = 0;
        for (int64_t rest = count; rest; rest /= 10)
            digits[n++] = (char)('0' + rest % 10);
        while (n)
            out[at++] = digits[--n];
        for (const char *name = units[i].name; *name; name++)
            out[at++] = *name;
        ms -= count * units[i].ms;
    }
    out[at] = '\0';
    return at;
}
