/* All recording rules of a file at one time.
 *
 * First, in one batch for each evaluation time, the rules that read nothing that the file records;
 * then group by group, from top to bottom, the others, each over the records of the rules above it
 * that it reads. */
#include "rules/rules.h"

#include "base/hash.h"
#include "base/index.h"
#include "base/options.h"

struct run {
    const struct ampql_rules *rules;
    struct ampql_source *source;
    struct ampql_run_options options;
    struct ampql_rules_result *result;
    struct index warned; /* the result's warnings, by text */
};

/* A rule's own failure; anything else is the source's or the run's. */
static bool is_own_failure(enum ampql_code code)
{
    return code == AMPQL_EXECUTION || code == AMPQL_UNSUPPORTED;
}

/* "group "CPU", record "a:b", line 7: why" */
static void explain(const struct run *run, size_t i, const struct ampql_error *why,
                    struct ampql_error *out)
{
    const struct ampql_rule *rule = &run->rules->file.rules.at[i].view;
    const struct ampql_rule_group *group = &run->rules->file.groups.at[rule->group];
    char group_name[100], rule_name[100];
    fail(out, why->code, "group %s, record %s, line %zu: %s",
         quote_clipped(group_name, sizeof group_name, str_view(group->name)),
         quote_clipped(rule_name, sizeof rule_name, str_view(rule->name)), rule->line,
         why->message);
    out->start = why->start;
    out->end = why->end;
    out->has_span = why->has_span;
}

/* Note a rule's failure, or fail the run. */
static enum ampql_code rule_failed(struct run *run, size_t i, const struct ampql_error *why,
                                   struct ampql_error *err)
{
    if (!is_own_failure(why->code)) {
        if (err)
            explain(run, i, why, err);
        return why->code;
    }
    struct rule_outcome *outcome = &run->result->outcomes[i];
    outcome->error = arena_new(&run->result->arena, struct ampql_error);
    if (!outcome->error)
        return fail_nomem(err, "a rule's error");
    explain(run, i, why, outcome->error);
    outcome->records = NULL;
    outcome->nrecords = 0;
    run->result->nfailed++;
    return AMPQL_OK;
}

/* Note a warning, once. */
static enum ampql_code warn(struct run *run, struct str text, struct ampql_error *err)
{
    struct ampql_rules_result *result = run->result;
    uint64_t hash = hash_bytes(text.p, text.n);
    size_t at;
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

/* Warn of rule i, by its group, name and line. */
static enum ampql_code warn_rule(struct run *run, size_t i, const struct ampql_error *what,
                                 struct ampql_error *err)
{
    struct ampql_error text;
    explain(run, i, what, &text);
    return warn(run, str_of(text.message), err);
}

/* Turn a rule's result into records; frees the result. */
static enum ampql_code take_result(struct run *run, size_t i, struct ampql_result *result,
                                   int64_t t_ms, struct ampql_error *err)
{
    const struct rule *rule = &run->rules->file.rules.at[i];
    struct ampql_error why = {0};
    enum ampql_code code =
        records_make(rule, run->rules->file.groups.at[rule->view.group].limit, result, t_ms,
                     &run->result->arena, &run->rules->alc, &run->result->outcomes[i], &why);
    if (code != AMPQL_OK)
        code = rule_failed(run, i, &why, err);
    for (size_t k = 0; k < ampql_result_annotation_count(result) && code == AMPQL_OK; k++) {
        bool is_info;
        struct ampql_string text = ampql_result_annotation(result, k, &is_info);
        if (!is_info)
            code = warn(run, str_view(text), err);
    }
    ampql_result_free(result);
    return code;
}

static enum ampql_code rule_time(const struct run *run, size_t i, int64_t *out,
                                 struct ampql_error *err)
{
    const struct ampql_rule *rule = &run->rules->file.rules.at[i].view;
    int64_t offset = run->rules->file.groups.at[rule->group].query_offset_ms;
    if (__builtin_sub_overflow(run->options.start_ms, offset, out))
        return fail(err, AMPQL_BAD_DATA, "time %lld is out of range",
                    (long long)run->options.start_ms);
    return AMPQL_OK;
}

static bool reads_no_record(const struct rule *rule)
{
    return !rule->view.is_alert && rule->ndeps == 0 && !rule->over_time_how;
}

/* ---- the batch */

/* The rules of one batch, with room for all of the file. */
struct batch {
    size_t *rule;
    const struct ampql_query **query;
    struct ampql_result **result;
    struct ampql_error *error;
    size_t n;
};

static enum ampql_code batch_room(struct arena *work, size_t n, struct batch *out,
                                  struct ampql_error *err)
{
    out->rule = arena_alloc(work, n, sizeof *out->rule);
    out->query = arena_alloc(work, n, sizeof *out->query);
    out->result = arena_zeroed(work, n, sizeof *out->result);
    out->error = arena_zeroed(work, n, sizeof *out->error);
    return out->rule && out->query && out->result && out->error ? AMPQL_OK
                                                                : fail_nomem(err, "a batch");
}

static enum ampql_code run_batch(struct run *run, struct batch *batch, int64_t t_ms,
                                 struct ampql_error *err)
{
    struct ampql_run_options options = run->options;
    options.start_ms = options.end_ms = t_ms;
    enum ampql_code batch_code =
        ampql_batch_run(run->rules->engine, batch->query, batch->n, run->source, &options,
                        batch->result, batch->error);
    enum ampql_code code = AMPQL_OK;
    bool has_stats = false;
    for (size_t k = 0; k < batch->n; k++) {
        if (code == AMPQL_OK && batch->result[k]) {
            if (!has_stats) /* each result has the stats of the whole batch */
                stats_add(&run->result->stats, ampql_result_stats(batch->result[k]));
            has_stats = true;
            code = take_result(run, batch->rule[k], batch->result[k], t_ms, err);
        } else if (code == AMPQL_OK) {
            if (batch->error[k].code == AMPQL_OK)
                fail(&batch->error[k], batch_code, "the batch failed");
            code = rule_failed(run, batch->rule[k], &batch->error[k], err);
        } else {
            ampql_result_free(batch->result[k]);
        }
    }
    return code;
}

/* All rules that read no record, in one batch for each time. */
static enum ampql_code run_plain(struct run *run, struct arena *work, struct ampql_error *err)
{
    size_t nrules = run->rules->file.rules.n;
    bool *done = arena_zeroed(work, nrules, sizeof *done);
    if (!done)
        return fail_nomem(err, "a batch");
    for (size_t first = 0; first < nrules; first++) {
        struct batch batch = {0};
        int64_t t_ms;
        if (done[first] || !reads_no_record(&run->rules->file.rules.at[first]))
            continue;
        TRY(batch_room(work, nrules - first, &batch, err));
        TRY(rule_time(run, first, &t_ms, err));
        for (size_t i = first; i < nrules; i++) {
            int64_t its_ms;
            const struct rule *rule = &run->rules->file.rules.at[i];
            if (!reads_no_record(rule))
                continue;
            TRY(rule_time(run, i, &its_ms, err));
            if (its_ms != t_ms)
                continue;
            done[i] = true;
            batch.rule[batch.n] = i;
            batch.query[batch.n++] = rule->query;
        }
        TRY(run_batch(run, &batch, t_ms, err));
    }
    return AMPQL_OK;
}

/* ---- rules on rules */

static enum ampql_code fail_over_time(struct run *run, size_t i, struct ampql_error *err)
{
    const struct rule *rule = &run->rules->file.rules.at[i];
    struct ampql_error why = {0};
    char name[100];
    fail(&why, AMPQL_UNSUPPORTED,
         "reads record %s through %s, and this library does not yet evaluate records over time",
         quote_clipped(name, sizeof name, str_view(rule->over_time)), rule->over_time_how);
    return rule_failed(run, i, &why, err);
}

static enum ampql_code fail_on_dep(struct run *run, size_t i, size_t dep, struct ampql_error *err)
{
    const struct ampql_rule *above = &run->rules->file.rules.at[dep].view;
    struct ampql_error why = {0};
    char name[100];
    fail(&why, AMPQL_EXECUTION, "reads record %s of line %zu, which failed",
         quote_clipped(name, sizeof name, str_view(above->name)), above->line);
    return rule_failed(run, i, &why, err);
}

/* The records and names that rule i reads. */
static enum ampql_code gather(struct run *run, const struct rule *rule, struct arena *work,
                              struct overlay *out, struct ampql_error *err)
{
    size_t n = 0;
    struct ampql_string *names = arena_alloc(work, rule->ndeps, sizeof *names);
    for (size_t k = 0; k < rule->ndeps; k++)
        n += run->result->outcomes[rule->deps[k]].nrecords;
    struct ampql_record *records = arena_alloc(work, n, sizeof *records);
    if (!names || !records)
        return fail_nomem(err, "records");
    for (size_t k = 0; k < rule->ndeps; k++)
        names[k] = run->rules->file.rules.at[rule->deps[k]].view.name;
    out->names = names;
    out->nnames = rule->ndeps;
    out->records = records;
    return records_merge(run->result->outcomes, rule->deps, rule->ndeps, &run->rules->alc, records,
                         &out->nrecords, NULL, err);
}

static enum ampql_code run_over_records(struct run *run, size_t i, struct arena *work,
                                        struct ampql_error *err)
{
    const struct rule *rule = &run->rules->file.rules.at[i];
    struct overlay overlay = {.alc = &run->rules->alc, .base = run->source};
    struct ampql_run_options options = run->options;
    struct ampql_source *source;
    struct ampql_result *result = NULL;
    struct ampql_error why = {0};
    TRY(rule_time(run, i, &options.start_ms, err));
    options.end_ms = options.start_ms;
    TRY(gather(run, rule, work, &overlay, err));
    TRY(overlay_source(&overlay, &source, err));
    enum ampql_code code = ampql_query_run(rule->query, source, &options, &result, &why);
    ampql_source_free(source);
    if (code != AMPQL_OK)
        return rule_failed(run, i, &why, err);
    stats_add(&run->result->stats, ampql_result_stats(result));
    return take_result(run, i, result, options.start_ms, err);
}

static enum ampql_code run_dependent(struct run *run, size_t i, struct arena *work,
                                     struct ampql_error *err)
{
    const struct rule *rule = &run->rules->file.rules.at[i];
    if (rule->over_time_how)
        return fail_over_time(run, i, err);
    for (size_t k = 0; k < rule->ndeps; k++)
        if (run->result->outcomes[rule->deps[k]].error)
            return fail_on_dep(run, i, rule->deps[k], err);
    return run_over_records(run, i, work, err);
}

/* ---- the whole */

static enum ampql_code warn_elsewhere(struct run *run, size_t i, struct ampql_error *err)
{
    const struct rule *rule = &run->rules->file.rules.at[i];
    struct ampql_error what;
    char name[100];
    if (!rule->elsewhere.data || rule->over_time_how)
        return AMPQL_OK;
    fail(&what, AMPQL_OK,
         "reads %s, which another group or a rule below it records: only the source's own series "
         "of that name are seen",
         quote_clipped(name, sizeof name, str_view(rule->elsewhere)));
    return warn_rule(run, i, &what, err);
}

/* Two rules recorded the same series: the first one counts, as in storage. */
static enum ampql_code drop_doubles(struct run *run, struct arena *work, struct ampql_error *err)
{
    struct ampql_rules_result *result = run->result;
    size_t n = 0, total = 0;
    for (size_t i = 0; i < result->nrules; i++)
        total += result->outcomes[i].nrecords;
    size_t *order = arena_alloc(work, result->nrules, sizeof *order);
    size_t *doubled = arena_zeroed(work, result->nrules, sizeof *doubled);
    struct ampql_record *kept = arena_alloc(&result->arena, total, sizeof *kept);
    if (!order || !doubled || !kept)
        return fail_nomem(err, "records");
    for (size_t i = 0; i < result->nrules; i++)
        order[i] = i;
    TRY(records_merge(result->outcomes, order, result->nrules, &run->rules->alc, kept, &n, doubled,
                      err));
    for (size_t i = 0; i < result->nrules; i++) {
        struct rule_outcome *outcome = &result->outcomes[i];
        outcome->nrecords -= doubled[i];
        outcome->records = kept;
        kept += outcome->nrecords;
        struct ampql_error what = {.message = "records series that a rule above it has already "
                                              "recorded: the first one counts"};
        if (doubled[i])
            TRY(warn_rule(run, i, &what, err));
    }
    return AMPQL_OK;
}

static enum ampql_code run_all(struct run *run, struct arena *work, struct ampql_error *err)
{
    const struct rule_file *file = &run->rules->file;
    struct ampql_rules_result *result = run->result;
    result->outcomes = arena_zeroed(&result->arena, file->rules.n, sizeof *result->outcomes);
    if (!result->outcomes)
        return fail_nomem(err, "the outcomes of rules");
    result->nrules = file->rules.n;
    for (size_t i = 0; i < file->rules.n; i++) {
        if (file->rules.at[i].view.is_alert)
            continue;
        result->outcomes[i].was_evaluated = true;
        TRY(rule_time(run, i, &result->outcomes[i].t_ms, err));
    }
    TRY(run_plain(run, work, err));
    for (size_t i = 0; i < file->rules.n; i++) {
        if (!file->rules.at[i].view.is_alert && !reads_no_record(&file->rules.at[i]))
            TRY(run_dependent(run, i, work, err));
        if (!file->rules.at[i].view.is_alert)
            TRY(warn_elsewhere(run, i, err));
    }
    return drop_doubles(run, work, err);
}

enum ampql_code rules_run(const struct ampql_rules *rules, struct ampql_source *source,
                          const struct ampql_run_options *options, struct ampql_rules_result **out,
                          struct ampql_error *err)
{
    struct run run = {.rules = rules, .source = source};
    *out = NULL;
    OPTIONS_READ(run.options, options);
    run.options.size = sizeof run.options;
    if (run.options.step_ms != 0)
        return fail(err, AMPQL_BAD_DATA, "rules are evaluated at one time, expected a step of 0");
    run.result = alloc_get(&rules->alc, 1, sizeof *run.result);
    if (!run.result)
        return fail_nomem(err, "a result");
    *run.result = (struct ampql_rules_result){.alc = rules->alc};
    arena_init(&run.result->arena, &run.result->alc);

    struct arena work;
    arena_init(&work, &rules->alc);
    index_init(&run.warned, &rules->alc);
    enum ampql_code code = run_all(&run, &work, err);
    index_done(&run.warned);
    arena_done(&work);
    if (code == AMPQL_OK)
        *out = run.result;
    else
        rules_result_free(run.result);
    return code;
}

void rules_result_free(struct ampql_rules_result *result)
{
    if (!result)
        return;
    arena_done(&result->arena);
    struct ampql_allocator alc = result->alc; /* the block that holds it is freed with it */
    alloc_put(&alc, result, 1, sizeof *result);
}
