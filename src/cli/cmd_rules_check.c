/* ampql rules check: what is wrong with rule files, and what they cost. */
#include <ampql/rules.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "tool/rule_check.h"
#include "tool/text_file.h"

struct flags {
    struct source_flags source;
    struct run_flags run;
    struct option_ms start, end;
    const char *cluster_label;
    struct option_list fail_on;
    int format;
    bool list;
};

enum { FORMAT_TEXT = 1, FORMAT_JSON };

static const struct option options[] = {
    SOURCE_OPTIONS(struct flags, source),
    {"start", 0, OPTION_TIME, offsetof(struct flags, start), "TIME",
     "look for series from here; of servers an hour ago when not given, else whenever,"},
    {"end", 0, OPTION_TIME, offsetof(struct flags, end), "TIME", "   to here"},
    {"cluster-label", 0, OPTION_STRING, offsetof(struct flags, cluster_label), "LABEL",
     "the label that tells clusters apart; cluster_id when not given"},
    {"fail-on", 0, OPTION_LIST, offsetof(struct flags, fail_on), "SEVERITY|CHECK,...",
     "what ends with status 3: info, warning, error (when not given), none, or checks by name"},
    {"list", 0, OPTION_BOOL, offsetof(struct flags, list), NULL, "list the checks"},
    {"output", 'o', OPTION_ENUM, offsetof(struct flags, format), "text|json",
     "text when not given: a finding with its place, and what to do"},
    LANGUAGE_OPTIONS(struct flags, run),
    LIMIT_OPTIONS(struct flags, run),
};

/* ---- what ends with status 3 */

struct fail_on {
    bool check[CHECK_COUNT];
    int severity; /* this and worse; RULE_ERROR + 1: none */
};

static bool read_word(struct str word, struct fail_on *out)
{
    static const char *const severities[] = {"info", "warning", "error", "none"};
    for (int i = 0; i < 4; i++) {
        if (!str_equal(word, str_of(severities[i])))
            continue;
        out->severity = i < out->severity ? i : out->severity;
        return true;
    }
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        if (!str_equal(word, str_of(rule_checks[i].name)))
            continue;
        out->check[i] = true;
        return true;
    }
    return false;
}

static enum exit_status read_fail_on(struct cli *cli, struct option_list words, struct fail_on *out)
{
    *out = (struct fail_on){.severity = words.n ? RULE_ERROR + 1 : RULE_ERROR};
    for (size_t i = 0; i < words.n; i++) {
        for (const char *at = words.at[i], *end;; at = end + 1) {
            end = strchr(at, ',');
            struct str word = end ? str_make(at, (size_t)(end - at)) : str_of(at);
            char quoted[100];
            if (!read_word(word, out))
                return report_usage(cli, "ampql rules check --list shows the checks",
                                    "--fail-on: no severity and no check: %s",
                                    quote_clipped(quoted, sizeof quoted, word));
            if (!end)
                break;
        }
    }
    return STATUS_OK;
}

static bool fails(const struct fail_on *fail_on, const struct rule_finding *finding)
{
    return (int)finding->severity >= fail_on->severity || fail_on->check[finding->check];
}

static enum exit_status status_of(const struct rule_checker *checker, const struct fail_on *fail_on)
{
    enum exit_status status = STATUS_OK;
    for (size_t i = 0; i < checker->findings.n; i++) {
        const struct rule_finding *finding = &checker->findings.at[i];
        if (finding->check == CHECK_SYNTAX) /* promtool's order: what does not load counts first */
            return finding->code == AMPQL_PARSE      ? STATUS_PARSE
                   : finding->code == AMPQL_LIMIT    ? STATUS_LIMIT
                   : finding->code == AMPQL_BAD_DATA ? STATUS_DATA
                                                     : STATUS_EVALUATION;
        if (fails(fail_on, finding))
            status = STATUS_LINT;
    }
    return status;
}

/* ---- text */

static void print_count(struct cli *cli, const char *before, size_t n, const char *what)
{
    char text[64];
    snprintf(text, sizeof text, "%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
    output_text(&cli->out, text);
}

static void print_summary(struct cli *cli, const struct rule_checker *checker, size_t file)
{
    const struct ampql_rules *rules = checker->files.at[file].rules;
    size_t n[3] = {0}, nalerts = rules->file.nalerts;
    for (size_t i = 0; i < checker->findings.n; i++)
        if (checker->findings.at[i].file == file)
            n[checker->findings.at[i].severity]++;
    output_text(&cli->out, checker->files.at[file].path);
    print_count(cli, ": ", rules->file.groups.n, "group");
    print_count(cli, ", ", rules->file.rules.n - nalerts, "recording rule");
    print_count(cli, ", ", nalerts, "alert");
    for (int severity = RULE_ERROR; severity >= RULE_INFO; severity--)
        if (n[severity])
            print_count(cli, severity == RULE_ERROR || !n[RULE_ERROR] ? "; " : ", ", n[severity],
                        rule_severity_name((enum rule_severity)severity));
    output_byte(&cli->out, '\n');
}

/* The line that a finding is on, and carets under it. */
static void print_source(struct cli *cli, struct str text, const struct rule_finding *finding)
{
    size_t begin = finding->place.offset, end = begin;
    while (begin > 0 && text.p[begin - 1] != '\n')
        begin--;
    while (end < text.n && text.p[end] != '\n' && text.p[end] != '\r')
        end++;
    size_t last = finding->end > finding->place.offset ? finding->end : finding->place.offset + 1;
    output_text(&cli->out, "    ");
    output_str(&cli->out, str_make(text.p + begin, end - begin));
    output_text(&cli->out, "\n    ");
    for (size_t i = begin; i < end && i < last; i++)
        if ((text.p[i] & 0xc0) != 0x80) /* a column a character */
            output_byte(&cli->out,
                        i < finding->place.offset ? (text.p[i] == '\t' ? '\t' : ' ') : '^');
    output_byte(&cli->out, '\n');
}

static void print_finding(struct cli *cli, const struct rule_checker *checker,
                          const struct rule_finding *finding)
{
    const struct checked_file *file = &checker->files.at[finding->file];
    char place[64];
    snprintf(place, sizeof place, ":%zu:%zu: %s: ", finding->place.line, finding->place.column,
             rule_severity_name(finding->severity));
    output_text(&cli->out, file->path);
    output_text(&cli->out, place);
    output_str(&cli->out, str_view(file->rules->file.rules.at[finding->rule].view.name));
    output_text(&cli->out, ": ");
    output_str(&cli->out, finding->message);
    output_text(&cli->out, " [");
    output_text(&cli->out, rule_checks[finding->check].name);
    output_text(&cli->out, "]\n");
    if (finding->end > finding->place.offset)
        print_source(cli, file->text, finding);
    if (finding->advice.n) {
        output_text(&cli->out, "    -> ");
        output_str(&cli->out, finding->advice);
        output_byte(&cli->out, '\n');
    }
}

/* What does not load is an error like any other; its caret is under the file's line. */
static void report_fault(struct cli *cli, const struct rule_checker *checker,
                         const struct rule_finding *finding)
{
    const struct checked_file *file = &checker->files.at[finding->file];
    struct ampql_error err;
    fail_at(&err, finding->code, finding->place.offset, finding->end, "line %zu, column %zu: %.*s",
            finding->place.line, finding->place.column, STR_ARGS(finding->message));
    report_error(cli, &err,
                 (struct report){.what = file->path, .text = file->text, .says_where = true});
}

static void print_text(struct cli *cli, const struct rule_checker *checker)
{
    for (size_t f = 0; f < checker->files.n; f++) {
        struct str fixed = {0};
        for (size_t i = 0; i < checker->findings.n; i++) {
            const struct rule_finding *finding = &checker->findings.at[i];
            const struct rule_finding *next = i + 1 < checker->findings.n ? finding + 1 : NULL;
            if (finding->file != f)
                continue;
            if (finding->check == CHECK_SYNTAX)
                report_fault(cli, checker, finding);
            else
                print_finding(cli, checker, finding);
            fixed = finding->fixed.n ? finding->fixed : fixed;
            if (fixed.n && !(next && next->file == f && next->rule == finding->rule)) {
                output_text(&cli->out, "    corrected: ");
                output_str(&cli->out, fixed);
                output_byte(&cli->out, '\n');
                fixed.n = 0;
            }
        }
        print_summary(cli, checker, f);
    }
}

/* ---- JSON */

static void put_member(struct buf *out, const char *name, struct str value)
{
    buf_format(out, ",\"%s\":", name);
    if (value.n)
        json_quote(out, value);
    else
        buf_text(out, "null");
}

static void put_finding(struct buf *out, const struct rule_checker *checker,
                        const struct rule_finding *finding)
{
    const struct checked_file *file = &checker->files.at[finding->file];
    struct str rule = {0}, group = {0};
    if (finding->rule != SIZE_MAX) {
        const struct ampql_rule *view = &file->rules->file.rules.at[finding->rule].view;
        rule = str_view(view->name);
        group = str_view(file->rules->file.groups.at[view->group].name);
    }
    buf_text(out, "{\"file\":");
    json_quote(out, str_of(file->path));
    buf_format(out, ",\"line\":%zu,\"column\":%zu,\"check\":\"%s\",\"severity\":\"%s\"",
               finding->place.line, finding->place.column, rule_checks[finding->check].name,
               rule_severity_name(finding->severity));
    put_member(out, "group", group);
    put_member(out, "rule", rule);
    put_member(out, "message", finding->message);
    put_member(out, "advice", finding->advice);
    put_member(out, "corrected", finding->fixed);
    buf_byte(out, '}');
}

static enum exit_status print_json(struct cli *cli, const struct rule_checker *checker)
{
    struct buf json;
    buf_init(&json, &alloc_default, SIZE_MAX / 2);
    buf_text(&json, "{\"files\":[");
    for (size_t i = 0; i < checker->files.n; i++) {
        const struct rule_file *file = &checker->files.at[i].rules->file;
        buf_text(&json, i ? ",{\"file\":" : "{\"file\":");
        json_quote(&json, str_of(checker->files.at[i].path));
        buf_format(&json, ",\"groups\":%zu,\"recording_rules\":%zu,\"alerts\":%zu}", file->groups.n,
                   file->rules.n - file->nalerts, file->nalerts);
    }
    buf_text(&json, "],\"findings\":[");
    for (size_t i = 0; i < checker->findings.n; i++) {
        buf_text(&json, i ? "," : "");
        put_finding(&json, checker, &checker->findings.at[i]);
    }
    buf_text(&json, "]}\n");
    bool ok = !json.failed;
    if (ok)
        output_str(&cli->out, buf_view(&json));
    buf_done(&json);
    return ok ? STATUS_OK : report_nomem(cli);
}

/* ---- the command */

static enum exit_status print_checks(struct cli *cli)
{
    struct table table;
    table_init(&table, &cli->arena, 4);
    table_head(&table, 0, STR("CHECK"), false);
    table_head(&table, 1, STR("SEVERITY"), false);
    table_head(&table, 2, STR("NEEDS"), false);
    table_head(&table, 3, STR("FINDS"), false);
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        table_text(&table, rule_checks[i].name);
        table_text(&table, rule_severity_name(rule_checks[i].severity));
        table_text(&table, rule_checks[i].needs_source ? "source" : "");
        table_text(&table, rule_checks[i].help);
    }
    return table.failed || !table_print(&table, &cli->out) ? report_nomem(cli) : STATUS_OK;
}

static bool has_server(const struct source_flags *flags)
{
    for (size_t i = 0; i < flags->sources.n; i++)
        if (is_server_source(str_of(flags->sources.at[i])))
            return true;
    return false;
}

static enum exit_status open_data(struct cli *cli, const struct flags *flags,
                                  struct session *session, struct rule_check_data *out)
{
    const char *label = flags->cluster_label ? flags->cluster_label : "cluster_id";
    enum exit_status status = STATUS_OK;
    bool asks_server = has_server(&flags->source);
    if (flags->source.sources.n)
        status = session_source(cli, &flags->source, &flags->run, session);
    int64_t end_ms = flags->end.is_set ? flags->end.ms : asks_server ? cli->now_ms : TIME_LAST_MS;
    session->options.end_ms = end_ms;
    session->options.start_ms = flags->start.is_set ? flags->start.ms
                                : asks_server       ? end_ms - 3600000
                                                    : TIME_FIRST_MS;
    *out =
        (struct rule_check_data){session->engine, flags->source.sources.n ? session->source : NULL,
                                 &session->options, str_of(label)};
    if (!status && session->options.end_ms < session->options.start_ms)
        status = report_usage(cli, NULL, "--end is before --start");
    return status;
}

static enum exit_status check_files(struct cli *cli, const struct flags *flags,
                                    struct session *session, struct option_list paths,
                                    struct rule_checker *checker)
{
    struct ampql_error err = {0};
    enum exit_status status = STATUS_OK;
    for (size_t i = 0; i < paths.n; i++) { /* a file that cannot be read does not hide the others */
        struct str text;
        enum ampql_code code = text_file_read(&cli->arena, paths.at[i], &text, &err);
        if (code == AMPQL_OK)
            code = rule_checker_add(checker, paths.at[i], text, &err);
        if (code != AMPQL_OK) {
            enum exit_status one = report_error(cli, &err, (struct report){.what = paths.at[i]});
            status = status ? status : one;
        }
    }
    if (rule_checker_run(checker, &err) != AMPQL_OK)
        return session_error(cli, session, &err, (struct report){0});
    if (flags->format != FORMAT_JSON) {
        print_text(cli, checker);
        return status;
    }
    enum exit_status printed = print_json(cli, checker);
    return status ? status : printed;
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct fail_on fail_on;
    struct session session;
    struct rule_check_data data;
    struct rule_checker checker = {0};
    if (flags->list)
        return print_checks(cli);
    if (operands.n == 0)
        return report_usage(cli, NULL, "expected FILE...");
    enum exit_status status = read_fail_on(cli, flags->fail_on, &fail_on);
    if (status)
        return status;
    status = session_open(cli, &flags->run, &session);
    if (!status)
        status = open_data(cli, flags, &session, &data);
    if (!status) {
        rule_checker_init(&checker, &cli->arena, &data,
                          session.options.dialect ? session.options.dialect : AMPQL_PROM3);
        status = check_files(cli, flags, &session, operands, &checker);
        if (!status)
            status = status_of(&checker, &fail_on);
    }
    rule_checker_done(&checker);
    session_close(&session);
    return status;
}

const struct command command_rules_check = {
    .name = "rules check",
    .operands = "FILE...",
    .summary = "what is wrong with rule files, and costs",
    .examples =
        "  ampql rules check examples/rules/kubecost.yml\n"
        "  ampql rules check examples/rules/amp-guide.yml -s examples/data/cluster_day.aqc \\\n"
        "    --fail-on none\n"
        "  ampql rules check --list\n",
    .details =
        "Everything that does not load is told, with its place. With a source the rules are\n"
        "held against its series of an hour (--start, --end). Status 3: something was found\n"
        "that --fail-on names; what does not load has its own status.\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 0,
    .max_operands = SIZE_MAX,
    .run = run,
};
