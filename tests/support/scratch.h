/* A folder for the files of one test. */
#ifndef AMPQL_TESTS_SCRATCH_H
#define AMPQL_TESTS_SCRATCH_H

#include <stdbool.h>

enum { SCRATCH_MAX = 64 };

/* Make an empty folder, in memory where the system has room for files there: making files last
 * costs nothing then. false: it cannot be made. */
bool scratch_make(char out[SCRATCH_MAX]);

#endif
