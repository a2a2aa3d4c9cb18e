/* Record and replay: what a query reads is kept in a file, which then gives the same bits without
 * the source. */
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

/* The one value of a query whose result is a vector of one series. */
static double run(struct ampql_engine *engine, struct ampql_source *source, const char *text)
{
    struct ampql_run_options at = {.size = sizeof at,
                                   .start_ms = INT64_C(1772409600000),
                                   .dialect = ampql_source_dialect(source)};
    struct ampql_error err = {0};
    struct ampql_query *query;
    struct ampql_result *result;
    check(ampql_query_compile(engine, text, strlen(text), &query, &err), &err);
    check(ampql_query_run(query, source, &at, &result, &err), &err);
    if (ampql_result_count(result) != 1)
        exit(1);
    double value = ampql_result_series(result, 0).values[0];
    ampql_result_free(result);
    ampql_query_free(query);
    return value;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "recorded.aqc";
    const char *text = "sum(avg_over_time(container_memory_allocation_bytes[1d]))";
    uint8_t id[AMPQL_CONTENT_ID_BYTES];
    struct ampql_error err = {0};
    struct ampql_engine *engine;
    struct ampql_source *inner, *source;

    check(ampql_engine_new(NULL, &engine, &err), &err);
    check(ampql_source_file(engine, "examples/data/cluster_day.aqc", NULL, &inner, &err), &err);

    /* The recording source takes the inner one over. */
    check(ampql_source_record(engine, inner, path, NULL, &source, &err), &err);
    double recorded = run(engine, source, text);
    check(ampql_record_finish(source, id, &err), &err);
    ampql_source_free(source);

    check(ampql_source_capture(engine, path, NULL, &source, &err), &err);
    double replayed = run(engine, source, text);
    printf("%.3f bytes, replayed %s\n", recorded,
           memcmp(&recorded, &replayed, sizeof recorded) == 0 ? "to the bit" : "and different");

    /* What was not recorded is an error, never a number. */
    struct ampql_query *query;
    struct ampql_result *result = NULL;
    struct ampql_run_options at = {.size = sizeof at, .start_ms = INT64_C(1772409600000)};
    check(ampql_query_compile(engine, "sum_over_time(up[5m])", 21, &query, &err), &err);
    enum ampql_code code = ampql_query_run(query, source, &at, &result, &err);
    printf("what is not in it: %s\n", ampql_code_name(code));

    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    if (argc < 2)
        remove(path);
    return 0;
}
