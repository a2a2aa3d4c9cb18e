/* `ampql capture diff`: what one of two captures holds and the other does not. */
#ifndef AMPQL_SRC_TOOL_DIFF_H
#define AMPQL_SRC_TOOL_DIFF_H

#include "base/error.h"

/* Compare two captures, A and B, and print what differs, as text for people or as a JSON object a
 * line: where they come from; windows that only one has; in windows that both have, series that
 * only one has, and of others how many samples differ, with the first of them. The last line has
 * the sums. When the content ids are equal nothing else is read.
 *
 *   is_same  out: they hold the same
 *   err      of capture_open and capture_scan; AMPQL_OUTPUT; AMPQL_NOMEM */
enum ampql_code tool_capture_diff(const struct ampql_allocator *alc, const char *a, const char *b,
                                  bool as_json, ampql_write write, void *payload, bool *is_same,
                                  struct ampql_error *err);

#endif
