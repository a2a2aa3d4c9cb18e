/* Scanning the series of a select in a capture. */
#include "source/capture.h"

#include "source/source.h"

enum { MAX_SERIES_SAMPLES = 1 << 26 }; /* of one series: a small file must not ask for all memory */

struct scan {
    struct capture *capture;
    const struct ampql_select *select; /* NULL: all series */
    size_t nseen;
    struct bound_matchers *bound;
    symbol name; /* the one metric that is asked for, SYMBOL_NONE when the file has no such string;
                    SYMBOL_EMPTY: any */
    struct arena *work;
    int64_t after_ms, upto_ms;
    capture_visit *visit;
    void *payload;
    struct ampql_error *err;

    const struct capture_place *place; /* of the block at hand */
    struct bytes_in in;
    struct labels labels; /* of the series at hand, in capture->label */
    bool has_series, is_wanted;
    bool has_skipped; /* since the series at hand began: its labels are of an earlier one */
    size_t n;         /* its samples so far */
};

static enum ampql_code bad(const struct scan *scan, const char *what)
{
    return capture_bad_block(&scan->capture->file, scan->place->offset, scan->err, what);
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

/* Between which ids the names of a block's series lie; false: nobody knows. */
static bool names_of(const struct capture *c, const struct capture_place *place, symbol *from,
                     symbol *upto)
{
    if (place->last_name == CAPTURE_ANY_NAME)
        return false;
    *from = c->ids.at[place->first_name];
    *upto = c->ids.at[place->last_name];
    return *from >= SYMBOL_FIRST_FREE && *upto >= SYMBOL_FIRST_FREE;
}

/* Can the block have no series of the one metric name that is asked for? */
static bool lacks_name(const struct capture *capture, const struct capture_place *place,
                       symbol name)
{
    symbol from, upto;
    return name >= SYMBOL_FIRST_FREE && names_of(capture, place, &from, &upto) &&
           (name < from || name > upto);
}

/* The series at hand has samples in the block: would it have been looked for there? */
static bool is_announced(const struct scan *scan)
{
    symbol from, upto, name = labels_get(scan->labels, SYMBOL_NAME);
    return scan->has_skipped || (name < SYMBOL_FIRST_FREE && name != SYMBOL_EMPTY) ||
           !names_of(scan->capture, scan->place, &from, &upto) || (name >= from && name <= upto);
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

/* May a series go on here? Only at the start, and where the index says so. */
static bool goes_on(const struct scan *scan, uint32_t nbefore)
{
    return scan->has_series && nbefore == 0 && scan->place->is_inside;
}

static enum ampql_code open_block(struct scan *scan)
{
    struct capture_block block;
    TRY(capture_read_block(&scan->capture->file, scan->place->offset, &block, scan->err));
    if (block.kind != CAPTURE_SERIES || block.count != scan->place->nseries)
        return bad(scan, "another block is expected there");
    scan->in = block.plain;
    return AMPQL_OK;
}

static enum ampql_code scan_block(struct scan *scan)
{
    TRY(open_block(scan));
    uint32_t nseries = 0;
    while (bytes_left(&scan->in)) {
        uint64_t head = bytes_varint(&scan->in);
        if (scan->in.failed || (head == 0 && !goes_on(scan, nseries)))
            return bad(scan, "its series are damaged");
        if (head > 0) {
            TRY(begin_series(scan, head - 1));
            nseries++;
        }
        if (!is_announced(scan))
            return bad(scan, "it has a metric that the index does not know of");
        TRY(read_columns(scan));
    }
    if (nseries != scan->place->nseries)
        return bad(scan, "it has another number of series");
    return AMPQL_OK;
}

/* Only what is left of the series at hand, which began before; *ends: it does not go on after this
 * block. */
static enum ampql_code scan_rest(struct scan *scan, bool *ends)
{
    TRY(open_block(scan));
    *ends = scan->place->nseries > 0;
    uint64_t head = bytes_varint(&scan->in);
    if (scan->in.failed)
        return bad(scan, "its series are damaged");
    return head == 0 ? read_columns(scan) : AMPQL_OK;
}

/* The one metric that a select names. */
static symbol asked_name(const struct capture *capture, const struct ampql_select *select)
{
    for (size_t i = 0; select && i < select->nmatchers; i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        if (m->op == AMPQL_MATCH_EQUAL && str_equal(str_view(m->name), STR("__name__")))
            return symbols_find(&capture->symbols, str_view(m->value));
    }
    return SYMBOL_EMPTY;
}

size_t capture_count_blocks(const struct capture *capture, const struct capture_entry *entry,
                            const struct ampql_select *select)
{
    symbol name = asked_name(capture, select);
    size_t n = 0;
    for (size_t i = 0; i < entry->n; i++)
        n += !lacks_name(capture, &entry->at[i], name);
    return n;
}

static enum ampql_code bind(struct capture *capture, const struct ampql_select *select,
                            struct arena *work, struct bound_matchers *out, struct ampql_error *err)
{
    struct matchers asked = held_matchers(select, work);
    if (!asked.at)
        return fail_nomem(err, "the matchers of a select");
    return matchers_bind_known(asked, &capture->symbols, select->dialect, work, out, err);
}

/* Blocks [from, upto) of those that may have what is asked for, and of those behind them what is
 * left of the last series. */
static enum ampql_code scan_blocks(struct scan *scan, const struct capture_entry *entry,
                                   size_t from, size_t upto)
{
    size_t k = 0;
    bool ends = false;
    for (size_t i = 0; i < entry->n && !ends; i++) {
        scan->place = &entry->at[i];
        if (lacks_name(scan->capture, scan->place, scan->name))
            TRY(skip_block(scan));
        else if (k++ < from)
            TRY(skip_block(scan));
        else if (k <= upto)
            TRY(scan_block(scan));
        else if (scan->is_wanted && scan->place->is_inside)
            TRY(scan_rest(scan, &ends));
        else
            break;
    }
    return hand_on(scan);
}

enum ampql_code capture_scan_share(struct capture *capture, const struct capture_entry *entry,
                                   const struct ampql_select *select, int64_t after_ms,
                                   int64_t upto_ms, size_t share, size_t nshares,
                                   capture_visit *visit, void *payload, struct ampql_error *err)
{
    struct arena work;
    arena_init(&work, &capture->alc);
    struct bound_matchers bound = {0};
    struct scan scan = {.capture = capture,
                        .select = select,
                        .bound = select ? &bound : NULL,
                        .name = asked_name(capture, select),
                        .work = &work,
                        .after_ms = after_ms,
                        .upto_ms = upto_ms,
                        .visit = visit,
                        .payload = payload,
                        .err = err};
    size_t n = capture_count_blocks(capture, entry, select);
    enum ampql_code code = select ? bind(capture, select, &work, &bound, err) : AMPQL_OK;
    if (code == AMPQL_OK)
        code = scan_blocks(&scan, entry, n * share / nshares, n * (share + 1) / nshares);
    if (code == AMPQL_OK && matchers_failed(&bound))
        code = fail_nomem(err, "matching a label");
    matchers_unbind(&bound);
    arena_done(&work);
    return code;
}

enum ampql_code capture_scan(struct capture *capture, const struct capture_entry *entry,
                             const struct ampql_select *select, int64_t after_ms, int64_t upto_ms,
                             capture_visit *visit, void *payload, struct ampql_error *err)
{
    return capture_scan_share(capture, entry, select, after_ms, upto_ms, 0, 1, visit, payload, err);
}
