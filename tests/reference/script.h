/* The reference evaluator as the evaluator of test scripts. */
#ifndef AMPQL_TESTS_REFERENCE_SCRIPT_H
#define AMPQL_TESTS_REFERENCE_SCRIPT_H

#include "reference/reference.h"
#include "tool/evaluator.h"

struct reference_evaluator {
    struct evaluator evaluator;
    signature_finder find_function;
    struct arena arena; /* holds the series */
    struct reference_series *series;
    size_t n;
};

/* find_function: the functions that the parser accepts. */
void reference_evaluator_init(struct reference_evaluator *out, signature_finder find_function);
void reference_evaluator_done(struct reference_evaluator *evaluator);

#endif
