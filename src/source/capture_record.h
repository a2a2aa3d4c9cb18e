/* A source that records: what another source answers goes on to whoever asked, and into the log of
 * a capture.
 *
 * What the log holds already is not asked for again: a run that was killed goes on where it was.
 * What is asked of a server is asked window by window, each kept as soon as it is whole. */
#ifndef AMPQL_SRC_SOURCE_CAPTURE_RECORD_H
#define AMPQL_SRC_SOURCE_CAPTURE_RECORD_H

#include "source/capture_log.h"
#include "source/source.h"

struct record_options {
    struct str name; /* of the source, as it was opened, without secrets */
    bool extends;    /* what a capture at the path holds is not asked for again, and is kept */
    int64_t now_ms;  /* when it is asked; 0: the clock says */
};

/* Record what `inner` answers at PATH.part. Takes inner over, also when this fails. Freed before it
 * is finished, it leaves the log there for the next run, when that holds anything.
 *   err  of capture_log_open and capture_log_extend; its selects fail with what inner says, or what
 *        capture_log_append does */
enum ampql_code source_record_open(const struct ampql_allocator *alc, struct ampql_source *inner,
                                   const char *path, const struct record_options *options,
                                   struct ampql_source **out, struct ampql_error *err);

/* Is it one of source_record_open? */
bool source_is_record(const struct ampql_source *source);

/* Bring the answer to a select into the log, for nobody to read. err  as its selects */
enum ampql_code source_record_take(struct ampql_source *source, const struct ampql_select *select,
                                   struct ampql_error *err);

/* Write the finished capture: after that nothing more may be asked. Nothing is written when a
 * capture that is extended has nothing new.
 *
 *   content_id  out: [SHA256_BYTES]; NULL is fine
 *   err         of capture_log_finish */
enum ampql_code source_record_finish(struct ampql_source *source, uint8_t *content_id,
                                     struct ampql_error *err);

/* Remove the log: what it holds is not wanted. */
void source_record_discard(struct ampql_source *source);

#endif
