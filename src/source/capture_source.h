/* Captures as sources: replay, and recording what another source answers. */
#ifndef AMPQL_SRC_SOURCE_CAPTURE_SOURCE_H
#define AMPQL_SRC_SOURCE_CAPTURE_SOURCE_H

#include "source/capture_log.h"
#include "source/source.h"

/* Replay a finished capture: SORTED, and what its origin can say. A select that it does not hold is
 * AMPQL_NOT_FOUND, naming it and what is nearest.
 *   err  of capture_open */
enum ampql_code source_capture_open(const struct ampql_allocator *alc, const char *path,
                                    struct ampql_source **out, struct ampql_error *err);

/* A source that hands on what `inner` answers and appends it to a log, each select once it is
 * whole. Takes inner over, also when it fails; the log stays the caller's and must outlive it.
 * Label listings are handed on and not recorded.
 *   err  AMPQL_NOMEM; its selects fail with what inner says, or what capture_log_append does */
enum ampql_code source_record(struct capture_log *log, struct ampql_source *inner,
                              struct ampql_source **out, struct ampql_error *err);

/* Ask a source for a select and append the answer, when the log does not hold it yet.
 *
 *   is_new  out: it was asked for
 *   err     as the selects of source_record */
enum ampql_code capture_take(struct capture_log *log, struct ampql_source *source,
                             const struct ampql_select *select, bool *is_new,
                             struct ampql_error *err);

/* Append everything that a source holds: what a folder of answers has, or all of a source of
 * samples. err  also AMPQL_UNSUPPORTED: a server, which holds more than anybody can ask for */
enum ampql_code capture_take_all(struct capture_log *log, struct ampql_source *source,
                                 struct ampql_error *err);

/* What a capture of this source will say it is of: what the source says itself, else name, which is
 * how it was opened, without secrets. */
struct capture_origin capture_origin_of(const struct ampql_source *source, struct str name);

#endif
