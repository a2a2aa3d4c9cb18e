/* Go's own angles and hyperbolic functions, which differ from the C library's in the last bit. */
#ifndef AMPQL_SRC_EVAL_GOTRIG_H
#define AMPQL_SRC_EVAL_GOTRIG_H

double go_sin(double x);
double go_cos(double x);
double go_tan(double x);
double go_asin(double x);
double go_acos(double x);
double go_sinh(double x);
double go_cosh(double x);
double go_tanh(double x);
double go_asinh(double x);
double go_acosh(double x);
double go_atanh(double x);

#endif
