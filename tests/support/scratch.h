/* A folder for the files of one test program. */
#ifndef AMPQL_TESTS_SCRATCH_H
#define AMPQL_TESTS_SCRATCH_H

#include <stddef.h>

extern char scratch_folder[64];

/* Set up and tear down a group of tests, or a test. The folder lies in memory where the system has
 * room for files there: making files last costs nothing then. */
int scratch_make(void **state);
int scratch_drop(void **state);

/* The path of a name in it; four may be in use at a time. */
const char *scratch_path(const char *name);

/* Remove a folder with all that is in it. */
void scratch_remove(const char *path);

/* How many names a folder has. */
size_t scratch_count(const char *path);

/* The beginning of a file as text, valid until the next call. */
char *scratch_read(const char *path);

#endif
