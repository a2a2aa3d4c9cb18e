/* What a unit test expects of alerts and expressions against what is there. */
#include "tool/unit.h"

#include "series/label_set.h"
#include "tool/compare.h"
#include "tool/evaluator.h"

#include <math.h>

static enum ampql_code no_memory(const struct unit_test_run *run)
{
    return fail_nomem(run->err, "a unit test");
}

/* ---- alerts that are expected */

static bool same_alert(const struct unit_alert *want, const struct active_alert *got)
{
    return label_sets_compare(want->labels, want->nlabels, got->labels, got->nlabels) == 0 &&
           label_sets_compare(want->annotations, want->nannotations, got->annotations,
                              got->nannotations) == 0;
}

static void write_alert(struct buf *out, const char *what, const struct ampql_label *labels,
                        size_t nlabels, const struct ampql_label *annotations, size_t nannotations)
{
    buf_text(out, what);
    label_set_write(out, labels, nlabels);
    buf_text(out, " ");
    label_set_write(out, annotations, nannotations);
    buf_text(out, "\n");
}

/* The alerts that fire under a name, in all groups. */
struct firing {
    ARRAY(const struct active_alert *);
};

static enum ampql_code find_firing(struct unit_test_run *run, struct str name, struct firing *out)
{
    for (size_t i = 0; i < run->nrules; i++) {
        const struct unit_rule *state = &run->rules[i];
        if (!state->rule->view.is_alert || !str_equal(str_view(state->rule->view.name), name))
            continue;
        for (size_t k = 0; k < state->alert.active.n; k++) {
            const struct active_alert *alert = &state->alert.active.at[k];
            if (alert->state == ALERT_FIRING && !array_push(out, &run->work, alert))
                return no_memory(run);
        }
    }
    return AMPQL_OK;
}

/* Why nothing is known of the annotations of alerts of that name; p NULL: all is. */
static struct str unknown_annotations(const struct unit_test_run *run, struct str name)
{
    for (size_t i = 0; i < run->nrules; i++)
        if (run->rules[i].alert.unsupported.p &&
            str_equal(str_view(run->rules[i].rule->view.name), name))
            return run->rules[i].alert.unsupported;
    return (struct str){0};
}

/* With alertname, which the file leaves out. */
static enum ampql_code complete(struct unit_test_run *run, const struct unit_alert_test *test,
                                const struct unit_alert *in, struct unit_alert *out)
{
    struct ampql_label *labels = arena_alloc(&run->work, in->nlabels + 1, sizeof *labels);
    size_t n = 0;
    if (!labels)
        return no_memory(run);
    for (size_t i = 0; i < in->nlabels; i++)
        if (!str_equal(str_view(in->labels[i].name), STR("alertname")))
            labels[n++] = in->labels[i];
    labels[n++] = (struct ampql_label){string_view(STR("alertname")), string_view(test->name)};
    label_set_sort(labels, n);
    *out = *in;
    out->labels = labels;
    out->nlabels = n;
    return AMPQL_OK;
}

static bool take_same(struct firing *firing, const struct unit_alert *want)
{
    for (size_t i = 0; i < firing->n; i++) {
        if (!same_alert(want, firing->at[i]))
            continue;
        firing->at[i] = firing->at[--firing->n];
        return true;
    }
    return false;
}

static enum ampql_code check_alerts(struct unit_test_run *run, const struct unit_alert_test *test)
{
    struct firing firing = {0};
    struct str unknown = unknown_annotations(run, test->name);
    TRY(find_firing(run, test->name, &firing));
    if (unknown.p && firing.n > 0) {
        unit_report(run, test->line, "alert ", test->name, test->t_ms, VERDICT_SKIPPED, unknown);
        return AMPQL_OK;
    }
    for (size_t i = 0; i < test->nalerts; i++) {
        struct unit_alert want = {0};
        TRY(complete(run, test, &test->alerts[i], &want));
        if (!take_same(&firing, &want))
            write_alert(&run->diff, "    missing  ", want.labels, want.nlabels, want.annotations,
                        want.nannotations);
    }
    for (size_t i = 0; i < firing.n; i++)
        write_alert(&run->diff, "    too many ", firing.at[i]->labels, firing.at[i]->nlabels,
                    firing.at[i]->annotations, firing.at[i]->nannotations);
    unit_report(run, test->line, "alert ", test->name, test->t_ms,
                run->diff.n == 0 ? VERDICT_PASSED : VERDICT_FAILED, STR(""));
    return AMPQL_OK;
}

enum ampql_code unit_check_alerts(struct unit_test_run *run, int64_t tick_ms)
{
    int64_t since_ms = tick_ms - run->test->start_ms;
    for (size_t i = 0; i < run->test->nalerts; i++) {
        const struct unit_alert_test *test = &run->test->alerts[i];
        if (test->t_ms >= since_ms && test->t_ms - since_ms < run->context->file->interval_ms)
            TRY(check_alerts(run, test));
    }
    return AMPQL_OK;
}

/* ---- expressions */

/* What Go's == has equal is equal: 0 and -0. Neighbours are where the file says so. */
static void forgive(const struct unit_test_run *run, const struct unit_expr_test *test,
                    struct outcome_series *got, double *v)
{
    *v += 0.0;
    for (size_t i = 0; run->context->file->is_fuzzy && i < test->nsamples; i++) {
        const struct script_series *want = &test->samples[i];
        double expected = want->values[0].v;
        if (label_sets_compare(want->labels, want->nlabels, got->labels, got->nlabels) == 0 &&
            (nextafter(*v, INFINITY) == expected || nextafter(*v, -INFINITY) == expected))
            *v = expected;
    }
}

/* A vector, or a scalar as one sample without labels. */
static enum ampql_code as_vector(const struct unit_test_run *run, const struct unit_expr_test *test,
                                 struct arena *work, struct outcome *outcome)
{
    size_t n = outcome->kind == AMPQL_RESULT_SCALAR ? 1 : outcome->nseries;
    struct outcome_series *series = arena_alloc(work, n, sizeof *series);
    double *values = arena_alloc(work, n, sizeof *values);
    int64_t *times = arena_zeroed(work, n, sizeof *times);
    if (!series || !values || !times)
        return no_memory(run);
    for (size_t i = 0; i < n; i++) {
        if (outcome->kind == AMPQL_RESULT_SCALAR)
            series[i] = (struct outcome_series){.n = 1};
        else
            series[i] = outcome->series[i];
        values[i] = outcome->kind == AMPQL_RESULT_SCALAR ? outcome->scalar : series[i].v[0];
        forgive(run, test, &series[i], &values[i]);
        series[i].t_ms = &times[i];
        series[i].v = &values[i];
    }
    outcome->kind = AMPQL_RESULT_VECTOR;
    outcome->series = series;
    outcome->nseries = n;
    return AMPQL_OK;
}

static enum ampql_code compare(struct unit_test_run *run, const struct unit_expr_test *test,
                               const struct ampql_result *result)
{
    struct outcome outcome;
    struct script_grid grid = {0};
    if (!outcome_copy(result, &run->work, &outcome))
        return no_memory(run);
    if (outcome.kind != AMPQL_RESULT_VECTOR && outcome.kind != AMPQL_RESULT_SCALAR) {
        buf_text(&run->diff, "    error    the result is neither a vector nor a scalar\n");
        return AMPQL_OK;
    }
    TRY(as_vector(run, test, &run->work, &outcome));
    struct script_eval eval = {
        .is_exact = true,
        .series = test->samples,
        .nseries = test->nsamples,
    };
    outcome_meets(&eval, &grid, &outcome, &run->diff);
    for (size_t i = 0; i < test->nsamples; i++)
        for (size_t k = i + 1; k < test->nsamples; k++)
            if (label_sets_compare(test->samples[i].labels, test->samples[i].nlabels,
                                   test->samples[k].labels, test->samples[k].nlabels) == 0)
                buf_format(&run->diff, "    line %zu expects a series that line %zu has, too\n",
                           test->samples[k].line, test->samples[i].line);
    return AMPQL_OK;
}

/* An error in the expression's text has a place in the file. */
static void write_error(struct unit_test_run *run, const struct unit_expr_test *test,
                        const struct ampql_error *why)
{
    buf_text(&run->diff, "    error    ");
    if (why->has_span && test->expr.place.line) {
        struct yaml_place place = yaml_inside(run->context->text, &test->expr, why->start);
        buf_format(&run->diff, "%zu:%zu: ", place.line, place.column);
    }
    buf_format(&run->diff, "%s\n", why->message);
}

static enum ampql_code check_expr(struct unit_test_run *run, const struct unit_expr_test *test)
{
    struct ampql_run_options options = unit_options_at(run, run->test->start_ms + test->t_ms);
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    struct ampql_error why = {0};
    struct str text = str_make(test->expr.value.p ? test->expr.value.p : "", test->expr.value.n);
    enum ampql_code code = engine_compile(run->context->engine, text, &query, &why);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, run->source, &options, &result, &why);
    enum ampql_code done = AMPQL_OK;
    if (code == AMPQL_OK)
        done = compare(run, test, result);
    else if (code == AMPQL_NOMEM)
        done = no_memory(run);
    else
        write_error(run, test, &why);
    ampql_result_free(result);
    ampql_query_free(query);
    TRY(done);
    struct str reason = {0};
    if (code == AMPQL_UNSUPPORTED)
        reason = str_of(why.message);
    else if (test->has_histograms)
        reason = STR("needs native histograms");
    unit_report(run, test->line, "", text, test->t_ms,
                reason.p           ? VERDICT_SKIPPED
                : run->diff.n == 0 ? VERDICT_PASSED
                                   : VERDICT_FAILED,
                reason);
    return AMPQL_OK;
}

enum ampql_code unit_check_exprs(struct unit_test_run *run)
{
    for (size_t i = 0; i < run->test->nexprs; i++) {
        TRY(check_expr(run, &run->test->exprs[i]));
        arena_reset(&run->work);
    }
    return AMPQL_OK;
}
