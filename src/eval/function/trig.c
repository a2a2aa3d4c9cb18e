/* acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh deg rad: angles. */
#include "eval/function.h"

#include "eval/gomath.h"
#include "eval/gotrig.h"

#include <math.h>

static double deg(double radians)
{
    return radians * 180 / M_PI;
}

static double rad(double degrees)
{
    return degrees * M_PI / 180;
}

static const struct function rows[] = {
    EACH("acos", go_acos, "Arccosine, in radians."),
    EACH("acosh", go_acosh, "Inverse hyperbolic cosine."),
    EACH("asin", go_asin, "Arcsine, in radians."),
    EACH("asinh", go_asinh, "Inverse hyperbolic sine."),
    EACH("atan", go_atan, "Arctangent, in radians."),
    EACH("atanh", go_atanh, "Inverse hyperbolic tangent."),
    EACH("cos", go_cos, "Cosine of radians."),
    EACH("cosh", go_cosh, "Hyperbolic cosine."),
    EACH("deg", deg, "Radians as degrees."),
    EACH("rad", rad, "Degrees as radians."),
    EACH("sin", go_sin, "Sine of radians."),
    EACH("sinh", go_sinh, "Hyperbolic sine."),
    EACH("tan", go_tan, "Tangent of radians."),
    EACH("tanh", go_tanh, "Hyperbolic tangent."),
};
const struct function_table functions_trig = {rows, sizeof rows / sizeof *rows};
