/* From a source's strings to a run's ids: each series is interned, matched again, clipped, and
 * passed on in label order. */
#include "engine/engine.h"

#include "base/time.h"
#include "source/sink.h"

#include <stdio.h>
#include <stdlib.h>

/* A series of an unsorted source waits here with copied columns. */
struct waiting {
    struct labels labels;
    int64_t *t;
    double *v;
    size_t n;
};

struct intake {
    struct ampql_engine *engine;
    const struct intake_share *share; /* NULL: all of the select */
    const struct select *select;
    struct symbols *symbols;
    struct bound_matchers matchers;
    struct arena arena;   /* matchers, memos and waiting series */
    struct label *labels; /* [cap] of the series at hand */
    size_t cap;
    bool is_sorted;       /* the source says so */
    bool is_trusted;      /* it is one of the library's own */
    bool only_labels;     /* samples are not wanted */
    bool has_samples;     /* series come with them, so that one without has none in the window */
    struct labels before; /* of a source that is not trusted: of the series before, in before_at
                             [before_cap] */
    struct label *before_at;
    size_t before_cap;
    uint64_t nwaiting; /* samples */
    uint64_t nseries;
    struct {
        ARRAY(struct waiting);
    } waiting;
    const struct intake_limits *limits;
    intake_take *take;
    void *payload;
    struct ampql_stats *stats;
    struct intake_warnings *warnings;
    struct ampql_error *err;
};

enum ampql_code intake_check(const struct intake_limits *limits, struct ampql_error *err)
{
    if (limits->cancel && atomic_load_explicit(&limits->cancel->is_set, memory_order_relaxed))
        return fail(err, AMPQL_CANCELED, "query was canceled in expression evaluation");
    if (limits->deadline_ms != INT64_MAX && time_monotonic() > limits->deadline_ms)
        return fail(err, AMPQL_TIMEOUT, "query timed out in expression evaluation");
    return AMPQL_OK;
}

static enum ampql_code check_count(const struct intake *in, size_t nlabels)
{
    uint64_t most = in->limits->max_labels;
    if (nlabels <= most)
        return AMPQL_OK;
    return fail(in->err, AMPQL_LIMIT, "a series has %zu labels, where at most %llu are allowed",
                nlabels, (unsigned long long)most);
}

static enum ampql_code check_value(const struct intake *in, struct str name, struct str value)
{
    uint64_t most = in->limits->max_label_bytes;
    if (value.n <= most)
        return AMPQL_OK;
    char what[160];
    snprintf(what, sizeof what,
             "a label's value has %zu bytes, where at most %llu are allowed, in label", value.n,
             (unsigned long long)most);
    return fail_quote(in->err, AMPQL_LIMIT, what, name);
}

static enum ampql_code make_room(struct intake *in, size_t nlabels)
{
    if (nlabels <= in->cap && in->labels)
        return AMPQL_OK;
    size_t cap = nlabels > 32 ? nlabels : 32;
    struct label *at = arena_alloc(&in->arena, cap, sizeof *at);
    if (!at)
        return fail_nomem(in->err, "a series' labels");
    in->labels = at;
    in->cap = cap;
    return AMPQL_OK;
}

static enum ampql_code intern(struct intake *in, const struct ampql_label *labels, size_t nlabels,
                              struct labels *out)
{
    TRY(check_count(in, nlabels));
    TRY(make_room(in, nlabels));
    for (size_t i = 0; i < nlabels; i++) {
        struct label *l = &in->labels[i];
        struct str name = str_make(labels[i].name.data, labels[i].name.size);
        struct str value = str_make(labels[i].value.data, labels[i].value.size);
        TRY(check_value(in, name, value));
        l->name = symbols_intern(in->symbols, name);
        l->value = symbols_intern(in->symbols, value);
        if (l->name == SYMBOL_NONE || l->value == SYMBOL_NONE)
            return fail_nomem(in->err, "a series' labels");
    }
    size_t n = labels_sort(in->symbols, in->labels, nlabels);
    if (n == SIZE_MAX)
        return fail(in->err, AMPQL_BAD_DATA,
                    "the source gave a series that has a label name twice");
    *out = (struct labels){.at = in->labels, .n = n};
    return AMPQL_OK;
}

static enum ampql_code check_labels(const struct intake *in, const struct symbols *symbols,
                                    struct labels labels)
{
    TRY(check_count(in, labels.n));
    if (symbols->longest <= in->limits->max_label_bytes) /* mostly */
        return AMPQL_OK;
    for (size_t i = 0; i < labels.n; i++)
        TRY(check_value(in, symbols_text(symbols, labels.at[i].name),
                        symbols_text(symbols, labels.at[i].value)));
    return AMPQL_OK;
}

/* Labels of the source's own table are in order already. */
static enum ampql_code translate(struct intake *in, const struct symbols *symbols,
                                 struct labels labels, struct labels *out)
{
    TRY(check_labels(in, symbols, labels));
    TRY(make_room(in, labels.n));
    if (!labels_translate(in->symbols, symbols, labels, in->labels))
        return fail_nomem(in->err, "a series' labels");
    *out = (struct labels){.at = in->labels, .n = labels.n};
    return AMPQL_OK;
}

/* A source that is sorted has each series once, and in order: otherwise series would be counted
 * twice, and sums have other last digits. */
static enum ampql_code check_order(struct intake *in, struct labels set)
{
    if (in->before.at) {
        int order = labels_compare(in->symbols, in->before, set);
        if (order == 0)
            return fail(in->err, AMPQL_BAD_DATA, "the source gave a series twice");
        if (order > 0)
            return fail(in->err, AMPQL_BAD_DATA,
                        "the source says that its series are in label order, and they are not");
    }
    struct label *at = in->before_at; /* the two change places, nothing is copied */
    size_t cap = in->before_cap;
    in->before = set;
    in->before_at = in->labels;
    in->before_cap = in->cap;
    in->labels = at;
    in->cap = cap;
    return AMPQL_OK;
}

static enum ampql_code wait(struct intake *in, struct labels labels, const struct samples *s)
{
    if (s->n > in->limits->max_samples - in->nwaiting)
        return fail(in->err, AMPQL_LIMIT,
                    "query processing would load too many samples into memory in query execution");
    in->nwaiting += s->n;
    struct waiting w = {.labels = labels_copy(&in->arena, labels),
                        .t = arena_alloc(&in->arena, s->n, sizeof *w.t),
                        .v = arena_alloc(&in->arena, s->n, sizeof *w.v),
                        .n = s->n};
    if (!w.labels.at || !w.t || !w.v || !array_push(&in->waiting, &in->arena, w))
        return fail_nomem(in->err, "a series");
    if (s->n) {
        memcpy(w.t, s->t, s->n * sizeof *w.t);
        memcpy(w.v, s->v, s->n * sizeof *w.v);
    }
    return AMPQL_OK;
}

enum ampql_code intake_count_series(const struct intake_limits *limits, uint64_t *n,
                                    struct ampql_error *err)
{
    if ((*n)++ < limits->max_series)
        return AMPQL_OK;
    return fail(err, AMPQL_LIMIT, "a selector matches more than %llu series",
                (unsigned long long)limits->max_series);
}

/* A series that the select matches. */
static enum ampql_code take_matched(struct intake *in, struct labels set,
                                    const struct samples *samples)
{
    struct samples s = *samples;
    if (in->select->kind == SELECT_RAW)
        s = samples_clip(samples, in->select->mint_ms, in->select->maxt_ms);
    if (in->only_labels && in->has_samples && s.n == 0)
        return AMPQL_OK;
    if (in->only_labels)
        s.n = 0;
    TRY(intake_count_series(in->limits, &in->nseries, in->err));
    in->stats->series++;
    in->stats->samples += s.n;
    if (!in->is_sorted)
        return wait(in, set, &s);
    if (!in->is_trusted)
        TRY(check_order(in, set));
    return in->take(in->payload, set, &s);
}

static enum ampql_code series(void *payload, const struct ampql_label *labels, size_t nlabels,
                              const struct samples *samples)
{
    struct intake *in = payload;
    struct labels set;
    TRY(intake_check(in->limits, in->err));
    TRY(intern(in, labels, nlabels, &set));
    if (!matchers_match(&in->matchers, in->symbols, set, &in->arena))
        return AMPQL_OK;
    return take_matched(in, set, samples);
}

static enum ampql_code known_series(void *payload, const struct symbols *symbols,
                                    struct labels labels, const struct samples *samples)
{
    struct intake *in = payload;
    struct labels set;
    TRY(intake_check(in->limits, in->err));
    TRY(translate(in, symbols, labels, &set));
    return take_matched(in, set, samples);
}

static int by_labels(const void *a, const void *b, void *symbols)
{
    const struct waiting *x = a, *y = b;
    return labels_compare(symbols, x->labels, y->labels);
}

/* Hand on the series of an unsorted source, now in order. */
static enum ampql_code release_waiting(struct intake *in)
{
    if (in->waiting.n)
        qsort_r(in->waiting.at, in->waiting.n, sizeof *in->waiting.at, by_labels, in->symbols);
    for (size_t i = 0; i < in->waiting.n; i++) {
        const struct waiting *w = &in->waiting.at[i];
        if (i > 0 && labels_equal(w->labels, w[-1].labels))
            return fail(in->err, AMPQL_BAD_DATA, "the source gave a series twice");
        TRY(intake_check(in->limits, in->err));
        TRY(in->take(in->payload, w->labels, &(struct samples){w->t, w->v, w->n}));
    }
    return AMPQL_OK;
}

static const enum ampql_select_kind public_kind[] = {
    [SELECT_RAW] = AMPQL_SELECT_RAW,
    [SELECT_GRID] = AMPQL_SELECT_GRID,
    [SELECT_GRID_TIMESTAMP] = AMPQL_SELECT_GRID_TIMESTAMP,
};

static const enum ampql_match_op public_op[] = {
    [MATCH_EQUAL] = AMPQL_MATCH_EQUAL,
    [MATCH_NOT_EQUAL] = AMPQL_MATCH_NOT_EQUAL,
    [MATCH_REGEX] = AMPQL_MATCH_REGEX,
    [MATCH_NOT_REGEX] = AMPQL_MATCH_NOT_REGEX,
};

static struct ampql_string public_string(struct str s)
{
    return (struct ampql_string){s.p, s.n};
}

static void count_cost(struct ampql_stats *stats, const struct ampql_source_stats *cost)
{
    stats->requests += cost->requests;
    stats->retries += cost->retries;
    stats->bytes += cost->bytes;
    stats->billed_samples += cost->billed_samples;
}

enum ampql_code intake_keep_warnings(struct intake_warnings *to, const struct str *at, size_t n,
                                     struct ampql_error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct str copy = arena_copy(to->arena, at[i]);
        if (!copy.p || !array_push(to, to->arena, copy))
            return fail_nomem(err, "a warning");
    }
    return AMPQL_OK;
}

/* A select of the plan as sources are asked. Views of select, matchers in the arena. */
enum ampql_code intake_public(const struct select *select, int64_t lookback_ms,
                              enum ampql_dialect dialect, struct arena *arena,
                              struct ampql_select *out, struct ampql_error *err)
{
    struct ampql_matcher *matchers = arena_alloc(arena, select->matchers.n, sizeof *matchers);
    if (!matchers)
        return fail_nomem(err, "matchers");
    for (size_t i = 0; i < select->matchers.n; i++) {
        const struct matcher *m = &select->matchers.at[i];
        matchers[i] = (struct ampql_matcher){public_string(m->name), public_op[m->op],
                                             public_string(m->value)};
    }
    *out = (struct ampql_select){.size = sizeof *out,
                                 .kind = public_kind[select->kind],
                                 .matchers = matchers,
                                 .nmatchers = select->matchers.n,
                                 .mint_ms = select->mint_ms,
                                 .maxt_ms = select->maxt_ms,
                                 .lookback_ms = lookback_ms,
                                 .dialect = dialect};
    if (select->kind != SELECT_RAW) {
        out->start_ms = select->grid.start_ms;
        out->end_ms = grid_end(&select->grid);
        out->step_ms = select->grid.step_ms;
    }
    return AMPQL_OK;
}

static enum ampql_code poll_limits(void *payload, struct ampql_error *err)
{
    return intake_check(payload, err);
}

static void let_poll(struct ampql_select *wanted, const struct intake_limits *limits)
{
    wanted->poll = poll_limits;
    wanted->poll_payload = (void *)limits; /* which are only read */
}

static enum ampql_code ask(struct intake *in, struct ampql_source *source, int64_t lookback_ms,
                           enum ampql_dialect dialect)
{
    struct ampql_select wanted;
    TRY(intake_public(in->select, lookback_ms, dialect, &in->arena, &wanted, in->err));
    let_poll(&wanted, in->limits);
    struct ampql_sink sink;
    sink_init(&sink, &in->engine->alc, series, in, source->is_trusted);
    sink.known = known_series;
    bool lists = in->only_labels && source->ops.series;
    in->has_samples = !lists;
    enum ampql_code code =
        (lists ? source->ops.series : source->ops.select)(source->payload, &wanted, &sink, in->err);
    code = sink_finish(&sink, code, in->err);
    count_cost(in->stats, &sink.cost);
    if (code == AMPQL_OK)
        code = intake_keep_warnings(in->warnings, sink.warnings.at, sink.warnings.n, in->err);
    sink_done(&sink);
    return code;
}

enum ampql_code intake_select(struct ampql_engine *engine, struct ampql_source *source,
                              const struct select *select, int64_t lookback_ms,
                              enum ampql_dialect dialect, bool only_labels, struct symbols *symbols,
                              const struct intake_limits *limits, intake_take *take, void *payload,
                              struct ampql_stats *stats, struct intake_warnings *warnings,
                              struct ampql_error *err)
{
    struct ampql_error local = {0};
    struct intake in = {.engine = engine,
                        .select = select,
                        .symbols = symbols,
                        .is_sorted = source->ops.caps & AMPQL_SOURCE_SORTED,
                        .is_trusted = source->is_trusted,
                        .only_labels = only_labels,
                        .limits = limits,
                        .take = take,
                        .payload = payload,
                        .stats = stats,
                        .warnings = warnings,
                        .err = err ? err : &local};
    arena_init(&in.arena, &engine->alc);
    stats->selects++;
    enum ampql_code code = intake_check(limits, in.err);
    if (code == AMPQL_OK)
        code = matchers_bind(select->matchers, symbols, dialect, &in.arena, &in.matchers, in.err);
    if (code == AMPQL_OK)
        code = ask(&in, source, lookback_ms, dialect);
    if (code == AMPQL_OK && matchers_failed(&in.matchers))
        code = fail_nomem(in.err, "matching a label");
    if (code == AMPQL_OK)
        code = release_waiting(&in);
    matchers_unbind(&in.matchers);
    arena_done(&in.arena);
    return code;
}

/* ---- a share */

/* The ids stay the source's: the run's table is for its own thread. */
static enum ampql_code shared_series(void *payload, const struct symbols *symbols,
                                     struct labels labels, const struct samples *samples)
{
    struct intake *in = payload;
    *in->share->symbols = symbols;
    TRY(intake_check(in->limits, in->err));
    TRY(check_labels(in, symbols, labels));
    return take_matched(in, labels, samples);
}

static enum ampql_code refuse_text(void *payload, const struct ampql_label *labels, size_t nlabels,
                                   const struct samples *samples)
{
    struct intake *in = payload;
    (void)labels, (void)nlabels, (void)samples;
    return fail(in->err, AMPQL_UNSUPPORTED, "a share of a select has series without ids");
}

enum ampql_code intake_share(struct ampql_engine *engine, struct ampql_source *source,
                             const struct intake_share *share, const struct intake_limits *limits,
                             intake_take *take, void *payload, struct ampql_stats *stats,
                             struct intake_warnings *warnings, struct ampql_error *err)
{
    struct intake in = {.engine = engine,
                        .share = share,
                        .select = share->select,
                        .is_sorted = true,
                        .is_trusted = true,
                        .limits = limits,
                        .take = take,
                        .payload = payload,
                        .stats = stats,
                        .warnings = warnings,
                        .err = err};
    struct ampql_select wanted = *share->wanted;
    struct ampql_sink sink;
    let_poll(&wanted, limits);
    sink_init(&sink, &engine->alc, refuse_text, &in, true);
    sink.known = shared_series;
    enum ampql_code code =
        source->shares->select(source->payload, &wanted, share->number, share->of, &sink, err);
    code = sink_finish(&sink, code, err);
    if (code == AMPQL_OK)
        code = intake_keep_warnings(warnings, sink.warnings.at, sink.warnings.n, err);
    sink_done(&sink);
    return code;
}

/* ---- the source's part in a run */

enum ampql_code intake_begin(struct ampql_engine *engine, struct ampql_source *source,
                             const struct select *const *selects, size_t nselects,
                             int64_t lookback_ms, enum ampql_dialect dialect,
                             struct intake_limits *limits, struct ampql_error *err)
{
    if (!source->ops.prepare)
        return AMPQL_OK;
    struct arena arena;
    arena_init(&arena, &engine->alc);
    struct ampql_select *wanted = arena_alloc(&arena, nselects, sizeof *wanted);
    enum ampql_code code = wanted ? AMPQL_OK : fail_nomem(err, "the selects of a run");
    for (size_t i = 0; i < nselects && code == AMPQL_OK; i++)
        code = intake_public(selects[i], lookback_ms, dialect, &arena, &wanted[i], err);
    struct ampql_prepare prepare = {.size = sizeof prepare,
                                    .selects = wanted,
                                    .nselects = nselects,
                                    .poll = poll_limits,
                                    .poll_payload = limits};
    if (code == AMPQL_OK)
        code = source->ops.prepare(source->payload, &prepare, err);
    arena_done(&arena);
    return code;
}

void intake_end(struct ampql_source *source)
{
    struct ampql_prepare over = {.size = sizeof over};
    if (source->ops.prepare)
        source->ops.prepare(source->payload, &over, NULL);
}
