/* Runs a test script and says what differs. */
#ifndef AMPQL_SRC_TOOL_RUNNER_H
#define AMPQL_SRC_TOOL_RUNNER_H

#include "tool/evaluator.h"
#include "tool/script.h"

#include <stdio.h>

/* Why an evaluation is skipped. */
enum skip_reason { SKIP_HISTOGRAMS, SKIP_START_TIMES, SKIP_UNSUPPORTED, SKIP_COUNT };

/* What they need, for "3 need native histograms". */
extern const char *const skip_reason_text[SKIP_COUNT];

/* Evaluations by how they ended. */
struct run_counts {
    size_t passed, failed, skipped;
    size_t skipped_for[SKIP_COUNT];
};

struct run_options {
    const char *file;               /* for messages */
    enum ampql_dialect dialect;     /* 0: what the script says, else prom3 */
    enum name_removal name_removal; /* default: what the script says, else delayed in prom3 */
    FILE *out;                      /* failures, readable; NULL: none */
};

/* Run a script from the start. Adds to counts.
 *   err  AMPQL_BAD_DATA "FILE:LINE: ...": a load that cannot be; AMPQL_NOMEM */
enum ampql_code script_run(const struct script *script, const struct evaluator *evaluator,
                           const struct run_options *options, struct run_counts *counts,
                           struct ampql_error *err);

#endif
