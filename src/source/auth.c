/* Headers that say who asks: given ones, a password, a token, a signature. */
#include "source/auth.h"

#include "base/quote.h"
#include "source/amp.h"
#include "source/aws_secret.h"
#include "source/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { SECRET_MAX = 64 << 10 };

struct auth {
    struct aws_secret_allocator secret;
    struct arena arena;                 /* on secret */
    struct auth_options options;        /* copied */
    struct aws_credentials given;       /* keys of the options */
    struct credentials *credentials;    /* keys found; NULL: given */
    const struct aws_credentials *sent; /* what the last request was signed with */
};

const char *auth_kind_name(enum auth_kind kind)
{
    static const char *const names[] = {[AUTH_NONE] = "none",
                                        [AUTH_BASIC] = "basic",
                                        [AUTH_AUTHORIZATION] = "bearer",
                                        [AUTH_SIGV4] = "sigv4"};
    return names[kind];
}

/* ---- opening */

static bool copy(struct arena *arena, struct str *s)
{
    if (s->n == 0) {
        *s = STR("");
        return true;
    }
    *s = arena_copy(arena, *s);
    return s->p != NULL;
}

static enum ampql_code copy_options(struct auth *auth, struct ampql_error *err)
{
    struct auth_options *o = &auth->options;
    struct str *texts[] = {&o->username,     &o->type,          &o->secret,
                           &o->secret_file,  &o->region,        &o->service,
                           &o->profile,      &o->role_arn,      &o->external_id,
                           &o->session_name, &o->access_key_id, &o->secret_access_key,
                           &o->session_token};
    struct http_header *headers = arena_alloc(&auth->arena, o->nheaders, sizeof *headers);
    bool is_copied = headers != NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        is_copied = copy(&auth->arena, texts[i]) && is_copied;
    for (size_t i = 0; i < o->nheaders && is_copied; i++) {
        headers[i] = o->headers[i];
        is_copied = copy(&auth->arena, &headers[i].name) && copy(&auth->arena, &headers[i].value);
        if (!is_copied)
            o->nheaders = i; /* those that are there */
    }
    if (!headers)
        o->nheaders = 0;
    o->headers = headers;
    return is_copied ? AMPQL_OK : fail_nomem(err, "credentials");
}

/* Headers that carry secrets by their name; others may hold anything, as tenants do. */
static const char *secret_header(const struct auth_options *o)
{
    static const char *const names[] = {"Authorization", "Proxy-Authorization", "Cookie",
                                        "X-Amz-Security-Token", "X-Api-Key"};
    for (size_t i = 0; i < o->nheaders; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (o->headers[i].name.n == strlen(names[k]) &&
                strncasecmp(o->headers[i].name.p, names[k], o->headers[i].name.n) == 0)
                return names[k];
    return NULL;
}

static enum ampql_code check_plain(const struct auth_options *o, struct str url,
                                   struct ampql_error *err)
{
    static const char *const what[] = {[AUTH_BASIC] = "a password",
                                       [AUTH_AUTHORIZATION] = "a token",
                                       [AUTH_SIGV4] = "a signed request"};
    bool is_plain = url.n >= 7 && strncasecmp(url.p, "http://", 7) == 0;
    const char *secret = o->kind == AUTH_NONE ? secret_header(o) : what[o->kind];
    if (!secret || !is_plain || o->insecure_http || http_is_loopback(url))
        return AMPQL_OK;
    return fail(err, AMPQL_BAD_DATA,
                "%s over plain http can be read on the way: use https, or say --insecure-http",
                secret);
}

static enum ampql_code check(const struct auth_options *o, struct ampql_error *err)
{
    if (memchr(o->username.p, ':', o->username.n))
        return fail(err, AMPQL_BAD_DATA, "a user name for basic authentication has no colon");
    for (size_t i = 0; i < o->nheaders; i++) {
        struct str name = o->headers[i].name;
        if (o->kind != AUTH_NONE && name.n == 13 &&
            strncasecmp(name.p, "authorization", name.n) == 0)
            return fail(err, AMPQL_BAD_DATA,
                        "an Authorization header and %s authentication were both given",
                        auth_kind_name(o->kind));
    }
    return AMPQL_OK;
}

static enum ampql_code open_aws(struct auth *auth, struct str url, struct http *http,
                                struct ampql_error *err)
{
    struct auth_options *o = &auth->options;
    if (o->service.n == 0)
        o->service = STR("aps");
    if (o->region.n == 0) {
        o->region = amp_region_of(url);
        if (!copy(&auth->arena, &o->region))
            return fail_nomem(err, "credentials");
    }
    if (o->access_key_id.n && o->role_arn.n == 0) {
        auth->given = (struct aws_credentials){.access_key_id = o->access_key_id,
                                               .secret_access_key = o->secret_access_key,
                                               .session_token = o->session_token};
        auth->sent = &auth->given;
    } else if (o->access_key_id.n) {
        return fail(
            err, AMPQL_UNSUPPORTED,
            "sigv4 with both access_key and role_arn: put the keys into a profile, and name "
            "that");
    } else {
        struct credentials_options options = {.profile = o->profile,
                                              .region = o->region,
                                              .role_arn = o->role_arn,
                                              .external_id = o->external_id,
                                              .session_name = o->session_name};
        TRY(credentials_open(auth->secret.base, &options, http, &auth->credentials, err));
        if (o->region.n == 0)
            o->region = credentials_region(auth->credentials);
    }
    if (o->region.n == 0)
        return fail(
            err, AMPQL_BAD_DATA,
            "no region to sign for: name the source amp:WORKSPACE@REGION, or set AWS_REGION");
    return AMPQL_OK;
}

enum ampql_code auth_open(const struct ampql_allocator *alc, const struct auth_options *options,
                          struct str url, struct http *http, struct auth **out,
                          struct ampql_error *err)
{
    struct auth *auth = alloc_get(alc, 1, sizeof *auth);
    if (!auth)
        return fail_nomem(err, "credentials");
    *auth = (struct auth){.options = *options};
    aws_secret_init(&auth->secret, alc);
    arena_init(&auth->arena, &auth->secret.alc);
    enum ampql_code code = copy_options(auth, err);
    if (code == AMPQL_OK)
        code = check_plain(options, url, err);
    if (code == AMPQL_OK)
        code = check(&auth->options, err);
    if (code == AMPQL_OK && options->kind == AUTH_SIGV4)
        code = open_aws(auth, url, http, err);
    if (code == AMPQL_OK)
        *out = auth;
    else
        auth_close(auth);
    return code;
}

void auth_close(struct auth *auth)
{
    if (!auth)
        return;
    credentials_close(auth->credentials);
    arena_done(&auth->arena);
    alloc_put(auth->secret.base, auth, 1, sizeof *auth);
}

enum auth_kind auth_kind(const struct auth *auth)
{
    return auth->options.kind;
}

struct credentials *auth_credentials(struct auth *auth)
{
    return auth->credentials;
}

/* ---- applying */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A file with one secret in it; orchestrators replace them while we run. */
static enum ampql_code read_secret(struct str path, struct arena *arena, struct str *out,
                                   struct ampql_error *err)
{
    char quoted[320], text[4096];
    size_t n = 0;
    quote_clipped(quoted, sizeof quoted, path);
    int fd = open(path.p, O_RDONLY | O_CLOEXEC); /* NUL-terminated by arena_copy */
    if (fd < 0)
        return fail(err, AMPQL_UNAUTHORIZED, "the file with the secret, %s: %s", quoted,
                    strerror(errno));
    char *all = arena_alloc(arena, SECRET_MAX, 1);
    enum ampql_code code = all ? AMPQL_OK : fail_nomem(err, "a secret");
    while (code == AMPQL_OK) {
        ssize_t got = read(fd, text, sizeof text);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            if (got < 0)
                code = fail(err, AMPQL_UNAUTHORIZED, "the file with the secret, %s: %s", quoted,
                            strerror(errno));
            break;
        }
        if ((size_t)got > SECRET_MAX - n) {
            code = fail(err, AMPQL_UNAUTHORIZED, "the file with the secret, %s: over %d bytes",
                        quoted, SECRET_MAX);
            break;
        }
        memcpy(all + n, text, (size_t)got);
        n += (size_t)got;
    }
    explicit_bzero(text, sizeof text);
    close(fd);
    TRY(code);
    while (n && is_blank(all[n - 1]))
        n--;
    while (n && is_blank(*all))
        all++, n--;
    *out = str_make(all, n);
    if (n == 0)
        return fail(err, AMPQL_UNAUTHORIZED, "the file with the secret, %s: is empty", quoted);
    if (memchr(all, '\n', n) || memchr(all, '\r', n) || memchr(all, '\0', n))
        return fail(err, AMPQL_UNAUTHORIZED, "the file with the secret, %s: expected one line",
                    quoted);
    return AMPQL_OK;
}

/* RFC 4648, 4; out has room for (n + 2) / 3 * 4 */
static void base64(const unsigned char *in, size_t n, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned left = (unsigned)(n - i < 3 ? n - i : 3);
        unsigned v = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) |
                     (left > 2 ? in[i + 2] : 0u);
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = left > 1 ? digits[v >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[v & 63] : '=';
    }
}

static enum ampql_code basic_value(struct str user, struct str password, struct arena *arena,
                                   struct str *out, struct ampql_error *err)
{
    static const char scheme[] = "Basic ";
    size_t n = user.n + 1 + password.n, front = sizeof scheme - 1, size = (n + 2) / 3 * 4;
    char *plain = arena_alloc(arena, n, 1), *value = arena_alloc(arena, front + size, 1);
    if (!plain || !value)
        return fail_nomem(err, "a password");
    if (user.n)
        memcpy(plain, user.p, user.n);
    plain[user.n] = ':';
    if (password.n)
        memcpy(plain + user.n + 1, password.p, password.n);
    memcpy(value, scheme, front);
    base64((const unsigned char *)plain, n, value + front);
    *out = str_make(value, front + size);
    return AMPQL_OK;
}

static enum ampql_code token_value(struct str type, struct str token, struct arena *arena,
                                   struct str *out, struct ampql_error *err)
{
    if (type.n == 0)
        type = STR("Bearer");
    size_t n = type.n + 1 + token.n;
    char *value = arena_alloc(arena, n, 1);
    if (!value)
        return fail_nomem(err, "a token");
    memcpy(value, type.p, type.n);
    value[type.n] = ' ';
    if (token.n)
        memcpy(value + type.n + 1, token.p, token.n);
    *out = str_make(value, n);
    return AMPQL_OK;
}

static enum ampql_code authorization(const struct auth_options *o, struct arena *arena,
                                     struct str *out, struct ampql_error *err)
{
    struct str secret = o->secret;
    if (o->secret_file.n)
        TRY(read_secret(o->secret_file, arena, &secret, err));
    return o->kind == AUTH_BASIC ? basic_value(o->username, secret, arena, out, err)
                                 : token_value(o->type, secret, arena, out, err);
}

static bool is_named(const struct http_header *headers, size_t n, struct str name)
{
    while (n--)
        if (headers[n].name.n == name.n && strncasecmp(headers[n].name.p, name.p, name.n) == 0)
            return true;
    return false;
}

static enum ampql_code sign(struct auth *auth, int64_t now_ms, struct arena *arena,
                            struct http_request *out, struct http_header *room,
                            struct ampql_error *err)
{
    enum { MOST = 4 };
    const struct aws_credentials *keys = &auth->given;
    struct sigv4_signed added;
    if (auth->credentials)
        TRY(credentials_get(auth->credentials, now_ms, &keys, err));
    auth->sent = keys;
    struct sigv4 sigv4 = {.region = auth->options.region,
                          .service = auth->options.service,
                          .credentials = keys,
                          .now_ms = now_ms};
    TRY(sigv4_sign(&sigv4, out, arena, &added, err));
    if (added.nheaders > MOST)
        return fail(err, AMPQL_INTERNAL, "%zu headers of a signature", added.nheaders);
    for (size_t i = 0; i < added.nheaders; i++) {
        room[i] = added.headers[i];
        room[i].is_secret = true;
    }
    out->nheaders += added.nheaders;
    out->url = added.url;
    return AMPQL_OK;
}

enum ampql_code auth_apply(struct auth *auth, const struct http_request *request, int64_t now_ms,
                           struct arena *arena, struct http_request *out, struct ampql_error *err)
{
    enum { OWN = 4 };
    const struct auth_options *o = &auth->options;
    struct http_header *headers =
        arena_alloc(arena, request->nheaders + o->nheaders + OWN, sizeof *headers);
    size_t n = 0;
    if (!headers)
        return fail_nomem(err, "a request");
    for (size_t i = 0; i < request->nheaders; i++)
        if (!is_named(o->headers, o->nheaders, request->headers[i].name))
            headers[n++] = request->headers[i];
    for (size_t i = 0; i < o->nheaders; i++)
        headers[n++] = o->headers[i];
    *out = *request;
    out->headers = headers;
    out->nheaders = n;
    if (o->kind == AUTH_SIGV4)
        return sign(auth, now_ms, arena, out, headers + n, err);
    if (o->kind == AUTH_NONE)
        return AMPQL_OK;
    struct http_header *own = &headers[n];
    *own = (struct http_header){.name = STR("Authorization"), .is_secret = true};
    TRY(authorization(o, arena, &own->value, err));
    out->nheaders++;
    return AMPQL_OK;
}

/* Keys that were found again where they had been are no new ones. */
static bool are_same(const struct aws_credentials *a, const struct aws_credentials *b)
{
    return a == b || (str_equal(a->access_key_id, b->access_key_id) &&
                      str_equal(a->secret_access_key, b->secret_access_key) &&
                      str_equal(a->session_token, b->session_token));
}

enum ampql_code auth_refresh(struct auth *auth, int64_t now_ms, bool *renewed,
                             struct ampql_error *err)
{
    const struct aws_credentials *keys;
    *renewed = false;
    if (!auth->credentials || !auth->sent)
        return AMPQL_OK;
    TRY(credentials_refresh(auth->credentials, now_ms, auth->sent, &keys, err));
    *renewed = !are_same(keys, auth->sent);
    return AMPQL_OK;
}

/* ---- for people */

static void describe_keys(struct auth *auth, char *text, size_t size)
{
    struct credentials_description d;
    struct arena arena;
    char role[320] = "", other[160] = "";
    arena_init(&arena, &auth->secret.alc);
    if (credentials_describe(auth->credentials, &arena, &d, NULL) == AMPQL_OK) {
        if (d.role_arn.n)
            quote_clipped(role, sizeof role, d.role_arn);
        if (d.nshadowed)
            snprintf(other, sizeof other, "; not used although configured: %.*s",
                     STR_ARGS(d.shadowed[0]));
        snprintf(text, size, "signed%s%s with the keys of %.*s%s", role[0] ? " as role " : "", role,
                 STR_ARGS(d.provider), other);
    }
    arena_done(&arena);
}

void auth_describe(struct auth *auth, char *text, size_t size)
{
    const char *header = secret_header(&auth->options);
    *text = '\0';
    switch (auth->options.kind) {
    case AUTH_BASIC:
        snprintf(text, size, "sent with a password");
        break;
    case AUTH_AUTHORIZATION:
        snprintf(text, size, "sent with a token");
        break;
    case AUTH_SIGV4:
        if (auth->credentials)
            describe_keys(auth, text, size);
        else
            snprintf(text, size, "signed with the keys that were given");
        break;
    case AUTH_NONE:
        if (header)
            snprintf(text, size, "sent with the header %s", header);
        break;
    }
}

/* ---- what others say */

/* Overwrite secret wherever text has it, and where text was clipped inside of it. Shorter ones than
 * a few bytes are no secrets, and would take everything with them. */
static void mask(char *text, size_t n, struct str secret)
{
    enum { LEAST = 4 };
    if (secret.n < LEAST)
        return;
    for (size_t at = 0; at + LEAST <= n; at++) {
        size_t length = n - at < secret.n ? n - at : secret.n;
        if (memcmp(text + at, secret.p, length) == 0)
            memset(text + at, '*', length);
    }
}

/* The value of a header, and what stands behind its first word: "Bearer SECRET". */
static void mask_value(char *text, size_t n, struct str value)
{
    mask(text, n, value);
    const char *blank = value.n ? memchr(value.p, ' ', value.n) : NULL;
    if (blank)
        mask(text, n, str_from(value, (size_t)(blank - value.p) + 1));
}

void auth_redact(struct auth *auth, char *text, size_t n)
{
    const struct auth_options *o = &auth->options;
    struct arena arena;
    struct str value;
    arena_init(&arena, &auth->secret.alc);
    for (size_t i = 0; i < o->nheaders; i++)
        mask_value(text, n, o->headers[i].value);
    mask(text, n, o->secret);
    if (o->kind == AUTH_BASIC || o->kind == AUTH_AUTHORIZATION) {
        if (authorization(o, &arena, &value, NULL) == AMPQL_OK)
            mask_value(text, n, value);
        else
            memset(text, '*', n); /* nobody knows what is in it */
    }
    if (auth->sent) {
        mask(text, n, auth->sent->secret_access_key);
        mask(text, n, auth->sent->session_token);
    }
    arena_done(&arena);
}
