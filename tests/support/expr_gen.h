/* Random well-typed expressions over random small series, driven by bytes: the same bytes always
 * give the same case, so that a fuzzer can steer and a case can be repeated.
 *
 * Weighted toward what cost queries do: rates and averages of counters and gauges, aggregations
 * over joins, nested subqueries, offsets, `or` and filters; data with resets, gaps, stale markers,
 * NaN, Inf, tiny and huge values. Only functions of the engine's table are used. */
#ifndef AMPQL_TESTS_EXPR_GEN_H
#define AMPQL_TESTS_EXPR_GEN_H

#include "base/buf.h"
#include "tool/evaluator.h"

enum { EXPR_GEN_NAMES = 160, EXPR_GEN_SERIES = 16 };

/* The functions, aggregations and operators that are words, which may be used. */
struct expr_names {
    const char *at[EXPR_GEN_NAMES]; /* [n] */
    size_t n;
};

struct expr_case {
    struct str text; /* of the expression */
    struct test_series series[EXPR_GEN_SERIES];
    size_t nseries;
    struct ampql_run_options options;
};

/* Ask the engine's table. */
void expr_names_of_engine(struct expr_names *out);

/* Is it unknown to 2.42? */
bool expr_name_is_newer(const char *name);

/* Make a case of bytes [size], with its strings and samples in the arena. Out of memory ends the
 * program. */
void expr_generate(const uint8_t *bytes, size_t size, const struct expr_names *names,
                   struct arena *arena, struct expr_case *out);

/* Make an expression and times over the series that are in *out already, whose samples begin at
 * base_ms (Unix ms) instead of 0: times, and those after @, are moved there. */
void expr_generate_over(const uint8_t *bytes, size_t size, const struct expr_names *names,
                        int64_t base_ms, struct arena *arena, struct expr_case *out);

/* Write a case down, to be read. */
void expr_case_print(const struct expr_case *c, struct buf *out);

#endif
