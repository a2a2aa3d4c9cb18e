/* The completion for zsh: a function for each command, of which _arguments does the work. */
#include "cli/completion.h"

/* What may follow a flag: ":TIME:(a b)", in single quotes. */
static void value(struct output *out, const struct option *option)
{
    const char *words;
    enum completion_kind kind = completion_of(option, &words);
    output_byte(out, ':');
    completion_quote(out, option->value, ":\\");
    output_byte(out, ':');
    if (kind == COMPLETION_FILE)
        output_text(out, "_files");
    if (kind != COMPLETION_WORDS)
        return;
    output_byte(out, '(');
    completion_words(out, words, ' ');
    output_byte(out, ')');
}

/* '(-t --time)'{-t+,--time=}'[help]:TIME:' */
static void flag(struct output *out, const struct option *option)
{
    bool takes_value = option->type != OPTION_BOOL;
    output_text(out, " \\\n        ");
    if (option->type == OPTION_LIST) {
        output_text(out, "'*'");
    } else if (option->letter) {
        output_text(out, "'(-");
        output_byte(out, option->letter);
        output_text(out, " --");
        output_text(out, option->name);
        output_text(out, ")'");
    }
    if (option->letter) {
        output_text(out, "{-");
        output_byte(out, option->letter);
        output_text(out, takes_value ? "+,--" : ",--");
    } else {
        output_text(out, "--");
    }
    output_text(out, option->name);
    output_text(out, takes_value ? "=" : "");
    output_text(out, option->letter ? "}'[" : "'[");
    completion_quote(out, option->help, "[]:\\");
    output_byte(out, ']');
    if (takes_value)
        value(out, option);
    output_byte(out, '\'');
}

static void function_name(struct output *out, const char *name)
{
    output_text(out, "_ampql_");
    for (; *name; name++)
        output_byte(out, *name == ' ' ? '_' : *name);
}

static void command_function(struct output *out, const struct command *command)
{
    function_name(out, command->name);
    output_text(out, "() {\n    _arguments -S");
    for (size_t i = 0; i < command->noptions; i++)
        flag(out, &command->options[i]);
    output_text(out, " \\\n        '(-h --help)'{-h,--help}'[examples and flags]'");
    if (command->operands) {
        output_text(out, " \\\n        '*:");
        completion_quote(out, command->operands, ":\\");
        output_text(out, completion_takes_files(command) ? ":_files'" : ":'");
    }
    output_text(out, "\n}\n\n");
}

/* 'word:summary' of a list for _describe. */
static void described(struct output *out, struct str word, const char *summary)
{
    output_text(out, "            '");
    output_str(out, word);
    output_byte(out, ':');
    completion_quote(out, summary, ":\\");
    output_text(out, "'\n");
}

static void dispatch_begin(struct output *out, const char *name)
{
    output_text(out, name);
    output_text(out, "() {\n"
                     "    local curcontext=$curcontext state line\n"
                     "    local -a commands\n"
                     "    _arguments -C '1: :->command' '*:: :->rest'\n"
                     "    case $state in\n"
                     "    command)\n"
                     "        commands=(\n");
}

static void dispatch_end(struct output *out, const char *name)
{
    output_text(out, "        )\n"
                     "        _describe command commands\n"
                     "        ;;\n"
                     "    rest)\n"
                     "        (( $+functions[");
    output_text(out, name);
    output_text(out, "_$words[1]] )) && ");
    output_text(out, name);
    output_text(out, "_$words[1]\n"
                     "        ;;\n"
                     "    esac\n"
                     "}\n\n");
}

static void family(struct output *out, size_t i)
{
    char name[64];
    const char *second;
    struct str first = completion_first(command_table[i], &second);
    if (!second || !completion_is_new(i))
        return;
    snprintf(name, sizeof name, "_ampql_%.*s", (int)first.n, first.p);
    dispatch_begin(out, name);
    do {
        described(out, str_of(second), command_table[i]->summary);
    } while (++i < command_count && str_equal(completion_first(command_table[i], &second), first) &&
             second);
    dispatch_end(out, name);
}

void completion_zsh(struct output *out)
{
    const char *second;
    output_text(out,
                "#compdef ampql\n# zsh completion for ampql: made by `ampql completion zsh`\n\n");
    for (size_t i = 0; i < command_count; i++)
        command_function(out, command_table[i]);
    for (size_t i = 0; i < command_count; i++)
        family(out, i);
    dispatch_begin(out, "_ampql");
    for (size_t i = 0; i < command_count; i++) {
        struct str first = completion_first(command_table[i], &second);
        if (completion_is_new(i))
            described(out, first, second ? "several commands" : command_table[i]->summary);
    }
    described(out, STR("help"), "examples and flags of a command");
    dispatch_end(out, "_ampql");
    output_text(out, "if [ \"$funcstack[1]\" = _ampql ]; then\n"
                     "    _ampql \"$@\"\n"
                     "else\n"
                     "    compdef _ampql ampql\n"
                     "fi\n");
}
