/* Where captures are written: a file that is there only when it is whole, and one writer at a time.
 */
#ifndef AMPQL_SRC_SOURCE_CAPTURE_PLACE_H
#define AMPQL_SRC_SOURCE_CAPTURE_PLACE_H

#include "source/capture_merge.h"

/* "PATH: " and what errno says. Returns AMPQL_OUTPUT. */
enum ampql_code capture_cannot(const char *path, struct ampql_error *err);

/* May a capture be written there? Nothing or a plain file is there: renaming over a link would
 * replace the link.
 *   err  AMPQL_BAD_DATA: a folder, a symbolic link, ...; AMPQL_OUTPUT */
enum ampql_code capture_check_target(const char *path, struct ampql_error *err);

/* Open a file beside a capture for writing, made when it is not there, and locked until the
 * descriptor is closed.
 *
 *   path  of the capture, for messages
 *   fd    out: -1 after a failure
 *   err   AMPQL_BAD_DATA: a symbolic link; AMPQL_UNAVAILABLE: another process has it; AMPQL_OUTPUT
 */
enum ampql_code capture_open_locked(const char *beside, const char *path, int *fd,
                                    struct ampql_error *err);

/* Is what a name stands for still what was opened? Another run may have finished meanwhile. */
bool capture_is_at(int fd, const char *path);

/* Write a finished capture, as capture_merge does, which appears at PATH at once and whole.
 *   err  of capture_merge; of capture_check_target and capture_open_locked */
enum ampql_code capture_write_new(const struct ampql_allocator *alc, const char *path,
                                  struct capture *const *inputs, size_t ninputs,
                                  uint8_t *content_id, struct ampql_error *err);

#endif
