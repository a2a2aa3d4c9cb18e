/* Test scripts through the reference evaluator. */
#include "reference/script.h"

#include "base/error.h"
#include "lang/parser.h"

#include <stdlib.h>

static void *take(struct arena *arena, size_t n, size_t size)
{
    void *p = arena_alloc(arena, n ? n : 1, size);
    if (!p)
        abort();
    return p;
}

static struct str view(struct ampql_string s)
{
    return str_make(s.data, s.size);
}

static enum ampql_code load(void *payload, const struct test_series *series, size_t n,
                            struct ampql_error *err)
{
    struct reference_evaluator *e = payload;
    (void)err;
    arena_done(&e->arena);
    e->series = take(&e->arena, n, sizeof *e->series);
    e->n = n;
    for (size_t i = 0; i < n; i++) {
        struct reference_label *labels = take(&e->arena, series[i].nlabels, sizeof *labels);
        for (size_t k = 0; k < series[i].nlabels; k++)
            labels[k] = (struct reference_label){view(series[i].labels[k].name),
                                                 view(series[i].labels[k].value)};
        e->series[i] = (struct reference_series){labels, series[i].nlabels, series[i].t_ms,
                                                 series[i].v, series[i].n};
    }
    return AMPQL_OK;
}

static struct ampql_string copy(struct arena *arena, struct str s)
{
    struct str fresh = arena_copy(arena, s);
    if (!fresh.p)
        abort();
    return (struct ampql_string){fresh.p, fresh.n};
}

static void give_series(const struct reference_series *in, struct arena *arena,
                        struct outcome_series *out)
{
    struct ampql_label *labels = take(arena, in->nlabels, sizeof *labels);
    int64_t *t = take(arena, in->n, sizeof *t);
    double *v = take(arena, in->n, sizeof *v);
    for (size_t k = 0; k < in->nlabels; k++)
        labels[k] =
            (struct ampql_label){copy(arena, in->labels[k].name), copy(arena, in->labels[k].value)};
    memcpy(t, in->t, in->n * sizeof *t);
    memcpy(v, in->v, in->n * sizeof *v);
    *out = (struct outcome_series){labels, in->nlabels, t, v, in->n};
}

static void give(const struct reference_result *result, struct arena *arena, struct outcome *out)
{
    struct ampql_string string = copy(arena, result->string);
    struct outcome_series *series = take(arena, result->n, sizeof *series);
    for (size_t i = 0; i < result->n; i++)
        give_series(&result->series[i], arena, &series[i]);
    *out = (struct outcome){.kind = result->kind,
                            .scalar = result->scalar,
                            .string = str_make(string.data, string.size),
                            .series = series,
                            .nseries = result->n};
}

static enum ampql_code evaluate(void *payload, struct str text,
                                const struct ampql_run_options *options, struct arena *arena,
                                struct outcome *out, struct ampql_error *err)
{
    struct reference_evaluator *e = payload;
    struct parse_options parse = {
        .find_function = e->find_function, .dialect = options->dialect, .experimental = true};
    struct reference_options run = {
        .start_ms = options->start_ms,
        .end_ms = options->end_ms,
        .step_ms = options->step_ms,
        .dialect = options->dialect,
        .lookback_ms = options->lookback_ms,
        .default_interval_ms = options->default_interval_ms,
        .delayed_name_removal = options->delayed_name_removal,
    };
    struct ast *ast;
    struct reference_result result;
    TRY(parse_expr(text, &parse, arena, &ast, err));
    enum ampql_code code = reference_run(ast, e->series, e->n, &run, &result, err);
    if (code == AMPQL_OK)
        give(&result, arena, out);
    reference_result_free(&result);
    return code;
}

void reference_evaluator_init(struct reference_evaluator *out, signature_finder find_function)
{
    *out = (struct reference_evaluator){.evaluator = {out, false, load, evaluate},
                                        .find_function = find_function};
    arena_init(&out->arena, &alloc_default);
}

void reference_evaluator_done(struct reference_evaluator *evaluator)
{
    arena_done(&evaluator->arena);
}
