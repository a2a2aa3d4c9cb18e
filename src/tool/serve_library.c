/* libmicrohttpd by its functions' names. */
#include "base/library.h"

#if AMPQL_HTTP

#include "tool/serve_library.h"

#include <string.h>

static const char *const names[] = {
#define FUNCTION(name) "MHD_" #name,
    SERVE_LIBRARY_FUNCTIONS(FUNCTION)
#undef FUNCTION
};
enum { NAMES = sizeof names / sizeof *names };

enum ampql_code serve_library(struct serve_library *out, struct ampql_error *err)
{
    static const struct library_file file = {"libmicrohttpd.so.12", "ampql serve",
                                             "libmicrohttpd12", names, NAMES};
    library_function found[NAMES];
    _Static_assert(sizeof *out == sizeof found, "a row of functions");
    TRY(library_load(&file, found, NULL, err));
    memcpy(out, found, sizeof found);
    return AMPQL_OK;
}

#endif
