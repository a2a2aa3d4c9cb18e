/* A server, looked at through one request: `count_over_time(vector(1)[1m:1m])` on a minute's
 * boundary, which reads no series, and whose answer is 1 where ranges are open on the left and 2
 * where they are closed. */
#include "tool/doctor.h"

#include <ampql/source.h>

#if AMPQL_HTTP

#include "base/json.h"
#include "base/time.h"
#include "source/amp.h"
#include "source/auth.h"
#include "source/aws_call.h"
#include "source/aws_secret.h"
#include "source/credentials.h"
#include "source/failure.h"
#include "source/http.h"
#include "source/http_settings.h"
#include "source/url.h"

#include <stdio.h>

enum { MAX_ANSWER = 65536, WARN_CLOCK_S = 60, FAIL_CLOCK_S = 270 };

struct probe {
    struct doctor *doctor;
    const struct doctor_server *server;
    struct arena *secrets; /* wiped when it goes */
    struct http *http;
    struct auth *auth;
    struct str url;    /* the base */
    struct str origin; /* for messages */
    int64_t asked_ms, took_ms;
};

/* Is it for the caller, who can do nothing else about it? */
static bool ends_all(enum ampql_code code)
{
    return code == AMPQL_NOMEM || code == AMPQL_CANCELED || code == AMPQL_INTERNAL;
}

static enum ampql_code add_failure(struct probe *p, const char *name, struct ampql_error *why,
                                   const char *advice, struct ampql_error *err)
{
    if (p->auth) /* headers of an answer may repeat what was sent */
        auth_redact(p->auth, why->message, strlen(why->message));
    return doctor_add(p->doctor, name, DOCTOR_FAIL, why->code, err, advice, "%s", why->message);
}

/* ---- credentials */

static enum ampql_code told_keys(struct probe *p, struct credentials *credentials,
                                 struct ampql_error *err)
{
    struct credentials_description d;
    char role[320] = "", when[TIME_TEXT_MAX + 32] = "";
    TRY(credentials_describe(credentials, p->secrets, &d, err));
    if (d.role_arn.n)
        quote_clipped(role, sizeof role, d.role_arn);
    if (d.expires_ms)
        snprintf(when, sizeof when, ", for %lld more min",
                 (long long)((d.expires_ms - p->server->now_ms) / 60000));
    TRY(doctor_add(p->doctor, "credentials", DOCTOR_OK, AMPQL_OK, err, NULL, "%.*s (%.*s)%s%s%s",
                   STR_ARGS(d.provider), STR_ARGS(d.reason), role[0] ? ", role " : "", role, when));
    for (size_t i = 0; i < d.nshadowed; i++)
        TRY(doctor_add(p->doctor, "credentials", DOCTOR_WARN, AMPQL_OK, err,
                       "unset what is not meant to be used", "not used although configured: %.*s",
                       STR_ARGS(d.shadowed[i])));
    return AMPQL_OK;
}

static enum ampql_code check_identity(struct probe *p, struct credentials *credentials,
                                      struct ampql_error *err)
{
    struct caller_identity who;
    struct ampql_error why = {0};
    char quoted[320];
    enum ampql_code code =
        credentials_identity(credentials, p->server->now_ms, p->secrets, &who, &why);
    if (ends_all(code)) {
        if (err)
            *err = why;
        return code;
    }
    if (code == AMPQL_OK)
        return doctor_add(p->doctor, "identity", DOCTOR_OK, AMPQL_OK, err, NULL, "%s",
                          quote_clipped(quoted, sizeof quoted, who.arn));
    if (code == AMPQL_UNAUTHORIZED)
        return add_failure(p, "identity", &why, NULL, err);
    return doctor_add(p->doctor, "identity", DOCTOR_WARN, AMPQL_OK, err,
                      "only this check needs STS; the next one shows whether the keys are good",
                      "%s", why.message);
}

/* *is_fine: there are keys to sign with, or none are needed */
static enum ampql_code check_credentials(struct probe *p, bool *is_fine, struct ampql_error *err)
{
    struct credentials *credentials = auth_credentials(p->auth);
    const struct aws_credentials *keys;
    struct ampql_error why = {0};
    *is_fine = true;
    if (!credentials)
        return AMPQL_OK;
    enum ampql_code code = credentials_get(credentials, p->server->now_ms, &keys, &why);
    if (code == AMPQL_OK) {
        TRY(told_keys(p, credentials, err));
        return check_identity(p, credentials, err);
    }
    *is_fine = false;
    if (ends_all(code)) {
        if (err)
            *err = why;
        return code;
    }
    return add_failure(p, "credentials", &why, "ampql whoami shows where they were looked for",
                       err);
}

/* ---- the request */

static enum ampql_code ask(struct probe *p, struct http_response *out, struct ampql_error *err)
{
    struct http_request applied;
    struct buf url, body;
    int64_t minute_s = p->server->now_ms / 60000 * 60;
    const struct http_header form = {STR("content-type"), STR("application/x-www-form-urlencoded"),
                                     false};
    buf_init(&url, p->secrets->alc, SIZE_MAX / 2);
    buf_init(&body, p->secrets->alc, SIZE_MAX / 2);
    buf_str(&url, p->url);
    buf_text(&url, "/api/v1/query");
    buf_text(&body, "query=");
    url_encode(&body, STR("count_over_time(vector(1)[1m:1m])"));
    buf_format(&body, "&time=%lld", (long long)minute_s);
    struct http_request request = {.method = STR("POST"),
                                   .url = buf_view(&url),
                                   .headers = &form,
                                   .nheaders = 1,
                                   .body = buf_view(&body),
                                   .timeout_ms = 30000};
    enum ampql_code code = url.failed || body.failed ? fail_nomem(err, "a request") : AMPQL_OK;
    if (code == AMPQL_OK)
        code = auth_apply(p->auth, &request, time_now(), p->secrets, &applied, err);
    int64_t start_ms = time_monotonic();
    p->asked_ms = time_now();
    if (code == AMPQL_OK)
        code = http_call(p->http, &applied, MAX_ANSWER, p->doctor->arena, out, err);
    p->took_ms = time_monotonic() - start_ms;
    buf_done(&url);
    buf_done(&body);
    return code;
}

/* Does the server say what it was sent? Then that is not told. */
static bool repeats_keys(struct probe *p, struct str body)
{
    struct credentials *credentials = auth_credentials(p->auth);
    const struct aws_credentials *keys;
    if (!credentials || credentials_get(credentials, p->server->now_ms, &keys, NULL) != AMPQL_OK)
        return false;
    const struct aws_call call = {.secrets = {keys->secret_access_key, keys->session_token}};
    return aws_call_repeats(&call, body);
}

static enum ampql_code told_refusal(struct probe *p, const struct http_response *response,
                                    struct ampql_error *err)
{
    struct failure failure;
    struct ampql_error why = {0};
    char asked_by[AUTH_DESCRIPTION_MAX];
    auth_describe(p->auth, asked_by, sizeof asked_by);
    struct failure_answer answer = {
        .status = response->status,
        .body = str_make(response->body.p,
                         response->body.n < FAILURE_BODY ? response->body.n : FAILURE_BODY),
        .request_id = http_response_header(response, STR("x-amzn-requestid")),
        .error_type = http_response_header(response, STR("x-amzn-errortype")),
        .retry_after = http_response_header(response, STR("retry-after")),
        .date = http_response_header(response, STR("date")),
        .asked_by = str_of(asked_by),
    };
    TRY(failure_read(p->doctor->arena->alc, &answer, p->asked_ms, &failure, err));
    if (repeats_keys(p, response->body))
        snprintf(failure.text, sizeof failure.text, "(its message repeats a secret)");
    failure_tell(&failure, &answer, p->origin, &why);
    bool is_denied = response->status == 401 || response->status == 403;
    return add_failure(p, is_denied ? "permission" : "connection", &why, NULL, err);
}

/* ---- what the answer says */

static enum ampql_code check_clock(struct probe *p, const struct http_response *response,
                                   struct ampql_error *err)
{
    int64_t server_ms;
    if (!failure_parse_date(http_response_header(response, STR("date")), &server_ms))
        return AMPQL_OK;
    /* the header has whole seconds, cut off */
    int64_t off_s = (p->asked_ms + p->took_ms / 2 - server_ms - 500) / 1000;
    int64_t size = off_s < 0 ? -off_s : off_s;
    enum doctor_status status = size >= FAIL_CLOCK_S   ? DOCTOR_FAIL
                                : size >= WARN_CLOCK_S ? DOCTOR_WARN
                                                       : DOCTOR_OK;
    return doctor_add(p->doctor, "clock", status, AMPQL_OK, err,
                      status ? "AWS refuses signatures that are five minutes off: run NTP" : NULL,
                      "%lld s %s the server's", (long long)size, off_s < 0 ? "behind" : "ahead of");
}

/* The value of a vector of one sample; 0: it is no such answer */
static char read_count(struct str body, const struct ampql_allocator *alc)
{
    struct json json;
    struct json_token token;
    bool is_value = false, is_success = false, in_status = false;
    char found = 0;
    if (json_init(&json, alc, (struct json_limits){0}, NULL) != AMPQL_OK)
        return 0;
    json_feed(&json, body.p, body.n, true);
    enum ampql_code code = AMPQL_OK;
    while ((code = json_next(&json, &token, NULL)) == AMPQL_OK && token.kind != JSON_END &&
           token.kind != JSON_MORE) {
        if (token.kind == JSON_KEY) {
            is_value = str_equal(token.text, STR("value"));
            in_status = str_equal(token.text, STR("status"));
        } else if (token.kind == JSON_STRING && in_status) {
            is_success = str_equal(token.text, STR("success"));
            in_status = false;
        } else if (token.kind == JSON_STRING && is_value) {
            found = token.text.n == 1 ? token.text.p[0] : 0;
            is_value = false;
        }
    }
    json_done(&json);
    return code == AMPQL_OK && token.kind == JSON_END && is_success ? found : 0;
}

static enum ampql_code check_answer(struct probe *p, const struct http_response *response,
                                    bool *is_reached, struct ampql_error *err)
{
    char count = read_count(response->body, p->doctor->arena->alc);
    if (count != '1' && count != '2') {
        struct ampql_error why = {0};
        struct str id = http_response_header(response, STR("x-amzn-requestid"));
        fail(&why, AMPQL_BAD_DATA, "%.*s: %zu bytes that are not what a Prometheus answers",
             STR_ARGS(p->origin), response->body.n);
        failure_tell_body(id, http_response_header(response, STR("content-type")), &why);
        return add_failure(p, "dialect", &why,
                           "is it the query API of a Prometheus, with the right path in front?",
                           err);
    }
    *is_reached = true;
    TRY(doctor_add(p->doctor, "connection", DOCTOR_OK, AMPQL_OK, err, NULL,
                   "%.*s answered in %lld ms", STR_ARGS(p->origin), (long long)p->took_ms));
    TRY(check_clock(p, response, err));
    return doctor_add(p->doctor, "dialect", DOCTOR_OK, AMPQL_OK, err, NULL,
                      count == '1' ? "prom3: ranges leave out their beginning"
                                   : "prom2: ranges have their beginning in them");
}

static enum ampql_code check_server(struct probe *p, bool *is_reached, struct ampql_error *err)
{
    struct http_response response = {0};
    struct ampql_error why = {0};
    bool is_fine;
    TRY(check_credentials(p, &is_fine, err));
    if (!is_fine)
        return AMPQL_OK;
    enum ampql_code code = ask(p, &response, &why);
    if (ends_all(code)) {
        if (err)
            *err = why;
        return code;
    }
    if (code != AMPQL_OK)
        return add_failure(p, "connection", &why, failure_advice(response.cause), err);
    if (response.status == 200)
        return check_answer(p, &response, is_reached, err);
    TRY(told_refusal(p, &response, err));
    return check_clock(p, &response, err);
}

/* ---- opening */

static enum ampql_code make_url(struct probe *p, const struct ampql_http_options *options,
                                struct ampql_error *err)
{
    struct url url;
    struct buf origin;
    const struct doctor_server *s = p->server;
    if (s->url) {
        p->url = str_of(s->url);
        while (p->url.n && p->url.p[p->url.n - 1] == '/')
            p->url.n--;
    } else {
        TRY(amp_url(p->doctor->arena, str_of(s->workspace), str_of(s->region),
                    str_of(options->endpoint ? options->endpoint : ""), &p->url, err));
    }
    TRY(url_split(p->url, &url, err));
    buf_init(&origin, p->doctor->arena->alc, SIZE_MAX / 2);
    buf_text(&origin, url.is_https ? "https://" : "http://");
    url_print_host(&origin, &url);
    p->origin = origin.failed ? (struct str){0} : arena_copy(p->doctor->arena, buf_view(&origin));
    buf_done(&origin);
    return p->origin.p ? AMPQL_OK : fail_nomem(err, "a URL");
}

static enum ampql_code open_probe(struct probe *p, const struct ampql_http_options *options,
                                  bool *is_open, struct ampql_error *err)
{
    struct http_settings settings;
    struct ampql_error why = {0};
    *is_open = false;
    TRY(make_url(p, options, err));
    TRY(http_settings_read(options, p->secrets, &settings, err));
    TRY(http_new(p->doctor->arena->alc, &settings.http, &p->http, err));
    enum ampql_code code =
        auth_open(p->doctor->arena->alc, &settings.auth, p->url, p->http, &p->auth, &why);
    *is_open = code == AMPQL_OK;
    if (code == AMPQL_UNAUTHORIZED)
        return add_failure(p, "credentials", &why, NULL, err);
    if (code != AMPQL_OK && err)
        *err = why;
    return code;
}

enum ampql_code doctor_server(struct doctor *doctor, const struct doctor_server *server,
                              bool *is_reached, struct ampql_error *err)
{
    struct aws_secret_allocator secret;
    struct arena secrets;
    struct ampql_http_options options = *server->options;
    struct probe p = {.doctor = doctor, .server = server, .secrets = &secrets};
    bool is_open = false;
    *is_reached = false;
    if (!server->url) {
        options.sign = true;
        options.region = server->region;
    }
    aws_secret_init(&secret, doctor->arena->alc);
    arena_init(&secrets, &secret.alc);
    enum ampql_code code = open_probe(&p, &options, &is_open, err);
    if (code == AMPQL_OK && is_open)
        code = check_server(&p, is_reached, err);
    auth_close(p.auth);
    http_free(p.http);
    arena_done(&secrets);
    return code;
}

#else

enum ampql_code doctor_server(struct doctor *doctor, const struct doctor_server *server,
                              bool *is_reached, struct ampql_error *err)
{
    (void)doctor;
    (void)server;
    *is_reached = false;
    return fail(err, AMPQL_UNSUPPORTED, "built without HTTP");
}

#endif
