/* Reading refusals, by tables: the first row that fits decides. */
#include "source/failure.h"

#include "base/json.h"
#include "base/quote.h"
#include "base/time.h"

#include <stdio.h>

const struct retry_policy retry_policy_default = {
    .max_retries = 5, .base_ms = 200, .cap_ms = 10000, .max_waited_ms = 60000};

/* ---- the table */

struct rule {
    int low, high;    /* statuses */
    const char *says; /* small letters, looked for in any case in body and error type; NULL: all */
    enum failure_action action;
    enum ampql_code code;
    bool may_split;
    const char *advice;
};

static const char advice_keys[] =
    "the secret access key does not belong to this access key id, or something on the way changed "
    "the request";
static const char advice_who[] = "the server wants to know who asks: give credentials";
static const char advice_refused[] = "are these the right credentials, and may they read here?";
static const char advice_rate[] =
    "the server is throttling: ask for less at once, or raise its quota";
static const char advice_small[] =
    "not even a small part of the answer fits into the server's limits: ask for fewer series";

/* clang-format off */
static const struct rule rules[] = {
    /* the money fuse: a smaller part would only spend it piece by piece */
    {400, 499, "max_samples_processed", FAILURE_FAIL, AMPQL_LIMIT, false,
     "the query would have read more samples than --max-billed-samples leaves"},
    {400, 499, "samples processed", FAILURE_FAIL, AMPQL_LIMIT, false,
     "the query would have read more samples than --max-billed-samples leaves"},

    {400, 429, "throttl", FAILURE_RETRY, AMPQL_UNAVAILABLE, false, advice_rate},
    {400, 429, "rate exceeded", FAILURE_RETRY, AMPQL_UNAVAILABLE, false, advice_rate},
    {429, 429, NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, false, advice_rate},

    {400, 403, "signature expired", FAILURE_CLOCK, AMPQL_UNAUTHORIZED, false,
     "the clocks here and there differ: set this machine's clock"},
    {400, 403, "signature not yet current", FAILURE_CLOCK, AMPQL_UNAUTHORIZED, false,
     "the clocks here and there differ: set this machine's clock"},
    {400, 403, "requesttimetooskewed", FAILURE_CLOCK, AMPQL_UNAUTHORIZED, false,
     "the clocks here and there differ: set this machine's clock"},
    {400, 403, "requestexpired", FAILURE_CLOCK, AMPQL_UNAUTHORIZED, false,
     "the clocks here and there differ: set this machine's clock"},
    {400, 403, "expiredtoken", FAILURE_REFRESH, AMPQL_UNAUTHORIZED, false,
     "the credentials have expired, and renewing them did not help"},
    {400, 403, "token included in the request is expired", FAILURE_REFRESH, AMPQL_UNAUTHORIZED, false,
     "the credentials have expired, and renewing them did not help"},
    {400, 403, "does not match the signature", FAILURE_FAIL, AMPQL_UNAUTHORIZED, false, advice_keys},
    {400, 403, "signaturedoesnotmatch", FAILURE_FAIL, AMPQL_UNAUTHORIZED, false, advice_keys},
    {400, 403, "should be scoped to a valid region", FAILURE_FAIL, AMPQL_UNAUTHORIZED, false,
     "the region is not the workspace's: amp:WORKSPACE@REGION, or --region"},
    {400, 403, "is not authorized", FAILURE_FAIL, AMPQL_UNAUTHORIZED, false,
     "the role needs aps:QueryMetrics, aps:GetSeries and aps:GetLabels for this workspace "
     "(AmazonPrometheusQueryAccess)"},
    {400, 403, "unrecognizedclient", FAILURE_FAIL, AMPQL_UNAUTHORIZED, false,
     "AWS does not know this access key: see `ampql whoami`"},
    {400, 403, "security token included in the request is invalid", FAILURE_FAIL, AMPQL_UNAUTHORIZED,
     false, "AWS does not know this access key: see `ampql whoami`"},
    {400, 403, "missing authentication token", FAILURE_FAIL, AMPQL_UNAUTHORIZED, false,
     "the server wants signed requests: name it as amp:WORKSPACE@REGION, or give --sign"},
    {401, 401, NULL, FAILURE_FAIL, AMPQL_UNAUTHORIZED, false,
     advice_who},
    {403, 403, NULL, FAILURE_FAIL, AMPQL_UNAUTHORIZED, false, advice_refused},
    {407, 407, NULL, FAILURE_FAIL, AMPQL_UNAUTHORIZED, false, "the proxy wants credentials"},

    {400, 422, "exceeded maximum resolution", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {400, 400, NULL, FAILURE_FAIL, AMPQL_EXECUTION, false, NULL},
    {404, 404, NULL, FAILURE_FAIL, AMPQL_UNAVAILABLE, false,
     "check the URL's path, or workspace and region"},
    {408, 408, NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, true, NULL},
    {413, 413, NULL, FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},

    {422, 422, "max number of series", FAILURE_SPLIT_LABELS, AMPQL_LIMIT, false, advice_small},
    {422, 422, "number of chunks", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {422, 422, "chunks limit", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {422, 422, "too many samples", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {422, 422, "data size limit", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {422, 422, "bytes limit", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {422, 422, "long day range", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {422, 422, "time range exceeds", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {422, 422, "response larger than", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {422, 422, "timed out", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {422, 422, "timeout", FAILURE_SPLIT, AMPQL_LIMIT, false, advice_small},
    {422, 422, NULL, FAILURE_FAIL, AMPQL_EXECUTION, false, NULL},

    {499, 500, NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, false, "the server failed, again and again"},
    {503, 503, "time", FAILURE_RETRY, AMPQL_UNAVAILABLE, true, "the query takes the server too long"},
    {502, 503, NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, false, "the server failed, again and again"},
    {504, 504, NULL, FAILURE_RETRY, AMPQL_UNAVAILABLE, true, "the query takes the server too long"},

    {300, 399, NULL, FAILURE_FAIL, AMPQL_UNAVAILABLE, false,
     "redirects are not followed: give the URL that the server means"},
    {200, 299, NULL, FAILURE_FAIL, AMPQL_BAD_DATA, false, "an answer has the status 200"},
    {0, 999, NULL, FAILURE_FAIL, AMPQL_UNAVAILABLE, false, NULL},
};
/* clang-format on */

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool says(struct str text, const char *what)
{
    size_t n = strlen(what);
    for (size_t at = 0; at + n <= text.n; at++) {
        size_t i = 0;
        while (i < n && small(text.p[at + i]) == what[i])
            i++;
        if (i == n)
            return true;
    }
    return false;
}

/* ---- what the body says */

struct said {
    char kind[64], text[328]; /* text quoted: AWS's refusals name who, what and which resource */
    bool has_text;
};

static void keep_kind(struct said *said, struct str kind)
{
    for (size_t i = 0; i < kind.n; i++)
        if (!((kind.p[i] >= 'a' && kind.p[i] <= 'z') || (kind.p[i] >= 'A' && kind.p[i] <= 'Z') ||
              kind.p[i] == '_' || kind.p[i] == '-'))
            kind.n = i; /* "ValidationException:http://..." */
    snprintf(said->kind, sizeof said->kind, "%.*s", (int)(kind.n < 60 ? kind.n : 60), kind.p);
}

static void keep_text(struct said *said, struct str text)
{
    quote_text(said->text, sizeof said->text, text);
    said->has_text = true;
}

/* Members of the top object: Prometheus's errorType and error, AWS's message. What is no JSON, or
 * cut off, gives nothing. */
static enum ampql_code read_json(const struct ampql_allocator *alc, struct str body,
                                 struct said *said, struct ampql_error *err)
{
    struct json json;
    struct json_token token;
    enum { NOTHING, KIND, TEXT } wanted = NOTHING;
    TRY(json_init(&json, alc, (struct json_limits){0}, err));
    json_feed(&json, body.p, body.n, true);
    enum ampql_code code = AMPQL_OK;
    for (size_t depth = 0; code == AMPQL_OK;) {
        code = json_next(&json, &token, err);
        if (code != AMPQL_OK || token.kind == JSON_END || token.kind == JSON_MORE)
            break;
        if (token.kind == JSON_KEY && depth == 1)
            wanted = str_equal(token.text, STR("errorType")) || str_equal(token.text, STR("__type"))
                         ? KIND
                     : str_equal(token.text, STR("error")) ||
                             str_equal(token.text, STR("message")) ||
                             str_equal(token.text, STR("Message"))
                         ? TEXT
                         : NOTHING;
        else if (token.kind == JSON_STRING && depth == 1 && wanted == KIND)
            keep_kind(said, token.text);
        else if (token.kind == JSON_STRING && depth == 1 && wanted == TEXT)
            keep_text(said, token.text);
        depth += token.kind == JSON_OBJECT || token.kind == JSON_ARRAY;
        depth -= token.kind == JSON_OBJECT_END || token.kind == JSON_ARRAY_END;
    }
    json_done(&json);
    return code == AMPQL_NOMEM ? code : AMPQL_OK;
}

static struct str trimmed(struct str s)
{
    while (s.n && (unsigned char)*s.p <= ' ')
        s = str_from(s, 1);
    while (s.n && (unsigned char)s.p[s.n - 1] <= ' ')
        s.n--;
    return s;
}

/* A proxy's page: its title says what there is to know. */
static struct str title_of(struct str page)
{
    for (size_t at = 0; at + 7 < page.n; at++) {
        if (!says(str_make(page.p + at, 7), "<title>"))
            continue;
        struct str rest = str_from(page, at + 7);
        const char *end = memchr(rest.p, '<', rest.n);
        return trimmed(str_make(rest.p, end ? (size_t)(end - rest.p) : rest.n));
    }
    return (struct str){0};
}

static enum ampql_code read_body(const struct ampql_allocator *alc, struct str body,
                                 struct said *said, struct ampql_error *err)
{
    body = trimmed(body);
    if (body.n && *body.p == '{')
        TRY(read_json(alc, body, said, err));
    if (said->has_text || body.n == 0)
        return AMPQL_OK;
    if (*body.p == '<') {
        struct str title = title_of(body);
        if (title.n)
            body = title;
    }
    keep_text(said, body);
    return AMPQL_OK;
}

/* ---- headers */

static bool digits(struct str s, size_t at, size_t n, int *out)
{
    *out = 0;
    for (size_t i = at; i < at + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        *out = *out * 10 + (s.p[i] - '0');
    }
    return true;
}

bool failure_parse_date(struct str text, int64_t *out)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int day, year, hour, minute, second;
    if (text.n != 29 || memcmp(text.p + 3, ", ", 2) != 0 || memcmp(text.p + 25, " GMT", 4) != 0 ||
        text.p[7] != ' ' || text.p[11] != ' ' || text.p[16] != ' ' || text.p[19] != ':' ||
        text.p[22] != ':' || !digits(text, 5, 2, &day) || !digits(text, 12, 4, &year) ||
        !digits(text, 17, 2, &hour) || !digits(text, 20, 2, &minute) ||
        !digits(text, 23, 2, &second))
        return false;
    for (int month = 0; month < 12; month++) {
        if (memcmp(text.p + 8, months + month * 3, 3) != 0)
            continue;
        char rfc3339[40];
        int n = snprintf(rfc3339, sizeof rfc3339, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month + 1,
                         day, hour, minute, second);
        return time_parse(str_make(rfc3339, (size_t)n), 0, out, NULL) == AMPQL_OK;
    }
    return false;
}

/* Seconds, or a date; -1 for what is neither. Large values stay large: the budget bounds them. */
static int64_t parse_retry_after(struct str text, int64_t server_now_ms)
{
    int64_t at, seconds = 0;
    text = trimmed(text);
    if (failure_parse_date(text, &at))
        return at > server_now_ms ? at - server_now_ms : 0;
    if (text.n == 0)
        return -1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        if (seconds < INT64_MAX / 100000)
            seconds = seconds * 10 + (text.p[i] - '0');
    }
    return seconds < INT64_MAX / 1000 ? seconds * 1000 : INT64_MAX;
}

/* ---- putting it together */

enum ampql_code failure_read(const struct ampql_allocator *alc, const struct failure_answer *answer,
                             int64_t now_ms, struct failure *out, struct ampql_error *err)
{
    struct said said = {0};
    *out = (struct failure){0};
    if (answer->error_type.n)
        keep_kind(&said, answer->error_type);
    TRY(read_body(alc, answer->body, &said, err));
    if (said.kind[0] && said.has_text)
        snprintf(out->text, sizeof out->text, "%s: %s", said.kind, said.text);
    else
        snprintf(out->text, sizeof out->text, "%s%s", said.kind, said.text);

    out->has_server_time = failure_parse_date(trimmed(answer->date), &out->server_time_ms);
    out->retry_after_ms =
        parse_retry_after(answer->retry_after, out->has_server_time ? out->server_time_ms : now_ms);
    const struct rule *rule = rules;
    while (answer->status < rule->low || answer->status > rule->high ||
           (rule->says && !says(answer->body, rule->says) && !says(answer->error_type, rule->says)))
        rule++; /* the last row fits all */
    out->action = rule->action;
    out->code = rule->code;
    out->may_split = rule->may_split;
    out->advice = rule->advice == advice_who && answer->asked_by.n ? advice_refused : rule->advice;
    if (out->action == FAILURE_CLOCK && !out->has_server_time)
        out->action = FAILURE_FAIL;
    return AMPQL_OK;
}

/* "request id ...", clipped; "" where there is none */
static void print_id(char *out, size_t size, struct str request_id)
{
    char quoted[72];
    *out = '\0';
    if (request_id.n == 0)
        return;
    quote_clipped(quoted, sizeof quoted, request_id);
    snprintf(out, size, "request id %.*s", (int)strlen(quoted) - 2, quoted + 1);
}

enum ampql_code failure_tell(const struct failure *failure, const struct failure_answer *answer,
                             struct str origin, struct ampql_error *err)
{
    char id[96], about[640] = "";
    struct str by = failure->code == AMPQL_UNAUTHORIZED ? answer->asked_by : STR("");
    print_id(id, sizeof id, answer->request_id);
    if (id[0] || by.n)
        snprintf(about, sizeof about, " (%s%s%.*s)", id, id[0] && by.n ? ", " : "",
                 (int)(by.n < 500 ? by.n : 500), by.p);
    return fail(err, failure->code, "%.*s: HTTP %d%s%s%s%s%s",
                (int)(origin.n < 100 ? origin.n : 100), origin.p, answer->status,
                failure->text[0] ? ", " : "", failure->text, about, failure->advice ? ": " : "",
                failure->advice ? failure->advice : "");
}

enum ampql_code failure_tell_body(struct str request_id, struct str content_type,
                                  struct ampql_error *err)
{
    char id[96];
    if (!err)
        return AMPQL_BAD_DATA;
    struct ampql_error inner = *err;
    bool is_page = content_type.n >= 9 && says(str_make(content_type.p, 9), "text/html");
    print_id(id, sizeof id, request_id);
    return fail(err, inner.code, "%.1200s (HTTP 200%s%s)%s", inner.message, id[0] ? ", " : "", id,
                is_page ? ": a page for people: a login, something in between, or a path that is "
                          "not the API's"
                        : "");
}

const char *failure_advice(enum http_cause cause)
{
    switch (cause) {
    case HTTP_CAUSE_RESOLVE:
        return "is the region or host spelt right, and does this machine resolve public names?";
    case HTTP_CAUSE_CONNECT:
    case HTTP_CAUSE_TIMEOUT:
        return "is the way out open: security groups, a VPC endpoint for aps-workspaces, a proxy?";
    case HTTP_CAUSE_TLS:
        return "is a proxy in between, whose authority --ca-file would name? Is it http rather?";
    case HTTP_CAUSE_PROTOCOL:
        return "is it https rather than http, or another kind of server?";
    case HTTP_CAUSE_NONE:
    case HTTP_CAUSE_RESET:
    case HTTP_CAUSE_CUT:
    case HTTP_CAUSE_LIMIT:
        break;
    }
    return NULL;
}

/* ---- waiting */

int64_t retry_wait(const struct retry_policy *policy, unsigned nretries, int64_t waited_ms,
                   int64_t retry_after_ms, uint64_t random)
{
    if (nretries >= policy->max_retries)
        return -1;
    int64_t ceiling = policy->base_ms;
    for (unsigned i = 0; i < nretries && ceiling < policy->cap_ms; i++)
        ceiling *= 2;
    if (ceiling > policy->cap_ms)
        ceiling = policy->cap_ms;
    int64_t wait = ceiling > 0 ? (int64_t)(random % (uint64_t)ceiling) : 0;
    if (retry_after_ms > wait)
        wait = retry_after_ms;
    return wait <= policy->max_waited_ms - waited_ms ? wait : -1;
}
