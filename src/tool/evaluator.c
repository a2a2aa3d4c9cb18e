/* The engine as the evaluator of test scripts. */
#include "tool/evaluator.h"

#include "base/error.h"

static enum ampql_code load(void *payload, const struct test_series *series, size_t n,
                            struct ampql_error *err)
{
    struct engine_evaluator *e = payload;
    ampql_source_free(e->source);
    e->source = NULL;
    struct ampql_memory_options options = {.size = sizeof options, .borrow = true};
    TRY(ampql_source_memory(e->engine, &options, &e->source, err));
    for (size_t i = 0; i < n; i++)
        TRY(ampql_source_add(e->source, series[i].labels, series[i].nlabels, series[i].t_ms,
                             series[i].v, series[i].n, err));
    return AMPQL_OK;
}

static bool copy_label(struct arena *arena, struct ampql_string in, struct ampql_string *out)
{
    struct str copy = arena_copy(arena, str_view(in));
    *out = (struct ampql_string){copy.p, copy.n};
    return copy.p;
}

static bool is_present(const struct ampql_series *in, size_t i)
{
    return !in->present || in->present[i / 64] >> (i % 64) & 1;
}

static bool copy_series(const struct ampql_result *result, size_t index, struct arena *arena,
                        struct outcome_series *out)
{
    struct ampql_series in = ampql_result_series(result, index);
    struct ampql_label *labels = arena_alloc(arena, in.nlabels, sizeof *labels);
    int64_t *t = arena_alloc(arena, in.n, sizeof *t), start, step;
    double *v = arena_alloc(arena, in.n, sizeof *v);
    size_t nsteps;
    if (!labels || !t || !v)
        return false;
    for (size_t i = 0; i < in.nlabels; i++)
        if (!copy_label(arena, in.labels[i].name, &labels[i].name) ||
            !copy_label(arena, in.labels[i].value, &labels[i].value))
            return false;
    ampql_result_grid(result, &start, &step, &nsteps);
    *out = (struct outcome_series){labels, in.nlabels, t, v, 0};
    for (size_t i = 0; i < in.n; i++) {
        if (!is_present(&in, i))
            continue;
        t[out->n] = in.t_ms ? in.t_ms[i] : start + (int64_t)i * step;
        v[out->n++] = in.values[i];
    }
    return true;
}

bool outcome_copy(const struct ampql_result *result, struct arena *arena, struct outcome *out)
{
    *out = (struct outcome){.kind = ampql_result_kind(result)};
    size_t nnotes = ampql_result_annotation_count(result);
    struct outcome_note *notes = arena_alloc(arena, nnotes, sizeof *notes);
    if (!notes)
        return false;
    for (size_t i = 0; i < nnotes; i++) {
        struct ampql_string text = ampql_result_annotation(result, i, &notes[i].is_info);
        notes[i].text = arena_copy(arena, str_view(text));
        if (!notes[i].text.p)
            return false;
    }
    out->notes = notes;
    out->nnotes = nnotes;
    if (out->kind == AMPQL_RESULT_SCALAR) {
        out->scalar = ampql_result_scalar(result);
        return true;
    }
    if (out->kind == AMPQL_RESULT_STRING) {
        out->string = arena_copy(arena, str_view(ampql_result_string(result)));
        return out->string.p;
    }
    out->nseries = ampql_result_count(result);
    struct outcome_series *series = arena_alloc(arena, out->nseries, sizeof *series);
    if (!series)
        return false;
    out->series = series;
    for (size_t i = 0; i < out->nseries; i++)
        if (!copy_series(result, i, arena, &series[i]))
            return false;
    return true;
}

static enum ampql_code evaluate(void *payload, struct str text,
                                const struct ampql_run_options *options, struct arena *arena,
                                struct outcome *out, struct ampql_error *err)
{
    struct engine_evaluator *e = payload;
    struct ampql_query *query = NULL;
    struct ampql_result *result = NULL;
    struct ampql_engine *engine = options->dialect == AMPQL_PROM2 ? e->prom2 : e->engine;
    enum ampql_code code = ampql_query_compile(engine, text.p, text.n, &query, err);
    if (code == AMPQL_OK)
        code = ampql_query_run(query, e->source, options, &result, err);
    if (code == AMPQL_OK && !outcome_copy(result, arena, out))
        code = fail_nomem(err, "a result");
    ampql_result_free(result);
    ampql_query_free(query);
    return code;
}

enum ampql_code engine_evaluator_init(struct engine_evaluator *out,
                                      const struct ampql_allocator *alc, struct ampql_error *err)
{
    *out = (struct engine_evaluator){.evaluator = {out, true, load, evaluate}};
    struct ampql_engine_options options = {
        .size = sizeof options, .allocator = alc, .experimental = true};
    TRY(ampql_engine_new(&options, &out->engine, err));
    options.dialect = AMPQL_PROM2;
    TRY(ampql_engine_new(&options, &out->prom2, err));
    return load(out, NULL, 0, err);
}

void engine_evaluator_done(struct engine_evaluator *evaluator)
{
    ampql_source_free(evaluator->source);
    ampql_engine_free(evaluator->engine);
    ampql_engine_free(evaluator->prom2);
    *evaluator = (struct engine_evaluator){0};
}
