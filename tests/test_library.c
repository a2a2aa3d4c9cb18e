/* Libraries that are loaded when they are needed: what is said when one is not there, or lacks
 * something. */
#include "base/library.h"
#include "support/test.h"

#include <string.h>

#define LIBRARY(NAME, ...)                                                                         \
    static const char *const NAME##_names[] = {__VA_ARGS__};                                       \
    static const struct library_file NAME = {"libz.so.1", "a test", "zlib1g", NAME##_names,        \
                                             sizeof NAME##_names / sizeof *NAME##_names}

LIBRARY(whole, "zlibVersion", "crc32");
LIBRARY(lacking, "zlibVersion", "no_such_function_of_zlib");

static void test_found(void **state)
{
    (void)state;
    library_function functions[2] = {NULL, NULL};
    struct ampql_error err = {0};
    void *handle = NULL;
    assert_int_equal(library_load(&whole, functions, &handle, &err), AMPQL_OK);
    assert_true(functions[0] && functions[1] && handle);
    const char *(*version)(void) = NULL;
    memcpy(&version, &functions[0], sizeof version);
    assert_int_equal(version()[0], '1');
    assert_true(library_find(handle, "crc32") == functions[1]);
    assert_true(library_find(handle, "no_such_function_of_zlib") == NULL);
}

static void test_missing(void **state)
{
    (void)state;
    library_function functions[2];
    struct ampql_error err = {0};
    struct library_file none = whole;
    none.name = "libno_such_library.so.7";
    assert_int_equal(library_load(&none, functions, NULL, &err), AMPQL_UNAVAILABLE);
    assert_non_null(strstr(err.message, "a test needs a library that does not load: libno_such"));
    assert_non_null(strstr(err.message, "package is zlib1g"));
    assert_int_equal(library_load(&lacking, functions, NULL, &err), AMPQL_UNSUPPORTED);
    assert_string_equal(err.message, "libz.so.1 has no function no_such_function_of_zlib, which a "
                                     "test needs");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_found),
    cmocka_unit_test(test_missing),
};
TEST_MAIN(tests)
