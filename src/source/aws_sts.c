/* STS's query protocol: a form goes there, XML comes back. */
#include "source/aws_sts.h"

#include "base/buf.h"
#include "source/aws_xml.h"
#include "source/failure.h"
#include "source/url.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- the form */

static void add(struct buf *form, const char *name, struct str value)
{
    if (form->n)
        buf_byte(form, '&');
    buf_text(form, name);
    buf_byte(form, '=');
    url_encode(form, value);
}

static enum ampql_code check_role(const struct aws_call *call, const struct aws_role *role,
                                  struct ampql_error *err)
{
    char quoted[320];
    struct str name = role->session_name;
    bool is_name = name.n == 0 || (name.n >= 2 && name.n <= 64);
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) &&
            (c == '\0' || !strchr("_+=,.@-", c)))
            is_name = false;
    }
    if (!is_name)
        return fail(err, AMPQL_BAD_DATA,
                    "%s: role session name %s: expected 2 to 64 letters, digits and _+=,.@-",
                    call->who, quote_clipped(quoted, sizeof quoted, name));
    if (!str_has_prefix(role->arn, STR("arn:")))
        return fail(err, AMPQL_BAD_DATA,
                    "%s: role %s: expected an ARN such as arn:aws:iam::123456789012:role/NAME",
                    call->who, quote_clipped(quoted, sizeof quoted, role->arn));
    return AMPQL_OK;
}

static void write_form(struct buf *form, const struct aws_role *role, struct str token,
                       int64_t now_ms)
{
    char text[64];
    add(form, "Action", token.n ? STR("AssumeRoleWithWebIdentity") : STR("AssumeRole"));
    add(form, "Version", STR("2011-06-15"));
    add(form, "RoleArn", role->arn);
    snprintf(text, sizeof text, "ampql-%" PRId64, now_ms / 1000);
    add(form, "RoleSessionName", role->session_name.n ? role->session_name : str_of(text));
    if (token.n)
        add(form, "WebIdentityToken", token);
    if (role->duration_s) {
        snprintf(text, sizeof text, "%" PRId64, role->duration_s);
        add(form, "DurationSeconds", str_of(text));
    }
    if (role->external_id.n)
        add(form, "ExternalId", role->external_id);
}

/* ---- refusals */

static const struct refusal_row {
    const char *name;
    enum ampql_code code;
    const char *advice;
} refusals[] = {
    {"ExpiredTokenException", AMPQL_UNAUTHORIZED,
     "the token has expired; look whether its file is renewed, and at this machine's clock"},
    {"ExpiredToken", AMPQL_UNAUTHORIZED, "the session token has expired; get new credentials"},
    {"InvalidIdentityToken", AMPQL_UNAUTHORIZED,
     "the account knows no OIDC provider for this cluster's issuer, or the token has another "
     "audience than sts.amazonaws.com"},
    {"IDPRejectedClaim", AMPQL_UNAUTHORIZED,
     "the identity provider rejected the token; it may have been revoked"},
    {"IDPCommunicationError", AMPQL_UNAVAILABLE,
     "STS could not reach the identity provider; try again"},
    {"AccessDenied", AMPQL_UNAUTHORIZED,
     "the role's trust policy must name this caller (for IRSA the service account), and an "
     "external "
     "id if it asks for one"},
    {"RegionDisabledException", AMPQL_UNAUTHORIZED,
     "STS is not active in this region: activate it in the account, or set "
     "AWS_STS_REGIONAL_ENDPOINTS=legacy"},
    {"InvalidClientTokenId", AMPQL_UNAUTHORIZED,
     "AWS knows no such access key: deleted, inactive, or of another partition"},
    {"SignatureDoesNotMatch", AMPQL_UNAUTHORIZED,
     "the secret key does not belong to the access key, or this machine's clock is wrong"},
    {"RequestExpired", AMPQL_UNAUTHORIZED, "this machine's clock is wrong"},
    {"MalformedPolicyDocument", AMPQL_UNAUTHORIZED, "the session policy is malformed"},
    {"PackedPolicyTooLarge", AMPQL_UNAUTHORIZED, "session policy and tags are too large"},
    {"ValidationError", AMPQL_UNAUTHORIZED,
     "look at the role's ARN, session name, duration and external id"},
    {"Throttling", AMPQL_UNAVAILABLE, "try again later"},
};

static const struct refusal_row *find_refusal(struct str code)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (str_equal(code, str_of(refusals[i].name)))
            return &refusals[i];
    return NULL;
}

/* What an ErrorResponse says; texts that are not there stay empty. */
static enum ampql_code read_refusal(const struct aws_call *call,
                                    const struct http_response *response, struct aws_refusal *out,
                                    struct ampql_error *err)
{
    const struct {
        const char *name;
        struct str *text;
    } parts[] = {{"Code", &out->code}, {"Message", &out->message}, {"RequestId", &out->request_id}};
    *out =
        (struct aws_refusal){.status = response->status,
                             .request_id = http_response_header(response, STR("x-amzn-requestid"))};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        enum ampql_code code =
            aws_xml_text(response->body, str_of(parts[i].name), call->arena, parts[i].text, err);
        if (code == AMPQL_NOMEM)
            return code;
        if (code == AMPQL_BAD_DATA && i == 0) {
            out->message = response->body; /* a proxy's page */
            break;
        }
    }
    return AMPQL_OK;
}

static enum ampql_code refused(const struct aws_call *call, const struct http_response *response,
                               struct ampql_error *err)
{
    struct aws_refusal refusal;
    TRY(read_refusal(call, response, &refusal, err));
    const struct refusal_row *row = find_refusal(refusal.code);
    enum ampql_code code = response->status >= 500  ? AMPQL_UNAVAILABLE
                           : response->status < 400 ? AMPQL_BAD_DATA
                                                    : AMPQL_UNAUTHORIZED;
    if (row) {
        code = row->code;
        refusal.advice = row->advice;
    }
    return aws_call_refused(call, &refusal, code, err);
}

/* ---- the exchange */

/* Does the answer refuse the signature's time? Then by how much the clock is off. */
static bool is_skewed(const struct aws_call *call, const struct http_response *response,
                      int64_t now_ms, int64_t *offset_ms)
{
    struct aws_refusal refusal;
    int64_t server_ms;
    if (response->status != 400 && response->status != 403)
        return false;
    if (read_refusal(call, response, &refusal, NULL) != AMPQL_OK ||
        !failure_parse_date(http_response_header(response, STR("date")), &server_ms))
        return false;
    bool is_time = str_equal(refusal.code, STR("SignatureDoesNotMatch")) ||
                   str_equal(refusal.code, STR("RequestExpired")) ||
                   str_equal(refusal.code, STR("RequestTimeTooSkewed"));
    *offset_ms = server_ms - now_ms;
    return is_time && (*offset_ms > 240000 || *offset_ms < -240000);
}

static enum ampql_code post(const struct aws_call *call, const struct aws_sts *sts, struct str form,
                            const struct aws_credentials *credentials, int64_t now_ms,
                            struct http_response *out, struct ampql_error *err)
{
    struct http_header headers[5] = {
        {STR("content-type"), STR("application/x-www-form-urlencoded; charset=utf-8"), false},
        {STR("accept"), STR("text/xml"), false},
    };
    struct http_request request = {.method = STR("POST"),
                                   .url = sts->url,
                                   .headers = headers,
                                   .nheaders = 2,
                                   .body = form,
                                   .body_is_secret = true,
                                   .timeout_ms = 20000,
                                   .connect_ms = 5000};
    if (credentials) {
        struct sigv4 sigv4 = {sts->region, STR("sts"), credentials, now_ms, false};
        struct sigv4_signed signed_request;
        enum ampql_code code = sigv4_sign(&sigv4, &request, call->arena, &signed_request, err);
        if (code != AMPQL_OK)
            return aws_call_name(call->who, code, err);
        request.url = signed_request.url;
        for (size_t i = 0; i < signed_request.nheaders; i++)
            headers[request.nheaders++] = signed_request.headers[i];
    }
    return aws_call_send(call, &request, out, err);
}

/* One answer of status 200, after a correction of the clock where that is what is wrong, and after
 * waiting for an identity provider that STS could not reach. */
static enum ampql_code ask(const struct aws_call *call, const struct aws_sts *sts, struct str form,
                           const struct aws_credentials *credentials, int64_t now_ms,
                           struct http_response *out, struct ampql_error *err)
{
    int64_t offset_ms = 0;
    struct aws_refusal refusal;
    TRY(post(call, sts, form, credentials, now_ms, out, err));
    if (credentials && is_skewed(call, out, now_ms, &offset_ms))
        TRY(post(call, sts, form, credentials, now_ms + offset_ms, out, err));
    int64_t wait_ms = call->wait_ms;
    for (unsigned i = 1; i < call->tries && out->status == 400; i++, wait_ms *= 2) {
        TRY(read_refusal(call, out, &refusal, err));
        if (!str_equal(refusal.code, STR("IDPCommunicationError")) &&
            !str_equal(refusal.code, STR("Throttling")))
            break;
        TRY(http_wait_ms(call->http, wait_ms, err));
        TRY(post(call, sts, form, credentials, now_ms + offset_ms, out, err));
    }
    return out->status == 200 ? AMPQL_OK : refused(call, out, err);
}

/* ---- answers */

static enum ampql_code not_sts(const struct aws_call *call, const struct http_response *response,
                               enum ampql_code code, struct ampql_error *err)
{
    struct ampql_error why = {0};
    if (code == AMPQL_NOMEM)
        return code;
    if (err)
        why = *err;
    struct aws_refusal refusal = {.status = response->status,
                                  .request_id =
                                      http_response_header(response, STR("x-amzn-requestid")),
                                  .message = str_of(why.message),
                                  .advice = "that is not how STS answers; is something in between, "
                                            "or AWS_ENDPOINT_URL_STS another server?"};
    return aws_call_refused(call, &refusal, AMPQL_BAD_DATA, err);
}

enum ampql_code aws_sts_read_credentials(struct str xml, struct arena *arena,
                                         struct aws_credentials *out, struct ampql_error *err)
{
    struct str inside, expiration;
    *out = (struct aws_credentials){0};
    TRY(aws_xml_find(xml, STR("Credentials"), &inside, err));
    TRY(aws_xml_text(inside, STR("AccessKeyId"), arena, &out->access_key_id, err));
    TRY(aws_xml_text(inside, STR("SecretAccessKey"), arena, &out->secret_access_key, err));
    TRY(aws_xml_text(inside, STR("SessionToken"), arena, &out->session_token, err));
    TRY(aws_xml_text(inside, STR("Expiration"), arena, &expiration, err));
    if (!aws_parse_time(expiration, &out->expires_ms))
        return fail(err, AMPQL_BAD_DATA, "an expiration that is no time");
    if (out->access_key_id.n == 0 || out->secret_access_key.n == 0 || out->session_token.n == 0)
        return fail(err, AMPQL_BAD_DATA, "an empty key or token");
    return AMPQL_OK;
}

enum ampql_code aws_sts_assume(const struct aws_call *call, const struct aws_sts *sts,
                               const struct aws_role *role,
                               const struct aws_credentials *credentials, struct str token,
                               int64_t now_ms, struct aws_credentials *out, struct ampql_error *err)
{
    struct http_response response;
    struct buf form;
    TRY(check_role(call, role, err));
    buf_init(&form, call->arena->alc, SIZE_MAX / 2);
    write_form(&form, role, token, now_ms);
    enum ampql_code code =
        form.failed ? fail_nomem(err, "a request to STS")
                    : ask(call, sts, buf_view(&form), credentials, now_ms, &response, err);
    buf_done(&form);
    if (code != AMPQL_OK)
        return code;
    code = aws_sts_read_credentials(response.body, call->arena, out, err);
    return code == AMPQL_OK ? code : not_sts(call, &response, code, err);
}

enum ampql_code aws_sts_identity(const struct aws_call *call, const struct aws_sts *sts,
                                 const struct aws_credentials *credentials, int64_t now_ms,
                                 struct aws_identity *out, struct ampql_error *err)
{
    struct http_response response;
    TRY(ask(call, sts, STR("Action=GetCallerIdentity&Version=2011-06-15"), credentials, now_ms,
            &response, err));
    enum ampql_code code =
        aws_xml_text(response.body, STR("Account"), call->arena, &out->account, err);
    if (code == AMPQL_OK)
        code = aws_xml_text(response.body, STR("Arn"), call->arena, &out->arn, err);
    if (code == AMPQL_OK)
        code = aws_xml_text(response.body, STR("UserId"), call->arena, &out->user_id, err);
    return code == AMPQL_OK ? code : not_sts(call, &response, code, err);
}
