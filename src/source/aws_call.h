/* What calls of AWS's small services share: one small document over HTTP, tried a few times, and
 * failures that name who asked, the status, AWS's code and request id, and what to do. */
#ifndef AMPQL_SRC_SOURCE_AWS_CALL_H
#define AMPQL_SRC_SOURCE_AWS_CALL_H

#include "source/http.h"
#include "source/sigv4.h"

/* An exchange. Its arena holds answers that are secrets: put it on an aws_secret_allocator. */
struct aws_call {
    struct http *http;
    struct arena *arena;
    const char *who;       /* for messages: "web identity" */
    struct str secrets[4]; /* texts that no message may repeat; empty ones count for nothing */
    unsigned tries;        /* at least 1 */
    int64_t wait_ms;       /* before the second, doubled for the next */
};

/* Send a request until there is an answer below 500 that is not 429, or tries are used up; the last
 * answer whatever it is.
 *   err  "WHO: HOST: ...": AMPQL_UNAVAILABLE, AMPQL_TIMEOUT, AMPQL_LIMIT (an answer over 64 KiB),
 *        AMPQL_BAD_DATA (not HTTP), what the client's poll says, AMPQL_NOMEM */
enum ampql_code aws_call_send(const struct aws_call *call, const struct http_request *request,
                              struct http_response *out, struct ampql_error *err);

/* What a service said when it refused. Any text may be empty. */
struct aws_refusal {
    int status;
    struct str code, message, request_id;
    const char *advice; /* NULL: none */
};

/* Fill err with "WHO: HTTP 403 AccessDenied: "message" (request id R): advice", the message left
 * out when it repeats a secret; returns code. */
enum ampql_code aws_call_refused(const struct aws_call *call, const struct aws_refusal *refusal,
                                 enum ampql_code code, struct ampql_error *err);

/* Does the text repeat one of the call's secrets, or twelve bytes of one? */
bool aws_call_repeats(const struct aws_call *call, struct str text);

/* Put "WHO: " in front of err's message (NULL is fine), and return code. */
enum ampql_code aws_call_name(const char *who, enum ampql_code code, struct ampql_error *err);

/* The whole of a small file, without line breaks and blanks at its end.
 *   err  AMPQL_UNAUTHORIZED "WHO: PATH: ...": it cannot be read, is empty, longer than 64 KiB, or
 *        holds a line break or other control byte inside; AMPQL_NOMEM */
enum ampql_code aws_token_file(struct arena *arena, const char *who, struct str path,
                               struct str *out, struct ampql_error *err);

/* "2026-01-02T03:04:05Z" as Unix ms; false for anything that is no RFC 3339 time. */
bool aws_parse_time(struct str text, int64_t *out);

#endif
