/* Systematic cases at the edges of numbers: functions of a value at every exponent, operators over
 * all pairs of special values, classic histograms with every kind of wrong bucket, and JSON of
 * every shape of number, time and label. The same cases always, in the same order.
 *
 * Two run them: `make grids` against the newest Prometheus, and test_numeric_grid against the
 * checksums that it wrote. */
#ifndef AMPQL_TESTS_NUMERIC_GRID_H
#define AMPQL_TESTS_NUMERIC_GRID_H

#include "support/expr_gen.h"

struct grid_case {
    const char *grid; /* which: "functions", "operators", ...; cases of one come together */
    bool is_json;     /* the text of the answer counts */
    struct expr_case c;
};

/* Hand each case to take; arena is emptied after each. */
void numeric_grid_each(void (*take)(const struct grid_case *c, void *payload), void *payload);

/* A case's answer as bytes that are equal when the answers are: kind, labels, times, bits of values
 * (all ordinary NaNs are one), annotations; of a failure its message. */
void numeric_grid_write(const struct outcome *outcome, enum ampql_code code, const char *message,
                        struct buf *out);

/* Run a JSON case through the public API.
 *   out  the body, or the message of the failure */
enum ampql_code numeric_grid_json(const struct expr_case *c, struct buf *out);

/* One line a grid: its name, cases and checksum. */
struct grid_sums {
    struct grid_sum {
        const char *grid;
        size_t ncases;
        uint64_t sum;
    } at[8];
    size_t n;
};
void grid_sums_add(struct grid_sums *sums, const char *grid, struct str answer);
void grid_sums_print(const struct grid_sums *sums, struct buf *out);

#endif
