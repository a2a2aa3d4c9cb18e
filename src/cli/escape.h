/* Text that cannot drive a terminal: control bytes, C1 controls, and the invisible characters that
 * change the direction or the breaking of text are written as \n, \x1b, \u202e. Invalid UTF-8 is
 * written as \xff. */
#ifndef AMPQL_SRC_CLI_ESCAPE_H
#define AMPQL_SRC_CLI_ESCAPE_H

#include "base/buf.h"

enum { ESCAPE_MAX = 8 };

/* Look at the first character of p [n], n > 0.
 *   out      [ESCAPE_MAX] its escaped form, NUL-terminated; empty when it may be printed as it is
 *   returns  how many bytes it takes; 0: the sequence is cut by the end and may be completed */
size_t escape_rune(const char *p, size_t n, char *out);

/* Append s with everything unprintable escaped. Backslashes stay as they are. */
void escape_str(struct buf *out, struct str s);

/* Append s in double quotes as Go's %q writes it: also \" and \\. */
void escape_quoted(struct buf *out, struct str s);

/* How many columns printed text takes: its characters. */
size_t escape_width(struct str s);

#endif
