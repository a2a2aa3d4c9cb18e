/* Lengths before contents: a message inside a message is counted first. */
#include "tool/remote_write_message.h"

#include "base/bytes.h"
#include "series/sample.h"

enum { VARINT = 0, FIXED64 = 1, BYTES = 2 };

static void put_key(struct buf *out, unsigned field, unsigned wire_type)
{
    buf_byte(out, (char)(field << 3 | wire_type));
}

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

/* Of a field of bytes, its key included. */
static size_t counted_size(size_t n)
{
    return 1 + varint_size(n) + n;
}

static size_t label_size(const struct ampql_label *label)
{
    return counted_size(label->name.size) + counted_size(label->value.size);
}

static size_t sample_size(int64_t t_ms)
{
    return 1 + 8 + 1 + varint_size((uint64_t)t_ms);
}

static size_t series_size(const struct write_piece *piece)
{
    size_t n = 0;
    for (size_t i = 0; i < piece->nlabels; i++)
        n += counted_size(label_size(&piece->labels[i]));
    for (size_t i = 0; i < piece->n; i++)
        n += counted_size(sample_size(piece->t_ms[i]));
    return n;
}

size_t write_piece_size(const struct write_piece *piece)
{
    return counted_size(series_size(piece));
}

static void put_label(struct buf *out, const struct ampql_label *label)
{
    put_key(out, 1, BYTES);
    buf_varint(out, label_size(label));
    put_key(out, 1, BYTES);
    buf_counted(out, str_view(label->name));
    put_key(out, 2, BYTES);
    buf_counted(out, str_view(label->value));
}

static void put_sample(struct buf *out, int64_t t_ms, double v)
{
    uint8_t bits[8];
    le_put(bits, sizeof bits, bits_of(v));
    put_key(out, 2, BYTES);
    buf_varint(out, sample_size(t_ms));
    put_key(out, 1, FIXED64);
    buf_bytes(out, bits, sizeof bits);
    put_key(out, 2, VARINT);
    buf_varint(out, (uint64_t)t_ms);
}

void write_piece_add(struct buf *request, const struct write_piece *piece)
{
    put_key(request, 1, BYTES);
    buf_varint(request, series_size(piece));
    for (size_t i = 0; i < piece->nlabels; i++)
        put_label(request, &piece->labels[i]);
    for (size_t i = 0; i < piece->n; i++)
        put_sample(request, piece->t_ms[i], piece->v[i]);
}
