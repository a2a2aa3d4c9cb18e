/* Walks through a script: loads, evaluates, compares, reports. */
#include "tool/runner.h"

#include "base/time.h"
#include "tool/compare.h"
#include "tool/expression.h"
#include "tool/loaded.h"

enum { DIFF_MAX_BYTES = 1 << 20, MINUTE_MS = 60000 };

struct runner {
    const struct evaluator *evaluator;
    const struct run_options *options;
    struct run_counts *counts;
    struct ampql_error *err;
    enum ampql_dialect dialect;
    bool delayed_name_removal;
    struct loaded loaded;
    bool is_changed; /* since the evaluator was told */
};

static enum ampql_code tell_evaluator(struct runner *r)
{
    if (!r->is_changed)
        return AMPQL_OK;
    const struct test_series *series = loaded_view(&r->loaded);
    if (!series)
        return fail_nomem(r->err, "the series of a script");
    r->is_changed = false;
    return r->evaluator->load(r->evaluator->payload, series, r->loaded.series.n, r->err);
}

/* ---- one evaluation */

/* An evaluation on its way. */
struct trial {
    const struct runner *runner;
    const struct script_command *command;
    const struct script_eval *eval;
    struct arena arena;
    struct buf diff;
    struct str unsupported; /* what the engine refuses by name; p NULL: nothing */
    bool has_no_memory;     /* then there is no verdict */
};

/* "12:3: unexpected ..." in the script, where the error has a place in the text as it is there. */
static void write_error(struct trial *t, struct str text, const struct ampql_error *err)
{
    t->has_no_memory |= err->code == AMPQL_NOMEM;
    buf_text(&t->diff, "    error    ");
    if (err->has_span && text.p == t->eval->text.p)
        buf_format(&t->diff, "%zu:%zu: ", t->command->line, t->eval->column + err->start);
    buf_format(&t->diff, "%s\n", err->message);
}

static bool failure_meets(struct trial *t, struct str text, const struct ampql_error *err)
{
    const struct script_eval *eval = t->eval;
    if (err->code == AMPQL_UNSUPPORTED) {
        t->unsupported = arena_copy(&t->arena, str_of(err->message));
        return false;
    }
    if (!eval->fails || err->code == AMPQL_PARSE) {
        write_error(t, text, err);
        if (eval->fails)
            buf_text(&t->diff, "    expected to fail when it runs\n");
        return false;
    }
    if (text_meets(&eval->failure, str_of(err->message)))
        return true;
    buf_format(&t->diff, "    expected the error %.*s\n    got      %s\n",
               STR_ARGS(eval->failure.text), err->message);
    return false;
}

static bool is_said(const struct script_text *text, const struct outcome *got, bool is_info)
{
    for (size_t i = 0; i < got->nnotes; i++)
        if (got->notes[i].is_info == is_info && text_meets(text, got->notes[i].text))
            return true;
    return false;
}

static bool is_wanted(const struct script_texts *wanted, struct str text)
{
    for (size_t i = 0; i < wanted->n; i++)
        if (text_meets(&wanted->at[i], text))
            return true;
    return false;
}

/* Warnings, or infos. */
static bool notes_meet(const struct script_texts *wanted, bool none, const struct outcome *got,
                       bool is_info, struct buf *diff)
{
    bool ok = true;
    for (size_t i = 0; i < wanted->n; i++) {
        if (is_said(&wanted->at[i], got, is_info))
            continue;
        buf_format(diff, "    missing %s %.*s\n", is_info ? "info" : "warning",
                   STR_ARGS(wanted->at[i].text));
        ok = false;
    }
    for (size_t i = 0; i < got->nnotes; i++) {
        if (got->notes[i].is_info != is_info || !(none || wanted->n > 0) ||
            is_wanted(wanted, got->notes[i].text))
            continue;
        buf_format(diff, "    not expected: %.*s\n", STR_ARGS(got->notes[i].text));
        ok = false;
    }
    return ok;
}

static enum ampql_code evaluate(struct trial *t, struct str text, const struct script_grid *grid,
                                struct outcome *out, struct ampql_error *err)
{
    const struct runner *r = t->runner;
    uint64_t max_samples = r->options->max_samples;
    struct ampql_run_options options = {
        .size = sizeof options,
        .start_ms = grid->start_ms,
        .end_ms = grid->end_ms,
        .step_ms = grid->step_ms,
        .dialect = r->dialect,
        .max_samples = max_samples ? max_samples : RUN_MAX_SAMPLES,
        .max_points = UINT64_MAX,
        .delayed_name_removal = r->delayed_name_removal,
    };
    *out = (struct outcome){0};
    *err = (struct ampql_error){0};
    enum ampql_code code =
        r->evaluator->evaluate(r->evaluator->payload, text, &options, &t->arena, out, err);
    err->code = code;
    t->has_no_memory |= code == AMPQL_NOMEM;
    return code;
}

static bool meets(struct trial *t, struct str text, const struct script_grid *grid)
{
    const struct script_eval *eval = t->eval;
    struct outcome got;
    struct ampql_error err;
    if (evaluate(t, text, grid, &got, &err) != AMPQL_OK)
        return failure_meets(t, text, &err);
    if (eval->fails) {
        buf_text(&t->diff, "    expected to fail, and it did not\n");
        return false;
    }
    bool ok = outcome_meets(eval, grid, &got, &t->diff);
    if (t->runner->evaluator->has_notes) {
        ok = notes_meet(&eval->warnings, eval->no_warnings, &got, false, &t->diff) && ok;
        ok = notes_meet(&eval->infos, eval->no_infos, &got, true, &t->diff) && ok;
    }
    return ok;
}

/* An instant evaluation must be the middle step of a range query around it, unless it depends on
 * being an instant query. */
static bool is_tried_as_range(const struct script_eval *eval, struct str text)
{
    static const char *const words[] = {"start()", "end()", "step()", "range()"};
    if (eval->fails || (eval->result != SCRIPT_SERIES && eval->result != SCRIPT_SCALAR))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(text.p, text.n, words[i], strlen(words[i])))
            return false;
    return true;
}

static bool meets_as_range(struct trial *t, struct str text, int64_t t_ms)
{
    struct script_grid grid = {t_ms - MINUTE_MS, t_ms + MINUTE_MS, MINUTE_MS};
    struct outcome got;
    struct ampql_error err;
    bool ok = evaluate(t, text, &grid, &got, &err) == AMPQL_OK;
    if (ok)
        ok = middle_meets(t->eval, &grid, &got, &t->arena, &t->diff);
    else
        write_error(t, text, &err);
    if (!ok)
        buf_text(&t->diff, "    in the middle of a range query of 3 steps\n");
    return ok;
}

/* Where a form of the expression that is not the script's own went wrong. */
static void write_form(struct trial *t, struct str text, int64_t t_ms)
{
    buf_format(&t->diff, "    of       %.*s\n    at       %s%lld ms\n", STR_ARGS(text),
               t_ms < 0 ? "-" : "", t_ms < 0 ? -(long long)t_ms : (long long)t_ms);
}

static bool meets_both_ways(struct trial *t, struct str text, int64_t t_ms)
{
    struct script_grid grid = {t_ms, t_ms, 0};
    return meets(t, text, &grid) &&
           (!is_tried_as_range(t->eval, text) || meets_as_range(t, text, t_ms));
}

/* With @ on every selector, the answer is the same at any time. */
static bool meets_fixed(struct trial *t, struct expression *expression)
{
    int64_t at = t->eval->grid.start_ms, times[] = {0, -10 * at, at / 5, at, 10 * at};
    struct ampql_error err;
    struct str text;
    if (at == 0) {
        times[1] = -1000;
        times[2] = 1000;
    }
    if (expression_fix(expression, at, &t->arena, &text, &err) != AMPQL_OK) {
        write_error(t, text, &err);
        return false;
    }
    for (size_t i = 0; text.n > 0 && i < (at == 0 ? 3 : sizeof times / sizeof *times); i++) {
        if (meets_both_ways(t, text, times[i]))
            continue;
        if (!t->unsupported.p)
            write_form(t, text, times[i]);
        return false;
    }
    return true;
}

static bool meets_all_ways(struct trial *t, struct expression *expression)
{
    const struct script_eval *eval = t->eval;
    if (eval->grid.step_ms > 0)
        return meets(t, eval->text, &eval->grid);
    return meets_both_ways(t, eval->text, eval->grid.start_ms) &&
           (!expression->ast || meets_fixed(t, expression));
}

/* ---- what is not evaluated */

static struct str name_of(const struct loaded_series *s)
{
    for (size_t i = 0; i < s->nlabels; i++)
        if (str_equal(str_view(s->labels[i].name), STR("__name__")))
            return str_view(s->labels[i].value);
    return STR("a series without a name");
}

/* Does it read more of a series than numbers? Then the reason is there, and the series' name. */
static bool is_skipped(const struct trial *t, const struct expression *expression,
                       struct run_report *report)
{
    static const struct str histograms = {"needs native histograms", 23},
                            start_times = {"needs start timestamps", 22};
    const struct loaded *loaded = &t->runner->loaded;
    if (t->eval->has_histograms) {
        report->reason = histograms;
        report->detail = STR("expects them");
        return true;
    }
    for (size_t i = 0; i < loaded->series.n; i++) {
        const struct loaded_series *s = &loaded->series.at[i];
        if ((!s->has_histograms && !s->has_start_times) ||
            !expression_selects(expression, s->labels, s->nlabels, t->runner->dialect))
            continue;
        report->reason = s->has_histograms ? histograms : start_times;
        report->detail = name_of(s);
        return true;
    }
    return false;
}

static enum ampql_code judge(struct trial *t, struct run_report *report)
{
    struct expression expression;
    struct ampql_error err;
    if (expression_parse(t->eval->text, t->runner->dialect, true, &t->arena, &expression, &err) ==
        AMPQL_NOMEM)
        return fail_nomem(t->runner->err, "an expression");
    report->verdict = VERDICT_SKIPPED;
    if (is_skipped(t, &expression, report))
        return AMPQL_OK;
    bool ok = meets_all_ways(t, &expression);
    if (t->has_no_memory || t->diff.failed == AMPQL_NOMEM)
        return fail_nomem(t->runner->err, "an evaluation");
    if (t->unsupported.p) {
        report->reason = t->unsupported;
        return AMPQL_OK;
    }
    report->verdict = ok ? VERDICT_PASSED : VERDICT_FAILED;
    report->detail = ok ? STR("") : buf_view(&t->diff);
    return AMPQL_OK;
}

static enum ampql_code run_eval(struct runner *r, const struct script_command *command)
{
    const struct ampql_allocator *alc = r->loaded.arena.alc;
    struct trial t = {.runner = r, .command = command, .eval = &command->eval};
    struct run_report report = {.line = command->line, .text = command->eval.text};
    TRY(tell_evaluator(r));
    arena_init(&t.arena, alc);
    buf_init(&t.diff, alc, DIFF_MAX_BYTES);
    enum ampql_code code = judge(&t, &report);
    if (code == AMPQL_OK) {
        *(report.verdict == VERDICT_PASSED   ? &r->counts->passed
          : report.verdict == VERDICT_FAILED ? &r->counts->failed
                                             : &r->counts->skipped) += 1;
        if (r->options->report)
            r->options->report(r->options->payload, &report);
    }
    buf_done(&t.diff);
    arena_done(&t.arena);
    return code;
}

enum ampql_code script_run(const struct script *script, const struct evaluator *evaluator,
                           const struct run_options *options, struct run_counts *counts,
                           struct ampql_error *err)
{
    struct runner r = {.evaluator = evaluator,
                       .options = options,
                       .counts = counts,
                       .err = err,
                       .is_changed = true,
                       .dialect = options->dialect ? options->dialect : script->dialect};
    enum name_removal removal =
        options->name_removal ? options->name_removal : script->name_removal;
    r.delayed_name_removal = r.dialect != AMPQL_PROM2 && removal != NAME_REMOVAL_IMMEDIATE;
    enum ampql_code code = AMPQL_OK;
    loaded_init(&r.loaded, &alloc_default);
    for (size_t i = 0; i < script->n && code == AMPQL_OK; i++) {
        const struct script_command *command = &script->at[i];
        r.is_changed = r.is_changed || command->kind != SCRIPT_EVAL;
        if (command->kind == SCRIPT_CLEAR)
            loaded_clear(&r.loaded);
        else if (command->kind == SCRIPT_LOAD)
            code = loaded_add(&r.loaded, command, options->file, err);
        else
            code = run_eval(&r, command);
    }
    evaluator->load(evaluator->payload, NULL, 0, NULL); /* let go of what goes away now */
    loaded_done(&r.loaded);
    return code;
}
