/* Folders for tests. */
#include "support/scratch.h"

#include <stdio.h>
#include <stdlib.h>

bool scratch_make(char out[SCRATCH_MAX])
{
    static const char *const places[] = {"/dev/shm", "/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(out, SCRATCH_MAX, "%s/ampql-test-XXXXXX", places[i]);
        if (mkdtemp(out))
            return true;
    }
    return false;
}
