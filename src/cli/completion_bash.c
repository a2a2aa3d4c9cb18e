/* The completion for bash: one function, a case for each command. */
#include "cli/completion.h"

/* " --time | -t" of flags of one kind, as the pattern of a case. */
static void pattern(struct output *out, const struct option *option, bool is_first)
{
    output_text(out, is_first ? "        --" : " | --");
    output_text(out, option->name);
    if (option->letter) {
        output_text(out, " | -");
        output_byte(out, option->letter);
    }
}

static bool has_value(const struct option *option)
{
    return option->type != OPTION_BOOL;
}

/* All flags of the command that take a value of this kind, in one case. */
static void values_of(struct output *out, const struct command *command, enum completion_kind kind,
                      const char *action)
{
    const char *words;
    bool is_first = true;
    for (size_t i = 0; i < command->noptions; i++) {
        const struct option *option = &command->options[i];
        if (!has_value(option) || completion_of(option, &words) != kind)
            continue;
        pattern(out, option, is_first);
        is_first = false;
    }
    if (is_first)
        return;
    output_text(out, ") ");
    output_text(out, action);
    output_text(out, " ;;\n");
}

static void words_of(struct output *out, const struct command *command)
{
    const char *words;
    for (size_t i = 0; i < command->noptions; i++) {
        const struct option *option = &command->options[i];
        if (!has_value(option) || completion_of(option, &words) != COMPLETION_WORDS)
            continue;
        pattern(out, option, true);
        output_text(out, ") words='");
        completion_words(out, words, ' ');
        output_text(out, "' ;;\n");
    }
}

static void command_case(struct output *out, const struct command *command)
{
    output_text(out, "    '");
    output_text(out, command->name);
    output_text(out, "')\n        words='");
    for (size_t i = 0; i < command->noptions; i++) {
        output_text(out, "--");
        output_text(out, command->options[i].name);
        output_byte(out, ' ');
    }
    output_text(out, "--help'\n");
    if (completion_takes_files(command))
        output_text(out, "        files=too\n");
    output_text(out, "        case $before in\n");
    words_of(out, command);
    values_of(out, command, COMPLETION_FILE, "files=only");
    values_of(out, command, COMPLETION_FREE, "return");
    output_text(out, "        *) flags=1 ;;\n        esac\n        ;;\n");
}

static void first_words(struct output *out)
{
    const char *second;
    for (size_t i = 0; i < command_count; i++)
        if (completion_is_new(i)) {
            output_str(out, completion_first(command_table[i], &second));
            output_byte(out, ' ');
        }
}

/* The second words of those with the first word of row i. */
static void second_words(struct output *out, size_t i)
{
    const char *second;
    struct str first = completion_first(command_table[i], &second);
    if (!second || !completion_is_new(i))
        return;
    output_text(out, "    ");
    output_str(out, first);
    output_text(out, ")\n        command=\"$command ${COMP_WORDS[2]}\"\n"
                     "        [ \"$COMP_CWORD\" = 2 ] && command= words='");
    do {
        output_text(out, second);
        output_byte(out, ' ');
    } while (++i < command_count && str_equal(completion_first(command_table[i], &second), first) &&
             second);
    output_text(out, "--help'\n        ;;\n");
}

void completion_bash(struct output *out)
{
    output_text(out,
                "# bash completion for ampql: made by `ampql completion bash`\n"
                "_ampql() {\n"
                "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
                "    local command=${COMP_WORDS[1]} words= files= flags=\n"
                "    # --flag=value is three words to bash\n"
                "    [ \"$word\" = = ] && word=\n"
                "    [ \"$before\" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]}\n");
    output_text(out, "    if [ \"$COMP_CWORD\" = 1 ]; then\n        command= words='");
    first_words(out);
    output_text(out, "help --help --version'\n    fi\n    case $command in\n");
    for (size_t i = 0; i < command_count; i++)
        second_words(out, i);
    output_text(out, "    help)\n        words='");
    first_words(out);
    output_text(out, "'\n        ;;\n    esac\n    case $command in\n");
    for (size_t i = 0; i < command_count; i++)
        command_case(out, command_table[i]);
    output_text(out, "    esac\n"
                     "    [ \"$files\" = only ] && words=\n"
                     "    [ \"$files\" = too ] && [ -z \"$flags\" ] && files=\n"
                     "    if [ -n \"$files\" ]; then\n"
                     "        compopt -o filenames 2>/dev/null\n"
                     "        mapfile -t COMPREPLY < <(compgen -f -W \"$words\" -- \"$word\")\n"
                     "    else\n"
                     "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
                     "    fi\n"
                     "}\n"
                     "complete -F _ampql ampql\n");
}
