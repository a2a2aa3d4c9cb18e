/* Errors and warnings on standard error. Each is put together in a buffer and written at once. */
#include "cli/report.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/escape.h"
#include "tool/suggest.h"

#include <stdarg.h>
#include <stdlib.h>

enum {
    REPORT_MAX = 1 << 16,
    CONTEXT = 96 /* columns of query text shown around the span */
};

static const struct code_row {
    const char *name;
    enum exit_status status;
} codes[] = {
    [AMPQL_OK] = {"OK", STATUS_OK},
    [AMPQL_PARSE] = {"PARSE", STATUS_PARSE},
    [AMPQL_BAD_DATA] = {"BAD_DATA", STATUS_DATA},
    [AMPQL_EXECUTION] = {"EXECUTION", STATUS_EVALUATION},
    [AMPQL_TIMEOUT] = {"TIMEOUT", STATUS_LIMIT},
    [AMPQL_CANCELED] = {"CANCELED", STATUS_INTERRUPTED},
    [AMPQL_LIMIT] = {"LIMIT", STATUS_LIMIT},
    [AMPQL_NOMEM] = {"NOMEM", STATUS_LIMIT},
    [AMPQL_NOT_FOUND] = {"NOT_FOUND", STATUS_SOURCE},
    [AMPQL_UNAVAILABLE] = {"UNAVAILABLE", STATUS_SOURCE},
    [AMPQL_UNAUTHORIZED] = {"UNAUTHORIZED", STATUS_AUTH},
    [AMPQL_UNSUPPORTED] = {"UNSUPPORTED", STATUS_EVALUATION},
    [AMPQL_OUTPUT] = {"OUTPUT", STATUS_OUTPUT},
    [AMPQL_INTERNAL] = {"INTERNAL", STATUS_INTERNAL},
};

bool report_format_scan(int argc, char **argv)
{
    const char *env = getenv("AMPQL_ERROR_FORMAT");
    bool json = env && str_equal(str_of(env), STR("json"));
    for (int i = 1; i < argc; i++) {
        struct str arg = str_of(argv[i]);
        if (str_equal(arg, STR("--")))
            break;
        if (str_has_prefix(arg, STR("--error-format=")))
            json = str_equal(arg, STR("--error-format=json"));
        else if (str_equal(arg, STR("--error-format")) && i + 1 < argc)
            json = str_equal(str_of(argv[i + 1]), STR("json"));
    }
    return json;
}

static void flush(struct buf *buf)
{
    if (buf->failed)
        fputs("ampql: error: no memory for the error message\n", stderr);
    else
        fwrite(buf->p, 1, buf->n, stderr);
    fflush(stderr);
    buf_done(buf);
}

/* Line and column from 1, the column in characters, of a byte of text, and that line. */
static struct str find_line(struct str text, size_t offset, size_t *line, size_t *column)
{
    size_t begin = 0, end;
    *line = 1;
    for (size_t i = 0; i < offset; i++)
        if (text.p[i] == '\n') {
            begin = i + 1;
            ++*line;
        }
    for (end = offset; end < text.n && text.p[end] != '\n'; end++)
        ;
    *column = 1 + escape_width(str_make(text.p + begin, offset - begin));
    return str_make(text.p + begin, end - begin);
}

/* One character of the shown line; what cannot be shown in one column is a blank or a question
 * mark. */
static void show_rune(struct buf *out, struct str rune)
{
    char text[QUOTED_RUNE_MAX];
    if (rune.p[0] == '\t')
        buf_byte(out, ' ');
    else if (escape_rune(rune.p, rune.n, text) != rune.n || text[0])
        buf_byte(out, '?');
    else
        buf_str(out, rune);
}

/* The line with the span, clipped to CONTEXT columns, and a caret line under it. */
static void show_span(struct buf *out, struct str line, size_t column, size_t width)
{
    size_t total = escape_width(line), first = 0;
    if (column > CONTEXT - CONTEXT / 4 && total > CONTEXT)
        first = column - CONTEXT / 2;
    size_t last = total - first > CONTEXT ? first + CONTEXT : total;
    buf_text(out, first ? "  ..." : "  ");
    for (size_t i = 0, at = 0, n; i < line.n; i += n, at++) {
        for (n = 1; i + n < line.n && ((unsigned char)line.p[i + n] & 0xc0) == 0x80; n++)
            ;
        if (at >= first && at < last)
            show_rune(out, str_make(line.p + i, n));
    }
    buf_text(out, last < total ? "...\n  " : "\n  ");
    for (size_t i = first ? first - 3 : 0; i + 1 < column; i++)
        buf_byte(out, ' ');
    if (column - 1 + width > last)
        width = column - 1 < last ? last - (column - 1) : 1;
    for (size_t i = 0; i < (width ? width : 1); i++)
        buf_byte(out, '^');
    buf_byte(out, '\n');
}

/* For a function that does not exist: the nearest that does. */
static const char *suggest_function(const struct ampql_error *err, struct str text, char *out,
                                    size_t size)
{
    struct ampql_function function;
    struct suggest suggest = {.word = str_make(text.p + err->start, err->end - err->start)};
    if (err->code != AMPQL_PARSE || !str_has_prefix(str_of(err->message), STR("unknown function")))
        return NULL;
    for (size_t i = 0; i < suggest.word.n; i++)
        if (suggest.word.p[i] == '(') {
            suggest.word.n = i;
            break;
        }
    for (size_t i = 0; ampql_function_at(i, &function); i++)
        suggest_try(&suggest, function.name);
    if (!suggest.best)
        return NULL;
    if (str_equal(suggest.word, str_of(suggest.best)))
        snprintf(out, size, "the other --dialect has it");
    else
        snprintf(out, size, "did you mean %s?", suggest.best);
    return out;
}

static void write_json(struct buf *out, const char *level, const struct ampql_error *err,
                       enum exit_status status, const struct report *report, const char *hint,
                       bool has_position)
{
    size_t line, column;
    buf_format(out, "{\"level\":\"%s\"", level);
    if (err->code) {
        buf_format(out, ",\"code\":\"%s\",\"errorType\":\"%s\",\"exit\":%d", codes[err->code].name,
                   ampql_code_name(err->code), (int)status);
    }
    buf_text(out, ",\"message\":");
    json_quote(out, str_of(err->message));
    if (report->what) {
        buf_text(out, ",\"what\":");
        json_quote(out, str_of(report->what));
    }
    if (has_position) {
        find_line(report->text, err->start, &line, &column);
        buf_format(out, ",\"position\":{\"start\":%zu,\"end\":%zu,\"line\":%zu,\"column\":%zu}",
                   err->start, err->end, line, column);
    }
    if (hint) {
        buf_text(out, ",\"hint\":");
        json_quote(out, str_of(hint));
    }
    buf_text(out, "}\n");
}

static void write_text(struct buf *out, const struct ampql_error *err, const struct report *report,
                       const char *hint, bool has_position)
{
    size_t line_number = 1, column = 1;
    struct str line = {0};
    buf_text(out, "ampql: error: ");
    if (report->what) {
        escape_str(out, str_of(report->what));
        buf_text(out, ": ");
    }
    if (has_position) {
        line = find_line(report->text, err->start, &line_number, &column);
        if (!report->says_where)
            buf_format(out, "%zu:%zu: ", line_number, column);
    }
    if (err->code == AMPQL_PARSE && has_position && !report->says_where)
        buf_text(out, "parse error: ");
    escape_str(out, str_of(err->message));
    buf_byte(out, '\n');
    if (has_position) {
        struct str span = str_make(report->text.p + err->start, err->end - err->start);
        const char *feed = span.n ? memchr(span.p, '\n', span.n) : NULL;
        if (feed)
            span.n = (size_t)(feed - span.p);
        show_span(out, line, column, escape_width(span));
    }
    if (hint)
        buf_format(out, "  hint: %s\n", hint);
}

enum exit_status report_error(struct cli *cli, const struct ampql_error *err, struct report report)
{
    char function[64];
    struct buf buf;
    enum exit_status status = report.status ? report.status : codes[err->code].status;
    bool has_position =
        err->has_span && report.text.p && err->start <= err->end && err->end <= report.text.n;
    const char *hint = report.hint && report.hint[0] ? report.hint : NULL;
    if (!hint && err->code == AMPQL_LIMIT &&
        str_has_prefix(str_of(err->message), STR("the expression is nested")))
        hint = "--max-depth allows more, up to 2048";
    if (!hint && err->code == AMPQL_LIMIT &&
        str_has_prefix(str_of(err->message), STR("the run would hold")))
        hint = "--max-bytes allows more";
    if (!hint && has_position)
        hint = suggest_function(err, report.text, function, sizeof function);
    cli->has_no_memory |= err->code == AMPQL_NOMEM;
    if (status == STATUS_OK) /* whoever failed did not say how */
        status = STATUS_INTERNAL;
    if (err->code == AMPQL_OUTPUT && cli->out.error)
        return STATUS_OUTPUT; /* of stdout: reported once, with its cause, when it is closed */
    buf_init(&buf, &alloc_default, REPORT_MAX);
    if (cli->errors_as_json)
        write_json(&buf, "error", err, status, &report, hint, has_position);
    else
        write_text(&buf, err, &report, hint, has_position);
    flush(&buf);
    return status;
}

enum exit_status report_usage(struct cli *cli, const char *hint, const char *format, ...)
{
    char help[96];
    struct ampql_error err = {.code = AMPQL_BAD_DATA};
    va_list args;
    va_start(args, format);
    vsnprintf(err.message, sizeof err.message, format, args);
    va_end(args);
    if (!hint || !hint[0]) {
        snprintf(help, sizeof help, "see `ampql help%s%s`", cli->command ? " " : "",
                 cli->command ? cli->command->name : "");
        hint = help;
    }
    return report_error(cli, &err,
                        (struct report){.what = cli->command ? cli->command->name : NULL,
                                        .hint = hint,
                                        .status = STATUS_USAGE});
}

static void note(struct cli *cli, const char *level, struct str text)
{
    struct buf buf;
    buf_init(&buf, &alloc_default, REPORT_MAX);
    if (cli->errors_as_json) {
        buf_format(&buf, "{\"level\":\"%s\",\"message\":", level);
        json_quote(&buf, text);
        buf_text(&buf, "}\n");
    } else {
        buf_format(&buf, "ampql: %s: ", level);
        escape_str(&buf, text);
        buf_byte(&buf, '\n');
    }
    flush(&buf);
}

void report_warning(struct cli *cli, const char *format, ...)
{
    char text[AMPQL_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    note(cli, "warning", str_of(text));
}

void report_warning_text(struct cli *cli, struct str text)
{
    note(cli, "warning", text);
}

void report_annotations(struct cli *cli, const struct ampql_result *result)
{
    for (size_t i = 0; i < ampql_result_annotation_count(result); i++) {
        bool is_info = false;
        struct ampql_string text = ampql_result_annotation(result, i, &is_info);
        note(cli, is_info ? "info" : "warning", str_make(text.data, text.size));
    }
}

void report_note(struct cli *cli, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    note(cli, "note", str_of(text));
}

static void put_stats(struct buf *out, struct ampql_stats s)
{
    buf_format(out, "series=%llu samples=%llu", (unsigned long long)s.series,
               (unsigned long long)s.samples);
    if (s.requests)
        buf_format(out,
                   " requests=%llu retries=%llu bytes=%llu billed_samples=%llu remote_samples=%llu",
                   (unsigned long long)s.requests, (unsigned long long)s.retries,
                   (unsigned long long)s.bytes, (unsigned long long)s.billed_samples,
                   (unsigned long long)s.remote_samples);
}

static void note_stats(struct cli *cli, struct buf *text)
{
    note(cli, "stats", text->failed ? STR("no memory for them") : buf_view(text));
    buf_done(text);
}

void report_stats(struct cli *cli, struct ampql_stats stats)
{
    struct buf text;
    buf_init(&text, &alloc_default, REPORT_MAX);
    buf_format(&text, "selects=%llu ", (unsigned long long)stats.selects);
    put_stats(&text, stats);
    note_stats(cli, &text);
}

void report_source_stats(struct cli *cli, const struct ampql_source *source)
{
    struct ampql_source_stats stats = ampql_source_stats(source);
    report_stats(cli, (struct ampql_stats){.requests = stats.requests,
                                           .retries = stats.retries,
                                           .bytes = stats.bytes,
                                           .billed_samples = stats.billed_samples});
}

void report_selects(struct cli *cli, const struct ampql_result *result)
{
    size_t n = ampql_result_stats(result).requests ? ampql_result_select_count(result) : 0;
    for (size_t i = 0; i < n; i++) {
        struct buf text;
        struct ampql_select_stats select = ampql_result_select(result, i);
        bool is_timestamp = select.kind == AMPQL_SELECT_GRID_TIMESTAMP;
        buf_init(&text, &alloc_default, REPORT_MAX);
        buf_text(&text, is_timestamp ? "select timestamp(" : "select ");
        buf_str(&text, str_view(select.query));
        buf_text(&text, is_timestamp ? "): " : ": ");
        put_stats(&text, select.stats);
        note_stats(cli, &text);
    }
}

void report_costs(struct cli *cli, const char *name, struct ampql_stats alone,
                  struct ampql_stats shared)
{
    struct buf text;
    if (alone.requests == 0 && shared.requests == 0)
        return;
    buf_init(&text, &alloc_default, REPORT_MAX);
    buf_format(&text, "query %s: ", name);
    put_stats(&text, alone);
    if (shared.selects) {
        buf_text(&text, "; shared with others: ");
        put_stats(&text, shared);
    }
    note_stats(cli, &text);
}

enum exit_status report_nomem(struct cli *cli)
{
    struct ampql_error err = {0};
    fail_nomem(&err, "the command");
    return report_error(cli, &err, (struct report){0});
}
