/* Help: what `ampql help` and `--help` print. */
#ifndef AMPQL_SRC_CLI_HELP_H
#define AMPQL_SRC_CLI_HELP_H

#include "cli/command.h"

/* All commands [n], a line each, and the exit statuses. */
void help_overview(struct output *out, const struct command *const *commands, size_t n);

/* The commands [n] whose first word is this one: `ampql rules --help`. */
void help_family(struct output *out, const char *word, const struct command *const *commands,
                 size_t n);

/* One command: examples first, then its flags. */
void help_command(struct output *out, const struct command *command);

#endif
