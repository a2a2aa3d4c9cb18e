/* Random small series for expr_gen.h. */
#ifndef AMPQL_TESTS_DATA_GEN_H
#define AMPQL_TESTS_DATA_GEN_H

#include "support/expr_gen.h"
#include "support/gen_bytes.h"

/* Fill c->series with label sets: metrics cpu_total, mem, price, info, up and d_bucket with labels
 * ns, pod, node, region, le. */
void data_generate_labels(struct gen_bytes *g, struct arena *arena, struct expr_case *c);

/* Then with samples, between 0 and 80 minutes. */
void data_generate_samples(struct gen_bytes *g, struct arena *arena, struct expr_case *c);

#endif
