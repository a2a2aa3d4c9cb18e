/* Opening captures and their logs, and scanning the series of a select. */
#include "source/capture.h"

#include "source/source.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
    MAX_SERIES_SAMPLES = 1 << 26, /* of one series: a small file must not ask for all memory */
    MAX_SYMBOL_BYTES = 1 << 30
};

/* ---- opening */

static enum ampql_code begin(struct capture *capture, const struct ampql_allocator *alc,
                             const char *path, int fd, struct ampql_error *err)
{
    *capture = (struct capture){.alc = *alc, .file = {.fd = -1}};
    arena_init(&capture->arena, &capture->alc);
    if (!symbols_init(&capture->symbols, &capture->alc)) {
        close(fd);
        arena_done(&capture->arena);
        return fail_nomem(err, "a capture");
    }
    enum ampql_code code = capture_file_open(&capture->file, &capture->alc, path, fd, err);
    if (code != AMPQL_OK)
        capture_done(capture);
    return code;
}

void capture_done(struct capture *capture)
{
    for (size_t i = 0; i < capture->entries.n; i++)
        array_done(&capture->entries.at[i], &capture->alc);
    array_done(&capture->entries, &capture->alc);
    array_done(&capture->ids, &capture->alc);
    alloc_put(&capture->alc, capture->label, capture->label_room, sizeof *capture->label);
    alloc_put(&capture->alc, capture->t, capture->room, sizeof *capture->t);
    alloc_put(&capture->alc, capture->v, capture->room, sizeof *capture->v);
    if (capture->file.alc)
        capture_file_done(&capture->file);
    symbols_done(&capture->symbols);
    arena_done(&capture->arena);
}

static enum ampql_code add_symbols(struct capture *capture, struct capture_block *block,
                                   struct ampql_error *err)
{
    TRY(capture_get_symbols(capture, block, err));
    if (capture->symbols.text.total > MAX_SYMBOL_BYTES)
        return fail(err, AMPQL_LIMIT, "%.160s: more than %d bytes of label strings",
                    capture->file.name, MAX_SYMBOL_BYTES);
    return AMPQL_OK;
}

static enum ampql_code add_select(struct capture *capture, struct capture_block *block,
                                  struct ampql_error *err)
{
    struct capture_entry entry;
    TRY(capture_get_select(capture, block, &entry, err));
    return array_add(&capture->entries, &capture->alc, entry)
               ? AMPQL_OK
               : fail_nomem(err, "the selects of a capture");
}

static enum ampql_code take_head(struct capture *capture, struct capture_block *block,
                                 struct ampql_error *err)
{
    struct ampql_error inner = {0};
    bool is_about = block->kind == CAPTURE_ABOUT;
    if (is_about ? capture_get_about(&block->plain, capture, &inner)
                 : capture_get_origin(&block->plain, capture))
        return AMPQL_OK;
    if (inner.code == AMPQL_NOMEM)
        return fail_nomem(err, "a capture");
    return capture_bad_block(&capture->file, block->offset, err, "what it says is damaged");
}

/* The block at *offset, which must be of this kind; *offset is then behind it. */
static enum ampql_code expect(struct capture *capture, uint64_t *offset, enum capture_kind kind,
                              struct capture_block *block, struct ampql_error *err)
{
    TRY(capture_read_block(&capture->file, *offset, block, err));
    if (block->kind != kind)
        return capture_bad_block(&capture->file, *offset, err, "another block is expected there");
    *offset += block->bytes;
    return AMPQL_OK;
}

enum ampql_code capture_take_head(struct capture *capture, enum capture_kind kind, uint64_t *offset,
                                  struct ampql_error *err)
{
    struct capture_block block;
    TRY(expect(capture, offset, kind, &block, err));
    return take_head(capture, &block, err);
}

static enum ampql_code take_heads(struct capture *capture, uint64_t *offset,
                                  struct ampql_error *err)
{
    *offset = CAPTURE_HEADER;
    TRY(capture_take_head(capture, CAPTURE_ABOUT, offset, err));
    return capture_take_head(capture, CAPTURE_ORIGIN, offset, err);
}

/* ---- a finished file */

/* The blocks of one select, as the index has them. */
static enum ampql_code read_places(struct capture *capture, struct bytes_in *in,
                                   struct capture_entry *entry, struct ampql_error *err)
{
    capture_get_counts(in, entry);
    uint64_t n = bytes_varint(in), offset = 0;
    for (uint64_t i = 0; i < n && !in->failed; i++) {
        offset += bytes_varint(in);
        struct capture_place place = {.offset = offset, .nseries = (uint32_t)bytes_varint(in)};
        if (!in->failed && !array_add(entry, &capture->alc, place))
            return fail_nomem(err, "the blocks of a capture");
    }
    return AMPQL_OK;
}

static enum ampql_code read_index(struct capture *capture, struct capture_block *index,
                                  struct ampql_error *err)
{
    /* the payload is used while other blocks are read */
    struct str copy = arena_copy(&capture->arena,
                                 str_make((const char *)index->plain.p, bytes_left(&index->plain)));
    if (!copy.p)
        return fail_nomem(err, "the index of a capture");
    struct bytes_in in = bytes_of(copy.p, copy.n);
    struct capture_block block;
    uint64_t offset;
    TRY(take_heads(capture, &offset, err));
    uint64_t nsymbols = bytes_varint(&in);
    for (uint64_t i = 0; i < nsymbols && !in.failed; i++) {
        TRY(expect(capture, &offset, CAPTURE_SYMBOLS, &block, err));
        TRY(add_symbols(capture, &block, err));
    }
    for (uint32_t i = 0; i < index->count && !in.failed; i++) {
        offset = bytes_varint(&in);
        if (in.failed)
            break;
        TRY(expect(capture, &offset, CAPTURE_SELECT, &block, err));
        TRY(add_select(capture, &block, err));
        TRY(read_places(capture, &in, &capture->entries.at[i], err));
    }
    if (in.failed || bytes_left(&in))
        return capture_bad_block(&capture->file, index->offset, err, "its index is damaged");
    return AMPQL_OK;
}

static enum ampql_code read_trailer(struct capture *capture, uint64_t *index,
                                    struct ampql_error *err)
{
    const struct capture_file *file = &capture->file;
    uint8_t end[CAPTURE_TRAILER];
    bool is_there = file->size >= CAPTURE_HEADER + sizeof end;
    if (is_there)
        TRY(capture_file_read(file, file->size - sizeof end, end, sizeof end, err));
    if (!is_there || memcmp(end + 56, capture_end_magic, sizeof capture_end_magic) != 0)
        return fail(err, AMPQL_BAD_DATA,
                    "%.160s: not a whole capture: it ends at offset %llu without the end of one",
                    file->name, (unsigned long long)file->size);
    if (checksum(end, 48, NULL, 0) != le_get(end + 48, 8))
        return fail(err, AMPQL_BAD_DATA, "%.160s: its end at offset %llu is damaged", file->name,
                    (unsigned long long)(file->size - sizeof end));
    *index = le_get(end, 8);
    memcpy(capture->content_id, end + 16, SHA256_BYTES);
    return AMPQL_OK;
}

static enum ampql_code read_finished(struct capture *capture, struct ampql_error *err)
{
    struct capture_block index;
    uint64_t offset = 0;
    TRY(read_trailer(capture, &offset, err));
    TRY(expect(capture, &offset, CAPTURE_INDEX, &index, err));
    return read_index(capture, &index, err);
}

static enum ampql_code open_path(const char *path, int *fd, struct ampql_error *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return *fd < 0 ? fail(err, AMPQL_NOT_FOUND, "%.160s: %s", path, strerror(errno)) : AMPQL_OK;
}

enum ampql_code capture_open_damaged(struct capture *capture, const struct ampql_allocator *alc,
                                     const char *path, struct ampql_error *err)
{
    int fd;
    TRY(open_path(path, &fd, err));
    return begin(capture, alc, path, fd, err);
}

enum ampql_code capture_open(struct capture *capture, const struct ampql_allocator *alc,
                             const char *path, struct ampql_error *err)
{
    TRY(capture_open_damaged(capture, alc, path, err));
    enum ampql_code code = read_finished(capture, err);
    if (code != AMPQL_OK)
        capture_done(capture);
    return code;
}

enum ampql_code capture_open_again(struct capture *capture, const struct capture *from,
                                   struct ampql_error *err)
{
    int copy = fcntl(from->file.fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return fail(err, AMPQL_UNAVAILABLE, "%.160s: %s", from->file.name, strerror(errno));
    TRY(begin(capture, &from->alc, from->file.name, copy, err));
    capture->allows_partial = from->allows_partial;
    enum ampql_code code = read_finished(capture, err);
    if (code != AMPQL_OK)
        capture_done(capture);
    return code;
}

static enum ampql_code not_expected(const struct capture *capture,
                                    const struct capture_block *block, struct ampql_error *err)
{
    return capture_bad_block(&capture->file, block->offset, err, "it is not expected there");
}

enum ampql_code capture_take_block(struct capture *capture, struct capture_block *block,
                                   struct ampql_error *err)
{
    struct capture_entry *last =
        capture->entries.n ? &capture->entries.at[capture->entries.n - 1] : NULL;
    switch (block->kind) {
    case CAPTURE_ABOUT:
    case CAPTURE_ORIGIN:
        return not_expected(capture, block, err);
    case CAPTURE_SYMBOLS:
        return add_symbols(capture, block, err);
    case CAPTURE_SELECT:
        return add_select(capture, block, err);
    case CAPTURE_SERIES:
        if (!last)
            return not_expected(capture, block, err);
        return array_add(last, &capture->alc,
                         (struct capture_place){.offset = block->offset, .nseries = block->count})
                   ? AMPQL_OK
                   : fail_nomem(err, "the blocks of a capture");
    case CAPTURE_END:
    case CAPTURE_INDEX:
        break;
    }
    return AMPQL_OK;
}

/* ---- a log */

/* Does the file end inside the blocks that it must begin with? Then no select can be in it. */
static enum ampql_code is_cut_at_head(const struct capture_file *file, bool *out,
                                      struct ampql_error *err)
{
    uint64_t offset = CAPTURE_HEADER;
    *out = true;
    for (int i = 0; i < 2; i++) {
        uint8_t head[CAPTURE_BLOCK_HEAD];
        if (file->size - offset < sizeof head)
            return AMPQL_OK;
        TRY(capture_file_read(file, offset, head, sizeof head, err));
        offset += sizeof head;
        if (file->size - offset < le_get(head + 4, 4))
            return AMPQL_OK;
        offset += le_get(head + 4, 4);
    }
    *out = false;
    return AMPQL_OK;
}

/* Take the blocks up to the last END; what follows it was cut off while it was written. */
static enum ampql_code read_log(struct capture *capture, struct ampql_error *err)
{
    uint64_t offset;
    struct capture_block block;
    size_t nwhole = 0;
    bool is_cut;
    TRY(is_cut_at_head(&capture->file, &is_cut, err));
    if (is_cut)
        return AMPQL_OK;
    TRY(take_heads(capture, &offset, err));
    capture->whole = offset;
    size_t symbols_whole = 0;
    while (offset < capture->file.size) {
        enum ampql_code code = capture_read_block(&capture->file, offset, &block, err);
        if (code == AMPQL_NOMEM || code == AMPQL_UNAVAILABLE)
            return code;
        if (code != AMPQL_OK)
            break;
        bool is_inside = capture->entries.n > nwhole;
        if (block.kind < CAPTURE_SYMBOLS || block.kind > CAPTURE_END ||
            (block.kind >= CAPTURE_SELECT && is_inside == (block.kind == CAPTURE_SELECT)))
            return not_expected(capture, &block, err);
        TRY(capture_take_block(capture, &block, err));
        offset += block.bytes;
        if (block.kind != CAPTURE_END)
            continue;
        struct capture_entry *entry = &capture->entries.at[nwhole++];
        capture_get_counts(&block.plain, entry);
        capture->whole = offset;
        symbols_whole = capture->ids.n;
    }
    for (size_t i = nwhole; i < capture->entries.n; i++)
        array_done(&capture->entries.at[i], &capture->alc);
    capture->entries.n = nwhole;
    capture->ids.n = symbols_whole;
    return AMPQL_OK;
}

enum ampql_code capture_open_log(struct capture *capture, const struct ampql_allocator *alc,
                                 const char *path, int fd, struct ampql_error *err)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return fail(err, AMPQL_UNAVAILABLE, "%.160s: %s", path, strerror(errno));
    TRY(begin(capture, alc, path, copy, err));
    capture->is_log = true;
    enum ampql_code code = read_log(capture, err);
    if (code != AMPQL_OK)
        capture_done(capture);
    return code;
}

enum ampql_code capture_open_any(struct capture *capture, const struct ampql_allocator *alc,
                                 const char *path, struct ampql_error *err)
{
    int fd;
    if (!str_has_suffix(str_of(path), STR(".part")))
        return capture_open(capture, alc, path, err);
    TRY(open_path(path, &fd, err));
    enum ampql_code code = capture_open_log(capture, alc, path, fd, err);
    close(fd);
    return code;
}

struct held_list capture_list(const struct capture *capture)
{
    return (struct held_list){.at = capture->entries.at,
                              .n = capture->entries.n,
                              .size = sizeof *capture->entries.at,
                              .name = capture->file.name,
                              .alc = &capture->alc,
                              .origin = capture->origin.source,
                              .allows_partial = capture->allows_partial};
}

/* ---- scanning */

struct scan {
    struct capture *capture;
    const struct ampql_select *select; /* NULL: all series */
    size_t nseen;
    struct bound_matchers *bound;
    struct arena *work;
    int64_t after_ms, upto_ms;
    capture_visit *visit;
    void *payload;
    struct ampql_error *err;

    uint64_t offset; /* of the block at hand */
    struct bytes_in in;
    struct labels labels; /* of the series at hand, in capture->label */
    bool has_series, is_wanted;
    bool has_skipped; /* since the series at hand began: its labels are of an earlier one */
    size_t n;         /* its samples so far */
};

static enum ampql_code bad(const struct scan *scan, const char *what)
{
    return capture_bad_block(&scan->capture->file, scan->offset, scan->err, what);
}

/* Room for another packed block behind the samples so far. */
static enum ampql_code make_room(struct scan *scan)
{
    struct capture *c = scan->capture;
    size_t want = scan->n + BLOCK_MAX_SAMPLES;
    if (want <= c->room)
        return AMPQL_OK;
    if (scan->n > MAX_SERIES_SAMPLES)
        return fail(scan->err, AMPQL_LIMIT, "%.160s: a series has more than %d samples",
                    c->file.name, MAX_SERIES_SAMPLES);
    size_t room = want > c->room * 2 ? want : c->room * 2;
    int64_t *t = alloc_get(&c->alc, room, sizeof *t);
    double *v = alloc_get(&c->alc, room, sizeof *v);
    if (!t || !v) {
        alloc_put(&c->alc, t, room, sizeof *t);
        alloc_put(&c->alc, v, room, sizeof *v);
        return fail_nomem(scan->err, "the samples of a series");
    }
    if (scan->n) {
        memcpy(t, c->t, scan->n * sizeof *t);
        memcpy(v, c->v, scan->n * sizeof *v);
    }
    alloc_put(&c->alc, c->t, c->room, sizeof *c->t);
    alloc_put(&c->alc, c->v, c->room, sizeof *c->v);
    c->t = t;
    c->v = v;
    c->room = room;
    return AMPQL_OK;
}

static enum ampql_code hand_on(struct scan *scan)
{
    struct capture *c = scan->capture;
    if (!scan->has_series || !scan->is_wanted)
        return AMPQL_OK;
    struct samples all = {c->t, c->v, scan->n};
    struct samples in = samples_clip(&all, scan->after_ms, scan->upto_ms);
    return in.n ? scan->visit(scan->payload, c, scan->labels, &in) : AMPQL_OK;
}

/* The series that begins here; the one before is whole. n is its number of labels. */
static enum ampql_code begin_series(struct scan *scan, uint64_t n)
{
    struct capture *c = scan->capture;
    TRY(hand_on(scan));
    if (n > bytes_left(&scan->in) || n > STORE_MAX_LABELS)
        return bad(scan, "the labels of a series are damaged");
    if (n > c->label_room) {
        alloc_put(&c->alc, c->label, c->label_room, sizeof *c->label);
        c->label = alloc_get(&c->alc, (size_t)n + 32, sizeof *c->label);
        c->label_room = c->label ? (size_t)n + 32 : 0;
        scan->labels.n = 0;
        if (!c->label)
            return fail_nomem(scan->err, "the labels of a series");
    }
    /* names that are those of the series before, in that order, are in order: most are */
    bool in_order = n == scan->labels.n;
    for (size_t i = 0; i < n; i++) {
        uint64_t name = bytes_varint(&scan->in), value = bytes_varint(&scan->in);
        if (scan->in.failed || name >= c->ids.n || value >= c->ids.n)
            return bad(scan, "the labels of a series are damaged");
        struct label label = {c->ids.at[name], c->ids.at[value]};
        in_order = in_order && c->label[i].name == label.name && label.value != SYMBOL_EMPTY;
        c->label[i] = label;
    }
    size_t before = (size_t)n;
    if (!in_order && labels_sort(&c->symbols, c->label, before) != before)
        return bad(scan, "the labels of a series are damaged");
    scan->labels = (struct labels){.at = c->label, .n = before};
    scan->has_series = true;
    scan->has_skipped = false;
    scan->n = 0;
    if (scan->select)
        TRY(select_go_on(scan->select, &scan->nseen, scan->err));
    scan->is_wanted =
        !scan->bound || matchers_match(scan->bound, &c->symbols, scan->labels, scan->work);
    return AMPQL_OK;
}

/* The packed blocks up to the 0 that ends them. */
static enum ampql_code read_columns(struct scan *scan)
{
    struct capture *c = scan->capture;
    for (;;) {
        uint64_t nbytes = bytes_varint(&scan->in);
        if (nbytes == 0 && !scan->in.failed)
            return AMPQL_OK;
        const uint8_t *p = nbytes > BLOCK_MAX_BYTES ? NULL : bytes_take(&scan->in, (size_t)nbytes);
        if (!p)
            return bad(scan, "the samples of a series are damaged");
        if (!scan->is_wanted)
            continue;
        struct ampql_error inner = {0};
        size_t n, known, length;
        TRY(make_room(scan));
        if (block_measure(p, (size_t)nbytes, &length, &known, &inner) != AMPQL_OK ||
            length != nbytes ||
            block_unpack(p, length, c->t + scan->n, c->v + scan->n, &n, &inner) != AMPQL_OK ||
            (scan->n && c->t[scan->n] <= c->t[scan->n - 1]))
            return bad(scan, "the samples of a series are damaged");
        scan->n += n;
    }
}

/* The series at hand has samples in the block. */
static void note_name(const struct scan *scan, struct capture_place *place)
{
    symbol name = labels_get(scan->labels, SYMBOL_NAME);
    if (place->nnames == CAPTURE_MANY_NAMES)
        return;
    for (size_t i = 0; i < place->nnames; i++)
        if (place->names[i] == name)
            return;
    if (place->nnames == CAPTURE_NAMES || scan->has_skipped)
        place->nnames = CAPTURE_MANY_NAMES;
    else
        place->names[place->nnames++] = name;
}

/* Can the block have no series of the one metric name that is asked for? */
static bool lacks_name(const struct scan *scan, const struct capture_place *place)
{
    symbol name = SYMBOL_EMPTY;
    for (size_t i = 0; scan->bound && i < scan->bound->n; i++)
        if (scan->bound->at[i].op == MATCH_EQUAL && scan->bound->at[i].name == SYMBOL_NAME)
            name = scan->bound->at[i].value;
    if (name == SYMBOL_EMPTY || place->nnames == 0 || place->nnames == CAPTURE_MANY_NAMES)
        return false;
    for (size_t i = 0; i < place->nnames; i++)
        if (place->names[i] == name)
            return false;
    return true;
}

/* Leave a block out. A wanted series is whole then: it would have its name in the block. */
static enum ampql_code skip_block(struct scan *scan)
{
    TRY(hand_on(scan));
    scan->has_series = true;
    scan->is_wanted = false;
    scan->has_skipped = true;
    return AMPQL_OK;
}

static enum ampql_code scan_block(struct scan *scan, struct capture_place *place)
{
    struct capture_block block;
    struct capture_place seen = *place;
    scan->offset = place->offset;
    TRY(capture_read_block(&scan->capture->file, place->offset, &block, scan->err));
    if (block.kind != CAPTURE_SERIES || block.count != place->nseries)
        return bad(scan, "another block is expected there");
    scan->in = block.plain;
    uint32_t nseries = 0;
    while (bytes_left(&scan->in)) {
        uint64_t head = bytes_varint(&scan->in);
        if (scan->in.failed || (head == 0 && !scan->has_series))
            return bad(scan, "its series are damaged");
        if (head > 0) {
            TRY(begin_series(scan, head - 1));
            nseries++;
        }
        if (place->nnames == 0)
            note_name(scan, &seen);
        TRY(read_columns(scan));
    }
    if (nseries != block.count)
        return bad(scan, "it has another number of series");
    *place = seen; /* only what is known of all of it */
    return AMPQL_OK;
}

static enum ampql_code bind(struct capture *capture, const struct ampql_select *select,
                            struct arena *work, struct bound_matchers *out, struct ampql_error *err)
{
    struct matchers asked = held_matchers(select, work);
    if (!asked.at)
        return fail_nomem(err, "the matchers of a select");
    return matchers_bind(asked, &capture->symbols, select->dialect, work, out, err);
}

enum ampql_code capture_scan(struct capture *capture, const struct capture_entry *entry,
                             const struct ampql_select *select, int64_t after_ms, int64_t upto_ms,
                             capture_visit *visit, void *payload, struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, &capture->alc);
    struct bound_matchers bound = {0};
    struct scan scan = {.capture = capture,
                        .select = select,
                        .bound = select ? &bound : NULL,
                        .work = &work,
                        .after_ms = after_ms,
                        .upto_ms = upto_ms,
                        .visit = visit,
                        .payload = payload,
                        .err = err};
    enum ampql_code code = select ? bind(capture, select, &work, &bound, err) : AMPQL_OK;
    for (size_t i = 0; i < entry->n && code == AMPQL_OK; i++)
        code =
            lacks_name(&scan, &entry->at[i]) ? skip_block(&scan) : scan_block(&scan, &entry->at[i]);
    if (code == AMPQL_OK)
        code = hand_on(&scan);
    if (code == AMPQL_OK && matchers_failed(&bound))
        code = fail_nomem(err, "matching a label");
    matchers_unbind(&bound);
    arena_done(&work);
    return code;
}
