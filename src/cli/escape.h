/* Text that cannot drive a terminal: what Go would not print as it is (control bytes, invisible
 * characters that change the direction or the breaking of text) is written as \n, \x1b, \u202e, and
 * invalid UTF-8 as \xff. */
#ifndef AMPQL_SRC_CLI_ESCAPE_H
#define AMPQL_SRC_CLI_ESCAPE_H

#include "base/quote.h"

/* Look at the first character of p [n], n > 0.
 *   out      [QUOTED_RUNE_MAX] its escaped form, NUL-terminated; empty when it may be printed as it
 * is returns  how many bytes it takes; 0: the sequence is cut by the end and may be completed */
size_t escape_rune(const char *p, size_t n, char *out);

/* Append s with everything unprintable escaped. Backslashes stay as they are. */
void escape_str(struct buf *out, struct str s);

/* How many columns printed text takes: its characters. */
size_t escape_width(struct str s);

#endif
