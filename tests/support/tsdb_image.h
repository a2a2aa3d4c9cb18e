/* The files of a Prometheus block in memory: written from series, read from a folder, changed,
 * their checksums put right again, and saved. For tests of the reader. */
#ifndef AMPQL_TESTS_TSDB_IMAGE_H
#define AMPQL_TESTS_TSDB_IMAGE_H

#include "base/buf.h"
#include "source/tsdb_block.h"

struct tsdb_image {
    struct buf meta, index, chunks, tombstones; /* chunks: one segment */
};

/* A series as it goes into a block. */
struct tsdb_image_series {
    const struct ampql_label *labels; /* [nlabels] sorted by name */
    size_t nlabels;
    const int64_t *t; /* [n], in chunks of 120 */
    const double *v;
    size_t n;
    uint8_t encoding; /* of its chunks; 0: TSDB_XOR */
};

struct tsdb_image_block {
    const char *ulid;
    int64_t mint_ms, end_ms;          /* of meta.json; both 0: what the series need */
    struct tsdb_image_series *series; /* [n] in any order; sorted by labels here */
    size_t n;
    const struct tombstone *tombstones; /* [ntombstones]; ref: number of a series in label order */
    size_t ntombstones;
    const char *parent; /* a ULID, or NULL */
};

/* False without memory. */
bool tsdb_image_make(struct tsdb_image *image, const struct tsdb_image_block *block);
bool tsdb_image_load(struct tsdb_image *image, const char *folder);
void tsdb_image_done(struct tsdb_image *image);

/* Write the files into the folder, which is made with its folder chunks; what is there is
 * overwritten. */
bool tsdb_image_save(const struct tsdb_image *image, const char *folder);
void tsdb_image_remove(const char *folder);

/* Put all checksums right that a reader may come to, wherever the bytes now send it. */
void tsdb_image_repair(struct tsdb_image *image);

#endif
