/* A file of a Prometheus block, read piece by piece into one recycled buffer. */
#ifndef AMPQL_SRC_SOURCE_TSDB_FILE_H
#define AMPQL_SRC_SOURCE_TSDB_FILE_H

#include "base/bytes.h"
#include "base/error.h"

struct tsdb_file {
    const struct ampql_allocator *alc;
    const char *path; /* the caller's; for messages */
    int fd;           /* -1: not open */
    uint64_t size;
    uint8_t *buf; /* [room] */
    size_t room;
    uint64_t begin; /* buf [n] is the file from here on */
    size_t n;
};

enum {
    TSDB_SLACK = 32,        /* bytes behind a view that can be read, whatever they are */
    TSDB_MAX_VIEW = 1 << 30 /* no section of a file may be longer */
};

/* err  "PATH: ...": AMPQL_NOT_FOUND: no such file; AMPQL_BAD_DATA: not a plain file;
 *      AMPQL_UNAVAILABLE: cannot be opened */
enum ampql_code tsdb_file_open(struct tsdb_file *file, const struct ampql_allocator *alc,
                               const char *path, struct ampql_error *err);
void tsdb_file_done(struct tsdb_file *file); /* also of a zeroed one */

/* Give the buffer back until it is needed again. */
void tsdb_file_trim(struct tsdb_file *file);

/* The n bytes at offset, in *out until the next call; TSDB_SLACK more behind them can be read.
 *   err  "PATH: ...": AMPQL_BAD_DATA: the file ends before; AMPQL_LIMIT: over TSDB_MAX_VIEW;
 *        AMPQL_UNAVAILABLE; AMPQL_NOMEM */
enum ampql_code tsdb_file_view(struct tsdb_file *file, uint64_t offset, uint64_t n,
                               const uint8_t **out, struct ampql_error *err);

/* The part of the file that is written as a u32, so many bytes, and their CRC32C, which is checked:
 * the bytes, in *out until the next call. what: "the symbol table".
 *   err  the same, and AMPQL_BAD_DATA: the checksum differs */
enum ampql_code tsdb_file_section(struct tsdb_file *file, uint64_t offset, const char *what,
                                  struct bytes_in *out, struct ampql_error *err);

/* "PATH: offset N: WHAT", AMPQL_BAD_DATA. */
enum ampql_code tsdb_bad(const struct tsdb_file *file, uint64_t offset, struct ampql_error *err,
                         const char *what);

/* "PATH: offset N: WHAT of version FOUND, and this ampql reads KNOWN", AMPQL_UNSUPPORTED. */
enum ampql_code tsdb_bad_version(const struct tsdb_file *file, uint64_t offset, const char *what,
                                 int found, int known, struct ampql_error *err);

/* Numbers of n bytes in Prometheus's files are big-endian. */
static inline uint64_t be_get(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

#endif
