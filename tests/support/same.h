/* The engine against the reference evaluator: both give the same bits, or both fail alike. */
#ifndef AMPQL_TESTS_SAME_H
#define AMPQL_TESTS_SAME_H

#include "support/expr_gen.h"

struct judge;

/* Two evaluators. Ends the program when there is no memory. */
struct judge *judge_new(void);
void judge_free(struct judge *judge);

enum verdict { VERDICT_VALUES, VERDICT_EMPTY, VERDICT_FAILED, VERDICT_REFUSED, VERDICT_DIFFERENT };

/* VALUES: both gave the same values, labels, order; EMPTY: both nothing; FAILED: both failed when
 * they ran, with one code; REFUSED: the text does not parse; DIFFERENT: `why` says how. */
enum verdict judge_case(struct judge *judge, const struct expr_case *c, struct buf *why);

#endif
