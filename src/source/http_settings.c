/* Options and config file, put together. */
#include "source/http_settings.h"

#include "source/http_config.h"

static struct str text(const char *s)
{
    return s ? str_of(s) : STR("");
}

static enum ampql_code contradict(struct ampql_error *err, const char *a, const char *b)
{
    return fail(err, AMPQL_BAD_DATA, "both %s and %s, expected one", a, b);
}

/* Who asks, as the options alone say. */
static enum ampql_code read_auth(const struct ampql_http_options *o, struct auth_options *auth,
                                 struct ampql_error *err)
{
    bool is_basic = o->username || o->password || o->password_file;
    bool is_bearer = o->bearer_token || o->bearer_token_file;
    if (is_basic && is_bearer)
        return contradict(err, "a password", "a bearer token");
    if (o->sign && (is_basic || is_bearer))
        return contradict(err, is_basic ? "a password" : "a bearer token", "AWS signatures");
    if (o->password && o->password_file)
        return contradict(err, "password", "password_file");
    if (o->bearer_token && o->bearer_token_file)
        return contradict(err, "bearer_token", "bearer_token_file");
    auth->kind = o->sign     ? AUTH_SIGV4
                 : is_basic  ? AUTH_BASIC
                 : is_bearer ? AUTH_AUTHORIZATION
                             : AUTH_NONE;
    auth->username = text(o->username);
    auth->secret = text(is_bearer ? o->bearer_token : o->password);
    auth->secret_file = text(is_bearer ? o->bearer_token_file : o->password_file);
    return AMPQL_OK;
}

/* Of AWS settings the options win one by one, since they are what the source's name and the flags
 * said. */
static void merge_aws(const struct ampql_http_options *o, struct auth_options *auth)
{
    const struct {
        const char *from;
        struct str *to;
    } texts[] = {{o->region, &auth->region},           {o->service, &auth->service},
                 {o->profile, &auth->profile},         {o->role_arn, &auth->role_arn},
                 {o->external_id, &auth->external_id}, {o->session_name, &auth->session_name}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].from)
            *texts[i].to = str_of(texts[i].from);
}

static enum ampql_code merge_headers(const struct ampql_http_options *o, struct arena *arena,
                                     struct auth_options *auth, struct ampql_error *err)
{
    size_t n = auth->nheaders;
    struct http_header *all = arena_alloc(arena, n + o->nheaders, sizeof *all);
    if (!all)
        return fail_nomem(err, "headers");
    if (n)
        memcpy(all, auth->headers, n * sizeof *all);
    for (size_t i = 0; i < o->nheaders; i++)
        all[n++] = (struct http_header){.name = str_view(o->headers[i].name),
                                        .value = str_view(o->headers[i].value),
                                        .is_secret = true};
    auth->headers = all;
    auth->nheaders = n;
    return AMPQL_OK;
}

static enum http_compress compress_of(enum ampql_http_compress compress)
{
    return compress == AMPQL_COMPRESS_ON    ? HTTP_COMPRESS_ON
           : compress == AMPQL_COMPRESS_OFF ? HTTP_COMPRESS_OFF
                                            : HTTP_COMPRESS_AUTO;
}

#define FIRST(a, b) ((a) ? (a) : (b))

enum ampql_code http_settings_read(const struct ampql_http_options *o, struct arena *arena,
                                   struct http_settings *out, struct ampql_error *err)
{
    struct http_config config = {0};
    struct auth_options own = {0};
    *out = (struct http_settings){0};
    if (o->config_file)
        TRY(http_config_load(o->config_file, arena, &config, err));
    TRY(read_auth(o, &own, err));
    if (own.kind != AUTH_NONE && config.auth.kind != AUTH_NONE && own.kind != config.auth.kind)
        return fail(err, AMPQL_BAD_DATA,
                    "%s authentication, and %s in the config file, expected one",
                    auth_kind_name(own.kind), auth_kind_name(config.auth.kind));
    if (own.kind != AUTH_NONE && own.kind == config.auth.kind && own.kind != AUTH_SIGV4)
        return fail(err, AMPQL_BAD_DATA, "%s authentication both given and in the config file",
                    auth_kind_name(own.kind));
    /* signing was asked for, and the config file says with what */
    out->auth = own.kind == AUTH_NONE || config.auth.kind == AUTH_SIGV4 ? config.auth : own;
    out->auth.headers = config.auth.headers;
    out->auth.nheaders = config.auth.nheaders;
    out->auth.insecure_http = o->insecure_http;
    merge_aws(o, &out->auth);
    TRY(merge_headers(o, arena, &out->auth, err));
    out->http = (struct http_options){
        .connect_timeout_ms = o->connect_timeout_ms,
        .answer_timeout_ms = o->answer_timeout_ms,
        .stall_timeout_ms = o->stall_timeout_ms,
        .total_timeout_ms = o->request_timeout_ms,
        .ca_file = FIRST(o->ca_file, config.ca_file),
        .cert_file = FIRST(o->cert_file, config.cert_file),
        .key_file = o->cert_file ? o->key_file : FIRST(o->key_file, config.key_file),
        .server_name = FIRST(o->server_name, config.server_name),
        .proxy_url = FIRST(o->proxy_url, config.proxy_url),
        .max_connections = o->concurrency,
        .max_body_bytes = o->max_body_bytes,
        .compress = compress_of(o->compress),
        .no_http2 = o->no_http2 || config.no_http2,
    };
    return AMPQL_OK;
}
