/* ampql version: what this program is made of. */
#include <ampql/base.h>

#include "cli/print.h"
#include "cli/report.h"

#include <cjson/cJSON.h>
#include <xxhash.h>
#include <yaml.h>
#include <zlib.h>

struct flags {
    int format, error_format;
};

static const struct option options[] = {
    PRINT_OPTION(struct flags, format, "table|json", "table when not given"),
    REPORT_OPTIONS(struct flags, error_format),
};

struct part {
    const char *name, *version;
};

static void print(struct output *out, const struct part *parts, size_t nparts, bool as_json)
{
    for (size_t i = 0; i < nparts; i++) {
        char line[160];
        snprintf(line, sizeof line, as_json ? "%s\"%s\":\"%s\"" : "%s%-8s %s\n",
                 !as_json ? ""
                 : i      ? ","
                          : "{",
                 parts[i].name, parts[i].version);
        output_text(out, line);
    }
    output_text(out, as_json ? "}\n" : "");
}

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    char xxhash[32];
    unsigned v = XXH_versionNumber();
    (void)operands;
    snprintf(xxhash, sizeof xxhash, "%u.%u.%u", v / 10000, v / 100 % 100, v % 100);
    const struct part parts[] = {
        {"ampql", ampql_version()},
        {"dialects", "prom3 prom2"},
        {"http", "no"},
        {"cjson", cJSON_Version()},
        {"xxhash", xxhash},
        {"yaml", yaml_get_version_string()},
        {"zlib", zlibVersion()},
#ifdef __VERSION__
        {"compiler", __VERSION__},
#endif
    };
    print(&cli->out, parts, sizeof parts / sizeof *parts, flags->format == PRINT_JSON);
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
