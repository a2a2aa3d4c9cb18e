/* Replay: a capture as a source, that several threads may read. */
#include "source/capture_source.h"

#include "source/sink.h"

#include <pthread.h>

enum { MAX_WARNING = 1 << 16 };

/* Scanning one part of an answer: samples go to the sink, or to a hold that joins parts. */
struct replay {
    struct capture *capture;
    const struct symbols *symbols; /* with the ids of the capture's */
    size_t share, nshares;
    const struct ampql_select *select;
    const struct capture_entry *entry;
    const struct held_part *part;
    struct ampql_sink *sink;
    struct hold *hold; /* NULL: to the sink */
    struct {
        ARRAY(struct ampql_label);
    } labels; /* of the series at hand */
    struct ampql_error *err;
};

static struct ampql_string public_text(const struct capture *capture, symbol id)
{
    struct str text = symbols_text(&capture->symbols, id);
    return (struct ampql_string){text.p, text.n};
}

static enum ampql_code name_labels(struct replay *r, struct labels labels)
{
    r->labels.n = 0;
    for (size_t i = 0; i < labels.n; i++) {
        struct ampql_label label = {public_text(r->capture, labels.at[i].name),
                                    public_text(r->capture, labels.at[i].value)};
        if (!array_add(&r->labels, &r->capture->alc, label))
            return fail_nomem(r->err, "the labels of a series");
    }
    return AMPQL_OK;
}

/* Keep the points that were asked for, when the entry has a finer grid; in place, the columns are
 * the capture's own. */
static void thin_out(const struct replay *r, struct samples *samples)
{
    const struct ampql_select *select = r->select;
    if (select->kind == AMPQL_SELECT_RAW || select->step_ms <= 1 ||
        r->entry->held.step_ms == select->step_ms)
        return;
    *samples =
        samples_thin(samples, r->part->from_ms, select->step_ms, r->capture->t, r->capture->v);
}

static enum ampql_code take_series(void *payload, const struct capture *capture,
                                   struct labels labels, const struct samples *samples)
{
    struct replay *r = payload;
    (void)capture;
    struct samples kept = *samples;
    thin_out(r, &kept);
    if (kept.n == 0)
        return AMPQL_OK;
    if (!r->hold)
        return sink_push_known(r->sink, r->symbols, labels, &kept);
    size_t series;
    TRY(name_labels(r, labels));
    TRY(hold_find_or_add_text(r->hold, r->labels.at, r->labels.n, &series, r->err));
    return hold_append(r->hold, series, &kept, r->err);
}

/* RAW parts are (from, to], points are from, ... to. */
static enum ampql_code scan_part(struct replay *r)
{
    bool is_raw = r->select->kind == AMPQL_SELECT_RAW;
    for (size_t i = 0; i < r->entry->nwarnings; i++)
        TRY(sink_warn(r->sink, r->entry->warnings[i]));
    return capture_scan_share(r->capture, r->entry, r->select, r->part->from_ms - !is_raw,
                              r->part->to_ms, r->share, r->nshares, take_series, r, r->err);
}

static enum ampql_code push_held(void *payload, const struct store *store, struct labels labels,
                                 const struct samples *samples)
{
    const struct replay *r = payload;
    return store_push(store, labels, samples, r->sink);
}

static enum ampql_code join_parts(struct replay *r, const struct held_parts *parts)
{
    struct hold hold;
    TRY(hold_init(&hold, &r->capture->alc, r->err));
    r->hold = &hold;
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < parts->n && code == AMPQL_OK; i++) {
        r->part = &parts->at[i];
        r->entry = &r->capture->entries.at[r->part->entry];
        code = scan_part(r);
    }
    if (code == AMPQL_OK)
        code = hold_scan(&hold, push_held, r, r->err);
    hold_done(&hold);
    return code;
}

/* Where label values are tokens, not everything can be asked. */
static enum ampql_code ask_redacted(const struct replay *r)
{
    const struct capture *capture = r->capture;
    const struct redaction *redaction = &capture->origin.redaction;
    struct buf text;
    TRY(redaction_check(redaction, r->select, capture->file.name, &capture->alc, r->err));
    buf_init(&text, &capture->alc, MAX_WARNING);
    redaction_warning(&text, redaction);
    enum ampql_code code = text.failed == AMPQL_NOMEM ? fail_nomem(r->err, "a warning")
                                                      : sink_warn(r->sink, buf_view(&text));
    buf_done(&text);
    return code;
}

/* Only parts that are one are asked for in shares. */
static enum ampql_code answer(struct capture *capture, const struct symbols *symbols,
                              const struct ampql_select *select, size_t share, size_t nshares,
                              struct ampql_sink *sink, struct ampql_error *err)
{
    struct replay r = {.capture = capture,
                       .symbols = symbols,
                       .share = share,
                       .nshares = nshares,
                       .select = select,
                       .sink = sink,
                       .err = err};
    struct held_list list = capture_list(capture);
    struct held_cover cover;
    struct arena plan;
    arena_init(&plan, &capture->alc);
    enum ampql_code code = ask_redacted(&r);
    if (code == AMPQL_OK)
        code = held_plan(&list, select, &plan, &cover, err);
    if (code == AMPQL_OK)
        code = held_warn(&list, select, &cover, sink, err);
    if (code == AMPQL_OK && cover.held.n == 1) {
        r.part = &cover.held.at[0];
        r.entry = &capture->entries.at[r.part->entry];
        code = scan_part(&r);
    } else if (code == AMPQL_OK) {
        code = join_parts(&r, &cover.held);
    }
    array_done(&r.labels, &capture->alc);
    arena_done(&plan);
    return code;
}

enum ampql_code capture_answer(struct capture *capture, const struct ampql_select *select,
                               struct ampql_sink *sink, struct ampql_error *err)
{
    return answer(capture, &capture->symbols, select, 0, 1, sink, err);
}

/* ---- readers: scanning unpacks into the capture's own memory, so that each thread needs one */

struct reader {
    struct capture capture;
    bool is_taken;
    struct reader *next; /* of all */
};

/* What the first knows of the file does not change, and the others look at it. */
struct replay_source {
    struct ampql_allocator alc;
    pthread_mutex_t mutex;  /* guards what follows */
    struct reader *readers; /* the first is the last of them */
    struct reader *first;
};

/* A reader that nobody uses; *out is NULL when there is none. */
static void take_idle(struct replay_source *source, struct reader **out)
{
    pthread_mutex_lock(&source->mutex);
    *out = source->readers;
    while (*out && (*out)->is_taken)
        *out = (*out)->next;
    if (*out)
        (*out)->is_taken = true;
    pthread_mutex_unlock(&source->mutex);
}

static enum ampql_code take_reader(struct replay_source *source, struct reader **out,
                                   struct ampql_error *err)
{
    take_idle(source, out);
    if (*out)
        return AMPQL_OK;
    struct reader *fresh = alloc_get(&source->alc, 1, sizeof *fresh);
    if (!fresh)
        return fail_nomem(err, "a reader of a capture");
    enum ampql_code code = capture_open_again(&fresh->capture, &source->first->capture, err);
    if (code != AMPQL_OK) {
        alloc_put(&source->alc, fresh, 1, sizeof *fresh);
        return code;
    }
    fresh->is_taken = true;
    pthread_mutex_lock(&source->mutex);
    fresh->next = source->readers;
    source->readers = fresh;
    pthread_mutex_unlock(&source->mutex);
    *out = fresh;
    return AMPQL_OK;
}

static void give_reader(struct replay_source *source, struct reader *reader)
{
    pthread_mutex_lock(&source->mutex);
    reader->is_taken = false;
    pthread_mutex_unlock(&source->mutex);
}

static enum ampql_code replay_share(void *payload, const struct ampql_select *select, size_t share,
                                    size_t nshares, struct ampql_sink *sink,
                                    struct ampql_error *err)
{
    struct replay_source *source = payload;
    struct reader *reader;
    TRY(take_reader(source, &reader, err));
    enum ampql_code code = answer(&reader->capture, &source->first->capture.symbols, select, share,
                                  nshares, sink, err);
    give_reader(source, reader);
    return code;
}

static enum ampql_code replay_select(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    return replay_share(payload, select, 0, 1, sink, err);
}

/* Blocks, of an answer that is one entry's. */
static enum ampql_code replay_count(void *payload, const struct ampql_select *select, size_t *out,
                                    struct ampql_error *err)
{
    struct replay_source *source = payload;
    const struct capture *capture = &source->first->capture;
    struct held_list list = capture_list(capture);
    struct held_cover cover;
    struct arena plan;
    *out = 0;
    arena_init(&plan, &source->alc);
    enum ampql_code code = held_plan(&list, select, &plan, &cover, err);
    if (code == AMPQL_OK && cover.held.n == 1)
        *out = capture_count_blocks(capture, &capture->entries.at[cover.held.at[0].entry], select);
    arena_done(&plan);
    return code;
}

/* ---- label sets */

static enum ampql_code take_labels(void *payload, const struct capture *capture,
                                   struct labels labels, const struct samples *samples)
{
    (void)capture, (void)samples;
    struct replay *r = payload;
    size_t series;
    TRY(name_labels(r, labels));
    return hold_find_or_add_text(r->hold, r->labels.at, r->labels.n, &series, r->err);
}

static enum ampql_code push_sets(struct hold *hold, struct ampql_sink *sink,
                                 struct ampql_error *err)
{
    TRY(hold_sort(hold, err));
    for (size_t i = 0; i < hold->columns.n; i++)
        TRY(store_push(&hold->sets, hold->sets.series.at[hold->sets.order[i]].labels,
                       &(struct samples){0}, sink));
    return AMPQL_OK;
}

/* The series of one entry, or of all (SIZE_MAX). */
static enum ampql_code gather_sets(struct replay *r, size_t entry)
{
    struct capture *c = r->capture;
    bool is_listing = entry != SIZE_MAX;
    for (size_t i = is_listing ? entry : 0; i < c->entries.n; i++) {
        if (c->entries.at[i].held.kind != HELD_LISTING || is_listing)
            TRY(capture_scan(c, &c->entries.at[i], r->select, r->select->mint_ms,
                             r->select->maxt_ms, take_labels, r, r->err));
        if (is_listing)
            break;
    }
    return AMPQL_OK;
}

/* What the source listed when it was asked for these series in this window; else all matching
 * series that the capture holds, of whatever select. */
static enum ampql_code list_series(struct capture *capture, const struct ampql_select *select,
                                   struct ampql_sink *sink, struct ampql_error *err)
{
    struct replay r = {.capture = capture, .select = select, .sink = sink, .err = err};
    struct hold hold;
    TRY(hold_init(&hold, &capture->alc, err));
    r.hold = &hold;
    struct held_list list = capture_list(capture);
    size_t listing;
    enum ampql_code code = ask_redacted(&r);
    if (code == AMPQL_OK)
        code = held_listing(&list, select, &listing, err);
    if (code == AMPQL_OK)
        code = gather_sets(&r, listing);
    if (code == AMPQL_OK)
        code = push_sets(&hold, sink, err);
    hold_done(&hold);
    array_done(&r.labels, &capture->alc);
    return code;
}

static enum ampql_code replay_series(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    struct reader *reader;
    TRY(take_reader(payload, &reader, err));
    enum ampql_code code = list_series(&reader->capture, select, sink, err);
    give_reader(payload, reader);
    return code;
}

/* ---- the source */

static const struct source_shares replay_shares = {replay_count, replay_share};

static void replay_free(struct replay_source *source)
{
    struct ampql_allocator alc = source->alc;
    char *path = (char *)source->first->capture.file.name;
    for (struct reader *r = source->readers, *next; r; r = next) {
        next = r->next;
        capture_done(&r->capture);
        alloc_put(&alc, r, 1, sizeof *r);
    }
    pthread_mutex_destroy(&source->mutex);
    alloc_put(&alc, path, strlen(path) + 1, 1);
    alloc_put(&alc, source, 1, sizeof *source);
}

static void replay_close(void *payload)
{
    replay_free(payload);
}

/* The first reader, of a copy of the path. */
static enum ampql_code replay_new(const struct ampql_allocator *alc, const char *path,
                                  struct replay_source **out, struct ampql_error *err)
{
    size_t n = strlen(path) + 1;
    struct replay_source *source = alloc_get(alc, 1, sizeof *source);
    struct reader *first = alloc_get(alc, 1, sizeof *first);
    char *copy = alloc_get(alc, n, 1);
    enum ampql_code code = AMPQL_OK;
    if (copy)
        memcpy(copy, path, n);
    code = source && first && copy ? capture_open(&first->capture, alc, copy, err)
                                   : fail_nomem(err, "a source");
    if (code != AMPQL_OK) {
        alloc_put(alc, copy, n, 1);
        alloc_put(alc, first, 1, sizeof *first);
        alloc_put(alc, source, 1, sizeof *source);
        return code;
    }
    first->is_taken = false;
    first->next = NULL;
    *source = (struct replay_source){.alc = *alc, .readers = first, .first = first};
    pthread_mutex_init(&source->mutex, NULL);
    *out = source;
    return AMPQL_OK;
}

enum ampql_code source_capture_open(const struct ampql_allocator *alc, const char *path,
                                    bool allows_partial, struct ampql_source **out,
                                    struct ampql_error *err)
{
    struct replay_source *source;
    TRY(replay_new(alc, path, &source, err));
    struct capture *capture = &source->first->capture;
    capture->allows_partial = allows_partial;
    struct ampql_source_ops ops = {.caps = capture->origin.caps | AMPQL_SOURCE_SORTED |
                                           AMPQL_SOURCE_PARALLEL,
                                   .select = replay_select,
                                   .series = replay_series,
                                   .close = replay_close};
    enum ampql_code code = source_new(alc, &ops, source, out, err);
    if (code != AMPQL_OK) {
        replay_free(source);
        return code;
    }
    (*out)->dialect = capture->origin.dialect;
    (*out)->marked_after_ms = capture->origin.marked_after_ms;
    (*out)->redaction = &capture->origin.redaction;
    (*out)->is_trusted = true;
    (*out)->is_static = true;
    (*out)->shares = &replay_shares;
    return AMPQL_OK;
}
