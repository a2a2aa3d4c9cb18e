/* Prometheus's own storage as a source: a data folder (or a snapshot of one), or a single block of
 * it. SAMPLES with their stale markers, read block by block as selects need them.
 *
 *   tsdb_file.h    files, read with pread, checked
 *   tsdb_xor.h     chunks of floats
 *   tsdb_index.h   which series there are
 *   tsdb_block.h   meta.json, chunks, deletions
 *   tsdb_scan.c    the series of all blocks, merged */
#ifndef AMPQL_SRC_SOURCE_TSDB_H
#define AMPQL_SRC_SOURCE_TSDB_H

#include "series/sample.h"
#include "source/source.h"
#include "source/tsdb_block.h"

struct tsdb {
    struct ampql_allocator alc;
    struct arena arena; /* paths, and what meta.json says */
    struct symbols symbols;
    struct {
        ARRAY(struct tsdb_block); /* by their first time, then ULID */
    } blocks;
    bool is_single;       /* one block, not a folder of them */
    bool last_wins;       /* of different values at one time the later block's, else an error */
    bool skip_histograms; /* leave chunks of native histograms out, else an error */
    const char *wal_path; /* NULL: there is none */
    const char *wbl_path; /* the log of samples that came out of order; NULL: none, or empty */

    /* one series, used again and again */
    struct sample_room columns, spare;
};

/* Is this folder a block, or does it hold blocks or what Prometheus has not made blocks of yet? */
bool tsdb_is_folder(const char *path);

/* Open a folder that tsdb_is_folder: blocks that others have replaced (compaction) are left out, as
 * Prometheus does. What is still in the WAL is not read: selects that reach past the last block
 * carry a warning, and all do while there is a log of samples that came out of order.
 *
 *   options  last_wins, skip_histograms
 *   err      "FILE: ...": AMPQL_NOT_FOUND (no block), AMPQL_BAD_DATA, AMPQL_UNSUPPORTED,
 *            AMPQL_LIMIT, AMPQL_UNAVAILABLE, AMPQL_NOMEM; selects fail with the same, and with
 *            AMPQL_UNSUPPORTED for native histograms, AMPQL_BAD_DATA for different values at one
 *            time */
enum ampql_code source_tsdb_open(const struct ampql_allocator *alc, const char *path,
                                 const struct ampql_file_options *options,
                                 struct ampql_source **out, struct ampql_error *err);

/* ---- tsdb_scan.c */

/* Push what a select asks for, with is_labels_only the label sets of series that have a chunk in
 * its time, in label order. */
enum ampql_code tsdb_scan(struct tsdb *tsdb, const struct ampql_select *select, bool is_labels_only,
                          struct ampql_sink *sink, struct ampql_error *err);

#endif
