/* URLs, strictly: what curl would read more generously is refused here, so that nobody is talked
 * into trusting a host that looks like another. */
#include "source/http_url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

enum { HOST_MAX = 253 };

static enum ampql_code refuse(struct ampql_error *err, const char *why)
{
    return fail(err, AMPQL_BAD_DATA, "not a URL for a request: %s", why);
}

static bool take_scheme(struct str *rest, bool *is_https)
{
    static const struct {
        const char *text;
        bool is_https;
    } schemes[] = {{"https://", true}, {"http://", false}};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct str text = str_of(schemes[i].text);
        if (rest->n >= text.n && strncasecmp(rest->p, text.p, text.n) == 0) {
            *is_https = schemes[i].is_https;
            *rest = str_from(*rest, text.n);
            return true;
        }
    }
    return false;
}

/* port := digit{1,5}, 1 to 65535 */
static bool read_port(struct str text, unsigned *out)
{
    unsigned port = 0;
    if (text.n == 0 || text.n > 5)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.p[i] - '0');
    }
    *out = port;
    return port >= 1 && port <= 65535;
}

/* Reads an address in text form, as it stands in the URL. */
static bool address(const struct http_url *url, int family, unsigned char *out)
{
    char text[INET6_ADDRSTRLEN + 1];
    if (url->host.n >= sizeof text || url->is_ipv6 != (family == AF_INET6))
        return false;
    memcpy(text, url->host.p, url->host.n);
    text[url->host.n] = '\0';
    return inet_pton(family, text, out) == 1;
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

static enum ampql_code read_host(struct str authority, struct http_url *out,
                                 struct ampql_error *err)
{
    unsigned char bytes[16];
    size_t end = 0;
    if (authority.n && authority.p[0] == '[') {
        const char *close = memchr(authority.p, ']', authority.n);
        if (!close)
            return refuse(err, "[ without ]");
        end = (size_t)(close - authority.p) + 1;
        out->host = str_make(authority.p + 1, end - 2);
        out->is_ipv6 = true;
        if (!address(out, AF_INET6, bytes))
            return refuse(err, "no IPv6 address between [ and ]");
    } else {
        while (end < authority.n && is_host_char(authority.p[end]))
            end++;
        out->host = str_make(authority.p, end);
        if (end == 0 || end > HOST_MAX)
            return refuse(err, "it names no host");
    }
    struct str port = str_from(authority, end);
    out->has_port = port.n > 0;
    if (port.n && (port.p[0] != ':' || !read_port(str_from(port, 1), &out->port)))
        return refuse(err, port.p[0] == ':' ? "the port is not a number from 1 to 65535"
                                            : "the host's name has bytes that no name has");
    return AMPQL_OK;
}

enum ampql_code http_url_parse(struct str url, struct http_url *out, struct ampql_error *err)
{
    struct str rest = url;
    size_t end = 0;
    *out = (struct http_url){0};
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 0x7f)
            return refuse(err, "it has bytes that are not printable ASCII");
    if (!take_scheme(&rest, &out->is_https))
        return refuse(err, "expected http://HOST[:PORT][/PATH] or https://...");
    out->port = out->is_https ? 443 : 80;
    while (end < rest.n && !memchr("/?#\\", rest.p[end], 4))
        end++;
    struct str authority = str_make(rest.p, end);
    out->rest = str_from(rest, end);
    /* not shown: it may be a password */
    if (memchr(authority.p, '@', authority.n))
        return refuse(err, "a user name or password stands in it; use basic_auth of "
                           "--http.config.file instead");
    if (memchr(out->rest.p, '#', out->rest.n))
        return refuse(err, "it has a fragment (#)");
    if (out->rest.n && out->rest.p[0] == '\\')
        return refuse(err, "it has a backslash behind the host");
    return read_host(authority, out, err);
}

bool http_url_is_loopback(const struct http_url *url)
{
    static const unsigned char one[16] = {[15] = 1};
    unsigned char bytes[16];
    if (url->host.n == 9 && strncasecmp(url->host.p, "localhost", 9) == 0)
        return true;
    if (address(url, AF_INET, bytes))
        return bytes[0] == 127;
    return address(url, AF_INET6, bytes) && memcmp(bytes, one, sizeof one) == 0;
}

bool http_url_is_link_local(const struct http_url *url)
{
    unsigned char bytes[16];
    if (address(url, AF_INET, bytes))
        return bytes[0] == 169 && bytes[1] == 254;
    if (!address(url, AF_INET6, bytes))
        return false;
    return (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) ||
           (bytes[0] == 0xfd && bytes[1] == 0x00 && bytes[2] == 0x0e && bytes[3] == 0xc2);
}

size_t http_url_origin(const struct http_url *url, char *out, size_t size)
{
    bool wants_port = url->has_port && url->port != (url->is_https ? 443u : 80u);
    int n = snprintf(out, size, "%s://%s%.*s%s", url->is_https ? "https" : "http",
                     url->is_ipv6 ? "[" : "", STR_ARGS(url->host), url->is_ipv6 ? "]" : "");
    if (wants_port && n > 0 && (size_t)n < size)
        n += snprintf(out + n, size - (size_t)n, ":%u", url->port);
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}
