/* Prometheus remote write 1.0: samples of many series to a receiver: AMP, or a Prometheus that runs
 * with --web.enable-remote-write-receiver.
 *
 *   remote_write_open(alc, &options, &w, err);
 *   remote_write_add(w, labels, nlabels, t_ms, v, n, err);        series by series, again and again
 *   remote_write_send(w, err);                                    all that was added
 *   remote_write_close(w);
 *
 * What was added waits, packed, and goes out in the order of time over all series, each request
 * with samples of one time. So it may be sent again when it is not known whether it arrived: a
 * receiver takes the newest sample of a series twice, while a Prometheus without an out-of-order
 * window refuses a request as a whole for one sample that is older. A request that a server does
 * not take for now (429, 5xx, a broken connection) is sent again, later each time or when
 * Retry-After says; one that it refuses ends the sending, with the server's words.
 *
 * What is not after the time up to which everything has arrived is not sent. A state file keeps
 * that time, so that a job can be taken up again. (Asking the server what it has would cost
 * queries, and not tell a sample that was never there from one that has not arrived.) */
#ifndef AMPQL_SRC_TOOL_REMOTE_WRITE_H
#define AMPQL_SRC_TOOL_REMOTE_WRITE_H

#include <ampql/source.h>

#include "base/arena.h"
#include "base/error.h"

struct remote_write;

/* Of samples that are ingested, dollars for 10 million: what AMP asks in us-east-1. */
#define REMOTE_WRITE_PRICE 0.90

/* A request's body, before it is packed: nsamples in it. *too_large: the server takes smaller ones
 * only. */
typedef enum ampql_code remote_write_post(void *payload, struct str body, size_t nsamples,
                                          bool *too_large, struct ampql_error *err);

/* Zero means the default. */
struct remote_write_options {
    const char *url; /* what to post to: ".../api/v1/write", of AMP ".../api/v1/remote_write" */
    const struct ampql_http_options *http; /* who asks, and the connection; its retries too */
    size_t max_samples;                    /* of one request, all of one time; 2,000 */
    size_t max_bytes;                      /* of one request before packing; 900,000 */
    bool is_dry;                           /* count only: nothing is sent or kept */
    const char *state_path;                /* NULL: none */
    struct str job;                        /* what is sent, for the state file: any text */
    struct ampql_cancel *cancel;           /* looked at while something is waited for; or NULL */
    remote_write_post *post;               /* instead of the server; for tests */
    void *post_payload;
};

/* All sendings together. */
struct remote_write_stats {
    uint64_t samples;  /* that the receiver has taken, or would have; stale markers among them */
    uint64_t skipped;  /* that had arrived before */
    uint64_t requests; /* sent, retries among them */
    uint64_t retries;
    uint64_t bytes;    /* of bodies, packed */
    int64_t oldest_ms; /* of the samples; INT64_MAX: there was none */
};

/* Open the connection's options and the state file. Everything is copied.
 *   err  AMPQL_BAD_DATA: no URL, a state file that is none or of another job; as ampql_source_http;
 *        AMPQL_UNSUPPORTED: built without HTTP; AMPQL_NOMEM */
enum ampql_code remote_write_open(const struct ampql_allocator *alc,
                                  const struct remote_write_options *options,
                                  struct remote_write **out, struct ampql_error *err);

/* NULL is fine. What was added and not sent is dropped. */
void remote_write_close(struct remote_write *w);

/* Add samples of a series: labels [nlabels] in any order, without empty values, copied; t_ms [n]
 * ascending, after what was added to the series since the last sending. Stale markers are samples.
 * Those that are not after remote_write_until_ms are skipped.
 *   err  AMPQL_BAD_DATA: times that do not ascend; AMPQL_NOMEM */
enum ampql_code remote_write_add(struct remote_write *w, const struct ampql_label *labels,
                                 size_t nlabels, const int64_t *t_ms, const double *v, size_t n,
                                 struct ampql_error *err);

/* Send all that was added, which is then gone, also after a failure.
 *   err  AMPQL_OUTPUT: the receiver refused samples, in its words; AMPQL_UNAVAILABLE,
 *        AMPQL_UNAUTHORIZED, AMPQL_LIMIT; AMPQL_CANCELED; AMPQL_BAD_DATA: the state file could not
 *        be written; AMPQL_NOMEM. The message says how many samples had arrived. */
enum ampql_code remote_write_send(struct remote_write *w, struct ampql_error *err);

/* Drop all that was added. */
void remote_write_drop(struct remote_write *w);

struct remote_write_stats remote_write_stats(const struct remote_write *w);

/* Up to when everything has arrived; INT64_MIN: nothing is known. */
int64_t remote_write_until_ms(const struct remote_write *w);

/* The URL to write to in a workspace of AMP; endpoint is NULL, or instead of the region's. In the
 * arena, NUL-terminated. Such a URL needs signing.
 *   err  as amp_url; AMPQL_NOMEM */
enum ampql_code remote_write_amp_url(struct arena *arena, const char *workspace, const char *region,
                                     const char *endpoint, const char **out,
                                     struct ampql_error *err);

/* ---- between the files of remote write */

struct write_wire;

/* The server as a remote_write_post.
 *   err  as remote_write_open */
enum ampql_code write_wire_open(const struct ampql_allocator *alc,
                                const struct remote_write_options *options,
                                struct remote_write_stats *stats, struct write_wire **out,
                                struct ampql_error *err);
void write_wire_close(struct write_wire *wire);
enum ampql_code write_wire_post(void *wire, struct str body, size_t nsamples, bool *too_large,
                                struct ampql_error *err);

/* What a state file says, and its text. parse gives NULL, or why it is none. */
const char *write_state_parse(struct str text, const char *job, int64_t *until_ms);
size_t write_state_print(const char *job, int64_t until_ms, char *out, size_t size);

/* Which time a state file says everything has arrived by; INT64_MIN when there is no file yet.
 *   job  a digest of what is sent and where to
 *   err  AMPQL_BAD_DATA: no state file, or one of another job; AMPQL_NOMEM */
enum ampql_code write_state_read(const struct ampql_allocator *alc, const char *path,
                                 const char *job, int64_t *until_ms, struct ampql_error *err);

/* Replace it as a whole. err  AMPQL_BAD_DATA: cannot be written; AMPQL_NOMEM */
enum ampql_code write_state_write(const struct ampql_allocator *alc, const char *path,
                                  const char *job, int64_t until_ms, struct ampql_error *err);

#endif
