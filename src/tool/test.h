/* `ampql test FILE|FOLDER...`: test scripts and rule unit tests through the engine. */
#ifndef AMPQL_SRC_TOOL_TEST_H
#define AMPQL_SRC_TOOL_TEST_H

#include "tool/script.h"

#include <stdio.h>

struct evaluator;

struct tool_test_options {
    enum ampql_dialect dialect;     /* 0: what a script says in `# dialect: prom2`, else prom3 */
    enum name_removal name_removal; /* default: what a script says in `# name removal:`, else
                                       delayed in prom3; of unit tests immediate */
    uint64_t max_samples;           /* that a query may hold; 0: 10,000 as in that harness */
    const char *junit;              /* write JUnit XML to this file; NULL: don't */
    bool quiet;                     /* only failures */
    bool coverage;                  /* say which rules no unit test reads */
    FILE *out, *err;                /* NULL: stdout, stderr */
};

/* Run scripts and unit tests: each path a file (*.yml and *.yaml are unit tests), or a folder whose
 * *.test, *test.yml and *test.yaml files are run, also those in its folders, sorted by name.
 * options may be NULL. Prints failures, why evaluations were skipped
 * ("skipped N: needs native histograms") and a last line "N passed, N failed, N skipped".
 *   returns  0: all passed; 1: some failed; 9: a file could not be read or is no script; 10: the
 *            JUnit file could not be written */
int tool_test(const char *const *paths, size_t npaths, const struct tool_test_options *options);

/* The same through another evaluator than the engine, which knows no unit tests. */
int tool_test_with(const char *const *paths, size_t npaths, const struct tool_test_options *options,
                   const struct evaluator *evaluator);

#endif
