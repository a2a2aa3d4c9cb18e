/* The parts of a URL that decide where a request goes and whom it may trust. */
#ifndef AMPQL_SRC_SOURCE_HTTP_URL_H
#define AMPQL_SRC_SOURCE_HTTP_URL_H

#include "base/error.h"
#include "base/str.h"

/* Views of the URL. */
struct http_url {
    bool is_https;
    struct str host; /* without the brackets of an IPv6 address */
    bool is_ipv6;    /* it stood in brackets */
    unsigned port;   /* 443 or 80 when not given */
    bool has_port;   /* it was given */
    struct str rest; /* path and query, from the first / or ?; may be empty */
};

/* Read an absolute URL: ("http" | "https") "://" host [":" port] ["/" path] ["?" query].
 *   err  AMPQL_BAD_DATA: another scheme; a user name or password in it (not quoted); a fragment; no
 *        host; a port out of range; bytes that are not printable ASCII */
enum ampql_code http_url_parse(struct str url, struct http_url *out, struct ampql_error *err);

/* "localhost", 127.0.0.0/8, ::1. */
bool http_url_is_loopback(const struct http_url *url);

/* 169.254.0.0/16, fe80::/10, and the addresses that AWS gives to its local services under
 * fd00:ec2::/32. */
bool http_url_is_link_local(const struct http_url *url);

/* Write "https://host:port" to out [size], clipped; returns its length. */
size_t http_url_origin(const struct http_url *url, char *out, size_t size);

#endif
