/* ampql rules check: what is wrong with rule files. */
#include <ampql/rules.h>

#include "cli/report.h"
#include "cli/session.h"
#include "tool/text_file.h"

struct flags {
    struct run_flags run;
};

static const struct option options[] = {
    LANGUAGE_OPTIONS(struct flags, run),
    REPORT_OPTIONS(struct flags, run.error_format),
};

static void print_count(struct cli *cli, const char *before, size_t n, const char *what)
{
    char text[64];
    snprintf(text, sizeof text, "%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
    output_text(&cli->out, text);
}

static enum exit_status check_file(struct cli *cli, const struct session *session, const char *path)
{
    struct ampql_rules *rules = NULL;
    struct ampql_error err = {0};
    struct str text;
    if (text_file_read(&cli->arena, path, &text, &err) != AMPQL_OK)
        return report_error(cli, &err, (struct report){.what = path});
    if (ampql_rules_load(session->engine, text.p, text.n, &rules, &err) != AMPQL_OK)
        return session_error(cli, session, &err,
                             (struct report){.what = path, .text = text, .says_where = true});
    size_t nalerts = ampql_rules_alert_count(rules);
    output_text(&cli->out, path);
    print_count(cli, ": ", ampql_rules_group_count(rules), "group");
    print_count(cli, ", ", ampql_rules_count(rules) - nalerts, "recording rule");
    print_count(cli, ", ", nalerts, "alert");
    output_byte(&cli->out, '\n');
    ampql_rules_free(rules);
    return STATUS_OK;
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct session session;
    enum exit_status status = session_open(cli, &flags->run, &session);
    if (session.engine)
        for (size_t i = 0; i < operands.n;
             i++) { /* all files are checked; the first error counts */
            enum exit_status one = check_file(cli, &session, operands.at[i]);
            status = status ? status : one;
        }
    session_close(&session);
    return status;
}

const struct command command_rules_check = {
    .name = "rules check",
    .operands = "FILE...",
    .summary = "check rule files",
    .examples = "  ampql rules check examples/rules/kubecost.yml\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .run = run,
};
