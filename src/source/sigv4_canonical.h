/* Canonical forms of a request's parts, as AWS computes them from what it receives. */
#ifndef AMPQL_SRC_SOURCE_SIGV4_CANONICAL_H
#define AMPQL_SRC_SOURCE_SIGV4_CANONICAL_H

#include "base/array.h"
#include "base/buf.h"
#include "base/error.h"

/* Append the path without empty, . and .. segments; at least "/". Doing it twice changes nothing.
 */
void canonical_path(struct buf *out, struct str path);

/* Append the query with names and values decoded and encoded anew, each pair with its =, empty
 * pairs left out, in byte order of the encoded names, then values. Doing it twice changes nothing.
 *   arena  holds the pieces
 *   err    AMPQL_NOMEM; what out itself could not hold it says itself */
enum ampql_code canonical_query(struct buf *out, struct str query, struct arena *arena,
                                struct ampql_error *err);

/* A header to be signed. */
struct canonical_header {
    struct str name;  /* in small letters */
    struct str value; /* as given; canonical_headers folds it */
    size_t order;     /* among those of one name */
};

struct canonical_headers {
    ARRAY(struct canonical_header);
};

/* Add a header, unless it is one that changes on the way (botocore's list).
 *   arena  holds its name
 *   err    AMPQL_NOMEM */
enum ampql_code canonical_add(struct canonical_headers *headers, struct arena *arena,
                              struct str name, struct str value, struct ampql_error *err);

/* Is one of that name there? name: small letters. */
bool canonical_has(const struct canonical_headers *headers, struct str name);

/* Append "name:value\n" for each name in byte order, the values trimmed, blanks folded into one,
 * and those of one name joined with commas. Sorts the headers. */
void canonical_headers(struct buf *out, struct canonical_headers *headers);

/* Append "a;b;c"; after canonical_headers. */
void canonical_names(struct buf *out, const struct canonical_headers *headers);

#endif
