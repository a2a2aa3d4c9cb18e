/* Push a generated cluster day to a server through its remote-write receiver, stale markers
 * included.
 *
 *   load URL [--containers N] [--seed N] [--start UNIX_S] [--duration S] [--interval S] [--piece S]
 * [--only NAME,NAME]
 *
 * Time goes forward over all series at once, piece by piece (default 10 minutes), as an agent's
 * remote write would. */
#include "bench/cluster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <snappy-c.h>

enum { REQUEST_BYTES = 4 << 20 };

struct bytes {
    unsigned char *data;
    size_t len;
    size_t capacity;
};

struct load {
    struct cluster *cluster;
    struct bytes *labels; /* [nseries] of a TimeSeries message: its labels, encoded once */
    struct bytes series;
    struct bytes request; /* WriteRequest being filled */
    struct bytes packed;
    CURL *curl;
    struct curl_slist *headers;
    const char *url;
    uint64_t nsamples;
    uint64_t nmarkers;
    uint64_t nrequests;
};

static void reserve(struct bytes *b, size_t more)
{
    if (b->len + more <= b->capacity)
        return;
    b->capacity = 2 * (b->len + more);
    b->data = realloc(b->data, b->capacity);
    if (!b->data) {
        fputs("load: out of memory\n", stderr);
        exit(1);
    }
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
    reserve(b, len);
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

static size_t varint_size(uint64_t x)
{
    size_t n = 1;
    for (; x >= 128; x >>= 7)
        n++;
    return n;
}

/* TimeSeries.labels = 1: Label { name = 1, value = 2 } */
static void put_label(struct bytes *out, const struct cluster_label *label)
{
    size_t name = strlen(label->name), value = strlen(label->value);
    put_varint(out, 1 << 3 | 2);
    put_varint(out, 2 + varint_size(name) + name + varint_size(value) + value);
    put_bytes(out, 1, label->name, name);
    put_bytes(out, 2, label->value, value);
}

/* TimeSeries.samples = 2: Sample { double value = 1, int64 timestamp = 2 } */
static void put_sample(struct bytes *out, int64_t t, double v)
{
    put_varint(out, 2 << 3 | 2);
    put_varint(out, 9 + 1 + varint_size((uint64_t)t));
    put_varint(out, 1 << 3 | 1);
    reserve(out, 8);
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++)
        out->data[out->len++] = (unsigned char)(bits >> 8 * i);
    put_varint(out, 2 << 3 | 0);
    put_varint(out, (uint64_t)t);
}

/* ---- HTTP */

static size_t show_body(char *data, size_t size, size_t count, void *unused)
{
    (void)unused;
    fwrite(data, size, count, stderr);
    return size * count;
}

static bool send_request(struct load *l)
{
    if (l->request.len == 0)
        return true;
    size_t len = snappy_max_compressed_length(l->request.len);
    l->packed.len = 0;
    reserve(&l->packed, len);
    if (snappy_compress((char *)l->request.data, l->request.len, (char *)l->packed.data, &len) !=
        SNAPPY_OK)
        return false;
    curl_easy_setopt(l->curl, CURLOPT_POSTFIELDS, l->packed.data);
    curl_easy_setopt(l->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    CURLcode code = curl_easy_perform(l->curl);
    long status = 0;
    curl_easy_getinfo(l->curl, CURLINFO_RESPONSE_CODE, &status);
    l->request.len = 0;
    l->nrequests++;
    if (code != CURLE_OK)
        fprintf(stderr, "load: %s: %s\n", l->url, curl_easy_strerror(code));
    else if (status / 100 != 2)
        fprintf(stderr, "load: %s: HTTP status %ld\n", l->url, status);
    return code == CURLE_OK && status / 100 == 2;
}

static bool send_until(struct load *l, int64_t until_ms)
{
    for (size_t i = 0; i < cluster_nseries(l->cluster); i++) {
        const int64_t *t;
        const double *v;
        size_t n = cluster_read(l->cluster, i, until_ms, &t, &v);
        if (n == 0)
            continue;
        l->series.len = 0;
        reserve(&l->series, l->labels[i].len);
        memcpy(l->series.data, l->labels[i].data, l->labels[i].len);
        l->series.len = l->labels[i].len;
        for (size_t k = 0; k < n; k++) {
            uint64_t bits;
            memcpy(&bits, &v[k], sizeof bits);
            l->nmarkers += bits == CLUSTER_STALE_BITS;
            put_sample(&l->series, t[k], v[k]);
        }
        l->nsamples += n;
        put_bytes(&l->request, 1, l->series.data, l->series.len); /* WriteRequest.timeseries = 1 */
        if (l->request.len >= REQUEST_BYTES && !send_request(l))
            return false;
    }
    return send_request(l);
}

static void load_done(struct load *l)
{
    for (size_t i = 0; l->labels && i < cluster_nseries(l->cluster); i++)
        free(l->labels[i].data);
    free(l->labels);
    free(l->series.data);
    free(l->request.data);
    free(l->packed.data);
    curl_slist_free_all(l->headers);
    curl_easy_cleanup(l->curl);
    curl_global_cleanup();
    cluster_free(l->cluster);
}

static bool load_init(struct load *l, const struct cluster_options *options, const char *url)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    *l = (struct load){.cluster = cluster_new(options), .curl = curl_easy_init(), .url = url};
    l->labels = calloc(cluster_nseries(l->cluster), sizeof *l->labels);
    if (!l->labels || !l->curl)
        return false;
    for (size_t i = 0; i < cluster_nseries(l->cluster); i++) {
        size_t n;
        const struct cluster_label *labels = cluster_labels(l->cluster, i, &n);
        for (size_t k = 0; k < n; k++)
            put_label(&l->labels[i], &labels[k]);
    }
    static const char *const headers[] = {"Content-Encoding: snappy",
                                          "Content-Type: application/x-protobuf",
                                          "X-Prometheus-Remote-Write-Version: 0.1.0", "Expect:"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        l->headers = curl_slist_append(l->headers, headers[i]);
    curl_easy_setopt(l->curl, CURLOPT_URL, url);
    curl_easy_setopt(l->curl, CURLOPT_HTTPHEADER, l->headers);
    curl_easy_setopt(l->curl, CURLOPT_WRITEFUNCTION, show_body);
    curl_easy_setopt(l->curl, CURLOPT_POST, 1L);
    return true;
}

static bool read_number(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long x = strtoll(text, &end, 10);
    *out = x;
    return errno == 0 && end != text && *end == '\0' && x >= 0;
}

static bool read_arguments(int argc, char **argv, struct cluster_options *o, int64_t *piece_ms)
{
    for (int i = 2; i < argc; i += 2) {
        int64_t x = 0;
        if (i + 1 >= argc)
            return false;
        bool ok = read_number(argv[i + 1], &x);
        if (strcmp(argv[i], "--only") == 0)
            o->only = argv[i + 1];
        else if (!ok)
            return false;
        else if (strcmp(argv[i], "--containers") == 0)
            o->ncontainers = (size_t)x;
        else if (strcmp(argv[i], "--seed") == 0)
            o->seed = (uint64_t)x;
        else if (strcmp(argv[i], "--start") == 0)
            o->start_ms = x * 1000;
        else if (strcmp(argv[i], "--duration") == 0)
            o->duration_ms = x * 1000;
        else if (strcmp(argv[i], "--interval") == 0)
            o->interval_ms = x * 1000;
        else if (strcmp(argv[i], "--piece") == 0)
            *piece_ms = x * 1000;
        else
            return false;
    }
    return argc >= 2 && o->interval_ms > 0 && *piece_ms > 0 && o->duration_ms > 0;
}

int main(int argc, char **argv)
{
    /* 2026-02-28T22:00Z to 2026-03-02T01:00Z: one UTC day, and what its windows reach back to */
    struct cluster_options options = {.seed = 1,
                                      .ncontainers = CLUSTER_DEMO,
                                      .start_ms = 1772316000000,
                                      .duration_ms = 97200000,
                                      .interval_ms = 60000};
    int64_t piece_ms = 600000;
    if (!read_arguments(argc, argv, &options, &piece_ms)) {
        fprintf(
            stderr,
            "usage: load URL [--containers N] [--seed N] [--start S] [--duration S] [--interval S] "
            "[--piece S] [--only NAMES]\n");
        return 2;
    }
    struct load load;
    bool ok = load_init(&load, &options, argv[1]);
    int64_t end = options.start_ms + options.duration_ms;
    for (int64_t until = options.start_ms; ok && until < end;) {
        until = end - until > piece_ms ? until + piece_ms : end;
        ok = send_until(&load, until);
    }
    if (ok)
        printf("%zu series, %" PRIu64 " samples (%" PRIu64 " stale markers) in %" PRIu64
               " requests\n",
               cluster_nseries(load.cluster), load.nsamples, load.nmarkers, load.nrequests);
    load_done(&load);
    return ok ? 0 : 1;
}
