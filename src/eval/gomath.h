/* Go's own recipes for what differs from the C library in the last bit: Prometheus is compiled with
 * them. */
#ifndef AMPQL_SRC_EVAL_GOMATH_H
#define AMPQL_SRC_EVAL_GOMATH_H

double go_exp(double x);
double go_ln(double x);
double go_log2(double x);
double go_log10(double x);
double go_pow(double x, double y);
double go_sin(double x);
double go_cos(double x);
double go_tan(double x);
double go_asin(double x);
double go_acos(double x);
double go_atan(double x);
double go_atan2(double y, double x);
double go_sinh(double x);
double go_cosh(double x);
double go_tanh(double x);
double go_asinh(double x);
double go_acosh(double x);
double go_atanh(double x);

#endif
