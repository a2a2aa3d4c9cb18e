/* The byte buffer. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_init(struct buf *buf, const struct ampql_allocator *alc, size_t max_bytes)
{
    *buf = (struct buf){.alc = alc, .max_bytes = max_bytes};
}

void buf_done(struct buf *buf)
{
    alloc_put(buf->alc, buf->p, buf->cap, 1);
    buf_init(buf, buf->alc, buf->max_bytes);
}

static bool grow(struct buf *buf, size_t want)
{
    if (want > buf->max_bytes) {
        buf->failed = AMPQL_LIMIT;
        return false;
    }
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < want)
        cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
    if (cap > buf->max_bytes)
        cap = buf->max_bytes;
    char *p = alloc_resize(buf->alc, buf->p, buf->cap, cap, 1);
    if (!p) {
        buf->failed = AMPQL_NOMEM;
        return false;
    }
    buf->p = p;
    buf->cap = cap;
    return true;
}

char *buf_room(struct buf *buf, size_t n)
{
    size_t want;
    if (buf->failed != AMPQL_OK)
        return NULL;
    if (__builtin_add_overflow(buf->n, n, &want)) {
        buf->failed = AMPQL_LIMIT;
        return NULL;
    }
    if (want > buf->cap && !grow(buf, want))
        return NULL;
    return buf->p + buf->n;
}

void buf_bytes(struct buf *buf, const void *p, size_t n)
{
    char *room = n ? buf_room(buf, n) : NULL;
    if (!room)
        return;
    memcpy(room, p, n);
    buf->n += n;
}

int buf_write(void *payload, const char *data, size_t size)
{
    struct buf *buf = payload;
    buf_bytes(buf, data, size);
    return buf->failed != AMPQL_OK;
}

void buf_byte(struct buf *buf, char c)
{
    buf_bytes(buf, &c, 1);
}

void buf_str(struct buf *buf, struct str s)
{
    buf_bytes(buf, s.p, s.n);
}

void buf_text(struct buf *buf, const char *text)
{
    buf_bytes(buf, text, strlen(text));
}

void buf_format(struct buf *buf, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 ||
        (size_t)n >= sizeof text) { /* our own formats are short; a long one is a mistake of ours */
        buf->failed = AMPQL_LIMIT;
        return;
    }
    buf_bytes(buf, text, (size_t)n);
}
