/* The reference evaluator answers our text cases as they say, so that it may judge the engine.
 * test_reference FILE... runs other scripts. */
#include "reference/script.h"
#include "support/signatures.h"
#include "tool/test.h"

/* last: cmocka has a macro named fail */
#include "support/test.h"

static int run(const char *const *paths, size_t npaths, bool quiet)
{
    struct reference_evaluator reference;
    struct tool_test_options options = {.quiet = quiet};
    reference_evaluator_init(&reference, signatures_find);
    int status = tool_test_with(paths, npaths, &options, &reference.evaluator);
    reference_evaluator_done(&reference);
    return status;
}

static void text_cases(void **state)
{
    (void)state;
    static const char *const paths[] = {"tests/data/promql"};
    assert_int_equal(run(paths, sizeof paths / sizeof *paths, true), 0);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(text_cases)};
    if (argc > 1)
        return run((const char *const *)argv + 1, (size_t)argc - 1, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
