/* One unit test: at each tick the series so far, and all rules. */
#include "tool/unit.h"

#include "base/duration.h"
#include "series/label_set.h"
#include "series/sample.h"

enum { MAX_TICKS = 10000000, MAX_DIFF = 1 << 20 };

static enum ampql_code no_memory(const struct unit_test_run *run)
{
    return fail_nomem(run->err, "a unit test");
}

/* ---- reports */

/* "name: what at 5m", in the work arena. */
static struct str title(struct unit_test_run *run, const char *kind, struct str what, int64_t t_ms)
{
    struct buf buf;
    char at[DURATION_MAX];
    size_t n = duration_format(t_ms, at);
    buf_init(&buf, run->work.alc, MAX_DIFF);
    if (run->test->name.n > 0) {
        buf_str(&buf, run->test->name);
        buf_text(&buf, ": ");
    }
    buf_text(&buf, kind);
    buf_str(&buf, what);
    buf_format(&buf, " at %.*s", (int)n, at);
    struct str text = buf.failed ? (struct str){0} : arena_copy(&run->work, buf_view(&buf));
    buf_done(&buf);
    return text.p ? text : what;
}

void unit_report(struct unit_test_run *run, size_t line, const char *kind, struct str what,
                 int64_t t_ms, enum verdict verdict, struct str reason)
{
    const struct run_options *options = run->context->options;
    struct run_counts *counts = run->context->counts;
    struct run_report report = {
        .line = line,
        .text = title(run, kind, what, t_ms),
        .verdict = verdict,
        .reason = reason,
        .detail = verdict == VERDICT_FAILED ? buf_view(&run->diff) : (struct str){0},
    };
    *(verdict == VERDICT_PASSED   ? &counts->passed
      : verdict == VERDICT_FAILED ? &counts->failed
                                  : &counts->skipped) += 1;
    if (options->report)
        options->report(options->payload, &report);
    run->diff.n = 0;
}

void unit_skip_rest(struct unit_test_run *run, int64_t from_ms, struct str reason)
{
    for (size_t i = 0; i < run->test->nalerts; i++) {
        const struct unit_alert_test *test = &run->test->alerts[i];
        if (test->t_ms >= from_ms)
            unit_report(run, test->line, "alert ", test->name, test->t_ms, VERDICT_SKIPPED, reason);
    }
    for (size_t i = 0; i < run->test->nexprs; i++) {
        const struct unit_expr_test *test = &run->test->exprs[i];
        unit_report(run, test->line, "", test->expr.value, test->t_ms, VERDICT_SKIPPED, reason);
    }
}

/* ---- series */

struct ampql_run_options unit_options_at(const struct unit_test_run *run, int64_t t_ms)
{
    const struct run_options *options = run->context->options;
    return (struct ampql_run_options){
        .size = sizeof(struct ampql_run_options),
        .start_ms = t_ms,
        .end_ms = t_ms,
        .dialect = options->dialect,
        .default_interval_ms = run->context->file->interval_ms,
        .max_samples = options->max_samples ? options->max_samples : RUN_MAX_SAMPLES,
        .max_points = UINT64_MAX,
        .delayed_name_removal = options->name_removal == NAME_REMOVAL_DELAYED,
    };
}

/* Put in what the input series have until t. */
static enum ampql_code load_until(struct unit_test_run *run, int64_t t_ms)
{
    const struct unit_test *test = run->test;
    for (size_t i = 0; i < test->nseries; i++) {
        const struct script_series *s = &test->series[i];
        for (; run->next[i] < s->nvalues; run->next[i]++) {
            int64_t at = test->start_ms + (int64_t)run->next[i] * test->interval_ms;
            const struct script_value *value = &s->values[run->next[i]];
            struct ampql_error why = {0};
            if (at > t_ms)
                break;
            if (value->kind != SCRIPT_NUMBER)
                continue;
            enum ampql_code code =
                storage_add(&run->storage, s->labels, s->nlabels, at, value->v, NULL, &why);
            if (code == AMPQL_NOMEM)
                return no_memory(run);
            if (code == AMPQL_OK)
                continue;
            buf_format(&run->diff, "    error    at line %zu: %s\n", s->line, why.message);
            unit_report(run, test->line, "input series", STR(""), t_ms - test->start_ms,
                        VERDICT_FAILED, STR(""));
            run->is_over = true;
            return AMPQL_OK;
        }
    }
    return AMPQL_OK;
}

/* One that is given twice is as it was given last: of those before, nothing is put in. */
static enum ampql_code drop_rewritten(struct unit_test_run *run)
{
    const struct unit_test *test = run->test;
    struct index index;
    bool ok = true;
    index_init(&index, run->keep.alc);
    for (size_t i = test->nseries; i-- > 0 && ok;) {
        const struct script_series *s = &test->series[i];
        uint64_t hash = label_set_hash(s->labels, s->nlabels);
        size_t at, k = index_first(&index, hash, &at);
        while (k != INDEX_NONE && label_sets_compare(s->labels, s->nlabels, test->series[k].labels,
                                                     test->series[k].nlabels) != 0)
            k = index_next(&index, hash, &at);
        if (k == INDEX_NONE)
            ok = index_add(&index, hash, i);
        else
            run->next[i] = s->nvalues;
    }
    index_done(&index);
    return ok ? AMPQL_OK : no_memory(run);
}

/* ---- rules */

/* The samples of one evaluation, and stale markers for the series of the one before that it no
 * longer gives. */
static enum ampql_code store(struct unit_test_run *run, struct unit_rule *state,
                             const struct unit_samples *samples, int64_t t_ms,
                             struct ampql_error *why)
{
    enum ampql_code code = AMPQL_OK;
    size_t nbefore = state->before.n, kept = 0;
    run->nevaluations++;
    for (size_t i = 0; i < samples->n; i++) {
        const struct unit_sample *s = &samples->at[i];
        struct ampql_error one = {0};
        size_t number;
        enum ampql_code added =
            storage_add(&run->storage, s->labels, s->nlabels, t_ms, s->v, &number, &one);
        if (added == AMPQL_NOMEM)
            return fail_nomem(why, "a sample");
        if (added != AMPQL_OK) {
            code = fail(why, added, "%s", one.message);
            continue;
        }
        while (run->seen.n <= number)
            if (!array_push(&run->seen, &run->keep, 0))
                return fail_nomem(why, "a sample");
        run->seen.at[number] = run->nevaluations;
        if (!array_push(&state->before, &run->keep, number))
            return fail_nomem(why, "a sample");
    }
    for (size_t i = 0; i < nbefore; i++) {
        size_t number = state->before.at[i];
        if (run->seen.at[number] == run->nevaluations)
            continue;
        /* It fails where another rule has written the series by then, which is as it should be. */
        if (storage_append(&run->storage, number, t_ms, double_of(STALE_BITS), NULL) == AMPQL_NOMEM)
            return fail_nomem(why, "a sample");
    }
    for (size_t i = nbefore; i < state->before.n; i++)
        state->before.at[kept++] = state->before.at[i];
    state->before.n = kept;
    return code;
}

static enum ampql_code evaluate_rule(struct unit_test_run *run, struct unit_rule *state,
                                     int64_t t_ms, struct ampql_error *why)
{
    struct unit_samples samples = {0};
    struct ampql_result *result = NULL;
    const struct ampql_rule_group *group =
        &state->group->rules->file.groups.at[state->group->group];
    t_ms -= group->query_offset_ms;
    struct ampql_run_options options = unit_options_at(run, t_ms);
    TRY(ampql_query_run(state->rule->query, run->source, &options, &result, why));
    enum ampql_code code =
        state->rule->view.is_alert
            ? alert_evaluate(&state->alert, run->test, t_ms, result, &run->keep, &run->work,
                             &samples, why)
            : record_evaluate(state->rule, group->limit, result, &run->work, &samples, why);
    ampql_result_free(result);
    return code == AMPQL_OK ? store(run, state, &samples, t_ms, why) : code;
}

/* A rule that fails ends the test. */
static void report_rule(struct unit_test_run *run, const struct unit_rule *state, int64_t t_ms,
                        const struct ampql_error *why)
{
    const struct ampql_rule *rule = &state->rule->view;
    run->is_over = true;
    buf_format(&run->diff, "    error    %s:%zu: %s\n", state->group->path, rule->line,
               why->message);
    unit_report(run, run->test->line, "rule ", str_view(rule->name), t_ms, VERDICT_FAILED, STR(""));
}

/* All rules at one tick; those that fail are all told. */
static enum ampql_code evaluate_rules(struct unit_test_run *run, int64_t t_ms)
{
    for (size_t i = 0; i < run->nrules && !run->unsupported.p; i++) {
        struct ampql_error why = {0};
        enum ampql_code code = evaluate_rule(run, &run->rules[i], t_ms, &why);
        if (code == AMPQL_NOMEM)
            return no_memory(run);
        if (code == AMPQL_UNSUPPORTED) {
            run->unsupported = arena_copy(&run->keep, str_of(why.message));
            if (!run->unsupported.p)
                return no_memory(run);
        } else if (code != AMPQL_OK) {
            report_rule(run, &run->rules[i], t_ms - run->test->start_ms, &why);
        }
    }
    return AMPQL_OK;
}

/* ---- the test */

static bool has_histograms(const struct unit_test *test)
{
    for (size_t i = 0; i < test->nseries; i++)
        if (test->series[i].has_histograms)
            return true;
    return false;
}

static enum ampql_code run_ticks(struct unit_test_run *run)
{
    const struct unit_test *test = run->test;
    int64_t last_ms = 0, interval_ms = run->context->file->interval_ms;
    for (size_t i = 0; i < test->nalerts; i++)
        last_ms = test->alerts[i].t_ms > last_ms ? test->alerts[i].t_ms : last_ms;
    for (size_t i = 0; i < test->nexprs; i++)
        last_ms = test->exprs[i].t_ms > last_ms ? test->exprs[i].t_ms : last_ms;
    if (last_ms / interval_ms > MAX_TICKS)
        return fail(run->err, AMPQL_LIMIT, "the test of line %zu needs over %d evaluations",
                    test->line, MAX_TICKS);
    for (int64_t since_ms = 0; since_ms <= last_ms; since_ms += interval_ms) {
        TRY(load_until(run, test->start_ms + since_ms));
        if (!run->is_over)
            TRY(evaluate_rules(run, test->start_ms + since_ms));
        if (run->unsupported.p || run->is_over) {
            unit_skip_rest(run, since_ms,
                           run->is_over ? STR("a rule of the test failed") : run->unsupported);
            return AMPQL_OK;
        }
        TRY(unit_check_alerts(run, test->start_ms + since_ms));
        arena_reset(&run->work);
    }
    return unit_check_exprs(run);
}

static enum ampql_code add_rules(struct unit_test_run *run)
{
    const struct unit_rules *rules = run->context->rules;
    for (size_t g = 0; g < rules->groups.n; g++)
        run->nrules += rules->groups.at[g].rules->file.groups.at[rules->groups.at[g].group].nrules;
    run->rules = arena_zeroed(&run->keep, run->nrules, sizeof *run->rules);
    if (!run->rules)
        return no_memory(run);
    for (size_t g = 0, n = 0; g < rules->groups.n; g++) {
        const struct unit_group *group = &rules->groups.at[g];
        const struct ampql_rule_group *view = &group->rules->file.groups.at[group->group];
        for (size_t i = 0; i < view->nrules; i++, n++) {
            run->rules[n].rule = &group->rules->file.rules.at[view->first_rule + i];
            run->rules[n].group = group;
            run->rules[n].alert.rule = run->rules[n].rule;
            run->rules[n].alert.limit = view->limit;
        }
    }
    return AMPQL_OK;
}

static enum ampql_code begin(struct unit_test_run *run)
{
    run->next = arena_zeroed(&run->keep, run->test->nseries, sizeof *run->next);
    if (!run->next)
        return no_memory(run);
    TRY(drop_rewritten(run));
    TRY(add_rules(run));
    return storage_source(&run->storage, &run->source, run->err);
}

enum ampql_code unit_run(const struct unit_context *context, const struct unit_test *test,
                         struct ampql_error *err)
{
    const struct ampql_allocator *alc = &context->engine->alc;
    struct unit_test_run run = {.context = context, .test = test, .err = err};
    arena_init(&run.keep, alc);
    arena_init(&run.work, alc);
    storage_init(&run.storage, alc);
    buf_init(&run.diff, alc, MAX_DIFF);
    enum ampql_code code = AMPQL_OK;
    if (has_histograms(test)) {
        unit_skip_rest(&run, 0, STR("needs native histograms"));
    } else {
        code = begin(&run);
        if (code == AMPQL_OK)
            code = run_ticks(&run);
    }
    ampql_source_free(run.source);
    buf_done(&run.diff);
    storage_done(&run.storage);
    arena_done(&run.work);
    arena_done(&run.keep);
    return code;
}
