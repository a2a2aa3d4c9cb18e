/* Failing: fill the caller's error and give the code back, so that `return fail(...)` is the whole
 * of it. */
#ifndef AMPQL_SRC_BASE_ERROR_H
#define AMPQL_SRC_BASE_ERROR_H

#include <ampql/base.h>

#include "base/str.h"

#include <stdarg.h>

/* Leave the function when a call failed. Only where nothing has to be released: everything is in an
 * arena. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum ampql_code try_code_ = (call);                                                        \
        if (try_code_ != AMPQL_OK)                                                                 \
            return try_code_;                                                                      \
    } while (0)

/* Fill err (NULL is fine) with a one-line message and no position; returns code. */
enum ampql_code fail(struct ampql_error *err, enum ampql_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for the arguments of another function of this kind. */
enum ampql_code fail_args(struct ampql_error *err, enum ampql_code code, const char *format,
                          va_list args) __attribute__((format(printf, 3, 0)));

/* The same with bytes [start, end) of the query text. */
enum ampql_code fail_at(struct ampql_error *err, enum ampql_code code, size_t start, size_t end,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));

/* "what: "text"", the text clipped to 64 bytes and escaped so that it can neither break the line
 * nor drive a terminal, and is UTF-8. The only way that input gets into a message. */
enum ampql_code fail_quote(struct ampql_error *err, enum ampql_code code, const char *what,
                           struct str text);

/* Out of memory while making `what`, such as "a row of steps". */
enum ampql_code fail_nomem(struct ampql_error *err, const char *what);

/* Write text to out [size], quoted, escaped and clipped as fail_quote does; NUL-terminated. Returns
 * out. */
char *quote_clipped(char *out, size_t size, struct str text);

/* The same in backquotes, for regexes: backslashes and quotes stay as they are. */
char *quote_clipped_raw(char *out, size_t size, struct str text);

#endif
