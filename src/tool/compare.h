/* What a script expects against what came out. */
#ifndef AMPQL_SRC_TOOL_COMPARE_H
#define AMPQL_SRC_TOOL_COMPARE_H

#include "base/buf.h"
#include "tool/evaluator.h"
#include "tool/script.h"

/* Equal as Prometheus's own harness has it: both stale, both ordinary NaN, or within 1e-6 relative.
 */
bool values_agree(double a, double b);

/* Does the outcome of an evaluation meet what is expected of its value? Otherwise `diff` has lines
 * that say why not. `grid` is where the evaluation was made. */
bool outcome_meets(const struct script_eval *eval, const struct script_grid *grid,
                   const struct outcome *got, struct buf *diff);

/* The same for an instant evaluation that was made as the middle one of three steps. */
bool middle_meets(const struct script_eval *eval, const struct script_grid *range,
                  const struct outcome *got, struct arena *arena, struct buf *diff);

/* An error's or annotation's text. A regex that does not compile meets nothing. */
bool text_meets(const struct script_text *expected, struct str got);

#endif
