/* URLs by hand: strict about what a host may be, since that is where secrets are sent. */
#include "source/url.h"

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static bool equal_ignoring_case(struct str s, const char *lower)
{
    size_t n = strlen(lower);
    for (size_t i = 0; i < n && s.n == n; i++)
        if ((s.p[i] | 0x20) != lower[i])
            return false;
    return s.n == n;
}

static bool is_host(struct str host)
{
    bool is_address = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    size_t from = is_address ? 1 : 0, to = host.n - from;
    for (size_t i = from; i < to; i++) {
        char c = host.p[i];
        if (is_address ? hex_value(c) < 0 && c != ':' && c != '.'
                       : !is_alnum(c) && c != '-' && c != '.' && c != '_')
            return false;
    }
    return host.n > 0;
}

/* authority := host [":" digits] */
static bool split_authority(struct str authority, struct url *out)
{
    size_t n = authority.n, digits = 0;
    while (digits < n && authority.p[n - 1 - digits] >= '0' && authority.p[n - 1 - digits] <= '9')
        digits++;
    out->port = str_make(authority.p + n, 0);
    bool has_port = digits < n && authority.p[n - 1 - digits] == ':';
    if (has_port) {
        out->port = str_from(authority, n - digits);
        n -= digits + 1;
    }
    out->host = str_make(authority.p, n);
    unsigned number = 0;
    for (size_t i = 0; i < out->port.n && number <= UINT16_MAX; i++)
        number = number * 10 + (unsigned)(out->port.p[i] - '0');
    if (!has_port)
        number = out->is_https ? 443 : 80;
    out->port_number = (uint16_t)number;
    return number >= 1 && number <= UINT16_MAX && is_host(out->host);
}

enum ampql_code url_split(struct str text, struct url *out, struct ampql_error *err)
{
    *out = (struct url){0};
    size_t i = 0;
    while (i < text.n && is_alnum(text.p[i]))
        i++;
    out->scheme = str_make(text.p, i);
    out->is_https = equal_ignoring_case(out->scheme, "https");
    if ((!out->is_https && !equal_ignoring_case(out->scheme, "http")) ||
        !str_has_prefix(str_from(text, i), STR("://")))
        return fail(err, AMPQL_BAD_DATA, "not a URL: expected http://HOST or https://HOST");

    struct str rest = str_from(text, i + 3);
    for (i = 0; i < rest.n && rest.p[i] != '/' && rest.p[i] != '?' && rest.p[i] != '#';)
        i++;
    struct str authority = str_make(rest.p, i);
    if (authority.n && memchr(authority.p, '@', authority.n))
        return fail(err, AMPQL_BAD_DATA, "a URL may not hold a user name or password");
    if (!split_authority(authority, out))
        return fail_quote(err, AMPQL_BAD_DATA, "not a host and port", authority);

    rest = str_from(rest, i);
    for (i = 0; i < rest.n; i++) {
        unsigned char c = (unsigned char)rest.p[i];
        if (c < 0x20 || c == 0x7f)
            return fail(err, AMPQL_BAD_DATA, "a URL may not hold control characters");
        if (c == '#')
            return fail(err, AMPQL_BAD_DATA, "a URL to fetch has no fragment (#)");
    }
    const char *mark = rest.n ? memchr(rest.p, '?', rest.n) : NULL;
    out->has_query = mark != NULL;
    out->path = str_make(rest.p, mark ? (size_t)(mark - rest.p) : rest.n);
    out->query = str_from(rest, out->path.n + (mark ? 1 : 0));
    return AMPQL_OK;
}

void url_print_host(struct buf *out, const struct url *url)
{
    for (size_t i = 0; i < url->host.n; i++) {
        char c = url->host.p[i];
        buf_byte(out, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
    }
    if (url->port_number != (url->is_https ? 443 : 80))
        buf_format(out, ":%u", (unsigned)url->port_number);
}

void url_encode_but(struct buf *out, struct str s, const char *keep)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (is_alnum(c) || (c != '\0' && (strchr("-._~", c) || strchr(keep, c)))) {
            buf_byte(out, c);
        } else {
            buf_byte(out, '%');
            buf_byte(out, hex[(unsigned char)c >> 4]);
            buf_byte(out, hex[(unsigned char)c & 15]);
        }
    }
}

void url_encode(struct buf *out, struct str s)
{
    url_encode_but(out, s, "");
}

void url_decode(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        int high = s.p[i] == '%' && s.n - i > 2 ? hex_value(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(s.p[i + 2]) : -1;
        if (low >= 0) {
            buf_byte(out, (char)(high << 4 | low));
            i += 2;
        } else {
            buf_byte(out, s.p[i]);
        }
    }
}
