/* What is in the blocks of a capture, but for the samples. */
#include "source/capture.h"

#include "base/utf8.h"

/* ---- about, origin */

void capture_put_about(struct buf *out, struct str tool, int64_t created_ms)
{
    buf_counted(out, tool);
    buf_signed(out, created_ms);
}

static struct str keep_text(struct capture *capture, struct str text)
{
    return arena_copy(&capture->arena, text);
}

bool capture_get_about(struct bytes_in *in, struct capture *capture, struct ampql_error *err)
{
    capture->tool = keep_text(capture, bytes_text(in));
    capture->created_ms = bytes_signed(in);
    if (!capture->tool.p)
        fail_nomem(err, "a capture");
    return capture->tool.p && !in->failed && bytes_left(in) == 0;
}

/* What follows the origin of a redacted capture: one of these, and two lists of texts. */
enum { ORIGIN_REDACTED = 1, ORIGIN_KEEPS_ORDER = 2 };

void capture_put_origin(struct buf *out, const struct capture_origin *origin)
{
    buf_counted(out, origin->source);
    buf_varint(out, origin->dialect);
    buf_varint(out, origin->caps);
    buf_signed(out, origin->marked_after_ms);
    const struct redaction *r = &origin->redaction;
    if (!r->is_redacted)
        return;
    buf_varint(out, r->keeps_order ? ORIGIN_KEEPS_ORDER : ORIGIN_REDACTED);
    buf_varint(out, r->nlabels);
    for (size_t i = 0; i < r->nlabels; i++)
        buf_counted(out, r->labels[i]);
    buf_varint(out, r->nvalues);
    for (size_t i = 0; i < r->nvalues; i++)
        buf_counted(out, r->values[i]);
}

static bool is_dialect(uint64_t dialect)
{
    return dialect == AMPQL_DIALECT_DEFAULT || dialect == AMPQL_PROM2 || dialect == AMPQL_PROM3;
}

/* texts := varint: how many, text... */
static const struct str *get_texts(struct bytes_in *in, struct capture *capture, size_t *n)
{
    uint64_t count = bytes_varint(in);
    if (in->failed || count > bytes_left(in)) /* each takes a byte at least */
        return NULL;
    struct str *texts = arena_alloc(&capture->arena, (size_t)count, sizeof *texts);
    for (size_t i = 0; texts && i < count; i++) {
        texts[i] = keep_text(capture, bytes_text(in));
        if (!texts[i].p)
            return NULL;
    }
    *n = (size_t)count;
    return texts;
}

static bool get_redaction(struct bytes_in *in, struct capture *capture)
{
    struct redaction *r = &capture->origin.redaction;
    uint64_t mode = bytes_varint(in);
    if (in->failed || (mode != ORIGIN_REDACTED && mode != ORIGIN_KEEPS_ORDER))
        return false;
    r->is_redacted = true;
    r->keeps_order = mode == ORIGIN_KEEPS_ORDER;
    r->labels = get_texts(in, capture, &r->nlabels);
    r->values = r->labels ? get_texts(in, capture, &r->nvalues) : NULL;
    return r->values;
}

bool capture_get_origin(struct bytes_in *in, struct capture *capture)
{
    struct capture_origin *origin = &capture->origin;
    origin->source = keep_text(capture, bytes_text(in));
    uint64_t dialect = bytes_varint(in), caps = bytes_varint(in);
    origin->marked_after_ms = bytes_signed(in);
    if (!origin->source.p || in->failed || !is_dialect(dialect) ||
        (bytes_left(in) && !get_redaction(in, capture)) || in->failed || bytes_left(in))
        return false;
    origin->dialect = (enum ampql_dialect)dialect;
    origin->caps = (uint32_t)caps;
    return caps == AMPQL_SOURCE_ANSWERS || caps == AMPQL_SOURCE_SAMPLES ||
           caps == (AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_ENDLESS);
}

/* ---- symbols */

enum ampql_code capture_get_symbols(struct capture *capture, struct capture_block *block,
                                    struct ampql_error *err)
{
    struct bytes_in *in = &block->plain;
    for (uint32_t i = 0; i < block->count; i++) {
        struct str text = bytes_text(in);
        if (in->failed)
            return capture_bad_block(&capture->file, block->offset, err, "its strings are damaged");
        symbol id = symbols_intern(&capture->symbols, text);
        if (id == SYMBOL_NONE || !array_add(&capture->ids, &capture->alc, id))
            return fail_nomem(err, "the symbols of a capture");
    }
    if (bytes_left(in))
        return capture_bad_block(&capture->file, block->offset, err, "it has bytes too many");
    return AMPQL_OK;
}

/* ---- selects */

static void put_name(struct buf *out, const struct capture_names *names, struct str text)
{
    buf_varint(out, names->id_of[symbols_find(names->symbols, text)]);
}

void capture_put_select(struct buf *out, const struct capture_entry *entry,
                        const struct capture_names *names)
{
    const struct held *held = &entry->held;
    buf_varint(out, held->kind);
    buf_varint(out, held->matchers.n);
    for (size_t i = 0; i < held->matchers.n; i++) {
        put_name(out, names, held->matchers.at[i].name);
        buf_varint(out, held->matchers.at[i].op);
        put_name(out, names, held->matchers.at[i].value);
    }
    if (held_is_window(held)) {
        buf_signed(out, held->after_ms);
        buf_signed(out, held->upto_ms);
    } else {
        buf_signed(out, held->start_ms);
        buf_signed(out, held->end_ms);
        buf_signed(out, held->step_ms);
        buf_signed(out, held->lookback_ms);
        buf_varint(out, held->dialect);
    }
    buf_varint(out, entry->nwarnings);
    for (size_t i = 0; i < entry->nwarnings; i++)
        put_name(out, names, entry->warnings[i]);
}

void capture_put_counts(struct buf *out, const struct capture_entry *entry)
{
    buf_varint(out, entry->billed);
    buf_signed(out, entry->settled_ms);
    buf_varint(out, entry->nseries);
    buf_varint(out, entry->nsamples);
}

void capture_get_counts(struct bytes_in *in, struct capture_entry *out)
{
    out->billed = bytes_varint(in);
    out->settled_ms = bytes_signed(in);
    out->nseries = bytes_varint(in);
    out->nsamples = bytes_varint(in);
}

static struct str get_name(struct bytes_in *in, const struct capture *capture)
{
    uint64_t id = bytes_varint(in);
    if (id < capture->ids.n)
        return symbols_text(&capture->symbols, capture->ids.at[id]);
    in->failed = true;
    return str_make("", 0);
}

static enum ampql_code get_matchers(struct bytes_in *in, struct capture *capture,
                                    struct matchers *out, struct ampql_error *err)
{
    uint64_t n = bytes_varint(in);
    if (n > bytes_left(in)) {
        in->failed = true;
        return AMPQL_OK;
    }
    struct matcher *at = arena_alloc(&capture->arena, (size_t)n, sizeof *at);
    if (!at)
        return fail_nomem(err, "the selects of a capture");
    for (size_t i = 0; i < n; i++) {
        at[i].name = get_name(in, capture);
        uint64_t op = bytes_varint(in);
        in->failed |= op > MATCH_NOT_REGEX;
        at[i].op = (enum match_op)op;
        at[i].value = get_name(in, capture);
    }
    *out = (struct matchers){at, (size_t)n};
    return AMPQL_OK;
}

static enum ampql_code get_warnings(struct bytes_in *in, struct capture *capture,
                                    struct capture_entry *out, struct ampql_error *err)
{
    uint64_t n = bytes_varint(in);
    if (n > bytes_left(in)) {
        in->failed = true;
        return AMPQL_OK;
    }
    struct str *at = arena_alloc(&capture->arena, (size_t)n, sizeof *at);
    if (!at)
        return fail_nomem(err, "the selects of a capture");
    for (size_t i = 0; i < n; i++)
        at[i] = get_name(in, capture);
    out->warnings = at;
    out->nwarnings = (size_t)n;
    return AMPQL_OK;
}

static bool get_times(struct bytes_in *in, struct held *held)
{
    const int64_t limit = CAPTURE_FOREVER;
    if (held_is_window(held)) {
        held->after_ms = bytes_signed(in);
        held->upto_ms = bytes_signed(in);
        return held->after_ms >= -limit && held->upto_ms <= limit &&
               held->after_ms <= held->upto_ms;
    }
    held->start_ms = bytes_signed(in);
    held->end_ms = bytes_signed(in);
    held->step_ms = bytes_signed(in);
    held->lookback_ms = bytes_signed(in);
    uint64_t dialect = bytes_varint(in);
    held->dialect = (enum ampql_dialect)dialect;
    return held->start_ms >= -limit && held->end_ms <= limit && held->start_ms <= held->end_ms &&
           held->step_ms > 0 && (held->end_ms - held->start_ms) % held->step_ms == 0 &&
           held->lookback_ms >= 0 && is_dialect(dialect);
}

enum ampql_code capture_get_select(struct capture *capture, struct capture_block *block,
                                   struct capture_entry *out, struct ampql_error *err)
{
    struct bytes_in *in = &block->plain;
    *out = (struct capture_entry){0};
    uint64_t kind = bytes_varint(in);
    out->held.kind = (enum ampql_select_kind)kind;
    bool is_known = kind <= HELD_LISTING;
    TRY(get_matchers(in, capture, &out->held.matchers, err));
    bool is_time = get_times(in, &out->held);
    TRY(get_warnings(in, capture, out, err));
    if (in->failed || bytes_left(in) || !is_known || !is_time)
        return capture_bad_block(&capture->file, block->offset, err, "its select is damaged");
    return AMPQL_OK;
}

/* ---- series */

/* Bytes of a SERIES block, about; and from where on a series is cut for it. */
enum { SERIES_TARGET = 1 << 17, CUT_SERIES = 1 << 20 };

static void forget_block(struct capture_series_out *series)
{
    series->plain.n = 0;
    series->place = (struct capture_place){.first_name = CAPTURE_ANY_NAME};
}

/* A series of that name has samples in the block. */
static void note_name(struct capture_series_out *series, struct labels labels)
{
    struct capture_place *place = &series->place;
    symbol name = labels_get(labels, SYMBOL_NAME);
    uint32_t id = name == SYMBOL_EMPTY ? CAPTURE_ANY_NAME : series->names->id_of[name];
    if (id < place->first_name)
        place->first_name = id;
    if (id > place->last_name)
        place->last_name = id;
}

void capture_series_begin(struct capture_series_out *series, struct capture_out *out,
                          const struct capture_names *names, struct capture_entry *entry)
{
    *series = (struct capture_series_out){.out = out, .names = names, .entry = entry};
    forget_block(series);
    buf_init(&series->plain, out->alc, CAPTURE_BLOCK_MAX);
}

void capture_series_done(struct capture_series_out *series)
{
    buf_done(&series->plain);
}

static enum ampql_code flush(struct capture_series_out *series, struct ampql_error *err)
{
    uint8_t digest[SHA256_BYTES];
    struct capture_place *place = &series->place;
    place->offset = series->out->offset;
    if (series->plain.n == 0 && !series->plain.failed)
        return AMPQL_OK;
    TRY(capture_write_block(series->out, CAPTURE_SERIES, place->nseries, &series->plain,
                            series->wrote ? digest : NULL, err));
    if (series->entry && !array_add(series->entry, series->out->alc, *place))
        return fail_nomem(err, "the blocks of a capture");
    if (series->wrote)
        TRY(series->wrote(series->payload, digest, err));
    forget_block(series);
    return AMPQL_OK;
}

static void put_labels(struct capture_series_out *series, struct labels labels)
{
    buf_varint(&series->plain, labels.n + 1);
    for (size_t i = 0; i < labels.n; i++) {
        buf_varint(&series->plain, series->names->id_of[labels.at[i].name]);
        buf_varint(&series->plain, series->names->id_of[labels.at[i].value]);
    }
}

/* A block after another; where the payload is full the series goes on in the next, as one without
 * labels. */
enum ampql_code capture_series_add(struct capture_series_out *series, struct labels labels,
                                   const struct samples *samples, struct ampql_error *err)
{
    put_labels(series, labels);
    note_name(series, labels);
    series->place.nseries++;
    for (size_t done = 0; done < samples->n;) {
        uint8_t packed[BLOCK_MAX_BYTES];
        size_t n = samples->n - done < BLOCK_MAX_SAMPLES ? samples->n - done : BLOCK_MAX_SAMPLES;
        size_t nbytes = block_pack(samples->t + done, samples->v + done, n, packed);
        buf_varint(&series->plain, nbytes);
        buf_bytes(&series->plain, packed, nbytes);
        done += n;
        if (series->plain.n >= CUT_SERIES && done < samples->n) {
            buf_varint(&series->plain, 0);
            TRY(flush(series, err));
            buf_varint(&series->plain, 0);
            note_name(series, labels);
            series->place.is_inside = true;
        }
    }
    buf_varint(&series->plain, 0);
    if (series->entry) {
        series->entry->nseries++;
        series->entry->nsamples += samples->n;
    }
    return series->plain.n >= SERIES_TARGET ? flush(series, err) : AMPQL_OK;
}

enum ampql_code capture_series_end(struct capture_series_out *series, struct ampql_error *err)
{
    return flush(series, err);
}
