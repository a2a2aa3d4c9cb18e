/* Shared libraries that are loaded when they are needed, instead of with the program. */
#ifndef AMPQL_SRC_BASE_LIBRARY_H
#define AMPQL_SRC_BASE_LIBRARY_H

#include "base/error.h"

typedef void (*library_function)(void);

struct library_file {
    const char *name;         /* with its ABI's number: "libz.so.1" */
    const char *what;         /* needs it: "HTTP" */
    const char *package;      /* Debian's */
    const char *const *names; /* [n] of functions */
    size_t n;
};

/* Load a library; it stays until the process ends.
 *
 *   functions  out: [n], in the order of names
 *   handle     out: for library_find; may be NULL
 *   err        AMPQL_UNAVAILABLE: it does not load; AMPQL_UNSUPPORTED: it lacks a function */
enum ampql_code library_load(const struct library_file *file, library_function *functions,
                             void **handle, struct ampql_error *err);

/* A function of it or of what it links, or NULL. */
library_function library_find(void *handle, const char *name);

#endif
