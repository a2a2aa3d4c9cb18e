/* Files of a block. */
#include "source/tsdb_file.h"

#include "base/crc32c.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads far apart are short, those that go on where the last one ended are long. */
enum { NEAR_BYTES = 1 << 16, FAR_BYTES = 1 << 13 };

static enum ampql_code bad_file(const struct tsdb_file *file, enum ampql_code code,
                                struct ampql_error *err, const char *what)
{
    return fail(err, code, "%.400s: %s", file->path, what);
}

enum ampql_code tsdb_bad(const struct tsdb_file *file, uint64_t offset, struct ampql_error *err,
                         const char *what)
{
    return fail(err, AMPQL_BAD_DATA, "%.400s: offset %llu: %s", file->path,
                (unsigned long long)offset, what);
}

enum ampql_code tsdb_bad_version(const struct tsdb_file *file, uint64_t offset, const char *what,
                                 int found, int known, struct ampql_error *err)
{
    return fail(err, AMPQL_UNSUPPORTED,
                "%.400s: offset %llu: %s of version %d, and this ampql reads %d", file->path,
                (unsigned long long)offset, what, found, known);
}

enum ampql_code tsdb_file_open(struct tsdb_file *file, const struct ampql_allocator *alc,
                               const char *path, struct ampql_error *err)
{
    *file = (struct tsdb_file){.alc = alc, .path = path};
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0)
        return bad_file(file, errno == ENOENT ? AMPQL_NOT_FOUND : AMPQL_UNAVAILABLE, err,
                        strerror(errno));
    struct stat st;
    enum ampql_code code = AMPQL_OK;
    if (fstat(file->fd, &st) != 0)
        code = bad_file(file, AMPQL_UNAVAILABLE, err, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        code = bad_file(file, AMPQL_BAD_DATA, err, "not a plain file");
    else
        file->size = (uint64_t)st.st_size;
    if (code != AMPQL_OK)
        tsdb_file_done(file);
    return code;
}

void tsdb_file_trim(struct tsdb_file *file)
{
    if (file->alc)
        alloc_put(file->alc, file->buf, file->room, 1);
    file->buf = NULL;
    file->room = file->n = 0;
}

void tsdb_file_done(struct tsdb_file *file)
{
    if (file->alc && file->fd >= 0)
        close(file->fd);
    tsdb_file_trim(file);
    *file = (struct tsdb_file){.fd = -1};
}

static enum ampql_code fill(struct tsdb_file *file, uint64_t offset, size_t n,
                            struct ampql_error *err)
{
    file->n = 0;
    if (n + TSDB_SLACK > file->room) {
        tsdb_file_trim(file);
        file->buf = alloc_get(file->alc, n + TSDB_SLACK, 1);
        if (!file->buf)
            return fail_nomem(err, "a piece of a block");
        file->room = n + TSDB_SLACK;
    }
    TRY(file_read_at(file->fd, file->path, offset, file->buf, n, err));
    memset(file->buf + n, 0, TSDB_SLACK);
    file->begin = offset;
    file->n = n;
    return AMPQL_OK;
}

enum ampql_code tsdb_file_view(struct tsdb_file *file, uint64_t offset, uint64_t n,
                               const uint8_t **out, struct ampql_error *err)
{
    if (offset > file->size || n > file->size - offset)
        return tsdb_bad(file, offset, err, "the file ends before what should be there does");
    if (n > TSDB_MAX_VIEW)
        return fail(err, AMPQL_LIMIT, "%.400s: offset %llu: more than %d bytes in one piece",
                    file->path, (unsigned long long)offset, TSDB_MAX_VIEW);
    bool is_near = file->n && offset >= file->begin && offset <= file->begin + file->n;
    if (!is_near || offset - file->begin + n > file->n) {
        uint64_t want = is_near ? NEAR_BYTES : FAR_BYTES, left = file->size - offset;
        want = want > n ? want : n;
        TRY(fill(file, offset, (size_t)(want < left ? want : left), err));
    }
    *out = file->buf + (offset - file->begin);
    return AMPQL_OK;
}

enum ampql_code tsdb_file_section(struct tsdb_file *file, uint64_t offset, const char *what,
                                  struct bytes_in *out, struct ampql_error *err)
{
    const uint8_t *p;
    TRY(tsdb_file_view(file, offset, 4, &p, err));
    uint64_t n = be_get(p, 4);
    TRY(tsdb_file_view(file, offset, 4 + n + 4, &p, err));
    if (crc32c(0, p + 4, (size_t)n) != be_get(p + 4 + n, 4))
        return fail(err, AMPQL_BAD_DATA, "%.400s: offset %llu: the checksum of %s differs: damaged",
                    file->path, (unsigned long long)offset, what);
    *out = bytes_of(p + 4, (size_t)n);
    return AMPQL_OK;
}
