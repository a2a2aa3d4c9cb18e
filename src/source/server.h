/* A source that asks a server: any Prometheus-compatible HTTP API, AMP among them.
 *
 * ANSWERS | SORTED. Selects are cut into parts (wire.h), several are under way at once, each is
 * read as a stream into packed columns, and one that fails or is cut short is thrown away whole and
 * asked for again (failure.h). When all parts of a select are there, its series are handed on. */
#ifndef AMPQL_SRC_SOURCE_SERVER_H
#define AMPQL_SRC_SOURCE_SERVER_H

#include "source/failure.h"
#include "source/http.h"
#include "source/source.h"

/* How requests reach the server: libcurl's client, or a script in tests. `transfer` is the
 * transport's own. One thread. */
struct transport {
    void *payload;

    /* Begin a request; it is signed or decorated here. now_ms: Unix ms by the server's clock. Waits
     * for no answer. Errors as http_start and auth_apply. */
    enum ampql_code (*start)(void *payload, const struct http_request *request, int64_t now_ms,
                             void **transfer, struct ampql_error *err);
    /* As http_status, http_header, http_read, http_failure, http_is_ready, http_bytes_received and
     * http_end. */
    enum ampql_code (*status)(void *transfer, int *status, struct ampql_error *err);
    struct str (*header)(void *transfer, struct str name);
    enum ampql_code (*read)(void *transfer, char *buffer, size_t size, size_t *n,
                            struct ampql_error *err);
    enum http_cause (*failure)(void *transfer);
    bool (*is_ready)(void *transfer);
    uint64_t (*bytes)(void *transfer);
    void (*end)(void *transfer);

    enum ampql_code (*wait)(void *payload, int64_t ms, struct ampql_error *err);
    void (*set_poll)(void *payload, http_poll *poll, void *poll_payload);
    /* New credentials, after the server said that those sent have expired. */
    enum ampql_code (*refresh)(void *payload, int64_t now_ms, bool *renewed,
                               struct ampql_error *err);
    /* Overwrite in a server's text the secrets that it was sent. May be NULL. */
    void (*redact)(void *payload, char *text, size_t n);
    /* Who asks, as auth_describe says it. May be NULL. */
    void (*describe)(void *payload, char *text, size_t size);
    int64_t (*now)(void *payload);       /* Unix ms */
    int64_t (*monotonic)(void *payload); /* ms since some start */
    uint64_t (*random)(void *payload);   /* 64 bits */
    void (*close)(void *payload);        /* end what is under way and free everything */
};

/* Zero means the default. */
struct server_options {
    struct str base_url; /* "https://host/prefix", with or without a final slash: /api/v1/... is
                            appended. Copied */
    bool is_amp;         /* floors ranges, has no lookback_delta, knows the money fuse */
    enum ampql_dialect dialect;       /* DEFAULT: the server is probed when the source is opened */
    unsigned max_concurrency;         /* requests under way at once; 0: 5 */
    const struct retry_policy *retry; /* NULL: retry_policy_default */
    uint64_t max_billed_samples;      /* of one run; 0: no limit */
    uint64_t max_request_samples;     /* aimed at, of one request; 0: 500,000 */
    int64_t chunk_ms;                 /* RAW requests end at multiples of it; 0: as long as fits
                                         max_request_samples, by what the select's first answer held */
    int64_t interval_ms;              /* between two samples, for predictions; 0: 1 minute */
    bool skip_histograms;
    http_poll *poll; /* asked while opening; runs bring their own. NULL: none */
    void *poll_payload;
    ampql_progress_report progress; /* NULL: none */
    void *progress_payload;
};

/* Open a source. The transport is taken over, also when this fails.
 *   err  AMPQL_BAD_DATA: no http or https URL, or one with a query; AMPQL_NOMEM; and when the
 *        dialect is probed as a select: AMPQL_UNAVAILABLE, AMPQL_UNAUTHORIZED, AMPQL_TIMEOUT,
 *        AMPQL_CANCELED */
enum ampql_code source_server_open(const struct ampql_allocator *alc, struct transport *transport,
                                   const struct server_options *options, struct ampql_source **out,
                                   struct ampql_error *err);

/* The transport over libcurl, which owns both from now on, also when this fails. auth may be NULL.
 *   err  AMPQL_NOMEM */
struct auth;
enum ampql_code server_transport(const struct ampql_allocator *alc, struct http *http,
                                 struct auth *auth, struct transport *out, struct ampql_error *err);

/* ampql_source_http and ampql_source_amp, without an engine; options as read by OPTIONS_READ.
 *   poll  asked while opening, instead of options->cancel; may be NULL */
enum ampql_code source_http_open(const struct ampql_allocator *alc, const char *url,
                                 const struct ampql_http_options *options, bool is_amp,
                                 http_poll *poll, void *poll_payload, struct ampql_source **out,
                                 struct ampql_error *err);

/* Samples older than this may be kept for good: the newest minutes can still be on their way to the
 * server. */
enum { SERVER_FRESH_MS = 10 * 60 * 1000 };
static inline int64_t server_settled_before_ms(int64_t now_ms)
{
    return now_ms - SERVER_FRESH_MS;
}

/* What a select would take. */
struct server_prediction {
    uint64_t series;   /* that the server knows in the select's window */
    uint64_t samples;  /* billed, at interval_ms */
    uint64_t requests; /* to answer it, and those of this prediction are not among them */
};

/* How often series have a sample, as predictions take it, when nothing is said. */
enum { SERVER_INTERVAL_MS = 60000 };

/* Ask the server for the series of a select (/api/v1/series, which bills no samples) and reckon.
 *   source  one of source_server_open
 *   err     as a select */
enum ampql_code server_predict(struct ampql_source *source, const struct ampql_select *select,
                               struct server_prediction *out, struct ampql_error *err);

/* Is it one of source_server_open? */
bool source_is_server(const struct ampql_source *source);

#endif
