/* The log of a capture that is being made, PATH.part: one select after another, each whole or not
 * there. It is locked against a second writer, and after a kill the next run goes on from it. */
#ifndef AMPQL_SRC_SOURCE_CAPTURE_LOG_H
#define AMPQL_SRC_SOURCE_CAPTURE_LOG_H

#include "source/capture.h"

struct helds {
    ARRAY(struct held);
};

struct capture_log {
    struct ampql_allocator alc;
    struct arena arena;      /* paths, and the matchers of what it holds */
    const char *path, *part; /* of the capture, and of its log */
    int fd;
    struct capture_out out;
    struct symbols symbols; /* strings that are in the log, or will be with the next select */
    struct {
        ARRAY(uint32_t); /* number in the file by symbol; UINT32_MAX: not written yet */
    } id_of;
    uint32_t nids;
    struct helds held, before; /* in the log; in the capture that it brings up to date, settled */
    int64_t now_ms;            /* when sources are asked */
};

/* Begin PATH.part, or go on with the one that is there.
 *
 *   origin   of what will be appended
 *   resumes  keep what a log that is there holds; otherwise it is emptied
 *   err      AMPQL_BAD_DATA: PATH is a folder or symbolic link, or the log is no log, or of another
 *            origin; AMPQL_OUTPUT: cannot be written; AMPQL_UNAVAILABLE: another process writes it;
 *            AMPQL_NOMEM */
enum ampql_code capture_log_open(struct capture_log *log, const struct ampql_allocator *alc,
                                 const char *path, const struct capture_origin *origin,
                                 bool resumes, struct ampql_error *err);

/* Take what the capture at PATH holds as held: only the rest need be asked for, and then
 * capture_log_finish appends. What was not settled when it was asked counts as not held: the newest
 * minutes can still be on their way to a server.
 *
 *   is_there  out: there is a capture
 *   err       AMPQL_BAD_DATA: it is of another origin, or damaged; AMPQL_UNAVAILABLE; AMPQL_NOMEM
 */
enum ampql_code capture_log_extend(struct capture_log *log, const struct capture_origin *origin,
                                   bool *is_there, struct ampql_error *err);

/* What of a select it holds and what not, in the arena. Only answers to the same matchers on the
 * same grid count: otherwise what a capture holds would depend on what was asked first. What the
 * capture that is brought up to date has in one answer, of whatever grid, is not asked again.
 *
 *   out  the entry of a held part is 0 for the log, and 1 for the capture that it brings up to date
 *   err  AMPQL_NOMEM */
enum ampql_code capture_log_cover(const struct capture_log *log, const struct ampql_select *select,
                                  struct arena *arena, struct held_cover *out,
                                  struct ampql_error *err);

/* Does it hold the answer to this select already? */
enum ampql_code capture_log_has(const struct capture_log *log, const struct ampql_select *select,
                                bool *out, struct ampql_error *err);

/* Append the whole answer to a select and make it last (fdatasync). After a failure the log is as
 * before.
 *
 *   entry  its held, warnings, billed and settled_ms are kept
 *   err    AMPQL_OUTPUT, AMPQL_NOMEM, AMPQL_LIMIT */
enum ampql_code capture_log_append(struct capture_log *log, const struct capture_entry *entry,
                                   struct hold *series, struct ampql_error *err);

/* Write the finished capture from the log, and from the capture that PATH is already when `appends`
 * (where both hold a time, the log's answer counts). It appears at once and whole; then the log is
 * gone.
 *
 *   content_id  out: [SHA256_BYTES]; NULL is fine
 *   err         AMPQL_OUTPUT, AMPQL_NOMEM; AMPQL_BAD_DATA: the capture there has another origin, or
 *               is damaged, or the log was damaged after it was written */
enum ampql_code capture_log_finish(struct capture_log *log, bool appends, uint8_t *content_id,
                                   struct ampql_error *err);

/* Remove the log: what it holds is not wanted. Close it after that. */
void capture_log_discard(struct capture_log *log);

/* Close it. The log stays for the next run, unless it is finished or holds nothing. */
void capture_log_done(struct capture_log *log);

#endif
