/* Rule files of a session: read, tried, and loaded once its dialect is known. */
#include "cli/rules.h"

#include <ampql/rules.h>

#include "base/duration.h"
#include "base/error.h"
#include "cli/report.h"
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
