/* Any bytes: refused with a message, or accepted with the milliseconds that a second, simpler
 * reading finds; and what is accepted is written and read back. */
#include "base/duration.h"

#include <stdlib.h>

static void require(bool claim)
{
    if (!claim)
        abort();
}

/* Room for every sum without a check. */
__extension__ typedef __int128 wide;

/* The units in their order, each there or not; -1 when the text is anything else. */
static wide read_slowly(struct str text)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"y", INT64_C(31536000000)},
                 {"w", 604800000},
                 {"d", 86400000},
                 {"h", 3600000},
                 {"m", 60000},
                 {"s", 1000},
                 {"ms", 1}};
    wide sum = 0;
    size_t at = 0;
    for (size_t u = 0; u < 7; u++) {
        size_t i = at, n = strlen(units[u].name);
        wide count = 0;
        for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
            if ((count = count * 10 + (text.p[i] - '0')) > UINT64_MAX)
                return -1;
        bool is_here = i > at && text.n - i >= n && memcmp(text.p + i, units[u].name, n) == 0 &&
                       (i + n == text.n || (text.p[i + n] >= '0' && text.p[i + n] <= '9'));
        if (is_here) {
            sum += count * units[u].ms;
            at = i + n;
        }
    }
    return at == text.n && text.n ? sum : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size ? (const char *)data : "", size};
    struct ampql_error err = {0};
    int64_t ms = -1, loose = -1, back = -1;
    enum ampql_code code = duration_parse(text, &ms, &err);
    wide expected = read_slowly(text);
    if (expected > INT64_MAX / 1000000)
        expected = -1;
    require((code == AMPQL_OK) == (expected >= 0));
    if (code != AMPQL_OK) {
        require(err.code == code && err.message[0]);
        code = duration_parse_loose(text, &loose, &err);
        require(code == AMPQL_OK ? loose >= 0 : err.code == code);
        return 0;
    }
    require(ms == expected);
    require(duration_parse_loose(text, &loose, NULL) == AMPQL_OK && loose == ms);
    char written[DURATION_MAX];
    size_t n = duration_format(ms, written);
    require(n < sizeof written && strlen(written) == n);
    require(duration_parse(str_make(written, n), &back, NULL) == AMPQL_OK && back == ms);
    return 0;
}
