/* libmicrohttpd, loaded when `ampql serve` starts: no other command waits for its symbols, and
 * those of the TLS library that it brings. */
#ifndef AMPQL_SRC_TOOL_SERVE_LIBRARY_H
#define AMPQL_SRC_TOOL_SERVE_LIBRARY_H

#include "base/error.h"

#include <microhttpd.h>

#define SERVE_LIBRARY_FUNCTIONS(FUNCTION)                                                          \
    FUNCTION(add_connection)                                                                       \
    FUNCTION(add_response_header)                                                                  \
    FUNCTION(create_response_from_buffer)                                                          \
    FUNCTION(destroy_response)                                                                     \
    FUNCTION(get_connection_info)                                                                  \
    FUNCTION(lookup_connection_value)                                                              \
    FUNCTION(queue_response)                                                                       \
    FUNCTION(resume_connection)                                                                    \
    FUNCTION(start_daemon)                                                                         \
    FUNCTION(stop_daemon)                                                                          \
    FUNCTION(suspend_connection)

/* start_daemon is MHD_start_daemon, and so on. */
struct serve_library {
#define FUNCTION(name) __typeof__(MHD_##name) *name;
    SERVE_LIBRARY_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

/* err  AMPQL_UNAVAILABLE: it does not load; AMPQL_UNSUPPORTED: it lacks a function */
enum ampql_code serve_library(struct serve_library *out, struct ampql_error *err);

#endif
