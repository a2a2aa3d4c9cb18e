/* HTTP: many requests at once on one thread, read by pull.
 *
 *   http_start(http, &request, &transfer, err);                  begins, waits for nothing
 *   http_status(transfer, &status, err);                         waits for the answer's headers
 *   while ((code = http_read(transfer, buf, size, &n, err)) == AMPQL_OK && n) ...
 *   http_end(transfer);                                          also in the middle
 *
 * Whoever waits for one transfer drives all of the client. What arrives for the others waits in a
 * buffer each; when that is full the server is not read from, so that no body is ever held whole.
 * Bodies are unpacked (gzip, zstd) as they are read.
 *
 * A body is its proper length or an error: cut short, badly chunked, gzip without its end, one that
 * unpacks to more than it may, are failures and never an end. Only a body that is delimited by the
 * connection's end over plain http cannot be told from a cut one: whoever reads it must know by its
 * content. Redirects are not followed: a 3xx is an answer with that status. Only http and https.
 * Certificates are always verified. One client is used by one thread at a time. */
#ifndef AMPQL_SRC_SOURCE_HTTP_H
#define AMPQL_SRC_SOURCE_HTTP_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

struct http;
struct http_transfer;

/* What failed, for those who decide whether to ask again. With AMPQL_UNAVAILABLE unless said. */
enum http_cause {
    HTTP_CAUSE_NONE,
    HTTP_CAUSE_RESOLVE,  /* the host's name is not known */
    HTTP_CAUSE_CONNECT,  /* refused, unreachable, or no connection within the time */
    HTTP_CAUSE_TLS,      /* certificate, handshake, our own certificate or key */
    HTTP_CAUSE_TIMEOUT,  /* connected, but no answer within the time, or too slow */
    HTTP_CAUSE_RESET,    /* the connection broke, or ended before any answer */
    HTTP_CAUSE_CUT,      /* AMPQL_UNAVAILABLE: the body ended early */
    HTTP_CAUSE_PROTOCOL, /* AMPQL_BAD_DATA: not HTTP, bad chunks, bad gzip, a stream error */
    HTTP_CAUSE_LIMIT     /* AMPQL_LIMIT: body, headers or unpacking over their limits */
};

/* Looked at at least every 25 ms while something is waited for: AMPQL_OK to go on; AMPQL_CANCELED,
 * AMPQL_TIMEOUT (the run's deadline) or another code stop the waiting call, which returns it with
 * the message that was filled in (or one of its own, when none was). Transfers stay as they are. */
typedef enum ampql_code http_poll(void *payload, struct ampql_error *err);

enum http_compress {
    HTTP_COMPRESS_AUTO, /* gzip and zstd are offered, unless the host is the loopback */
    HTTP_COMPRESS_ON,
    HTTP_COMPRESS_OFF
};

/* Zero means the default. Strings need live only during http_new. */
struct http_options {
    int64_t connect_timeout_ms; /* 10 s; with name lookup and TLS handshake */
    int64_t answer_timeout_ms;  /* 150 s: from the request to the first byte of its answer */
    int64_t stall_timeout_ms;   /* 30 s: once bytes come, so long with less than */
    uint64_t stall_bytes;       /*   1024 of them is too slow */
    int64_t total_timeout_ms;   /* 15 min for a transfer, not counting the time in which it waited
                                   for its reader; a request can have its own */
    const char *ca_file;        /* PEM; instead of the system's authorities */
    const char *ca_path;        /* a folder of them, hashed names */
    const char *cert_file;      /* client certificate and key, PEM */
    const char *key_file;       /* NULL: in cert_file too */
    const char *server_name;    /* the name to verify instead of the URL's host */
    const char *proxy_url;      /* instead of the environment's (http_proxy, https_proxy, no_proxy);
                                   never used for loopback and link-local addresses */
    const char *user_agent;     /* ampql/VERSION */
    size_t max_connections;     /* 8; more transfers than that wait for their turn */
    uint64_t max_body_bytes;    /* 1 GiB, unpacked */
    uint64_t max_ratio;         /* 1100: unpacked to packed, once over 16 MiB (deflate cannot
                                   exceed 1032) */
    size_t max_header_bytes;    /* 256 KiB, all header blocks of an answer */
    size_t buffer_bytes;        /* 1 MiB: what waits for its reader, a transfer, as received */
    enum http_compress compress;
    bool no_http2;
    http_poll *poll; /* NULL: none */
    void *poll_payload;
};

/* A request header, and a header of an answer. */
struct http_header {
    struct str name, value;
    bool is_secret; /* the value is never shown, and wiped when the transfer ends */
};

/* All views, copied by http_start. */
struct http_request {
    struct str method; /* "GET", "POST", "PUT", ... */
    struct str url;    /* absolute, the very bytes to send: nothing is encoded or normalised */
    const struct http_header *headers; /* [nheaders] */
    size_t nheaders;
    struct str body; /* sent with POST and PUT also when empty */
    bool body_is_secret;
    int64_t timeout_ms;      /* all of the transfer; 0: the client's total_timeout_ms */
    int64_t connect_ms;      /* 0: the client's connect_timeout_ms */
    uint64_t max_body_bytes; /* 0: the client's */
};

/* An answer held whole. In the arena that was given. */
struct http_response {
    int status;
    const struct http_header *headers; /* [nheaders] */
    size_t nheaders;
    struct str body;
    enum http_cause cause; /* when http_call failed */
};

/* options may be NULL.
 *   err  AMPQL_BAD_DATA: a server_name that is none; AMPQL_NOMEM */
enum ampql_code http_new(const struct ampql_allocator *alc, const struct http_options *options,
                         struct http **out, struct ampql_error *err);

/* Ends the transfers that are left, too; NULL is fine. */
void http_free(struct http *http);

/* Another cancel and deadline, for the next run. */
void http_set_poll(struct http *http, http_poll *poll, void *payload);

/* Begin a request. Waits for nothing; end the transfer in any case.
 *   err  AMPQL_BAD_DATA: no http or https URL, user names in it, line breaks or control bytes in
 *        URL, method or headers; AMPQL_NOMEM */
enum ampql_code http_start(struct http *http, const struct http_request *request,
                           struct http_transfer **out, struct ampql_error *err);

/* Wait for the headers of the final answer; status is 200 to 599.
 *   err  the transport's failures ("HOST: ..."), with http_failure(transfer) saying which; what
 *        poll says */
enum ampql_code http_status(struct http_transfer *transfer, int *status, struct ampql_error *err);

/* A header of the answer by its name, case-insensitively, the last one when there are several; n is
 * 0 when absent. After http_status; valid until http_end. */
struct str http_header(const struct http_transfer *transfer, struct str name);

/* The next bytes of the body, unpacked: at most size, 0 at its proper end (input_read's shape).
 *   err  as http_status; AMPQL_LIMIT: more than max_body_bytes or max_ratio */
enum ampql_code http_read(struct http_transfer *transfer, char *buffer, size_t size, size_t *out,
                          struct ampql_error *err);

/* Why the transfer failed; HTTP_CAUSE_NONE when it did not (or poll stopped the wait). */
enum http_cause http_failure(const struct http_transfer *transfer);

/* For reports. The URL's scheme, host and port, "https://host:443": never path, query or users. */
struct str http_origin(const struct http_transfer *transfer);
uint64_t http_bytes_received(const struct http_transfer *transfer); /* of the body, as received */
int64_t http_duration_ms(const struct http_transfer *transfer);     /* since http_start */
uint64_t http_connections(const struct http *http);                 /* opened so far */

/* Is a byte of the answer's body, its end or a failure there, so that http_read returns at once?
 * Never waits. */
bool http_is_ready(struct http_transfer *transfer);

/* End a transfer, whatever its state, and forget it; NULL is fine. In the middle of a body its
 * connection is closed. */
void http_end(struct http_transfer *transfer);

/* One small document: start, wait, read whole, end. out->body is at most max_bytes.
 *   err  as http_start, http_status and http_read, out->cause saying which; AMPQL_LIMIT: longer */
enum ampql_code http_call(struct http *http, const struct http_request *request, size_t max_bytes,
                          struct arena *arena, struct http_response *out, struct ampql_error *err);

/* A header of a response, as http_header. */
struct str http_response_header(const struct http_response *response, struct str name);

/* Wait, while the transfers go on.
 *   err  what poll says */
enum ampql_code http_wait_ms(struct http *http, int64_t ms, struct ampql_error *err);

/* Is the host of this URL the loopback ("localhost", 127.0.0.0/8, ::1)? False when it is no URL. */
bool http_is_loopback(struct str url);

/* A word for a cause: "connect", "tls", ... */
const char *http_cause_name(enum http_cause cause);

#endif
