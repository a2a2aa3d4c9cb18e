/* The engine against the reference evaluator: both give the same bits, or both fail alike. The
 * engine is asked twice: over samples, and over what a server would have answered. */
#ifndef AMPQL_TESTS_SAME_H
#define AMPQL_TESTS_SAME_H

#include "support/rules_gen.h"

/* The same bits, or both a NaN that is no stale marker: which NaN an operation gives depends on the
 * order of its operands in a register. */
bool values_same(double a, double b);

/* The same kind, labels, order, times and values. `why`, unless NULL, gets both. */
bool outcomes_same(const struct outcome *a, const struct outcome *b, const char *const who[2],
                   struct buf *why);

struct judge;

/* The evaluators. Ends the program when there is no memory. */
struct judge *judge_new(void);
void judge_free(struct judge *judge);

enum verdict { VERDICT_VALUES, VERDICT_EMPTY, VERDICT_FAILED, VERDICT_REFUSED, VERDICT_DIFFERENT };

/* VALUES: all gave the same values, labels, order; EMPTY: nothing; FAILED: all failed when
 * they ran, with one code; REFUSED: the text does not parse; DIFFERENT: `why` says how. */
enum verdict judge_case(struct judge *judge, const struct expr_case *c, struct buf *why);

/* The same for a query over what rules record: the reference evaluator's over a store into which a
 * slow ruler has written. REFUSED also where a record reads itself, or too far back. */
enum verdict judge_rules_case(struct judge *judge, const struct rules_case *c, struct buf *why);

#endif
