/* Comparing results with what a script expects, and writing down the difference. */
#include "tool/compare.h"

#include "base/number.h"
#include "base/regex.h"
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

int label_sets_compare(const struct ampql_label *a, size_t na, const struct ampql_label *b,
                       size_t nb)
{
    for (size_t i = 0; i < na && i < nb; i++) {
        int order = str_compare(str_view(a[i].name), str_view(b[i].name));
        if (order == 0)
            order = str_compare(str_view(a[i].value), str_view(b[i].value));
        if (order != 0)
            return order;
    }
    return (na > nb) - (na < nb);
}

static void write_number(struct buf *out, double v)
{
    char text[NUMBER_MAX];
    if (is_stale(v))
        buf_text(out, "stale");
    else
        buf_str(out, str_make(text, number_format(v, text)));
}

static void write_labels(struct buf *out, const struct ampql_label *labels, size_t n)
{
    char quoted[AMPQL_MESSAGE_MAX];
    const char *separator = "";
    for (size_t i = 0; i < n; i++)
        if (str_equal(str_view(labels[i].name), STR("__name__")))
            buf_str(out, str_view(labels[i].value));
    buf_text(out, "{");
    for (size_t i = 0; i < n; i++) {
        if (str_equal(str_view(labels[i].name), STR("__name__")))
            continue;
        buf_text(out, separator);
        buf_str(out, str_view(labels[i].name));
        buf_text(out, "=");
        buf_text(out, quote_clipped(quoted, sizeof quoted, str_view(labels[i].value)));
        separator = ", ";
    }
    buf_text(out, "}");
}

/* A series as a script would have it: values in the order of the grid, _ where there is none. */
static void write_series(struct buf *out, const struct outcome_series *s,
                         const struct script_grid *grid)
{
    write_labels(out, s->labels, s->nlabels);
    int64_t t = grid->start_ms;
    for (size_t i = 0; i < s->n; i++) {
        for (; grid->step_ms > 0 && t < s->t_ms[i]; t += grid->step_ms)
            buf_text(out, " _");
        buf_text(out, " ");
        write_number(out, s->v[i]);
        t += grid->step_ms;
    }
}

/* The value expected at a time; false: none. */
static bool expected_at(const struct script_series *want, const struct script_grid *grid, int64_t t,
                        double *out)
{
    int64_t i = grid->step_ms > 0 ? (t - grid->start_ms) / grid->step_ms : 0;
    if (t < grid->start_ms || (grid->step_ms > 0 && (t - grid->start_ms) % grid->step_ms != 0) ||
        (size_t)i >= want->nvalues || want->values[i].kind != SCRIPT_NUMBER)
        return false;
    *out = want->values[i].v;
    return true;
}

static bool series_agree(const struct script_series *want, const struct script_grid *grid,
                         const struct outcome_series *got)
{
    size_t n = 0;
    for (size_t i = 0; i < want->nvalues; i++)
        n += want->values[i].kind == SCRIPT_NUMBER;
    if (n != got->n)
        return false;
    for (size_t i = 0; i < got->n; i++) {
        double v;
        if (!expected_at(want, grid, got->t_ms[i], &v) || !values_agree(v, got->v[i]))
            return false;
    }
    return true;
}

static void write_expected(struct buf *out, const struct script_series *want)
{
    write_labels(out, want->labels, want->nlabels);
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

static bool has_points(const struct script_series *want)
{
    for (size_t i = 0; i < want->nvalues; i++)
        if (want->values[i].kind != SCRIPT_GAP)
            return true;
    return false;
}

static void write_got(struct buf *out, const char *what, const struct outcome_series *got,
                      const struct script_grid *grid)
{
    buf_text(out, what);
    write_series(out, got, grid);
    buf_text(out, "\n");
}

/* One expected series among those that came out. */
static bool find_expected(const struct script_eval *eval, size_t i, const struct script_grid *grid,
                          const struct outcome *got, struct buf *diff)
{
    const struct script_series *want = &eval->series[i];
    for (size_t k = 0; k < got->nseries; k++) {
        if (eval->is_ordered ? k != i : !same_labels(want, &got->series[k]))
            continue;
        if (same_labels(want, &got->series[k]) && series_agree(want, grid, &got->series[k]))
            return true;
        buf_text(diff, "    expected ");
        write_expected(diff, want);
        write_got(diff, "\n    got      ", &got->series[k], grid);
        return false;
    }
    if (!has_points(want))
        return true;
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
    for (size_t k = 1; got->kind == AMPQL_RESULT_MATRIX && k < got->nseries; k++) {
        const struct outcome_series *a = &got->series[k - 1], *b = &got->series[k];
        if (label_sets_compare(a->labels, a->nlabels, b->labels, b->nlabels) < 0)
            continue;
        write_got(diff, "    not in label order or twice: ", b, grid);
        ok = false;
    }
    return ok;
}

static const char *kind_text(enum ampql_result_kind kind)
{
    static const char *const texts[] = {"a scalar", "a vector", "a matrix", "a string"};
    return texts[kind];
}

static bool scalar_meets(double want, double got, struct buf *diff)
{
    if (values_agree(want, got))
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
    if (want == AMPQL_RESULT_SCALAR)
        return scalar_meets(eval->scalar, got->scalar, diff);
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

bool middle_meets(const struct script_eval *eval, const struct outcome *got, struct arena *arena,
                  struct buf *diff)
{
    struct outcome middle = {.kind = AMPQL_RESULT_VECTOR};
    struct outcome_series *series = arena_alloc(arena, got->nseries, sizeof *series);
    if (!series)
        return false;
    for (size_t k = 0; k < got->nseries; k++) {
        const struct outcome_series *s = &got->series[k];
        for (size_t i = 0; i < s->n; i++) {
            if (s->t_ms[i] != eval->grid.start_ms)
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
