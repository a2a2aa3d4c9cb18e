/* ampql functions: the functions and aggregations of the language. */
#include <ampql/query.h>

#include "base/json.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/table.h"
#include "tool/suggest.h"

struct flags {
    int format, error_format;
};

static const struct option options[] = {
    PRINT_OPTION(struct flags, format, "table|json", "table when not given"),
    REPORT_OPTIONS(struct flags, error_format),
};

static bool is_wanted(const struct ampql_function *function, struct option_list names)
{
    for (size_t i = 0; i < names.n; i++)
        if (str_equal(str_of(function->name), str_of(names.at[i])))
            return true;
    return names.n == 0;
}

static const char *kind_of(const struct ampql_function *function)
{
    return function->is_experimental
               ? (function->is_aggregation ? "aggregation, experimental" : "function, experimental")
           : function->is_aggregation ? "aggregation"
                                      : "function";
}

static enum exit_status print_table(struct cli *cli, struct option_list names)
{
    struct ampql_function function;
    struct table table;
    table_init(&table, &cli->arena, 3);
    table_head(&table, 0, STR("SIGNATURE"), false);
    table_head(&table, 1, STR("KIND"), false);
    table_head(&table, 2, STR("WHAT IT DOES"), false);
    for (size_t i = 0; ampql_function_at(i, &function); i++) {
        if (!is_wanted(&function, names))
            continue;
        table_text(&table, function.signature);
        table_text(&table, kind_of(&function));
        table_text(&table, function.help);
    }
    return table_print(&table, &cli->out) ? STATUS_OK : report_nomem(cli);
}

static void member(struct buf *out, const char *key, const char *value)
{
    buf_format(out, "\"%s\":", key);
    json_quote(out, str_of(value));
    buf_byte(out, ',');
}

static enum exit_status print_json(struct cli *cli, struct option_list names)
{
    struct ampql_function function;
    struct buf buf;
    bool is_first = true;
    buf_init(&buf, cli->arena.alc, SIZE_MAX / 2);
    buf_byte(&buf, '[');
    for (size_t i = 0; ampql_function_at(i, &function); i++) {
        if (!is_wanted(&function, names))
            continue;
        buf_text(&buf, is_first ? "{" : ",\n {");
        member(&buf, "name", function.name);
        member(&buf, "signature", function.signature);
        member(&buf, "help", function.help);
        buf_format(&buf, "\"aggregation\":%s,\"experimental\":%s}",
                   function.is_aggregation ? "true" : "false",
                   function.is_experimental ? "true" : "false");
        is_first = false;
    }
    buf_text(&buf, "]\n");
    bool ok = !buf.failed;
    if (ok)
        output_str(&cli->out, buf_view(&buf));
    buf_done(&buf);
    return ok ? STATUS_OK : report_nomem(cli);
}

/* A name that is no function. */
static enum exit_status check_name(struct cli *cli, const char *name)
{
    char hint[96] = "";
    struct ampql_function function;
    struct suggest suggest = {.word = str_of(name)};
    for (size_t i = 0; ampql_function_at(i, &function); i++) {
        if (str_equal(str_of(function.name), str_of(name)))
            return STATUS_OK;
        suggest_try(&suggest, function.name);
    }
    if (suggest.best)
        snprintf(hint, sizeof hint, "did you mean %s?", suggest.best);
    return report_usage(cli, hint, "no function or aggregation is called %s", name);
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    for (size_t i = 0; i < operands.n; i++) {
        enum exit_status status = check_name(cli, operands.at[i]);
        if (status)
            return status;
    }
    return flags->format == PRINT_JSON ? print_json(cli, operands) : print_table(cli, operands);
}

const struct command command_functions = {
    .name = "functions",
    .operands = "[NAME...]",
    .summary = "list the functions and aggregations",
    .examples = "  ampql functions\n"
                "  ampql functions rate increase\n"
                "  ampql functions -o json\n",
    COMMAND_OPTIONS(options, struct flags),
    .max_operands = SIZE_MAX,
    .run = run,
};
