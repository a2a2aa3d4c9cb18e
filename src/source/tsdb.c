/* Opening a folder of blocks. */
#include "source/tsdb.h"

#include "base/time.h"
#include "source/sink.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- what a folder is */

static bool is_there(const char *folder, const char *name)
{
    char path[4096];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0;
}

static bool is_block(const char *path)
{
    return is_there(path, "meta.json") && (is_there(path, "index") || is_there(path, "chunks"));
}

/* Does a folder have a file that is not empty? */
static bool holds_bytes(const char *path)
{
    bool holds = false;
    const struct dirent *entry;
    DIR *dir = opendir(path);
    struct stat st;
    while (dir && !holds && (entry = readdir(dir)))
        holds =
            fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) && st.st_size;
    if (dir)
        closedir(dir);
    return holds;
}

bool tsdb_is_folder(const char *path)
{
    if (is_there(path, "selects.json")) /* saved answers may have any other name */
        return false;
    if (is_block(path) || is_there(path, "wal") || is_there(path, "chunks_head"))
        return true;
    DIR *dir = opendir(path);
    bool is_folder = false;
    const struct dirent *entry;
    while (dir && !is_folder && (entry = readdir(dir)))
        is_folder = tsdb_is_ulid(str_of(entry->d_name));
    if (dir)
        closedir(dir);
    return is_folder;
}

/* ---- opening */

static enum ampql_code add_block(struct tsdb *tsdb, const char *path, struct ampql_error *err)
{
    struct tsdb_block block;
    TRY(tsdb_block_init(&block, &tsdb->alc, &tsdb->arena, path, err));
    return array_add(&tsdb->blocks, &tsdb->alc, block) ? AMPQL_OK
                                                       : fail_nomem(err, "the blocks of a folder");
}

static enum ampql_code add_blocks(struct tsdb *tsdb, const char *path, DIR *dir,
                                  struct ampql_error *err)
{
    for (const struct dirent *entry; (errno = 0, entry = readdir(dir));) {
        struct str name = str_of(entry->d_name);
        if (!tsdb_is_ulid(name))
            continue;
        const char *folder = tsdb_path(&tsdb->arena, path, entry->d_name);
        if (!folder)
            return fail_nomem(err, "the blocks of a folder");
        TRY(add_block(tsdb, folder, err));
        struct str ulid = tsdb->blocks.at[tsdb->blocks.n - 1].ulid;
        if (!str_equal(ulid, name))
            return fail(err, AMPQL_BAD_DATA, "%.400s/meta.json: it describes another block, %.*s",
                        folder, STR_ARGS(ulid));
    }
    return errno == 0 ? AMPQL_OK
                      : fail(err, AMPQL_UNAVAILABLE, "%.400s: %s", path, strerror(errno));
}

static bool is_replaced(const struct tsdb *tsdb, struct str ulid)
{
    for (size_t i = 0; i < tsdb->blocks.n; i++) {
        const struct tsdb_block *block = &tsdb->blocks.at[i];
        for (size_t k = 0; k < block->nparents; k++)
            if (str_equal(block->parents[k], ulid) && !str_equal(block->ulid, ulid))
                return true;
    }
    return false;
}

/* A compaction that was cut off leaves the blocks that it has replaced. What was deleted from the
 * new one would come back with them. */
static enum ampql_code drop_replaced(struct tsdb *tsdb, struct ampql_error *err)
{
    size_t kept = 0;
    bool *is_old = arena_alloc(&tsdb->arena, tsdb->blocks.n, sizeof *is_old);
    if (!is_old)
        return fail_nomem(err, "the blocks of a folder");
    for (size_t i = 0; i < tsdb->blocks.n; i++)
        is_old[i] = is_replaced(tsdb, tsdb->blocks.at[i].ulid);
    for (size_t i = 0; i < tsdb->blocks.n; i++)
        if (!is_old[i])
            tsdb->blocks.at[kept++] = tsdb->blocks.at[i];
    tsdb->blocks.n = kept;
    return AMPQL_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct tsdb_block *x = a, *y = b;
    return x->mint_ms != y->mint_ms ? (x->mint_ms > y->mint_ms) - (x->mint_ms < y->mint_ms)
                                    : str_compare(x->ulid, y->ulid);
}

static enum ampql_code open_folder(struct tsdb *tsdb, const char *path, struct ampql_error *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return fail(err, AMPQL_UNAVAILABLE, "%.400s: %s", path, strerror(errno));
    enum ampql_code code = add_blocks(tsdb, path, dir, err);
    closedir(dir);
    if (code != AMPQL_OK)
        return code;
    const char *late = tsdb_path(&tsdb->arena, path, "wbl");
    if (!late ||
        (is_there(path, "wal") && !(tsdb->wal_path = tsdb_path(&tsdb->arena, path, "wal"))))
        return fail_nomem(err, "a source");
    tsdb->wbl_path = holds_bytes(late) ? late : NULL;
    if (tsdb->blocks.n == 0)
        return fail(
            err, AMPQL_NOT_FOUND,
            "%.400s: no block yet: what Prometheus has taken in within its last hours is in "
            "its WAL, which is not read; POST /api/v1/admin/tsdb/snapshot makes blocks",
            path);
    TRY(drop_replaced(tsdb, err));
    if (tsdb->blocks.n)
        qsort(tsdb->blocks.at, tsdb->blocks.n, sizeof *tsdb->blocks.at, by_time);
    return AMPQL_OK;
}

static enum ampql_code open_any(struct tsdb *tsdb, const char *path, struct ampql_error *err)
{
    tsdb->is_single = is_block(path);
    if (!tsdb->is_single)
        return open_folder(tsdb, path, err);
    TRY(add_block(tsdb, path, err));
    return tsdb_block_open(&tsdb->blocks.at[0], &tsdb->symbols, err);
}

/* ---- the source */

static void tsdb_free(struct tsdb *tsdb)
{
    struct ampql_allocator alc = tsdb->alc;
    for (size_t i = 0; i < tsdb->blocks.n; i++)
        tsdb_block_done(&tsdb->blocks.at[i]);
    array_done(&tsdb->blocks, &tsdb->alc);
    sample_room_done(&tsdb->columns, &tsdb->alc);
    sample_room_done(&tsdb->spare, &tsdb->alc);
    symbols_done(&tsdb->symbols);
    arena_done(&tsdb->arena);
    alloc_put(&alc, tsdb, 1, sizeof *tsdb);
}

static void tsdb_close(void *payload)
{
    tsdb_free(payload);
}

/* The samples of the last hours are missing, and that must not pass for the end of all series. */
static enum ampql_code warn_of_wal(const struct tsdb *tsdb, const struct ampql_select *select,
                                   struct ampql_sink *sink)
{
    char text[640], when[TIME_TEXT_MAX];
    int64_t end_ms = INT64_MIN;
    for (size_t i = 0; i < tsdb->blocks.n; i++)
        if (tsdb->blocks.at[i].end_ms > end_ms)
            end_ms = tsdb->blocks.at[i].end_ms;
    if (!tsdb->wal_path || select->maxt_ms < end_ms)
        return AMPQL_OK;
    time_format(end_ms, when);
    snprintf(text, sizeof text,
             "%.400s is not read, and samples from %s on may be in it: POST "
             "/api/v1/admin/tsdb/snapshot makes blocks of them",
             tsdb->wal_path, when);
    return sink_warn(sink, str_of(text));
}

/* Those that came out of order may be of any time. */
static enum ampql_code warn_of_wbl(const struct tsdb *tsdb, struct ampql_sink *sink)
{
    char text[640];
    if (!tsdb->wbl_path)
        return AMPQL_OK;
    snprintf(
        text, sizeof text,
        "%.400s is not read, and samples of any time that came out of order may be in it, until "
        "Prometheus makes blocks of them within hours",
        tsdb->wbl_path);
    return sink_warn(sink, str_of(text));
}

static enum ampql_code answer(struct tsdb *tsdb, const struct ampql_select *select,
                              bool is_labels_only, struct ampql_sink *sink, struct ampql_error *err)
{
    TRY(warn_of_wal(tsdb, select, sink));
    TRY(warn_of_wbl(tsdb, sink));
    enum ampql_code code = tsdb_scan(tsdb, select, is_labels_only, sink, err);
    for (size_t i = 0; i < tsdb->blocks.n; i++)
        tsdb_block_rest(&tsdb->blocks.at[i]);
    return code;
}

static enum ampql_code tsdb_select(void *payload, const struct ampql_select *select,
                                   struct ampql_sink *sink, struct ampql_error *err)
{
    if (select->kind != AMPQL_SELECT_RAW)
        return fail(err, AMPQL_UNSUPPORTED, "a source of samples answers RAW selects only");
    return answer(payload, select, false, sink, err);
}

static enum ampql_code tsdb_series(void *payload, const struct ampql_select *select,
                                   struct ampql_sink *sink, struct ampql_error *err)
{
    return answer(payload, select, true, sink, err);
}

enum ampql_code source_tsdb_open(const struct ampql_allocator *alc, const char *path,
                                 const struct ampql_file_options *options,
                                 struct ampql_source **out, struct ampql_error *err)
{
    struct tsdb *tsdb = alloc_get(alc, 1, sizeof *tsdb);
    if (!tsdb)
        return fail_nomem(err, "a source");
    *tsdb = (struct tsdb){
        .alc = *alc, .last_wins = options->last_wins, .skip_histograms = options->skip_histograms};
    arena_init(&tsdb->arena, &tsdb->alc);
    if (!symbols_init(&tsdb->symbols, &tsdb->alc)) {
        alloc_put(alc, tsdb, 1, sizeof *tsdb);
        return fail_nomem(err, "a source");
    }
    static const struct ampql_source_ops ops = {.size = sizeof ops,
                                                .caps = AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED,
                                                .select = tsdb_select,
                                                .series = tsdb_series,
                                                .close = tsdb_close};
    enum ampql_code code = open_any(tsdb, path, err);
    if (code == AMPQL_OK)
        code = source_new(alc, &ops, tsdb, out, err);
    if (code != AMPQL_OK) {
        tsdb_free(tsdb);
        return code;
    }
    (*out)->is_trusted = true;
    (*out)->is_static = true;
    return AMPQL_OK;
}
