/* Bills worked out by hand: case files of tests/data/cost, whose README says what they look like.
 */
#ifndef AMPQL_TESTS_BILLS_H
#define AMPQL_TESTS_BILLS_H

#include <ampql.h>

/* Run a case file; a bill that differs from what it says fails the test. */
void bills_check(struct ampql_engine *engine, const char *path);

/* A whole file, NUL-terminated, to be freed; fails the test when it cannot be read. */
char *bills_read(const char *path);

/* Equal to nine digits or more, as far as one works things out by hand. */
bool bills_near(double a, double b);

#endif
