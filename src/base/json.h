/* A pull reader for JSON that is fed in pieces, so that no document is ever held whole.
 *
 *   json_init(&json, alc, limits);
 *   json_feed(&json, bytes, n, is_last);
 *   while ((code = json_next(&json, &token, err)) == AMPQL_OK && token.kind != JSON_MORE &&
 * token.kind != JSON_END) ...
 *
 * JSON_MORE: all bytes fed are used up, feed again (an empty last piece says there is no more).
 * Strings and numbers that lie whole in one piece are views of it; others, and strings with
 * escapes, are put together in a buffer of the reader's. Either way a token's text is valid until
 * the next call. Strict RFC 8259: no comments, trailing commas, bare NaN, or leading zeros; control
 * bytes, lone surrogates and invalid UTF-8 in strings are errors. Duplicate keys are the caller's
 * affair. */
#ifndef AMPQL_SRC_BASE_JSON_H
#define AMPQL_SRC_BASE_JSON_H

#include "base/buf.h"
#include "base/error.h"

enum json_kind {
    JSON_MORE,
    JSON_OBJECT,     /* { */
    JSON_OBJECT_END, /* } */
    JSON_ARRAY,      /* [ */
    JSON_ARRAY_END,  /* ] */
    JSON_KEY,        /* text: the key, unescaped */
    JSON_STRING,     /* text: unescaped */
    JSON_NUMBER,     /* text: as written */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
    JSON_END /* the document is complete and only blanks followed */
};

struct json_token {
    enum json_kind kind;
    struct str text;
    uint64_t offset; /* of the token's first byte in the document */
};

struct json_limits {
    size_t max_depth;  /* of nesting; 0: 64 */
    size_t max_string; /* bytes of one string; 0: 1 MiB */
};

/* Members are the reader's own. */
struct json {
    const struct ampql_allocator *alc;
    struct json_limits limits;
    const char *p, *end; /* what is left of the current piece */
    uint64_t end_offset; /* of end in the document */
    bool is_last;        /* no piece follows */
    struct buf partial;  /* a token cut by the end of a piece, or a string being unescaped */
    uint8_t *stack;      /* [max_depth] of open { and [ */
    size_t depth;
    int expect;            /* what may come next */
    int cut;               /* the kind of token that the last piece ended in, if any */
    bool is_escaped;       /* a cut string's last byte is a backslash that escapes the next */
    size_t word, matched;  /* which of true, false and null, and how much of it was read */
    uint64_t token_offset; /* of the token being read */
    enum ampql_code failed;
};

/* err  AMPQL_NOMEM */
enum ampql_code json_init(struct json *json, const struct ampql_allocator *alc,
                          struct json_limits limits, struct ampql_error *err);
void json_done(struct json *json);

/* Give the next piece; it must stay until json_next says JSON_MORE. is_last: nothing follows it. */
void json_feed(struct json *json, const char *bytes, size_t n, bool is_last);

/* The next token.
 *   err  AMPQL_BAD_DATA "offset N: unexpected ..., expected ..." or "the document ends inside ...";
 * AMPQL_LIMIT: depth or string length; AMPQL_NOMEM. After an error the reader stays failed. */
enum ampql_code json_next(struct json *json, struct json_token *out, struct ampql_error *err);

/* Inside an array: the next element, when it is a sample, [seconds,"number"], that lies whole in
 * the piece in the form that servers write. false: nothing was read, and json_next tells what is
 * there.
 *
 *   out   what json_next would have given for the value, a JSON_STRING */
bool json_take_sample(struct json *json, struct json_token *out, int64_t *t_ms, double *v);

/* Skip the rest of the value whose first token was just read, also over several pieces: call while
 * it says JSON_MORE. depth  start with 0 */
enum ampql_code json_skip(struct json *json, struct json_token *token, size_t *depth,
                          struct ampql_error *err);

/* Append s as a JSON string with quotes: escapes ", \, and control bytes (\n, \r, \t, else \u00xx);
 * invalid UTF-8 becomes U+FFFD. */
void json_quote(struct buf *out, struct str s);

/* Append labels [nlabels] as an object, {"job":"a"}; without `__name__` unless with_name. */
void json_quote_labels(struct buf *out, const struct ampql_label *labels, size_t nlabels,
                       bool with_name);

/* The same without the quotes: for a string that is put together from pieces, each of them whole
 * UTF-8. */
void json_escape(struct buf *out, struct str s);

/* Spell <, >, & and the separators U+2028 and U+2029 in the JSON that out holds from `from` on as
 * \u003c and so on, as Go does so that a browser finds no markup in it. */
void json_escape_html(struct buf *out, size_t from);

#endif
