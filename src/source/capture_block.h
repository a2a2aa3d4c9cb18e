/* Blocks of a capture file: reading one at an offset, checked and unpacked into recycled buffers,
 * and writing one at the end. src/source/README.md has the format byte by byte. */
#ifndef AMPQL_SRC_SOURCE_CAPTURE_BLOCK_H
#define AMPQL_SRC_SOURCE_CAPTURE_BLOCK_H

#include "base/bytes.h"
#include "base/digest.h"

enum capture_kind {
    CAPTURE_ABOUT = 1, /* who wrote it, when */
    CAPTURE_ORIGIN,    /* what was captured: source, dialect, what it can say */
    CAPTURE_SYMBOLS,   /* label strings */
    CAPTURE_SELECT,    /* what was asked */
    CAPTURE_SERIES,    /* series of the select before */
    CAPTURE_END,       /* of a log: the select before is whole */
    CAPTURE_INDEX      /* of a finished file: where everything is */
};

enum {
    CAPTURE_VERSION = 2,         /* 1 is read, too: its index says no names */
    CAPTURE_HEADER = 16,         /* bytes of the file's own head, */
    CAPTURE_BLOCK_HEAD = 24,     /* of a block's, */
    CAPTURE_TRAILER = 64,        /* and of the file's end */
    CAPTURE_BLOCK_MAX = 1 << 24, /* of a payload, unpacked; hostile files cannot ask for more */
};

extern const uint8_t capture_magic[8], capture_end_magic[8];

struct capture_block {
    enum capture_kind kind;
    uint32_t count;         /* of what the kind counts */
    struct bytes_in plain;  /* valid until the next block is read */
    uint64_t offset, bytes; /* in the file, the head among them */
};

/* A file that is read. */
struct capture_file {
    const struct ampql_allocator *alc;
    const char *name; /* the caller's */
    int fd;
    uint64_t size;
    uint32_t version;
    uint8_t *stored, *plain; /* [stored_room], [plain_room] */
    size_t stored_room, plain_room;
    void *zstd;
};

/* Read a descriptor, which is the file's from now on, also when this fails.
 *   err  "NAME: ...": AMPQL_BAD_DATA: a folder, no capture, a newer version; AMPQL_UNAVAILABLE;
 *        AMPQL_NOMEM */
enum ampql_code capture_file_open(struct capture_file *file, const struct ampql_allocator *alc,
                                  const char *name, int fd, struct ampql_error *err);
void capture_file_done(struct capture_file *file);

/* Read n bytes at offset, all of them.
 *   err  "NAME: ...": AMPQL_UNAVAILABLE; AMPQL_BAD_DATA: the file ends before */
enum ampql_code capture_file_read(const struct capture_file *file, uint64_t offset, void *out,
                                  size_t n, struct ampql_error *err);

/* Read and check the block at offset.
 *   err  "NAME: block at offset N: ...": AMPQL_BAD_DATA: cut short, checksum, no such kind,
 * lengths; AMPQL_UNAVAILABLE; AMPQL_NOMEM */
enum ampql_code capture_read_block(struct capture_file *file, uint64_t offset,
                                   struct capture_block *out, struct ampql_error *err);

/* "NAME: block at offset N: what". */
enum ampql_code capture_bad_block(const struct capture_file *file, uint64_t offset,
                                  struct ampql_error *err, const char *what);

/* A file that is written from its beginning, or from offset on. */
struct capture_out {
    const struct ampql_allocator *alc;
    const char *name; /* the caller's */
    int fd;           /* the caller's */
    uint64_t offset;
    uint8_t *packed; /* [packed_room] */
    size_t packed_room;
    void *zstd;
};

void capture_out_init(struct capture_out *out, const struct ampql_allocator *alc, const char *name,
                      int fd, uint64_t offset);
void capture_out_done(struct capture_out *out);

/* Append bytes as they are.
 *   err  "NAME: ...": AMPQL_OUTPUT */
enum ampql_code capture_write(struct capture_out *out, const void *p, size_t n,
                              struct ampql_error *err);

/* The file's head. */
enum ampql_code capture_write_header(struct capture_out *out, struct ampql_error *err);

/* Append a block; zstd where that pays. digest (NULL is fine) gets the SHA-256 of kind, count and
 * payload, whatever the packing.
 *
 *   plain  at most CAPTURE_BLOCK_MAX bytes, and not failed
 *   err    AMPQL_OUTPUT; AMPQL_NOMEM (also when plain has failed with it); AMPQL_LIMIT: too long */
enum ampql_code capture_write_block(struct capture_out *out, enum capture_kind kind, uint32_t count,
                                    const struct buf *plain, uint8_t *digest,
                                    struct ampql_error *err);

/* The same digest of a block that was read. */
enum ampql_code capture_digest(enum capture_kind kind, uint32_t count, const uint8_t *p, size_t n,
                               uint8_t out[SHA256_BYTES], struct ampql_error *err);

#endif
