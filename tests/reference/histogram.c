/* histogram_quantile and histogram_fraction over classic buckets, in the reference evaluator. */
#include "reference/table.h"

#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

struct bucket {
    double bound, count;
};

struct buckets {
    ARRAY(struct bucket);
};

static int by_bound(const void *a, const void *b)
{
    double x = ((const struct bucket *)a)->bound, y = ((const struct bucket *)b)->bound;
    return (x > y) - (x < y);
}

/* Sorted, buckets of equal bound added up. */
static void tidy(struct buckets *b)
{
    /* insertion, so that equal bounds keep their order and add up in it */
    for (size_t i = 1; i < b->n; i++)
        for (size_t j = i; j > 0 && by_bound(&b->at[j - 1], &b->at[j]) > 0; j--) {
            struct bucket swap = b->at[j];
            b->at[j] = b->at[j - 1];
            b->at[j - 1] = swap;
        }
    size_t n = b->n ? 1 : 0;
    for (size_t i = 1; i < b->n; i++) {
        if (b->at[i].bound == b->at[n - 1].bound)
            b->at[n - 1].count += b->at[i].count;
        else
            b->at[n++] = b->at[i];
    }
    b->n = n;
}

static bool almost_equal(double a, double b)
{
    double sum = fabs(a) + fabs(b), difference = fabs(a - b);
    if (a == b)
        return true;
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < 1e-12 * DBL_MIN;
    return difference / fmin(sum, DBL_MAX) < 1e-12;
}

static void make_monotonic(struct buckets *b, bool prom2)
{
    for (size_t i = 1; i < b->n; i++) {
        double before = b->at[i - 1].count, count = b->at[i].count;
        if (count < before || (!prom2 && almost_equal(before, count)))
            b->at[i].count = before;
    }
}

static bool ends_in_infinity(const struct buckets *b)
{
    return b->n > 0 && b->at[b->n - 1].bound == INFINITY;
}

static double bucket_quantile(double q, struct buckets *b, bool prom2)
{
    if (isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    tidy(b);
    if (!ends_in_infinity(b))
        return NAN;
    make_monotonic(b, prom2);
    double total = b->at[b->n - 1].count;
    if (b->n < 2 || total == 0)
        return NAN;
    double rank = q * total;
    size_t low = 0, high = b->n - 1; /* the first count >= rank, found by halving */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (b->at[middle].count >= rank)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == b->n - 1)
        return b->at[b->n - 2].bound;
    if (low == 0 && b->at[0].bound <= 0)
        return b->at[0].bound;
    double start = 0, end = b->at[low].bound, count = b->at[low].count;
    if (low > 0) {
        start = b->at[low - 1].bound;
        count -= b->at[low - 1].count;
        rank -= b->at[low - 1].count;
    }
    return start + (end - start) * (rank / count);
}

/* The number of observations below `value`. */
static double rank_below(const struct buckets *b, double value)
{
    double rank = 0, total = b->at[b->n - 1].count;
    for (size_t i = 0; i < b->n; i++) {
        double upper = b->at[i].bound;
        double lower = i > 0 ? b->at[i - 1].bound : upper <= 0 ? -INFINITY : 0;
        if (lower >= value)
            return rank > total ? total : rank;
        if (upper > value) {
            rank = lower == -INFINITY
                       ? b->at[i].count
                       : rank + (b->at[i].count - rank) * (value - lower) / (upper - lower);
            return rank > total ? total : rank;
        }
        rank = b->at[i].count;
    }
    return total;
}

static double bucket_fraction(double low, double high, struct buckets *b)
{
    tidy(b);
    if (!ends_in_infinity(b))
        return NAN;
    double total = b->at[b->n - 1].count;
    if (total == 0 || isnan(low) || isnan(high))
        return NAN;
    if (low >= high)
        return 0;
    return (rank_below(b, high) - rank_below(b, low)) / total;
}

/* Rows with a readable `le`, in groups of equal labels but le. */
struct groups {
    struct ref_table *out;
    size_t *group; /* [rows]; SIZE_MAX: no readable le */
    double *bound; /* [rows] */
};

static struct groups group_rows(struct ref_run *run, const struct ref_table *in)
{
    const struct str le = STR("le");
    struct groups g = {ref_table_new(run, VALUE_VECTOR, in->nsteps),
                       ref_alloc(run, in->n, sizeof *g.group),
                       ref_alloc(run, in->n, sizeof *g.bound)};
    for (size_t i = 0; i < in->n; i++) {
        g.group[i] = SIZE_MAX;
        if (!number_parse(ref_get(in->at[i].labels, le), &g.bound[i]) ||
            (isnan(g.bound[i]) && !run->prom2))
            continue;
        struct ref_labels key = ref_drop(run, in->at[i].labels, &(struct names){.at = &le, .n = 1});
        size_t k = 0;
        while (k < g.out->n && !ref_same(g.out->at[k].labels, key))
            k++;
        if (k == g.out->n)
            ref_row_new(run, g.out, key);
        g.group[i] = k;
    }
    return g;
}

static struct buckets gather(struct ref_run *run, const struct ref_table *in,
                             const struct groups *g, size_t group, size_t s)
{
    struct buckets b = {0};
    for (size_t i = 0; i < in->n; i++)
        if (g->group[i] == group && in->at[i].here[s] &&
            !array_push(&b, run->arena, (struct bucket){g->bound[i], in->at[i].v[s]}))
            abort();
    return b;
}

static struct ref_table *over_groups(struct ref_run *run, const struct ref_table *in,
                                     const struct ref_table *a, const struct ref_table *b)
{
    struct groups g = group_rows(run, in);
    for (size_t k = 0; k < g.out->n; k++) {
        struct ref_row *row = &g.out->at[k];
        for (size_t s = 0; s < in->nsteps; s++) {
            struct buckets buckets = gather(run, in, &g, k, s);
            row->here[s] = buckets.n > 0;
            if (buckets.n > 0)
                row->v[s] = b ? bucket_fraction(a->scalar[s], b->scalar[s], &buckets)
                              : bucket_quantile(a->scalar[s], &buckets, run->prom2);
        }
        row->labels = ref_drop_name(run, row->labels);
    }
    return ref_merge(run, g.out, false);
}

struct ref_table *ref_histogram_quantile(struct ref_run *run, const struct ast *ast,
                                         struct ref_grid grid)
{
    struct ast **args = ast->u.call.args;
    struct ref_table *q = ref_eval(run, args[0], grid);
    return over_groups(run, ref_eval(run, args[1], grid), q, NULL);
}

struct ref_table *ref_histogram_fraction(struct ref_run *run, const struct ast *ast,
                                         struct ref_grid grid)
{
    struct ast **args = ast->u.call.args;
    struct ref_table *low = ref_eval(run, args[0], grid), *high = ref_eval(run, args[1], grid);
    struct ref_table *in = ref_eval(run, args[2], grid); /* which may fail in either dialect */
    if (run->prom2)                                      /* of native histograms only */
        return ref_table_new(run, VALUE_VECTOR, grid.n);
    return over_groups(run, in, low, high);
}

static struct str quantile_text(struct ref_run *run, double q)
{
    char *text = ref_alloc(run, NUMBER_MAX + 2, 1);
    size_t n = number_format_general(q == 0 ? 0 : q, text);
    if (isfinite(q) && !memchr(text, '.', n) && !memchr(text, 'e', n)) {
        memcpy(text + n, ".0", 2);
        n += 2;
    }
    return str_make(text, n);
}

/* Each histogram is asked for one quantile after the other, as the last one left its buckets, and
 * each step's answer goes under the label that the quantile has there. */
struct ref_table *ref_histogram_quantiles(struct ref_run *run, const struct ast *ast,
                                          struct ref_grid grid)
{
    const struct ast_call *call = &ast->u.call;
    struct str label = ast_unwrap(call->args[1])->u.string;
    struct ref_table *in = ref_eval(run, call->args[0], grid);
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, grid.n), *q[10];
    struct groups g = group_rows(run, in);
    size_t nq = call->nargs - 2;
    for (size_t i = 0; i < nq; i++)
        q[i] = ref_eval(run, call->args[i + 2], grid);
    for (size_t wanted = 0; wanted < nq; wanted++)
        for (size_t k = 0; k < g.out->n; k++) {
            struct ref_labels labels = ref_drop_name(run, g.out->at[k].labels);
            for (size_t s = 0; s < grid.n; s++) {
                struct buckets buckets = gather(run, in, &g, k, s);
                size_t n = buckets.n;
                double v = 0;
                for (size_t i = 0; n > 0 && i <= wanted; i++) {
                    buckets.n = n;
                    v = bucket_quantile(q[i]->scalar[s], &buckets, run->prom2);
                }
                if (n == 0)
                    continue;
                struct str text = quantile_text(run, q[wanted]->scalar[s]);
                struct ref_row *row = ref_row_new(run, out, ref_set(run, labels, label, text));
                row->here[s] = true;
                row->v[s] = v;
            }
        }
    return ref_merge_steps(run, out, grid);
}
