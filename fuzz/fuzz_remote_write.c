/* Any series and samples as a write request: a decoder that shares nothing with the encoder reads
 * the same back, and sizes are those that were told. Bytes after an 's' are a state file: refused,
 * or written again they are the same. */
#include "series/sample.h"
#include "support/write_request.h"
#include "tool/remote_write.h"
#include "tool/remote_write_message.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LABELS = 6, MAX_SAMPLES = 64 };

struct bytes {
    const uint8_t *p;
    size_t n;
};

static uint64_t take(struct bytes *in, size_t n)
{
    uint64_t v = 0;
    for (; n > 0 && in->n > 0; n--, in->n--)
        v = v << 8 | *in->p++;
    return v;
}

static void add_sample(void *payload, const char *labels, int64_t t_ms, double v)
{
    struct buf *out = payload;
    int64_t bits = (int64_t)bits_of(v);
    buf_text(out, labels);
    buf_bytes(out, &t_ms, sizeof t_ms);
    buf_bytes(out, &bits, sizeof bits);
}

/* Names in order, values of letters; times ascending. */
static void make_piece(struct bytes *in, struct write_piece *piece, struct buf *want)
{
    static struct ampql_label labels[MAX_LABELS];
    static char names[MAX_LABELS][2], values[MAX_LABELS][256];
    static int64_t t[MAX_SAMPLES];
    static double v[MAX_SAMPLES];
    struct buf text;
    size_t nlabels = take(in, 1) % (MAX_LABELS + 1), n = take(in, 1) % (MAX_SAMPLES + 1);
    buf_init(&text, &alloc_default, 1 << 16);
    buf_byte(&text, '\n');
    for (size_t i = 0; i < nlabels; i++) {
        size_t length = take(in, 1) % 255 + 1;
        names[i][0] = (char)('a' + i);
        memset(values[i], (int)('a' + take(in, 1) % 26), length);
        labels[i] = (struct ampql_label){{names[i], 1}, {values[i], length}};
        buf_format(&text, "%c=%.*s\n", names[i][0], (int)length, values[i]);
    }
    buf_byte(&text, '\0');
    int64_t at = (int64_t)take(in, 8) / 2;
    size_t made = 0;
    for (; made < n; made++) {
        if (__builtin_add_overflow(at, (int64_t)(take(in, take(in, 1) % 6) + 1), &at))
            break;
        t[made] = at;
        v[made] = double_of(take(in, 8));
        add_sample(want, text.p, t[made], v[made]);
    }
    buf_done(&text);
    *piece = (struct write_piece){labels, nlabels, t, v, made};
}

static void check_messages(struct bytes in)
{
    struct buf request, want, got;
    buf_init(&request, &alloc_default, 1 << 24);
    buf_init(&want, &alloc_default, 1 << 24);
    buf_init(&got, &alloc_default, 1 << 24);
    while (in.n > 0) {
        struct write_piece piece;
        make_piece(&in, &piece, &want);
        size_t before = request.n;
        write_piece_add(&request, &piece);
        if (request.n - before != write_piece_size(&piece))
            abort();
    }
    if (!write_request_read((const uint8_t *)request.p, request.n, add_sample, &got))
        abort();
    if (got.n != want.n || (got.n && memcmp(got.p, want.p, got.n) != 0))
        abort();
    buf_done(&request);
    buf_done(&want);
    buf_done(&got);
}

static void check_state(const uint8_t *data, size_t size)
{
    char again[128];
    int64_t until_ms;
    if (write_state_parse(str_make((const char *)data, size), "0123", &until_ms))
        return;
    if (write_state_print("0123", until_ms, again, sizeof again) != size ||
        memcmp(again, data, size) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && *data == 's')
        check_state(data + 1, size - 1);
    else
        check_messages((struct bytes){data, size});
    return 0;
}
