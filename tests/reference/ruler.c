/* Tick after tick, rule after rule. */
#include "reference/ruler.h"

#include "series/sample.h"

#include <stdlib.h>
#include <string.h>

/* A series in the store, and of each sample who wrote it when. */
struct stored {
    const struct reference_label *labels;
    size_t nlabels;
    int64_t *t, *written;
    double *v;
    size_t *writer;
    size_t n, cap;
    bool *is_there; /* [nrecords] its last evaluation had it */
};

struct ruler {
    const struct records *records;
    const struct reference_series *raw;
    size_t nraw;
    struct stored *at; /* [n] */
    size_t n, cap;
    struct reference_options options;
    struct arena *arena;
};

static void *take(struct arena *arena, size_t n, size_t size)
{
    void *p = arena_zeroed(arena, n ? n : 1, size);
    if (!p)
        abort();
    return p;
}

static struct stored *find(struct ruler *r, const struct reference_label *labels, size_t nlabels)
{
    for (size_t i = 0; i < r->n; i++)
        if (reference_labels_compare(r->at[i].labels, r->at[i].nlabels, labels, nlabels) == 0)
            return &r->at[i];
    if (r->n == r->cap) {
        struct stored *more = take(r->arena, 2 * r->cap + 8, sizeof *more);
        if (r->n)
            memcpy(more, r->at, r->n * sizeof *more);
        r->at = more;
        r->cap = 2 * r->cap + 8;
    }
    struct stored *s = &r->at[r->n++];
    *s = (struct stored){.labels = labels,
                         .nlabels = nlabels,
                         .is_there = take(r->arena, r->records->n, sizeof(bool))};
    return s;
}

static void *larger(struct ruler *r, const void *old, size_t n, size_t cap, size_t size)
{
    void *more = take(r->arena, cap, size);
    if (n)
        memcpy(more, old, n * size);
    return more;
}

/* As storage takes a sample: newer than the last, or the same once more. */
static bool append(struct ruler *r, struct stored *s, int64_t t, double v, int64_t tick,
                   size_t record)
{
    if (s->n && t <= s->t[s->n - 1])
        return t == s->t[s->n - 1] && bits_of(v) == bits_of(s->v[s->n - 1]);
    if (s->n == s->cap) {
        s->cap = 2 * s->cap + 16;
        s->t = larger(r, s->t, s->n, s->cap, sizeof *s->t);
        s->v = larger(r, s->v, s->n, s->cap, sizeof *s->v);
        s->written = larger(r, s->written, s->n, s->cap, sizeof *s->written);
        s->writer = larger(r, s->writer, s->n, s->cap, sizeof *s->writer);
    }
    s->t[s->n] = t;
    s->v[s->n] = v;
    s->written[s->n] = tick;
    s->writer[s->n++] = record;
    return true;
}

/* ---- what an evaluation sees */

static bool is_recorded(const struct ruler *r, const struct reference_series *series)
{
    for (size_t i = 0; i < series->nlabels; i++)
        for (size_t k = 0; str_equal(series->labels[i].name, STR("__name__")) && k < r->records->n;
             k++)
            if (str_equal(series->labels[i].value, r->records->at[k].name))
                return true;
    return false;
}

/* At the end everything; before, what record `reader` sees when it is evaluated at a tick. */
static struct reference_series *look(const struct ruler *r, bool at_end, size_t reader,
                                     int64_t tick, size_t *n)
{
    struct reference_series *out = take(r->arena, r->nraw + r->n, sizeof *out);
    *n = 0;
    for (size_t i = 0; i < r->nraw; i++)
        if (!is_recorded(r, &r->raw[i]))
            out[(*n)++] = r->raw[i];
    for (size_t i = 0; i < r->n; i++) {
        const struct stored *s = &r->at[i];
        size_t seen = s->n;
        while (!at_end && seen && s->written[seen - 1] >= tick &&
               !(r->records->at[s->writer[seen - 1]].group == r->records->at[reader].group &&
                 s->writer[seen - 1] < reader))
            seen--;
        if (seen)
            out[(*n)++] = (struct reference_series){s->labels, s->nlabels, s->t, s->v, seen};
    }
    return out;
}

/* ---- what it writes */

static int by_name(const void *a, const void *b)
{
    const struct reference_label *x = a, *y = b;
    return str_compare(x->name, y->name);
}

static struct str keep(struct ruler *r, struct str s)
{
    struct str copy = arena_copy(r->arena, s);
    if (!copy.p)
        abort();
    return copy;
}

static bool is_set(const struct record *record, struct str name)
{
    bool is_there = str_equal(name, STR("__name__"));
    for (size_t i = 0; i < record->nlabels; i++)
        is_there |= str_equal(record->labels[i].name, name);
    return is_there;
}

static size_t relabel(struct ruler *r, const struct record *record,
                      const struct reference_series *in, struct reference_label **out)
{
    struct reference_label *labels =
        take(r->arena, in->nlabels + record->nlabels + 1, sizeof *labels);
    size_t n = 0;
    labels[n++] = (struct reference_label){STR("__name__"), record->name};
    for (size_t i = 0; i < in->nlabels; i++)
        if (!is_set(record, in->labels[i].name))
            labels[n++] =
                (struct reference_label){keep(r, in->labels[i].name), keep(r, in->labels[i].value)};
    for (size_t i = 0; i < record->nlabels; i++)
        if (record->labels[i].value.n)
            labels[n++] = (struct reference_label){record->labels[i].name, record->labels[i].value};
    qsort(labels, n, sizeof *labels, by_name);
    *out = labels;
    return n;
}

struct recorded_value {
    struct reference_label *labels;
    size_t nlabels;
    double v;
};

/* False: the evaluation fails after all. */
static bool to_values(struct ruler *r, const struct record *record,
                      const struct reference_result *result, struct recorded_value **out, size_t *n)
{
    struct reference_series none = {0};
    bool is_scalar = result->kind == AMPQL_RESULT_SCALAR;
    if (!is_scalar && result->kind != AMPQL_RESULT_VECTOR)
        return false;
    *n = is_scalar ? 1 : result->n;
    struct recorded_value *values = take(r->arena, *n, sizeof *values);
    for (size_t i = 0; i < *n; i++) {
        const struct reference_series *in = is_scalar ? &none : &result->series[i];
        values[i].v = is_scalar ? result->scalar : in->v[0];
        values[i].nlabels = relabel(r, record, in, &values[i].labels);
        for (size_t k = 0; k < i; k++)
            if (reference_labels_compare(values[i].labels, values[i].nlabels, values[k].labels,
                                         values[k].nlabels) == 0)
                return false;
    }
    *out = values;
    return record->limit == 0 || *n <= record->limit;
}

static void write_values(struct ruler *r, size_t number, int64_t tick,
                         const struct recorded_value *values, size_t n)
{
    const struct record *record = &r->records->at[number];
    int64_t t = tick - record->query_offset_ms;
    size_t nbefore = r->n;
    bool *was_there = take(r->arena, nbefore, sizeof *was_there);
    for (size_t i = 0; i < nbefore; i++) {
        was_there[i] = r->at[i].is_there[number];
        r->at[i].is_there[number] = false;
    }
    for (size_t i = 0; i < n; i++) {
        struct stored *s = find(r, values[i].labels, values[i].nlabels);
        s->is_there[number] = append(r, s, t, values[i].v, tick, number);
        if ((size_t)(s - r->at) < nbefore)
            was_there[s - r->at] = was_there[s - r->at] && !s->is_there[number];
    }
    for (size_t i = 0; i < nbefore && !r->records->writes_no_markers; i++)
        if (was_there[i])
            append(r, &r->at[i], t, double_of(STALE_BITS), tick, number);
}

static void evaluate(struct ruler *r, size_t number, int64_t tick)
{
    const struct record *record = &r->records->at[number];
    struct reference_options options = r->options;
    struct reference_result result;
    struct ampql_error err;
    struct recorded_value *values;
    size_t n, nvalues;
    options.start_ms = options.end_ms = tick - record->query_offset_ms;
    options.step_ms = 0;
    struct reference_series *seen = look(r, false, number, tick, &n);
    if (reference_run(record->ast, seen, n, &options, &result, &err) == AMPQL_OK &&
        to_values(r, record, &result, &values, &nvalues))
        write_values(r, number, tick, values, nvalues);
    reference_result_free(&result);
}

static bool is_tick(const struct record *record, int64_t t)
{
    return (t - record->phase_ms) % record->interval_ms == 0;
}

void reference_ruler(const struct records *records, const struct reference_series *series, size_t n,
                     int64_t first_ms, int64_t last_ms, const struct reference_options *options,
                     struct arena *arena, struct reference_series **out, size_t *nout)
{
    struct ruler r = {
        .records = records, .raw = series, .nraw = n, .options = *options, .arena = arena};
    int64_t step = 1000; /* intervals and phases of the tests are whole seconds */
    for (int64_t tick = first_ms / step * step; tick <= last_ms; tick += step)
        for (size_t i = 0; i < records->n; i++)
            if (is_tick(&records->at[i], tick))
                evaluate(&r, i, tick);
    *out = look(&r, true, 0, 0, nout);
}
