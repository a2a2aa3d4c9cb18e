/* Points in time as people and files write them; Unix ms inside. */
#ifndef AMPQL_SRC_BASE_TIME_H
#define AMPQL_SRC_BASE_TIME_H

#include "base/error.h"

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z: what texts can say and servers read.
 * Differences of such times do not overflow. */
#define TIME_FIRST_MS INT64_C(-62135596800000)
#define TIME_LAST_MS INT64_C(253402300799999)

/* Read a time: RFC 3339 ("2024-02-29T12:00:00.5Z", "...+02:00", also with a blank for T), Unix
 * seconds with a fraction
 * ("1709403009.25", rounded to ms), "now", or "now" with a signed duration ("now-1h30m").
 *
 *   now   what "now" means, Unix ms
 *   err   AMPQL_BAD_DATA, saying which part is wrong and what was expected; out of range beyond
 * years 1 to 9999 */
enum ampql_code time_parse(struct str text, int64_t now, int64_t *out, struct ampql_error *err);

/* Unix seconds as a decimal text, exact to the ms (more digits round half away from zero), also
 * with an exponent ("1.7e9"): for JSON and text formats. False when it is no number or out of int64
 * ms. */
bool time_parse_seconds(struct str text, int64_t *out);

/* Unix ms as a whole number, "-1500", nothing else. False when it is none, or out of int64. */
bool time_parse_ms(struct str text, int64_t *out);

/* "2024-02-29T12:00:00Z", with ".250" when ms is not 0; [32] bytes; returns the length. */
enum { TIME_TEXT_MAX = 32 };
size_t time_format(int64_t ms, char *out);

/* Days from 1970-01-01 to a date, and back; months and days count from 1. */
int64_t time_days(int64_t year, int64_t month, int64_t day);
void time_date(int64_t days, int64_t *year, int64_t *month, int64_t *day);

/* Wall clock, Unix ms; monotonic clock, ms since some start, for deadlines. */
int64_t time_now(void);
int64_t time_monotonic(void);

#endif
