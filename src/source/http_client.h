/* What the files of the HTTP client share. Others include http.h. */
#ifndef AMPQL_SRC_SOURCE_HTTP_CLIENT_H
#define AMPQL_SRC_SOURCE_HTTP_CLIENT_H

#include "base/array.h"
#include "base/buf.h"
#include "source/http.h"
#include "source/http_decode.h"
#include "source/http_library.h"
#include "source/http_url.h"

enum { HTTP_ORIGIN_MAX = 288, HTTP_MESSAGE_MAX = 256 };

struct http_socket {
    curl_socket_t fd;
    bool was_used; /* a request has gone over it */
};

/* Options with their defaults filled in; strings are copies or NULL. */
struct http {
    const struct ampql_allocator *alc;
    struct arena arena;
    struct http_options options;
    const struct http_library *curl;
    CURLM *multi;
    struct {
        ARRAY(CURL *); /* used before and free: they keep TLS sessions */
    } idle;
    struct {
        ARRAY(struct http_socket);
    } sockets;                          /* that libcurl has open */
    struct http_transfer *first, *last; /* all, in the order of their start */
    uint64_t connections;
    int64_t clock_us; /* while driving: the monotonic time up to which transfers were charged */
};

enum http_state { HTTP_QUEUED, HTTP_RUNNING, HTTP_DONE };

struct http_transfer {
    struct http *http;
    struct http_transfer *prev, *next;
    struct arena arena; /* copies of the request, headers of the answer */
    CURL *easy;         /* NULL: not begun, or over */
    enum http_state state;
    bool is_paused; /* the buffer is full: nothing is received until it is read from */
    bool is_alone;  /* it begins again, over a connection of its own */
    bool ages;      /* it was running and not paused when this turn of the drive began */

    /* the request */
    struct str method, url, body;
    bool body_is_secret;
    struct http_url parts;
    struct curl_slist *headers, *connect_to; /* nodes in the arena */
    struct {
        ARRAY(struct str);
    } secrets; /* wiped at the end */
    char origin[HTTP_ORIGIN_MAX];
    char curl_error[CURL_ERROR_SIZE];

    /* the answer */
    int status;
    bool has_headers; /* those of the final answer are complete */
    struct {
        ARRAY(struct http_header);
    } answer;
    size_t header_bytes;
    char *in; /* [in_cap], received and not read: [in_at, in_n) */
    size_t in_at, in_n, in_cap;
    uint64_t received, consumed, unpacked;
    struct http_decode decode;

    /* time, of the clock that runs only while it is waited for, in ms */
    int64_t started_ms, ended_ms; /* of the real one, for reports */
    int64_t age_us;               /* most turns of the drive take less than a millisecond */
    int64_t age_ms;
    int64_t sent_age_ms; /* when the request went out, -1: not yet */
    int64_t window_age_ms;
    uint64_t window_bytes; /* received when the window began */
    uint64_t total_bytes;  /* headers too */
    int64_t timeout_ms, connect_ms;
    uint64_t max_body_bytes;

    /* the failure */
    enum http_cause cause;
    enum ampql_code code;
    char message[HTTP_MESSAGE_MAX];
};

/* Remember the first failure, and stop the transfer at the next chance. Returns code. */
enum ampql_code transfer_fail(struct http_transfer *transfer, enum http_cause cause,
                              enum ampql_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Prepare an easy handle for the transfer's request.
 *   err  AMPQL_NOMEM; AMPQL_UNSUPPORTED: this libcurl lacks what is needed */
enum ampql_code transfer_setup(struct http_transfer *transfer, CURL *easy, struct ampql_error *err);

/* Copy a request, checked. err as http_start */
enum ampql_code transfer_copy(struct http_transfer *transfer, const struct http_request *request,
                              struct ampql_error *err);

/* The value of the last header of that name; p is NULL when there is none. */
struct str transfer_find_header(const struct http_header *headers, size_t n, struct str name);

/* libcurl's callbacks; payload is the transfer. */
size_t transfer_on_header(char *p, size_t size, size_t n, void *payload);
size_t transfer_on_body(char *p, size_t size, size_t n, void *payload);

/* libcurl has ended it, with this result. */
void transfer_finish(struct http_transfer *transfer, CURLcode result);

/* Take the easy handle off libcurl, for other transfers to use. */
void transfer_detach(struct http_transfer *transfer);

/* ---- http_reuse.c: libcurl's callbacks */

/* Sockets that it opens and closes; payload is the client. */
int reuse_on_open(void *payload, curl_socket_t fd, curlsocktype purpose);
int reuse_on_close(void *payload, curl_socket_t fd);

/* The transfer's request is about to go out: not over a connection that was used before and can be
 * read from. It stops then, with is_alone set, for another try. */
int reuse_on_request(void *payload, char *primary_ip, char *local_ip, int primary_port,
                     int local_port);

/* Wait until is_ready(transfer), driving all transfers.
 *   err  what poll says; the transfer's own failure is not one of them */
typedef bool transfer_ready(const struct http_transfer *transfer);
enum ampql_code http_wait(struct http_transfer *transfer, transfer_ready *is_ready,
                          struct ampql_error *err);

#endif
