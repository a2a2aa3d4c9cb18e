/* Making a case small: what a random comparison finds is a long expression over many series; what a
 * person wants to see is the few samples and the one function that matter. */
#ifndef AMPQL_TESTS_SHRINK_H
#define AMPQL_TESTS_SHRINK_H

#include "support/expr_gen.h"

/* Does the case still show what it was found for? */
typedef bool shrink_test(void *payload, const struct expr_case *c);

struct shrink_options {
    enum ampql_dialect dialect;
    size_t max_tests; /* how often to ask at most */
};

/* Make *c smaller for as long as it passes the test: its expression (an operand in the place of the
 * whole, words left out), its times (one step), series, samples, labels, values (small numbers) and
 * the samples' times (whole minutes). Every smaller case lives in the arena. Returns how often the
 * test was asked. Out of memory ends the program. */
size_t shrink_case(struct expr_case *c, const struct shrink_options *options, shrink_test *test,
                   void *payload, struct arena *arena);

#endif
