/* Binary operators on values and rows. */
#ifndef AMPQL_SRC_EVAL_ARITHMETIC_H
#define AMPQL_SRC_EVAL_ARITHMETIC_H

#include "lang/ast.h"
#include "series/row.h"

/* lhs op rhs for an arithmetic operator. */
double arithmetic(enum op op, double lhs, double rhs);

/* Does the comparison hold? NaN compares false, except !=. */
bool compares(enum op op, double lhs, double rhs);

/* row := row op scalar [row.n], or scalar op row when scalar_is_left. A comparison filters: it
 * keeps the row's own value and clears the steps where it does not hold; with returns_bool it gives
 * 0 or 1. */
void arithmetic_row_scalar(enum op op, bool returns_bool, struct row *row, const double *scalar,
                           bool scalar_is_left);

/* out := lhs op rhs at the steps where both are present. A comparison filters, keeping lhs's value;
 * out may be lhs or rhs. */
void arithmetic_rows(enum op op, bool returns_bool, const struct row *lhs, const struct row *rhs,
                     struct row *out);

#endif
