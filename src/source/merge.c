/* Several sources as one. Each is asked, and what they push is joined by label set. */
#include "source/sink.h"
#include "source/source.h"
#include "source/store.h"

#include "series/sample.h"

struct merge {
    struct ampql_allocator alc;
    struct ampql_source **sources; /* [nsources], owned */
    size_t nsources;
    bool last_wins;
    int64_t marked_after_ms; /* of all sources */
};

/* What one source pushes goes here. */
struct joining {
    struct store *store;
    struct ampql_sink *sink; /* that the whole goes to */
    struct ampql_error *err;
    bool is_labels_only;
    bool drops_markers;
};

static enum ampql_code join_series(void *payload, const struct ampql_label *labels, size_t nlabels,
                                   const struct samples *samples)
{
    const struct joining *j = payload;
    size_t series;
    TRY(store_find_or_add_text(j->store, labels, nlabels, &series, j->err));
    struct store_series *s = &j->store->series.at[series];
    if (j->is_labels_only) /* one sample stands for the series */
        return s->n ? AMPQL_OK : store_append(j->store, series, 0, 0, j->err);
    if (!j->drops_markers && (s->n == 0 || (samples->n && samples->t[0] > s->t[s->n - 1])))
        return store_append_columns(j->store, series, samples, j->err);
    for (size_t i = 0; i < samples->n; i++)
        if (!j->drops_markers || !is_stale(samples->v[i]))
            TRY(store_append(j->store, series, samples->t[i], samples->v[i], j->err));
    return AMPQL_OK;
}

static enum ampql_code ask(struct ampql_source *source, const struct ampql_select *select,
                           struct joining *joining)
{
    struct ampql_sink sink;
    sink_init(&sink, &source->alc, join_series, joining, source->is_trusted);
    enum ampql_code (*call)(void *, const struct ampql_select *, struct ampql_sink *,
                            struct ampql_error *) = source->ops.select;
    if (joining->is_labels_only && source->ops.series)
        call = source->ops.series;
    enum ampql_code code = call(source->payload, select, &sink, joining->err);
    code = sink_finish(&sink, code, joining->err);
    ampql_sink_cost(joining->sink, &sink.cost);
    if (code == AMPQL_OK)
        code = sink_pass_warnings(&sink, joining->sink);
    sink_done(&sink);
    return code;
}

/* Every source must answer: what only some hold would be a part of the answer. */
static enum ampql_code ask_all(struct merge *merge, const struct ampql_select *select,
                               struct joining *joining, struct ampql_error *err)
{
    joining->err = err;
    for (size_t i = 0; i < merge->nsources; i++)
        TRY(ask(merge->sources[i], select, joining));
    return AMPQL_OK;
}

static enum ampql_code push_samples(void *payload, const struct store *store, struct labels labels,
                                    const struct samples *samples)
{
    return store_push(store, labels, samples, payload);
}

static enum ampql_code push_labels(void *payload, const struct store *store, struct labels labels,
                                   const struct samples *samples)
{
    (void)samples;
    return store_push(store, labels, &(struct samples){0}, payload);
}

static enum ampql_code answer(struct merge *merge, const struct ampql_select *select,
                              bool is_labels_only, struct ampql_sink *sink, struct ampql_error *err)
{
    struct store store;
    TRY(store_init(&store, &merge->alc, merge->last_wins, err));
    /* a series that is silent in one source may go on in another: its ends are those of the whole
     */
    struct joining joining = {.store = &store,
                              .sink = sink,
                              .is_labels_only = is_labels_only,
                              .drops_markers = merge->marked_after_ms > 0};
    enum ampql_code code = ask_all(merge, select, &joining, err);
    if (code == AMPQL_OK && joining.drops_markers)
        code = store_seal(&store, err);
    if (code == AMPQL_OK && joining.drops_markers)
        code = store_mark_ends(&store, merge->marked_after_ms, err);
    struct ampql_select all = {.size = sizeof all};
    if (code == AMPQL_OK)
        code = store_scan(&store, &all, INT64_MIN, INT64_MAX,
                          is_labels_only ? push_labels : push_samples, sink, err);
    store_done(&store);
    return code;
}

static enum ampql_code merge_select(void *payload, const struct ampql_select *select,
                                    struct ampql_sink *sink, struct ampql_error *err)
{
    return answer(payload, select, false, sink, err);
}

static enum ampql_code merge_series(void *payload, const struct ampql_select *select,
                                    struct ampql_sink *sink, struct ampql_error *err)
{
    return answer(payload, select, true, sink, err);
}

static enum ampql_code merge_prepare(void *payload, const struct ampql_prepare *prepare,
                                     struct ampql_error *err)
{
    struct merge *merge = payload;
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < merge->nsources && (code == AMPQL_OK || prepare->nselects == 0); i++) {
        struct ampql_source *source = merge->sources[i];
        if (source->ops.prepare)
            code = source->ops.prepare(source->payload, prepare, err);
    }
    return code;
}

static void merge_stats(void *payload, struct ampql_source_stats *out)
{
    struct merge *merge = payload;
    for (size_t i = 0; i < merge->nsources; i++) {
        struct ampql_source_stats stats = ampql_source_stats(merge->sources[i]);
        out->requests += stats.requests;
        out->retries += stats.retries;
        out->bytes += stats.bytes;
        out->billed_samples += stats.billed_samples;
        out->held_bytes += stats.held_bytes;
        out->held_samples += stats.held_samples;
    }
}

static void merge_close(void *payload)
{
    struct merge *merge = payload;
    for (size_t i = 0; i < merge->nsources; i++)
        source_free(merge->sources[i]);
    struct ampql_allocator alc = merge->alc;
    alloc_put(&alc, merge->sources, merge->nsources, sizeof *merge->sources);
    alloc_put(&alc, merge, 1, sizeof *merge);
}

static enum ampql_code merge_caps(struct ampql_source **sources, size_t nsources, uint32_t *out,
                                  enum ampql_dialect *dialect, struct ampql_error *err)
{
    const uint32_t kinds = AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_ANSWERS;
    if (nsources == 0)
        return fail(err, AMPQL_BAD_DATA, "no source to merge");
    bool is_known = true;
    *out = (sources[0]->ops.caps & kinds) | AMPQL_SOURCE_SORTED | AMPQL_SOURCE_PARALLEL;
    *dialect = AMPQL_DIALECT_DEFAULT;
    for (size_t i = 0; i < nsources; i++) {
        const struct ampql_source *s = sources[i];
        if ((s->ops.caps & kinds) != (*out & kinds))
            return fail(err, AMPQL_UNSUPPORTED,
                        "sources of samples and of saved answers cannot be merged: a query would "
                        "need both at once");
        *out |= s->ops.caps & AMPQL_SOURCE_ENDLESS;
        if (!(s->ops.caps & AMPQL_SOURCE_PARALLEL))
            *out &= ~(uint32_t)AMPQL_SOURCE_PARALLEL;
        if (s->dialect == AMPQL_DIALECT_DEFAULT)
            continue;
        is_known = is_known && (*dialect == AMPQL_DIALECT_DEFAULT || *dialect == s->dialect);
        *dialect = s->dialect;
    }
    if (!is_known)
        *dialect = AMPQL_DIALECT_DEFAULT;
    return AMPQL_OK;
}

/* After how long a silence all of them put markers in; 0 when they do not agree. */
static int64_t marked_after(struct ampql_source **sources, size_t nsources)
{
    int64_t ms = sources[0]->marked_after_ms;
    for (size_t i = 1; i < nsources; i++)
        if (sources[i]->marked_after_ms != ms)
            return 0;
    return ms;
}

/* The shortest that any of them has. */
static int64_t window_of(struct ampql_source **sources, size_t nsources)
{
    int64_t ms = 0;
    for (size_t i = 0; i < nsources; i++)
        if (sources[i]->window_ms > 0 && (ms == 0 || sources[i]->window_ms < ms))
            ms = sources[i]->window_ms;
    return ms;
}

static enum ampql_code merge_new(const struct ampql_allocator *alc, struct ampql_source **sources,
                                 size_t nsources, bool last_wins, struct ampql_source **out,
                                 struct ampql_error *err)
{
    uint32_t caps = 0;
    enum ampql_dialect dialect = AMPQL_DIALECT_DEFAULT;
    TRY(merge_caps(sources, nsources, &caps, &dialect, err));
    struct merge *merge = alloc_get(alc, 1, sizeof *merge);
    struct ampql_source **copy = alloc_get(alc, nsources, sizeof *copy);
    if (!merge || !copy) {
        alloc_put(alc, merge, 1, sizeof *merge);
        alloc_put(alc, copy, nsources, sizeof *copy);
        return fail_nomem(err, "a source");
    }
    memcpy(copy, sources, nsources * sizeof *copy);
    *merge = (struct merge){.alc = *alc,
                            .sources = copy,
                            .nsources = nsources,
                            .last_wins = last_wins,
                            .marked_after_ms = marked_after(sources, nsources)};
    struct ampql_source_ops ops = {.caps = caps,
                                   .select = merge_select,
                                   .series = merge_series,
                                   .prepare = merge_prepare,
                                   .stats = merge_stats,
                                   .close = merge_close};
    enum ampql_code code = source_new(alc, &ops, merge, out, err);
    if (code != AMPQL_OK) { /* the sources are freed by the caller */
        alloc_put(alc, merge, 1, sizeof *merge);
        alloc_put(alc, copy, nsources, sizeof *copy);
        return code;
    }
    (*out)->dialect = dialect;
    (*out)->is_trusted = true;
    (*out)->is_static = true;
    for (size_t i = 0; i < nsources; i++)
        (*out)->is_static &= sources[i]->is_static;
    (*out)->marked_after_ms = merge->marked_after_ms;
    (*out)->window_ms = window_of(sources, nsources);
    for (size_t i = 0; i < nsources && !(*out)->redaction; i++)
        if (sources[i]->redaction && sources[i]->redaction->is_redacted)
            (*out)->redaction = sources[i]->redaction;
    return AMPQL_OK;
}

enum ampql_code source_merge(const struct ampql_allocator *alc, struct ampql_source **sources,
                             size_t nsources, bool last_wins, struct ampql_source **out,
                             struct ampql_error *err)
{
    enum ampql_code code = merge_new(alc, sources, nsources, last_wins, out, err);
    for (size_t i = 0; i < nsources && code != AMPQL_OK; i++)
        source_free(sources[i]);
    return code;
}
