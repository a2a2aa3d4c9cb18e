/* Escaping for terminals, in Go's spelling so that label sets look as Prometheus prints them. */
#include "cli/escape.h"

#include "base/utf8.h"

size_t escape_rune(const char *p, size_t n, char *out)
{
    size_t size = 0, length;
    out[0] = '\0';
    if (utf8_is_cut(p, n))
        return 0;
    if (p[0] == '"' || p[0] == '\\') /* escaped inside quotes only */
        return 1;
    length = quote_code_point(out, str_make(p, n), &size);
    out[length] = '\0';
    if (str_equal(str_make(out, length), str_make(p, size)))
        out[0] = '\0';
    return size;
}

void escape_str(struct buf *out, struct str s)
{
    char text[QUOTED_RUNE_MAX];
    for (size_t i = 0, size; i < s.n; i += size) {
        size = escape_rune(s.p + i, s.n - i, text);
        if (size == 0) { /* cut by the end of the string: its bytes are no character */
            size = 1;
            buf_format(out, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
        } else if (text[0]) {
            buf_text(out, text);
        } else {
            buf_bytes(out, s.p + i, size);
        }
    }
}

size_t escape_width(struct str s)
{
    size_t width = 0;
    for (size_t i = 0; i < s.n; i++)
        width += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return width;
}
