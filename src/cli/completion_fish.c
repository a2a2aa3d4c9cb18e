/* The completion for fish: a line for each command, and for each flag of each. */
#include "cli/completion.h"

static void begin(struct output *out, const char *condition, const char *words)
{
    output_text(out, "complete -c ampql -n '");
    output_text(out, condition);
    output_text(out, words);
    output_text(out, "'");
}

static void description(struct output *out, const char *text)
{
    output_text(out, " -d '");
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            output_byte(out, '\\');
        output_byte(out, *text);
    }
    output_text(out, "'\n");
}

static void flag(struct output *out, const char *command, const struct option *option)
{
    const char *words;
    begin(out, "__ampql_at ", command);
    output_text(out, " -l ");
    output_text(out, option->name);
    if (option->letter) {
        output_text(out, " -s ");
        output_byte(out, option->letter);
    }
    switch (option->type == OPTION_BOOL ? COMPLETION_FREE : completion_of(option, &words)) {
    case COMPLETION_FILE:
        output_text(out, " -r -F");
        break;
    case COMPLETION_WORDS:
        output_text(out, " -x -a '");
        completion_words(out, words, ' ');
        output_byte(out, '\'');
        break;
    case COMPLETION_FREE:
        output_text(out, option->type == OPTION_BOOL ? "" : " -x");
        break;
    }
    description(out, option->help);
}

static void command_lines(struct output *out, const struct command *command)
{
    for (size_t i = 0; i < command->noptions; i++)
        flag(out, command->name, &command->options[i]);
    begin(out, "__ampql_at ", command->name);
    output_text(out, " -l help -s h");
    description(out, "examples and flags");
    if (completion_takes_files(command)) {
        begin(out, "__ampql_at ", command->name);
        output_text(out, " -F\n");
    }
}

/* The words of row i, where one may stand. */
static void name_lines(struct output *out, size_t i)
{
    char family[64];
    const char *second;
    struct str first = completion_first(command_table[i], &second);
    snprintf(family, sizeof family, "%.*s", (int)first.n, first.p);
    if (completion_is_new(i)) {
        begin(out, "__ampql_is", "");
        output_text(out, " -a ");
        output_str(out, first);
        description(out, second ? "several commands" : command_table[i]->summary);
    }
    if (second) {
        begin(out, "__ampql_is ", family);
        output_text(out, " -a ");
        output_text(out, second);
        description(out, command_table[i]->summary);
    }
}

void completion_fish(struct output *out)
{
    output_text(out, "# fish completion for ampql: made by `ampql completion fish`\n"
                     "function __ampql_at --description 'do the words begin with these?'\n"
                     "    set -l words (commandline -opc)\n"
                     "    set -l n (count $argv)\n"
                     "    set -e words[1]\n"
                     "    test (count $words) -ge $n; and test \"$words[1..$n]\" = \"$argv\"\n"
                     "end\n"
                     "function __ampql_is --description 'are the words these, and no more?'\n"
                     "    set -l words (commandline -opc)\n"
                     "    set -e words[1]\n"
                     "    test \"$words\" = \"$argv\"\n"
                     "end\n"
                     "complete -c ampql -f\n");
    for (size_t i = 0; i < command_count; i++)
        name_lines(out, i);
    begin(out, "__ampql_is", "");
    output_text(out, " -a help");
    description(out, "examples and flags of a command");
    for (size_t i = 0; i < command_count; i++)
        command_lines(out, command_table[i]);
}
