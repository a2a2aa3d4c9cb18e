/* JSON strings: checking, unescaping and quoting them. */
#include "base/json_string.h"

#include "base/json.h"
#include "base/utf8.h"

#include <stdio.h>

enum { PLAIN, QUOTE, ESCAPE, CONTROL, HIGH };

static int classify(unsigned char c)
{
    return c >= 0x80 ? HIGH : c == '"' ? QUOTE : c == '\\' ? ESCAPE : c < 0x20 ? CONTROL : PLAIN;
}

/* Bytes from p up to the first that is no plain ASCII; eight at a time. */
static size_t plain_length(const char *p, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t w, quote, escape;
        memcpy(&w, p + i, 8);
        quote = w ^ ones * '"';
        escape = w ^ ones * '\\';
        /* x - 1 borrows into the high bit of a byte that is 0, x - 0x20 of one that is a control */
        if ((((quote - ones) & ~quote) | ((escape - ones) & ~escape) | ((w - ones * 0x20) & ~w) |
             w) &
            highs)
            break;
    }
    while (i < n && classify((unsigned char)p[i]) == PLAIN)
        i++;
    return i;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits at p [n]: 4 when they are there, else how many of them are before what is wrong
 * or missing. */
static size_t read_hex4(const char *p, size_t n, uint32_t *out)
{
    uint32_t v = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < n ? hex_value(p[i]) : -1;
        if (digit < 0)
            return i;
        v = v * 16 + (uint32_t)digit;
    }
    *out = v;
    return 4;
}

static bool is_high_surrogate(uint32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low_surrogate(uint32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

static void stop(struct json_scan *scan, size_t at, size_t n, const char *why)
{
    scan->end = at < n ? SCAN_WRONG : SCAN_OPEN; /* nothing is wrong yet where the bytes run out */
    scan->at = at;
    scan->why = why;
}

/* The escape at s[at], a backslash. Returns what follows it, or 0 with scan filled; *size is the
 * number of bytes that it stands for. */
static size_t scan_escape(struct str s, size_t at, size_t *size, struct json_scan *scan)
{
    uint32_t unit = 0, low = 0;
    size_t digits = at + 2, got;
    *size = 1;
    if (at + 1 >= s.n)
        return stop(scan, s.n, s.n, NULL), 0;
    if (s.p[at + 1] == '\0' || !strchr("\"\\/bfnrtu", s.p[at + 1]))
        return stop(scan, at + 1, s.n, "an escape"), 0;
    if (s.p[at + 1] != 'u')
        return at + 2;

    got = read_hex4(s.p + digits, s.n - digits, &unit);
    if (got < 4)
        return stop(scan, digits + got, s.n, "four hex digits"), 0;
    if (is_low_surrogate(unit))
        return stop(scan, at, s.n, "a high surrogate before it"), 0;
    *size = unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
    if (!is_high_surrogate(unit))
        return digits + 4;

    *size = 4;
    for (size_t i = 0; i < 2; i++)
        if (digits + 4 + i >= s.n || s.p[digits + 4 + i] != "\\u"[i])
            return stop(scan, digits + 4 + i, s.n, "a low surrogate"), 0;
    got = read_hex4(s.p + digits + 6, s.n - digits - 6, &low);
    if (got < 4)
        return stop(scan, digits + 6 + got, s.n, "four hex digits"), 0;
    if (!is_low_surrogate(low))
        return stop(scan, digits + 4, s.n, "a low surrogate"), 0;
    return digits + 10;
}

struct json_scan json_scan_string(struct str s, size_t max_string)
{
    struct json_scan scan = {.is_raw = true};
    size_t at = 0, size = 0; /* of the string when it is unescaped */
    for (;;) {
        size_t plain = plain_length(s.p + at, s.n - at), piece = 1, next;
        at += plain;
        size += plain;
        if (size > max_string) {
            scan.end = SCAN_TOO_LONG;
            return scan;
        }
        if (at == s.n)
            return stop(&scan, at, s.n, NULL), scan;
        switch (classify((unsigned char)s.p[at])) {
        case QUOTE:
            scan.end = SCAN_CLOSED;
            scan.at = at;
            return scan;
        case ESCAPE:
            scan.is_raw = false;
            next = scan_escape(s, at, &piece, &scan);
            if (next == 0)
                return scan;
            break;
        case HIGH:
            piece = utf8_length(s.p + at, s.n - at);
            if (piece == 0) {
                stop(&scan, utf8_is_cut(s.p + at, s.n - at) ? s.n : at, s.n, "UTF-8");
                return scan;
            }
            next = at + piece;
            break;
        default:
            return stop(&scan, at, s.n, "an escape instead of a control byte"), scan;
        }
        size += piece;
        at = next;
    }
}

size_t json_unescape(char *p, size_t n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    size_t out = 0;
    for (size_t i = 0; i < n;) {
        if (p[i] != '\\') {
            p[out++] = p[i++];
            continue;
        }
        char c = p[i + 1];
        i += 2;
        if (c != 'u') {
            p[out++] = to[strchr(from, c) - from];
            continue;
        }
        uint32_t rune = 0, low = 0;
        read_hex4(p + i, 4, &rune);
        i += 4;
        if (is_high_surrogate(rune)) {
            read_hex4(p + i + 2, 4, &low);
            i += 6;
            rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
        }
        char bytes[4];
        size_t length = utf8_encode(rune, bytes);
        memcpy(p + out, bytes, length);
        out += length;
    }
    return out;
}

void json_escape(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < s.n;) {
        size_t plain = plain_length(s.p + i, s.n - i);
        buf_bytes(out, s.p + i, plain);
        i += plain;
        if (i == s.n)
            break;
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80) {
            size_t length = utf8_length(s.p + i, s.n - i);
            buf_str(out, length ? str_make(s.p + i, length) : UTF8_REPLACEMENT);
            i += length ? length : 1;
            continue;
        }
        char escape = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : (char)c;
        if (c < 0x20 && escape == (char)c)
            buf_bytes(out, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        else
            buf_bytes(out, (const char[]){'\\', escape}, 2);
        i++;
    }
}

void json_quote(struct buf *out, struct str s)
{
    buf_byte(out, '"');
    json_escape(out, s);
    buf_byte(out, '"');
}

void json_quote_labels(struct buf *out, const struct ampql_label *labels, size_t nlabels,
                       bool with_name)
{
    const char *before = "";
    buf_byte(out, '{');
    for (size_t i = 0; i < nlabels; i++) {
        if (!with_name && str_equal(str_view(labels[i].name), STR("__name__")))
            continue;
        buf_text(out, before);
        json_quote(out, str_view(labels[i].name));
        buf_byte(out, ':');
        json_quote(out, str_view(labels[i].value));
        before = ",";
    }
    buf_byte(out, '}');
}

/* What the bytes before `end` end with that HTML or JavaScript would take for its own, and how long
 * that is; 0: nothing. */
static size_t markup_before(const char *end, size_t n, unsigned *rune)
{
    unsigned char c = (unsigned char)end[-1];
    *rune = c;
    if (c == '<' || c == '>' || c == '&')
        return 1;
    *rune = 0x2000 | (c & 0x3f);
    return n >= 3 && memcmp(end - 3, "\xe2\x80", 2) == 0 && (c == 0xa8 || c == 0xa9) ? 3 : 0;
}

void json_escape_html(struct buf *out, size_t from)
{
    enum { ESCAPED = 6 };
    unsigned rune;
    size_t growth = 0, n;
    if (out->failed != AMPQL_OK)
        return;
    for (size_t i = out->n; i > from; i -= n ? n : 1) {
        n = markup_before(out->p + i, i - from, &rune);
        growth += n ? ESCAPED - n : 0;
    }
    if (growth == 0 || !buf_room(out, growth))
        return;
    /* backwards: each byte goes to a place that has been read */
    size_t i = out->n, to = out->n + growth;
    out->n = to;
    while (to > i) {
        n = markup_before(out->p + i, i - from, &rune);
        if (n == 0) {
            out->p[--to] = out->p[--i];
            continue;
        }
        char text[ESCAPED + 1];
        snprintf(text, sizeof text, "\\u%04x", rune);
        i -= n;
        to -= ESCAPED;
        memcpy(out->p + to, text, ESCAPED);
    }
}
