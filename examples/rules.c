/* Recording rules without a ruler: what each rule of a file records at one time. */
#include <ampql.h>

#include <stdio.h>
#include <stdlib.h>

static void check(enum ampql_code code, const struct ampql_error *err)
{
    if (code == AMPQL_OK)
        return;
    fprintf(stderr, "%s: %s\n", ampql_code_name(code), err->message);
    exit(1);
}

int main(int argc, char **argv)
{
    static char text[1 << 16];
    const char *path = argc > 1 ? argv[1] : "examples/rules/kubecost.yml";
    struct ampql_run_options at = {.size = sizeof at, .start_ms = INT64_C(1772409600000)};
    struct ampql_error err = {0};
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_rules *rules;
    struct ampql_rules_result *result;
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(text, 1, sizeof text, file) : 0;
    if (!file || ferror(file) || size == sizeof text) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    fclose(file);

    check(ampql_engine_new(NULL, &engine, &err), &err);
    check(ampql_source_file(engine, "examples/data/cluster_day.aqc", NULL, &source, &err), &err);
    check(ampql_rules_load(engine, text, size, &rules, &err), &err);
    at.dialect = ampql_source_dialect(source);
    check(ampql_rules_run(rules, source, &at, &result, &err), &err);

    for (size_t i = 0; i < ampql_rules_count(rules); i++) {
        struct ampql_rule rule = ampql_rules_rule(rules, i);
        struct ampql_rule_outcome outcome = ampql_rules_result_rule(result, i);
        if (outcome.error) {
            printf("line %zu: %s\n", rule.line, outcome.error->message);
            continue;
        }
        printf("%.*s: %zu series", (int)rule.name.size, rule.name.data, outcome.nrecords);
        if (outcome.nrecords)
            printf(", the first is %.6g", ampql_rules_result_record(result, i, 0).value);
        printf("\n");
    }

    ampql_rules_result_free(result);
    ampql_rules_free(rules);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return 0;
}
