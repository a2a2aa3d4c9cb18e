/* One block of a Prometheus data folder: what its meta.json says, its index, its chunks, and what
 * was deleted from it since (tombstones).
 *
 * meta.json     JSON: version (1), ulid, minTime, maxTime (samples in [minTime, maxTime), Unix ms),
 *               compaction.parents[].ulid: the blocks that it replaces
 * chunks/NNNNNN u32 0x85BD40DD, u8 version (1), 3 bytes; then each chunk: varint bytes, u8
 * encoding, bytes, CRC32C of both tombstones    u32 0x0130BA30, then u8 version (1), each deletion:
 * varint reference of a series, signed mint, signed maxt, both included; CRC32C from the version
 * on. May be missing
 *
 * see  tsdb/docs/format in Prometheus */
#ifndef AMPQL_SRC_SOURCE_TSDB_BLOCK_H
#define AMPQL_SRC_SOURCE_TSDB_BLOCK_H

#include "source/tsdb_index.h"

/* 26 digits of Crockford's base 32? Blocks are named so. */
bool tsdb_is_ulid(struct str text);

/* FOLDER/NAME, in the arena; NULL without memory. */
char *tsdb_path(struct arena *arena, const char *folder, const char *name);

/* A deletion. */
struct tombstone {
    uint64_t ref;
    int64_t mint_ms, maxt_ms; /* both included */
};

struct tombstones {
    ARRAY(struct tombstone); /* by ref, then mint */
};

enum tsdb_encoding { TSDB_XOR = 1, TSDB_HISTOGRAM = 2, TSDB_FLOAT_HISTOGRAM = 3 };

struct tsdb_block {
    const struct ampql_allocator *alc;
    const char *path, *index_path, *tombstones_path; /* in the arena it was made with */
    char *chunks_path;                               /* ends in the number of the segment */
    struct str ulid;
    const struct str *parents; /* [nparents] ULIDs */
    size_t nparents;
    int64_t mint_ms, end_ms; /* samples in [mint, end) */

    bool is_open;
    struct tsdb_index index;
    struct tombstones tombstones;
    struct tsdb_file segment; /* of chunks, the one read last */
    uint32_t segment_number;  /* from 0 */
};

/* Read meta.json of the block in the folder path. Nothing is held open.
 *
 *   arena  where texts live; path is copied
 *   err    "PATH/meta.json: ...": AMPQL_NOT_FOUND, AMPQL_BAD_DATA, AMPQL_UNSUPPORTED: another
 *          version; AMPQL_UNAVAILABLE, AMPQL_NOMEM */
enum ampql_code tsdb_block_init(struct tsdb_block *block, const struct ampql_allocator *alc,
                                struct arena *arena, const char *path, struct ampql_error *err);

/* Read index and tombstones, unless that was done before.
 *   err  as tsdb_index_open */
enum ampql_code tsdb_block_open(struct tsdb_block *block, struct symbols *symbols,
                                struct ampql_error *err);
void tsdb_block_done(struct tsdb_block *block);

/* Close the segment that was read last, and give buffers back. */
void tsdb_block_rest(struct tsdb_block *block);

/* The content of a chunk, checked, in *out until the next call, with TSDB_SLACK readable bytes
 * behind it. err  "PATH/chunks/000001: offset N: ...": AMPQL_NOT_FOUND, AMPQL_BAD_DATA,
 * AMPQL_UNAVAILABLE, AMPQL_LIMIT, AMPQL_NOMEM */
enum ampql_code tsdb_block_chunk(struct tsdb_block *block, uint64_t where,
                                 enum tsdb_encoding *encoding, struct bytes_in *out,
                                 struct ampql_error *err);

/* "PATH/chunks/000001: offset N: WHAT", of the chunk read last, AMPQL_BAD_DATA. */
enum ampql_code tsdb_bad_chunk(const struct tsdb_block *block, uint64_t where,
                               struct ampql_error *err, const char *what);

/* The deletions of a series: *n of them, by mint. */
const struct tombstone *tombstones_of(const struct tombstones *tombstones, uint64_t ref, size_t *n);

#endif
