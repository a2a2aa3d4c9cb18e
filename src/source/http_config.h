/* The file that promtool takes as --http.config.file: how to reach a server, and as whom.
 *
 *   basic_auth:    {username, password | password_file}
 *   authorization: {type, credentials | credentials_file}
 *   bearer_token: ... | bearer_token_file: ...          as authorization, the old way
 *   sigv4:         {region, access_key, secret_key, profile, role_arn, external_id}
 *   tls_config:    {ca_file, cert_file, key_file, server_name, min_version: TLS12}
 *   http_headers:  {NAME: {values: [...], secrets: [...]}}
 *   proxy_url, proxy_from_environment, enable_http2, follow_redirects: false
 *
 * At most one of the first four. Files are relative to the config file. Refused by name:
 * insecure_skip_verify (certificates are always verified), follow_redirects: true (a redirect would
 * carry the credentials elsewhere), oauth2, inline certificates, no_proxy. Nothing that could be a
 * secret gets into a message.
 *   see  Prometheus docs, "Configuration", <http_config>; its common/config.HTTPClientConfig */
#ifndef AMPQL_SRC_SOURCE_HTTP_CONFIG_H
#define AMPQL_SRC_SOURCE_HTTP_CONFIG_H

#include "source/auth.h"

/* Texts in the arena; NULL or empty when not given. Paths are NUL-terminated. */
struct http_config {
    struct auth_options auth;
    const char *ca_file, *cert_file, *key_file, *server_name, *proxy_url;
    bool no_http2;
};

/* name  of the file, for messages and to find other files beside it
 *   err  AMPQL_BAD_DATA "NAME:LINE:COLUMN: ...": not YAML, unknown fields, two ways to
 * authenticate, a value that is none; AMPQL_UNSUPPORTED, the same: refused by name; AMPQL_NOMEM */
enum ampql_code http_config_read(struct str name, struct str text, struct arena *arena,
                                 struct http_config *out, struct ampql_error *err);

/* The same of a file. err  also AMPQL_NOT_FOUND, AMPQL_UNAVAILABLE, AMPQL_LIMIT: over 1 MiB */
enum ampql_code http_config_load(const char *path, struct arena *arena, struct http_config *out,
                                 struct ampql_error *err);

#endif
