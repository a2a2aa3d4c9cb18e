/* SIGINT: the first cancels the run, the second ends the process. */
#ifndef AMPQL_SRC_CLI_INTERRUPT_H
#define AMPQL_SRC_CLI_INTERRUPT_H

#include <ampql/query.h>

/* From now on SIGINT sets this flag; NULL: as the system has it. */
void interrupt_cancels(struct ampql_cancel *cancel);

/* Did SIGINT arrive? Whatever failed then failed because of it. */
bool interrupt_seen(void);

#endif
