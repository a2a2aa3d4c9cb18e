/* Go's regex syntax where RE2's is another one. */
#ifndef AMPQL_SRC_BASE_REGEX_SYNTAX_H
#define AMPQL_SRC_BASE_REGEX_SYNTAX_H

#include "base/arena.h"
#include "base/error.h"

/* A regex in RE2's syntax; when Go refuses it, only up to the place where Go stops. */
struct regex_syntax {
    struct str re2;
    const char *reason;  /* why Go refuses what comes next, in its words; NULL: it does not */
    struct str fragment; /* of the source: what Go quotes */
};

/* Translate source, which is UTF-8.
 *   short_names  (?<name>re) is a group, as since Go 1.22; (?P<name>re) always is
 *   out          in the arena and of source
 *   err          AMPQL_NOMEM
 *   see          regexp/syntax: names are of [0-9A-Za-z_], counts go up to 1000 however long they
 * are, and there is no \C */
enum ampql_code regex_translate(struct arena *arena, struct str source, bool short_names,
                                struct regex_syntax *out, struct ampql_error *err);

#endif
