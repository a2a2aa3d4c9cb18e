/* Records: series that rules compute, instead of a source that holds them.
 *
 * The planner and a run know a recording rule only as what stands here; whoever has rules hands in
 * a table of them, with a function that says which of them a selector may read. */
#ifndef AMPQL_SRC_PLAN_RECORD_H
#define AMPQL_SRC_PLAN_RECORD_H

#include "base/array.h"
#include "base/error.h"
#include "lang/ast.h"

struct record_label {
    struct str name, value; /* an empty value removes the label */
};

/* A recording rule. It is evaluated at the ticks of its group: the times that are phase_ms past a
 * multiple of interval_ms. At tick T it is an instant query at T - query_offset_ms, which is also
 * the time of the samples that it writes. */
struct record {
    struct str name;
    const struct record_label *labels; /* [nlabels] set over those of the result */
    size_t nlabels;
    const struct ast *ast;
    struct str text; /* of the expression */
    int64_t interval_ms, phase_ms, query_offset_ms;
    uint64_t limit; /* of series; more fail the evaluation; 0: none */
    size_t group; /* rules of one group see what those above them wrote at the same tick, all others
                     what was written before it */
    /* It reads itself, perhaps through others, and so has no beginning: why it is refused, such as
     * "a" (line 4) reads "b" (line 9), which reads "a"; p is NULL when it does not */
    struct str endless;
};

struct record_list {
    ARRAY(size_t);
};

struct records {
    const struct record *at; /* [n] in the order in which they are evaluated at one tick */
    size_t n;
    const size_t *order; /* [n] numbers, each before those that it reads */
    const void *payload;
    bool writes_no_markers; /* as promtool's backfill: series that end live on for the lookback */

    /* The numbers, ascending, of the records that a selector asks for by their names, and of those
     * of them that have series which may match.
     *   err  AMPQL_PARSE: a regex; AMPQL_LIMIT, AMPQL_NOMEM */
    enum ampql_code (*find)(const struct records *records, struct matchers matchers,
                            struct arena *arena, struct record_list *named,
                            struct record_list *matching, struct ampql_error *err);

    /* Which rule it is, for messages: `group "CPU", record "a:b", line 7`. */
    void (*describe)(const struct records *records, size_t record, char *out, size_t size);
};

/* All that a record writes for the times [from, to]. */
struct record_want {
    size_t record;
    int64_t from_ms, to_ms;
    bool has_first_ends; /* also the stale markers of the first evaluation, which the one before it
                            tells */
};

/* The last time at or before t that a record may have written a sample for. */
int64_t record_last(const struct record *record, int64_t t_ms);

/* Can no series of the expression's result have this label? False: it may. */
bool expr_lacks_label(const struct ast *ast, struct str label);

#endif
