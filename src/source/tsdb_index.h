/* The index of a Prometheus block: which series there are, in label order, and where their chunks
 * lie. All numbers are hostile until they are checked; everything that is read has a CRC32C.
 *
 *   u32 0xBAAAD700, u8 version (2)
 *   symbols      u32 bytes, u32 how many; each varint bytes, bytes, ascending; CRC
 *   series       each at a multiple of 16, which divided by 16 is its reference, in label order:
 *                varint bytes; varint labels, each two varints: symbols of name and value; varint
 *                chunks, each mint, maxt, where (below); CRC
 *   postings     each u32 bytes, u32 how many, references as u32, ascending; CRC
 *   postings offset table
 *                u32 bytes, u32 how many; ascending: varint 2, name, value (varint bytes, bytes),
 *                varint offset of the postings; CRC. The empty name and value have all series
 *   toc          u64 offsets: symbols, series, two of no use, postings, postings offset table; CRC
 *
 * A chunk is written as signed mint (later ones: varint, since the maxt before), varint maxt -
 * mint, varint where (later ones: signed, since the one before): a file's number in the high 32
 * bits, an offset in it in the low ones. Varints are the shortest that hold their number.
 *
 * see  tsdb/docs/format/index.md in Prometheus */
#ifndef AMPQL_SRC_SOURCE_TSDB_INDEX_H
#define AMPQL_SRC_SOURCE_TSDB_INDEX_H

#include "base/array.h"
#include "series/labels.h"
#include "source/tsdb_file.h"

/* Times in a block lie between this and its negative, so that no difference of them overflows. */
#define TSDB_FOREVER (INT64_C(1) << 60)

/* Where the entries of a label name are in the postings offset table, and how many bytes. */
struct tsdb_name {
    symbol name;
    uint64_t offset;
    size_t nbytes;
};

struct tsdb_index {
    struct tsdb_file file;
    struct symbols *symbols; /* the caller's */
    symbol *ids;             /* [nids] by the file's numbers */
    size_t nids;
    struct {
        ARRAY(struct tsdb_name);
    } names;
    uint64_t series, series_end; /* where series are */
};

struct tsdb_chunk {
    int64_t mint_ms,
        maxt_ms; /* of its samples, both included; less than 2^XOR_MAX_SPAN_BITS apart */
    uint64_t where;
};

/* One series; used again for the next. Zeroed it is empty. */
struct tsdb_series {
    struct labels labels;
    struct {
        ARRAY(struct label);
    } label; /* what labels.at is */
    struct {
        ARRAY(struct tsdb_chunk); /* in order of time, none overlaps another */
    } chunks;
    struct bytes_in encoded; /* the chunks, until tsdb_index_chunks */
    uint64_t offset;         /* in the file, for messages */
};

/* References of series, ascending. */
struct tsdb_refs {
    uint32_t *at; /* [n] */
    size_t n;
};

/* Open it: the symbols are interned, and it is known where each label name's values are.
 *
 *   path     stays as long as the index
 *   symbols  where label ids come from
 *   err      "PATH: offset N: ...": AMPQL_NOT_FOUND; AMPQL_BAD_DATA; AMPQL_UNSUPPORTED: another
 *            version; AMPQL_LIMIT; AMPQL_UNAVAILABLE; AMPQL_NOMEM */
enum ampql_code tsdb_index_open(struct tsdb_index *index, const struct ampql_allocator *alc,
                                const char *path, struct symbols *symbols, struct ampql_error *err);
void tsdb_index_done(struct tsdb_index *index); /* also of a zeroed one */

/* The series that have name = value, in the arena; the empty name and value: all. */
enum ampql_code tsdb_index_find(struct tsdb_index *index, symbol name, struct str value,
                                struct arena *arena, struct tsdb_refs *out,
                                struct ampql_error *err);

/* Read the labels of a series; its chunks follow with tsdb_index_chunks, if they are wanted, before
 * anything else is read of the index. */
enum ampql_code tsdb_index_series(struct tsdb_index *index, uint32_t ref, struct tsdb_series *out,
                                  struct ampql_error *err);
enum ampql_code tsdb_index_chunks(struct tsdb_index *index, struct tsdb_series *series,
                                  struct ampql_error *err);
void tsdb_series_done(struct tsdb_series *series, const struct ampql_allocator *alc);

#endif
