/* minute hour day_of_week day_of_month day_of_year days_in_month month year: parts of a time in
 * UTC, by the Gregorian calendar in both directions. Without an argument, of the evaluation time.
 *
 * Prometheus's calendar counts seconds in 64 bits from a year long ago, and they wrap; a value that
 * is no int64, NaN and infinities among them, is the smallest one. */
#include "eval/function.h"

enum { CYCLE_YEARS = 400, CYCLE_DAYS = 146097, CENTURY_DAYS = 36524, OLYMPIAD_DAYS = 1461 };

/* 1 January of the first year is a Monday that begins a cycle of 400 years. */
#define FIRST_YEAR INT64_C(-292277022399)
#define UNIX_EPOCH_SECONDS UINT64_C(9223372028715321600) /* after it */

static uint64_t seconds_of(double v)
{
    bool fits = v >= -9223372036854775808.0 && v < 9223372036854775808.0;
    return (uint64_t)(fits ? (int64_t)v : INT64_MIN) + UNIX_EPOCH_SECONDS;
}

struct date {
    int64_t year;
    unsigned month, day_of_month, day_of_year, days_in_month; /* from 1 */
};

/* How many whole periods of so many days, at most `most`: the last one of a cycle is a day longer.
 */
static unsigned take_periods(unsigned *days, unsigned period, unsigned most)
{
    unsigned n = *days / period;
    n = n > most ? most : n;
    *days -= n * period;
    return n;
}

static struct date date_of(double v)
{
    static const unsigned char month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t since = seconds_of(v) / 86400;
    unsigned days = (unsigned)(since % CYCLE_DAYS);
    unsigned centuries = take_periods(&days, CENTURY_DAYS, 3);
    unsigned olympiads = take_periods(&days, OLYMPIAD_DAYS, 24);
    unsigned years = take_periods(&days, 365, 3);
    bool is_leap = years == 3 && (olympiads != 24 || centuries == 3);
    struct date date = {
        .year = FIRST_YEAR + (int64_t)(since / CYCLE_DAYS) * CYCLE_YEARS + centuries * 100 +
                olympiads * 4 + years,
        .day_of_year = days + 1,
    };
    unsigned length;
    while (days >= (length = month_days[date.month] + (date.month == 1 && is_leap))) {
        days -= length;
        date.month++;
    }
    date.month++;
    date.day_of_month = days + 1;
    date.days_in_month = length;
    return date;
}

/* One loop over a row for each part. */
#define PART(NAME, EXPR)                                                                           \
    static void NAME(struct row *row, const struct params *params)                                 \
    {                                                                                              \
        (void)params;                                                                              \
        for (size_t i = 0; i < row->n; i++) {                                                      \
            double v = row->v[i];                                                                  \
            row->v[i] = (double)(EXPR);                                                            \
        }                                                                                          \
    }

PART(minute, seconds_of(v) / 60 % 60)
PART(hour, seconds_of(v) / 3600 % 24)
PART(day_of_week, (seconds_of(v) / 86400 + 1) % 7) /* Sunday is 0 */
PART(day_of_month, date_of(v).day_of_month)
PART(day_of_year, date_of(v).day_of_year)
PART(days_in_month, date_of(v).days_in_month)
PART(month, date_of(v).month)
PART(year, date_of(v).year)

#define DATE(NAME, HELP)                                                                           \
    MAP(#NAME, NAME, HELP, .args = {VALUE_VECTOR}, .nargs = 1, .optional = 1, .reads_time = true)

static const struct function rows[] = {
    DATE(day_of_month, "Day of the month, 1 to 31."),
    DATE(day_of_week, "Day of the week, 0 to 6 from Sunday."),
    DATE(day_of_year, "Day of the year, 1 to 366."),
    DATE(days_in_month, "Number of days of the month."),
    DATE(hour, "Hour of the day, 0 to 23."),
    DATE(minute, "Minute of the hour, 0 to 59."),
    DATE(month, "Month of the year, 1 to 12."),
    DATE(year, "Year."),
};
const struct function_table functions_date = {rows, sizeof rows / sizeof *rows};
