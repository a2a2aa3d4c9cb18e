/* Escaping for terminals, in Go's spelling so that label sets look as Prometheus prints them. */
#include "cli/escape.h"

#include <stdint.h>
#include <stdio.h>

/* The number of bytes of the UTF-8 character at p, its code point in *rune; 0: cut by the end, -1:
 * not UTF-8. */
static int decode(const unsigned char *p, size_t n, uint32_t *rune)
{
    int size = p[0] < 0x80                    ? 1
               : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
               : (p[0] & 0xf0) == 0xe0        ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : -1;
    if (size < 0)
        return -1;
    *rune = size == 1 ? p[0] : p[0] & (0xffu >> (size + 1));
    for (int i = 1; i < size; i++) {
        if ((size_t)i == n)
            return 0;
        if ((p[i] & 0xc0) != 0x80)
            return -1;
        *rune = *rune << 6 | (p[i] & 0x3f);
    }
    if ((size == 3 && (*rune < 0x800 || (*rune >= 0xd800 && *rune <= 0xdfff))) ||
        (size == 4 && (*rune < 0x10000 || *rune > 0x10ffff)))
        return -1;
    return size;
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
    uint32_t rune = 0;
    int size = decode((const unsigned char *)p, n, &rune);
    out[0] = '\0';
    if (size == 0)
        return 0;
    if (size < 0) {
        snprintf(out, ESCAPE_MAX, "\\x%02x", (unsigned)(unsigned char)p[0]);
        return 1;
    }
    if (rune >= 7 && rune <= 13)
        snprintf(out, ESCAPE_MAX, "\\%c", names[rune - 7]);
    else if (rune < 0x20 || rune == 0x7f)
        snprintf(out, ESCAPE_MAX, "\\x%02x", (unsigned)rune);
    else if (is_hidden(rune))
        snprintf(out, ESCAPE_MAX, "\\u%04x", (unsigned)(rune & 0xffff));
    return (size_t)size;
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
