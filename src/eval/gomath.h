/* Go's own recipes where they differ from the C library in the last bit; see facts section 9. */
#ifndef AMPQL_SRC_EVAL_GOMATH_H
#define AMPQL_SRC_EVAL_GOMATH_H

double go_exp(double x);
double go_ln(double x);
double go_log2(double x);
double go_log10(double x);
double go_pow(double x, double y);
double go_atan2(double y, double x);

#endif
