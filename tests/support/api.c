/* The query API in memory. */
#include "support/api.h"

#include "base/number.h"
#include "base/regex.h"
#include "series/sample.h"
#include "source/url.h"
#include "support/collect.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_BODY = 1 << 26, LOOKBACK_MS = 300000 };

/* ---- evaluation */

static struct str label_of(const struct test_series *s, struct str name)
{
    for (size_t i = 0; i < s->nlabels; i++)
        if (str_equal(str_view(s->labels[i].name), name))
            return str_view(s->labels[i].value);
    return (struct str){"", 0};
}

static bool regex_says(struct str source, struct str value)
{
    struct regex *regex;
    if (regex_new(&alloc_default, source, REGEX_DOT_ALL, &regex, NULL) != AMPQL_OK)
        abort();
    bool is_match = regex_match(regex, value);
    regex_free(regex);
    return is_match;
}

bool api_matches(const struct test_series *series, const struct ampql_matcher *matchers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str value = label_of(series, str_view(matchers[i].name));
        bool is_regex =
            matchers[i].op == AMPQL_MATCH_REGEX || matchers[i].op == AMPQL_MATCH_NOT_REGEX;
        bool is_match = is_regex ? regex_says(str_view(matchers[i].value), value)
                                 : str_equal(str_view(matchers[i].value), value);
        bool wants = matchers[i].op == AMPQL_MATCH_EQUAL || matchers[i].op == AMPQL_MATCH_REGEX;
        if (is_match != wants)
            return false;
    }
    return true;
}

/* What an instant selector sees at t. */
static bool look_back(const struct test_series *s, enum ampql_dialect dialect, int64_t lookback,
                      int64_t t, size_t *found)
{
    size_t n = 0;
    while (n < s->n && s->t_ms[n] <= t)
        n++;
    if (n == 0 || is_stale(s->v[n - 1]))
        return false;
    *found = n - 1;
    int64_t age = t - s->t_ms[n - 1];
    return dialect == AMPQL_PROM2 ? age <= lookback : age < lookback;
}

void api_expect(const struct api *api, const struct ampql_select *select, struct buf *out)
{
    struct str name = STR("__name__");
    for (size_t k = 0; k < api->n; k++) {
        const struct test_series *s = &api->series[k];
        size_t before = out->n, nsamples = 0, i = 0;
        if (!api_matches(s, select->matchers, select->nmatchers))
            continue;
        struct str metric = label_of(s, name);
        const char *between = "{";
        buf_str(out, metric);
        for (size_t j = 0; j < s->nlabels; j++) {
            if (str_equal(str_view(s->labels[j].name), name))
                continue;
            buf_format(out, "%s%.*s=\"%.*s\"", between, STR_ARGS(str_view(s->labels[j].name)),
                       STR_ARGS(str_view(s->labels[j].value)));
            between = ", ";
        }
        buf_text(out, *between == '{' ? "{}" : "}");
        char text[NUMBER_MAX];
        if (select->kind == AMPQL_SELECT_RAW) {
            for (i = 0; i < s->n; i++) {
                if (s->t_ms[i] <= select->mint_ms || s->t_ms[i] > select->maxt_ms ||
                    is_stale(s->v[i]))
                    continue;
                number_format(s->v[i], text);
                buf_format(out, " %s@%lld", text, (long long)s->t_ms[i]);
                nsamples++;
            }
        } else {
            int64_t step = select->end_ms > select->start_ms ? select->step_ms : 1;
            for (int64_t t = select->start_ms; t <= select->end_ms; t += step) {
                if (!look_back(s, api->dialect, select->lookback_ms, t, &i))
                    continue;
                number_format(
                    select->kind == AMPQL_SELECT_GRID ? s->v[i] : (double)s->t_ms[i] / 1000, text);
                buf_format(out, " %s@%lld", text, (long long)t);
                nsamples++;
            }
        }
        buf_byte(out, '\n');
        if (nsamples == 0)
            out->n = before;
    }
    buf_byte(out, '\0');
}

/* ---- requests */

struct transfer {
    struct api *api;
    enum api_fault fault;
    bool is_open;
    int status;
    struct buf body;
    size_t at;
    enum http_cause cause;
    bool is_denied;
};

/* A parameter of a form, decoded, NUL-terminated; empty when it is not there. */
static void parameter(const struct api *api, struct str form, const char *name, struct buf *out)
{
    size_t n = strlen(name);
    out->n = 0;
    while (form.n) {
        const char *end = memchr(form.p, '&', form.n);
        struct str pair = str_make(form.p, end ? (size_t)(end - form.p) : form.n);
        if (pair.n > n && memcmp(pair.p, name, n) == 0 && pair.p[n] == '=')
            url_decode(out, str_from(pair, n + 1));
        form = str_from(form, end ? pair.n + 1 : pair.n);
    }
    buf_byte(out, '\0');
    (void)api;
}

static int64_t ms_of(const char *text)
{
    return *text ? (int64_t)(strtod(text, NULL) * 1000 + (*text == '-' ? -0.5 : 0.5)) : 0;
}

struct question {
    char selector[1024];
    int64_t range_ms, offset_ms, time_ms, start_ms, end_ms, step_ms, lookback_ms;
    bool is_range, is_timestamp;
};

static void put_labels(struct buf *out, const struct test_series *s, bool without_name)
{
    const char *between = "{";
    for (size_t i = 0; i < s->nlabels; i++) {
        if (without_name && str_equal(str_view(s->labels[i].name), STR("__name__")))
            continue;
        buf_format(out, "%s\"%.*s\":\"%.*s\"", between, STR_ARGS(str_view(s->labels[i].name)),
                   STR_ARGS(str_view(s->labels[i].value)));
        between = ",";
    }
    buf_text(out, *between == '{' ? "{}" : "}");
}

static void put_sample(struct buf *out, int64_t t, double v)
{
    char time[NUMBER_MAX], value[NUMBER_MAX];
    number_format_seconds(t, time);
    number_format(v, value);
    buf_format(out, "[%s,\"%s\"]", time, value);
}

/* The values of one series, in brackets; their number. */
static size_t put_values(const struct api *api, const struct question *q,
                         const struct test_series *s, struct buf *out)
{
    size_t n = 0, i = 0;
    if (q->range_ms) {
        int64_t from = q->time_ms - q->range_ms;
        for (i = 0; i < s->n; i++) {
            bool is_in = s->t_ms[i] <= q->time_ms &&
                         (api->dialect == AMPQL_PROM2 ? s->t_ms[i] >= from : s->t_ms[i] > from);
            if (!is_in || is_stale(s->v[i]))
                continue;
            if (n++)
                buf_byte(out, ',');
            put_sample(out, s->t_ms[i], s->v[i]);
        }
        return n;
    }
    for (int64_t t = q->start_ms; t <= q->end_ms; t += q->step_ms) {
        if (!look_back(s, api->dialect, q->lookback_ms, t - q->offset_ms, &i))
            continue;
        if (n++)
            buf_byte(out, ',');
        put_sample(out, t, q->is_timestamp ? (double)s->t_ms[i] / 1000 : s->v[i]);
    }
    return n;
}

static void refuse(struct transfer *t, int status, const char *type, const char *text)
{
    t->status = status;
    t->body.n = 0;
    buf_format(&t->body, "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":\"%s\"}", type,
               text);
}

static void evaluate(struct transfer *t, struct question *q)
{
    struct api *api = t->api;
    struct ampql_matcher matchers[16];
    size_t nmatchers = collect_matchers(q->selector, matchers);
    size_t total = 0, nseries = 0;
    if (nmatchers == SIZE_MAX) {
        refuse(t, 400, "bad_data", "parse error");
        return;
    }
    bool is_vector = !q->is_range && !q->range_ms;
    if (is_vector) {
        q->start_ms = q->end_ms = q->time_ms;
        q->step_ms = 1;
    } else if (q->is_range && api->floors) {
        q->start_ms = q->start_ms / q->step_ms * q->step_ms;
        q->end_ms = q->end_ms / q->step_ms * q->step_ms;
    }
    if (q->is_range && (q->end_ms - q->start_ms) / q->step_ms > 11000) {
        refuse(t, 400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries.");
        return;
    }
    buf_format(&t->body, "{\"status\":\"success\",\"data\":{\"resultType\":\"%s\",\"result\":[",
               is_vector ? "vector" : "matrix");
    size_t first = api->shuffles && api->n ? api->nrequests % api->n : 0;
    for (size_t k = 0; k < api->n; k++) {
        const struct test_series *s = &api->series[(k + first) % api->n];
        size_t before = t->body.n;
        if (!api_matches(s, matchers, nmatchers))
            continue;
        buf_text(&t->body, nseries ? ",{\"metric\":" : "{\"metric\":");
        put_labels(&t->body, s, q->is_timestamp);
        buf_text(&t->body, is_vector ? ",\"value\":" : ",\"values\":[");
        size_t n = put_values(api, q, s, &t->body);
        buf_text(&t->body, is_vector ? "}" : "]}");
        total += n;
        if (n)
            nseries++;
        else
            t->body.n = before;
    }
    buf_format(&t->body,
               "],\"stats\":{\"timings\":{\"x\":1},\"samples\":{\"totalQueryableSamplesPerStep\":"
               "[[1,2]],\"totalQueryableSamples\":%zu}}}}\n",
               total);
    if (api->max_series && nseries > api->max_series)
        refuse(t, 422, "execution", "the query hit the max number of series limit");
    else if (api->max_samples && total > api->max_samples)
        refuse(t, 422, "execution",
               "query processing would load too many samples into memory in query execution");
    else if (api->max_bytes && t->body.n > api->max_bytes) {
        t->status = 413;
        t->body.n = 0;
        buf_format(&t->body, "response larger than the max (9 vs %zu)\n", api->max_bytes);
    } else {
        api->billed += total;
    }
}

static void answer_query(struct transfer *t, struct str path, struct str form)
{
    struct api *api = t->api;
    struct buf text;
    struct question q = {.lookback_ms = LOOKBACK_MS};
    buf_init(&text, &alloc_default, 1 << 20);
    q.is_range = str_equal(path, STR("/api/v1/query_range"));
    parameter(api, form, "time", &text);
    q.time_ms = ms_of(text.p);
    parameter(api, form, "start", &text);
    q.start_ms = ms_of(text.p);
    parameter(api, form, "end", &text);
    q.end_ms = ms_of(text.p);
    parameter(api, form, "step", &text);
    q.step_ms = strstr(text.p, "ms") ? atoll(text.p) : ms_of(text.p);
    parameter(api, form, "lookback_delta", &text);
    if (api->takes_lookback && text.p[0]) {
        q.lookback_ms = strstr(text.p, "ms") ? atoll(text.p) : ms_of(text.p);
        if (q.lookback_ms == 0) {
            refuse(t, 400, "bad_data", "error parsing lookback delta duration");
            goto done;
        }
    }
    parameter(api, form, "query", &text);
    snprintf(api->last, sizeof api->last, "%.*s %s", STR_ARGS(path), text.p);
    api->has_cut = api->has_cut || strstr(text.p, "!~");
    api->has_offset = api->has_offset || strstr(text.p, " offset ");
    if (strcmp(text.p, "count_over_time(vector(1)[1m:1m])") == 0) {
        buf_format(&t->body,
                   "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{"
                   "\"metric\":{},\"value\":[1,\"%d\"]}]}}",
                   api->dialect == AMPQL_PROM2 ? 2 : 1);
        goto done;
    }
    if (strcmp(text.p, "vector(1)") == 0) {
        int64_t at = api->floors && q.is_range ? q.start_ms / q.step_ms * q.step_ms : q.start_ms;
        buf_format(&t->body,
                   "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{"
                   "\"metric\":{},\"values\":[[%lld,\"1\"]]}]}}",
                   (long long)(at / 1000));
        goto done;
    }
    char *p = text.p, *end;
    if (strncmp(p, "timestamp(", 10) == 0) {
        q.is_timestamp = true;
        p += 10;
        p[strlen(p) - 1] = '\0';
    }
    if ((end = strstr(p, " offset "))) {
        q.offset_ms = atoll(end + 8);
        *end = '\0';
    }
    if (p[strlen(p) - 1] == ']') {
        end = strrchr(p, '[');
        q.range_ms = atoll(end + 1);
        *end = '\0';
    }
    snprintf(q.selector, sizeof q.selector, "%s", p);
    evaluate(t, &q);
done:
    buf_done(&text);
}

static bool is_in_window(const struct api *api, const struct test_series *s, struct str form)
{
    struct buf text;
    buf_init(&text, &alloc_default, 1 << 20);
    parameter(api, form, "start", &text);
    int64_t start = text.p[0] ? ms_of(text.p) : INT64_MIN;
    parameter(api, form, "end", &text);
    int64_t end = text.p[0] ? ms_of(text.p) : INT64_MAX;
    buf_done(&text);
    for (size_t i = 0; i < s->n; i++)
        if (s->t_ms[i] >= start && s->t_ms[i] <= end)
            return true;
    return false;
}

/* /labels, /label/<name>/values, /series: what those have in common. */
static void answer_labels(struct transfer *t, struct str path, struct str form)
{
    struct api *api = t->api;
    struct buf match, seen;
    struct ampql_matcher matchers[16];
    buf_init(&match, &alloc_default, 1 << 20);
    buf_init(&seen, &alloc_default, 1 << 20);
    parameter(api, form, "match%5B%5D", &match);
    if (match.n == 1)
        parameter(api, form, "match[]", &match);
    size_t n = collect_matchers(match.p, matchers);
    bool is_series = str_has_suffix(path, STR("/series"));
    struct str name = STR("");
    if (str_has_prefix(path, STR("/api/v1/label/")))
        name = str_make(path.p + 14, path.n - 14 - 7);
    const char *between = "";
    buf_text(&t->body, "{\"status\":\"success\",\"data\":[");
    for (size_t k = 0; k < api->n && n != SIZE_MAX; k++) {
        const struct test_series *s = &api->series[k];
        if (!api_matches(s, matchers, n) || !is_in_window(api, s, form))
            continue;
        if (is_series) {
            buf_text(&t->body, between);
            put_labels(&t->body, s, false);
            between = ",";
        }
        for (size_t i = 0; !is_series && i < s->nlabels; i++) {
            char item[300];
            bool is_it = str_equal(str_view(s->labels[i].name), name);
            if (name.n && !is_it)
                continue;
            struct str what = str_view(name.n ? s->labels[i].value : s->labels[i].name);
            snprintf(item, sizeof item, "\"%.*s\"", STR_ARGS(what));
            buf_byte(&seen, '\0');
            seen.n--;
            if (seen.p && strstr(seen.p, item))
                continue;
            buf_text(&seen, item);
            buf_format(&t->body, "%s%s", between, item);
            between = ",";
        }
    }
    buf_text(&t->body, "]}");
    buf_done(&match);
    buf_done(&seen);
}

/* ---- the transport */

static enum ampql_code check_poll(struct api *api, struct ampql_error *err)
{
    if (api->poll_error.code != AMPQL_OK) {
        if (err)
            *err = api->poll_error;
        return api->poll_error.code;
    }
    return api->poll ? api->poll(api->poll_payload, err) : AMPQL_OK;
}

static enum ampql_code start(void *payload, const struct http_request *request, int64_t now_ms,
                             void **transfer, struct ampql_error *err)
{
    struct api *api = payload;
    struct transfer *t = alloc_get(&api->alc, 1, sizeof *t);
    if (!t)
        return fail_nomem(err, "a transfer");
    *t = (struct transfer){.api = api, .status = 200};
    /* bodies do not count: the library does not make them */
    buf_init(&t->body, &alloc_default, MAX_BODY);
    struct str rest = request->url, form = request->body;
    const char *path = strstr(rest.p, "/api/v1/");
    rest = str_from(rest, (size_t)(path - rest.p));
    const char *question = memchr(rest.p, '?', rest.n);
    if (question) {
        form = str_from(rest, (size_t)(question - rest.p) + 1);
        rest.n = (size_t)(question - rest.p);
    }
    size_t at = api->nrequests++;
    api->last_start_ms = now_ms;
    if (api->nanswers) {
        const struct api_answer *a = &api->answers[at < api->nanswers ? at : api->nanswers - 1];
        t->status = a->status;
        buf_str(&t->body, a->body);
    } else if (str_has_prefix(rest, STR("/api/v1/query"))) {
        size_t number = api->nqueries++;
        answer_query(t, rest, form);
        if (number >= api->fault_from && number - api->fault_from < api->fault_count)
            t->fault = api->fault;
    } else {
        answer_labels(t, rest, form);
    }
    bool is_denied =
        t->fault == API_DENY && api->nrefreshed == 0 &&
        llabs(now_ms - api->now_ms - api->server_ahead_ms) > (api->server_ahead_ms ? 300000 : -1);
    if (t->fault == API_ANSWER || is_denied) {
        t->status = is_denied ? 403 : api->status;
        t->is_denied = is_denied;
        t->body.n = 0;
        buf_text(&t->body, api->body);
    } else if (t->fault == API_TRAILING) {
        buf_text(&t->body, api->body);
    }
    if (++api->nopen > api->most_open)
        api->most_open = api->nopen;
    *transfer = t;
    return AMPQL_OK;
}

static enum ampql_code broken(struct transfer *t, enum http_cause cause, enum ampql_code code,
                              struct ampql_error *err)
{
    t->cause = cause;
    return fail(err, code, "h: broken, cause %d", (int)cause);
}

static enum ampql_code status(void *transfer, int *out, struct ampql_error *err)
{
    struct transfer *t = transfer;
    TRY(check_poll(t->api, err));
    switch (t->fault) {
    case API_CONNECT:
        return broken(t, HTTP_CAUSE_CONNECT, AMPQL_UNAVAILABLE, err);
    case API_RESET:
        return broken(t, HTTP_CAUSE_RESET, AMPQL_UNAVAILABLE, err);
    case API_TIMEOUT:
        return broken(t, HTTP_CAUSE_TIMEOUT, AMPQL_UNAVAILABLE, err);
    case API_TLS:
        return broken(t, HTTP_CAUSE_TLS, AMPQL_UNAVAILABLE, err);
    default:
        *out = t->status;
        return AMPQL_OK;
    }
}

static struct str header(void *transfer, struct str name)
{
    struct transfer *t = transfer;
    if (str_equal(name, STR("date")) && t->is_denied && t->api->server_ahead_ms)
        return STR("Fri, 02 Jan 2026 03:14:05 GMT");
    if (t->status != 200 && t->api->header_name && str_equal(name, str_of(t->api->header_name)))
        return str_of(t->api->header_value);
    return (struct str){0};
}

static enum ampql_code read_some(void *transfer, char *buffer, size_t size, size_t *n,
                                 struct ampql_error *err)
{
    struct transfer *t = transfer;
    TRY(check_poll(t->api, err));
    size_t end = t->body.n;
    bool is_cut = t->fault == API_CUT || t->fault == API_SHORT;
    if (is_cut && t->api->cut_at < end)
        end = t->api->cut_at;
    *n = end - t->at;
    if (*n > size)
        *n = size;
    if (t->api->piece && *n > t->api->piece)
        *n = t->api->piece;
    if (*n == 0 && t->fault == API_CUT)
        return broken(t, HTTP_CAUSE_CUT, AMPQL_UNAVAILABLE, err);
    if (*n)
        memcpy(buffer, t->body.p + t->at, *n);
    t->at += *n;
    return AMPQL_OK;
}

static enum http_cause failure(void *transfer)
{
    return ((struct transfer *)transfer)->cause;
}

static bool is_ready(void *transfer)
{
    (void)transfer;
    return false;
}

static uint64_t bytes(void *transfer)
{
    return ((struct transfer *)transfer)->at;
}

static void end(void *transfer)
{
    struct transfer *t = transfer;
    struct api *api = t->api;
    api->nopen--;
    buf_done(&t->body);
    alloc_put(&api->alc, t, 1, sizeof *t);
}

static enum ampql_code wait_ms(void *payload, int64_t ms, struct ampql_error *err)
{
    struct api *api = payload;
    TRY(check_poll(api, err));
    api->now_ms += ms;
    api->waited_ms += ms;
    return check_poll(api, err);
}

static void set_poll(void *payload, http_poll *poll, void *poll_payload)
{
    struct api *api = payload;
    api->poll = poll;
    api->poll_payload = poll_payload;
}

static enum ampql_code refresh(void *payload, int64_t now_ms, bool *renewed,
                               struct ampql_error *err)
{
    struct api *api = payload;
    (void)now_ms, (void)err;
    *renewed = true;
    api->nrefreshed++;
    return AMPQL_OK;
}

/* The word of every test's secret. */
static void redact(void *payload, char *text, size_t n)
{
    (void)payload;
    for (size_t at = 0; at + 6 <= n; at++)
        if (memcmp(text + at, "canary", 6) == 0)
            memset(text + at, '*', 6);
}

static int64_t now(void *payload)
{
    return ((struct api *)payload)->now_ms;
}

static uint64_t random_bits(void *payload)
{
    struct api *api = payload;
    return (uint64_t)api->nrequests * 7919;
}

static void close_api(void *payload)
{
    struct api *api = payload;
    if (api->nopen)
        abort(); /* a transfer was forgotten */
}

void api_transport(struct api *api, struct transport *out)
{
    *out = (struct transport){.payload = api,
                              .start = start,
                              .status = status,
                              .header = header,
                              .read = read_some,
                              .failure = failure,
                              .is_ready = is_ready,
                              .bytes = bytes,
                              .end = end,
                              .wait = wait_ms,
                              .set_poll = set_poll,
                              .refresh = refresh,
                              .redact = redact,
                              .now = now,
                              .monotonic = now,
                              .random = random_bits,
                              .close = close_api};
}
