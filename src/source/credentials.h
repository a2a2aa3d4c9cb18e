/* AWS credentials: found where botocore finds them, in its order, and renewed before they expire.
 *
 *   environment · profile with a role · web identity (IRSA) · profile · container endpoint (Pod
 *   Identity, ECS) · instance metadata (IMDSv2); then, when asked, a role assumed on top
 *
 * The first that is configured is the one: when it fails, that is the error, and no other is tried
 * in its place. Nothing here ever puts a secret into a message or a description. */
#ifndef AMPQL_SRC_SOURCE_CREDENTIALS_H
#define AMPQL_SRC_SOURCE_CREDENTIALS_H

#include "base/arena.h"
#include "base/error.h"
#include "source/sigv4.h"

struct http; /* source/http.h */
struct credentials;

/* What the environment says of name, NULL: nothing. The text stays as long as the credentials. */
typedef const char *credentials_env(void *payload, const char *name);

struct credentials_options {
    struct str profile;  /* empty: AWS_PROFILE, else "default". Chosen here, the environment's keys
                            are not looked at */
    struct str region;   /* of the service to call; empty: AWS_REGION, AWS_DEFAULT_REGION, the
                            profile's */
    struct str role_arn; /* a role to assume on top, as for a workspace of another account */
    struct str external_id, session_name; /* of that role; may be empty */
    credentials_env *env;                 /* NULL: getenv */
    void *env_payload;
};

/* Find the provider; no network, no file but the profile files is read, nothing is fetched yet.
 *   options  copied
 *   http     for STS, container and instance endpoints; stays the caller's, outlives this, and is
 *            used only inside the calls below
 *   err      AMPQL_UNAUTHORIZED: no provider is configured (the message lists what was looked for),
 *            or the configured one lacks something; AMPQL_BAD_DATA: a profile file that cannot be
 *            read or parsed; AMPQL_UNSUPPORTED: mfa_serial, SSO; built without HTTP; AMPQL_NOMEM */
enum ampql_code credentials_open(const struct ampql_allocator *alc,
                                 const struct credentials_options *options, struct http *http,
                                 struct credentials **out, struct ampql_error *err);

/* Overwrites all secrets, then frees. NULL is fine. */
void credentials_close(struct credentials *credentials);

/* Keys that are good at now_ms: cached ones, renewed from 10 minutes before they expire (a failure
 * is kept to itself until 2 minutes before). One thread renews, others wait for it.
 *   out  borrowed; good until the keys have been renewed eight times more
 *   err  AMPQL_UNAUTHORIZED: refused, expired, unreadable token file; AMPQL_UNAVAILABLE,
 *        AMPQL_TIMEOUT: the endpoint cannot be reached; AMPQL_BAD_DATA: its answer makes no sense;
 *        AMPQL_NOMEM. Messages name the provider, the HTTP status, AWS's code and request id, and
 *        what to do */
enum ampql_code credentials_get(struct credentials *credentials, int64_t now_ms,
                                const struct aws_credentials **out, struct ampql_error *err);

/* The same after a server said that the keys `refused` have expired: new ones, unless they have
 * been renewed since. Call it once, not in a loop. err  as credentials_get */
enum ampql_code credentials_refresh(struct credentials *credentials, int64_t now_ms,
                                    const struct aws_credentials *refused,
                                    const struct aws_credentials **out, struct ampql_error *err);

/* The region of the service; empty when nothing says. Borrowed. */
struct str credentials_region(const struct credentials *credentials);

/* Which provider was chosen and why, for people. All text without secrets; borrowed from the
 * credentials and the arena. */
struct credentials_description {
    struct str provider;      /* "web identity" */
    struct str reason;        /* "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are set" */
    struct str role_arn;      /* of the role that is assumed last; empty: none */
    struct str access_key_id; /* all but the last four characters as *; empty: not fetched yet */
    int64_t expires_ms;       /* 0: never, or not fetched yet */
    struct str region, region_reason; /* both empty: no region */
    const struct str *shadowed;       /* [nshadowed] configured as well, and not used */
    size_t nshadowed;
    struct str note; /* last renewal that failed and was kept quiet; empty: none */
};

/* err  AMPQL_NOMEM */
enum ampql_code credentials_describe(struct credentials *credentials, struct arena *arena,
                                     struct credentials_description *out, struct ampql_error *err);

/* Who AWS takes these keys for: sts GetCallerIdentity, which needs no permission. */
struct caller_identity {
    struct str account, arn, user_id;
};

/* arena  holds the texts
 * err    as credentials_get */
enum ampql_code credentials_identity(struct credentials *credentials, int64_t now_ms,
                                     struct arena *arena, struct caller_identity *out,
                                     struct ampql_error *err);

#endif
