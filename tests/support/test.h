/* cmocka with the includes it wants, and a short way to write a test program's main. */
#ifndef AMPQL_TESTS_TEST_H
#define AMPQL_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* main() over an array of struct CMUnitTest. */
#define TEST_MAIN(tests)                                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }

#endif
