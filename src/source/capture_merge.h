/* The finished file: selects of one or more captures or logs, joined where they touch, written in
 * canonical order. */
#ifndef AMPQL_SRC_SOURCE_CAPTURE_MERGE_H
#define AMPQL_SRC_SOURCE_CAPTURE_MERGE_H

#include "source/capture.h"

/* Write a finished capture to a descriptor, which is empty.
 *
 * Windows of equal matchers that touch become one; where two hold a time, the later input's answer
 * counts. The result, but for who wrote it and when, depends only on what was asked and answered.
 *
 *   inputs      [ninputs], ninputs >= 1, all of one origin, oldest first
 *   content_id  out: [SHA256_BYTES]; NULL is fine
 *   err         AMPQL_BAD_DATA: other origins, or damaged, with the block's offset; AMPQL_OUTPUT;
 *               AMPQL_LIMIT; AMPQL_NOMEM */
enum ampql_code capture_merge(const struct ampql_allocator *alc, const char *name, int fd,
                              struct capture *const *inputs, size_t ninputs, uint8_t *content_id,
                              struct ampql_error *err);

/* The order of selects in a finished file, but for their times: 0 when these alone may differ.
 * Matchers are in canonical order, as those of a finished file are. */
int capture_compare_questions(const struct held *a, const struct held *b);

/* Can answers of both be in one capture? */
bool capture_same_origin(const struct capture_origin *a, const struct capture_origin *b);

#endif
