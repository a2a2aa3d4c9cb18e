/* SIGINT: the first cancels the run, the second ends the process. Of what runs until it is stopped,
 * SIGINT or SIGTERM: the first stops, the second cancels, the third ends the process. */
#ifndef AMPQL_SRC_CLI_INTERRUPT_H
#define AMPQL_SRC_CLI_INTERRUPT_H

#include <ampql/query.h>

/* From now on SIGINT sets this flag; NULL: as the system has it. */
void interrupt_cancels(struct ampql_cancel *cancel);

/* From now on SIGINT and SIGTERM stop first; the second sets this flag. */
void interrupt_stops(struct ampql_cancel *cancel);
bool interrupt_stopped(void);

/* Did SIGINT arrive? Whatever failed then failed because of it. */
bool interrupt_seen(void);

#endif
