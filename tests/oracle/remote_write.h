/* Prometheus remote write 1.0: TimeSeries messages, put together by hand, in snappy over HTTP. For
 * programs that may end when memory does. */
#ifndef AMPQL_TESTS_REMOTE_WRITE_H
#define AMPQL_TESTS_REMOTE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    unsigned char *data; /* [len], free() it */
    size_t len;
    size_t capacity;
};

void bytes_put(struct bytes *b, const void *data, size_t len);

/* A TimeSeries: all of its labels in order of name, then samples in order of time (Unix ms). */
void message_label(struct bytes *series, const char *name, size_t name_len, const char *value,
                   size_t value_len);
void message_sample(struct bytes *series, int64_t t_ms, double v);

struct remote_write;

/* url [NUL-terminated, stays the caller's]. NULL: no HTTP client. */
struct remote_write *remote_write_new(const char *url);
void remote_write_free(struct remote_write *w);

/* Add a series to the request, which is sent when it has grown large; send what there is. False:
 * the server did not take it, stderr says why. */
bool remote_write_series(struct remote_write *w, const struct bytes *series);
bool remote_write_send(struct remote_write *w);

/* Requests that were sent. */
uint64_t remote_write_count(const struct remote_write *w);

#endif
