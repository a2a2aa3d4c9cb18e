/* Who asks: what a request gets added so that a server answers it. */
#ifndef AMPQL_SRC_SOURCE_AUTH_H
#define AMPQL_SRC_SOURCE_AUTH_H

#include "base/arena.h"
#include "base/error.h"
#include "source/http.h"

struct auth;
struct credentials;     /* source/credentials.h */
struct aws_credentials; /* source/sigv4.h */

enum auth_kind {
    AUTH_NONE,
    AUTH_BASIC,         /* username and password */
    AUTH_AUTHORIZATION, /* "Authorization: TYPE TOKEN", such as Bearer */
    AUTH_SIGV4
};

/* Views; empty means not given. */
struct auth_options {
    enum auth_kind kind;
    const struct http_header *headers; /* [nheaders] added to every request */
    size_t nheaders;
    struct str username;
    struct str type;        /* of AUTH_AUTHORIZATION; empty: "Bearer" */
    struct str secret;      /* password or token */
    struct str secret_file; /* instead; read for every request, white space around it dropped */
    struct str region, service, profile, role_arn, external_id, session_name; /* SIGV4 */
    struct str access_key_id, secret_access_key, session_token; /* instead of those found */
    bool insecure_http; /* passwords, tokens, signed requests and headers such as Authorization
                           over http: beyond loopback */
};

/* Check options for a server, and for AUTH_SIGV4 find the credentials (nothing is fetched yet).
 *   options  copied
 *   url      the server's base URL
 *   http     for credentials; stays the caller's and outlives this
 *   err      AMPQL_BAD_DATA: secrets and plain http beyond the loopback (the message says which
 * flag allows it), no region, user names with a colon, headers that are none; AMPQL_UNAUTHORIZED
 * and others as credentials_open; AMPQL_UNSUPPORTED; AMPQL_NOMEM */
enum ampql_code auth_open(const struct ampql_allocator *alc, const struct auth_options *options,
                          struct str url, struct http *http, struct auth **out,
                          struct ampql_error *err);

/* Overwrites its secrets, then frees. NULL is fine. */
void auth_close(struct auth *auth);

/* What to send instead of `request`: its headers and ours, and for AUTH_SIGV4 the canonical URL.
 * Again for every attempt.
 *   now_ms  Unix ms, corrected by what is known of the server's clock
 *   arena   holds what out points to, secrets among it: wipe them with auth_wipe once http_start
 * has copied them err     AMPQL_UNAUTHORIZED: a password or token file that cannot be read or is
 * empty; as credentials_get and sigv4_sign; AMPQL_NOMEM */
enum ampql_code auth_apply(struct auth *auth, const struct http_request *request, int64_t now_ms,
                           struct arena *arena, struct http_request *out, struct ampql_error *err);

/* After a server said that what was sent has expired: fetch new credentials, once.
 * *renewed is false when there is nothing that could be renewed. err  as credentials_refresh */
enum ampql_code auth_refresh(struct auth *auth, int64_t now_ms, bool *renewed,
                             struct ampql_error *err);

/* Overwrite in a text of somebody else's [n], such as a server's error, the secrets that were sent:
 * some servers repeat what they were asked. */
void auth_redact(struct auth *auth, char *text, size_t n);

/* How requests say who asks, for messages: "signed with the keys of web identity", "sent with a
 * token"; "" when they do not. NUL-terminated, clipped to size, without secrets. */
enum { AUTH_DESCRIPTION_MAX = 512 };
void auth_describe(struct auth *auth, char *text, size_t size);

enum auth_kind auth_kind(const struct auth *auth);

/* Of AUTH_SIGV4, unless the keys were given; otherwise NULL. */
struct credentials *auth_credentials(struct auth *auth);

/* "none", "basic", "bearer", "sigv4": for reports. */
const char *auth_kind_name(enum auth_kind kind);

#endif
