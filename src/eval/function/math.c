/* abs ceil exp floor ln log2 log10 sgn sqrt: each value on its own. */
#include "base/gomath.h"
#include "eval/function.h"

#include <math.h>

static double sgn(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x; /* keeps NaN, 0 and -0, as Prometheus does */
}

static const struct function rows[] = {
    EACH("abs", fabs, "Absolute value."),
    EACH("ceil", ceil, "Rounded up to an integer."),
    EACH("exp", go_exp, "e to the power of the value."),
    EACH("floor", floor, "Rounded down to an integer."),
    EACH("ln", go_ln, "Natural logarithm."),
    EACH("log10", go_log10, "Decimal logarithm."),
    EACH("log2", go_log2, "Binary logarithm."),
    EACH("sgn", sgn, "1 for positive, -1 for negative, 0 for zero."),
    EACH("sqrt", sqrt, "Square root."),
};
const struct function_table functions_math = {rows, sizeof rows / sizeof *rows};
