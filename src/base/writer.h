/* Text on its way to a caller's write callback, in pieces of about 64 KiB. */
#ifndef AMPQL_SRC_BASE_WRITER_H
#define AMPQL_SRC_BASE_WRITER_H

#include "base/buf.h"

struct writer {
    struct buf buf; /* append here */
    ampql_write write;
    void *payload;
    enum ampql_code code; /* the first failure: AMPQL_OUTPUT, AMPQL_NOMEM, AMPQL_LIMIT */
};

void writer_init(struct writer *w, const struct ampql_allocator *alc, ampql_write write,
                 void *payload);

/* Hand on what is there when it is a piece; call it often. After a failure nothing goes out, and
 * whoever has much to write looks at the code, so as not to go on for nobody. */
void writer_flush(struct writer *w);

/* Hand on what is there, and then these bytes. */
void writer_pass(struct writer *w, const char *p, size_t n);

/* Hand on the rest and free; returns the code. */
enum ampql_code writer_end(struct writer *w);

#endif
