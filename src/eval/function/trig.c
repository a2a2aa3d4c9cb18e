/* acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh deg rad: angles. */
#include "eval/function.h"

#include <math.h>

/* The newest multiply once, by a quotient; 2.42 multiplied and divided. */
static void deg(struct row *row, const struct params *params)
{
    for (size_t i = 0; i < row->n; i++)
        row->v[i] =
            params->dialect == AMPQL_PROM2 ? row->v[i] * 180 / M_PI : row->v[i] * (180 / M_PI);
}

static void rad(struct row *row, const struct params *params)
{
    for (size_t i = 0; i < row->n; i++)
        row->v[i] =
            params->dialect == AMPQL_PROM2 ? row->v[i] * M_PI / 180 : row->v[i] * (M_PI / 180);
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
    MAP("deg", deg, "Radians as degrees.", .args = {VALUE_VECTOR}, .nargs = 1),
    MAP("rad", rad, "Degrees as radians.", .args = {VALUE_VECTOR}, .nargs = 1),
    EACH("sin", sin, "Sine of radians."),
    EACH("sinh", sinh, "Hyperbolic sine."),
    EACH("tan", tan, "Tangent of radians."),
    EACH("tanh", tanh, "Hyperbolic tangent."),
};
const struct function_table functions_trig = {rows, sizeof rows / sizeof *rows};
