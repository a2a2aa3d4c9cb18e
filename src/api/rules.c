/* The public functions of rules.h: views here, the work is the rules layer's. */
#include <ampql/rules.h>

#include "rules/rules.h"

enum ampql_code ampql_rules_load(struct ampql_engine *engine, const char *text, size_t len,
                                 struct ampql_rules **out, struct ampql_error *err)
{
    return rules_load(engine, str_make(text, len), out, err);
}

void ampql_rules_free(struct ampql_rules *rules)
{
    rules_free(rules);
}

size_t ampql_rules_group_count(const struct ampql_rules *rules)
{
    return rules->file.groups.n;
}

struct ampql_rule_group ampql_rules_group(const struct ampql_rules *rules, size_t i)
{
    return i < rules->file.groups.n ? rules->file.groups.at[i] : (struct ampql_rule_group){0};
}

size_t ampql_rules_count(const struct ampql_rules *rules)
{
    return rules->file.rules.n;
}

struct ampql_rule ampql_rules_rule(const struct ampql_rules *rules, size_t i)
{
    return i < rules->file.rules.n ? rules->file.rules.at[i].view : (struct ampql_rule){0};
}

size_t ampql_rules_alert_count(const struct ampql_rules *rules)
{
    return rules->file.nalerts;
}

enum ampql_code ampql_rules_run(const struct ampql_rules *rules, struct ampql_source *source,
                                const struct ampql_run_options *options,
                                struct ampql_rules_result **out, struct ampql_error *err)
{
    return rules_run(rules, source, options, out, err);
}

enum ampql_code ampql_rules_backfill(const struct ampql_rules *rules, struct ampql_source *source,
                                     const struct ampql_run_options *options,
                                     ampql_take_recorded take, void *payload,
                                     struct ampql_rules_result **out, struct ampql_error *err)
{
    return rules_backfill(rules, source, options, take, payload, out, err);
}

void ampql_rules_result_free(struct ampql_rules_result *result)
{
    rules_result_free(result);
}

struct ampql_rule_outcome ampql_rules_result_rule(const struct ampql_rules_result *result, size_t i)
{
    if (i >= result->nrules)
        return (struct ampql_rule_outcome){0};
    const struct rule_outcome *outcome = &result->outcomes[i];
    return (struct ampql_rule_outcome){.was_evaluated = outcome->was_evaluated,
                                       .error = outcome->error,
                                       .nrecords = outcome->nrecords,
                                       .t_ms = outcome->t_ms,
                                       .nevaluations = outcome->nevaluations,
                                       .nfailed = outcome->nfailed};
}

struct ampql_record ampql_rules_result_record(const struct ampql_rules_result *result, size_t i,
                                              size_t k)
{
    if (i >= result->nrules || !result->outcomes[i].records || k >= result->outcomes[i].nrecords)
        return (struct ampql_record){0};
    return result->outcomes[i].records[k];
}

size_t ampql_rules_result_failed(const struct ampql_rules_result *result)
{
    return result->nfailed;
}

size_t ampql_rules_result_count(const struct ampql_rules_result *result)
{
    return result->costs.samples_written;
}

struct ampql_rules_costs ampql_rules_result_costs(const struct ampql_rules_result *result)
{
    return result->costs;
}

struct ampql_stats ampql_rules_result_stats(const struct ampql_rules_result *result)
{
    return result->stats;
}

size_t ampql_rules_result_warning_count(const struct ampql_rules_result *result)
{
    return result->warnings.n;
}

struct ampql_string ampql_rules_result_warning(const struct ampql_rules_result *result, size_t i)
{
    return i < result->warnings.n ? result->warnings.at[i] : (struct ampql_string){0};
}

enum ampql_code ampql_rules_result_json(const struct ampql_rules_result *result, ampql_write write,
                                        void *payload)
{
    return rules_result_json(result, write, payload);
}
