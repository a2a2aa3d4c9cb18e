/* Codes, errors, the allocator hook and the views that all other headers use. */
#ifndef AMPQL_BASE_H
#define AMPQL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define AMPQL_API __attribute__((visibility("default")))
#else
#define AMPQL_API
#endif

#define AMPQL_VERSION "0.1.0"

/* How a call ended. Numbers are never reused. ampql_code_name gives the HTTP API's errorType where
 * there is one. */
enum ampql_code {
    AMPQL_OK = 0,
    AMPQL_PARSE = 1,         /* query or rule text is not PromQL; the error has a span */
    AMPQL_BAD_DATA = 2,      /* input data or parameters are wrong: files, bodies, times, steps */
    AMPQL_EXECUTION = 3,     /* the query is well-formed but cannot be evaluated on this data */
    AMPQL_TIMEOUT = 4,       /* the deadline passed */
    AMPQL_CANCELED = 5,      /* the caller's cancel flag was set, or a callback asked to stop */
    AMPQL_LIMIT = 6,         /* a limit on samples, series, depth or bytes was reached */
    AMPQL_NOMEM = 7,         /* the allocator returned NULL */
    AMPQL_NOT_FOUND = 8,     /* a file, series set or select that the source does not hold */
    AMPQL_UNAVAILABLE = 9,   /* a source could not be read: network, I/O */
    AMPQL_UNAUTHORIZED = 10, /* credentials are missing, expired or refused */
    AMPQL_UNSUPPORTED = 11,  /* recognised and refused: named in the message */
    AMPQL_OUTPUT = 12,       /* the caller's write callback failed */
    AMPQL_INTERNAL = 13      /* a broken invariant; please report */
};

/* "ok", or the HTTP API's errorType: "bad_data", "execution", "timeout", "canceled", "not_found",
 * "unavailable", "internal"; what it has no word for is the nearest one. A static string; any
 * thread. see  Prometheus docs "HTTP API", "Format overview" */
AMPQL_API const char *ampql_code_name(enum ampql_code code);

enum { AMPQL_MESSAGE_MAX = 2048 }; /* three label sets fit in */

/* What went wrong. Owned by the caller, who may pass NULL instead; filled only when a call fails.
 */
struct ampql_error {
    enum ampql_code code;
    size_t start, end; /* bytes [start, end) of the query text; both 0 when no position is known */
    bool has_span;
    char message[AMPQL_MESSAGE_MAX]; /* one line, UTF-8, NUL-terminated */
};

/* Memory hook, one function in the manner of realloc:
 *   old_size 0: a new block of new_size bytes, aligned for any type, or NULL
 *   new_size 0: frees ptr, returns NULL
 *   otherwise:  resizes, or returns NULL and leaves ptr as it was
 * Must be thread-safe when one engine is used from several threads. */
struct ampql_allocator {
    void *(*resize)(void *payload, void *ptr, size_t old_size, size_t new_size);
    void *payload;
};

/* Which Prometheus to equal. 3.x has left-open ranges, lookback and subqueries and compensated
 * sums; 2.x (2.42) has left-closed ones and its own sum and avg. */
enum ampql_dialect {
    AMPQL_DIALECT_DEFAULT = 0, /* prom3 */
    AMPQL_PROM3 = 3,
    AMPQL_PROM2 = 2
};

/* A string borrowed from the object that was asked for it: [size] bytes, not NUL-terminated. */
struct ampql_string {
    const char *data;
    size_t size;
};

/* One label. Names are unique in a set and values are never empty: an empty value is an absent
 * label. */
struct ampql_label {
    struct ampql_string name, value;
};

/* Structs of options begin with `size`, the size of the struct: what a struct of older headers
 * lacks is zero, and zero means the default. A size of 0 stands for the struct as it was in 0.1. */

/* Views of item i of an object are zero past the last one. Arguments may be NULL only where their
 * function says so; every _free takes NULL. */

/* Receives output piece by piece; 0 to go on, anything else stops with AMPQL_OUTPUT. */
typedef int (*ampql_write)(void *payload, const char *data, size_t size);

/* The version of the library that is linked, "MAJOR.MINOR.PATCH"; AMPQL_VERSION is that of the
 * headers. A static string; any thread. */
AMPQL_API const char *ampql_version(void);

#ifdef __cplusplus
}
#endif
#endif
