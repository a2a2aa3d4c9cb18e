/* Opening and closing what a command evaluates with. */
#include "cli/session.h"

#include <ampql/capture.h>
#include <ampql/rules.h>

#include "base/buf.h"
#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/source.h"
#include "tool/fetch.h"

#include <stdio.h>
#include <sys/stat.h>

static enum ampql_dialect asked_dialect(const struct run_flags *flags)
{
    return flags->dialect == DIALECT_PROM3   ? AMPQL_PROM3
           : flags->dialect == DIALECT_PROM2 ? AMPQL_PROM2
                                             : AMPQL_DIALECT_DEFAULT;
}

enum exit_status session_features(struct cli *cli, struct option_list enable, bool *experimental,
                                  bool *delayed_name_removal)
{
    for (size_t i = 0; i < enable.n; i++) {
        for (const char *at = enable.at[i], *end;; at = end + 1) {
            end = strchr(at, ',');
            struct str name = end ? str_make(at, (size_t)(end - at)) : str_of(at);
            if (str_equal(name, STR("experimental")))
                *experimental = true;
            else if (str_equal(name, STR("delayed-name-removal")))
                *delayed_name_removal = true;
            else
                return report_usage(cli, "features are experimental and delayed-name-removal",
                                    "--enable: unknown feature \"%.*s\"",
                                    (int)(name.n < 64 ? name.n : 64), name.p);
            if (!end)
                break;
        }
    }
    return STATUS_OK;
}

enum exit_status session_open(struct cli *cli, const struct run_flags *flags,
                              struct session *session)
{
    struct ampql_error err = {0};
    bool experimental = flags->experimental, delayed = flags->delayed_name_removal;
    *session = (struct session){0};
    enum exit_status status = session_features(cli, flags->enable, &experimental, &delayed);
    if (status != STATUS_OK)
        return status;
    struct ampql_engine_options options = {.size = sizeof options,
                                           .dialect = asked_dialect(flags),
                                           .experimental = experimental,
                                           .max_depth = flags->max_depth};
    session->engine_options = options;
    enum ampql_code code = ampql_engine_new(&options, &session->engine, &err);
    if (code == AMPQL_BAD_DATA)
        return report_usage(cli, NULL, "%s", err.message);
    if (code == AMPQL_OK)
        code = ampql_cancel_new(session->engine, &session->cancel, &err);
    if (code != AMPQL_OK)
        return report_error(cli, &err, (struct report){0});
    session->options = (struct ampql_run_options){
        .size = sizeof session->options,
        .lookback_ms = flags->lookback.ms,
        .timeout_ms = flags->timeout.ms,
        .max_samples = flags->max_samples,
        .max_series = flags->max_series,
        .max_subquery_points = flags->max_subquery_points,
        .max_bytes = flags->max_bytes,
        .max_labels = flags->max_labels,
        .max_label_bytes = flags->max_label_bytes,
        .delayed_name_removal = delayed,
        .threads = flags->threads,
        .cancel = session->cancel,
    };
    return STATUS_OK;
}

enum ampql_code session_try_query(struct ampql_engine *engine, struct str text,
                                  struct ampql_error *err)
{
    struct ampql_query *query = NULL;
    enum ampql_code code = ampql_query_compile(engine, text.p, text.n, &query, err);
    ampql_query_free(query);
    return code;
}

enum ampql_code session_try_rules(struct ampql_engine *engine, struct str text,
                                  struct ampql_error *err)
{
    struct ampql_rules *rules = NULL;
    enum ampql_code code = ampql_rules_load(engine, text.p, text.n, &rules, err);
    ampql_rules_free(rules);
    return code;
}

/* Of a selector, asked of nothing. */
enum ampql_code session_try_selector(struct ampql_engine *engine, struct str text,
                                     struct ampql_error *err)
{
    struct ampql_source *nothing = NULL;
    struct ampql_result *result = NULL;
    struct ampql_run_options options = {.size = sizeof options};
    enum ampql_code code = ampql_source_memory(engine, NULL, &nothing, err);
    if (code == AMPQL_OK)
        code = ampql_series_run(engine, text.p, text.n, nothing, &options, &result, err);
    ampql_result_free(result);
    ampql_source_free(nothing);
    return code;
}

enum exit_status session_try(struct cli *cli, const struct run_flags *flags,
                             const struct session *session, session_trial *compile, struct str text,
                             struct report report)
{
    struct ampql_error err = {0};
    enum ampql_code code = compile(session->engine, text, &err);
    if (code != AMPQL_OK && asked_dialect(flags) == AMPQL_DIALECT_DEFAULT) {
        struct ampql_engine_options options = session->engine_options;
        struct ampql_engine *prom2 = NULL;
        options.dialect = AMPQL_PROM2;
        if (ampql_engine_new(&options, &prom2, NULL) == AMPQL_OK)
            code = compile(prom2, text, NULL);
        ampql_engine_free(prom2);
    }
    return code == AMPQL_OK ? STATUS_OK : report_error(cli, &err, report);
}

static const char *dialect_name(enum ampql_dialect dialect)
{
    return dialect == AMPQL_PROM2 ? "prom2" : "prom3";
}

/* "a + b": how a capture names the sources that it is of. */
static const char *source_name(struct arena *arena, struct option_list sources)
{
    struct buf buf;
    buf_init(&buf, arena->alc, SIZE_MAX / 2);
    for (size_t i = 0; i < sources.n; i++) {
        buf_text(&buf, i ? FETCH_BETWEEN_SOURCES : "");
        buf_text(&buf, sources.at[i]);
    }
    buf_byte(&buf, '\0');
    const char *name = buf.failed ? NULL : arena_copy(arena, buf_view(&buf)).p;
    buf_done(&buf);
    return name;
}

/* Everything that is read from now on goes into a capture, too. */
static enum exit_status record(struct cli *cli, const struct source_flags *flags,
                               struct session *session)
{
    struct ampql_error err = {0};
    struct ampql_record_options options = {.size = sizeof options,
                                           .name = source_name(&cli->arena, flags->sources),
                                           .append = flags->appends,
                                           .now_ms = flags->now_ms};
    if (!options.name)
        return report_nomem(cli);
    if (!session->has_source)
        return report_usage(cli, "name one with --source, or set AMPQL_SOURCE",
                            "--record keeps what a source says, and there is none");
    struct ampql_source *inner = session->source;
    session->source = NULL;
    if (ampql_source_record(session->engine, inner, flags->record, &options, &session->source,
                            &err) != AMPQL_OK)
        return report_error(cli, &err, (struct report){0});
    session->record = flags->record;
    return STATUS_OK;
}

enum exit_status session_source(struct cli *cli, const struct source_flags *sources,
                                const struct run_flags *flags, struct session *session)
{
    struct ampql_error err = {0};
    session->progress.is_tty = cli->err_is_tty;
    enum ampql_code code = source_open(session->engine, sources, &session->progress,
                                       session->cancel, &cli->arena, &session->source, &err);
    if (code != AMPQL_OK)
        return report_error(
            cli, &err,
            (struct report){.status = code == AMPQL_UNSUPPORTED ? STATUS_SOURCE : STATUS_OK});
    interrupt_cancels(session->cancel); /* reading the sources, it just ended the process */
    session->has_source = sources->sources.n > 0;
    if (sources->record) {
        enum exit_status status = record(cli, sources, session);
        if (status)
            return status;
    }
    enum ampql_dialect known = ampql_source_dialect(session->source);
    enum ampql_dialect asked = asked_dialect(flags);
    if (asked && known && asked != known)
        report_warning(cli, "the source was recorded from a %s server, evaluating as %s",
                       dialect_name(known), dialect_name(asked));
    session->options.dialect = asked ? asked : known ? known : AMPQL_PROM3;
    session->source_says_prom2 = !asked && known == AMPQL_PROM2;
    if (session->source_says_prom2) {
        session->first = session->engine;
        session->engine = NULL;
        session->engine_options.dialect = known;
        if (ampql_engine_new(&session->engine_options, &session->engine, &err) != AMPQL_OK)
            return report_error(cli, &err, (struct report){0});
    }
    return STATUS_OK;
}

enum exit_status session_times(struct cli *cli, const struct time_flags *flags,
                               struct session *session)
{
    struct ampql_run_options *options = &session->options;
    bool is_range = flags->start.is_set || flags->end.is_set || flags->step.is_set;
    int64_t now_ms = flags->now.is_set ? flags->now.ms : cli->now_ms;
    options->max_points = flags->max_points;
    if (!is_range) {
        options->start_ms = flags->time.is_set ? flags->time.ms : now_ms;
        options->end_ms = options->start_ms;
        return STATUS_OK;
    }
    if (flags->time.is_set)
        return report_usage(cli, NULL, "--time is for one time, --start --end --step for many");
    if (!flags->start.is_set || !flags->step.is_set)
        return report_usage(cli, NULL, "a range query needs --start and --step");
    if (flags->step.ms <= 0)
        return report_usage(cli, NULL, "--step must be over 0");
    options->start_ms = flags->start.ms;
    options->end_ms = flags->end.is_set ? flags->end.ms : now_ms;
    options->step_ms = flags->step.ms;
    if (options->end_ms < options->start_ms)
        return report_usage(cli, NULL, "--end is before --start");
    return STATUS_OK;
}

enum exit_status session_span(struct cli *cli, const struct time_flags *flags,
                              struct session *session)
{
    struct ampql_run_options *options = &session->options;
    int64_t now_ms = flags->now.is_set ? flags->now.ms : cli->now_ms;
    bool is_span = flags->start.is_set || flags->end.is_set;
    if (is_span && flags->time.is_set)
        return report_usage(cli, NULL, "--time is for one time, --start --end for many");
    if (is_span && !flags->start.is_set)
        return report_usage(cli, NULL, "expected --start");
    options->start_ms = is_span ? flags->start.ms : flags->time.is_set ? flags->time.ms : now_ms;
    options->end_ms = !is_span ? options->start_ms : flags->end.is_set ? flags->end.ms : now_ms;
    if (options->end_ms < options->start_ms)
        return report_usage(cli, NULL, "--end is before --start");
    return STATUS_OK;
}

enum exit_status session_error(struct cli *cli, const struct session *session,
                               const struct ampql_error *err, struct report report)
{
    if (err->code == AMPQL_NOT_FOUND && !session->has_source && !report.status) {
        report.status = STATUS_USAGE;
        report.hint = "name a file or folder with --source, or set AMPQL_SOURCE";
    }
    if (err->code == AMPQL_PARSE && session->source_says_prom2 && !report.hint)
        report.hint = "the source was recorded from a 2.x server; --dialect prom3 reads it as 3.x";
    return report_error(cli, err, report);
}

void session_close(struct session *session)
{
    interrupt_cancels(NULL);
    ampql_source_free(session->source);
    ampql_rules_free(session->rules);
    if (session->cancel)
        ampql_cancel_free(session->cancel);
    ampql_engine_free(session->engine);
    ampql_engine_free(session->first);
    *session = (struct session){0};
}

static enum exit_status end_record(struct cli *cli, struct session *session,
                                   enum exit_status status)
{
    struct ampql_error err = {0};
    struct stat st;
    char part[4096];
    if (status == STATUS_OK && ampql_record_finish(session->source, NULL, &err) != AMPQL_OK)
        status = report_error(cli, &err, (struct report){0});
    ampql_source_free(session->source);
    session->source = NULL;
    int n = snprintf(part, sizeof part, "%s.part", session->record);
    if (status != STATUS_OK && (size_t)n < sizeof part && stat(part, &st) == 0)
        report_warning(cli, "%.160s keeps what was read: the same command goes on from there",
                       part);
    return status;
}

enum exit_status session_finish(struct cli *cli, struct session *session, enum exit_status status)
{
    if (session->record)
        status = end_record(cli, session, status);
    session_close(session);
    return status;
}
