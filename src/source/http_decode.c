/* gzip through zlib with our memory, zstd through its streaming decoder with its own. */
#include "source/http_decode.h"

#include <zstd.h>

/* zlib asks for memory without saying later how much it was: the size goes in front. */
enum { FRONT = 16 };

/* A zstd frame may ask for a window of gigabytes; what servers send needs at most 8 MiB (RFC
 * 8878). */
enum { ZSTD_WINDOW_LOG_MAX = 23 };

static void *zlib_alloc(void *payload, unsigned items, unsigned size)
{
    size_t bytes = (size_t)items * size + FRONT;
    char *p = alloc_get(payload, bytes, 1);
    if (!p)
        return NULL;
    memcpy(p, &bytes, sizeof bytes);
    return p + FRONT;
}

static void zlib_free(void *payload, void *ptr)
{
    char *p = (char *)ptr - FRONT;
    size_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    alloc_put(payload, p, bytes, 1);
}

bool http_encoding_of(struct str content_encoding, enum http_encoding *out)
{
    static const struct {
        const char *name;
        enum http_encoding encoding;
    } names[] = {
        {"identity", HTTP_IDENTITY},
        {"gzip", HTTP_GZIP},
        {"x-gzip", HTTP_GZIP},
        {"zstd", HTTP_ZSTD},
    };
    *out = HTTP_IDENTITY;
    if (content_encoding.n == 0)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (str_equal_fold(content_encoding, str_of(names[i].name))) {
            *out = names[i].encoding;
            return true;
        }
    }
    return false;
}

void http_decode_init(struct http_decode *decode, const struct ampql_allocator *alc,
                      enum http_encoding encoding)
{
    *decode = (struct http_decode){.alc = alc, .encoding = encoding};
}

void http_decode_done(struct http_decode *decode)
{
    if (decode->is_started && decode->encoding == HTTP_GZIP)
        inflateEnd(&decode->zlib);
    if (decode->zstd)
        ZSTD_freeDStream(decode->zstd);
    *decode = (struct http_decode){0};
}

static enum ampql_code start(struct http_decode *decode, struct ampql_error *err)
{
    enum { GZIP_ONLY = 16 };
    if (decode->encoding == HTTP_GZIP) {
        decode->zlib = (z_stream){
            .zalloc = zlib_alloc, .zfree = zlib_free, .opaque = (void *)(uintptr_t)decode->alc};
        if (inflateInit2(&decode->zlib, MAX_WBITS + GZIP_ONLY) != Z_OK)
            return fail_nomem(err, "ungzipping an answer");
    } else {
        decode->zstd = ZSTD_createDStream();
        if (!decode->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(decode->zstd, ZSTD_d_windowLogMax,
                                                                 ZSTD_WINDOW_LOG_MAX)))
            return fail_nomem(err, "unpacking an answer");
    }
    decode->is_started = true;
    return AMPQL_OK;
}

static enum ampql_code ungzip(struct http_decode *decode, struct str in, size_t *used, char *out,
                              size_t size, size_t *n, struct ampql_error *err)
{
    enum { MOST = 1 << 30 };
    z_stream *z = &decode->zlib;
    uInt room = (uInt)(size < MOST ? size : MOST), given = (uInt)(in.n < MOST ? in.n : MOST);
    z->next_in = (unsigned char *)(uintptr_t)in.p;
    z->avail_in = given;
    z->next_out = (unsigned char *)out;
    z->avail_out = room;
    if (in.n)
        decode->is_inside = true;
    int rc = decode->is_inside ? inflate(z, Z_NO_FLUSH) : Z_BUF_ERROR;
    *used = given - z->avail_in;
    *n = room - z->avail_out;
    if (rc == Z_STREAM_END) {
        decode->is_inside = false;
        rc = inflateReset(z);
    }
    if (rc == Z_OK || rc == Z_BUF_ERROR)
        return AMPQL_OK;
    if (rc == Z_MEM_ERROR)
        return fail_nomem(err, "ungzipping an answer");
    return fail(err, AMPQL_BAD_DATA, "the gzip data of the answer is corrupt");
}

static enum ampql_code unzstd(struct http_decode *decode, struct str in, size_t *used, char *out,
                              size_t size, size_t *n, struct ampql_error *err)
{
    ZSTD_inBuffer from = {in.p, in.n, 0};
    ZSTD_outBuffer to = {out, size, 0};
    *used = *n = 0;
    if (in.n == 0 && !decode->is_inside)
        return AMPQL_OK;
    size_t rc = ZSTD_decompressStream(decode->zstd, &to, &from);
    *used = from.pos;
    *n = to.pos;
    if (!ZSTD_isError(rc)) {
        /* with nothing taken and nothing given, it still waits for what it waited for */
        if (rc == 0 || from.pos || to.pos)
            decode->is_inside = rc != 0;
        return AMPQL_OK;
    }
    return fail(err, AMPQL_BAD_DATA, "the zstd data of the answer is corrupt (%s)",
                ZSTD_getErrorName(rc));
}

enum ampql_code http_decode(struct http_decode *decode, struct str in, size_t *used, char *out,
                            size_t size, size_t *n, struct ampql_error *err)
{
    *used = *n = 0;
    if (decode->encoding == HTTP_IDENTITY) {
        *used = *n = in.n < size ? in.n : size;
        if (*n)
            memcpy(out, in.p, *n);
        return AMPQL_OK;
    }
    if (!decode->is_started) {
        if (in.n == 0) /* an empty body needs no gzip header, whatever it was said to be */
            return AMPQL_OK;
        TRY(start(decode, err));
    }
    return decode->encoding == HTTP_GZIP ? ungzip(decode, in, used, out, size, n, err)
                                         : unzstd(decode, in, used, out, size, n, err);
}

bool http_decode_is_whole(const struct http_decode *decode)
{
    return !decode->is_inside;
}
