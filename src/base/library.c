/* Functions by their names. */
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

library_function library_find(void *handle, const char *name)
{
    /* POSIX lets a function's address pass through a void pointer, ISO C does not */
    library_function function = NULL;
    void *address = dlsym(handle, name);
    _Static_assert(sizeof function == sizeof address, "dlsym gives addresses of functions");
    memcpy(&function, &address, sizeof function);
    return function;
}

enum ampql_code library_load(const struct library_file *file, library_function *functions,
                             void **handle, struct ampql_error *err)
{
    void *opened = dlopen(file->name, RTLD_NOW | RTLD_LOCAL);
    if (!opened)
        return fail(err, AMPQL_UNAVAILABLE,
                    "%s needs a library that does not load: %s (Debian's package is %s)",
                    file->what, dlerror(), file->package);
    for (size_t i = 0; i < file->n; i++) {
        functions[i] = library_find(opened, file->names[i]);
        if (!functions[i]) {
            dlclose(opened);
            return fail(err, AMPQL_UNSUPPORTED, "%s has no function %s, which %s needs", file->name,
                        file->names[i], file->what);
        }
    }
    if (handle)
        *handle = opened;
    return AMPQL_OK;
}
