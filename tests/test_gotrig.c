/* Go's recipes, against what Prometheus 2.42 answers to sin(vector(x)) and the like, in bits. */
#include "base/gomath.h"
#include "series/sample.h"

#include <math.h>
#include <stdio.h>

#include "support/test.h"

static const struct row {
    double (*f)(double);
    double x, y;
} rows[] = {
    {go_sin, 1, 0.8414709848078965},
    {go_sin, -100, 0.5063656411097588},
    {go_sin, 8.5e8, -0.7207927809547785},
    {go_sin, 1e22, -0.8522008497671889},
    {go_sin, 1.7e308, -0.5952560848632077},
    {go_sin, 0.3, 0.29552020666133955},
    {go_cos, 1, 0.5403023058681398},
    {go_cos, -100, 0.8623188722876839},
    {go_cos, 8.5e8, -0.6931506091200358},
    {go_cos, 1e22, 0.5232147853951389},
    {go_cos, 1.7e308, 0.803536056087918},
    {go_cos, 5, 0.2836621854632263},
    {go_tan, 1, 1.557407724654902},
    {go_tan, -100, 0.587213915156929},
    {go_tan, 8.5e8, 1.0398790269690952},
    {go_tan, 1e22, -1.6287782256068992},
    {go_tan, 1.7e308, -0.7407957369844252},
    {go_tan, 3, -0.1425465430742778},
    {go_asin, 0.5, 0.5235987755982989},
    {go_asin, -0.9, -1.1197695149986342},
    {go_asin, 0.7, 0.775397496610753},
    {go_asin, 1, 1.5707963267948966},
    {go_acos, 0.5, 1.0471975511965976},
    {go_acos, -0.9, 2.6905658417935308},
    {go_acos, 0.7, 0.7953988301841436},
    {go_acos, -1, 3.141592653589793},
    {go_atan, 0.5, 0.4636476090008061},
    {go_atan, -2, -1.1071487177940904},
    {go_atan, 3, 1.2490457723982544},
    {go_atan, 1e300, 1.5707963267948966},
    {go_sinh, 0.1, 0.10016675001984404},
    {go_sinh, -0.7, -0.7585837018395336},
    {go_sinh, 21.5, 1087179776.7882442},
    {go_sinh, 5, 74.20321057778875},
    {go_cosh, 0.1, 1.0050041680558035},
    {go_cosh, -0.7, 1.255169005630943},
    {go_cosh, 21.5, 1087179776.7882442},
    {go_cosh, 5, 74.20994852478785},
    {go_tanh, 0.1, 0.09966799462495582},
    {go_tanh, -0.7, -0.6043677771171635},
    {go_tanh, 21.5, 1},
    {go_tanh, 1e-300, 1e-300},
    {go_asinh, 1e-9, 1e-09},
    {go_asinh, 0.3, 0.29567304756342244},
    {go_asinh, -1.7, -1.3008204268406467},
    {go_asinh, 100, 5.298342365610589},
    {go_asinh, 1e10, 23.7189981105004},
    {go_acosh, 1.5, 0.9624236501192069},
    {go_acosh, 3, 1.7627471740390859},
    {go_acosh, 1e10, 23.7189981105004},
    {go_acosh, 1.0000001, 0.0004472135919037347},
    {go_atanh, 1e-9, 1e-09},
    {go_atanh, 0.3, 0.30951960420311175},
    {go_atanh, -0.9, -1.4722194895832204},
    {go_atanh, 0.99, 2.6466524123622457},
    {go_sin, -0.0, -0.0},
    {go_sinh, -0.0, -0.0},
    {go_asin, -0.0, -0.0},
    {go_atanh, -1, -INFINITY},
};

static void same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double y = rows[i].f(rows[i].x);
        if (bits_of(y) != bits_of(rows[i].y))
            printf("row %zu: of %.17g came %.17g, not %.17g\n", i, rows[i].x, y, rows[i].y);
        assert_true(bits_of(y) == bits_of(rows[i].y));
    }
}

/* Outside of where they are defined. */
static void no_numbers(void **state)
{
    (void)state;
    assert_true(isnan(go_sin(INFINITY)));
    assert_true(isnan(go_cos(-INFINITY)));
    assert_true(isnan(go_tan(INFINITY)));
    assert_true(isnan(go_asin(1.5)));
    assert_true(isnan(go_acos(-1.5)));
    assert_true(isnan(go_acosh(0.5)));
    assert_true(isnan(go_atanh(2)));
    assert_true(isnan(go_sinh(NAN)) && isnan(go_cosh(NAN)) && isnan(go_tanh(NAN)));
    assert_true(isnan(go_asinh(NAN)) && isnan(go_acosh(NAN)) && isnan(go_atanh(NAN)));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits),
                                              cmocka_unit_test(no_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
