/* Writing beside a name, and renaming. */
#include "tool/new_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum ampql_code cannot(const char *path, int number, struct ampql_error *err)
{
    return fail(err, AMPQL_OUTPUT, "%.160s: %s", path, strerror(number));
}

static enum ampql_code begin(struct new_file *file, const struct ampql_allocator *alc,
                             const char *path, struct ampql_error *err)
{
    size_t n = strlen(path);
    *file = (struct new_file){.alc = *alc, .path = path, .folder_fd = -1, .fd = -1};
    file->fresh_size = n + sizeof ".new";
    file->fresh = alloc_get(alc, file->fresh_size, 1);
    if (!file->fresh)
        return fail_nomem(err, "the name of a file");
    memcpy(file->fresh, path, n);
    memcpy(file->fresh + n, ".new", sizeof ".new");
    return AMPQL_OK;
}

static void end(struct new_file *file)
{
    if (file->dir)
        closedir(file->dir); /* and its descriptor */
    file->dir = NULL;
    alloc_put(&file->alc, file->fresh, file->fresh_size, 1);
    file->fresh = NULL;
}

/* ---- files */

/* Renaming over a link would replace the link. */
static enum ampql_code check_file(const char *path, struct ampql_error *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? AMPQL_OK : cannot(path, errno, err);
    return S_ISREG(st.st_mode)
               ? AMPQL_OK
               : fail(err, AMPQL_BAD_DATA, "%.160s: %s, expected a plain file or none", path,
                      S_ISDIR(st.st_mode)   ? "a folder"
                      : S_ISLNK(st.st_mode) ? "a symbolic link"
                                            : "not a plain file");
}

enum ampql_code new_file_open(struct new_file *file, const struct ampql_allocator *alc,
                              const char *path, struct ampql_error *err)
{
    TRY(check_file(path, err));
    TRY(begin(file, alc, path, err));
    unlink(file->fresh); /* of a run that was killed */
    file->fd = open(file->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file->fd >= 0)
        return AMPQL_OK;
    enum ampql_code code = cannot(file->fresh, errno, err);
    end(file);
    return code;
}

int new_file_write(void *payload, const char *data, size_t size)
{
    struct new_file *file = payload;
    while (size && !file->failed) {
        ssize_t n = write(file->fd, data, size);
        if (n >= 0) {
            data += n;
            size -= (size_t)n;
        } else if (errno != EINTR) {
            file->failed = errno;
        }
    }
    return file->failed;
}

/* Make what was written last, and close. */
static void close_file(struct new_file *file)
{
    if (file->fd < 0)
        return;
    if (!file->failed && fsync(file->fd) != 0)
        file->failed = errno;
    if (close(file->fd) != 0 && !file->failed)
        file->failed = errno;
    file->fd = -1;
}

/* ---- folders */

enum ampql_code new_folder_open(struct new_file *folder, const struct ampql_allocator *alc,
                                const char *path, struct ampql_error *err)
{
    struct stat st;
    if (lstat(path, &st) == 0)
        return fail(err, AMPQL_BAD_DATA, "%.160s: is there already, expected a new folder", path);
    TRY(begin(folder, alc, path, err));
    enum ampql_code code = AMPQL_OK;
    if (mkdir(folder->fresh, 0777) != 0)
        code = errno == EEXIST
                   ? fail(err, AMPQL_BAD_DATA,
                          "%.160s: is there already, perhaps of a run that was killed: remove it",
                          folder->fresh)
                   : cannot(folder->fresh, errno, err);
    if (code == AMPQL_OK) {
        folder->folder_fd = open(folder->fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (folder->folder_fd >= 0) /* now: when it must be removed there may be no memory */
            folder->dir = fdopendir(folder->folder_fd);
        if (!folder->dir) {
            code = cannot(folder->fresh, errno, err);
            if (folder->folder_fd >= 0)
                close(folder->folder_fd);
            rmdir(folder->fresh);
        }
    }
    if (code != AMPQL_OK)
        end(folder);
    return code;
}

enum ampql_code new_folder_next(struct new_file *folder, const char *name, struct ampql_error *err)
{
    close_file(folder);
    folder->fd =
        openat(folder->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    return folder->fd >= 0
               ? AMPQL_OK
               : fail(err, AMPQL_OUTPUT, "%.160s/%s: %s", folder->fresh, name, strerror(errno));
}

/* All that is in it is ours. */
static void remove_folder(struct new_file *folder)
{
    rewinddir(folder->dir);
    for (const struct dirent *entry; (entry = readdir(folder->dir));)
        unlinkat(folder->folder_fd, entry->d_name, 0); /* fails on . and .. */
    rmdir(folder->fresh);
}

/* ---- the end */

/* The rename lasts when the folder that it was made in does. Some file systems cannot; the content
 * has been made to last. */
static void sync_parent(const struct new_file *file)
{
    const char *slash = strrchr(file->fresh, '/');
    char parent[4096];
    int n = snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - file->fresh + 1) : 1,
                     slash ? file->fresh : ".");
    int fd =
        n > 0 && (size_t)n < sizeof parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static enum ampql_code put_in_place(struct new_file *file, struct ampql_error *err)
{
    if (file->failed)
        return cannot(file->path, file->failed, err);
    if (file->folder_fd >= 0)
        fsync(file->folder_fd);
    if (rename(file->fresh, file->path) != 0)
        return cannot(file->path, errno, err);
    sync_parent(file);
    return AMPQL_OK;
}

enum ampql_code new_file_finish(struct new_file *file, enum ampql_code code,
                                struct ampql_error *err)
{
    close_file(file);
    if (code == AMPQL_OK || (code == AMPQL_OUTPUT && file->failed)) /* which says why */
        code = put_in_place(file, err);
    if (code != AMPQL_OK && file->dir)
        remove_folder(file);
    else if (code != AMPQL_OK)
        unlink(file->fresh);
    end(file);
    return code;
}
