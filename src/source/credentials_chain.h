/* Which provider of credentials is configured: the base keys, and the roles assumed on top of them.
 */
#ifndef AMPQL_SRC_SOURCE_CREDENTIALS_CHAIN_H
#define AMPQL_SRC_SOURCE_CREDENTIALS_CHAIN_H

#include "base/array.h"
#include "source/aws_sts.h"
#include "source/credentials.h"
#include "source/credentials_profile.h"

enum provider_kind {
    PROVIDER_NONE,
    PROVIDER_ENVIRONMENT, /* read again at every renewal */
    PROVIDER_KEYS,        /* of a profile */
    PROVIDER_WEB_IDENTITY,
    PROVIDER_PROCESS,
    PROVIDER_CONTAINER,
    PROVIDER_INSTANCE
};

/* All texts are in the chain's arena. */
struct provider {
    enum provider_kind kind;
    const char *name;  /* "web identity" */
    struct str reason; /* why it is this one, without secrets */

    struct aws_credentials keys; /* KEYS */
    struct aws_role role;        /* WEB_IDENTITY */
    struct str token_file;       /* WEB_IDENTITY, CONTAINER (may be empty) */
    struct str token;            /* CONTAINER, when there is no file; may be empty */
    struct str command;          /* PROCESS */
    struct str url;              /* CONTAINER; INSTANCE: the endpoint, without a slash at its end */
    int64_t timeout_ms;          /* INSTANCE: of one request, */
    unsigned tries;              /*    and how often it is made */
};

/* A function of the environment, that takes an empty value for none. */
struct chain_env {
    credentials_env *get;
    void *payload;
};
struct str chain_getenv(const struct chain_env *env, const char *name);

struct chain {
    struct chain_env env;
    struct provider base;
    struct {
        ARRAY(struct aws_role);
    } roles; /* assumed in this order */
    struct {
        ARRAY(struct str);
    } shadowed; /* what is configured as well */
    struct str region, region_reason;
    struct aws_sts sts; /* url empty: no region is known */
};

/* Find it.
 *   arena  for everything, also secrets of the profile files
 *   err    as credentials_open */
enum ampql_code chain_find(const struct credentials_options *options, struct arena *arena,
                           struct chain *out, struct ampql_error *err);

/* Get keys from the base provider. now_ms: for the default session name, and clocks.
 *   call  who and secrets are set here
 *   out   in the call's arena
 *   err   as credentials_get */
enum ampql_code provider_load(const struct chain *chain, struct aws_call *call, int64_t now_ms,
                              struct aws_credentials *out, struct ampql_error *err);

/* The same of a command that prints them: `credential_process`. Run without a shell, at most a
 * minute, at most 64 KiB of output; its standard error is not looked at.
 *   err  AMPQL_UNAUTHORIZED: it cannot be started, failed, or printed something else;
 *        AMPQL_UNSUPPORTED: another version of the format; what the client's poll says; AMPQL_NOMEM
 */
enum ampql_code process_load(const struct aws_call *call, struct str command,
                             struct aws_credentials *out, struct ampql_error *err);

/* Split a command into words as a shell does: blanks, quotes, backslashes; nothing is expanded.
 *   out  [*n] NUL-terminated, and a NULL behind them
 *   err  AMPQL_BAD_DATA: a quote that is not closed, no word, a NUL byte; AMPQL_NOMEM */
enum ampql_code command_split(struct str command, struct arena *arena, char ***out, size_t *n,
                              struct ampql_error *err);

/* The JSON that credential_process, container and instance endpoints answer with. Unknown members
 * are passed over.
 *   err  AMPQL_BAD_DATA, never quoting the document; AMPQL_NOMEM */
struct credentials_document {
    struct str access_key_id, secret_access_key, session_token; /* SessionToken or Token */
    struct str expiration;
    struct str code, message; /* of errors: Code or code, Message or message */
    struct str version;       /* a number, as written */
};
enum ampql_code credentials_document_read(struct str json, struct arena *arena,
                                          struct credentials_document *out,
                                          struct ampql_error *err);

/* Keys out of a document.
 *   err  AMPQL_BAD_DATA: a key is missing, a time that is none */
enum ampql_code credentials_document_keys(const struct credentials_document *document,
                                          struct aws_credentials *out, struct ampql_error *err);

#endif
