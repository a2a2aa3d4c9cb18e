/* Walks through a script: keeps what was loaded, evaluates, compares, prints what differs. */
#include "tool/runner.h"

#include "base/array.h"
#include "tool/compare.h"

#include <stdlib.h>

/* A series that loads add to. */
struct store_series {
    const struct ampql_label *labels;
    size_t nlabels;
    struct {
        ARRAY(int64_t);
    } t;
    struct {
        ARRAY(double);
    } v;
    bool has_histograms;
};

struct store {
    ARRAY(struct store_series);
};

struct runner {
    const struct evaluator *evaluator;
    const struct run_options *options;
    struct run_counts *counts;
    struct ampql_error *err;
    enum ampql_dialect dialect;
    bool delayed_name_removal;
    struct arena held; /* what is loaded, until the next clear */
    struct store store;
    bool is_changed;                     /* since the evaluator was told */
    bool has_start_times, has_converted; /* of a load: start times, converted histograms */
};

const char *const skip_reason_text[SKIP_COUNT] = {
    [SKIP_HISTOGRAMS] = "native histograms",
    [SKIP_START_TIMES] = "start timestamps",
    [SKIP_UNSUPPORTED] = "what is refused by name",
};

static struct store_series *find_series(struct runner *r, const struct script_series *s)
{
    for (size_t i = 0; i < r->store.n; i++)
        if (label_sets_compare(r->store.at[i].labels, r->store.at[i].nlabels, s->labels,
                               s->nlabels) == 0)
            return &r->store.at[i];
    struct store_series fresh = {.labels = s->labels, .nlabels = s->nlabels};
    if (!array_push(&r->store, &r->held, fresh))
        return NULL;
    return &r->store.at[r->store.n - 1];
}

static enum ampql_code add_series(struct runner *r, const struct script_series *s,
                                  int64_t interval_ms)
{
    struct store_series *to = find_series(r, s);
    if (!to)
        return fail_nomem(r->err, "the series of a script");
    to->has_histograms = to->has_histograms || s->has_histograms;
    for (size_t i = 0; i < s->nvalues; i++) {
        int64_t t = (int64_t)i * interval_ms;
        if (s->values[i].kind != SCRIPT_NUMBER)
            continue;
        if (to->t.n > 0 && to->t.at[to->t.n - 1] >= t)
            return fail(r->err, AMPQL_BAD_DATA,
                        "%s:%zu: the series was loaded before and has a sample at or after %lld ms",
                        r->options->file, s->line, (long long)t);
        if (!array_push(&to->t, &r->held, t) || !array_push(&to->v, &r->held, s->values[i].v))
            return fail_nomem(r->err, "the series of a script");
    }
    return AMPQL_OK;
}

/* The last line of a load that names a series is the one that counts. */
static bool is_replaced(const struct script_command *command, size_t i)
{
    const struct script_series *s = &command->series[i];
    for (size_t k = i + 1; k < command->nseries; k++) {
        const struct script_series *later = &command->series[k];
        if (label_sets_compare(s->labels, s->nlabels, later->labels, later->nlabels) == 0)
            return true;
    }
    return false;
}

static enum ampql_code run_load(struct runner *r, const struct script_command *command)
{
    r->is_changed = true;
    r->has_start_times = r->has_start_times || command->has_start_times;
    r->has_converted = r->has_converted || command->converts_histograms;
    for (size_t i = 0; i < command->nseries; i++)
        if (!is_replaced(command, i))
            TRY(add_series(r, &command->series[i], command->interval_ms));
    return AMPQL_OK;
}

static void run_clear(struct runner *r)
{
    arena_done(&r->held);
    r->store = (struct store){0};
    r->is_changed = true;
    r->has_start_times = r->has_converted = false;
}

static enum ampql_code tell_evaluator(struct runner *r)
{
    if (!r->is_changed)
        return AMPQL_OK;
    struct test_series *series = arena_alloc(&r->held, r->store.n, sizeof *series);
    if (!series)
        return fail_nomem(r->err, "the series of a script");
    for (size_t i = 0; i < r->store.n; i++) {
        const struct store_series *s = &r->store.at[i];
        series[i] = (struct test_series){s->labels, s->nlabels, s->t.at, s->v.at, s->t.n};
    }
    r->is_changed = false;
    return r->evaluator->load(r->evaluator->payload, series, r->store.n, r->err);
}

/* ---- native histograms are not evaluated: find who would touch them */

static bool is_word_byte(char c)
{
    return c == '_' || c == ':' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

static bool has_word(struct str text, struct str word)
{
    for (size_t i = 0; word.n > 0 && i + word.n <= text.n; i++)
        if (memcmp(text.p + i, word.p, word.n) == 0 && (i == 0 || !is_word_byte(text.p[i - 1])) &&
            (i + word.n == text.n || !is_word_byte(text.p[i + word.n])))
            return true;
    return false;
}

/* A selector that does not begin with a metric's name might select anything. */
static bool has_nameless_selector(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '{')
            continue;
        size_t before = i;
        while (before > 0 && (text.p[before - 1] == ' ' || text.p[before - 1] == '\t'))
            before--;
        if (before == 0 || !is_word_byte(text.p[before - 1]))
            return true;
    }
    return false;
}

static bool touches_histograms(const struct runner *r, const struct script_eval *eval)
{
    if (eval->has_histograms || r->has_converted || has_word(eval->text, STR("histogram_count")) ||
        has_word(eval->text, STR("histogram_sum")))
        return true;
    for (size_t i = 0; i < r->store.n; i++) {
        const struct store_series *s = &r->store.at[i];
        if (!s->has_histograms)
            continue;
        if (has_nameless_selector(eval->text))
            return true;
        for (size_t k = 0; k < s->nlabels; k++)
            if (str_equal(str_make(s->labels[k].name.data, s->labels[k].name.size),
                          STR("__name__")) &&
                has_word(eval->text, str_make(s->labels[k].value.data, s->labels[k].value.size)))
                return true;
    }
    return false;
}

/* ---- one evaluation */

static bool failure_meets(const struct script_eval *eval, enum ampql_code code,
                          const struct ampql_error *err, struct buf *diff)
{
    if (!eval->fails) {
        buf_format(diff, "    error    %s\n", err->message);
        return false;
    }
    if (code == AMPQL_PARSE || code == AMPQL_UNSUPPORTED) {
        buf_format(diff, "    expected to fail when it runs, got %s\n", err->message);
        return false;
    }
    if (text_meets(&eval->failure, str_of(err->message)))
        return true;
    buf_format(diff, "    expected the error %.*s\n    got      %s\n", STR_ARGS(eval->failure.text),
               err->message);
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

static enum ampql_code evaluate(const struct runner *r, const struct script_eval *eval,
                                const struct script_grid *grid, struct arena *arena,
                                struct outcome *out, struct ampql_error *err)
{
    struct ampql_run_options options = {
        .size = sizeof options,
        .start_ms = grid->start_ms,
        .end_ms = grid->end_ms,
        .step_ms = grid->step_ms,
        .dialect = r->dialect,
        .max_points = UINT64_MAX,
        .delayed_name_removal = r->delayed_name_removal,
    };
    *out = (struct outcome){0};
    *err = (struct ampql_error){0};
    return r->evaluator->evaluate(r->evaluator->payload, eval->text, &options, arena, out, err);
}

/* An instant evaluation must be the middle step of a range query around it, unless it depends on
 * being an instant query. */
static bool is_tried_as_range(const struct script_eval *eval)
{
    static const char *const words[] = {"start", "end", "step", "range"};
    if (eval->grid.step_ms > 0 || eval->is_ordered || eval->fails ||
        (eval->result != SCRIPT_SERIES && eval->result != SCRIPT_SCALAR))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (has_word(eval->text, str_of(words[i])))
            return false;
    return true;
}

static bool run_as_range(const struct runner *r, const struct script_eval *eval,
                         struct arena *arena, struct buf *diff)
{
    struct script_grid grid = {eval->grid.start_ms - 60000, eval->grid.start_ms + 60000, 60000};
    struct outcome got;
    struct ampql_error err;
    bool ok;
    if (evaluate(r, eval, &grid, arena, &got, &err) != AMPQL_OK) {
        buf_format(diff, "    error    %s\n", err.message);
        ok = false;
    } else {
        ok = middle_meets(eval, &got, arena, diff);
    }
    if (!ok)
        buf_text(diff, "    in the middle of a range query of 3 steps\n");
    return ok;
}

static bool meets(const struct runner *r, const struct script_eval *eval, struct arena *arena,
                  struct buf *diff, bool *is_unsupported)
{
    struct outcome got;
    struct ampql_error err;
    enum ampql_code code = evaluate(r, eval, &eval->grid, arena, &got, &err);
    *is_unsupported = code == AMPQL_UNSUPPORTED;
    if (code != AMPQL_OK)
        return failure_meets(eval, code, &err, diff);
    if (eval->fails) {
        buf_text(diff, "    expected to fail, and it did not\n");
        return false;
    }
    bool ok = outcome_meets(eval, &eval->grid, &got, diff);
    if (r->evaluator->has_notes) {
        ok = notes_meet(&eval->warnings, eval->no_warnings, &got, false, diff) && ok;
        ok = notes_meet(&eval->infos, eval->no_infos, &got, true, diff) && ok;
    }
    if (ok && is_tried_as_range(eval))
        ok = run_as_range(r, eval, arena, diff);
    return ok;
}

static void skip(struct run_counts *counts, enum skip_reason reason)
{
    counts->skipped++;
    counts->skipped_for[reason]++;
}

static enum ampql_code run_eval(struct runner *r, const struct script_command *command)
{
    const struct script_eval *eval = &command->eval;
    bool is_unsupported;
    if (r->has_start_times || touches_histograms(r, eval)) {
        skip(r->counts, r->has_start_times ? SKIP_START_TIMES : SKIP_HISTOGRAMS);
        return AMPQL_OK;
    }
    struct arena arena;
    struct buf diff;
    TRY(tell_evaluator(r));
    arena_init(&arena, r->held.alc);
    buf_init(&diff, r->held.alc, 1 << 20);
    if (meets(r, eval, &arena, &diff, &is_unsupported)) {
        r->counts->passed++;
    } else if (is_unsupported) {
        skip(r->counts, SKIP_UNSUPPORTED);
    } else {
        r->counts->failed++;
        if (r->options->out)
            fprintf(r->options->out, "%s:%zu: %.*s\n%.*s", r->options->file, command->line,
                    STR_ARGS(eval->text), (int)diff.n, diff.p ? diff.p : "");
    }
    buf_done(&diff);
    arena_done(&arena);
    return AMPQL_OK;
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
    arena_init(&r.held, &alloc_default);
    for (size_t i = 0; i < script->n && code == AMPQL_OK; i++) {
        const struct script_command *command = &script->at[i];
        if (command->kind == SCRIPT_CLEAR)
            run_clear(&r);
        else if (command->kind == SCRIPT_LOAD)
            code = run_load(&r, command);
        else
            code = run_eval(&r, command);
    }
    evaluator->load(evaluator->payload, NULL, 0, NULL); /* let go of what goes away now */
    arena_done(&r.held);
    return code;
}
