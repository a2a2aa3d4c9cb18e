/* Text without its case, and UTF-8. */
#include "base/str.h"

#include "base/ascii.h"
#include "base/utf8.h"

bool str_equal_fold(struct str a, struct str b)
{
    for (size_t i = 0; i < a.n && a.n == b.n; i++) {
        unsigned char x = (unsigned char)a.p[i], y = (unsigned char)b.p[i];
        if (x != y && !(is_ascii_letter(x) && (x ^ 0x20) == y))
            return false;
    }
    return a.n == b.n;
}

bool str_is_utf8(struct str s)
{
    for (size_t i = 0; i < s.n;) {
        size_t n = utf8_length(s.p + i, s.n - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}
