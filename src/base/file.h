/* Reading files at an offset, however many calls that takes. */
#ifndef AMPQL_SRC_BASE_FILE_H
#define AMPQL_SRC_BASE_FILE_H

#include "base/error.h"

#include <stdint.h>

/* Read the n bytes at offset, all of them. Reading is not mapping: a file that is cut short while
 * it is mapped kills the process that looks at it. err  "NAME: ...": AMPQL_UNAVAILABLE: reading
 * fails; AMPQL_BAD_DATA: the file ends before */
enum ampql_code file_read_at(int fd, const char *name, uint64_t offset, void *out, size_t n,
                             struct ampql_error *err);

#endif
