/* Shell completions, put together from the tables of commands and flags. */
#ifndef AMPQL_SRC_CLI_COMPLETION_H
#define AMPQL_SRC_CLI_COMPLETION_H

#include "cli/command.h"

enum completion_kind {
    COMPLETION_FREE,  /* nothing can be offered */
    COMPLETION_WORDS, /* one of some words */
    COMPLETION_FILE
};

/* What may stand behind a flag that takes a value.
 *   words  of COMPLETION_WORDS: separated by '|' */
enum completion_kind completion_of(const struct option *option, const char **words);

/* Are a command's operands files? */
bool completion_takes_files(const struct command *command);

/* The words of a text that are separated by '|', with `between` between them. */
void completion_words(struct output *out, const char *words, char between);

/* The first word of a command's name, and the second or NULL: "rules" of "rules check". */
struct str completion_first(const struct command *command, const char **second);

/* Is row i of the table the first with its first word? */
bool completion_is_new(size_t i);

/* Text in which each of the bytes `special` has a backslash, and ' ends and begins the quotes. */
void completion_quote(struct output *out, const char *text, const char *special);

void completion_bash(struct output *out);
void completion_zsh(struct output *out);
void completion_fish(struct output *out);

#endif
