/* Aggregations of the reference evaluator: at each step, gather the samples of a group, compute. */
#include "reference/table.h"

#include "base/error.h"
#include "base/number.h"
#include "plan/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

static struct ref_labels group_key(struct ref_run *run, const struct ast_aggregate *a,
                                   struct ref_labels labels)
{
    if (!a->is_without)
        return ref_keep(run, labels, &a->grouping);
    const struct str names[] = {STR("__name__"), STR("__type__"), STR("__unit__")};
    return ref_drop(run, ref_drop(run, labels, &a->grouping),
                    &(struct names){.at = names, .n = run->prom2 ? 1 : 3});
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
        if (in->at[i].labels.loses_name)
            out->at[g].labels.loses_name = true;
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

/* Rows of a group at a step, as Go's container/heap holds them: the worst is first. */
struct best {
    const struct ref_table *in;
    size_t step;
    bool is_top;
    size_t *row; /* [n] */
    size_t n;
};

/* Is the row in place a worse than that in place b? NaN is worse than everything. */
static bool is_worse(const struct best *best, size_t a, size_t b)
{
    double x = best->in->at[best->row[a]].v[best->step];
    double y = best->in->at[best->row[b]].v[best->step];
    return isnan(x) || (best->is_top ? x < y : x > y);
}

static void exchange(struct best *best, size_t a, size_t b)
{
    size_t row = best->row[a];
    best->row[a] = best->row[b];
    best->row[b] = row;
}

static void rise(struct best *best, size_t at)
{
    for (; at > 0 && is_worse(best, at, (at - 1) / 2); at = (at - 1) / 2)
        exchange(best, at, (at - 1) / 2);
}

/* Within the first n places. */
static void sink(struct best *best, size_t n)
{
    size_t at = 0;
    while (2 * at + 1 < n) {
        size_t down = 2 * at + 1;
        if (down + 1 < n && is_worse(best, down + 1, down))
            down++;
        if (!is_worse(best, down, at))
            return;
        exchange(best, at, down);
        at = down;
    }
}

/* Take a row among the best k if it is better than the worst of them. 2.42 takes the worst off and
 * puts the new one on, also a NaN for a NaN; 3.x puts it in the worst one's place. */
static void consider(struct best *best, size_t row, size_t k, bool prom2)
{
    best->row[best->n] = row; /* one place more than k is there */
    if (best->n < k) {
        rise(best, best->n++);
        return;
    }
    double worst = best->in->at[best->row[0]].v[best->step], v = best->in->at[row].v[best->step];
    if (!(best->is_top ? worst < v : worst > v) && !(isnan(worst) && (prom2 || !isnan(v))))
        return;
    if (!prom2) {
        best->row[0] = row;
        sink(best, k);
        return;
    }
    exchange(best, 0, k - 1);
    sink(best, k - 1);
    best->row[k - 1] = row;
    rise(best, k - 1);
}

/* Best first, by insertion: what Go's sort does with up to 12. Beyond, equal ones keep the order
 * of the heap, and so do NaN. */
static void sort_best(struct best *best)
{
    for (size_t i = 1; i < best->n; i++)
        for (size_t j = i; j > 0 && is_worse(best, j - 1, j); j--) {
            double x = best->in->at[best->row[j]].v[best->step];
            if (best->n > 12 && isnan(x))
                break;
            exchange(best, j, j - 1);
        }
}

/* The fewest digits that read back, as Go's %v has them; the numbers here are large. */
static const char *count_text(struct ref_run *run, double k)
{
    char *text = ref_alloc(run, 64, 1);
    if (isnan(k))
        return "NaN";
    if (isinf(k))
        return k > 0 ? "+Inf" : "-Inf";
    for (int digits = 0; digits == 0 || (digits < 17 && strtod(text, NULL) != k); digits++)
        snprintf(text, 64, "%.*e", digits, k);
    return text;
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
            ref_fail(run, AMPQL_EXECUTION, "Scalar value %s overflows int64",
                     count_text(run, k->scalar[s]));
        if (k->scalar[s] > largest)
            largest = k->scalar[s];
    }
    if (*is_void)
        return;
    if (has_nan)
        ref_fail(run, AMPQL_EXECUTION, "Parameter value is NaN");
    for (size_t s = 0; s < k->nsteps; s++)
        if (k->scalar[s] <= -9223372036854775808.0)
            ref_fail(run, AMPQL_EXECUTION, "Scalar value %s underflows int64",
                     count_text(run, k->scalar[s]));
    if (!run->prom2 && largest >= 9223372036854774784.0)
        ref_fail(run, AMPQL_EXECUTION, "Scalar value %s overflows int64", count_text(run, largest));
}

/* Rows of one step, those of one group after those of another; inside of a group as a binary heap
 * has them that they were put on one by one, the smallest on top: NaN goes to the top. */
static struct ref_table *in_heaps(struct ref_run *run, const struct ref_table *rows,
                                  const size_t *group)
{
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, 1);
    size_t *heap = ref_alloc(run, rows->n, sizeof *heap);
    for (size_t g = 0; g < rows->n; g++) {
        size_t n = 0;
        for (size_t i = 0; i < rows->n; i++) {
            if (group[i] != g || !rows->at[i].here[0])
                continue;
            size_t at = n++;
            double v = rows->at[i].v[0];
            for (; at > 0 && (isnan(v) || v < rows->at[heap[(at - 1) / 2]].v[0]); at = (at - 1) / 2)
                heap[at] = heap[(at - 1) / 2];
            heap[at] = i;
        }
        for (size_t i = 0; i < n; i++) {
            struct ref_row *row = ref_row_new(run, out, rows->at[heap[i]].labels);
            row->here[0] = true;
            row->v[0] = rows->at[heap[i]].v[0];
        }
    }
    return out;
}

/* limitk: of each group the first k that are there. */
static struct ref_table *limit(struct ref_run *run, const struct ast_aggregate *a,
                               const struct ref_table *in, const struct ref_table *k)
{
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, in->nsteps);
    bool is_void;
    check_k(run, k, &is_void);
    size_t *group = ref_alloc(run, in->n, sizeof *group);
    make_groups(run, a, in, group);
    for (size_t i = 0; i < in->n; i++) {
        struct ref_row *row = ref_row_new(run, out, in->at[i].labels);
        for (size_t s = 0; s < in->nsteps; s++) {
            double before = 0;
            for (size_t j = 0; j < i; j++)
                before += group[j] == group[i] && in->at[j].here[s];
            row->here[s] = in->at[i].here[s] && before + 1 <= k->scalar[s];
            row->v[s] = in->at[i].v[s];
        }
    }
    return in->nsteps == 1 ? in_heaps(run, out, group) : ref_merge(run, out, false);
}

/* Prometheus's hash of a label set, as a share of all hashes. */
static double hash_place(struct ref_run *run, struct ref_labels labels)
{
    size_t size = 1, n = 0;
    for (size_t i = 0; i < labels.n; i++)
        size += labels.at[i].name.n + labels.at[i].value.n + 8;
    unsigned char *text = ref_alloc(run, size, 1);
    for (size_t i = 0; i < 2 * labels.n; i++) {
        struct str s = i % 2 ? labels.at[i / 2].value : labels.at[i / 2].name;
        if (s.n > 254) {
            text[n++] = 255;
            text[n++] = (unsigned char)(s.n % 256);
            text[n++] = (unsigned char)(s.n / 256 % 256);
            text[n++] = (unsigned char)(s.n / 65536);
        } else {
            text[n++] = (unsigned char)s.n;
        }
        for (size_t k = 0; k < s.n; k++)
            text[n++] = (unsigned char)s.p[k];
    }
    return (double)XXH64(text, n, 0) / 18446744073709551615.0;
}

static struct ref_table *limit_ratio(struct ref_run *run, const struct ast_aggregate *a,
                                     const struct ref_table *in, const struct ref_table *ratio)
{
    struct ref_table *out = ref_table_new(run, VALUE_VECTOR, in->nsteps);
    for (size_t s = 0; s < ratio->nsteps; s++)
        if (isnan(ratio->scalar[s]))
            ref_fail(run, AMPQL_EXECUTION, "Ratio value is NaN");
    for (size_t i = 0; i < in->n; i++) {
        struct ref_row *row = ref_row_new(run, out, in->at[i].labels);
        double place = hash_place(run, in->at[i].labels);
        for (size_t s = 0; s < in->nsteps; s++) {
            double r = ratio->scalar[s];
            row->here[s] =
                in->at[i].here[s] && (r >= 0 ? place < fmin(r, 1) : place >= 1 + fmax(r, -1));
            row->v[s] = in->at[i].v[s];
        }
    }
    size_t *group = ref_alloc(run, in->n, sizeof *group);
    make_groups(run, a, in, group);
    return in->nsteps == 1 ? in_heaps(run, out, group) : ref_merge(run, out, false);
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
    struct ref_table *ordered = ref_table_new(run, VALUE_VECTOR, in->nsteps);
    struct best best = {.in = in, .is_top = is_top};
    best.row = ref_alloc(run, in->n + 1, sizeof *best.row);
    for (size_t i = 0; i < in->n; i++)
        ref_row_new(run, out, in->at[i].labels);
    for (size_t g = 0; g < ngroups; g++) {
        for (best.step = 0; best.step < in->nsteps; best.step++) {
            double wanted = k->scalar[best.step];
            best.n = 0;
            for (size_t i = 0; i < in->n && wanted >= 1; i++)
                if (group[i] == g && in->at[i].here[best.step])
                    consider(&best, i, wanted < (double)in->n ? (size_t)wanted : in->n, run->prom2);
            sort_best(&best);
            for (size_t i = 0; i < best.n; i++) {
                struct ref_row *row = &out->at[best.row[i]];
                row->here[best.step] = true;
                row->v[best.step] = in->at[best.row[i]].v[best.step];
                if (in->nsteps == 1 && !array_push(ordered, run->arena, *row))
                    abort();
            }
        }
    }
    return in->nsteps == 1 ? ordered : ref_merge(run, out, false);
}

static struct ref_table *count_values(struct ref_run *run, const struct ast_aggregate *a,
                                      const struct ref_table *in, struct str label)
{
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
            key.loses_name = false;
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
    if (a->op == AGGREGATION_COUNT_VALUES && grid.n > 0 && !ref_is_label_name(run, param->string))
        ref_fail(run, AMPQL_EXECUTION, "invalid label name \"%.*s\"", STR_ARGS(param->string));
    struct ref_table *in = ref_eval(run, a->expr, grid);
    if (param && param->type == VALUE_SCALAR && a->expr->is_invariant)
        for (size_t s = 1; s < grid.n; s++) /* evaluated once, at the first step */
            param->scalar[s] = param->scalar[0];
    switch (a->op) {
    case AGGREGATION_TOPK:
    case AGGREGATION_BOTTOMK:
        return top(run, a, in, param);
    case AGGREGATION_LIMITK:
        return limit(run, a, in, param);
    case AGGREGATION_LIMIT_RATIO:
        return limit_ratio(run, a, in, param);
    case AGGREGATION_COUNT_VALUES:
        return count_values(run, a, in, param->string);
    default:
        return ref_merge(run, plain(run, a, in, param), false);
    }
}
