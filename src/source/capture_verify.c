/* Checking a capture. */
#include "source/capture_verify.h"

#include "base/time.h"
#include "source/capture_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct verify {
    const struct ampql_allocator *alc;
    struct capture *capture;
    capture_finding *finding;
    void *payload;
    struct capture_verdict *verdict;
    struct buf digests;
    size_t nleft; /* selects that are not lost: the capture's first */

    /* the select at hand */
    const struct capture_entry *entry;
    struct arena arena;
    struct labels before;
    uint64_t nseries, nsamples;
    struct ampql_error err;
};

static void find(struct verify *v, const struct capture_entry *entry, const char *what)
{
    v->verdict->is_whole = false;
    v->finding(v->payload, entry, what);
}

/* ---- one select */

static bool is_asked_time(const struct held *held, int64_t t)
{
    if (held_is_window(held))
        return t > held->after_ms && t <= held->upto_ms;
    return t >= held->start_ms && t <= held->end_ms && (t - held->start_ms) % held->step_ms == 0;
}

static enum ampql_code check_series(void *payload, const struct capture *capture,
                                    struct labels labels, const struct samples *samples)
{
    struct verify *v = payload;
    if (v->before.at && labels_compare(&capture->symbols, v->before, labels) >= 0)
        return fail(&v->err, AMPQL_BAD_DATA, "its series are not in label order");
    arena_reset(&v->arena);
    v->before = labels_copy(&v->arena, labels);
    if (!v->before.at)
        return fail_nomem(&v->err, "checking a capture");
    for (size_t i = 0; i < samples->n; i++) {
        char when[TIME_TEXT_MAX];
        if (is_asked_time(&v->entry->held, samples->t[i]))
            continue;
        time_format(samples->t[i], when);
        return fail(&v->err, AMPQL_BAD_DATA, "a sample at %s, which was not asked for", when);
    }
    v->nseries++;
    v->nsamples += samples->n;
    return AMPQL_OK;
}

/* The index says how much there is of each select, when there is one. */
static enum ampql_code count_select(struct verify *v, bool has_index)
{
    const struct capture_entry *entry = v->entry;
    TRY(capture_scan(v->capture, entry, NULL, INT64_MIN, INT64_MAX, check_series, v, &v->err));
    if (!has_index || (v->nseries == entry->nseries && v->nsamples == entry->nsamples))
        return AMPQL_OK;
    return fail(&v->err, AMPQL_BAD_DATA,
                "%llu series and %llu samples, where the index has %llu and %llu",
                (unsigned long long)v->nseries, (unsigned long long)v->nsamples,
                (unsigned long long)entry->nseries, (unsigned long long)entry->nsamples);
}

static enum ampql_code check_select(struct verify *v, const struct capture_entry *entry,
                                    bool has_index, bool *is_lost, struct ampql_error *err)
{
    v->entry = entry;
    v->before = (struct labels){0};
    v->nseries = v->nsamples = 0;
    v->err = (struct ampql_error){0};
    enum ampql_code code = count_select(v, has_index);
    if (code == AMPQL_NOMEM || code == AMPQL_UNAVAILABLE)
        return fail(err, code, "%s", v->err.message);
    *is_lost = code != AMPQL_OK;
    if (*is_lost) {
        v->verdict->nlost++;
        find(v, entry, v->err.message);
        return AMPQL_OK;
    }
    v->verdict->nseries += v->nseries;
    v->verdict->nsamples += v->nsamples;
    return AMPQL_OK;
}

/* The first n selects; those that are not lost move to the front, [v->nleft]. */
static enum ampql_code check_selects(struct verify *v, size_t n, bool has_index,
                                     struct ampql_error *err)
{
    struct capture *c = v->capture;
    v->verdict->nselects = c->entries.n;
    for (size_t i = 0; i < n; i++) {
        bool is_lost = false;
        TRY(check_select(v, &c->entries.at[i], has_index, &is_lost, err));
        if (is_lost)
            continue;
        struct capture_entry left = c->entries.at[i];
        c->entries.at[i] = c->entries.at[v->nleft];
        c->entries.at[v->nleft++] = left;
    }
    return AMPQL_OK;
}

/* ---- the blocks one after another */

static bool is_hashed(enum capture_kind kind)
{
    return kind == CAPTURE_ORIGIN || kind == CAPTURE_SYMBOLS || kind == CAPTURE_SELECT ||
           kind == CAPTURE_SERIES;
}

/* Every byte between head and end belongs to a block, and together they have the content id. */
static enum ampql_code check_blocks(struct verify *v, struct ampql_error *err)
{
    struct capture_file *file = &v->capture->file;
    bool is_log = v->capture->is_log;
    uint64_t offset = CAPTURE_HEADER,
             end = is_log ? v->capture->whole : file->size - CAPTURE_TRAILER;
    struct capture_block block;
    while (offset < end) {
        uint8_t digest[SHA256_BYTES];
        struct ampql_error inner = {0};
        enum ampql_code code = capture_read_block(file, offset, &block, &inner);
        if (code == AMPQL_NOMEM || code == AMPQL_UNAVAILABLE)
            return fail(err, code, "%s", inner.message);
        if (code != AMPQL_OK) {
            find(v, NULL, inner.message);
            return AMPQL_OK; /* where the next begins is not known; selects are found by the index
                              */
        }
        v->verdict->nblocks++;
        if (is_hashed(block.kind)) {
            TRY(capture_digest(block.kind, block.count, block.plain.p, bytes_left(&block.plain),
                               digest, err));
            buf_bytes(&v->digests, digest, sizeof digest);
        }
        offset += block.bytes;
    }
    uint8_t id[SHA256_BYTES];
    if (v->digests.failed)
        return fail_nomem(err, "checking a capture");
    TRY(sha256(v->digests.p, v->digests.n, id, err));
    if (is_log)
        return AMPQL_OK;
    if (offset != end)
        find(v, NULL, "its blocks do not end where its end begins");
    else if (memcmp(id, v->capture->content_id, sizeof id) != 0)
        find(v, NULL, "its content is not what its id says");
    return AMPQL_OK;
}

static enum ampql_code check_whole(struct verify *v, struct ampql_error *err)
{
    TRY(check_blocks(v, err));
    return check_selects(v, v->capture->entries.n, true, err);
}

/* ---- a file that lost its end */

/* Take blocks up to the first damage. Only what follows the last select, another one or the index,
 * says that it is whole: *is_followed. */
static enum ampql_code take_beginning(struct verify *v, bool *is_followed, struct ampql_error *err)
{
    struct capture *c = v->capture;
    uint64_t offset = CAPTURE_HEADER;
    struct capture_block block;
    for (enum capture_kind kind = CAPTURE_ABOUT; kind <= CAPTURE_ORIGIN; kind++) {
        TRY(capture_take_head(c, kind, &offset, err));
        v->verdict->nblocks++;
    }
    for (bool is_ended = false; !is_ended; offset += block.bytes) {
        TRY(capture_read_block(&c->file, offset, &block, err));
        *is_followed = block.kind == CAPTURE_SELECT; /* if it is not taken */
        TRY(capture_take_block(c, &block, err));
        *is_followed = is_ended = block.kind == CAPTURE_INDEX;
        v->verdict->nblocks++;
    }
    return AMPQL_OK;
}

static enum ampql_code check_beginning(struct verify *v, struct ampql_error *err)
{
    struct capture *c = v->capture;
    struct ampql_error inner = {0};
    bool is_followed = false;
    enum ampql_code code = take_beginning(v, &is_followed, &inner);
    if (code == AMPQL_NOMEM || code == AMPQL_UNAVAILABLE)
        return fail(err, code, "%s", inner.message);
    if (code != AMPQL_OK)
        find(v, NULL, inner.message);
    size_t n = c->entries.n, nwhole = n - (n > 0 && !is_followed);
    TRY(check_selects(v, nwhole, false, err));
    if (nwhole < n) {
        v->verdict->nlost++;
        find(v, &c->entries.at[nwhole], "it is cut short");
    }
    return AMPQL_OK;
}

/* ---- what is left */

static enum ampql_code check_rescue(const struct capture *c, const char *to,
                                    struct ampql_error *err)
{
    if (!to || !capture_is_at(c->file.fd, to))
        return AMPQL_OK;
    return fail(err, AMPQL_BAD_DATA,
                "%.160s: the capture itself, expected another file: it stays as it is", to);
}

static enum ampql_code rescue(struct verify *v, const char *to, struct ampql_error *err)
{
    struct capture *c = v->capture, *inputs[] = {c};
    if (!to || v->nleft == 0)
        return AMPQL_OK;
    for (size_t i = v->nleft; i < c->entries.n; i++)
        array_done(&c->entries.at[i], v->alc);
    c->entries.n = v->nleft;
    TRY(capture_write_new(v->alc, to, inputs, 1, NULL, err));
    v->verdict->is_rescued = true;
    return AMPQL_OK;
}

enum ampql_code capture_verify(const struct ampql_allocator *alc, const char *path,
                               const char *rescue_to, capture_finding *finding, void *payload,
                               struct capture_verdict *out, struct ampql_error *err)
{
    struct capture capture;
    struct ampql_error inner = {0};
    *out = (struct capture_verdict){.is_whole = true};
    struct verify v = {
        .alc = alc, .capture = &capture, .finding = finding, .payload = payload, .verdict = out};
    enum ampql_code code = capture_open_any(&capture, alc, path, &inner);
    out->opens = code == AMPQL_OK;
    if (code == AMPQL_BAD_DATA) { /* what can be read without its end? */
        TRY(capture_open_damaged(&capture, alc, path, err));
        find(&v, NULL, inner.message);
    } else if (code != AMPQL_OK) {
        return fail(err, code, "%s", inner.message);
    }
    arena_init(&v.arena, alc);
    buf_init(&v.digests, alc, SIZE_MAX / 2);
    out->is_log = out->opens && capture.is_log;
    code = check_rescue(&capture, rescue_to, err);
    if (code == AMPQL_OK)
        code = out->opens ? check_whole(&v, err) : check_beginning(&v, err);
    if (code == AMPQL_OK)
        code = rescue(&v, rescue_to, err);
    buf_done(&v.digests);
    arena_done(&v.arena);
    capture_done(&capture);
    return code;
}
