/* ampql rules eval: recording rules without a ruler. */
#include <ampql/rules.h>

#include "base/number.h"
#include "base/time.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "cli/report.h"
#include "cli/rules.h"
#include "cli/table.h"

struct flags {
    struct source_flags source;
    struct remote_flags remote;
    struct option_ms time, now;
    struct rules_flags rules;
    struct run_flags run;
    bool strict;
    int format;
};

static const struct option eval_options[] = {
    SOURCE_OPTIONS(struct flags, source),
    RECORD_OPTION(struct flags, source),
    {"time", 't', OPTION_TIME, offsetof(struct flags, time), "TIME",
     "evaluate at this time: RFC 3339, Unix seconds, now, now-1h; now when not given"},
    {"now", 0, OPTION_TIME, offsetof(struct flags, now), "TIME", "what now means"},
    PRINT_OPTION(struct flags, format, "table|json|csv|promql",
                 "table on a terminal, else promql (promtool's text)"),
    REMOTE_OPTIONS(struct flags, remote),
    RECORDED_OPTION(struct flags, rules),
    {"strict", 0, OPTION_BOOL, offsetof(struct flags, strict), NULL,
     "record nothing when a rule fails"},
    THREADS_OPTION(struct flags, run),
    RUN_OPTIONS(struct flags, run),
};

static void print_record(struct cli *cli, struct table *table, enum print_format format,
                         const struct ampql_record *record)
{
    char number[NUMBER_MAX];
    if (format == PRINT_PROMQL) {
        print_promql_sample(cli, record->labels, record->nlabels, record->t_ms, record->value);
    } else if (format == PRINT_CSV) {
        print_csv_sample(cli, record->labels, record->nlabels, record->t_ms, record->value);
    } else {
        struct str labels = print_labels(&cli->arena, record->labels, record->nlabels);
        table->failed |= !labels.p;
        table_cell(table, labels);
        table_cell(table, str_make(number, number_format(record->value, number)));
    }
}

static enum exit_status print_records(struct cli *cli, enum print_format format,
                                      const struct ampql_rules *rules,
                                      const struct ampql_rules_result *result)
{
    struct table table;
    if (format == PRINT_JSON) {
        enum ampql_code code = ampql_rules_result_json(result, output_write, &cli->out);
        output_byte(&cli->out, '\n');
        return code == AMPQL_NOMEM ? report_nomem(cli) : STATUS_OK;
    }
    table_init(&table, &cli->arena, 2);
    table_head(&table, 0, STR("RECORDED SERIES"), false);
    table_head(&table, 1, STR("VALUE"), true);
    if (format == PRINT_CSV)
        print_csv_head(&cli->out);
    for (size_t i = 0; i < ampql_rules_count(rules); i++) {
        struct ampql_rule_outcome outcome = ampql_rules_result_rule(result, i);
        for (size_t k = 0; k < outcome.nrecords; k++) {
            struct ampql_record record = ampql_rules_result_record(result, i, k);
            print_record(cli, &table, format, &record);
        }
    }
    if (table.failed || (format == PRINT_TABLE && !table_print(&table, &cli->out)))
        return report_nomem(cli);
    return STATUS_OK;
}

static enum exit_status write_records(struct cli *cli, const struct remote *remote,
                                      const struct ampql_rules *rules,
                                      const struct ampql_rules_result *result)
{
    struct ampql_error err = {0};
    for (size_t i = 0; i < ampql_rules_count(rules); i++) {
        struct ampql_rule_outcome outcome = ampql_rules_result_rule(result, i);
        for (size_t k = 0; k < outcome.nrecords; k++) {
            struct ampql_record record = ampql_rules_result_record(result, i, k);
            if (remote_write_add(remote->write, record.labels, record.nlabels, &record.t_ms,
                                 &record.value, 1, &err) != AMPQL_OK)
                return remote_failed(cli, &err);
        }
    }
    return remote_finish(cli, remote);
}

static enum exit_status evaluate(struct cli *cli, const struct flags *flags,
                                 const struct session *session, const struct remote *remote,
                                 const struct ampql_rules *rules)
{
    struct ampql_error err = {0};
    struct ampql_rules_result *result = NULL;
    if (ampql_rules_run(rules, session->source, &session->options, &result, &err) != AMPQL_OK)
        return session_error(cli, session, &err, (struct report){0});
    int fallback = cli->out.is_tty ? PRINT_TABLE : PRINT_PROMQL;
    enum exit_status failed = rules_report(cli, session, result);
    enum exit_status status =
        remote->write
            ? write_records(cli, remote, rules, result)
            : print_records(cli, (enum print_format)(flags->format ? flags->format : fallback),
                            rules, result);
    if (flags->run.stats)
        rules_report_costs(cli, result);
    ampql_rules_result_free(result);
    return failed ? failed : status;
}

static enum exit_status run_eval(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct rules_flags rules = flags->rules;
    struct session session;
    struct remote remote = {0};
    struct rules_command command = {&rules, &flags->run, &flags->source, &flags->remote, NULL};
    rules.file = operands.at[0];
    enum exit_status status = session_open(cli, &flags->run, &session);
    session.options.start_ms = flags->time.is_set  ? flags->time.ms
                               : flags->now.is_set ? flags->now.ms
                                                   : cli->now_ms;
    session.options.rule_strict = flags->strict;
    if (!status)
        status = rules_start(cli, &command, &session, &remote);
    if (!status)
        status = evaluate(cli, flags, &session, &remote, session.rules);
    remote_close(&remote);
    return session_finish(cli, &session, status);
}

const struct command command_rules_eval = {
    .name = "rules eval",
    .operands = "FILE",
    .summary = "what the recording rules of a file record at one time",
    .examples =
        "  ampql rules eval examples/rules/kubecost.yml -s examples/data/cluster_day.aqc \\\n"
        "    --time 2026-03-02T00:00:00Z -o table\n",
    .details = "Records of rules that work are printed also when others fail; the status then is\n"
               "that of the first failure.\n",
    COMMAND_OPTIONS(eval_options, struct flags),
    .min_operands = 1,
    .max_operands = 1,
    .run = run_eval,
};
