/* /allocation and /allocation/summary, with OpenCost's parameters. Errors are OpenCost's, too:
 * {"code":400,"status":"","data":null,"message":"..."}. */
#include "base/duration.h"
#include "base/json.h"
#include "base/number.h"
#include "base/time.h"
#include "serve/parts.h"

static void fail_cost(struct serve_answer *out, int status, const struct ampql_error *err,
                      const char *what)
{
    serve_api_fail(out, status, err, ""); /* status and code are the API's */
    out->body.n = 0;
    buf_format(&out->body, "{\"code\":%d,\"status\":\"error\",\"data\":null,\"message\":\"",
               out->status);
    json_escape(&out->body, str_of(what));
    json_escape(&out->body, str_of(err->message));
    buf_text(&out->body, "\"}");
}

static bool refuse(struct serve_answer *out, const char *name, const char *expected,
                   struct str text)
{
    struct ampql_error err = {0};
    char quoted[320];
    fail(&err, AMPQL_BAD_DATA, "invalid %s: %s, expected %s", name,
         quote_clipped(quoted, sizeof quoted, text), expected);
    fail_cost(out, 400, &err, "");
    return false;
}

/* As Go's ParseBool. */
static bool read_bool(const struct serve_request *request, const char *name, bool *value,
                      struct serve_answer *out)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    struct str text = serve_param(request, name);
    if (text.n == 0)
        return true;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        *value = str_equal(text, str_of(yes[i]));
        if (*value || str_equal(text, str_of(no[i])))
            return true;
    }
    return refuse(out, name, "true or false", text);
}

static bool read_ms(const struct serve_request *request, const char *name, int64_t *ms,
                    struct serve_answer *out)
{
    struct str text = serve_param(request, name);
    if (text.n == 0 || (duration_parse(text, ms, NULL) == AMPQL_OK && *ms > 0))
        return true;
    return refuse(out, name, "a duration such as 1d", text);
}

/* A copy that ends with NUL; NULL when it is not given. */
static bool read_text(const struct serve_request *request, struct arena *arena, const char *name,
                      const char **value, struct serve_answer *out)
{
    struct str text = serve_param(request, name);
    if (text.n == 0)
        return true;
    if (memchr(text.p, '\0', text.n))
        return refuse(out, name, "no NUL byte", text);
    *value = arena_copy(arena, text).p;
    if (*value)
        return true;
    struct ampql_error err = {.code = AMPQL_NOMEM, .message = "no memory for a parameter"};
    fail_cost(out, 0, &err, "");
    return false;
}

static bool read_accumulate(const struct serve_request *request,
                            struct ampql_aggregate_options *lines, struct serve_answer *out)
{
    static const struct {
        const char *word;
        enum ampql_cost_accumulate value;
    } words[] = {{"all", AMPQL_COST_ALL},      {"hour", AMPQL_COST_HOURS},
                 {"day", AMPQL_COST_DAYS},     {"week", AMPQL_COST_WEEKS},
                 {"month", AMPQL_COST_MONTHS}, {"none", AMPQL_COST_STEPS}};
    struct str text = serve_param(request, "accumulateBy");
    const char *name = text.n ? "accumulateBy" : "accumulate";
    bool is_all = false;
    if (text.n == 0)
        text = serve_param(request, "accumulate");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_equal(text, str_of(words[i].word))) {
            lines->accumulate = words[i].value;
            return true;
        }
    if (text.n == 0)
        return true;
    if (!read_bool(request, name, &is_all, out))
        return false;
    lines->accumulate = is_all ? AMPQL_COST_ALL : AMPQL_COST_STEPS;
    return true;
}

static bool read_shares(const struct serve_request *request, struct arena *arena,
                        struct ampql_cost_options *cost, struct ampql_aggregate_options *lines,
                        struct serve_answer *out)
{
    struct str split = serve_param(request, "shareSplit"),
               price = serve_param(request, "shareCost");
    lines->share_evenly = str_equal(split, STR("even"));
    if (split.n && !lines->share_evenly && !str_equal(split, STR("weighted")))
        return refuse(out, "shareSplit", "weighted or even", split);
    if (price.n && !number_parse(price, &lines->share_monthly_cost))
        return refuse(out, "shareCost", "a number", price);
    return read_text(request, arena, "shareNamespaces", &lines->share_namespaces, out) &&
           read_text(request, arena, "shareLabels", &lines->share_labels, out) &&
           read_bool(request, "idle", &cost->idle, out) &&
           read_bool(request, "includeIdle", &cost->idle, out) &&
           read_bool(request, "shareIdle", &lines->share_idle, out) &&
           read_bool(request, "splitIdle", &lines->split_idle, out) &&
           read_bool(request, "idleByNode", &lines->idle_by_node, out) &&
           read_bool(request, "includeSharedCostBreakdown", &lines->share_breakdown, out) &&
           read_bool(request, "includeAggregatedMetadata", &lines->aggregated_metadata, out) &&
           read_bool(request, "includeProportionalAssetResourceCosts", &lines->proportional_assets,
                     out) &&
           read_bool(request, "sharelb", &lines->share_balancers, out);
}

static bool read_window(const struct serve_request *request, struct ampql_cost_options *cost,
                        struct serve_answer *out)
{
    struct ampql_error err = {0};
    struct str text = serve_param(request, "window");
    cost->now_ms = time_now() / 1000 * 1000;
    if (text.n == 0)
        return refuse(out, "window", "7d, today, START,END, ...", STR(""));
    if (ampql_cost_window(text.p, text.n, cost->now_ms, &cost->start_ms, &cost->end_ms, &err) ==
        AMPQL_OK)
        return true;
    fail_cost(out, 400, &err, "invalid window: ");
    return false;
}

static void put_bill(const struct serve_api *api, const struct serve_request *request,
                     struct ampql_source *source, const struct ampql_cost_options *cost,
                     struct serve_answer *out)
{
    bool is_summary = request->route == SERVE_SUMMARY || request->route == SERVE_SUMMARY_COMPUTE;
    struct ampql_allocations *bill = NULL;
    struct ampql_error err = {0};
    if (ampql_allocate(api->engine, source, cost, &bill, &err) != AMPQL_OK) {
        fail_cost(out, 0, &err, "");
        return;
    }
    out->stats = ampql_allocations_stats(bill);
    enum ampql_code code = is_summary ? ampql_allocations_summary_json(bill, buf_write, &out->body)
                                      : ampql_allocations_json(bill, buf_write, &out->body);
    ampql_allocations_free(bill);
    if (code != AMPQL_OK) {
        fail(&err, out->body.failed == AMPQL_LIMIT ? AMPQL_LIMIT : AMPQL_NOMEM,
             "the answer is longer than --max-answer-bytes, or memory is out");
        fail_cost(out, 0, &err, "");
    }
}

/* The time in the queue counts. */
static bool take_wait(int64_t waited_ms, struct ampql_cost_options *cost, struct serve_answer *out)
{
    struct ampql_error err = {.code = AMPQL_TIMEOUT, .message = "query timed out in query queue"};
    if (cost->timeout_ms == 0)
        return true;
    cost->timeout_ms -= waited_ms;
    if (cost->timeout_ms <= 0)
        fail_cost(out, 0, &err, "");
    return cost->timeout_ms > 0;
}

void serve_answer_cost(const struct serve_api *api, const struct serve_request *request,
                       struct ampql_source *source, struct ampql_cancel *cancel, int64_t waited_ms,
                       struct serve_answer *out)
{
    struct ampql_cost_options cost = api->cost;
    struct ampql_aggregate_options lines = {.size = sizeof lines};
    struct arena arena;
    arena_init(&arena, out->body.alc);
    cost.lines = &lines;
    cost.cancel = cancel;
    if (take_wait(waited_ms, &cost, out) && read_window(request, &cost, out) &&
        read_ms(request, "step", &cost.step_ms, out) &&
        read_ms(request, "resolution", &cost.resolution_ms, out) &&
        read_text(request, &arena, "aggregate", &lines.aggregate, out) &&
        read_text(request, &arena, "filter", &lines.filter, out) &&
        read_accumulate(request, &lines, out) && read_shares(request, &arena, &cost, &lines, out))
        put_bill(api, request, source, &cost, out);
    arena_done(&arena);
}
