/* Captures: what a source answered, in one file (`.aqc`) that checks itself.
 *
 *   record  wrap a source; whatever is then read through it is kept
 *   replay  open the file as a source: the same queries give the same bits, with no network
 *
 *   ampql_source_http(engine, url, NULL, &server, &err);
 *   ampql_source_record(engine, server, "day.aqc", NULL, &source, &err);   // takes server over
 *   ampql_query_run(query, source, &options, &result, &err);
 *   ampql_record_finish(source, NULL, &err);                               // now day.aqc is there
 *   ampql_source_free(source);
 *
 * The file appears at once and whole when it is finished. Until then what has been read is in
 * `day.aqc.part`, from which the next recording of the same source to the same path goes on: what
 * is in it is not asked for again. One process writes a capture at a time.
 *
 * Threads: as all sources, one run at a time. */
#ifndef AMPQL_CAPTURE_H
#define AMPQL_CAPTURE_H

#include <ampql/base.h>
#include <ampql/source.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ampql_engine;

enum { AMPQL_CONTENT_ID_BYTES = 32 };

struct ampql_capture_options {
    size_t size;        /* of this struct */
    bool allow_partial; /* what a query needs and the capture does not hold is left out, and the
                           result has a warning that says so; otherwise it is an error */
};

/* Replay a capture. A query needs not have been recorded as it is: wider windows, selectors that
 * select more, and grids that contain the wanted one answer it exactly; all else is missing, and
 * AMPQL_NOT_FOUND says what, and which command would fetch it. options may be NULL.
 *   err  AMPQL_NOT_FOUND: no such file; AMPQL_BAD_DATA: a folder, no capture, a newer version, cut
 *        short or damaged, with the offset of the block; AMPQL_UNAVAILABLE: cannot be read;
 *        AMPQL_LIMIT; AMPQL_NOMEM. Blocks are checked when they are read: a run fails with
 *        AMPQL_BAD_DATA */
AMPQL_API enum ampql_code ampql_source_capture(struct ampql_engine *engine, const char *path,
                                               const struct ampql_capture_options *options,
                                               struct ampql_source **out, struct ampql_error *err);

struct ampql_record_options {
    size_t size;      /* of this struct */
    const char *name; /* of the source, kept in the capture, and what `ampql fetch --source` takes:
                         without secrets; NULL: "" */
    bool append;      /* a capture at the path is brought up to date: what it holds is kept and not
                         asked for again, but for the ten minutes before it was asked, which may
                         not have been all there yet; otherwise the new one takes its place */
    int64_t now_ms;   /* when it is asked, Unix ms; 0: the clock says */
};

/* A source that answers as `inner` does, and records. Takes inner over, also when this fails.
 * options may be NULL.
 *
 * A select counts as recorded when all of it was answered. Of a server, long ones are asked and
 * kept window by window. Lists of series are recorded, too.
 *   err  AMPQL_BAD_DATA: the path is a folder or symbolic link; what is there, or at PATH.part, is
 *        of another source, or damaged; AMPQL_UNAVAILABLE: another process writes it; AMPQL_OUTPUT:
 *        it cannot be written; AMPQL_NOMEM. Runs also fail with AMPQL_OUTPUT when what they read
 *        cannot be kept */
AMPQL_API enum ampql_code ampql_source_record(struct ampql_engine *engine,
                                              struct ampql_source *inner, const char *path,
                                              const struct ampql_record_options *options,
                                              struct ampql_source **out, struct ampql_error *err);

/* Write the finished capture; nothing may be read through the source after that. Without it the
 * source leaves PATH.part behind.
 *
 *   content_id  out: [AMPQL_CONTENT_ID_BYTES] SHA-256 of what was asked and answered, whenever and
 *               in whatever order; NULL is fine
 *   err         AMPQL_UNSUPPORTED: not a source of ampql_source_record; AMPQL_OUTPUT;
 *               AMPQL_BAD_DATA: what is appended to is damaged; AMPQL_UNAVAILABLE: another process
 *               writes it; AMPQL_NOMEM. The part file stays: recording the same again only
 *               finishes */
AMPQL_API enum ampql_code ampql_record_finish(struct ampql_source *source, uint8_t *content_id,
                                              struct ampql_error *err);

/* Remove PATH.part: what was recorded is not wanted. Nothing happens to other sources. */
AMPQL_API void ampql_record_discard(struct ampql_source *source);

#ifdef __cplusplus
}
#endif
#endif
