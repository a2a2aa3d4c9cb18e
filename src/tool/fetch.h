/* What expressions would take of a source, and taking it into a capture: for `ampql fetch` and
 * `ampql explain`. Nothing is evaluated. */
#ifndef AMPQL_SRC_TOOL_FETCH_H
#define AMPQL_SRC_TOOL_FETCH_H

#include <ampql/query.h>

#include "base/array.h"
#include "base/error.h"
#include "source/held.h"

/* Between the names of sources that are read together: what a capture says it is of. */
#define FETCH_BETWEEN_SOURCES HELD_BETWEEN_ORIGINS

struct fetch_select {
    struct str query; /* as it is asked, whole: `up{job="a"}[1h]` */
    enum ampql_select_kind kind;
    int64_t from_ms, to_ms;    /* RAW: (from, to]; GRID: the first and the last point */
    int64_t step_ms;           /* 0: RAW, or one point */
    uint64_t samples_a_series; /* that a server counts: RAW with one every interval_ms */
    bool is_known;             /* the source was asked for its series: */
    uint64_t series, samples, requests;
};

struct fetch_plan {
    ARRAY(struct fetch_select);
    bool is_known; /* of all */
    uint64_t series, samples, requests;
};

/* Without queries, and with options->rules, both functions are about what all rules read: for the
 * one time options->start_ms as ampql_rules_run, or where end_ms is later for all the times to it
 * as ampql_rules_backfill. */

/* The selects of a batch, each once. When the source is a server it is asked for their series
 * (/api/v1/series, which bills nothing).
 *
 *   interval_ms  between two samples of a series; 0: 1 minute
 *   out          in the arena
 *   err          as a run, before it reads; what the server says */
enum ampql_code fetch_plan(struct ampql_engine *engine, const struct ampql_query *const *queries,
                           size_t nqueries, struct ampql_source *source,
                           const struct ampql_run_options *options, int64_t interval_ms,
                           struct arena *arena, struct fetch_plan *out, struct ampql_error *err);

/* Take them through a source of ampql_source_record, which keeps what it does not hold yet.
 *   err  as a run; as the selects of source_record_open */
enum ampql_code fetch_selects(struct ampql_engine *engine, const struct ampql_query *const *queries,
                              size_t nqueries, struct ampql_source *recording,
                              const struct ampql_run_options *options, struct ampql_error *err);

/* The same for everything that the capture at `path` holds, from where it ends up to the time, or
 * end, of the options: raw samples and grids, not single points and lists.
 *   err  also of capture_open */
enum ampql_code fetch_onward(const char *path, struct ampql_source *recording,
                             const struct ampql_run_options *options, struct ampql_error *err);

/* The source that a capture says it is of, in the arena. err  of capture_open */
enum ampql_code fetch_origin(const char *path, struct arena *arena, struct str *out,
                             struct ampql_error *err);

#endif
