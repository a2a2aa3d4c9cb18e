/* Signatures of all functions of Prometheus 3.14 and 2.42, without kernels, for tests of the parser
 * alone. */
#ifndef AMPQL_TESTS_SIGNATURES_H
#define AMPQL_TESTS_SIGNATURES_H

#include "lang/signature.h"

const struct signature *signatures_find(struct str name);

/* All of them: [*n]. */
const struct signature *signatures_all(size_t *n);

#endif
