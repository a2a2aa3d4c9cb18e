/* The command: finds the row of the first word or two, reads its flags, runs it, and closes the
 * output. */
#include "base/error.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/man.h"
#include "cli/report.h"
#include "tool/suggest.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* The command whose name the first words [nwords] spell, and how many words that takes; NULL: none.
 */
static const struct command *find(const char *const *words, size_t nwords, size_t *taken)
{
    for (size_t i = 0; i < command_count; i++) {
        struct str name = str_of(command_table[i]->name);
        const char *blank = memchr(name.p, ' ', name.n);
        size_t first = blank ? (size_t)(blank - name.p) : name.n;
        if (nwords < 1 || !str_equal(str_of(words[0]), str_make(name.p, first)))
            continue;
        *taken = 1;
        if (!blank)
            return command_table[i];
        *taken = 2;
        if (nwords > 1 && str_equal(str_of(words[1]), str_from(name, first + 1)))
            return command_table[i];
    }
    return NULL;
}

/* The commands that begin with this word and have a second one, which stand together in the table:
 * "rules" alone, or followed by something else. */
static const struct command *const *family_of(const char *word, size_t *n)
{
    const struct command *const *first = NULL;
    *n = 0;
    for (size_t i = 0; i < command_count; i++) {
        const char *name = command_table[i]->name, *blank = strchr(name, ' ');
        if (!blank || !str_equal(str_of(word), str_make(name, (size_t)(blank - name))))
            continue;
        first = first ? first : &command_table[i];
        ++*n;
    }
    return first;
}

static void list_family(const struct command *const *family, size_t nfamily, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "expected:");
    for (size_t i = 0; i < nfamily && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s ampql %s", i ? "," : "", family[i]->name);
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static enum exit_status unknown_command(struct cli *cli, const char *word)
{
    char hint[256] = "", quoted[320];
    struct suggest suggest = {.word = str_of(word)};
    size_t nfamily;
    const struct command *const *family = family_of(word, &nfamily);
    list_family(family, nfamily, hint, sizeof hint);
    if (family)
        return report_usage(cli, hint, "ampql %s is several commands", word);
    for (size_t i = 0; i < command_count; i++)
        suggest_try(&suggest, command_table[i]->name);
    suggest_try(&suggest, "help");
    if (suggest.best)
        snprintf(hint, sizeof hint, "did you mean ampql %s?", suggest.best);
    else
        snprintf(hint, sizeof hint, "%s",
                 word[0] == '-' ? "flags come after the command" : "ampql help lists the commands");
    return report_usage(cli, hint, "unknown command: %s",
                        quote_clipped(quoted, sizeof quoted, str_of(word)));
}

static enum exit_status help(struct cli *cli, const char *const *words, size_t nwords)
{
    size_t taken;
    if (nwords == 0) {
        help_overview(&cli->out, command_table, command_count);
        return STATUS_OK;
    }
    if (strcmp(words[0], "--man") == 0) { /* for the build, which puts it into ampql.1 */
        man_write(&cli->out);
        return STATUS_OK;
    }
    const struct command *command = find(words, nwords, &taken);
    size_t nfamily;
    const struct command *const *family = family_of(words[0], &nfamily);
    if (command)
        help_command(&cli->out, command);
    else if (family && nwords == 1)
        help_family(&cli->out, words[0], family, nfamily);
    else
        return unknown_command(cli, words[0]);
    return STATUS_OK;
}

static enum exit_status check_operands(struct cli *cli, size_t n)
{
    const struct command *command = cli->command;
    if (n < command->min_operands)
        return report_usage(cli, NULL, "expected %s", command->operands);
    if (n > command->max_operands)
        return report_usage(cli, "put an expression in quotes", "expected %s, got %zu operands",
                            command->operands ? command->operands : "no operand", n);
    return STATUS_OK;
}

static enum exit_status run(struct cli *cli, const char *const *args, size_t nargs)
{
    const struct command *command = cli->command;
    struct ampql_error err = {0};
    struct option_result result;
    struct option_input input = {command->options, command->noptions, args, nargs,
                                 getenv,           cli->now_ms};
    void *flags = arena_zeroed(&cli->arena, 1, command->flags_size + 1);
    if (!flags)
        return report_nomem(cli);
    enum ampql_code code = options_parse(&input, &cli->arena, flags, &result, &err);
    if (code == AMPQL_NOMEM)
        return report_nomem(cli);
    if (code != AMPQL_OK)
        return report_usage(cli, result.hint, "%s", err.message);
    if (result.wants_help) {
        help_command(&cli->out, command);
        return STATUS_OK;
    }
    enum exit_status status = check_operands(cli, result.operands.n);
    return status ? status : command->run(cli, flags, result.operands);
}

static enum exit_status dispatch(struct cli *cli, const char *const *words, size_t nwords)
{
    size_t taken = 0;
    if (nwords == 0) {
        struct output err_out;
        output_init(&err_out, stderr, cli->err_is_tty);
        help_overview(&err_out, command_table, command_count);
        return STATUS_USAGE;
    }
    if (strcmp(words[0], "help") == 0 || asks_for_help(words[0]))
        return help(cli, words + 1, nwords - 1);
    if (strcmp(words[0], "--version") == 0 || strcmp(words[0], "-V") == 0) {
        output_text(&cli->out, "ampql " AMPQL_VERSION "\n");
        return STATUS_OK;
    }
    cli->command = find(words, nwords, &taken);
    if (!cli->command && nwords == 2 && asks_for_help(words[1]))
        return help(cli, words, 1);
    if (!cli->command)
        return unknown_command(cli, words[0]);
    return run(cli, words + taken, nwords - taken);
}

/* Data that did not reach its reader is an error, unless the reader went away (`ampql ... | head`):
 * that is said by the status alone. */
static enum exit_status close_output(struct cli *cli, enum exit_status status)
{
    if (output_close(&cli->out))
        return status;
    if (cli->out.error != EPIPE) {
        struct ampql_error err = {.code = AMPQL_INTERNAL};
        snprintf(err.message, sizeof err.message, "standard output: %s", strerror(cli->out.error));
        return report_error(cli, &err, (struct report){.status = STATUS_OUTPUT});
    }
    return STATUS_OUTPUT;
}

int main(int argc, char **argv)
{
    struct cli cli = {.errors_as_json = report_format_scan(argc, argv), .now_ms = time_now()};
    signal(SIGPIPE, SIG_IGN); /* writing then fails with EPIPE, which close_output handles */
    signal(SIGXFSZ, SIG_IGN); /* and with EFBIG */
    cli.err_is_tty = isatty(STDERR_FILENO) == 1;
    output_init(&cli.out, stdout, isatty(STDOUT_FILENO) == 1);
    arena_init(&cli.arena, &alloc_default);
    enum exit_status status =
        dispatch(&cli, (const char *const *)argv + 1, argc > 0 ? (size_t)argc - 1 : 0);
    if (status && interrupt_seen())
        status = STATUS_INTERRUPTED;
    status = close_output(&cli, status);
    arena_done(&cli.arena);
    if (cli.has_no_memory)
        _exit(status); /* what libraries do at exit takes memory, and some abort without */
    return status;
}
