/* A range query: what the nodes of a cluster cost an hour, every four hours of a day. */
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

int main(void)
{
    static const char text[] = "sum(node_total_hourly_cost)";
    struct ampql_run_options day = {.size = sizeof day,
                                    .start_ms = INT64_C(1772323200000), /* 2026-03-01T00:00Z */
                                    .end_ms = INT64_C(1772409600000),
                                    .step_ms = 4 * 3600 * 1000};
    struct ampql_error err = {0};
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_query *query;
    struct ampql_result *result;

    check(ampql_engine_new(NULL, &engine, &err), &err);
    check(ampql_source_file(engine, "examples/data/cluster_day.aqc", NULL, &source, &err), &err);
    check(ampql_query_compile(engine, text, sizeof text - 1, &query, &err), &err);
    day.dialect = ampql_source_dialect(source);
    check(ampql_query_run(query, source, &day, &result, &err), &err);

    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        for (size_t step = 0; step < series.n; step++) {
            /* a value is there when its bit is set; a missing value is not a NaN */
            if (series.present && !(series.present[step / 64] >> (step % 64) & 1))
                printf("%2zu h  nothing\n", step * 4);
            else
                printf("%2zu h  $%.4f\n", step * 4, series.values[step]);
        }
    }

    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return 0;
}
