/* Checking everything in a capture, saying what is lost and what can still be used, and writing
 * that to a new one. */
#ifndef AMPQL_SRC_SOURCE_CAPTURE_VERIFY_H
#define AMPQL_SRC_SOURCE_CAPTURE_VERIFY_H

#include "source/capture.h"

struct capture_verdict {
    size_t nselects, nlost; /* that the capture has, as far as that can be known */
    uint64_t nblocks, nseries, nsamples;
    bool is_whole;   /* nothing is wrong */
    bool opens;      /* queries can be asked of it as it is, of the selects that are not lost */
    bool is_rescued; /* what is not lost was written */
    bool is_log; /* of a capture that is being made: what comes behind the last whole select does
                    not count */
};

/* Told of each finding, as it is made: what is wrong with the file (entry NULL), or with one
 * select, which is then lost. */
typedef void capture_finding(void *payload, const struct capture_entry *entry, const char *what);

/* Read every block of a capture, or of the log of one (PATH ends in ".part"), and check what can
 * be: checksums, lengths, the index against what is there, labels and their order, times, the
 * content id.
 *
 * Findings are no failures: the verdict says what there is.
 *
 *   rescue_to  where a capture of the selects that are not lost is written, unless all are lost;
 *              NULL: nowhere
 *   err        AMPQL_NOT_FOUND, AMPQL_UNAVAILABLE, AMPQL_NOMEM; AMPQL_BAD_DATA: nothing of it is a
 *              capture, or rescue_to is the capture itself; of capture_write_new */
enum ampql_code capture_verify(const struct ampql_allocator *alc, const char *path,
                               const char *rescue_to, capture_finding *finding, void *payload,
                               struct capture_verdict *out, struct ampql_error *err);

#endif
