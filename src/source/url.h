/* URLs: their parts, and percent-encoding as RFC 3986 and AWS have it. */
#ifndef AMPQL_SRC_SOURCE_URL_H
#define AMPQL_SRC_SOURCE_URL_H

#include "base/buf.h"
#include "base/error.h"

struct url {
    struct str scheme;    /* as written: "https" */
    struct str host;      /* without a port, with the brackets of an IPv6 address */
    struct str port;      /* digits; empty: not given */
    struct str path;      /* from the slash on; empty: not given */
    struct str query;     /* behind the question mark */
    bool has_query;       /* there is a question mark */
    bool is_https;        /* else http */
    uint16_t port_number; /* the scheme's default when none is given */
};

/* Split a URL with the scheme http or https, in any case of letters. Views of url.
 *   err  AMPQL_BAD_DATA: another scheme, no host, user names and passwords, a fragment, a port that
 *        is none, or a host with other bytes than letters, digits and -._ or a bracketed address.
 *        A URL with a password in it is never quoted */
enum ampql_code url_split(struct str text, struct url *out, struct ampql_error *err);

/* Append host and port as a Host header has them: in small letters, without the scheme's own port.
 */
void url_print_host(struct buf *out, const struct url *url);

/* Append s with all bytes but A-Z a-z 0-9 - . _ ~ as %XX, also / and blank: for names and values of
 * queries and form bodies. */
void url_encode(struct buf *out, struct str s);

/* The same, but the bytes of keep (NUL-terminated) stay as well. */
void url_encode_but(struct buf *out, struct str s, const char *keep);

/* Append s with every well-formed %XX decoded; other percent signs, and +, stand for themselves. */
void url_decode(struct buf *out, struct str s);

#endif
