/* Reading and writing blocks of a capture file. */
#include "source/capture_block.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

/* As PNG's: a copy in text mode, or of seven bits, damages it at once. */
const uint8_t capture_magic[8] = {0x89, 'A', 'Q', 'C', '\r', '\n', 0x1a, '\n'};
const uint8_t capture_end_magic[8] = {'A', 'Q', 'C', ' ', 'e', 'n', 'd', '\n'};

enum { PACK_NONE, PACK_ZSTD, ZSTD_LEVEL = 3 };

/* ---- reading */

static enum ampql_code bad_file(const struct capture_file *file, enum ampql_code code,
                                struct ampql_error *err, const char *what)
{
    return fail(err, code, "%.160s: %s", file->name, what);
}

enum ampql_code capture_bad_block(const struct capture_file *file, uint64_t offset,
                                  struct ampql_error *err, const char *what)
{
    return fail(err, AMPQL_BAD_DATA, "%.160s: block at offset %llu: %s", file->name,
                (unsigned long long)offset, what);
}

enum ampql_code capture_file_read(const struct capture_file *file, uint64_t offset, void *out,
                                  size_t n, struct ampql_error *err)
{
    return file_read_at(file->fd, file->name, offset, out, n, err);
}

static enum ampql_code check_header(struct capture_file *file, struct ampql_error *err)
{
    uint8_t head[CAPTURE_HEADER];
    if (file->size < sizeof head)
        return bad_file(file, AMPQL_BAD_DATA, err, "not a capture: shorter than a capture's head");
    TRY(capture_file_read(file, 0, head, sizeof head, err));
    if (memcmp(head, capture_magic, sizeof capture_magic) != 0)
        return bad_file(file, AMPQL_BAD_DATA, err,
                        "not a capture: it begins with other bytes than captures do");
    uint64_t version = le_get(head + 8, 4);
    if (version > CAPTURE_VERSION)
        return fail(err, AMPQL_BAD_DATA,
                    "%.160s: a capture of version %llu, and this ampql reads up to %d", file->name,
                    (unsigned long long)version, CAPTURE_VERSION);
    if (version == 0 || le_get(head + 12, 4) != 0)
        return bad_file(file, AMPQL_BAD_DATA, err, "its head is damaged");
    file->version = (uint32_t)version;
    return AMPQL_OK;
}

enum ampql_code capture_file_open(struct capture_file *file, const struct ampql_allocator *alc,
                                  const char *name, int fd, struct ampql_error *err)
{
    *file = (struct capture_file){.alc = alc, .name = name, .fd = fd};
    struct stat st;
    enum ampql_code code = AMPQL_OK;
    if (fstat(fd, &st) != 0)
        code = bad_file(file, AMPQL_UNAVAILABLE, err, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        code = bad_file(file, AMPQL_BAD_DATA, err,
                        S_ISDIR(st.st_mode) ? "a folder, and a capture is a file"
                                            : "not a plain file");
    else
        file->size = (uint64_t)st.st_size;
    if (code == AMPQL_OK)
        code = check_header(file, err);
    if (code != AMPQL_OK)
        capture_file_done(file);
    return code;
}

void capture_file_done(struct capture_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    alloc_put(file->alc, file->stored, file->stored_room, 1);
    alloc_put(file->alc, file->plain, file->plain_room, 1);
    ZSTD_freeDCtx(file->zstd);
    file->stored = file->plain = NULL;
    file->stored_room = file->plain_room = 0;
    file->zstd = NULL;
}

static bool make_room(const struct ampql_allocator *alc, uint8_t **p, size_t *room, size_t want)
{
    enum { FIRST = 1 << 16 };
    if (want <= *room)
        return true;
    size_t more = want < FIRST ? FIRST : want;
    uint8_t *fresh = alloc_get(alc, more, 1);
    if (!fresh)
        return false;
    alloc_put(alc, *p, *room, 1);
    *p = fresh;
    *room = more;
    return true;
}

static enum ampql_code unpack(struct capture_file *file, const struct capture_block *block,
                              size_t stored, size_t plain, struct ampql_error *err)
{
    if (!make_room(file->alc, &file->plain, &file->plain_room, plain + 1))
        return fail_nomem(err, "a block of a capture");
    if (!file->zstd && !(file->zstd = ZSTD_createDCtx()))
        return fail_nomem(err, "a zstd decoder");
    size_t n = ZSTD_decompressDCtx(file->zstd, file->plain, plain, file->stored, stored);
    if (ZSTD_isError(n) || n != plain)
        return capture_bad_block(file, block->offset, err, "its zstd data are damaged");
    return AMPQL_OK;
}

enum ampql_code capture_read_block(struct capture_file *file, uint64_t offset,
                                   struct capture_block *out, struct ampql_error *err)
{
    uint8_t head[CAPTURE_BLOCK_HEAD];
    if (offset > file->size || file->size - offset < sizeof head)
        return capture_bad_block(file, offset, err, "the file ends inside its head");
    TRY(capture_file_read(file, offset, head, sizeof head, err));
    size_t stored = le_get(head + 4, 4), plain = le_get(head + 8, 4);
    *out = (struct capture_block){.kind = head[0],
                                  .count = (uint32_t)le_get(head + 12, 4),
                                  .offset = offset,
                                  .bytes = sizeof head + stored};
    if (head[0] < CAPTURE_ABOUT || head[0] > CAPTURE_INDEX || head[1] > PACK_ZSTD ||
        le_get(head + 2, 2) != 0 || plain > CAPTURE_BLOCK_MAX || stored > plain ||
        (head[1] == PACK_NONE && stored != plain))
        return capture_bad_block(file, offset, err, "its head is damaged");
    if (file->size - offset - sizeof head < stored)
        return capture_bad_block(file, offset, err, "the file ends inside it");
    if (!make_room(file->alc, &file->stored, &file->stored_room, stored + 1))
        return fail_nomem(err, "a block of a capture");
    TRY(capture_file_read(file, offset + sizeof head, file->stored, stored, err));
    if (checksum(head, 16, file->stored, stored) != le_get(head + 16, 8))
        return capture_bad_block(file, offset, err, "its checksum differs: it is damaged");
    if (head[1] == PACK_ZSTD)
        TRY(unpack(file, out, stored, plain, err));
    out->plain = bytes_of(head[1] == PACK_ZSTD ? file->plain : file->stored, plain);
    return AMPQL_OK;
}

/* ---- writing */

void capture_out_init(struct capture_out *out, const struct ampql_allocator *alc, const char *name,
                      int fd, uint64_t offset)
{
    *out = (struct capture_out){.alc = alc, .name = name, .fd = fd, .offset = offset};
}

void capture_out_done(struct capture_out *out)
{
    alloc_put(out->alc, out->packed, out->packed_room, 1);
    ZSTD_freeCCtx(out->zstd);
    out->packed = NULL;
    out->packed_room = 0;
    out->zstd = NULL;
}

enum ampql_code capture_write(struct capture_out *out, const void *p, size_t n,
                              struct ampql_error *err)
{
    const char *from = p;
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(out->fd, from + done, n - done, (off_t)(out->offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return fail(err, AMPQL_OUTPUT, "%.160s: %s", out->name,
                        put < 0 ? strerror(errno) : "nothing could be written");
        done += (size_t)put;
    }
    out->offset += n;
    return AMPQL_OK;
}

enum ampql_code capture_write_header(struct capture_out *out, struct ampql_error *err)
{
    uint8_t head[CAPTURE_HEADER] = {0};
    memcpy(head, capture_magic, sizeof capture_magic);
    le_put(head + 8, 4, CAPTURE_VERSION);
    return capture_write(out, head, sizeof head, err);
}

/* What is written for plain [n]: itself, or its zstd where that saves a sixteenth. */
static enum ampql_code pack(struct capture_out *out, const uint8_t *plain, size_t n,
                            const uint8_t **stored, size_t *nstored, struct ampql_error *err)
{
    *stored = plain;
    *nstored = n;
    if (n < 64)
        return AMPQL_OK;
    if (!make_room(out->alc, &out->packed, &out->packed_room, ZSTD_compressBound(n)))
        return fail_nomem(err, "a block of a capture");
    if (!out->zstd && !(out->zstd = ZSTD_createCCtx()))
        return fail_nomem(err, "a zstd encoder");
    size_t packed =
        ZSTD_compressCCtx(out->zstd, out->packed, out->packed_room, plain, n, ZSTD_LEVEL);
    if (ZSTD_isError(packed))
        return fail_nomem(err, "a zstd encoder");
    if (packed < n - n / 16) {
        *stored = out->packed;
        *nstored = packed;
    }
    return AMPQL_OK;
}

enum ampql_code capture_digest(enum capture_kind kind, uint32_t count, const uint8_t *p, size_t n,
                               uint8_t out[SHA256_BYTES], struct ampql_error *err)
{
    uint8_t both[SHA256_BYTES + 8] = {0};
    TRY(sha256(p, n, both, err));
    both[SHA256_BYTES] = (uint8_t)kind;
    le_put(both + SHA256_BYTES + 4, 4, count);
    return sha256(both, sizeof both, out, err);
}

enum ampql_code capture_write_block(struct capture_out *out, enum capture_kind kind, uint32_t count,
                                    const struct buf *plain, uint8_t *digest,
                                    struct ampql_error *err)
{
    const uint8_t *p = (const uint8_t *)plain->p, *stored;
    size_t nstored;
    if (plain->failed == AMPQL_NOMEM)
        return fail_nomem(err, "a block of a capture");
    if (plain->failed || plain->n > CAPTURE_BLOCK_MAX)
        return fail(err, AMPQL_LIMIT, "%.160s: a block of a capture is longer than %d bytes",
                    out->name, CAPTURE_BLOCK_MAX);
    TRY(pack(out, p, plain->n, &stored, &nstored, err));
    if (digest)
        TRY(capture_digest(kind, count, p, plain->n, digest, err));
    uint8_t head[CAPTURE_BLOCK_HEAD] = {(uint8_t)kind, stored == p ? PACK_NONE : PACK_ZSTD};
    le_put(head + 4, 4, nstored);
    le_put(head + 8, 4, plain->n);
    le_put(head + 12, 4, count);
    le_put(head + 16, 8, checksum(head, 16, stored, nstored));
    TRY(capture_write(out, head, sizeof head, err));
    return capture_write(out, stored, nstored, err);
}
