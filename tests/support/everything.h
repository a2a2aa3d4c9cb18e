/* A cluster with everything in it: every stage of the cost model has something to do. */
#ifndef AMPQL_TESTS_EVERYTHING_H
#define AMPQL_TESTS_EVERYTHING_H

#include <stddef.h>

/* A series as test_add takes it, with a value each minute of an hour. */
struct everything_row {
    const char *name, *labels, *values;
};

/* The rows [n]. */
const struct everything_row *everything(size_t *n);

#endif
