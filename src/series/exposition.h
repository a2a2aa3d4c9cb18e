/* Series as OpenMetrics text, which promtool makes blocks of.
 *
 *   exposition_init(&x, alc, write, payload);
 *   for each series, those of one metric one after the other:
 *       code = exposition_series(&x, labels, nlabels, &samples, err);
 *   code = exposition_end(&x, code, err); */
#ifndef AMPQL_SRC_SERIES_EXPOSITION_H
#define AMPQL_SRC_SERIES_EXPOSITION_H

#include "base/error.h"
#include "base/symbols.h"
#include "base/writer.h"
#include "series/sample.h"

struct exposition {
    struct writer w;
    struct symbols metrics; /* the TYPE lines of those that have come */
    bool has_metrics;       /* the table is there */
    symbol metric;          /* whose series come now */
    struct buf head;        /* `name{a="b"}` of the series at hand */
    uint64_t nends;         /* stale markers that were left out: the format has none */
};

void exposition_init(struct exposition *x, const struct ampql_allocator *alc, ampql_write write,
                     void *payload);

/* Can a series with these labels, a sample at this time be written? Ask first where half a text is
 * worse than none.
 *   err  AMPQL_UNSUPPORTED: no metric name; a NUL byte or invalid UTF-8 in a name or value; a time
 *        before year 1 or after 9999, which readers take for a mistaken unit */
enum ampql_code exposition_check(const struct ampql_label *labels, size_t nlabels,
                                 struct ampql_error *err);
enum ampql_code exposition_check_time(int64_t t_ms, struct ampql_error *err);

/* Begin a series, and write its samples one by one, strictly ascending in time. A metric's series
 * must come one after the other; the first is preceded by `# TYPE name unknown`.
 *
 *   labels  [nlabels] in any order, views; empty values are left out
 *   err     of exposition_check; and exposition_check_time; AMPQL_BAD_DATA: other metrics have come
 *           in between; AMPQL_LIMIT: labels over 64 MiB; AMPQL_NOMEM. Output that fails is told at
 *           the end */
enum ampql_code exposition_begin(struct exposition *x, const struct ampql_label *labels,
                                 size_t nlabels, struct ampql_error *err);
enum ampql_code exposition_sample(struct exposition *x, int64_t t_ms, double v,
                                  struct ampql_error *err);

/* Both at once. */
enum ampql_code exposition_series(struct exposition *x, const struct ampql_label *labels,
                                  size_t nlabels, const struct samples *samples,
                                  struct ampql_error *err);

/* Write `# EOF` when all went well (code is AMPQL_OK, so that whoever reads what is there otherwise
 * finds it cut short), and free. Call it once after exposition_init, also after failures.
 *   returns  code; else err AMPQL_OUTPUT, AMPQL_LIMIT: one series over 64 MiB; AMPQL_NOMEM */
enum ampql_code exposition_end(struct exposition *x, enum ampql_code code, struct ampql_error *err);

/* Unix ms as seconds, out [size of NUMBER_MAX]; returns the length. Prometheus multiplies what it
 * reads by 1000 and cuts the fraction off: where that would give another millisecond, a digit
 * behind the third makes up for it ("8703692526.8351"), too little to be rounded to another one.
 *   t_ms  in the years 1 to 9999 */
size_t exposition_time(int64_t t_ms, char *out);

#endif
