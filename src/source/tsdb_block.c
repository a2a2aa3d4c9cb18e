/* Reading the files of a block, but for the index. */
#include "source/tsdb_block.h"

#include "base/crc32c.h"
#include "base/time.h"
#include "source/document.h"

#include <stdio.h>
#include <stdlib.h>

#define CHUNKS_MAGIC 0x85BD40DDu
#define TOMBSTONES_MAGIC 0x0130BA30u
enum { CHUNKS_VERSION = 1, CHUNKS_HEAD = 8, TOMBSTONES_VERSION = 1 };

/* ---- meta.json */

struct meta {
    struct document doc;
    struct arena *arena;
    struct tsdb_block *block;
    bool has_version, has_mint, has_end;
    struct {
        ARRAY(struct str);
    } parents;
};

static enum ampql_code refuse(const struct meta *m, struct ampql_error *err, const char *why)
{
    return document_fail(&m->doc, AMPQL_BAD_DATA, err, "%s", why);
}

static enum ampql_code read_ms(struct meta *m, int64_t *out, bool *has, struct ampql_error *err)
{
    TRY(document_expect(&m->doc, JSON_NUMBER, "a time in ms, as a number", err));
    *has = time_parse_ms(m->doc.token.text, out) && *out > -TSDB_FOREVER && *out < TSDB_FOREVER;
    return *has ? AMPQL_OK : refuse(m, err, "not a time in ms");
}

static enum ampql_code read_ulid(struct meta *m, struct str *out, struct ampql_error *err)
{
    TRY(document_expect(&m->doc, JSON_STRING, "a ULID, as a string", err));
    struct str text = m->doc.token.text;
    if (!tsdb_is_ulid(text))
        return refuse(m, err, "not a ULID");
    *out = arena_copy(m->arena, text);
    return out->p ? AMPQL_OK : fail_nomem(err, "a block");
}

static enum ampql_code read_version(struct meta *m, struct ampql_error *err)
{
    TRY(document_expect(&m->doc, JSON_NUMBER, "a version, as a number", err));
    if (!str_equal(m->doc.token.text, STR("1"))) {
        fail_quote(err, AMPQL_UNSUPPORTED, "this reader knows blocks of version 1, found",
                   m->doc.token.text);
        return document_name(&m->doc, AMPQL_UNSUPPORTED, err);
    }
    m->has_version = true;
    return AMPQL_OK;
}

/* The next member of the object that is being read; false at its end. */
static enum ampql_code next_member(struct meta *m, bool *is_end, struct ampql_error *err)
{
    TRY(document_next(&m->doc, err));
    *is_end = m->doc.token.kind == JSON_OBJECT_END;
    return AMPQL_OK;
}

static bool is_key(const struct meta *m, const char *name)
{
    return str_equal(m->doc.token.text, str_of(name));
}

static enum ampql_code read_parent(struct meta *m, struct ampql_error *err)
{
    struct str ulid = {0};
    for (bool is_end;;) {
        TRY(next_member(m, &is_end, err));
        if (is_end)
            break;
        TRY(is_key(m, "ulid") ? read_ulid(m, &ulid, err) : document_skip(&m->doc, err));
    }
    if (ulid.p && !array_push(&m->parents, m->arena, ulid))
        return fail_nomem(err, "a block");
    return AMPQL_OK;
}

/* parents := array of objects | null */
static enum ampql_code read_parents(struct meta *m, struct ampql_error *err)
{
    TRY(document_next(&m->doc, err));
    if (m->doc.token.kind == JSON_NULL)
        return AMPQL_OK;
    if (m->doc.token.kind != JSON_ARRAY)
        return refuse(m, err, "expected an array of blocks");
    for (;;) {
        TRY(document_next(&m->doc, err));
        if (m->doc.token.kind == JSON_ARRAY_END)
            return AMPQL_OK;
        if (m->doc.token.kind != JSON_OBJECT)
            return refuse(m, err, "expected a block, as an object");
        TRY(read_parent(m, err));
    }
}

static enum ampql_code read_compaction(struct meta *m, struct ampql_error *err)
{
    TRY(document_expect(&m->doc, JSON_OBJECT, "an object", err));
    for (bool is_end;;) {
        TRY(next_member(m, &is_end, err));
        if (is_end)
            return AMPQL_OK;
        TRY(is_key(m, "parents") ? read_parents(m, err) : document_skip(&m->doc, err));
    }
}

static enum ampql_code read_member(struct meta *m, struct ampql_error *err)
{
    struct tsdb_block *block = m->block;
    if (is_key(m, "version"))
        return read_version(m, err);
    if (is_key(m, "ulid"))
        return read_ulid(m, &block->ulid, err);
    if (is_key(m, "minTime"))
        return read_ms(m, &block->mint_ms, &m->has_mint, err);
    if (is_key(m, "maxTime"))
        return read_ms(m, &block->end_ms, &m->has_end, err);
    if (is_key(m, "compaction"))
        return read_compaction(m, err);
    return document_skip(&m->doc, err);
}

static enum ampql_code read_meta(struct meta *m, struct ampql_error *err)
{
    TRY(document_expect(&m->doc, JSON_OBJECT, "an object that describes a block", err));
    for (bool is_end;;) {
        TRY(next_member(m, &is_end, err));
        if (is_end)
            break;
        TRY(read_member(m, err));
    }
    if (!m->has_version || !m->block->ulid.p || !m->has_mint || !m->has_end)
        return refuse(m, err, "expected \"version\", \"ulid\", \"minTime\" and \"maxTime\"");
    if (m->block->mint_ms >= m->block->end_ms)
        return refuse(m, err, "\"maxTime\" is not after \"minTime\"");
    return document_end(&m->doc, err);
}

static enum ampql_code open_meta(struct tsdb_block *block, struct arena *arena, const char *path,
                                 struct ampql_error *err)
{
    enum { META_MAX = 1 << 24 };
    struct input input;
    struct meta m = {.arena = arena, .block = block};
    TRY(input_open(&input, block->alc, path, META_MAX, err));
    enum ampql_code code = document_init(&m.doc, &input, err);
    if (code == AMPQL_OK) {
        code = read_meta(&m, err);
        document_done(&m.doc);
    }
    input_done(&input);
    block->parents = m.parents.at;
    block->nparents = m.parents.n;
    return code;
}

bool tsdb_is_ulid(struct str text)
{
    enum { DIGITS = 26 };
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\0' || !strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", text.p[i]))
            return false;
    return text.n == DIGITS;
}

char *tsdb_path(struct arena *arena, const char *folder, const char *name)
{
    size_t n = strlen(folder), nname = strlen(name);
    bool has_slash = n && folder[n - 1] == '/';
    char *path = arena_alloc(arena, n + nname + 2, 1);
    if (path)
        snprintf(path, n + nname + 2, "%s%s%s", folder, has_slash ? "" : "/", name);
    return path;
}

enum ampql_code tsdb_block_init(struct tsdb_block *block, const struct ampql_allocator *alc,
                                struct arena *arena, const char *path, struct ampql_error *err)
{
    *block = (struct tsdb_block){.alc = alc,
                                 .path = arena_copy(arena, str_of(path)).p,
                                 .index_path = tsdb_path(arena, path, "index"),
                                 .tombstones_path = tsdb_path(arena, path, "tombstones"),
                                 .chunks_path = tsdb_path(arena, path, "chunks/4294967296"),
                                 .index.file.fd = -1,
                                 .segment.fd = -1};
    const char *meta = tsdb_path(arena, path, "meta.json");
    if (!block->path || !block->index_path || !block->tombstones_path || !block->chunks_path ||
        !meta)
        return fail_nomem(err, "a block");
    return open_meta(block, arena, meta, err);
}

/* ---- tombstones */

static int by_ref(const void *a, const void *b)
{
    const struct tombstone *x = a, *y = b;
    return x->ref != y->ref ? (x->ref > y->ref) - (x->ref < y->ref)
                            : (x->mint_ms > y->mint_ms) - (x->mint_ms < y->mint_ms);
}

static enum ampql_code read_tombstones(struct tsdb_block *block, struct tsdb_file *file,
                                       struct ampql_error *err)
{
    enum { HEAD = 4 + 1, LEAST = HEAD + 4 };
    const uint8_t *p;
    size_t n = (size_t)file->size;
    if (file->size < LEAST)
        return tsdb_bad(file, file->size, err, "too short for tombstones");
    TRY(tsdb_file_view(file, 0, file->size, &p, err));
    if (be_get(p, 4) != TOMBSTONES_MAGIC)
        return tsdb_bad(file, 0, err, "not the tombstones of a Prometheus block");
    if (p[4] != TOMBSTONES_VERSION)
        return tsdb_bad_version(file, 4, "tombstones", p[4], TOMBSTONES_VERSION, err);
    if (crc32c(0, p + HEAD, n - LEAST) != be_get(p + n - 4, 4))
        return tsdb_bad(file, n - 4, err, "the checksum of the tombstones differs: damaged");
    struct bytes_in in = bytes_of(p + HEAD, n - LEAST);
    while (bytes_left(&in)) {
        struct tombstone t;
        t.ref = bytes_varint(&in);
        t.mint_ms = bytes_signed(&in);
        t.maxt_ms = bytes_signed(&in);
        if (in.failed)
            return tsdb_bad(file, HEAD, err, "the tombstones are not as they should be");
        if (!array_add(&block->tombstones, block->alc, t))
            return fail_nomem(err, "the tombstones of a block");
    }
    if (block->tombstones.n)
        qsort(block->tombstones.at, block->tombstones.n, sizeof *block->tombstones.at, by_ref);
    return AMPQL_OK;
}

static enum ampql_code open_tombstones(struct tsdb_block *block, struct ampql_error *err)
{
    struct tsdb_file file;
    struct ampql_error inner = {0};
    enum ampql_code code = tsdb_file_open(&file, block->alc, block->tombstones_path, &inner);
    if (code == AMPQL_NOT_FOUND) /* nothing was deleted */
        return AMPQL_OK;
    if (code == AMPQL_OK)
        code = read_tombstones(block, &file, &inner);
    tsdb_file_done(&file);
    if (code != AMPQL_OK && err)
        *err = inner;
    return code;
}

const struct tombstone *tombstones_of(const struct tombstones *tombstones, uint64_t ref, size_t *n)
{
    size_t low = 0, high = tombstones->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tombstones->at[middle].ref < ref)
            low = middle + 1;
        else
            high = middle;
    }
    *n = 0;
    while (low + *n < tombstones->n && tombstones->at[low + *n].ref == ref)
        ++*n;
    return *n ? tombstones->at + low : NULL;
}

/* ---- the block */

enum ampql_code tsdb_block_open(struct tsdb_block *block, struct symbols *symbols,
                                struct ampql_error *err)
{
    if (block->is_open)
        return AMPQL_OK;
    enum ampql_code code =
        tsdb_index_open(&block->index, block->alc, block->index_path, symbols, err);
    if (code == AMPQL_OK)
        code = open_tombstones(block, err);
    block->is_open = code == AMPQL_OK;
    if (code != AMPQL_OK)
        tsdb_block_done(block);
    return code;
}

void tsdb_block_rest(struct tsdb_block *block)
{
    tsdb_file_done(&block->segment);
    tsdb_file_trim(&block->index.file);
}

void tsdb_block_done(struct tsdb_block *block)
{
    tsdb_file_done(&block->segment);
    tsdb_index_done(&block->index);
    array_done(&block->tombstones, block->alc);
    block->is_open = false;
}

/* ---- chunks */

static uint32_t segment_of(uint64_t where)
{
    return (uint32_t)(where >> 32);
}

static uint32_t offset_of(uint64_t where)
{
    return (uint32_t)where;
}

static enum ampql_code open_segment(struct tsdb_block *block, uint32_t number,
                                    struct ampql_error *err)
{
    const uint8_t *p;
    if (block->segment.fd >= 0 && block->segment_number == number)
        return AMPQL_OK;
    tsdb_file_done(&block->segment);
    char *digits = block->chunks_path + strlen(block->path);
    digits = strrchr(digits, '/') + 1;
    snprintf(digits, sizeof "4294967296", "%06llu", (unsigned long long)number + 1);
    TRY(tsdb_file_open(&block->segment, block->alc, block->chunks_path, err));
    block->segment_number = number;
    TRY(tsdb_file_view(&block->segment, 0, CHUNKS_HEAD, &p, err));
    if (be_get(p, 4) != CHUNKS_MAGIC)
        return tsdb_bad(&block->segment, 0, err, "not the chunks of a Prometheus block");
    if (p[4] != CHUNKS_VERSION)
        return tsdb_bad_version(&block->segment, 4, "chunks", p[4], CHUNKS_VERSION, err);
    return AMPQL_OK;
}

enum ampql_code tsdb_bad_chunk(const struct tsdb_block *block, uint64_t where,
                               struct ampql_error *err, const char *what)
{
    return tsdb_bad(&block->segment, offset_of(where), err, what);
}

enum ampql_code tsdb_block_chunk(struct tsdb_block *block, uint64_t where,
                                 enum tsdb_encoding *encoding, struct bytes_in *out,
                                 struct ampql_error *err)
{
    enum { LENGTH_BYTES = 5, CRC_BYTES = 4 };
    const uint8_t *p;
    enum ampql_code code = open_segment(block, segment_of(where), err);
    if (code != AMPQL_OK) {
        tsdb_file_done(&block->segment);
        return code;
    }
    struct tsdb_file *file = &block->segment;
    uint64_t at = offset_of(where), left = at < file->size ? file->size - at : 0;
    if (at < CHUNKS_HEAD || left == 0)
        return tsdb_bad_chunk(block, where, err, "no chunk can be there");
    size_t nhead = left < LENGTH_BYTES ? (size_t)left : LENGTH_BYTES;
    TRY(tsdb_file_view(file, at, nhead, &p, err));
    struct bytes_in head = bytes_of(p, nhead);
    uint64_t n = bytes_varint(&head);
    at += (uint64_t)(head.p - p);
    if (head.failed || n > file->size)
        return tsdb_bad_chunk(block, where, err, "a chunk longer than the file");
    TRY(tsdb_file_view(file, at, 1 + n + CRC_BYTES, &p, err));
    if (crc32c(0, p, 1 + (size_t)n) != be_get(p + 1 + n, CRC_BYTES))
        return tsdb_bad_chunk(block, where, err, "the checksum of a chunk differs: damaged");
    *encoding = p[0];
    *out = bytes_of(p + 1, (size_t)n);
    return AMPQL_OK;
}
