/* What waits to be written, slice after slice of time, time after time, request after request. */
#include "tool/remote_write.h"

#include "base/array.h"
#include "base/digest.h"
#include "base/index.h"
#include "base/time.h"
#include "series/column.h"
#include "series/label_set.h"
#include "series/sample.h"
#include "source/amp.h"
#include "tool/remote_write_message.h"

#include <stdlib.h>

/* So many samples, about, are put in order at once. */
enum { SLICE_SAMPLES = 1 << 20 };
enum { MAX_SAMPLES = 2000, MAX_BYTES = 900000, JOB_TEXT = 2 * SHA256_BYTES + 1 };

/* A series that waits. */
struct waiting {
    const struct ampql_label *labels; /* [nlabels], sorted by name */
    size_t nlabels;
    struct columns columns;
    struct columns_reader at; /* before the block with its next sample */
    int64_t next_ms;          /* of the first sample that is not sent; INT64_MAX: none */
};

struct remote_write {
    struct ampql_allocator alc;
    size_t max_samples, max_bytes;
    bool is_dry;
    remote_write_post *post;
    void *payload;
    struct write_wire *wire;
    struct remote_write_stats stats;

    struct buf state_path; /* empty: none */
    char job[JOB_TEXT];
    int64_t until_ms; /* everything up to here has arrived */

    struct arena labels;
    struct index index;
    struct {
        ARRAY(struct waiting);
    } series;
    uint64_t nwaiting; /* samples */
};

/* ---- open and close */

enum ampql_code remote_write_amp_url(struct arena *arena, const char *workspace, const char *region,
                                     const char *endpoint, const char **out,
                                     struct ampql_error *err)
{
    static const char path[] = "/api/v1/remote_write";
    struct str base;
    TRY(amp_url(arena, str_of(workspace), str_of(region), str_of(endpoint ? endpoint : ""), &base,
                err));
    char *url = arena_alloc(arena, base.n + sizeof path, 1);
    if (!url)
        return fail_nomem(err, "a URL");
    memcpy(url, base.p, base.n);
    memcpy(url + base.n, path, sizeof path);
    *out = url;
    return AMPQL_OK;
}

static void make_job(struct remote_write *w, const uint8_t *digest)
{
    hex_of(digest, SHA256_BYTES, w->job);
    w->job[JOB_TEXT - 1] = '\0';
}

/* What is sent, and where to, tell a job. */
static enum ampql_code read_state(struct remote_write *w,
                                  const struct remote_write_options *options,
                                  struct ampql_error *err)
{
    uint8_t digest[SHA256_BYTES];
    struct buf text;
    buf_init(&text, &w->alc, 1 << 26);
    buf_format(&text, "%s\n", options->url);
    buf_str(&text, options->job);
    buf_text(&w->state_path, options->state_path);
    buf_byte(&w->state_path, '\0');
    enum ampql_code code = text.failed || w->state_path.failed
                               ? fail_nomem(err, "a state file")
                               : sha256(text.p, text.n, digest, err);
    buf_done(&text);
    TRY(code);
    make_job(w, digest);
    return write_state_read(&w->alc, w->state_path.p, w->job, &w->until_ms, err);
}

static enum ampql_code open_all(struct remote_write *w, const struct remote_write_options *options,
                                struct ampql_error *err)
{
    if (!options->url || !options->url[0])
        return fail(err, AMPQL_BAD_DATA, "no URL to write to");
    if (options->state_path)
        TRY(read_state(w, options, err));
    w->post = options->post;
    w->payload = options->post_payload;
    if (w->post || w->is_dry)
        return AMPQL_OK;
    TRY(write_wire_open(&w->alc, options, &w->stats, &w->wire, err));
    w->post = write_wire_post;
    w->payload = w->wire;
    return AMPQL_OK;
}

enum ampql_code remote_write_open(const struct ampql_allocator *alc,
                                  const struct remote_write_options *options,
                                  struct remote_write **out, struct ampql_error *err)
{
    struct remote_write *w = alloc_get(alc, 1, sizeof *w);
    *out = NULL;
    if (!w)
        return fail_nomem(err, "remote write");
    *w = (struct remote_write){
        .alc = *alc,
        .max_samples = options->max_samples ? options->max_samples : MAX_SAMPLES,
        .max_bytes = options->max_bytes ? options->max_bytes : MAX_BYTES,
        .is_dry = options->is_dry,
        .stats = {.oldest_ms = INT64_MAX},
        .until_ms = INT64_MIN,
    };
    arena_init(&w->labels, &w->alc);
    index_init(&w->index, &w->alc);
    buf_init(&w->state_path, &w->alc, 1 << 16);
    enum ampql_code code = open_all(w, options, err);
    if (code == AMPQL_OK)
        *out = w;
    else
        remote_write_close(w);
    return code;
}

void remote_write_drop(struct remote_write *w)
{
    for (size_t i = 0; i < w->series.n; i++)
        columns_done(&w->series.at[i].columns, &w->alc);
    w->series.n = 0;
    w->nwaiting = 0;
    index_clear(&w->index);
    arena_reset(&w->labels);
}

void remote_write_close(struct remote_write *w)
{
    if (!w)
        return;
    remote_write_drop(w);
    array_done(&w->series, &w->alc);
    index_done(&w->index);
    arena_done(&w->labels);
    buf_done(&w->state_path);
    write_wire_close(w->wire);
    struct ampql_allocator alc = w->alc; /* the block that holds it is freed with it */
    alloc_put(&alc, w, 1, sizeof *w);
}

struct remote_write_stats remote_write_stats(const struct remote_write *w)
{
    return w->stats;
}

int64_t remote_write_until_ms(const struct remote_write *w)
{
    return w->until_ms;
}

/* ---- adding */

/* The series of those labels, new when there is none; NULL: no memory. */
static struct waiting *find_series(struct remote_write *w, const struct ampql_label *labels,
                                   size_t nlabels)
{
    struct waiting fresh = {.next_ms = INT64_MAX};
    struct ampql_label *kept = arena_alloc(&w->labels, nlabels, sizeof *kept);
    if (!kept)
        return NULL;
    for (size_t i = 0; i < nlabels; i++)
        if (labels[i].value.size > 0)
            kept[fresh.nlabels++] = labels[i];
    label_set_sort(kept, fresh.nlabels);
    uint64_t hash = label_set_hash(kept, fresh.nlabels);
    size_t at;
    for (size_t i = index_first(&w->index, hash, &at); i != INDEX_NONE;
         i = index_next(&w->index, hash, &at)) {
        struct waiting *s = &w->series.at[i];
        if (label_sets_compare(s->labels, s->nlabels, kept, fresh.nlabels) == 0)
            return s;
    }
    fresh.labels = label_set_copy(&w->labels, kept, fresh.nlabels);
    columns_init(&fresh.columns);
    if (!fresh.labels || !array_add(&w->series, &w->alc, fresh) ||
        !index_add(&w->index, hash, w->series.n - 1))
        return NULL;
    return &w->series.at[w->series.n - 1];
}

enum ampql_code remote_write_add(struct remote_write *w, const struct ampql_label *labels,
                                 size_t nlabels, const int64_t *t_ms, const double *v, size_t n,
                                 struct ampql_error *err)
{
    size_t first = 0;
    while (first < n && t_ms[first] <= w->until_ms)
        first++;
    w->stats.skipped += first;
    if (first == n)
        return AMPQL_OK;
    struct waiting *s = find_series(w, labels, nlabels);
    if (!s)
        return fail_nomem(err, "a series");
    TRY(columns_append(&s->columns, &w->alc, t_ms + first, v + first, n - first, err));
    if (s->next_ms == INT64_MAX)
        s->next_ms = t_ms[first];
    if (t_ms[first] < w->stats.oldest_ms)
        w->stats.oldest_ms = t_ms[first];
    w->nwaiting += n - first;
    return AMPQL_OK;
}

/* ---- slices */

struct due {
    int64_t t_ms;
    double v;
    size_t series;
};

/* The samples that lie in one slice of time, put in order. */
struct slice {
    int64_t end_ms; /* the first time after it */
    struct arena arena;
    struct {
        ARRAY(struct due);
    } due;
};

/* The samples of a series before the slice's end; its reader is then before its next one. */
static enum ampql_code gather(struct remote_write *w, size_t series, struct slice *slice,
                              struct ampql_error *err)
{
    struct waiting *s = &w->series.at[series];
    int64_t t[BLOCK_MAX_SAMPLES], from_ms = s->next_ms;
    double v[BLOCK_MAX_SAMPLES];
    struct columns_reader reader = s->at;
    size_t n;
    s->next_ms = INT64_MAX;
    while (s->next_ms == INT64_MAX) {
        TRY(columns_next(&reader, t, v, &n, err));
        if (n == 0)
            break;
        for (size_t i = 0; i < n && s->next_ms == INT64_MAX; i++) {
            struct due due = {t[i], v[i], series};
            if (t[i] < from_ms)
                continue;
            if (t[i] >= slice->end_ms)
                s->next_ms = t[i];
            else if (!array_push(&slice->due, &slice->arena, due))
                return fail_nomem(err, "samples");
        }
        if (s->next_ms == INT64_MAX)
            s->at = reader;
    }
    return AMPQL_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct due *x = a, *y = b;
    if (x->t_ms != y->t_ms)
        return x->t_ms < y->t_ms ? -1 : 1;
    return (x->series > y->series) - (x->series < y->series);
}

/* The first time that is not sent, and the last. */
static int64_t first_time(const struct remote_write *w)
{
    int64_t first_ms = INT64_MAX;
    for (size_t i = 0; i < w->series.n; i++)
        if (w->series.at[i].next_ms < first_ms)
            first_ms = w->series.at[i].next_ms;
    return first_ms;
}

static int64_t last_time(const struct remote_write *w)
{
    int64_t last_ms = INT64_MIN;
    for (size_t i = 0; i < w->series.n; i++)
        if (w->series.at[i].columns.last_ms > last_ms)
            last_ms = w->series.at[i].columns.last_ms;
    return last_ms;
}

/* As long as SLICE_SAMPLES of them last, were they spread evenly. */
static int64_t slice_length(const struct remote_write *w, int64_t first_ms)
{
    double span = (double)last_time(w) - (double)first_ms + 1;
    double length = span * SLICE_SAMPLES / (double)w->nwaiting;
    return length >= 0x1p62 ? INT64_MAX : length < 1 ? 1 : (int64_t)length;
}

/* ---- requests */

/* Fill a request with samples of one time, from the first one on, and say how many these are: one
 * at least, whatever its size. */
static size_t fill_request(const struct remote_write *w, const struct due *due, size_t n,
                           struct buf *request)
{
    size_t count = 0;
    request->n = 0;
    for (; count < n && count < w->max_samples && due[count].t_ms == due->t_ms; count++) {
        const struct waiting *s = &w->series.at[due[count].series];
        struct write_piece piece = {s->labels, s->nlabels, &due[count].t_ms, &due[count].v, 1};
        if (count > 0 && request->n + write_piece_size(&piece) > w->max_bytes)
            break;
        write_piece_add(request, &piece);
    }
    return count;
}

/* Everything up to that time has arrived. */
static enum ampql_code note_arrived(struct remote_write *w, int64_t t_ms, struct ampql_error *err)
{
    if (w->is_dry)
        return AMPQL_OK;
    w->until_ms = t_ms;
    return w->state_path.n > 0
               ? write_state_write(&w->alc, w->state_path.p, w->job, w->until_ms, err)
               : AMPQL_OK;
}

static enum ampql_code send_slice(struct remote_write *w, const struct slice *slice,
                                  struct ampql_error *err)
{
    const struct due *due = slice->due.at;
    size_t at = 0, end = slice->due.n;
    struct buf request;
    enum ampql_code code = AMPQL_OK;
    buf_init(&request, &w->alc, SIZE_MAX);
    while (code == AMPQL_OK && at < end) {
        bool too_large = false;
        size_t n = fill_request(w, due + at, end - at, &request);
        if (request.failed)
            code = fail_nomem(err, "a request");
        else if (w->is_dry)
            w->stats.requests++, w->stats.bytes += request.n;
        else
            code = w->post(w->payload, buf_view(&request), n, &too_large, err);
        if (too_large && n > 1) { /* from now on half as much, beginning with this one */
            w->max_samples = n / 2;
            code = AMPQL_OK;
            continue;
        }
        if (code != AMPQL_OK)
            break;
        w->stats.samples += n;
        at += n;
        if (at == end || due[at].t_ms != due[at - 1].t_ms)
            code = note_arrived(w, due[at - 1].t_ms, err);
    }
    buf_done(&request);
    return code;
}

static enum ampql_code next_slice(struct remote_write *w, int64_t first_ms, int64_t length_ms,
                                  struct ampql_error *err)
{
    struct slice slice = {0};
    enum ampql_code code = AMPQL_OK;
    if (__builtin_add_overflow(first_ms, length_ms, &slice.end_ms))
        slice.end_ms = INT64_MAX;
    arena_init(&slice.arena, &w->alc);
    for (size_t i = 0; i < w->series.n && code == AMPQL_OK; i++)
        if (w->series.at[i].next_ms < slice.end_ms)
            code = gather(w, i, &slice, err);
    if (slice.due.n > 1)
        qsort(slice.due.at, slice.due.n, sizeof *slice.due.at, by_time);
    if (code == AMPQL_OK)
        code = send_slice(w, &slice, err);
    arena_done(&slice.arena);
    return code;
}

/* "(1200 of 5000 samples had arrived)" */
static void tell_arrived(const struct remote_write *w, uint64_t before, struct ampql_error *err)
{
    if (!err || w->nwaiting <= 1)
        return;
    struct ampql_error inner = *err;
    fail(err, inner.code, "%.1900s (%llu of %llu samples had arrived)", inner.message,
         (unsigned long long)(w->stats.samples - before), (unsigned long long)w->nwaiting);
}

enum ampql_code remote_write_send(struct remote_write *w, struct ampql_error *err)
{
    enum ampql_code code = AMPQL_OK;
    uint64_t before = w->stats.samples;
    int64_t first_ms = first_time(w),
            length_ms = first_ms == INT64_MAX ? 0 : slice_length(w, first_ms);
    for (size_t i = 0; i < w->series.n; i++)
        w->series.at[i].at = columns_read(&w->series.at[i].columns);
    for (; code == AMPQL_OK && first_ms != INT64_MAX; first_ms = first_time(w))
        code = next_slice(w, first_ms, length_ms, err);
    if (code != AMPQL_OK && code != AMPQL_NOMEM)
        tell_arrived(w, before, err);
    remote_write_drop(w);
    return code;
}
