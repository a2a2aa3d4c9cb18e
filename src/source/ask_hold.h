/* Asking a source and holding what it answers: exactly what was asked, whatever else it pushes. */
#ifndef AMPQL_SRC_SOURCE_ASK_HOLD_H
#define AMPQL_SRC_SOURCE_ASK_HOLD_H

#include "source/held.h"
#include "source/hold.h"
#include "source/source.h"

/* Ask for a select, or with is_listing for the series that have samples in (mint, maxt], each of
 * which gets one sample of 1 at maxt.
 *
 *   hold  empty; out: the answer
 *   sink  out: what the source warned of and what it cost, also after a failure; sink_done it
 *   err   what the source says; AMPQL_BAD_DATA: a series twice; of hold_append */
enum ampql_code ask_hold(const struct ampql_allocator *alc, struct ampql_source *source,
                         const struct ampql_select *select, bool is_listing, struct hold *hold,
                         struct ampql_sink *sink, struct ampql_error *err);

/* What the answer to a select holds: matchers in the arena, strings in the select's. at of the
 * matchers is NULL when memory is out.
 *   step_ms  of the grid that it is a part of, which it may be one point of; 0: it is no part */
struct held ask_held(const struct ampql_select *select, bool is_listing, int64_t step_ms,
                     struct arena *arena);

#endif
