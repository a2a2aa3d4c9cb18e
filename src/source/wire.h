/* What goes over the wire for a select: pure, no I/O.
 *
 * A select is cut into *parts*, each one request of the query API that owns its samples alone:
 * every time of the select belongs to exactly one part, however it is cut, so any cutting gives the
 * same samples.
 *
 *   RAW             samples with after < t <= upto, as an instant query of `sel[<upto - after>ms]`
 *                   at upto. A left-closed server sends a sample at `after` too, which belongs to
 *                   the part before, and is dropped here
 *   GRID            points p, p + step, ..., as query_range of the bare selector; one point alone
 *                    as an instant query. Where the server floors start and end to multiples of
 *                   step, all points are moved up to the next multiples and the selector says so
 *                   in an `offset`: the same lookups, the same number of samples, and nothing to
 *                   floor
 *   GRID_TIMESTAMP  the same of timestamp(sel), whose answers have lost the metric names: asked
 *                   name by name where the selector does not say which
 *
 * A part that is too much for the server is cut in two: in time, then by the values of a label, one
 * half with `label=~"a|b"`, the other with `label!~"a|b"`, so that together they are the whole
 * whatever values there are. */
#ifndef AMPQL_SRC_SOURCE_WIRE_H
#define AMPQL_SRC_SOURCE_WIRE_H

#include <ampql/source.h>

#include "base/buf.h"
#include "base/error.h"

enum {
    WIRE_MAX_POINTS =
        11000, /* that servers answer in a query_range, less the one they allow more */
    WIRE_DEFAULT_LOOKBACK_MS = 300000,
};
#define WIRE_DAY_MS INT64_C(86400000)
#define WIRE_MAX_RAW_MS (31 * WIRE_DAY_MS)  /* AMP refuses instant queries over 32 days, */
#define WIRE_MAX_GRID_MS (90 * WIRE_DAY_MS) /* and range queries over 95 */

/* What there is to know of a server. */
struct wire_server {
    bool
        floors_ranges; /* query_range with start and end floored to multiples of step, or unknown */
    bool takes_lookback; /* knows the parameter lookback_delta */
    uint64_t max_points; /* of a query_range; 0: WIRE_MAX_POINTS */
    uint64_t max_billed; /* AMP's max_samples_processed_error_threshold; 0: not sent */
};

/* A label that narrows a part. Values are text, quoted for the regex by whoever prints it. */
struct wire_cut {
    const struct wire_cut *outer; /* the cut before it, or NULL */
    struct str name;
    bool is_rest;             /* all other values, and the label absent */
    const struct str *values; /* [nvalues] */
    size_t nvalues;
};

struct wire_part {
    int64_t from_ms, to_ms; /* RAW: (from, to]; GRID: the first and last point */
    const struct wire_cut *cut;
};

/* In the years 1 to 9999, which is what servers read. */
bool wire_is_time(int64_t ms);

/* Can this be asked at all?
 *   err  AMPQL_UNSUPPORTED: a lookback that is not the server's own and that it takes no parameter
 *        for; AMPQL_BAD_DATA: times outside of years 1 to 9999, a step that is not positive */
enum ampql_code wire_check(const struct ampql_select *select, const struct wire_server *server,
                           struct ampql_error *err);

/* Does any part remain? at: where the last one ended; to begin with wire_begin. */
int64_t wire_begin(const struct ampql_select *select);
bool wire_has_part(const struct ampql_select *select, int64_t at);

/* The part that begins at `at`, which it moves to where the next one begins. RAW parts end at
 * multiples of chunk_ms (<= 0, or too long: WIRE_MAX_RAW_MS), the first one up to half as long
 * again as that; GRID parts span at most that, at least one point. */
struct wire_part wire_next(const struct ampql_select *select, const struct wire_server *server,
                           int64_t chunk_ms, int64_t *at);

/* How many requests wire_next makes of the whole; UINT64_MAX when it is more than can be counted.
 */
uint64_t wire_count(const struct ampql_select *select, const struct wire_server *server,
                    int64_t chunk_ms);

/* Cut a part in two in time; false when it holds one millisecond, or point. */
bool wire_halve(const struct ampql_select *select, const struct wire_part *part,
                struct wire_part *first, struct wire_part *second);

/* Is it an instant query, to /api/v1/query, or one to /api/v1/query_range? */
bool wire_is_instant(const struct ampql_select *select, const struct wire_part *part);
const char *wire_path(const struct ampql_select *select, const struct wire_part *part);

/* The query: `up{job="a"}[3600000ms]`. Failures stay in out. */
void wire_query(struct buf *out, const struct ampql_select *select,
                const struct wire_server *server, const struct wire_part *part);

/* The selector alone, for match[]. The name stands before the braces when it may, other names that
 * are no plain ones are in quotes. */
void wire_selector(struct buf *out, const struct ampql_matcher *matchers, size_t nmatchers,
                   const struct wire_cut *cut);

/* The body of the POST, application/x-www-form-urlencoded. */
void wire_form(struct buf *out, const struct ampql_select *select, const struct wire_server *server,
               const struct wire_part *part);

/* "&name=value", or without & when out is empty; all but A-Za-z0-9-._~ as %XX. */
void wire_parameter(struct buf *out, const char *name, struct str value);

/* Unix ms as seconds with exactly three decimals: "1709403009.250". */
enum { WIRE_TIME_MAX = 32 };
size_t wire_time(int64_t ms, char *out);

/* A time of an answer: WIRE_KEEP with *own the time that the select knows it by; WIRE_DROP: it is
 * the part's before; WIRE_WRONG: it was not asked for. */
enum wire_time_kind { WIRE_KEEP, WIRE_DROP, WIRE_WRONG };
enum wire_time_kind wire_own(const struct ampql_select *select, const struct wire_server *server,
                             const struct wire_part *part, int64_t t_ms, int64_t *own);

/* Do answers lose the metric names, and the select does not say what they were? */
bool wire_loses_names(const struct ampql_select *select);

/* The metric name that the answer to a part of timestamp() has lost, of the select or of a cut that
 * names one; empty: none is lost, or nobody knows. */
struct str wire_lost_name(const struct ampql_select *select, const struct wire_part *part);

/* Samples that a server counts for one series that has one every interval_ms all the time: what it
 * bills for this select. Saturates. */
uint64_t wire_samples_a_series(const struct ampql_select *select, int64_t interval_ms);

#endif
