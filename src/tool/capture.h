/* `ampql capture`: what is in a capture, and whether it is whole. */
#ifndef AMPQL_SRC_TOOL_CAPTURE_H
#define AMPQL_SRC_TOOL_CAPTURE_H

#include <ampql/source.h>

#include "base/error.h"

/* Print into write, as text for people or as one JSON object a line.
 *
 *   ls      a line a select: what it is of, series, samples, samples billed for it
 *   show    where it comes from, its content id, its size, bytes a sample, and the metrics in it
 *   verify  every finding, then a line with the sum; *is_whole: there were none. What is left is
 *           written to rescue_to, unless that is NULL
 *
 *   err  of capture_open (of verify only when nothing of it is a capture); of capture_write_new;
 *        AMPQL_OUTPUT */
enum ampql_code tool_capture_ls(const char *path, bool as_json, ampql_write write, void *payload,
                                struct ampql_error *err);
enum ampql_code tool_capture_show(const char *path, bool as_json, ampql_write write, void *payload,
                                  struct ampql_error *err);
enum ampql_code tool_capture_verify(const char *path, const char *rescue_to, bool as_json,
                                    ampql_write write, void *payload, bool *is_whole,
                                    struct ampql_error *err);

/* Write one capture at `to` that holds what all inputs do; where two hold a time, the later
 * input's answer counts.
 *   err  of capture_open and capture_write_new */
enum ampql_code tool_capture_merge(const char *const *paths, size_t npaths, const char *to,
                                   struct ampql_error *err);

#endif
