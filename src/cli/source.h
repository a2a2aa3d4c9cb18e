/* --source: which reader a word names. */
#ifndef AMPQL_SRC_CLI_SOURCE_H
#define AMPQL_SRC_CLI_SOURCE_H

#include "cli/session.h"

/* Open all sources named by the flags as one.
 *   progress  of servers; outlives the source
 *   cancel    looked at while opening
 *   err  what the reader says */
enum ampql_code source_open(struct ampql_engine *engine, const struct source_flags *flags,
                            struct progress *progress, struct ampql_cancel *cancel,
                            struct arena *arena, struct ampql_source **out,
                            struct ampql_error *err);

#endif
