/* From the public options of HTTP sources, and the config file that they may name, to what the
 * client and the authentication take. */
#ifndef AMPQL_SRC_SOURCE_HTTP_SETTINGS_H
#define AMPQL_SRC_SOURCE_HTTP_SETTINGS_H

#include <ampql/source.h>

#include "source/auth.h"
#include "source/http.h"

struct http_settings {
    struct http_options http; /* poll is not set */
    struct auth_options auth;
};

/* options are those of ampql_source_http, as read by OPTIONS_READ. What out points to is options'
 * or in the arena,
 * which should be one over an allocator that wipes (aws_secret.h).
 *   err  AMPQL_BAD_DATA: contradictions, a config file that is wrong ("FILE:LINE:COLUMN: ...");
 *        AMPQL_NOT_FOUND: no such file; AMPQL_UNSUPPORTED: settings that are refused, by name;
 *        AMPQL_NOMEM */
enum ampql_code http_settings_read(const struct ampql_http_options *options, struct arena *arena,
                                   struct http_settings *out, struct ampql_error *err);

#endif
