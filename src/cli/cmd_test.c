/* ampql test: test scripts in Prometheus's test language, and promtool's rule unit tests. */
#include "cli/report.h"
#include "cli/session.h"
#include "tool/test.h"

struct flags {
    int dialect, name_removal, error_format;
    struct option_list enable;
    const char *junit;
    uint64_t max_samples;
    bool quiet, coverage;
};

static const struct option options[] = {
    {"dialect", 0, OPTION_ENUM, offsetof(struct flags, dialect), "auto|prom3|prom2",
     "which Prometheus to equal; auto: what a script says, else prom3"},
    {"name-removal", 0, OPTION_ENUM, offsetof(struct flags, name_removal), "delayed|immediate",
     "when metric names go in prom3; what a script says, else delayed as in Prometheus's harness"},
    {"enable", 0, OPTION_LIST, offsetof(struct flags, enable), "FEATURE",
     "experimental, delayed-name-removal: accepted, and on here without being asked for"},
    {"max-samples", 0, OPTION_INTEGER, offsetof(struct flags, max_samples), "N",
     "samples and values that a query may hold at once; 10000 when not given"},
    {"junit", 0, OPTION_STRING, offsetof(struct flags, junit), "FILE",
     "write the results to FILE, too, as JUnit XML"},
    {"coverage", 0, OPTION_BOOL, offsetof(struct flags, coverage), NULL,
     "say which rules no unit test reads"},
    {"quiet", 'q', OPTION_BOOL, offsetof(struct flags, quiet), NULL, "print failures only"},
    REPORT_OPTIONS(struct flags, error_format),
};

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    const struct flags *flags = payload;
    bool experimental = true, delayed = false;
    enum exit_status status = session_features(cli, flags->enable, &experimental, &delayed);
    if (status != STATUS_OK)
        return status;
    if (delayed && flags->name_removal == NAME_REMOVAL_IMMEDIATE)
        return report_usage(cli, NULL,
                            "--enable delayed-name-removal and --name-removal immediate exclude "
                            "each other");
    struct tool_test_options test = {
        .dialect = flags->dialect == DIALECT_PROM2   ? AMPQL_PROM2
                   : flags->dialect == DIALECT_PROM3 ? AMPQL_PROM3
                                                     : AMPQL_DIALECT_DEFAULT,
        .name_removal = flags->name_removal || !delayed ? (enum name_removal)flags->name_removal
                                                        : NAME_REMOVAL_DELAYED,
        .max_samples = flags->max_samples,
        .junit = flags->junit,
        .quiet = flags->quiet,
        .coverage = flags->coverage,
        .out = cli->out.file,
        .err = stderr,
    };
    return (enum exit_status)tool_test(operands.at, operands.n, &test);
}

const struct command command_test = {
    .name = "test",
    .operands = "FILE...",
    .summary = "run test scripts and rule unit tests",
    .examples = "  ampql test tests/data/promql\n"
                "  ampql test --dialect prom2 my_rules.test\n"
                "  ampql test --junit build/results.xml tests/data/promql\n",
    .details =
        "Scripts are in Prometheus's test language (load, eval instant, eval range); .yml and\n"
        ".yaml files are promtool's rule unit tests, unmodified. Of a folder all *.test,\n"
        "*test.yml and *test.yaml files are run. As in Prometheus's own harness an instant\n"
        "evaluation of a script is also run as a step of a range query, and with @ on its\n"
        "selectors at other times. What needs native histograms, or a template beyond the\n"
        "plain ones, is skipped, and counted by reason.\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .run = run,
};
