/* Series in memory: filled by the embedding program, or by a file that was read. */
#include "source/memory.h"

#include "base/options.h"

/* The first run that reads it puts it in order; then nothing changes any more. */
static enum ampql_code seal(struct memory *memory, struct ampql_error *err)
{
    pthread_mutex_lock(&memory->sealing);
    enum ampql_code code = store_seal(&memory->store, err);
    pthread_mutex_unlock(&memory->sealing);
    return code;
}

static enum ampql_code memory_select(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    struct memory *memory = payload;
    TRY(seal(memory, err));
    return store_select(&memory->store, select, false, sink, err);
}

static enum ampql_code memory_count(void *payload, const struct ampql_select *select, size_t *out,
                                    struct ampql_error *err)
{
    enum { PIECE = 64 }; /* series: worth the handing over */
    struct memory *memory = payload;
    TRY(seal(memory, err));
    *out = store_count_places(&memory->store, select) / PIECE;
    return AMPQL_OK;
}

/* After memory_count: the store is sealed. */
static enum ampql_code memory_share(void *payload, const struct ampql_select *select, size_t share,
                                    size_t nshares, struct ampql_sink *sink,
                                    struct ampql_error *err)
{
    struct memory *memory = payload;
    return store_select_share(&memory->store, select, share, nshares, sink, err);
}

static const struct source_shares memory_shares = {memory_count, memory_share};

static enum ampql_code memory_series(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    struct memory *memory = payload;
    TRY(seal(memory, err));
    return store_select(&memory->store, select, true, sink, err);
}

static void memory_close(void *payload)
{
    memory_free(payload);
}

enum ampql_code memory_new(const struct ampql_allocator *alc, bool last_wins, struct memory **out,
                           struct ampql_error *err)
{
    struct memory *memory = alloc_get(alc, 1, sizeof *memory);
    if (!memory)
        return fail_nomem(err, "a source");
    *memory = (struct memory){.alc = *alc};
    enum ampql_code code = store_init(&memory->store, &memory->alc, last_wins, err);
    if (code != AMPQL_OK) {
        alloc_put(alc, memory, 1, sizeof *memory);
        return code;
    }
    pthread_mutex_init(&memory->sealing, NULL);
    *out = memory;
    return AMPQL_OK;
}

void memory_free(struct memory *memory)
{
    if (!memory)
        return;
    store_done(&memory->store);
    pthread_mutex_destroy(&memory->sealing);
    struct ampql_allocator alc = memory->alc;
    alloc_put(&alc, memory, 1, sizeof *memory);
}

enum ampql_code memory_source(struct memory *memory, bool is_endless, struct ampql_source **out,
                              struct ampql_error *err)
{
    struct ampql_source_ops ops = {.caps = AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED |
                                           AMPQL_SOURCE_PARALLEL |
                                           (is_endless ? AMPQL_SOURCE_ENDLESS : 0),
                                   .select = memory_select,
                                   .series = memory_series,
                                   .close = memory_close};
    enum ampql_code code = source_new(&memory->alc, &ops, memory, out, err);
    if (code != AMPQL_OK) {
        memory_free(memory);
        return code;
    }
    (*out)->is_trusted = true;
    (*out)->shares = &memory_shares;
    return AMPQL_OK;
}

enum ampql_code source_memory_new(const struct ampql_allocator *alc,
                                  const struct ampql_memory_options *options,
                                  struct ampql_source **out, struct ampql_error *err)
{
    struct ampql_memory_options o;
    OPTIONS_READ(o, options);
    struct memory *memory = NULL;
    TRY(memory_new(alc, false, &memory, err));
    memory->borrows = o.borrow;
    return memory_source(memory, o.has_no_markers, out, err);
}

static enum ampql_code check_ascending(const int64_t *t, size_t n, struct ampql_error *err)
{
    for (size_t i = 1; i < n; i++)
        if (t[i] <= t[i - 1])
            return fail(err, AMPQL_BAD_DATA,
                        "sample %zu at %lld ms does not come after the one before it, at %lld ms",
                        i, (long long)t[i], (long long)t[i - 1]);
    return AMPQL_OK;
}

enum ampql_code source_memory_add(struct ampql_source *source, const struct ampql_label *labels,
                                  size_t nlabels, const int64_t *t_ms, const double *v, size_t n,
                                  struct ampql_error *err)
{
    if (source->ops.select != memory_select)
        return fail(err, AMPQL_UNSUPPORTED, "series can be added to a memory source only");
    struct memory *memory = source->payload;
    TRY(check_ascending(t_ms, n, err));

    size_t series;
    TRY(store_find_or_add_text(&memory->store, labels, nlabels, &series, err));
    struct store_series *s = &memory->store.series.at[series];
    if (s->is_whole) {
        char text[256];
        return fail(err, AMPQL_BAD_DATA, "%s was added before",
                    store_describe(&memory->store, s->labels, text, sizeof text));
    }
    struct samples samples = {t_ms, v, n};
    if (memory->borrows)
        store_lend(&memory->store, series, &samples);
    else
        TRY(store_append_columns(&memory->store, series, &samples, err));
    s->is_whole = true; /* not before: a call that failed may be made again */
    return AMPQL_OK;
}
