/* ampql explain: what expressions would ask of a source, without asking. */
#include "base/buf.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/forecast.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/rules.h"
#include "cli/session.h"
#include "cli/table.h"

#include <cjson/cJSON.h>

#include <math.h>

enum { CAPS_SAMPLES = 1, CAPS_ANSWERS = 2, EXPLAIN_MAX = 1 << 26 };

struct flags {
    struct source_flags source;
    struct time_flags times;
    struct rules_flags rules;
    struct run_flags run;
    int caps, format;
};

static const struct option options[] = {
    SOURCE_OPTIONS(struct flags, source),
    {"caps", 0, OPTION_ENUM, offsetof(struct flags, caps), "samples|answers",
     "for a source of raw samples, or of a server's answers"},
    TIME_OPTIONS(struct flags, times),
    RULES_OPTIONS(struct flags, rules),
    PRINT_OPTION(struct flags, format, "table|json", "table when not given"),
    RUN_OPTIONS(struct flags, run),
};

/* The time in seconds under this key, as RFC 3339; empty when it is not there. */
static void time_cell(struct table *table, const cJSON *select, const char *key)
{
    char text[TIME_TEXT_MAX];
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(select, key);
    if (cJSON_IsNumber(item))
        table_cell(table, str_make(text, time_format(llround(item->valuedouble * 1000), text)));
    else
        table_text(table, "");
}

static const char *text_of(const cJSON *select, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(select, key));
    return text ? text : "";
}

static void add_row(struct table *table, const cJSON *select)
{
    char step[48] = "";
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(select, "step");
    bool is_range = cJSON_GetObjectItemCaseSensitive(select, "start") != NULL;
    if (cJSON_IsNumber(item))
        snprintf(step, sizeof step, "%lld.%03llds", (long long)item->valuedouble,
                 llround(item->valuedouble * 1000) % 1000);
    if (step[0] && strstr(step, ".000s"))
        snprintf(step, sizeof step, "%llds", (long long)item->valuedouble);
    table_text(table, text_of(select, "kind"));
    time_cell(table, select, is_range ? "start" : "time");
    time_cell(table, select, is_range ? "end" : "time");
    table_text(table, step);
    table_text(table, text_of(select, "query"));
}

static enum exit_status print_selects(struct cli *cli, struct str json)
{
    static const char *const heads[] = {"KIND", "FROM", "TO", "STEP", "QUERY"};
    enum { NHEADS = sizeof heads / sizeof *heads };
    struct table table;
    const cJSON *select;
    cJSON *root = cJSON_ParseWithLength(json.p, json.n);
    if (!root)
        return report_nomem(cli);
    table_init(&table, &cli->arena, NHEADS);
    for (size_t i = 0; i < NHEADS; i++)
        table_head(&table, i, str_of(heads[i]), i == 3);
    cJSON_ArrayForEach(select, cJSON_GetObjectItemCaseSensitive(root, "selects"))
        add_row(&table, select);
    cJSON_Delete(root);
    return table_print(&table, &cli->out) ? STATUS_OK : report_nomem(cli);
}

/* Of a server, with how many series there are and what reading them would be billed. */
static enum exit_status forecast(struct cli *cli, const struct session *session,
                                 const struct ampql_query *const *queries, size_t nqueries,
                                 bool *is_known)
{
    struct ampql_error err = {0};
    struct fetch_plan plan;
    *is_known = false;
    if (fetch_plan(session->engine, queries, nqueries, session->source, &session->options, 0,
                   &cli->arena, &plan, &err) != AMPQL_OK)
        return report_error(cli, &err, (struct report){0});
    *is_known = plan.is_known && plan.n;
    return *is_known ? forecast_print(cli, &plan, FORECAST_PRICE) : STATUS_OK;
}

static enum exit_status explain(struct cli *cli, const struct flags *flags,
                                const struct session *session,
                                const struct ampql_query *const *queries, size_t nqueries)
{
    struct ampql_error err = {0};
    struct buf json;
    uint32_t caps = flags->caps == CAPS_SAMPLES ? AMPQL_SOURCE_SAMPLES : AMPQL_SOURCE_ANSWERS;
    if (!flags->caps && session->has_source)
        caps = ampql_source_caps(session->source);
    if (!flags->caps && session->has_source && flags->format != PRINT_JSON) {
        bool is_known;
        enum exit_status status = forecast(cli, session, queries, nqueries, &is_known);
        if (status || is_known)
            return status;
    }
    buf_init(&json, cli->arena.alc, EXPLAIN_MAX);
    enum ampql_code code = ampql_batch_explain(session->engine, queries, nqueries, caps,
                                               &session->options, buf_write, &json, &err);
    enum exit_status status = STATUS_OK;
    if (json.failed)
        status = report_nomem(cli);
    else if (code != AMPQL_OK)
        status = report_error(cli, &err, (struct report){0});
    else if (flags->format == PRINT_JSON) {
        output_str(&cli->out, buf_view(&json));
        output_byte(&cli->out, '\n');
    } else
        status = print_selects(cli, buf_view(&json));
    buf_done(&json);
    return status;
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct session session;
    struct ampql_error err = {0};
    struct ampql_query **queries = arena_zeroed(&cli->arena, operands.n, sizeof *queries);
    enum exit_status status = session_open(cli, &flags->run, &session);
    if (!status && !queries)
        status = report_nomem(cli);
    if (!status)
        status = session_times(cli, &flags->times, &session);
    for (size_t i = 0; i < operands.n && !status; i++) {
        struct str text = str_of(operands.at[i]);
        status = session_try(cli, &flags->run, &session, session_try_query, text,
                             (struct report){.text = text});
    }
    if (!status)
        status = rules_read_flags(cli, &flags->rules, &flags->run, &session);
    if (!status)
        status = session_source(cli, &flags->source, &flags->run, &session);
    if (!status)
        status = rules_open(cli, &flags->rules, &session);
    for (size_t i = 0; i < operands.n && !status; i++) {
        struct str text = str_of(operands.at[i]);
        if (ampql_query_compile(session.engine, text.p, text.n, &queries[i], &err) != AMPQL_OK)
            status = session_error(cli, &session, &err, (struct report){.text = text});
    }
    if (!status)
        status =
            explain(cli, flags, &session, (const struct ampql_query *const *)queries, operands.n);
    for (size_t i = 0; queries && i < operands.n; i++)
        ampql_query_free(queries[i]);
    session_close(&session);
    return status;
}

const struct command command_explain = {
    .name = "explain",
    .operands = "EXPR...",
    .summary = "what expressions ask of a source",
    .examples =
        "  ampql explain --time 2026-03-02T00:00:00Z 'sum(rate(node_cpu_seconds_total[5m])) / "
        "count(up)'\n"
        "  ampql explain --start 0 --end 3600 --step 60 --caps samples -o json up 'up offset 1h'\n",
    .details =
        "Expressions given together share what they read, as in a batch. Without --caps it is\n"
        "what --source holds, or answers.\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .run = run,
};
