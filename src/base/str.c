/* UTF-8 validation. */
#include "base/str.h"

#include <stdint.h>

/* The length of the well-formed sequence at p [n], 0 when there is none. */
static size_t sequence(const unsigned char *p, size_t n)
{
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    size_t want = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
    if (want == 0 || want > n)
        return 0;
    for (size_t i = 1; i < want; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (c == 0xe0 && p[1] < 0xa0) || (c == 0xf0 && p[1] < 0x90);
    bool surrogate = c == 0xed && p[1] > 0x9f, past_end = c == 0xf4 && p[1] > 0x8f;
    return overlong || surrogate || past_end ? 0 : want;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n;) {
        size_t n = sequence(p + i, s.n - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}
