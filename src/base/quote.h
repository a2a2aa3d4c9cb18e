/* Text quoted as Go quotes it, because Prometheus's messages and printed strings are Go's. */
#ifndef AMPQL_SRC_BASE_QUOTE_H
#define AMPQL_SRC_BASE_QUOTE_H

#include "base/buf.h"

/* The code point at text[at], at < text.n, and its length in bytes. U+FFFD and 1 when the bytes are
 * not UTF-8. */
uint32_t rune_decode(struct str text, size_t at, size_t *width);

/* One code point between quotes: 'x', '\n', '\u00a0'. Writes to out [QUOTED_RUNE_MAX]; returns out.
 */
enum { QUOTED_RUNE_MAX = 16 };
const char *quote_rune(char *out, uint32_t rune);

/* "text" with Go's escapes; clipped with "..." inside the quotes when it does not fit. Writes to
 * out [size], size >= 16, NUL-terminated; returns out. */
const char *quote_text(char *out, size_t size, struct str text);

/* What stands for the code point at text[*at] inside double quotes: itself or its escape. Writes to
 * out [QUOTED_RUNE_MAX], moves *at past it, returns the length. */
size_t quote_code_point(char *out, struct str text, size_t *at);

/* The same in full. Reads back as PromQL to the same bytes, whatever they are. */
void print_quoted(struct buf *out, struct str text);

#endif
