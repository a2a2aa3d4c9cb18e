/* Locks, temporary files and renames. */
#include "source/capture_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum ampql_code capture_cannot(const char *path, struct ampql_error *err)
{
    return fail(err, AMPQL_OUTPUT, "%.160s: %s", path, strerror(errno));
}

enum ampql_code capture_check_target(const char *path, struct ampql_error *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? AMPQL_OK : capture_cannot(path, err);
    if (S_ISREG(st.st_mode))
        return AMPQL_OK;
    return fail(err, AMPQL_BAD_DATA, "%.160s: %s, and a capture is written as a plain file", path,
                S_ISDIR(st.st_mode)   ? "a folder"
                : S_ISLNK(st.st_mode) ? "a symbolic link"
                                      : "not a plain file");
}

bool capture_is_at(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static enum ampql_code lock(int fd, const char *beside, const char *path, struct ampql_error *err)
{
    int failed;
    while ((failed = flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR)
        continue;
    if (failed && errno == EWOULDBLOCK)
        return fail(err, AMPQL_UNAVAILABLE, "%.160s: another process is writing this capture",
                    path);
    if (!failed)
        return AMPQL_OK;
    enum ampql_code code = capture_cannot(beside, err);
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_size == 0 && capture_is_at(fd, beside))
        unlink(beside); /* made just now: where nobody can lock, nobody writes it */
    return code;
}

/* Whoever had the lock before may have renamed or removed the file that was opened: then once more.
 */
enum ampql_code capture_open_locked(const char *beside, const char *path, int *fd,
                                    struct ampql_error *err)
{
    for (;;) {
        *fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
        if (*fd < 0)
            return errno == ELOOP ? fail(err, AMPQL_BAD_DATA,
                                         "%.160s: a symbolic link, which is not followed", beside)
                                  : capture_cannot(beside, err);
        enum ampql_code code = lock(*fd, beside, path, err);
        if (code == AMPQL_OK && capture_is_at(*fd, beside))
            return code;
        close(*fd);
        *fd = -1;
        if (code != AMPQL_OK)
            return code;
    }
}

/* A name that is there only when the whole file is: rename, then the folder is made to last. */
static enum ampql_code put_in_place(const char *from, const char *to, struct ampql_error *err)
{
    if (rename(from, to) != 0)
        return capture_cannot(to, err);
    const char *slash = strrchr(to, '/');
    char folder[4096];
    int n = snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - to + 1) : 1,
                     slash ? to : ".");
    int fd =
        n > 0 && (size_t)n < sizeof folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd); /* some file systems cannot; the file itself has been synced */
        close(fd);
    }
    return AMPQL_OK;
}

static enum ampql_code write_beside(const struct ampql_allocator *alc, const char *fresh,
                                    const char *path, struct capture *const *inputs, size_t ninputs,
                                    uint8_t *content_id, struct ampql_error *err)
{
    int fd;
    TRY(capture_open_locked(fresh, path, &fd, err));
    enum ampql_code code = AMPQL_OK;
    if (ftruncate(fd, 0) != 0) /* of a run that was killed */
        code = capture_cannot(fresh, err);
    if (code == AMPQL_OK)
        code = capture_merge(alc, fresh, fd, inputs, ninputs, content_id, err);
    if (code == AMPQL_OK && fsync(fd) != 0)
        code = capture_cannot(fresh, err);
    if (code == AMPQL_OK)
        code = put_in_place(fresh, path, err);
    if (code != AMPQL_OK)
        unlink(fresh); /* the lock is ours */
    close(fd);
    return code;
}

enum ampql_code capture_write_new(const struct ampql_allocator *alc, const char *path,
                                  struct capture *const *inputs, size_t ninputs,
                                  uint8_t *content_id, struct ampql_error *err)
{
    TRY(capture_check_target(path, err));
    size_t n = strlen(path);
    char *fresh = alloc_get(alc, n + sizeof ".new", 1);
    if (!fresh)
        return fail_nomem(err, "a capture");
    memcpy(fresh, path, n);
    memcpy(fresh + n, ".new", sizeof ".new");
    enum ampql_code code = write_beside(alc, fresh, path, inputs, ninputs, content_id, err);
    alloc_put(alc, fresh, n + sizeof ".new", 1);
    return code;
}
