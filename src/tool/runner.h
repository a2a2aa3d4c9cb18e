/* Runs a test script as Prometheus's own harness does, and says what differs.
 *
 * An instant evaluation is run as it is, then with `@ T` on every selector at other times, where
 * the answer must be the same; and each of these as the middle step of a range query. Names go at
 * the end of a query in prom3, and a query may hold 10,000 samples. */
#ifndef AMPQL_SRC_TOOL_RUNNER_H
#define AMPQL_SRC_TOOL_RUNNER_H

#include "tool/evaluator.h"
#include "tool/script.h"

/* Evaluations by how they ended. */
struct run_counts {
    size_t passed, failed, skipped;
};

/* Skipped: needs what the engine refuses by name. */
enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED };

struct run_report {
    size_t line;     /* of the eval command, from 1 */
    struct str text; /* of the expression */
    enum verdict verdict;
    struct str reason; /* SKIPPED: one of few: "needs native histograms" */
    struct str detail; /* FAILED: lines that say what differs; SKIPPED: one line, or empty */
};

enum { RUN_MAX_SAMPLES = 10000 };

struct run_options {
    const char *file;               /* for messages */
    enum ampql_dialect dialect;     /* 0: what the script says, else prom3 */
    enum name_removal name_removal; /* default: what the script says, else delayed in prom3 */
    uint64_t max_samples;           /* values that a query may hold; 0: RUN_MAX_SAMPLES */
    /* Called after each evaluation; the strings last as long as the call. NULL: nobody is told. */
    void (*report)(void *payload, const struct run_report *report);
    void *payload;
};

/* Run a script from the start. Adds to counts.
 *   err  AMPQL_BAD_DATA "FILE:LINE:COLUMN: ...": a load that cannot be; AMPQL_NOMEM */
enum ampql_code script_run(const struct script *script, const struct evaluator *evaluator,
                           const struct run_options *options, struct run_counts *counts,
                           struct ampql_error *err);

#endif
