/* Recording rules: what the newest Prometheus's rule manager writes, driven from tick to tick over
 * a storage of its own, and the history that is made here at once: every sample, value and stale
 * marker. Groups are evaluated when their hashed phases say. */
#include "oracle/newest.h"

#include <ampql/rules.h>

#include "series/label_set.h"
#include "series/sample.h"
#include "support/rules_gen.h"
#include "support/same.h"

#include <math.h>
#include <stdlib.h>

enum {
    MINUTE_MS = 60000,
    SPAN_MS = 20 * MINUTE_MS,       /* that is compared, to the end of the query's time */
    BEFORE_MS = 4 * 60 * MINUTE_MS, /* the manager began at least so long before */
    AFTER_MS = 5 * MINUTE_MS,       /* and goes on, for groups that evaluate with an offset */
    RETRIES = 12,
    MAX_DIFFERENT = 5
};

struct history {
    struct outcome_series *at; /* [n], in the arena */
    size_t n, cap;
    struct arena *arena;
    bool is_refused; /* a rule has no first value, or does not load */
};

static void die(const char *what)
{
    fprintf(stderr, "newest: error: %s\n", what);
    exit(2);
}

/* ---- ours */

static void *copy_of(struct arena *arena, const void *from, size_t n, size_t size)
{
    void *at = arena_alloc(arena, n + 1, size);
    if (!at)
        die("no memory");
    memcpy(at, from, n * size);
    return at;
}

static struct ampql_string copy_text(struct arena *arena, struct ampql_string s)
{
    struct str copy = arena_copy(arena, str_view(s));
    if (!copy.p)
        die("no memory");
    return (struct ampql_string){copy.p, copy.n};
}

static enum ampql_code take(void *payload, size_t rule, const struct ampql_series *series,
                            struct ampql_error *err)
{
    struct history *h = payload;
    (void)rule, (void)err;
    if (h->n == h->cap) {
        size_t cap = 2 * h->cap + 8;
        struct outcome_series *at = arena_alloc(h->arena, cap, sizeof *at);
        if (!at)
            return AMPQL_NOMEM;
        if (h->n)
            memcpy(at, h->at, h->n * sizeof *at);
        h->at = at;
        h->cap = cap;
    }
    struct ampql_label *labels =
        copy_of(h->arena, series->labels, series->nlabels, sizeof *series->labels);
    for (size_t i = 0; i < series->nlabels; i++) {
        labels[i].name = copy_text(h->arena, labels[i].name);
        labels[i].value = copy_text(h->arena, labels[i].value);
    }
    h->at[h->n++] = (struct outcome_series){
        .labels = labels,
        .nlabels = series->nlabels,
        .t_ms = copy_of(h->arena, series->t_ms, series->n, sizeof *series->t_ms),
        .v = copy_of(h->arena, series->values, series->n, sizeof *series->values),
        .n = series->n};
    return AMPQL_OK;
}

static void fill(struct driver *d, const struct rules_case *c, const struct newest_rules *times,
                 struct history *out)
{
    struct evaluator *e = &d->engine.evaluator;
    struct ampql_rules *rules = NULL;
    struct ampql_rules_result *result = NULL;
    struct ampql_error err = {0};
    struct ampql_run_options options = c->query.options;
    if (e->load(e->payload, c->query.series, c->query.nseries, &err) != AMPQL_OK)
        die(err.message);
    if (ampql_rules_load(d->engine.engine, c->rules.p, c->rules.n, &rules, &err) != AMPQL_OK) {
        out->is_refused = true;
        return;
    }
    options.start_ms = times->from_ms;
    options.end_ms = times->to_ms;
    options.step_ms = 0;
    options.rule_file = times->file;
    if (ampql_rules_backfill(rules, d->engine.source, &options, take, out, &result, &err) !=
        AMPQL_OK)
        die(err.message);
    for (size_t i = 0; i < ampql_rules_count(rules); i++) {
        const struct ampql_error *why = ampql_rules_result_rule(result, i).error;
        out->is_refused |= why && why->code == AMPQL_UNSUPPORTED;
    }
    ampql_rules_result_free(result);
    ampql_rules_free(rules);
}

/* ---- comparing */

static int by_labels(const void *a, const void *b)
{
    const struct outcome_series *x = a, *y = b;
    return label_sets_compare(x->labels, x->nlabels, y->labels, y->nlabels);
}

static struct outcome in_order(const struct outcome_series *series, size_t n, struct arena *arena)
{
    struct outcome_series *at = n ? copy_of(arena, series, n, sizeof *series) : NULL;
    if (n)
        qsort(at, n, sizeof *at, by_labels);
    return (struct outcome){.kind = AMPQL_RESULT_MATRIX, .series = at, .nseries = n};
}

/* The same series and times, and values that differ at most in their last digits. */
static bool is_near(const struct outcome *a, const struct outcome *b)
{
    if (a->nseries != b->nseries)
        return false;
    for (size_t i = 0; i < a->nseries; i++) {
        const struct outcome_series *x = &a->series[i], *y = &b->series[i];
        if (by_labels(x, y) != 0 || x->n != y->n ||
            memcmp(x->t_ms, y->t_ms, x->n * sizeof *x->t_ms) != 0)
            return false;
        for (size_t k = 0; k < x->n; k++)
            if (!values_same(x->v[k], y->v[k]) &&
                !(fabs(x->v[k] - y->v[k]) <= 1e-9 * fabs(x->v[k])))
                return false;
    }
    return true;
}

static void show(const struct rules_case *c, uint64_t seed, const struct newest_rules *times,
                 const struct outcome *ours, const struct newest_answer *theirs)
{
    static const char *const who[2] = {"engine    ", "prometheus"};
    struct buf why;
    buf_init(&why, &alloc_default, 1 << 22);
    rules_case_print(c, &why);
    if (theirs->code != AMPQL_OK)
        buf_str(&why, theirs->message);
    else
        outcomes_same(ours, &theirs->outcome, who, &why);
    printf("different, seed %llu, from %lld to %lld\n%.*s\n", (unsigned long long)seed,
           (long long)times->from_ms, (long long)times->to_ms, STR_ARGS(buf_view(&why)));
    fflush(stdout);
    buf_done(&why);
}

/* When the manager begins: long before what is compared, and before the times that rules pin with
 * @, since what a rule records here has no beginning. */
static int64_t begin_ms(struct str rules, int64_t from_ms)
{
    const char *end = rules.p + rules.n, *at = rules.p;
    for (; (at = memchr(at, '@', (size_t)(end - at))); at++) {
        char *past;
        double at_ms = strtod(at + 1, &past) * 1000;
        if (past != at + 1 && at_ms < (double)from_ms)
            from_ms = (int64_t)at_ms;
    }
    return from_ms - BEFORE_MS;
}

static enum outcome_class judge(struct driver *d, const struct rules_case *c, uint64_t seed,
                                struct arena *arena)
{
    char file[64];
    struct history history = {.arena = arena};
    struct newest_rules times = {.file = file, .to_ms = c->query.options.end_ms};
    struct newest_answer theirs = {0};
    enum outcome_class class = DIFFERENT;
    snprintf(file, sizeof file, "/etc/prometheus/rules-%llu.yml", (unsigned long long)seed);
    times.from_ms = times.to_ms - SPAN_MS;
    times.start_ms = begin_ms(c->rules, times.from_ms);
    times.end_ms = times.to_ms + AFTER_MS;
    fill(d, c, &times, &history);
    if (history.is_refused)
        return REFUSED;
    struct outcome ours = in_order(history.at, history.n, arena);
    for (int i = 0; i < RETRIES && class == DIFFERENT; i++) {
        newest_record(&d->newest, c, &times, arena, &theirs);
        theirs.outcome = in_order(theirs.outcome.series, theirs.outcome.nseries, arena);
        if (theirs.code == AMPQL_OK && outcomes_same(&ours, &theirs.outcome, NULL, NULL))
            class = i > 0 ? REORDERED : ours.nseries == 0 ? EMPTY : SAME;
    }
    if (class == DIFFERENT && theirs.code == AMPQL_OK && is_near(&ours, &theirs.outcome))
        class = UNORDERED;
    if (class == DIFFERENT)
        show(c, seed, &times, &ours, &theirs);
    return class;
}

/* ---- the driver */

/* Series of recorded names that are there already are hidden here, and in the way there. */
static void leave_out_recorded(struct rules_case *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->query.nseries; i++)
        if (!rules_gen_records(str_view(c->query.series[i].labels[0].value)))
            c->query.series[n++] = c->query.series[i];
    c->query.nseries = n;
}

int newest_rules(struct driver *d, uint64_t first, size_t count)
{
    struct expr_names names;
    expr_names_of_engine(&names);
    for (size_t i = 0; i < count && d->of[DIFFERENT] < MAX_DIFFERENT; i++) {
        uint8_t bytes[GEN_CASE_BYTES];
        struct arena arena;
        struct rules_case c;
        gen_seed(bytes, sizeof bytes, first + i);
        arena_init(&arena, &alloc_default);
        rules_generate(bytes, sizeof bytes, &names, &arena, &c);
        c.query.options.dialect = AMPQL_PROM3;
        leave_out_recorded(&c);
        d->of[judge(d, &c, first + i, &arena)]++;
        arena_done(&arena);
    }
    printf("rules: %zu equal, %zu empty, %zu refused, %zu in another order, %zu unordered, %zu "
           "different\n",
           d->of[SAME], d->of[EMPTY], d->of[REFUSED], d->of[REORDERED], d->of[UNORDERED],
           d->of[DIFFERENT]);
    return d->of[DIFFERENT] > 0 || d->of[SAME] < count / 8;
}
