/* Escaping for terminals, in Go's spelling so that label sets look as Prometheus prints them. */
#include "cli/escape.h"

#include "base/utf8.h"

#include <stdint.h>
#include <stdio.h>

/* The code point of a valid sequence [size]. */
static uint32_t decode(const unsigned char *p, size_t size)
{
    uint32_t rune = size == 1 ? p[0] : p[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++)
        rune = rune << 6 | (p[i] & 0x3f);
    return rune;
}

/* Controls, and what is invisible but acts: soft hyphen, zero width, line separators, direction
 * marks, byte order mark. */
static bool is_hidden(uint32_t r)
{
    return (r >= 0x80 && r <= 0x9f) || r == 0xad || r == 0x61c || (r >= 0x200b && r <= 0x200f) ||
           (r >= 0x2028 && r <= 0x202e) || (r >= 0x2060 && r <= 0x206f) || r == 0xfeff;
}

size_t escape_rune(const char *p, size_t n, char *out)
{
    static const char names[] = "abtnvfr"; /* \a is 7 */
    size_t size = utf8_length(p, n);
    out[0] = '\0';
    if (size == 0 && utf8_is_cut(p, n))
        return 0;
    if (size == 0) {
        snprintf(out, ESCAPE_MAX, "\\x%02x", (unsigned)(unsigned char)p[0]);
        return 1;
    }
    uint32_t rune = decode((const unsigned char *)p, size);
    if (rune >= 7 && rune <= 13)
        snprintf(out, ESCAPE_MAX, "\\%c", names[rune - 7]);
    else if (rune < 0x20 || rune == 0x7f)
        snprintf(out, ESCAPE_MAX, "\\x%02x", (unsigned)rune);
    else if (is_hidden(rune))
        snprintf(out, ESCAPE_MAX, "\\u%04x", (unsigned)(rune & 0xffff));
    return size;
}

static void escape(struct buf *out, struct str s, bool quoted)
{
    char text[ESCAPE_MAX];
    for (size_t i = 0, size; i < s.n; i += size) {
        size = escape_rune(s.p + i, s.n - i, text);
        if (size == 0) { /* cut by the end of the string: no character */
            size = 1;
            snprintf(text, sizeof text, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
        }
        if (text[0])
            buf_text(out, text);
        else if (quoted && (s.p[i] == '"' || s.p[i] == '\\'))
            buf_format(out, "\\%c", s.p[i]);
        else
            buf_bytes(out, s.p + i, size);
    }
}

void escape_str(struct buf *out, struct str s)
{
    escape(out, s, false);
}

void escape_quoted(struct buf *out, struct str s)
{
    buf_byte(out, '"');
    escape(out, s, true);
    buf_byte(out, '"');
}

size_t escape_width(struct str s)
{
    size_t width = 0;
    for (size_t i = 0; i < s.n; i++)
        width += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return width;
}
