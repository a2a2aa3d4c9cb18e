/* The sink. A series that comes whole is passed on without a copy; pieces are gathered first. */
#include "source/sink.h"

#include "base/hash.h"
#include "base/index.h"
#include "base/time.h"

enum { FEW_LABELS = 48 }; /* up to here comparing all pairs is faster than hashing */

void sink_init(struct ampql_sink *sink, const struct ampql_allocator *alc, sink_series *series,
               void *payload, bool is_trusted)
{
    *sink = (struct ampql_sink){
        .alc = alc, .series = series, .payload = payload, .is_trusted = is_trusted};
    arena_init(&sink->text, alc);
    arena_init(&sink->notes, alc);
}

void sink_done(struct ampql_sink *sink)
{
    arena_done(&sink->text);
    arena_done(&sink->notes);
    array_done(&sink->t, sink->alc);
    array_done(&sink->v, sink->alc);
}

static enum ampql_code refuse_twice(struct ampql_sink *sink, struct ampql_string name)
{
    return sink->failed = fail_quote(&sink->err, AMPQL_BAD_DATA,
                                     "a source pushed a label name twice", str_view(name));
}

static enum ampql_code out_of_memory(struct ampql_sink *sink, const char *what)
{
    return sink->failed = fail_nomem(&sink->err, what);
}

enum ampql_code sink_warn(struct ampql_sink *sink, struct str text)
{
    for (size_t i = 0; i < sink->warnings.n; i++)
        if (str_equal(sink->warnings.at[i], text))
            return AMPQL_OK;
    if (text.n == 0)
        return AMPQL_OK;
    struct str copy = arena_copy(&sink->notes, text);
    return copy.p && array_push(&sink->warnings, &sink->notes, copy)
               ? AMPQL_OK
               : out_of_memory(sink, "a warning");
}

void ampql_sink_cost(struct ampql_sink *sink, const struct ampql_source_stats *cost)
{
    sink->cost.requests += cost->requests;
    sink->cost.retries += cost->retries;
    sink->cost.bytes += cost->bytes;
    sink->cost.billed_samples += cost->billed_samples;
}

enum ampql_code sink_pass_warnings(const struct ampql_sink *from, struct ampql_sink *to)
{
    for (size_t i = 0; i < from->warnings.n; i++)
        TRY(sink_warn(to, from->warnings.at[i]));
    return AMPQL_OK;
}

/* A hostile source may push a million labels: then pairs are too many. */
static enum ampql_code check_many_names(struct ampql_sink *sink, const struct ampql_label *labels,
                                        size_t nlabels)
{
    struct index seen;
    index_init(&seen, sink->alc);
    enum ampql_code code = AMPQL_OK;
    for (size_t i = 0; i < nlabels && code == AMPQL_OK; i++) {
        uint64_t hash = hash_bytes(labels[i].name.data, labels[i].name.size);
        size_t at;
        for (size_t j = index_first(&seen, hash, &at); j != INDEX_NONE && code == AMPQL_OK;
             j = index_next(&seen, hash, &at))
            if (str_equal(str_view(labels[i].name), str_view(labels[j].name)))
                code = refuse_twice(sink, labels[i].name);
        if (code == AMPQL_OK && !index_add(&seen, hash, i))
            code = out_of_memory(sink, "the labels of a series");
    }
    index_done(&seen);
    return code;
}

static enum ampql_code check_labels(struct ampql_sink *sink, const struct ampql_label *labels,
                                    size_t nlabels)
{
    if (sink->is_trusted)
        return AMPQL_OK;
    for (size_t i = 0; i < nlabels; i++)
        if (labels[i].name.size == 0)
            return sink->failed =
                       fail(&sink->err, AMPQL_BAD_DATA, "a source pushed an empty label name");
    if (nlabels > FEW_LABELS)
        return check_many_names(sink, labels, nlabels);
    for (size_t i = 1; i < nlabels; i++)
        for (size_t j = 0; j < i; j++)
            if (str_equal(str_view(labels[i].name), str_view(labels[j].name)))
                return refuse_twice(sink, labels[i].name);
    return AMPQL_OK;
}

/* last: the sample before these, or NULL */
static enum ampql_code check_times(struct ampql_sink *sink, const int64_t *last, const int64_t *t,
                                   size_t n)
{
    if (sink->is_trusted)
        return AMPQL_OK;
    for (size_t i = 0; i < n; i++) {
        if (!last || t[i] > *last) {
            last = &t[i];
            continue;
        }
        char now[TIME_TEXT_MAX], before[TIME_TEXT_MAX];
        time_format(t[i], now);
        time_format(*last, before);
        return sink->failed =
                   fail(&sink->err, AMPQL_BAD_DATA,
                        "a source pushed a sample at %s after one at %s: times of a series "
                        "must ascend",
                        now, before);
    }
    return AMPQL_OK;
}

static enum ampql_code hand_on(struct ampql_sink *sink, const struct ampql_label *labels,
                               size_t nlabels, const int64_t *t, const double *v, size_t n)
{
    struct samples samples = {t, v, n};
    return sink->failed = sink->series(sink->payload, labels, nlabels, &samples);
}

static enum ampql_code close_series(struct ampql_sink *sink)
{
    if (!sink->is_open)
        return AMPQL_OK;
    sink->is_open = false;
    return hand_on(sink, sink->labels, sink->nlabels, sink->t.at, sink->v.at, sink->t.n);
}

enum ampql_code sink_finish(struct ampql_sink *sink, enum ampql_code code, struct ampql_error *err)
{
    if (sink->failed == AMPQL_OK && code == AMPQL_OK)
        code = close_series(sink);
    if (sink->failed == AMPQL_OK)
        return code;
    if (err && sink->err.code == sink->failed)
        *err = sink->err;
    return sink->failed;
}

enum ampql_code ampql_sink_push(struct ampql_sink *sink, const struct ampql_label *labels,
                                size_t nlabels, const int64_t *t_ms, const double *v, size_t n)
{
    if (sink->failed != AMPQL_OK)
        return sink->failed;
    TRY(close_series(sink));
    TRY(check_labels(sink, labels, nlabels));
    TRY(check_times(sink, NULL, t_ms, n));
    return hand_on(sink, labels, nlabels, t_ms, v, n);
}

enum ampql_code sink_push_labels(struct ampql_sink *sink, const struct symbols *symbols,
                                 struct labels labels, const struct samples *samples)
{
    enum { FEW = 64 };
    struct ampql_label few[FEW], *label = few;
    few[0] = (struct ampql_label){0}; /* for a set without labels */
    if (labels.n > FEW && !(label = alloc_get(sink->alc, labels.n, sizeof *label)))
        return out_of_memory(sink, "the labels of a series");
    for (size_t i = 0; i < labels.n; i++) {
        struct str name = symbols_text(symbols, labels.at[i].name);
        struct str value = symbols_text(symbols, labels.at[i].value);
        label[i] = (struct ampql_label){{name.p, name.n}, {value.p, value.n}};
    }
    enum ampql_code code =
        ampql_sink_push(sink, label, labels.n, samples->t, samples->v, samples->n);
    if (label != few)
        alloc_put(sink->alc, label, labels.n, sizeof *label);
    return code;
}

enum ampql_code sink_push_known(struct ampql_sink *sink, const struct symbols *symbols,
                                struct labels labels, const struct samples *samples)
{
    if (!sink->known)
        return sink_push_labels(sink, symbols, labels, samples);
    if (sink->failed != AMPQL_OK)
        return sink->failed;
    TRY(close_series(sink));
    return sink->failed = sink->known(sink->payload, symbols, labels, samples);
}

static bool copy_labels(struct ampql_sink *sink, const struct ampql_label *labels, size_t nlabels)
{
    arena_done(&sink->text);
    sink->nlabels = nlabels;
    sink->labels = arena_alloc(&sink->text, nlabels, sizeof *sink->labels);
    if (!sink->labels)
        return false;
    for (size_t i = 0; i < nlabels; i++) {
        struct str name = arena_copy(&sink->text, str_view(labels[i].name));
        struct str value = arena_copy(&sink->text, str_view(labels[i].value));
        if (!name.p || !value.p)
            return false;
        sink->labels[i] = (struct ampql_label){{name.p, name.n}, {value.p, value.n}};
    }
    return true;
}

enum ampql_code ampql_sink_series(struct ampql_sink *sink, const struct ampql_label *labels,
                                  size_t nlabels)
{
    if (sink->failed != AMPQL_OK)
        return sink->failed;
    TRY(close_series(sink));
    TRY(check_labels(sink, labels, nlabels));
    if (!copy_labels(sink, labels, nlabels))
        return out_of_memory(sink, "the labels of a series");
    sink->t.n = sink->v.n = 0;
    sink->is_open = true;
    return AMPQL_OK;
}

enum ampql_code ampql_sink_samples(struct ampql_sink *sink, const int64_t *t_ms, const double *v,
                                   size_t n)
{
    if (sink->failed != AMPQL_OK)
        return sink->failed;
    if (!sink->is_open)
        return sink->failed = fail(&sink->err, AMPQL_BAD_DATA,
                                   "a source pushed samples before it opened a series");
    TRY(check_times(sink, sink->t.n ? &sink->t.at[sink->t.n - 1] : NULL, t_ms, n));
    for (size_t i = 0; i < n; i++)
        if (!array_add(&sink->t, sink->alc, t_ms[i]) || !array_add(&sink->v, sink->alc, v[i]))
            return out_of_memory(sink, "the samples of a series");
    return AMPQL_OK;
}
