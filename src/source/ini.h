/* INI files as AWS's tools read them (Python's configparser): [section], key = value or key: value,
 * whole lines of # or ; comments, indented lines go on with the value before. */
#ifndef AMPQL_SRC_SOURCE_INI_H
#define AMPQL_SRC_SOURCE_INI_H

#include "base/array.h"
#include "base/error.h"

struct ini_entry {
    struct str section;
    struct str key; /* in small letters; empty: the section's own line */
    struct str value;
    size_t line; /* from 1 */
};

struct ini {
    ARRAY(struct ini_entry); /* in the order of the file */
};

/* Read a file's text. Sections may come in several pieces.
 *   text   stays as long as out, which has views of it; the rest is in the arena
 *   err    AMPQL_BAD_DATA "line N: ...", never quoting a value; AMPQL_NOMEM */
enum ampql_code ini_parse(struct str text, struct arena *arena, struct ini *out,
                          struct ampql_error *err);

#endif
