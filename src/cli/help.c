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

void help_overview(struct output *out, const struct command *const *commands, size_t n)
{
    char left[64];
    output_text(out, "ampql evaluates PromQL and Kubernetes costs from recorded series, without a "
                     "server.\n\nusage: ampql COMMAND [FLAG...] [OPERAND...]\n\n");
    for (size_t i = 0; i < n; i++) {
        snprintf(left, sizeof left, "  %s %s", commands[i]->name,
                 commands[i]->operands ? commands[i]->operands : "");
        line(out, left, 26, commands[i]->summary);
    }
    line(out, "  help COMMAND", 26, "examples and flags of a command");
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

static void help_option(struct output *out, const struct option *option)
{
    char left[96];
    int n = option->letter
                ? snprintf(left, sizeof left, "  -%c, --%s", option->letter, option->name)
                : snprintf(left, sizeof left, "      --%s", option->name);
    if (option->value)
        snprintf(left + n, sizeof left - (size_t)n, " %s", option->value);
    if (strlen(left) > 33) { /* the text goes under it */
        output_text(out, left);
        output_byte(out, '\n');
        left[0] = '\0';
    }
    line(out, left, 34, option->help);
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
    line(out, "  -h, --help", 34, "this text");
    if (command->details) {
        output_byte(out, '\n');
        output_text(out, command->details);
    }
}
