/* Writing in pieces. */
#include "base/writer.h"

enum { PIECE = 1 << 16, MAX_PENDING = 1 << 26 };

void writer_init(struct writer *w, const struct ampql_allocator *alc, ampql_write write,
                 void *payload)
{
    *w = (struct writer){.write = write, .payload = payload};
    buf_init(&w->buf, alc, MAX_PENDING);
}

static void hand_on(struct writer *w, size_t at_least)
{
    if (w->code == AMPQL_OK)
        w->code = w->buf.failed;
    if (w->code == AMPQL_OK && w->buf.n < at_least)
        return;
    if (w->code == AMPQL_OK && w->buf.n && w->write(w->payload, w->buf.p, w->buf.n) != 0)
        w->code = AMPQL_OUTPUT;
    w->buf.n = 0;
}

void writer_flush(struct writer *w)
{
    hand_on(w, PIECE);
}

void writer_pass(struct writer *w, const char *p, size_t n)
{
    hand_on(w, 0);
    if (w->code == AMPQL_OK && n && w->write(w->payload, p, n) != 0)
        w->code = AMPQL_OUTPUT;
}

enum ampql_code writer_end(struct writer *w)
{
    hand_on(w, 0);
    buf_done(&w->buf);
    return w->code;
}
