/* Signing: canonical request -> string to sign -> signature, each a text that AWS computes again
 * from what it receives. */
#include "source/sigv4.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/time.h"
#include "source/http.h"
#include "source/sigv4_canonical.h"
#include "source/url.h"

#include <ctype.h>
#include <strings.h>

/* What is made on the way. */
struct signing {
    const struct sigv4 *sigv4;
    const struct http_request *request;
    struct arena *arena;
    struct url url;
    struct canonical_headers headers;
    struct buf path, query; /* path before it is encoded for signing */
    struct buf canonical;   /* holds the session token: wiped */
    struct buf text;        /* string to sign */
    char date[sizeof "20060102T150405Z"];
    char signature[2 * SHA256_BYTES];
};

static struct str date_of(const struct signing *s)
{
    return str_make(s->date, 8);
}

/* "20060102T150405Z": the time without its punctuation and fraction */
static enum ampql_code write_date(struct signing *s, struct ampql_error *err)
{
    int64_t ms = s->sigv4->now_ms;
    if (ms < TIME_FIRST_MS || ms > TIME_LAST_MS)
        return fail(err, AMPQL_BAD_DATA, "the clock is beyond the years 1 to 9999");
    char text[TIME_TEXT_MAX];
    size_t length = time_format(ms, text), n = 0;
    for (size_t i = 0; i < length && text[i] != '.' && text[i] != 'Z'; i++)
        if (text[i] != '-' && text[i] != ':')
            s->date[n++] = text[i];
    s->date[n++] = 'Z';
    s->date[n] = '\0';
    return AMPQL_OK;
}

static enum ampql_code add_headers(struct signing *s, struct ampql_error *err)
{
    const struct http_request *request = s->request;
    struct str token = s->sigv4->credentials->session_token;
    for (size_t i = 0; i < request->nheaders; i++)
        TRY(canonical_add(&s->headers, s->arena, request->headers[i].name,
                          request->headers[i].value, err));
    if (!canonical_has(&s->headers, STR("host"))) {
        struct buf host;
        buf_init(&host, s->arena->alc, SIZE_MAX / 2);
        url_print_host(&host, &s->url);
        struct str copy = host.failed ? (struct str){0} : arena_copy(s->arena, buf_view(&host));
        buf_done(&host);
        if (!copy.p)
            return fail_nomem(err, "headers");
        TRY(canonical_add(&s->headers, s->arena, STR("host"), copy, err));
    }
    TRY(canonical_add(&s->headers, s->arena, STR("x-amz-date"), str_of(s->date), err));
    if (token.n)
        TRY(canonical_add(&s->headers, s->arena, STR("x-amz-security-token"), token, err));
    return AMPQL_OK;
}

/* An upper bound of the canonical request's length, so that its buffer never moves: a block that
 * was left behind would keep the session token. */
static size_t canonical_bound(const struct signing *s)
{
    size_t n = s->request->method.n + 3 * s->path.n + s->query.n + 2 * SHA256_BYTES + 64;
    for (size_t i = 0; i < s->headers.n; i++)
        n += 2 * s->headers.at[i].name.n + s->headers.at[i].value.n + 4;
    return n;
}

static enum ampql_code write_canonical(struct signing *s, struct ampql_error *err)
{
    unsigned char digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES];
    if (s->sigv4->keeps_dots)
        buf_str(&s->path, s->url.path.n ? s->url.path : STR("/"));
    else
        canonical_path(&s->path, s->url.path);
    TRY(canonical_query(&s->query, s->url.query, s->arena, err));
    TRY(sha256(s->request->body.p, s->request->body.n, digest, err));
    hex_of(digest, SHA256_BYTES, hex);

    struct buf *out = &s->canonical;
    if (s->path.failed || s->query.failed || !buf_room(out, canonical_bound(s)))
        return fail_nomem(err, "a canonical request");
    buf_str(out, s->request->method);
    buf_byte(out, '\n');
    url_encode_but(out, buf_view(&s->path), "/");
    buf_byte(out, '\n');
    buf_str(out, buf_view(&s->query));
    buf_byte(out, '\n');
    canonical_headers(out, &s->headers);
    buf_byte(out, '\n');
    canonical_names(out, &s->headers);
    buf_byte(out, '\n');
    buf_bytes(out, hex, sizeof hex);
    return AMPQL_OK;
}

/* "20060102/us-east-1/aps/aws4_request" */
static void write_scope(struct buf *out, const struct signing *s)
{
    buf_str(out, date_of(s));
    buf_byte(out, '/');
    buf_str(out, s->sigv4->region);
    buf_byte(out, '/');
    buf_str(out, s->sigv4->service);
    buf_text(out, "/aws4_request");
}

static enum ampql_code write_string_to_sign(struct signing *s, struct ampql_error *err)
{
    unsigned char digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES];
    TRY(sha256(s->canonical.p, s->canonical.n, digest, err));
    hex_of(digest, SHA256_BYTES, hex);
    buf_text(&s->text, "AWS4-HMAC-SHA256\n");
    buf_text(&s->text, s->date);
    buf_byte(&s->text, '\n');
    write_scope(&s->text, s);
    buf_byte(&s->text, '\n');
    buf_bytes(&s->text, hex, sizeof hex);
    return s->text.failed ? fail_nomem(err, "a string to sign") : AMPQL_OK;
}

/* A key for this day, region and service alone. */
static enum ampql_code derive_key(const struct signing *s, unsigned char key[SHA256_BYTES],
                                  struct ampql_error *err)
{
    const struct str steps[] = {date_of(s), s->sigv4->region, s->sigv4->service,
                                STR("aws4_request")};
    struct str secret = s->sigv4->credentials->secret_access_key;
    const struct ampql_allocator *alc = s->arena->alc;
    char *first = alloc_get(alc, secret.n + 4, 1);
    if (!first)
        return fail_nomem(err, "a signing key");
    memcpy(first, "AWS4", 4);
    memcpy(first + 4, secret.p, secret.n);
    enum ampql_code code = hmac_sha256(str_make(first, secret.n + 4), steps[0], key, err);
    explicit_bzero(first, secret.n + 4);
    alloc_put(alc, first, secret.n + 4, 1);
    for (size_t i = 1; i < sizeof steps / sizeof *steps && code == AMPQL_OK; i++)
        code = hmac_sha256(str_make((char *)key, SHA256_BYTES), steps[i], key, err);
    return code;
}

static enum ampql_code write_signature(struct signing *s, struct ampql_error *err)
{
    unsigned char key[SHA256_BYTES], mac[SHA256_BYTES];
    enum ampql_code code = derive_key(s, key, err);
    if (code == AMPQL_OK)
        code = hmac_sha256(str_make((char *)key, sizeof key), buf_view(&s->text), mac, err);
    if (code == AMPQL_OK)
        hex_of(mac, SHA256_BYTES, s->signature);
    explicit_bzero(key, sizeof key);
    return code;
}

static enum ampql_code sign(struct signing *s, struct ampql_error *err)
{
    TRY(url_split(s->request->url, &s->url, err));
    TRY(write_date(s, err));
    TRY(add_headers(s, err));
    TRY(write_canonical(s, err));
    TRY(write_string_to_sign(s, err));
    return write_signature(s, err);
}

static void signing_init(struct signing *s, const struct sigv4 *sigv4,
                         const struct http_request *request, struct arena *arena)
{
    *s = (struct signing){.sigv4 = sigv4, .request = request, .arena = arena};
    struct buf *const bufs[] = {&s->path, &s->query, &s->canonical, &s->text};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_init(bufs[i], arena->alc, SIZE_MAX / 8);
}

static void signing_done(struct signing *s)
{
    if (s->canonical.p)
        explicit_bzero(s->canonical.p, s->canonical.cap);
    buf_done(&s->path);
    buf_done(&s->query);
    buf_done(&s->canonical);
    buf_done(&s->text);
}

enum ampql_code sigv4_explain(const struct sigv4 *sigv4, const struct http_request *request,
                              struct arena *arena, struct sigv4_steps *out, struct ampql_error *err)
{
    struct signing s;
    signing_init(&s, sigv4, request, arena);
    *out = (struct sigv4_steps){0};
    enum ampql_code code = sign(&s, err);
    if (code == AMPQL_OK) {
        s.path.n = 0; /* no longer needed: room for the names */
        canonical_names(&s.path, &s.headers);
        out->canonical_request = arena_copy(arena, buf_view(&s.canonical));
        out->string_to_sign = arena_copy(arena, buf_view(&s.text));
        out->signed_headers = arena_copy(arena, buf_view(&s.path));
        out->signature = arena_copy(arena, str_make(s.signature, sizeof s.signature));
        if (s.path.failed || !out->canonical_request.p || !out->string_to_sign.p ||
            !out->signed_headers.p || !out->signature.p)
            code = fail_nomem(err, "a signature");
    }
    signing_done(&s);
    return code;
}

/* ---- what can be sent */

static bool is_token(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c <= 0x20 || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return name.n > 0;
}

static bool is_field_value(struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* pchar and "/" of RFC 3986 */
static bool is_encoded_path(struct str path)
{
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (c == '%' && path.n - i > 2 && isxdigit((unsigned char)path.p[i + 1]) &&
            isxdigit((unsigned char)path.p[i + 2]))
            continue;
        if (c <= 0x20 || c >= 0x7f || strchr("\"#%<>?[\\]^`{|}", c))
            return false;
    }
    return path.n == 0 || path.p[0] == '/';
}

static enum ampql_code check_header(struct http_header header, struct ampql_error *err)
{
    static const char *const ours[] = {"authorization", "x-amz-date", "x-amz-security-token"};
    if (!is_token(header.name))
        return fail_quote(err, AMPQL_BAD_DATA, "not a header name", header.name);
    /* the value may be a secret, so it is not quoted */
    if (!is_field_value(header.value))
        return fail_quote(err, AMPQL_BAD_DATA,
                          "a line break or control byte in the value of header", header.name);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (header.name.n == strlen(ours[i]) &&
            strncasecmp(header.name.p, ours[i], header.name.n) == 0)
            return fail(err, AMPQL_BAD_DATA, "header %s belongs to the signature", ours[i]);
    return AMPQL_OK;
}

static enum ampql_code check(const struct sigv4 *sigv4, const struct http_request *request,
                             struct ampql_error *err)
{
    struct url url;
    const struct aws_credentials *credentials = sigv4->credentials;
    TRY(url_split(request->url, &url, err));
    if (!is_encoded_path(url.path))
        return fail_quote(err, AMPQL_BAD_DATA, "a path that is not percent-encoded", url.path);
    if (!is_token(request->method))
        return fail_quote(err, AMPQL_BAD_DATA, "not an HTTP method", request->method);
    for (size_t i = 0; i < request->nheaders; i++)
        TRY(check_header(request->headers[i], err));
    if (!is_token(sigv4->region) || !is_token(sigv4->service))
        return fail(err, AMPQL_BAD_DATA,
                    "signing takes a region, such as us-east-1, and a service");
    if (!is_token(credentials->access_key_id) || credentials->secret_access_key.n == 0 ||
        !is_field_value(credentials->session_token))
        return fail(err, AMPQL_BAD_DATA,
                    "the access key id, secret access key or session token has an impossible form");
    return AMPQL_OK;
}

static enum ampql_code give_url(struct signing *s, struct sigv4_signed *out,
                                struct ampql_error *err)
{
    struct buf url;
    buf_init(&url, s->arena->alc, SIZE_MAX / 2);
    buf_text(&url, s->url.is_https ? "https://" : "http://");
    url_print_host(&url, &s->url);
    buf_str(&url, buf_view(&s->path));
    if (s->query.n) {
        buf_byte(&url, '?');
        buf_str(&url, buf_view(&s->query));
    }
    out->url = url.failed ? (struct str){0} : arena_copy(s->arena, buf_view(&url));
    buf_done(&url);
    return out->url.p ? AMPQL_OK : fail_nomem(err, "a URL");
}

static enum ampql_code give_headers(struct signing *s, struct sigv4_signed *out,
                                    struct ampql_error *err)
{
    const struct aws_credentials *credentials = s->sigv4->credentials;
    struct buf text;
    buf_init(&text, s->arena->alc, SIZE_MAX / 2);
    buf_text(&text, "AWS4-HMAC-SHA256 Credential=");
    buf_str(&text, credentials->access_key_id);
    buf_byte(&text, '/');
    write_scope(&text, s);
    buf_text(&text, ", SignedHeaders=");
    canonical_names(&text, &s->headers);
    buf_text(&text, ", Signature=");
    buf_bytes(&text, s->signature, sizeof s->signature);
    struct str authorization =
        text.failed ? (struct str){0} : arena_copy(s->arena, buf_view(&text));
    buf_done(&text);
    struct str date = arena_copy(s->arena, str_of(s->date));
    struct http_header *headers = arena_zeroed(s->arena, 3, sizeof *headers);
    if (!authorization.p || !date.p || !headers)
        return fail_nomem(err, "headers");

    size_t n = 0;
    headers[n++] = (struct http_header){STR("x-amz-date"), date, false};
    if (credentials->session_token.n)
        headers[n++] =
            (struct http_header){STR("x-amz-security-token"), credentials->session_token, true};
    headers[n++] = (struct http_header){STR("authorization"), authorization, true};
    out->headers = headers;
    out->nheaders = n;
    return AMPQL_OK;
}

enum ampql_code sigv4_sign(const struct sigv4 *sigv4, const struct http_request *request,
                           struct arena *arena, struct sigv4_signed *out, struct ampql_error *err)
{
    struct signing s;
    *out = (struct sigv4_signed){0};
    TRY(check(sigv4, request, err));
    signing_init(&s, sigv4, request, arena);
    enum ampql_code code = sign(&s, err);
    if (code == AMPQL_OK)
        code = give_url(&s, out, err);
    if (code == AMPQL_OK)
        code = give_headers(&s, out, err);
    signing_done(&s);
    return code;
}
