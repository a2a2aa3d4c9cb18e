/* Selects answered one by one, without caring for speed. */
#include "support/answers.h"

#include "base/error.h"
#include "series/sample.h"

/* The sample that an instant selector sees at t; false: none, too old, or a marker. */
static bool look_back(const struct test_series *s, const struct ampql_select *select, int64_t t,
                      size_t *found)
{
    size_t n = 0;
    while (n < s->n && s->t_ms[n] <= t)
        n++;
    if (n == 0)
        return false;
    int64_t age = t - s->t_ms[n - 1];
    *found = n - 1;
    return (select->dialect == AMPQL_PROM2 ? age <= select->lookback_ms
                                           : age < select->lookback_ms) &&
           !is_stale(s->v[n - 1]);
}

static enum ampql_code push_grid(const struct test_series *s, const struct ampql_select *select,
                                 struct ampql_sink *sink)
{
    bool is_open = false;
    int64_t step = select->step_ms > 0 ? select->step_ms : 1;
    for (int64_t t = select->start_ms; t <= select->end_ms; t += step) {
        size_t i = 0;
        if (!look_back(s, select, t, &i))
            continue;
        double v = select->kind == AMPQL_SELECT_GRID ? s->v[i] : (double)s->t_ms[i] / 1000;
        if (!is_open)
            TRY(ampql_sink_series(sink, s->labels, s->nlabels));
        is_open = true;
        TRY(ampql_sink_samples(sink, &t, &v, 1));
    }
    return AMPQL_OK;
}

static enum ampql_code push_raw(const struct test_series *s, const struct ampql_select *select,
                                struct ampql_sink *sink)
{
    bool is_open = false;
    for (size_t i = 0; i < s->n; i++) {
        if (s->t_ms[i] <= select->mint_ms || s->t_ms[i] > select->maxt_ms || is_stale(s->v[i]))
            continue;
        if (!is_open)
            TRY(ampql_sink_series(sink, s->labels, s->nlabels));
        is_open = true;
        TRY(ampql_sink_samples(sink, &s->t_ms[i], &s->v[i], 1));
    }
    return AMPQL_OK;
}

static enum ampql_code answer(void *payload, const struct ampql_select *select,
                              struct ampql_sink *sink, struct ampql_error *err)
{
    const struct answers *answers = payload;
    (void)err;
    for (size_t i = 0; i < answers->n; i++)
        TRY(select->kind == AMPQL_SELECT_RAW ? push_raw(&answers->series[i], select, sink)
                                             : push_grid(&answers->series[i], select, sink));
    return AMPQL_OK;
}

enum ampql_code answers_source(struct ampql_engine *engine, struct answers *answers,
                               struct ampql_source **out, struct ampql_error *err)
{
    static const struct ampql_source_ops ops = {
        .size = sizeof ops, .caps = AMPQL_SOURCE_ANSWERS, .select = answer};
    return ampql_source_new(engine, &ops, answers, out, err);
}
