/* ampql version: what this program is made of. */
#include <ampql/base.h>

#include "cli/print.h"
#include "cli/report.h"
#include "tool/libraries.h"

struct flags {
    int format, error_format;
};

static const struct option options[] = {
    PRINT_OPTION(struct flags, format, "table|json", "table when not given"),
    REPORT_OPTIONS(struct flags, error_format),
};

static void print(struct output *out, bool as_json, const char *name, const char *version)
{
    char line[400];
    snprintf(line, sizeof line, as_json ? ",\"%s\":\"%s\"" : "%-8s %s\n", name, version);
    output_text(out, line + (as_json && strcmp(name, "ampql") == 0));
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    bool as_json = flags->format == PRINT_JSON;
    struct library libraries[LIBRARIES];
    (void)operands;
    libraries_list(libraries);
    output_text(&cli->out, as_json ? "{" : "");
    print(&cli->out, as_json, "ampql", ampql_version());
    print(&cli->out, as_json, "dialects", "prom3 prom2");
    for (size_t i = 0; i < LIBRARIES; i++)
        print(&cli->out, as_json, libraries[i].name, libraries[i].version);
    output_text(&cli->out, as_json ? "}\n" : "");
    return STATUS_OK;
}

const struct command command_version = {
    .name = "version",
    .summary = "this program's version, and its libraries'",
    .examples = "  ampql version\n"
                "  ampql version -o json\n",
    COMMAND_OPTIONS(options, struct flags),
    .run = run,
};
