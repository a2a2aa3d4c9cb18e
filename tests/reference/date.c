/* Calendar functions of the reference evaluator. Seconds that an int64 cannot hold become its
 * smallest, and years count in unsigned 64 bits from far in the past, as Go counts them, so that
 * such times give Go's answer too. */
#include "reference/table.h"

/* Seconds from 1 January of year -292277022399 (which begins a cycle of 400 years) to 1970. */
#define EPOCH UINT64_C(9223372028715321600)

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

double ref_date(const char *function, double seconds)
{
    int64_t whole = seconds >= -9223372036854775808.0 && seconds < 9223372036854775808.0
                        ? (int64_t)seconds
                        : INT64_MIN;
    uint64_t since = (uint64_t)whole + EPOCH, days = since / 86400, rest = since % 86400;
    int64_t cycle = (int64_t)(days / 146097), day = (int64_t)(days % 146097);
    /* From the cycle's first year (such as 2001) year by year. */
    int64_t year = cycle * 400 - INT64_C(292277022399);
    while (day >= 365 + is_leap(year))
        day -= 365 + is_leap(year++);
    int64_t day_of_year = day + 1;
    int month = 1;
    while (day >= days_in(year, month))
        day -= days_in(year, month++);
    const struct {
        const char *function;
        double value;
    } parts[] = {
        {"minute", (double)(rest % 3600 / 60)},
        {"hour", (double)(rest / 3600)},
        {"day_of_week", (double)((days + 1) % 7)}, /* the cycle begins on a Monday */
        {"day_of_month", (double)(day + 1)},
        {"day_of_year", (double)day_of_year},
        {"days_in_month", (double)days_in(year, month)},
        {"month", (double)month},
        {"year", (double)year},
    };
    size_t i = 0;
    while (!str_equal(str_of(parts[i].function), str_of(function)))
        i++;
    return parts[i].value;
}
