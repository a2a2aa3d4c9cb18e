/* What this program is made of, for bug reports. */
#ifndef AMPQL_SRC_TOOL_LIBRARIES_H
#define AMPQL_SRC_TOOL_LIBRARIES_H

#include <stddef.h>

enum { LIBRARIES = 8 };

struct library {
    const char *name;
    char version[320];
};

/* The libraries that say their version as they are loaded; http is libcurl's own line with its
 * TLS, or "no". [LIBRARIES] */
void libraries_list(struct library *out);

#endif
