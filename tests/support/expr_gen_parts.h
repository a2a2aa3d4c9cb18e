/* What the files of the expression generator share. */
#ifndef AMPQL_TESTS_EXPR_GEN_PARTS_H
#define AMPQL_TESTS_EXPR_GEN_PARTS_H

#include "support/expr_gen.h"
#include "support/gen_bytes.h"

struct gen {
    struct gen_bytes bytes;
    const struct expr_names *names;
    struct buf out;
    const struct expr_case *data;
    int64_t base_ms;
    unsigned in_subquery; /* how deep */
    bool takes_extension; /* the function whose range selector is written takes anchored ones */
};

#define SAY(g, ...) buf_format(&(g)->out, __VA_ARGS__)

/* May the function, aggregation or word be used? */
bool gen_has(const struct gen *g, const char *name);

/* One of the names that may be used; the first should be one that surely may. */
const char *gen_known(struct gen *g, const char *const *names, size_t n);
#define KNOWN(g, array) gen_known((g), (array), sizeof(array) / sizeof *(array))

/* ---- expr_gen.c: expressions of a type, at most so deep */
void gen_vector(struct gen *g, unsigned depth);
void gen_scalar(struct gen *g, unsigned depth);

/* ---- expr_gen_parts.c: selectors, windows, matching */
void gen_selector_bare(struct gen *g);
void gen_selector(struct gen *g, unsigned depth);
const char *gen_labels(struct gen *g);
void gen_matrix(struct gen *g, unsigned depth);
void gen_range_function(struct gen *g, unsigned depth);
void gen_matching(struct gen *g, bool may_group);

/* ---- expr_gen_shapes.c: what few ask for, and what cost models ask */
void gen_rare(struct gen *g, unsigned depth);
void gen_rare_range(struct gen *g, unsigned depth);
void gen_cost_shape(struct gen *g, unsigned depth);

#endif
