/* Amazon Managed Service for Prometheus: amp WORKSPACE REGION [QUERY [TIME [ENDPOINT]]]. Requests
 * are signed with the credentials that AWS's own tools would use; the series are fetched, and the
 * query is evaluated here. */
#include <ampql.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void check(enum ampql_code code, const struct ampql_error *err)
{
    if (code == AMPQL_OK)
        return;
    fprintf(stderr, "%s: %s\n", ampql_code_name(code), err->message);
    exit(1);
}

static void print(const struct ampql_series *series)
{
    printf("{");
    for (size_t k = 0; k < series->nlabels; k++)
        printf("%s%.*s=\"%.*s\"", k ? ", " : "", (int)series->labels[k].name.size,
               series->labels[k].name.data, (int)series->labels[k].value.size,
               series->labels[k].value.data);
    printf("} %.17g\n", series->values[0]);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: amp WORKSPACE REGION [QUERY [TIME [ENDPOINT]]]\n");
        return 2;
    }
    const char *text = argc > 3 ? argv[3] : "sum by (job) (avg_over_time(up[1h]))";
    int64_t now_ms = argc > 4 ? strtoll(argv[4], NULL, 10) * 1000 : (int64_t)time(NULL) * 1000;
    struct ampql_http_options http = {.size = sizeof http, .endpoint = argc > 5 ? argv[5] : NULL};
    struct ampql_error err = {0};
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_query *query;
    struct ampql_result *result;

    check(ampql_engine_new(NULL, &engine, &err), &err);
    check(ampql_source_amp(engine, argv[1], argv[2], &http, &source, &err), &err);
    check(ampql_query_compile(engine, text, strlen(text), &query, &err), &err);

    /* A run that takes longer than a minute is given up. */
    struct ampql_run_options at = {.size = sizeof at,
                                   .start_ms = now_ms,
                                   .dialect = ampql_source_dialect(source),
                                   .timeout_ms = 60000};
    check(ampql_query_run(query, source, &at, &result, &err), &err);
    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        print(&series);
    }
    struct ampql_stats stats = ampql_result_stats(result);
    fprintf(stderr, "%" PRIu64 " requests, %" PRIu64 " samples billed\n", stats.requests,
            stats.billed_samples);

    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return 0;
}
