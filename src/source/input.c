/* Reading and ungzipping. Gzip is known by its first two bytes, not by the name; members may follow
 * one another, as `cat a.gz b.gz` makes them. */
#include "source/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t DEFAULT_MAX_BYTES = UINT64_C(4) << 30;

/* zlib asks for memory without saying later how much it was: the size goes in front. */
enum { FRONT = 16 };

static void *zlib_alloc(void *payload, unsigned items, unsigned size)
{
    size_t bytes = (size_t)items * size + FRONT;
    char *p = alloc_get(payload, bytes, 1);
    if (!p)
        return NULL;
    memcpy(p, &bytes, sizeof bytes);
    return p + FRONT;
}

static void zlib_free(void *payload, void *ptr)
{
    char *p = (char *)ptr - FRONT;
    size_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    alloc_put(payload, p, bytes, 1);
}

enum ampql_code input_name(const struct input *input, enum ampql_code code, struct ampql_error *err)
{
    if (!err)
        return code;
    struct ampql_error inner = *err;
    /* a long name must not push the reason out of the message */
    int clip = (int)sizeof err->message / 2;
    snprintf(err->message, sizeof err->message, "%.*s: %.*s", clip, input->name,
             (int)sizeof err->message - clip - 3, inner.message);
    return code;
}

enum ampql_code input_init(struct input *input, const struct ampql_allocator *alc, const char *name,
                           input_read *read_fn, void *payload, uint64_t max_bytes,
                           struct ampql_error *err)
{
    *input = (struct input){.alc = alc,
                            .name = name,
                            .read = read_fn,
                            .payload = payload,
                            .fd = -1,
                            .piece_bytes = INPUT_PIECE,
                            .max_bytes = max_bytes ? max_bytes : DEFAULT_MAX_BYTES};
    input->raw = alloc_get(alc, INPUT_PIECE, 1);
    return input->raw ? AMPQL_OK : fail_nomem(err, "reading a file");
}

static enum ampql_code read_fd(void *payload, char *buffer, size_t size, size_t *out,
                               struct ampql_error *err)
{
    const struct input *input = payload;
    for (;;) {
        ssize_t n = read(input->fd, buffer, size);
        if (n >= 0) {
            *out = (size_t)n;
            return AMPQL_OK;
        }
        if (errno != EINTR)
            return fail(err, AMPQL_UNAVAILABLE, "reading failed: %s", strerror(errno));
    }
}

static void close_fd(struct input *input)
{
    if (input->fd > STDIN_FILENO)
        close(input->fd);
    input->fd = -1;
}

enum ampql_code input_open_fd(struct input *input, const struct ampql_allocator *alc,
                              const char *name, int fd, uint64_t max_bytes, struct ampql_error *err)
{
    enum ampql_code code = input_init(input, alc, name, read_fd, input, max_bytes, err);
    input->fd = fd;
    struct stat st;
    if (code == AMPQL_OK && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        code = fail(err, AMPQL_UNAVAILABLE, "%s: is a folder, expected a file", name);
    if (code != AMPQL_OK)
        input_done(input);
    return code;
}

enum ampql_code input_open(struct input *input, const struct ampql_allocator *alc, const char *path,
                           uint64_t max_bytes, struct ampql_error *err)
{
    if (strcmp(path, "-") == 0)
        return input_open_fd(input, alc, "stdin", STDIN_FILENO, max_bytes, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, AMPQL_NOT_FOUND, "%s: %s", path, strerror(errno));
    return input_open_fd(input, alc, path, fd, max_bytes, err);
}

void input_done(struct input *input)
{
    if (input->has_zlib)
        inflateEnd(&input->zlib);
    alloc_put(input->alc, input->raw, input->raw ? INPUT_PIECE : 0, 1);
    alloc_put(input->alc, input->plain, input->plain ? INPUT_PIECE : 0, 1);
    input->raw = input->plain = NULL;
    input->has_zlib = false;
    close_fd(input);
}

/* Fill raw: whole pieces also from a pipe, so that the first holds the magic bytes. */
static enum ampql_code fill(struct input *input, struct ampql_error *err)
{
    input->raw_n = 0;
    size_t want = input->piece_bytes < INPUT_PIECE ? input->piece_bytes : INPUT_PIECE;
    if (!input->is_started && want < 2)
        want = 2;
    while (input->raw_n < want && !input->is_read) {
        size_t n = 0;
        enum ampql_code code =
            input->read(input->payload, input->raw + input->raw_n, want - input->raw_n, &n, err);
        if (code != AMPQL_OK)
            return input_name(input, code, err);
        input->raw_n += n;
        input->is_read = n == 0;
    }
    return AMPQL_OK;
}

static enum ampql_code start_gzip(struct input *input, struct ampql_error *err)
{
    enum { GZIP_ONLY = 16 };
    input->plain = alloc_get(input->alc, INPUT_PIECE, 1);
    if (!input->plain)
        return fail_nomem(err, "ungzipping a file");
    input->zlib = (z_stream){
        .zalloc = zlib_alloc, .zfree = zlib_free, .opaque = (void *)(uintptr_t)input->alc};
    if (inflateInit2(&input->zlib, MAX_WBITS + GZIP_ONLY) != Z_OK)
        return fail_nomem(err, "ungzipping a file");
    input->has_zlib = true;
    input->is_gzip = true;
    return AMPQL_OK;
}

static enum ampql_code start(struct input *input, struct ampql_error *err)
{
    static const char magic[2] = {'\x1f', '\x8b'};
    TRY(fill(input, err));
    input->is_started = true;
    if (input->raw_n < sizeof magic || memcmp(input->raw, magic, sizeof magic) != 0)
        return AMPQL_OK;
    TRY(start_gzip(input, err));
    input->zlib.next_in = (unsigned char *)input->raw;
    input->zlib.avail_in = (unsigned)input->raw_n;
    return AMPQL_OK;
}

/* Why there are no more bytes. */
static enum ampql_code refuse(const struct input *input, struct ampql_error *err)
{
    unsigned long long total = (unsigned long long)input->total;
    if (input->failure == AMPQL_LIMIT)
        return fail(err, AMPQL_LIMIT, "%s: more than the limit of %llu bytes", input->name,
                    (unsigned long long)input->max_bytes);
    if (input->failure == AMPQL_NOMEM)
        return fail_nomem(err, "ungzipping a file");
    return fail(err, AMPQL_BAD_DATA, "%s: the gzip data is %s after %llu bytes", input->name,
                input->is_truncated ? "truncated" : "corrupt", total);
}

/* Ungzip until there is output, or the input ends where a member ends, or something is wrong. */
static enum ampql_code next_plain(struct input *input, struct str *piece, struct ampql_error *err)
{
    z_stream *z = &input->zlib;
    size_t room = input->piece_bytes < INPUT_PIECE ? input->piece_bytes : INPUT_PIECE;
    z->next_out = (unsigned char *)input->plain;
    z->avail_out = (unsigned)room;
    while (z->avail_out == room && input->failure == AMPQL_OK) {
        if (z->avail_in == 0 && !input->is_read) {
            TRY(fill(input, err));
            z->next_in = (unsigned char *)input->raw;
            z->avail_in = (unsigned)input->raw_n;
        }
        bool is_last = z->avail_in == 0;
        if (is_last && !input->is_inside)
            break;
        input->is_inside = true;
        int rc = inflate(z, Z_NO_FLUSH);
        if (rc == Z_STREAM_END) {
            input->is_inside = false;
            rc = inflateReset(z);
        } else if ((rc == Z_OK || rc == Z_BUF_ERROR) && is_last &&
                   z->avail_out == room) { /* nor was there anything kept inside zlib */
            input->is_truncated = true;
            rc = Z_DATA_ERROR;
        }
        if (rc != Z_OK && rc != Z_BUF_ERROR)
            input->failure = rc == Z_MEM_ERROR ? AMPQL_NOMEM : AMPQL_BAD_DATA;
    }
    *piece = str_make(input->plain, room - z->avail_out);
    return AMPQL_OK;
}

static enum ampql_code next_piece(struct input *input, struct str *piece, struct ampql_error *err)
{
    bool is_first = !input->is_started;
    if (is_first)
        TRY(start(input, err));
    if (input->is_gzip)
        return next_plain(input, piece, err);
    if (!is_first)
        TRY(fill(input, err));
    *piece = str_make(input->raw, input->raw_n);
    return AMPQL_OK;
}

enum ampql_code input_next(struct input *input, struct str *piece, struct ampql_error *err)
{
    if (input->has_kept) {
        input->has_kept = false;
        *piece = input->kept;
        return AMPQL_OK;
    }
    if (input->failure != AMPQL_OK)
        return refuse(input, err);
    TRY(next_piece(input, piece, err));
    if (piece->n > input->max_bytes - input->total) {
        piece->n = (size_t)(input->max_bytes - input->total);
        input->failure = AMPQL_LIMIT;
    }
    input->total += piece->n;
    return piece->n || input->failure == AMPQL_OK ? AMPQL_OK : refuse(input, err);
}

enum ampql_code input_peek(struct input *input, struct str *piece, struct ampql_error *err)
{
    if (!input->has_kept)
        TRY(input_next(input, &input->kept, err));
    input->has_kept = true;
    *piece = input->kept;
    return AMPQL_OK;
}
