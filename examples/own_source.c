/* Bring your own storage: a source is a struct of functions. This one makes its series up when it
 * is asked. */
#include <ampql.h>

#include <stdio.h>
#include <stdlib.h>

enum { MINUTE = 60000, SENSORS = 3 };

/* What the engine asks: push every series that may match, each once and whole. It sifts again, so a
 * source that cannot filter pushes all it has. */
static enum ampql_code select_series(void *payload, const struct ampql_select *select,
                                     struct ampql_sink *sink, struct ampql_error *err)
{
    size_t *nselects = payload;
    (void)err;
    ++*nselects;
    for (int sensor = 0; sensor < SENSORS; sensor++) {
        char number[8];
        int n = snprintf(number, sizeof number, "%d", sensor);
        const struct ampql_label labels[] = {
            {{"__name__", 8}, {"temperature", 11}},
            {{"sensor", 6}, {number, (size_t)n}},
        };
        enum ampql_code code = ampql_sink_series(sink, labels, 2);
        /* a sample a minute, those in (mint_ms, maxt_ms] */
        int64_t t_ms = (select->mint_ms < 0 ? 0 : select->mint_ms / MINUTE + 1) * MINUTE;
        for (; code == AMPQL_OK && t_ms <= select->maxt_ms; t_ms += MINUTE) {
            double v = 20 + sensor + (double)(t_ms / MINUTE) / 10;
            code = ampql_sink_samples(sink, &t_ms, &v, 1);
        }
        if (code != AMPQL_OK)
            return code; /* the engine wants no more: a limit, a cancel */
    }
    return AMPQL_OK;
}

static void check(enum ampql_code code, const struct ampql_error *err)
{
    if (code == AMPQL_OK)
        return;
    fprintf(stderr, "%s: %s\n", ampql_code_name(code), err->message);
    exit(1);
}

int main(void)
{
    static const char text[] = "max_over_time(temperature{sensor=~\"1|2\"}[10m])";
    static const struct ampql_source_ops ops = {.size = sizeof ops,
                                                .caps = AMPQL_SOURCE_SAMPLES | AMPQL_SOURCE_SORTED,
                                                .select = select_series};
    struct ampql_run_options at = {.size = sizeof at, .start_ms = 60 * MINUTE};
    struct ampql_error err = {0};
    struct ampql_engine *engine;
    struct ampql_source *source;
    struct ampql_query *query;
    struct ampql_result *result;
    size_t nselects = 0;

    check(ampql_engine_new(NULL, &engine, &err), &err);
    check(ampql_source_new(engine, &ops, &nselects, &source, &err), &err);
    check(ampql_query_compile(engine, text, sizeof text - 1, &query, &err), &err);
    check(ampql_query_run(query, source, &at, &result, &err), &err);

    for (size_t i = 0; i < ampql_result_count(result); i++) {
        struct ampql_series series = ampql_result_series(result, i);
        printf("sensor %.*s: %g\n", (int)series.labels[0].value.size, series.labels[0].value.data,
               series.values[0]);
    }
    printf("%zu select\n", nselects);

    ampql_result_free(result);
    ampql_query_free(query);
    ampql_source_free(source);
    ampql_engine_free(engine);
    return 0;
}
