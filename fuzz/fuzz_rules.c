/* Any bytes as a rule file: refused with a place ("line L, column C: ...") inside the text, or
 * rules whose expressions compile on their own, whose groups cover all rules, and whose names are
 * metric names. Read to its end, something is told of exactly those that are refused, and what the
 * checker corrects compiles. */
#include "tool/rule_check.h"

#include <ampql.h>

#include <stdlib.h>
#include <string.h>

static void check_refusal(const struct ampql_error *err, enum ampql_code code, size_t size)
{
    if (err->code != code || err->message[0] == '\0')
        abort();
    if (code != AMPQL_BAD_DATA && code != AMPQL_PARSE && code != AMPQL_LIMIT &&
        code != AMPQL_UNSUPPORTED)
        abort();
    if (strncmp(err->message, "line ", 5) != 0 || !strstr(err->message, ", column "))
        abort();
    if (!err->has_span || err->start > err->end || err->end > size)
        abort();
}

static void check_rule(struct ampql_engine *engine, const struct ampql_rules *rules, size_t i)
{
    struct ampql_rule rule = ampql_rules_rule(rules, i);
    struct ampql_query *query = NULL;
    if (ampql_query_compile(engine, rule.expr.data, rule.expr.size, &query, NULL) != AMPQL_OK)
        abort();
    ampql_query_free(query);
    if (rule.name.size == 0 || rule.line == 0)
        abort();
    for (size_t k = 0; k < rule.nlabels; k++)
        if (rule.labels[k].name.size == 0)
            abort();
}

static void check_rules(struct ampql_engine *engine, const struct ampql_rules *rules)
{
    size_t next = 0, alerts = 0;
    for (size_t g = 0; g < ampql_rules_group_count(rules); g++) {
        struct ampql_rule_group group = ampql_rules_group(rules, g);
        if (group.first_rule != next || group.name.size == 0 || group.interval_ms < 0)
            abort();
        next += group.nrules;
        for (size_t i = group.first_rule; i < next; i++)
            if (ampql_rules_rule(rules, i).group != g)
                abort();
    }
    if (next != ampql_rules_count(rules))
        abort();
    for (size_t i = 0; i < next; i++) {
        check_rule(engine, rules, i);
        alerts += ampql_rules_rule(rules, i).is_alert;
    }
    if (alerts != ampql_rules_alert_count(rules))
        abort();
}

static void check_findings(struct ampql_engine *engine, struct str text, bool is_refused)
{
    struct ampql_run_options options = {.size = sizeof options, .end_ms = 60000};
    struct rule_check_data data = {engine, NULL, &options, STR("cluster_id")};
    struct rule_checker checker;
    struct ampql_error err = {0};
    struct arena arena;
    bool is_told = false;
    arena_init(&arena, &alloc_default);
    rule_checker_init(&checker, &arena, &data, AMPQL_PROM3);
    enum ampql_code code = rule_checker_add(&checker, "rules", text, &err);
    if (code == AMPQL_OK)
        code = rule_checker_run(&checker, &err);
    if (code != AMPQL_OK && code != AMPQL_LIMIT)
        abort();
    for (size_t i = 0; i < checker.findings.n; i++) {
        const struct rule_finding *finding = &checker.findings.at[i];
        struct ampql_query *query = NULL;
        is_told = is_told || (finding->check == CHECK_SYNTAX && finding->rule == SIZE_MAX);
        if (finding->place.offset > text.n || finding->end > text.n || finding->message.n == 0)
            abort();
        if (finding->fixed.n && ampql_query_compile(engine, finding->fixed.p, finding->fixed.n,
                                                    &query, NULL) != AMPQL_OK)
            abort();
        ampql_query_free(query);
    }
    if (code == AMPQL_OK && is_told != is_refused)
        abort();
    rule_checker_done(&checker);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ampql_engine *engine = NULL;
    struct ampql_rules *rules = NULL;
    struct ampql_error err = {0};
    if (ampql_engine_new(NULL, &engine, NULL) != AMPQL_OK)
        return 0;
    enum ampql_code code = ampql_rules_load(engine, (const char *)data, size, &rules, &err);
    if (code == AMPQL_OK)
        check_rules(engine, rules);
    else
        check_refusal(&err, code, size);
    ampql_rules_free(rules);
    check_findings(engine, str_make((const char *)data, size), code != AMPQL_OK);
    ampql_engine_free(engine);
    return 0;
}
