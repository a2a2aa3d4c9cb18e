/* Windows as people and OpenCost's API write them. Days, weeks and months are those of UTC; a week
 * begins with Sunday. */
#include "cost/window.h"

#include "base/ascii.h"
#include "base/checked.h"
#include "base/duration.h"
#include "base/time.h"

enum { WEEK_DAYS = 7, DAY_OF_EPOCH = 4 /* 1970-01-01 was a Thursday, counted from Sunday */ };
#define DAY_MS INT64_C(86400000)

struct window {
    int64_t start_ms, end_ms;
};

static int64_t day_of(int64_t ms)
{
    return ms / DAY_MS - (ms % DAY_MS < 0);
}

/* ---- by name */

static int64_t week_of(int64_t day)
{
    int64_t since = (day + DAY_OF_EPOCH) % WEEK_DAYS;
    return day - (since < 0 ? since + WEEK_DAYS : since);
}

/* The first day of the month; of the one before where `day` is such a day less one. */
static int64_t month_of(int64_t day)
{
    int64_t year, month, of_month;
    time_date(day, &year, &month, &of_month);
    return day - (of_month - 1);
}

static bool by_name(struct str text, int64_t now_ms, struct window *out)
{
    int64_t today = day_of(now_ms), week = week_of(today), month = month_of(today);
    const struct {
        const char *name;
        int64_t start_ms, end_ms;
    } rows[] = {{"today", today * DAY_MS, (today + 1) * DAY_MS},
                {"yesterday", (today - 1) * DAY_MS, today * DAY_MS},
                {"week", week * DAY_MS, now_ms},
                {"lastweek", (week - WEEK_DAYS) * DAY_MS, week * DAY_MS},
                {"month", month * DAY_MS, now_ms},
                {"lastmonth", month_of(month - 1) * DAY_MS, month * DAY_MS}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!str_equal(text, str_of(rows[i].name)))
            continue;
        *out = (struct window){rows[i].start_ms, rows[i].end_ms};
        return true;
    }
    return false;
}

/* ---- by length */

/* [0-9]+ ("m" | "h" | "d" | "w"), cut off the text; false when it is none, or out of range. */
static bool read_length(struct str *text, int64_t *length_ms, int64_t *unit_ms)
{
    static const char units[] = "mhdw";
    static const int64_t sizes_ms[] = {60000, 3600000, DAY_MS, WEEK_DAYS * DAY_MS};
    int64_t n = 0;
    size_t i = 0;
    for (; i < text->n && is_digit(text->p[i]); i++)
        if (!checked_mul(n, 10, &n) || !checked_add(n, text->p[i] - '0', &n))
            return false;
    const char *unit = i > 0 && i < text->n ? memchr(units, text->p[i], sizeof units - 1) : NULL;
    if (!unit)
        return false;
    *unit_ms = sizes_ms[unit - units];
    *text = str_from(*text, i + 1);
    return checked_mul(n, *unit_ms, length_ms);
}

/* The last of whole units, up to the end of the one that is now; a week is of days, and ends with
 * today. With an offset, that long before now, and not rounded. */
static bool by_length(struct str text, int64_t now_ms, struct window *out)
{
    int64_t length_ms, unit_ms, offset_ms, offset_unit_ms;
    if (!read_length(&text, &length_ms, &unit_ms))
        return false;
    if (text.n == 0) {
        int64_t round_ms = unit_ms > DAY_MS ? DAY_MS : unit_ms, over_ms = now_ms % round_ms;
        if (over_ms < 0)
            over_ms += round_ms;
        out->end_ms = now_ms + (over_ms ? round_ms - over_ms : 0);
        return checked_sub(out->end_ms, length_ms, &out->start_ms);
    }
    if (!str_has_prefix(text, STR(" offset ")))
        return false;
    text = str_from(text, sizeof " offset " - 1);
    return read_length(&text, &offset_ms, &offset_unit_ms) && text.n == 0 &&
           checked_sub(now_ms, offset_ms, &out->end_ms) &&
           checked_sub(out->end_ms, length_ms, &out->start_ms);
}

/* Any other duration ends now. */
static bool by_duration(struct str text, int64_t now_ms, struct window *out)
{
    int64_t length_ms;
    if (duration_parse(text, &length_ms, NULL) != AMPQL_OK)
        return false;
    out->end_ms = now_ms;
    return checked_sub(now_ms, length_ms, &out->start_ms);
}

/* ---- by its ends */

/* Where the comma is, or the "-" between two Unix times; SIZE_MAX: nowhere. */
static size_t find_middle(struct str text)
{
    const char *comma = text.n ? memchr(text.p, ',', text.n) : NULL;
    size_t i = 0;
    if (comma)
        return (size_t)(comma - text.p);
    while (i < text.n && is_digit(text.p[i]))
        i++;
    size_t middle = i;
    bool is_dash = i > 0 && i + 1 < text.n && text.p[i] == '-';
    for (i++; i < text.n && is_dash; i++)
        is_dash = is_digit(text.p[i]);
    return is_dash ? middle : SIZE_MAX;
}

static enum ampql_code read_end(struct str text, size_t start, size_t end, int64_t now_ms,
                                int64_t *out, struct ampql_error *err)
{
    enum ampql_code code = time_parse(str_make(text.p + start, end - start), now_ms, out, err);
    if (code != AMPQL_OK && err) {
        err->start = start;
        err->end = end;
        err->has_span = true;
    }
    return code;
}

enum ampql_code cost_window_parse(struct str text, int64_t now_ms, int64_t *start_ms,
                                  int64_t *end_ms, struct ampql_error *err)
{
    char quoted[320], time[TIME_TEXT_MAX];
    struct window window;
    size_t middle = find_middle(text);
    if (middle != SIZE_MAX) {
        TRY(read_end(text, 0, middle, now_ms, &window.start_ms, err));
        TRY(read_end(text, middle + 1, text.n, now_ms, &window.end_ms, err));
    } else if (!by_name(text, now_ms, &window) && !by_length(text, now_ms, &window) &&
               !by_duration(text, now_ms, &window)) {
        return fail_at(err, AMPQL_BAD_DATA, 0, text.n,
                       "not a window: %s, expected today, yesterday, week, lastweek, month, "
                       "lastmonth, a duration such as 7d or 12h offset 1d, or START,END",
                       quote_clipped(quoted, sizeof quoted, text));
    }
    if (window.start_ms >= window.end_ms)
        return fail_at(err, AMPQL_BAD_DATA, 0, text.n, "the end is not after the start");
    int n = (int)time_format(window.start_ms, time);
    if (window.start_ms > now_ms)
        return fail_at(err, AMPQL_BAD_DATA, 0, middle == SIZE_MAX ? text.n : middle,
                       "the window begins in the future, at %.*s", n, time);
    *start_ms = window.start_ms;
    *end_ms = window.end_ms;
    return AMPQL_OK;
}
