/* A growing byte buffer that cannot be made without a ceiling.
 *
 * Appending after a failure does nothing, so a writer checks once at the end: buf.failed says
 * AMPQL_NOMEM or AMPQL_LIMIT, AMPQL_OK when all bytes are there. */
#ifndef AMPQL_SRC_BASE_BUF_H
#define AMPQL_SRC_BASE_BUF_H

#include "base/alloc.h"
#include "base/str.h"

struct buf {
    const struct ampql_allocator *alc;
    char *p;
    size_t n, cap;
    size_t max_bytes;
    enum ampql_code failed;
};

void buf_init(struct buf *buf, const struct ampql_allocator *alc, size_t max_bytes);
void buf_done(struct buf *buf);

void buf_bytes(struct buf *buf, const void *p, size_t n);
void buf_byte(struct buf *buf, char c);
void buf_str(struct buf *buf, struct str s);
void buf_text(struct buf *buf, const char *text); /* a NUL-terminated string of our own */
void buf_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An ampql_write whose payload is a buffer: 1 after a failure. */
int buf_write(void *buf, const char *data, size_t size);

/* Room for n more bytes at the returned place, to be counted by the caller with buf->n += written;
 * NULL after a failure. */
char *buf_room(struct buf *buf, size_t n);

/* What is in it, until it grows. Never at NULL, so that a reader may add 0 to an empty view's
 * place, which C does not define for NULL. */
static inline struct str buf_view(const struct buf *buf)
{
    return (struct str){buf->p ? buf->p : "", buf->n};
}

#endif
