/* What random expressions were made of, so that "no difference" says of what. */
#ifndef AMPQL_TESTS_COVERAGE_H
#define AMPQL_TESTS_COVERAGE_H

#include "support/expr_gen.h"

#include <stdio.h>

enum { COVERAGE_ITEMS = 256, COVERAGE_NAME = 32 };

/* Functions, aggregations, operators, modifiers: in how many cases each was, and in how many of
 * those that gave values. */
struct coverage {
    struct coverage_item {
        char name[COVERAGE_NAME];
        size_t asked, with_values, last; /* last: number of the case that it was in last */
    } at[COVERAGE_ITEMS];
    size_t n, ncases;
};

/* Add a case; one that does not parse only counts. */
void coverage_count(struct coverage *coverage, const struct expr_case *c, bool has_values);
void coverage_add(struct coverage *into, const struct coverage *from);

/* Print all items, rarest first, of 1000 cases or more. False when a name, or a modifier or
 * operator that every dialect has, was in fewer cases than a ten thousandth of them: then those are
 * named. */
bool coverage_print(struct coverage *coverage, const struct expr_names *names, FILE *out);

#endif
