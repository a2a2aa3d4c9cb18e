/* What the completions of all shells share: which values a flag may have. */
#include "cli/completion.h"

/* Flags whose values are known, but no enum: lists, and words among others. */
static const struct {
    const char *flag, *words;
} known[] = {
    {"aggregate", "cluster|node|namespace|pod|container|controller|controllerKind|deployment|"
                  "statefulset|daemonset|job|service|label:|annotation:|department|environment|"
                  "owner|product|team|all"},
    {"drop", "ends|nans|grids|windows|warnings|lists|times"},
    {"enable", "experimental|delayed-name-removal"},
    {"fail-on", "info|warning|error|none"},
    {"window", "today|yesterday|week|lastweek|month|lastmonth|24h|7d"},
};

enum completion_kind completion_of(const struct option *option, const char **words)
{
    *words = option->value;
    if (option->type == OPTION_ENUM)
        return COMPLETION_WORDS;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(option->name, known[i].flag) == 0) {
            *words = known[i].words;
            return COMPLETION_WORDS;
        }
    bool is_file = option->value &&
                   (strncmp(option->value, "FILE", 4) == 0 ||
                    strncmp(option->value, "OUT", 3) == 0 || strcmp(option->value, "SOURCE") == 0);
    return is_file ? COMPLETION_FILE : COMPLETION_FREE;
}

bool completion_takes_files(const struct command *command)
{
    const char *operands = command->operands;
    return operands &&
           (strstr(operands, "FILE") || strstr(operands, "OUT") || strcmp(operands, "A B") == 0);
}

void completion_words(struct output *out, const char *words, char between)
{
    for (; *words; words++)
        output_byte(out, *words == '|' ? between : *words);
}

struct str completion_first(const struct command *command, const char **second)
{
    const char *blank = strchr(command->name, ' ');
    *second = blank ? blank + 1 : NULL;
    return blank ? str_make(command->name, (size_t)(blank - command->name)) : str_of(command->name);
}

bool completion_is_new(size_t i)
{
    const char *second;
    return i == 0 || !str_equal(completion_first(command_table[i], &second),
                                completion_first(command_table[i - 1], &second));
}

void completion_quote(struct output *out, const char *text, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'') {
            output_text(out, "'\\''");
            continue;
        }
        if (strchr(special, *text))
            output_byte(out, '\\');
        output_byte(out, *text);
    }
}
