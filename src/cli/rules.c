/* Rule files of a session: read, tried, and loaded once its dialect is known. */
#include "cli/rules.h"

#include <ampql/rules.h>

#include "base/duration.h"
#include "base/error.h"
#include "cli/forecast.h"
#include "cli/report.h"
#include "tool/remote_write.h"
#include "tool/text_file.h"

static enum exit_status read_phase(struct cli *cli, const char *phase,
                                   struct ampql_run_options *out)
{
    static const struct str hash = {"hash:", 5};
    struct ampql_error err = {0};
    struct str text = str_of(phase);
    if (str_has_prefix(text, hash)) {
        out->rule_file = phase + hash.n;
        return STATUS_OK;
    }
    if (str_equal(text, STR("0")) || duration_parse(text, &out->rule_phase_ms, &err) == AMPQL_OK)
        return STATUS_OK;
    return report_usage(cli, NULL, "--rule-phase: %s, expected a duration or hash:FILE",
                        err.message);
}

static struct report report_of(const struct session *session)
{
    return (struct report){
        .what = session->rules_file, .text = session->rules_text, .says_where = true};
}

enum exit_status rules_read_flags(struct cli *cli, const struct rules_flags *flags,
                                  const struct run_flags *run, struct session *session)
{
    struct ampql_error err = {0};
    enum exit_status status = STATUS_OK;
    if (flags->recorded)
        session->options.recorded = (enum ampql_recorded)(flags->recorded - 1);
    session->options.rule_no_markers = flags->markers == 2;
    if (flags->phase)
        status = read_phase(cli, flags->phase, &session->options);
    if (status || !flags->file)
        return status;
    session->rules_file = flags->file;
    if (text_file_read(&cli->arena, flags->file, &session->rules_text, &err) != AMPQL_OK)
        return report_error(cli, &err, (struct report){.what = flags->file});
    return session_try(cli, run, session, session_try_rules, session->rules_text,
                       report_of(session));
}

enum exit_status rules_open(struct cli *cli, const struct rules_flags *flags,
                            struct session *session)
{
    struct ampql_error err = {0};
    if (!flags->file)
        return STATUS_OK;
    if (ampql_rules_load(session->engine, session->rules_text.p, session->rules_text.n,
                         &session->rules, &err) != AMPQL_OK)
        return session_error(cli, session, &err, report_of(session));
    session->options.rules = session->rules;
    return STATUS_OK;
}

enum exit_status rules_start(struct cli *cli, const struct rules_command *command,
                             struct session *session, struct remote *remote)
{
    enum exit_status status = rules_read_flags(cli, command->rules, command->run, session);
    if (!status)
        status = session_source(cli, command->source, command->run, session);
    if (!status)
        status = rules_open(cli, command->rules, session);
    if (!status)
        status = remote_open(cli, command->remote, &command->source->server,
                             command->job ? str_of(command->job) : session->rules_text,
                             session->cancel, remote);
    return status;
}

enum exit_status rules_report(struct cli *cli, const struct session *session,
                              const struct ampql_rules_result *result)
{
    enum exit_status status = STATUS_OK;
    for (size_t i = 0; i < ampql_rules_result_warning_count(result); i++)
        report_warning_text(cli, str_view(ampql_rules_result_warning(result, i)));
    for (size_t i = 0; i < ampql_rules_count(session->rules); i++) {
        struct ampql_rule_outcome outcome = ampql_rules_result_rule(result, i);
        if (!outcome.error)
            continue;
        struct ampql_rule rule = ampql_rules_rule(session->rules, i);
        enum exit_status one =
            session_error(cli, session, outcome.error,
                          (struct report){.text = str_view(rule.expr), .says_where = true});
        status = status ? status : one;
    }
    return status;
}

void rules_report_costs(struct cli *cli, const struct ampql_rules_result *result)
{
    struct ampql_rules_costs costs = ampql_rules_result_costs(result);
    double read = costs.day_samples_read * FORECAST_PRICE / 1e9;
    double written = costs.day_samples_written * REMOTE_WRITE_PRICE / 1e7;
    double here = costs.day_samples_here * FORECAST_PRICE / 1e9;
    report_stats(cli, ampql_rules_result_stats(result));
    report_note(cli, "a ruler: %llu evaluations read %llu samples, write %llu",
                (unsigned long long)costs.evaluations, (unsigned long long)costs.samples_read,
                (unsigned long long)costs.samples_written);
    report_note(cli,
                "a ruler, a day: %.0f evaluations read %.0f samples x $%.2f / 10^9 = $%.6f, write "
                "%.0f x $%.2f / 10^7 = $%.6f: $%.6f",
                costs.day_evaluations, costs.day_samples_read, FORECAST_PRICE, read,
                costs.day_samples_written, REMOTE_WRITE_PRICE, written, read + written);
    report_note(cli,
                "here, the same day: read %.0f samples x $%.2f / 10^9 = $%.6f, write none: %.0f "
                "times less",
                costs.day_samples_here, FORECAST_PRICE, here,
                here > 0 ? (read + written) / here : 0);
}
