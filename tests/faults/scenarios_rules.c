/* Rules: loaded, run, read as records, written as history, checked, tested. */
#include "faults/scene.h"

#include "base/arena.h"
#include "tool/backfill.h"
#include "tool/rule_check.h"
#include "tool/test.h"

#include <stdio.h>
#include <string.h>

static const char rule_text[] =
    "groups:\n"
    "- name: one\n"
    "  interval: 1m\n"
    "  rules:\n"
    "  - {record: 'job:c:rate', expr: 'sum by (job) (rate(c[3m]))', labels: {from: rule}}\n"
    "  - {record: 'twice', expr: 'max_over_time(job:c:rate[2m]) * 2'}\n"
    "  - {record: 'fails', expr: 'c * on (job) g'}\n"
    "  - alert: Low\n"
    "    expr: g < 1\n"
    "    for: 1m\n"
    "    annotations: {summary: '{{ $labels.pod }} has {{ $value }}'}\n"
    "- name: two\n"
    "  interval: 2m\n"
    "  rules:\n"
    "  - {record: 'all', expr: 'sum(twice) + count(g)'}\n";

static enum ampql_code load_text(struct scene *scene, const char *text, struct ampql_rules **out,
                                 struct ampql_error *err)
{
    return ampql_rules_load(scene->engine, text, strlen(text), out, err);
}

static enum ampql_code load(struct scene *scene, const struct scenario *self,
                            struct ampql_error *err)
{
    struct ampql_rules *rules = NULL;
    enum ampql_code code = load_text(scene, self->text, &rules, err);
    for (size_t i = 0; code == AMPQL_OK && i < ampql_rules_count(rules); i++) {
        struct ampql_rule rule = ampql_rules_rule(rules, i);
        scene_say(scene, "%.*s ", (int)rule.name.size, rule.name.data);
    }
    ampql_rules_free(rules);
    return code;
}

static enum ampql_code run(struct scene *scene, const struct scenario *self,
                           struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    struct ampql_rules *rules = NULL;
    struct ampql_rules_result *result = NULL;
    enum ampql_code code = load_text(scene, self->text, &rules, err);
    if (code == AMPQL_OK)
        code = ampql_rules_run(rules, scene->memory, &options, &result, err);
    for (size_t i = 0; code == AMPQL_OK && i < ampql_rules_count(rules); i++) {
        struct ampql_rule_outcome outcome = ampql_rules_result_rule(result, i);
        scene_say(scene, "%s ", outcome.error ? outcome.error->message : "ok");
    }
    if (code == AMPQL_OK)
        code = scene_wrote(ampql_rules_result_json(result, scene_write, scene), err);
    ampql_rules_result_free(result);
    ampql_rules_free(rules);
    return code;
}

/* Queries that read records. */
static enum ampql_code records(struct scene *scene, const struct scenario *self,
                               struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    struct ampql_rules *rules = NULL;
    enum ampql_code code = load_text(scene, rule_text, &rules, err);
    options.rules = rules;
    options.recorded = (enum ampql_recorded)self->number;
    if (code == AMPQL_OK)
        code = scene_ask(scene, scene->memory, self->text, &options, err);
    ampql_rules_free(rules);
    return code;
}

static enum ampql_code backfill(struct scene *scene, const struct scenario *self,
                                struct ampql_error *err)
{
    struct ampql_run_options options = scene_options(self);
    struct ampql_rules *rules = NULL;
    struct ampql_rules_result *result = NULL;
    struct backfill to;
    options.step_ms = 0;
    enum ampql_code code = load_text(scene, rule_text, &rules, err);
    if (code == AMPQL_OK)
        code = backfill_open(&to, (enum backfill_form)self->number, scene->alc,
                             scene_path(scene, "new.aqc"), STR("rules"), AMPQL_PROM3, scene_write,
                             scene, err);
    if (code == AMPQL_OK) {
        code =
            ampql_rules_backfill(rules, scene->memory, &options, backfill_take, &to, &result, err);
        code = backfill_close(&to, code, err);
    }
    ampql_rules_result_free(result);
    ampql_rules_free(rules);
    return code;
}

static enum ampql_code check(struct scene *scene, const struct scenario *self,
                             struct ampql_error *err)
{
    struct ampql_run_options options = {.size = sizeof options, .end_ms = SCENE_END_MS};
    struct rule_check_data data = {scene->engine, scene->memory, &options, STR("cluster_id")};
    struct rule_checker checker;
    struct arena arena;
    (void)self;
    arena_init(&arena, scene->alc);
    rule_checker_init(&checker, &arena, &data, AMPQL_PROM3);
    enum ampql_code code = rule_checker_add(&checker, "rules.yml", str_of(rule_text), err);
    if (code == AMPQL_OK)
        code = rule_checker_run(&checker, err);
    for (size_t i = 0; code == AMPQL_OK && i < checker.findings.n; i++)
        scene_say(scene, "%.*s\n", (int)checker.findings.at[i].message.n,
                  checker.findings.at[i].message.p);
    rule_checker_done(&checker);
    arena_done(&arena);
    return code;
}

/* A test script, or a unit test: what the tool prints goes through a stream of the C library. */
static ssize_t take_text(void *scene, const char *text, size_t n)
{
    scene_write(scene, text, n);
    return (ssize_t)n;
}

static enum ampql_code test(struct scene *scene, const struct scenario *self,
                            struct ampql_error *err)
{
    const char *paths[] = {scene_data(scene, self->text)};
    FILE *out = fopencookie(scene, "w", (cookie_io_functions_t){.write = take_text});
    struct tool_test_options options = {.out = out, .err = out};
    int status = out ? tool_test(paths, 1, &options) : -1;
    if (out && fclose(out) != 0)
        status = -1;
    if (status == 0)
        return AMPQL_OK;
    *err = (struct ampql_error){.code = AMPQL_NOMEM};
    snprintf(err->message, sizeof err->message, "no memory, or exit status %d: %.*s", status,
             (int)(scene->out.n < 300 ? scene->out.n : 300), scene->out.at);
    bool says_so = memmem(scene->out.at, scene->out.n, "memory", 6) || status < 0;
    return err->code = says_so ? AMPQL_NOMEM : AMPQL_EXECUTION;
}

#define GRID .start_ms = 300000, .end_ms = SCENE_END_MS, .step_ms = 60000

static const struct scenario rows[] = {
    {.name = "rules load", load, rule_text},
    {.name = "rules that do not parse",
     load,
     "groups:\n- name: x\n  rules:\n  - {record: a, expr: 'sum('}\n"},
    {.name = "rules that are no YAML", load, "groups: [{name: x, rules: [{record: a"},
    {.name = "rules run", run, rule_text, .start_ms = SCENE_END_MS},
    {.name = "records", records, "sum(job:c:rate) + all", GRID},
    {.name = "records of failing rules", records, "fails or rate(twice[3m])", GRID},
    {.name = "records, stored ones first",
     records,
     "{__name__=~\"twice|job:.*\"}",
     GRID,
     .number = AMPQL_RECORDED_PREFER_STORED},
    {.name = "backfill to OpenMetrics", backfill, NULL, GRID, .number = BACKFILL_OPENMETRICS},
    {.name = "backfill to JSON", backfill, NULL, GRID, .number = BACKFILL_JSON},
    {.name = "backfill to a capture", backfill, NULL, GRID, .number = BACKFILL_CAPTURE},
    {.name = "rules check", check},
    {.name = "test script", test, "script.test"},
    {.name = "unit test of rules", test, "unit.yml"},
};
const struct scenario_table scenarios_rules = SCENARIOS(rows);
