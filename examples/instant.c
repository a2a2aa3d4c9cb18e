/* An instant query over a capture of what a server answered: memory by namespace, averaged over a
 * day. */
#include <ampql.h>

#include <inttypes.h>
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

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "examples/data/cluster_day.aqc";
    const char *text =
        argc > 2
            ? argv[2]
            : "sum by (namespace) (avg_over_time(container_memory_allocation_bytes[1d])) / 2^20";
    struct ampql_run_options at = {.size = sizeof at, .start_ms = INT64_C(1772409600000)};
    struct ampql_error err = {0};
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_query *query;
    struct ampql_result *result;

    check(ampql_engine_new(NULL, &engine, &err), &err);
    check(ampql_source_file(engine, path, NULL, &source, &err), &err);
    check(ampql_query_compile(engine, text, strlen(text), &query, &err), &err);

    at.dialect = ampql_source_dialect(source); /* equal the server that was recorded */
    check(ampql_query_run(query, source, &at, &result, &err), &err);

    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        for (size_t k = 0; k < series.nlabels; k++)
            printf("%.*s=%.*s ", (int)series.labels[k].name.size, series.labels[k].name.data,
                   (int)series.labels[k].value.size, series.labels[k].value.data);
        printf("%.3f MiB\n", series.values[0]);
    }
    fprintf(stderr, "%" PRIu64 " samples read\n", ampql_result_stats(result).samples);

    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return 0;
}
