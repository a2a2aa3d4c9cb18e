/* Getting keys from the provider that was found. */
#include "source/credentials_chain.h"

#include "base/buf.h"

#include <stdio.h>

/* ---- environment and files */

static enum ampql_code copy_keys(struct arena *arena, const struct aws_credentials *keys,
                                 struct aws_credentials *out, struct ampql_error *err)
{
    *out = (struct aws_credentials){arena_copy(arena, keys->access_key_id),
                                    arena_copy(arena, keys->secret_access_key),
                                    arena_copy(arena, keys->session_token), keys->expires_ms};
    if (!out->access_key_id.p || !out->secret_access_key.p || !out->session_token.p)
        return fail_nomem(err, "credentials");
    return AMPQL_OK;
}

static enum ampql_code load_environment(const struct chain *chain, struct aws_call *call,
                                        struct aws_credentials *out, struct ampql_error *err)
{
    const struct chain_env *env = &chain->env;
    struct str expiration = chain_getenv(env, "AWS_CREDENTIAL_EXPIRATION");
    struct aws_credentials keys = {chain_getenv(env, "AWS_ACCESS_KEY_ID"),
                                   chain_getenv(env, "AWS_SECRET_ACCESS_KEY"),
                                   chain_getenv(env, "AWS_SESSION_TOKEN"), 0};
    if (keys.session_token.n == 0)
        keys.session_token = chain_getenv(env, "AWS_SECURITY_TOKEN");
    if (keys.access_key_id.n == 0 || keys.secret_access_key.n == 0)
        return fail(err, AMPQL_UNAUTHORIZED, "%s: AWS_ACCESS_KEY_ID is set and %s is not",
                    call->who, "AWS_SECRET_ACCESS_KEY");
    if (expiration.n && !aws_parse_time(expiration, &keys.expires_ms))
        return fail(err, AMPQL_UNAUTHORIZED,
                    "%s: AWS_CREDENTIAL_EXPIRATION is not a time such as 2026-01-02T03:04:05Z",
                    call->who);
    return copy_keys(call->arena, &keys, out, err);
}

/* ---- endpoints */

/* An answer that is no 200: its JSON may say why. */
static enum ampql_code refused(const struct aws_call *call, const struct http_response *response,
                               const char *advice, struct ampql_error *err)
{
    struct credentials_document said;
    struct aws_refusal refusal = {.status = response->status,
                                  .request_id =
                                      http_response_header(response, STR("x-amzn-requestid")),
                                  .advice = advice};
    enum ampql_code code = credentials_document_read(response->body, call->arena, &said, err);
    if (code == AMPQL_NOMEM)
        return code;
    if (code == AMPQL_OK && (said.code.n || said.message.n)) {
        refusal.code = said.code;
        refusal.message = said.message;
    } else {
        refusal.message = response->body;
    }
    bool is_busy = response->status >= 500 || response->status == 429;
    return aws_call_refused(call, &refusal, is_busy ? AMPQL_UNAVAILABLE : AMPQL_UNAUTHORIZED, err);
}

/* Keys out of an answer of status 200, which may hold an error all the same. */
static enum ampql_code read_keys(const struct aws_call *call, const struct http_response *response,
                                 struct aws_credentials *out, struct ampql_error *err)
{
    struct credentials_document document;
    struct ampql_error why = {0};
    enum ampql_code code = credentials_document_read(response->body, call->arena, &document, &why);
    if (code == AMPQL_OK && document.code.n && !str_equal(document.code, STR("Success"))) {
        struct aws_refusal refusal = {
            .status = response->status, .code = document.code, .message = document.message};
        return aws_call_refused(call, &refusal, AMPQL_UNAUTHORIZED, err);
    }
    if (code == AMPQL_OK)
        code = credentials_document_keys(&document, out, &why);
    if (code == AMPQL_NOMEM)
        return fail_nomem(err, "credentials");
    return code == AMPQL_OK
               ? code
               : fail(err, AMPQL_BAD_DATA, "%s: HTTP 200, but %s", call->who, why.message);
}

static bool is_printable(struct str token)
{
    for (size_t i = 0; i < token.n; i++)
        if ((unsigned char)token.p[i] < 0x20 || (unsigned char)token.p[i] >= 0x7f)
            return false;
    return true;
}

static const char *container_advice(int status)
{
    switch (status) {
    case 400:
    case 401:
    case 403:
        return "the endpoint does not take the token: is its token file the one that is mounted?";
    case 404:
        return "is there a Pod Identity association, or a task role, for this pod?";
    default:
        return NULL;
    }
}

static enum ampql_code load_container(const struct provider *provider, struct aws_call *call,
                                      struct aws_credentials *out, struct ampql_error *err)
{
    struct http_response response;
    struct str token = provider->token;
    if (provider->token_file.n)
        TRY(aws_token_file(call->arena, call->who, provider->token_file, &token, err));
    if (!is_printable(token))
        return fail(err, AMPQL_UNAUTHORIZED,
                    "%s: AWS_CONTAINER_AUTHORIZATION_TOKEN holds a line break or control byte",
                    call->who);
    const struct http_header headers[] = {{STR("accept"), STR("application/json"), false},
                                          {STR("authorization"), token, true}};
    struct http_request request = {.method = STR("GET"),
                                   .url = provider->url,
                                   .headers = headers,
                                   .nheaders = token.n ? 2 : 1,
                                   .timeout_ms = 2000};
    call->secrets[0] = token;
    call->tries = 3;
    call->wait_ms = 1000;
    TRY(aws_call_send(call, &request, &response, err));
    if (response.status != 200)
        return refused(call, &response, container_advice(response.status), err);
    return read_keys(call, &response, out, err);
}

/* One request to the instance metadata service: its path, and a name behind it. */
static enum ampql_code ask_instance(const struct provider *provider, const struct aws_call *call,
                                    struct http_request request, const char *path, struct str name,
                                    struct http_response *out, struct ampql_error *err)
{
    struct buf url;
    buf_init(&url, call->arena->alc, SIZE_MAX / 2);
    buf_str(&url, provider->url);
    buf_text(&url, path);
    buf_str(&url, name);
    request.url = buf_view(&url);
    enum ampql_code code =
        url.failed ? fail_nomem(err, "a URL") : aws_call_send(call, &request, out, err);
    buf_done(&url);
    return code;
}

/* Nothing there: this is no instance, or a pod that its packets do not leave. */
static enum ampql_code no_instance(const struct aws_call *call, enum ampql_code code,
                                   struct ampql_error *err)
{
    char reason[200];
    if (code != AMPQL_UNAVAILABLE)
        return code;
    snprintf(reason, sizeof reason, "%.190s", err ? err->message : "");
    return fail(err, AMPQL_UNAUTHORIZED,
                "no AWS credentials in environment, profile, web identity or container endpoint, "
                "and %s; in a pod use IRSA or Pod Identity",
                err ? reason : call->who);
}

static bool is_role_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '\0' ||
            !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-",
                    name.p[i]))
            return false;
    return name.n > 0 && name.n <= 64;
}

static struct str first_line(struct str text)
{
    size_t n = 0;
    while (n < text.n && text.p[n] != '\n' && text.p[n] != '\r')
        n++;
    return str_make(text.p, n);
}

static enum ampql_code load_instance(const struct provider *provider, struct aws_call *call,
                                     struct aws_credentials *out, struct ampql_error *err)
{
    static const char roles[] = "/latest/meta-data/iam/security-credentials/";
    const struct http_header ttl = {STR("x-aws-ec2-metadata-token-ttl-seconds"), STR("21600"),
                                    false};
    const struct http_request put = {
        .method = STR("PUT"), .headers = &ttl, .nheaders = 1, .timeout_ms = provider->timeout_ms};
    struct http_response response;
    call->tries = provider->tries;
    enum ampql_code code =
        ask_instance(provider, call, put, "/latest/api/token", STR(""), &response, err);
    if (code != AMPQL_OK)
        return no_instance(call, code, err);
    if (response.status != 200)
        return refused(call, &response,
                       "no other credentials are configured, and of this one only IMDSv2 is asked",
                       err);
    struct str token = response.body;
    if (token.n == 0 || token.n > 4096 || !is_printable(token))
        return fail(err, AMPQL_BAD_DATA, "%s: HTTP 200, but no token", call->who);
    call->secrets[0] = token;
    const struct http_header secret = {STR("x-aws-ec2-metadata-token"), token, true};
    const struct http_request get = {.method = STR("GET"),
                                     .headers = &secret,
                                     .nheaders = 1,
                                     .timeout_ms = provider->timeout_ms};

    TRY(ask_instance(provider, call, get, roles, STR(""), &response, err));
    if (response.status == 404)
        return refused(call, &response, "this instance has no role", err);
    if (response.status != 200)
        return refused(call, &response, NULL, err);
    struct str role = first_line(response.body);
    if (!is_role_name(role))
        return fail(err, AMPQL_BAD_DATA, "%s: HTTP 200, but no name of a role", call->who);
    TRY(ask_instance(provider, call, get, roles, role, &response, err));
    if (response.status != 200)
        return refused(call, &response, NULL, err);
    return read_keys(call, &response, out, err);
}

/* ---- all */

static enum ampql_code load_web_identity(const struct chain *chain, struct aws_call *call,
                                         int64_t now_ms, struct aws_credentials *out,
                                         struct ampql_error *err)
{
    struct str token;
    TRY(aws_token_file(call->arena, call->who, chain->base.token_file, &token, err));
    call->secrets[0] = token;
    return aws_sts_assume(call, &chain->sts, &chain->base.role, NULL, token, now_ms, out, err);
}

enum ampql_code provider_load(const struct chain *chain, struct aws_call *call, int64_t now_ms,
                              struct aws_credentials *out, struct ampql_error *err)
{
    const struct provider *provider = &chain->base;
    call->who = provider->name;
    memset(call->secrets, 0, sizeof call->secrets);
    call->tries = 3;
    call->wait_ms = 250;
    switch (provider->kind) {
    case PROVIDER_ENVIRONMENT:
        return load_environment(chain, call, out, err);
    case PROVIDER_KEYS:
        return copy_keys(call->arena, &provider->keys, out, err);
    case PROVIDER_WEB_IDENTITY:
        return load_web_identity(chain, call, now_ms, out, err);
    case PROVIDER_PROCESS:
        return process_load(call, provider->command, out, err);
    case PROVIDER_CONTAINER:
        return load_container(provider, call, out, err);
    case PROVIDER_INSTANCE:
        return load_instance(provider, call, out, err);
    case PROVIDER_NONE:
        break;
    }
    return fail(err, AMPQL_INTERNAL, "no provider of credentials");
}
