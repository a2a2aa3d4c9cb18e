/* ampql fmt: expressions in canonical form. */
#include "base/buf.h"
#include "base/error.h"
#include "cli/report.h"
#include "cli/session.h"
#include "tool/text_file.h"

enum { TEXT_MAX = 64 << 20 };

struct flags {
    bool check;
    struct run_flags run; /* those of the language, and error_format */
};

static const struct option options[] = {
    {"check", 0, OPTION_BOOL, offsetof(struct flags, check), NULL,
     "print nothing; exit 1 when an expression is not in canonical form"},
    LANGUAGE_OPTIONS(struct flags, run),
    REPORT_OPTIONS(struct flags, run.error_format),
};

static enum exit_status format_one(struct cli *cli, const struct flags *flags,
                                   struct ampql_engine *engine, struct str text)
{
    struct ampql_error err = {0};
    struct ampql_query *query;
    struct buf buf;
    enum exit_status status = STATUS_OK;
    if (text.n && text.p[text.n - 1] == '\n') /* of a file's last line */
        text.n--;
    if (ampql_query_compile(engine, text.p, text.n, &query, &err) != AMPQL_OK)
        return report_error(cli, &err, (struct report){.text = text});
    buf_init(&buf, cli->arena.alc, TEXT_MAX);
    if (ampql_query_print(query, true, buf_write, &buf) != AMPQL_OK || buf.failed) {
        status = report_nomem(cli);
    } else if (flags->check) {
        status = str_equal(buf_view(&buf), text) ? STATUS_OK : STATUS_NEGATIVE;
    } else {
        output_str(&cli->out, buf_view(&buf));
        output_byte(&cli->out, '\n');
    }
    buf_done(&buf);
    ampql_query_free(query);
    return status;
}

/* The worst of two: an error before "not canonical" before fine. */
static enum exit_status worse(enum exit_status a, enum exit_status b)
{
    return a > b ? a : b;
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct session session;
    struct ampql_error err = {0};
    struct str text;
    enum exit_status status = session_open(cli, &flags->run, &session);
    if (!status && operands.n == 0) {
        if (text_file_read(&cli->arena, "-", &text, &err) != AMPQL_OK)
            status = report_error(cli, &err, (struct report){.what = "standard input"});
        else
            status = format_one(cli, flags, session.engine, text);
    }
    if (session.engine)
        for (size_t i = 0; i < operands.n; i++)
            status = worse(status, format_one(cli, flags, session.engine, str_of(operands.at[i])));
    session_close(&session);
    return status;
}

const struct command command_fmt = {
    .name = "fmt",
    .operands = "[EXPR...]",
    .summary = "print expressions in canonical form",
    .examples = "  ampql fmt 'sum(rate(x[5m]))by(pod)/on(pod)group_left y'\n"
                "  ampql fmt < expression.promql\n"
                "  ampql fmt --check 'sum by (pod) (rate(x[5m]))'\n",
    .details = "Without operands, standard input is one expression.\n",
    COMMAND_OPTIONS(options, struct flags),
    .max_operands = SIZE_MAX,
    .run = run,
};
