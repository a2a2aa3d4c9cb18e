/* Writing the log of a capture. */
#include "source/capture_log.h"

#include "base/time.h"
#include "source/capture_place.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- symbols */

static enum ampql_code number(struct capture_log *log, struct str text, symbol *out,
                              struct ampql_error *err)
{
    symbol id = symbols_intern(&log->symbols, text);
    if (id == SYMBOL_NONE)
        return fail_nomem(err, "the symbols of a capture");
    while (log->id_of.n <= id)
        if (!array_add(&log->id_of, &log->alc, UINT32_MAX))
            return fail_nomem(err, "the symbols of a capture");
    *out = id;
    return AMPQL_OK;
}

/* Strings of the log that is gone on with have their numbers. */
static enum ampql_code take_symbols(struct capture_log *log, const struct capture *capture,
                                    struct ampql_error *err)
{
    for (size_t i = 0; i < capture->ids.n; i++) {
        symbol id = SYMBOL_EMPTY;
        TRY(number(log, symbols_text(&capture->symbols, capture->ids.at[i]), &id, err));
        if (log->id_of.at[id] == UINT32_MAX)
            log->id_of.at[id] = (uint32_t)i;
    }
    log->nids = (uint32_t)capture->ids.n;
    return AMPQL_OK;
}

/* Write the strings that have no number yet, and number them. */
static enum ampql_code write_symbols(struct capture_log *log, struct ampql_error *err)
{
    enum { TARGET = 1 << 20 };
    struct buf plain;
    uint32_t count = 0;
    enum ampql_code code = AMPQL_OK;
    buf_init(&plain, &log->alc, CAPTURE_BLOCK_MAX);
    for (size_t i = 0; i < log->id_of.n && code == AMPQL_OK; i++) {
        if (log->id_of.at[i] != UINT32_MAX)
            continue;
        log->id_of.at[i] = log->nids++;
        buf_counted(&plain, symbols_text(&log->symbols, (symbol)i));
        count++;
        if (plain.n < TARGET)
            continue;
        code = capture_write_block(&log->out, CAPTURE_SYMBOLS, count, &plain, NULL, err);
        plain.n = count = 0;
    }
    if (count && code == AMPQL_OK)
        code = capture_write_block(&log->out, CAPTURE_SYMBOLS, count, &plain, NULL, err);
    buf_done(&plain);
    return code;
}

/* ---- what it holds */

/* A copy of what an entry holds that lives as long as the log. */
static enum ampql_code copy_held(struct capture_log *log, const struct held *held, struct held *out,
                                 struct ampql_error *err)
{
    struct matcher *at = arena_alloc(&log->arena, held->matchers.n, sizeof *at);
    if (!at)
        return fail_nomem(err, "the selects of a capture");
    for (size_t i = 0; i < held->matchers.n; i++) {
        const struct matcher *m = &held->matchers.at[i];
        at[i] = (struct matcher){arena_copy(&log->arena, m->name), m->op,
                                 arena_copy(&log->arena, m->value)};
        if (!at[i].name.p || !at[i].value.p)
            return fail_nomem(err, "the selects of a capture");
    }
    *out = *held;
    out->matchers.at = at;
    return AMPQL_OK;
}

static enum ampql_code keep_held(struct capture_log *log, const struct held *held,
                                 struct ampql_error *err)
{
    struct held copy;
    TRY(copy_held(log, held, &copy, err));
    return array_add(&log->held, &log->alc, copy) ? AMPQL_OK
                                                  : fail_nomem(err, "the selects of a capture");
}

/* Those of just these matchers, and of this step unless it is 0. */
static size_t gather(const struct helds *from, struct matchers asked, int64_t step_ms,
                     struct held *out)
{
    size_t n = 0;
    for (size_t i = 0; i < from->n; i++)
        if (matchers_equal(from->at[i].matchers, asked) &&
            (step_ms == 0 || from->at[i].step_ms == step_ms))
            out[n++] = from->at[i];
    return n;
}

/* As a select that is kept has it. */
static int64_t step_of(const struct ampql_select *select)
{
    return select->kind == AMPQL_SELECT_RAW    ? 0
           : select->end_ms > select->start_ms ? select->step_ms
                                               : 1;
}

enum ampql_code capture_log_cover(const struct capture_log *log, const struct ampql_select *select,
                                  struct arena *arena, struct held_cover *out,
                                  struct ampql_error *err)
{
    struct matchers asked = held_matchers(select, arena);
    struct held *same = arena_alloc(arena, log->held.n + log->before.n, sizeof *same);
    struct held_list list = {.at = same, .size = sizeof *same, .name = log->path, .alc = &log->alc};
    if (!asked.at || !same)
        return fail_nomem(err, "the selects of a capture");
    list.n = gather(&log->before, asked, 0, same);
    TRY(held_cover(&list, select, arena, out, err));
    size_t nown = 0;
    if (out->held.n + out->missing.n > 1 || out->held.n == 0) {
        nown = gather(&log->held, asked, step_of(select), same);
        list.n = nown + gather(&log->before, asked, step_of(select), same + nown);
        TRY(held_cover(&list, select, arena, out, err));
    }
    for (size_t i = 0; i < out->held.n; i++)
        out->held.at[i].entry = out->held.at[i].entry >= nown;
    return AMPQL_OK;
}

enum ampql_code capture_log_has(const struct capture_log *log, const struct ampql_select *select,
                                bool *out, struct ampql_error *err)
{
    struct arena work;
    struct held_cover cover;
    arena_init(&work, &log->alc);
    enum ampql_code code = capture_log_cover(log, select, &work, &cover, err);
    *out = code == AMPQL_OK && cover.missing.n == 0;
    arena_done(&work);
    return code;
}

/* The part of an entry that is settled; false: none is. */
static bool clip_settled(struct held *held, int64_t settled_ms)
{
    if (held_is_window(held)) {
        held->upto_ms = held->upto_ms < settled_ms ? held->upto_ms : settled_ms;
        return held->upto_ms > held->after_ms;
    }
    if (settled_ms < held->start_ms)
        return false;
    if (settled_ms < held->end_ms)
        held->end_ms -=
            (held->end_ms - settled_ms + held->step_ms - 1) / held->step_ms * held->step_ms;
    return true;
}

static enum ampql_code take_settled(struct capture_log *log, const struct capture *capture,
                                    const struct capture_origin *origin, struct ampql_error *err)
{
    if (!capture_same_origin(&capture->origin, origin))
        return fail(err, AMPQL_BAD_DATA,
                    "%.120s holds what %.120s said: answers of another source do not go with them",
                    log->path, capture->origin.source.p);
    for (size_t i = 0; i < capture->entries.n; i++) {
        struct held held = capture->entries.at[i].held;
        if (!clip_settled(&held, capture->entries.at[i].settled_ms))
            continue;
        TRY(copy_held(log, &held, &held, err));
        if (!array_add(&log->before, &log->alc, held))
            return fail_nomem(err, "the selects of a capture");
    }
    return AMPQL_OK;
}

enum ampql_code capture_log_extend(struct capture_log *log, const struct capture_origin *origin,
                                   bool *is_there, struct ampql_error *err)
{
    struct capture capture;
    enum ampql_code code = capture_open(&capture, &log->alc, log->path, err);
    *is_there = code == AMPQL_OK;
    if (code != AMPQL_OK)
        return code == AMPQL_NOT_FOUND ? AMPQL_OK : code;
    code = take_settled(log, &capture, origin, err);
    capture_done(&capture);
    return code;
}

/* ---- opening */

static enum ampql_code write_head(struct capture_log *log, const struct capture_origin *origin,
                                  struct ampql_error *err)
{
    struct buf plain;
    buf_init(&plain, &log->alc, CAPTURE_BLOCK_MAX);
    capture_put_about(&plain, STR("ampql " AMPQL_VERSION), time_now());
    enum ampql_code code = capture_write_header(&log->out, err);
    if (code == AMPQL_OK)
        code = capture_write_block(&log->out, CAPTURE_ABOUT, 0, &plain, NULL, err);
    plain.n = 0;
    capture_put_origin(&plain, origin);
    if (code == AMPQL_OK)
        code = capture_write_block(&log->out, CAPTURE_ORIGIN, 0, &plain, NULL, err);
    buf_done(&plain);
    return code;
}

/* Empty it, or what follows its last whole select. */
static enum ampql_code cut(struct capture_log *log, uint64_t size, struct ampql_error *err)
{
    int failed;
    while ((failed = ftruncate(log->fd, (off_t)size)) != 0 && errno == EINTR)
        continue;
    return failed ? capture_cannot(log->part, err) : AMPQL_OK;
}

static enum ampql_code resume(struct capture_log *log, const struct capture_origin *origin,
                              struct ampql_error *err)
{
    struct capture capture;
    TRY(capture_open_log(&capture, &log->alc, log->part, log->fd, err));
    enum ampql_code code = AMPQL_OK;
    if (capture.whole == 0) { /* killed while it was begun */
        capture_done(&capture);
        TRY(cut(log, 0, err));
        return write_head(log, origin, err);
    }
    if (!capture_same_origin(&capture.origin, origin))
        code = fail(err, AMPQL_BAD_DATA,
                    "%.120s was begun from another source, %.120s: finish it with that one, or "
                    "remove it",
                    log->part, capture.origin.source.p);
    if (code == AMPQL_OK)
        code = take_symbols(log, &capture, err);
    for (size_t i = 0; i < capture.entries.n && code == AMPQL_OK; i++)
        code = keep_held(log, &capture.entries.at[i].held, err);
    log->out.offset = capture.whole;
    capture_done(&capture);
    return code;
}

static enum ampql_code begin(struct capture_log *log, const struct capture_origin *origin,
                             bool resumes, struct ampql_error *err)
{
    TRY(capture_open_locked(log->part, log->path, &log->fd, err));
    capture_out_init(&log->out, &log->alc, log->part, log->fd, 0);
    struct stat st;
    if (fstat(log->fd, &st) != 0)
        return capture_cannot(log->part, err);
    if (!resumes || st.st_size < CAPTURE_HEADER) {
        TRY(cut(log, 0, err));
        return write_head(log, origin, err);
    }
    TRY(resume(log, origin, err));
    return cut(log, log->out.offset, err);
}

enum ampql_code capture_log_open(struct capture_log *log, const struct ampql_allocator *alc,
                                 const char *path, const struct capture_origin *origin,
                                 bool resumes, struct ampql_error *err)
{
    *log = (struct capture_log){.alc = *alc, .fd = -1, .now_ms = time_now()};
    if (!symbols_init(&log->symbols, &log->alc))
        return fail_nomem(err, "a capture");
    arena_init(&log->arena, &log->alc);
    size_t n = strlen(path);
    char *part = arena_alloc(&log->arena, n + sizeof ".part", 1);
    log->path = arena_copy(&log->arena, str_of(path)).p;
    enum ampql_code code = AMPQL_OK;
    if (!part || !log->path) {
        code = fail_nomem(err, "a capture");
    } else {
        memcpy(part, path, n);
        memcpy(part + n, ".part", sizeof ".part");
        log->part = part;
        code = capture_check_target(path, err);
    }
    if (code == AMPQL_OK)
        code = begin(log, origin, resumes, err);
    if (code != AMPQL_OK)
        capture_log_done(log);
    return code;
}

void capture_log_discard(struct capture_log *log)
{
    unlink(log->part); /* the lock is ours */
    log->held.n = 0;
}

void capture_log_done(struct capture_log *log)
{
    if (log->fd >= 0) {
        if (log->held.n == 0 && log->out.fd >= 0 && capture_is_at(log->fd, log->part))
            unlink(log->part); /* it would hold nothing; the lock is still ours */
        close(log->fd);
    }
    capture_out_done(&log->out);
    array_done(&log->id_of, &log->alc);
    array_done(&log->held, &log->alc);
    array_done(&log->before, &log->alc);
    symbols_done(&log->symbols);
    arena_done(&log->arena);
    log->fd = -1;
}

/* ---- appending */

struct appending {
    struct capture_log *log;
    struct capture_series_out series;
    struct label *label; /* [room] */
    size_t room;
    struct ampql_error *err;
};

/* The labels of a held series in the log's symbols. */
static enum ampql_code name_labels(struct appending *a, const struct store *store,
                                   struct labels labels)
{
    const struct ampql_allocator *alc = &a->log->alc;
    if (labels.n > a->room) {
        alloc_put(alc, a->label, a->room, sizeof *a->label);
        a->room = labels.n + 32;
        a->label = alloc_get(alc, a->room, sizeof *a->label);
        if (!a->label) {
            a->room = 0;
            return fail_nomem(a->err, "the labels of a series");
        }
    }
    for (size_t i = 0; i < labels.n; i++) {
        struct str name = symbols_text(&store->symbols, labels.at[i].name);
        struct str value = symbols_text(&store->symbols, labels.at[i].value);
        TRY(number(a->log, name, &a->label[i].name, a->err));
        TRY(number(a->log, value, &a->label[i].value, a->err));
    }
    return AMPQL_OK;
}

static enum ampql_code number_series(void *payload, const struct store *store, struct labels labels,
                                     const struct samples *samples)
{
    (void)samples;
    return name_labels(payload, store, labels);
}

static enum ampql_code write_series(void *payload, const struct store *store, struct labels labels,
                                    const struct samples *samples)
{
    struct appending *a = payload;
    TRY(name_labels(a, store, labels));
    return capture_series_add(&a->series, (struct labels){.at = a->label, .n = labels.n}, samples,
                              a->err);
}

static enum ampql_code number_select(struct capture_log *log, const struct capture_entry *entry,
                                     struct ampql_error *err)
{
    symbol id;
    for (size_t i = 0; i < entry->held.matchers.n; i++) {
        TRY(number(log, entry->held.matchers.at[i].name, &id, err));
        TRY(number(log, entry->held.matchers.at[i].value, &id, err));
    }
    for (size_t i = 0; i < entry->nwarnings; i++)
        TRY(number(log, entry->warnings[i], &id, err));
    return AMPQL_OK;
}

/* SYMBOLS, SELECT, SERIES, END: until the last of them is there, none counts. */
static enum ampql_code append(struct appending *a, const struct capture_entry *entry,
                              struct hold *series, struct buf *plain)
{
    struct capture_log *log = a->log;
    struct ampql_error *err = a->err;
    TRY(number_select(log, entry, err));
    TRY(hold_scan(series, number_series, a, err));
    TRY(write_symbols(log, err));
    struct capture_names names = {log->id_of.at, &log->symbols};
    capture_put_select(plain, entry, &names);
    TRY(capture_write_block(&log->out, CAPTURE_SELECT, 0, plain, NULL, err));
    struct capture_entry counts = {0};
    capture_series_begin(&a->series, &log->out, &names, &counts);
    enum ampql_code code = hold_scan(series, write_series, a, err);
    if (code == AMPQL_OK)
        code = capture_series_end(&a->series, err);
    capture_series_done(&a->series);
    array_done(&counts, &log->alc);
    TRY(code);
    counts.billed = entry->billed;
    counts.settled_ms = entry->settled_ms;
    plain->n = 0;
    capture_put_counts(plain, &counts);
    TRY(capture_write_block(&log->out, CAPTURE_END, 0, plain, NULL, err));
    return keep_held(log, &entry->held, err);
}

enum ampql_code capture_log_append(struct capture_log *log, const struct capture_entry *entry,
                                   struct hold *series, struct ampql_error *err)
{
    uint64_t before = log->out.offset;
    uint32_t nids = log->nids;
    size_t nheld = log->held.n;
    struct appending a = {.log = log, .err = err};
    struct buf plain;
    buf_init(&plain, &log->alc, CAPTURE_BLOCK_MAX);
    enum ampql_code code = append(&a, entry, series, &plain);
    buf_done(&plain);
    alloc_put(&log->alc, a.label, a.room, sizeof *a.label);
    if (code == AMPQL_OK && fdatasync(log->fd) != 0)
        code = capture_cannot(log->part, err);
    if (code == AMPQL_OK)
        return code;
    /* what was written is cut off; should that fail too, the next open does it */
    for (size_t i = 0; i < log->id_of.n; i++)
        if (log->id_of.at[i] != UINT32_MAX && log->id_of.at[i] >= nids)
            log->id_of.at[i] = UINT32_MAX;
    log->nids = nids;
    log->held.n = nheld;
    log->out.offset = before;
    cut(log, before, NULL);
    return code;
}

/* ---- finishing */

static enum ampql_code finish(struct capture_log *log, struct capture *before, uint8_t *content_id,
                              struct ampql_error *err)
{
    struct capture made;
    TRY(capture_open_log(&made, &log->alc, log->part, log->fd, err));
    struct capture *inputs[] = {before, &made};
    enum ampql_code code = AMPQL_OK;
    if (made.whole < log->out.offset) /* nobody was killed: what is missing was there */
        code =
            fail(err, AMPQL_BAD_DATA,
                 "%.160s: damaged after it was written, from offset %llu on: the same again asks "
                 "for what is lost",
                 log->part, (unsigned long long)made.whole);
    if (code == AMPQL_OK)
        code = capture_write_new(&log->alc, log->path, before ? inputs : inputs + 1, before ? 2 : 1,
                                 content_id, err);
    capture_done(&made);
    return code;
}

enum ampql_code capture_log_finish(struct capture_log *log, bool appends, uint8_t *content_id,
                                   struct ampql_error *err)
{
    struct capture before;
    if (appends)
        TRY(capture_open(&before, &log->alc, log->path, err));
    enum ampql_code code = finish(log, appends ? &before : NULL, content_id, err);
    if (appends)
        capture_done(&before);
    if (code != AMPQL_OK)
        return code;
    capture_log_discard(log);
    return AMPQL_OK;
}
