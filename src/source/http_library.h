/* libcurl, loaded when the first client is made.
 *
 * Thirty-odd libraries come with it, and a command that reads a file would spend more time on
 * finding their symbols than on its answer. A program that embeds ampql and brings its own source
 * never loads them either. */
#ifndef AMPQL_SRC_SOURCE_HTTP_LIBRARY_H
#define AMPQL_SRC_SOURCE_HTTP_LIBRARY_H

#include "base/error.h"

#include <curl/curl.h>
#include <openssl/ssl.h>

#define HTTP_LIBRARY_FUNCTIONS(FUNCTION)                                                           \
    FUNCTION(easy_cleanup)                                                                         \
    FUNCTION(easy_getinfo)                                                                         \
    FUNCTION(easy_init)                                                                            \
    FUNCTION(easy_pause)                                                                           \
    FUNCTION(easy_reset)                                                                           \
    FUNCTION(easy_setopt)                                                                          \
    FUNCTION(easy_strerror)                                                                        \
    FUNCTION(global_init)                                                                          \
    FUNCTION(multi_add_handle)                                                                     \
    FUNCTION(multi_cleanup)                                                                        \
    FUNCTION(multi_info_read)                                                                      \
    FUNCTION(multi_init)                                                                           \
    FUNCTION(multi_perform)                                                                        \
    FUNCTION(multi_poll)                                                                           \
    FUNCTION(multi_remove_handle)                                                                  \
    FUNCTION(multi_setopt)                                                                         \
    FUNCTION(version)

/* easy_init is curl_easy_init, and so on. */
struct http_library {
#define FUNCTION(name) __typeof__(curl_##name) *name;
    HTTP_LIBRARY_FUNCTIONS(FUNCTION)
#undef FUNCTION
    __typeof__(SSL_has_pending) *has_pending; /* NULL: its TLS is not OpenSSL's */
};

/* Loaded and started; it stays until the process ends. A failure is tried again the next time.
 *   err  AMPQL_UNAVAILABLE: it is not there or does not start; AMPQL_UNSUPPORTED: it lacks a
 *        function */
enum ampql_code http_library(const struct http_library **out, struct ampql_error *err);

#endif
