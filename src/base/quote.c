/* Text quoted as Go quotes it: printable characters as they are, all others as escapes, so that
 * nothing in a message can break the line or drive a terminal. */
#include "base/quote.h"

#include "base/utf8.h"

enum { REPLACEMENT = 0xfffd };

uint32_t rune_decode(struct str text, size_t at, size_t *width)
{
    const unsigned char *p = (const unsigned char *)text.p + at;
    size_t n = utf8_length(text.p + at, text.n - at);
    *width = n ? n : 1;
    if (n == 0)
        return REPLACEMENT;
    uint32_t rune = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        rune = rune << 6 | (p[i] & 0x3f);
    return rune;
}

/* Blanks other than the space, controls, format characters, private use and non-characters. Go's
 * table also has the unassigned code points; they are printed as they are here. */
static bool is_printable(uint32_t rune)
{
    static const uint32_t hidden[][2] = {
        {0x00, 0x1f},          {0x7f, 0xa0},       {0xad, 0xad},       {0x600, 0x605},
        {0x61c, 0x61c},        {0x6dd, 0x6dd},     {0x1680, 0x1680},   {0x180e, 0x180e},
        {0x2000, 0x200f},      {0x2028, 0x202f},   {0x205f, 0x206f},   {0x3000, 0x3000},
        {0xd800, 0xf8ff},      {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},
        {0xfffe, 0xffff},      {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe00ff},
        {0xe01f0, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (rune >= hidden[i][0] && rune <= hidden[i][1])
            return false;
    return true;
}

static size_t write_hex(char *out, char letter, uint32_t value, int digits)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    out[n++] = '\\';
    out[n++] = letter;
    while (digits-- > 0)
        out[n++] = hex[value >> (4 * digits) & 15];
    return n;
}

/* One code point inside quotes, to out [QUOTED_RUNE_MAX]; returns the length. */
static size_t escape(char *out, uint32_t rune, char quote)
{
    static const char names[] = "abtnvfr"; /* 7 to 13 */
    if (rune == (unsigned char)quote || rune == '\\') {
        out[0] = '\\';
        out[1] = (char)rune;
        return 2;
    }
    if (rune >= 7 && rune <= 13) {
        out[0] = '\\';
        out[1] = names[rune - 7];
        return 2;
    }
    if (is_printable(rune))
        return utf8_encode(rune, out);
    if (rune < ' ' || rune == 0x7f)
        return write_hex(out, 'x', rune, 2);
    if (rune < 0x10000)
        return write_hex(out, 'u', rune, 4);
    return write_hex(out, 'U', rune, 8);
}

size_t quote_code_point(char *out, struct str text, size_t *at)
{
    size_t width;
    uint32_t rune = rune_decode(text, *at, &width);
    size_t n;
    if (rune == REPLACEMENT && width == 1)
        n = write_hex(out, 'x', (unsigned char)text.p[*at], 2);
    else if (rune == REPLACEMENT)
        n = write_hex(out, 'u', rune, 4); /* the lexer refuses it unescaped */
    else
        n = escape(out, rune, '"');
    *at += width;
    return n;
}

const char *quote_rune(char *out, uint32_t rune)
{
    size_t n = 0;
    out[n++] = '\'';
    n += escape(out + n, rune, '\'');
    out[n++] = '\'';
    out[n] = '\0';
    return out;
}

const char *quote_text(char *out, size_t size, struct str text)
{
    enum { TAIL = sizeof "...\"" };
    size_t n = 0;
    out[n++] = '"';
    for (size_t i = 0; i < text.n;) {
        char piece[QUOTED_RUNE_MAX];
        size_t width = quote_code_point(piece, text, &i);
        if (n + width + TAIL > size) {
            memcpy(out + n, "...", 3);
            n += 3;
            break;
        }
        memcpy(out + n, piece, width);
        n += width;
    }
    out[n++] = '"';
    out[n] = '\0';
    return out;
}

void print_quoted(struct buf *out, struct str text)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < text.n;) {
        char piece[QUOTED_RUNE_MAX];
        size_t width = quote_code_point(piece, text, &i);
        buf_bytes(out, piece, width);
    }
    buf_byte(out, '"');
}
