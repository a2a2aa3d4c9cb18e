/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef AMPQL_SRC_BASE_UTF8_H
#define AMPQL_SRC_BASE_UTF8_H

#include "base/str.h"

#include <stdint.h>

/* How many of the bytes at p [n] can belong to one sequence; *need is the length of that sequence,
 * 0 when p[0] starts none. */
static inline size_t utf8_prefix(const char *p, size_t n, size_t *need)
{
    const unsigned char *u = (const unsigned char *)p;
    *need = 0;
    if (n == 0 || (u[0] >= 0x80 && u[0] < 0xc2) || u[0] > 0xf4)
        return 0;
    *need = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    unsigned low = u[0] == 0xe0 ? 0xa0 : u[0] == 0xf0 ? 0x90 : 0x80; /* of the second byte */
    unsigned high = u[0] == 0xed ? 0x9f : u[0] == 0xf4 ? 0x8f : 0xbf;
    size_t i = 1;
    for (; i < n && i < *need && u[i] >= low && u[i] <= high; i++) {
        low = 0x80;
        high = 0xbf;
    }
    return i;
}

/* Bytes of the sequence that starts at p [n], 1 to 4; 0 when there is no valid one (n may be 0). An
 * invalid byte reads as one U+FFFD, as in Go. */
static inline size_t utf8_length(const char *p, size_t n)
{
    size_t need;
    return utf8_prefix(p, n, &need) == need ? need : 0;
}

/* Are the bytes at p [n], all of them, the beginning of a longer sequence? */
static inline bool utf8_is_cut(const char *p, size_t n)
{
    size_t need;
    return n && utf8_prefix(p, n, &need) == n && n < need;
}

/* Write a code point (a scalar value, not a surrogate) to out [4]; returns its length. */
static inline size_t utf8_encode(uint32_t rune, char *out)
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    if (rune < 0x800) {
        out[0] = (char)(0xc0 | rune >> 6);
        out[1] = (char)(0x80 | (rune & 0x3f));
        return 2;
    }
    if (rune < 0x10000) {
        out[0] = (char)(0xe0 | rune >> 12);
        out[1] = (char)(0x80 | (rune >> 6 & 0x3f));
        out[2] = (char)(0x80 | (rune & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | rune >> 18);
    out[1] = (char)(0x80 | (rune >> 12 & 0x3f));
    out[2] = (char)(0x80 | (rune >> 6 & 0x3f));
    out[3] = (char)(0x80 | (rune & 0x3f));
    return 4;
}

/* U+FFFD, what an invalid byte reads as. */
#define UTF8_REPLACEMENT STR("\xef\xbf\xbd")

#endif
