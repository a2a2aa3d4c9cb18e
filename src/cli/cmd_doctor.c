/* ampql doctor: is everything there between a source and a bill? One check a line. */
#include "tool/doctor.h"
#include "tool/text_file.h"

#include "base/error.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/print.h"
#include "cli/session.h"
#include "cli/source.h"

#include <stdio.h>

struct flags {
    struct source_flags source;
    struct run_flags run;
    struct option_ms start, end;
    const char *rules, *cluster_label, *cluster_id;
    int format;
};

/* clang-format off */
static const struct option options[] = {
    SOURCE_OPTIONS(struct flags, source),
    {"rules", 0, OPTION_STRING, offsetof(struct flags, rules), "FILE",
     "do the rules of this file read series that exist?"},
    {"cluster-label", 0, OPTION_STRING, offsetof(struct flags, cluster_label), "LABEL",
     "the label that tells clusters apart; cluster_id when not given"},
    {"cluster-id", 0, OPTION_STRING, offsetof(struct flags, cluster_id), "ID",
     "the cluster to look for; any when not given"},
    {"start", 0, OPTION_TIME, offsetof(struct flags, start), "TIME",
     "look for series from here; of servers an hour ago when not given, else whenever,"},
    {"end", 0, OPTION_TIME, offsetof(struct flags, end), "TIME",
     "   to here"},
    PRINT_OPTION(struct flags, format, "table|json", "table when not given: a check a line"),
    LIMIT_OPTIONS(struct flags, run),
};
/* clang-format on */

static const char *const words[] = {"ok", "warn", "fail"};

/* ---- printing */

static void print_table(struct cli *cli, const struct doctor *doctor)
{
    size_t width = 0;
    for (size_t i = 0; i < doctor->n; i++)
        width = strlen(doctor->at[i].name) > width ? strlen(doctor->at[i].name) : width;
    for (size_t i = 0; i < doctor->n; i++) {
        const struct doctor_check *check = &doctor->at[i];
        char head[80];
        snprintf(head, sizeof head, "%-4s  %-*s  ", words[check->status], (int)width, check->name);
        output_text(&cli->out, head);
        output_str(&cli->out, check->text);
        output_byte(&cli->out, '\n');
        if (check->advice.n) {
            output_text(&cli->out, "        -> ");
            output_str(&cli->out, check->advice);
            output_byte(&cli->out, '\n');
        }
    }
}

static enum exit_status print_json(struct cli *cli, const struct doctor *doctor)
{
    struct buf json;
    buf_init(&json, cli->arena.alc, SIZE_MAX / 2);
    buf_format(&json, "{\"status\":\"%s\",\"checks\":[", words[doctor_worst(doctor)]);
    for (size_t i = 0; i < doctor->n; i++) {
        const struct doctor_check *check = &doctor->at[i];
        buf_format(&json, "%s{\"check\":\"%s\",\"status\":\"%s\",\"text\":", i ? "," : "",
                   check->name, words[check->status]);
        json_quote(&json, check->text);
        buf_text(&json, ",\"advice\":");
        if (check->advice.n)
            json_quote(&json, check->advice);
        else
            buf_text(&json, "null");
        buf_byte(&json, '}');
    }
    buf_text(&json, "]}\n");
    bool ok = !json.failed;
    if (ok)
        output_str(&cli->out, buf_view(&json));
    buf_done(&json);
    return ok ? STATUS_OK : report_nomem(cli);
}

/* What the first check that failed stands for. */
static enum exit_status status_of(const struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->n; i++) {
        if (doctor->at[i].status != DOCTOR_FAIL)
            continue;
        switch (doctor->at[i].code) {
        case AMPQL_OK:
            return STATUS_NEGATIVE;
        case AMPQL_UNAUTHORIZED:
            return STATUS_AUTH;
        case AMPQL_LIMIT:
        case AMPQL_TIMEOUT:
            return STATUS_LIMIT;
        case AMPQL_BAD_DATA:
            return STATUS_DATA;
        default:
            return STATUS_SOURCE;
        }
    }
    return STATUS_OK;
}

/* ---- checking */

static enum ampql_code check_server(struct cli *cli, const char *word, const struct flags *flags,
                                    struct doctor *doctor, bool *is_reached,
                                    struct ampql_error *err)
{
    struct ampql_http_options base = {.size = sizeof base}, http;
    struct doctor_server server = {.now_ms = cli->now_ms, .options = &http};
    TRY(server_options(&flags->source.server, &base, &cli->arena, &http, err));
    if (str_has_prefix(str_of(word), STR("amp:")))
        TRY(server_amp_parts(word, &http, &cli->arena, &server.workspace, &server.region, err));
    else
        server.url = word;
    return doctor_server(doctor, &server, is_reached, err);
}

/* *go_on: every source that is a server answers. */
static enum exit_status check_servers(struct cli *cli, const struct flags *flags,
                                      struct doctor *doctor, bool *has_server, bool *go_on)
{
    *has_server = false;
    *go_on = true;
    for (size_t i = 0; i < flags->source.sources.n; i++) {
        const char *word = flags->source.sources.at[i];
        struct ampql_error err = {0};
        bool is_reached;
        if (!is_server_source(str_of(word)))
            continue;
        if (check_server(cli, word, flags, doctor, &is_reached, &err) != AMPQL_OK)
            return report_error(cli, &err, (struct report){0});
        *has_server = true;
        *go_on = *go_on && is_reached;
    }
    return STATUS_OK;
}

static enum exit_status check_data(struct cli *cli, const struct flags *flags,
                                   struct session *session, struct str rules, bool has_server,
                                   struct doctor *doctor)
{
    struct ampql_error err = {0};
    enum exit_status status = session_source(cli, &flags->source, &flags->run, session);
    if (status)
        return status;
    int64_t end_ms = flags->end.is_set ? flags->end.ms : has_server ? cli->now_ms : TIME_LAST_MS;
    session->options.end_ms = end_ms;
    session->options.start_ms = flags->start.is_set ? flags->start.ms
                                : has_server        ? end_ms - 3600000
                                                    : TIME_FIRST_MS;
    if (session->options.end_ms < session->options.start_ms)
        return report_usage(cli, NULL, "--end is before --start");
    struct doctor_data data = {session->engine, session->source, &session->options,
                               flags->cluster_label, flags->cluster_id};
    enum ampql_code code = doctor_metrics(doctor, &data, &err);
    if (code == AMPQL_OK && rules.p)
        code = doctor_rules(doctor, &data, rules, &err);
    return code == AMPQL_OK ? STATUS_OK : session_error(cli, session, &err, (struct report){0});
}

static enum exit_status check(struct cli *cli, const struct flags *flags, struct session *session,
                              struct doctor *doctor)
{
    struct ampql_error err = {0};
    struct str rules = {0};
    bool has_server = false, go_on = false;
    enum exit_status status = session_open(cli, &flags->run, session);
    if (!status && flags->rules &&
        text_file_read(&cli->arena, flags->rules, &rules, &err) != AMPQL_OK)
        status = report_error(cli, &err, (struct report){.what = flags->rules});
    if (!status && flags->rules)
        status = session_try(cli, &flags->run, session, session_try_rules, rules,
                             (struct report){.what = flags->rules, .text = rules});
    if (!status)
        status = check_servers(cli, flags, doctor, &has_server, &go_on);
    if (!status && go_on)
        status = check_data(cli, flags, session, rules, has_server, doctor);
    return status;
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct doctor doctor = {.arena = &cli->arena};
    struct session session;
    (void)operands;
    if (flags->source.sources.n == 0)
        return report_usage(cli, NULL, "expected --source: what is to be looked at");
    enum exit_status status = check(cli, flags, &session, &doctor), printed = STATUS_OK;
    session_close(&session);
    if (status && doctor.n == 0)
        return status;
    if (flags->format == PRINT_JSON)
        printed = print_json(cli, &doctor);
    else
        print_table(cli, &doctor);
    return status ? status : printed ? printed : status_of(&doctor);
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "what stands between a source and a bill, one check a line",
    .examples = "  ampql doctor -s amp:ws-12345678-abcd-1234-efgh-123456789012@us-east-1\n"
                "  ampql doctor -s examples/data/cluster_day.aqc\n",
    .details =
        "Of servers: credentials, identity, connection, clock and dialect, by one request that\n"
        "reads nothing. Of all sources: the metrics that the cost model reads, the label that\n"
        "tells clusters apart, and with --rules selectors that match nothing. The exit status is\n"
        "0 when nothing fails (warnings are no failure), 1 when data is missing, 7 when a server\n"
        "cannot be reached, 8 when it does not know us.\n",
    COMMAND_OPTIONS(options, struct flags),
    .run = run,
};
