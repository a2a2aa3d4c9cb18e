/* A file, or a folder of files, that is there under its name only when it is whole: it is written
 * beside it as NAME.new, made to last, and renamed. */
#ifndef AMPQL_SRC_TOOL_NEW_FILE_H
#define AMPQL_SRC_TOOL_NEW_FILE_H

#include "base/alloc.h"
#include "base/error.h"

#include <dirent.h>

struct new_file {
    struct ampql_allocator alc;
    const char *path; /* the caller's */
    char *fresh;      /* PATH.new */
    size_t fresh_size;
    int folder_fd; /* of a folder, and dir's; -1 */
    DIR *dir;      /* NULL */
    int fd;        /* of the file that is written; -1 */
    int failed;    /* errno of the first write that failed */
};

/* Begin a file. What is there already stays until the new one is whole.
 *   path  must stay as long as the file; does not end in a slash, nor that of a folder
 *   err   AMPQL_BAD_DATA: a folder, symbolic link or anything but a plain file is there;
 *         AMPQL_OUTPUT: cannot be made; AMPQL_NOMEM. Then nothing is held */
enum ampql_code new_file_open(struct new_file *file, const struct ampql_allocator *alc,
                              const char *path, struct ampql_error *err);

/* Begin a folder; then each of its files, one after the other.
 *   err  AMPQL_BAD_DATA: something is there already; AMPQL_OUTPUT; AMPQL_NOMEM */
enum ampql_code new_folder_open(struct new_file *folder, const struct ampql_allocator *alc,
                                const char *path, struct ampql_error *err);
enum ampql_code new_folder_next(struct new_file *folder, const char *name, struct ampql_error *err);

/* An ampql_write: append to the file that was begun last. */
int new_file_write(void *payload, const char *data, size_t size);

/* Put it in place when all went well (code is AMPQL_OK), else remove what was written; free. Call
 * it once after it was opened. returns  code; AMPQL_OUTPUT, "PATH: ...", also for a write that
 * failed before */
enum ampql_code new_file_finish(struct new_file *file, enum ampql_code code,
                                struct ampql_error *err);

#endif
