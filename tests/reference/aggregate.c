/* Aggregations of the reference evaluator: at each step, gather the samples of a group, compute. */
#include "reference/table.h"

#include "base/error.h"
#include "base/number.h"

#include <math.h>
#include <stdlib.h>

static struct ref_labels group_key(struct ref_run *run, const struct ast_aggregate *a,
                                   struct ref_labels labels)
{
    if (!a->is_without)
        return ref_keep(run, labels, &a->grouping);
    const struct str name = STR("__name__");
    return ref_drop(run, ref_drop(run, labels, &a->grouping), &(struct names){&name, 1});
}

static double sum_of(const double *v, size_t n, bool prom2)
{
    double sum = v[0], c = 0;
    for (size_t i = 1; i < n; i++) {
        if (prom2)
            sum += v[i];
        else
            ref_add(v[i], &sum, &c, false);
    }
    return prom2 ? sum : sum + c;
}

static double avg_prom2(const double *v, size_t n)
{
    double mean = v[0];
    for (size_t i = 1; i < n; i++) {
        double count = (double)(i + 1);
        if (isinf(mean) && ((isinf(v[i]) && (mean > 0) == (v[i] > 0)) || isfinite(v[i])))
            continue; /* the infinite mean stays */
        mean += v[i] / count - mean / count;
    }
    return mean;
}

static double avg_prom3(const double *v, size_t n)
{
    double sum = v[0], c = 0, mean = 0;
    bool is_incremental = false;
    for (size_t i = 1; i < n; i++) {
        double count = (double)(i + 1);
        if (!is_incremental) {
            double next = sum, next_c = c;
            ref_add(v[i], &next, &next_c, false);
            if (!isinf(next)) {
                sum = next;
                c = next_c;
                continue;
            }
            is_incremental = true;
            mean = sum / (count - 1);
            c /= count - 1;
        }
        double q = (count - 1) / count;
        mean *= q;
        c *= q;
        ref_add(v[i] / count, &mean, &c, false);
    }
    return is_incremental ? mean + c : sum / (double)n + c / (double)n;
}

static double variance_of(const double *v, size_t n, bool prom2)
{
    double mean = v[0], m = !prom2 && !isfinite(v[0]) ? NAN : 0;
    for (size_t i = 1; i < n; i++) {
        double delta = v[i] - mean;
        mean += delta / (double)(i + 1);
        m += delta * (v[i] - mean);
    }
    return m / (double)n;
}

static double extreme_of(const double *v, size_t n, bool is_max)
{
    double best = v[0];
    for (size_t i = 1; i < n; i++)
        if (isnan(best) || (is_max ? v[i] > best : v[i] < best))
            best = v[i];
    return best;
}

static double aggregate_values(struct ref_run *run, enum aggregation op, double param,
                               const double *v, size_t n)
{
    switch (op) {
    case AGGREGATION_SUM:
        return sum_of(v, n, run->prom2);
    case AGGREGATION_AVG:
        return run->prom2 ? avg_prom2(v, n) : avg_prom3(v, n);
    case AGGREGATION_COUNT:
        return (double)n;
    case AGGREGATION_GROUP:
        return 1;
    case AGGREGATION_MIN:
    case AGGREGATION_MAX:
        return extreme_of(v, n, op == AGGREGATION_MAX);
    case AGGREGATION_STDVAR:
        return variance_of(v, n, run->prom2);
    case AGGREGATION_STDDEV:
        return sqrt(variance_of(v, n, run->prom2));
    case AGGREGATION_QUANTILE:
        return ref_quantile(run, param, v, n);
    default:
        ref_fail(run, AMPQL_UNSUPPORTED, "aggregation %s is not in the reference",
                 aggregation_info[op].text);
    }
}

/* The groups in first-seen order; group [nrows] says to which each row belongs. */
static struct ref_table *make_groups(struct ref_run *run, const struct ast_aggregate *a,
                                     const struct ref_table *in, size_t *group)
{
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, in->nsteps);
    for (size_t i = 0; i < in->n; i++) {
        struct ref_labels key = group_key(run, a, in->at[i].labels);
        size_t g = 0;
        while (g < out->n && !ref_same(out->at[g].labels, key))
            g++;
        if (g == out->n)
            ref_row_new(run, out, key);
        group[i] = g;
    }
    return out;
}

static struct ref_table *plain(struct ref_run *run, const struct ast_aggregate *a,
                               const struct ref_table *in, const struct ref_table *param)
{
    size_t *group = ref_alloc(run, in->n, sizeof *group);
    double *v = ref_alloc(run, in->n, sizeof *v);
    struct ref_table *out = make_groups(run, a, in, group);
    for (size_t g = 0; g < out->n; g++) {
        for (size_t s = 0; s < in->nsteps; s++) {
            size_t n = 0;
            for (size_t i = 0; i < in->n; i++)
                if (group[i] == g && in->at[i].here[s])
                    v[n++] = in->at[i].v[s];
            out->at[g].here[s] = n > 0;
            if (n > 0)
                out->at[g].v[s] = aggregate_values(run, a->op, param ? param->scalar[s] : 0, v, n);
        }
    }
    return out;
}

/* Is x the better one? NaN is worse than everything. */
static bool is_better(double x, double y, bool is_top)
{
    if (isnan(x) || isnan(y))
        return !isnan(x) && isnan(y);
    return is_top ? x > y : x < y;
}

/* Rank of row i among the rows of its group at step s: better ones, and equal ones seen before. */
static size_t rank_of(const struct ref_table *in, const size_t *group, size_t i, size_t s,
                      bool is_top)
{
    size_t rank = 0;
    for (size_t j = 0; j < in->n; j++) {
        if (j == i || group[j] != group[i] || !in->at[j].here[s])
            continue;
        double x = in->at[j].v[s], y = in->at[i].v[s];
        if (is_better(x, y, is_top) || (!is_better(y, x, is_top) && j < i))
            rank++;
    }
    return rank;
}

static void check_k(struct ref_run *run, const struct ref_table *k, bool *is_void)
{
    double largest = -INFINITY;
    bool has_nan = false;
    *is_void = true;
    for (size_t s = 0; s < k->nsteps; s++) {
        has_nan = has_nan || isnan(k->scalar[s]);
        *is_void = *is_void && k->scalar[s] < 1;
        if (run->prom2 &&
            !(k->scalar[s] >= -9223372036854775808.0 && k->scalar[s] <= 9223372036854774784.0))
            ref_fail(run, AMPQL_EXECUTION, "Scalar value %g overflows int64", k->scalar[s]);
        if (k->scalar[s] > largest)
            largest = k->scalar[s];
    }
    if (*is_void)
        return;
    if (has_nan)
        ref_fail(run, AMPQL_EXECUTION, "Parameter value is NaN");
    for (size_t s = 0; s < k->nsteps; s++)
        if (k->scalar[s] <= -9223372036854775808.0)
            ref_fail(run, AMPQL_EXECUTION, "Scalar value %g underflows int64", k->scalar[s]);
    if (!run->prom2 && largest >= 9223372036854774784.0)
        ref_fail(run, AMPQL_EXECUTION, "Scalar value %g overflows int64", largest);
}

/* topk, bottomk. Of one step the result is in order of rank, group by group; of more it keeps the
 * order of its input. */
static struct ref_table *top(struct ref_run *run, const struct ast_aggregate *a,
                             const struct ref_table *in, const struct ref_table *k)
{
    bool is_top = a->op == AGGREGATION_TOPK, is_void;
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, in->nsteps);
    check_k(run, k, &is_void);
    if (is_void)
        return out;
    size_t *group = ref_alloc(run, in->n, sizeof *group);
    size_t ngroups = make_groups(run, a, in, group)->n;
    for (size_t i = 0; i < in->n; i++)
        ref_row_new(run, out, in->at[i].labels);
    for (size_t s = 0; s < in->nsteps; s++) {
        for (size_t i = 0; i < in->n; i++) {
            if (!in->at[i].here[s] || k->scalar[s] < 1 ||
                (double)rank_of(in, group, i, s, is_top) >= floor(k->scalar[s]))
                continue;
            out->at[i].here[s] = true;
            out->at[i].v[s] = in->at[i].v[s];
        }
    }
    if (in->nsteps != 1)
        return ref_merge(run, out, false);
    struct ref_table *ordered = ref_table_new(run, VALUE_VECTOR, 1);
    for (size_t g = 0; g < ngroups; g++)
        for (size_t rank = 0; rank < in->n; rank++)
            for (size_t i = 0; i < in->n; i++)
                if (group[i] == g && out->at[i].here[0] &&
                    rank_of(in, group, i, 0, is_top) == rank &&
                    !array_push(ordered, run->arena, out->at[i]))
                    abort();
    return ordered;
}

static bool is_label_name(struct ref_run *run, struct str name)
{
    if (name.n == 0)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        bool is_letter = c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (run->prom2 && !is_letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

static struct ref_table *count_values(struct ref_run *run, const struct ast_aggregate *a,
                                      const struct ref_table *in, struct str label)
{
    if (!is_label_name(run, label))
        ref_fail(run, AMPQL_EXECUTION, "invalid label name \"%.*s\"", STR_ARGS(label));
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, in->nsteps);
    for (size_t i = 0; i < in->n; i++) {
        for (size_t s = 0; s < in->nsteps; s++) {
            if (!in->at[i].here[s])
                continue;
            char *text = ref_alloc(run, NUMBER_MAX, 1);
            size_t n = number_format_fixed(in->at[i].v[s], text);
            struct ref_labels labels = ref_set(run, in->at[i].labels, label, str_make(text, n));
            struct ref_labels key = group_key(run, a, labels);
            if (!a->is_without)
                key = ref_set(run, key, label, str_make(text, n));
            struct ref_row *row = NULL;
            for (size_t g = 0; g < out->n && !row; g++)
                if (ref_same(out->at[g].labels, key))
                    row = &out->at[g];
            if (!row)
                row = ref_row_new(run, out, key);
            row->here[s] = true;
            row->v[s]++;
        }
    }
    return out;
}

struct ref_table *ref_aggregate(struct ref_run *run, const struct ast *ast, struct ref_grid grid)
{
    const struct ast_aggregate *a = &ast->u.aggregate;
    struct ref_table *param = a->param ? ref_eval(run, a->param, grid) : NULL;
    struct ref_table *in = ref_eval(run, a->expr, grid);
    switch (a->op) {
    case AGGREGATION_TOPK:
    case AGGREGATION_BOTTOMK:
        return top(run, a, in, param);
    case AGGREGATION_COUNT_VALUES:
        return count_values(run, a, in, param->string);
    default:
        return ref_merge(run, plain(run, a, in, param), false);
    }
}
