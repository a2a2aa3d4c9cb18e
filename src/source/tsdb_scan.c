/* The series of all blocks in label order, each once: a cursor a block, the samples of those that
 * stand at one series put together. */
#include "source/tsdb.h"

#include "base/number.h"
#include "base/time.h"
#include "source/sink.h"
#include "source/source.h"
#include "source/tsdb_xor.h"

#include <stdio.h>

enum { MAX_SERIES_SAMPLES = 1 << 26 }; /* a small folder must not ask for all memory */

/* A block, and where in it the scan is. */
struct cursor {
    struct tsdb_block *block;
    struct tsdb_refs refs;
    size_t i;                          /* of the series at hand; refs.n: at the end */
    struct tsdb_series series, before; /* that one, and the one before it in the file */
};

struct scan {
    struct tsdb *tsdb;
    const struct ampql_select *select;
    size_t nseen;
    bool is_labels_only;
    struct arena work;
    struct bound_matchers bound;
    struct cursor *cursors; /* [ncursors] in the order of blocks */
    size_t ncursors;
    struct ampql_sink *sink;
    struct ampql_error *err;

    size_t n;             /* samples of the series at hand */
    uint64_t nhistograms; /* chunks left out */
    struct {
        ARRAY(struct ampql_label);
    } labels; /* of the series that is pushed */
};

/* ---- which series */

static size_t intersect(uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < na; i++) {
        while (k < nb && b[k] < a[i])
            k++;
        if (k < nb && b[k] == a[i])
            a[n++] = a[i];
    }
    return n;
}

static bool names_a_value(const struct ampql_matcher *m)
{
    return m->op == AMPQL_MATCH_EQUAL && m->value.size > 0;
}

/* Every = narrows them down by the block's own lists; what is left to the other matchers is read.
 */
static enum ampql_code find_refs(struct scan *scan, struct tsdb_index *index, struct tsdb_refs *out)
{
    const struct ampql_select *select = scan->select;
    bool has_any = false;
    for (size_t i = 0; i < select->nmatchers && !(has_any && out->n == 0); i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        if (!names_a_value(m))
            continue;
        struct tsdb_refs refs;
        symbol name = symbols_find(&scan->tsdb->symbols, str_view(m->name));
        TRY(tsdb_index_find(index, name, str_view(m->value), &scan->work, &refs, scan->err));
        if (has_any)
            refs.n = intersect(refs.at, refs.n, out->at, out->n);
        *out = refs;
        has_any = true;
    }
    return has_any
               ? AMPQL_OK
               : tsdb_index_find(index, SYMBOL_EMPTY, (struct str){0}, &scan->work, out, scan->err);
}

/* A single block is always looked into: what its meta.json says of its times is then checked
 * against its chunks, and nothing else could. */
static bool may_have(const struct scan *scan, const struct tsdb_block *block)
{
    return scan->tsdb->is_single ||
           (block->mint_ms <= scan->select->maxt_ms && block->end_ms - 1 > scan->select->mint_ms);
}

static enum ampql_code open_cursors(struct scan *scan)
{
    struct tsdb *tsdb = scan->tsdb;
    scan->cursors = arena_zeroed(&scan->work, tsdb->blocks.n, sizeof *scan->cursors);
    if (!scan->cursors)
        return fail_nomem(scan->err, "the blocks of a folder");
    for (size_t i = 0; i < tsdb->blocks.n; i++) {
        struct tsdb_block *block = &tsdb->blocks.at[i];
        if (!may_have(scan, block))
            continue;
        TRY(tsdb_block_open(block, &tsdb->symbols, scan->err));
        struct cursor *cursor = &scan->cursors[scan->ncursors];
        TRY(find_refs(scan, &block->index, &cursor->refs));
        cursor->block = block;
        scan->ncursors += cursor->refs.n > 0;
    }
    return AMPQL_OK;
}

static enum ampql_code bind(struct scan *scan)
{
    const struct ampql_select *select = scan->select;
    struct matcher *at = arena_alloc(&scan->work, select->nmatchers, sizeof *at);
    if (!at)
        return fail_nomem(scan->err, "the matchers of a select");
    for (size_t i = 0; i < select->nmatchers; i++) {
        const struct ampql_matcher *m = &select->matchers[i];
        at[i] = (struct matcher){str_view(m->name), (enum match_op)m->op, str_view(m->value)};
    }
    return matchers_bind((struct matchers){at, select->nmatchers}, &scan->tsdb->symbols,
                         select->dialect, &scan->work, &scan->bound, scan->err);
}

/* ---- cursors */

static bool is_at_end(const struct cursor *cursor)
{
    return cursor->i == cursor->refs.n;
}

/* Has the chunk samples that the select asks for, deleted ones among them? */
static bool is_wanted(const struct scan *scan, const struct tsdb_chunk *chunk)
{
    return chunk->mint_ms <= scan->select->maxt_ms && chunk->maxt_ms > scan->select->mint_ms;
}

static enum ampql_code read_chunks(struct scan *scan, struct cursor *cursor)
{
    const struct tsdb_block *block = cursor->block;
    struct tsdb_series *series = &cursor->series;
    TRY(tsdb_index_chunks(&cursor->block->index, series, scan->err));
    if (series->chunks.n && (series->chunks.at[0].mint_ms < block->mint_ms ||
                             series->chunks.at[series->chunks.n - 1].maxt_ms >= block->end_ms))
        return tsdb_bad(&block->index.file, series->offset, scan->err,
                        "a series has chunks outside of the times that meta.json gives the block");
    return AMPQL_OK;
}

/* Go to the next series that matches, from the one that cursor->i says. */
static enum ampql_code settle(struct scan *scan, struct cursor *cursor)
{
    struct tsdb *tsdb = scan->tsdb;
    for (; !is_at_end(cursor); cursor->i++) {
        struct tsdb_series before = cursor->before;
        cursor->before = cursor->series;
        cursor->series = before;
        TRY(select_go_on(scan->select, &scan->nseen, scan->err));
        TRY(tsdb_index_series(&cursor->block->index, cursor->refs.at[cursor->i], &cursor->series,
                              scan->err));
        if (cursor->i > 0 &&
            labels_compare(&tsdb->symbols, cursor->before.labels, cursor->series.labels) >= 0)
            return tsdb_bad(&cursor->block->index.file, cursor->series.offset, scan->err,
                            "a series that does not come after the one before it in label order");
        if (matchers_match(&scan->bound, &tsdb->symbols, cursor->series.labels, &scan->work))
            return read_chunks(scan, cursor);
    }
    return AMPQL_OK;
}

/* The first of the cursors that stand at the first series; NULL after the last. */
static struct cursor *first_cursor(struct scan *scan)
{
    struct cursor *first = NULL;
    for (size_t i = 0; i < scan->ncursors; i++) {
        struct cursor *cursor = &scan->cursors[i];
        if (is_at_end(cursor))
            continue;
        if (!first ||
            (!labels_equal(first->series.labels, cursor->series.labels) &&
             labels_compare(&scan->tsdb->symbols, cursor->series.labels, first->series.labels) < 0))
            first = cursor;
    }
    return first;
}

/* ---- samples */

static enum ampql_code make_room(struct scan *scan, struct sample_room *room, size_t kept,
                                 size_t want)
{
    if (want > MAX_SERIES_SAMPLES)
        return fail(scan->err, AMPQL_LIMIT, "a series has more than %d samples",
                    MAX_SERIES_SAMPLES);
    return sample_room_grow(room, &scan->tsdb->alc, kept, want)
               ? AMPQL_OK
               : fail_nomem(scan->err, "the samples of a series");
}

static enum ampql_code refuse_encoding(struct scan *scan, const struct cursor *cursor,
                                       enum tsdb_encoding encoding)
{
    char text[256];
    labels_describe(&scan->tsdb->symbols, cursor->series.labels, text, sizeof text);
    if (encoding == TSDB_HISTOGRAM || encoding == TSDB_FLOAT_HISTOGRAM)
        return fail(scan->err, AMPQL_UNSUPPORTED, "%.400s: %s has native histograms",
                    cursor->block->path, text);
    return fail(scan->err, AMPQL_UNSUPPORTED,
                "%.400s: %s has chunks of encoding %d, which this ampql does not know",
                cursor->block->path, text, (int)encoding);
}

/* Take the deleted ones out of the samples from begin on. */
static void drop_deleted(struct scan *scan, size_t begin, const struct tombstone *deleted,
                         size_t ndeleted)
{
    struct sample_room *c = &scan->tsdb->columns;
    for (size_t k = 0; k < ndeleted && scan->n > begin; k++) {
        if (deleted[k].mint_ms > c->t[scan->n - 1] || deleted[k].maxt_ms < c->t[begin])
            continue;
        size_t n = begin;
        for (size_t i = begin; i < scan->n; i++) {
            c->t[n] = c->t[i];
            c->v[n] = c->v[i];
            n += c->t[i] < deleted[k].mint_ms || c->t[i] > deleted[k].maxt_ms;
        }
        scan->n = n;
    }
}

/* The chunk's samples, behind those that are there. */
static enum ampql_code read_chunk(struct scan *scan, const struct cursor *cursor,
                                  const struct tsdb_chunk *chunk, const struct tombstone *deleted,
                                  size_t ndeleted)
{
    struct sample_room *c = &scan->tsdb->columns;
    enum tsdb_encoding encoding;
    struct bytes_in data;
    TRY(tsdb_block_chunk(cursor->block, chunk->where, &encoding, &data, scan->err));
    if (encoding != TSDB_XOR) {
        if (!scan->tsdb->skip_histograms ||
            (encoding != TSDB_HISTOGRAM && encoding != TSDB_FLOAT_HISTOGRAM))
            return refuse_encoding(scan, cursor, encoding);
        scan->nhistograms++;
        return AMPQL_OK;
    }
    size_t nbytes = bytes_left(&data), n = xor_count(data.p, nbytes);
    TRY(make_room(scan, c, scan->n, scan->n + n));
    if (n == 0 ||
        !xor_unpack(data.p, nbytes, chunk->mint_ms, chunk->maxt_ms, c->t + scan->n, c->v + scan->n))
        return tsdb_bad_chunk(cursor->block, chunk->where, scan->err,
                              "the samples of a chunk are not as they should be, or at other times "
                              "than the index says");
    size_t begin = scan->n;
    scan->n += n;
    drop_deleted(scan, begin, deleted, ndeleted);
    return AMPQL_OK;
}

static enum ampql_code refuse_conflict(struct scan *scan, const struct cursor *cursor, int64_t t,
                                       double a, double b)
{
    char series[256], when[TIME_TEXT_MAX], first[NUMBER_MAX], second[NUMBER_MAX];
    time_format(t, when);
    number_format(a, first);
    number_format(b, second);
    labels_describe(&scan->tsdb->symbols, cursor->series.labels, series, sizeof series);
    return fail(scan->err, AMPQL_BAD_DATA,
                "%.400s: %s has two values at %s: %s in a block before, and %s",
                cursor->block->path, series, when, first, second);
}

/* The samples before `begin` and those from there on, of the cursor's block, which overlap in time,
 * in one order. */
static enum ampql_code interleave(struct scan *scan, const struct cursor *cursor, size_t begin)
{
    struct sample_room *c = &scan->tsdb->columns, *to = &scan->tsdb->spare;
    size_t i = 0, k = begin, n = 0;
    TRY(make_room(scan, to, 0, scan->n));
    while (i < begin || k < scan->n) {
        bool is_second = i == begin || (k < scan->n && c->t[k] < c->t[i]);
        size_t from = is_second ? k : i;
        if (i < begin && k < scan->n && c->t[i] == c->t[k]) {
            if (bits_of(c->v[i]) != bits_of(c->v[k]) && !scan->tsdb->last_wins)
                return refuse_conflict(scan, cursor, c->t[i], c->v[i], c->v[k]);
            i++;
            from = k;
            is_second = true;
        }
        to->t[n] = c->t[from];
        to->v[n++] = c->v[from];
        *(is_second ? &k : &i) += 1;
    }
    struct sample_room merged = *to;
    *to = *c;
    *c = merged;
    scan->n = n;
    return AMPQL_OK;
}

/* A block's samples of the series it stands at, behind or among those of the blocks before. */
static enum ampql_code read_samples(struct scan *scan, const struct cursor *cursor)
{
    size_t begin = scan->n, ndeleted;
    const struct tombstone *deleted =
        tombstones_of(&cursor->block->tombstones, cursor->refs.at[cursor->i], &ndeleted);
    for (size_t i = 0; i < cursor->series.chunks.n; i++)
        if (is_wanted(scan, &cursor->series.chunks.at[i]))
            TRY(read_chunk(scan, cursor, &cursor->series.chunks.at[i], deleted, ndeleted));
    const int64_t *t = scan->tsdb->columns.t;
    if (begin == 0 || begin == scan->n || t[begin] > t[begin - 1])
        return AMPQL_OK;
    return interleave(scan, cursor, begin);
}

/* Is there a chunk in the select's time that is not deleted as a whole? */
static bool has_chunk(const struct scan *scan, const struct cursor *cursor)
{
    size_t ndeleted;
    const struct tombstone *deleted =
        tombstones_of(&cursor->block->tombstones, cursor->refs.at[cursor->i], &ndeleted);
    for (size_t i = 0; i < cursor->series.chunks.n; i++) {
        const struct tsdb_chunk *chunk = &cursor->series.chunks.at[i];
        size_t k = 0;
        while (k < ndeleted &&
               (deleted[k].mint_ms > chunk->mint_ms || deleted[k].maxt_ms < chunk->maxt_ms))
            k++;
        if (is_wanted(scan, chunk) && k == ndeleted)
            return true;
    }
    return false;
}

/* ---- pushing */

static enum ampql_code push(struct scan *scan, struct labels labels, const struct samples *samples)
{
    const struct symbols *symbols = &scan->tsdb->symbols;
    scan->labels.n = 0;
    for (size_t i = 0; i < labels.n; i++) {
        struct str name = symbols_text(symbols, labels.at[i].name);
        struct str value = symbols_text(symbols, labels.at[i].value);
        struct ampql_label label = {{name.p, name.n}, {value.p, value.n}};
        if (!array_push(&scan->labels, &scan->work, label))
            return fail_nomem(scan->err, "the labels of a series");
    }
    return ampql_sink_push(scan->sink, scan->labels.at, labels.n, samples->t, samples->v,
                           samples->n);
}

/* The series at which `first` stands, from all blocks that have it; then they go on. */
static enum ampql_code take_series(struct scan *scan, struct cursor *first)
{
    struct sample_room *c = &scan->tsdb->columns;
    bool is_there = false;
    scan->n = 0;
    for (struct cursor *at = first; at < scan->cursors + scan->ncursors; at++) {
        if (is_at_end(at) || !labels_equal(at->series.labels, first->series.labels))
            continue;
        if (scan->is_labels_only)
            is_there |= has_chunk(scan, at);
        else
            TRY(read_samples(scan, at));
    }
    struct samples all = {c->t, c->v, scan->n}, in = {0};
    if (scan->n)
        in = samples_clip(&all, scan->select->mint_ms, scan->select->maxt_ms);
    if (in.n || is_there)
        TRY(push(scan, first->series.labels, &in));
    /* first itself, with whose labels the others' are compared, goes last */
    for (struct cursor *at = scan->cursors + scan->ncursors; at > first;) {
        at--;
        if (is_at_end(at) || !labels_equal(at->series.labels, first->series.labels))
            continue;
        at->i++;
        TRY(settle(scan, at));
    }
    return AMPQL_OK;
}

static enum ampql_code merge(struct scan *scan)
{
    TRY(open_cursors(scan));
    if (scan->ncursors == 0)
        return AMPQL_OK;
    TRY(bind(scan));
    for (size_t i = 0; i < scan->ncursors; i++)
        TRY(settle(scan, &scan->cursors[i]));
    for (struct cursor *first; (first = first_cursor(scan));)
        TRY(take_series(scan, first));
    return matchers_failed(&scan->bound) ? fail_nomem(scan->err, "matching a label") : AMPQL_OK;
}

static enum ampql_code warn_of_histograms(const struct scan *scan)
{
    char text[96];
    if (scan->nhistograms == 0)
        return AMPQL_OK;
    snprintf(text, sizeof text, "%llu chunks of native histograms were left out",
             (unsigned long long)scan->nhistograms);
    return sink_warn(scan->sink, str_of(text));
}

enum ampql_code tsdb_scan(struct tsdb *tsdb, const struct ampql_select *select, bool is_labels_only,
                          struct ampql_sink *sink, struct ampql_error *err)
{
    struct scan scan = {
        .tsdb = tsdb, .select = select, .is_labels_only = is_labels_only, .sink = sink, .err = err};
    arena_init(&scan.work, &tsdb->alc);
    enum ampql_code code = merge(&scan);
    if (code == AMPQL_OK)
        code = warn_of_histograms(&scan);
    for (size_t i = 0; i < scan.ncursors; i++) {
        tsdb_series_done(&scan.cursors[i].series, &tsdb->alc);
        tsdb_series_done(&scan.cursors[i].before, &tsdb->alc);
    }
    matchers_unbind(&scan.bound);
    arena_done(&scan.work);
    return code;
}
