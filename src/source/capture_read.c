/* Opening captures and their logs. */
#include "source/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { MAX_SYMBOL_BYTES = 1 << 30 };

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

static void forget_index(struct capture *capture)
{
    for (size_t i = 0; i < capture->entries.n; i++)
        array_done(&capture->entries.at[i], &capture->alc);
    array_done(&capture->entries, &capture->alc);
    array_done(&capture->ids, &capture->alc);
    symbols_done(&capture->symbols);
    arena_done(&capture->arena);
}

void capture_done(struct capture *capture)
{
    if (!capture->is_reader)
        forget_index(capture);
    alloc_put(&capture->alc, capture->label, capture->label_room, sizeof *capture->label);
    alloc_put(&capture->alc, capture->t, capture->room, sizeof *capture->t);
    alloc_put(&capture->alc, capture->v, capture->room, sizeof *capture->v);
    if (capture->file.alc)
        capture_file_done(&capture->file);
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

/* A block of which no more is known. */
static struct capture_place place_at(uint64_t offset, uint32_t nseries)
{
    return (struct capture_place){.offset = offset,
                                  .nseries = nseries,
                                  .is_inside = true,
                                  .first_name = CAPTURE_ANY_NAME,
                                  .last_name = CAPTURE_ANY_NAME};
}

/* How a block begins, and between which names its own lie; version 1 does not say. */
static enum ampql_code read_contents(const struct capture *capture, struct bytes_in *in,
                                     struct capture_place *place)
{
    if (capture->file.version == 1)
        return AMPQL_OK;
    uint64_t is_inside = bytes_varint(in), first = bytes_varint(in), last = bytes_varint(in);
    if (is_inside > 1 || first > last || last > CAPTURE_ANY_NAME ||
        (last >= capture->ids.n && last != CAPTURE_ANY_NAME))
        return AMPQL_BAD_DATA;
    place->is_inside = is_inside;
    place->first_name = (uint32_t)first;
    place->last_name = (uint32_t)last;
    return AMPQL_OK;
}

/* The blocks of one select, as the index has them. */
static enum ampql_code read_places(struct capture *capture, struct bytes_in *in,
                                   struct capture_entry *entry, struct ampql_error *err)
{
    capture_get_counts(in, entry);
    uint64_t n = bytes_varint(in), offset = 0;
    for (uint64_t i = 0; i < n && !in->failed; i++) {
        offset += bytes_varint(in);
        struct capture_place place = place_at(offset, (uint32_t)bytes_varint(in));
        if (read_contents(capture, in, &place) != AMPQL_OK)
            in->failed = true;
        if (!in->failed && !array_add(entry, &capture->alc, place))
            return fail_nomem(err, "the blocks of a capture");
    }
    return AMPQL_OK;
}

/* Then ids are in the order of the file's numbers, which is that of their bytes; but for those that
 * each table has. */
static bool are_distinct(const struct capture *capture)
{
    size_t nfresh = 0;
    for (size_t i = 0; i < capture->ids.n; i++)
        nfresh += capture->ids.at[i] >= SYMBOL_FIRST_FREE;
    return nfresh == capture->symbols.n - SYMBOL_FIRST_FREE;
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
    if (!are_distinct(capture))
        return capture_bad_block(&capture->file, index->offset, err, "it has a string twice");
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
    *capture = (struct capture){.alc = from->alc,
                                .allows_partial = from->allows_partial,
                                .symbols = from->symbols,
                                .tool = from->tool,
                                .created_ms = from->created_ms,
                                .origin = from->origin,
                                .is_reader = true};
    capture->ids.at = from->ids.at;
    capture->ids.n = from->ids.n;
    capture->entries.at = from->entries.at;
    capture->entries.n = from->entries.n;
    memcpy(capture->content_id, from->content_id, sizeof capture->content_id);
    return capture_file_open(&capture->file, &capture->alc, from->file.name, copy, err);
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
        return array_add(last, &capture->alc, place_at(block->offset, block->count))
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
