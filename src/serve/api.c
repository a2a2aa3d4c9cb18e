/* Answers in the words of Prometheus's web/api/v1, whose status codes and messages clients know. */
#include "serve/api.h"

#include "base/duration.h"
#include "base/json.h"
#include "base/number.h"
#include "base/time.h"
#include "series/labels.h"
#include "serve/parts.h"

#include <assert.h>
#include <stdio.h>

/* ---- errors */

static int status_of(enum ampql_code code)
{
    switch (code) {
    case AMPQL_PARSE:
    case AMPQL_BAD_DATA:
        return 400;
    case AMPQL_EXECUTION:
    case AMPQL_LIMIT:
    case AMPQL_UNSUPPORTED:
    case AMPQL_NOT_FOUND: /* by a capture: the data is not there to be evaluated */
        return 422;
    case AMPQL_UNAUTHORIZED: /* we are, by the source: no fault of the client's */
        return 502;
    case AMPQL_TIMEOUT:
    case AMPQL_CANCELED:
    case AMPQL_UNAVAILABLE:
        return 503;
    default:
        return 500;
    }
}

static const char *type_of(enum ampql_code code, int status)
{
    return status == 400                ? "bad_data"
           : status == 422              ? "execution"
           : status == 404              ? "not_found"
           : code == AMPQL_UNAUTHORIZED ? "unavailable"
                                        : ampql_code_name(code);
}

void serve_api_fail(struct serve_answer *out, int status, const struct ampql_error *err,
                    const char *what)
{
    out->status = status ? status : status_of(err->code);
    out->code = err->code;
    out->type = "application/json";
    out->body.n = 0;
    out->body.failed = AMPQL_OK;
    buf_format(&out->body, "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":\"",
               type_of(err->code, out->status));
    json_escape(&out->body, str_of(what));
    json_escape(&out->body, str_of(err->message));
    buf_text(&out->body, "\"}");
}

void serve_fail_param(struct serve_answer *out, const char *name, const struct ampql_error *err)
{
    char what[64];
    snprintf(what, sizeof what, "invalid parameter \"%s\": ", name);
    serve_api_fail(out, 400, err, what);
}

/* "1:5: parse error: ...": the place as Prometheus tells it, columns in bytes. */
static void place_error(struct ampql_error *err, struct str text)
{
    char message[AMPQL_MESSAGE_MAX];
    size_t line = 1, column = 1;
    if (err->code != AMPQL_PARSE || !err->has_span)
        return;
    for (size_t i = 0; i < err->start && i < text.n; i++) {
        column = text.p[i] == '\n' ? 1 : column + 1;
        line += text.p[i] == '\n';
    }
    memcpy(message, err->message, sizeof message);
    fail(err, AMPQL_PARSE, "%zu:%zu: parse error: %s", line, column, message);
}

/* ---- parameters */

/* time := Unix seconds | RFC 3339 */
bool serve_read_time(const struct serve_request *request, const char *name, int64_t fallback,
                     bool is_required, int64_t *ms, struct serve_answer *out)
{
    struct ampql_error err = {0};
    struct str text = serve_param(request, name);
    *ms = fallback;
    if (text.n == 0 && !is_required)
        return true;
    if (time_parse_seconds(text, ms) ||
        (text.n && memchr(text.p, 'T', text.n) && time_parse(text, 0, ms, NULL) == AMPQL_OK))
        return true;
    char quoted[320], value[64];
    snprintf(value, sizeof value, "%cnvalid time value for '%s': ", out->is_prom2 ? 'I' : 'i',
             name);
    fail(&err, AMPQL_BAD_DATA, "%scannot parse %s to a valid timestamp", is_required ? "" : value,
         quote_clipped(quoted, sizeof quoted, text));
    serve_fail_param(out, name, &err);
    return false;
}

/* duration := seconds | "1h30m" */
static bool parse_duration(struct str text, int64_t *ms)
{
    double seconds;
    if (number_parse(text, &seconds) && seconds > -9e15 && seconds < 9e15) {
        *ms = (int64_t)(seconds * 1000);
        return true;
    }
    return text.n && duration_parse(text, ms, NULL) == AMPQL_OK;
}

static bool read_duration(const struct serve_request *request, const char *name, int64_t *ms,
                          struct serve_answer *out)
{
    struct ampql_error err = {0};
    struct str text = serve_param(request, name);
    double seconds;
    char quoted[320];
    if (parse_duration(text, ms))
        return true;
    fail(&err, AMPQL_BAD_DATA, "cannot parse %s to a valid duration%s",
         quote_clipped(quoted, sizeof quoted, text),
         number_parse(text, &seconds) ? ". It overflows int64" : "");
    serve_fail_param(out, name, &err);
    return false;
}

static bool refuse(struct serve_answer *out, const char *name, const char *message)
{
    struct ampql_error err = {.code = AMPQL_BAD_DATA};
    snprintf(err.message, sizeof err.message, "%s", message);
    if (name)
        serve_fail_param(out, name, &err);
    else
        serve_api_fail(out, 400, &err, "");
    return false;
}

/* ---- query and query_range */

static bool read_range(const struct serve_request *request, struct ampql_run_options *options,
                       struct serve_answer *out)
{
    enum { MAX_POINTS = 11000 };
    if (!serve_read_time(request, "start", 0, true, &options->start_ms, out) ||
        !serve_read_time(request, "end", 0, true, &options->end_ms, out))
        return false;
    if (options->end_ms < options->start_ms)
        return refuse(out, "end", "end timestamp must not be before start time");
    if (!read_duration(request, "step", &options->step_ms, out))
        return false;
    if (options->step_ms <= 0)
        return refuse(out, "step",
                      "zero or negative query resolution step widths are not accepted. Try a "
                      "positive integer");
    if ((options->end_ms - options->start_ms) / options->step_ms > MAX_POINTS)
        return refuse(out, NULL,
                      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
                      "the query resolution (?step=XX)");
    return true;
}

int64_t serve_api_timeout_ms(const struct serve_api *api, const struct serve_request *request)
{
    int64_t ms, limit = api->options.timeout_ms;
    if (!parse_duration(serve_param(request, "timeout"), &ms))
        return limit;
    if (limit == 0 || ms < limit)
        limit = ms > 0 ? ms : 1;
    return limit;
}

/* The shorter one of the server's and the request's, less what is over. */
static bool read_timeout(const struct serve_request *request, int64_t waited_ms,
                         struct ampql_run_options *options, struct serve_answer *out)
{
    int64_t ms;
    if (serve_param(request, "timeout").n) {
        if (!read_duration(request, "timeout", &ms, out))
            return false;
        if (ms < options->timeout_ms || options->timeout_ms == 0)
            options->timeout_ms = ms > 0 ? ms : 1;
    }
    if (options->timeout_ms == 0)
        return true;
    options->timeout_ms -= waited_ms;
    if (options->timeout_ms > 0)
        return true;
    struct ampql_error err = {.code = AMPQL_TIMEOUT, .message = "query timed out in query queue"};
    serve_api_fail(out, 0, &err, "");
    return false;
}

/* Of samples that were read from a server, what it would have counted. */
static void put_stats(struct buf *body, const struct ampql_stats *stats, int64_t took_ms,
                      int64_t waited_ms)
{
    uint64_t samples = stats->remote_samples ? stats->remote_samples : stats->samples;
    const struct {
        const char *name;
        int64_t ms;
    } times[] = {{"evalTotalTime", took_ms},
                 {"execQueueTime", waited_ms},
                 {"execTotalTime", took_ms + waited_ms}};
    buf_text(body, "\"stats\":{\"timings\":{");
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) /* not by %f: that has a locale */
        buf_format(body, "%s\"%s\":%lld.%03lld", i ? "," : "", times[i].name,
                   (long long)times[i].ms / 1000, (long long)times[i].ms % 1000);
    buf_format(body, "},\"samples\":{\"totalQueryableSamples\":%llu}},",
               (unsigned long long)samples);
}

/* The body of the library, with stats as the first member of data. */
static enum ampql_code put_result(struct serve_answer *out, const struct ampql_result *result,
                                  bool wants_stats, int64_t took_ms, int64_t waited_ms)
{
    static const char head[] = "{\"status\":\"success\",\"data\":{";
    struct buf plain;
    if (!wants_stats)
        return ampql_result_json(result, buf_write, &out->body);
    buf_init(&plain, out->body.alc, out->body.max_bytes);
    enum ampql_code code = ampql_result_json(result, buf_write, &plain);
    if (code == AMPQL_OK) {
        assert(str_has_prefix(buf_view(&plain), str_of(head)));
        buf_text(&out->body, head);
        put_stats(&out->body, &out->stats, took_ms, waited_ms);
        buf_str(&out->body, str_from(buf_view(&plain), sizeof head - 1));
        code = out->body.failed;
    }
    buf_done(&plain);
    return code;
}

static void fail_output(struct serve_answer *out, enum ampql_code code)
{
    struct ampql_error err = {0};
    bool is_long = out->body.failed == AMPQL_LIMIT;
    fail(&err,
         is_long                ? AMPQL_LIMIT
         : code == AMPQL_OUTPUT ? AMPQL_NOMEM
                                : code,
         is_long ? "the answer is longer than --max-answer-bytes" : "no memory for the answer");
    serve_api_fail(out, 0, &err, "");
}

static void answer_query(const struct serve_api *api, const struct serve_request *request,
                         struct ampql_source *source, struct ampql_run_options options,
                         int64_t waited_ms, struct serve_answer *out)
{
    bool is_range = request->route == SERVE_QUERY_RANGE;
    struct str text = serve_param(request, "query");
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    struct ampql_error err = {0};
    if (is_range ? !read_range(request, &options, out)
                 : !serve_read_time(request, "time", time_now(), false, &options.start_ms, out))
        return;
    if (!is_range)
        options.end_ms = options.start_ms;
    if (!read_timeout(request, waited_ms, &options, out))
        return;
    int64_t began_ms = time_monotonic();
    enum ampql_code code =
        ampql_query_compile(api->engine, text.n ? text.p : "", text.n, &query, &err);
    if (code != AMPQL_OK) {
        place_error(&err, text);
        if (is_range && out->is_prom2) /* 2.42's range queries do not name the parameter */
            serve_api_fail(out, 400, &err, "");
        else
            serve_fail_param(out, "query", &err);
        if (code == AMPQL_NOMEM || code == AMPQL_LIMIT || code == AMPQL_UNSUPPORTED)
            serve_api_fail(out, 0, &err, "");
        return;
    }
    code = ampql_query_run(query, source, &options, &result, &err);
    if (code == AMPQL_OK) {
        out->stats = ampql_result_stats(result);
        code = put_result(out, result, serve_param(request, "stats").n > 0,
                          time_monotonic() - began_ms, waited_ms);
        if (code != AMPQL_OK)
            fail_output(out, code);
    } else {
        serve_api_fail(out, 0, &err, "");
    }
    ampql_result_free(result);
    ampql_query_free(query);
}

/* ---- series, labels and their values */

/* The results of all match[] parameters, kept as long as their views are used. */
struct matched {
    struct arena arena;
    struct {
        ARRAY(struct ampql_result *);
    } results;
    struct serve_words words;
};

/* What a query is told of a selector that takes everything is told of match[] in other words. */
static void say_empty(struct ampql_error *err)
{
    if (strstr(err->message, "must contain at least one non-empty matcher")) {
        fail(err, AMPQL_PARSE, "match[] must contain at least one non-empty matcher");
        err->has_span = false;
    }
}

static bool run_selector(const struct serve_api *api, const struct serve_request *request,
                         struct str text, struct ampql_source *source,
                         const struct ampql_run_options *options, struct matched *matched,
                         struct serve_answer *out)
{
    struct ampql_error err = {0};
    struct ampql_result *result = NULL;
    enum ampql_code code =
        ampql_series_run(api->engine, text.n ? text.p : "", text.n, source, options, &result, &err);
    if (code == AMPQL_PARSE) {
        say_empty(&err);
        place_error(&err, text);
        if (out->is_prom2 && request->route != SERVE_SERIES) /* 2.42 does not name it there */
            serve_api_fail(out, 400, &err, "");
        else
            serve_fail_param(out, "match[]", &err);
        return false;
    }
    if (code != AMPQL_OK) {
        serve_api_fail(out, 0, &err, "");
        return false;
    }
    if (!array_push(&matched->results, &matched->arena, result)) {
        ampql_result_free(result);
        fail_output(out, AMPQL_NOMEM);
        return false;
    }
    return true;
}

static bool run_selectors(const struct serve_api *api, const struct serve_request *request,
                          struct ampql_source *source, struct ampql_run_options *options,
                          struct matched *matched, struct serve_answer *out)
{
    size_t n = 0;
    if (!serve_read_time(request, "start", TIME_FIRST_MS, false, &options->start_ms, out) ||
        !serve_read_time(request, "end", TIME_LAST_MS, false, &options->end_ms, out))
        return false;
    for (size_t i = 0; i < request->params.n; i++) {
        if (!str_equal(request->params.at[i].name, STR("match[]")))
            continue;
        n++;
        if (!run_selector(api, request, request->params.at[i].value, source, options, matched, out))
            return false;
    }
    if (n == 0 && request->route == SERVE_SERIES)
        return refuse(out, NULL, "no match[] parameter provided");
    return n > 0 ||
           run_selector(api, request, STR("{__name__=~\".+\"}"), source, options, matched, out);
}

static bool check_label(const struct serve_request *request, struct serve_answer *out)
{
    char quoted[320], message[400];
    if (request->route != SERVE_LABEL_VALUES || label_name_is_valid(request->label, AMPQL_PROM2))
        return true;
    snprintf(message, sizeof message, "invalid label name: %s",
             quote_clipped(quoted, sizeof quoted, request->label));
    return refuse(out, NULL, message);
}

static void answer_series(const struct serve_api *api, const struct serve_request *request,
                          struct ampql_source *source, struct ampql_run_options options,
                          int64_t waited_ms, struct serve_answer *out)
{
    struct matched matched = {0};
    arena_init(&matched.arena, out->body.alc);
    if (check_label(request, out) && read_timeout(request, waited_ms, &options, out) &&
        run_selectors(api, request, source, &options, &matched, out)) {
        bool ok = request->route == SERVE_SERIES
                      ? serve_put_series(&out->body, &matched.arena, matched.results.at,
                                         matched.results.n)
                      : serve_put_words(&out->body, &matched.arena, matched.results.at,
                                        matched.results.n, request->label);
        if (!ok || out->body.failed)
            fail_output(out, AMPQL_NOMEM);
    }
    for (size_t i = 0; i < matched.results.n; i++)
        ampql_result_free(matched.results.at[i]);
    arena_done(&matched.arena);
}

/* ---- what is known without a source */

static const char *version_of(const struct serve_api *api)
{
    return api->options.dialect == AMPQL_PROM2 ? "2.42.0" : "3.14.0";
}

static void answer_status(const struct serve_api *api, const struct serve_request *request,
                          struct serve_answer *out)
{
    char lookback[DURATION_MAX], timeout[DURATION_MAX];
    const struct ampql_run_options *o = &api->options;
    buf_text(&out->body, "{\"status\":\"success\",\"data\":");
    if (request->route == SERVE_BUILDINFO)
        buf_format(&out->body,
                   "{\"version\":\"%s\",\"revision\":\"ampql " AMPQL_VERSION "\",\"branch\":\"\","
                   "\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"\"}",
                   version_of(api));
    else if (request->route == SERVE_CONFIG)
        buf_text(&out->body, "{\"yaml\":\"global:\\n  scrape_interval: 1m\\n  "
                             "scrape_timeout: 10s\\n  evaluation_interval: 1m\\n\"}");
    else if (request->route == SERVE_FLAGS) {
        lookback[duration_format(o->lookback_ms ? o->lookback_ms : 300000, lookback)] = '\0';
        timeout[duration_format(o->timeout_ms, timeout)] = '\0';
        buf_format(&out->body,
                   "{\"query.lookback-delta\":\"%s\",\"query.max-concurrency\":\"%zu\","
                   "\"query.max-samples\":\"%llu\",\"query.timeout\":\"%s\"}",
                   lookback, api->nworkers,
                   (unsigned long long)(o->max_samples ? o->max_samples : 50000000), timeout);
    } else
        buf_text(&out->body, "{}"); /* metadata: no source keeps any */
    buf_byte(&out->body, '}');
}

void serve_api_answer(const struct serve_api *api, const struct serve_request *request,
                      struct ampql_source *source, struct ampql_cancel *cancel, int64_t waited_ms,
                      struct serve_answer *out)
{
    struct ampql_run_options options = api->options;
    options.cancel = cancel;
    out->is_prom2 = options.dialect == AMPQL_PROM2;
    out->status = 200;
    out->type = "application/json";
    switch (request->route) {
    case SERVE_QUERY:
    case SERVE_QUERY_RANGE:
        answer_query(api, request, source, options, waited_ms, out);
        break;
    case SERVE_SERIES:
    case SERVE_LABELS:
    case SERVE_LABEL_VALUES:
        answer_series(api, request, source, options, waited_ms, out);
        break;
    case SERVE_ALLOCATION:
    case SERVE_ALLOCATION_COMPUTE:
    case SERVE_SUMMARY:
    case SERVE_SUMMARY_COMPUTE:
        serve_answer_cost(api, request, source, cancel, waited_ms, out);
        break;
    default:
        answer_status(api, request, out);
        break;
    }
}
