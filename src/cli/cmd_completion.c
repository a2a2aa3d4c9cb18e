/* ampql completion: what makes shells complete ampql's commands, flags and their values. */
#include "cli/completion.h"
#include "cli/report.h"

struct flags {
    int error_format;
};

static const struct option options[] = {
    REPORT_OPTIONS(struct flags, error_format),
};

static const struct {
    const char *shell;
    void (*write)(struct output *out);
} shells[] = {
    {"bash", completion_bash},
    {"zsh", completion_zsh},
    {"fish", completion_fish},
};

static enum exit_status run(struct cli *cli, const void *payload, struct option_list operands)
{
    char quoted[320];
    (void)payload;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(operands.at[0], shells[i].shell) == 0) {
            shells[i].write(&cli->out);
            return STATUS_OK;
        }
    return report_usage(cli, NULL, "expected bash, zsh or fish, not %s",
                        quote_clipped(quoted, sizeof quoted, str_of(operands.at[0])));
}

const struct command command_completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .summary = "completion of commands and flags for a shell",
    .examples = "  ampql completion bash > build/ampql.bash   # then: . build/ampql.bash\n"
                "  ampql completion zsh > build/_ampql        # into a folder of $fpath\n"
                "  ampql completion fish > build/ampql.fish   # into ~/.config/fish/completions\n",
    COMMAND_OPTIONS(options, struct flags),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
