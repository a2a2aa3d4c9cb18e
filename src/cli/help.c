/* Help texts, put together from the tables. */
#include "cli/help.h"

static void line(struct output *out, const char *left, size_t width, const char *right)
{
    output_text(out, left);
    for (size_t i = strlen(left); i < width; i++)
        output_byte(out, ' ');
    output_text(out, right);
    output_byte(out, '\n');
}

enum { LEFT_MAX = 34 }; /* a wider left side has its text on a line of its own */

static void row(struct output *out, const char *left, size_t width, const char *right)
{
    if (strlen(left) + 1 > width) {
        output_text(out, left);
        output_byte(out, '\n');
        left = "";
    }
    line(out, left, width, right);
}

static size_t command_left(const struct command *command, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "  %s%s%s", command->name, command->operands ? " " : "",
                            command->operands ? command->operands : "");
}

static void command_rows(struct output *out, const struct command *const *commands, size_t n)
{
    char left[96];
    size_t width = strlen("  help COMMAND") + 2;
    for (size_t i = 0; i < n; i++) {
        size_t len = command_left(commands[i], left, sizeof left) + 2;
        width = len > width && len <= LEFT_MAX ? len : width;
    }
    for (size_t i = 0; i < n; i++) {
        command_left(commands[i], left, sizeof left);
        row(out, left, width, commands[i]->summary);
    }
    row(out, "  help COMMAND", width, "examples and flags of a command");
}

void help_overview(struct output *out, const struct command *const *commands, size_t n)
{
    output_text(out, "ampql evaluates PromQL and Kubernetes costs from recorded series, without a "
                     "server.\n\nusage: ampql COMMAND [FLAG...] [OPERAND...]\n\n");
    command_rows(out, commands, n);
    output_text(out,
                "\nFlags may be set in the environment: AMPQL_SOURCE for --source, and so on.\n\n"
                "exit status:\n"
                "   0  done                              6  limit, timeout or memory\n"
                "   1  done, and the answer is no        7  source missing or not readable\n"
                "   2  wrong command, flag or operand    8  credentials\n"
                "   3  rules at fault                    9  wrong data in a file\n"
                "   4  query or rule does not parse     10  output could not be written\n"
                "   5  query cannot be evaluated        70  internal error, please report\n"
                "                                      130  interrupted\n");
}

void help_family(struct output *out, const char *word, const struct command *const *commands,
                 size_t n)
{
    output_text(out, "usage: ampql ");
    output_text(out, word);
    output_text(out, " COMMAND [FLAG...] [OPERAND...]\n\n");
    command_rows(out, commands, n);
}

static void help_option(struct output *out, const struct option *option)
{
    char left[96];
    int n = option->letter
                ? snprintf(left, sizeof left, "  -%c, --%s", option->letter, option->name)
                : snprintf(left, sizeof left, "      --%s", option->name);
    if (option->value)
        snprintf(left + n, sizeof left - (size_t)n, " %s", option->value);
    row(out, left, LEFT_MAX, option->help);
}

void help_command(struct output *out, const struct command *command)
{
    output_text(out, command->summary);
    output_text(out, "\n\nexamples:\n");
    output_text(out, command->examples);
    output_text(out, "\nusage: ampql ");
    output_text(out, command->name);
    output_text(out, command->noptions ? " [FLAG...]" : "");
    if (command->operands) {
        output_byte(out, ' ');
        output_text(out, command->operands);
    }
    output_text(out, "\n\n");
    for (size_t i = 0; i < command->noptions; i++)
        help_option(out, &command->options[i]);
    line(out, "  -h, --help", LEFT_MAX, "this text");
    if (command->details) {
        output_byte(out, '\n');
        output_text(out, command->details);
    }
}
