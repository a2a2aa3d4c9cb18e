/* A JSON document read from an input, token by token, with errors that say "NAME: offset N: ...".
 */
#ifndef AMPQL_SRC_SOURCE_DOCUMENT_H
#define AMPQL_SRC_SOURCE_DOCUMENT_H

#include "base/json.h"
#include "source/input.h"

struct document {
    struct input *input;
    struct json json;
    struct json_token token; /* the one read last; its text is valid until the next */
    bool is_broken;          /* it is no JSON, or ended early */
};

/* err  AMPQL_NOMEM */
enum ampql_code document_init(struct document *doc, struct input *input, struct ampql_error *err);
void document_done(struct document *doc);

/* Read the next token into doc->token.
 *   err  of input_next and json_next */
enum ampql_code document_next(struct document *doc, struct ampql_error *err);

/* Read the next token, which must be of this kind; what: "an object with the labels".
 *   err  AMPQL_BAD_DATA "NAME: offset N: expected WHAT", and of document_next */
enum ampql_code document_expect(struct document *doc, enum json_kind kind, const char *what,
                                struct ampql_error *err);

/* Read the next value and leave it unused. */
enum ampql_code document_skip(struct document *doc, struct ampql_error *err);

/* Read and check that nothing follows. */
enum ampql_code document_end(struct document *doc, struct ampql_error *err);

/* Fail at the token read last: "NAME: offset N: ...". */
enum ampql_code document_fail(const struct document *doc, enum ampql_code code,
                              struct ampql_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Put "NAME: offset N: " in front of err's message, and return code. */
enum ampql_code document_name(const struct document *doc, enum ampql_code code,
                              struct ampql_error *err);

#endif
