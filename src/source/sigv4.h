/* AWS Signature Version 4: what to add to a request so that AWS believes who sent it.
 *
 * Pure: the time comes from the caller, nothing is kept. Sign again for every attempt, since a
 * signature is good for five minutes. The rules are those of AWS's IAM guide, "Create a signed
 * request", for all services but S3. */
#ifndef AMPQL_SRC_SOURCE_SIGV4_H
#define AMPQL_SRC_SOURCE_SIGV4_H

#include "base/arena.h"
#include "base/error.h"

struct http_header;  /* source/http.h */
struct http_request; /* source/http.h */

struct aws_credentials {
    struct str access_key_id, secret_access_key;
    struct str session_token; /* empty: long-lived keys */
    int64_t expires_ms;       /* Unix ms; 0: never */
};

struct sigv4 {
    struct str region, service; /* "us-east-1", "aps" */
    const struct aws_credentials *credentials;
    int64_t now_ms;  /* Unix ms; corrected by what is known of the server's clock */
    bool keeps_dots; /* the path is signed as it is: . and .. and // stay. Not for AMP or STS */
};

/* What to send. */
struct sigv4_signed {
    struct str url; /* in the very bytes to send: host in small letters, default port left out,
                       query canonical */
    struct http_header *headers; /* [nheaders] to add to the request's own: x-amz-date,
                                    x-amz-security-token (the credentials' own bytes, secret),
                                    authorization (secret) */
    size_t nheaders;
};

/* Sign method, url, headers and body of a request. The host is taken from the URL, or from a header
 * of that name when there is one. All other headers are signed too, except those that change on the
 * way (connection, user-agent, ...); so only those may be added afterwards.
 *
 *   request  the path is sent as it is, so it is percent-encoded already; in the query, %XX is
 *            decoded and encoded anew, + is a plus sign, and empty pairs are dropped
 *   arena    holds what out points to, which includes no secret
 *   err      AMPQL_BAD_DATA: no URL that can be sent, a header with a line break or NUL, a header
 *            that only the signer may set, empty region, service or keys, a time beyond the years
 *            1 to 9999; AMPQL_NOMEM
 *   see      IAM guide "Create a signed request"; botocore's SigV4Auth */
enum ampql_code sigv4_sign(const struct sigv4 *sigv4, const struct http_request *request,
                           struct arena *arena, struct sigv4_signed *out, struct ampql_error *err);

/* The steps on the way to a signature, for tests and for looking at a mismatch. The canonical
 * request holds the session token. */
struct sigv4_steps {
    struct str canonical_request, string_to_sign;
    struct str signed_headers; /* "host;x-amz-date" */
    struct str signature;      /* 64 hex digits */
};

/* The same computation without the checks of what can be sent: a path may hold any bytes, and
 * header values may be folded over lines. err  as sigv4_sign, without those checks */
enum ampql_code sigv4_explain(const struct sigv4 *sigv4, const struct http_request *request,
                              struct arena *arena, struct sigv4_steps *out,
                              struct ampql_error *err);

#endif
