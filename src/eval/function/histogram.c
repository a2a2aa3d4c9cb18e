/* histogram_quantile histogram_quantiles histogram_fraction: estimates from classic histograms,
 * whose buckets are series with an upper bound in the label le.
 *
 * histogram_count histogram_sum histogram_avg histogram_stddev histogram_stdvar are of native
 * histograms, which this library does not read: they skip floats, so nothing is left. */
#include "eval/function.h"
#include "eval/group.h"
#include "eval/note.h"

#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { MOST_QUANTILES = 10 };

struct bucket {
    double bound, count; /* of all observations up to the bound */
};

struct buckets {
    struct bucket *at; /* [n], n > 0, by bound */
    size_t n;
};

/* Buckets of equal bound become one. */
static void merge_bounds(struct buckets *b)
{
    size_t last = 0;
    for (size_t i = 1; i < b->n; i++) {
        if (b->at[i].bound == b->at[last].bound)
            b->at[last].count += b->at[i].count;
        else
            b->at[++last] = b->at[i];
    }
    b->n = last + 1;
}

/* Equal but for what rounding leaves in sums of rates. */
static bool is_nearly(double a, double b)
{
    double sum = fabs(a) + fabs(b), away = fabs(a - b);
    if (a == b)
        return true;
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return away < 1e-12 * DBL_MIN;
    return away / fmin(sum, DBL_MAX) < 1e-12;
}

/* Counts that fall were scraped at different times, or are sums of rates: raise them. falling says
 * which were. */
static void make_monotonic(struct buckets *b, enum ampql_dialect dialect, struct falling *falling)
{
    double before = b->at[0].count;
    for (size_t i = 1; i < b->n; i++) {
        double count = b->at[i].count;
        bool is_near = dialect != AMPQL_PROM2 && is_nearly(before, count);
        if (count < before && !is_near) {
            falling->from = falling->n ? falling->from : b->at[i].bound;
            falling->to = b->at[i].bound;
            falling->difference = fmax(falling->difference, before - count);
            falling->n = 1;
        }
        if (count < before || is_near)
            b->at[i].count = before;
        else if (count > before || dialect != AMPQL_PROM2) /* in 2.42 NaN does not count */
            before = count;
    }
}

/* The first bucket but the last that counts at least so many, by halving as Prometheus does. */
static size_t bucket_of(const struct buckets *b, double rank)
{
    size_t lo = 0, hi = b->n - 1;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (b->at[mid].count >= rank)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* Buckets are merged and raised in place: *nkept of them are left, behind which stands what stood
 * there before. */
static double quantile_of_buckets(double q, struct buckets b, enum ampql_dialect dialect,
                                  struct falling *falling, size_t *nkept)
{
    *falling = (struct falling){0};
    *nkept = b.n;
    if (isnan(q))
        return double_of(NAN_BITS);
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    if (b.at[b.n - 1].bound != INFINITY)
        return double_of(NAN_BITS);
    merge_bounds(&b);
    make_monotonic(&b, dialect, falling);
    *nkept = b.n;
    double total = b.at[b.n - 1].count;
    if (b.n < 2 || total == 0)
        return double_of(NAN_BITS);

    double rank = q * total;
    size_t i = bucket_of(&b, rank);
    if (i == b.n - 1)
        return b.at[b.n - 2].bound;
    if (i == 0 && b.at[0].bound <= 0)
        return b.at[0].bound;
    double start = 0, end = b.at[i].bound, count = b.at[i].count;
    if (i > 0) {
        start = b.at[i - 1].bound;
        count -= b.at[i - 1].count;
        rank -= b.at[i - 1].count;
    }
    return start + (end - start) * (rank / count);
}

/* How many observations are below a value. */
static double rank_below(const struct buckets *b, double value)
{
    double total = b->at[b->n - 1].count, rank = 0;
    double lower = b->at[0].bound <= 0 ? -INFINITY : 0;
    for (size_t i = 0; i < b->n && lower < value; i++) {
        double upper = b->at[i].bound, count = b->at[i].count;
        if (upper > value) {
            rank = isinf(lower) ? count : rank + (count - rank) * (value - lower) / (upper - lower);
            break;
        }
        rank = count;
        lower = upper;
    }
    return rank > total ? total : rank;
}

static double fraction_of_buckets(double low, double high, struct buckets b)
{
    if (b.at[b.n - 1].bound != INFINITY)
        return double_of(NAN_BITS);
    merge_bounds(&b);
    double total = b.at[b.n - 1].count;
    if (total == 0 || isnan(low) || isnan(high))
        return double_of(NAN_BITS);
    if (low >= high)
        return 0;
    return (rank_below(&b, high) - rank_below(&b, low)) / total;
}

/* ---- histograms from series */

/* A bucket's series. */
struct source {
    double bound;
    size_t group, number; /* number: in order of arrival */
    const struct row *row;
};

static int by_group_and_bound(const void *a, const void *b)
{
    const struct source *x = a, *y = b;
    if (x->group != y->group)
        return x->group > y->group ? 1 : -1;
    if (isnan(x->bound) != isnan(y->bound)) /* such a histogram has no infinite last bucket */
        return isnan(x->bound) ? 1 : -1;
    if (x->bound != y->bound && !isnan(x->bound))
        return x->bound > y->bound ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

struct histograms {
    struct source *sources; /* [n], group by group, by bound */
    size_t n;
    struct groups groups; /* by all labels but le */
};

/* Series without a number in le are no buckets; to 2.42 NaN was one. */
static enum ampql_code collect(struct call *call, const struct kept_list *list,
                               const struct ast *where, struct histograms *out,
                               struct ampql_error *err)
{
    static symbol le = SYMBOL_LE;
    bool is_new;
    index_init(&out->groups.index, call_alc(call));
    out->groups.grouping = (struct grouping){&le, 1, .is_without = true};
    out->sources = arena_alloc(call_arena(call), list->n, sizeof *out->sources);
    if (!out->sources)
        return fail_nomem(err, "a list of buckets");
    for (size_t i = 0; i < list->n; i++) {
        const struct kept *kept = &list->at[i];
        struct source source = {.number = i, .row = &kept->row};
        if (!number_parse(symbols_text(call->symbols, labels_get(kept->labels, SYMBOL_LE)),
                          &source.bound) ||
            (isnan(source.bound) && call->dialect != AMPQL_PROM2)) {
            if (!row_is_empty(&kept->row))
                TRY(note_bad_bucket(call->stage, where, kept->labels));
            continue;
        }
        TRY(groups_find(&out->groups, call->stage->eval, kept->labels, &source.group, &is_new,
                        err));
        out->sources[out->n++] = source;
    }
    if (out->n > 1)
        qsort(out->sources, out->n, sizeof *out->sources, by_group_and_bound);
    return AMPQL_OK;
}

/* A histogram's buckets at a step, those that are there. */
static struct buckets buckets_at(const struct source *sources, size_t n, size_t step,
                                 struct bucket *room)
{
    struct buckets b = {room, 0};
    for (size_t i = 0; i < n; i++)
        if (row_has(sources[i].row, step))
            b.at[b.n++] = (struct bucket){sources[i].bound, sources[i].row->v[step]};
    return b;
}

/* What is asked of each histogram: a share between two bounds, or (high is NULL) a quantile. [step]
 * low and high are scalar arguments. */
struct question {
    const double *low, *high;
    symbol label; /* to hold the quantile; SYMBOL_NONE: no label */
};

/* Prometheus asks one list of buckets for quantile after quantile: after the first it is sorted
 * again, with what stands behind the merged ones. Both parts are in order. */
static void sort_again(struct buckets *b, size_t nkept, struct bucket *spare)
{
    size_t i = 0, k = nkept, n = 0;
    if (nkept == b->n)
        return;
    while (i < nkept || k < b->n)
        spare[n++] =
            k == b->n || (i < nkept && b->at[i].bound <= b->at[k].bound) ? b->at[i++] : b->at[k++];
    memcpy(b->at, spare, n * sizeof *spare);
}

/* A histogram and what is asked of it. */
struct inquiry {
    struct call *call;
    const struct ast *where;
    const struct source *sources; /* [nsources] */
    size_t nsources;
    struct labels labels;
    const struct question *questions; /* [nquestions] */
    size_t nquestions;
    struct bucket *room, *spare; /* [nsources] */
    struct row *rows;            /* [nquestions] the answers */
};

/* A histogram's quantiles at all steps. */
static enum ampql_code quantiles(const struct inquiry *in)
{
    const struct grid *grid = in->call->grid;
    for (size_t i = 0; i < grid->n; i++) {
        struct buckets b = buckets_at(in->sources, in->nsources, i, in->room);
        TRY(stage_polls(in->call->stage, in->nsources * in->nquestions));
        for (size_t k = 0; k < in->nquestions; k++) {
            struct falling falling;
            size_t nkept = 0;
            in->rows[k].v[i] = 0;
            if (b.n == 0)
                continue;
            in->rows[k].v[i] = quantile_of_buckets(in->questions[k].low[i], b, in->call->dialect,
                                                   &falling, &nkept);
            row_mark(&in->rows[k], i);
            falling.first_ms = falling.last_ms = grid_time(grid, i);
            if (falling.n)
                TRY(note_falling(in->call->stage, in->where, in->labels, &falling, i));
            if (k + 1 < in->nquestions)
                sort_again(&b, nkept, in->spare);
        }
    }
    return AMPQL_OK;
}

static enum ampql_code fractions(struct call *call, const struct source *sources, size_t n,
                                 const double *low, const double *high, struct bucket *room,
                                 struct row *out)
{
    for (size_t i = 0; i < out->n; i++) {
        struct buckets b = buckets_at(sources, n, i, room);
        TRY(stage_polls(call->stage, n));
        out->v[i] = 0;
        if (b.n == 0)
            continue;
        out->v[i] = fraction_of_buckets(low[i], high[i], b);
        row_mark(out, i);
    }
    return AMPQL_OK;
}

/* A quantile as the value of a label: a number as OpenMetrics writes it, 0.5, 1.0. */
static symbol quantile_symbol(struct call *call, double q)
{
    char text[NUMBER_MAX + 2];
    size_t n = number_format_general(q == 0 ? 0 : q, text);
    bool is_plain = isfinite(q) && !memchr(text, '.', n) && !memchr(text, 'e', n);
    if (is_plain) {
        text[n++] = '.';
        text[n++] = '0';
    }
    return symbols_intern(call->symbols, str_make(text, n));
}

/* The row under a label that holds its quantile: as many series as the quantile has values. */
static enum ampql_code emit_labelled(struct call *call, const struct question *question,
                                     struct labels labels, const struct row *row,
                                     struct ampql_error *err)
{
    struct arena *work = call_arena(call);
    labels = stage_drop_name(call->stage, labels);
    struct row rest = {row->v, arena_alloc(work, row_words(row->n), sizeof *rest.present), row->n};
    bool may_repeat = stage_step_rule(call->stage) == UNIQUE_LATER;
    struct row part = {row->v, arena_alloc(work, row_words(row->n), sizeof *part.present), row->n};
    if (!rest.present || !part.present || !labels.at)
        return fail_nomem(err, "a quantile");
    memcpy(rest.present, row->present, row_words(row->n) * sizeof *row->present);
    for (size_t i = 0; i < rest.n; i++) {
        if (!row_has(&rest, i))
            continue;
        symbol value = quantile_symbol(call, question->low[i]);
        struct labels named = value == SYMBOL_NONE
                                  ? (struct labels){0}
                                  : labels_set(work, call->symbols, labels, question->label, value);
        if (!named.at)
            return fail_nomem(err, "a quantile");
        row_clear(&part);
        for (size_t k = i; k < rest.n; k++) {
            bool is_same = question->low[k] == question->low[i] ||
                           (isnan(question->low[k]) && isnan(question->low[i]));
            if (!is_same || !row_has(&rest, k))
                continue;
            row_mark(&part, k);
            row_unmark(&rest, k);
        }
        TRY(may_repeat ? call_emit(call, named, &part) : call_emit_unique(call, named, &part));
    }
    return AMPQL_OK;
}

static enum ampql_code emit_answer(const struct inquiry *in, size_t question, struct row *row,
                                   struct ampql_error *err)
{
    const struct question *q = &in->questions[question];
    if (q->label == SYMBOL_NONE)
        TRY(call_emit_nameless(in->call, in->labels, row));
    else
        TRY(emit_labelled(in->call, q, in->labels, row, err));
    eval_give(in->call->stage->eval, row);
    return AMPQL_OK;
}

static enum ampql_code answer(const struct inquiry *in, struct ampql_error *err)
{
    const struct question *q = in->questions;
    for (size_t k = 0; k < in->nquestions; k++)
        TRY(eval_take(in->call->stage->eval, in->call->grid->n, &in->rows[k], err));
    return q->high
               ? fractions(in->call, in->sources, in->nsources, q->low, q->high, in->room, in->rows)
               : quantiles(in);
}

/* One series for each histogram and question: question by question, so several wait for the last
 * histogram. */
static enum ampql_code estimate(const struct histograms *h, struct inquiry *in,
                                struct ampql_error *err)
{
    struct arena *work = call_arena(in->call);
    size_t ngroups = h->groups.keys.n, nq = in->nquestions;
    struct row *rows = arena_zeroed(work, ngroups + 1, nq * sizeof *rows);
    in->room = arena_alloc(work, h->n, sizeof *in->room);
    in->spare = arena_alloc(work, h->n, sizeof *in->spare);
    if (!rows || !in->room || !in->spare)
        return fail_nomem(err, "a list of buckets");
    for (size_t first = 0, end; first < h->n; first = end) {
        size_t group = h->sources[first].group;
        for (end = first + 1; end < h->n && h->sources[end].group == group;)
            end++;
        in->sources = &h->sources[first];
        in->nsources = end - first;
        in->labels = h->groups.keys.at[group];
        in->rows = rows + group * nq;
        TRY(answer(in, err));
        if (nq == 1)
            TRY(emit_answer(in, 0, in->rows, err));
    }
    for (size_t k = 0; nq > 1 && k < nq; k++)
        for (size_t group = 0; group < ngroups; group++) {
            in->labels = h->groups.keys.at[group];
            TRY(emit_answer(in, k, &rows[group * nq + k], err));
        }
    return note_falls_end(in->call->stage);
}

/* Of the histograms in argument number arg. */
static enum ampql_code estimate_all(struct call *call, size_t arg, const struct question *questions,
                                    size_t n, struct ampql_error *err)
{
    struct histograms h = {0};
    struct inquiry in = {.call = call,
                         .where = call->ast->u.call.args[arg],
                         .questions = questions,
                         .nquestions = n};
    enum ampql_code code = collect(call, &call->args[arg], in.where, &h, err);
    if (code == AMPQL_OK)
        code = estimate(&h, &in, err);
    groups_done(&h.groups);
    return code;
}

static enum ampql_code note_quantiles(struct call *call, const struct ast *where, const double *q)
{
    for (size_t i = 0; i < call->grid->n; i++)
        if (i == 0 || bits_of(q[i]) != bits_of(q[i - 1]))
            TRY(note_quantile(call->stage, where, q[i]));
    return AMPQL_OK;
}

static enum ampql_code histogram_quantile(struct call *call, struct ampql_error *err)
{
    struct question question = {.low = call_scalar(call, 0), .label = SYMBOL_NONE};
    TRY(note_quantiles(call, call->ast->u.call.args[0], question.low));
    return estimate_all(call, 1, &question, 1, err);
}

/* The vector, the label, and up to ten quantiles. */
static enum ampql_code histogram_quantiles(struct call *call, struct ampql_error *err)
{
    const struct ast_call *ast = &call->ast->u.call;
    struct question questions[MOST_QUANTILES];
    symbol label = symbols_intern(call->symbols, ast_unwrap(ast->args[1])->u.string);
    if (label == SYMBOL_NONE)
        return fail_nomem(err, "a label");
    size_t n = call->nargs - 1; /* the string is not among the rows */
    for (size_t i = 0; i < n; i++) {
        questions[i] = (struct question){.low = call_scalar(call, i + 1), .label = label};
        TRY(note_quantiles(call, ast->args[i + 2], questions[i].low));
    }
    return estimate_all(call, 0, questions, n, err);
}

static enum ampql_code histogram_fraction(struct call *call, struct ampql_error *err)
{
    if (call->dialect == AMPQL_PROM2) /* knows it of native histograms only */
        return AMPQL_OK;
    struct question question = {call_scalar(call, 0), call_scalar(call, 1), SYMBOL_NONE};
    return estimate_all(call, 2, &question, 1, err);
}

static void skip_floats(struct row *row, const struct params *params)
{
    (void)params;
    row_clear(row);
}

#define NATIVE(NAME, HELP) MAP(NAME, skip_floats, HELP, .args = {VALUE_VECTOR}, .nargs = 1)

static const struct function rows[] = {
    NATIVE("histogram_avg", "Mean of native histograms; empty for floats."),
    NATIVE("histogram_count", "Observations in native histograms; empty for floats."),
    CALL("histogram_fraction", histogram_fraction, "Share of observations between two values.",
         .args = {VALUE_SCALAR, VALUE_SCALAR, VALUE_VECTOR}, .nargs = 3, .result = VALUE_VECTOR),
    CALL("histogram_quantile", histogram_quantile, "Quantile estimated from a histogram's buckets.",
         .args = {VALUE_SCALAR, VALUE_VECTOR}, .nargs = 2, .result = VALUE_VECTOR),
    CALL("histogram_quantiles", histogram_quantiles,
         "Several quantiles estimated from a histogram's buckets, each under a label.",
         .args = {VALUE_VECTOR, VALUE_STRING, VALUE_SCALAR, VALUE_SCALAR, VALUE_SCALAR,
                  VALUE_SCALAR},
         .nargs = 2 + MOST_QUANTILES, .optional = MOST_QUANTILES - 1, .result = VALUE_VECTOR,
         .experimental = true),
    NATIVE("histogram_stddev", "Standard deviation of native histograms; empty for floats."),
    NATIVE("histogram_stdvar", "Variance of native histograms; empty for floats."),
    NATIVE("histogram_sum", "Sum of native histograms; empty for floats."),
};
const struct function_table functions_histogram = {rows, sizeof rows / sizeof *rows};
