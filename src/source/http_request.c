/* One request: copied and checked, and put into libcurl's terms. */
#include "source/http_client.h"

static bool is_token(struct str s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && !memchr(others, c, sizeof others - 1))
            return false;
    }
    return s.n > 0;
}

static bool is_header_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool push_line(struct http_transfer *t, struct curl_slist **list, struct str line,
                      bool is_secret)
{
    struct curl_slist *node = arena_new(&t->arena, struct curl_slist);
    struct str copy = arena_copy(&t->arena, line);
    if (!node || !copy.p || (is_secret && !array_push(&t->secrets, &t->arena, copy)))
        return false;
    node->data = (char *)(uintptr_t)copy.p;
    node->next = *list;
    *list = node;
    return true;
}

/* libcurl's form: "Name: value", and "Name;" for an empty value. */
static enum ampql_code push_header(struct http_transfer *t, const struct http_header *h,
                                   struct ampql_error *err)
{
    enum { HEADER_LINE_MAX = 1 << 20 };
    struct buf line;
    if (!is_token(h->name))
        return fail_quote(err, AMPQL_BAD_DATA, "not the name of an HTTP header", h->name);
    if (!is_header_value(h->value)) /* not quoted: it may be a secret */
        return fail_quote(err, AMPQL_BAD_DATA,
                          "line breaks or control bytes in the value of header", h->name);
    buf_init(&line, t->http->alc, HEADER_LINE_MAX);
    buf_str(&line, h->name);
    if (h->value.n) {
        buf_text(&line, ": ");
        buf_str(&line, h->value);
    } else {
        buf_byte(&line, ';');
    }
    bool is_pushed = !line.failed && push_line(t, &t->headers, buf_view(&line), h->is_secret);
    bool is_too_long = line.failed == AMPQL_LIMIT;
    if (h->is_secret && line.p)
        explicit_bzero(line.p, line.n);
    buf_done(&line);
    if (is_too_long)
        return fail_quote(err, AMPQL_LIMIT, "over a megabyte in the value of header", h->name);
    return is_pushed ? AMPQL_OK : fail_nomem(err, "an HTTP request");
}

static bool has_header(const struct http_request *request, struct str name)
{
    return transfer_find_header(request->headers, request->nheaders, name).p != NULL;
}

/* Headers that libcurl would add by itself, which nobody asked for, and ours. */
static enum ampql_code push_own_headers(struct http_transfer *t, const struct http_request *request,
                                        struct ampql_error *err)
{
    const struct http_options *o = &t->http->options;
    bool offers = o->compress == HTTP_COMPRESS_ON ||
                  (o->compress == HTTP_COMPRESS_AUTO && !http_url_is_loopback(&t->parts));
    const struct http_header packed = {.name = STR("Accept-Encoding"), .value = STR("gzip, zstd")};
    if (!push_line(t, &t->headers, STR("Expect:"), false) ||
        (!has_header(request, STR("content-type")) &&
         !push_line(t, &t->headers, STR("Content-Type:"), false)))
        return fail_nomem(err, "an HTTP request");
    return offers && !has_header(request, packed.name) ? push_header(t, &packed, err) : AMPQL_OK;
}

/* The certificate is verified for another name than the URL's: libcurl is given that name as the
 * host, and told to connect to the real one. */
static enum ampql_code rename_host(struct http_transfer *t, const struct http_request *request,
                                   struct ampql_error *err)
{
    const struct http_url *u = &t->parts;
    struct buf text;
    struct http_url renamed;
    char name[HTTP_ORIGIN_MAX];
    struct str server = str_of(t->http->options.server_name);
    const char *open = u->is_ipv6 ? "[" : "", *close = u->is_ipv6 ? "]" : "";
    enum { TEXT_MAX = 1 << 20 };
    buf_init(&text, t->http->alc, TEXT_MAX);
    buf_format(&text, "https://%.*s:%u%.*s", STR_ARGS(server), u->port, STR_ARGS(u->rest));
    enum ampql_code code = text.failed ? fail_nomem(err, "an HTTP request")
                                       : http_url_parse(buf_view(&text), &renamed, err);
    if (code == AMPQL_OK) {
        t->url = arena_copy(&t->arena, buf_view(&text));
        text.n = 0;
        buf_format(&text, "%.*s:%u:%s%.*s%s:%u", STR_ARGS(server), u->port, open, STR_ARGS(u->host),
                   close, u->port);
        if (!t->url.p || text.failed || !push_line(t, &t->connect_to, buf_view(&text), false))
            code = fail_nomem(err, "an HTTP request");
    }
    buf_done(&text);
    if (code == AMPQL_OK && !has_header(request, STR("host"))) {
        size_t n = http_url_origin(u, name, sizeof name);
        const size_t scheme = sizeof "https://" - 1;
        struct http_header host = {.name = STR("Host"),
                                   .value = str_make(name + scheme, n - scheme)};
        code = push_header(t, &host, err);
    }
    return code;
}

enum ampql_code transfer_copy(struct http_transfer *t, const struct http_request *request,
                              struct ampql_error *err)
{
    if (!is_token(request->method))
        return fail_quote(err, AMPQL_BAD_DATA, "not an HTTP method", request->method);
    struct http_url seen;
    TRY(http_url_parse(request->url, &seen, err));
    t->method = arena_copy(&t->arena, request->method);
    t->url = arena_copy(&t->arena, request->url);
    t->body = arena_copy(&t->arena, request->body);
    if (!t->method.p || !t->url.p || !t->body.p ||
        (request->body_is_secret && !array_push(&t->secrets, &t->arena, t->body)))
        return fail_nomem(err, "an HTTP request");
    TRY(http_url_parse(t->url, &t->parts, err));
    http_url_origin(&t->parts, t->origin, sizeof t->origin);
    for (size_t i = 0; i < request->nheaders; i++)
        TRY(push_header(t, &request->headers[i], err));
    TRY(push_own_headers(t, request, err));
    if (t->http->options.server_name && t->parts.is_https)
        TRY(rename_host(t, request, err));
    return AMPQL_OK;
}

/* ---- libcurl's options */

#define SET(option, value)                                                                         \
    do {                                                                                           \
        CURLcode set_code_ = curl->easy_setopt(easy, (option), (value));                           \
        if (set_code_ != CURLE_OK)                                                                 \
            return set_code_;                                                                      \
    } while (0)

static CURLcode set_tls(const struct http_library *curl, const struct http_options *o, CURL *easy)
{
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (o->ca_file) {
        SET(CURLOPT_CAINFO, o->ca_file);
        SET(CURLOPT_CAPATH, o->ca_path); /* NULL: those of the system do not count beside it */
    } else if (o->ca_path) {
        SET(CURLOPT_CAINFO, NULL);
        SET(CURLOPT_CAPATH, o->ca_path);
    }
    if (o->cert_file) {
        SET(CURLOPT_SSLCERT, o->cert_file);
        SET(CURLOPT_SSLKEY, o->key_file ? o->key_file : o->cert_file);
    }
    return CURLE_OK;
}

static CURLcode set_method(struct http_transfer *t, CURL *easy)
{
    const struct http_library *curl = t->http->curl;
    bool is_post = str_equal(t->method, STR("POST"));
    bool has_body = is_post || str_equal(t->method, STR("PUT")) || t->body.n;
    if (str_equal(t->method, STR("HEAD"))) {
        SET(CURLOPT_NOBODY, 1L);
        return CURLE_OK;
    }
    if (has_body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, t->body.p);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.n);
    }
    if (!is_post && !str_equal(t->method, STR("GET")))
        SET(CURLOPT_CUSTOMREQUEST, t->method.p);
    return CURLE_OK;
}

static CURLcode set_all(struct http_transfer *t, CURL *easy)
{
    const struct http_options *o = &t->http->options;
    const struct http_library *curl = t->http->curl;
    bool is_near = http_url_is_loopback(&t->parts) || http_url_is_link_local(&t->parts);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A name that is still being looked up must not hold up a cancel. */
    SET(CURLOPT_QUICK_EXIT, 1L);
#endif
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_ms);
    SET(CURLOPT_URL, t->url.p);
    SET(CURLOPT_USERAGENT, o->user_agent);
    SET(CURLOPT_HTTPHEADER, t->headers);
    if (t->connect_to)
        SET(CURLOPT_CONNECT_TO, t->connect_to);
    if (is_near)
        SET(CURLOPT_NOPROXY, "*");
    else if (o->proxy_url)
        SET(CURLOPT_PROXY, o->proxy_url);
    /* no HTTP/2 in this libcurl is no failure */
    curl->easy_setopt(easy, CURLOPT_HTTP_VERSION,
                      (long)(o->no_http2 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    t->curl_error[0] = '\0';
    SET(CURLOPT_ERRORBUFFER, t->curl_error);
    SET(CURLOPT_SOCKOPTFUNCTION, reuse_on_open);
    SET(CURLOPT_SOCKOPTDATA, t->http);
    SET(CURLOPT_CLOSESOCKETFUNCTION, reuse_on_close);
    SET(CURLOPT_CLOSESOCKETDATA, t->http);
    SET(CURLOPT_PREREQFUNCTION, reuse_on_request);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_FRESH_CONNECT, t->is_alone ? 1L : 0L);
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_HEADERFUNCTION, transfer_on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, transfer_on_body);
    SET(CURLOPT_WRITEDATA, t);
    CURLcode code = set_method(t, easy);
    return code == CURLE_OK ? set_tls(curl, o, easy) : code;
}

enum ampql_code transfer_setup(struct http_transfer *t, CURL *easy, struct ampql_error *err)
{
    CURLcode code = set_all(t, easy);
    if (code == CURLE_OK)
        return AMPQL_OK;
    if (code == CURLE_OUT_OF_MEMORY)
        return fail_nomem(err, "an HTTP request");
    return fail(err, AMPQL_UNSUPPORTED, "this libcurl cannot do what is asked of it: %s",
                t->http->curl->easy_strerror(code));
}
