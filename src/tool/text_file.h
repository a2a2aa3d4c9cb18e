/* A whole file as one text. */
#ifndef AMPQL_SRC_TOOL_TEXT_FILE_H
#define AMPQL_SRC_TOOL_TEXT_FILE_H

#include "base/arena.h"
#include "base/error.h"

enum { TEXT_FILE_MAX = 64 << 20 };

/* Read a file, "-" for standard input, into the arena.
 *   err  AMPQL_BAD_DATA: cannot be opened or read, without its name; AMPQL_LIMIT: over
 *        TEXT_FILE_MAX; AMPQL_NOMEM */
enum ampql_code text_file_read(struct arena *arena, const char *path, struct str *out,
                               struct ampql_error *err);

#endif
