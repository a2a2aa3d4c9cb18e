/* The parts of the manual page ampql(1) that the tables know: its sections COMMANDS and OPTIONS. */
#ifndef AMPQL_SRC_CLI_MAN_H
#define AMPQL_SRC_CLI_MAN_H

#include "cli/command.h"

void man_write(struct output *out);

#endif
