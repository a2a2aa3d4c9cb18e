/* Bodies unpacked as they are read: gzip and zstd, with nothing held beyond their windows.
 *
 * A packed body is whole only when its last member or frame is, and nothing else follows it. */
#ifndef AMPQL_SRC_SOURCE_HTTP_DECODE_H
#define AMPQL_SRC_SOURCE_HTTP_DECODE_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"

#include <zlib.h>

enum http_encoding { HTTP_IDENTITY, HTTP_GZIP, HTTP_ZSTD };

struct http_decode {
    const struct ampql_allocator *alc;
    enum http_encoding encoding;
    bool is_started, is_inside; /* a member or frame has begun and not ended */
    z_stream zlib;
    void *zstd;
};

/* Which encoding a Content-Encoding names; false: one that was not offered. Empty is identity. */
bool http_encoding_of(struct str content_encoding, enum http_encoding *out);

void http_decode_init(struct http_decode *decode, const struct ampql_allocator *alc,
                      enum http_encoding encoding);
void http_decode_done(struct http_decode *decode);

/* Unpack from in to out [size]. *used bytes of in are taken, *n given; both may be 0 only when in
 * is empty and nothing is left inside. err  AMPQL_BAD_DATA: corrupt, or bytes after its end that
 * are no further member; AMPQL_NOMEM */
enum ampql_code http_decode(struct http_decode *decode, struct str in, size_t *used, char *out,
                            size_t size, size_t *n, struct ampql_error *err);

/* May the body end here? Not inside a member or frame. */
bool http_decode_is_whole(const struct http_decode *decode);

#endif
