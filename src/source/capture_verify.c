/* Checking a capture. */
#include "source/capture_verify.h"

#include "base/time.h"

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

static enum ampql_code check_select(struct verify *v, const struct capture_entry *entry,
                                    struct ampql_error *err)
{
    v->entry = entry;
    v->before = (struct labels){0};
    v->nseries = v->nsamples = 0;
    v->err = (struct ampql_error){0};
    enum ampql_code code =
        capture_scan(v->capture, entry, NULL, INT64_MIN, INT64_MAX, check_series, v, &v->err);
    if (code == AMPQL_OK && (v->nseries != entry->nseries || v->nsamples != entry->nsamples))
        code = fail(&v->err, AMPQL_BAD_DATA,
                    "%llu series and %llu samples, where the index has %llu and %llu",
                    (unsigned long long)v->nseries, (unsigned long long)v->nsamples,
                    (unsigned long long)entry->nseries, (unsigned long long)entry->nsamples);
    if (code == AMPQL_NOMEM || code == AMPQL_UNAVAILABLE)
        return fail(err, code, "%s", v->err.message);
    if (code == AMPQL_OK) {
        v->verdict->nseries += v->nseries;
        v->verdict->nsamples += v->nsamples;
        return AMPQL_OK;
    }
    v->verdict->nlost++;
    find(v, entry, v->err.message);
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
    v->verdict->nselects = v->capture->entries.n;
    for (size_t i = 0; i < v->capture->entries.n; i++)
        TRY(check_select(v, &v->capture->entries.at[i], err));
    return AMPQL_OK;
}

/* ---- a file that lost its end */

/* Selects up to the first damage. Whether the last of them is whole, nothing says: it is lost. */
static enum ampql_code check_beginning(struct verify *v, struct ampql_error *err)
{
    struct capture *c = v->capture;
    uint64_t offset = CAPTURE_HEADER;
    struct capture_block block;
    bool is_ended = false;
    while (!is_ended) {
        struct ampql_error inner = {0};
        enum ampql_code code = capture_read_block(&c->file, offset, &block, &inner);
        if (code == AMPQL_OK)
            code = capture_take_block(c, &block, &inner);
        if (code == AMPQL_NOMEM || code == AMPQL_UNAVAILABLE)
            return fail(err, code, "%s", inner.message);
        if (code != AMPQL_OK) {
            find(v, NULL, inner.message);
            break;
        }
        v->verdict->nblocks++;
        is_ended = block.kind == CAPTURE_INDEX;
        offset += block.bytes;
    }
    size_t nwhole = c->entries.n - (c->entries.n > 0 && !is_ended);
    v->verdict->nselects = c->entries.n;
    for (size_t i = 0; i < nwhole; i++) {
        struct capture_entry *entry = &c->entries.at[i];
        v->entry = entry;
        v->before = (struct labels){0};
        v->nseries = v->nsamples = 0;
        if (capture_scan(c, entry, NULL, INT64_MIN, INT64_MAX, check_series, v, &v->err) ==
            AMPQL_OK) {
            v->verdict->nseries += v->nseries;
            v->verdict->nsamples += v->nsamples;
            continue;
        }
        v->verdict->nlost++;
        find(v, entry, v->err.message);
    }
    if (nwhole < c->entries.n) {
        v->verdict->nlost++;
        find(v, &c->entries.at[nwhole], "it is cut short");
    }
    return AMPQL_OK;
}

enum ampql_code capture_verify(const struct ampql_allocator *alc, const char *path,
                               capture_finding *finding, void *payload, struct capture_verdict *out,
                               struct ampql_error *err)
{
    struct capture capture;
    struct ampql_error inner = {0};
    *out = (struct capture_verdict){.is_whole = true};
    struct verify v = {
        .alc = alc, .capture = &capture, .finding = finding, .payload = payload, .verdict = out};
    enum ampql_code code = capture_open_any(&capture, alc, path, &inner);
    bool is_open = code == AMPQL_OK;
    if (code == AMPQL_BAD_DATA) { /* what can be read without its end? */
        TRY(capture_open_damaged(&capture, alc, path, err));
        find(&v, NULL, inner.message);
    } else if (code != AMPQL_OK) {
        return fail(err, code, "%s", inner.message);
    }
    arena_init(&v.arena, alc);
    buf_init(&v.digests, alc, SIZE_MAX / 2);
    out->is_log = is_open && capture.is_log;
    code = is_open ? check_whole(&v, err) : check_beginning(&v, err);
    buf_done(&v.digests);
    arena_done(&v.arena);
    capture_done(&capture);
    return code;
}
