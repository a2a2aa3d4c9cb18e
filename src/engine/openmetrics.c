/* Results as OpenMetrics text. */
#include "engine/engine.h"

#include "series/exposition.h"
#include "series/label_set.h"

#include <stdlib.h>

/* A series of the result: metrics come in the order of their first series. */
struct place {
    size_t metric, series;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->metric != y->metric)
        return (x->metric > y->metric) - (x->metric < y->metric);
    return (x->series > y->series) - (x->series < y->series);
}

static enum ampql_code check_series(const struct ampql_series *series, struct ampql_error *err)
{
    TRY(exposition_check(series->labels, series->nlabels, err));
    if (series->t_ms && series->n) {
        TRY(exposition_check_time(series->t_ms[0], err));
        TRY(exposition_check_time(series->t_ms[series->n - 1], err));
    }
    return AMPQL_OK;
}

/* Check all series, and bring those of one metric together. */
static enum ampql_code order_series(const struct ampql_result *result, struct symbols *metrics,
                                    struct place *places, struct ampql_error *err)
{
    TRY(exposition_check_time(result->grid.start_ms, err));
    TRY(exposition_check_time(grid_end(&result->grid), err));
    for (size_t i = 0; i < result->nseries; i++) {
        const struct ampql_series *series = &result->series[i];
        TRY(check_series(series, err));
        symbol metric = symbols_intern(
            metrics, label_set_get(series->labels, series->nlabels, STR("__name__")));
        if (metric == SYMBOL_NONE)
            return fail_nomem(err, "the metrics of a result");
        places[i] = (struct place){metric, i};
    }
    if (result->nseries)
        qsort(places, result->nseries, sizeof *places, compare_places);
    return AMPQL_OK;
}

static enum ampql_code put_series(struct exposition *x, const struct ampql_result *result,
                                  const struct ampql_series *series, struct ampql_error *err)
{
    TRY(exposition_begin(x, series->labels, series->nlabels, err));
    for (size_t i = 0; i < series->n; i++) {
        if (series->present && !(series->present[i / 64] >> (i % 64) & 1))
            continue;
        int64_t t_ms = series->t_ms ? series->t_ms[i] : grid_time(&result->grid, i);
        TRY(exposition_sample(x, t_ms, series->values[i], err));
    }
    return AMPQL_OK;
}

static enum ampql_code put_result(const struct ampql_result *result, const struct place *places,
                                  ampql_write write, void *payload, struct ampql_error *err)
{
    struct exposition x;
    enum ampql_code code = AMPQL_OK;
    exposition_init(&x, &result->alc, write, payload);
    for (size_t i = 0; i < result->nseries && code == AMPQL_OK; i++)
        code = put_series(&x, result, &result->series[places[i].series], err);
    return exposition_end(&x, code, err);
}

enum ampql_code ampql_result_openmetrics(const struct ampql_result *result, ampql_write write,
                                         void *payload, struct ampql_error *err)
{
    if (result->kind == AMPQL_RESULT_SCALAR || result->kind == AMPQL_RESULT_STRING)
        return fail(err, AMPQL_UNSUPPORTED, "OpenMetrics holds series, and this result is a %s",
                    result->kind == AMPQL_RESULT_SCALAR ? "scalar" : "string");
    struct symbols metrics;
    struct arena work;
    if (!symbols_init(&metrics, &result->alc))
        return fail_nomem(err, "the metrics of a result");
    arena_init(&work, &result->alc);
    struct place *places = arena_alloc(&work, result->nseries, sizeof *places);
    enum ampql_code code = places ? order_series(result, &metrics, places, err)
                                  : fail_nomem(err, "the series of a result");
    if (code == AMPQL_OK)
        code = put_result(result, places, write, payload, err);
    arena_done(&work);
    symbols_done(&metrics);
    return code;
}
