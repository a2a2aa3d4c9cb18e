/* Random rule files over the series and expressions of expr_gen.h: several groups with intervals,
 * offsets and limits of their own, several rules of one name, rules that read each other. */
#ifndef AMPQL_TESTS_RULES_GEN_H
#define AMPQL_TESTS_RULES_GEN_H

#include "support/expr_gen.h"

struct rules_case {
    struct expr_case query; /* over series and records */
    struct str rules;       /* a rule file */
    int64_t phase_ms;
    bool no_markers;
};

/* As expr_generate. */
void rules_generate(const uint8_t *bytes, size_t size, const struct expr_names *names,
                    struct arena *arena, struct rules_case *out);

/* Is it one of the names that its rules record? */
bool rules_gen_records(struct str name);

void rules_case_print(const struct rules_case *c, struct buf *out);

#endif
