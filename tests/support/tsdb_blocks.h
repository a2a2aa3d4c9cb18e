/* A folder with blocks of Prometheus, made by a test and asked as a source. */
#ifndef AMPQL_TESTS_TSDB_BLOCKS_H
#define AMPQL_TESTS_TSDB_BLOCKS_H

#include "source/tsdb.h"
#include "support/collect.h"
#include "support/tsdb_image.h"

/* A block that Prometheus wrote. */
#define TSDB_REAL "tests/data/source/tsdb/block"

enum { TSDB_BLOCKS_MAX = 5 };

/* The blocks of a test lie in the folder, under names that ascend. */
extern char tsdb_folder[64];
int tsdb_blocks_set_up(void **state);
int tsdb_blocks_tear_down(void **state);
void tsdb_blocks_remove(void);

/* The name of block i; and the path of one of its files, or of itself (""), until the next call. */
const char *tsdb_blocks_ulid(size_t i);
const char *tsdb_blocks_path(size_t i, const char *file);

void tsdb_blocks_save(size_t i, const struct tsdb_image *image);

/* A series name{pod} with n samples at first_ms, first_ms + 1000, ... of first, first + 1, ...; it
 * points into s. */
enum { TSDB_SMALL_MAX = 300 };
struct tsdb_small {
    struct ampql_label labels[2];
    int64_t t[TSDB_SMALL_MAX];
    double v[TSDB_SMALL_MAX];
};
struct tsdb_image_series tsdb_small(struct tsdb_small *s, const char *name, const char *pod,
                                    int64_t first_ms, size_t n, double first);

/* Two series, up{pod="a"} of first, first + 1, ... and up{pod="b"} of 7, 8, ..., [n] a second each
 * from first_ms on; encoding: of the chunks of b, 0: XOR; parent: a ULID, or NULL. */
void tsdb_blocks_small(size_t number, int64_t first_ms, size_t n, double first, uint8_t encoding,
                       const char *parent, struct tsdb_image *image);
void tsdb_blocks_save_small(size_t number, int64_t first_ms, size_t n, double first,
                            uint8_t encoding, const char *parent);

enum ampql_code tsdb_blocks_open(const struct ampql_allocator *alc, const char *path,
                                 const struct ampql_file_options *options,
                                 struct ampql_source **out, struct ampql_error *err);

/* What a source says to a select: its text in the collector, or NULL with the code. What it pushes
 * is checked as if it were a stranger's. */
const char *tsdb_blocks_ask(struct collect *collect, const char *path,
                            const struct ampql_file_options *options,
                            const struct ampql_select *select, enum ampql_code *code,
                            struct ampql_error *err);

/* All that a block holds, in the same way. */
const char *tsdb_blocks_ask_all(struct collect *collect, const char *path, struct ampql_error *err);

#endif
