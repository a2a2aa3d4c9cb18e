/* What to do when a server says no: from an answer that is not a 200 to one typed action.
 *
 * Pure: clock and random numbers are handed in. Bodies come in four shapes (Prometheus JSON, AWS
 * JSON, plain text, a proxy's HTML); what they say decides as much as the status does. */
#ifndef AMPQL_SRC_SOURCE_FAILURE_H
#define AMPQL_SRC_SOURCE_FAILURE_H

#include "base/alloc.h"
#include "base/error.h"
#include "source/http.h"

enum failure_action {
    FAILURE_FAIL,         /* nothing helps */
    FAILURE_RETRY,        /* the same again, later */
    FAILURE_REFRESH,      /* renew the credentials, once, and ask again */
    FAILURE_CLOCK,        /* correct the clock by the answer's Date, once, and ask again */
    FAILURE_SPLIT,        /* less at a time: cut in time, then by labels */
    FAILURE_SPLIT_LABELS, /* fewer series: cut by labels, then in time */
};

/* An answer whose status is not 200. Views. */
struct failure_answer {
    int status;
    struct str body;              /* the first FAILURE_BODY bytes of it */
    struct str request_id;        /* x-amzn-requestid; empty: none */
    struct str error_type;        /* x-amzn-errortype; empty: none */
    struct str retry_after, date; /* headers; empty: none */
    struct str asked_by;          /* auth_describe; told where it matters, empty: not known */
};
enum { FAILURE_BODY = 8192 };

struct failure {
    enum failure_action action;
    enum ampql_code code; /* when it is final */
    bool may_split; /* FAILURE_RETRY that smells of a timeout: split when retries are used up */
    int64_t retry_after_ms; /* how long the server asks to wait; -1: it does not say */
    bool has_server_time;
    int64_t server_time_ms; /* of Date, Unix ms */
    char text[400];         /* what the server said, quoted and clipped, with its type */
    const char *advice;     /* what to do about it; NULL: nothing to add */
};

/* now_ms: Unix ms, for a Retry-After that is a date when the answer has no Date.
 *   err  AMPQL_NOMEM */
enum ampql_code failure_read(const struct ampql_allocator *alc, const struct failure_answer *answer,
                             int64_t now_ms, struct failure *out, struct ampql_error *err);

/* Fill err: "ORIGIN: HTTP 403, kind: "text" (request id ..., signed with the keys of ...): advice";
 * returns failure->code. */
enum ampql_code failure_tell(const struct failure *failure, const struct failure_answer *answer,
                             struct str origin, struct ampql_error *err);

/* Add to what was wrong with the body of a 200: "... (HTTP 200, request id ...)", and what a page
 * for people means. request_id, content_type: of its headers; may be empty. Returns err->code. */
enum ampql_code failure_tell_body(struct str request_id, struct str content_type,
                                  struct ampql_error *err);

/* What to do about a server that cannot be reached; NULL: nothing to add. */
const char *failure_advice(enum http_cause cause);

/* "Wed, 21 Oct 2015 07:28:00 GMT" as Unix ms; false for anything else. */
bool failure_parse_date(struct str text, int64_t *out);

/* ---- waiting */

/* How long one request is tried again. */
struct retry_policy {
    unsigned max_retries;  /* of one request */
    int64_t base_ms;       /* the first wait is below this, the second below twice this, ... */
    int64_t cap_ms;        /* and none above this, unless the server asks for it */
    int64_t max_waited_ms; /* all waits of one request together */
};
extern const struct retry_policy retry_policy_default;

/* How long to wait before the next attempt, with full jitter: a random time below
 * base * 2^(tries so far), never shorter than the server asks for; -1: the budget is used up.
 *
 *   nretries   made so far; waited_ms  in them
 *   random     64 random bits */
int64_t retry_wait(const struct retry_policy *policy, unsigned nretries, int64_t waited_ms,
                   int64_t retry_after_ms, uint64_t random);

#endif
