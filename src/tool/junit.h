/* Results of test scripts as JUnit XML, which build servers read: a suite a script, a case an
 * evaluation.
 *
 *   <testsuite name="a.test" tests="2" failures="1" errors="0" skipped="0">
 *     <testcase classname="a.test" name="3: sum(x)" file="a.test" line="3"/>
 *     <testcase classname="a.test" name="6: rate(x[1m])" file="a.test" line="6">
 *       <failure message="a.test:6">    expected ... </failure></testcase>
 *
 * The file comes to be at once, when all of it is written. */
#ifndef AMPQL_SRC_TOOL_JUNIT_H
#define AMPQL_SRC_TOOL_JUNIT_H

#include "base/buf.h"
#include "tool/runner.h"

#include <stdio.h>

/* Start from junit_open; then suites with their cases; end with junit_close or junit_abandon. */
struct junit {
    const char *path;
    struct buf temp; /* the name of the file while it is written; empty: path itself */
    FILE *file;
    const char *suite;
    struct buf cases; /* of the suite */
    size_t ntests, nfailures, nerrors, nskipped;
    enum ampql_code failed;
};

/* path lasts as long as the struct. One that is no plain file (a pipe, /dev/stdout) is written to
 * as it is.
 *   err  AMPQL_OUTPUT: cannot be opened; AMPQL_NOMEM */
enum ampql_code junit_open(struct junit *junit, const char *path, struct ampql_error *err);

void junit_suite(struct junit *junit, const char *file);
void junit_case(struct junit *junit, const struct run_report *report);
/* The script itself could not be run, or not to its end. */
void junit_broken(struct junit *junit, const char *message);
void junit_suite_end(struct junit *junit);

/* err  AMPQL_OUTPUT: something was not written, and there is no file, or the old one; AMPQL_NOMEM
 */
enum ampql_code junit_close(struct junit *junit, struct ampql_error *err);
void junit_abandon(struct junit *junit);

#endif
