/* histogram_quantile histogram_fraction: estimates from classic histograms, whose buckets are
 * series with an upper bound in the label le.
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

static double quantile_of_buckets(double q, struct buckets b, enum ampql_dialect dialect,
                                  struct falling *falling)
{
    *falling = (struct falling){0};
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

/* A histogram's quantiles at all steps. */
static enum ampql_code quantiles(struct call *call, const struct ast *where,
                                 const struct source *sources, size_t n, struct labels labels,
                                 const double *q, struct bucket *room, struct row *out)
{
    for (size_t i = 0; i < out->n; i++) {
        struct buckets b = buckets_at(sources, n, i, room);
        struct falling falling;
        out->v[i] = 0;
        if (b.n == 0)
            continue;
        out->v[i] = quantile_of_buckets(q[i], b, call->dialect, &falling);
        row_mark(out, i);
        falling.first_ms = falling.last_ms = grid_time(call->grid, i);
        if (falling.n)
            TRY(note_falling(call->stage, where, labels, &falling, i));
    }
    return AMPQL_OK;
}

static void fractions(const struct source *sources, size_t n, const double *low, const double *high,
                      struct bucket *room, struct row *out)
{
    for (size_t i = 0; i < out->n; i++) {
        struct buckets b = buckets_at(sources, n, i, room);
        out->v[i] = 0;
        if (b.n == 0)
            continue;
        out->v[i] = fraction_of_buckets(low[i], high[i], b);
        row_mark(out, i);
    }
}

/* One series for each histogram; params [step] are scalar arguments, high NULL asks for quantiles.
 */
static enum ampql_code estimate(struct call *call, const struct histograms *h,
                                const struct ast *where, const double *low, const double *high,
                                struct ampql_error *err)
{
    struct bucket *room = arena_alloc(call_arena(call), h->n, sizeof *room);
    if (!room)
        return fail_nomem(err, "a list of buckets");
    for (size_t first = 0, end; first < h->n; first = end) {
        const struct source *sources = &h->sources[first];
        for (end = first + 1; end < h->n && h->sources[end].group == sources->group;)
            end++;
        struct row *row = NULL;
        TRY(call_row(call, &row, err));
        struct labels labels = h->groups.keys.at[sources->group];
        if (high)
            fractions(sources, end - first, low, high, room, row);
        else
            TRY(quantiles(call, where, sources, end - first, labels, low, room, row));
        TRY(call_emit_nameless(call, labels, row));
    }
    return note_falls_end(call->stage);
}

/* Of the histograms in argument number arg. */
static enum ampql_code estimate_all(struct call *call, size_t arg, const double *low,
                                    const double *high, struct ampql_error *err)
{
    struct histograms h = {0};
    const struct ast *where = call->ast->u.call.args[arg];
    enum ampql_code code = collect(call, &call->args[arg], where, &h, err);
    if (code == AMPQL_OK)
        code = estimate(call, &h, where, low, high, err);
    groups_done(&h.groups);
    return code;
}

static enum ampql_code histogram_quantile(struct call *call, struct ampql_error *err)
{
    const struct row *q = &call->args[0].at[0].row;
    for (size_t i = 0; i < q->n; i++)
        if (i == 0 || bits_of(q->v[i]) != bits_of(q->v[i - 1]))
            TRY(note_quantile(call->stage, call->ast->u.call.args[0], q->v[i]));
    return estimate_all(call, 1, q->v, NULL, err);
}

static enum ampql_code histogram_fraction(struct call *call, struct ampql_error *err)
{
    if (call->dialect == AMPQL_PROM2) /* knows it of native histograms only */
        return AMPQL_OK;
    return estimate_all(call, 2, call->args[0].at[0].row.v, call->args[1].at[0].row.v, err);
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
    NATIVE("histogram_stddev", "Standard deviation of native histograms; empty for floats."),
    NATIVE("histogram_stdvar", "Variance of native histograms; empty for floats."),
    NATIVE("histogram_sum", "Sum of native histograms; empty for floats."),
};
const struct function_table functions_histogram = {rows, sizeof rows / sizeof *rows};
