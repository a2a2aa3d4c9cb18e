/* Any bytes as a rule unit test: refused with a message that names the file, or read with values
 * within the ceiling; and then, where its evaluations are few, each case of it is passed, failed or
 * skipped. */
#include "base/error.h"
#include "tool/unit.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_cases(const struct unit_test *test, const struct unit_file *file)
{
    enum { MAX_MINUTES = 200, MINUTE_MS = 60000 };
    int64_t last_ms = 0;
    size_t nvalues = 0;
    for (size_t i = 0; i < test->nseries; i++)
        nvalues += test->series[i].nvalues;
    for (size_t i = 0; i < test->nexprs; i++)
        last_ms = test->exprs[i].t_ms > last_ms ? test->exprs[i].t_ms : last_ms;
    for (size_t i = 0; i < test->nalerts; i++)
        last_ms = test->alerts[i].t_ms > last_ms ? test->alerts[i].t_ms : last_ms;
    bool is_small = nvalues <= 1000 && last_ms <= MAX_MINUTES * MINUTE_MS &&
                    last_ms / file->interval_ms <= MAX_MINUTES && test->nexprs <= 20;
    return is_small ? test->nexprs + test->nalerts : 0;
}

static void run_tests(struct str text, const struct unit_file *file)
{
    struct ampql_engine_options engine_options = {.size = sizeof engine_options, .max_depth = 64};
    struct unit_rules rules = {0};
    struct run_options options = {.file = "file", .dialect = AMPQL_PROM3, .max_samples = 2000};
    struct ampql_engine *engine = NULL;
    if (ampql_engine_new(&engine_options, &engine, NULL) != AMPQL_OK)
        return;
    for (size_t i = 0; i < file->ntests && i < 4; i++) {
        struct run_counts counts = {0};
        struct ampql_error err = {0};
        struct unit_context context = {engine, file, text, &rules, &options, &counts};
        size_t ncases = count_cases(&file->tests[i], file);
        if (ncases == 0)
            continue;
        if (unit_run(&context, &file->tests[i], &err) != AMPQL_OK)
            abort();
        if (counts.passed + counts.failed + counts.skipped != ncases)
            abort();
    }
    ampql_engine_free(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct unit_file file;
    struct ampql_error err = {0};
    struct str text = str_make((const char *)data, size);
    size_t nvalues = 0;
    arena_init(&arena, &alloc_default);
    enum ampql_code code = unit_read(text, "file", &arena, &file, &err);
    if (code != AMPQL_OK && (err.code != code || strncmp(err.message, "file:", 5) != 0))
        abort();
    for (size_t i = 0; code == AMPQL_OK && i < file.ntests; i++)
        for (size_t k = 0; k < file.tests[i].nseries; k++)
            nvalues += file.tests[i].series[k].nvalues;
    if (nvalues > SCRIPT_MAX_VALUES)
        abort();
    if (code == AMPQL_OK)
        run_tests(text, &file);
    arena_done(&arena);
    return 0;
}
