/* Joining selects, and writing the finished file. */
#include "source/capture_merge.h"

#include "base/time.h"

#include <stdlib.h>

/* An entry of an input, with its matchers in canonical order. Its times are (from, to]; the points
 * of a grid lie at the ends of such intervals. */
struct item {
    size_t input, entry, sequence; /* the higher sequence counts */
    struct held held;
    int64_t from_ms, to_ms;
};

struct piece {
    const struct item *item;
    int64_t from_ms, to_ms;
};

/* What becomes one select of the finished file. */
struct run {
    const struct item *first; /* [n] items of one question, by time, that touch */
    size_t n;
    struct capture_entry entry;
    uint64_t select_offset;
    struct {
        ARRAY(struct piece); /* ascending, disjoint */
    } pieces;
};

struct merge {
    const struct ampql_allocator *alc;
    struct capture *const *inputs;
    size_t ninputs;
    struct arena arena;
    struct item *items; /* [nitems], sorted */
    size_t nitems;
    struct {
        ARRAY(struct run);
    } runs;

    struct symbols symbols; /* all strings of the file */
    symbol **map;           /* [ninputs][symbols of the input] -> symbols */
    uint32_t *id_of;        /* [symbols.n] */
    struct label *label;    /* [room] of the series at hand */
    size_t room;

    struct capture_out out;
    struct buf digests;
    bool is_counting; /* first pass: strings are found, nothing is written */
    size_t input;     /* that is scanned */
    struct hold *hold;
    struct capture_series_out *series;
    struct ampql_error *err;
};

bool capture_same_origin(const struct capture_origin *a, const struct capture_origin *b)
{
    return str_equal(a->source, b->source) && a->dialect == b->dialect && a->caps == b->caps &&
           a->marked_after_ms == b->marked_after_ms &&
           redactions_equal(&a->redaction, &b->redaction);
}

/* ---- items in order */

static int compare_matcher(const void *a, const void *b)
{
    const struct matcher *x = a, *y = b;
    int order = str_compare(x->name, y->name);
    if (order == 0)
        order = (x->op > y->op) - (x->op < y->op);
    return order ? order : str_compare(x->value, y->value);
}

static int compare_int(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int64_t phase_of(const struct held *held)
{
    return held_is_window(held) ? 0 : held->start_ms % held->step_ms;
}

/* Which series there were in a window follows from no other windows: lists do not join. */
static int compare_listings(const struct held *a, const struct held *b)
{
    if (a->kind != HELD_LISTING)
        return 0;
    int order = compare_int(a->after_ms, b->after_ms);
    return order ? order : compare_int(a->upto_ms, b->upto_ms);
}

int capture_compare_questions(const struct held *a, const struct held *b)
{
    for (size_t i = 0; i < a->matchers.n && i < b->matchers.n; i++) {
        int order = compare_matcher(&a->matchers.at[i], &b->matchers.at[i]);
        if (order)
            return order;
    }
    int64_t x[] = {(int64_t)a->matchers.n, a->kind,    a->step_ms,
                   a->lookback_ms,         a->dialect, phase_of(a)};
    int64_t y[] = {(int64_t)b->matchers.n, b->kind,    b->step_ms,
                   b->lookback_ms,         b->dialect, phase_of(b)};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        if (x[i] != y[i])
            return compare_int(x[i], y[i]);
    return compare_listings(a, b);
}

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int order = capture_compare_questions(&x->held, &y->held);
    if (order == 0)
        order = compare_int(x->from_ms, y->from_ms);
    if (order == 0)
        order = compare_int(x->to_ms, y->to_ms);
    return order ? order : compare_int((int64_t)x->sequence, (int64_t)y->sequence);
}

static enum ampql_code make_item(struct merge *m, size_t input, size_t entry, struct item *out)
{
    const struct held *held = &m->inputs[input]->entries.at[entry].held;
    struct matcher *at = arena_alloc(&m->arena, held->matchers.n, sizeof *at);
    if (!at)
        return fail_nomem(m->err, "the selects of a capture");
    if (held->matchers.n) {
        memcpy(at, held->matchers.at, held->matchers.n * sizeof *at);
        qsort(at, held->matchers.n, sizeof *at, compare_matcher);
    }
    *out = (struct item){.input = input, .entry = entry, .sequence = m->nitems++, .held = *held};
    out->held.matchers.at = at;
    bool is_window = held_is_window(held);
    out->from_ms = is_window ? held->after_ms : held->start_ms - held->step_ms;
    out->to_ms = is_window ? held->upto_ms : held->end_ms;
    return AMPQL_OK;
}

static enum ampql_code list_items(struct merge *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->ninputs; i++) {
        if (!capture_same_origin(&m->inputs[i]->origin, &m->inputs[0]->origin))
            return fail(m->err, AMPQL_BAD_DATA,
                        "%.100s and %.100s hold what different sources said: %.60s, %.60s",
                        m->inputs[0]->file.name, m->inputs[i]->file.name,
                        m->inputs[0]->origin.source.p, m->inputs[i]->origin.source.p);
        n += m->inputs[i]->entries.n;
    }
    m->items = arena_alloc(&m->arena, n, sizeof *m->items);
    if (!m->items)
        return fail_nomem(m->err, "the selects of a capture");
    for (size_t i = 0; i < m->ninputs; i++)
        for (size_t e = 0; e < m->inputs[i]->entries.n; e++)
            TRY(make_item(m, i, e, &m->items[m->nitems]));
    if (n)
        qsort(m->items, n, sizeof *m->items, compare_items);
    return AMPQL_OK;
}

/* ---- runs of items that touch */

static int compare_times(const void *a, const void *b)
{
    return compare_int(*(const int64_t *)a, *(const int64_t *)b);
}

/* Who owns which time: between two neighbouring edges the covering item that was last. */
static enum ampql_code cut_run(struct merge *m, struct run *run)
{
    int64_t *edge = arena_alloc(&m->arena, 2 * run->n, sizeof *edge);
    if (!edge)
        return fail_nomem(m->err, "the selects of a capture");
    for (size_t i = 0; i < run->n; i++) {
        edge[2 * i] = run->first[i].from_ms;
        edge[2 * i + 1] = run->first[i].to_ms;
    }
    qsort(edge, 2 * run->n, sizeof *edge, compare_times);
    for (size_t i = 0; i + 1 < 2 * run->n; i++) {
        const struct item *owner = NULL;
        if (edge[i] == edge[i + 1])
            continue;
        for (size_t j = 0; j < run->n; j++)
            if (run->first[j].from_ms <= edge[i] && run->first[j].to_ms >= edge[i + 1] &&
                (!owner || run->first[j].sequence > owner->sequence))
                owner = &run->first[j];
        struct piece *last = run->pieces.n ? &run->pieces.at[run->pieces.n - 1] : NULL;
        if (last && last->item == owner)
            last->to_ms = edge[i + 1];
        else if (!array_push(&run->pieces, &m->arena, (struct piece){owner, edge[i], edge[i + 1]}))
            return fail_nomem(m->err, "the selects of a capture");
    }
    return AMPQL_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Everything that was said with any of the answers, each once. */
static enum ampql_code join_warnings(struct merge *m, struct run *run)
{
    struct {
        ARRAY(struct str);
    } all = {0};
    for (size_t i = 0; i < run->n; i++) {
        const struct item *item = &run->first[i];
        const struct capture_entry *e = &m->inputs[item->input]->entries.at[item->entry];
        run->entry.billed += e->billed;
        for (size_t w = 0; w < e->nwarnings; w++)
            if (!array_push(&all, &m->arena, e->warnings[w]))
                return fail_nomem(m->err, "the warnings of a capture");
    }
    if (all.n)
        qsort(all.at, all.n, sizeof *all.at, compare_texts);
    size_t n = 0;
    for (size_t i = 0; i < all.n; i++)
        if (n == 0 || !str_equal(all.at[n - 1], all.at[i]))
            all.at[n++] = all.at[i];
    run->entry.warnings = all.at;
    run->entry.nwarnings = n;
    return AMPQL_OK;
}

/* Up to where every piece is settled. */
static int64_t settled_until(const struct merge *m, const struct run *run)
{
    int64_t settled = run->first->from_ms;
    for (size_t i = 0; i < run->pieces.n; i++) {
        const struct piece *piece = &run->pieces.at[i];
        const struct item *item = piece->item;
        int64_t own = m->inputs[item->input]->entries.at[item->entry].settled_ms;
        if (own < piece->to_ms)
            return own > settled ? own : settled;
        settled = piece->to_ms;
    }
    return settled;
}

static enum ampql_code add_run(struct merge *m, const struct item *first, size_t n, int64_t to_ms)
{
    struct run run = {.first = first, .n = n, .entry = {.held = first->held}};
    if (held_is_window(&first->held))
        run.entry.held.upto_ms = to_ms;
    else
        run.entry.held.end_ms = to_ms;
    TRY(cut_run(m, &run));
    TRY(join_warnings(m, &run));
    run.entry.settled_ms = settled_until(m, &run);
    return array_push(&m->runs, &m->arena, run) ? AMPQL_OK
                                                : fail_nomem(m->err, "the selects of a capture");
}

static enum ampql_code find_runs(struct merge *m)
{
    for (size_t i = 0, j; i < m->nitems; i = j) {
        int64_t to_ms = m->items[i].to_ms;
        for (j = i + 1; j < m->nitems; j++) {
            if (capture_compare_questions(&m->items[i].held, &m->items[j].held) != 0 ||
                m->items[j].from_ms > to_ms)
                break;
            if (m->items[j].to_ms > to_ms)
                to_ms = m->items[j].to_ms;
        }
        TRY(add_run(m, &m->items[i], j - i, to_ms));
    }
    return AMPQL_OK;
}

/* ---- series of a run, in label order, in the file's symbols */

static enum ampql_code take(struct merge *m, struct labels labels, const struct samples *samples)
{
    return m->is_counting ? AMPQL_OK : capture_series_add(m->series, labels, samples, m->err);
}

static enum ampql_code intern(struct merge *m, struct str text, symbol *out)
{
    *out = symbols_intern(&m->symbols, text);
    return *out == SYMBOL_NONE ? fail_nomem(m->err, "the symbols of a capture") : AMPQL_OK;
}

static enum ampql_code make_label_room(struct merge *m, size_t n)
{
    if (n <= m->room)
        return AMPQL_OK;
    m->room = n + 32;
    m->label = arena_alloc(&m->arena, m->room, sizeof *m->label);
    return m->label ? AMPQL_OK : fail_nomem(m->err, "the labels of a series");
}

static enum ampql_code map_symbol(struct merge *m, const struct capture *capture, symbol *id)
{
    symbol *mapped = &m->map[m->input][*id];
    if (*mapped == SYMBOL_NONE)
        TRY(intern(m, symbols_text(&capture->symbols, *id), mapped));
    *id = *mapped;
    return AMPQL_OK;
}

static enum ampql_code map_labels(struct merge *m, const struct capture *capture,
                                  struct labels labels, struct labels *out)
{
    TRY(make_label_room(m, labels.n));
    for (size_t i = 0; i < labels.n; i++) {
        m->label[i] = labels.at[i];
        TRY(map_symbol(m, capture, &m->label[i].name));
        TRY(map_symbol(m, capture, &m->label[i].value));
    }
    *out = (struct labels){.at = m->label, .n = labels.n};
    return AMPQL_OK;
}

static enum ampql_code take_from_capture(void *payload, const struct capture *capture,
                                         struct labels labels, const struct samples *samples)
{
    struct merge *m = payload;
    struct labels mapped;
    TRY(map_labels(m, capture, labels, &mapped));
    return take(m, mapped, samples);
}

/* Series of several pieces meet in a hold, which has symbols of its own. */
static enum ampql_code put_into_hold(void *payload, const struct capture *capture,
                                     struct labels labels, const struct samples *samples)
{
    struct merge *m = payload;
    size_t series;
    TRY(make_label_room(m, labels.n));
    for (size_t i = 0; i < labels.n; i++) {
        TRY(store_intern(&m->hold->sets, symbols_text(&capture->symbols, labels.at[i].name),
                         &m->label[i].name, m->err));
        TRY(store_intern(&m->hold->sets, symbols_text(&capture->symbols, labels.at[i].value),
                         &m->label[i].value, m->err));
    }
    TRY(hold_find_or_add(m->hold, m->label, labels.n, &series, m->err));
    return hold_append(m->hold, series, samples, m->err);
}

static enum ampql_code take_from_hold(void *payload, const struct store *store,
                                      struct labels labels, const struct samples *samples)
{
    struct merge *m = payload;
    TRY(make_label_room(m, labels.n));
    for (size_t i = 0; i < labels.n; i++) {
        TRY(intern(m, symbols_text(&store->symbols, labels.at[i].name), &m->label[i].name));
        TRY(intern(m, symbols_text(&store->symbols, labels.at[i].value), &m->label[i].value));
    }
    return take(m, (struct labels){.at = m->label, .n = labels.n}, samples);
}

static enum ampql_code scan_piece(struct merge *m, const struct piece *piece, capture_visit *visit)
{
    m->input = piece->item->input;
    struct capture *capture = m->inputs[m->input];
    return capture_scan(capture, &capture->entries.at[piece->item->entry], NULL, piece->from_ms,
                        piece->to_ms, visit, m, m->err);
}

static enum ampql_code scan_run(struct merge *m, const struct run *run)
{
    if (run->pieces.n == 1)
        return scan_piece(m, &run->pieces.at[0], take_from_capture);
    struct hold hold;
    TRY(hold_init(&hold, m->alc, m->err));
    m->hold = &hold;
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < run->pieces.n && code == AMPQL_OK; i++)
        code = scan_piece(m, &run->pieces.at[i], put_into_hold);
    if (code == AMPQL_OK)
        code = hold_scan(&hold, take_from_hold, m, m->err);
    hold_done(&hold);
    return code;
}

/* ---- symbols of the file: those that are used, in order of their bytes */

static enum ampql_code find_symbols(struct merge *m)
{
    m->map = arena_zeroed(&m->arena, m->ninputs, sizeof *m->map);
    if (!m->map)
        return fail_nomem(m->err, "the symbols of a capture");
    for (size_t i = 0; i < m->ninputs; i++) {
        size_t n = m->inputs[i]->symbols.n;
        m->map[i] = arena_alloc(&m->arena, n, sizeof *m->map[i]);
        if (!m->map[i])
            return fail_nomem(m->err, "the symbols of a capture");
        memset(m->map[i], 0xff, n * sizeof *m->map[i]); /* SYMBOL_NONE */
    }
    m->is_counting = true;
    for (size_t i = 0; i < m->runs.n; i++) {
        const struct capture_entry *e = &m->runs.at[i].entry;
        symbol id;
        for (size_t j = 0; j < e->held.matchers.n; j++) {
            TRY(intern(m, e->held.matchers.at[j].name, &id));
            TRY(intern(m, e->held.matchers.at[j].value, &id));
        }
        for (size_t j = 0; j < e->nwarnings; j++)
            TRY(intern(m, e->warnings[j], &id));
        TRY(scan_run(m, &m->runs.at[i]));
    }
    m->is_counting = false;
    return AMPQL_OK;
}

static int compare_symbols(const void *a, const void *b, void *symbols)
{
    return str_compare(symbols_text(symbols, *(const symbol *)a),
                       symbols_text(symbols, *(const symbol *)b));
}

static enum ampql_code keep_digest(void *payload, const uint8_t *digest, struct ampql_error *err)
{
    struct merge *m = payload;
    buf_bytes(&m->digests, digest, SHA256_BYTES);
    return m->digests.failed ? fail_nomem(err, "a digest") : AMPQL_OK;
}

static enum ampql_code write_hashed(struct merge *m, enum capture_kind kind, uint32_t count,
                                    const struct buf *plain)
{
    uint8_t digest[SHA256_BYTES];
    TRY(capture_write_block(&m->out, kind, count, plain, digest, m->err));
    return keep_digest(m, digest, m->err);
}

static enum ampql_code write_symbols(struct merge *m, uint64_t *nblocks)
{
    enum { TARGET = 1 << 20 };
    size_t n = m->symbols.n;
    symbol *order = arena_alloc(&m->arena, n, sizeof *order);
    m->id_of = arena_alloc(&m->arena, n, sizeof *m->id_of);
    if (!order || !m->id_of)
        return fail_nomem(m->err, "the symbols of a capture");
    for (size_t i = 0; i < n; i++)
        order[i] = (symbol)i;
    qsort_r(order, n, sizeof *order, compare_symbols, &m->symbols);
    struct buf plain;
    uint32_t count = 0;
    enum ampql_code code = AMPQL_OK;
    buf_init(&plain, m->alc, CAPTURE_BLOCK_MAX);
    for (size_t i = 0; i < n && code == AMPQL_OK; i++) {
        m->id_of[order[i]] = (uint32_t)i;
        buf_counted(&plain, symbols_text(&m->symbols, order[i]));
        count++;
        if (plain.n < TARGET && i + 1 < n)
            continue;
        code = write_hashed(m, CAPTURE_SYMBOLS, count, &plain);
        plain.n = count = 0;
        ++*nblocks;
    }
    buf_done(&plain);
    return code;
}

/* ---- the file */

static enum ampql_code write_run(struct merge *m, struct run *run, struct buf *plain)
{
    struct capture_names names = {m->id_of, &m->symbols};
    plain->n = 0;
    capture_put_select(plain, &run->entry, &names);
    run->select_offset = m->out.offset;
    TRY(write_hashed(m, CAPTURE_SELECT, 0, plain));
    struct capture_series_out series;
    capture_series_begin(&series, &m->out, &names, &run->entry);
    series.wrote = keep_digest;
    series.payload = m;
    m->series = &series;
    enum ampql_code code = scan_run(m, run);
    if (code == AMPQL_OK)
        code = capture_series_end(&series, m->err);
    capture_series_done(&series);
    return code;
}

static void put_index(const struct merge *m, uint64_t nsymbols, struct buf *plain)
{
    plain->n = 0;
    buf_varint(plain, nsymbols);
    for (size_t i = 0; i < m->runs.n; i++) {
        const struct capture_entry *e = &m->runs.at[i].entry;
        uint64_t before = 0;
        buf_varint(plain, m->runs.at[i].select_offset);
        capture_put_counts(plain, e);
        buf_varint(plain, e->n);
        for (size_t b = 0; b < e->n; b++) {
            buf_varint(plain, e->at[b].offset - before);
            buf_varint(plain, e->at[b].nseries);
            buf_varint(plain, e->at[b].is_inside);
            buf_varint(plain, e->at[b].first_name);
            buf_varint(plain, e->at[b].last_name);
            before = e->at[b].offset;
        }
    }
}

static enum ampql_code write_trailer(struct merge *m, uint64_t index, uint8_t *content_id)
{
    uint8_t end[CAPTURE_TRAILER] = {0};
    le_put(end, 8, index);
    TRY(sha256(m->digests.p, m->digests.n, end + 16, m->err));
    le_put(end + 48, 8, checksum(end, 48, NULL, 0));
    memcpy(end + 56, capture_end_magic, sizeof capture_end_magic);
    if (content_id)
        memcpy(content_id, end + 16, SHA256_BYTES);
    return capture_write(&m->out, end, sizeof end, m->err);
}

static enum ampql_code write_file(struct merge *m, struct buf *plain, uint8_t *content_id)
{
    const struct capture *first = m->inputs[0];
    uint64_t nsymbols = 0;
    TRY(capture_write_header(&m->out, m->err));
    capture_put_about(plain, STR("ampql " AMPQL_VERSION), first->created_ms);
    TRY(capture_write_block(&m->out, CAPTURE_ABOUT, 0, plain, NULL, m->err));
    plain->n = 0;
    capture_put_origin(plain, &first->origin);
    TRY(write_hashed(m, CAPTURE_ORIGIN, 0, plain));
    TRY(write_symbols(m, &nsymbols));
    for (size_t i = 0; i < m->runs.n; i++)
        TRY(write_run(m, &m->runs.at[i], plain));
    uint64_t index = m->out.offset;
    put_index(m, nsymbols, plain);
    TRY(capture_write_block(&m->out, CAPTURE_INDEX, (uint32_t)m->runs.n, plain, NULL, m->err));
    return write_trailer(m, index, content_id);
}

enum ampql_code capture_merge(const struct ampql_allocator *alc, const char *name, int fd,
                              struct capture *const *inputs, size_t ninputs, uint8_t *content_id,
                              struct ampql_error *err)
{
    struct merge m = {.alc = alc, .inputs = inputs, .ninputs = ninputs, .err = err};
    struct buf plain;
    if (!symbols_init(&m.symbols, alc))
        return fail_nomem(err, "a capture");
    arena_init(&m.arena, alc);
    capture_out_init(&m.out, alc, name, fd, 0);
    buf_init(&m.digests, alc, SIZE_MAX / 2);
    buf_init(&plain, alc, CAPTURE_BLOCK_MAX);
    enum ampql_code code = list_items(&m);
    if (code == AMPQL_OK)
        code = find_runs(&m);
    if (code == AMPQL_OK)
        code = find_symbols(&m);
    if (code == AMPQL_OK)
        code = write_file(&m, &plain, content_id);
    for (size_t i = 0; i < m.runs.n; i++)
        array_done(&m.runs.at[i].entry, alc);
    buf_done(&plain);
    buf_done(&m.digests);
    capture_out_done(&m.out);
    arena_done(&m.arena);
    symbols_done(&m.symbols);
    return code;
}
