/* Several queries at once: what they read together is read once. */
#include <ampql.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(enum ampql_code code, const struct ampql_error *err)
{
    if (code == AMPQL_OK)
        return;
    fprintf(stderr, "%s: %s\n", ampql_code_name(code), err->message);
    exit(1);
}

int main(void)
{
    enum { N = 4 };
    static const char *const texts[N] = {
        "count(avg_over_time(node_cpu_hourly_cost[1d]))",
        "sum(avg_over_time(node_cpu_hourly_cost[1d]))",
        "max(max_over_time(node_cpu_hourly_cost[1d]))",
        "sum(count_over_time(node_ram_hourly_cost[1d]))",
    };
    struct ampql_run_options at = {.size = sizeof at, .start_ms = INT64_C(1772409600000)};
    struct ampql_error err = {0}, errs[N] = {{0}};
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_query *queries[N];
    struct ampql_result *results[N];

    check(ampql_engine_new(NULL, &engine, &err), &err);
    check(ampql_source_file(engine, "examples/data/cluster_day.aqc", NULL, &source, &err), &err);
    for (size_t i = 0; i < N; i++)
        check(ampql_query_compile(engine, texts[i], strlen(texts[i]), &queries[i], &err), &err);
    at.dialect = ampql_source_dialect(source);

    /* Each query succeeds or fails on its own; the code is that of the first failure. */
    ampql_batch_run(engine, (const struct ampql_query *const *)queries, N, source, &at, results,
                    errs);
    for (size_t i = 0; i < N; i++) {
        if (!results[i])
            printf("%-50s error: %s\n", texts[i], errs[i].message);
        for (size_t k = 0; results[i] && k < ampql_result_count(results[i]); k++)
            printf("%-50s %.6f\n", texts[i], ampql_result_series(results[i], k).values[0]);
    }

    for (size_t i = 0; i < N; i++) {
        ampql_result_free(results[i]);
        ampql_query_free(queries[i]);
    }
    ampql_source_free(source);
    ampql_engine_free(engine);
    return 0;
}
