/* Any bytes as a test script: refused with a message that names file and line, or read; a load's
 * values are within the ceiling. */
#include "base/error.h"
#include "tool/script.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct script script;
    struct ampql_error err = {0};
    size_t nvalues = 0;
    arena_init(&arena, &alloc_default);
    enum ampql_code code =
        script_parse(str_make((const char *)data, size), "file", &arena, &script, &err);
    if (code != AMPQL_OK && (err.code != code || strncmp(err.message, "file:", 5) != 0))
        abort();
    for (size_t i = 0; code == AMPQL_OK && i < script.n; i++)
        for (size_t k = 0; k < script.at[i].nseries; k++)
            nvalues += script.at[i].series[k].nvalues;
    if (nvalues > SCRIPT_MAX_VALUES)
        abort();
    arena_done(&arena);
    return 0;
}
