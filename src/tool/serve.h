/* `ampql serve`: the HTTP side. One thread of libmicrohttpd reads and writes, workers compute,
 * for clients by turns, each with a source of its own; the caller's thread accepts connections
 * and notices who hangs up. */
#ifndef AMPQL_SRC_TOOL_SERVE_H
#define AMPQL_SRC_TOOL_SERVE_H

#include "serve/api.h"

struct serve_options {
    const struct serve_api *api;
    struct ampql_source *const *sources; /* [nworkers] one a worker */
    size_t nworkers;
    struct ampql_cache *cache; /* of the sources, for /metrics; NULL: none */
    int listener;              /* a socket that listens; closed when it ends */
    struct serve_prefixes prefixes;
    const struct str *tokens; /* [ntokens] of which requests must bear one; 0: none need */
    size_t ntokens;
    bool checks_host;              /* only names of this machine, and */
    const char *const *host_names; /*    [nhost_names] these */
    size_t nhost_names;
    size_t max_connections, max_queued, max_request_bytes;
    int64_t idle_ms; /* a connection may be silent for so long, up to a second more; 0: for ever */
    int64_t stop_wait_ms; /* for answers under way, once it is stopped; they are cancelled then */
    int (*stops)(void);   /* 0: go on; 1: finish what was asked; 2: cancel it, too */
    void (*log)(void *payload, const char *line); /* of each answer; may be NULL; one at a time */
    void *log_payload;
};

/* Whether serve_run can do anything but fail.
 *   err  AMPQL_UNSUPPORTED: built with HTTP=0; as serve_library */
enum ampql_code serve_check_built(struct ampql_error *err);

/* What serve_listen would do, without doing it: reads `where`.
 *   err  AMPQL_BAD_DATA: not such a text */
enum ampql_code serve_listen_read(const char *where, bool *is_local, bool *is_unix,
                                  struct ampql_error *err);

/* Open a socket that listens at "HOST:PORT", an address in digits, or "unix:PATH".
 *   out        the socket
 *   is_local   out: nobody beyond this machine reaches it
 *   is_unix    out: it has a path
 *   url        [128] out: where it is; a port that was given as 0 is the one it has
 *   err        AMPQL_BAD_DATA: not such a text; AMPQL_UNAVAILABLE */
enum ampql_code serve_listen(const char *where, int *out, bool *is_local, bool *is_unix, char *url,
                             struct ampql_error *err);

/* Serve until it is told to stop.
 *   err  AMPQL_UNAVAILABLE, AMPQL_NOMEM: it did not begin; AMPQL_UNSUPPORTED: built with HTTP=0 */
enum ampql_code serve_run(const struct serve_options *options, struct ampql_error *err);

#endif
