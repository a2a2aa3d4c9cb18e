/* ampql rules run: a small ruler. */
#include <ampql/rules.h>

#include "base/time.h"
#include "cli/interrupt.h"
#include "cli/remote.h"
#include "cli/report.h"
#include "cli/rules.h"
#include "tool/ruler.h"

#include <time.h>

struct flags {
    struct source_flags source;
    struct remote_flags remote;
    struct option_ms delay, catch_up, now;
    struct run_flags run;
    bool once;
};

enum { CATCH_UP_MS = 600000 };

static const struct option options[] = {
    SOURCE_OPTIONS(struct flags, source),
    REMOTE_OPTIONS(struct flags, remote),
    {"once", 0, OPTION_BOOL, offsetof(struct flags, once), NULL,
     "evaluate what is due now, write it, and end"},
    {"now", 0, OPTION_TIME, offsetof(struct flags, now), "TIME", "--once: what now means"},
    {"delay", 0, OPTION_DURATION, offsetof(struct flags, delay), "DURATION",
     "evaluate so long after a time, when its data have arrived; 0 when not given"},
    {"catch-up", 0, OPTION_DURATION, offsetof(struct flags, catch_up), "DURATION",
     "after a pause, evaluate what was due at most so long ago; 10m when not given"},
    RUN_OPTIONS(struct flags, run),
};

/* ---- the clock */

static int64_t now(void *payload)
{
    const struct option_ms *fixed = payload;
    return fixed->is_set ? fixed->ms : time_now();
}

/* A signal ends the sleep. */
static void wait_until(void *payload, int64_t t_ms)
{
    enum { LONGEST_MS = 1000 }; /* so that a clock that is put forward is noticed */
    (void)payload;
    int64_t ms = t_ms - time_now();
    ms = ms > LONGEST_MS ? LONGEST_MS : ms;
    struct timespec sleep = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    if (ms > 0)
        nanosleep(&sleep, NULL);
}

static bool is_stopped(void *payload)
{
    (void)payload;
    return interrupt_stopped();
}

/* ---- what is told */

struct watcher {
    struct cli *cli;
    const struct ampql_rules *rules;
    bool *fails; /* [nrules] so told: once is enough */
    bool shows_ticks;
};

static void tell_rules(struct watcher *w, const struct ampql_rules_result *result)
{
    for (size_t i = 0; i < ampql_rules_count(w->rules); i++) {
        const struct ampql_error *error = ampql_rules_result_rule(result, i).error;
        struct ampql_rule rule = ampql_rules_rule(w->rules, i);
        if (error && !w->fails[i])
            report_warning(w->cli, "%s", error->message);
        else if (!error && w->fails[i])
            report_note(w->cli, "%.*s of line %zu works again", (int)rule.name.size, rule.name.data,
                        rule.line);
        w->fails[i] = error != NULL;
    }
}

static void watch(void *payload, const struct ruler_tick *tick)
{
    struct watcher *w = payload;
    char to[TIME_TEXT_MAX];
    time_format(tick->to_ms, to);
    if (tick->result)
        tell_rules(w, tick->result);
    if (tick->error)
        report_warning(w->cli, "%s: %s%s", to, tick->error->message,
                       tick->is_refused ? ": dropped" : "");
    if (w->shows_ticks && !tick->error)
        report_note(w->cli, "%s: %llu tick%s, %llu samples", to, (unsigned long long)tick->nticks,
                    tick->nticks == 1 ? "" : "s", (unsigned long long)tick->nsamples);
}

static void tell_end(struct cli *cli, const struct ruler_stats *stats)
{
    report_note(cli,
                "evaluated %llu ticks, %llu late, %llu missed; %llu times a rule failed, %llu runs "
                "were made up for, %llu refused",
                (unsigned long long)stats->nticks, (unsigned long long)stats->nlate,
                (unsigned long long)stats->nmissed, (unsigned long long)stats->nfailed_rules,
                (unsigned long long)stats->nfailed, (unsigned long long)stats->nrefused);
}

/* ---- the command */

static enum exit_status run_ruler(struct cli *cli, const struct flags *flags,
                                  struct session *session, const struct remote *remote)
{
    const struct ampql_rules *rules = session->rules;
    struct ampql_error err = {0};
    struct ruler_stats stats;
    struct watcher watcher = {
        cli, rules, arena_zeroed(&cli->arena, ampql_rules_count(rules) + 1, sizeof *watcher.fails),
        flags->run.stats};
    struct ruler_options ruler = {
        .rules = rules,
        .source = session->source,
        .run = &session->options,
        .write = remote->write,
        .done_ms = remote_write_until_ms(remote->write),
        .delay_ms = flags->delay.ms,
        .catch_up_ms = flags->catch_up.is_set ? flags->catch_up.ms : CATCH_UP_MS,
        .is_once = flags->once,
        .clock = {now, wait_until, is_stopped, (void *)&flags->now},
        .watch = watch,
        .watch_payload = &watcher,
    };
    if (!watcher.fails)
        return report_nomem(cli);
    interrupt_stops(session->cancel);
    enum ampql_code code = ruler_run(&ruler, &stats, &err);
    if (code == AMPQL_OK || stats.nticks > 0)
        tell_end(cli, &stats);
    if (code == AMPQL_OUTPUT)
        return remote_failed(cli, &err);
    return code == AMPQL_OK ? remote_finish(cli, remote)
                            : session_error(cli, session, &err, (struct report){0});
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct rules_flags rules = {.file = operands.at[0]};
    struct session session;
    struct remote remote = {0};
    /* the rules may change, and the ruler goes on from where it was */
    struct rules_command command = {&rules, &flags->run, &flags->source, &flags->remote,
                                    rules.file};
    if (!flags->remote.to)
        return report_usage(cli, NULL, "expected --remote-write: where to write what is recorded");
    if (flags->now.is_set && !flags->once)
        return report_usage(cli, NULL, "--now is for --once");
    enum exit_status status = session_open(cli, &flags->run, &session);
    if (!status)
        status = rules_start(cli, &command, &session, &remote);
    if (!status)
        status = run_ruler(cli, flags, &session, &remote);
    remote_close(&remote);
    session_close(&session);
    return status;
}

const struct command command_rules_run = {
    .name = "rules run",
    .operands = "FILE",
    .summary = "evaluate rules on their clock, and write what they record",
    .examples =
        "  ampql rules run my_rules.yml -s amp:ws-1@eu-west-1 --remote-write amp:ws-1@eu-west-1\n"
        "  ampql rules run examples/rules/kubecost.yml -s examples/data/cluster_day.aqc --once \\\n"
        "    --now 2026-03-02T00:00:00Z --remote-write http://127.0.0.1:9090/api/v1/write "
        "--dry-run\n",
    .details =
        "Groups are due at the multiples of their interval. What was due while the source or\n"
        "the receiver could not be reached is made up for, as far back as --catch-up; what is\n"
        "older counts as missed. With --remote-write.state the next run goes on from there.\n"
        "SIGINT or SIGTERM: the evaluation that is under way is finished and written; a second\n"
        "one breaks it off. What the receiver refuses is dropped, and told. --stats shows ticks.\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
