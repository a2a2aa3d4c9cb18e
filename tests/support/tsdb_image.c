/* Blocks for tests, from the published format. */
#include "support/tsdb_image.h"

#include "base/crc32c.h"
#include "series/label_set.h"
#include "support/xor_chunk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNIT = 16, MAX_BYTES = 1 << 30 };

static void init(struct tsdb_image *image)
{
    struct buf *bufs[] = {&image->meta, &image->index, &image->chunks, &image->tombstones};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_init(bufs[i], &alloc_default, MAX_BYTES);
}

void tsdb_image_done(struct tsdb_image *image)
{
    buf_done(&image->meta);
    buf_done(&image->index);
    buf_done(&image->chunks);
    buf_done(&image->tombstones);
}

/* ---- writing */

static void put_be(struct buf *out, size_t n, uint64_t v)
{
    while (n-- > 0)
        buf_byte(out, (char)(v >> 8 * n));
}

static void put_crc(struct buf *out, size_t from)
{
    put_be(out, 4, crc32c(0, out->p + from, out->n - from));
}

static void set_be(uint8_t *p, size_t n, uint64_t v)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

/* A section begins with its length, which is known at its end. */
static size_t begin_section(struct buf *out)
{
    put_be(out, 4, 0);
    return out->n;
}

static void end_section(struct buf *out, size_t begin)
{
    if (out->failed)
        return;
    set_be((uint8_t *)out->p + begin - 4, 4, out->n - begin);
    put_crc(out, begin);
}

static struct str text_of(struct ampql_string s)
{
    return str_make(s.data, s.size);
}

static int by_labels(const void *a, const void *b)
{
    const struct tsdb_image_series *x = a, *y = b;
    return label_sets_compare(x->labels, x->nlabels, y->labels, y->nlabels);
}

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* A label of a series. */
struct posting {
    struct str name, value;
    uint32_t ref;
};

static int by_posting(const void *a, const void *b)
{
    const struct posting *x = a, *y = b;
    int order = str_compare(x->name, y->name);
    if (order == 0)
        order = str_compare(x->value, y->value);
    return order ? order : (x->ref > y->ref) - (x->ref < y->ref);
}

struct making {
    struct tsdb_image *image;
    const struct tsdb_image_block *block;
    struct str *symbols; /* [nsymbols] */
    size_t nsymbols;
    struct posting *postings; /* [npostings] all labels, and each series once without a label */
    size_t npostings;
    uint32_t *refs; /* [n] of the block's series */
};

static uint64_t symbol_of(const struct making *m, struct ampql_string text)
{
    struct str key = text_of(text);
    const struct str *at = bsearch(&key, m->symbols, m->nsymbols, sizeof key, by_text);
    return (uint64_t)(at - m->symbols);
}

static void put_symbols(struct making *m)
{
    struct buf *out = &m->image->index;
    size_t n = 0;
    for (size_t i = 0; i < m->block->n; i++)
        for (size_t k = 0; k < m->block->series[i].nlabels; k++) {
            m->symbols[n++] = text_of(m->block->series[i].labels[k].name);
            m->symbols[n++] = text_of(m->block->series[i].labels[k].value);
        }
    qsort(m->symbols, n, sizeof *m->symbols, by_text);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !str_equal(m->symbols[i], m->symbols[m->nsymbols - 1]))
            m->symbols[m->nsymbols++] = m->symbols[i];
    size_t begin = begin_section(out);
    put_be(out, 4, m->nsymbols);
    for (size_t i = 0; i < m->nsymbols; i++)
        buf_counted(out, m->symbols[i]);
    end_section(out, begin);
}

/* The chunk's bytes go to the chunks, its line to the series. */
static void put_chunk(struct making *m, struct buf *entry, const struct tsdb_image_series *s,
                      size_t i, uint64_t *where)
{
    struct buf *out = &m->image->chunks;
    uint8_t bytes[XOR_CHUNK_BYTES(XOR_CHUNK_SAMPLES)];
    size_t n = s->n - i < XOR_CHUNK_SAMPLES ? s->n - i : XOR_CHUNK_SAMPLES;
    uint64_t before = *where;
    *where = out->n;
    if (i == 0)
        buf_signed(entry, s->t[i]);
    else
        buf_varint(entry, (uint64_t)s->t[i] - (uint64_t)s->t[i - 1]);
    buf_varint(entry, (uint64_t)s->t[i + n - 1] - (uint64_t)s->t[i]);
    if (i == 0)
        buf_varint(entry, *where);
    else
        buf_signed(entry, (int64_t)(*where - before));
    size_t nbytes = xor_chunk_encode(s->t + i, s->v + i, n, bytes);
    buf_varint(out, nbytes);
    size_t begin = out->n;
    buf_byte(out, (char)(s->encoding ? s->encoding : TSDB_XOR));
    buf_bytes(out, bytes, nbytes);
    put_crc(out, begin);
}

static void put_series(struct making *m, size_t i, struct buf *entry)
{
    const struct tsdb_image_series *s = &m->block->series[i];
    struct buf *out = &m->image->index;
    uint64_t where = 0;
    entry->n = 0;
    buf_varint(entry, s->nlabels);
    for (size_t k = 0; k < s->nlabels; k++) {
        buf_varint(entry, symbol_of(m, s->labels[k].name));
        buf_varint(entry, symbol_of(m, s->labels[k].value));
    }
    buf_varint(entry, (s->n + XOR_CHUNK_SAMPLES - 1) / XOR_CHUNK_SAMPLES);
    for (size_t k = 0; k < s->n; k += XOR_CHUNK_SAMPLES)
        put_chunk(m, entry, s, k, &where);
    while (out->n % UNIT && !out->failed)
        buf_byte(out, 0);
    m->refs[i] = (uint32_t)(out->n / UNIT);
    buf_varint(out, entry->n);
    size_t begin = out->n;
    buf_str(out, buf_view(entry));
    put_crc(out, begin);
    m->postings[m->npostings++] = (struct posting){STR(""), STR(""), m->refs[i]};
    for (size_t k = 0; k < s->nlabels; k++)
        m->postings[m->npostings++] =
            (struct posting){text_of(s->labels[k].name), text_of(s->labels[k].value), m->refs[i]};
}

static void put_postings(struct making *m, struct buf *table, uint32_t *nentries)
{
    struct buf *out = &m->image->index;
    for (size_t i = 0, k; i < m->npostings; i = k) {
        const struct posting *p = &m->postings[i];
        for (k = i; k < m->npostings && str_equal(m->postings[k].name, p->name) &&
                    str_equal(m->postings[k].value, p->value);)
            k++;
        buf_varint(table, 2);
        buf_counted(table, p->name);
        buf_counted(table, p->value);
        buf_varint(table, out->n);
        ++*nentries;
        size_t begin = begin_section(out);
        put_be(out, 4, k - i);
        for (size_t at = i; at < k; at++)
            put_be(out, 4, m->postings[at].ref);
        end_section(out, begin);
    }
}

static void put_index(struct making *m, struct buf *entry, struct buf *table)
{
    struct buf *out = &m->image->index;
    uint32_t nentries = 0;
    put_be(out, 4, 0xBAAAD700u);
    buf_byte(out, 2);
    uint64_t symbols = out->n;
    put_symbols(m);
    uint64_t series = out->n;
    for (size_t i = 0; i < m->block->n; i++)
        put_series(m, i, entry);
    qsort(m->postings, m->npostings, sizeof *m->postings, by_posting);
    uint64_t postings = out->n;
    put_postings(m, table, &nentries);
    uint64_t offsets = out->n;
    size_t begin = begin_section(out);
    put_be(out, 4, nentries);
    buf_str(out, buf_view(table));
    end_section(out, begin);
    size_t toc = out->n;
    const uint64_t places[] = {symbols, series, 0, 0, postings, offsets};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        put_be(out, 8, places[i]);
    put_crc(out, toc);
}

static void put_meta(const struct making *m)
{
    const struct tsdb_image_block *block = m->block;
    struct buf *out = &m->image->meta;
    int64_t mint = block->mint_ms, end = block->end_ms;
    bool is_known = mint || end;
    for (size_t i = 0; i < block->n && !is_known; i++) {
        const struct tsdb_image_series *s = &block->series[i];
        mint = i == 0 || s->t[0] < mint ? s->t[0] : mint;
        end = i == 0 || s->t[s->n - 1] >= end ? s->t[s->n - 1] + 1 : end;
    }
    buf_format(out, "{\"ulid\": \"%s\", \"minTime\": %lld, \"maxTime\": %lld, \"version\": 1",
               block->ulid, (long long)mint, (long long)end);
    if (block->parent)
        buf_format(out, ", \"compaction\": {\"level\": 2, \"parents\": [{\"ulid\": \"%s\"}]}",
                   block->parent);
    buf_text(out, "}\n");
}

static void put_tombstones(const struct making *m)
{
    struct buf *out = &m->image->tombstones;
    put_be(out, 4, 0x0130BA30u);
    buf_byte(out, 1);
    size_t begin = out->n;
    for (size_t i = 0; i < m->block->ntombstones; i++) {
        const struct tombstone *t = &m->block->tombstones[i];
        buf_varint(out, m->refs[t->ref]);
        buf_signed(out, t->mint_ms);
        buf_signed(out, t->maxt_ms);
    }
    put_crc(out, begin);
}

static bool is_whole(const struct tsdb_image *image)
{
    return !image->meta.failed && !image->index.failed && !image->chunks.failed &&
           !image->tombstones.failed;
}

bool tsdb_image_make(struct tsdb_image *image, const struct tsdb_image_block *block)
{
    struct making m = {.image = image, .block = block};
    struct buf entry, table;
    size_t nlabels = 1;
    init(image);
    buf_init(&entry, &alloc_default, MAX_BYTES);
    buf_init(&table, &alloc_default, MAX_BYTES);
    for (size_t i = 0; i < block->n; i++)
        nlabels += block->series[i].nlabels + 1;
    m.symbols = calloc(2 * nlabels, sizeof *m.symbols);
    m.postings = calloc(nlabels, sizeof *m.postings);
    m.refs = calloc(block->n + 1, sizeof *m.refs);
    bool is_done = m.symbols && m.postings && m.refs;
    if (is_done) {
        put_be(&image->chunks, 4, 0x85BD40DDu);
        put_be(&image->chunks, 4, UINT32_C(1) << 24);
        if (block->n)
            qsort(block->series, block->n, sizeof *block->series, by_labels);
        put_index(&m, &entry, &table);
        put_meta(&m);
        put_tombstones(&m);
    }
    is_done = is_done && is_whole(image) && !entry.failed && !table.failed;
    buf_done(&entry);
    buf_done(&table);
    free(m.symbols);
    free(m.postings);
    free(m.refs);
    return is_done;
}

/* ---- files */

static const char *const names[] = {"meta.json", "index", "chunks/000001", "tombstones"};
enum { FILES = sizeof names / sizeof *names };

static void path_of(const char *folder, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", folder, name);
}

/* Written over, not emptied first: file systems make the latter wait for the disk. */
static bool put_bytes(int fd, const void *p, size_t n)
{
    return ftruncate(fd, (off_t)n) == 0 && pwrite(fd, n ? p : "", n, 0) == (ssize_t)n;
}

bool tsdb_image_save(const struct tsdb_image *image, const char *folder)
{
    const struct buf *const bufs[FILES] = {&image->meta, &image->index, &image->chunks,
                                           &image->tombstones};
    char path[512];
    mkdir(folder, 0777);
    path_of(folder, "chunks", path, sizeof path);
    mkdir(path, 0777);
    for (size_t i = 0; i < FILES; i++) {
        path_of(folder, names[i], path, sizeof path);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        bool is_done = fd >= 0 && put_bytes(fd, bufs[i]->p, bufs[i]->n);
        if (fd >= 0)
            close(fd);
        if (!is_done)
            return false;
    }
    return true;
}

void tsdb_image_remove(const char *folder)
{
    char path[512];
    for (size_t i = 0; i < FILES; i++) {
        path_of(folder, names[i], path, sizeof path);
        unlink(path);
    }
    path_of(folder, "chunks", path, sizeof path);
    rmdir(path);
    rmdir(folder);
}

bool tsdb_image_load(struct tsdb_image *image, const char *folder)
{
    struct buf *const bufs[FILES] = {&image->meta, &image->index, &image->chunks,
                                     &image->tombstones};
    char path[512];
    init(image);
    for (size_t i = 0; i < FILES; i++) {
        path_of(folder, names[i], path, sizeof path);
        FILE *file = fopen(path, "rb");
        if (!file)
            return false;
        char piece[4096];
        for (size_t n; (n = fread(piece, 1, sizeof piece, file)) > 0;)
            buf_bytes(bufs[i], piece, n);
        fclose(file);
    }
    return is_whole(image);
}

/* ---- repairing */

/* What stands at a place of a file; nothing when that is outside. */
static struct bytes_in at_place(const struct buf *file, uint64_t offset)
{
    return offset < file->n ? bytes_of(file->p + offset, file->n - (size_t)offset)
                            : (struct bytes_in){.failed = true};
}

/* Put the checksum behind n bytes from p on right; false when they do not fit. */
static bool repair(const struct bytes_in *in, uint64_t n)
{
    if (in->failed || n > bytes_left(in) || bytes_left(in) - n < 4)
        return false;
    uint8_t *p = (uint8_t *)(uintptr_t)in->p; /* of a buf of ours */
    set_be(p + n, 4, crc32c(0, p, (size_t)n));
    return true;
}

/* The same of a section; *out is its content. */
static bool repair_section(const struct buf *file, uint64_t offset, struct bytes_in *out)
{
    struct bytes_in in = at_place(file, offset);
    const uint8_t *head = bytes_take(&in, 4);
    uint64_t n = head ? be_get(head, 4) : 0;
    if (!head || !repair(&in, n))
        return false;
    *out = bytes_of(in.p, (size_t)n);
    return true;
}

static void repair_chunk(const struct tsdb_image *image, uint64_t where)
{
    struct bytes_in in = at_place(&image->chunks, (uint32_t)where);
    uint64_t n = bytes_varint(&in);
    if (n < image->chunks.n)
        repair(&in, 1 + n);
}

static void repair_series(const struct tsdb_image *image, uint64_t offset)
{
    struct bytes_in in = at_place(&image->index, offset);
    uint64_t n = bytes_varint(&in);
    if (!repair(&in, n))
        return;
    in = bytes_of(in.p, (size_t)n);
    n = bytes_varint(&in);
    for (uint64_t i = 0; i < 2 * n && !in.failed; i++)
        bytes_varint(&in);
    n = bytes_varint(&in);
    for (uint64_t i = 0, where = 0; i < n; i++) {
        bytes_varint(&in);
        bytes_varint(&in);
        where += i ? (uint64_t)bytes_signed(&in) : bytes_varint(&in);
        if (in.failed)
            break;
        repair_chunk(image, where);
    }
}

static void repair_postings(const struct tsdb_image *image, uint64_t offset, bool is_all)
{
    struct bytes_in refs;
    if (!repair_section(&image->index, offset, &refs))
        return;
    bytes_take(&refs, 4);
    for (const uint8_t *ref; is_all && (ref = bytes_take(&refs, 4));)
        repair_series(image, be_get(ref, 4) * UNIT);
}

/* What a reader looks at last is repaired first. */
static void repair_table(const struct tsdb_image *image, uint64_t offset)
{
    struct bytes_in table;
    if (!repair_section(&image->index, offset, &table))
        return;
    bytes_take(&table, 4);
    for (bool is_first = true; bytes_left(&table) && !table.failed; is_first = false) {
        bytes_varint(&table);
        bytes_text(&table);
        bytes_text(&table);
        uint64_t at = bytes_varint(&table);
        if (!table.failed)
            repair_postings(image, at, is_first);
    }
    repair_section(&image->index, offset, &table);
}

void tsdb_image_repair(struct tsdb_image *image)
{
    enum { TOC = 52, TOMBSTONES_HEAD = 5 };
    struct bytes_in in;
    if (image->tombstones.n >= TOMBSTONES_HEAD + 4) {
        in = at_place(&image->tombstones, TOMBSTONES_HEAD);
        repair(&in, image->tombstones.n - TOMBSTONES_HEAD - 4);
    }
    if (image->index.n < TOC)
        return;
    uint8_t *toc = (uint8_t *)image->index.p + image->index.n - TOC;
    repair_table(image, be_get(toc + 40, 8));
    repair_section(&image->index, be_get(toc, 8), &in);
    in = bytes_of(toc, TOC);
    repair(&in, TOC - 4);
}
