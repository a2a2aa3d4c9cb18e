/* Reading the index of a block. */
#include "source/tsdb_index.h"

#include "base/crc32c.h"
#include "source/store.h"
#include "source/tsdb_xor.h"

enum { VERSION = 2, HEAD_BYTES = 5, TOC_BYTES = 6 * 8 + 4, REF_UNIT = 16 };
#define INDEX_MAGIC 0xBAAAD700u

/* ---- opening */

static enum ampql_code check_head(struct tsdb_index *index, struct ampql_error *err)
{
    const uint8_t *p;
    if (index->file.size < HEAD_BYTES + TOC_BYTES)
        return tsdb_bad(&index->file, index->file.size, err, "too short for the index of a block");
    TRY(tsdb_file_view(&index->file, 0, HEAD_BYTES, &p, err));
    if (be_get(p, 4) != INDEX_MAGIC)
        return tsdb_bad(&index->file, 0, err, "not the index of a Prometheus block");
    if (p[4] != VERSION)
        return tsdb_bad_version(&index->file, 4, "an index", p[4], VERSION, err);
    return AMPQL_OK;
}

struct toc {
    uint64_t symbols, series, table;
};

static enum ampql_code read_toc(struct tsdb_index *index, struct toc *out, struct ampql_error *err)
{
    const uint8_t *p;
    uint64_t at = index->file.size - TOC_BYTES;
    TRY(tsdb_file_view(&index->file, at, TOC_BYTES, &p, err));
    if (crc32c(0, p, TOC_BYTES - 4) != be_get(p + TOC_BYTES - 4, 4))
        return tsdb_bad(&index->file, at, err,
                        "the checksum of its table of contents differs: damaged or cut short");
    *out = (struct toc){be_get(p, 8), be_get(p + 8, 8), be_get(p + 40, 8)};
    if (out->symbols > at || out->series > at || out->table > at)
        return tsdb_bad(&index->file, at, err, "its table of contents points out of the file");
    index->series = out->series;
    index->series_end = at;
    return AMPQL_OK;
}

static enum ampql_code read_symbols(struct tsdb_index *index, uint64_t offset,
                                    struct ampql_error *err)
{
    struct bytes_in in;
    struct str before = {0};
    TRY(tsdb_file_section(&index->file, offset, "the symbols", &in, err));
    const uint8_t *head = bytes_take(&in, 4);
    uint64_t n = head ? be_get(head, 4) : 0;
    if (n > bytes_left(&in)) /* each has a byte at least */
        return tsdb_bad(&index->file, offset, err, "more symbols than there is room for");
    index->ids = alloc_get(index->file.alc, (size_t)n + 1, sizeof *index->ids);
    if (!index->ids)
        return fail_nomem(err, "the symbols of a block");
    index->nids = (size_t)n;
    for (size_t i = 0; i < index->nids; i++) {
        struct str text = bytes_text(&in);
        if (in.failed || (i > 0 && str_compare(before, text) >= 0))
            return tsdb_bad(&index->file, offset, err, "its symbols are not as they should be");
        index->ids[i] = symbols_intern(index->symbols, text);
        if (index->ids[i] == SYMBOL_NONE)
            return fail_nomem(err, "the symbols of a block");
        before = text;
    }
    return head && bytes_left(&in) == 0
               ? AMPQL_OK
               : tsdb_bad(&index->file, offset, err, "its symbols are not as they should be");
}

/* An entry of the postings offset table. */
struct posting {
    struct str name, value;
    uint64_t offset;
};

static bool read_posting(struct bytes_in *in, struct posting *out)
{
    enum { KEYS = 2 };
    uint64_t nkeys = bytes_varint(in);
    out->name = bytes_text(in);
    out->value = bytes_text(in);
    out->offset = bytes_varint(in);
    in->failed |= nkeys != KEYS;
    return !in->failed;
}

/* Entries ascend by name, then value. */
static enum ampql_code read_table(struct tsdb_index *index, uint64_t offset,
                                  struct ampql_error *err)
{
    struct bytes_in in;
    struct posting before = {0}, entry;
    TRY(tsdb_file_section(&index->file, offset, "the postings offset table", &in, err));
    const uint8_t *begin = in.p, *head = bytes_take(&in, 4);
    uint64_t n = head ? be_get(head, 4) : 0;
    for (uint64_t i = 0; i < n; i++) {
        size_t at = (size_t)(in.p - begin);
        if (!read_posting(&in, &entry))
            break;
        int order = i == 0 ? -1 : str_compare(before.name, entry.name);
        if (order > 0 || (order == 0 && str_compare(before.value, entry.value) >= 0))
            return tsdb_bad(&index->file, offset, err, "its postings are not in order");
        if (order < 0) {
            struct tsdb_name name = {symbols_intern(index->symbols, entry.name), offset + 4 + at,
                                     0};
            if (name.name == SYMBOL_NONE || !array_add(&index->names, index->file.alc, name))
                return fail_nomem(err, "the label names of a block");
        }
        struct tsdb_name *name = &index->names.at[index->names.n - 1];
        name->nbytes = (size_t)(offset + 4 + (uint64_t)(in.p - begin) - name->offset);
        before = entry;
    }
    return head && !in.failed && bytes_left(&in) == 0
               ? AMPQL_OK
               : tsdb_bad(&index->file, offset, err,
                          "its postings offset table is not as it should be");
}

enum ampql_code tsdb_index_open(struct tsdb_index *index, const struct ampql_allocator *alc,
                                const char *path, struct symbols *symbols, struct ampql_error *err)
{
    struct toc toc = {0};
    *index = (struct tsdb_index){.symbols = symbols};
    enum ampql_code code = tsdb_file_open(&index->file, alc, path, err);
    if (code == AMPQL_OK)
        code = check_head(index, err);
    if (code == AMPQL_OK)
        code = read_toc(index, &toc, err);
    if (code == AMPQL_OK)
        code = read_symbols(index, toc.symbols, err);
    if (code == AMPQL_OK)
        code = read_table(index, toc.table, err);
    tsdb_file_trim(&index->file); /* whole sections were in it */
    if (code != AMPQL_OK)
        tsdb_index_done(index);
    return code;
}

void tsdb_index_done(struct tsdb_index *index)
{
    const struct ampql_allocator *alc = index->file.alc;
    if (alc) {
        alloc_put(alc, index->ids, index->nids + 1, sizeof *index->ids);
        array_done(&index->names, alc);
    }
    tsdb_file_done(&index->file);
    *index = (struct tsdb_index){.file.fd = -1};
}

/* ---- postings */

static const struct tsdb_name *find_name(const struct tsdb_index *index, symbol name)
{
    for (size_t i = 0; i < index->names.n; i++)
        if (index->names.at[i].name == name)
            return &index->names.at[i];
    return NULL;
}

/* Where the postings of a value are; 0: it has none. */
static enum ampql_code find_value(struct tsdb_index *index, const struct tsdb_name *name,
                                  struct str value, uint64_t *out, struct ampql_error *err)
{
    const uint8_t *p;
    struct posting entry;
    *out = 0;
    TRY(tsdb_file_view(&index->file, name->offset, name->nbytes, &p, err));
    struct bytes_in in = bytes_of(p, name->nbytes);
    while (bytes_left(&in)) {
        if (!read_posting(&in, &entry))
            return tsdb_bad(&index->file, name->offset, err,
                            "its postings offset table is not as it should be");
        int order = str_compare(entry.value, value);
        if (order == 0)
            *out = entry.offset;
        if (order >= 0)
            break;
    }
    return AMPQL_OK;
}

static enum ampql_code read_refs(struct tsdb_index *index, uint64_t offset, struct arena *arena,
                                 struct tsdb_refs *out, struct ampql_error *err)
{
    struct bytes_in in;
    TRY(tsdb_file_section(&index->file, offset, "postings", &in, err));
    const uint8_t *head = bytes_take(&in, 4);
    if (!head || bytes_left(&in) % 4 != 0 || be_get(head, 4) != bytes_left(&in) / 4)
        return tsdb_bad(&index->file, offset, err, "postings of another length than they say");
    out->n = bytes_left(&in) / 4;
    out->at = arena_alloc(arena, out->n, sizeof *out->at);
    if (!out->at)
        return fail_nomem(err, "the series of a block");
    for (size_t i = 0; i < out->n; i++) {
        uint32_t ref = (uint32_t)be_get(bytes_take(&in, 4), 4);
        uint64_t at = (uint64_t)ref * REF_UNIT;
        if (at < index->series || at >= index->series_end || (i > 0 && ref <= out->at[i - 1]))
            return tsdb_bad(&index->file, offset, err,
                            "postings that name no series, or one twice");
        out->at[i] = ref;
    }
    return AMPQL_OK;
}

enum ampql_code tsdb_index_find(struct tsdb_index *index, symbol name, struct str value,
                                struct arena *arena, struct tsdb_refs *out, struct ampql_error *err)
{
    uint64_t offset = 0;
    const struct tsdb_name *found = find_name(index, name);
    *out = (struct tsdb_refs){0};
    if (found)
        TRY(find_value(index, found, value, &offset, err));
    return offset ? read_refs(index, offset, arena, out, err) : AMPQL_OK;
}

/* ---- series */

static enum ampql_code bad_series(const struct tsdb_index *index, const struct tsdb_series *series,
                                  struct ampql_error *err, const char *what)
{
    return tsdb_bad(&index->file, series->offset, err, what);
}

static enum ampql_code view_series(struct tsdb_index *index, struct tsdb_series *out,
                                   struct bytes_in *in, struct ampql_error *err)
{
    enum { LENGTH_BYTES = 5 };
    const uint8_t *p;
    uint64_t left = index->series_end - out->offset;
    size_t nhead = left < LENGTH_BYTES ? (size_t)left : LENGTH_BYTES;
    TRY(tsdb_file_view(&index->file, out->offset, nhead, &p, err));
    struct bytes_in head = bytes_of(p, nhead);
    uint64_t n = bytes_varint(&head), at = out->offset + (uint64_t)(head.p - p);
    if (head.failed || n > index->series_end - at || index->series_end - at - n < 4)
        return bad_series(index, out, err, "a series longer than the file");
    TRY(tsdb_file_view(&index->file, at, n + 4, &p, err));
    if (crc32c(0, p, (size_t)n) != be_get(p + n, 4))
        return bad_series(index, out, err, "the checksum of a series differs: damaged");
    *in = bytes_of(p, (size_t)n);
    return AMPQL_OK;
}

enum ampql_code tsdb_index_series(struct tsdb_index *index, uint32_t ref, struct tsdb_series *out,
                                  struct ampql_error *err)
{
    struct bytes_in in;
    out->offset = (uint64_t)ref * REF_UNIT;
    out->label.n = 0;
    TRY(view_series(index, out, &in, err));
    uint64_t n = bytes_varint(&in);
    if (in.failed || n > STORE_MAX_LABELS)
        return bad_series(index, out, err, "the labels of a series are not as they should be");
    for (uint64_t i = 0; i < n; i++) {
        uint64_t name = bytes_varint(&in), value = bytes_varint(&in);
        if (in.failed || name >= index->nids || value >= index->nids ||
            index->ids[name] == SYMBOL_EMPTY)
            return bad_series(index, out, err, "the labels of a series are not as they should be");
        struct label label = {index->ids[name], index->ids[value]};
        if (!array_add(&out->label, index->file.alc, label))
            return fail_nomem(err, "the labels of a series");
    }
    size_t kept = labels_sort(index->symbols, out->label.at, out->label.n);
    if (kept == SIZE_MAX)
        return bad_series(index, out, err, "a series has a label name twice");
    out->labels = (struct labels){.at = out->label.at, .n = kept};
    out->encoded = in;
    return AMPQL_OK;
}

/* A chunk behind the one before (of the first one: zeros), whose sums may wrap before they are
 * checked. */
static bool read_chunk(struct bytes_in *in, bool is_first, const struct tsdb_chunk *before,
                       struct tsdb_chunk *out)
{
    uint64_t mint =
        is_first ? (uint64_t)bytes_signed(in) : (uint64_t)before->maxt_ms + bytes_varint(in);
    uint64_t span = bytes_varint(in);
    uint64_t where = is_first ? bytes_varint(in) : before->where + (uint64_t)bytes_signed(in);
    *out = (struct tsdb_chunk){(int64_t)mint, (int64_t)(mint + span), where};
    return !in->failed && span < UINT64_C(1) << XOR_MAX_SPAN_BITS && out->mint_ms > -TSDB_FOREVER &&
           out->mint_ms < TSDB_FOREVER && out->maxt_ms < TSDB_FOREVER &&
           (is_first || out->mint_ms > before->maxt_ms);
}

enum ampql_code tsdb_index_chunks(struct tsdb_index *index, struct tsdb_series *series,
                                  struct ampql_error *err)
{
    enum { CHUNK_BYTES = 3 }; /* at least */
    struct bytes_in in = series->encoded;
    struct tsdb_chunk chunk = {0};
    uint64_t n = bytes_varint(&in);
    series->chunks.n = 0;
    if (in.failed || n > bytes_left(&in) / CHUNK_BYTES)
        return bad_series(index, series, err, "the chunks of a series are not as they should be");
    for (uint64_t i = 0; i < n; i++) {
        struct tsdb_chunk before = chunk;
        if (!read_chunk(&in, i == 0, &before, &chunk))
            return bad_series(index, series, err,
                              "the chunks of a series overlap, or are not as they should be");
        if (!array_add(&series->chunks, index->file.alc, chunk))
            return fail_nomem(err, "the chunks of a series");
    }
    return bytes_left(&in) == 0
               ? AMPQL_OK
               : bad_series(index, series, err, "the chunks of a series are not as they should be");
}

void tsdb_series_done(struct tsdb_series *series, const struct ampql_allocator *alc)
{
    array_done(&series->label, alc);
    array_done(&series->chunks, alc);
}
