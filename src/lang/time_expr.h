/* Durations that are expressions over the query's own grid: `[step() * 2]`, `[range()]`. */
#ifndef AMPQL_SRC_LANG_TIME_EXPR_H
#define AMPQL_SRC_LANG_TIME_EXPR_H

#include "base/buf.h"
#include "base/error.h"
#include "lang/ast.h"

/* The value of a duration in a query whose grid has this step and goes from its start to its end in
 * range_ms; both are 0 in instant queries.
 *
 *   may_be_negative  offsets; ranges and steps must be > 0
 *   out              ms; seconds are cut, not rounded
 *   err              AMPQL_EXECUTION with a span: "duration must be greater than 0", "duration is
 *                    out of range", "duration is NaN or infinite", "division by zero", "modulo by
 *                    zero"
 *   see              Prometheus docs, "Duration expressions" */
enum ampql_code duration_value(const struct ast_duration *duration, int64_t step_ms,
                               int64_t range_ms, bool may_be_negative, int64_t *out,
                               struct ampql_error *err);

/* Append as PromQL: "5m", "-5m", "step() * 2", "min_of(5m, range())". */
void print_duration(struct buf *out, const struct ast_duration *duration);

/* Append seconds as a duration literal: "1h30m", "-5m". */
void print_seconds(struct buf *out, double seconds);

#endif
