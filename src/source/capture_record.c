/* Recording. */
#include "source/capture_record.h"

#include "base/checked.h"
#include "source/capture_source.h"
#include "source/capture_take.h"
#include "source/sink.h"

#include <assert.h>

enum {
    MAX_WINDOWS = 256, /* of one select: the log and its reader look through all of them */
    MIN_POINTS = 32    /* of a window of a grid */
};

struct record {
    struct ampql_allocator alc;
    struct capture_log log;
    struct ampql_source *inner;
    struct capture written;       /* the log, read back; */
    struct capture before;        /* the capture that is brought up to date; */
    bool has_written, has_before; /* opened when they are first needed */
    bool extends;                 /* there is a capture */
};

/* ---- windows */

static bool is_raw(const struct ampql_select *select)
{
    return select->kind == AMPQL_SELECT_RAW;
}

/* How long windows of the select are; 0: it is one. */
static int64_t window_of(const struct record *r, const struct ampql_select *select)
{
    int64_t width = r->inner->window_ms, span = 0;
    bool is_known = is_raw(select) ? checked_sub(select->maxt_ms, select->mint_ms, &span)
                                   : checked_sub(select->end_ms, select->start_ms, &span);
    if (width <= 0 || !is_known)
        return 0;
    while (width < span && (span / width > MAX_WINDOWS ||
                            (!is_raw(select) && width / MIN_POINTS < select->step_ms)))
        if (!checked_mul(width, INT64_C(2), &width))
            return 0;
    return width;
}

/* How far `from` is from the next multiple of width. */
static int64_t rest_of(int64_t from, int64_t width)
{
    int64_t past = from % width;
    return width - (past < 0 ? past + width : past);
}

/* Where the window that begins at `from` ends: at a multiple of width, so that windows end at the
 * same times whatever the select's own are. Of samples those with from < t <= end, where one
 * shorter than half is joined with the next; of a grid those points before the multiple. All as one
 * request of a server spans them. */
static int64_t window_end(const struct ampql_select *select, int64_t from, int64_t end,
                          int64_t width)
{
    int64_t length = rest_of(from, width), to;
    if (is_raw(select) && length < width / 2)
        length += width;
    if (!is_raw(select))
        length--;
    return checked_add(from, length, &to) && to < end ? to : end;
}

/* A part of what a select asks for: still to be asked, or held. */
struct piece {
    int64_t from_ms, to_ms; /* as of a held_part */
    enum { TO_ASK, IN_LOG, IN_CAPTURE } place;
};

struct pieces {
    ARRAY(struct piece);
};

static bool add_windows(struct pieces *pieces, struct arena *arena,
                        const struct ampql_select *select, int64_t width,
                        const struct held_part *missing)
{
    int64_t step = is_raw(select) || select->end_ms == select->start_ms ? 0 : select->step_ms;
    for (int64_t from = missing->from_ms;;) {
        int64_t to = width ? window_end(select, from, missing->to_ms, width) : missing->to_ms;
        if (step)
            to = from + (to - from) / step * step;
        if (!array_push(pieces, arena, (struct piece){from, to, TO_ASK}))
            return false;
        if (to >= missing->to_ms)
            return true;
        from = to + step;
    }
}

/* All of a select, in the order of time. */
static enum ampql_code find_pieces(const struct record *r, const struct ampql_select *select,
                                   struct arena *arena, struct pieces *out, struct ampql_error *err)
{
    struct held_cover cover;
    TRY(capture_log_cover(&r->log, select, arena, &cover, err));
    int64_t width = window_of(r, select);
    bool has_memory = true;
    for (size_t h = 0, m = 0; has_memory && (h < cover.held.n || m < cover.missing.n);) {
        const struct held_part *held = h < cover.held.n ? &cover.held.at[h] : NULL;
        const struct held_part *missing = m < cover.missing.n ? &cover.missing.at[m] : NULL;
        if (held && (!missing || held->from_ms < missing->from_ms)) {
            struct piece piece = {held->from_ms, held->to_ms, held->entry ? IN_CAPTURE : IN_LOG};
            has_memory = array_push(out, arena, piece);
            h++;
        } else {
            has_memory = add_windows(out, arena, select, width, missing);
            m++;
        }
    }
    return has_memory ? AMPQL_OK : fail_nomem(err, "the windows of a select");
}

static struct ampql_select select_of(const struct ampql_select *select, const struct piece *piece)
{
    struct ampql_select part = *select;
    if (is_raw(select)) {
        part.mint_ms = piece->from_ms;
        part.maxt_ms = piece->to_ms;
    } else {
        part.start_ms = piece->from_ms;
        part.end_ms = piece->to_ms;
    }
    return part;
}

/* ---- what is held */

/* Read the log back, when what was read of it does not hold the select. */
static enum ampql_code read_log(struct record *r, const struct ampql_select *select,
                                struct ampql_error *err)
{
    struct arena work;
    struct held_cover cover;
    if (r->has_written) {
        struct held_list list = capture_list(&r->written);
        arena_init(&work, &r->alc);
        enum ampql_code code = held_cover(&list, select, &work, &cover, err);
        bool is_there = code == AMPQL_OK && cover.missing.n == 0;
        arena_done(&work);
        if (code != AMPQL_OK || is_there)
            return code;
        capture_done(&r->written);
        r->has_written = false;
    }
    TRY(capture_open_log(&r->written, &r->alc, r->log.part, r->log.fd, err));
    r->has_written = true;
    return AMPQL_OK;
}

static enum ampql_code read_capture(struct record *r, struct ampql_error *err)
{
    if (!r->has_before)
        TRY(capture_open(&r->before, &r->alc, r->log.path, err));
    r->has_before = true;
    return AMPQL_OK;
}

static enum ampql_code add_held(struct record *r, const struct piece *piece,
                                const struct ampql_select *select, struct hold *whole,
                                struct ampql_sink *warned, struct ampql_error *err)
{
    struct hold_push push = {whole, err};
    struct ampql_sink sink;
    bool is_in_log = piece->place == IN_LOG;
    TRY(is_in_log ? read_log(r, select, err) : read_capture(r, err));
    sink_init(&sink, &r->alc, hold_push, &push, true);
    enum ampql_code code = capture_answer(is_in_log ? &r->written : &r->before, select, &sink, err);
    code = sink_finish(&sink, code, err);
    if (code == AMPQL_OK)
        code = sink_pass_warnings(&sink, warned);
    sink_done(&sink);
    return code;
}

/* ---- asking */

static enum ampql_code ask_window(struct record *r, const struct capture_question *question,
                                  struct hold *whole, struct ampql_sink *warned,
                                  struct ampql_error *err)
{
    struct hold hold;
    TRY(hold_init(&hold, &r->alc, err));
    enum ampql_code code = capture_ask(&r->log, r->inner, question, &hold, warned, err);
    if (code == AMPQL_OK && whole)
        code = hold_join(whole, &hold, err);
    hold_done(&hold);
    return code;
}

/* Bring every piece of a select into the log, and with `whole` into that, too. */
static enum ampql_code take_pieces(struct record *r, const struct ampql_select *select,
                                   const struct pieces *pieces, struct hold *whole,
                                   struct ampql_sink *warned, struct ampql_error *err)
{
    for (size_t i = 0; i < pieces->n; i++) {
        const struct piece *piece = &pieces->at[i];
        struct ampql_select part = select_of(select, piece);
        struct capture_question question = {.select = &part};
        if (!is_raw(select) && select->end_ms > select->start_ms)
            question.step_ms = select->step_ms;
        if (piece->place == TO_ASK)
            TRY(ask_window(r, &question, whole, warned, err));
        else if (whole)
            TRY(add_held(r, piece, &part, whole, warned, err));
    }
    return AMPQL_OK;
}

static enum ampql_code take(struct record *r, const struct ampql_select *select, struct hold *whole,
                            struct ampql_sink *warned, struct ampql_error *err)
{
    struct arena work;
    struct pieces pieces = {0};
    arena_init(&work, &r->alc);
    enum ampql_code code = find_pieces(r, select, &work, &pieces, err);
    if (code == AMPQL_OK)
        code = take_pieces(r, select, &pieces, whole, warned, err);
    arena_done(&work);
    return code;
}

static enum ampql_code push_series(void *payload, const struct store *store, struct labels labels,
                                   const struct samples *samples)
{
    return store_push(store, labels, samples, payload);
}

/* ---- the source */

static enum ampql_code record_select(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    struct record *r = payload;
    struct hold whole;
    TRY(hold_init(&whole, &r->alc, err));
    enum ampql_code code = take(r, select, &whole, sink, err);
    if (code == AMPQL_OK)
        code = hold_scan(&whole, push_series, sink, err);
    hold_done(&whole);
    return code;
}

static enum ampql_code push_set(void *payload, const struct store *store, struct labels labels,
                                const struct samples *samples)
{
    (void)samples;
    return store_push(store, labels, &(struct samples){0}, payload);
}

static enum ampql_code record_series(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    struct record *r = payload;
    struct capture_question question = {.select = select, .is_listing = true};
    struct hold hold;
    TRY(hold_init(&hold, &r->alc, err));
    enum ampql_code code = capture_ask(&r->log, r->inner, &question, &hold, sink, err);
    if (code == AMPQL_OK)
        code = hold_scan(&hold, push_set, sink, err);
    hold_done(&hold);
    return code;
}

/* The windows that will be asked for, in the order in which they will be. */
static enum ampql_code find_windows(const struct record *r, const struct ampql_prepare *prepare,
                                    struct arena *arena, struct ampql_prepare *out,
                                    struct ampql_error *err)
{
    struct {
        ARRAY(struct ampql_select);
    } windows = {0};
    for (size_t i = 0; i < prepare->nselects; i++) {
        struct pieces pieces = {0};
        TRY(find_pieces(r, &prepare->selects[i], arena, &pieces, err));
        for (size_t p = 0; p < pieces.n; p++)
            if (pieces.at[p].place == TO_ASK &&
                !array_push(&windows, arena, select_of(&prepare->selects[i], &pieces.at[p])))
                return fail_nomem(err, "the windows of a select");
    }
    *out = *prepare;
    out->selects = windows.at;
    out->nselects = windows.n;
    return AMPQL_OK;
}

static enum ampql_code record_prepare(void *payload, const struct ampql_prepare *prepare,
                                      struct ampql_error *err)
{
    struct record *r = payload;
    struct arena work;
    struct ampql_prepare windows;
    arena_init(&work, &r->alc);
    enum ampql_code code = find_windows(r, prepare, &work, &windows, err);
    if (code == AMPQL_OK)
        code = r->inner->ops.prepare(r->inner->payload, &windows, err);
    arena_done(&work);
    return code;
}

static void record_stats(void *payload, struct ampql_source_stats *out)
{
    struct record *r = payload;
    r->inner->ops.stats(r->inner->payload, out);
}

static void record_close(void *payload)
{
    struct record *r = payload;
    struct ampql_allocator alc = r->alc;
    if (r->has_written)
        capture_done(&r->written);
    if (r->has_before)
        capture_done(&r->before);
    capture_log_done(&r->log);
    source_free(r->inner);
    alloc_put(&alc, r, 1, sizeof *r);
}

bool source_is_record(const struct ampql_source *source)
{
    return source->ops.select == record_select;
}

enum ampql_code source_record_take(struct ampql_source *source, const struct ampql_select *select,
                                   struct ampql_error *err)
{
    assert(source_is_record(source));
    return take(source->payload, select, NULL, NULL, err);
}

enum ampql_code source_record_finish(struct ampql_source *source, uint8_t *content_id,
                                     struct ampql_error *err)
{
    assert(source_is_record(source));
    struct record *r = source->payload;
    return capture_log_finish(&r->log, r->extends, content_id, err);
}

void source_record_discard(struct ampql_source *source)
{
    assert(source_is_record(source));
    struct record *r = source->payload;
    capture_log_discard(&r->log);
}

/* ---- opening */

static enum ampql_code open_log(struct record *r, const char *path,
                                const struct record_options *options, struct ampql_error *err)
{
    struct capture_origin origin = capture_origin_of(r->inner, options->name);
    TRY(capture_log_open(&r->log, &r->alc, path, &origin, true, err));
    if (options->now_ms)
        r->log.now_ms = options->now_ms;
    enum ampql_code code =
        options->extends ? capture_log_extend(&r->log, &origin, &r->extends, err) : AMPQL_OK;
    if (code != AMPQL_OK)
        capture_log_done(&r->log);
    return code;
}

static enum ampql_code make_source(struct record *r, struct ampql_source **out,
                                   struct ampql_error *err)
{
    const struct ampql_source *inner = r->inner;
    struct ampql_source_ops ops = {.caps = (inner->ops.caps & ~(uint32_t)AMPQL_SOURCE_PARALLEL) |
                                           AMPQL_SOURCE_SORTED,
                                   .select = record_select,
                                   .series = inner->ops.series ? record_series : NULL,
                                   .close = record_close,
                                   .prepare = inner->ops.prepare ? record_prepare : NULL,
                                   .stats = inner->ops.stats ? record_stats : NULL};
    TRY(source_new(&r->alc, &ops, r, out, err));
    (*out)->dialect = inner->dialect;
    (*out)->is_trusted = true;
    (*out)->marked_after_ms = inner->marked_after_ms;
    (*out)->redaction = inner->redaction;
    return AMPQL_OK;
}

enum ampql_code source_record_open(const struct ampql_allocator *alc, struct ampql_source *inner,
                                   const char *path, const struct record_options *options,
                                   struct ampql_source **out, struct ampql_error *err)
{
    struct record *r = alloc_get(alc, 1, sizeof *r);
    if (!r) {
        source_free(inner);
        return fail_nomem(err, "a source");
    }
    *r = (struct record){.alc = *alc, .inner = inner};
    enum ampql_code code = open_log(r, path, options, err);
    if (code != AMPQL_OK) {
        source_free(inner);
        alloc_put(alc, r, 1, sizeof *r);
        return code;
    }
    code = make_source(r, out, err);
    if (code != AMPQL_OK)
        record_close(r);
    return code;
}
