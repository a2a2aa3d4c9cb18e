/* API JSON of the generated cluster's day, read as a stream: ns a sample and GB/s, beside cJSON,
 * and simdjson where it is installed, on the same bytes. Needs no server. Usage: json [CONTAINERS]
 */
#include "base/json.h"
#include "base/buf.h"
#include "base/number.h"
#include "bench/cluster.h"
#include "bench/json_simdjson.h"
#include "bench/quick.h"
#include "source/answers.h"
#if AMPQL_HTTP
#include "source/http_decode.h"
#include <zstd.h>
#endif

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES = 5 };

static void die(const char *what)
{
    quick_die("json", what);
}

/* ---- the document */

static void put_series(struct buf *out, struct cluster *c, size_t i)
{
    size_t nlabels;
    const struct cluster_label *labels = cluster_labels(c, i, &nlabels);
    buf_text(out, i ? ",{\"metric\":{" : "{\"metric\":{");
    for (size_t k = 0; k < nlabels; k++) {
        buf_text(out, k ? "," : "");
        json_quote(out, str_of(labels[k].name));
        buf_byte(out, ':');
        json_quote(out, str_of(labels[k].value));
    }
    buf_text(out, "},\"values\":[");
    const int64_t *t;
    const double *v;
    size_t n = cluster_read(c, i, INT64_MAX, &t, &v);
    for (size_t k = 0; k < n; k++) {
        char text[2 * NUMBER_MAX + 8];
        size_t used = (size_t)sprintf(text, k ? ",[" : "[");
        used += number_format_seconds(t[k], text + used);
        used += (size_t)sprintf(text + used, ",\"");
        used += number_format(v[k], text + used);
        used += (size_t)sprintf(text + used, "\"]");
        buf_bytes(out, text, used);
    }
    buf_text(out, "]}");
}

static struct buf make_document(size_t ncontainers)
{
    struct cluster_options options = {.seed = 1,
                                      .ncontainers = ncontainers,
                                      .start_ms = INT64_C(1700006400000),
                                      .duration_ms = INT64_C(86400000),
                                      .interval_ms = 60000};
    struct cluster *c = cluster_new(&options);
    struct buf out;
    buf_init(&out, &alloc_default, SIZE_MAX / 2);
    buf_text(&out, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    for (size_t i = 0; i < cluster_nseries(c); i++)
        put_series(&out, c, i);
    buf_text(&out, "]}}\n");
    cluster_free(c);
    if (out.failed != AMPQL_OK)
        die("no memory");
    return out;
}

/* ---- reading it */

struct reading {
    struct str rest;
    uint64_t n, bits;
};

static enum ampql_code read_piece(void *payload, char *buffer, size_t size, size_t *n,
                                  struct ampql_error *err)
{
    (void)err;
    struct reading *r = payload;
    *n = r->rest.n < size ? r->rest.n : size;
    memcpy(buffer, r->rest.p, *n);
    r->rest = str_from(r->rest, *n);
    return AMPQL_OK;
}

static enum ampql_code take_series(void *payload, const struct ampql_label *labels, size_t nlabels,
                                   struct ampql_error *err)
{
    (void)payload, (void)labels, (void)nlabels, (void)err;
    return AMPQL_OK;
}

static enum ampql_code take_sample(void *payload, int64_t t_ms, double v, struct ampql_error *err)
{
    (void)err;
    struct reading *r = payload;
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    r->n++;
    r->bits += bits ^ (uint64_t)t_ms;
    return AMPQL_OK;
}

static enum ampql_code end_series(void *payload, struct ampql_error *err)
{
    (void)payload, (void)err;
    return AMPQL_OK;
}

static void describe(void *payload, char *out, size_t size)
{
    (void)payload;
    snprintf(out, size, "a series");
}

static double stream(struct str text, struct reading *r)
{
    struct input input;
    struct answer answer = {0};
    struct ampql_error err = {0};
    const struct answer_taker taker = {take_series, take_sample, end_series, describe, r};
    double begin = quick_now_ns();
    *r = (struct reading){.rest = text};
    if (input_init(&input, &alloc_default, "bench", read_piece, r, 0, &err) != AMPQL_OK ||
        answers_stream(&input, &alloc_default, &taker, &(struct answer_options){0}, &answer,
                       &err) != AMPQL_OK)
        die(err.message);
    input_done(&input);
    return quick_now_ns() - begin;
}

static double tree(struct str text, uint64_t *n)
{
    double begin = quick_now_ns();
    cJSON *all = cJSON_ParseWithLength(text.p, text.n);
    if (!all)
        die("cJSON refuses it");
    *n = 0;
    const cJSON *result = cJSON_GetObjectItem(cJSON_GetObjectItem(all, "data"), "result"), *s, *p;
    volatile double sum = 0;
    cJSON_ArrayForEach(s, result)
    {
        cJSON_ArrayForEach(p, cJSON_GetObjectItem(s, "values"))
        {
            sum += p->child->valuedouble + strtod(p->child->next->valuestring, NULL);
            ++*n;
        }
    }
    cJSON_Delete(all);
    return quick_now_ns() - begin;
}

/* ---- what packing it for the way costs and saves */

#if AMPQL_HTTP
/* As servers pack: gzip's usual level, zstd's default. */
static struct buf pack(struct str text, enum http_encoding encoding)
{
    struct buf out;
    buf_init(&out, &alloc_default, SIZE_MAX / 2);
    size_t room = encoding == HTTP_ZSTD ? ZSTD_compressBound(text.n) : text.n + (text.n >> 8) + 64;
    char *to = buf_room(&out, room);
    if (!to)
        die("no memory");
    if (encoding == HTTP_ZSTD) {
        out.n = ZSTD_compress(to, room, text.p, text.n, 0);
        if (ZSTD_isError(out.n))
            die("zstd does not pack it");
        return out;
    }
    z_stream z = {.next_in = (Bytef *)text.p,
                  .avail_in = (uInt)text.n,
                  .next_out = (Bytef *)to,
                  .avail_out = (uInt)room};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
            Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        die("zlib does not pack it");
    out.n = z.total_out;
    deflateEnd(&z);
    return out;
}

static double unpack(struct str packed, enum http_encoding encoding, size_t nwanted)
{
    static char piece[1 << 16];
    struct http_decode decode;
    struct ampql_error err = {0};
    size_t total = 0, used, n;
    double begin = quick_now_ns();
    http_decode_init(&decode, &alloc_default, encoding);
    do {
        if (http_decode(&decode, packed, &used, piece, sizeof piece, &n, &err) != AMPQL_OK)
            die(err.message);
        packed = str_from(packed, used);
        total += n;
    } while (n || packed.n);
    http_decode_done(&decode);
    if (total != nwanted)
        die("it is not what was packed");
    return quick_now_ns() - begin;
}

/* Where a network is slower than this, it pays to pack. */
static void print_packed(struct str text, uint64_t nsamples, enum http_encoding encoding)
{
    const char *name = encoding == HTTP_GZIP ? "gzip" : "zstd";
    struct buf packed = pack(text, encoding);
    double best = 1e300, n = (double)nsamples;
    for (int pass = 0; pass < PASSES; pass++) {
        double ns = unpack(buf_view(&packed), encoding, text.n);
        best = ns < best ? ns : best;
    }
    printf(
        "%-20s %8.2f ns CPU a sample to unpack, %.2f of %.2f bytes a sample are on their way: it "
        "pays below %.1f Gbit/s\n",
        name, best / n, (double)packed.n / n, (double)text.n / n,
        8 * (double)(text.n - packed.n) / best);
    quick_result(encoding == HTTP_GZIP ? "API JSON from gzip" : "API JSON from zstd", n,
                 (double)text.n, best);
    buf_done(&packed);
}
#endif

static void print(const char *what, double ns, uint64_t n, size_t nbytes, double ours)
{
    char times[64] = "";
    if (ns > ours)
        snprintf(times, sizeof times, ", %.1f times ampql's", ns / ours);
    printf("%-20s %8.2f ns CPU a sample, %.2f GB/s%s\n", what, ns / (double)n, (double)nbytes / ns,
           times);
}

int main(int argc, char **argv)
{
    struct buf text = make_document(argc > 1 ? strtoul(argv[1], NULL, 10) : 40);
    struct reading r = {0};
    uint64_t n = 0, nsimd = 0;
    double best = 1e300, cjson = 1e300, simd = 1e300;
    for (int pass = 0; pass < PASSES; pass++) {
        double ns = stream(buf_view(&text), &r);
        best = ns < best ? ns : best;
        ns = pass < 2 ? tree(buf_view(&text), &n) : cjson;
        cjson = ns < cjson ? ns : cjson;
        ns = bench_simdjson(text.p, text.n, &nsimd, quick_now_ns);
        simd = ns < simd ? ns : simd;
    }
    if (n != r.n || (simd > 0 && nsimd != n))
        die("they do not find the same number of samples");
    printf("API JSON of a day, read as a stream: %llu samples, %zu bytes\n", (unsigned long long)n,
           text.n);
    print("ampql", best, n, text.n, best);
    print("cJSON", cjson, n, text.n, best);
    if (simd > 0)
        print("simdjson", simd, n, text.n, best);
    else
        puts("simdjson is not installed (libsimdjson-dev)");
    quick_result("API JSON streamed", (double)n, (double)text.n, best);
    quick_result("API JSON by cJSON", (double)n, (double)text.n, cjson);
    if (simd > 0)
        quick_result("API JSON by simdjson", (double)n, (double)text.n, simd);
#if AMPQL_HTTP
    print_packed(buf_view(&text), n, HTTP_GZIP);
    print_packed(buf_view(&text), n, HTTP_ZSTD);
#endif
    buf_done(&text);
    return 0;
}
