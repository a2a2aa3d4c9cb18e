/* ampql query: evaluate one expression. */
#include "cli/print.h"
#include "cli/report.h"
#include "cli/rules.h"
#include "cli/session.h"

struct flags {
    struct source_flags source;
    struct time_flags times;
    struct rules_flags rules;
    struct run_flags run;
    int format;
};

static const struct option options[] = {
    SOURCE_OPTIONS(struct flags, source),
    RECORD_OPTION(struct flags, source),
    TIME_OPTIONS(struct flags, times),
    RULES_OPTIONS(struct flags, rules),
    PRINT_OPTION(struct flags, format, "table|json|csv|promql|openmetrics",
                 "table on a terminal, else promql (promtool's text)"),
    THREADS_OPTION(struct flags, run),
    RUN_OPTIONS(struct flags, run),
};

static enum exit_status evaluate(struct cli *cli, const struct flags *flags, struct str text,
                                 struct session *session)
{
    struct ampql_error err = {0};
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    enum exit_status status = session_try(cli, &flags->run, session, session_try_query, text,
                                          (struct report){.text = text});
    if (!status)
        status = rules_read_flags(cli, &flags->rules, &flags->run, session);
    if (!status)
        status = session_source(cli, &flags->source, &flags->run, session);
    if (!status)
        status = rules_open(cli, &flags->rules, session);
    if (status)
        return status;
    enum ampql_code code = ampql_query_compile(session->engine, text.p, text.n, &query, &err);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, session->source, &session->options, &result, &err);
    if (code != AMPQL_OK)
        status = session_error(cli, session, &err, (struct report){.text = text});
    if (result) {
        int fallback = cli->out.is_tty ? PRINT_TABLE : PRINT_PROMQL;
        report_annotations(cli, result);
        status = print_result(cli, result,
                              (enum print_format)(flags->format ? flags->format : fallback));
        if (flags->run.stats) {
            report_stats(cli, ampql_result_stats(result));
            report_selects(cli, result);
        }
    } else if (flags->run.stats) {
        report_source_stats(cli, session->source);
    }
    ampql_result_free(result);
    ampql_query_free(query);
    return status;
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct session session;
    enum exit_status status = session_open(cli, &flags->run, &session);
    if (!status)
        status = session_times(cli, &flags->times, &session);
    if (!status)
        status = evaluate(cli, flags, str_of(operands.at[0]), &session);
    return session_finish(cli, &session, status);
}

const struct command command_query = {
    .name = "query",
    .operands = "EXPR",
    .summary = "evaluate a PromQL expression",
    .examples = "  ampql query -s examples/data/cluster_day.aqc --time 2026-03-02T00:00:00Z \\\n"
                "    'sum by (namespace) (avg_over_time(container_memory_allocation_bytes[1d]))'\n"
                "  ampql query -s examples/data/cluster_day.aqc --start 2026-03-01T00:00:00Z \\\n"
                "    --end 2026-03-02T00:00:00Z --step 4h -o csv 'sum(node_total_hourly_cost)'\n"
                "  ampql query --time 2026-03-01T12:00:00Z -o json 'vector(time())'\n",
    .details = "An expression that begins with - goes after --. -o openmetrics is text that\n"
               "`promtool tsdb create-blocks-from openmetrics` takes; every series needs a name.\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
