/* ampql rules backfill: what a ruler would have recorded, for any time in the past. */
#include <ampql/rules.h>

#include "base/error.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "cli/report.h"
#include "cli/rules.h"
#include "tool/backfill.h"

struct flags {
    struct source_flags source;
    struct time_flags times;
    struct rules_flags rules;
    struct remote_flags remote;
    struct run_flags run;
    const char *out;
    bool strict;
    int format;
};

static const struct option options[] = {
    SOURCE_OPTIONS(struct flags, source),
    RECORD_OPTION(struct flags, source),
    {"start", 0, OPTION_TIME, offsetof(struct flags, times.start), "TIME", "samples from here,"},
    {"end", 0, OPTION_TIME, offsetof(struct flags, times.end), "TIME",
     "   to here (now when not given)"},
    {"step", 0, OPTION_DURATION, offsetof(struct flags, times.step), "DURATION",
     "evaluate all groups so often; each at its own interval when not given"},
    {"now", 0, OPTION_TIME, offsetof(struct flags, times.now), "TIME", "what now means"},
    {"out", 0, OPTION_STRING, offsetof(struct flags, out), "FILE.aqc",
     "write a capture, stale markers included, instead of printing"},
    PRINT_OPTION(struct flags, format, "openmetrics|json",
                 "openmetrics (for promtool tsdb create-blocks-from) when not given"),
    REMOTE_OPTIONS(struct flags, remote),
    TICK_OPTIONS(struct flags, rules),
    RECORDED_OPTION(struct flags, rules),
    {"strict", 0, OPTION_BOOL, offsetof(struct flags, strict), NULL,
     "write nothing when an evaluation fails"},
    THREADS_OPTION(struct flags, run),
    RUN_OPTIONS(struct flags, run),
};

enum { FORMAT_OPENMETRICS = 1, FORMAT_JSON };

/* ---- where series go */

struct target {
    struct backfill backfill;
    struct remote_write *remote; /* NULL: to the backfill */
};

static enum ampql_code take(void *payload, size_t rule, const struct ampql_series *series,
                            struct ampql_error *err)
{
    struct target *target = payload;
    return target->remote ? remote_write_add(target->remote, series->labels, series->nlabels,
                                             series->t_ms, series->values, series->n, err)
                          : backfill_take(&target->backfill, rule, series, err);
}

static enum ampql_code open_target(struct cli *cli, const struct flags *flags,
                                   const struct session *session, const struct remote *remote,
                                   struct target *out, struct ampql_error *err)
{
    *out = (struct target){.remote = remote->write};
    if (remote->write)
        return AMPQL_OK;
    enum backfill_form form = flags->out                     ? BACKFILL_CAPTURE
                              : flags->format == FORMAT_JSON ? BACKFILL_JSON
                                                             : BACKFILL_OPENMETRICS;
    return backfill_open(&out->backfill, form, &alloc_default, flags->out,
                         str_of(session->rules_file), session->options.dialect, output_write,
                         &cli->out, err);
}

static enum ampql_code close_target(struct target *target, enum ampql_code code,
                                    struct ampql_error *err)
{
    return target->remote ? code : backfill_close(&target->backfill, code, err);
}

/* ---- the run */

static enum exit_status fill(struct cli *cli, const struct flags *flags, struct session *session,
                             const struct remote *remote)
{
    struct ampql_error err = {0};
    struct ampql_rules_result *result = NULL;
    struct target target;
    enum ampql_code code = open_target(cli, flags, session, remote, &target, &err);
    if (code != AMPQL_OK)
        return report_error(cli, &err, (struct report){0});
    code = ampql_rules_backfill(session->rules, session->source, &session->options, take, &target,
                                &result, &err);
    code = close_target(&target, code, &err);
    enum exit_status status = STATUS_OK, failed = STATUS_OK;
    if (code == AMPQL_OUTPUT && !flags->out)
        status = STATUS_OUTPUT; /* told when the output is closed */
    else if (code != AMPQL_OK)
        status = session_error(cli, session, &err, (struct report){0});
    if (result) {
        failed = rules_report(cli, session, result);
        if (!status && target.backfill.nmarkers)
            report_note(cli,
                        "stale markers that this form cannot hold are left out, %llu of them: a "
                        "series that ended lives on for the lookback",
                        (unsigned long long)target.backfill.nmarkers);
        if (flags->run.stats)
            rules_report_costs(cli, result);
    }
    ampql_rules_result_free(result);
    if (!status)
        status = remote_finish(cli, remote);
    return status ? status : failed;
}

static enum exit_status check_flags(struct cli *cli, const struct flags *flags)
{
    if (!flags->times.start.is_set)
        return report_usage(cli, NULL, "expected --start");
    if (flags->times.step.is_set && flags->times.step.ms <= 0)
        return report_usage(cli, NULL, "--step must be over 0");
    if (flags->out && (flags->format || flags->remote.to))
        return report_usage(cli, NULL,
                            "--out writes a capture: leave out --output, --remote-write");
    return STATUS_OK;
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct rules_flags rules = flags->rules;
    struct session session;
    struct remote remote = {0};
    struct rules_command command = {&rules, &flags->run, &flags->source, &flags->remote, NULL};
    rules.file = operands.at[0];
    enum exit_status status = session_open(cli, &flags->run, &session);
    if (!status)
        status = check_flags(cli, flags);
    if (!status)
        status = session_span(cli, &flags->times, &session);
    session.options.rule_interval_ms = flags->times.step.ms;
    session.options.rule_strict = flags->strict;
    if (!status)
        status = rules_start(cli, &command, &session, &remote);
    if (!status)
        status = fill(cli, flags, &session, &remote);
    remote_close(&remote);
    return session_finish(cli, &session, status);
}

const struct command command_rules_backfill = {
    .name = "rules backfill",
    .operands = "FILE",
    .summary = "what a ruler would have recorded over a time in the past",
    .examples =
        "  ampql rules backfill examples/rules/kubecost.yml -s examples/data/cluster_day.aqc \\\n"
        "    --start 2026-03-01T18:10:00Z --end 2026-03-01T20:00:00Z --step 10m\n",
    .details =
        "Groups are evaluated at the multiples of their interval, or as --rule-phase says, rules\n"
        "see each other's records as a server's rules do, and series that end get stale markers,\n"
        "as far as the form can hold them. Records of rules that work are written also when "
        "others\n"
        "fail; the status then is that of the first failure.\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
