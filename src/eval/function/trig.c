/* acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh deg rad: angles. */
#include "eval/function.h"

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
    EACH("acos", acos, "Arccosine, in radians."),
    EACH("acosh", acosh, "Inverse hyperbolic cosine."),
    EACH("asin", asin, "Arcsine, in radians."),
    EACH("asinh", asinh, "Inverse hyperbolic sine."),
    EACH("atan", atan, "Arctangent, in radians."),
    EACH("atanh", atanh, "Inverse hyperbolic tangent."),
    EACH("cos", cos, "Cosine of radians."),
    EACH("cosh", cosh, "Hyperbolic cosine."),
    EACH("deg", deg, "Radians as degrees."),
    EACH("rad", rad, "Degrees as radians."),
    EACH("sin", sin, "Sine of radians."),
    EACH("sinh", sinh, "Hyperbolic sine."),
    EACH("tan", tan, "Tangent of radians."),
    EACH("tanh", tanh, "Hyperbolic tangent."),
};
const struct function_table functions_trig = {rows, sizeof rows / sizeof *rows};
