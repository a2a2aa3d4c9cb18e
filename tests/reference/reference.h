/* The reference evaluator: PromQL over a syntax tree, slow and obvious, to hold the engine against.
 *
 * It shares the parser and the number helpers with the library and nothing else: no plan, no
 * kernels, no symbols, no streaming. Labels are strings, a vector is the list of its samples at
 * every step, windows are found by looking at every sample. Rules and messages are Prometheus's;
 * __name__ is dropped at once, or at the end. */
#ifndef AMPQL_TESTS_REFERENCE_H
#define AMPQL_TESTS_REFERENCE_H

#include <ampql/query.h>

#include "lang/ast.h"

struct reference_label {
    struct str name, value;
};

/* A label set sorted by name, and samples in ascending time with stale markers in them. */
struct reference_series {
    const struct reference_label *labels; /* [nlabels] */
    size_t nlabels;
    const int64_t *t; /* [n] Unix ms */
    const double *v;  /* [n] */
    size_t n;
};

struct reference_options {
    int64_t start_ms, end_ms, step_ms; /* step 0: an instant query at start_ms */
    enum ampql_dialect dialect;        /* 0: prom3 */
    int64_t lookback_ms;               /* 0: 5 minutes */
    int64_t default_interval_ms;       /* 0: 1 minute */
    bool delayed_name_removal;         /* without effect in prom2 */
};

/* What a query gives.
 *   SCALAR, STRING   an instant query: scalar, string
 *   VECTOR           an instant query: series [n] in engine order, each with one sample at start_ms
 *   MATRIX           a range query (a scalar is one series without labels), or an instant query of
 *                    range type: series [n] sorted by labels, each with the samples it has */
struct reference_result {
    enum ampql_result_kind kind;
    double scalar;
    struct str string;
    struct reference_series *series;
    size_t n;
    struct arena arena; /* holds all of it */
};

/* Evaluate a tree over series [n], given in any order.
 *   out  free with reference_result_free, also after a failure
 *   err  AMPQL_EXECUTION: what Prometheus says; AMPQL_BAD_DATA: a range query of a range vector or
 * string; AMPQL_UNSUPPORTED: an experimental function that it does not know. Running out of memory
 * ends the program. */
enum ampql_code reference_run(const struct ast *ast, const struct reference_series *series,
                              size_t n, const struct reference_options *options,
                              struct reference_result *out, struct ampql_error *err);

void reference_result_free(struct reference_result *result);

/* Prometheus's order of label sets: pairwise name, value, bytewise; a prefix first. */
int reference_labels_compare(const struct reference_label *a, size_t na,
                             const struct reference_label *b, size_t nb);

#endif
