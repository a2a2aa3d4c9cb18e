/* All recording rules of a file, at one time or over many: the engine evaluates them as it does for
 * the queries that read them, and hands out what was written. */
#include "rules/rules.h"

#include "base/hash.h"
#include "base/options.h"
#include "base/time.h"

#include <inttypes.h>

struct run {
    const struct ampql_rules *rules;
    struct ampql_source *source;
    struct ampql_run_options options;
    struct ampql_rules_result *result;
    struct index warned; /* the result's warnings, by text */
    struct record_want *wants;
    size_t nwants;
    ampql_take_recorded take; /* NULL: the records are kept */
    void *payload;
};

/* ---- errors and warnings */

/* "group "CPU", record "a:b", line 7: why" */
static void explain(const struct run *run, size_t rule, const struct ampql_error *why,
                    struct ampql_error *out)
{
    const struct ampql_rule *view = &run->rules->file.rules.at[rule].view;
    const struct ampql_rule_group *group = &run->rules->file.groups.at[view->group];
    char group_name[100], rule_name[100];
    fail(out, why->code, "group %s, record %s, line %zu: %s",
         quote_clipped(group_name, sizeof group_name, str_view(group->name)),
         quote_clipped(rule_name, sizeof rule_name, str_view(view->name)), view->line,
         why->message);
    out->start = why->start;
    out->end = why->end;
    out->has_span = why->has_span;
}

static enum ampql_code rule_failed(struct run *run, size_t rule, const struct ampql_error *why,
                                   struct ampql_error *err)
{
    struct rule_outcome *outcome = &run->result->outcomes[rule];
    outcome->error = arena_new(&run->result->arena, struct ampql_error);
    if (!outcome->error)
        return fail_nomem(err, "a rule's error");
    explain(run, rule, why, outcome->error);
    run->result->nfailed++;
    return AMPQL_OK;
}

/* Note a warning, once. */
static enum ampql_code warn(void *payload, struct str text, struct ampql_error *err)
{
    struct run *run = payload;
    struct ampql_rules_result *result = run->result;
    uint64_t hash = hash_bytes(text.p, text.n);
    size_t at;
    if (str_has_prefix(text, STR("PromQL info")))
        return AMPQL_OK;
    for (size_t i = index_first(&run->warned, hash, &at); i != INDEX_NONE;
         i = index_next(&run->warned, hash, &at))
        if (str_equal(str_view(result->warnings.at[i]), text))
            return AMPQL_OK;
    struct str copy = arena_copy(&result->arena, text);
    if (!copy.p || !array_push(&result->warnings, &result->arena, string_view(copy)) ||
        !index_add(&run->warned, hash, result->warnings.n - 1))
        return fail_nomem(err, "a warning");
    return AMPQL_OK;
}

/* ---- what the engine hands out */

static size_t rule_of(const struct run *run, size_t want)
{
    return run->rules->rule_of[run->wants[want].record];
}

static enum ampql_code take_report(void *payload, size_t want, const struct record_report *report,
                                   struct ampql_error *err)
{
    struct run *run = payload;
    size_t rule = rule_of(run, want);
    struct rule_outcome *outcome = &run->result->outcomes[rule];
    char at[TIME_TEXT_MAX];
    outcome->nevaluations = report->nevaluations;
    outcome->nfailed = report->nfailed;
    if (report->nfailed == 0)
        return AMPQL_OK;
    struct ampql_error why = *report->err;
    time_format(report->failed_ms, at);
    if (report->nevaluations > 1)
        fail(&why, report->err->code, "%zu of %zu evaluations failed, the last at %s: %s",
             report->nfailed, report->nevaluations, at, report->err->message);
    why.start = report->err->start;
    why.end = report->err->end;
    why.has_span = report->err->has_span;
    return rule_failed(run, rule, &why, err);
}

/* Labels in the arena, where their strings are copied to when `keeps`. */
static enum ampql_code view_labels(const struct symbols *symbols, struct labels labels,
                                   struct arena *arena, bool keeps, struct ampql_label **out,
                                   struct ampql_error *err)
{
    struct ampql_label *at = arena_alloc(arena, labels.n, sizeof *at);
    if (!at)
        return fail_nomem(err, "a record");
    for (size_t i = 0; i < labels.n; i++) {
        struct str name = symbols_text(symbols, labels.at[i].name);
        struct str value = symbols_text(symbols, labels.at[i].value);
        if (keeps) {
            name = arena_copy(arena, name);
            value = arena_copy(arena, value);
        }
        if (!name.p || !value.p)
            return fail_nomem(err, "a record");
        at[i] = (struct ampql_label){string_view(name), string_view(value)};
    }
    *out = at;
    return AMPQL_OK;
}

/* A run at one time keeps what was recorded then. */
static enum ampql_code keep_record(struct run *run, size_t rule, const struct symbols *symbols,
                                   struct labels labels, const struct samples *samples,
                                   struct ampql_error *err)
{
    struct rule_outcome *outcome = &run->result->outcomes[rule];
    struct ampql_label *at;
    if (is_stale(samples->v[0])) /* it ended here */
        return AMPQL_OK;
    TRY(view_labels(symbols, labels, &run->result->arena, true, &at, err));
    struct kept_records *kept = &run->result->kept;
    struct ampql_record record = {at, labels.n, samples->v[0], samples->t[0]};
    if (!array_push(kept, &run->result->arena, record))
        return fail_nomem(err, "a record");
    outcome->nrecords++;
    return AMPQL_OK;
}

static enum ampql_code take_series(void *payload, size_t want, const struct symbols *symbols,
                                   struct labels labels, const struct samples *samples,
                                   struct ampql_error *err)
{
    struct run *run = payload;
    size_t rule = rule_of(run, want);
    struct arena temp;
    struct ampql_label *at;
    run->result->costs.samples_written += samples->n;
    run->result->outcomes[rule].nwritten += samples->n;
    if (!run->take)
        return keep_record(run, rule, symbols, labels, samples, err);
    arena_init(&temp, &run->rules->alc);
    enum ampql_code code = view_labels(symbols, labels, &temp, false, &at, err);
    if (code == AMPQL_OK) {
        struct ampql_series series = {.labels = at,
                                      .nlabels = labels.n,
                                      .t_ms = samples->t,
                                      .values = samples->v,
                                      .n = samples->n};
        code = run->take(run->payload, rule, &series, err);
        run->result->outcomes[rule].nrecords++;
    }
    arena_done(&temp);
    return code;
}

/* ---- the whole */

enum ampql_code rules_wants(const struct ampql_rules *rules, int64_t from_ms, int64_t to_ms,
                            bool at_one_time, struct arena *arena, struct record_want **out,
                            size_t *n, struct ampql_error *err)
{
    *out = arena_alloc(arena, rules->nrecords, sizeof **out);
    *n = 0;
    if (!*out)
        return fail_nomem(err, "rules");
    for (size_t i = 0; i < rules->nrecords; i++) {
        int64_t offset_ms = at_one_time ? rules->records[i].query_offset_ms : 0;
        if (!rules->records[i].endless.p)
            (*out)[(*n)++] =
                (struct record_want){i, from_ms - offset_ms, to_ms - offset_ms, !at_one_time};
    }
    return AMPQL_OK;
}

/* What is wanted of each rule; those that read themselves fail here. */
static enum ampql_code want_all(struct run *run, int64_t from_ms, int64_t to_ms, bool at_one_time,
                                struct arena *work, struct ampql_error *err)
{
    const struct ampql_rules *rules = run->rules;
    TRY(rules_wants(rules, from_ms, to_ms, at_one_time, work, &run->wants, &run->nwants, err));
    for (size_t i = 0; i < rules->nrecords; i++) {
        const struct record *record = &rules->records[i];
        struct rule_outcome *outcome = &run->result->outcomes[rules->rule_of[i]];
        outcome->was_evaluated = true;
        outcome->t_ms = to_ms - (at_one_time ? record->query_offset_ms : 0);
        if (!record->endless.p)
            continue;
        struct ampql_error why;
        fail(&why, AMPQL_UNSUPPORTED, "%.*s: recursion without end, which has no first value",
             STR_ARGS(record->endless));
        TRY(rule_failed(run, rules->rule_of[i], &why, err));
        if (run->options.rule_strict) {
            explain(run, rules->rule_of[i], &why, err);
            return AMPQL_UNSUPPORTED;
        }
    }
    return AMPQL_OK;
}

/* Reckoned from what each rule has written, and at how many evaluations. */
static double day_written(const struct run *run)
{
    double sum = 0;
    for (size_t i = 0; i < run->nwants; i++) {
        const struct rule_outcome *outcome = &run->result->outcomes[rule_of(run, i)];
        const struct record *record = &run->rules->records[run->wants[i].record];
        int64_t interval_ms = run->options.rule_interval_ms > 0 ? run->options.rule_interval_ms
                              : record->interval_ms > 0         ? record->interval_ms
                              : run->options.default_interval_ms > 0
                                  ? run->options.default_interval_ms
                                  : RULES_INTERVAL_MS;
        if (outcome->nevaluations)
            sum += (double)outcome->nwritten / (double)outcome->nevaluations *
                   (24 * 60 * 60 * 1000.0 / (double)interval_ms);
    }
    return sum;
}

static enum ampql_code run_all(struct run *run, struct ampql_error *err)
{
    const struct record_taker taker = {take_report, take_series, warn, run, run->take != NULL};
    struct ruler_costs ruler;
    run->options.rules = run->rules;
    TRY(engine_record(run->rules->engine, run->source, &run->options, run->wants, run->nwants,
                      &taker, &run->result->stats, &ruler, err));
    struct ampql_rules_costs *costs = &run->result->costs;
    costs->evaluations = ruler.evaluations;
    costs->samples_read = ruler.samples_read;
    costs->day_evaluations = ruler.day_evaluations;
    costs->day_samples_read = ruler.day_samples_read;
    costs->day_samples_here = ruler.day_samples_here;
    costs->day_samples_written = day_written(run);
    struct ampql_record *at = run->result->kept.at;
    for (size_t i = 0; i < run->result->nrules && at; i++) {
        run->result->outcomes[i].records = at;
        at += run->result->outcomes[i].nrecords;
    }
    return AMPQL_OK;
}

static enum ampql_code check_times(int64_t start_ms, int64_t end_ms, struct ampql_error *err)
{
    int64_t limit = PLAN_TIME_LIMIT;
    if (start_ms < -limit || start_ms > limit || end_ms > limit)
        return fail(err, AMPQL_BAD_DATA, "time %" PRId64 " is out of range",
                    start_ms < -limit || start_ms > limit ? start_ms : end_ms);
    if (end_ms < start_ms)
        return fail(err, AMPQL_BAD_DATA,
                    "the end of the times to fill is before their start, expected it behind it");
    return AMPQL_OK;
}

static enum ampql_code run_over(struct run *run, int64_t from_ms, int64_t to_ms, bool at_one_time,
                                struct ampql_rules_result **out, struct ampql_error *err)
{
    const struct ampql_rules *rules = run->rules;
    struct arena work;
    run->options.size = sizeof run->options;
    run->options.start_ms = run->options.end_ms = to_ms;
    run->options.step_ms = 0;
    run->result = alloc_get(&rules->alc, 1, sizeof *run->result);
    if (!run->result)
        return fail_nomem(err, "a result");
    *run->result = (struct ampql_rules_result){.alc = rules->alc, .nrules = rules->file.rules.n};
    arena_init(&run->result->arena, &run->result->alc);
    arena_init(&work, &rules->alc);
    index_init(&run->warned, &rules->alc);
    run->result->outcomes =
        arena_zeroed(&run->result->arena, rules->file.rules.n, sizeof *run->result->outcomes);
    enum ampql_code code =
        run->result->outcomes ? AMPQL_OK : fail_nomem(err, "the outcomes of rules");
    if (code == AMPQL_OK)
        code = want_all(run, from_ms, to_ms, at_one_time, &work, err);
    if (code == AMPQL_OK)
        code = run_all(run, err);
    index_done(&run->warned);
    arena_done(&work);
    if (code == AMPQL_OK)
        *out = run->result;
    else
        rules_result_free(run->result);
    return code;
}

enum ampql_code rules_run(const struct ampql_rules *rules, struct ampql_source *source,
                          const struct ampql_run_options *options, struct ampql_rules_result **out,
                          struct ampql_error *err)
{
    struct run run = {.rules = rules, .source = source};
    *out = NULL;
    OPTIONS_READ(run.options, options);
    if (run.options.step_ms != 0)
        return fail(err, AMPQL_BAD_DATA, "rules are evaluated at one time, expected a step of 0");
    TRY(check_times(run.options.start_ms, run.options.start_ms, err));
    run.options.rule_phase_ms = run.options.start_ms; /* it is a tick of all groups */
    run.options.rule_file = NULL;
    return run_over(&run, run.options.start_ms, run.options.start_ms, true, out, err);
}

enum ampql_code rules_backfill(const struct ampql_rules *rules, struct ampql_source *source,
                               const struct ampql_run_options *options, ampql_take_recorded take,
                               void *payload, struct ampql_rules_result **out,
                               struct ampql_error *err)
{
    struct run run = {.rules = rules, .source = source, .take = take, .payload = payload};
    *out = NULL;
    OPTIONS_READ(run.options, options);
    TRY(check_times(run.options.start_ms, run.options.end_ms, err));
    return run_over(&run, run.options.start_ms, run.options.end_ms, false, out, err);
}

void rules_result_free(struct ampql_rules_result *result)
{
    if (!result)
        return;
    arena_done(&result->arena);
    struct ampql_allocator alc = result->alc; /* the block that holds it is freed with it */
    alloc_put(&alc, result, 1, sizeof *result);
}
