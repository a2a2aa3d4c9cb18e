/* Remote write: protobuf, snappy, HTTP. */
#include "oracle/remote_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <snappy-c.h>

enum { REQUEST_BYTES = 4 << 20 };

struct remote_write {
    struct bytes request; /* WriteRequest being filled */
    struct bytes packed;
    CURL *curl;
    struct curl_slist *headers;
    const char *url;
    uint64_t nrequests;
};

static void reserve(struct bytes *b, size_t more)
{
    if (b->len + more <= b->capacity)
        return;
    b->capacity = 2 * (b->len + more);
    b->data = realloc(b->data, b->capacity);
    if (!b->data) {
        fputs("remote write: out of memory\n", stderr);
        exit(1);
    }
}

void bytes_put(struct bytes *b, const void *data, size_t len)
{
    reserve(b, len);
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

/* ---- protobuf: a field is (number << 3 | wire type), then varint, 8 bytes, or length and bytes */

static void put_varint(struct bytes *b, uint64_t x)
{
    reserve(b, 10);
    for (; x >= 128; x >>= 7)
        b->data[b->len++] = (unsigned char)(x | 128);
    b->data[b->len++] = (unsigned char)x;
}

static void put_bytes(struct bytes *b, int field, const void *data, size_t len)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, len);
    bytes_put(b, data, len);
}

static size_t varint_size(uint64_t x)
{
    size_t n = 1;
    for (; x >= 128; x >>= 7)
        n++;
    return n;
}

/* TimeSeries.labels = 1: Label { name = 1, value = 2 } */
void message_label(struct bytes *series, const char *name, size_t name_len, const char *value,
                   size_t value_len)
{
    put_varint(series, 1 << 3 | 2);
    put_varint(series, 2 + varint_size(name_len) + name_len + varint_size(value_len) + value_len);
    put_bytes(series, 1, name, name_len);
    put_bytes(series, 2, value, value_len);
}

/* TimeSeries.samples = 2: Sample { double value = 1, int64 timestamp = 2 } */
void message_sample(struct bytes *series, int64_t t_ms, double v)
{
    put_varint(series, 2 << 3 | 2);
    put_varint(series, 9 + 1 + varint_size((uint64_t)t_ms));
    put_varint(series, 1 << 3 | 1);
    reserve(series, 8);
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++)
        series->data[series->len++] = (unsigned char)(bits >> 8 * i);
    put_varint(series, 2 << 3 | 0);
    put_varint(series, (uint64_t)t_ms);
}

/* ---- HTTP */

static size_t show_body(char *data, size_t size, size_t count, void *unused)
{
    (void)unused;
    fwrite(data, size, count, stderr);
    return size * count;
}

bool remote_write_send(struct remote_write *w)
{
    if (w->request.len == 0)
        return true;
    size_t len = snappy_max_compressed_length(w->request.len);
    w->packed.len = 0;
    reserve(&w->packed, len);
    if (snappy_compress((char *)w->request.data, w->request.len, (char *)w->packed.data, &len) !=
        SNAPPY_OK)
        return false;
    curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, w->packed.data);
    curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    CURLcode code = curl_easy_perform(w->curl);
    long status = 0;
    curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    w->request.len = 0;
    w->nrequests++;
    if (code != CURLE_OK)
        fprintf(stderr, "remote write: %s: %s\n", w->url, curl_easy_strerror(code));
    else if (status / 100 != 2)
        fprintf(stderr, "remote write: %s: HTTP status %ld\n", w->url, status);
    return code == CURLE_OK && status / 100 == 2;
}

bool remote_write_series(struct remote_write *w, const struct bytes *series)
{
    put_bytes(&w->request, 1, series->data, series->len); /* WriteRequest.timeseries = 1 */
    return w->request.len < REQUEST_BYTES || remote_write_send(w);
}

uint64_t remote_write_count(const struct remote_write *w)
{
    return w->nrequests;
}

void remote_write_free(struct remote_write *w)
{
    if (!w)
        return;
    free(w->request.data);
    free(w->packed.data);
    curl_slist_free_all(w->headers);
    curl_easy_cleanup(w->curl);
    free(w);
}

struct remote_write *remote_write_new(const char *url)
{
    static const char *const headers[] = {"Content-Encoding: snappy",
                                          "Content-Type: application/x-protobuf",
                                          "X-Prometheus-Remote-Write-Version: 0.1.0", "Expect:"};
    struct remote_write *w = calloc(1, sizeof *w);
    if (!w || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || !(w->curl = curl_easy_init())) {
        free(w);
        return NULL;
    }
    w->url = url;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        w->headers = curl_slist_append(w->headers, headers[i]);
    curl_easy_setopt(w->curl, CURLOPT_URL, url);
    curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, w->headers);
    curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, show_body);
    curl_easy_setopt(w->curl, CURLOPT_POST, 1L);
    return w;
}
