/* Random small series for expr_gen.h. */
#ifndef AMPQL_TESTS_DATA_GEN_H
#define AMPQL_TESTS_DATA_GEN_H

#include "support/expr_gen.h"
#include "support/gen_bytes.h"

/* Fill c->series: metrics cpu_total, mem, price, info, up and d_bucket with labels ns, pod, node,
 * region, le. Samples lie between 0 and 40 minutes. */
void data_generate(struct gen_bytes *g, struct arena *arena, struct expr_case *c);

#endif
