/* Comparing results with what a script expects, and writing down the difference. */
#include "tool/compare.h"

#include "base/duration.h"
#include "base/number.h"
#include "base/regex.h"
#include "series/label_set.h"
#include "series/sample.h"

#include <float.h>
#include <math.h>

bool values_agree(double a, double b)
{
    if (is_stale(a) || is_stale(b))
        return is_stale(a) && is_stale(b);
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    if (a == b)
        return true;
    double sum = fabs(a) + fabs(b), difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < 1e-6 * DBL_MIN;
    return difference / fmin(sum, DBL_MAX) < 1e-6;
}

/* As bits where a script says so; which NaN a NaN is does not count. */
static bool value_meets(const struct script_eval *eval, double want, double got)
{
    return values_agree(want, got) &&
           (!eval->is_exact || bits_of(want) == bits_of(got) || (isnan(want) && !is_stale(want)));
}

static void write_number(struct buf *out, double v)
{
    char text[NUMBER_MAX];
    if (is_stale(v))
        buf_text(out, "stale");
    else
        buf_str(out, str_make(text, number_format(v, text)));
}

/* A series as a script would have it: values in the order of the grid, _ where there is none. */
static void write_series(struct buf *out, const struct outcome_series *s,
                         const struct script_grid *grid)
{
    label_set_write(out, s->labels, s->nlabels);
    int64_t t = grid->start_ms;
    for (size_t i = 0; i < s->n; i++) {
        for (; grid->step_ms > 0 && t < s->t_ms[i]; t += grid->step_ms)
            buf_text(out, " _");
        buf_text(out, " ");
        write_number(out, s->v[i]);
        t += grid->step_ms;
    }
}

/* How many values a series can have on the grid. */
static size_t grid_steps(const struct script_grid *grid)
{
    return grid->step_ms > 0 ? (size_t)((grid->end_ms - grid->start_ms) / grid->step_ms) + 1 : 1;
}

/* Where two series part: the first time that only one has, or at which their values differ. */
struct difference {
    int64_t t_ms;
    bool has_want, has_got;
    double want, got;
};

/* The next value that is expected, from *i on; false: none. */
static bool next_expected(const struct script_series *want, const struct script_grid *grid,
                          size_t *i, int64_t *t, double *v)
{
    while (*i < want->nvalues && want->values[*i].kind != SCRIPT_NUMBER)
        ++*i;
    if (*i == want->nvalues)
        return false;
    *t = grid->start_ms + (int64_t)*i * grid->step_ms;
    *v = want->values[*i].v;
    return true;
}

static bool series_agree(const struct script_eval *eval, const struct script_series *want,
                         const struct script_grid *grid, const struct outcome_series *got,
                         struct difference *out)
{
    for (size_t i = 0, k = 0;; i++, k++) {
        int64_t t = INT64_MAX;
        *out = (struct difference){0};
        out->has_want = next_expected(want, grid, &i, &t, &out->want);
        out->has_got = k < got->n;
        if (!out->has_want && !out->has_got)
            return want->nvalues <= grid_steps(grid);
        out->t_ms = t;
        if (out->has_got) {
            out->got = got->v[k];
            /* an instant's sample may have a time of its own */
            int64_t got_t = grid->step_ms > 0 || got->n > 1 ? got->t_ms[k] : grid->start_ms;
            if (got_t < t) {
                out->has_want = false;
                out->t_ms = got_t;
            } else if (got_t > t) {
                out->has_got = false;
            }
        }
        if (!out->has_want || !out->has_got || !value_meets(eval, out->want, out->got))
            return false;
    }
}

/* "    differs  at 2m: expected 5, got _", of series with more than one value. */
static void write_difference(struct buf *out, const struct difference *d)
{
    char at[DURATION_MAX];
    size_t n = duration_format(d->t_ms < 0 ? -d->t_ms : d->t_ms, at);
    buf_format(out, "    differs  at %s%.*s: expected ", d->t_ms < 0 ? "-" : "", (int)n, at);
    if (d->has_want)
        write_number(out, d->want);
    else
        buf_text(out, "_");
    buf_text(out, ", got ");
    if (d->has_got)
        write_number(out, d->got);
    else
        buf_text(out, "_");
    buf_text(out, "\n");
}

static void write_expected(struct buf *out, const struct script_series *want)
{
    label_set_write(out, want->labels, want->nlabels);
    for (size_t i = 0; i < want->nvalues; i++) {
        buf_text(out, " ");
        if (want->values[i].kind == SCRIPT_NUMBER)
            write_number(out, want->values[i].v);
        else
            buf_text(out, want->values[i].kind == SCRIPT_GAP ? "_" : "{{histogram}}");
    }
}

static bool same_labels(const struct script_series *want, const struct outcome_series *got)
{
    return label_sets_compare(want->labels, want->nlabels, got->labels, got->nlabels) == 0;
}

static void write_got(struct buf *out, const char *what, const struct outcome_series *got,
                      const struct script_grid *grid)
{
    buf_text(out, what);
    write_series(out, got, grid);
    buf_text(out, "\n");
}

/* A series that is written twice is expected as it is written last. */
static bool is_rewritten(const struct script_eval *eval, size_t i)
{
    for (size_t k = i + 1; k < eval->nseries; k++)
        if (label_sets_compare(eval->series[i].labels, eval->series[i].nlabels,
                               eval->series[k].labels, eval->series[k].nlabels) == 0)
            return true;
    return false;
}

/* One expected series among those that came out. */
static bool find_expected(const struct script_eval *eval, size_t i, const struct script_grid *grid,
                          const struct outcome *got, struct buf *diff)
{
    const struct script_series *want = &eval->series[i];
    if (!eval->is_ordered && is_rewritten(eval, i))
        return true;
    for (size_t k = 0; k < got->nseries; k++) {
        const struct outcome_series *series = &got->series[k];
        struct difference difference = {0};
        if (eval->is_ordered ? k != i : !same_labels(want, series))
            continue;
        bool is_same = same_labels(want, series);
        if (is_same && series_agree(eval, want, grid, series, &difference))
            return true;
        buf_text(diff, "    expected ");
        write_expected(diff, want);
        write_got(diff, "\n    got      ", series, grid);
        if (is_same && want->nvalues > grid_steps(grid))
            buf_text(diff, "    more values are expected than there are steps\n");
        else if (is_same && grid->step_ms > 0)
            write_difference(diff, &difference);
        return false;
    }
    buf_text(diff, "    missing  ");
    write_expected(diff, want);
    buf_text(diff, "\n");
    return false;
}

static bool is_expected(const struct script_eval *eval, const struct outcome_series *got)
{
    for (size_t i = 0; i < eval->nseries; i++)
        if (same_labels(&eval->series[i], got))
            return true;
    return false;
}

static bool is_sorted(const struct outcome *got, const struct script_grid *grid, struct buf *diff)
{
    bool ok = true;
    for (size_t k = 1; k < got->nseries; k++) {
        const struct outcome_series *a = &got->series[k - 1], *b = &got->series[k];
        if (label_sets_compare(a->labels, a->nlabels, b->labels, b->nlabels) < 0)
            continue;
        write_got(diff, "    not in label order or twice: ", b, grid);
        ok = false;
    }
    return ok;
}

static bool series_meet(const struct script_eval *eval, const struct script_grid *grid,
                        const struct outcome *got, struct buf *diff)
{
    bool ok = true;
    for (size_t i = 0; i < eval->nseries; i++)
        ok = find_expected(eval, i, grid, got, diff) && ok;
    for (size_t k = 0; k < got->nseries; k++) {
        if (is_expected(eval, &got->series[k]))
            continue;
        write_got(diff, "    too many ", &got->series[k], grid);
        ok = false;
    }
    return (got->kind != AMPQL_RESULT_MATRIX || is_sorted(got, grid, diff)) && ok;
}

static const char *kind_text(enum ampql_result_kind kind)
{
    static const char *const texts[] = {"a scalar", "a vector", "a matrix", "a string"};
    return texts[kind];
}

static bool scalar_meets(const struct script_eval *eval, double got, struct buf *diff)
{
    double want = eval->scalar;
    if (value_meets(eval, want, got))
        return true;
    buf_text(diff, "    expected ");
    write_number(diff, want);
    buf_text(diff, "\n    got      ");
    write_number(diff, got);
    buf_text(diff, "\n");
    return false;
}

bool outcome_meets(const struct script_eval *eval, const struct script_grid *grid,
                   const struct outcome *got, struct buf *diff)
{
    enum ampql_result_kind want = AMPQL_RESULT_MATRIX;
    if (eval->result == SCRIPT_SCALAR)
        want = AMPQL_RESULT_SCALAR;
    else if (eval->result == SCRIPT_STRING)
        want = AMPQL_RESULT_STRING;
    else if (eval->result == SCRIPT_SERIES && grid->step_ms == 0)
        want = AMPQL_RESULT_VECTOR;
    if (got->kind != want) {
        buf_format(diff, "    expected %s, got %s\n", kind_text(want), kind_text(got->kind));
        return false;
    }
    if (want == AMPQL_RESULT_MATRIX && eval->is_ordered) {
        buf_text(diff, "    expected an order, got a matrix\n");
        return false;
    }
    if (want == AMPQL_RESULT_SCALAR)
        return scalar_meets(eval, got->scalar, diff);
    if (want == AMPQL_RESULT_STRING) {
        if (str_equal(eval->string, got->string))
            return true;
        char a[AMPQL_MESSAGE_MAX], b[AMPQL_MESSAGE_MAX];
        buf_format(diff, "    expected %s\n    got      %s\n",
                   quote_clipped(a, sizeof a, eval->string),
                   quote_clipped(b, sizeof b, got->string));
        return false;
    }
    return series_meet(eval, eval->result == SCRIPT_RANGE_VECTOR ? &eval->window : grid, got, diff);
}

bool middle_meets(const struct script_eval *eval, const struct script_grid *range,
                  const struct outcome *got, struct arena *arena, struct buf *diff)
{
    struct outcome middle = {.kind = AMPQL_RESULT_VECTOR};
    struct outcome_series *series = arena_alloc(arena, got->nseries, sizeof *series);
    int64_t t_ms = range->start_ms + range->step_ms;
    if (!series) {
        buf_text(diff, "    no memory\n");
        return false;
    }
    if (!is_sorted(got, range, diff))
        return false;
    if (eval->is_ordered)
        return true; /* a range query's order is its own */
    for (size_t k = 0; k < got->nseries; k++) {
        const struct outcome_series *s = &got->series[k];
        for (size_t i = 0; i < s->n; i++) {
            if (s->t_ms[i] != t_ms)
                continue;
            series[middle.nseries] = *s;
            series[middle.nseries].t_ms = s->t_ms + i;
            series[middle.nseries].v = s->v + i;
            series[middle.nseries++].n = 1;
        }
    }
    middle.series = series;
    if (eval->result == SCRIPT_SCALAR) {
        middle.kind = AMPQL_RESULT_SCALAR;
        middle.scalar = middle.nseries == 1 ? series[0].v[0] : double_of(STALE_BITS);
    }
    return outcome_meets(eval, &eval->grid, &middle, diff);
}

/* Somewhere in the text: base/regex.h matches whole texts, so let anything stand before and after.
 */
static bool regex_meets(struct str source, struct str got)
{
    struct buf wrapped;
    struct regex *regex = NULL;
    bool is_met = false;
    buf_init(&wrapped, &alloc_default, 1 << 16);
    buf_text(&wrapped, "(?s:.*)(?:");
    buf_str(&wrapped, source);
    buf_text(&wrapped, ")(?s:.*)");
    if (wrapped.failed == AMPQL_OK && regex_new(&alloc_default, buf_view(&wrapped),
                                                REGEX_DOT_NO_NEWLINE, &regex, NULL) == AMPQL_OK)
        is_met = regex_match(regex, got);
    regex_free(regex);
    buf_done(&wrapped);
    return is_met;
}

bool text_meets(const struct script_text *expected, struct str got)
{
    switch (expected->kind) {
    case SCRIPT_ANY_TEXT:
        return true;
    case SCRIPT_EXACT_TEXT:
        return str_equal(expected->text, got);
    case SCRIPT_REGEX_TEXT:
        break;
    }
    return regex_meets(expected->text, got);
}
