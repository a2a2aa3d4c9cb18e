/* Quantiles of values, for quantile, quantile_over_time and mad_over_time. */
#ifndef AMPQL_SRC_EVAL_QUANTILE_H
#define AMPQL_SRC_EVAL_QUANTILE_H

#include <ampql/base.h>

#include <stddef.h>

/* Sort v [n] ascending, NaN first; equal ones (0 and -0) keep their order. room [n] is overwritten.
 */
void quantile_sort(double *v, double *room, size_t n);

/* Put value into v [n] sorted so, behind its equals; there is room for one more. Take the first of
 * its equals out; there is one. So a window that slides over samples stays as sorting them anew
 * would have it. */
void quantile_insert(double *v, size_t n, double value);
void quantile_remove(double *v, size_t n, double value);

/* The q-quantile of v [n], sorted so, interpolated between the two values around it, unless its
 * rank is that of a value (in 2.42 even then: Inf becomes NaN). NaN when n is 0 or q is NaN, -Inf
 * below 0, +Inf above 1. */
double quantile_of(double q, const double *v, size_t n, enum ampql_dialect dialect);

#endif
