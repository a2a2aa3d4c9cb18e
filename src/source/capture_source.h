/* Captures as sources: replay. */
#ifndef AMPQL_SRC_SOURCE_CAPTURE_SOURCE_H
#define AMPQL_SRC_SOURCE_CAPTURE_SOURCE_H

#include "source/capture.h"
#include "source/source.h"

/* Replay a finished capture: SORTED, and what its origin can say. A select that it does not hold is
 * AMPQL_NOT_FOUND, naming it, what is nearest, and the command that fetches it; with allows_partial
 * what it holds of it is the answer, which says so.
 *   err  of capture_open */
enum ampql_code source_capture_open(const struct ampql_allocator *alc, const char *path,
                                    bool allows_partial, struct ampql_source **out,
                                    struct ampql_error *err);

/* Push the answer that a capture, or a log, holds to a select, and what was warned of with it.
 *   err  AMPQL_NOT_FOUND; AMPQL_BAD_DATA: damaged; AMPQL_NOMEM; what the sink returns */
enum ampql_code capture_answer(struct capture *capture, const struct ampql_select *select,
                               struct ampql_sink *sink, struct ampql_error *err);

#endif
