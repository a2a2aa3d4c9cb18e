/* The engine against the reference evaluator: both give the same bits, or both fail alike. The
 * engine is asked twice: over samples, and over what a server would have answered. */
#ifndef AMPQL_TESTS_SAME_H
#define AMPQL_TESTS_SAME_H

#include "support/expr_gen.h"

struct judge;

/* The evaluators. Ends the program when there is no memory. */
struct judge *judge_new(void);
void judge_free(struct judge *judge);

enum verdict { VERDICT_VALUES, VERDICT_EMPTY, VERDICT_FAILED, VERDICT_REFUSED, VERDICT_DIFFERENT };

/* VALUES: all gave the same values, labels, order; EMPTY: nothing; FAILED: all failed when
 * they ran, with one code; REFUSED: the text does not parse; DIFFERENT: `why` says how. */
enum verdict judge_case(struct judge *judge, const struct expr_case *c, struct buf *why);

#endif
