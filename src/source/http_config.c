/* The config file's few shapes, field by field. */
#include "source/http_config.h"

#include "base/array.h"
#include "base/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct reader {
    struct yaml yaml;
    struct arena *arena;
    struct str folder; /* of the file, with its slash; empty: this one */
    struct http_config *out;
    const char *way; /* to authenticate: the field that gave it; NULL: none yet */
    struct {
        ARRAY(struct http_header);
    } headers;
};

/* Refuse what the current event begins. */
#define REFUSE(r, err, ...)                                                                        \
    coded(yaml_fail((err), yaml_here(&(r)->yaml), yaml_here_end(&(r)->yaml), __VA_ARGS__),         \
          AMPQL_UNSUPPORTED, (err))
#define WRONG(r, err, ...)                                                                         \
    yaml_fail((err), yaml_here(&(r)->yaml), yaml_here_end(&(r)->yaml), __VA_ARGS__)

static enum ampql_code coded(enum ampql_code was, enum ampql_code code, struct ampql_error *err)
{
    (void)was;
    if (err)
        err->code = code;
    return code;
}

/* ---- values */

static enum ampql_code read_text(struct reader *r, const char *what, struct str *out,
                                 struct ampql_error *err)
{
    struct yaml_scalar scalar;
    TRY(yaml_scalar(&r->yaml, r->arena, what, &scalar, err));
    if (memchr(scalar.value.p, '\0', scalar.value.n))
        return WRONG(r, err, "%s has a NUL byte in it", what);
    *out = scalar.value;
    return AMPQL_OK;
}

static enum ampql_code read_required(struct reader *r, const char *what, struct str *out,
                                     struct ampql_error *err)
{
    TRY(read_text(r, what, out, err));
    return out->n ? AMPQL_OK : WRONG(r, err, "%s is empty", what);
}

static enum ampql_code read_path(struct reader *r, const char *what, struct str *out,
                                 struct ampql_error *err)
{
    struct str text;
    TRY(read_required(r, what, &text, err));
    if (text.p[0] == '/' || r->folder.n == 0) {
        *out = text;
        return AMPQL_OK;
    }
    char *path = arena_alloc(r->arena, r->folder.n + text.n + 1, 1);
    if (!path)
        return fail_nomem(err, "a path");
    memcpy(path, r->folder.p, r->folder.n);
    memcpy(path + r->folder.n, text.p, text.n + 1); /* arena_copy ends it with NUL */
    *out = str_make(path, r->folder.n + text.n);
    return AMPQL_OK;
}

static enum ampql_code read_path_text(struct reader *r, const char *what, const char **out,
                                      struct ampql_error *err)
{
    struct str path;
    TRY(read_path(r, what, &path, err));
    *out = path.p;
    return AMPQL_OK;
}

static enum ampql_code read_bool(struct reader *r, const char *what, bool *out,
                                 struct ampql_error *err)
{
    struct str text = {0};
    TRY(read_text(r, what, &text, err));
    *out = str_equal(text, STR("true"));
    return *out || str_equal(text, STR("false"))
               ? AMPQL_OK
               : WRONG(r, err, "%s: expected true or false", what);
}

/* One way to authenticate at most. */
static enum ampql_code choose(struct reader *r, const char *way, enum auth_kind kind,
                              struct ampql_error *err)
{
    if (r->way)
        return WRONG(r, err, "both %s and %s, expected one way to authenticate", r->way, way);
    r->way = way;
    r->out->auth.kind = kind;
    return AMPQL_OK;
}

/* ---- sections */

/* basic_auth := { username, password | password_file } */
static enum ampql_code read_basic(struct reader *r, struct ampql_error *err)
{
    enum { USERNAME, PASSWORD, PASSWORD_FILE };
    static const char *const fields[] = {"username", "password", "password_file", NULL};
    struct auth_options *auth = &r->out->auth;
    unsigned seen = 0;
    TRY(choose(r, "basic_auth", AUTH_BASIC, err));
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "basic_auth", err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "basic_auth", fields, &seen, &field, err));
        if (field < 0)
            break;
        if (field == USERNAME)
            TRY(read_text(r, "username", &auth->username, err));
        else if (field == PASSWORD)
            TRY(read_text(r, "password", &auth->secret, err));
        else
            TRY(read_path(r, "password_file", &auth->secret_file, err));
    }
    if (auth->secret.n && auth->secret_file.n)
        return WRONG(r, err, "both password and password_file, expected one");
    return AMPQL_OK;
}

static bool is_token_type(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return false;
    return true;
}

/* authorization := { type, credentials | credentials_file } */
static enum ampql_code read_authorization(struct reader *r, struct ampql_error *err)
{
    enum { TYPE, CREDENTIALS, CREDENTIALS_FILE };
    static const char *const fields[] = {"type", "credentials", "credentials_file", NULL};
    struct auth_options *auth = &r->out->auth;
    unsigned seen = 0;
    TRY(choose(r, "authorization", AUTH_AUTHORIZATION, err));
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "authorization", err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "authorization", fields, &seen, &field, err));
        if (field < 0)
            break;
        if (field == TYPE) {
            TRY(read_text(r, "type", &auth->type, err));
            if (!is_token_type(auth->type))
                return WRONG(r, err, "type: expected a word such as Bearer");
        } else if (field == CREDENTIALS) {
            TRY(read_text(r, "credentials", &auth->secret, err));
        } else {
            TRY(read_path(r, "credentials_file", &auth->secret_file, err));
        }
    }
    if (auth->secret.n && auth->secret_file.n)
        return WRONG(r, err, "both credentials and credentials_file, expected one");
    if (!auth->secret.n && !auth->secret_file.n)
        return WRONG(r, err,
                     "authorization has no credentials, expected credentials or "
                     "credentials_file");
    return AMPQL_OK;
}

/* sigv4 := { region, access_key, secret_key, profile, role_arn, external_id } */
static enum ampql_code read_sigv4(struct reader *r, struct ampql_error *err)
{
    static const char *const fields[] = {"region",   "access_key",  "secret_key", "profile",
                                         "role_arn", "external_id", NULL};
    struct auth_options *auth = &r->out->auth;
    struct str *const values[] = {&auth->region,  &auth->access_key_id, &auth->secret_access_key,
                                  &auth->profile, &auth->role_arn,      &auth->external_id};
    unsigned seen = 0;
    TRY(choose(r, "sigv4", AUTH_SIGV4, err));
    if (yaml_is_null(&r->yaml))
        return AMPQL_OK;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "sigv4", err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "sigv4", fields, &seen, &field, err));
        if (field < 0)
            break;
        TRY(read_required(r, fields[field], values[field], err));
    }
    if (!auth->access_key_id.n != !auth->secret_access_key.n)
        return WRONG(r, err, "sigv4 has one of access_key and secret_key, expected both or none");
    return AMPQL_OK;
}

/* tls_config := { ca_file, cert_file, key_file, server_name, ... } */
static enum ampql_code read_tls(struct reader *r, struct ampql_error *err)
{
    enum { CA_FILE, CERT_FILE, KEY_FILE, SERVER_NAME, SKIP_VERIFY, MIN_VERSION, CA };
    static const char *const fields[] = {
        "ca_file",     "cert_file", "key_file", "server_name", "insecure_skip_verify",
        "min_version", "ca",        "cert",     "key",         "max_version",
        NULL};
    struct http_config *out = r->out;
    struct str text;
    unsigned seen = 0;
    bool is_set;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "tls_config", err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "tls_config", fields, &seen, &field, err));
        if (field < 0)
            break;
        if (field == CA_FILE) {
            TRY(read_path_text(r, "ca_file", &out->ca_file, err));
        } else if (field == CERT_FILE) {
            TRY(read_path_text(r, "cert_file", &out->cert_file, err));
        } else if (field == KEY_FILE) {
            TRY(read_path_text(r, "key_file", &out->key_file, err));
        } else if (field == SERVER_NAME) {
            TRY(read_required(r, "server_name", &text, err));
            out->server_name = text.p;
        } else if (field == SKIP_VERIFY) {
            TRY(read_bool(r, "insecure_skip_verify", &is_set, err));
            if (is_set)
                return REFUSE(r, err,
                              "insecure_skip_verify is refused: whoever can answer in the server's "
                              "place could read the credentials; name its authority with ca_file");
        } else if (field == MIN_VERSION) {
            TRY(read_text(r, "min_version", &text, err));
            if (!str_equal(text, STR("TLS12")))
                return REFUSE(r, err,
                              "min_version other than TLS12, which is the least in any "
                              "case");
        } else {
            return REFUSE(r, err, "%s in tls_config is not supported, expected %s", fields[field],
                          field >= CA && field < CA + 3 ? "a file of that name with _file"
                                                        : "ca_file, cert_file, key_file, "
                                                          "server_name");
        }
    }
    if (out->key_file && !out->cert_file)
        return WRONG(r, err, "key_file without cert_file");
    return AMPQL_OK;
}

static enum ampql_code read_header_values(struct reader *r, struct str name,
                                          struct ampql_error *err)
{
    static const char *const fields[] = {"values", "secrets", "files", NULL};
    unsigned seen = 0;
    bool more;
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "a header", err));
    for (int field;;) {
        TRY(yaml_field(&r->yaml, "a header", fields, &seen, &field, err));
        if (field < 0)
            return AMPQL_OK;
        if (field == 2)
            return REFUSE(r, err,
                          "files of a header are not supported, expected values or secrets");
        TRY(yaml_begin(&r->yaml, YAML_SEQUENCE_START_EVENT, fields[field], err));
        for (;;) {
            struct http_header header = {.name = name, .is_secret = true};
            TRY(yaml_item(&r->yaml, &more, err));
            if (!more)
                break;
            TRY(read_text(r, fields[field], &header.value, err));
            if (!array_push(&r->headers, r->arena, header))
                return fail_nomem(err, "a header");
        }
    }
}

/* http_headers := { NAME: { values: [...], secrets: [...] }, ... } */
static enum ampql_code read_headers(struct reader *r, struct ampql_error *err)
{
    TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "http_headers", err));
    for (;;) {
        struct yaml_scalar key;
        bool more;
        TRY(yaml_key(&r->yaml, r->arena, "the name of a header", &key, &more, err));
        if (!more)
            return AMPQL_OK;
        TRY(read_header_values(r, key.value, err));
    }
}

/* ---- the file */

enum file_field {
    BASIC_AUTH,
    AUTHORIZATION,
    BEARER_TOKEN,
    BEARER_TOKEN_FILE,
    SIGV4,
    TLS_CONFIG,
    HTTP_HEADERS,
    PROXY_URL,
    PROXY_FROM_ENVIRONMENT,
    ENABLE_HTTP2,
    FOLLOW_REDIRECTS,
    OAUTH2,
    NO_PROXY
};

static enum ampql_code read_switch(struct reader *r, enum file_field field, const char *name,
                                   struct ampql_error *err)
{
    bool is_set;
    TRY(read_bool(r, name, &is_set, err));
    if (field == ENABLE_HTTP2)
        r->out->no_http2 = !is_set;
    if (field == FOLLOW_REDIRECTS && is_set)
        return REFUSE(r, err,
                      "follow_redirects: true is refused: a redirect would carry the credentials "
                      "elsewhere; name the server that answers, and write false");
    return AMPQL_OK;
}

static enum ampql_code read_field(struct reader *r, enum file_field field, const char *name,
                                  struct ampql_error *err)
{
    struct auth_options *auth = &r->out->auth;
    struct str text;
    switch (field) {
    case BASIC_AUTH:
        return read_basic(r, err);
    case AUTHORIZATION:
        return read_authorization(r, err);
    case BEARER_TOKEN:
        TRY(choose(r, name, AUTH_AUTHORIZATION, err));
        return read_required(r, name, &auth->secret, err);
    case BEARER_TOKEN_FILE:
        TRY(choose(r, name, AUTH_AUTHORIZATION, err));
        return read_path(r, name, &auth->secret_file, err);
    case SIGV4:
        return read_sigv4(r, err);
    case TLS_CONFIG:
        return read_tls(r, err);
    case HTTP_HEADERS:
        return read_headers(r, err);
    case PROXY_URL:
        TRY(read_text(r, name, &text, err));
        r->out->proxy_url = text.n ? text.p : NULL;
        return AMPQL_OK;
    case PROXY_FROM_ENVIRONMENT:
    case ENABLE_HTTP2:
    case FOLLOW_REDIRECTS:
        return read_switch(r, field, name, err);
    case OAUTH2:
    case NO_PROXY:
        break;
    }
    return REFUSE(r, err, "%s is not supported%s", name,
                  field == NO_PROXY ? ": set the environment's no_proxy" : "");
}

static enum ampql_code read_file(struct reader *r, struct ampql_error *err)
{
    static const char *const fields[] = {"basic_auth",
                                         "authorization",
                                         "bearer_token",
                                         "bearer_token_file",
                                         "sigv4",
                                         "tls_config",
                                         "http_headers",
                                         "proxy_url",
                                         "proxy_from_environment",
                                         "enable_http2",
                                         "follow_redirects",
                                         "oauth2",
                                         "no_proxy",
                                         NULL};
    unsigned seen = 0;
    bool is_there;
    TRY(yaml_begin_document(&r->yaml, &is_there, err));
    if (is_there) {
        TRY(yaml_begin(&r->yaml, YAML_MAPPING_START_EVENT, "a config file", err));
        for (int field;;) {
            TRY(yaml_field(&r->yaml, "a config file", fields, &seen, &field, err));
            if (field < 0)
                break;
            TRY(read_field(r, (enum file_field)field, fields[field], err));
        }
    }
    return yaml_end_document(&r->yaml, err);
}

enum ampql_code http_config_read(struct str name, struct str text, struct arena *arena,
                                 struct http_config *out, struct ampql_error *err)
{
    size_t slash = name.n;
    *out = (struct http_config){0};
    while (slash && name.p[slash - 1] != '/')
        slash--;
    struct reader r = {.arena = arena, .folder = str_make(name.p, slash), .out = out};
    enum ampql_code code = yaml_open(&r.yaml, "a config file", text, err);
    r.yaml.hides_text = true;
    if (code == AMPQL_OK)
        code = read_file(&r, err);
    yaml_close(&r.yaml);
    out->auth.headers = r.headers.at;
    out->auth.nheaders = r.headers.n;
    return yaml_name(name, code, err);
}

enum ampql_code http_config_load(const char *path, struct arena *arena, struct http_config *out,
                                 struct ampql_error *err)
{
    enum { MOST = 1 << 20 };
    char quoted[320];
    size_t n = 0;
    *out = (struct http_config){0};
    quote_clipped(quoted, sizeof quoted, str_of(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, AMPQL_NOT_FOUND, "config file %s: %s", quoted, strerror(errno));
    char *text = arena_alloc(arena, MOST + 1, 1);
    ssize_t got = text ? 1 : 0;
    while (got > 0 && n <= MOST) {
        got = read(fd, text + n, MOST + 1 - n);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            n += (size_t)got;
    }
    int problem = errno;
    close(fd);
    if (!text)
        return fail_nomem(err, "a config file");
    if (got < 0)
        return fail(err, AMPQL_UNAVAILABLE, "config file %s: %s", quoted, strerror(problem));
    if (n > MOST)
        return fail(err, AMPQL_LIMIT, "config file %s: over %d bytes", quoted, MOST);
    return http_config_read(str_of(path), str_make(text, n), arena, out, err);
}
