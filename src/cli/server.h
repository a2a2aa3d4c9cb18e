/* Flags of sources that are servers, and from them to the library's options. */
#ifndef AMPQL_SRC_CLI_SERVER_H
#define AMPQL_SRC_CLI_SERVER_H

#include <ampql/query.h>

#include "base/arena.h"
#include "cli/options.h"

struct server_flags {
    struct option_list headers;
    const char *config_file, *endpoint, *region, *profile, *role_arn, *external_id, *session_name;
    const char *ca_file, *cert_file, *key_file, *retries;
    struct option_ms chunk, request_timeout;
    uint64_t concurrency, max_billed_samples;
    int compress; /* 1: auto, 2: on, 3: off */
    int progress; /* of progress.h */
    bool sign, insecure_http;
};

/* clang-format off */
#define SERVER_OPTIONS(type, member) \
    {"header", 0, OPTION_LIST, offsetof(type, member.headers), "NAME:VALUE", \
     "sent with every request to a server; may be repeated"}, \
    {"http.config.file", 0, OPTION_STRING, offsetof(type, member.config_file), "FILE", \
     "promtool's: authentication, TLS, headers"}, \
    {"sign", 0, OPTION_BOOL, offsetof(type, member.sign), NULL, \
     "sign requests to http(s):// as AWS wants it; amp: always does"}, \
    {"endpoint", 0, OPTION_STRING, offsetof(type, member.endpoint), "URL", \
     "amp: the base URL instead of the region's"}, \
    {"region", 0, OPTION_STRING, offsetof(type, member.region), "REGION", \
     "of the signature; AWS_REGION when not given, else the profile's"}, \
    {"profile", 0, OPTION_STRING, offsetof(type, member.profile), "NAME", \
     "of the AWS configuration files; AWS_PROFILE when not given"}, \
    {"role-arn", 0, OPTION_STRING, offsetof(type, member.role_arn), "ARN", \
     "a role to assume, as for workspaces of other accounts"}, \
    {"external-id", 0, OPTION_STRING, offsetof(type, member.external_id), "ID", \
     "what that role's trust policy asks for"}, \
    {"session-name", 0, OPTION_STRING, offsetof(type, member.session_name), "NAME", \
     "how the role's session is called"}, \
    {"ca-file", 0, OPTION_STRING, offsetof(type, member.ca_file), "FILE", \
     "certificates to trust instead of the system's"}, \
    {"cert-file", 0, OPTION_STRING, offsetof(type, member.cert_file), "FILE", \
     "a client certificate"}, \
    {"key-file", 0, OPTION_STRING, offsetof(type, member.key_file), "FILE", \
     "its key, when it is in a file of its own"}, \
    {"insecure-http", 0, OPTION_BOOL, offsetof(type, member.insecure_http), NULL, \
     "send credentials over http:// beyond this machine"}, \
    {"compress", 0, OPTION_ENUM, offsetof(type, member.compress), "auto|on|off", \
     "packed answers; auto: unless the server is this machine"}, \
    {"concurrency", 0, OPTION_INTEGER, offsetof(type, member.concurrency), "N", \
     "requests under way at once; 5 when not given"}, \
    {"chunk", 0, OPTION_DURATION, offsetof(type, member.chunk), "DURATION", \
     "how much time one request spans at most; what suits the data when not given"}, \
    {"retries", 0, OPTION_STRING, offsetof(type, member.retries), "N", \
     "of one request; 5 when not given"}, \
    {"request-timeout", 0, OPTION_DURATION, offsetof(type, member.request_timeout), "DURATION", \
     "of one request; 15m when not given"}, \
    {"progress", 0, OPTION_ENUM, offsetof(type, member.progress), "auto|json|none", \
     "how far fetching has come; auto: a line on a terminal"}, \
    {"max-billed-samples", 0, OPTION_INTEGER, offsetof(type, member.max_billed_samples), "N", \
     "refuse a run that a server would bill more samples for"}
/* clang-format on */

/* Is it "http://...", "https://..." or "amp:WORKSPACE@REGION"? */
bool is_server_source(struct str word);

/* This process is about to hold secrets: it leaves no core file from now on, whatever ends it. */
void server_hold_secrets(void);

/* The flags as the library's options, which are secrets.
 *   base  what the flags say nothing of
 *   err   AMPQL_BAD_DATA: a flag that makes no sense; AMPQL_NOMEM */
enum ampql_code server_options(const struct server_flags *flags,
                               const struct ampql_http_options *base, struct arena *arena,
                               struct ampql_http_options *out, struct ampql_error *err);

/* The parts of "amp:WORKSPACE@REGION", NUL-terminated; the region may be the option's.
 *   err  AMPQL_BAD_DATA: one is missing; AMPQL_NOMEM */
enum ampql_code server_amp_parts(const char *word, const struct ampql_http_options *options,
                                 struct arena *arena, const char **workspace, const char **region,
                                 struct ampql_error *err);

/* Open one of those.
 *   err  AMPQL_BAD_DATA: a word or flag that makes no sense; as ampql_source_http */
enum ampql_code server_source_open(struct ampql_engine *engine, const char *word,
                                   const struct server_flags *flags,
                                   const struct ampql_http_options *base, struct arena *arena,
                                   struct ampql_source **out, struct ampql_error *err);

#endif
