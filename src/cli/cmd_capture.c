/* ampql capture ls, show, verify, merge, diff: captures as files. */
#include "cli/print.h"
#include "cli/report.h"
#include "tool/capture.h"
#include "tool/diff.h"

struct flags {
    const char *rescue;
    int format, error_format;
};

static const struct option print_options[] = {
    PRINT_OPTION(struct flags, format, "table|json", "table when not given"),
    REPORT_OPTIONS(struct flags, error_format),
};

static const struct option verify_options[] = {
    {"rescue", 0, OPTION_STRING, offsetof(struct flags, rescue), "OUT.aqc",
     "write the selects that are not lost to a new capture"},
    PRINT_OPTION(struct flags, format, "table|json", "table when not given"),
    REPORT_OPTIONS(struct flags, error_format),
};

static const struct option merge_options[] = {
    REPORT_OPTIONS(struct flags, error_format),
};

static enum exit_status finish(struct cli *cli, enum ampql_code code, const struct ampql_error *err)
{
    return code == AMPQL_OK ? STATUS_OK : report_error(cli, err, (struct report){0});
}

static enum exit_status run_ls(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct ampql_error err = {0};
    enum ampql_code code =
        tool_capture_ls(operands.at[0], flags->format == PRINT_JSON, output_write, &cli->out, &err);
    return finish(cli, code, &err);
}

static enum exit_status run_show(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct ampql_error err = {0};
    enum ampql_code code = tool_capture_show(operands.at[0], flags->format == PRINT_JSON,
                                             output_write, &cli->out, &err);
    return finish(cli, code, &err);
}

static enum exit_status run_verify(struct cli *cli, const void *payload,
                                   struct option_list operands)
{
    const struct flags *flags = payload;
    struct ampql_error err = {0};
    bool is_whole;
    enum ampql_code code =
        tool_capture_verify(operands.at[0], flags->rescue, flags->format == PRINT_JSON,
                            output_write, &cli->out, &is_whole, &err);
    if (code != AMPQL_OK)
        return finish(cli, code, &err);
    return is_whole ? STATUS_OK : STATUS_DATA;
}

static enum exit_status run_merge(struct cli *cli, const void *payload, struct option_list operands)
{
    (void)payload;
    struct ampql_error err = {0};
    size_t ninputs = operands.n - 1;
    return finish(cli, tool_capture_merge(operands.at, ninputs, operands.at[ninputs], &err), &err);
}

static enum exit_status run_diff(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    struct ampql_error err = {0};
    bool is_same;
    enum ampql_code code =
        tool_capture_diff(&alloc_default, operands.at[0], operands.at[1],
                          flags->format == PRINT_JSON, output_write, &cli->out, &is_same, &err);
    if (code != AMPQL_OK)
        return finish(cli, code, &err);
    return is_same ? STATUS_OK : STATUS_NEGATIVE;
}

const struct command command_capture_ls = {
    .name = "capture ls",
    .operands = "FILE",
    .summary = "list what a capture holds, a line a select",
    .examples = "  ampql capture ls day.aqc\n",
    .details = "A capture holds what a source answered to each of these selects, and gives the\n"
               "same bits for them again. Times between two windows of one select, which nobody\n"
               "asked for, are holes.\n",
    COMMAND_OPTIONS(print_options, struct flags),
    .min_operands = 1,
    .max_operands = 1,
    .run = run_ls,
};

const struct command command_capture_show = {
    .name = "capture show",
    .operands = "FILE",
    .summary = "where a capture comes from, its content id, its metrics",
    .examples = "  ampql capture show day.aqc\n"
                "  ampql capture show -o json day.aqc\n",
    .details = "The content id depends on what was asked and answered alone, not on when, in what\n"
               "order or in which windows it was fetched.\n",
    COMMAND_OPTIONS(print_options, struct flags),
    .min_operands = 1,
    .max_operands = 1,
    .run = run_show,
};

const struct command command_capture_verify = {
    .name = "capture verify",
    .operands = "FILE",
    .summary = "check every block of a capture",
    .examples = "  ampql capture verify day.aqc\n"
                "  ampql capture verify --rescue left.aqc day.aqc\n",
    .details =
        "Says which selects are lost and how many can still be used; exit status 9 when\n"
        "anything is wrong. FILE may be the .part of a capture that is not finished, of which\n"
        "selects count that are whole. Queries can be asked of a damaged capture as long as it\n"
        "can be opened, and fail where they read what is lost; of one that cannot, such as one\n"
        "that was cut short, --rescue makes another of the selects before the damage.\n",
    COMMAND_OPTIONS(verify_options, struct flags),
    .min_operands = 1,
    .max_operands = 1,
    .run = run_verify,
};

const struct command command_capture_merge = {
    .name = "capture merge",
    .operands = "FILE... OUT",
    .summary = "join captures of one source",
    .examples = "  ampql capture merge monday.aqc tuesday.aqc both.aqc\n",
    .details = "Windows that touch become one. Where two files hold the same time, the later one\n"
               "on the command line counts. OUT appears at once and whole.\n",
    COMMAND_OPTIONS(merge_options, struct flags),
    .min_operands = 2,
    .max_operands = SIZE_MAX,
    .run = run_merge,
};

const struct command command_capture_diff = {
    .name = "capture diff",
    .operands = "A B",
    .summary = "what one of two captures holds and the other does not",
    .examples = "  ampql capture diff before.aqc after.aqc\n",
    .details =
        "Content ids are compared first. Where they differ: where the captures come from; windows\n"
        "that only one has; in windows that both have, series that only one has, and how many\n"
        "samples of the others differ, with the first of them. Exit status 1 when anything does.\n",
    COMMAND_OPTIONS(print_options, struct flags),
    .min_operands = 2,
    .max_operands = 2,
    .run = run_diff,
};
