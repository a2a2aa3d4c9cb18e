/* Bytes of a file, of standard input or of memory, piece by piece, ungzipped on the way.
 *
 *   while ((code = input_next(&input, &piece, err)) == AMPQL_OK && piece.n) ... */
#ifndef AMPQL_SRC_SOURCE_INPUT_H
#define AMPQL_SRC_SOURCE_INPUT_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"

#include <zlib.h>

/* Fill buffer with at most size bytes: how many, 0 at the end.
 *   err  AMPQL_UNAVAILABLE, AMPQL_NOMEM, without the input's name */
typedef enum ampql_code input_read(void *payload, char *buffer, size_t size, size_t *out,
                                   struct ampql_error *err);

struct input {
    const struct ampql_allocator *alc;
    const char *name; /* for messages; the caller's */
    input_read *read;
    void *payload;
    int fd;             /* of input_open; -1 when there is none to close */
    size_t piece_bytes; /* how much is read at a time, at most INPUT_PIECE */
    uint64_t max_bytes, total;

    char *raw; /* [INPUT_PIECE] as read */
    size_t raw_n;
    bool is_read; /* nothing is left to read behind raw */
    bool is_started, is_gzip, has_zlib;
    bool is_inside;          /* a gzip member has begun and not ended */
    bool is_truncated;       /* the input ended there */
    enum ampql_code failure; /* what the next call says: the bytes before it came first, so that how
                                the input is cut never shows */
    z_stream zlib;
    char *plain;     /* [INPUT_PIECE] of a gzip stream */
    struct str kept; /* peeked at, not yet taken */
    bool has_kept;
};

enum { INPUT_PIECE = 65536 };

/* Read what a function gives. max_bytes counts decompressed bytes; 0: 4 GiB.
 *   err  AMPQL_NOMEM; then nothing is held */
enum ampql_code input_init(struct input *input, const struct ampql_allocator *alc, const char *name,
                           input_read *read, void *payload, uint64_t max_bytes,
                           struct ampql_error *err);

/* Read a descriptor, which is the input's from now on, also when this fails. */
enum ampql_code input_open_fd(struct input *input, const struct ampql_allocator *alc,
                              const char *name, int fd, uint64_t max_bytes,
                              struct ampql_error *err);

/* Open a file, or standard input as "-" (then name is "stdin").
 *   err  AMPQL_NOT_FOUND: cannot be opened; AMPQL_UNAVAILABLE: a folder; AMPQL_NOMEM */
enum ampql_code input_open(struct input *input, const struct ampql_allocator *alc, const char *path,
                           uint64_t max_bytes, struct ampql_error *err);

void input_done(struct input *input);

/* The next bytes, valid until the next call; none at the end.
 *   err  AMPQL_UNAVAILABLE: reading failed; AMPQL_BAD_DATA: gzip that is corrupt or truncated;
 *        AMPQL_LIMIT: more than max_bytes; AMPQL_NOMEM. All "NAME: ..." */
enum ampql_code input_next(struct input *input, struct str *piece, struct ampql_error *err);

/* The same bytes that the next input_next gives, without taking them. */
enum ampql_code input_peek(struct input *input, struct str *piece, struct ampql_error *err);

/* Put "NAME: " in front of err's message (NULL is fine), and return code. */
enum ampql_code input_name(const struct input *input, enum ampql_code code,
                           struct ampql_error *err);

#endif
