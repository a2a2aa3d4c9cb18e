/* acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh deg rad: angles. */
#include "base/gomath.h"
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
    EACH("acos", go_acos, "Arccosine, in radians."),
    EACH("acosh", go_acosh, "Inverse hyperbolic cosine."),
    EACH("asin", go_asin, "Arcsine, in radians."),
    EACH("asinh", go_asinh, "Inverse hyperbolic sine."),
    EACH("atan", go_atan, "Arctangent, in radians."),
    EACH("atanh", go_atanh, "Inverse hyperbolic tangent."),
    EACH("cos", go_cos, "Cosine of radians."),
    EACH("cosh", go_cosh, "Hyperbolic cosine."),
    MAP("deg", deg, "Radians as degrees.", .args = {VALUE_VECTOR}, .nargs = 1),
    MAP("rad", rad, "Degrees as radians.", .args = {VALUE_VECTOR}, .nargs = 1),
    EACH("sin", go_sin, "Sine of radians."),
    EACH("sinh", go_sinh, "Hyperbolic sine."),
    EACH("tan", go_tan, "Tangent of radians."),
    EACH("tanh", go_tanh, "Hyperbolic tangent."),
};
const struct function_table functions_trig = {rows, sizeof rows / sizeof *rows};
